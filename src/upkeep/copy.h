/*
 * copy.h - a copy of the live blocks and its index on their way to the file
 *
 *   source ─► blocks with other links ─► out ─► file at out_off
 *                     └─► heads (the new index) ─► behind the blocks
 */
#ifndef BLT_UPKEEP_COPY_H
#define BLT_UPKEEP_COPY_H

#include "upkeep/rewrite.h"

#define BLT__COPY_OUT_LEN ((size_t)512 << 10)

struct blt__copy {
  struct blt__log *log;
  struct blt__image *image;
  const struct blt__geometry *geo;
  const struct blt__rewrite *how;
  struct blt__layout layout; /* the new one                                */
  uint8_t *heads;            /* the new index while it is filled           */
  uint64_t heads_len;
  uint8_t *out;
  size_t out_used;
  uint64_t out_off; /* where out goes                             */
  uint64_t n_live, n_hidden, live_len;
  uint64_t done_len, told_len, total_len; /* to be written; total 0: unknown */
  int guarded;
  int sync_failed;
};

/* What is copied, from both passes of the source: counted, then written from
 * layout.first_off on with the index behind it. The layout is set between. */
blt_status blt__copy_measure(struct blt__copy *copy,
                             struct blt__source *source);
blt_status blt__copy_blocks(struct blt__copy *copy, struct blt__source *source);

/* A block's bytes with another link; any bytes; and what is still in `out`. */
blt_status blt__copy_block(struct blt__copy *copy,
                           const struct blt__block *block, uint64_t next);
blt_status blt__copy_bytes(struct blt__copy *copy, const uint8_t *data,
                           uint64_t len);
blt_status blt__copy_flush(struct blt__copy *copy);

/* Tell how far it is; BLT_E_CANCELLED when that is the caller's wish. The
 * second at times, when `len` more bytes are done. */
blt_status blt__copy_tell(const struct blt__copy *copy);
blt_status blt__copy_advance(struct blt__copy *copy, uint64_t len);

#endif
