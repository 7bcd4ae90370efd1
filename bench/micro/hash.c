/*
 * hash.c - the 13-byte hash of a key: alone, and many side by side
 *
 * blake2b-13 is what the format does not use: the original's authors compared
 * the two for keys of common lengths.
 */
#include <blake2.h>
#include <stdio.h>
#include <string.h>

#include "core/must.h"
#include "hash/keyhash.h"
#include "hash/lanes.h"
#include "micro/micro.h"

enum { N = 200000, HASH_LEN = 13, MAX_KEY = 128 };

static uint8_t keys[MAX_KEY + N];
static uint8_t hashes[N * HASH_LEN], expected[N * HASH_LEN];
static struct blt__lane_key lanes[N];

static void blake2b_13(const void *key, size_t key_len, uint8_t *out)
{
  blake2b(out, key, NULL, HASH_LEN, key_len, 0);
}

static void measure_one(const char *op, const char *variant, size_t key_len,
                        void (*hash)(const void *, size_t, uint8_t *),
                        int is_blake2s)
{
  memset(hashes, 0, sizeof hashes);
  const struct lap start = lap_start();
  for (size_t i = 0; i < N; i++)
    hash(keys + i, key_len, hashes + i * HASH_LEN);
  const struct lap lap = lap_since(start);
  micro_row(op, variant, key_len, N, lap,
            !is_blake2s || memcmp(hashes, expected, sizeof hashes) == 0);
}

static void measure_kinds(const char *op, size_t key_len)
{
  measure_one(op, "blake2s ours", key_len, blt__keyhash, 1);
  for (size_t k = 0; k < blt__n_keyhash_kinds; k++) {
    const struct blt__keyhash_kind *kind = &blt__keyhash_kinds[k];
    char name[64];
    if (!kind->can_run() || key_len > 64)
      continue;
    snprintf(name, sizeof name, "blake2s %s", kind->name);
    measure_one(op, name, key_len, kind->kernel, 1);
  }
}

static void measure_lanes(const char *op, size_t key_len)
{
  for (size_t i = 0; i < N; i++)
    lanes[i] = (struct blt__lane_key){keys + i, key_len, hashes + i * HASH_LEN};
  for (size_t k = 0; k < blt__n_lanes_kinds; k++) {
    const struct blt__lanes_kind *kind = &blt__lanes_kinds[k];
    char name[64];
    if (!kind->can_run())
      continue;
    memset(hashes, 0, sizeof hashes);
    snprintf(name, sizeof name, "lanes %s", kind->name);
    const struct lap start = lap_start();
    for (size_t i = 0; i < N; i += BLT__LANES_MAX)
      blt__keyhash_many_by(kind, lanes + i, BLT__LANES_MAX);
    const struct lap lap = lap_since(start);
    micro_row(op, name, key_len, N, lap,
              memcmp(hashes, expected, sizeof hashes) == 0);
  }
}

static void hash(void)
{
  static const size_t lens[] = {12, 32, 64, 100};
  uint64_t seed = 7;
  for (size_t i = 0; i < sizeof keys; i++)
    keys[i] = (uint8_t)random_next(&seed);
  for (size_t l = 0; l < sizeof lens / sizeof *lens; l++) {
    for (size_t i = 0; i < N; i++)
      blt__keyhash_reference(keys + i, lens[l], expected + i * HASH_LEN);
    measure_kinds("hash", lens[l]);
    measure_one("hash", "blake2b libb2", lens[l], blake2b_13, 0);
    measure_lanes("hash", lens[l]);
  }
}

const struct micro micro_hash = {
    .name = "hash",
    .purpose = "a key's hash: BLAKE2s, BLAKE2b, many side by side; n is the "
               "length of the key",
    .run = hash,
};
