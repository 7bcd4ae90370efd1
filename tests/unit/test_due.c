/* test_due.c - when links go back into the file, and when the log is synced */
#include <stdlib.h>
#include <string.h>

#include "support/store.h"
#include "unit/session.h"
#include "unit/suites.h"

enum { BUCKETS = 40000, WAITING = BUCKETS / 8 };

static struct session session;

static void open_with_buckets(blt_sync_level level, uint32_t n_buckets)
{
  blt_options options = session_options(level);

  options.n_buckets = n_buckets;
  session_open(&session, &options);
}

static size_t n_waiting(void)
{
  return session.db->image.links.n;
}

/* ---- links */

START_TEST(slots_go_back_when_they_are_an_eighth_of_the_index)
{
  open_with_buckets(BLT_SYNC_OFF, BUCKETS);
  put_batch(&session, 0, WAITING / 2);
  ck_assert_uint_gt(n_waiting(), 0);
  put_batch(&session, WAITING, 2 * WAITING);
  ck_assert_uint_eq(n_waiting(), 0);
  EXPECT_OK(session_close(&session));
}
END_TEST

START_TEST(slots_of_a_small_index_wait_for_4096_of_them)
{
  enum { FEW = 3000 };

  open_with_buckets(BLT_SYNC_OFF, 2 * FEW);
  put_batch(&session, 0, FEW);
  ck_assert_uint_gt(n_waiting(), 2 * FEW / 8);
  EXPECT_OK(session_close(&session));
}
END_TEST

/* Tombs lie all over the file: one checkpoint for many of them. */
START_TEST(where_blocks_died_links_go_on_waiting)
{
  open_with_buckets(BLT_SYNC_OFF, BUCKETS);
  put_batch(&session, 0, 3);
  EXPECT_OK(blt_sync(session.db));
  put_batch(&session, 2, 3 * WAITING);
  ck_assert_uint_gt(n_waiting(), WAITING);
  EXPECT_OK(session_close(&session));
}
END_TEST

/* There it costs a sync. */
START_TEST(at_other_levels_links_go_on_waiting)
{
  open_with_buckets((blt_sync_level)_i, BUCKETS);
  put_batch(&session, 0, 3 * WAITING);
  ck_assert_uint_gt(n_waiting(), WAITING);
  EXPECT_OK(session_close(&session));
}
END_TEST

/* A checkpoint costs as much as the index is large. */
START_TEST(links_of_a_large_index_wait_for_an_eighth_of_it)
{
  enum { EIGHTH = 300000, LEAST = 1 << 18 };

  open_with_buckets(BLT_SYNC_BATCH, 8 * EIGHTH);
  put_batch(&session, 0, EIGHTH);
  ck_assert_uint_gt(n_waiting(), LEAST);
  put_batch(&session, EIGHTH, EIGHTH / 2);
  ck_assert_uint_eq(n_waiting(), 0);
  EXPECT_OK(session_close(&session));
}
END_TEST

/* ---- the log */

static void set_lengths(uint64_t sync_len, uint64_t due_len)
{
  session.db->log.sync_len = sync_len;
  session.db->log.due_len = due_len;
}

START_TEST(a_long_log_is_synced_at_batch_and_its_links_may_wait)
{
  open_with_buckets(BLT_SYNC_BATCH, BUCKETS);
  put_batch(&session, 0, 10);
  ck_assert_uint_lt(session.db->log.durable, session.db->log.end);
  set_lengths(1, UINT64_MAX);
  forget_events(&session.noting);
  put_batch(&session, 10, 10);
  ck_assert_uint_eq(count_events(&session.noting, EVENT_SYNC), 1);
  ck_assert_uint_eq(session.db->log.durable, session.db->log.end);
  ck_assert_uint_gt(n_waiting(), 0);
  EXPECT_OK(session_close(&session));
}
END_TEST

START_TEST(a_long_log_is_not_synced_at_off)
{
  open_with_buckets(BLT_SYNC_OFF, BUCKETS);
  set_lengths(1, 1);
  put_batch(&session, 0, 10);
  put_batch(&session, 10, 10);
  ck_assert_uint_eq(count_events(&session.noting, EVENT_SYNC), 0);
  EXPECT_OK(session_close(&session));
}
END_TEST

/* Put as one batch: a log that is longer by that. */
static void put_long(const char *key, size_t len)
{
  char *value = calloc(1, len);

  ck_assert_ptr_nonnull(value);
  EXPECT_OK(blt_batch_begin(session.db));
  EXPECT_OK(blt_put(session.db, key, strlen(key), value, len));
  EXPECT_OK(blt_batch_commit(session.db));
  free(value);
}

/* A checkpoint costs as much as the file is long, where blocks died. */
START_TEST(links_wait_for_log_of_an_eighth_of_a_long_file)
{
  enum { LEN = 1 << 20 };

  open_with_buckets((blt_sync_level)_i, 3);
  put_long("a", LEN);
  EXPECT_OK(blt_sync(session.db));
  set_lengths(1, 1);
  put_long("b", LEN / 16);
  ck_assert_uint_eq(n_waiting(), 1);
  put_long("c", LEN / 8);
  ck_assert_uint_eq(n_waiting(), 0);
  EXPECT_OK(session_close(&session));
}
END_TEST

/* The next commit would wait for all that they dirty. */
START_TEST(links_wait_for_no_share_of_the_file_at_full)
{
  open_with_buckets(BLT_SYNC_FULL, 3);
  put_long("a", 1 << 20);
  EXPECT_OK(blt_sync(session.db));
  set_lengths(1, 1);
  put_long("b", 10);
  ck_assert_uint_eq(n_waiting(), 0);
  EXPECT_OK(session_close(&session));
}
END_TEST

START_TEST(links_of_a_short_file_wait_for_a_length_of_its_level)
{
  open_with_buckets((blt_sync_level)_i, 3);
  put_long("a", 1 << 20);
  EXPECT_OK(blt_sync(session.db));
  set_lengths(UINT64_MAX, 1000);
  put_long("b", 10);
  ck_assert_uint_eq(n_waiting(), 1);
  put_long("c", 1000);
  ck_assert_uint_eq(n_waiting(), 0);
  EXPECT_OK(session_close(&session));
}
END_TEST

Suite *due_suite(void)
{
  Suite *const suite = suite_create("due");
  TCase *const links = case_of("links");
  TCase *const log = case_of("log");

  tcase_add_test(links, slots_go_back_when_they_are_an_eighth_of_the_index);
  tcase_add_test(links, slots_of_a_small_index_wait_for_4096_of_them);
  tcase_add_test(links, where_blocks_died_links_go_on_waiting);
  tcase_add_loop_test(links, at_other_levels_links_go_on_waiting,
                      BLT_SYNC_BATCH, BLT_SYNC_OFF);
  tcase_add_test(links, links_of_a_large_index_wait_for_an_eighth_of_it);
  suite_add_tcase(suite, links);
  tcase_add_test(log, a_long_log_is_synced_at_batch_and_its_links_may_wait);
  tcase_add_test(log, a_long_log_is_not_synced_at_off);
  tcase_add_loop_test(log, links_wait_for_log_of_an_eighth_of_a_long_file,
                      BLT_SYNC_BATCH, BLT_SYNC_BATCH + 1);
  tcase_add_loop_test(log, links_wait_for_log_of_an_eighth_of_a_long_file,
                      BLT_SYNC_OFF, BLT_SYNC_OFF + 1);
  tcase_add_test(log, links_wait_for_no_share_of_the_file_at_full);
  tcase_add_loop_test(log, links_of_a_short_file_wait_for_a_length_of_its_level,
                      BLT_SYNC_BATCH, BLT_SYNC_OFF + 1);
  suite_add_tcase(suite, log);
  return suite;
}
