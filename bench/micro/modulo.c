/*
 * modulo.c - a 104-bit hash modulo the number of buckets
 */
#include "core/must.h"
#include "format/layout.h"
#include "micro/micro.h"

enum { N = 1000000, HASH_LEN = 13 };

__extension__ typedef unsigned __int128 u128;

static uint32_t plain(const struct blt__layout *layout, const uint8_t *hash)
{
  u128 number = 0;
  for (int i = HASH_LEN; i-- > 0;)
    number = number << 8 | hash[i];
  return (uint32_t)(number % layout->n_buckets);
}

static void modulo(void)
{
  static uint8_t bytes[N + HASH_LEN + 8];
  struct blt__layout layout;
  uint64_t seed = 9, ours = 0, theirs = 0;
  for (size_t i = 0; i < sizeof bytes; i++)
    bytes[i] = (uint8_t)random_next(&seed);
  blt__layout_init(&layout, 1728017, 200, 200);
  struct lap start = lap_start();
  for (size_t i = 0; i < N; i++)
    ours += blt__layout_bucket(&layout, bytes + i);
  struct lap lap = lap_since(start);
  start = lap_start();
  for (size_t i = 0; i < N; i++)
    theirs += plain(&layout, bytes + i);
  const struct lap plain_lap = lap_since(start);
  micro_row("modulo", "four parts", layout.n_buckets, N, lap, ours == theirs);
  micro_row("modulo", "128-bit division", layout.n_buckets, N, plain_lap, 1);
}

const struct micro micro_modulo = {
    .name = "modulo",
    .purpose = "a 104-bit hash modulo the number of buckets",
    .run = modulo,
};
