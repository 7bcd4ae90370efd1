/* test_defects.c - what booklet 0.12.9 does wrong with damaged files, by the
 * number of the script that shows it */
#include "hostile/probe.h"
#include "hostile/suites.h"
#include "support/store.h"
#include "support/temp.h"

#include <stdio.h>

static struct image image;

/* A repair drops blocks whose hash is not that of their key. */
static int was_repaired(blt_db *db)
{
  blt_open_info info;

  EXPECT_OK(blt_open_report(db, &info));
  return info.what == BLT_OPENED_REPAIRED;
}

/* NULL when the damage is refused, which a reader does not do. */
static blt_db *open_or_refuse(blt_mode mode)
{
  const blt_options options = options_of(mode);
  blt_db *db = NULL;
  const blt_status status =
      blt_open_memory(image.bytes, image.len, &options, &db);

  ck_assert(status == BLT_OK || (status == BLT_E_CORRUPT && mode != BLT_READ));
  return db;
}

START_TEST(r32_a_crafted_hash_does_not_give_the_value_of_another_key)
{
  image_init(&image, &(struct image_shape){.n_buckets = 1});
  const uint64_t off = image_add(&image, "a", "of a");
  image_hash("b", 1, image.bytes + off);
  blt_db *db = open_or_refuse(BLT_READ);
  expect_text(db, "b", NULL);
  EXPECT_OK(blt_close(db));
  db = open_or_refuse(BLT_WRITE);
  if (db != NULL) {
    put_text(db, "b", "of b");
    EXPECT_OK(blt_sync(db));
    expect_text(db, "b", "of b");
    ck_assert_uint_eq(count_by_iteration(db, BLT_ITER_KEYS),
                      was_repaired(db) ? 1 : 2);
    EXPECT_OK(blt_close(db));
  }
  image_free(&image);
}
END_TEST

START_TEST(r33_get_put_and_delete_return_from_a_circle)
{
  image_init(&image, &(struct image_shape){.n_buckets = 1});
  const uint64_t a_off = image_add(&image, "a", "1");
  const uint64_t b_off = image_add(&image, "b", "2");
  image_set(&image, b_off + IMAGE_BLOCK_NEXT, 6, a_off);
  blt_db *const db = open_bytes(image.bytes, image.len, BLT_WRITE);
  blt_bytes value;
  EXPECT(BLT_E_CORRUPT, blt_get(db, "none", 4, &value));
  EXPECT_FAILURE(blt_delete(db, "none", 4));
  blt_put(db, "none", 4, "x", 1);
  blt_sync(db);
  blt_close(db);
  probe_image(&image);
  image_free(&image);
}
END_TEST

START_TEST(r34_a_bucket_into_the_header_does_not_rewrite_the_header)
{
  image_init(&image, &(struct image_shape){.n_buckets = 100});
  for (uint64_t off = 2; off < IMAGE_HEADER_LEN; off++) {
    image_set(&image, image_slot(&image, "a"), 6, off);
    blt_db *const db = open_bytes(image.bytes, image.len, BLT_WRITE);
    blt_put(db, "a", 1, "1", 1);
    blt_sync(db);
    const blt_header header = header_of(db);
    ck_assert_int_eq(header.kind, BLT_VARIABLE);
    ck_assert(header.n_buckets == 100 || header.n_buckets == 12007);
    blt_close(db);
  }
  image_free(&image);
}
END_TEST

START_TEST(r35_a_serializer_that_runs_code_is_only_a_number)
{
  image_init(&image, &(struct image_shape){.n_buckets = 3});
  image_add(&image, "a", "cos\nsystem\n(S'true'\ntR.");
  image_set(&image, IMAGE_VALUE_SERIALIZER, 2, 3); /* pickle */
  blt_db *const db = open_image(&image);
  expect_text(db, "a", "cos\nsystem\n(S'true'\ntR.");
  ck_assert_uint_eq(header_of(db).value_serializer, 3);
  EXPECT_OK(blt_close(db));
  image_free(&image);
}
END_TEST

START_TEST(r36_four_billion_buckets_in_300_bytes_are_refused)
{
  const char *const path = temp_path("r36.blt");
  uint8_t zeros[82] = {0};
  blt_db *db = NULL;

  image_init(&image, &(struct image_shape){.n_buckets = 3});
  image_add_raw(&image, zeros, sizeof zeros);
  ck_assert_uint_eq(image.len, 300);
  image_set(&image, IMAGE_N_BUCKETS, 4, UINT32_MAX);
  file_write(path, image.bytes, image.len);
  for (int mode = BLT_READ; mode <= BLT_CREATE; mode++) {
    const blt_options options = options_of((blt_mode)mode);
    EXPECT_FAILURE(blt_open(path, &options, &db));
    ck_assert_uint_eq(file_len(path), 300);
  }
  probe_image(&image);
  image_free(&image);
}
END_TEST

START_TEST(r37_a_value_of_four_gibibytes_is_not_allocated)
{
  image_init(&image, &(struct image_shape){.n_buckets = 1});
  const uint64_t off = image_add(&image, "a", "1");
  image_set(&image, off + IMAGE_BLOCK_VALUE_LEN, 4, UINT32_MAX);
  for (int mode = BLT_READ; mode <= BLT_WRITE; mode++) {
    blt_db *const db = open_or_refuse((blt_mode)mode);
    char buf[16];
    blt_bytes value;
    size_t len = 0;
    if (db == NULL)
      continue;
    const blt_status want = was_repaired(db) ? BLT_NOT_FOUND : BLT_E_CORRUPT;
    EXPECT(want, blt_get(db, "a", 1, &value));
    EXPECT(want, blt_get_into(db, "a", 1, buf, sizeof buf, &len));
    EXPECT_OK(blt_close(db));
  }
  probe_image(&image);
  image_free(&image);
}
END_TEST

/* The format decides the bucket, so nobody can keep chains short; but they
 * are all found, and no put of another bucket pays for them. */
START_TEST(r38_many_keys_in_one_bucket_are_all_found)
{
  char key[32];

  image_init(&image, &(struct image_shape){.n_buckets = 1009});
  const uint64_t slot_off = image_slot(&image, "a");
  unsigned n = 0;
  for (unsigned i = 0; n < 818; i++) {
    snprintf(key, sizeof key, "%u", i);
    if (image_slot(&image, key) != slot_off)
      continue;
    image_add(&image, key, key);
    n++;
  }
  blt_options options = options_of(BLT_WRITE);
  options.auto_reindex = BLT_OFF;
  blt_db *db = NULL;
  EXPECT_OK(blt_open_memory(image.bytes, image.len, &options, &db));
  n = 0;
  for (unsigned i = 0; n < 818; i++) {
    snprintf(key, sizeof key, "%u", i);
    if (image_slot(&image, key) != slot_off)
      continue;
    expect_text(db, key, key);
    put_text(db, key, "again");
    n++;
  }
  EXPECT_OK(blt_sync(db));
  expect_count(db, 818);
  expect_sound(db);
  EXPECT_OK(blt_close(db));
  image_free(&image);
}
END_TEST

START_TEST(r48_six_ascii_zeros_mean_the_index_at_200)
{
  image_init(&image, &(struct image_shape){.n_buckets = 3});
  image_add(&image, "a", "1");
  image_set(&image, IMAGE_INDEX_OFF, 6, UINT64_C(0x303030303030));
  blt_db *const db = open_bytes(image.bytes, image.len, BLT_WRITE);
  ck_assert_uint_eq(header_of(db).index_off, 200);
  expect_text(db, "a", "1");
  put_text(db, "b", "2");
  EXPECT_OK(blt_sync(db));
  expect_text(db, "b", "2");
  expect_sound(db);
  EXPECT_OK(blt_close(db));
  image_free(&image);
}
END_TEST

START_TEST(r48_a_file_shorter_than_a_header_is_a_status)
{
  const char *const path = temp_path("r48.blt");
  blt_db *db = NULL;

  image_init(&image, &(struct image_shape){.n_buckets = 3});
  file_write(path, image.bytes, 100);
  for (int mode = BLT_READ; mode <= BLT_WRITE; mode++) {
    const blt_options options = options_of((blt_mode)mode);
    EXPECT_FAILURE(blt_open(path, &options, &db));
  }
  image_free(&image);
}
END_TEST

START_TEST(r48_a_reserved_key_of_a_fixed_file_counts)
{
  static const char key[] = "adb01ebc1ba3433eb043527";

  image_init(&image, &(struct image_shape){
                         .is_fixed = 1, .value_len = 1, .n_buckets = 3});
  image_add(&image, key, "1");
  image_add(&image, "a", "2");
  blt_db *const db = open_bytes(image.bytes, image.len, BLT_WRITE);
  expect_text(db, key, "1");
  EXPECT_OK(blt_prune(db, NULL, NULL));
  expect_text(db, key, "1");
  expect_count(db, 2);
  ck_assert_uint_eq(count_by_iteration(db, BLT_ITER_KEYS), 2);
  expect_sound(db);
  EXPECT_OK(blt_close(db));
  image_free(&image);
}
END_TEST

Suite *defects_suite(void)
{
  return SUITE_OF("defects",
                  r32_a_crafted_hash_does_not_give_the_value_of_another_key,
                  r33_get_put_and_delete_return_from_a_circle,
                  r34_a_bucket_into_the_header_does_not_rewrite_the_header,
                  r35_a_serializer_that_runs_code_is_only_a_number,
                  r36_four_billion_buckets_in_300_bytes_are_refused,
                  r37_a_value_of_four_gibibytes_is_not_allocated,
                  r38_many_keys_in_one_bucket_are_all_found,
                  r48_six_ascii_zeros_mean_the_index_at_200,
                  r48_a_file_shorter_than_a_header_is_a_status,
                  r48_a_reserved_key_of_a_fixed_file_counts);
}
