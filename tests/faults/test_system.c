/*
 * test_system.c - call number n of the system fails, under a path
 *
 * The same workload and the same judgement as in test_operations.c; what is
 * new are the calls that open, lock, create and name the file, and the loops
 * of src/os around the system's interruptions and short transfers.
 */
#include <errno.h>
#include <stdio.h>

#include "faults/suites.h"
#include "faults/system.h"
#include "faults/trial.h"
#include "support/temp.h"

/* Those that a call reports. */
static const struct fault faults[] = {
    {"ENOSPC", AT_CHANGES, ENOSPC, CUT_TO_HALF, LOSS_UNTRIED},
    {"EDQUOT", AT_CHANGES, EDQUOT, CUT_NONE, LOSS_UNTRIED},
    {"EIO of a read", AT(SITE_READ), EIO, CUT_NONE, LOSS_UNTRIED},
    {"EIO of a write", AT(SITE_WRITE), EIO, CUT_BY_ONE, LOSS_UNTRIED},
    {"EIO of fstat", AT(SITE_SIZE), EIO, CUT_NONE, LOSS_UNTRIED},
    {"EIO of ftruncate", AT(SITE_SET_SIZE), EIO, CUT_NONE, LOSS_UNTRIED},
    {"EIO of fallocate", AT(SITE_RESERVE), EIO, CUT_NONE, LOSS_UNTRIED},
    {"EIO of a sync", AT(SITE_SYNC), EIO, CUT_NONE, LOSS_UNTRIED},
    {"EINTR of a sync", AT(SITE_SYNC), EINTR, CUT_NONE, LOSS_UNTRIED},
    {"ENOMEM of mmap", AT(SITE_MAP), ENOMEM, CUT_NONE, LOSS_UNTRIED},
    {"ENOLCK of flock", AT(SITE_LOCK), ENOLCK, CUT_NONE, LOSS_UNTRIED},
    {"EMFILE of open", AT(SITE_OPEN), EMFILE, CUT_NONE, LOSS_UNTRIED},
    {"EINTR of open", AT(SITE_OPEN), EINTR, CUT_NONE, LOSS_UNTRIED},
    {"EIO of close", AT(SITE_CLOSE), EIO, CUT_NONE, LOSS_UNTRIED},
    {"EIO of stat", AT(SITE_STAT), EIO, CUT_NONE, LOSS_UNTRIED},
    {"EIO of link", AT(SITE_LINK), EIO, CUT_NONE, LOSS_UNTRIED},
    {"EIO of a link or a rename", AT(SITE_LINK) | AT(SITE_RENAME), EOPNOTSUPP,
     CUT_NONE, LOSS_UNTRIED},
    {"ENOMEM of malloc", AT(SITE_MALLOC), ENOMEM, CUT_NONE, LOSS_UNTRIED},
};
enum { N_FAULTS = sizeof faults / sizeof *faults };

/* Those that nobody may notice when they come once. */
static const struct fault trifles[] = {
    {"EINTR",
     AT(SITE_READ) | AT(SITE_WRITE) | AT(SITE_SET_SIZE) | AT(SITE_RESERVE) |
         AT(SITE_LOCK),
     EINTR, CUT_NONE, LOSS_UNTRIED},
    {"less address space", AT(SITE_MAP), ENOMEM, CUT_NONE, LOSS_UNTRIED},
    /* From here on also when they come for ever. */
    {"one byte", AT(SITE_READ) | AT(SITE_WRITE), 0, CUT_TO_ONE, LOSS_UNTRIED},
    {"half", AT(SITE_READ) | AT(SITE_WRITE), 0, CUT_TO_HALF, LOSS_UNTRIED},
    {"all but one", AT(SITE_READ) | AT(SITE_WRITE), 0, CUT_BY_ONE,
     LOSS_UNTRIED},
    {"no fallocate", AT(SITE_RESERVE) | AT(SITE_PUNCH), EOPNOTSUPP, CUT_NONE,
     LOSS_UNTRIED},
    {"no fstatfs", AT(SITE_STATFS), EIO, CUT_NONE, LOSS_UNTRIED},
    {"no hard links", AT(SITE_LINK), EPERM, CUT_NONE, LOSS_UNTRIED},
    {"no chance", AT(SITE_CHANCE), ENOSYS, CUT_NONE, LOSS_UNTRIED},
    {"little chance", AT(SITE_CHANCE), 0, CUT_TO_ONE, LOSS_UNTRIED},
    {"no clock", AT(SITE_CLOCK), EINVAL, CUT_NONE, LOSS_UNTRIED},
    {"no id of the boot", AT(SITE_BOOT_ID), EIO, CUT_NONE, LOSS_UNTRIED},
};
enum { N_TRIFLES = sizeof trifles / sizeof *trifles, FIRST_LASTING = 2 };

static struct disk disk;
static struct trial trial;

/* One run; 0 when the fault was not reached. */
static int run_once(const struct config *config, const struct fault *fault,
                    unsigned long at, int is_lasting, enum answer answer,
                    blt_status *out)
{
  trial_init(&trial, config, &disk);
  trial.uses_malloc = (fault->sites & AT(SITE_MALLOC)) != 0;
  disk_arm(&disk, fault, at, is_lasting);
  *out = trial_run(&trial, answer);
  const int was_reached = disk.n_hit > 0;
  trial_judge_end(&trial);
  ck_assert_msg(count_companions(disk.path) == 0,
                "%s at %lu left a temporary file", fault->name, at);
  return was_reached;
}

static void run_through(const struct config *config, const struct fault *fault,
                        int is_lasting, enum answer answer, unsigned stride)
{
  unsigned long at = 1;
  blt_status status;

  while (run_once(config, fault, at, is_lasting, answer, &status))
    at += stride;
}

START_TEST(a_call_of_the_system_that_fails_loses_nothing)
{
  disk_init_system(&disk, temp_path("store"));
  run_through(&configs[0], &faults[_i], 0, ANSWER_RETRY, 1);
  /* An open that is interrupted for ever is tried for ever. */
  if (!(faults[_i].sites == AT(SITE_OPEN) && faults[_i].error == EINTR)) {
    run_through(&configs[0], &faults[_i], 1, ANSWER_CLOSE, 3);
    run_through(&configs[3], &faults[_i], 1, ANSWER_RETRY, 3);
  }
  disk_release(&disk);
  disk_print_sites();
}
END_TEST

START_TEST(what_the_system_does_by_halves_is_not_noticed)
{
  const struct fault *const fault = &trifles[_i];
  const struct config *const kinds[] = {&configs[0], &configs[3]};
  blt_status status = BLT_OK;
  unsigned long at = 1;

  disk_init_system(&disk, temp_path("store"));
  for (int i = 0; i < 2; i++) {
    for (at = 1; run_once(kinds[i], fault, at, 0, ANSWER_RETRY, &status);
         at += 2)
      ck_assert_msg(status == BLT_OK, "%s at %lu was noticed: %s", fault->name,
                    at, blt_status_name(status));
    if (_i < FIRST_LASTING)
      continue;
    (void)run_once(kinds[i], fault, 1, 1, ANSWER_RETRY, &status);
    ck_assert_msg(status == BLT_OK, "%s for ever was noticed: %s", fault->name,
                  blt_status_name(status));
  }
  disk_release(&disk);
  disk_print_sites();
}
END_TEST

Suite *system_suite(void)
{
  Suite *const suite = suite_create("system");
  TCase *const made = case_of("system");

  tcase_add_loop_test(made, a_call_of_the_system_that_fails_loses_nothing, 0,
                      N_FAULTS);
  tcase_add_loop_test(made, what_the_system_does_by_halves_is_not_noticed, 0,
                      N_TRIFLES);
  suite_add_tcase(suite, made);
  return suite;
}
