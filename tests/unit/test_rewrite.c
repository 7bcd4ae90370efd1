/* test_rewrite.c - reindex, prune and clear: order of writes, and no space */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "support/store.h"
#include "unit/session.h"
#include "unit/suites.h"

static struct session session;

/* Live and dead blocks, all in the file. */
static uint64_t make(void)
{
  session_open(&session, NULL);
  put_numbered(session.db, 0, 60);
  EXPECT_OK(blt_sync(session.db));
  put_numbered(session.db, 0, 50);
  EXPECT_OK(blt_sync(session.db));
  EXPECT_OK(blt__log_flatten(&session.db->log));
  forget_events(&session.noting);
  return session.db->image.view.size;
}

static int is_header(const struct event *e)
{
  return e->kind == EVENT_WRITE && e->off == 0;
}

static size_t next_header(size_t from)
{
  const struct noting *const noting = &session.noting;

  while (from < noting->n_events && !is_header(&noting->events[from]))
    from++;
  return from;
}

/* R1: one write, all before it is synced, and so is it before anything else
 * is written. */
START_TEST(the_header_changes_alone_between_two_syncs)
{
  unsigned n_headers = 0;

  make();
  EXPECT_OK(_i == 0 ? blt_reindex(session.db, 7)
                    : blt_prune(session.db, NULL, NULL));
  const struct noting *const noting = &session.noting;
  for (size_t i = next_header(0); i < noting->n_events;
       i = next_header(i + 1)) {
    ck_assert_uint_eq(noting->events[i].len, BLT__HEADER_LEN);
    ck_assert_uint_gt(i, 0);
    ck_assert_int_eq(noting->events[i - 1].kind, EVENT_SYNC);
    ck_assert_uint_lt(i + 1, noting->n_events);
    ck_assert_int_eq(noting->events[i + 1].kind, EVENT_SYNC);
    n_headers++;
  }
  ck_assert_uint_eq(n_headers, _i == 0 ? 1 : 2);
  expect_numbered(session.db, 0, 60);
  expect_sound(session.db);
  EXPECT_OK(session_close(&session));
}
END_TEST

/* R2: up to the switch only what was appended is written, after it only the
 * dead front. */
START_TEST(nothing_that_is_needed_is_written_over)
{
  enum { RECORD_MAX = 256 };
  const uint64_t old_end = make();

  EXPECT_OK(blt_prune(session.db, NULL, NULL));
  const struct noting *const noting = &session.noting;
  const size_t first_switch = next_header(0);
  const size_t second_switch = next_header(first_switch + 1);
  ck_assert_uint_lt(second_switch, noting->n_events);
  for (size_t i = 0; i < second_switch; i++) {
    const struct event *const e = &noting->events[i];
    if (i < first_switch && e->kind == EVENT_SET_SIZE)
      ck_assert_uint_ge(e->off, old_end);
    if (e->kind != EVENT_WRITE || is_header(e))
      continue;
    if (i < first_switch)
      ck_assert_uint_ge(e->off, old_end);
    else
      ck_assert_uint_le(e->off + e->len, old_end + RECORD_MAX);
  }
  ck_assert_uint_lt(session.db->image.view.size, old_end);
  expect_numbered(session.db, 0, 60);
  EXPECT_OK(session_close(&session));
}
END_TEST

/* R2: the result would end behind the place where the copy begins. */
START_TEST(a_copy_that_does_not_fit_into_the_front_stays_where_it_is)
{
  blt_prune_options options = BLT_PRUNE_OPTIONS_INIT;
  const uint64_t old_end = make();

  options.n_buckets = 5000;
  EXPECT_OK(blt_prune(session.db, &options, NULL));
  ck_assert_uint_gt(session.db->image.layout.first_off, old_end);
  const struct noting *const noting = &session.noting;
  for (size_t i = 0; i < noting->n_events; i++)
    if (noting->events[i].kind == EVENT_WRITE && !is_header(&noting->events[i]))
      ck_assert_uint_ge(noting->events[i].off, old_end);
  expect_numbered(session.db, 0, 60);
  expect_sound(session.db);
  EXPECT_OK(session_close(&session));
}
END_TEST

static blt_status rewrite_any(int which)
{
  return which == 0 ? blt_reindex(session.db, 7)
                    : blt_prune(session.db, NULL, NULL);
}

/* 8 keys, each value replaced once; long ones, which no dead block spans, and
 * short ones. */
static void make_open_to_booklet(size_t value_len)
{
  static uint8_t value[20000];
  blt_options options = session_options(BLT_SYNC_BATCH);

  options.kind = BLT_FIXED;
  options.fixed_value_len = (uint32_t)value_len;
  session_open(&session, &options);
  for (int round = 0; round < 2; round++)
    for (int i = 0; i < 8; i++)
      EXPECT_OK(blt_put(session.db, &"abcdefgh"[i], 1, value, value_len));
  EXPECT_OK(blt_sync(session.db));
  forget_events(&session.noting);
}

/* Up to the switch the copy is behind a cover or the kind is inverted, and so
 * is what a slide leaves until the file is cut. */
START_TEST(booklet_never_sees_a_copy_next_to_the_store)
{
  const size_t value_len = _i < 2 ? 20000 : 9;
  unsigned n_open = 0;

  make_open_to_booklet(value_len);
  EXPECT_OK(rewrite_any(_i % 2));
  const size_t n_events = session.noting.n_events;
  EXPECT_OK(session_close(&session));
  for (size_t stop = 0; stop <= n_events; stop++) {
    make_open_to_booklet(value_len);
    session.noting.n_left = (unsigned)stop + 1;
    (void)rewrite_any(_i % 2);
    session.noting.n_left = 0;
    const struct copy copy = session_copy(&session);
    session.db->log.poisoned = 1;
    EXPECT(BLT_E_POISONED, session_close(&session));
    if (!blt__header_is_guarded(copy.bytes)) {
      n_open++;
      ck_assert_uint_eq(count_live(&copy), 8);
    }
    free(copy.bytes);
  }
  ck_assert_uint_gt(n_open, 1);
}
END_TEST

static blt_status rewrite(int which)
{
  switch (which) {
  case 0:
    return blt_reindex(session.db, 7);
  case 1:
    return blt_prune(session.db, NULL, NULL);
  default:
    return blt_clear(session.db);
  }
}

/* R3 */
START_TEST(a_rewrite_without_space_leaves_the_store_as_it_was)
{
  make();
  const struct copy before = session_copy(&session);
  for (int fault = 0; fault < 3; fault++) {
    session.noting.reserve_error = fault == 0 ? ENOSPC : 0;
    session.noting.set_size_error = fault == 1 ? ENOSPC : 0;
    session.noting.write_error = fault == 2 ? ENOSPC : 0;
    EXPECT(BLT_E_NO_SPACE, rewrite(_i));
    session.noting.reserve_error = session.noting.set_size_error = 0;
    session.noting.write_error = 0;
    const struct copy after = session_copy(&session);
    ck_assert_uint_eq(after.len, before.len);
    ck_assert_mem_eq(after.bytes, before.bytes, before.len);
    free(after.bytes);
    expect_numbered(session.db, 0, 60);
  }
  free(before.bytes);
  EXPECT_OK(rewrite(_i));
  expect_count(session.db, _i < 2 ? 60 : 0);
  expect_sound(session.db);
  EXPECT_OK(session_close(&session));
}
END_TEST

static int stop_at_once(void *ctx, const char *phase, uint64_t done,
                        uint64_t total)
{
  (void)ctx;
  (void)phase;
  (void)done;
  (void)total;
  return 1;
}

/* R3 */
START_TEST(a_rewrite_that_is_cancelled_leaves_the_store_as_it_was)
{
  session_open(&session, NULL);
  put_numbered(session.db, 0, 10000);
  EXPECT_OK(blt_sync(session.db));
  EXPECT_OK(blt__log_flatten(&session.db->log));
  const struct copy before = session_copy(&session);
  session.db->options.progress = stop_at_once;
  EXPECT(BLT_E_CANCELLED, blt_prune(session.db, NULL, NULL));
  const struct copy after = session_copy(&session);
  ck_assert_uint_eq(after.len, before.len);
  ck_assert_mem_eq(after.bytes, before.bytes, before.len);
  expect_numbered(session.db, 0, 10000);
  EXPECT_OK(session_close(&session));
  free(before.bytes);
  free(after.bytes);
}
END_TEST

static int stop_while_blocks_are_copied(void *ctx, const char *phase,
                                        uint64_t done, uint64_t total)
{
  (void)ctx;
  (void)phase;
  return done > 0 && done < total / 2;
}

/* R3 */
START_TEST(a_copy_that_is_cancelled_halfway_leaves_the_store_as_it_was)
{
  session_open(&session, NULL);
  for (unsigned i = 0; i < 40; i++) {
    static const char value[100000];
    EXPECT_OK(blt_put(session.db, &i, sizeof i, value, sizeof value));
  }
  EXPECT_OK(blt_sync(session.db));
  EXPECT_OK(blt__log_flatten(&session.db->log));
  const struct copy before = session_copy(&session);
  session.db->options.progress = stop_while_blocks_are_copied;
  EXPECT(BLT_E_CANCELLED, rewrite(_i));
  const struct copy after = session_copy(&session);
  ck_assert_uint_eq(after.len, before.len);
  ck_assert_mem_eq(after.bytes, before.bytes, before.len);
  expect_count(session.db, 40);
  EXPECT_OK(session_close(&session));
  free(before.bytes);
  free(after.bytes);
}
END_TEST

/* What the file is after each operation of a prune opens as a whole store. */
START_TEST(a_prune_that_stops_anywhere_is_whole)
{
  make();
  EXPECT_OK(blt_prune(session.db, NULL, NULL));
  const size_t n_events = session.noting.n_events;
  EXPECT_OK(session_close(&session));
  for (size_t stop = 0; stop < n_events; stop++) {
    make();
    session.noting.n_left = (unsigned)stop + 1;
    (void)blt_prune(session.db, NULL, NULL);
    session.noting.n_left = 0;
    const struct copy copy = session_copy(&session);
    session.db->log.poisoned = 1;
    EXPECT(BLT_E_POISONED, session_close(&session));
    EXPECT_OK(session_open_copy(&session, &copy));
    expect_numbered(session.db, 0, 60);
    expect_count(session.db, 60);
    expect_sound(session.db);
    EXPECT_OK(session_close(&session));
    free(copy.bytes);
  }
}
END_TEST

/* The handle is good for reading then, and the copy is still in the file. */
START_TEST(a_rewrite_that_fails_anywhere_shows_each_key_once)
{
  const size_t value_len = _i < 2 ? 20000 : 9;

  make_open_to_booklet(value_len);
  EXPECT_OK(rewrite_any(_i % 2));
  const size_t n_events = session.noting.n_events;
  EXPECT_OK(session_close(&session));
  for (size_t stop = 0; stop < n_events; stop++) {
    make_open_to_booklet(value_len);
    session.noting.n_left = (unsigned)stop + 1;
    (void)rewrite_any(_i % 2);
    session.noting.n_left = 0;
    ck_assert_uint_eq(count_by_iteration(session.db, BLT_ITER_KEYS), 8);
    session.db->log.poisoned = 1;
    EXPECT(BLT_E_POISONED, session_close(&session));
  }
}
END_TEST

Suite *rewrite_suite(void)
{
  Suite *const suite =
      SUITE_OF("rewrite", nothing_that_is_needed_is_written_over,
               a_copy_that_does_not_fit_into_the_front_stays_where_it_is,
               a_rewrite_that_is_cancelled_leaves_the_store_as_it_was,
               a_prune_that_stops_anywhere_is_whole);
  TCase *const made = case_of("kinds");

  tcase_add_loop_test(made, the_header_changes_alone_between_two_syncs, 0, 2);
  tcase_add_loop_test(made, a_rewrite_without_space_leaves_the_store_as_it_was,
                      0, 3);
  tcase_add_loop_test(made, booklet_never_sees_a_copy_next_to_the_store, 0, 4);
  tcase_add_loop_test(
      made, a_copy_that_is_cancelled_halfway_leaves_the_store_as_it_was, 0, 2);
  tcase_add_loop_test(made, a_rewrite_that_fails_anywhere_shows_each_key_once,
                      0, 4);
  suite_add_tcase(suite, made);
  return suite;
}
