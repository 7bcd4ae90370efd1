/*
 * dataset.h - the keys and values that every engine is given
 *
 *   slot   |. . .|!|twelve letters|      16 bytes for each key
 *                  ^ the key: 12 bytes
 *                ^ the same with '!': a key that is never stored, 13 bytes
 *
 * Everything lies in memory before a clock starts. An order of access has its
 * own copy of the keys, so that asking for them in that order reads memory in
 * sequence: what is measured is the engine's cache misses and not ours.
 */
#ifndef BENCH_CORE_DATASET_H
#define BENCH_CORE_DATASET_H

#include <stddef.h>
#include <stdint.h>

enum {
  KEY_LEN = 12,
  MISS_LEN = 13,
  SLOT_LEN = 16,
  POOL_LEN = 1 << 20, /* values are windows on a pool of random letters */
  N_ORDERS = 2
};

struct dataset {
  size_t n;
  size_t value_len;
  char *keys;                /* n slots in the order of insertion           */
  char *shuffled[N_ORDERS];  /* the same slots in random orders             */
  uint32_t *order[N_ORDERS]; /* order[o][i]: number of the key shuffled to i */
  char *pool;                /* POOL_LEN + value_len letters                */
};

/* Frees nothing: a dataset lives as long as its process, but for free. */
void dataset_make(struct dataset *set, size_t n, size_t value_len);
void dataset_free(struct dataset *set);

static inline const char *key_in(const char *slots, size_t i)
{
  return slots + i * SLOT_LEN + SLOT_LEN - KEY_LEN;
}

static inline const char *miss_in(const char *slots, size_t i)
{
  return slots + i * SLOT_LEN + SLOT_LEN - MISS_LEN;
}

/* The value of key number i; version 1 is what an overwrite stores. */
static inline const char *value_of(const struct dataset *set, size_t i,
                                   size_t version)
{
  return set->pool + ((i * 211 + version * 104729) & (POOL_LEN - 1));
}

uint64_t random_next(uint64_t *state);

#endif
