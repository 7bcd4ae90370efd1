/* test_many.c - blt_get_many and its kin */
#include "api/suites.h"
#include "support/store.h"
#include "support/temp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N_MANY = 3000 };

struct many {
  char text[N_MANY][16];
  blt_bytes keys[N_MANY];
  blt_bytes values[N_MANY];
  blt_item items[N_MANY];
};

static struct many *many_new(void)
{
  struct many *const many = calloc(1, sizeof *many);

  ck_assert_ptr_nonnull(many);
  for (unsigned i = 0; i < N_MANY; i++) {
    snprintf(many->text[i], sizeof many->text[i], "many-%u", i);
    many->keys[i] = bytes_of(many->text[i]);
    many->items[i].key = many->keys[i];
    many->items[i].value = many->keys[i];
    many->items[i].timestamp = i + 1;
  }
  return many;
}

START_TEST(put_many_and_get_many_are_the_same_as_one_by_one)
{
  struct many *const many = many_new();
  blt_db *const db = new_in_memory(100);
  size_t n_found = 0;

  EXPECT_OK(blt_put_many(db, many->items, N_MANY));
  for (int synced = 0; synced < 2; synced++) {
    EXPECT_OK(blt_get_many(db, many->keys, N_MANY, many->values, &n_found));
    ck_assert_uint_eq(n_found, N_MANY);
    for (size_t i = 0; i < N_MANY; i++) {
      ck_assert(
          bytes_equal(many->values[i], many->text[i], strlen(many->text[i])));
      expect_text(db, many->text[i], many->text[i]);
    }
    EXPECT_OK(blt_sync(db));
  }
  expect_sound(db);
  EXPECT_OK(blt_close(db));
  free(many);
}
END_TEST

START_TEST(put_many_keeps_the_timestamps_it_is_given)
{
  struct many *const many = many_new();
  blt_db *const db = new_in_memory(100);
  uint64_t timestamp = 0;

  EXPECT_OK(blt_put_many(db, many->items, 10));
  EXPECT_OK(blt_sync(db));
  for (size_t i = 0; i < 10; i++) {
    EXPECT_OK(blt_timestamp_get(db, many->keys[i].data, many->keys[i].len,
                                &timestamp));
    ck_assert_uint_eq(timestamp, i + 1);
  }
  EXPECT_OK(blt_close(db));
  free(many);
}
END_TEST

START_TEST(a_missing_key_has_no_data_and_an_empty_value_has)
{
  blt_db *const db = new_in_memory(3);
  const blt_bytes keys[] = {{"a", 1}, {"none", 4}, {"empty", 5}, {"a", 1}};
  blt_bytes values[4] = {{"x", 1}, {"x", 1}, {"x", 1}, {"x", 1}};
  size_t n_found = 0;

  put_text(db, "a", "1");
  put_text(db, "empty", "");
  for (int synced = 0; synced < 2; synced++) {
    EXPECT_OK(blt_get_many(db, keys, 4, values, &n_found));
    ck_assert_uint_eq(n_found, 3);
    ck_assert(bytes_equal(values[0], "1", 1));
    ck_assert_ptr_null(values[1].data);
    ck_assert_ptr_nonnull(values[2].data);
    ck_assert_uint_eq(values[2].len, 0);
    ck_assert(bytes_equal(values[3], "1", 1));
    EXPECT_OK(blt_sync(db));
  }
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(has_many_answers_for_each_key)
{
  blt_db *const db = new_in_memory(3);
  const blt_bytes keys[] = {{"a", 1}, {"none", 4}, {"b", 1}};
  unsigned char found[3] = {7, 7, 7};
  size_t n_found = 0;

  put_text(db, "a", "1");
  EXPECT_OK(blt_sync(db));
  put_text(db, "b", "2");
  EXPECT_OK(blt_has_many(db, keys, 3, found, &n_found));
  ck_assert_uint_eq(n_found, 2);
  ck_assert_mem_eq(found, "\1\0\1", 3);
  EXPECT_OK(blt_has_many(db, keys, 3, found, NULL));
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(the_last_of_equal_keys_wins)
{
  blt_db *const db = new_in_memory(3);
  const blt_item items[] = {
      {{"a", 1}, {"1", 1}, 1, 0},
      {{"b", 1}, {"2", 1}, 2, 0},
      {{"a", 1}, {"3", 1}, 3, 0},
  };

  EXPECT_OK(blt_put_many(db, items, 3));
  expect_text(db, "a", "3");
  EXPECT_OK(blt_sync(db));
  expect_text(db, "a", "3");
  expect_text(db, "b", "2");
  expect_count(db, 2);
  expect_sound(db);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(put_many_keeps_what_came_before_a_failing_item)
{
  blt_options options = options_of_new(3);
  blt_db *db = NULL;
  const blt_item items[] = {
      {{"a", 1}, {"12", 2}, BLT_NOW, 0},
      {{"b", 1}, {"wrong", 5}, BLT_NOW, 0},
      {{"c", 1}, {"34", 2}, BLT_NOW, 0},
  };

  options.kind = BLT_FIXED;
  options.fixed_value_len = 2;
  EXPECT_OK(blt_open_memory(NULL, 0, &options, &db));
  EXPECT(BLT_E_INVALID, blt_put_many(db, items, 3));
  expect_text(db, "a", "12");
  expect_text(db, "b", NULL);
  expect_text(db, "c", NULL);
  expect_count(db, 1);
  EXPECT_OK(blt_sync(db));
  expect_count(db, 1);
  expect_sound(db);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(delete_many_passes_over_missing_keys)
{
  blt_db *const db = new_in_memory(3);
  const blt_bytes keys[] = {{"a", 1}, {"none", 4}, {"c", 1}, {"a", 1}};
  size_t n_deleted = 99;

  put_text(db, "a", "1");
  put_text(db, "b", "2");
  EXPECT_OK(blt_sync(db));
  put_text(db, "c", "3");
  EXPECT_OK(blt_delete_many(db, keys, 4, &n_deleted));
  ck_assert_uint_eq(n_deleted, 2);
  expect_text(db, "a", NULL);
  expect_text(db, "b", "2");
  expect_text(db, "c", NULL);
  expect_count(db, 1);
  EXPECT_OK(blt_delete_many(db, keys, 4, NULL));
  EXPECT_OK(blt_sync(db));
  expect_sound(db);
  EXPECT_OK(blt_close(db));
}
END_TEST

/* Each key twice, at all distances, with commits in between. */
START_TEST(delete_many_deletes_what_deletes_one_by_one_delete)
{
  enum { N = 200 };
  blt_options options = options_of_new(3);
  blt_bytes keys[2 * N];
  struct many *const many = many_new();
  blt_db *db = NULL;
  size_t n_deleted = 0;

  options.buffer_len = _i == 0 ? 0 : 300;
  EXPECT_OK(blt_open_memory(NULL, 0, &options, &db));
  EXPECT_OK(blt_put_many(db, many->items, N));
  for (size_t i = 0; i < N; i++) {
    keys[i] = many->keys[(i * 7 + 3) % (2 * N)];
    keys[N + i] = keys[i];
  }
  EXPECT_OK(blt_delete_many(db, keys, N + (size_t)N / 2, &n_deleted));
  ck_assert_uint_gt(n_deleted, 50);
  expect_count(db, N - n_deleted);
  for (size_t i = 0; i < N; i++)
    EXPECT(BLT_NOT_FOUND, blt_delete(db, keys[i].data, keys[i].len));
  EXPECT_OK(blt_sync(db));
  expect_count(db, N - n_deleted);
  expect_sound(db);
  EXPECT_OK(blt_close(db));
  free(many);
}
END_TEST

START_TEST(delete_many_deletes_what_stands_before_a_key_that_is_refused)
{
  blt_db *const db = new_in_memory(3);
  const blt_bytes keys[] = {{"a", 1}, {NULL, 4}, {"b", 1}};

  put_text(db, "a", "1");
  put_text(db, "b", "2");
  EXPECT(BLT_E_INVALID, blt_delete_many(db, keys, 3, NULL));
  expect_text(db, "a", NULL);
  expect_text(db, "b", "2");
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(many_of_nothing_is_fine)
{
  blt_db *const db = new_in_memory(3);
  size_t n = 99;

  EXPECT_OK(blt_put_many(db, NULL, 0));
  EXPECT_OK(blt_get_many(db, NULL, 0, NULL, &n));
  ck_assert_uint_eq(n, 0);
  n = 99;
  EXPECT_OK(blt_has_many(db, NULL, 0, NULL, &n));
  ck_assert_uint_eq(n, 0);
  n = 99;
  EXPECT_OK(blt_delete_many(db, NULL, 0, &n));
  ck_assert_uint_eq(n, 0);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(many_joins_a_batch_of_the_user)
{
  struct many *const many = many_new();
  blt_db *const db = new_in_memory(100);

  EXPECT_OK(blt_put_many(db, many->items, 100));
  EXPECT_OK(blt_batch_begin(db));
  EXPECT_OK(blt_delete_many(db, many->keys, 50, NULL));
  EXPECT_OK(blt_put_many(db, many->items + 100, 100));
  expect_count(db, 150);
  EXPECT_OK(blt_batch_abort(db));
  expect_count(db, 100);
  expect_text(db, many->text[0], many->text[0]);
  expect_text(db, many->text[100], NULL);
  EXPECT_OK(blt_close(db));
  free(many);
}
END_TEST

/* Of a value that spans pieces of the file only the first is read before. */
START_TEST(long_values_come_whole_by_the_side_table_in_each_way_of_reading)
{
  enum { N = 3, LONG = 200 << 10 };
  const char *const path = temp_path("long.blt");
  const blt_bytes keys[N] = {{"a", 1}, {"b", 1}, {"c", 1}};
  static char value[LONG];
  blt_options options = options_of_new(50);
  blt_bytes values[N];

  options.io = (blt_io)_i;
  blt_db *db = open_path_with(path, &options);
  for (int i = 0; i < N; i++) {
    memset(value, 'a' + i, LONG);
    EXPECT_OK(blt_put(db, keys[i].data, 1, value, LONG));
  }
  EXPECT_OK(blt_close(db));
  options.mode = BLT_READ;
  options.side_table = BLT_ON;
  db = open_path_with(path, &options);
  EXPECT_OK(blt_get(db, keys[0].data, 1, &values[0]));
  memset(value, 'a', LONG);
  ck_assert(bytes_equal(values[0], value, LONG));
  EXPECT_OK(blt_get_many(db, keys, N, values, NULL));
  for (int i = 0; i < N; i++) {
    memset(value, 'a' + i, LONG);
    ck_assert(bytes_equal(values[i], value, LONG));
  }
  EXPECT_OK(blt_close(db));
}
END_TEST

Suite *many_suite(void)
{
  Suite *const suite =
      SUITE_OF("many", put_many_and_get_many_are_the_same_as_one_by_one,
               put_many_keeps_the_timestamps_it_is_given,
               a_missing_key_has_no_data_and_an_empty_value_has,
               has_many_answers_for_each_key, the_last_of_equal_keys_wins,
               put_many_keeps_what_came_before_a_failing_item,
               delete_many_passes_over_missing_keys,
               delete_many_deletes_what_stands_before_a_key_that_is_refused,
               many_of_nothing_is_fine, many_joins_a_batch_of_the_user);
  TCase *const sizes = case_of("buffers");

  tcase_add_loop_test(sizes, delete_many_deletes_what_deletes_one_by_one_delete,
                      0, 2);
  tcase_add_loop_test(
      sizes, long_values_come_whole_by_the_side_table_in_each_way_of_reading,
      BLT_IO_AUTO, BLT_IO_PREAD + 1);
  suite_add_tcase(suite, sizes);
  return suite;
}
