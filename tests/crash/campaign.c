/*
 * campaign.c - plans and seeds without end, in rounds
 */
#include "crash/campaign.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_PLANS = 100, N_FIXED_SEEDS = 2 };

/* What all plans together do in a round. */
static const double round_seconds = 600;
static const uint64_t round_states = 60000000;

struct run {
  const struct campaign *campaign;
  struct explorer *explorer;
  double begin;
  uint64_t n_stories[MAX_PLANS]; /* recorded so far; the next one's number  */
  struct tally tallies[MAX_PLANS];
  double seconds[MAX_PLANS];
};

/* ---- stories */

/* Small programs are taken with gaps, so that a few are of all sorts; the
 * number of programs is no multiple of the step. */
static uint64_t seed_of(const struct campaign *campaign,
                        const struct plan *plan, uint64_t n)
{
  if (campaign->is_seed_given)
    return campaign->seed + n;
  if (plan->traits & TRAIT_SMALL)
    return (campaign->seed + n * 7919) % (2 * (uint64_t)N_THREE_STEPS);
  return n < N_FIXED_SEEDS ? 1 + n * 1000003
                           : campaign->seed + n - N_FIXED_SEEDS;
}

static void print_story(const struct story *story)
{
  trace_print(&story->trace);
  for (size_t i = 0; i < story->n_moments; i++) {
    const struct moment *const m = &story->moments[i];
    printf("moment %zu: begin %zu, done %zu, ack %zd, %u keys\n", i, m->begin,
           m->done, (ssize_t)m->ack, m->n_plain);
  }
}

static void run_story(const struct run *run, const struct plan *plan,
                      uint64_t seed, const struct limits *limits,
                      struct tally *tally)
{
  struct explorer *const explorer = run->explorer;
  struct story story = {.plan = plan, .seed = seed};

  explorer->story = &story; /* for a signal that comes while it is recorded */
  explorer->limits = limits;
  /* A state takes microseconds, a story seconds; minutes are a hang. */
  alarm(600);
  story_record(&story, plan, seed);
  if (run->campaign->prints_trace)
    print_story(&story);
  explore(explorer, &story, limits, tally);
  alarm(0);
  explorer->story = NULL;
  story_release(&story);
}

/* ---- a plan's share of a round */

static int is_over(const struct run *run, const struct limits *limits,
                   const struct tally *tally)
{
  return tally->n_failures >= run->campaign->max_failures ||
         (limits->deadline > 0 && now() >= limits->deadline) ||
         (limits->n_states != 0 && tally_states(tally) >= limits->n_states);
}

static void run_plan(struct run *run, unsigned i, const struct limits *limits)
{
  const struct plan *const plan = plan_at(i);
  const struct campaign *const campaign = run->campaign;
  const double started = now();
  struct tally tally = {.n_kill = 0};

  while (!is_over(run, limits, &tally) &&
         (campaign->n_seeds == 0 || run->n_stories[i] < campaign->n_seeds))
    run_story(run, plan, seed_of(campaign, plan, run->n_stories[i]++), limits,
              &tally);
  tally_add(&run->tallies[i], &tally);
  run->seconds[i] += now() - started;
}

/* ---- telling */

static void print_tally(const char *name, const struct tally *t, double seconds)
{
  printf("%-18s %6" PRIu64 " stories %9" PRIu64 " kill %9" PRIu64
         " power %9" PRIu64 " + %" PRIu64 " nested, %7" PRIu64
         " recovered %6" PRIu64 " repaired, %3" PRIu64
         " failures, %6.0f states/s\n",
         name, t->n_stories, t->n_kill, t->n_power, t->n_nested[1],
         t->n_nested[2], t->n_opened[BLT_OPENED_RECOVERED],
         t->n_opened[BLT_OPENED_REPAIRED], t->n_failures,
         seconds > 0 ? (double)tally_states(t) / seconds : 0.0);
  fflush(stdout);
}

static struct tally sum_where(const struct run *run,
                              int (*is_meant)(const struct plan *, unsigned),
                              unsigned which)
{
  struct tally sum = {.n_kill = 0};

  for (unsigned i = 0; plan_at(i) != NULL; i++)
    if (is_meant == NULL || is_meant(plan_at(i), which))
      tally_add(&sum, &run->tallies[i]);
  return sum;
}

static int has_level(const struct plan *plan, unsigned level)
{
  return (unsigned)plan->level == level;
}

static int has_shape(const struct plan *plan, unsigned shape)
{
  return (unsigned)plan->shape == shape;
}

static void print_count(const char *what, uint64_t n)
{
  printf("  %-44s %12" PRIu64 "\n", what, n);
}

static void print_kinds(const struct run *run)
{
  static const struct {
    const char *name;
    int (*is_meant)(const struct plan *, unsigned);
    unsigned which;
  } kinds[] = {{"of level FULL", has_level, BLT_SYNC_FULL},
               {"of level BATCH", has_level, BLT_SYNC_BATCH},
               {"of level OFF", has_level, BLT_SYNC_OFF},
               {"of files with timestamps", has_shape, TIMES},
               {"of files without timestamps", has_shape, PLAIN},
               {"of fixed files, 9 bytes", has_shape, FIXED_9},
               {"of fixed files, 0 bytes", has_shape, FIXED_0}};
  const struct tally all = sum_where(run, NULL, 0);

  printf("states by kind\n");
  print_count("all", tally_states(&all));
  print_count("killed process", all.n_kill);
  print_count("power cut, windows in full", all.n_whole);
  print_count("power cut, chosen from a window", all.n_chosen);
  print_count("crash in the recovery", all.n_nested[1]);
  print_count("crash in the recovery of that", all.n_nested[2]);
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    const struct tally t = sum_where(run, kinds[i].is_meant, kinds[i].which);
    print_count(kinds[i].name, tally_states(&t));
  }
  print_count("opened as clean", all.n_opened[BLT_OPENED_CLEAN]);
  print_count("opened by recovery", all.n_opened[BLT_OPENED_RECOVERED]);
  print_count("opened by repair", all.n_opened[BLT_OPENED_REPAIRED]);
}

/* ---- rounds */

static int is_wanted(const struct campaign *campaign, unsigned i)
{
  /* Another program shall see what we left, and nobody else. */
  if (campaign->limits.export != NULL &&
      (plan_at(i)->traits & (TRAIT_FOREIGN | TRAIT_REBOOT)) != 0)
    return 0;
  /* A block that nothing can cover is dead until its link is written. After a
   * power cut that loses the link, and booklet, it is lost. */
  if (campaign->limits.export != NULL &&
      (plan_at(i)->traits & TRAIT_LONG_KEYS) != 0 &&
      strcmp(campaign->limits.only_model, "power") == 0)
    return 0;
  /* There are no such states. */
  if (plan_at(i)->level == BLT_SYNC_OFF &&
      campaign->limits.only_model != NULL &&
      strcmp(campaign->limits.only_model, "power") == 0)
    return 0;
  return campaign->only == NULL ||
         strcmp(campaign->only, plan_at(i)->name) == 0;
}

/* A plan's share of the states: less where they take long, else a few plans
 * would have most of the time. */
static unsigned share_of(const struct run *run, unsigned i)
{
  const unsigned traits = plan_at(i)->traits;

  if (!is_wanted(run->campaign, i))
    return 0;
  if (run->campaign->limits.export != NULL)
    return 1;
  if (traits & TRAIT_LONG_KEYS)
    return 1;
  if (traits & (TRAIT_BIG | TRAIT_GROWTH | TRAIT_IMPLICIT | TRAIT_LAST))
    return 4;
  return traits & (TRAIT_SMALL | TRAIT_SINGLE) ? 20 : 10;
}

/* What is left of the campaign, but no more than a round; 0: it is over. */
static int measure_round(const struct run *run, double *seconds,
                         uint64_t *n_states)
{
  const struct campaign *const c = run->campaign;
  const struct tally all = sum_where(run, NULL, 0);
  const double used = now() - run->begin;
  const uint64_t n = tally_states(&all);

  if (all.n_failures >= c->max_failures ||
      (c->seconds > 0 && used >= c->seconds) ||
      (c->n_states != 0 && n >= c->n_states))
    return 0;
  *seconds = c->seconds == 0                     ? 0
             : c->seconds - used < round_seconds ? c->seconds - used
                                                 : round_seconds;
  *n_states = c->n_states == 0                 ? 0
              : c->n_states - n < round_states ? c->n_states - n
                                               : round_states;
  return 1;
}

/* Of what is left of the round, what plan i may use. */
static struct limits limits_of(const struct run *run, unsigned i,
                               double seconds, uint64_t n_states)
{
  struct limits limits = run->campaign->limits;
  uint64_t shares = 0;
  unsigned n_plans = 0;

  for (unsigned k = i; plan_at(k) != NULL; k++) {
    shares += share_of(run, k);
    n_plans += (unsigned)is_wanted(run->campaign, k);
  }
  if (seconds > 0)
    limits.deadline = now() + seconds / n_plans;
  limits.n_states = n_states * share_of(run, i) / shares;
  if (n_states > 0 && limits.n_states == 0)
    limits.n_states = 1;
  return limits;
}

static int run_round(struct run *run)
{
  const double begin = now();
  double seconds = 0;
  uint64_t n_states = 0;

  if (!measure_round(run, &seconds, &n_states))
    return 0;
  const struct tally before = sum_where(run, NULL, 0);
  for (unsigned i = 0; plan_at(i) != NULL; i++) {
    const struct tally all = sum_where(run, NULL, 0);
    const uint64_t n_done = tally_states(&all) - tally_states(&before);
    const double used = now() - begin;
    if (!is_wanted(run->campaign, i))
      continue;
    const struct limits limits =
        limits_of(run, i, seconds > used ? seconds - used : 0,
                  n_states > n_done ? n_states - n_done : 0);
    if (all.n_failures >= run->campaign->max_failures ||
        (seconds > 0 && limits.deadline == 0) ||
        (n_states > 0 && limits.n_states == 0))
      break;
    run_plan(run, i, &limits);
  }
  const struct tally all = sum_where(run, NULL, 0);
  print_tally("all", &all, now() - run->begin);
  return run->campaign->n_seeds == 0;
}

int campaign_run(const struct campaign *campaign, struct explorer *explorer)
{
  static struct run run;
  unsigned n_passed = 0, n_failed = 0;

  run =
      (struct run){.campaign = campaign, .explorer = explorer, .begin = now()};
  while (run_round(&run))
    ;
  for (unsigned i = 0; plan_at(i) != NULL; i++) {
    if (!is_wanted(campaign, i))
      continue;
    print_tally(plan_at(i)->name, &run.tallies[i], run.seconds[i]);
    n_passed += run.tallies[i].n_failures == 0;
    n_failed += run.tallies[i].n_failures != 0;
  }
  print_kinds(&run);
  printf("%u passed, %u failed\n", n_passed, n_failed);
  return n_failed == 0 && n_passed > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
