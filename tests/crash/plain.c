/*
 * plain.c - single puts, and all programs of a few small steps
 *
 * Of plans with TRAIT_SMALL the seed is the program itself, three or four
 * steps of N_STEPS kinds on three keys in one bucket, so that all of them can
 * be gone through.
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

/* Batches of one key or more. */
static void run_small_batch(struct session *s, unsigned step, size_t len)
{
  const unsigned hidden = s->story->n_keys;

  session_begin(s);
  if (step == 4 || step == 6 || step == 8 || step == 9)
    session_delete(s, 0);
  if (step == 7 || step == 8)
    session_delete(s, 1);
  if (step == 11 && !is_fixed(s->story))
    session_delete(s, hidden);
  if (step == 0 || step == 2 || step == 3 || step == 4 || step == 11)
    session_put(s, 0, len);
  if (step == 1 || step == 2 || step == 3 || step == 6 || step == 12)
    session_put(s, 1, len);
  if (step == 3 || step == 9)
    session_put(s, 2, len);
  if (step == 5)
    session_put(s, 0, len == 3 ? 60 : len);
  if (step == 10 && !is_fixed(s->story))
    session_put(s, hidden, 2);
  if (step == 12)
    session_abort(s);
  else
    session_commit(s);
}

/* Steps below N_BATCHES are batches. */
enum { N_BATCHES = 13 };

static void run_small_step(struct session *s, unsigned step)
{
  const size_t len = small_len(s);

  if (step < N_BATCHES)
    run_small_batch(s, step, len);
  if (step == 13)
    session_put(s, 0, len);
  if (step == 14)
    session_delete(s, 1);
  if (step == 15)
    session_sync(s);
  if (step == 16)
    session_checkpoint(s);
  if (step == 17)
    session_reindex(s, 2);
  if (step == 18)
    session_prune(s, 0, 0);
  if (step == 19)
    session_clear(s);
  if (step == 20 || step == 21)
    program_reopen(s, step == 21);
  if (step == 22 || step == 23)
    session_set_time(s, step - 22);
  if (step == 24)
    session_rest(s);
}

/* Two keys are there when the story begins. */
static void fill_small(struct session *s)
{
  session_begin(s);
  session_put(s, 0, small_len(s));
  session_put(s, 1, small_len(s));
  session_close(s);
  story_keep_moments(s->story, s->story->n_moments - 1,
                     s->story->n_moments - 1);
  program_start_over(s);
  session_open(s, BLT_WRITE);
}

void program_small(struct session *s)
{
  uint64_t program = s->story->seed;
  int n_steps = 3;

  session_open(s, BLT_WRITE);
  if (program >= N_THREE_STEPS && program < 2 * N_THREE_STEPS) {
    program -= N_THREE_STEPS;
    fill_small(s);
  } else if (program >= N_THREE_STEPS) {
    program -= 2 * N_THREE_STEPS;
    n_steps = 4;
  }
  for (int i = 0; i < n_steps; i++, program /= N_STEPS)
    run_small_step(s, (unsigned)(program % N_STEPS));
}
