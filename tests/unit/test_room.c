/* test_room.c - zeros ahead of the log, space put aside, the disk that begins
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "support/store.h"
#include "unit/session.h"
#include "unit/suites.h"

static struct session session;

/* A session that writes zeros ahead from its first commit on. */
static void open_full(void)
{
  const blt_options options = session_options(BLT_SYNC_FULL);

  session_open(&session, &options);
  session.db->log.room.ahead = (struct blt__ahead){0, 0, 6000};
}

static uint64_t file_len(void)
{
  uint64_t len = 0;

  ck_assert_int_eq(session.noting.file.ops->size(&session.noting.file, &len),
                   0);
  return len;
}

static void expect_zeros_behind_log(void)
{
  const struct copy copy = session_copy(&session);

  ck_assert_uint_gt(copy.len, session.db->log.end);
  ck_assert_uint_eq(copy.len, session.db->image.view.file_len);
  ck_assert_uint_eq(session.db->image.view.size, session.db->log.end);
  for (size_t i = session.db->log.end; i < copy.len; i++)
    ck_assert_uint_eq(copy.bytes[i], 0);
  free(copy.bytes);
}

static int is_guarded(void)
{
  const struct copy copy = session_copy(&session);
  struct blt__header header;
  const struct blt__sink sink = {NULL, ""};

  ck_assert_int_eq(blt__header_decode(&header, copy.bytes, copy.len, &sink),
                   BLT_OK);
  free(copy.bytes);
  return header.guarded;
}

/* ---- when zeros are written */

START_TEST(a_commit_writes_zeros_behind_itself_with_one_write)
{
  open_full();
  put_batch(&session, 0, 30);
  expect_zeros_behind_log();
  forget_events(&session.noting);
  put_batch(&session, 100, 300);
  expect_zeros_behind_log();
  /* The part and its zeros, and the reveal. */
  ck_assert_uint_eq(count_events(&session.noting, EVENT_WRITE), 2);
  ck_assert_uint_eq(count_events(&session.noting, EVENT_SET_SIZE), 0);
  EXPECT_OK(session_close(&session));
}
END_TEST

START_TEST(commits_inside_the_zeros_leave_the_length_as_it_is)
{
  unsigned n = 300;

  open_full();
  put_batch(&session, 0, 300);
  const uint64_t len = file_len();
  while (session.db->log.end + 200 < len) {
    put_batch(&session, ++n, 1);
    ck_assert_uint_eq(file_len(), len);
  }
  ck_assert_uint_gt(n, 310);
  put_batch(&session, ++n, 30);
  ck_assert_uint_gt(file_len(), len);
  expect_zeros_behind_log();
  EXPECT_OK(session_close(&session));
}
END_TEST

START_TEST(there_are_as_many_zeros_as_log_within_bounds)
{
  open_full();
  session.db->log.room.ahead = (struct blt__ahead){1000, 2000, 3000};
  put_batch(&session, 0, 1);
  const uint64_t begin = session.db->log.room.begin;
  uint64_t len = file_len();
  for (unsigned i = 1; i < 300; i++) {
    put_batch(&session, i * 100, 1);
    const uint64_t log_len = session.db->log.end - begin;
    if (log_len < 1000)
      ck_assert_uint_eq(file_len(), session.db->log.end);
    else if (file_len() != len)
      ck_assert_uint_eq(file_len() - session.db->log.end, log_len < 2000 ? 2000
                                                          : log_len < 3000
                                                              ? log_len
                                                              : 3000);
    len = file_len();
  }
  ck_assert_uint_gt(session.db->log.end - begin, 20000);
  EXPECT_OK(session_close(&session));
}
END_TEST

START_TEST(by_default_the_first_commits_write_no_zeros)
{
  const blt_options options = session_options(BLT_SYNC_FULL);

  session_open(&session, &options);
  for (unsigned i = 0; i < 20; i++) {
    put_batch(&session, i, 1);
    ck_assert_uint_eq(file_len(), session.db->log.end);
  }
  put_batch(&session, 20, 1000);
  expect_zeros_behind_log();
  EXPECT_OK(session_close(&session));
}
END_TEST

START_TEST(where_commits_are_not_synced_there_are_no_zeros)
{
  const blt_options options =
      session_options(_i == 0 ? BLT_SYNC_BATCH : BLT_SYNC_OFF);

  session_open(&session, &options);
  session.db->log.room.ahead = (struct blt__ahead){0, 0, 6000};
  put_batch(&session, 0, 1000);
  ck_assert_uint_eq(file_len(), session.db->log.end);
  EXPECT_OK(session_close(&session));
}
END_TEST

START_TEST(a_file_whose_length_others_see_is_never_ahead)
{
  open_full();
  if (_i == 0)
    session.noting.file.stays_short = 1;
  else
    session.noting.file.map_unsafe = 1; /* a network or FUSE               */
  put_batch(&session, 0, 300);
  ck_assert_uint_eq(file_len(), session.db->log.end);
  EXPECT_OK(session_close(&session));
}
END_TEST

static void expect_reserved(void)
{
  uint64_t reserved = 0;

  for (size_t i = 0; i < session.noting.n_events; i++)
    if (session.noting.events[i].kind == EVENT_RESERVE)
      reserved = session.noting.events[i].off + session.noting.events[i].len;
  ck_assert_uint_ge(reserved, session.db->log.end);
}

/* The cut gives it back. */
START_TEST(zeros_and_space_come_again_after_a_sync)
{
  open_full();
  put_batch(&session, 0, 300);
  forget_events(&session.noting);
  if (_i == 0)
    EXPECT_OK(blt_sync(session.db));
  else
    EXPECT_OK(blt_checkpoint(session.db));
  ck_assert_uint_eq(file_len(), session.db->log.end);
  put_batch(&session, 0, 30);
  expect_zeros_behind_log();
  expect_reserved();
  EXPECT_OK(session_close(&session));
}
END_TEST

/* No zeros: nothing to cut, and nothing to put aside again. */
START_TEST(a_sync_without_zeros_keeps_what_is_put_aside)
{
  const blt_options options = session_options(BLT_SYNC_FULL);

  session_open(&session, &options);
  put_batch(&session, 0, 3);
  EXPECT_OK(blt_sync(session.db));
  forget_events(&session.noting);
  put_batch(&session, 10, 3);
  EXPECT_OK(blt_sync(session.db));
  ck_assert_uint_eq(count_events(&session.noting, EVENT_SET_SIZE), 0);
  ck_assert_uint_eq(count_events(&session.noting, EVENT_RESERVE), 0);
  EXPECT_OK(blt_checkpoint(session.db));
  ck_assert_uint_eq(count_events(&session.noting, EVENT_SET_SIZE), 1);
  EXPECT_OK(session_close(&session));
}
END_TEST

/* V2: who reads meets no signal. */
START_TEST(the_window_ends_before_the_zeros_are_cut)
{
  open_full();
  put_batch(&session, 0, 30);
  const uint64_t end = session.db->log.end;
  EXPECT_OK(blt_batch_begin(session.db));
  put_numbered(session.db, 30, 300);
  session.noting.write_error = EIO;
  session.noting.watched = &session.db->image.view.size;
  session.db->image.view.size += 10; /* as if a part had been written     */
  EXPECT(BLT_E_IO, blt_batch_commit(session.db));
  ck_assert_uint_eq(session.noting.window_size, end);
  session.noting.write_error = 0;
  session.noting.watched = NULL;
  EXPECT_OK(blt_batch_abort(session.db));
  EXPECT_OK(session_close(&session));
}
END_TEST

/* ---- L6: what booklet sees */

/* L6 */
START_TEST(booklet_never_sees_the_zeros)
{
  open_full();
  put_batch(&session, 0, 300);
  ck_assert(is_guarded());
  EXPECT_OK(blt_sync(session.db));
  ck_assert(!is_guarded());
  ck_assert_uint_eq(file_len(), session.db->log.end);
  put_batch(&session, 300, 300);
  ck_assert(is_guarded());
  expect_zeros_behind_log();
  EXPECT_OK(blt_checkpoint(session.db));
  ck_assert_uint_eq(file_len(), session.db->log.end);
  EXPECT_OK(session_close(&session));
}
END_TEST

/* By one of the two calls that do; what it writes is noted. */
static void show_file(int by_checkpoint)
{
  forget_events(&session.noting);
  EXPECT_OK(by_checkpoint ? blt_checkpoint(session.db) : blt_sync(session.db));
}

/* The last cut, then a sync, then the header that shows the file. */
static void expect_cut_before_header(void)
{
  int is_cut = 0, is_synced = 0;

  for (size_t i = 0; i < session.noting.n_events; i++) {
    const struct event *const e = &session.noting.events[i];
    if (e->kind == EVENT_SET_SIZE && e->off < e->size)
      is_cut = 1, is_synced = 0;
    is_synced |= is_cut && e->kind == EVENT_SYNC;
    if (e->kind == EVENT_WRITE && e->off == 0)
      ck_assert_msg(is_synced, "the header was written before the cut is "
                               "durable");
  }
  ck_assert(is_cut);
}

/* L6 */
START_TEST(the_cut_is_durable_before_the_header_that_booklet_takes)
{
  open_full();
  put_batch(&session, 0, 300);
  EXPECT_OK(blt_sync(session.db));
  put_batch(&session, 0, 300);
  show_file(_i);
  expect_cut_before_header();
  EXPECT_OK(session_close(&session));
}
END_TEST

static void put_and_delete_in_a_batch(void)
{
  EXPECT_OK(blt_batch_begin(session.db));
  put_text(session.db, "new", "and gone");
  EXPECT_OK(blt_delete(session.db, "new", 3));
  EXPECT_OK(blt_batch_commit(session.db));
}

/* All links are in the file and synced, and the zeros are there still. */
static void settle_all_but_the_zeros(void)
{
  open_full();
  session.db->log.due_len = 1;
  put_batch(&session, 0, 30);
  EXPECT_OK(blt_file_timestamp_set(session.db, 7));
  put_and_delete_in_a_batch();
  ck_assert_uint_eq(session.db->image.links.n, 0);
  ck_assert(!session.db->log.links_unsynced);
  expect_zeros_behind_log();
}

/* L6 */
START_TEST(the_cut_is_synced_where_nothing_else_is_to_be)
{
  settle_all_but_the_zeros();
  show_file(_i);
  expect_cut_before_header();
  EXPECT_OK(session_close(&session));
}
END_TEST

/* L6: nor is the cut of a commit that failed synced. */
START_TEST(a_commit_that_failed_does_not_show_a_file_that_was_hidden)
{
  settle_all_but_the_zeros();
  EXPECT_OK(blt_batch_begin(session.db));
  put_numbered(session.db, 100, 300);
  session.noting.space_end = session.db->log.end + 1;
  EXPECT(BLT_E_NO_SPACE, blt_batch_commit(session.db));
  session.noting.space_end = 0;
  ck_assert(is_guarded());
  EXPECT_OK(blt_batch_abort(session.db));
  EXPECT_OK(blt_sync(session.db));
  ck_assert(!is_guarded());
  EXPECT_OK(blt_batch_begin(session.db));
  put_numbered(session.db, 100, 300);
  session.noting.space_end = session.db->log.end + 1;
  EXPECT(BLT_E_NO_SPACE, blt_batch_commit(session.db));
  session.noting.space_end = 0;
  ck_assert(!is_guarded());
  EXPECT_OK(session_close(&session));
}
END_TEST

START_TEST(a_rewrite_begins_with_the_cut)
{
  open_full();
  put_batch(&session, 0, 300);
  EXPECT_OK(blt_reindex(session.db, 0));
  ck_assert_uint_eq(file_len(), session.db->log.end);
  put_batch(&session, 0, 300);
  EXPECT_OK(blt_prune(session.db, NULL, NULL));
  ck_assert_uint_eq(file_len(), session.db->log.end);
  expect_count(session.db, 300);
  EXPECT_OK(session_close(&session));
}
END_TEST

START_TEST(after_a_cut_that_failed_the_header_is_not_shown)
{
  open_full();
  put_batch(&session, 0, 300);
  session.noting.cut_error = EIO;
  EXPECT(BLT_E_COMMITTED, blt_sync(session.db));
  session.noting.cut_error = 0;
  ck_assert(is_guarded());
  EXPECT(BLT_E_POISONED, session_close(&session));
}
END_TEST

/* ---- a full disk */

START_TEST(without_space_for_zeros_the_commit_takes_place)
{
  unsigned n = 100;

  open_full();
  put_batch(&session, 0, n);
  const uint64_t len = file_len();
  session.noting.space_end = len + 1000;
  while (file_len() == len)
    put_batch(&session, n++, 1);
  ck_assert_uint_gt(session.db->image.view.file_len, session.noting.space_end);
  ck_assert_uint_eq(file_len(), session.db->log.end);
  put_batch(&session, n++, 1);
  expect_count(session.db, n);
  EXPECT_OK(blt_sync(session.db));
  ck_assert_uint_eq(file_len(), session.db->log.end);
  EXPECT_OK(session_close(&session));
}
END_TEST

START_TEST(a_commit_that_failed_takes_its_zeros_back)
{
  open_full();
  put_batch(&session, 0, 30);
  expect_zeros_behind_log();
  const uint64_t end = session.db->log.end;
  EXPECT_OK(blt_batch_begin(session.db));
  put_numbered(session.db, 30, 300);
  session.noting.write_error = ENOSPC;
  EXPECT(BLT_E_NO_SPACE, blt_batch_commit(session.db));
  session.noting.write_error = 0;
  ck_assert_uint_eq(file_len(), end);
  EXPECT_OK(blt_batch_commit(session.db));
  expect_count(session.db, 330);
  EXPECT_OK(session_close(&session));
}
END_TEST

/* ---- a kill */

START_TEST(a_killed_writers_zeros_are_cut_and_not_counted)
{
  blt_open_info info;

  open_full();
  put_text(session.db, "a", "first");
  put_text(session.db, "b", "other");
  put_batch(&session, 0, 100);
  expect_zeros_behind_log();
  const struct copy copy = session_copy(&session);
  const uint64_t end = session.db->log.end;
  session.db->log.poisoned = 1;
  EXPECT(BLT_E_POISONED, session_close(&session));
  EXPECT_OK(session_open_copy(&session, &copy));
  EXPECT_OK(blt_open_report(session.db, &info));
  ck_assert_int_eq(info.what, BLT_OPENED_RECOVERED);
  ck_assert_uint_eq(info.cut_len, 0);
  ck_assert_uint_eq(file_len(), end);
  expect_count(session.db, 102);
  EXPECT_OK(session_close(&session));
  free(copy.bytes);
}
END_TEST

START_TEST(a_commit_that_was_cut_short_inside_the_zeros_is_ours)
{
  open_full();
  put_text(session.db, "a", "first");
  put_batch(&session, 0, 10);
  const uint64_t end = session.db->log.end;
  put_text(session.db, "b", "never");
  EXPECT_OK(blt_sync(session.db));
  put_batch(&session, 20, 30);
  struct copy copy = session_copy(&session);
  ck_assert_uint_gt(copy.len, session.db->log.end);
  /* As if the write had stopped after a page. */
  const uint64_t last = session.db->log.end;
  session.db->log.poisoned = 1;
  EXPECT(BLT_E_POISONED, session_close(&session));
  memset(copy.bytes + last - 40, 0, 40);
  EXPECT_OK(session_open_copy(&session, &copy));
  blt_open_info info;
  EXPECT_OK(blt_open_report(session.db, &info));
  ck_assert_int_eq(info.what, BLT_OPENED_RECOVERED);
  ck_assert_uint_gt(info.cut_len, 0);
  ck_assert_uint_lt(info.cut_len, last - end);
  expect_count(session.db, 12);
  EXPECT_OK(session_close(&session));
  free(copy.bytes);
}
END_TEST

Suite *room_suite(void)
{
  Suite *const suite = suite_create("room");
  TCase *const when = tcase_create("when");
  TCase *const shown = tcase_create("shown");
  TCase *const failed = tcase_create("failed");

  tcase_add_test(when, a_commit_writes_zeros_behind_itself_with_one_write);
  tcase_add_test(when, commits_inside_the_zeros_leave_the_length_as_it_is);
  tcase_add_test(when, there_are_as_many_zeros_as_log_within_bounds);
  tcase_add_test(when, by_default_the_first_commits_write_no_zeros);
  tcase_add_loop_test(when, where_commits_are_not_synced_there_are_no_zeros, 0,
                      2);
  tcase_add_loop_test(when, a_file_whose_length_others_see_is_never_ahead, 0,
                      2);
  tcase_add_test(when, a_sync_without_zeros_keeps_what_is_put_aside);
  tcase_add_loop_test(when, zeros_and_space_come_again_after_a_sync, 0, 2);
  suite_add_tcase(suite, when);
  tcase_add_test(shown, booklet_never_sees_the_zeros);
  tcase_add_loop_test(
      shown, the_cut_is_durable_before_the_header_that_booklet_takes, 0, 2);
  tcase_add_loop_test(shown, the_cut_is_synced_where_nothing_else_is_to_be, 0,
                      2);
  tcase_add_test(shown,
                 a_commit_that_failed_does_not_show_a_file_that_was_hidden);
  tcase_add_test(shown, a_rewrite_begins_with_the_cut);
  tcase_add_test(shown, after_a_cut_that_failed_the_header_is_not_shown);
  suite_add_tcase(suite, shown);
  tcase_add_test(failed, without_space_for_zeros_the_commit_takes_place);
  tcase_add_test(failed, a_commit_that_failed_takes_its_zeros_back);
  tcase_add_test(failed, the_window_ends_before_the_zeros_are_cut);
  tcase_add_test(failed, a_killed_writers_zeros_are_cut_and_not_counted);
  tcase_add_test(failed, a_commit_that_was_cut_short_inside_the_zeros_is_ours);
  suite_add_tcase(suite, failed);
  return suite;
}
