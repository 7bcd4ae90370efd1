/*
 * explore.c - going through the crashes of a story, and through the crashes
 * of the recoveries from them
 */
#include "crash/explore.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "crash/booklet.h"

double now(void)
{
  struct timespec time;

  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

struct explorer *explorer_make(void)
{
  struct explorer *const explorer = calloc(1, sizeof *explorer);

  if (explorer == NULL)
    exit(EXIT_FAILURE);
  for (unsigned i = 0; i < MAX_LEVELS; i++) {
    disk_init(&explorer->levels[i].disk);
    explorer->levels[i].durable = image_make();
    explorer->levels[i].window = window_make();
  }
  return explorer;
}

void explorer_release(struct explorer *explorer)
{
  for (unsigned i = 0; i < MAX_LEVELS; i++) {
    disk_release(&explorer->levels[i].disk);
    image_release(&explorer->levels[i].durable);
    window_release(explorer->levels[i].window);
    trace_release(&explorer->levels[i].trace);
  }
  free(explorer);
}

/* ---- telling */

void report_place(const struct explorer *explorer)
{
  const struct story *const story = explorer->story;

  if (story == NULL)
    return;
  printf("--only %s --seed %" PRIu64 " --exhaustive %" PRIu64 " --nested %u",
         story->plan->name, story->seed, explorer->limits->n_exhaustive,
         explorer->limits->nested_in);
  for (unsigned i = 0; i < MAX_LEVELS; i++) {
    const struct level *const level = &explorer->levels[i];
    if (level->crash == NULL)
      break;
    if (i == 0)
      printf(" --model %s --state %" PRIu64,
             level->crash->power ? "power" : "kill", level->number);
    else
      printf(" (%s %" PRIu64 ")", level->crash->power ? "power" : "kill",
             level->number);
  }
}

static void dump(const struct explorer *explorer, const struct image *image)
{
  if (explorer->limits->dump == NULL || explorer->tally->n_failures > 1)
    return;
  FILE *const file = fopen(explorer->limits->dump, "wb");
  if (file == NULL || fwrite(image->bytes, 1, image->len, file) != image->len)
    perror(explorer->limits->dump);
  if (file != NULL)
    (void)fclose(file);
}

void report(struct explorer *explorer, unsigned level, const char *sentence,
            ...)
{
  const struct crash *const crash = explorer->levels[level].crash;
  va_list args;

  explorer->tally->n_failures++;
  explorer->failed = 1;
  printf("FAIL ");
  report_place(explorer);
  if (crash != NULL)
    printf(" [operation %zu of %zu, durable %zu, cut %zu]", crash->n_begun,
           level == 0 ? explorer->story->trace.n
                      : explorer->levels[level].trace.n,
           crash->n_durable, crash->cut);
  printf(": ");
  va_start(args, sentence);
  vprintf(sentence, args);
  va_end(args);
  printf("\n");
  fflush(stdout);
  if (crash != NULL)
    dump(explorer, &explorer->levels[level].disk.state);
}

uint64_t lot(const struct explorer *explorer, unsigned level, uint64_t salt)
{
  uint64_t x = explorer->story->seed * 0x9e3779b97f4a7c15u + salt;

  for (unsigned i = 0; i <= level; i++) {
    x ^= explorer->levels[i].number * 2 +
         (uint64_t)explorer->levels[i].crash->power;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    x ^= x >> 31;
  }
  return x;
}

/* ---- counting */

uint64_t tally_states(const struct tally *tally)
{
  uint64_t n = tally->n_kill + tally->n_power;

  for (int i = 0; i < MAX_LEVELS; i++)
    n += tally->n_nested[i];
  return n;
}

void tally_add(struct tally *to, const struct tally *from)
{
  to->n_kill += from->n_kill;
  to->n_power += from->n_power;
  for (int i = 0; i < MAX_LEVELS; i++)
    to->n_nested[i] += from->n_nested[i];
  to->n_whole += from->n_whole;
  to->n_chosen += from->n_chosen;
  for (int i = 0; i <= BLT_OPENED_REPAIRED; i++)
    to->n_opened[i] += from->n_opened[i];
  to->n_failures += from->n_failures;
  to->n_stories += from->n_stories;
}

/* ---- visiting */

static int is_over(const struct explorer *explorer)
{
  const struct limits *const limits = explorer->limits;
  const struct tally *const tally = explorer->tally;

  if (explorer->failed ||
      (limits->n_states != 0 && tally_states(tally) >= limits->n_states))
    return 1;
  return limits->deadline > 0 && (tally->n_kill + tally->n_power) % 64 == 0 &&
         now() > limits->deadline;
}

static void count(struct explorer *explorer, unsigned level,
                  const struct crash *crash)
{
  if (level > 0)
    explorer->tally->n_nested[level]++;
  else if (crash->power)
    explorer->tally->n_power++;
  else
    explorer->tally->n_kill++;
}

static struct verdict verdict_of(const struct explorer *explorer,
                                 unsigned level, const struct crash *crash)
{
  const struct story *const story = explorer->story;
  const struct level *const l = &explorer->levels[level];

  if (level == 0)
    return (struct verdict){
        story_first(story, crash->power, crash->n_done, crash->n_durable),
        story_last(story, crash->n_begun), NULL};
  struct verdict verdict = {crash->power ? l->low_power : l->low, l->high,
                            crash->power ? l->exact_power : l->exact};
  /* What an open has shown, the next one shows too. */
  if ((crash->power ? crash->n_durable : crash->n_done) >= l->n_opened)
    verdict.exact = l->opened;
  return verdict;
}

/* An image for another program; nothing is judged here. */
static int hand_out(struct explorer *explorer, const struct crash *crash)
{
  struct level *const l = &explorer->levels[0];
  const struct verdict verdict = verdict_of(explorer, 0, crash);
  /* What booklet refuses is soon tried, so there is less of it. */
  const unsigned export_in = explorer->limits->export_in *
                             (booklet_opens(&l->disk.state, NULL) ? 1 : 10);
  const int is_wanted = lot(explorer, 0, 8) % export_in == 0;

  l->crash = NULL;
  if (!is_wanted)
    return 0;
  count(explorer, 0, crash);
  export_state(explorer->limits->export, explorer->story,
               crash->power ? "power" : "kill", l->number, verdict.low,
               verdict.high, &l->disk.state);
  return 0;
}

static void explore_level(struct explorer *explorer, unsigned level,
                          size_t first);

/* The recovery from this crash is itself cut short. */
static void nest(struct explorer *explorer, unsigned level,
                 const struct crash *crash, const struct verdict *verdict,
                 const struct trace *recovery, size_t n_opened)
{
  const struct story *const story = explorer->story;
  struct level *const here = &explorer->levels[level];
  struct level *const next = &explorer->levels[level + 1];
  const struct trace *const trace = level == 0 ? &story->trace : &here->trace;
  static struct trace joined[MAX_LEVELS];
  struct trace *const to = &joined[level];

  trace_clear(to);
  if (crash->power) {
    to->base = here->disk.state;
  } else {
    /* After a kill what was not synced is in memory only. */
    to->base = here->durable;
    trace_copy(to, trace, crash->n_durable,
               crash->cut > 0 ? crash->n_begun - 1 : crash->n_begun,
               crash->cut);
  }
  const size_t first = to->n;
  trace_copy(to, recovery, 0, recovery->n, 0);
  const struct trace kept = next->trace;
  next->trace = *to;
  next->n_opened = first + n_opened;
  next->low = verdict->low;
  next->high = verdict->high;
  next->low_power = verdict->low;
  if (level == 0 && !crash->power)
    next->low_power = story_first(story, 1, 0, crash->n_durable);
  else if (level > 0)
    next->low_power = here->low_power;
  next->exact = verdict->exact;
  next->exact_power = crash->power ? verdict->exact : NULL;
  explore_level(explorer, level + 1, first);
  *to = next->trace;
  next->trace = kept;
}

static int visit(struct explorer *explorer, unsigned level,
                 const struct crash *crash)
{
  static struct trace recoveries[MAX_LEVELS];
  struct level *const l = &explorer->levels[level];
  struct trace *record = NULL;
  struct entry seen[MAX_ENTRIES];
  size_t n_opened = 0;

  l->number++;
  if (level == 0 && explorer->limits->only_state != 0 &&
      explorer->limits->only_state != l->number)
    return l->number > explorer->limits->only_state;
  if (level == 0 && is_over(explorer))
    return 1;
  l->crash = crash;
  if (explorer->limits->export != NULL)
    return hand_out(explorer, crash);
  count(explorer, level, crash);
  const struct verdict verdict = verdict_of(explorer, level, crash);
  const unsigned nested_in =
      explorer->limits->nested_in * (level == 0 ? 1 : 10);
  if (level + 1 < MAX_LEVELS && explorer->limits->nested_in != 0 &&
      lot(explorer, level, 1) % nested_in == 0) {
    record = &recoveries[level];
    trace_clear(record);
  }
  disk_reset(&l->disk);
  if (judge(explorer, level, &verdict, record, &n_opened, seen) &&
      record != NULL && record->n > 0) {
    memcpy(explorer->levels[level + 1].opened, seen, sizeof seen);
    nest(explorer, level, crash, &verdict, record, n_opened);
  }
  l->crash = NULL;
  return explorer->failed;
}

static int is_power_excluded(const struct explorer *explorer)
{
  return explorer->story->plan->level == BLT_SYNC_OFF;
}

static int is_model_wanted(const struct explorer *explorer, unsigned level,
                           const char *model)
{
  return level > 0 || explorer->limits->only_model == NULL ||
         strcmp(explorer->limits->only_model, model) == 0;
}

static void explore_level(struct explorer *explorer, unsigned level,
                          size_t first)
{
  struct level *const l = &explorer->levels[level];
  struct states states = {
      .trace = level == 0 ? &explorer->story->trace : &l->trace,
      .first = first,
      .disk = &l->disk,
      .durable = &l->durable,
      .window = l->window,
      .random = {(level == 0 ? hash_bytes(&explorer->story->seed, 8)
                             : lot(explorer, level - 1, 2)) |
                 1},
      .n_exhaustive = level == 0 ? explorer->limits->n_exhaustive : 64,
      .n_random = level == 0 ? 200 : 6,
      .explorer = explorer,
      .level = level,
      .visit = visit};

  l->number = 0;
  if (is_model_wanted(explorer, level, "kill"))
    kill_states(&states);
  l->number = 0;
  if (is_model_wanted(explorer, level, "power") &&
      !is_power_excluded(explorer) && !explorer->failed)
    power_states(&states);
  if (level == 0) {
    explorer->tally->n_whole += states.n_whole;
    explorer->tally->n_chosen += states.n_chosen;
  }
  l->crash = NULL;
}

void explore(struct explorer *explorer, const struct story *story,
             const struct limits *limits, struct tally *tally)
{
  explorer->story = story;
  explorer->limits = limits;
  explorer->tally = tally;
  explorer->failed = 0;
  tally->n_stories++;
  if (story->mistake != NULL) {
    report(explorer, 0, "%s", story->mistake);
    return;
  }
  explore_level(explorer, 0, 0);
}
