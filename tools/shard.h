/* shard.h - which of N files a key belongs to */
#ifndef BLT_TOOLS_SHARD_H
#define BLT_TOOLS_SHARD_H

#include <stdbool.h>
#include <stdint.h>

#include "blt.h"

struct shard {
  uint64_t which, n; /* n 0: all keys                                       */
};

/* "I/N", with I from 0 to N - 1. */
bool shard_parse(const char *word, struct shard *out);

/* From the upper 64 bits of the key's hash, so that the shards of 2N are the
 * halves of those of N, and all buckets of each are used. */
bool shard_has(const struct shard *shard, blt_bytes key);

#endif
