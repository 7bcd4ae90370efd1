/*
 * kill_main.c - rounds of write, kill, look
 *
 *   test_kills --kills N --seed S      so many kills; the seed is printed
 *              --python PYTHON --theirs SCRIPT    booklet looks first in a
 *                                      third of the rounds
 *              --keep FOLDER           files that were judged wrong, as the
 *                                      kill left them
 *
 * Nine files, of three kinds at three levels, take turns. In a round a process
 * writes to one, in a third of the rounds others that only recover it are
 * killed too, then it is judged, and the next round of that file goes on from
 * there. Now and then a file begins anew, so that creations are killed as well.
 * What is written comes from the seed; the moment of a kill does not.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "real/kill.h"
#include "support/temp.h"

enum { MAX_DELAY_US = 50000, N_OPENED = BLT_OPENED_REPAIRED + 1 };

#define LANES(name, kind, timestamps)                                          \
  {name "-full", kind, timestamps, BLT_SYNC_FULL, "", {{{0, 0}}}},             \
      {name "-batch", kind, timestamps, BLT_SYNC_BATCH, "", {{{0, 0}}}},       \
  {                                                                            \
    name "-off", kind, timestamps, BLT_SYNC_OFF, "",                           \
    {                                                                          \
      {                                                                        \
        {                                                                      \
          0, 0                                                                 \
        }                                                                      \
      }                                                                        \
    }                                                                          \
  }

static struct lane lanes[] = {
    LANES("times", BLT_VARIABLE, BLT_ON),
    LANES("plain", BLT_VARIABLE, BLT_OFF),
    LANES("fixed", BLT_FIXED, BLT_OFF),
};
enum { N_LANES = sizeof lanes / sizeof *lanes };

struct tally {
  uint64_t n_rounds, n_recoveries, n_steps, n_readers, n_fresh, n_failures;
  uint64_t n_opened[N_OPENED];
  uint64_t n_refused, n_theirs, n_theirs_wrote;
};

struct settings {
  uint64_t n_kills;
  const char *python, *theirs, *keep;
};

/* ---- a round */

struct round {
  struct lane *lane;
  uint64_t session;
  struct progress progress;
  struct random random; /* of what is not the script */
  uint8_t *image;       /* the file as the kill left it */
  size_t image_len;
};

/* Most are short, so that there are many; some are long. */
static uint32_t some_delay(struct random *random)
{
  const uint32_t kind = random_below(random, 16);

  if (kind == 0)
    return random_below(random, MAX_DELAY_US);
  return random_below(random, kind < 6 ? 12000 : 3000);
}

static void take_image(struct round *round)
{
  struct stat info;
  const int fd = open(round->lane->path, O_RDONLY | O_CLOEXEC);

  free(round->image);
  round->image = NULL;
  round->image_len = 0;
  if (fd < 0)
    return;
  if (fstat(fd, &info) == 0 &&
      (round->image = malloc((size_t)info.st_size + 1)) != NULL &&
      pread(fd, round->image, (size_t)info.st_size, 0) == info.st_size)
    round->image_len = (size_t)info.st_size;
  close(fd);
}

static void keep_image(const struct round *round, const char *folder)
{
  char path[MAX_PATH];

  snprintf(path, sizeof path, "%s/killed-%s-%" PRIu64 ".blt", folder,
           round->lane->name, round->session);
  FILE *const file = fopen(path, "wb");
  if (file == NULL)
    return;
  fwrite(round->image, 1, round->image_len, file);
  fclose(file);
  printf("     the file is in %s\n", path);
}

static void begin_anew(struct lane *lane)
{
  (void)unlink(lane->path);
  memset(&lane->state, 0, sizeof lane->state);
}

static void fail_round(const struct round *round,
                       const struct settings *settings, struct tally *tally,
                       const char *who, const char *why)
{
  printf("FAIL %s, session %" PRIu64 ", steps %u done and %u begun: %s: %s\n",
         round->lane->name, round->session, round->progress.done,
         round->progress.begun, who, why);
  if (settings->keep != NULL && round->image != NULL)
    keep_image(round, settings->keep);
  fflush(stdout);
  tally->n_failures++;
  begin_anew(round->lane);
}

/* Was the file taken so far that it can be judged? */
static int write_and_kill(struct round *round, struct tally *tally)
{
  if (run_and_kill(round->lane, round->session, some_delay(&round->random),
                   &round->progress) != 0)
    return 0;
  tally->n_rounds++;
  tally->n_steps += round->progress.begun;
  for (int n = 0; n < 3 && random_below(&round->random, 3) == 0; n++) {
    if (recover_and_kill(round->lane, round->session,
                         random_below(&round->random, 3000)) != 0)
      return 0;
    tally->n_recoveries++;
  }
  return 1;
}

/* What booklet did to the file, or NULL. */
static const struct step *let_theirs_look(struct round *round,
                                          const struct theirs *theirs,
                                          struct step *step,
                                          struct tally *tally, const char **why)
{
  const int writes = random_below(&round->random, 3) == 0;

  *why = NULL;
  if (theirs->pid == 0 || random_below(&round->random, 3) != 0 ||
      !file_exists(round->lane->path))
    return NULL;
  script_foreign(round->lane, round->session, step);
  switch (judge_theirs(theirs, round->lane, round->session, &round->progress,
                       writes ? step : NULL, why)) {
  case THEIRS_REFUSED:
    *why = NULL;
    tally->n_refused++;
    return NULL;
  case THEIRS_OPENED:
    *why = NULL;
    tally->n_theirs++;
    tally->n_theirs_wrote += (uint64_t)writes;
    return writes ? step : NULL;
  default:
    return NULL;
  }
}

static void run_round(struct round *round, const struct theirs *theirs,
                      const struct settings *settings, struct tally *tally)
{
  const uint64_t n_theirs = tally->n_theirs;
  blt_opened opened = BLT_OPENED_CLEAN;
  const char *why;
  struct step step;

  random_start(&round->random, ~round->session);
  if (random_below(&round->random, 100) == 0) {
    begin_anew(round->lane);
    tally->n_fresh++;
  }
  if (!write_and_kill(round, tally)) {
    take_image(round);
    fail_round(round, settings, tally, "writer", "it ended by itself");
    return;
  }
  take_image(round);
  const struct step *const foreign =
      let_theirs_look(round, theirs, &step, tally, &why);
  if (why != NULL) {
    fail_round(round, settings, tally, "booklet", why);
    return;
  }
  /* What booklet opened may need a repair, which no reader can make. */
  const int reads_first =
      random_below(&round->random, 4) == 0 && tally->n_theirs == n_theirs;
  why = judge_ours(round->lane, round->session, &round->progress, foreign,
                   reads_first, &opened);
  tally->n_readers += (uint64_t)reads_first;
  tally->n_opened[opened]++;
  if (why != NULL)
    fail_round(round, settings, tally,
               foreign != NULL ? "libblt, after booklet wrote" : "libblt", why);
}

/* ---- the campaign */

static double seconds_now(void)
{
  struct timespec now;

  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void print_tally(const struct tally *t, double seconds)
{
  static const char *const names[] = {"clean",     "created",  "foreign",
                                      "recovered", "overlaid", "repaired"};

  printf("%" PRIu64 " kills (%" PRIu64 " of writers, %" PRIu64
         " of recoveries), %" PRIu64 " steps begun, %.0f s, %.0f kills/s\n",
         t->n_rounds + t->n_recoveries, t->n_rounds, t->n_recoveries,
         t->n_steps, seconds,
         (double)(t->n_rounds + t->n_recoveries) / seconds);
  printf("found");
  for (int i = 0; i < N_OPENED; i++)
    if (t->n_opened[i] > 0)
      printf(" %s %" PRIu64, names[i], t->n_opened[i]);
  printf("; %" PRIu64 " readers before the writer, %" PRIu64 " files begun "
         "anew\n",
         t->n_readers, t->n_fresh);
  printf("booklet first: refused %" PRIu64 ", right %" PRIu64
         ", of these it wrote in %" PRIu64 "\n",
         t->n_refused, t->n_theirs, t->n_theirs_wrote);
  printf("%" PRIu64 " failures\n", t->n_failures);
}

static void run_all(const struct settings *settings, struct tally *tally)
{
  struct theirs theirs = {0, -1, -1};
  struct round round = {.image = NULL};
  const double start = seconds_now();

  if (settings->python != NULL)
    theirs = theirs_start(settings->python, settings->theirs);
  if (theirs.pid == 0)
    printf("without booklet: no Python was named that has it\n");
  for (size_t i = 0; i < N_LANES; i++)
    snprintf(lanes[i].path, MAX_PATH, "%s", temp_path(lanes[i].name));
  while (tally->n_rounds + tally->n_recoveries < settings->n_kills &&
         tally->n_failures < 20) {
    round.lane = &lanes[round.session % N_LANES];
    round.session++;
    alarm(60); /* a round takes milliseconds; this is a hang */
    run_round(&round, &theirs, settings, tally);
  }
  alarm(0);
  free(round.image);
  theirs_stop(&theirs);
  print_tally(tally, seconds_now() - start);
}

static void tell_hang(int number)
{
  static const char text[] = "FAIL a round does not end\n";

  (void)number;
  (void)!write(STDOUT_FILENO, text, sizeof text - 1);
  _exit(EXIT_FAILURE);
}

static const char *value_of(int argc, char **argv, const char *name)
{
  for (int i = 1; i + 1 < argc; i += 2)
    if (strcmp(argv[i], name) == 0)
      return argv[i + 1];
  return NULL;
}

int main(int argc, char **argv)
{
  const char *const kills = value_of(argc, argv, "--kills");
  const char *const seed = value_of(argc, argv, "--seed");
  const struct settings settings = {
      .n_kills = kills == NULL ? 200 : strtoull(kills, NULL, 0),
      .python = value_of(argc, argv, "--python"),
      .theirs = value_of(argc, argv, "--theirs"),
      .keep = value_of(argc, argv, "--keep")};
  struct tally tally = {0};

  if (seed != NULL)
    setenv("BLT_SEED", seed, 1);
  (void)signal(SIGALRM, tell_hang);
  temp_open();
  random_print_seed();
  run_all(&settings, &tally);
  return tally.n_failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
