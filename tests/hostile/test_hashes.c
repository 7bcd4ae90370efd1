/* test_hashes.c - hash fields that lie */
#include "hostile/probe.h"
#include "hostile/suites.h"
#include "support/store.h"

#include <stdlib.h>

/* A block of key "b" with the hash field of key "a". */
static uint64_t add_false_a(struct image *image)
{
  const uint64_t off = image_add(image, "b", "false");

  image_hash("a", 1, image->bytes + off);
  return off;
}

/* C2 */
START_TEST(key_bytes_are_compared_not_only_the_hash)
{
  struct image image;

  image_init(&image, &(struct image_shape){.n_buckets = 1});
  add_false_a(&image);
  blt_db *const db = open_image(&image);
  expect_text(db, "a", NULL);
  EXPECT_OK(blt_close(db));
  image_free(&image);
}
END_TEST

START_TEST(two_keys_with_one_hash_are_two_keys)
{
  struct image image;

  image_init(&image, &(struct image_shape){.n_buckets = 1});
  add_false_a(&image);
  image_add(&image, "a", "true");
  blt_db *const db = open_image(&image);
  expect_text(db, "a", "true");
  EXPECT_OK(blt_close(db));
  image_free(&image);
}
END_TEST

START_TEST(a_put_does_not_overwrite_another_key_with_the_hash)
{
  struct image image;
  blt_open_info info;

  image_init(&image, &(struct image_shape){.n_buckets = 1});
  add_false_a(&image);
  const blt_options options = options_of(BLT_WRITE);
  blt_db *db = NULL;
  if (blt_open_memory(image.bytes, image.len, &options, &db) != BLT_OK) {
    image_free(&image); /* refused, and so not overwritten */
    return;
  }
  put_text(db, "a", "true");
  EXPECT_OK(blt_sync(db));
  expect_text(db, "a", "true");
  EXPECT_OK(blt_open_report(db, &info));
  /* A repair drops blocks whose hash is not that of their key. */
  const uint64_t n_others = info.what == BLT_OPENED_REPAIRED ? 0 : 1;
  expect_count(db, n_others + 1);
  delete_text(db, "a");
  EXPECT_OK(blt_sync(db));
  expect_count(db, n_others);
  EXPECT_OK(blt_close(db));
  image_free(&image);
}
END_TEST

START_TEST(keys_of_another_length_with_the_hash_are_other_keys)
{
  struct image image;

  image_init(&image, &(struct image_shape){.n_buckets = 1});
  const uint64_t off = image_add(&image, "ab", "false");
  image_hash("a", 1, image.bytes + off);
  blt_db *const db = open_image(&image);
  expect_text(db, "a", NULL);
  EXPECT_OK(blt_close(db));
  image_free(&image);
}
END_TEST

START_TEST(a_wrong_hash_is_found)
{
  struct image image;

  image_init(&image, &(struct image_shape){.n_buckets = 1});
  image_add(&image, "c", "1");
  const uint64_t off = add_false_a(&image);
  expect_status(&image, "c", BLT_OK);
  expect_fault(&image, "wrong-hash", off, image_block_len(&image, off));
  probe_image(&image);
  image_free(&image);
}
END_TEST

START_TEST(a_key_that_was_changed_in_place_is_not_found)
{
  struct image image;

  image_init(&image, &(struct image_shape){.n_buckets = 1});
  const uint64_t off = image_add(&image, "a", "1");
  image.bytes[off + image_head_len(&image)] = 'z';
  expect_status(&image, "a", BLT_NOT_FOUND);
  expect_status(&image, "z", BLT_NOT_FOUND);
  expect_fault(&image, "wrong-hash", off, image_block_len(&image, off));
  probe_image(&image);
  image_free(&image);
}
END_TEST

START_TEST(a_dead_block_with_the_tag_of_a_record_is_only_a_dead_block)
{
  struct image image;

  image_init(&image, &(struct image_shape){.n_buckets = 1});
  image_add(&image, "a", "1");
  const uint64_t off = image_add_loose(&image, "C", "BCR1\1\1\1\1", 0);
  memcpy(image.bytes + off, "BLTC1\0\0\0\0\0\0\0\0", 13);
  image_add(&image, "b", "2");
  blt_db *const db = open_bytes(image.bytes, image.len, BLT_WRITE);
  expect_text(db, "a", "1");
  expect_text(db, "b", "2");
  put_text(db, "c", "3");
  EXPECT_OK(blt_prune(db, NULL, NULL));
  expect_count(db, 3);
  expect_sound(db);
  EXPECT_OK(blt_close(db));
  probe_image(&image);
  image_free(&image);
}
END_TEST

/* A user may choose a value that looks like a log of ours. */
START_TEST(a_log_copied_into_values_is_not_replayed)
{
  blt_db *db = new_in_memory(3);
  blt_bytes bytes;

  put_text(db, "a", "old");
  EXPECT_OK(blt_sync(db));
  EXPECT_OK(blt_memory_image(db, &bytes));
  const size_t len = bytes.len;
  char *const copy = malloc(len);
  memcpy(copy, bytes.data, len);
  put_text(db, "a", "new");
  EXPECT_OK(blt_sync(db));
  EXPECT_OK(blt_put(db, "copy", 4, copy, len));
  EXPECT_OK(blt_sync(db));
  EXPECT_OK(blt_memory_image(db, &bytes));
  blt_db *const again = open_bytes(bytes.data, bytes.len, BLT_WRITE);
  expect_text(again, "a", "new");
  expect_count(again, 2);
  expect_sound(again);
  EXPECT_OK(blt_close(again));
  EXPECT_OK(blt_close(db));
  free(copy);
}
END_TEST

Suite *hashes_suite(void)
{
  return SUITE_OF("hashes", key_bytes_are_compared_not_only_the_hash,
                  two_keys_with_one_hash_are_two_keys,
                  a_put_does_not_overwrite_another_key_with_the_hash,
                  keys_of_another_length_with_the_hash_are_other_keys,
                  a_wrong_hash_is_found,
                  a_key_that_was_changed_in_place_is_not_found,
                  a_dead_block_with_the_tag_of_a_record_is_only_a_dead_block,
                  a_log_copied_into_values_is_not_replayed);
}
