/* test_aside.c - space that is put aside, and given back */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "support/store.h"
#include "unit/session.h"
#include "unit/suites.h"

static struct session session;

static void put_value(const char *key, size_t len)
{
  static const char value[3 << 20];

  EXPECT_OK(blt_batch_begin(session.db));
  EXPECT_OK(blt_put(session.db, key, strlen(key), value, len));
}

START_TEST(what_a_killed_writer_had_put_aside_goes_back)
{
  session_open(&session, NULL);
  put_value("a", 10);
  EXPECT_OK(blt_batch_commit(session.db));
  const struct copy copy = session_copy(&session);
  session.db->log.poisoned = 1;
  EXPECT(BLT_E_POISONED, session_close(&session));
  EXPECT_OK(session_open_copy(&session, &copy));
  ck_assert_uint_eq(count_events(&session.noting, EVENT_SET_SIZE), 1);
  expect_count(session.db, 1);
  EXPECT_OK(session_close(&session));
  free(copy.bytes);
}
END_TEST

/* A file system may have put aside all that there was when it says that this is
 * too little. */
START_TEST(space_that_was_too_little_goes_back)
{
  const blt_options options = session_options((blt_sync_level)_i);

  session_open(&session, &options);
  put_value("a", 2 << 20);
  EXPECT_OK(blt_batch_commit(session.db));
  forget_events(&session.noting);
  put_value("b", 3 << 20);
  session.noting.reserve_error = ENOSPC;
  EXPECT(BLT_E_NO_SPACE, blt_batch_commit(session.db));
  ck_assert_uint_eq(count_events(&session.noting, EVENT_SET_SIZE), 1);
  session.noting.reserve_error = 0;
  EXPECT_OK(blt_batch_commit(session.db));
  expect_count(session.db, 2);
  EXPECT_OK(session_close(&session));
}
END_TEST

/* The same where the commit itself finds its space, but not more. */
START_TEST(space_beyond_what_a_commit_needs_goes_back_at_the_end)
{
  session_open(&session, NULL);
  session.noting.reserve_max = 1000;
  put_value("a", 500);
  EXPECT_OK(blt_batch_commit(session.db));
  ck_assert_uint_eq(session.db->log.room.reserved, session.db->log.end);
  forget_events(&session.noting);
  EXPECT_OK(blt_checkpoint(session.db));
  ck_assert_uint_eq(count_events(&session.noting, EVENT_SET_SIZE), 1);
  EXPECT_OK(session_close(&session));
}
END_TEST

/* A batch of many parts, since no record of a fixed file spans much. */
START_TEST(space_is_put_aside_for_all_parts_of_a_commit)
{
  enum { LEN = 20000, PER_BATCH = 30 };
  static const char value[LEN];
  blt_options options = session_options(BLT_SYNC_BATCH);

  options.kind = BLT_FIXED;
  options.fixed_value_len = LEN;
  session_open(&session, &options);
  for (unsigned i = 0; i < 10 * PER_BATCH; i++) {
    if (i % PER_BATCH == 0)
      EXPECT_OK(blt_batch_begin(session.db));
    EXPECT_OK(blt_put(session.db, &i, sizeof i, value, LEN));
    if ((i + 1) % PER_BATCH != 0)
      continue;
    EXPECT_OK(blt_batch_commit(session.db));
    ck_assert_uint_ge(session.db->log.room.reserved, session.db->log.end);
  }
  EXPECT_OK(session_close(&session));
}
END_TEST

Suite *aside_suite(void)
{
  Suite *const suite =
      SUITE_OF("aside", space_is_put_aside_for_all_parts_of_a_commit,
               space_beyond_what_a_commit_needs_goes_back_at_the_end,
               what_a_killed_writer_had_put_aside_goes_back);
  TCase *const levels = case_of("levels");

  tcase_add_loop_test(levels, space_that_was_too_little_goes_back,
                      BLT_SYNC_BATCH, BLT_SYNC_OFF + 1);
  suite_add_tcase(suite, levels);
  return suite;
}
