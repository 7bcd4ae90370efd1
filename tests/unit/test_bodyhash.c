/* test_bodyhash.c - the hashes behind the blocks of a batch */
#include <string.h>

#include "format/bodyhash.h"
#include "support/image.h"
#include "support/random.h"
#include "unit/suites.h"

static const uint8_t salt[8] = {1, 2, 3, 4, 5, 6, 7, 8};

static const struct image_shape shapes[] = {
    {.n_buckets = 3},
    {.n_buckets = 3, .no_timestamps = 1},
    {.n_buckets = 3, .is_fixed = 1, .value_len = 4},
    {.n_buckets = 3, .is_fixed = 1, .value_len = 0},
};

static struct blt__geometry geo;
static struct image image;
static uint64_t begin;

static void make(int i)
{
  const struct image_shape *const shape = &shapes[i];
  struct random random;
  uint8_t bytes[600];

  blt__geometry_init(&geo, shape->is_fixed, shape->value_len,
                     !shape->is_fixed && !shape->no_timestamps);
  image_init(&image, shape);
  begin = image.len;
  random_start(&random, (uint64_t)i);
  for (int n = 0; n < 20; n++) {
    random_fill(&random, bytes, sizeof bytes);
    image_add_bytes(&image, bytes, random_below(&random, 300), bytes,
                    shape->is_fixed ? shape->value_len
                                    : random_below(&random, 300),
                    random_next(&random) >> 8);
  }
}

static struct blt__bodyhash hash_of_file(void)
{
  struct blt__bodyhash hash = {0, 0};

  ck_assert(blt__bodyhash_file(&geo, salt, image.bytes + begin,
                               image.len - begin, &hash));
  return hash;
}

START_TEST(the_blank_form_equals_that_of_the_file)
{
  uint8_t blank[40000], times[400];
  size_t n_times = 0;

  make(_i);
  const struct blt__bodyhash of_file = hash_of_file();
  const size_t len = image.len - begin;
  ck_assert_uint_le(len, sizeof blank);
  memcpy(blank, image.bytes + begin, len);
  for (size_t i = 0; i < image.n_live; i++) {
    uint8_t *const head = blank + (image.live[i] - begin);
    const size_t time_len = geo.key_off - geo.time_off;
    memcpy(times + n_times, head + geo.time_off, time_len);
    n_times += time_len;
    memset(head + 13, 0, 6);
    memset(head + geo.time_off, 0, time_len);
  }
  for (size_t cut = 0; cut <= len; cut += 1 + len / 7) {
    const struct blt__piece pieces[] = {
        {blank, cut}, {NULL, 0}, {blank + cut, len - cut}};
    ck_assert_uint_eq(blt__bodyhash_blank(salt, pieces, 3), of_file.body);
  }
  const struct blt__piece whole = {blank, len}, row = {times, n_times};
  ck_assert_uint_eq(blt__bodyhash_blank(salt, &whole, 1), of_file.body);
  ck_assert_uint_eq(blt__bodyhash_blank(salt, &row, 1), of_file.time);
  image_free(&image);
}
END_TEST

START_TEST(each_byte_counts_in_its_hash_and_links_in_none)
{
  make(_i);
  const struct blt__bodyhash before = hash_of_file();
  for (size_t i = 0; i < image.n_live; i++) {
    const uint64_t off = image.live[i];
    const uint64_t len = image_block_len(&image, off);
    for (uint64_t at = 0; at < len; at++) {
      const int in_link = at >= 13 && at < 19;
      const int in_time = at >= geo.time_off && at < geo.key_off;
      if (at >= 19 && at < geo.time_off)
        continue; /* lengths: then it may be no row of blocks              */
      image.bytes[off + at] ^= 4;
      const struct blt__bodyhash now = hash_of_file();
      ck_assert_int_eq(now.body == before.body, in_link || in_time);
      ck_assert_int_eq(now.time == before.time, !in_time);
      image.bytes[off + at] ^= 4;
    }
  }
  image_free(&image);
}
END_TEST

START_TEST(what_is_no_row_of_blocks_has_no_hash)
{
  struct blt__bodyhash hash;

  make(_i);
  const uint64_t len = image.len - begin;
  for (uint64_t cut = 1; cut < geo.key_off; cut++)
    ck_assert(
        !blt__bodyhash_file(&geo, salt, image.bytes + begin, len - cut, &hash));
  blt__put2(image.bytes + image.live[19] + BLT__KEYLEN_OFF, 65535);
  ck_assert(!blt__bodyhash_file(&geo, salt, image.bytes + begin, len, &hash));
  image_free(&image);
}
END_TEST

Suite *bodyhash_suite(void)
{
  Suite *const suite = suite_create("bodyhash");
  TCase *const made = case_of("bodyhash");

  tcase_add_loop_test(made, the_blank_form_equals_that_of_the_file, 0, 4);
  tcase_add_loop_test(made, each_byte_counts_in_its_hash_and_links_in_none, 0,
                      4);
  tcase_add_loop_test(made, what_is_no_row_of_blocks_has_no_hash, 0, 4);
  suite_add_tcase(suite, made);
  return suite;
}
