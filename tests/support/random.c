/* random.c - numbers that come again when the seed is given again */
#include "support/random.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static uint64_t seed_of_clock(void)
{
  struct timespec now;

  clock_gettime(CLOCK_REALTIME, &now);
  return ((uint64_t)now.tv_sec * 1000003 + (uint64_t)now.tv_nsec) ^
         (uint64_t)getpid() << 32;
}

uint64_t random_seed(void)
{
  static uint64_t seed;
  static int is_known;

  if (!is_known) {
    const char *const text = getenv("BLT_SEED");
    seed = text == NULL ? seed_of_clock() : strtoull(text, NULL, 0);
    is_known = 1;
  }
  return seed;
}

void random_print_seed(void)
{
  printf("BLT_SEED=%" PRIu64 "\n", random_seed());
  fflush(stdout);
}

void random_start(struct random *random, uint64_t stream)
{
  random->state = random_seed() * 0x9e3779b97f4a7c15u + stream + 1;
  if (random->state == 0) /* xorshift stays at zero for ever */
    random->state = 1;
  for (int i = 0; i < 8; i++)
    random_next(random);
}

uint64_t random_next(struct random *random)
{
  uint64_t x = random->state;

  x ^= x >> 12;
  x ^= x << 25;
  x ^= x >> 27;
  random->state = x;
  return x * 0x2545f4914f6cdd1du;
}

uint32_t random_below(struct random *random, uint32_t limit)
{
  return (uint32_t)((random_next(random) >> 32) * limit >> 32);
}

void random_fill(struct random *random, void *bytes, size_t len)
{
  uint8_t *const to = bytes;

  for (size_t i = 0; i < len; i++)
    to[i] = (uint8_t)(random_next(random) >> 56);
}
