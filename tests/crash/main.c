/*
 * main.c - every crash that a store may meet, opened and judged
 *
 *   test_crash                      fixed seeds, then new ones, 40 seconds
 *   test_crash --list               names of the plans
 *   test_crash --only NAME --seed S            one story
 *   test_crash --only NAME --seed S --seeds N  N stories from S on
 *
 * A plan is a kind of program; plan and seed are a program, and what it does
 * to a file in memory is recorded: a story. Each crash of the story is an
 * image, which is opened with the library and compared with what the program
 * had put. What the library does to recover is recorded too, and is cut short
 * in the same way.
 *
 * A campaign: give each core its own seeds and no end,
 *
 *   test_crash --seconds 36000 --seed 1000000 --exhaustive 4096 --nested 10
 *   test_crash --seconds 36000 --seed 2000000 --exhaustive 4096 --nested 10
 *   test_crash --only small-times-full --seed 0 --seeds 4096
 *   test_crash --only small-times-full --seed 4096 --seeds 65536
 *
 * (the last two are every program of three and of four small steps). A failure
 * prints a line of options that brings it again; with --dump FILE added the
 * image is written to that file, with --trace 1 the story is told. --nested N:
 * of one crash in N the recovery crashes too. --exhaustive N: windows of up to
 * N states are gone through in full.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crash/explore.h"

#define SMALL(name, shape, level)                                              \
  {                                                                            \
    "small-" name, shape, level, TRAIT_SMALL                                   \
  }
#define FULL BLT_SYNC_FULL
#define BATCH BLT_SYNC_BATCH
#define OFF BLT_SYNC_OFF

static const struct plan plans[] = {
    {"single-full", TIMES, FULL, TRAIT_SINGLE},
    {"single-batch", PLAIN, BATCH, TRAIT_SINGLE},
    SMALL("times-full", TIMES, FULL),
    SMALL("times-batch", TIMES, BATCH),
    SMALL("plain-batch", PLAIN, BATCH),
    SMALL("fixed9-full", FIXED_9, FULL),
    SMALL("fixed0-batch", FIXED_0, BATCH),
    SMALL("times-off", TIMES, OFF),
    {"times-full", TIMES, FULL, 0},
    {"times-batch", TIMES, BATCH, 0},
    {"times-off", TIMES, OFF, 0},
    {"plain-full", PLAIN, FULL, 0},
    {"plain-batch", PLAIN, BATCH, 0},
    {"fixed9-full", FIXED_9, FULL, 0},
    {"fixed9-batch", FIXED_9, BATCH, 0},
    {"fixed0-full", FIXED_0, FULL, 0},
    {"fixed0-batch", FIXED_0, BATCH, 0},
    {"fixed-off", FIXED_9, OFF, 0},
    {"big-full", TIMES, FULL, TRAIT_BIG},
    {"big-batch", PLAIN, BATCH, TRAIT_BIG},
    {"big-zeros", TIMES, FULL, TRAIT_BIG | TRAIT_ZEROS},
    {"big-fixed-zeros", FIXED_9, BATCH, TRAIT_BIG | TRAIT_ZEROS},
    {"zeros-full", TIMES, FULL, TRAIT_ZEROS | TRAIT_EDGES},
    {"zeros-batch", PLAIN, BATCH, TRAIT_ZEROS | TRAIT_EDGES},
    {"zeros-fixed0", FIXED_0, FULL, TRAIT_ZEROS},
    {"last-full", TIMES, FULL, TRAIT_ZEROS | TRAIT_LAST},
    {"last-batch", PLAIN, BATCH, TRAIT_ZEROS | TRAIT_LAST},
    {"last-fixed0", FIXED_0, FULL, TRAIT_ZEROS | TRAIT_LAST},
    {"edges-full", TIMES, FULL, TRAIT_EDGES},
    {"edges-batch", TIMES, BATCH, TRAIT_EDGES},
    {"implicit-full", TIMES, FULL, TRAIT_IMPLICIT},
    {"implicit-batch", PLAIN, BATCH, TRAIT_IMPLICIT},
    {"implicit-off", TIMES, OFF, TRAIT_IMPLICIT},
    {"hidden-full", PLAIN, FULL, TRAIT_HIDDEN},
    {"hidden-batch", TIMES, BATCH, TRAIT_HIDDEN | TRAIT_STAMPS},
    {"stamps-full", TIMES, FULL, TRAIT_STAMPS},
    {"stamps-batch", TIMES, BATCH, TRAIT_STAMPS | TRAIT_EDGES},
    {"rewrites-full", TIMES, FULL, TRAIT_REWRITES},
    {"rewrites-batch", PLAIN, BATCH, TRAIT_REWRITES | TRAIT_KILLS},
    {"rewrites-fixed", FIXED_9, BATCH, TRAIT_REWRITES},
    {"rewrites-off", TIMES, OFF, TRAIT_REWRITES},
    {"kills-full", TIMES, FULL, TRAIT_KILLS},
    {"kills-batch", TIMES, BATCH, TRAIT_KILLS},
    {"kills-off", PLAIN, OFF, TRAIT_KILLS},
    {"growth-full", TIMES, FULL, TRAIT_GROWTH},
    {"growth-batch", PLAIN, BATCH, TRAIT_GROWTH},
    {"parts-full", FIXED_9, FULL, TRAIT_LONG_KEYS},
    {"parts-batch", FIXED_0, BATCH, TRAIT_LONG_KEYS},
    {"foreign-full", TIMES, FULL, TRAIT_FOREIGN},
    {"foreign-batch", PLAIN, BATCH, TRAIT_FOREIGN},
    {"foreign-fixed", FIXED_9, FULL, TRAIT_FOREIGN},
    {"foreign-big", TIMES, FULL, TRAIT_FOREIGN | TRAIT_BIG},
    {"reboot-big", PLAIN, FULL, TRAIT_REBOOT | TRAIT_BIG},
    {"reboot-times", TIMES, FULL, TRAIT_REBOOT},
    {"reboot-fixed", FIXED_9, BATCH, TRAIT_REBOOT},
};
enum { N_PLANS = sizeof plans / sizeof *plans, N_FIXED_SEEDS = 2 };

struct campaign {
  const char *only;
  double seconds;
  uint64_t seed, n_seeds;
  int is_seed_given;
  int prints_trace;
  struct limits limits;
};

/* ---- when the library itself crashes */

static struct explorer *current;

static void on_signal(int number)
{
  printf("FAIL ");
  report_place(current);
  printf(": signal %d\n", number);
  fflush(stdout);
  _exit(EXIT_FAILURE);
}

static void catch_signals(void)
{
  static const int numbers[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGALRM};

  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
    (void)signal(numbers[i], on_signal);
}

/* ---- stories */

static void print_story(const struct story *story)
{
  trace_print(&story->trace);
  for (size_t i = 0; i < story->n_moments; i++) {
    const struct moment *const m = &story->moments[i];
    printf("moment %zu: begin %zu, done %zu, ack %zd, %u keys\n", i, m->begin,
           m->done, (ssize_t)m->ack, m->n_plain);
  }
}

static void run_story(struct explorer *explorer,
                      const struct campaign *campaign, const struct plan *plan,
                      uint64_t seed, const struct limits *limits,
                      struct tally *tally)
{
  struct story story = {.plan = plan, .seed = seed};

  explorer->story = &story; /* for a signal that comes while it is recorded */
  explorer->limits = limits;
  /* A state takes microseconds, a story seconds; a minute is a hang. */
  alarm(limits->deadline > 0 ? (unsigned)(limits->deadline - now()) + 60 : 0);
  story_record(&story, plan, seed);
  if (campaign->prints_trace)
    print_story(&story);
  explore(explorer, &story, limits, tally);
  explorer->story = NULL;
  story_release(&story);
}

static int is_over(const struct limits *limits, const struct tally *tally)
{
  return tally->n_failures >= 5 ||
         (limits->deadline > 0 && now() >= limits->deadline) ||
         (limits->n_states != 0 &&
          tally->n_kill + tally->n_power >= limits->n_states);
}

static void run_plan(struct explorer *explorer, const struct campaign *campaign,
                     const struct plan *plan, struct limits *limits,
                     struct tally *tally)
{
  const int is_small = (plan->traits & TRAIT_SMALL) != 0;
  const uint64_t n_fixed = campaign->is_seed_given ? 0
                           : is_small              ? N_THREE_STEPS
                                                   : N_FIXED_SEEDS;
  uint64_t i = 0;

  for (; i < n_fixed && !is_over(limits, tally); i++)
    if (is_small)
      run_story(explorer, campaign, plan, (campaign->seed + i) % n_fixed,
                limits, tally);
    else
      run_story(explorer, campaign, plan, 1 + i * 1000003, limits, tally);
  for (i = 0; i < campaign->n_seeds && !is_over(limits, tally); i++)
    run_story(explorer, campaign, plan, campaign->seed + i, limits, tally);
}

static void add(struct tally *to, const struct tally *from)
{
  to->n_kill += from->n_kill;
  to->n_power += from->n_power;
  for (int i = 0; i < MAX_LEVELS; i++)
    to->n_nested[i] += from->n_nested[i];
  to->n_failures += from->n_failures;
  to->n_stories += from->n_stories;
  for (int i = 0; i <= BLT_OPENED_REPAIRED; i++)
    to->n_opened[i] += from->n_opened[i];
}

static void print_tally(const char *name, const struct tally *t, double seconds)
{
  const uint64_t n = t->n_kill + t->n_power + t->n_nested[1] + t->n_nested[2];

  printf("%-18s %6" PRIu64 " stories %9" PRIu64 " kill %9" PRIu64
         " power %9" PRIu64 " + %" PRIu64 " nested, %7" PRIu64
         " recovered %6" PRIu64 " repaired, %3" PRIu64
         " failures, %6.0f states/s\n",
         name, t->n_stories, t->n_kill, t->n_power, t->n_nested[1],
         t->n_nested[2], t->n_opened[BLT_OPENED_RECOVERED],
         t->n_opened[BLT_OPENED_REPAIRED], t->n_failures,
         seconds > 0 ? (double)n / seconds : 0.0);
  fflush(stdout);
}

static int is_wanted(const struct campaign *campaign, const struct plan *plan)
{
  return campaign->only == NULL || strcmp(campaign->only, plan->name) == 0;
}

static int run_campaign(const struct campaign *campaign)
{
  struct explorer *const explorer = explorer_make();
  struct tally total = {.n_kill = 0};
  const double begin = now();
  unsigned n_left = 0, n_passed = 0, n_failed = 0;

  current = explorer;
  for (unsigned i = 0; i < N_PLANS; i++)
    n_left += (unsigned)is_wanted(campaign, &plans[i]);
  for (unsigned i = 0; i < N_PLANS; i++) {
    struct tally tally = {.n_kill = 0};
    struct limits limits = campaign->limits;
    const double started = now();
    if (!is_wanted(campaign, &plans[i]))
      continue;
    if (campaign->seconds > 0)
      limits.deadline =
          started + (begin + campaign->seconds - started) / n_left--;
    run_plan(explorer, campaign, &plans[i], &limits, &tally);
    print_tally(plans[i].name, &tally, now() - started);
    add(&total, &tally);
    n_passed += tally.n_failures == 0;
    n_failed += tally.n_failures != 0;
  }
  print_tally("all", &total, now() - begin);
  printf("%u passed, %u failed\n", n_passed, n_failed);
  explorer_release(explorer);
  return n_failed == 0 && n_passed > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* ---- options */

static void list_plans(void)
{
  for (unsigned i = 0; i < N_PLANS; i++)
    printf("%s\n", plans[i].name);
}

static int set_option(struct campaign *c, const char *name, const char *text)
{
  const uint64_t number = strtoull(text, NULL, 0);

  if (strcmp(name, "--only") == 0)
    c->only = text;
  else if (strcmp(name, "--seconds") == 0)
    c->seconds = atof(text);
  else if (strcmp(name, "--states") == 0)
    c->limits.n_states = number;
  else if (strcmp(name, "--seed") == 0) {
    c->seed = number;
    c->n_seeds = c->is_seed_given ? c->n_seeds : 1;
    c->is_seed_given = 1;
  } else if (strcmp(name, "--seeds") == 0)
    c->n_seeds = number;
  else if (strcmp(name, "--model") == 0)
    c->limits.only_model = text;
  else if (strcmp(name, "--state") == 0)
    c->limits.only_state = number;
  else if (strcmp(name, "--exhaustive") == 0)
    c->limits.n_exhaustive = number;
  else if (strcmp(name, "--nested") == 0)
    c->limits.nested_in = (unsigned)number;
  else if (strcmp(name, "--trace") == 0)
    c->prints_trace = number != 0;
  else if (strcmp(name, "--dump") == 0)
    c->limits.dump = text;
  else
    return 0;
  return 1;
}

int main(int argc, char **argv)
{
  struct campaign campaign = {.n_seeds = UINT64_MAX,
                              .limits = {.n_exhaustive = 512, .nested_in = 20}};

  if (argc == 2 && strcmp(argv[1], "--list") == 0) {
    list_plans();
    return EXIT_SUCCESS;
  }
  for (int i = 1; i + 1 < argc; i += 2)
    if (!set_option(&campaign, argv[i], argv[i + 1])) {
      fprintf(stderr, "unknown option %s\n", argv[i]);
      return 2;
    }
  if (!campaign.is_seed_given) {
    campaign.seed = random_seed() >> 20;
    printf("--seed %" PRIu64 "\n", campaign.seed);
  }
  if (campaign.seconds <= 0 && !campaign.is_seed_given &&
      campaign.limits.n_states == 0)
    campaign.seconds = 40;
  catch_signals();
  return run_campaign(&campaign);
}
