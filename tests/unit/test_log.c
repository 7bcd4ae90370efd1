/* test_log.c - commits and checkpoints: what is written when */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "change/checkpoint.h"
#include "support/store.h"
#include "unit/session.h"
#include "unit/suites.h"

static struct session session;

/* Without zeros ahead of the log: they are test_room's. */
static void open_at(blt_sync_level level)
{
  const blt_options options = session_options(level);

  session_open(&session, &options);
  session.db->log.room.ahead.after = UINT64_MAX;
}

/* Of the writes, how many append. */
static unsigned count_appends(uint64_t end)
{
  unsigned n = 0;

  for (size_t i = 0; i < session.noting.n_events; i++)
    n += session.noting.events[i].kind == EVENT_WRITE &&
         session.noting.events[i].off >= end;
  return n;
}

START_TEST(a_full_commit_has_exactly_one_sync)
{
  open_at(BLT_SYNC_FULL);
  put_batch(&session, 0, 1);
  for (unsigned i = 1; i <= 20; i++) {
    const uint64_t end = session.db->log.end;
    forget_events(&session.noting);
    put_batch(&session, i % 3 == 0 ? 0 : i * 100, i);
    ck_assert_uint_eq(count_events(&session.noting, EVENT_SYNC), 1);
    ck_assert_uint_eq(count_events(&session.noting, EVENT_SET_SIZE), 0);
    ck_assert_uint_eq(count_appends(end), 2);
    ck_assert_int_eq(session.noting.events[session.noting.n_events - 1].kind,
                     EVENT_SYNC);
  }
  EXPECT_OK(session_close(&session));
}
END_TEST

START_TEST(a_commit_at_the_other_levels_has_no_sync)
{
  open_at(_i == 0 ? BLT_SYNC_BATCH : BLT_SYNC_OFF);
  put_batch(&session, 0, 1);
  forget_events(&session.noting);
  put_batch(&session, 1, 50);
  ck_assert_uint_eq(count_events(&session.noting, EVENT_SYNC), 0);
  /* One for the commit, one for its links. */
  EXPECT_OK(blt_sync(session.db));
  ck_assert_uint_eq(count_events(&session.noting, EVENT_SYNC), _i == 0 ? 2 : 0);
  EXPECT_OK(blt_sync(session.db));
  ck_assert_uint_eq(count_events(&session.noting, EVENT_SYNC), _i == 0 ? 2 : 0);
  EXPECT_OK(session_close(&session));
}
END_TEST

static uint64_t bytes_appended(uint64_t end)
{
  uint64_t n = 0;

  for (size_t i = 0; i < session.noting.n_events; i++)
    if (session.noting.events[i].kind == EVENT_WRITE &&
        session.noting.events[i].off >= end)
      n += session.noting.events[i].len;
  return n;
}

/* A record has 27 + 94 + 8 bytes, 18 and 12 for each replacement, and is
 * filled up to a stride of 32; the reveal has 4. */
START_TEST(a_put_appends_its_block_and_little_more)
{
  uint64_t blocks_len = 0;
  char text[32];

  open_at(BLT_SYNC_FULL);
  put_batch(&session, 0, 1);
  for (unsigned i = 0; i < 100; i++)
    blocks_len +=
        32 + 10 + (unsigned)snprintf(text, sizeof text, "value-%u", 1000 + i);
  for (int is_again = 0; is_again < 2; is_again++) {
    const uint64_t end = session.db->log.end;
    forget_events(&session.noting);
    put_batch(&session, 1000, 100);
    const uint64_t most =
        blocks_len + 129 + 31 + 4 + (is_again ? 100 * (18 + 12) : 0);
    ck_assert_uint_ge(bytes_appended(end), blocks_len);
    ck_assert_uint_le(bytes_appended(end), most);
  }
  EXPECT_OK(session_close(&session));
}
END_TEST

/* L1: a link below the end of the log is written only when all before it is
 * synced; the header may say so at any time. */
static void judge_order(void)
{
  const struct noting *const noting = &session.noting;
  uint64_t synced = 0;

  for (size_t i = 0; i < noting->n_events; i++) {
    const struct event *const e = &noting->events[i];
    if (e->kind == EVENT_SYNC)
      synced = e->size;
    if (e->kind != EVENT_WRITE || e->off == 0 || e->off >= synced)
      continue;
    ck_assert_msg(e->size == synced,
                  "%u bytes at %u are written while %u of %u are synced",
                  (unsigned)e->len, (unsigned)e->off, (unsigned)synced,
                  (unsigned)e->size);
  }
}

START_TEST(no_link_is_written_back_before_its_commit_is_durable)
{
  open_at(_i == 0 ? BLT_SYNC_BATCH : BLT_SYNC_FULL);
  forget_events(&session.noting);
  for (unsigned round = 0; round < 6; round++) {
    put_batch(&session, 0, 30);
    put_batch(&session, 20, 30);
    delete_text(session.db, "key-000007");
    EXPECT_OK(blt_sync(session.db));
    put_batch(&session, 40, 5);
    if (round == 3)
      EXPECT_OK(blt_timestamp_set(session.db, "key-000041", 10, 5));
  }
  EXPECT_OK(blt__log_close(&session.db->log));
  judge_order();
  EXPECT_OK(session_close(&session));
}
END_TEST

/* L2 */
START_TEST(a_dead_block_dies_in_the_file_one_sync_later)
{
  const struct noting *const noting = &session.noting;
  int n_syncs = 0, n_links = 0, n_deaths = 0;

  session_open(&session, NULL);
  put_durably(&session, "a", "first");
  const uint64_t first = block_of(&session, "a");
  forget_events(&session.noting);
  put_durably(&session, "a", "second");
  ck_assert_uint_eq(link_in_file(&session, first), BLT__LINK_DEAD);
  ck_assert_uint_ne(link_in_file(&session, block_of(&session, "a")),
                    BLT__LINK_DEAD);
  for (size_t i = 0; i < noting->n_events; i++) {
    const struct event *const e = &noting->events[i];
    if (e->kind == EVENT_SYNC && n_links > 0)
      n_syncs++;
    if (e->kind != EVENT_WRITE || e->off == 0 || e->off > first + BLT__LINK_OFF)
      continue;
    if (e->off < first)
      n_links++;
    else
      n_deaths += n_syncs > 0;
  }
  ck_assert_int_eq(n_links, 1);
  ck_assert_int_eq(n_deaths, 1);
  expect_text(session.db, "a", "second");
  EXPECT_OK(session_close(&session));
}
END_TEST

/* L5. What booklet would read: the file as it stands, and nothing over it. */
static int is_refused_by_booklet(void)
{
  const struct copy copy = session_copy(&session);
  const int is_refused = copy.bytes[0] == (0x4f ^ 0xff);

  ck_assert(is_refused || copy.bytes[0] == 0x4f);
  free(copy.bytes);
  return is_refused;
}

/* L5 */
START_TEST(booklet_refuses_the_file_from_a_commit_to_the_next_sync)
{
  open_at((blt_sync_level)_i);
  for (unsigned i = 0; i < 3; i++) {
    put_batch(&session, 0, 10 + i);
    ck_assert(is_refused_by_booklet());
    EXPECT_OK(blt_sync(session.db));
    ck_assert(!is_refused_by_booklet());
    ck_assert_uint_eq(session.db->image.links.n, 0);
  }
  EXPECT_OK(session_close(&session));
}
END_TEST

/* L5: its prune would bring back a block that does not look dead; of a value
 * that was replaced, once booklet has deleted the key. */
START_TEST(after_a_sync_what_died_is_dead_in_the_file)
{
  open_at((blt_sync_level)_i);
  put_durably(&session, "a", "first");
  put_durably(&session, "b", "second");
  const uint64_t first = block_of(&session, "a");
  const uint64_t second = block_of(&session, "b");
  delete_text(session.db, "a");
  EXPECT_OK(blt_sync(session.db));
  ck_assert_uint_eq(link_in_file(&session, first), BLT__LINK_DEAD);
  put_durably(&session, "b", "third");
  ck_assert_uint_eq(link_in_file(&session, second), BLT__LINK_DEAD);
  ck_assert(!is_refused_by_booklet());
  EXPECT_OK(session_close(&session));
}
END_TEST

/* L5: a power cut that keeps the header keeps the links and tombs of which it
 * speaks. */
START_TEST(the_header_that_booklet_may_open_comes_after_a_sync)
{
  open_at(_i == 0 ? BLT_SYNC_BATCH : BLT_SYNC_FULL);
  for (unsigned round = 0; round < 4; round++) {
    put_batch(&session, round % 2 == 0 ? 100 * round : 0, 10);
    EXPECT_OK(blt_sync(session.db));
    const struct event *const last =
        &session.noting.events[session.noting.n_events - 1];
    ck_assert_int_eq(last->kind, EVENT_WRITE);
    ck_assert_uint_eq(last->off, 0);
    ck_assert_int_eq((last - 1)->kind, EVENT_SYNC);
  }
  EXPECT_OK(session_close(&session));
}
END_TEST

/* Else an old record that happens to stand at its place again would count. */
START_TEST(each_session_has_a_salt_of_its_own)
{
  struct blt__checkpoint first, second;

  open_at((blt_sync_level)_i);
  put_batch(&session, 0, 1);
  const struct copy copy = session_copy(&session);
  EXPECT_OK(blt_checkpoint(session.db));
  put_batch(&session, 1, 1);
  const struct copy later = session_copy(&session);
  ck_assert(blt__checkpoint_decode(copy.bytes, &first));
  ck_assert(blt__checkpoint_decode(later.bytes, &second));
  ck_assert_int_eq(first.state, BLT__DIRTY);
  ck_assert_int_eq(second.state, BLT__DIRTY);
  ck_assert_mem_ne(first.salt, second.salt, BLT__SALT_LEN);
  free(copy.bytes);
  free(later.bytes);
  EXPECT_OK(session_close(&session));
}
END_TEST

/* L3 */
START_TEST(a_commit_that_fails_leaves_no_trace)
{
  session_open(&session, NULL);
  put_durably(&session, "a", "first");
  put_durably(&session, "b", "second");
  EXPECT_OK(blt__log_show_tombs(&session.db->log));
  const struct copy before = session_copy(&session);
  const size_t n_links = session.db->image.links.n;
  const size_t n_tombs = session.db->image.tombs.n;
  EXPECT_OK(blt_batch_begin(session.db));
  put_text(session.db, "a", "never");
  put_text(session.db, "c", "never");
  delete_text(session.db, "b");
  switch (_i) {
  case 0:
    session.noting.write_error = EIO;
    break;
  case 1:
    session.noting.write_error = ENOSPC;
    break;
  default:
    session.noting.reserve_error = ENOSPC;
    session.db->log.room.reserved = 0;
    break;
  }
  EXPECT(_i == 0 ? BLT_E_IO : BLT_E_NO_SPACE, blt_batch_commit(session.db));
  const struct copy after = session_copy(&session);
  ck_assert_uint_eq(after.len, before.len);
  ck_assert_mem_eq(after.bytes, before.bytes, before.len);
  ck_assert_uint_eq(session.db->image.links.n, n_links);
  ck_assert_uint_eq(session.db->image.tombs.n, n_tombs);
  session.noting.write_error = session.noting.reserve_error = 0;
  EXPECT_OK(blt_batch_abort(session.db));
  expect_text(session.db, "a", "first");
  expect_text(session.db, "b", "second");
  expect_text(session.db, "c", NULL);
  EXPECT_OK(session_close(&session));
  free(before.bytes);
  free(after.bytes);
}
END_TEST

/* L4 */
static void expect_silence(void)
{
  const size_t n_events = session.noting.n_events;
  uint64_t dropped = 0;

  session.noting.sync_error = 0;
  session.noting.write_error = 0;
  EXPECT(BLT_E_POISONED, blt_put(session.db, "x", 1, "y", 1));
  EXPECT(BLT_E_POISONED, blt_delete(session.db, "a", 1));
  EXPECT(BLT_E_POISONED, blt_sync(session.db));
  EXPECT(BLT_E_POISONED, blt_prune(session.db, NULL, &dropped));
  EXPECT(BLT_E_POISONED, blt_clear(session.db));
  EXPECT(BLT_E_POISONED, blt_reindex(session.db, 7));
  EXPECT(BLT_E_POISONED, blt_timestamp_set(session.db, "a", 1, 5));
  EXPECT(BLT_E_POISONED, blt_file_timestamp_set(session.db, 5));
  (void)count_by_iteration(session.db, 0);
  ck_assert_uint_eq(session.noting.n_events, n_events);
  EXPECT(BLT_E_POISONED, session_close(&session));
}

/* L4 */
START_TEST(after_a_failed_sync_nothing_more_is_written)
{
  session_open(&session, NULL);
  put_durably(&session, "a", "first");
  put_text(session.db, "b", "doubtful");
  session.noting.sync_error = EIO;
  EXPECT(BLT_E_UNKNOWN, blt_sync(session.db));
  expect_text(session.db, "a", "first");
  expect_silence();
}
END_TEST

/* L3, L4: what is behind the log would stay there. */
START_TEST(after_a_torn_commit_that_cannot_be_cut_nothing_more_is_written)
{
  session_open(&session, NULL);
  put_durably(&session, "a", "first");
  const uint64_t end = session.db->log.end;
  put_text(session.db, "b", "never");
  session.noting.space_end = end + 20;
  session.noting.is_torn = 1;
  session.noting.cut_error = EIO;
  EXPECT(BLT_E_UNKNOWN, blt_sync(session.db));
  session.noting.space_end = 0;
  session.noting.cut_error = 0;
  const struct copy copy = session_copy(&session);
  ck_assert_uint_eq(copy.len, end + 20);
  expect_text(session.db, "a", "first");
  expect_silence();
  expect_copy(&copy, BLT_OPENED_RECOVERED, "first", NULL);
  free(copy.bytes);
}
END_TEST

/* L4 */
START_TEST(after_a_failed_checkpoint_nothing_more_is_written)
{
  session_open(&session, NULL);
  put_text(session.db, "a", "first");
  EXPECT_OK(blt_batch_begin(session.db)); /* commits */
  EXPECT_OK(blt_batch_abort(session.db));
  session.noting.write_error = EIO;
  EXPECT(BLT_E_COMMITTED, blt_sync(session.db));
  expect_text(session.db, "a", "first");
  expect_silence();
}
END_TEST

/* L4 */
START_TEST(after_a_failed_sync_of_a_copy_nothing_more_is_written)
{
  session_open(&session, NULL);
  put_durably(&session, "a", "first");
  EXPECT_OK(blt__log_flatten(&session.db->log));
  session.noting.sync_error = EIO;
  EXPECT_FAILURE(blt_reindex(session.db, 7));
  expect_text(session.db, "a", "first");
  expect_silence();
}
END_TEST

START_TEST(a_sync_covers_times_that_were_set_in_place)
{
  open_at(BLT_SYNC_FULL);
  put_durably(&session, "a", "first");
  EXPECT_OK(blt_timestamp_set(session.db, "a", 1, 5));
  EXPECT_OK(blt_sync(session.db));
  ck_assert_int_eq(session.noting.events[session.noting.n_events - 1].kind,
                   EVENT_SYNC);
  EXPECT_OK(blt_file_timestamp_set(session.db, 6));
  EXPECT_OK(blt_sync(session.db));
  ck_assert_int_eq(session.noting.events[session.noting.n_events - 1].kind,
                   EVENT_SYNC);
  EXPECT_OK(session_close(&session));
}
END_TEST

START_TEST(a_second_attempt_after_no_space_writes_the_same_batch)
{
  session_open(&session, NULL);
  put_durably(&session, "a", "first");
  EXPECT_OK(blt_batch_begin(session.db));
  put_text(session.db, "a", "second");
  put_text(session.db, "b", "other");
  session.noting.write_error = ENOSPC;
  EXPECT(BLT_E_NO_SPACE, blt_batch_commit(session.db));
  session.noting.write_error = 0;
  EXPECT_OK(blt_batch_commit(session.db));
  const struct copy copy = session_copy(&session);
  EXPECT_OK(session_close(&session));
  expect_copy(&copy, BLT_OPENED_RECOVERED, "second", "other");
  free(copy.bytes);
}
END_TEST

/* L5 */
START_TEST(a_commit_that_failed_does_not_show_links_that_are_not_synced)
{
  open_at(BLT_SYNC_FULL);
  session.db->log.due_len = 1;
  put_batch(&session, 0, 20);
  ck_assert_uint_eq(session.db->image.links.n, 0);
  ck_assert(session.db->log.links_unsynced);
  EXPECT_OK(blt_batch_begin(session.db));
  put_numbered(session.db, 20, 20);
  session.noting.space_end = session.db->log.end + 1;
  EXPECT(BLT_E_NO_SPACE, blt_batch_commit(session.db));
  session.noting.space_end = 0;
  ck_assert(session.db->log.guarded);
  EXPECT_OK(blt_batch_abort(session.db));
  EXPECT_OK(session_close(&session));
}
END_TEST

START_TEST(links_are_written_in_runs_with_what_lies_between)
{
  struct blt__change changes[300];

  session_open(&session, NULL);
  put_numbered(session.db, 0, 300);
  EXPECT_OK(blt_sync(session.db));
  const struct copy before = session_copy(&session);
  const uint64_t begin = before.len - 300 * 20;
  for (uint64_t i = 0; i < 300; i++)
    changes[(i * 7) % 300] =
        (struct blt__change){begin + 20 * i, UINT64_C(0x010203040506) + i};
  forget_events(&session.noting);
  EXPECT_OK(
      blt__write_links(&session.db->image, &session.db->env, changes, 300, 0));
  ck_assert_uint_eq(count_events(&session.noting, EVENT_WRITE), 1);
  const struct copy after = session_copy(&session);
  for (size_t i = 0; i < before.len; i++)
    if (i < begin || (i - begin) % 20 >= BLT__LINK_LEN)
      ck_assert_uint_eq(after.bytes[i], before.bytes[i]);
  for (uint64_t i = 0; i < 300; i++)
    ck_assert_uint_eq(blt__get6(after.bytes + begin + 20 * i),
                      UINT64_C(0x010203040506) + i);
  session.db->log.poisoned = 1;
  EXPECT(BLT_E_POISONED, session_close(&session));
  free(before.bytes);
  free(after.bytes);
}
END_TEST

Suite *log_suite(void)
{
  Suite *const suite =
      SUITE_OF("log", a_full_commit_has_exactly_one_sync,
               a_put_appends_its_block_and_little_more,
               a_dead_block_dies_in_the_file_one_sync_later,
               after_a_failed_sync_nothing_more_is_written,
               after_a_failed_checkpoint_nothing_more_is_written,
               after_a_failed_sync_of_a_copy_nothing_more_is_written,
               a_sync_covers_times_that_were_set_in_place,
               a_second_attempt_after_no_space_writes_the_same_batch,
               a_commit_that_failed_does_not_show_links_that_are_not_synced,
               links_are_written_in_runs_with_what_lies_between);
  TCase *const made = case_of("levels");

  tcase_add_loop_test(made, a_commit_at_the_other_levels_has_no_sync, 0, 2);
  tcase_add_loop_test(
      made, no_link_is_written_back_before_its_commit_is_durable, 0, 2);
  tcase_add_loop_test(made, a_commit_that_fails_leaves_no_trace, 0, 3);
  tcase_add_test(
      made, after_a_torn_commit_that_cannot_be_cut_nothing_more_is_written);
  tcase_add_loop_test(made, the_header_that_booklet_may_open_comes_after_a_sync,
                      0, 2);
  tcase_add_loop_test(made, each_session_has_a_salt_of_its_own, BLT_SYNC_BATCH,
                      BLT_SYNC_OFF + 1);
  tcase_add_loop_test(made,
                      booklet_refuses_the_file_from_a_commit_to_the_next_sync,
                      BLT_SYNC_BATCH, BLT_SYNC_OFF + 1);
  tcase_add_loop_test(made, after_a_sync_what_died_is_dead_in_the_file,
                      BLT_SYNC_BATCH, BLT_SYNC_OFF + 1);
  suite_add_tcase(suite, made);
  return suite;
}
