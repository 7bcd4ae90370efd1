/* test_counts.c - numbers of keys that lie */
#include "hostile/probe.h"
#include "hostile/suites.h"
#include "support/store.h"

static struct image image;

static void make(uint64_t n_keys)
{
  image_init(&image, &(struct image_shape){.n_buckets = 3});
  image_add(&image, "a", "1");
  image_add(&image, "b", "2");
  image_set(&image, IMAGE_N_KEYS, 4, n_keys);
}

static void expect_lie(uint64_t n_keys)
{
  make(n_keys);
  expect_status(&image, "a", BLT_OK);
  expect_status(&image, "b", BLT_OK);
  expect_fault(&image, "wrong-count", 0, 0);
  probe_image(&image);
  image_free(&image);
}

START_TEST(a_count_that_is_too_big_is_found)
{
  expect_lie(3);
  expect_lie(1000000);
  expect_lie(UINT32_MAX - 1);
}
END_TEST

START_TEST(a_count_that_is_too_small_is_found)
{
  expect_lie(1);
  expect_lie(0);
}
END_TEST

START_TEST(a_big_lie_does_not_make_the_index_grow)
{
  make(UINT32_MAX - 1);
  blt_db *const db = open_bytes(image.bytes, image.len, BLT_WRITE);
  put_text(db, "c", "3");
  EXPECT_OK(blt_sync(db));
  ck_assert_uint_le(header_of(db).n_buckets, 12007);
  expect_text(db, "a", "1");
  expect_text(db, "c", "3");
  EXPECT_OK(blt_close(db));
  image_free(&image);
}
END_TEST

START_TEST(a_count_that_is_too_small_survives_deletes)
{
  make(0);
  blt_db *const db = open_bytes(image.bytes, image.len, BLT_WRITE);
  delete_text(db, "a");
  delete_text(db, "b");
  EXPECT_OK(blt_sync(db));
  expect_text(db, "a", NULL);
  expect_text(db, "b", NULL);
  put_text(db, "c", "3");
  EXPECT_OK(blt_sync(db));
  expect_text(db, "c", "3");
  EXPECT_OK(blt_close(db));
  image_free(&image);
}
END_TEST

START_TEST(a_prune_counts_anew)
{
  make(77);
  blt_db *const db = open_bytes(image.bytes, image.len, BLT_WRITE);
  EXPECT_OK(blt_prune(db, NULL, NULL));
  expect_count(db, 2);
  expect_sound(db);
  EXPECT_OK(blt_close(db));
  image_free(&image);
}
END_TEST

START_TEST(a_file_that_was_not_closed_is_made_sound)
{
  make(IMAGE_NOT_CLOSED);
  blt_db *const db = open_bytes(image.bytes, image.len, BLT_WRITE);
  expect_text(db, "a", "1");
  expect_text(db, "b", "2");
  expect_count(db, 2);
  expect_sound(db);
  EXPECT_OK(blt_close(db));
  probe_image(&image);
  image_free(&image);
}
END_TEST

/* A1 */
START_TEST(a_repair_keeps_the_keys_that_are_whole)
{
  blt_open_info info;

  image_init(&image, &(struct image_shape){.n_buckets = 1});
  image_add(&image, "a", "1");
  const uint64_t off = image_add(&image, "b", "2");
  image_add(&image, "c", "3");
  image_set(&image, off + IMAGE_BLOCK_NEXT, 6, 12345678);
  image_set(&image, IMAGE_N_KEYS, 4, IMAGE_NOT_CLOSED);
  blt_db *const db = open_bytes(image.bytes, image.len, BLT_WRITE);
  EXPECT_OK(blt_open_report(db, &info));
  ck_assert_int_eq(info.what, BLT_OPENED_REPAIRED);
  ck_assert_uint_eq(info.n_kept, 3);
  expect_text(db, "a", "1");
  expect_text(db, "b", "2");
  expect_text(db, "c", "3");
  expect_count(db, 3);
  expect_sound(db);
  EXPECT_OK(blt_close(db));
  image_free(&image);
}
END_TEST

/* Key "a" is whole; the length of its value is not. */
static void make_damaged(void)
{
  image_init(&image, &(struct image_shape){.n_buckets = 1});
  const uint64_t off = image_add(&image, "a", "1");
  image_set(&image, off + IMAGE_BLOCK_VALUE_LEN, 4, 100000);
}

START_TEST(without_recovery_a_damaged_file_is_not_repaired)
{
  blt_options options = options_of(BLT_WRITE);
  blt_open_info info;
  blt_db *db = NULL;

  make_damaged();
  options.recover = BLT_OFF;
  if (blt_open_memory(image.bytes, image.len, &options, &db) == BLT_OK) {
    EXPECT_OK(blt_open_report(db, &info));
    ck_assert_int_ne(info.what, BLT_OPENED_REPAIRED);
    blt_close(db);
  }
  image_free(&image);
}
END_TEST

START_TEST(a_repair_does_not_lose_a_block_without_saying_so)
{
  const blt_options options = options_of(BLT_WRITE);
  blt_open_info info;
  blt_db *db = NULL;

  make_damaged();
  if (blt_open_memory(image.bytes, image.len, &options, &db) == BLT_OK) {
    EXPECT_OK(blt_open_report(db, &info));
    if (info.what == BLT_OPENED_REPAIRED)
      ck_assert_uint_ge(info.n_dropped, 1);
    blt_close(db);
  }
  image_free(&image);
}
END_TEST

Suite *counts_suite(void)
{
  return SUITE_OF("counts", a_count_that_is_too_big_is_found,
                  a_count_that_is_too_small_is_found,
                  a_big_lie_does_not_make_the_index_grow,
                  a_count_that_is_too_small_survives_deletes,
                  a_prune_counts_anew, a_file_that_was_not_closed_is_made_sound,
                  a_repair_keeps_the_keys_that_are_whole,
                  without_recovery_a_damaged_file_is_not_repaired,
                  a_repair_does_not_lose_a_block_without_saying_so);
}
