/*
 * many.h - many lookups at once, so that their cache misses overlap
 *
 * What one lookup waits for (the slot, then the block, then its value or the
 * next block) is asked for in rounds over all of them. The result is that of
 * blt__chain_find for each, which is the plain twin and does the last round.
 */
#ifndef BLT_LOOKUP_MANY_H
#define BLT_LOOKUP_MANY_H

#include "lookup/chain.h"

enum { BLT__MANY_MAX = 64 };

struct blt__query {
  const void *key;
  size_t key_len;
  uint8_t hash[BLT__HASH_LEN];
  blt_status status;   /* result: as of blt__chain_find                     */
  struct blt__hit hit; /* result                                            */
};

/* At most BLT__MANY_MAX queries; the keys are hashed here. The first failure
 * is returned, the results behind it are not set. With wants_value what values
 * begin with is asked for as well. */
blt_status blt__many_find(struct blt__image *image, struct blt__query *queries,
                          size_t n, int wants_value);

#endif
