/* test_get.c - blt_get, blt_get_into, blt_has, blt_count */
#include "api/suites.h"
#include "support/image.h"
#include "support/random.h"
#include "support/store.h"

#include <stdlib.h>

START_TEST(get_sees_what_is_not_committed_yet)
{
  blt_db *const db = new_in_memory(3);

  put_text(db, "a", "1");
  expect_text(db, "a", "1");
  put_text(db, "a", "2");
  expect_text(db, "a", "2");
  EXPECT_OK(blt_sync(db));
  expect_text(db, "a", "2");
  delete_text(db, "a");
  expect_text(db, "a", NULL);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(get_into_copies_the_value)
{
  blt_db *const db = new_in_memory(3);
  char buf[8] = "xxxxxxx";
  size_t len = 99;

  for (int synced = 0; synced < 2; synced++) {
    put_text(db, "a", "12345");
    if (synced)
      EXPECT_OK(blt_sync(db));
    EXPECT_OK(blt_get_into(db, "a", 1, buf, sizeof buf, &len));
    ck_assert_uint_eq(len, 5);
    ck_assert_mem_eq(buf, "12345xx", 7);
    EXPECT_OK(blt_get_into(db, "a", 1, buf, 5, &len));
  }
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(get_into_says_how_long_a_value_is_that_does_not_fit)
{
  blt_db *const db = new_in_memory(3);
  char buf[8] = "xxxxxxx";
  size_t len = 99;

  put_text(db, "a", "12345");
  EXPECT(BLT_E_TOO_BIG, blt_get_into(db, "a", 1, buf, 4, &len));
  ck_assert_uint_eq(len, 5);
  ck_assert_str_eq(buf, "xxxxxxx");
  len = 99;
  EXPECT(BLT_E_TOO_BIG, blt_get_into(db, "a", 1, NULL, 0, &len));
  ck_assert_uint_eq(len, 5);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(get_into_of_a_missing_key_is_not_found)
{
  blt_db *const db = new_in_memory(3);
  char buf[8];
  size_t len = 99;

  EXPECT(BLT_NOT_FOUND, blt_get_into(db, "a", 1, buf, sizeof buf, &len));
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(has_says_whether_there_is_a_key)
{
  blt_db *const db = new_in_memory(3);

  EXPECT(BLT_NOT_FOUND, blt_has(db, "a", 1));
  put_text(db, "a", "");
  EXPECT_OK(blt_has(db, "a", 1));
  EXPECT_OK(blt_sync(db));
  EXPECT_OK(blt_has(db, "a", 1));
  delete_text(db, "a");
  EXPECT(BLT_NOT_FOUND, blt_has(db, "a", 1));
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(count_includes_what_is_not_committed_yet)
{
  blt_db *const db = new_in_memory(3);

  expect_count(db, 0);
  put_text(db, "a", "1");
  put_text(db, "a", "2");
  put_text(db, "b", "3");
  expect_count(db, 2);
  EXPECT_OK(blt_sync(db));
  expect_count(db, 2);
  delete_text(db, "a");
  expect_count(db, 1);
  put_text(db, "b", "4");
  expect_count(db, 1);
  EXPECT_OK(blt_sync(db));
  expect_count(db, 1);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(keys_that_begin_alike_are_different_keys)
{
  blt_db *const db = new_in_memory(1);

  put_text(db, "", "0");
  put_text(db, "a", "1");
  put_text(db, "aa", "2");
  EXPECT_OK(blt_put(db, "a\0", 2, "3", 1));
  expect_text(db, "", "0");
  expect_text(db, "a", "1");
  expect_text(db, "aa", "2");
  expect_count(db, 4);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(keys_of_every_length_are_found)
{
  blt_options options = options_of_new(50);
  blt_db *db = NULL;
  uint8_t key[700];
  struct random random;
  blt_bytes value;

  /* 64 bytes are one block of the hash, so 0, 64, 128 ... are its edges. */
  random_start(&random, 1);
  random_fill(&random, key, sizeof key);
  options.auto_reindex = BLT_OFF;
  EXPECT_OK(blt_open_memory(NULL, 0, &options, &db));
  for (size_t len = 0; len <= sizeof key; len++)
    EXPECT_OK(blt_put(db, key, len, &len, sizeof len));
  EXPECT_OK(blt_sync(db));
  for (size_t len = 0; len <= sizeof key; len++) {
    EXPECT_OK(blt_get(db, key, len, &value));
    ck_assert(bytes_equal(value, &len, sizeof len));
  }
  expect_sound(db);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(files_of_every_shape_are_read)
{
  static const struct image_shape shapes[] = {
      {.n_buckets = 3},
      {.n_buckets = 3, .no_timestamps = 1},
      {.n_buckets = 3, .is_fixed = 1, .value_len = 1},
      {.n_buckets = 3, .version = 3},
      {.n_buckets = 3, .version = 4},
      {.n_buckets = 3, .filler = 0x30},
      {.n_buckets = 3, .index_later = 1},
      {.n_buckets = 3, .index_later = 1, .is_fixed = 1, .value_len = 1},
  };

  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
    struct image image;
    image_init(&image, &shapes[i]);
    for (char c = 'a'; c <= 'z'; c++) {
      image_add_bytes(&image, &c, 1, &c, 1, 1000);
      if (c == 'm')
        image_add_loose(&image, "dead", "x", 0);
      if (c == 'p' && shapes[i].index_later)
        image_move_index(&image, 11);
    }
    blt_db *const db = open_bytes(image.bytes, image.len, BLT_READ);
    for (char c = 'a'; c <= 'z'; c++) {
      blt_bytes value;
      EXPECT_OK(blt_get(db, &c, 1, &value));
      ck_assert(bytes_equal(value, &c, 1));
    }
    expect_text(db, "dead", NULL);
    expect_count(db, 26);
    expect_sound(db);
    EXPECT_OK(blt_close(db));
    image_free(&image);
  }
}
END_TEST

Suite *get_suite(void)
{
  return SUITE_OF(
      "get", get_sees_what_is_not_committed_yet, get_into_copies_the_value,
      get_into_says_how_long_a_value_is_that_does_not_fit,
      get_into_of_a_missing_key_is_not_found, has_says_whether_there_is_a_key,
      count_includes_what_is_not_committed_yet,
      keys_that_begin_alike_are_different_keys, keys_of_every_length_are_found,
      files_of_every_shape_are_read);
}
