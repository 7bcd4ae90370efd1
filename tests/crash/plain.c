/*
 * plain.c - single puts, and all programs of a few small steps
 *
 * Of plans with TRAIT_SMALL the seed is the program itself, three steps (or
 * from N_THREE_STEPS on, four) of N_STEPS kinds, so that all of them can be
 * gone through.
 */
#include "crash/program.h"

/* ---- the plain programs */

void program_single(struct session *s)
{
  session_open(s, BLT_WRITE);
  for (unsigned i = 0; i < 8; i++) {
    session_put(s, below(s, s->story->n_keys), program_value_len(s, 0));
    if (below(s, 2) == 0)
      session_sync(s);
  }
}

static size_t small_len(const struct session *s)
{
  return s->story->plan->shape == FIXED_9   ? 9
         : s->story->plan->shape == FIXED_0 ? 0
                                            : 3;
}

enum { N_STEPS = 16 };

static void run_small_step(struct session *s, unsigned step)
{
  const size_t len = small_len(s);
  const int is_batch = step < 8;

  if (is_batch)
    session_begin(s);
  if (step == 3 || step == 5 || step == 6 || step == 7)
    session_delete(s, step == 6 ? 1 : 0);
  if (step == 7)
    session_delete(s, 1);
  if (step == 0 || step == 2 || step == 3 || step == 4)
    session_put(s, 0, len);
  if (step == 1 || step == 2 || step == 5)
    session_put(s, 1, len);
  if (step == 4)
    session_put(s, 0, len == 3 ? 60 : len);
  if (is_batch)
    session_commit(s);
  if (step == 8)
    session_sync(s);
  if (step == 9)
    session_reindex(s, 2);
  if (step == 10)
    session_prune(s, 0);
  if (step == 11)
    session_clear(s);
  if (step == 12 || step == 13)
    program_reopen(s, step == 13);
  if (step == 14)
    session_checkpoint(s);
  if (step == 15)
    session_set_time(s, 0);
}

void program_small(struct session *s)
{
  uint64_t program = s->story->seed;
  int n_steps = 3;

  if (program >= N_THREE_STEPS) {
    program -= N_THREE_STEPS;
    n_steps = 4;
  }
  session_open(s, BLT_WRITE);
  for (int i = 0; i < n_steps; i++, program /= N_STEPS)
    run_small_step(s, (unsigned)(program % N_STEPS));
}
