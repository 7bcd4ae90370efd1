/* test_verify.c - blt_verify on sound files, and its options */
#include "api/suites.h"
#include "support/image.h"
#include "support/store.h"

#include <stdio.h>

START_TEST(a_sound_store_is_counted)
{
  struct image image;
  blt_verify_report report = {.n_faults = 9, .n_live = 9, .n_dead = 9};

  image_init(&image, &(struct image_shape){.n_buckets = 3});
  image_add(&image, "a", "1");
  image_add(&image, "b", "2");
  image_add_loose(&image, "dead", "x", 0);
  blt_db *const db = open_bytes(image.bytes, image.len, BLT_READ);
  EXPECT_OK(blt_verify(db, NULL, &report));
  ck_assert_uint_eq(report.n_faults, 0);
  ck_assert_uint_eq(report.n_live, 2);
  ck_assert_uint_eq(report.n_dead, 1);
  ck_assert_uint_eq(report.n_hidden, 0);
  ck_assert_uint_eq(report.n_records, 0);
  EXPECT_OK(blt_close(db));
  image_free(&image);
}
END_TEST

START_TEST(verify_commits_what_is_put)
{
  blt_db *const db = new_in_memory(3);
  blt_verify_report report;

  put_text(db, "a", "1");
  EXPECT_OK(blt_metadata_set(db, "{}", 2, BLT_NOW));
  EXPECT_OK(blt_verify(db, NULL, &report));
  ck_assert_uint_ge(report.n_live, 1);
  ck_assert_uint_eq(report.n_hidden, 1);
  ck_assert_uint_ge(report.n_records, 1);
  EXPECT_OK(blt_verify(db, NULL, NULL));
  EXPECT_OK(blt_close(db));
}
END_TEST

static void count_fault(void *ctx, const blt_fault *fault)
{
  ck_assert_ptr_nonnull(fault->kind);
  ck_assert_ptr_nonnull(fault->message);
  ck_assert_uint_gt(strlen(fault->message), 0);
  ++*(unsigned *)ctx;
}

START_TEST(every_fault_is_told)
{
  struct image image;
  unsigned n_told = 0;
  blt_verify_options options = BLT_VERIFY_OPTIONS_INIT;
  blt_verify_report report = {0};

  image_init(&image, &(struct image_shape){.n_buckets = 3});
  for (unsigned i = 0; i < 5; i++)
    image_add_loose(&image, "orphan", "1", 1);
  blt_db *const db = open_bytes(image.bytes, image.len, BLT_READ);
  options.on_fault = count_fault;
  options.on_fault_ctx = &n_told;
  EXPECT(BLT_E_CORRUPT, blt_verify(db, &options, &report));
  ck_assert_uint_ge(n_told, 5);
  ck_assert_uint_eq(report.n_faults, n_told);
  EXPECT(BLT_E_CORRUPT, blt_verify(db, NULL, NULL));

  n_told = 0;
  options.max_faults = 2;
  EXPECT(BLT_E_CORRUPT, blt_verify(db, &options, NULL));
  ck_assert_uint_eq(n_told, 2);
  EXPECT_OK(blt_close(db));
  image_free(&image);
}
END_TEST

/* Enough blocks for several runs of several threads, and damage of all kinds:
 * orphans, a wrong hash, a wild link, a record that is none. */
static void make_damaged(struct image *image, unsigned n_keys)
{
  char key[32];

  image_init(image, &(struct image_shape){.n_buckets = 301});
  for (unsigned i = 0; i < n_keys; i++) {
    snprintf(key, sizeof key, "key %u", i);
    image_add(image, key, "value");
    if (i % 500 == 7)
      image_add_loose(image, "orphan", "1", 1);
    if (i % 700 == 9)
      image_add_loose(image, "dead", "1", 0);
  }
  image->bytes[image->live[n_keys / 2] + 3] ^= 1;
  image_set(image, image->live[n_keys / 3] + IMAGE_BLOCK_NEXT, 6, 99999999);
}

static blt_verify_report verify_with(blt_db *db, unsigned n_threads,
                                     unsigned *n_told)
{
  blt_verify_options options = BLT_VERIFY_OPTIONS_INIT;
  blt_verify_report report = {0};

  *n_told = 0;
  options.on_fault = count_fault;
  options.on_fault_ctx = n_told;
  options.n_threads = n_threads;
  EXPECT(BLT_E_CORRUPT, blt_verify(db, &options, &report));
  return report;
}

START_TEST(many_threads_find_what_one_finds)
{
  static const unsigned counts[] = {0, 2, 3, 8, 1000};
  struct image image;
  unsigned n_told, n_now;

  make_damaged(&image, 3000);
  blt_db *const db = open_bytes(image.bytes, image.len, BLT_READ);
  const blt_verify_report one = verify_with(db, 1, &n_told);
  ck_assert_uint_ge(one.n_faults, 10);
  ck_assert_uint_gt(one.n_live, 3000);
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
    const blt_verify_report now = verify_with(db, counts[i], &n_now);
    ck_assert_uint_eq(n_now, n_told);
    ck_assert_mem_eq(&now, &one, sizeof one);
  }
  EXPECT_OK(blt_close(db));
  image_free(&image);
}
END_TEST

START_TEST(many_threads_stop_together)
{
  struct image image;
  blt_verify_options options = BLT_VERIFY_OPTIONS_INIT;
  unsigned n_told = 0;

  make_damaged(&image, 3000);
  blt_db *const db = open_bytes(image.bytes, image.len, BLT_READ);
  options.on_fault = count_fault;
  options.on_fault_ctx = &n_told;
  options.n_threads = 8;
  options.max_faults = 3;
  EXPECT(BLT_E_CORRUPT, blt_verify(db, &options, NULL));
  ck_assert_uint_eq(n_told, 3);
  EXPECT_OK(blt_close(db));
  image_free(&image);
}
END_TEST

Suite *verify_suite(void)
{
  return SUITE_OF("verify", a_sound_store_is_counted,
                  verify_commits_what_is_put, every_fault_is_told,
                  many_threads_find_what_one_finds, many_threads_stop_together);
}
