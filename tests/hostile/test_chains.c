/* test_chains.c - circles, orphans, dead blocks and doubles in chains */
#include "hostile/probe.h"
#include "hostile/suites.h"
#include "support/store.h"

#include <stdio.h>

static void make(struct image *image)
{
  image_init(image, &(struct image_shape){.n_buckets = 1});
}

/* C1 */
START_TEST(a_circle_is_corruption_not_a_hang)
{
  struct image image;

  make(&image);
  const uint64_t off = image_add(&image, "a", "1");
  image_set(&image, off + IMAGE_BLOCK_NEXT, 6, off);
  expect_status(&image, "a", BLT_OK);
  expect_damage(&image, "none", "cycle", off, image_block_len(&image, off));
  image_free(&image);
}
END_TEST

START_TEST(a_long_circle_is_corruption_not_a_hang)
{
  struct image image;
  uint64_t first = 0, last = 0;
  char key[16];

  make(&image);
  for (int i = 0; i < 1000; i++) {
    snprintf(key, sizeof key, "key-%d", i);
    last = image_add(&image, key, "1");
    if (i == 500)
      first = last;
  }
  image_set(&image, last + IMAGE_BLOCK_NEXT, 6, first);
  expect_status(&image, "key-999", BLT_OK);
  expect_damage(&image, "none", "cycle", first, image.len - first);
  image_free(&image);
}
END_TEST

START_TEST(a_link_back_without_a_circle_is_fine)
{
  struct image image;

  make(&image);
  const uint64_t a_off = image_add(&image, "a", "1");
  const uint64_t b_off = image_add(&image, "b", "2");
  /* slot -> b -> a, as booklet's reindex leaves it */
  image_set(&image, image_slot(&image, "a"), 6, b_off);
  image_set(&image, b_off + IMAGE_BLOCK_NEXT, 6, a_off);
  image_set(&image, a_off + IMAGE_BLOCK_NEXT, 6, 1);
  blt_db *const db = open_image(&image);
  expect_text(db, "a", "1");
  expect_text(db, "b", "2");
  expect_text(db, "none", NULL);
  expect_sound(db);
  EXPECT_OK(blt_close(db));
  image_free(&image);
}
END_TEST

START_TEST(two_chains_that_join_are_found)
{
  struct image image;

  image_init(&image, &(struct image_shape){.n_buckets = 1000});
  const uint64_t a_off = image_add(&image, "a", "1");
  const uint64_t b_off = image_add(&image, "b", "2");
  image_set(&image, a_off + IMAGE_BLOCK_NEXT, 6, b_off);
  expect_status(&image, "a", BLT_OK);
  expect_status(&image, "b", BLT_OK);
  blt_db *const db = open_image(&image);
  EXPECT(BLT_E_CORRUPT, blt_verify(db, NULL, NULL));
  EXPECT_OK(blt_close(db));
  probe_image(&image);
  image_free(&image);
}
END_TEST

START_TEST(a_live_block_that_nothing_leads_to_is_an_orphan)
{
  struct image image;

  make(&image);
  image_add(&image, "a", "1");
  const uint64_t off = image_add_loose(&image, "b", "2", 1);
  expect_status(&image, "a", BLT_OK);
  expect_status(&image, "b", BLT_NOT_FOUND);
  expect_fault(&image, "orphan", off, image_block_len(&image, off));
  probe_image(&image);
  image_free(&image);
}
END_TEST

/* C3 */
START_TEST(a_dead_block_in_a_chain_is_found)
{
  struct image image;
  blt_bytes value;

  make(&image);
  image_add(&image, "a", "1");
  const uint64_t off = image_add(&image, "b", "2");
  image_set(&image, off + IMAGE_BLOCK_NEXT, 6, 0);
  expect_status(&image, "a", BLT_OK);
  blt_db *const db = open_image(&image);
  ck_assert_int_ne(blt_get(db, "b", 1, &value), BLT_OK);
  ck_assert_int_ne(blt_get(db, "none", 4, &value), BLT_OK);
  EXPECT_OK(blt_close(db));
  expect_fault(&image, "dead-in-chain", 0, 0);
  probe_image(&image);
  image_free(&image);
}
END_TEST

START_TEST(a_key_that_is_twice_in_a_chain_is_found)
{
  struct image image;

  make(&image);
  const uint64_t off = image_add(&image, "a", "1");
  image_add(&image, "a", "2");
  expect_fault(&image, "duplicate-key", off, image.len - off);
  blt_db *const db = open_image(&image);
  expect_text(db, "a", "1"); /* the first in the chain, as booklet */
  EXPECT_OK(blt_close(db));
  probe_image(&image);
  image_free(&image);
}
END_TEST

START_TEST(a_block_in_the_wrong_bucket_is_found)
{
  struct image image;

  image_init(&image, &(struct image_shape){.n_buckets = 1000});
  const uint64_t off = image_add(&image, "a", "1");
  image_add(&image, "b", "2");
  image_set(&image, image_slot(&image, "a"), 6, 1);
  image_set(&image, image_slot(&image, "c"), 6, off);
  expect_status(&image, "a", BLT_NOT_FOUND);
  expect_status(&image, "b", BLT_OK);
  blt_db *const db = open_image(&image);
  EXPECT(BLT_E_CORRUPT, blt_verify(db, NULL, NULL));
  EXPECT_OK(blt_close(db));
  probe_image(&image);
  image_free(&image);
}
END_TEST

START_TEST(dead_blocks_may_hold_anything)
{
  struct image image;

  make(&image);
  image_add(&image, "a", "1");
  const uint64_t off = image_add_loose(&image, "dead", "anything", 0);
  image_set(&image, off, 6, UINT64_C(0xffffffffffff)); /* a false hash */
  image_add(&image, "b", "2");
  blt_db *const db = open_image(&image);
  expect_text(db, "a", "1");
  expect_text(db, "b", "2");
  expect_text(db, "dead", NULL);
  expect_sound(db);
  EXPECT_OK(blt_close(db));
  image_free(&image);
}
END_TEST

/* S1 */
START_TEST(a_run_of_zeros_of_whole_blocks_is_dead)
{
  struct image image;
  static const uint8_t zeros[32 * 3];

  make(&image);
  image_add(&image, "a", "1");
  image_add_raw(&image, zeros, sizeof zeros);
  image_add(&image, "b", "2");
  blt_db *const db = open_image(&image);
  expect_text(db, "b", "2");
  ck_assert_uint_eq(count_by_iteration(db, BLT_ITER_KEYS), 2);
  expect_sound(db);
  EXPECT_OK(blt_close(db));
  image_free(&image);
}
END_TEST

Suite *chains_suite(void)
{
  return SUITE_OF(
      "chains", a_circle_is_corruption_not_a_hang,
      a_long_circle_is_corruption_not_a_hang,
      a_link_back_without_a_circle_is_fine, two_chains_that_join_are_found,
      a_live_block_that_nothing_leads_to_is_an_orphan,
      a_dead_block_in_a_chain_is_found, a_key_that_is_twice_in_a_chain_is_found,
      a_block_in_the_wrong_bucket_is_found, dead_blocks_may_hold_anything,
      a_run_of_zeros_of_whole_blocks_is_dead);
}
