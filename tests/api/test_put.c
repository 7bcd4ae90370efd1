/* test_put.c - blt_put, blt_put_at, blt_delete and the limits of both */
#include "api/suites.h"
#include "support/store.h"
#include "support/temp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static blt_db *new_fixed(uint32_t value_len)
{
  blt_options options = options_of_new(3);
  blt_db *db = NULL;

  options.kind = BLT_FIXED;
  options.fixed_value_len = value_len;
  EXPECT_OK(blt_open_memory(NULL, 0, &options, &db));
  return db;
}

START_TEST(a_put_replaces_the_value)
{
  blt_db *const db = new_in_memory(1);

  for (unsigned round = 0; round < 5; round++) {
    put_text(db, "a", "short");
    put_text(db, "b", "2");
    EXPECT_OK(blt_sync(db));
    put_text(db, "a", "something that is longer");
    EXPECT_OK(blt_sync(db));
    expect_text(db, "a", "something that is longer");
    expect_text(db, "b", "2");
    expect_count(db, 2);
  }
  expect_sound(db);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(the_bytes_are_copied)
{
  blt_db *const db = new_in_memory(3);
  char key[] = "a", value[] = "1";

  EXPECT_OK(blt_put(db, key, 1, value, 1));
  key[0] = 'x';
  value[0] = 'x';
  expect_text(db, "a", "1");
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(an_empty_key_is_a_key)
{
  blt_db *const db = new_in_memory(3);

  EXPECT_OK(blt_put(db, NULL, 0, "1", 1));
  expect_text(db, "", "1");
  EXPECT_OK(blt_sync(db));
  expect_text(db, "", "1");
  EXPECT_OK(blt_has(db, NULL, 0));
  expect_sound(db);
  EXPECT_OK(blt_delete(db, NULL, 0));
  expect_text(db, "", NULL);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(an_empty_value_is_a_value)
{
  blt_db *const db = new_in_memory(3);

  EXPECT_OK(blt_put(db, "a", 1, NULL, 0));
  expect_text(db, "a", "");
  EXPECT_OK(blt_sync(db));
  expect_text(db, "a", "");
  expect_count(db, 1);
  expect_sound(db);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(an_empty_key_with_an_empty_value_survives)
{
  const char *const path = temp_path("a.blt");
  blt_db *db = open_path(path, BLT_NEW);

  EXPECT_OK(blt_put(db, NULL, 0, NULL, 0));
  EXPECT_OK(blt_close(db));
  db = open_path(path, BLT_READ);
  expect_text(db, "", "");
  ck_assert_uint_eq(count_by_iteration(db, BLT_ITER_KEYS), 1);
  expect_sound(db);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(the_longest_key_is_65535_bytes)
{
  blt_db *const db = new_in_memory(3);
  char *const key = malloc(BLT_MAX_KEY_LEN + 1);

  memset(key, 'k', BLT_MAX_KEY_LEN + 1);
  EXPECT_OK(blt_put(db, key, BLT_MAX_KEY_LEN, "1", 1));
  EXPECT(BLT_E_TOO_BIG, blt_put(db, key, BLT_MAX_KEY_LEN + 1, "2", 1));
  EXPECT_OK(blt_sync(db));
  EXPECT_OK(blt_has(db, key, BLT_MAX_KEY_LEN));
  ck_assert_int_ne(blt_has(db, key, BLT_MAX_KEY_LEN + 1), BLT_OK);
  expect_count(db, 1);
  expect_sound(db);
  EXPECT_OK(blt_close(db));
  free(key);
}
END_TEST

START_TEST(a_value_of_four_gibibytes_is_too_big)
{
  blt_db *const db = new_in_memory(3);

  if (SIZE_MAX == UINT32_MAX)
    return;
  EXPECT(BLT_E_TOO_BIG,
         blt_put(db, "a", 1, "x", (size_t)BLT_MAX_VALUE_LEN + 1));
  expect_count(db, 0);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(a_value_larger_than_the_buffer_is_stored)
{
  blt_options options = options_of_new(3);
  const size_t len = 300000;
  char *const value = malloc(len);
  blt_db *db = NULL;
  blt_bytes got;

  memset(value, 'v', len);
  options.buffer_len = 1024;
  EXPECT_OK(blt_open_memory(NULL, 0, &options, &db));
  put_text(db, "before", "1");
  EXPECT_OK(blt_put(db, "large", 5, value, len));
  put_text(db, "after", "2");
  EXPECT_OK(blt_sync(db));
  EXPECT_OK(blt_get(db, "large", 5, &got));
  ck_assert(bytes_equal(got, value, len));
  expect_text(db, "before", "1");
  expect_text(db, "after", "2");
  expect_sound(db);
  EXPECT_OK(blt_close(db));
  free(value);
}
END_TEST

START_TEST(a_fixed_file_takes_values_of_its_length_only)
{
  blt_db *const db = new_fixed(3);

  put_text(db, "a", "123");
  EXPECT(BLT_E_INVALID, blt_put(db, "b", 1, "12", 2));
  EXPECT(BLT_E_INVALID, blt_put(db, "b", 1, "1234", 4));
  EXPECT(BLT_E_INVALID, blt_put(db, "b", 1, NULL, 0));
  expect_text(db, "a", "123");
  expect_text(db, "b", NULL);
  put_text(db, "a", "456");
  EXPECT_OK(blt_sync(db));
  expect_text(db, "a", "456");
  expect_count(db, 1);
  expect_sound(db);
  EXPECT_OK(blt_close(db));
}
END_TEST

/* Longer than what a dead block of a fixed file can span beside a value. */
START_TEST(a_fixed_file_may_have_long_values)
{
  static const uint32_t lens[] = {65400, 65514, 65536, 66000, 100000};
  static char value[100000];
  blt_bytes got;

  for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
    blt_db *const db = new_fixed(lens[i]);
    for (char key = 'a'; key < 'f'; key++) {
      memset(value, key, lens[i]);
      EXPECT_OK(blt_put(db, &key, 1, value, lens[i]));
    }
    EXPECT_OK(blt_sync(db));
    expect_count(db, 5);
    expect_sound(db);
    EXPECT_OK(blt_prune(db, NULL, NULL));
    EXPECT_OK(blt_get(db, "c", 1, &got));
    ck_assert_int_eq(((const char *)got.data)[lens[i] - 1], 'c');
    expect_sound(db);
    EXPECT_OK(blt_close(db));
  }
}
END_TEST

START_TEST(a_fixed_file_may_have_values_of_no_bytes)
{
  blt_db *const db = new_fixed(0);

  put_text(db, "a", "");
  put_text(db, "b", "");
  EXPECT(BLT_E_INVALID, blt_put(db, "c", 1, "1", 1));
  EXPECT_OK(blt_sync(db));
  delete_text(db, "a");
  EXPECT_OK(blt_sync(db));
  expect_text(db, "a", NULL);
  expect_text(db, "b", "");
  expect_count(db, 1);
  expect_sound(db);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(delete_says_whether_there_was_a_key)
{
  blt_db *const db = new_in_memory(3);

  EXPECT(BLT_NOT_FOUND, blt_delete(db, "a", 1));
  put_text(db, "a", "1");
  EXPECT_OK(blt_delete(db, "a", 1));
  EXPECT(BLT_NOT_FOUND, blt_delete(db, "a", 1));
  put_text(db, "a", "2");
  EXPECT_OK(blt_sync(db));
  EXPECT_OK(blt_delete(db, "a", 1));
  EXPECT(BLT_NOT_FOUND, blt_delete(db, "a", 1));
  EXPECT_OK(blt_sync(db));
  EXPECT(BLT_NOT_FOUND, blt_delete(db, "a", 1));
  expect_sound(db);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(a_deleted_key_can_be_put_again)
{
  blt_db *const db = new_in_memory(1);

  for (int i = 0; i < 4; i++) {
    put_text(db, "a", "1");
    put_text(db, "b", "2");
    if (i % 2 == 0)
      EXPECT_OK(blt_sync(db));
    delete_text(db, "a");
    put_text(db, "a", "3");
    EXPECT_OK(blt_sync(db));
    expect_text(db, "a", "3");
    expect_text(db, "b", "2");
    expect_count(db, 2);
    delete_text(db, "a");
  }
  expect_sound(db);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(deleting_any_key_of_a_chain_leaves_the_others)
{
  for (unsigned victim = 0; victim < 5; victim++) {
    blt_options options = options_of_new(1);
    blt_db *db = NULL;
    char key[32];
    options.auto_reindex = BLT_OFF;
    EXPECT_OK(blt_open_memory(NULL, 0, &options, &db));
    put_numbered(db, 0, 5);
    EXPECT_OK(blt_sync(db));
    snprintf(key, sizeof key, "key-%06u", victim);
    delete_text(db, key);
    EXPECT_OK(blt_sync(db));
    expect_text(db, key, NULL);
    expect_numbered(db, 0, victim);
    expect_numbered(db, victim + 1, 4 - victim);
    expect_count(db, 4);
    expect_sound(db);
    EXPECT_OK(blt_close(db));
  }
}
END_TEST

Suite *put_suite(void)
{
  return SUITE_OF(
      "put", a_put_replaces_the_value, the_bytes_are_copied,
      an_empty_key_is_a_key, an_empty_value_is_a_value,
      an_empty_key_with_an_empty_value_survives, the_longest_key_is_65535_bytes,
      a_value_of_four_gibibytes_is_too_big,
      a_value_larger_than_the_buffer_is_stored,
      a_fixed_file_takes_values_of_its_length_only,
      a_fixed_file_may_have_long_values,
      a_fixed_file_may_have_values_of_no_bytes,
      delete_says_whether_there_was_a_key, a_deleted_key_can_be_put_again,
      deleting_any_key_of_a_chain_leaves_the_others);
}
