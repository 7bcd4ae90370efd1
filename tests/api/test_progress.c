/* test_progress.c - the progress callback, and stopping by it */
#include "api/suites.h"
#include "support/store.h"
#include "support/temp.h"

#include <unistd.h>

enum { N_KEYS = 40000 };

struct watch {
  int answer; /* what the callback returns */
  unsigned n_calls;
  int has_no_phase;
  int is_beyond_total;
  const char *phase; /* of the last call                                     */
  uint64_t done, total;
  unsigned n_phases, n_finished;
};

/* A phase is over when another begins, and when the work is. */
static void end_phase(struct watch *watch)
{
  watch->n_finished += watch->total > 0 && watch->done == watch->total;
  watch->phase = NULL;
}

static int see(void *ctx, const char *phase, uint64_t done, uint64_t total)
{
  struct watch *const watch = ctx;

  watch->n_calls++;
  watch->has_no_phase |= phase == NULL || phase[0] == '\0';
  watch->is_beyond_total |= done > total;
  if (watch->phase != NULL && strcmp(watch->phase, phase) != 0)
    end_phase(watch);
  watch->n_phases += watch->phase == NULL;
  watch->phase = phase;
  watch->done = done;
  watch->total = total;
  return watch->answer;
}

static blt_db *watched(struct watch *watch)
{
  blt_options options = options_of_new(50000);
  blt_db *db = NULL;

  options.progress = see;
  options.progress_ctx = watch;
  EXPECT_OK(blt_open_memory(NULL, 0, &options, &db));
  put_numbered(db, 0, N_KEYS);
  EXPECT_OK(blt_sync(db));
  watch->n_calls = 0;
  return db;
}

START_TEST(long_work_tells_how_far_it_is)
{
  struct watch watch = {.answer = 0};
  blt_db *const db = watched(&watch);

  EXPECT_OK(blt_prune(db, NULL, NULL));
  ck_assert_uint_gt(watch.n_calls, 0);
  watch.n_calls = 0;
  expect_sound(db);
  ck_assert_uint_gt(watch.n_calls, 0);
  ck_assert_int_eq(watch.has_no_phase, 0);
  ck_assert_int_eq(watch.is_beyond_total, 0);
  EXPECT_OK(blt_close(db));
}
END_TEST

static void expect_finished(struct watch *watch, unsigned n_phases)
{
  end_phase(watch);
  ck_assert_uint_eq(watch->n_phases, n_phases);
  ck_assert_uint_eq(watch->n_finished, n_phases);
  watch->n_phases = watch->n_finished = 0;
}

START_TEST(every_phase_ends_with_all_done)
{
  struct watch watch = {.answer = 0};
  blt_db *const db = watched(&watch);

  watch.n_phases = watch.n_finished = 0;
  EXPECT_OK(blt_prune(db, NULL, NULL)); /* to the front                      */
  expect_finished(&watch, 1);
  delete_text(db, "key-000001");
  EXPECT_OK(blt_prune(db, NULL, NULL)); /* there is no room at the front     */
  expect_finished(&watch, 1);
  EXPECT_OK(blt_reindex(db, 100000));
  expect_finished(&watch, 1);
  EXPECT_OK(blt_verify(db, NULL, NULL));
  expect_finished(&watch, 2);
  EXPECT_OK(blt_clear(db));
  expect_finished(&watch, 1);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(a_repair_ends_with_all_done)
{
  const char *const path = temp_path("a.blt");
  const blt_options options = options_of_new(50);
  blt_repair_options how = BLT_REPAIR_OPTIONS_INIT;
  struct watch watch = {.answer = 0};
  blt_db *const db = open_path_with(path, &options);

  put_numbered(db, 0, 1000);
  EXPECT_OK(blt_close(db));
  how.progress = see;
  how.progress_ctx = &watch;
  EXPECT_OK(blt_repair(path, &how, NULL));
  expect_finished(&watch, 2);
  how.output = temp_path("b.blt");
  EXPECT_OK(blt_repair(path, &how, NULL));
  expect_finished(&watch, 2);
  how.output = temp_path("c.blt");
  watch.answer = 1;
  EXPECT_FAILURE(blt_repair(path, &how, NULL));
  ck_assert_int_eq(access(how.output, F_OK), -1);
}
END_TEST

START_TEST(a_cancelled_verify_says_so)
{
  struct watch watch = {.answer = 0};
  blt_db *const db = watched(&watch);

  watch.answer = 1;
  EXPECT(BLT_E_CANCELLED, blt_verify(db, NULL, NULL));
  watch.answer = 0;
  expect_sound(db);
  EXPECT_OK(blt_close(db));
}
END_TEST

/* Either the work was stopped and nothing has changed, or it is done. */
static void expect_same_store(blt_db *db, blt_status status)
{
  ck_assert(status == BLT_OK || status == BLT_E_CANCELLED);
  expect_count(db, N_KEYS);
  expect_numbered(db, 0, 100);
  put_text(db, "after", "1");
  EXPECT_OK(blt_sync(db));
  expect_text(db, "after", "1");
  delete_text(db, "after");
  EXPECT_OK(blt_sync(db));
}

/* R1 */
START_TEST(a_cancelled_rewrite_leaves_the_store_as_it_was)
{
  struct watch watch = {.answer = 0};
  blt_db *const db = watched(&watch);

  watch.answer = 1;
  const blt_status pruned = blt_prune(db, NULL, NULL);
  watch.answer = 0;
  EXPECT(BLT_E_CANCELLED, pruned);
  expect_same_store(db, pruned);
  watch.answer = 1;
  const blt_status reindexed = blt_reindex(db, 100000);
  watch.answer = 0;
  expect_same_store(db, reindexed);
  ck_assert_uint_eq(header_of(db).n_buckets,
                    reindexed == BLT_OK ? 100000 : 50000);
  expect_sound(db);
  EXPECT_OK(blt_close(db));
}
END_TEST

Suite *progress_suite(void)
{
  return SUITE_OF("progress", long_work_tells_how_far_it_is,
                  every_phase_ends_with_all_done, a_repair_ends_with_all_done,
                  a_cancelled_verify_says_so,
                  a_cancelled_rewrite_leaves_the_store_as_it_was);
}
