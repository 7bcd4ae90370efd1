/* test_off.c - what is done otherwise where nothing is synced */
#include <stdlib.h>
#include <string.h>

#include "support/store.h"
#include "unit/session.h"
#include "unit/suites.h"

enum { BUCKETS = 40000, WAITING = BUCKETS / 8 };

static struct session session;

static void open_with_buckets(blt_sync_level level)
{
  blt_options options = session_options(level);

  options.n_buckets = BUCKETS;
  session_open(&session, &options);
}

static size_t n_waiting(void)
{
  return session.db->image.links.n;
}

START_TEST(slots_go_back_when_they_are_an_eighth_of_the_index)
{
  open_with_buckets(BLT_SYNC_OFF);
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
  blt_options options = session_options(BLT_SYNC_OFF);

  options.n_buckets = 2 * FEW;
  session_open(&session, &options);
  put_batch(&session, 0, FEW);
  ck_assert_uint_gt(n_waiting(), options.n_buckets / 8);
  EXPECT_OK(session_close(&session));
}
END_TEST

/* Tombs lie all over the file: one checkpoint for many of them. */
START_TEST(where_blocks_died_links_go_on_waiting)
{
  open_with_buckets(BLT_SYNC_OFF);
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
  open_with_buckets((blt_sync_level)_i);
  put_batch(&session, 0, 3 * WAITING);
  ck_assert_uint_gt(n_waiting(), WAITING);
  EXPECT_OK(session_close(&session));
}
END_TEST

/* A short session would pay for what it does not use. */
START_TEST(space_is_put_aside_for_a_log_of_more_than_a_mebibyte)
{
  enum { LEN = 64 << 10 };
  static const char value[LEN];

  open_with_buckets(BLT_SYNC_OFF);
  for (unsigned i = 0; i < 64; i++) {
    const uint64_t log_len =
        session.db->log.in_session
            ? session.db->log.end - session.db->log.room.begin
            : 0;
    const int was_long = log_len >= 1 << 20;
    EXPECT_OK(blt_batch_begin(session.db));
    EXPECT_OK(blt_put(session.db, &i, sizeof i, value, LEN));
    EXPECT_OK(blt_batch_commit(session.db));
    ck_assert_int_eq(session.db->log.room.reserved > 0, was_long);
    if (was_long)
      ck_assert_uint_ge(session.db->log.room.reserved, session.db->log.end);
  }
  ck_assert_uint_lt(count_events(&session.noting, EVENT_RESERVE), 8);
  EXPECT_OK(session_close(&session));
}
END_TEST

/* The same for a copy. */
START_TEST(space_is_put_aside_for_a_copy_of_more_than_a_mebibyte)
{
  static const char value[2 << 20];

  open_with_buckets(BLT_SYNC_OFF);
  EXPECT_OK(blt_put(session.db, "a", 1, value, _i == 0 ? 1 << 19 : 2 << 20));
  EXPECT_OK(blt_sync(session.db));
  forget_events(&session.noting);
  EXPECT_OK(blt_reindex(session.db, 100));
  ck_assert_uint_eq(count_events(&session.noting, EVENT_RESERVE), (size_t)_i);
  EXPECT_OK(session_close(&session));
}
END_TEST

Suite *off_suite(void)
{
  Suite *const suite = suite_create("off");
  TCase *const links = case_of("links");
  TCase *const space = case_of("space");

  tcase_add_test(links, slots_go_back_when_they_are_an_eighth_of_the_index);
  tcase_add_test(links, slots_of_a_small_index_wait_for_4096_of_them);
  tcase_add_test(links, where_blocks_died_links_go_on_waiting);
  tcase_add_loop_test(links, at_other_levels_links_go_on_waiting, BLT_SYNC_FULL,
                      BLT_SYNC_OFF);
  suite_add_tcase(suite, links);
  tcase_add_test(space, space_is_put_aside_for_a_log_of_more_than_a_mebibyte);
  tcase_add_loop_test(
      space, space_is_put_aside_for_a_copy_of_more_than_a_mebibyte, 0, 2);
  suite_add_tcase(suite, space);
  return suite;
}
