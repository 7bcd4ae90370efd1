/* test_pointers.c - slots and links that lead to where no block can be */
#include "hostile/probe.h"
#include "hostile/suites.h"
#include "support/store.h"

static struct image image;
static uint64_t a_off, b_off;

/* Two keys in one chain: slot -> a -> b. */
static void make(void)
{
  image_init(&image, &(struct image_shape){.n_buckets = 1});
  a_off = image_add(&image, "a", "1");
  b_off = image_add(&image, "b", "2");
}

/* The damaged six bytes are a slot. */
static void expect_wild_slot(uint64_t target)
{
  make();
  image_set(&image, image_slot(&image, "a"), 6, target);
  expect_damage(&image, "a", "wild-pointer", image_slot(&image, "a"), 6);
  image_free(&image);
}

/* The damaged six bytes are the link of block a. */
static void expect_wild_link(uint64_t target)
{
  make();
  image_set(&image, a_off + IMAGE_BLOCK_NEXT, 6, target);
  expect_status(&image, "a", BLT_OK);
  expect_damage(&image, "b", "wild-pointer", a_off,
                image_block_len(&image, a_off));
  image_free(&image);
}

START_TEST(a_slot_past_the_end_is_corruption)
{
  expect_wild_slot(1000000);
}
END_TEST

START_TEST(a_slot_at_the_very_end_is_corruption)
{
  make();
  const uint64_t end = image.len;
  image_free(&image);
  expect_wild_slot(end);
  expect_wild_slot(end - 1);
  expect_wild_slot(end - 24);
}
END_TEST

START_TEST(a_slot_with_all_bits_set_is_corruption)
{
  expect_wild_slot(UINT64_C(0xffffffffffff));
}
END_TEST

START_TEST(a_slot_into_the_header_is_corruption)
{
  expect_wild_slot(2);
  expect_wild_slot(42);
  expect_wild_slot(199);
}
END_TEST

START_TEST(a_slot_into_the_index_is_corruption)
{
  expect_wild_slot(200);
  expect_wild_slot(205);
}
END_TEST

START_TEST(a_link_past_the_end_is_corruption)
{
  expect_wild_link(1000000);
  expect_wild_link(UINT64_C(0xffffffffffff));
}
END_TEST

START_TEST(a_link_into_the_header_or_the_index_is_corruption)
{
  expect_wild_link(2);
  expect_wild_link(100);
  expect_wild_link(200);
}
END_TEST

START_TEST(a_link_into_a_moved_index_is_corruption)
{
  image_init(&image, &(struct image_shape){.n_buckets = 9, .index_later = 1});
  const uint64_t off = image_add(&image, "a", "1");
  image_move_index(&image, 50);
  image_set(&image, off + IMAGE_BLOCK_NEXT, 6, image.index_off + 60);
  expect_fault(&image, "wild-pointer", off, image_block_len(&image, off));
  probe_image(&image);
  image_set(&image, image_slot(&image, "a"), 6, image.index_off);
  expect_status(&image, "a", BLT_E_CORRUPT);
  probe_image(&image);
  image_free(&image);
}
END_TEST

/* Nobody can tell from the bytes alone, but a scan meets no block there. */
START_TEST(a_slot_into_the_middle_of_a_block_is_found)
{
  make();
  image_set(&image, image_slot(&image, "a"), 6, a_off + 3);
  blt_db *const db = open_image(&image);
  blt_bytes value;
  ck_assert_int_ne(blt_get(db, "a", 1, &value), BLT_OK);
  EXPECT(BLT_E_CORRUPT, blt_verify(db, NULL, NULL));
  EXPECT_OK(blt_close(db));
  probe_image(&image);
  image_free(&image);
}
END_TEST

START_TEST(a_slot_of_zero_is_an_empty_bucket)
{
  image_init(&image, &(struct image_shape){.n_buckets = 1});
  image_set(&image, image.index_off, 6, 0);
  blt_db *const db = open_image(&image);
  expect_text(db, "a", NULL);
  expect_sound(db);
  EXPECT_OK(blt_close(db));
  probe_image(&image);
  image_free(&image);
}
END_TEST

START_TEST(damage_in_one_chain_leaves_the_others)
{
  image_init(&image, &(struct image_shape){.n_buckets = 1000});
  image_add(&image, "a", "1");
  image_add(&image, "b", "2");
  ck_assert_uint_ne(image_slot(&image, "a"), image_slot(&image, "b"));
  image_set(&image, image_slot(&image, "a"), 6, 7);
  expect_status(&image, "a", BLT_E_CORRUPT);
  expect_status(&image, "b", BLT_OK);
  image_free(&image);
}
END_TEST

START_TEST(a_put_behind_a_wild_pointer_writes_nothing_wild)
{
  make();
  image_set(&image, image_slot(&image, "a"), 6, 21); /* n_buckets */
  blt_db *const db = open_bytes(image.bytes, image.len, BLT_WRITE);
  blt_put(db, "a", 1, "2", 1);
  blt_sync(db);
  ck_assert_uint_le(header_of(db).n_buckets, 12007);
  ck_assert_int_eq(header_of(db).kind, BLT_VARIABLE);
  blt_close(db);
  image_free(&image);
}
END_TEST

Suite *pointers_suite(void)
{
  return SUITE_OF(
      "pointers", a_slot_past_the_end_is_corruption,
      a_slot_at_the_very_end_is_corruption,
      a_slot_with_all_bits_set_is_corruption,
      a_slot_into_the_header_is_corruption, a_slot_into_the_index_is_corruption,
      a_link_past_the_end_is_corruption,
      a_link_into_the_header_or_the_index_is_corruption,
      a_link_into_a_moved_index_is_corruption,
      a_slot_into_the_middle_of_a_block_is_found,
      a_slot_of_zero_is_an_empty_bucket, damage_in_one_chain_leaves_the_others,
      a_put_behind_a_wild_pointer_writes_nothing_wild);
}
