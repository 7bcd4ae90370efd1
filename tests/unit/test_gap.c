/*
 * test_gap.c - a part of a killed session's log is damaged
 *
 *   | "a" | "b" | "c" |   each a commit; "b" is hurt, "c" is whole
 */
#include <stdlib.h>
#include <string.h>

#include "change/checkpoint.h"
#include "format/record.h"
#include "support/store.h"
#include "support/temp.h"
#include "unit/session.h"
#include "unit/suites.h"
#include "upkeep/gap.h"
#include "upkeep/repair.h"

enum { VALUE_LEN = 3005 };

static struct session session;
static char value[VALUE_LEN];

/* Where the commits begin, and the file as the kill left it. */
struct killed {
  struct copy copy;
  uint64_t at[4];
};

static void commit(const char *key)
{
  memset(value, key[0], sizeof value);
  EXPECT_OK(blt_batch_begin(session.db));
  EXPECT_OK(blt_put(session.db, key, 1, value, sizeof value));
  EXPECT_OK(blt_batch_commit(session.db));
}

static struct killed kill_after_three(blt_sync_level level)
{
  const blt_options options = session_options(level);
  struct killed killed;

  session_open(&session, &options);
  EXPECT_OK(blt__log_begin(&session.db->log));
  for (int i = 0; i < 3; i++) {
    killed.at[i] = session.db->log.end;
    commit((const char *[]){"a", "b", "c"}[i]);
  }
  killed.at[3] = session.db->log.end;
  killed.copy = session_copy(&session);
  session.db->log.poisoned = 1;
  EXPECT(BLT_E_POISONED, session_close(&session));
  return killed;
}

static void cut_power(const struct killed *killed)
{
  struct blt__checkpoint checkpoint;

  ck_assert(blt__checkpoint_decode(killed->copy.bytes, &checkpoint));
  checkpoint.boot_id ^= 1;
  blt__checkpoint_encode(killed->copy.bytes, &checkpoint);
}

static void expect_value(const char *key, int is_there)
{
  blt_bytes found = {NULL, 0};

  if (!is_there) {
    EXPECT(BLT_NOT_FOUND, blt_get(session.db, key, 1, &found));
    return;
  }
  memset(value, key[0], sizeof value);
  EXPECT_OK(blt_get(session.db, key, 1, &found));
  ck_assert(bytes_equal(found, value, sizeof value));
}

/* For writing and for reading; nothing changes. */
static void expect_damage(const struct killed *killed, uint64_t off)
{
  const blt_options options = options_of(BLT_READ);
  struct copy after;
  blt_db *db = NULL;

  EXPECT(BLT_E_CORRUPT,
         session_open_failing(&session, &killed->copy, 1000, &after));
  ck_assert_uint_eq(blt_last_error(NULL)->offset, off);
  ck_assert_ptr_nonnull(strstr(blt_last_error(NULL)->message, "blt repair"));
  ck_assert_uint_eq(after.len, killed->copy.len);
  ck_assert_mem_eq(after.bytes, killed->copy.bytes, after.len);
  free(after.bytes);
  EXPECT(BLT_E_CORRUPT,
         blt_open_memory(killed->copy.bytes, killed->copy.len, &options, &db));
}

/* The log is cut: it holds "a", and nothing that came later. */
static void expect_cut(const struct killed *killed)
{
  blt_open_info info;

  EXPECT_OK(session_open_copy(&session, &killed->copy));
  EXPECT_OK(blt_open_report(session.db, &info));
  ck_assert_int_eq(info.what, BLT_OPENED_RECOVERED);
  expect_value("a", 1);
  expect_value("b", 0);
  expect_value("c", 0);
  expect_sound(session.db);
  EXPECT_OK(session_close(&session));
}

static void hurt(const struct killed *killed, uint64_t off)
{
  killed->copy.bytes[off] ^= 4;
}

/* As a sector that never came to the disk. */
static void lose_sector(const struct killed *killed)
{
  memset(killed->copy.bytes + (killed->at[1] / 512 + 2) * 512, 0, 512);
}

/* P4: each byte of the record and the key of its block, some of the value. */
START_TEST(a_damaged_record_in_the_log_is_not_taken_for_its_end)
{
  const struct killed killed = kill_after_three((blt_sync_level)_i);
  unsigned n_hurt = 0;

  for (uint64_t off = killed.at[1]; off < killed.at[2];
       off += off < killed.at[1] + 256 ? 1 : 61) {
    struct copy after;
    hurt(&killed, off);
    const blt_status status =
        session_open_failing(&session, &killed.copy, 1000, &after);
    free(after.bytes);
    if (status == BLT_E_CORRUPT) {
      if (n_hurt++ == 0)
        expect_damage(&killed, killed.at[1]);
    } else {
      EXPECT_OK(status);
      EXPECT_OK(session_open_copy(&session, &killed.copy));
      expect_value("c", 1);
      EXPECT_OK(session_close(&session));
    }
    hurt(&killed, off);
  }
  /* What FULL has synced is not asked again for its values. */
  ck_assert_uint_gt(n_hurt, _i == BLT_SYNC_FULL ? 94 : 94 + VALUE_LEN / 61);
  free(killed.copy.bytes);
}
END_TEST

/* P4 */
START_TEST(what_was_durable_is_not_lost_in_a_power_cut)
{
  const struct killed killed = kill_after_three(BLT_SYNC_FULL);

  cut_power(&killed);
  hurt(&killed, killed.at[1]);
  expect_damage(&killed, killed.at[1]);
  hurt(&killed, killed.at[1]);
  memset(killed.copy.bytes + killed.at[1], 0,
         (size_t)(killed.at[2] - killed.at[1]));
  expect_damage(&killed, killed.at[1]);
  free(killed.copy.bytes);
}
END_TEST

/* P4 */
START_TEST(a_power_cut_may_keep_a_later_commit)
{
  const struct killed killed = kill_after_three(BLT_SYNC_BATCH);

  cut_power(&killed);
  hurt(&killed, killed.at[1]);
  expect_cut(&killed);
  hurt(&killed, killed.at[1]);
  lose_sector(&killed);
  expect_cut(&killed);
  free(killed.copy.bytes);
}
END_TEST

/* P4: the kernel drops pages after a sync that failed. */
START_TEST(a_page_that_was_dropped_is_no_damage)
{
  const struct killed killed = kill_after_three(BLT_SYNC_BATCH);

  lose_sector(&killed);
  expect_cut(&killed);
  free(killed.copy.bytes);
}
END_TEST

/* P4: without a later record it is a torn end, whoever made it. */
START_TEST(a_damaged_last_commit_is_cut)
{
  struct killed killed = kill_after_three(BLT_SYNC_FULL);

  killed.copy.len = (size_t)killed.at[2];
  hurt(&killed, killed.at[1]);
  expect_cut(&killed);
  free(killed.copy.bytes);
}
END_TEST

/* P4: a record of another session, or an older one of this. */
START_TEST(an_old_record_behind_the_end_is_no_damage)
{
  const struct killed killed = kill_after_three(BLT_SYNC_FULL);
  struct blt__geometry own;
  struct blt__record record;
  uint8_t *const at = killed.copy.bytes + killed.at[2];

  blt__geometry_init(&own, 0, 0, 1);
  ck_assert(blt__record_decode(&own, killed.at[2], at,
                               killed.at[3] - killed.at[2], &record));
  if (_i == 0)
    record.seq = 1;
  else
    record.salt[0] ^= 1;
  blt__record_encode(&own, &record, record.len, at);
  hurt(&killed, killed.at[1]);
  expect_cut(&killed);
  free(killed.copy.bytes);
}
END_TEST

/* The second commit's block is whole, so that one comes back too. */
START_TEST(a_repair_keeps_what_stands_behind_the_damage)
{
  const struct killed killed = kill_after_three((blt_sync_level)(_i % 2));
  const char *const path = temp_path("gap.blt");
  const char *const output = temp_path("mended.blt");
  blt_repair_options options = BLT_REPAIR_OPTIONS_INIT;
  blt_repair_report report;

  hurt(&killed, killed.at[1]);
  file_write(path, killed.copy.bytes, killed.copy.len);
  options.output = _i < 2 ? NULL : output;
  EXPECT_OK(blt_repair(path, &options, &report));
  ck_assert_uint_eq(report.n_kept, 3);
  ck_assert_uint_eq(report.n_uncommitted, 0);
  session.db = open_path(_i < 2 ? path : output, BLT_WRITE);
  expect_value("a", 1);
  expect_value("b", 1);
  expect_value("c", 1);
  expect_sound(session.db);
  EXPECT_OK(blt_close(session.db));
  free(killed.copy.bytes);
}
END_TEST

/* A3: also what a record behind the damage says. */
START_TEST(a_repair_lets_the_deleted_stay_deleted_behind_the_damage)
{
  blt_options options = session_options(BLT_SYNC_FULL);
  const char *const path = temp_path("gap.blt");
  struct killed killed;

  session_open(&session, &options);
  commit("a");
  killed.at[1] = session.db->log.end;
  commit("b");
  EXPECT_OK(blt_batch_begin(session.db));
  EXPECT_OK(blt_delete(session.db, "a", 1));
  EXPECT_OK(blt_batch_commit(session.db));
  commit("c");
  killed.copy = session_copy(&session);
  session.db->log.poisoned = 1;
  EXPECT(BLT_E_POISONED, session_close(&session));
  hurt(&killed, killed.at[1]);
  file_write(path, killed.copy.bytes, killed.copy.len);
  options.mode = BLT_WRITE;
  EXPECT(BLT_E_CORRUPT, blt_open(path, &options, &session.db));
  EXPECT_OK(blt_repair(path, NULL, NULL));
  session.db = open_path(path, BLT_WRITE);
  expect_value("a", 0);
  expect_value("b", 1);
  expect_value("c", 1);
  expect_sound(session.db);
  EXPECT_OK(blt_close(session.db));
  free(killed.copy.bytes);
}
END_TEST

/* Repair in place; all operations from the stop-th on fail. What the file is
 * then. */
static struct copy repair_stopped(const struct copy *copy, unsigned stop,
                                  blt_status *out_status)
{
  const blt_options options = session_options(BLT_SYNC_BATCH);
  struct inside inside;
  struct blt__checkpoint checkpoint;
  struct blt__replay replay;
  struct blt__survey survey;
  struct blt__log log;

  inside_open(&inside, copy->bytes, copy->len, 0);
  inside.noting.n_left = stop;
  inside.noting.is_kept = 1;
  ck_assert(blt__checkpoint_decode(copy->bytes, &checkpoint));
  EXPECT_OK(blt__replay_read(&replay, &inside.image, &inside.env, &checkpoint));
  ck_assert(replay.damaged);
  EXPECT_OK(blt__survey(&survey, &inside.image, &inside.env, &replay, 0, NULL));
  blt__log_init(&log, &inside.image, &inside.env, &inside.sink, BLT_SYNC_BATCH);
  memcpy(log.header, copy->bytes, BLT__HEADER_LEN);
  log.guarded = blt__header_is_guarded(copy->bytes);
  *out_status = blt__repair(&log, &survey, &checkpoint, &options, 1);
  if (*out_status == BLT_OK)
    *out_status = blt__log_close(&log);
  blt__log_release(&log);
  blt__survey_release(&survey, &inside.env);
  blt__replay_release(&replay);
  inside_close(&inside);
  return (struct copy){inside.noting.kept, inside.noting.kept_len};
}

static void expect_all(const struct copy *copy)
{
  EXPECT_OK(session_open_copy(&session, copy));
  expect_value("a", 1);
  expect_value("b", 1);
  expect_value("c", 1);
  expect_count(session.db, 3);
  expect_sound(session.db);
  EXPECT_OK(session_close(&session));
}

/* The damaged log is longer than its keys, so that its last records still stand
 * behind the end of the result when only the cut is missing. */
static struct killed kill_after_many(void)
{
  const blt_options options = session_options(BLT_SYNC_FULL);
  struct killed killed;

  session_open(&session, &options);
  commit("a");
  killed.at[1] = session.db->log.end;
  commit("b");
  commit("c");
  for (int i = 0; i < 8; i++)
    commit("a");
  killed.copy = session_copy(&session);
  session.db->log.poisoned = 1;
  EXPECT(BLT_E_POISONED, session_close(&session));
  hurt(&killed, killed.at[1]);
  return killed;
}

START_TEST(a_repair_of_a_damaged_log_that_stops_anywhere_goes_on)
{
  const struct killed killed = kill_after_many();
  blt_status status = BLT_E_IO;
  unsigned stop = 1, n_refused = 0;

  for (; status < 0; stop++) {
    const struct copy half = repair_stopped(&killed.copy, stop, &status);
    if (half.len == killed.copy.len &&
        memcmp(half.bytes, killed.copy.bytes, half.len) == 0)
      n_refused++;
    else
      expect_all(&half);
    free(half.bytes);
  }
  ck_assert_uint_gt(stop, 10);
  ck_assert_uint_le(n_refused, 1);
  free(killed.copy.bytes);
}
END_TEST

/* P4: its padding and its block were to come in a part of the file that a power
 * cut did not keep. */
START_TEST(a_later_record_may_be_whole_where_the_file_ends_in_its_padding)
{
  struct killed killed = kill_after_three(BLT_SYNC_FULL);
  const size_t whole = killed.copy.len;
  unsigned n_refused = 0;

  hurt(&killed, killed.at[1] + 60);
  for (size_t len = killed.at[2] + 60; len < killed.at[2] + 400; len++) {
    struct copy after;
    killed.copy.len = len;
    const blt_status status =
        session_open_failing(&session, &killed.copy, 1000, &after);
    if (status == BLT_E_CORRUPT)
      ck_assert_uint_eq(blt_last_error(NULL)->offset, killed.at[1]);
    else
      EXPECT_OK(status);
    n_refused += status < 0;
    free(after.bytes);
  }
  ck_assert_uint_gt(n_refused, 0);
  ck_assert_uint_lt(n_refused, 340);
  killed.copy.len = whole;
  free(killed.copy.bytes);
}
END_TEST

Suite *gap_suite(void)
{
  Suite *const suite = SUITE_OF(
      "gap", what_was_durable_is_not_lost_in_a_power_cut,
      a_power_cut_may_keep_a_later_commit, a_page_that_was_dropped_is_no_damage,
      a_damaged_last_commit_is_cut,
      a_repair_of_a_damaged_log_that_stops_anywhere_goes_on,
      a_repair_lets_the_deleted_stay_deleted_behind_the_damage,
      a_later_record_may_be_whole_where_the_file_ends_in_its_padding);
  TCase *const made = case_of("levels");

  tcase_add_loop_test(made,
                      a_damaged_record_in_the_log_is_not_taken_for_its_end,
                      BLT_SYNC_BATCH, BLT_SYNC_OFF + 1);
  tcase_add_loop_test(made, an_old_record_behind_the_end_is_no_damage, 0, 2);
  tcase_add_loop_test(made, a_repair_keeps_what_stands_behind_the_damage, 0, 4);
  suite_add_tcase(suite, made);
  return suite;
}
