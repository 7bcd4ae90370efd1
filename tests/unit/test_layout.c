/* test_layout.c - where slots and regions sit */
#include <stdlib.h>
#include <string.h>

#include "blt.h"
#include "format/layout.h"
#include "support/random.h"
#include "unit/suites.h"

/* Byte by byte from the top, as on paper. */
static uint32_t plain_bucket(const uint8_t *hash, uint32_t n_buckets)
{
  uint64_t rest = 0;

  for (int i = BLT__HASH_LEN - 1; i >= 0; i--)
    rest = (rest * 256 + hash[i]) % n_buckets;
  return (uint32_t)rest;
}

static void compare(uint32_t n_buckets, const uint8_t *hash)
{
  struct blt__layout layout;

  blt__layout_init(&layout, n_buckets, 1000, 200);
  const uint32_t bucket = plain_bucket(hash, n_buckets);
  ck_assert_uint_eq(blt__layout_bucket(&layout, hash), bucket);
  ck_assert_uint_eq(blt__layout_slot(&layout, hash),
                    1000 + UINT64_C(6) * bucket);
}

START_TEST(the_bucket_is_the_hash_modulo_their_number)
{
  static const uint32_t counts[] = {1,
                                    2,
                                    3,
                                    5,
                                    12007,
                                    144013,
                                    1728017,
                                    20736017,
                                    (1u << 26) - 1,
                                    1u << 26,
                                    (1u << 26) + 1,
                                    (1u << 30) - 1,
                                    1u << 30,
                                    (1u << 30) + 1,
                                    (1u << 31) - 1,
                                    1u << 31,
                                    (1u << 31) + 1,
                                    4294967291u,
                                    UINT32_MAX - 1,
                                    UINT32_MAX};
  struct random random;
  uint8_t hash[BLT__HASH_LEN];

  random_start(&random, 1);
  for (int i = 0; i < 3000; i++) {
    random_fill(&random, hash, sizeof hash);
    if (i == 0)
      memset(hash, 0, sizeof hash);
    if (i == 1)
      memset(hash, 0xff, sizeof hash);
    for (size_t n = 0; n < sizeof counts / sizeof *counts; n++)
      compare(counts[n], hash);
    compare((uint32_t)random_next(&random) | 1, hash);
  }
}
END_TEST

START_TEST(the_index_lies_before_the_data_or_between_its_parts)
{
  struct blt__layout layout;
  struct blt__region regions[2];

  blt__layout_init(&layout, 10, 200, 260);
  ck_assert_uint_eq(blt__layout_index_end(&layout), 260);
  ck_assert_uint_eq(blt__layout_regions(&layout, 900, regions), 1);
  ck_assert_uint_eq(regions[0].begin, 260);
  ck_assert_uint_eq(regions[0].end, 900);
  blt__layout_init(&layout, 10, 500, 300);
  ck_assert_uint_eq(blt__layout_regions(&layout, 900, regions), 2);
  ck_assert_uint_eq(regions[0].begin, 300);
  ck_assert_uint_eq(regions[0].end, 500);
  ck_assert_uint_eq(regions[1].begin, 560);
  ck_assert_uint_eq(regions[1].end, 900);
}
END_TEST

static int is_prime(uint64_t n)
{
  for (uint64_t d = 2; d * d <= n; d++)
    if (n % d == 0)
      return 0;
  return n > 1;
}

START_TEST(the_growth_chain_begins_as_that_of_booklet)
{
  static const uint32_t chain[] = {12007, 144013, 1728017, 20736017};

  for (int i = 0; i < 4; i++) {
    ck_assert_uint_eq(blt__layout_buckets_for(chain[i]), chain[i]);
    ck_assert_uint_gt(blt__layout_buckets_for(chain[i] + UINT64_C(1)),
                      chain[i]);
  }
  ck_assert_uint_eq(blt__layout_buckets_for(0), 12007);
  ck_assert_uint_eq(blt__layout_buckets_for(20736018) % 2, 1);
  ck_assert(is_prime(blt__layout_buckets_for(20736018)));
  ck_assert(is_prime(blt__layout_buckets_for(UINT32_MAX)));
  ck_assert_uint_eq(blt__layout_buckets_for(UINT64_MAX), 4294967291u);
  ck_assert_uint_eq(blt_buckets_for(5000000000u), 4294967291u);
}
END_TEST

START_TEST(a_new_index_is_a_row_of_ones)
{
  static const uint8_t slot[6] = {1, 0, 0, 0, 0, 0};
  uint8_t bytes[1000];

  for (size_t len = 0; len < sizeof bytes; len++) {
    memset(bytes, 0xee, sizeof bytes);
    blt__layout_fill(bytes, len);
    for (size_t i = 0; i < sizeof bytes; i++)
      ck_assert_uint_eq(bytes[i], i < len ? slot[i % 6] : 0xee);
  }
}
END_TEST

Suite *layout_suite(void)
{
  return SUITE_OF("layout", the_bucket_is_the_hash_modulo_their_number,
                  the_index_lies_before_the_data_or_between_its_parts,
                  the_growth_chain_begins_as_that_of_booklet,
                  a_new_index_is_a_row_of_ones);
}
