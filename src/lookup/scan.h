/*
 * scan.h - all blocks in the order of the file: the only scan there is
 *
 *   S1  A scan goes by block lengths alone and always moves forward.
 *   S2  A block ends inside its region, or the scan ends with damage.
 */
#ifndef BLT_LOOKUP_SCAN_H
#define BLT_LOOKUP_SCAN_H

#include "lookup/image.h"

struct blt__scan {
  struct blt__image *image;
  struct blt__region regions[2];
  unsigned n_regions, region;
  uint64_t off;          /* of the next block                           */
  uint64_t asked;        /* a run has asked for the bytes before */
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

/* A live block. */
struct blt__row {
  uint64_t off;
  uint32_t key_len, value_len;
};

enum {
  BLT__RUN_VALUES = 1, /* their values will be read too                      */
  BLT__RUN_HIDES = 2   /* pass over booklet's own keys                       */
};

/*
 * The next live blocks, as far as they can be had without a table being asked
 * or a piece being read: a tight loop beside its plain twin above. Fewer than
 * `max`, or none, says nothing: the plain one goes on from there.
 */
size_t blt__scan_run(struct blt__scan *scan, struct blt__row *rows, size_t max,
                     unsigned how);

#endif
