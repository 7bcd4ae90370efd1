/* test_memory.c - blt_open_memory and blt_memory_image */
#include "api/suites.h"
#include "support/image.h"
#include "support/store.h"
#include "support/temp.h"

#include <stdlib.h>

START_TEST(the_image_of_a_store_opens_as_the_same_store)
{
  blt_db *const db = new_in_memory(7);
  blt_bytes image;

  put_numbered(db, 0, 100);
  delete_text(db, "key-000050");
  EXPECT_OK(blt_metadata_set(db, "{}", 2, BLT_NOW));
  EXPECT_OK(blt_sync(db));
  EXPECT_OK(blt_memory_image(db, &image));
  for (int mode = BLT_READ; mode <= BLT_WRITE; mode++) {
    blt_db *const again = open_bytes(image.data, image.len, (blt_mode)mode);
    expect_count(again, 99);
    expect_numbered(again, 0, 50);
    expect_text(again, "key-000050", NULL);
    /* The image is of a store that is not closed: a reader finds it unclean,
     * a writer recovers it. */
    if (mode == BLT_WRITE)
      expect_sound(again);
    EXPECT_OK(blt_close(again));
  }
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(the_image_is_what_a_file_would_hold)
{
  const char *const path = temp_path("a.blt");
  blt_db *db = new_in_memory(7);
  blt_bytes image;

  put_numbered(db, 0, 100);
  EXPECT_OK(blt_sync(db));
  EXPECT_OK(blt_memory_image(db, &image));
  file_write(path, image.data, image.len);
  EXPECT_OK(blt_close(db));
  db = open_path(path, BLT_WRITE);
  expect_numbered(db, 0, 100);
  expect_sound(db);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(the_file_of_another_is_read_from_memory)
{
  const char *const path = temp_path("a.blt");
  blt_db *db = open_path(path, BLT_NEW);
  size_t len;

  put_numbered(db, 0, 10);
  EXPECT_OK(blt_close(db));
  uint8_t *const bytes = file_read(path, &len);
  db = open_bytes(bytes, len, BLT_WRITE);
  free(bytes); /* it was copied */
  expect_numbered(db, 0, 10);
  put_numbered(db, 10, 10);
  expect_numbered(db, 0, 20);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(an_image_that_is_given_is_not_changed)
{
  struct image image;

  image_init(&image, &(struct image_shape){.n_buckets = 3});
  image_add(&image, "a", "1");
  uint8_t *const before = malloc(image.len);
  memcpy(before, image.bytes, image.len);
  blt_db *const db = open_bytes(image.bytes, image.len, BLT_WRITE);
  put_text(db, "a", "2");
  delete_text(db, "a");
  EXPECT_OK(blt_prune(db, NULL, NULL));
  EXPECT_OK(blt_close(db));
  ck_assert_mem_eq(before, image.bytes, image.len);
  free(before);
  image_free(&image);
}
END_TEST

START_TEST(an_image_for_reading_is_given_back_as_it_is)
{
  struct image image;
  blt_bytes again;

  image_init(&image, &(struct image_shape){.n_buckets = 3});
  image_add(&image, "a", "1");
  blt_db *const db = open_bytes(image.bytes, image.len, BLT_READ);
  EXPECT(BLT_E_READ_ONLY, blt_put(db, "b", 1, "2", 1));
  EXPECT_OK(blt_memory_image(db, &again));
  ck_assert(bytes_equal(again, image.bytes, image.len));
  EXPECT_OK(blt_close(db));
  image_free(&image);
}
END_TEST

START_TEST(create_and_new_start_from_nothing)
{
  for (int mode = BLT_CREATE; mode <= BLT_NEW; mode++) {
    blt_db *const db = open_bytes(NULL, 0, (blt_mode)mode);
    expect_count(db, 0);
    put_text(db, "a", "1");
    expect_text(db, "a", "1");
    EXPECT_OK(blt_close(db));
  }
}
END_TEST

START_TEST(read_and_write_need_an_image)
{
  blt_options options = options_of(BLT_READ);
  blt_db *db = NULL;

  EXPECT_FAILURE(blt_open_memory(NULL, 0, &options, &db));
  options.mode = BLT_WRITE;
  EXPECT_FAILURE(blt_open_memory(NULL, 0, &options, &db));
  ck_assert_ptr_null(db);
}
END_TEST

START_TEST(a_file_has_no_image)
{
  blt_db *const db = open_path(temp_path("a.blt"), BLT_NEW);
  blt_bytes image;

  EXPECT(BLT_E_UNSUPPORTED, blt_memory_image(db, &image));
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(a_store_in_memory_can_be_pruned_reindexed_and_cleared)
{
  blt_db *const db = new_in_memory(7);
  uint64_t n_dropped = 0;

  put_numbered(db, 0, 100);
  EXPECT_OK(blt_sync(db));
  delete_text(db, "key-000000");
  EXPECT_OK(blt_sync(db));
  EXPECT_OK(blt_prune(db, NULL, &n_dropped));
  ck_assert_uint_eq(n_dropped, 1);
  EXPECT_OK(blt_reindex(db, 1001));
  expect_numbered(db, 1, 99);
  expect_sound(db);
  EXPECT_OK(blt_clear(db));
  expect_count(db, 0);
  expect_sound(db);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(two_stores_of_one_image_are_independent)
{
  struct image image;

  image_init(&image, &(struct image_shape){.n_buckets = 3});
  image_add(&image, "a", "1");
  blt_db *const one = open_bytes(image.bytes, image.len, BLT_WRITE);
  blt_db *const other = open_bytes(image.bytes, image.len, BLT_WRITE);
  put_text(one, "a", "2");
  expect_text(other, "a", "1");
  EXPECT_OK(blt_close(one));
  EXPECT_OK(blt_close(other));
  image_free(&image);
}
END_TEST

Suite *memory_suite(void)
{
  return SUITE_OF("memory", the_image_of_a_store_opens_as_the_same_store,
                  the_image_is_what_a_file_would_hold,
                  the_file_of_another_is_read_from_memory,
                  an_image_that_is_given_is_not_changed,
                  an_image_for_reading_is_given_back_as_it_is,
                  create_and_new_start_from_nothing,
                  read_and_write_need_an_image, a_file_has_no_image,
                  a_store_in_memory_can_be_pruned_reindexed_and_cleared,
                  two_stores_of_one_image_are_independent);
}
