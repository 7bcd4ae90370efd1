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

/* P1: an older record of the same session. */
START_TEST(a_record_with_another_number_does_not_count)
{
  uint64_t second;
  const struct copy copy = two_commits(&second);
  struct blt__geometry geo;
  struct blt__record record;

  blt__geometry_init(&geo, 0, 0, 1);
  ck_assert(blt__record_decode(&geo, second, copy.bytes + second,
                               copy.len - second, &record));
  ck_assert_uint_eq(record.seq, 2);
  record.seq = 1;
  blt__record_encode(&geo, &record, record.len, copy.bytes + second);
  expect_copy(&copy, BLT_OPENED_RECOVERED, "one", NULL);
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

/* A key whose slot has two bytes in one sector and four in the next. */
static size_t find_split_key(uint32_t n_buckets, char key[16])
{
  const struct image image = {.shape = {.n_buckets = n_buckets},
                              .index_off = 200};

  for (unsigned i = 0;; i++) {
    snprintf(key, 16, "k%u", i);
    const size_t slot = (size_t)image_slot(&image, key);
    if (slot % 512 == 510)
      return slot;
  }
}

/* P3: links of three bytes, so that each cut makes another number of the first
 * two of the new link and the rest of the old one. */
START_TEST(a_link_that_is_torn_where_a_sector_ends_is_ours)
{
  enum { N_BUCKETS = 20011 };
  char key[16];
  const size_t slot = find_split_key(N_BUCKETS, key);

  for (size_t cut = 0; cut <= BLT__LINK_LEN; cut++) {
    blt_options options = session_options(BLT_SYNC_BATCH);
    uint8_t link[BLT__LINK_LEN];
    options.n_buckets = N_BUCKETS;
    session_open(&session, &options);
    put_durably(&session, key, "one");
    const uint64_t block = block_of(&session, key);
    ck_assert_uint_gt(block, 65536);
    const struct copy copy = session_copy(&session);
    session.db->log.poisoned = 1;
    EXPECT(BLT_E_POISONED, session_close(&session));
    blt__put6(link, BLT__LINK_END);
    memcpy(copy.bytes + slot, link, sizeof link);
    blt__put6(link, block);
    memcpy(copy.bytes + slot, link, cut);
    EXPECT_OK(session_open_copy(&session, &copy));
    blt_open_info info;
    EXPECT_OK(blt_open_report(session.db, &info));
    ck_assert_int_eq(info.what,
                     cut == 1 ? BLT_OPENED_REPAIRED : BLT_OPENED_RECOVERED);
    expect_text(session.db, key, "one");
    expect_sound(session.db);
    EXPECT_OK(session_close(&session));
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

/* P3: a block behind the log to which a chain leads that the log does not
 * know; the count is as we left it. */
START_TEST(a_block_behind_the_log_that_a_chain_leads_to_is_of_somebody_else)
{
  uint64_t second;
  const struct copy copy = two_commits(&second);
  struct image image = {.bytes = copy.bytes,
                        .len = copy.len,
                        .shape = {.n_buckets = 3, .version = 5},
                        .index_off = 200};
  char key[2] = "c";

  while (image_slot(&image, key) == image_slot(&image, "a") ||
         image_slot(&image, key) == image_slot(&image, "b"))
    key[0]++;
  image_add(&image, key, "three");
  image_set(&image, IMAGE_N_KEYS, 4, IMAGE_NOT_CLOSED);
  const struct copy changed = {image.bytes, image.len};
  expect_copy(&changed, BLT_OPENED_REPAIRED, "one", "two");
  EXPECT_OK(session_open_copy(&session, &changed));
  expect_text(session.db, key, "three");
  EXPECT_OK(session_close(&session));
  image_free(&image);
}
END_TEST

/* A3: a block of 64 KiB, which was 0 in the file until its link was written. */
START_TEST(what_booklet_deleted_is_not_revived_by_a_repair)
{
  static uint8_t key[65535];
  blt_options options = session_options(BLT_SYNC_BATCH);
  blt_bytes value;

  options.kind = BLT_FIXED;
  options.fixed_value_len = 3;
  session_open(&session, &options);
  put_durably(&session, "a", "one");
  EXPECT_OK(blt_put(session.db, key, sizeof key, "two", 3));
  const uint64_t end = session.db->log.end;
  EXPECT_OK(blt_sync(session.db));
  struct copy copy = session_copy(&session);
  struct blt__record record;
  const struct blt__geometry geo = session.db->image.geo;
  session.db->log.poisoned = 1;
  EXPECT(BLT_E_POISONED, session_close(&session));
  ck_assert(!blt__header_is_guarded(copy.bytes));
  ck_assert(
      blt__record_decode(&geo, end, copy.bytes + end, copy.len - end, &record));
  /* As booklet does it: around the block, its own link 0, the count. */
  const uint64_t block = end + record.len;
  for (unsigned i = 0; i < 3; i++) {
    uint8_t *const slot = copy.bytes + 200 + 6 * (size_t)i;
    if (blt__get6(slot) == block)
      blt__put6(slot, blt__get6(copy.bytes + block + BLT__LINK_OFF));
  }
  blt__put6(copy.bytes + block + BLT__LINK_OFF, BLT__LINK_DEAD);
  blt__put4(copy.bytes + BLT__HDR_COUNT, 1);
  expect_copy(&copy, BLT_OPENED_REPAIRED, "one", NULL);
  EXPECT_OK(session_open_copy(&session, &copy));
  EXPECT(BLT_NOT_FOUND, blt_get(session.db, key, sizeof key, &value));
  EXPECT_OK(session_close(&session));
  free(copy.bytes);
}
END_TEST

/* The power was cut: the header and "b" are on disk, and "a" is not. */
START_TEST(a_session_at_off_is_not_trusted_after_another_boot)
{
  const blt_options options = session_options(BLT_SYNC_OFF);
  struct blt__checkpoint checkpoint;

  session_open(&session, &options);
  put_durably(&session, "a", "one");
  const uint64_t a = block_of(&session, "a");
  const uint64_t end = session.db->log.end;
  put_durably(&session, "b", "two");
  const struct copy copy = session_copy(&session);
  session.db->log.poisoned = 1;
  EXPECT(BLT_E_POISONED, session_close(&session));
  expect_copy(&copy, BLT_OPENED_RECOVERED, "one", "two");
  memset(copy.bytes + a, 0, (size_t)(end - a));
  ck_assert(blt__checkpoint_decode(copy.bytes, &checkpoint));
  ck_assert(checkpoint.flags & BLT__FLAG_OFF);
  checkpoint.boot_id = _i == 0 ? 0 : checkpoint.boot_id ^ 1;
  blt__checkpoint_encode(copy.bytes, &checkpoint);
  expect_copy(&copy, BLT_OPENED_REPAIRED, NULL, "two");
  free(copy.bytes);
}
END_TEST

/* A killed booklet: a block was appended, and nothing leads to it. */
START_TEST(a_closed_file_that_got_longer_is_looked_at)
{
  session_open(&session, NULL);
  session.noting.is_kept = 1;
  put_text(session.db, "a", "one");
  put_text(session.db, "b", "two");
  EXPECT_OK(session_close(&session));
  struct image image = {.bytes = session.noting.kept,
                        .len = session.noting.kept_len,
                        .shape = {.n_buckets = 3, .version = 5},
                        .index_off = 200};
  const struct copy copy = {image.bytes, image.len};
  expect_copy(&copy, BLT_OPENED_CLEAN, "one", "two");
  image_add_loose(&image, "a", "three", 1);
  const struct copy longer = {image.bytes, image.len};
  expect_copy(&longer, BLT_OPENED_REPAIRED, "three", "two");
  image_free(&image);
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
  struct blt__checkpoint checkpoint;
  int has_header = 0;

  copy.len -= 1; /* so that there is something to cut */
  ck_assert(blt__checkpoint_decode(copy.bytes, &checkpoint));
  uint64_t written = checkpoint.log_start;
  EXPECT_OK(session_open_copy(&session, &copy));
  const struct noting *const noting = &session.noting;
  size_t i = 0;
  for (; i < noting->n_events && noting->events[i].kind != EVENT_SYNC; i++) {
    const struct event *const e = &noting->events[i];
    ck_assert_int_eq(e->kind, EVENT_WRITE);
    ck_assert(e->off == 0 || e->off >= 200 + 3 * 6);
    ck_assert_uint_le(e->off + e->len, second);
    has_header |= e->off == 0 && e->len == BLT__HEADER_LEN;
    if (e->off == written)
      written += e->len;
  }
  ck_assert(has_header);
  ck_assert_uint_eq(written, second);
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
  Suite *const suite =
      SUITE_OF("replay", all_that_was_committed_is_found,
               a_wrong_bit_in_a_record_ends_the_log_or_does_not_matter,
               a_body_that_was_on_disk_is_not_asked_again,
               a_record_of_another_session_does_not_count,
               a_record_with_another_number_does_not_count,
               a_block_behind_the_log_that_a_chain_leads_to_is_of_somebody_else,
               a_closed_file_that_got_longer_is_looked_at,
               what_booklet_deleted_is_not_revived_by_a_repair,
               parts_without_their_last_do_not_count,
               a_link_that_is_torn_where_a_sector_ends_is_ours,
               a_link_that_the_log_never_gave_is_of_somebody_else,
               a_reader_sees_the_log_over_the_file_and_changes_nothing,
               nothing_is_destroyed_before_the_log_is_on_disk,
               a_recovery_that_was_cut_short_is_done_again);
  TCase *const made = case_of("boots");

  tcase_add_loop_test(made, a_session_at_off_is_not_trusted_after_another_boot,
                      0, 2);
  suite_add_tcase(suite, made);
  return suite;
}
