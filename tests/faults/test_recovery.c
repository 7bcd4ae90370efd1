/*
 * test_recovery.c - what fails while a killed writer's file is mended
 *
 *   writer dies at operation n ─► opening fails at operation m ─► opening
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "faults/suites.h"
#include "faults/trial.h"
#include "format/header.h"

/* From operation n on nothing reaches the disk; the n-th is torn. */
static const struct fault death = {"death", AT_CHANGES | AT(SITE_SYNC), EIO,
                                   CUT_TO_HALF, LOSS_UNTRIED};

static const struct fault faults[] = {
    {"EIO of anything", AT_ALL, EIO, CUT_NONE, LOSS_UNTRIED},
    {"EIO of a torn change", AT_CHANGES | AT(SITE_SYNC), EIO, CUT_TO_HALF,
     LOSS_UNTRIED},
    {"ENOSPC", AT_CHANGES, ENOSPC, CUT_NONE, LOSS_UNTRIED},
    {"EINTR of anything", AT(SITE_READ) | AT(SITE_WRITE), EINTR, CUT_NONE,
     LOSS_UNTRIED},
};
enum { N_FAULTS = sizeof faults / sizeof *faults };

/* Each transfer, from the first one on; nobody may notice. */
static const struct fault trifles[] = {
    {"one byte", AT(SITE_READ) | AT(SITE_WRITE), 0, CUT_TO_ONE, LOSS_UNTRIED},
    {"half", AT(SITE_READ) | AT(SITE_WRITE), 0, CUT_TO_HALF, LOSS_UNTRIED},
    {"all but one", AT(SITE_READ) | AT(SITE_WRITE), 0, CUT_BY_ONE,
     LOSS_UNTRIED},
};
enum { N_TRIFLES = sizeof trifles / sizeof *trifles };

static struct disk disk;
static unsigned long n_runs;

/* What a writer has left, and the states that it may stand for. */
struct remains {
  struct trial trial;
  uint8_t *bytes;
  size_t len;
};

/* booklet opens what was not closed, believes it and writes a count. */
static void touch(struct remains *remains)
{
  if (remains->len >= BLT__HEADER_LEN &&
      blt__get4(remains->bytes + BLT__HDR_COUNT) == BLT__COUNT_UNCLEAN)
    blt__put4(remains->bytes + BLT__HDR_COUNT, 1);
}

/* 0 when the writer got through. */
static int kill_writer(struct remains *remains, const struct config *config,
                       unsigned long at)
{
  trial_init(&remains->trial, config, &disk);
  disk_arm(&disk, &death, at, 1);
  (void)trial_run(&remains->trial, ANSWER_CLOSE);
  const int was_reached = disk.n_hit > 0;
  disk_calm(&disk);
  remains->bytes = disk_copy(&disk, &remains->len);
  remains->trial.in_batch = 0;
  /* What was put and never committed may be lost. */
  remains->trial.sure = remains->trial.acked;
  return was_reached;
}

/* An opening under the fault, and one without it. */
static int mend(const struct remains *remains, blt_mode mode,
                const struct fault *fault, unsigned long at, int is_lasting)
{
  static struct trial trial;

  trial = remains->trial;
  disk_fill(&disk, remains->bytes, remains->len);
  trial.memory =
      (struct memory){.at = fault == NULL ? at : 0, .is_lasting = is_lasting};
  if (fault != NULL)
    disk_arm(&disk, fault, at, is_lasting);
  blt_status status = trial_open(&trial, mode);
  const int was_reached =
      fault == NULL ? trial.memory.n_hit > 0 : disk.n_hit > 0;
  if (status < 0 && fault != NULL && fault->error == 0)
    ck_abort_msg("%s was noticed: %s", fault->name, blt_status_name(status));
  if (status < 0)
    trial_judge_failure(&trial, status);
  disk_calm(&disk);
  trial.memory.at = 0;
  if (status == BLT_OK)
    trial_judge_content(&trial);
  if (status == BLT_OK)
    (void)trial_close(&trial);
  n_runs++;
  trial_judge_end(&trial);
  return was_reached;
}

static void mend_through(const struct remains *remains, blt_mode mode)
{
  /* Byte by byte takes long where values are large. */
  for (int i = remains->trial.config->value_len > 1000; i < N_TRIFLES; i++)
    (void)mend(remains, mode, &trifles[i], 1, 1);
  for (int i = -1; i < N_FAULTS; i++) {
    const struct fault *const fault = i < 0 ? NULL : &faults[i];
    for (int is_lasting = 0; is_lasting < 2; is_lasting++) {
      unsigned long at = 1;
      if (is_lasting && fault != NULL && fault->error == EINTR)
        continue;
      while (mend(remains, mode, fault, at, is_lasting))
        at++;
    }
  }
}

static void run_deaths(const struct config *config, blt_mode mode,
                       unsigned long stride, int is_touched)
{
  static struct remains remains;

  /* A repair looks at every byte of the index, each time. */
  if (is_touched && config->later_buckets > 1000)
    stride *= 4;
  disk_init(&disk, NULL);
  n_runs = 0;
  for (unsigned long at = 1; kill_writer(&remains, config, at); at += stride) {
    if (is_touched)
      touch(&remains);
    if (!remains.trial.is_lost)
      mend_through(&remains, mode);
    free(remains.bytes);
  }
  free(remains.bytes);
  disk_release(&disk);
  printf("%s: %lu runs\n", config->name, n_runs);
  disk_print_sites();
}

START_TEST(a_recovery_that_fails_is_done_by_the_next_opening)
{
  run_deaths(&configs[_i], BLT_WRITE, 12, 0);
}
END_TEST

START_TEST(a_repair_that_fails_is_done_by_the_next_opening)
{
  run_deaths(&configs[_i], BLT_WRITE, 24, 1);
}
END_TEST

START_TEST(a_reader_that_fails_over_a_crash_harms_nothing)
{
  run_deaths(&configs[_i], BLT_READ, 18, 0);
}
END_TEST

Suite *recovery_suite(void)
{
  Suite *const suite = suite_create("recovery");
  TCase *const made = case_of("recovery");

  tcase_add_loop_test(made, a_recovery_that_fails_is_done_by_the_next_opening,
                      0, N_CONFIGS);
  tcase_add_loop_test(made, a_repair_that_fails_is_done_by_the_next_opening, 0,
                      N_CONFIGS);
  tcase_add_loop_test(made, a_reader_that_fails_over_a_crash_harms_nothing, 0,
                      N_CONFIGS);
  suite_add_tcase(suite, made);
  return suite;
}
