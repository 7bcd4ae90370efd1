/*
 * bodyhash.h - the two hashes that stand behind the blocks of a batch
 *
 * Links and times change in place later, so the body is hashed as if they
 * were zero; the times have a hash of their own.
 */
#ifndef BLT_FORMAT_BODYHASH_H
#define BLT_FORMAT_BODYHASH_H

#include "format/block.h"

struct blt__bodyhash {
  uint64_t body, time;
};

struct blt__piece {
  const void *data;
  size_t len;
};

/* Of pieces whose links and times are zero. */
uint64_t blt__bodyhash_blank(const uint8_t *salt,
                             const struct blt__piece *pieces, size_t n);

/* Of a body as it stands in a file. 0 when it is not a row of blocks. */
int blt__bodyhash_file(const struct blt__geometry *geo, const uint8_t *salt,
                       const uint8_t *body, uint64_t len,
                       struct blt__bodyhash *out);

#endif
