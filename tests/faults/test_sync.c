/*
 * test_sync.c - a sync fails, and the kernel makes of the pages what it likes
 *
 *   written pages ─► kept, taken back or half of that, and called clean
 *                 ─► opened, recovered, closed ─► the power is cut
 */
#include <errno.h>
#include <stdio.h>

#include "faults/suites.h"
#include "faults/trial.h"

static const struct fault losses[] = {
    {"a sync, pages kept", AT(SITE_SYNC), EIO, CUT_NONE, LOSS_KEPT},
    {"a sync, pages lost", AT(SITE_SYNC), EIO, CUT_NONE, LOSS_ALL},
    {"a sync, end lost", AT(SITE_SYNC), EIO, CUT_NONE, LOSS_APPENDED},
    {"a sync, changes lost", AT(SITE_SYNC), EIO, CUT_NONE, LOSS_CHANGED},
};
enum { N_FAULTS = sizeof losses / sizeof *losses };

/* From operation n on nothing reaches the file. */
static const struct fault death = {"death", AT_CHANGES | AT(SITE_SYNC), EIO,
                                   CUT_TO_HALF, LOSS_UNTRIED};

static struct disk disk;
static struct trial trial;
static unsigned n_runs;

static int fail_sync(const struct config *config, const struct fault *fault,
                     unsigned long at, int is_lasting)
{
  trial_init(&trial, config, &disk);
  disk_arm(&disk, fault, at, is_lasting);
  (void)trial_run(&trial, ANSWER_CLOSE);
  const int was_reached = disk.n_hit > 0;
  n_runs++;
  trial_judge_end(&trial);
  return was_reached;
}

START_TEST(a_sync_that_fails_takes_nothing_that_was_synced_before)
{
  const struct config *const config = &configs[_i];

  if (config->sync == BLT_SYNC_OFF)
    return;
  n_runs = 0;
  disk_init_cached(&disk);
  for (int i = 0; i < N_FAULTS; i++)
    for (int is_lasting = 0; is_lasting < 2; is_lasting++)
      for (unsigned long at = 1; fail_sync(config, &losses[i], at, is_lasting);)
        at++;
  disk_release(&disk);
  printf("%s: %u syncs failed\n", config->name, n_runs);
}
END_TEST

/* The writer dies at its operation `at`; the opening's sync `sync` fails. 0
 * when the writer lived, -1 when there was no such sync. */
static int fail_recovery(const struct config *config, unsigned long at,
                         const struct fault *fault, unsigned long sync)
{
  trial_init(&trial, config, &disk);
  disk_arm(&disk, &death, at, 1);
  (void)trial_run(&trial, ANSWER_CLOSE);
  if (disk.n_hit == 0)
    return 0;
  trial.in_batch = 0;
  trial.sure = trial.acked;
  if (trial.is_lost)
    return -1;
  disk_arm(&disk, fault, sync, 0);
  const blt_status status = trial_open(&trial, BLT_WRITE);
  const int was_reached = disk.n_hit > 0;
  if (status < 0)
    trial_judge_failure(&trial, status);
  trial_calm(&trial);
  if (status == BLT_OK)
    (void)trial_close(&trial);
  n_runs++;
  trial_judge_end(&trial);
  return was_reached ? 1 : -1;
}

static int fail_recoveries(const struct config *config, unsigned long at)
{
  int result = 0;

  for (int i = 0; i < N_FAULTS; i++)
    for (unsigned long sync = 1;
         (result = fail_recovery(config, at, &losses[i], sync)) > 0; sync++)
      ;
  return result;
}

START_TEST(a_recovery_whose_sync_fails_takes_nothing_that_was_synced_before)
{
  const struct config *const config = &configs[_i];

  if (config->sync == BLT_SYNC_OFF)
    return;
  n_runs = 0;
  disk_init_cached(&disk);
  for (unsigned long at = 1; fail_recoveries(config, at) != 0; at += 5)
    ;
  disk_release(&disk);
  printf("%s: %u recoveries failed\n", config->name, n_runs);
}
END_TEST

Suite *sync_suite(void)
{
  Suite *const suite = suite_create("sync");
  TCase *const made = case_of("sync");

  tcase_add_loop_test(made,
                      a_sync_that_fails_takes_nothing_that_was_synced_before, 0,
                      N_CONFIGS);
  tcase_add_loop_test(
      made, a_recovery_whose_sync_fails_takes_nothing_that_was_synced_before, 0,
      N_CONFIGS);
  suite_add_tcase(suite, made);
  return suite;
}
