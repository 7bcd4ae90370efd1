/* random.h - numbers that come again when the seed is given again */
#ifndef SUPPORT_RANDOM_H
#define SUPPORT_RANDOM_H

#include <stddef.h>
#include <stdint.h>

struct random {
  uint64_t state;
};

/* BLT_SEED, or a new seed; printed by run_suites at the start. */
uint64_t random_seed(void);
void random_print_seed(void);

/* Start the sequence number `stream` of the seed. */
void random_start(struct random *random, uint64_t stream);

uint64_t random_next(struct random *random);

/* 0 to limit - 1; limit is not 0. */
uint32_t random_below(struct random *random, uint32_t limit);

void random_fill(struct random *random, void *bytes, size_t len);

#endif
