/*
 * dataset.c - the keys and values that every engine is given
 */
#include "core/dataset.h"

#include <string.h>

#include "core/must.h"

/* splitmix64 */
uint64_t random_next(uint64_t *state)
{
  uint64_t z = (*state += 0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

/* A permutation of the numbers below 2^56, which is less than 26^12: no two
 * keys are equal. */
static uint64_t scatter(uint64_t x)
{
  const uint64_t mask = ((uint64_t)1 << 56) - 1;
  for (int round = 0; round < 3; round++) {
    x = (x * 0x9e3779b97f4a7c15 + 0x632be5) & mask;
    x ^= x >> 29;
  }
  return x;
}

static void write_slot(char *slot, size_t i)
{
  uint64_t number = scatter(i);
  memset(slot, 0, SLOT_LEN);
  slot[SLOT_LEN - MISS_LEN] = '!';
  for (int at = SLOT_LEN - KEY_LEN; at < SLOT_LEN; at++) {
    slot[at] = (char)('a' + number % 26);
    number /= 26;
  }
}

static void shuffle(struct dataset *set, int which)
{
  uint64_t seed = 1000 + (uint64_t)which;
  uint32_t *order = must_alloc(set->n * sizeof *order);
  for (size_t i = 0; i < set->n; i++)
    order[i] = (uint32_t)i;
  for (size_t i = set->n; i > 1; i--) {
    const size_t other = random_next(&seed) % i;
    const uint32_t kept = order[i - 1];
    order[i - 1] = order[other];
    order[other] = kept;
  }
  char *slots = must_alloc(set->n * SLOT_LEN);
  for (size_t i = 0; i < set->n; i++)
    memcpy(slots + i * SLOT_LEN, set->keys + order[i] * (size_t)SLOT_LEN,
           SLOT_LEN);
  set->order[which] = order;
  set->shuffled[which] = slots;
}

void dataset_make(struct dataset *set, size_t n, size_t value_len)
{
  uint64_t seed = 1;
  set->n = n;
  set->value_len = value_len;
  set->keys = must_alloc(n * SLOT_LEN);
  for (size_t i = 0; i < n; i++)
    write_slot(set->keys + i * SLOT_LEN, i);
  for (int which = 0; which < N_ORDERS; which++)
    shuffle(set, which);
  set->pool = must_alloc(POOL_LEN + value_len);
  for (size_t i = 0; i < POOL_LEN + value_len; i++)
    set->pool[i] = (char)('a' + random_next(&seed) % 26);
}

void dataset_free(struct dataset *set)
{
  free(set->keys);
  for (int which = 0; which < N_ORDERS; which++) {
    free(set->shuffled[which]);
    free(set->order[which]);
  }
  free(set->pool);
}
