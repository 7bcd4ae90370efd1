/*
 * program.h - the programs that stories record, and what they are made of
 */
#ifndef CRASH_PROGRAM_H
#define CRASH_PROGRAM_H

#include "crash/session.h"

static inline uint32_t below(struct session *s, uint32_t limit)
{
  return random_below(&s->random, limit);
}

static inline int has(const struct session *s, unsigned trait)
{
  return (s->story->plan->traits & trait) != 0;
}

static inline int chance(struct session *s, unsigned percent)
{
  return below(s, 100) < percent;
}

/* ---- program.c */

/* A value's length that suits the plan. */
size_t program_value_len(struct session *s, unsigned key);
/* Some calls; sessions of so many of them. The last session stays open. */
void program_step(struct session *s);
void program_random(struct session *s, unsigned n_steps);
/* Open again, after closing or after being killed. */
void program_reopen(struct session *s, int kill);

/* ---- plain.c: single puts; three or four small steps */
void program_single(struct session *s);
void program_small(struct session *s);

/* ---- special.c */

/* Batches whose last block can lose its link without a trace. */
void program_last(struct session *s);
/* A file that somebody changed after a crash, or that needs a repair. */
void program_foreign(struct session *s);
/* The file as it is now is the story's first image. */
void program_start_over(struct session *s);

#endif
