/* test_progress.c - the progress callback, and stopping by it */
#include "api/suites.h"
#include "support/store.h"

enum { N_KEYS = 40000 };

struct watch {
  int answer; /* what the callback returns */
  unsigned n_calls;
  int has_no_phase;
  int is_beyond_total;
};

static int see(void *ctx, const char *phase, uint64_t done, uint64_t total)
{
  struct watch *const watch = ctx;

  watch->n_calls++;
  watch->has_no_phase |= phase == NULL || phase[0] == '\0';
  watch->is_beyond_total |= done > total;
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
  struct watch watch = {0, 0, 0, 0};
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

START_TEST(a_cancelled_verify_says_so)
{
  struct watch watch = {0, 0, 0, 0};
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
  struct watch watch = {0, 0, 0, 0};
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
                  a_cancelled_verify_says_so,
                  a_cancelled_rewrite_leaves_the_store_as_it_was);
}
