/* test_header.c - headers that can not be true */
#include "hostile/probe.h"
#include "hostile/suites.h"
#include "support/store.h"
#include "support/temp.h"

#include <stdlib.h>

static struct image image;

static void make(void)
{
  image_init(&image, &(struct image_shape){.n_buckets = 3});
  image_add(&image, "a", "1");
  image_add(&image, "b", "2");
}

static void expect_bad_field(uint64_t off, size_t width, uint64_t number)
{
  make();
  image_set(&image, off, width, number);
  expect_refused(&image, BLT_E_CORRUPT);
  image_free(&image);
}

START_TEST(no_buckets_are_refused)
{
  expect_bad_field(IMAGE_N_BUCKETS, 4, 0);
}
END_TEST

START_TEST(more_buckets_than_the_file_holds_are_refused)
{
  expect_bad_field(IMAGE_N_BUCKETS, 4, UINT32_MAX);
  expect_bad_field(IMAGE_N_BUCKETS, 4, 100);
}
END_TEST

START_TEST(an_index_past_the_end_is_refused)
{
  expect_bad_field(IMAGE_INDEX_OFF, 6, 100000);
  expect_bad_field(IMAGE_INDEX_OFF, 6, UINT64_C(0xffffffffffff));
}
END_TEST

START_TEST(an_index_that_ends_past_the_end_is_refused)
{
  make();
  const uint64_t end = image.len;
  image_free(&image);
  expect_bad_field(IMAGE_INDEX_OFF, 6, end);
  expect_bad_field(IMAGE_INDEX_OFF, 6, end - 17);
}
END_TEST

START_TEST(an_index_in_the_header_is_refused)
{
  expect_bad_field(IMAGE_INDEX_OFF, 6, 1);
  expect_bad_field(IMAGE_INDEX_OFF, 6, 199);
}
END_TEST

START_TEST(first_blocks_past_the_end_are_refused)
{
  expect_bad_field(IMAGE_FIRST_BLOCK_OFF, 6, 100000);
  expect_bad_field(IMAGE_FIRST_BLOCK_OFF, 6, UINT64_C(0xffffffffffff));
}
END_TEST

START_TEST(first_blocks_in_the_header_or_the_index_are_refused)
{
  expect_bad_field(IMAGE_FIRST_BLOCK_OFF, 6, 1);
  expect_bad_field(IMAGE_FIRST_BLOCK_OFF, 6, 199);
  expect_bad_field(IMAGE_FIRST_BLOCK_OFF, 6, 201);
}
END_TEST

START_TEST(first_blocks_in_a_moved_index_are_refused)
{
  image_init(&image, &(struct image_shape){.n_buckets = 3, .index_later = 1});
  image_add(&image, "a", "1");
  image_move_index(&image, 20);
  image_set(&image, IMAGE_FIRST_BLOCK_OFF, 6, image.index_off + 6);
  expect_refused(&image, BLT_E_CORRUPT);
  image_free(&image);
}
END_TEST

START_TEST(a_moved_index_over_the_blocks_is_found)
{
  image_init(&image, &(struct image_shape){.n_buckets = 3, .index_later = 1});
  image_add(&image, "a", "1");
  image_add(&image, "b", "2");
  image_move_index(&image, 5);
  image_set(&image, IMAGE_INDEX_OFF, 6, image.index_off - 7);
  blt_db *db = NULL;
  if (blt_open_memory(image.bytes, image.len, NULL, &db) == BLT_OK) {
    EXPECT(BLT_E_CORRUPT, blt_verify(db, NULL, NULL));
    EXPECT_OK(blt_close(db));
  }
  probe_image(&image);
  image_free(&image);
}
END_TEST

START_TEST(other_widths_of_numbers_are_refused)
{
  for (uint64_t off = 18; off <= 20; off++) {
    blt_db *db = NULL;
    make();
    image_set(&image, off, 1, 8);
    EXPECT_FAILURE(blt_open_memory(image.bytes, image.len, NULL, &db));
    probe_image(&image);
    image_free(&image);
  }
}
END_TEST

START_TEST(a_wrong_magic_is_not_a_booklet_file)
{
  for (uint64_t off = 0; off < 16; off++) {
    make();
    image.bytes[off] ^= 1;
    expect_refused(&image, BLT_E_NOT_BOOKLET);
    image_free(&image);
  }
}
END_TEST

START_TEST(an_odd_timestamp_flag_does_no_harm)
{
  make();
  image_set(&image, IMAGE_HAS_TIMESTAMPS, 1, 0); /* and blocks have them */
  probe_image(&image);
  image_set(&image, IMAGE_HAS_TIMESTAMPS, 1, 255);
  probe_image(&image);
  image_free(&image);
}
END_TEST

START_TEST(unused_bytes_of_zeros_or_ascii_zeros_are_both_fine)
{
  for (int filler = 0; filler <= 0x30; filler += 0x30) {
    image_init(&image, &(struct image_shape){.n_buckets = 3,
                                             .filler = (uint8_t)filler});
    image_add(&image, "a", "1");
    blt_db *const db = open_bytes(image.bytes, image.len, BLT_WRITE);
    expect_text(db, "a", "1");
    put_text(db, "b", "2");
    EXPECT_OK(blt_prune(db, NULL, NULL));
    expect_text(db, "a", "1");
    expect_text(db, "b", "2");
    expect_sound(db);
    EXPECT_OK(blt_close(db));
    image_free(&image);
  }
}
END_TEST

START_TEST(bad_checkpoint_bytes_are_no_checkpoint)
{
  /* The magic and the states of a checkpoint, without its hash. */
  for (uint8_t state = 0; state <= 4; state++) {
    make();
    memcpy(image.bytes + IMAGE_CHECKPOINT, "BLTK\1", 5);
    image.bytes[IMAGE_CHECKPOINT + 5] = state;
    memset(image.bytes + IMAGE_CHECKPOINT + 24, 0xff, 30);
    blt_db *const db = open_image(&image);
    expect_text(db, "a", "1");
    ck_assert_int_eq(header_of(db).has_checkpoint, 0);
    EXPECT_OK(blt_close(db));
    expect_fault(&image, "bad-checkpoint", IMAGE_CHECKPOINT, 1);
    probe_image(&image);
    image_free(&image);
  }
}
END_TEST

/* booklet's init_bytes copies all 200 bytes into other files. */
static void take_checkpoint(const void *bytes)
{
  make();
  memcpy(image.bytes + IMAGE_CHECKPOINT, (const char *)bytes + IMAGE_CHECKPOINT,
         IMAGE_HEADER_LEN - IMAGE_CHECKPOINT);
}

START_TEST(a_checkpoint_of_another_file_is_not_believed)
{
  const char *const path = temp_path("other.blt");
  const blt_options options = options_of_new(3);
  blt_db *const other = open_path_with(path, &options);
  size_t len;

  put_numbered(other, 0, 3);
  EXPECT_OK(blt_close(other));
  uint8_t *const bytes = file_read(path, &len);
  take_checkpoint(bytes);
  free(bytes);
  for (int mode = BLT_READ; mode <= BLT_WRITE; mode++) {
    blt_db *const db = open_bytes(image.bytes, image.len, (blt_mode)mode);
    expect_text(db, "a", "1");
    expect_text(db, "b", "2");
    expect_count(db, 2);
    EXPECT_OK(blt_close(db));
  }
  probe_image(&image);
  image_free(&image);
}
END_TEST

START_TEST(a_checkpoint_of_a_killed_writer_of_another_file_is_not_believed)
{
  blt_db *const other = new_in_memory(3);
  blt_bytes bytes;

  put_numbered(other, 0, 3);
  EXPECT_OK(blt_sync(other));
  EXPECT_OK(blt_memory_image(other, &bytes));
  take_checkpoint(bytes.data);
  EXPECT_OK(blt_close(other));
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

Suite *header_suite(void)
{
  return SUITE_OF(
      "header", no_buckets_are_refused,
      more_buckets_than_the_file_holds_are_refused,
      an_index_past_the_end_is_refused,
      an_index_that_ends_past_the_end_is_refused,
      an_index_in_the_header_is_refused, first_blocks_past_the_end_are_refused,
      first_blocks_in_the_header_or_the_index_are_refused,
      first_blocks_in_a_moved_index_are_refused,
      a_moved_index_over_the_blocks_is_found,
      other_widths_of_numbers_are_refused, a_wrong_magic_is_not_a_booklet_file,
      an_odd_timestamp_flag_does_no_harm,
      unused_bytes_of_zeros_or_ascii_zeros_are_both_fine,
      bad_checkpoint_bytes_are_no_checkpoint,
      a_checkpoint_of_another_file_is_not_believed,
      a_checkpoint_of_a_killed_writer_of_another_file_is_not_believed);
}
