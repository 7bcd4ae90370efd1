/* test_begin.c - the disk begins with the log before it is synced */
#include <stdio.h>
#include <string.h>

#include "support/store.h"
#include "unit/session.h"
#include "unit/suites.h"

static struct session session;

/* The parts follow one another and are of whole pages; none is of OFF, where no
 * sync comes, nor of FULL, where it comes at once. */
START_TEST(the_disk_begins_with_the_log_before_the_sync_of_batch)
{
  const blt_sync_level level = (blt_sync_level)_i;
  const blt_options options = session_options(level);
  static const char value[70000];
  uint64_t begun;

  session_open(&session, &options);
  put_durably(&session, "first", "value");
  begun = session.db->log.begun;
  forget_events(&session.noting);
  for (unsigned i = 0; i < 40; i++) {
    put_text(session.db, "short", "value");
    EXPECT_OK(blt_batch_begin(session.db));
    EXPECT_OK(blt_put(session.db, "long", 4, value, sizeof value));
    EXPECT_OK(blt_batch_commit(session.db));
  }
  ck_assert_uint_eq(count_events(&session.noting, EVENT_BEGIN_SYNC) > 3,
                    level == BLT_SYNC_BATCH);
  for (size_t i = 0; i < session.noting.n_events; i++) {
    const struct event *const event = &session.noting.events[i];
    if (event->kind != EVENT_BEGIN_SYNC)
      continue;
    ck_assert_uint_eq(event->off, begun);
    begun = event->off + event->len;
    ck_assert_uint_eq(begun % 4096, 0);
    ck_assert_uint_le(begun, event->size);
  }
  if (level == BLT_SYNC_BATCH)
    ck_assert_uint_lt(session.db->log.end - begun, 512 << 10);
  EXPECT_OK(session_close(&session));
}
END_TEST

static void put_2000_together(void)
{
  static const char value[100];
  char key[16];

  EXPECT_OK(blt_batch_begin(session.db));
  for (unsigned i = 0; i < 2000; i++) {
    snprintf(key, sizeof key, "%u", i);
    EXPECT_OK(blt_put(session.db, key, strlen(key), value, sizeof value));
  }
  EXPECT_OK(blt_batch_commit(session.db));
}

/* The blocks that were replaced die in long writes. */
START_TEST(the_disk_begins_with_links_where_a_sync_follows)
{
  const blt_sync_level level = (blt_sync_level)_i;
  const blt_options options = session_options(level);
  unsigned n_begun = 0;

  session_open(&session, &options);
  put_2000_together();
  EXPECT_OK(blt_sync(session.db));
  const uint64_t end_before = session.db->log.end;
  forget_events(&session.noting);
  put_2000_together();
  EXPECT_OK(blt_sync(session.db));
  for (size_t i = 0; i < session.noting.n_events; i++) {
    const struct event *const event = &session.noting.events[i];
    if (event->kind != EVENT_BEGIN_SYNC || event->off >= end_before)
      continue;
    n_begun++;
    ck_assert_uint_ge(event->len, 64 << 10);
  }
  ck_assert_uint_eq(n_begun > 0, level != BLT_SYNC_OFF);
  EXPECT_OK(session_close(&session));
}
END_TEST

Suite *begin_suite(void)
{
  Suite *const suite = suite_create("begin");
  TCase *const levels = case_of("levels");

  tcase_add_loop_test(levels,
                      the_disk_begins_with_the_log_before_the_sync_of_batch,
                      BLT_SYNC_BATCH, BLT_SYNC_OFF + 1);
  tcase_add_loop_test(levels, the_disk_begins_with_links_where_a_sync_follows,
                      0, BLT_SYNC_OFF + 1);
  suite_add_tcase(suite, levels);
  return suite;
}
