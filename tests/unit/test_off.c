/* test_off.c - what is done otherwise where nothing is synced */
#include <stdlib.h>
#include <string.h>

#include "support/store.h"
#include "unit/session.h"
#include "unit/suites.h"

static struct session session;

static void open_off(void)
{
  const blt_options options = session_options(BLT_SYNC_OFF);

  session_open(&session, &options);
}

/* A short session would pay for what it does not use. */
START_TEST(space_is_put_aside_for_a_log_of_more_than_a_mebibyte)
{
  enum { LEN = 64 << 10 };
  static const char value[LEN];

  open_off();
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

  open_off();
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
  TCase *const space = case_of("space");

  tcase_add_test(space, space_is_put_aside_for_a_log_of_more_than_a_mebibyte);
  tcase_add_loop_test(
      space, space_is_put_aside_for_a_copy_of_more_than_a_mebibyte, 0, 2);
  suite_add_tcase(suite, space);
  return suite;
}
