/*
 * test_replay.c - what an opening makes of a file that was not closed
 *
 * Each test stops a session in the middle, changes bytes of the copy and
 * opens it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "change/checkpoint.h"
#include "format/record.h"
#include "support/image.h"
#include "support/store.h"
#include "unit/session.h"
#include "unit/suites.h"

static struct session session;

/* "a" is committed and durable; "b" is committed after it. */
static struct copy two_commits(uint64_t *out_second)
{
  session_open(&session, NULL);
  put_durably(&session, "a", "one");
  *out_second = session.db->log.end;
  EXPECT_OK(blt_batch_begin(session.db));
  put_text(session.db, "b", "two");
  EXPECT_OK(blt_batch_commit(session.db));
  const struct copy copy = session_copy(&session);
  session.db->log.poisoned = 1;
  EXPECT(BLT_E_POISONED, session_close(&session));
  return copy;
}

START_TEST(all_that_was_committed_is_found)
{
  uint64_t second;
  const struct copy copy = two_commits(&second);

  expect_copy(&copy, BLT_OPENED_RECOVERED, "one", "two");
  free(copy.bytes);
}
END_TEST

/* P1: whatever bit of the last commit is wrong, it counts or it does not. */
START_TEST(a_wrong_bit_in_a_record_ends_the_log_or_does_not_matter)
{
  uint64_t second;
  const struct copy copy = two_commits(&second);
  unsigned n_lost = 0;

  for (size_t i = (size_t)second; i < copy.len; i++) {
    blt_bytes value = {NULL, 0};
    copy.bytes[i] ^= (uint8_t)(1 << i % 8);
    EXPECT_OK(session_open_copy(&session, &copy));
    expect_text(session.db, "a", "one");
    const blt_status status = blt_get(session.db, "b", 1, &value);
    if (status == BLT_OK)
      expect_text(session.db, "b", "two");
    else
      EXPECT(BLT_NOT_FOUND, status);
    n_lost += status != BLT_OK;
    expect_sound(session.db);
    EXPECT_OK(session_close(&session));
    copy.bytes[i] ^= (uint8_t)(1 << i % 8);
  }
  ck_assert_uint_gt(n_lost, 94 + 8 + 13);
  free(copy.bytes);
}
END_TEST

/* P1 */
START_TEST(a_body_that_was_on_disk_is_not_asked_again)
{
  uint64_t second;
  const struct copy copy = two_commits(&second);

  ck_assert_mem_eq(copy.bytes + second - 3, "one", 3);
  memcpy(copy.bytes + second - 3, "ONE", 3);
  expect_copy(&copy, BLT_OPENED_RECOVERED, "ONE", "two");
  free(copy.bytes);
}
END_TEST

/* P1 */
START_TEST(a_record_of_another_session_does_not_count)
{
  struct blt__checkpoint checkpoint;

  session_open(&session, NULL);
  EXPECT_OK(blt_batch_begin(session.db));
  put_text(session.db, "a", "one");
  EXPECT_OK(blt_batch_commit(session.db));
  const struct copy copy = session_copy(&session);
  session.db->log.poisoned = 1;
  EXPECT(BLT_E_POISONED, session_close(&session));
  ck_assert(blt__checkpoint_decode(copy.bytes, &checkpoint));
  checkpoint.salt[0] ^= 1;
  blt__checkpoint_encode(copy.bytes, &checkpoint);
  EXPECT_OK(session_open_copy(&session, &copy));
  expect_sound(session.db);
  expect_count(session.db, 0);
  EXPECT_OK(session_close(&session));
  free(copy.bytes);
}
END_TEST

/* P2: fixed values of 20000 bytes, so that five of them need two parts. */
START_TEST(parts_without_their_last_do_not_count)
{
  static uint8_t value[20000];
  blt_options options = session_options(BLT_SYNC_BATCH);

  options.kind = BLT_FIXED;
  options.fixed_value_len = sizeof value;
  session_open(&session, &options);
  memset(value, 'v', sizeof value);
  EXPECT_OK(blt_put(session.db, "z", 1, value, sizeof value));
  EXPECT_OK(blt_sync(session.db));
  const uint64_t begin = session.db->log.end;
  EXPECT_OK(blt_batch_begin(session.db));
  for (int i = 0; i < 5; i++)
    EXPECT_OK(blt_put(session.db, &"abcde"[i], 1, value, sizeof value));
  EXPECT_OK(blt_batch_commit(session.db));
  struct copy copy = session_copy(&session);
  uint64_t middle = begin; /* where the last part begins */
  struct blt__record record;
  for (;;) {
    ck_assert(blt__record_decode(&session.db->image.geo, middle,
                                 copy.bytes + middle, copy.len - middle,
                                 &record));
    if (record.kind != BLT__RECORD_PART)
      break;
    middle = blt__record_end(&record);
  }
  ck_assert_int_eq(record.kind, BLT__RECORD_BATCH);
  ck_assert_uint_gt(middle, begin);
  session.db->log.poisoned = 1;
  EXPECT(BLT_E_POISONED, session_close(&session));

  const size_t cuts[] = {copy.len, copy.len - 1, (size_t)middle + 200,
                         (size_t)middle, (size_t)middle - 1};
  for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
    copy.len = cuts[i];
    EXPECT_OK(session_open_copy(&session, &copy));
    expect_count(session.db, i == 0 ? 6 : 1);
    expect_sound(session.db);
    EXPECT_OK(session_close(&session));
  }
  free(copy.bytes);
}
END_TEST

/* The slot of a key in a copy. */
static uint8_t *slot_of(const struct copy *copy, const char *key)
{
  struct image image = {.bytes = copy->bytes,
                        .len = copy->len,
                        .shape = {.n_buckets = 3},
                        .index_off = 200};

  return copy->bytes + image_slot(&image, key);
}

/* P3 */
START_TEST(a_link_that_is_a_mix_of_old_and_new_is_ours)
{
  uint64_t second;

  for (int cut = 0; cut <= BLT__LINK_LEN; cut++) {
    const struct copy copy = two_commits(&second);
    uint8_t new_link[BLT__LINK_LEN];
    uint8_t *const slot = slot_of(&copy, "b");
    struct blt__record record;
    struct blt__geometry geo;
    blt__geometry_init(&geo, 0, 0, 1);
    ck_assert(blt__record_decode(&geo, second, copy.bytes + second,
                                 copy.len - second, &record));
    blt__put6(new_link, second + record.len);
    memcpy(slot, new_link, (size_t)cut);
    expect_copy(&copy, BLT_OPENED_RECOVERED, "one", "two");
    free(copy.bytes);
  }
}
END_TEST

/* P3 */
START_TEST(a_link_that_the_log_never_gave_is_of_somebody_else)
{
  uint64_t second;
  const struct copy copy = two_commits(&second);

  blt__put6(slot_of(&copy, "b"), 207);
  EXPECT_OK(session_open_copy(&session, &copy));
  blt_open_info info;
  EXPECT_OK(blt_open_report(session.db, &info));
  ck_assert_int_eq(info.what, BLT_OPENED_REPAIRED);
  expect_text(session.db, "a", "one");
  expect_text(session.db, "b", "two");
  expect_sound(session.db);
  EXPECT_OK(session_close(&session));
  free(copy.bytes);
}
END_TEST

START_TEST(a_reader_sees_the_log_over_the_file_and_changes_nothing)
{
  uint64_t second;
  const struct copy copy = two_commits(&second);
  blt_db *db = NULL;
  const blt_options options = options_of(BLT_READ);

  EXPECT_OK(blt_open_memory(copy.bytes, copy.len, &options, &db));
  expect_text(db, "a", "one");
  expect_text(db, "b", "two");
  expect_count(db, 2);
  ck_assert_uint_eq(count_by_iteration(db, 0), 2);
  EXPECT_OK(blt_close(db));
  free(copy.bytes);
}
END_TEST

/* ---- recovery */

/* F1: a sync comes after the log was written again and before anything is
 * cut, linked or killed. */
START_TEST(nothing_is_destroyed_before_the_log_is_on_disk)
{
  uint64_t second;
  struct copy copy = two_commits(&second);

  copy.len -= 1; /* so that there is something to cut */
  EXPECT_OK(session_open_copy(&session, &copy));
  const struct noting *const noting = &session.noting;
  size_t i = 0;
  for (; i < noting->n_events && noting->events[i].kind != EVENT_SYNC; i++) {
    const struct event *const e = &noting->events[i];
    ck_assert_int_eq(e->kind, EVENT_WRITE);
    ck_assert(e->off == 0 || e->off >= 200 + 3 * 6);
    ck_assert_uint_le(e->off + e->len, second);
  }
  ck_assert_uint_gt(i, 1);
  ck_assert_uint_lt(i, noting->n_events);
  ck_assert_uint_eq(count_events(noting, EVENT_SET_SIZE), 1);
  expect_text(session.db, "a", "one");
  EXPECT_OK(session_close(&session));
  free(copy.bytes);
}
END_TEST

/* F2: stopped after each operation, and once more after each of the next. */
START_TEST(a_recovery_that_was_cut_short_is_done_again)
{
  uint64_t second;
  const struct copy copy = two_commits(&second);
  unsigned stop = 1;

  for (blt_status status = BLT_E_IO; status < 0; stop++) {
    struct copy half;
    status = session_open_failing(&session, &copy, stop, &half);
    struct session again;
    EXPECT_OK(session_open_copy(&again, &half));
    expect_text(again.db, "a", "one");
    expect_text(again.db, "b", "two");
    expect_sound(again.db);
    EXPECT_OK(session_close(&again));
    free(half.bytes);
  }
  ck_assert_uint_gt(stop, 6);
  free(copy.bytes);
}
END_TEST

Suite *replay_suite(void)
{
  return SUITE_OF("replay", all_that_was_committed_is_found,
                  a_wrong_bit_in_a_record_ends_the_log_or_does_not_matter,
                  a_body_that_was_on_disk_is_not_asked_again,
                  a_record_of_another_session_does_not_count,
                  parts_without_their_last_do_not_count,
                  a_link_that_is_a_mix_of_old_and_new_is_ours,
                  a_link_that_the_log_never_gave_is_of_somebody_else,
                  a_reader_sees_the_log_over_the_file_and_changes_nothing,
                  nothing_is_destroyed_before_the_log_is_on_disk,
                  a_recovery_that_was_cut_short_is_done_again);
}
