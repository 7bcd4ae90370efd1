/* test_timestamps.c - timestamps of keys and of the file, and the clock */
#include "api/suites.h"
#include "support/store.h"
#include "support/temp.h"

#include <time.h>

static const uint64_t time_limit = UINT64_C(1) << 56;

static uint64_t timestamp_of(blt_db *db, const char *key)
{
  uint64_t timestamp = 0;

  EXPECT_OK(blt_timestamp_get(db, key, strlen(key), &timestamp));
  return timestamp;
}

static uint64_t set_time(void *ctx)
{
  return *(const uint64_t *)ctx;
}

static blt_db *new_with_clock(uint64_t *now)
{
  blt_options options = options_of_new(3);
  blt_db *db = NULL;

  options.clock = set_time;
  options.clock_ctx = now;
  EXPECT_OK(blt_open_memory(NULL, 0, &options, &db));
  return db;
}

START_TEST(a_put_takes_its_time_from_the_clock)
{
  uint64_t now = 1111;
  blt_db *const db = new_with_clock(&now);

  put_text(db, "a", "1");
  now = 2222;
  EXPECT_OK(blt_put_at(db, "b", 1, "2", 1, BLT_NOW));
  ck_assert_uint_eq(timestamp_of(db, "a"), 1111);
  ck_assert_uint_eq(timestamp_of(db, "b"), 2222);
  EXPECT_OK(blt_sync(db));
  ck_assert_uint_eq(timestamp_of(db, "a"), 1111);
  ck_assert_uint_eq(timestamp_of(db, "b"), 2222);
  EXPECT_OK(blt_close(db));
}
END_TEST

/* Not time(), whose clock is a little behind. */
static uint64_t now_in_us(void)
{
  struct timespec now;

  ck_assert_int_eq(clock_gettime(CLOCK_REALTIME, &now), 0);
  return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

START_TEST(without_a_clock_it_is_the_time_of_the_system)
{
  blt_db *const db = new_in_memory(3);
  const uint64_t before = now_in_us();

  put_text(db, "a", "1");
  ck_assert_uint_ge(timestamp_of(db, "a"), before);
  ck_assert_uint_le(timestamp_of(db, "a"), now_in_us());
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(a_timestamp_can_be_given)
{
  blt_db *const db = new_in_memory(3);

  EXPECT_OK(blt_put_at(db, "a", 1, "1", 1, 0));
  EXPECT_OK(blt_put_at(db, "b", 1, "2", 1, time_limit - 1));
  EXPECT(BLT_E_TOO_BIG, blt_put_at(db, "c", 1, "3", 1, time_limit));
  EXPECT(BLT_E_TOO_BIG, blt_put_at(db, "c", 1, "3", 1, UINT64_MAX - 1));
  EXPECT_OK(blt_sync(db));
  ck_assert_uint_eq(timestamp_of(db, "a"), 0);
  ck_assert_uint_eq(timestamp_of(db, "b"), time_limit - 1);
  expect_text(db, "c", NULL);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(a_timestamp_can_be_changed_before_and_after_a_commit)
{
  uint64_t now = 5;
  blt_db *const db = new_with_clock(&now);

  put_text(db, "a", "1");
  EXPECT_OK(blt_timestamp_set(db, "a", 1, 77));
  ck_assert_uint_eq(timestamp_of(db, "a"), 77);
  EXPECT_OK(blt_sync(db));
  ck_assert_uint_eq(timestamp_of(db, "a"), 77);
  EXPECT_OK(blt_timestamp_set(db, "a", 1, 88));
  ck_assert_uint_eq(timestamp_of(db, "a"), 88);
  now = 99;
  EXPECT_OK(blt_timestamp_set(db, "a", 1, BLT_NOW));
  ck_assert_uint_eq(timestamp_of(db, "a"), 99);
  expect_text(db, "a", "1");
  expect_sound(db);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(a_changed_timestamp_survives_a_close)
{
  const char *const path = temp_path("a.blt");
  blt_db *db = open_path(path, BLT_NEW);

  put_text(db, "a", "1");
  EXPECT_OK(blt_close(db));
  db = open_path(path, BLT_WRITE);
  EXPECT_OK(blt_timestamp_set(db, "a", 1, 4242));
  EXPECT_OK(blt_close(db));
  db = open_path(path, BLT_READ);
  ck_assert_uint_eq(timestamp_of(db, "a"), 4242);
  expect_sound(db);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(only_keys_that_exist_have_a_timestamp)
{
  blt_db *const db = new_in_memory(3);
  uint64_t timestamp;

  EXPECT(BLT_NOT_FOUND, blt_timestamp_get(db, "a", 1, &timestamp));
  EXPECT(BLT_NOT_FOUND, blt_timestamp_set(db, "a", 1, 7));
  put_text(db, "a", "1");
  EXPECT(BLT_E_TOO_BIG, blt_timestamp_set(db, "a", 1, time_limit));
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(a_fixed_file_has_no_timestamps)
{
  blt_options options = options_of_new(3);
  blt_db *db = NULL;
  uint64_t timestamp;

  options.kind = BLT_FIXED;
  options.fixed_value_len = 1;
  EXPECT_OK(blt_open_memory(NULL, 0, &options, &db));
  EXPECT_OK(blt_put_at(db, "a", 1, "1", 1, 7)); /* and ignores it */
  EXPECT(BLT_E_UNSUPPORTED, blt_timestamp_get(db, "a", 1, &timestamp));
  EXPECT(BLT_E_UNSUPPORTED, blt_timestamp_set(db, "a", 1, 7));
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(the_file_has_a_timestamp_of_its_own)
{
  const char *const path = temp_path("a.blt");
  blt_db *db = open_path(path, BLT_NEW);
  uint64_t timestamp = 0;

  EXPECT_OK(blt_file_timestamp_set(db, 123456));
  EXPECT_OK(blt_file_timestamp_get(db, &timestamp));
  ck_assert_uint_eq(timestamp, 123456);
  EXPECT(BLT_E_TOO_BIG, blt_file_timestamp_set(db, time_limit));
  EXPECT_OK(blt_close(db));
  db = open_path(path, BLT_READ);
  EXPECT_OK(blt_file_timestamp_get(db, &timestamp));
  ck_assert_uint_eq(timestamp, 123456);
  ck_assert_uint_eq(header_of(db).file_timestamp, 123456);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(the_timestamp_of_the_file_can_be_now)
{
  uint64_t now = 31337, timestamp = 0;
  blt_db *const db = new_with_clock(&now);

  EXPECT_OK(blt_file_timestamp_get(db, &timestamp));
  ck_assert_uint_eq(timestamp, 31337);
  now = 31338;
  EXPECT_OK(blt_file_timestamp_set(db, BLT_NOW));
  EXPECT_OK(blt_file_timestamp_get(db, &timestamp));
  ck_assert_uint_eq(timestamp, 31338);
  EXPECT_OK(blt_close(db));
}
END_TEST

/* The order of the puts decides, never the times; and a lock is waited for by
 * another clock. */
START_TEST(a_clock_that_goes_back_changes_times_and_nothing_else)
{
  const char *const path = temp_path("a.blt");
  blt_options options = options_of_new(3);
  blt_prune_options old = BLT_PRUNE_OPTIONS_INIT;
  uint64_t now = 9000, n_dropped = 0;

  options.clock = set_time;
  options.clock_ctx = &now;
  options.lock = BLT_LOCK_TIMEOUT;
  options.lock_timeout_ms = 1000;
  blt_db *db = open_path_with(path, &options);
  put_text(db, "a", "first");
  put_text(db, "b", "kept");
  EXPECT_OK(blt_sync(db));
  now = 10;
  put_text(db, "a", "second");
  EXPECT_OK(blt_sync(db));
  now = 0;
  put_text(db, "a", "third");
  EXPECT_OK(blt_close(db));
  options.mode = BLT_WRITE;
  db = open_path_with(path, &options);
  expect_text(db, "a", "third");
  ck_assert_uint_eq(timestamp_of(db, "a"), 0);
  ck_assert_uint_eq(timestamp_of(db, "b"), 9000);
  old.older_than = 1;
  EXPECT_OK(blt_prune(db, &old, &n_dropped));
  ck_assert_uint_eq(n_dropped, 3);
  expect_text(db, "a", NULL);
  expect_text(db, "b", "kept");
  expect_sound(db);
  EXPECT_OK(blt_close(db));
}
END_TEST

/* Seven bytes hold a time until the year 4253. */
START_TEST(a_clock_beyond_seven_bytes_is_cut_to_them)
{
  uint64_t now = time_limit + 5;
  blt_db *const db = new_with_clock(&now);

  put_text(db, "a", "1");
  ck_assert_uint_eq(timestamp_of(db, "a"), 5);
  EXPECT_OK(blt_close(db));
}
END_TEST

Suite *timestamps_suite(void)
{
  return SUITE_OF(
      "timestamps", a_put_takes_its_time_from_the_clock,
      without_a_clock_it_is_the_time_of_the_system, a_timestamp_can_be_given,
      a_timestamp_can_be_changed_before_and_after_a_commit,
      a_changed_timestamp_survives_a_close,
      only_keys_that_exist_have_a_timestamp, a_fixed_file_has_no_timestamps,
      the_file_has_a_timestamp_of_its_own, the_timestamp_of_the_file_can_be_now,
      a_clock_that_goes_back_changes_times_and_nothing_else,
      a_clock_beyond_seven_bytes_is_cut_to_them);
}
