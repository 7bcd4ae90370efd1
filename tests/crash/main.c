/*
 * main.c - every crash that a store may meet, opened and judged
 *
 *   test_crash                      fixed seeds, then new ones, 40 seconds
 *   test_crash --states N           the same for N states
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
 * A campaign, and every program of three and of four small steps:
 *
 *   test_crash --states 300000000 --seed 1000000 --exhaustive 4096 --nested 10
 *   test_crash --seconds 36000 --seed 2000000 --exhaustive 4096 --nested 10
 *   test_crash --only small-times-full --seed 0 --seeds 27648
 *   test_crash --only small-times-full --seed 27648 --seeds 331776
 *
 * It goes in rounds, so that each plan has its share whenever it ends, and
 * tells after each round where it is. A failure prints a line of options that
 * brings it again; with --dump FILE added the image is written to that file,
 * with --trace 1 the story is told. --nested N: of one crash in N the recovery
 * crashes too. --exhaustive N: windows of up to N states are gone through in
 * full. --failures N: the end after N of them (5). --seed without --seeds,
 * --seconds and --states is one story.
 *
 *   test_crash --to FOLDER --states N [--every K] [--model power] [--only NAME]
 *
 * judges nothing but writes N images of killed processes, or of power cuts,
 * one in K, with what they should hold, for another program to open first
 * (export.h).
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crash/campaign.h"

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

/* ---- options */

static void list_plans(void)
{
  for (unsigned i = 0; plan_at(i) != NULL; i++)
    printf("%s\n", plan_at(i)->name);
}

static int set_option(struct campaign *c, const char *name, const char *text)
{
  const uint64_t number = strtoull(text, NULL, 0);

  if (strcmp(name, "--only") == 0)
    c->only = text;
  else if (strcmp(name, "--seconds") == 0)
    c->seconds = atof(text);
  else if (strcmp(name, "--states") == 0)
    c->n_states = number;
  else if (strcmp(name, "--seed") == 0) {
    c->seed = number;
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
  else if (strcmp(name, "--failures") == 0)
    c->max_failures = (unsigned)number;
  else if (strcmp(name, "--trace") == 0)
    c->prints_trace = number != 0;
  else if (strcmp(name, "--dump") == 0)
    c->limits.dump = text;
  else if (strcmp(name, "--to") == 0)
    c->limits.export = export_begin(text);
  else if (strcmp(name, "--every") == 0)
    c->limits.export_in = (unsigned)number;
  else
    return 0;
  return 1;
}

/* One of these ends the campaign. */
static void set_end(struct campaign *c)
{
  if (c->seconds > 0 || c->n_states != 0 || c->n_seeds != 0)
    return;
  if (c->is_seed_given)
    c->n_seeds = 1;
  else
    c->seconds = 40;
}

int main(int argc, char **argv)
{
  struct campaign campaign = {
      .max_failures = 5,
      .limits = {.n_exhaustive = 512, .nested_in = 20, .export_in = 8}};

  if (argc == 2 && strcmp(argv[1], "--list") == 0) {
    list_plans();
    return EXIT_SUCCESS;
  }
  for (int i = 1; i + 1 < argc; i += 2)
    if (!set_option(&campaign, argv[i], argv[i + 1])) {
      fprintf(stderr, "unknown option %s\n", argv[i]);
      return 2;
    }
  if (!campaign.is_seed_given)
    campaign.seed = random_seed() >> 20;
  set_end(&campaign);
  if (campaign.limits.export != NULL && campaign.limits.only_model == NULL)
    campaign.limits.only_model = "kill";
  printf("seed %" PRIu64 "%s\n", campaign.seed,
         campaign.is_seed_given ? "" : ", fixed ones first");
  catch_signals();
  current = explorer_make();
  const int status = campaign_run(&campaign, current);
  explorer_release(current);
  if (campaign.limits.export != NULL)
    export_end(campaign.limits.export);
  return status;
}
