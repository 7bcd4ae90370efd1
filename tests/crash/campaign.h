/*
 * campaign.h - plans and seeds without end, in rounds
 */
#ifndef CRASH_CAMPAIGN_H
#define CRASH_CAMPAIGN_H

#include "crash/explore.h"

struct campaign {
  const char *only;       /* name of a plan, or NULL                         */
  double seconds;         /* 0: no limit                                     */
  uint64_t n_states;      /* 0: no limit                                     */
  uint64_t seed, n_seeds; /* n_seeds: stories of each plan, 0: no limit      */
  int is_seed_given;      /* else fixed seeds come first                     */
  unsigned max_failures;  /* then it ends                                    */
  int prints_trace;
  struct limits limits;
};

/* EXIT_SUCCESS when nothing failed. */
int campaign_run(const struct campaign *campaign, struct explorer *explorer);

#endif
