/* test_block.c - where the fields of a block sit */
#include <string.h>

#include "format/block.h"
#include "support/image.h"
#include "unit/suites.h"

static const struct image_shape shapes[] = {
    {.n_buckets = 1},
    {.n_buckets = 1, .no_timestamps = 1},
    {.n_buckets = 1, .is_fixed = 1, .value_len = 3},
};

static void geometry_of(const struct image_shape *shape,
                        struct blt__geometry *out)
{
  blt__geometry_init(out, shape->is_fixed, shape->value_len,
                     !shape->is_fixed && !shape->no_timestamps);
}

START_TEST(a_block_made_by_hand_is_decoded)
{
  const struct image_shape *const shape = &shapes[_i];
  struct image image;
  struct blt__geometry geo;
  struct blt__block block;

  image_init(&image, shape);
  const uint64_t off =
      image_add_bytes(&image, "key", 3, "val", 3, 0xfedcba987654);
  image_set(&image, off + IMAGE_BLOCK_NEXT, 6, UINT64_C(0xa1b2c3d4e5f6));
  geometry_of(shape, &geo);
  blt__block_decode(&geo, off, image.bytes + off, &block);
  ck_assert_uint_eq(block.off, off);
  ck_assert_uint_eq(block.next, UINT64_C(0xa1b2c3d4e5f6));
  ck_assert_uint_eq(block.key_len, 3);
  ck_assert_uint_eq(block.value_len, 3);
  ck_assert_uint_eq(block.len, image_block_len(&image, off));
  ck_assert_uint_eq(block.key_off, off + image_head_len(&image));
  ck_assert_uint_eq(block.value_off, block.key_off + 3);
  ck_assert_uint_eq(blt__block_time(&geo, image.bytes + off),
                    _i == 0 ? UINT64_C(0xfedcba987654) : 0);
  image_free(&image);
}
END_TEST

START_TEST(an_encoded_head_is_that_of_a_block_made_by_hand)
{
  const struct image_shape *const shape = &shapes[_i];
  struct image image;
  struct blt__geometry geo;
  uint8_t head[BLT__HEAD_MAX + 1];

  image_init(&image, shape);
  const uint64_t off = image_add_bytes(&image, "key", 3, "val", 3, 9000);
  geometry_of(shape, &geo);
  memset(head, 0xee, sizeof head);
  blt__block_encode(&geo, head, image.bytes + off, 1, 3, 3, 9000);
  ck_assert_mem_eq(head, image.bytes + off, image_head_len(&image));
  ck_assert_uint_eq(head[geo.key_off], 0xee);
  image_free(&image);
}
END_TEST

START_TEST(the_longest_lengths_do_not_wrap)
{
  struct blt__geometry geo;
  struct blt__block block;
  uint8_t head[BLT__HEAD_MAX];

  memset(head, 0xff, sizeof head);
  geometry_of(&shapes[_i], &geo);
  if (geo.fixed)
    geo.value_len = UINT32_MAX;
  blt__block_decode(&geo, BLT__OFF_MAX, head, &block);
  ck_assert_uint_eq(block.len, (uint64_t)geo.key_off + 65535 + UINT32_MAX);
  ck_assert_uint_eq(block.len,
                    blt__geometry_block_len(&geo, 65535, UINT32_MAX));
  ck_assert_uint_gt(block.value_off, BLT__OFF_MAX);
}
END_TEST

START_TEST(zeros_are_dead_blocks_of_one_stride)
{
  static const uint8_t zeros[BLT__HEAD_MAX];
  struct blt__geometry geo;
  struct blt__block block;

  geometry_of(&shapes[_i], &geo);
  blt__block_decode(&geo, 500, zeros, &block);
  ck_assert_uint_eq(block.next, BLT__LINK_DEAD);
  ck_assert_uint_eq(block.len, geo.stride);
}
END_TEST

Suite *block_suite(void)
{
  Suite *const suite = suite_create("block");
  TCase *const made = case_of("block");

  tcase_add_loop_test(made, a_block_made_by_hand_is_decoded, 0, 3);
  tcase_add_loop_test(made, an_encoded_head_is_that_of_a_block_made_by_hand, 0,
                      3);
  tcase_add_loop_test(made, the_longest_lengths_do_not_wrap, 0, 3);
  tcase_add_loop_test(made, zeros_are_dead_blocks_of_one_stride, 0, 3);
  suite_add_tcase(suite, made);
  return suite;
}
