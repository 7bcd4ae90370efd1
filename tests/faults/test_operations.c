/* test_operations.c - operation number n of the file fails */
#include <errno.h>
#include <stdio.h>

#include "faults/suites.h"
#include "faults/trial.h"
#include "support/temp.h"

/* Those that a call reports. */
static const struct fault faults[] = {
    {"ENOSPC", AT_CHANGES, ENOSPC, CUT_NONE, LOSS_UNTRIED},
    {"ENOSPC after half", AT_CHANGES, ENOSPC, CUT_TO_HALF, LOSS_UNTRIED},
    {"EDQUOT", AT_CHANGES, EDQUOT, CUT_NONE, LOSS_UNTRIED},
    {"EIO of a write", AT(SITE_WRITE), EIO, CUT_BY_ONE, LOSS_UNTRIED},
    {"EIO of a read", AT(SITE_READ), EIO, CUT_NONE, LOSS_UNTRIED},
    {"EIO of a sync", AT(SITE_SYNC), EIO, CUT_NONE, LOSS_UNTRIED},
    {"EIO of set_size", AT(SITE_SET_SIZE), EIO, CUT_NONE, LOSS_UNTRIED},
    {"EIO of size", AT(SITE_SIZE), EIO, CUT_NONE, LOSS_UNTRIED},
    {"EIO of reserve", AT(SITE_RESERVE), EIO, CUT_NONE, LOSS_UNTRIED},
    {"ENOMEM of map", AT(SITE_MAP), ENOMEM, CUT_NONE, LOSS_UNTRIED},
    {"EINTR of a change", AT(SITE_SET_SIZE) | AT(SITE_SYNC) | AT(SITE_RESERVE),
     EINTR, CUT_NONE, LOSS_UNTRIED},
    {"EIO of anything", AT_ALL, EIO, CUT_NONE, LOSS_UNTRIED},
};
enum { N_FAULTS = sizeof faults / sizeof *faults };

/* Those that nobody may notice. */
static const struct fault trifles[] = {
    {"EINTR", AT(SITE_READ) | AT(SITE_WRITE), EINTR, CUT_NONE, LOSS_UNTRIED},
    {"one byte", AT(SITE_READ) | AT(SITE_WRITE), 0, CUT_TO_ONE, LOSS_UNTRIED},
    {"half", AT(SITE_READ) | AT(SITE_WRITE), 0, CUT_TO_HALF, LOSS_UNTRIED},
    {"all but one byte", AT(SITE_READ) | AT(SITE_WRITE), 0, CUT_BY_ONE,
     LOSS_UNTRIED},
    {"no reserve", AT(SITE_RESERVE), EOPNOTSUPP, CUT_NONE, LOSS_UNTRIED},
};
enum { N_TRIFLES = sizeof trifles / sizeof *trifles };

static struct disk disk;

/* One run; 0 when the fault was not reached. */
static int run_once(const struct config *config, const struct fault *fault,
                    unsigned long at, int is_lasting, enum answer answer)
{
  static struct trial trial;

  trial_init(&trial, config, &disk);
  disk_arm(&disk, fault, at, is_lasting);
  const blt_status status = trial_run(&trial, answer);
  const int was_reached = disk.n_met >= at;
  if (fault->error == 0 || fault->error == EOPNOTSUPP ||
      (fault->error == EINTR && fault->sites & AT(SITE_WRITE)))
    ck_assert_msg(status == BLT_OK, "%s, %s at %lu was noticed: %s",
                  config->name, fault->name, at, blt_status_name(status));
  trial_judge_end(&trial);
  return was_reached;
}

static void run_through(const struct config *config, const struct fault *fault,
                        int is_lasting, enum answer answer)
{
  unsigned long at = 1;

  while (run_once(config, fault, at, is_lasting, answer))
    at++;
}

static void run_faults(const struct config *config, int is_lasting,
                       enum answer answer)
{
  disk_init(&disk, NULL);
  for (int i = 0; i < N_FAULTS; i++)
    run_through(config, &faults[i], is_lasting, answer);
  disk_release(&disk);
  printf("%s, %s:\n", config->name,
         is_lasting ? answer == ANSWER_RETRY ? "until it is seen" : "for ever"
                    : "once");
  disk_print_sites();
}

START_TEST(a_fault_that_comes_once_loses_nothing)
{
  run_faults(&configs[_i], 0, ANSWER_RETRY);
}
END_TEST

START_TEST(a_fault_that_is_mended_when_it_was_seen_loses_nothing)
{
  run_faults(&configs[_i], 1, ANSWER_RETRY);
}
END_TEST

START_TEST(a_fault_that_stays_loses_nothing_acknowledged)
{
  run_faults(&configs[_i], 1, ANSWER_CLOSE);
}
END_TEST

START_TEST(interruptions_and_short_transfers_are_not_noticed)
{
  disk_init(&disk, NULL);
  for (int i = 0; i < N_TRIFLES; i++)
    run_through(&configs[_i], &trifles[i], 0, ANSWER_RETRY);
  /* For ever: every transfer, from the first one on. */
  for (int i = 2; i < N_TRIFLES; i++)
    (void)run_once(&configs[_i], &trifles[i], 1, 1, ANSWER_RETRY);
  disk_release(&disk);
}
END_TEST

Suite *operations_suite(void)
{
  Suite *const suite = suite_create("operations");
  TCase *const made = case_of("operations");

  tcase_add_loop_test(made, a_fault_that_comes_once_loses_nothing, 0,
                      N_CONFIGS);
  tcase_add_loop_test(made,
                      a_fault_that_is_mended_when_it_was_seen_loses_nothing, 0,
                      N_CONFIGS);
  tcase_add_loop_test(made, a_fault_that_stays_loses_nothing_acknowledged, 0,
                      N_CONFIGS);
  tcase_add_loop_test(made, interruptions_and_short_transfers_are_not_noticed,
                      0, N_CONFIGS);
  suite_add_tcase(suite, made);
  return suite;
}
