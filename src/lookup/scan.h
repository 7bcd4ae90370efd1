/*
 * scan.h - all blocks in the order of the file: the only scan there is
 *
 *   S1  A scan goes by block lengths alone and always moves forward.
 *   S2  A block ends inside its region, or the scan ends with damage.
 */
#ifndef BLT_LOOKUP_SCAN_H
#define BLT_LOOKUP_SCAN_H

#include "base/ask.h"
#include "format/reserved.h"
#include "lookup/image.h"

struct blt__scan {
  struct blt__image *image;
  const struct blt__links *tombs; /* the image's; or others, set after begin */
  struct blt__region regions[2];
  unsigned n_regions, region;
  uint64_t off;          /* of the next block                           */
  uint64_t asked;        /* the bytes before were asked for             */
  enum blt__fault fault; /* after BLT_E_CORRUPT at off                  */
};

struct blt__scanned {
  struct blt__block block; /* block.len is how far the scan moves         */
  const uint8_t *head;     /* head and key                                */
  int live;                /* reached or meant to be, by its link         */
};

void blt__scan_begin(struct blt__scan *scan, struct blt__image *image);

/* Go on at `off`, a block's place in one of the regions. */
void blt__scan_seek(struct blt__scan *scan, uint64_t off);

/* BLT_OK, BLT_END, or a failure (scan->off is where). */
blt_status blt__scan_next(struct blt__scan *scan, struct blt__scanned *out);

/* The same, passing over dead blocks. */
blt_status blt__scan_next_live(struct blt__scan *scan,
                               struct blt__scanned *out);

/* A block that is live, unless dead ones are wanted too. */
struct blt__row {
  uint64_t off;
  uint32_t key_len, value_len;
};

enum {
  BLT__RUN_VALUES = 1, /* their values will be read too                      */
  BLT__RUN_HIDES = 2,  /* pass over booklet's own keys                       */
  BLT__RUN_DEAD = 4    /* dead blocks too                                    */
};

/*
 * The next live blocks, as far as they can be had without a table being asked
 * or a piece being read: a tight loop beside its plain twin above, which goes
 * on where it ends. What the loop needs stands together, for the compiler to
 * keep in registers.
 */
struct blt__run {
  const uint8_t *base, *at, *end;
  const uint8_t *asked; /* the bytes before were asked for                  */
  uint32_t key_off, value_len;
  int fixed, values, hides, dead;
};

/* 0 when all of it is for the plain scan. */
int blt__run_begin(struct blt__run *run, const struct blt__scan *scan,
                   unsigned how);
void blt__run_end(const struct blt__run *run, struct blt__scan *scan);

/*
 * Ask for what a scan gets to next, or it waits for each head. Blocks of
 * one file are mostly of one length: where only keys are wanted, the head of
 * the 16th from here is about there. Values are read between the heads, which
 * no hardware takes for one stream: all lines up to 3 KiB ahead, each once. So
 * it is with short blocks, of which keys alone touch half the lines.
 */
static inline void blt__run_ask(struct blt__run *run, uint64_t len)
{
  enum { BLOCKS = 16, BYTES = 3072, LINE = 64, SHORT = 256, LEN_MAX = 1024 };

  if (len > LEN_MAX)
    return;
  if (!run->values && len > SHORT) {
    blt__ask(run->at + BLOCKS * len);
    blt__ask(run->at + BLOCKS * len + BLT__HEAD_MAX);
    return;
  }
  if (run->asked < run->at)
    run->asked = run->at;
  for (; run->asked < run->at + BYTES; run->asked += LINE)
    blt__ask(run->asked);
}

/* 1 and the next row; 0 says nothing but that the plain scan is to go on. */
static inline int blt__run_next(struct blt__run *run, struct blt__row *out)
{
  while ((uint64_t)(run->end - run->at) >= run->key_off && run->at < run->end) {
    const uint8_t *head = run->at;
    const uint32_t key_len = blt__get2(head + BLT__KEYLEN_OFF);
    const uint32_t value_len =
        run->fixed ? run->value_len : blt__get4(head + BLT__VALUELEN_OFF);
    const uint64_t len = (uint64_t)run->key_off + key_len + value_len;
    if (len > (uint64_t)(run->end - head)) /* S2 */
      return 0;
    blt__run_ask(run, len);
    run->at += len;
    if ((blt__get6(head + BLT__LINK_OFF) == BLT__LINK_DEAD && !run->dead) ||
        (run->hides && blt__is_reserved_hash(head)))
      continue;
    *out = (struct blt__row){(uint64_t)(head - run->base), key_len, value_len};
    return 1;
  }
  return 0;
}

/* The same into a row of rows; how many. */
size_t blt__scan_run(struct blt__scan *scan, struct blt__row *rows, size_t max,
                     unsigned how);

#endif
