/* test_lengths.c - blocks that say they are longer than they are */
#include "hostile/probe.h"
#include "hostile/suites.h"
#include "support/store.h"

static void expect_overrun(uint64_t field_off, size_t width, uint64_t number)
{
  struct image image;

  image_init(&image, &(struct image_shape){.n_buckets = 1});
  image_add(&image, "a", "1");
  const uint64_t off = image_add(&image, "b", "2");
  image_set(&image, off + field_off, width, number);
  expect_status(&image, "a", BLT_OK);
  expect_fault(&image, "overrun", off, image.len - off);
  blt_db *const db = open_image(&image);
  blt_bytes value;
  ck_assert_int_ne(blt_get(db, "b", 1, &value), BLT_OK);
  EXPECT_OK(blt_close(db));
  probe_image(&image);
  image_free(&image);
}

/* V1 */
START_TEST(a_value_one_byte_past_the_end_is_corruption)
{
  struct image image;

  image_init(&image, &(struct image_shape){.n_buckets = 1});
  const uint64_t off = image_add(&image, "a", "1");
  image_set(&image, off + IMAGE_BLOCK_VALUE_LEN, 4, 2);
  expect_damage(&image, "a", "overrun", off, image.len - off);
  image_free(&image);
}
END_TEST

START_TEST(a_value_past_the_end_is_corruption)
{
  expect_overrun(IMAGE_BLOCK_VALUE_LEN, 4, 100);
  expect_overrun(IMAGE_BLOCK_VALUE_LEN, 4, 1000000);
}
END_TEST

START_TEST(the_longest_value_in_a_small_file_is_corruption)
{
  expect_overrun(IMAGE_BLOCK_VALUE_LEN, 4, UINT32_MAX);
}
END_TEST

START_TEST(a_key_past_the_end_is_corruption)
{
  expect_overrun(IMAGE_BLOCK_KEY_LEN, 2, 100);
  expect_overrun(IMAGE_BLOCK_KEY_LEN, 2, UINT16_MAX);
}
END_TEST

START_TEST(a_block_that_swallows_the_next_one_is_found)
{
  struct image image;

  image_init(&image, &(struct image_shape){.n_buckets = 1});
  const uint64_t off = image_add(&image, "a", "1");
  image_add(&image, "b", "2");
  image_set(&image, off + IMAGE_BLOCK_VALUE_LEN, 4, 1 + 34);
  expect_status(&image, "b", BLT_OK);
  blt_db *const db = open_image(&image);
  EXPECT(BLT_E_CORRUPT, blt_verify(db, NULL, NULL));
  EXPECT_OK(blt_close(db));
  probe_image(&image);
  image_free(&image);
}
END_TEST

START_TEST(a_block_that_runs_into_a_moved_index_is_found)
{
  struct image image;

  image_init(&image, &(struct image_shape){.n_buckets = 9, .index_later = 1});
  const uint64_t off = image_add(&image, "a", "1");
  image_move_index(&image, 50);
  image_add(&image, "b", "2");
  image_set(&image, off + IMAGE_BLOCK_VALUE_LEN, 4, 10);
  expect_fault(&image, "overrun", off, image.len - off);
  probe_image(&image);
  image_free(&image);
}
END_TEST

/* S2 */
START_TEST(a_dead_block_past_the_end_is_found)
{
  struct image image;

  image_init(&image, &(struct image_shape){.n_buckets = 1});
  image_add(&image, "a", "1");
  const uint64_t off = image_add_loose(&image, "dead", "x", 0);
  image_set(&image, off + IMAGE_BLOCK_VALUE_LEN, 4, 5000);
  expect_status(&image, "a", BLT_OK);
  expect_fault(&image, "overrun", off, image.len - off);
  probe_image(&image);
  image_free(&image);
}
END_TEST

START_TEST(a_key_of_a_fixed_file_past_the_end_is_corruption)
{
  struct image image;

  image_init(&image, &(struct image_shape){
                         .is_fixed = 1, .value_len = 2, .n_buckets = 1});
  const uint64_t off = image_add(&image, "a", "12");
  image_set(&image, off + IMAGE_BLOCK_KEY_LEN, 2, 2);
  blt_db *const db = open_image(&image);
  blt_bytes value;
  ck_assert_int_ne(blt_get(db, "a", 1, &value), BLT_OK);
  EXPECT_OK(blt_close(db));
  expect_fault(&image, "overrun", off, image.len - off);
  probe_image(&image);
  image_free(&image);
}
END_TEST

START_TEST(a_fixed_file_with_a_huge_value_length_is_corruption)
{
  struct image image;

  image_init(&image, &(struct image_shape){
                         .is_fixed = 1, .value_len = 2, .n_buckets = 1});
  const uint64_t off = image_add(&image, "a", "12");
  image_set(&image, IMAGE_VALUE_LEN, 4, UINT32_MAX);
  blt_db *db = NULL;
  blt_bytes value;
  if (blt_open_memory(image.bytes, image.len, NULL, &db) == BLT_OK) {
    EXPECT(BLT_E_CORRUPT, blt_get(db, "a", 1, &value));
    EXPECT(BLT_E_CORRUPT, blt_verify(db, NULL, NULL));
    EXPECT_OK(blt_close(db));
    expect_fault(&image, "overrun", off, image.len - off);
  }
  probe_image(&image);
  image_free(&image);
}
END_TEST

/* A commit to a fixed file is padded to whole blocks; the repair of 230 bytes
 * must not write the length that they claim. */
START_TEST(a_huge_value_length_does_not_make_a_small_file_grow)
{
  struct image image;
  blt_bytes bytes;
  blt_db *db = NULL;
  const blt_options options = options_of(BLT_WRITE);

  image_init(&image, &(struct image_shape){
                         .is_fixed = 1, .value_len = 2, .n_buckets = 1});
  image_add(&image, "a", "12");
  image_set(&image, IMAGE_VALUE_LEN, 4, 1 << 26);
  if (blt_open_memory(image.bytes, image.len, &options, &db) == BLT_OK) {
    EXPECT_OK(blt_memory_image(db, &bytes));
    ck_assert_uint_le(bytes.len, 1 << 20);
    EXPECT_OK(blt_close(db));
  }
  image_free(&image);
}
END_TEST

Suite *lengths_suite(void)
{
  return SUITE_OF("lengths", a_value_one_byte_past_the_end_is_corruption,
                  a_value_past_the_end_is_corruption,
                  the_longest_value_in_a_small_file_is_corruption,
                  a_key_past_the_end_is_corruption,
                  a_block_that_swallows_the_next_one_is_found,
                  a_block_that_runs_into_a_moved_index_is_found,
                  a_dead_block_past_the_end_is_found,
                  a_key_of_a_fixed_file_past_the_end_is_corruption,
                  a_fixed_file_with_a_huge_value_length_is_corruption,
                  a_huge_value_length_does_not_make_a_small_file_grow);
}
