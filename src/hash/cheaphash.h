/*
 * cheaphash.h - a fast hash of a key, for tables in memory
 *
 * XXH3 with a seed that no file's author can know. Never written to a file.
 */
#ifndef BLT_HASH_CHEAPHASH_H
#define BLT_HASH_CHEAPHASH_H

#include <stddef.h>
#include <stdint.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

static inline uint64_t blt__cheaphash(uint64_t seed, const void *key,
                                      size_t key_len)
{
  return XXH3_64bits_withSeed(key, key_len, seed);
}

#endif
