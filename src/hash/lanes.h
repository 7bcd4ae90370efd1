/*
 * lanes.h - the hashes of many keys side by side
 *
 * BLAKE2s is a chain of steps that wait for one another; a vector register
 * does the same step for 8 or 16 keys at once. The result is that of
 * blt__keyhash, which is the plain twin and takes what does not fit here.
 */
#ifndef BLT_HASH_LANES_H
#define BLT_HASH_LANES_H

#include <stddef.h>
#include <stdint.h>

struct blt__lane_key {
  const void *key;
  size_t key_len;
  uint8_t *out; /* 13 bytes                                                 */
};

void blt__keyhash_many(const struct blt__lane_key *keys, size_t n);

/* ---- the kernels: keys of at most 64 bytes, padded with zeros */

enum { BLT__LANES_MAX = 16, BLT__LANE_WORDS = 16 };

struct blt__lanes {
  uint32_t words[BLT__LANES_MAX][BLT__LANE_WORDS]; /* little-endian         */
  uint32_t lens[BLT__LANES_MAX];
  unsigned n_words;                    /* words behind are zero in all     */
  uint32_t digests[BLT__LANES_MAX][4]; /* result: the first four words     */
};

typedef void (*blt__lanes_kernel)(struct blt__lanes *lanes);

/* A kernel this library has: its name, its width, and whether this machine
 * can run it. Tests and benchmarks go through all; the fastest comes first. */
struct blt__lanes_kind {
  const char *name;
  unsigned n_lanes;
  blt__lanes_kernel kernel;
  int (*can_run)(void);
};
extern const struct blt__lanes_kind blt__lanes_kinds[];
extern const size_t blt__n_lanes_kinds;

/* The same by one kernel, however few the keys. */
void blt__keyhash_many_by(const struct blt__lanes_kind *kind,
                          const struct blt__lane_key *keys, size_t n);

#endif
