/* test_tail.c - files that end in a torn block, in garbage or too soon */
#include "hostile/probe.h"
#include "hostile/suites.h"
#include "support/random.h"
#include "support/store.h"

static void make(struct image *image, int is_fixed)
{
  image_init(image, &(struct image_shape){
                        .n_buckets = 2, .is_fixed = is_fixed, .value_len = 3});
  image_add(image, "a", "one");
  image_add(image, "b", "two");
  image_add(image, "c", "end");
}

static const char *const texts[][2] = {
    {"a", "one"}, {"b", "two"}, {"c", "end"}};

/* A key may be lost with its bytes, but what is given is right. */
static void expect_right_or_nothing(const struct image *image, size_t len,
                                    blt_mode mode)
{
  const blt_options options = options_of(mode);
  blt_db *db = NULL;
  blt_bytes value;

  if (blt_open_memory(image->bytes, len, &options, &db) < 0)
    return;
  for (int i = 0; i < 3; i++) {
    if (blt_get(db, texts[i][0], 1, &value) == BLT_OK)
      ck_assert(bytes_equal(value, texts[i][1], 3));
  }
  EXPECT_OK(blt_close(db));
}

START_TEST(a_file_cut_at_any_length_gives_right_values_or_none)
{
  for (int is_fixed = 0; is_fixed < 2; is_fixed++) {
    struct image image;
    make(&image, is_fixed);
    for (size_t len = 0; len <= image.len; len++) {
      expect_right_or_nothing(&image, len, BLT_READ);
      expect_right_or_nothing(&image, len, BLT_WRITE);
      probe(image.bytes, len);
    }
    image_free(&image);
  }
}
END_TEST

START_TEST(a_file_shorter_than_a_header_is_refused)
{
  struct image image;
  blt_db *db = NULL;

  make(&image, 0);
  for (size_t len = 0; len < IMAGE_HEADER_LEN; len++) {
    EXPECT_FAILURE(blt_open_memory(image.bytes, len, NULL, &db));
    ck_assert_ptr_null(db);
  }
  image_free(&image);
}
END_TEST

START_TEST(a_header_without_its_index_is_refused)
{
  struct image image;

  image_init(&image, &(struct image_shape){.n_buckets = 3});
  for (size_t len = IMAGE_HEADER_LEN; len < IMAGE_HEADER_LEN + 18; len++) {
    image.len = len;
    expect_refused(&image, BLT_E_CORRUPT);
  }
  image_free(&image);
}
END_TEST

START_TEST(a_torn_last_block_leaves_the_others)
{
  struct image image;

  make(&image, 0);
  image.len--;
  blt_db *db = open_image(&image);
  blt_bytes value;
  expect_text(db, "a", "one");
  expect_text(db, "b", "two");
  EXPECT(BLT_E_CORRUPT, blt_get(db, "c", 1, &value));
  EXPECT(BLT_E_CORRUPT, blt_verify(db, NULL, NULL));
  EXPECT_OK(blt_close(db));
  image_free(&image);
}
END_TEST

START_TEST(a_torn_tail_that_nothing_leads_to_is_found)
{
  struct image image;

  make(&image, 0);
  const uint64_t off = image_add_loose(&image, "d", "torn", 1);
  image.len -= 2;
  expect_fault(&image, "overrun", off, image.len - off + 1);
  probe_image(&image);
  image_free(&image);
}
END_TEST

START_TEST(a_tail_too_short_for_a_block_is_found)
{
  for (size_t len = 1; len < 32; len++) {
    struct image image;
    static const uint8_t zeros[32];
    make(&image, 0);
    image_add_raw(&image, zeros, len);
    blt_db *const db = open_image(&image);
    expect_text(db, "a", "one");
    EXPECT(BLT_E_CORRUPT, blt_verify(db, NULL, NULL));
    EXPECT_OK(blt_close(db));
    probe_image(&image);
    image_free(&image);
  }
}
END_TEST

START_TEST(garbage_at_the_end_does_no_harm)
{
  struct random random;
  uint8_t garbage[300];

  random_start(&random, 7);
  for (int i = 0; i < 50; i++) {
    struct image image;
    make(&image, i % 2);
    random_fill(&random, garbage, sizeof garbage);
    image_add_raw(&image, garbage, 1 + random_below(&random, sizeof garbage));
    blt_db *const db = open_image(&image);
    expect_text(db, "a", "one");
    expect_text(db, "b", "two");
    expect_text(db, "c", "end");
    EXPECT_OK(blt_close(db));
    probe_image(&image);
    image_free(&image);
  }
}
END_TEST

START_TEST(garbage_between_blocks_does_no_harm)
{
  struct random random;
  uint8_t garbage[100];

  random_start(&random, 8);
  for (int i = 0; i < 50; i++) {
    struct image image;
    make(&image, i % 2);
    random_fill(&random, garbage, sizeof garbage);
    image_add_raw(&image, garbage, 1 + random_below(&random, sizeof garbage));
    image_add(&image, "d", "4th");
    blt_db *const db = open_image(&image);
    expect_text(db, "a", "one");
    expect_text(db, "d", "4th");
    EXPECT_OK(blt_close(db));
    probe_image(&image);
    image_free(&image);
  }
}
END_TEST

START_TEST(a_repair_steps_over_garbage_or_refuses)
{
  struct image image;
  char garbage[61];

  make(&image, 0);
  memset(garbage, 'g', sizeof garbage);
  image_add_raw(&image, garbage, sizeof garbage);
  image_add(&image, "d", "4th");
  image_set(&image, IMAGE_N_KEYS, 4, IMAGE_NOT_CLOSED);
  const blt_options options = options_of(BLT_WRITE);
  blt_db *db = NULL;
  const blt_status status =
      blt_open_memory(image.bytes, image.len, &options, &db);
  if (status != BLT_OK) {
    EXPECT(BLT_E_CORRUPT, status);
    image_free(&image);
    return;
  }
  expect_text(db, "a", "one");
  expect_text(db, "b", "two");
  expect_text(db, "c", "end");
  expect_text(db, "d", "4th");
  expect_count(db, 4);
  expect_sound(db);
  EXPECT_OK(blt_close(db));
  image_free(&image);
}
END_TEST

Suite *tail_suite(void)
{
  return SUITE_OF("tail", a_file_cut_at_any_length_gives_right_values_or_none,
                  a_file_shorter_than_a_header_is_refused,
                  a_header_without_its_index_is_refused,
                  a_torn_last_block_leaves_the_others,
                  a_torn_tail_that_nothing_leads_to_is_found,
                  a_tail_too_short_for_a_block_is_found,
                  garbage_at_the_end_does_no_harm,
                  garbage_between_blocks_does_no_harm,
                  a_repair_steps_over_garbage_or_refuses);
}
