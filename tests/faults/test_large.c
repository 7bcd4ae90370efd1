/*
 * test_large.c - faults at checkpoints, and on a real file
 *
 * Links go back into the file when 16 MiB of log have come together; the
 * workload of the other tests is far smaller.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/db.h"
#include "faults/suites.h"
#include "faults/trial.h"
#include "support/store.h"
#include "support/temp.h"

enum { N_PUTS = 6, VALUE_LEN = 6 << 20 };

static const struct fault faults[] = {
    {"EIO of a change", AT_CHANGES, EIO, CUT_NONE, LOSS_UNTRIED},
    {"EIO of a sync", AT(SITE_SYNC), EIO, CUT_NONE, LOSS_UNTRIED},
    {"half", AT(SITE_WRITE), 0, CUT_TO_HALF, LOSS_UNTRIED},
};

static struct disk disk;

static blt_status open_disk(blt_mode mode, blt_db **out)
{
  blt_options options = options_of(mode);

  options.n_buckets = 3;
  options.auto_reindex = BLT_OFF;
  options.sync = BLT_SYNC_FULL;
  options.sigbus = BLT_OFF;
  return blt__open_file(disk_open(&disk), &options, out);
}

/* How many puts were acknowledged. Each replaces "k" and adds a key. */
static int put_all(blt_db *db, uint8_t *value)
{
  for (int i = 0; i < N_PUTS; i++) {
    memset(value, 'a' + i, VALUE_LEN);
    blt_status status = blt_batch_begin(db);
    if (status == BLT_OK)
      status = blt_put(db, "k", 1, value, VALUE_LEN);
    if (status == BLT_OK)
      status = blt_put(db, &"012345"[i], 1, "x", 1);
    if (status == BLT_OK)
      status = blt_batch_commit(db);
    if (status < 0)
      return i + (status == BLT_E_COMMITTED);
  }
  return N_PUTS;
}

static void judge(int n_acked)
{
  blt_bytes value = {NULL, 0};
  uint64_t n = 0;
  blt_db *db = NULL;

  EXPECT_OK(open_disk(BLT_WRITE, &db));
  EXPECT_OK(blt_count(db, &n));
  ck_assert_uint_ge(n, n_acked == 0 ? 0 : (unsigned)n_acked + 1);
  ck_assert_uint_le(n, (unsigned)n_acked + 2);
  if (n > 0) {
    EXPECT_OK(blt_get(db, "k", 1, &value));
    ck_assert_uint_eq(*(const uint8_t *)value.data, 'a' + n - 2);
    ck_assert_uint_eq(((const uint8_t *)value.data)[VALUE_LEN - 1],
                      'a' + n - 2);
  }
  expect_sound(db);
  EXPECT_OK(blt_close(db));
}

/* 0 when the fault was not reached. */
static int run_once(const struct fault *fault, unsigned long at, uint8_t *value,
                    size_t room)
{
  blt_db *db = NULL;

  disk_fill(&disk, "", 0);
  disk_calm(&disk);
  disk.room = room;
  EXPECT_OK(open_disk(BLT_NEW, &db));
  disk_arm(&disk, fault, at, 1);
  const int n_acked = put_all(db, value);
  if (n_acked == N_PUTS)
    (void)blt_reindex(db, 50); /* a copy outgrows the window too */
  (void)blt_close(db);
  const int was_reached = disk.n_hit > 0;
  disk_calm(&disk);
  judge(n_acked);
  return was_reached;
}

START_TEST(a_checkpoint_that_fails_loses_no_commit)
{
  uint8_t *const value = malloc(VALUE_LEN);

  disk_init(&disk, NULL);
  for (unsigned long at = 1; run_once(&faults[_i], at, value, 0);
       at += faults[_i].error == 0 ? 16 : 1)
    ;
  disk_release(&disk);
  disk_print_sites();
  free(value);
}
END_TEST

/* The first window is small, and the file outgrows it. */
START_TEST(a_window_that_cannot_be_opened_loses_no_commit)
{
  static const struct fault no_map = {"ENOMEM of map", AT(SITE_MAP), ENOMEM,
                                      CUT_NONE, LOSS_UNTRIED};
  uint8_t *const value = malloc(VALUE_LEN);

  disk_init(&disk, NULL);
  for (unsigned long at = 1; run_once(&no_map, at, value, VALUE_LEN); at++)
    ;
  disk_release(&disk);
  disk_print_sites();
  free(value);
}
END_TEST

START_TEST(a_fault_on_a_real_file_loses_nothing)
{
  static struct trial trial;
  static const enum answer answers[] = {ANSWER_RETRY, ANSWER_CLOSE};
  int was_reached = 1;

  disk_init(&disk, temp_path("real"));
  for (unsigned long at = 1; was_reached; at += 3) {
    trial_init(&trial, &configs[0], &disk);
    disk_arm(&disk, &faults[_i], at, 1);
    (void)trial_run(&trial, answers[at % 2]);
    was_reached = disk.n_hit > 0;
    trial_judge_end(&trial);
  }
  disk_release(&disk);
}
END_TEST

Suite *large_suite(void)
{
  Suite *const suite = suite_create("large");
  TCase *const made = case_of("large");

  tcase_add_loop_test(made, a_checkpoint_that_fails_loses_no_commit, 0, 3);
  tcase_add_test(made, a_window_that_cannot_be_opened_loses_no_commit);
  tcase_add_loop_test(made, a_fault_on_a_real_file_loses_nothing, 0, 2);
  suite_add_tcase(suite, made);
  return suite;
}
