/* test_flips.c - every single bit of small files, flipped */
#include "hostile/probe.h"
#include "hostile/suites.h"
#include "support/store.h"
#include "support/temp.h"

#include <stdlib.h>

/* Tests of one suite share the bits: each takes every N_PARTS-th. */
enum { N_PARTS = 8 };

static void flip_every_bit(uint8_t *bytes, size_t len, int part)
{
  for (size_t bit = (size_t)part; bit < len * 8; bit += N_PARTS) {
    bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    probe_briefly(bytes, len);
    bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
  }
}

static void flip_image(const struct image_shape *shape, int part)
{
  struct image image;
  const char *const value = shape->is_fixed ? "12" : "a value";

  image_init(&image, shape);
  image_add(&image, "a", value);
  image_add(&image, "b", value);
  if (shape->index_later)
    image_move_index(&image, shape->n_buckets);
  image_add_loose(&image, "dead", value, 0);
  image_add(&image, "c", value);
  flip_every_bit(image.bytes, image.len, part);
  image_free(&image);
}

START_TEST(no_bit_of_a_file_of_booklet_does_harm)
{
  flip_image(&(struct image_shape){.n_buckets = 2}, _i);
}
END_TEST

START_TEST(no_bit_of_a_pruned_file_does_harm)
{
  flip_image(&(struct image_shape){.n_buckets = 2, .index_later = 1}, _i);
}
END_TEST

START_TEST(no_bit_of_a_fixed_file_does_harm)
{
  flip_image(
      &(struct image_shape){.n_buckets = 2, .is_fixed = 1, .value_len = 2}, _i);
}
END_TEST

static void put_two_commits(blt_db *db)
{
  put_text(db, "a", "a value");
  EXPECT_OK(blt_sync(db));
  put_text(db, "a", "another");
  put_text(db, "b", "a value");
  EXPECT_OK(blt_sync(db));
}

START_TEST(no_bit_of_a_file_that_we_closed_does_harm)
{
  const char *const path = temp_path("flips.blt");
  const blt_options options = options_of_new(2);
  blt_db *const db = open_path_with(path, &options);
  size_t len;

  put_two_commits(db);
  EXPECT_OK(blt_close(db));
  uint8_t *const bytes = file_read(path, &len);
  flip_every_bit(bytes, len, _i);
  free(bytes);
}
END_TEST

START_TEST(no_bit_of_a_file_that_we_did_not_close_does_harm)
{
  blt_db *const db = new_in_memory(2);
  blt_bytes image;

  put_two_commits(db);
  EXPECT_OK(blt_memory_image(db, &image));
  uint8_t *const copy = malloc(image.len);
  memcpy(copy, image.data, image.len);
  flip_every_bit(copy, image.len, _i);
  free(copy);
  EXPECT_OK(blt_close(db));
}
END_TEST

Suite *flips_suite(void)
{
  Suite *const suite = suite_create("flips");
  TCase *const made = case_of("flips");

  tcase_add_loop_test(made, no_bit_of_a_file_of_booklet_does_harm, 0, N_PARTS);
  tcase_add_loop_test(made, no_bit_of_a_pruned_file_does_harm, 0, N_PARTS);
  tcase_add_loop_test(made, no_bit_of_a_fixed_file_does_harm, 0, N_PARTS);
  tcase_add_loop_test(made, no_bit_of_a_file_that_we_closed_does_harm, 0,
                      N_PARTS);
  tcase_add_loop_test(made, no_bit_of_a_file_that_we_did_not_close_does_harm, 0,
                      N_PARTS);
  suite_add_tcase(suite, made);
  return suite;
}
