/* test_reindex.c - blt_reindex, and the growth of the index by itself */
#include "api/suites.h"
#include "support/store.h"
#include "support/temp.h"

START_TEST(reindex_gives_any_number_of_buckets)
{
  static const uint32_t numbers[] = {1, 2, 1009, 7, 12007, 100};
  blt_options options = options_of_new(3);
  blt_db *db = NULL;

  options.auto_reindex = BLT_OFF;
  EXPECT_OK(blt_open_memory(NULL, 0, &options, &db));
  put_numbered(db, 0, 100);
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    EXPECT_OK(blt_reindex(db, numbers[i]));
    ck_assert_uint_eq(header_of(db).n_buckets, numbers[i]);
    expect_numbered(db, 0, 100);
    expect_count(db, 100);
    expect_sound(db);
  }
  EXPECT_OK(blt_close(db));
}
END_TEST

/* There is nothing to copy yet, so the file has no old copy of it. */
START_TEST(a_batch_larger_than_the_store_lets_the_index_grow_first)
{
  blt_db *const db = new_in_memory(10);
  blt_bytes image;

  put_text(db, "key-000007", "old");
  put_text(db, "key-000008", "old");
  EXPECT_OK(blt_sync(db));
  EXPECT_OK(blt_memory_image(db, &image));
  const size_t len_before = image.len;
  const uint64_t n_compactions = blt_compaction_count(db);
  EXPECT_OK(blt_batch_begin(db));
  put_numbered(db, 0, 100);
  delete_text(db, "key-000008");
  ck_assert_uint_eq(blt_compaction_count(db), n_compactions);
  EXPECT_OK(blt_batch_commit(db));
  ck_assert_uint_eq(blt_compaction_count(db), n_compactions + 1);
  ck_assert_uint_eq(header_of(db).n_buckets, BLT_DEFAULT_BUCKETS);
  ck_assert_int_eq(blt_has(db, "key-000008", 10), BLT_NOT_FOUND);
  put_numbered(db, 8, 1);
  expect_numbered(db, 0, 100);
  expect_count(db, 100);
  expect_sound(db);
  EXPECT_OK(blt_sync(db));
  EXPECT_OK(blt_memory_image(db, &image));
  ck_assert_uint_lt(image.len, len_before + 6 * BLT_DEFAULT_BUCKETS + 16000);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(reindex_to_the_same_number_does_nothing)
{
  const char *const path = temp_path("a.blt");
  const blt_options options = options_of_new(77);
  blt_db *const db = open_path_with(path, &options);

  put_numbered(db, 0, 10);
  EXPECT_OK(blt_sync(db));
  const uint64_t len = file_len(path);
  const uint64_t n_compactions = blt_compaction_count(db);
  EXPECT_OK(blt_reindex(db, 77));
  ck_assert_uint_eq(file_len(path), len);
  ck_assert_uint_eq(blt_compaction_count(db), n_compactions);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(reindex_to_zero_chooses_from_the_chain)
{
  blt_db *const db = new_in_memory(77);

  put_numbered(db, 0, 10);
  EXPECT_OK(blt_reindex(db, 0));
  ck_assert_uint_eq(header_of(db).n_buckets, BLT_DEFAULT_BUCKETS);
  expect_numbered(db, 0, 10);
  expect_sound(db);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(a_reindexed_file_is_the_same_store)
{
  const char *const path = temp_path("a.blt");
  blt_db *db = open_path(path, BLT_NEW);

  put_numbered(db, 0, 100);
  EXPECT_OK(blt_metadata_set(db, "{}", 2, 5));
  EXPECT_OK(blt_reindex(db, 200));
  put_numbered(db, 100, 50);
  EXPECT_OK(blt_close(db));
  db = open_path(path, BLT_WRITE);
  expect_numbered(db, 0, 150);
  expect_count(db, 150);
  ck_assert_uint_eq(header_of(db).n_buckets, 200);
  expect_sound(db);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(more_keys_than_buckets_make_the_index_grow)
{
  blt_db *const db = new_in_memory(3);

  put_numbered(db, 0, 3);
  EXPECT_OK(blt_sync(db));
  ck_assert_uint_eq(header_of(db).n_buckets, 3);
  put_numbered(db, 3, 1);
  EXPECT_OK(blt_sync(db));
  ck_assert_uint_eq(header_of(db).n_buckets, 12007);
  expect_numbered(db, 0, 4);
  expect_sound(db);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(the_index_grows_along_the_chain)
{
  const char *const path = temp_path("a.blt");
  blt_db *db = open_path(path, BLT_NEW);

  put_numbered(db, 0, 12007);
  EXPECT_OK(blt_sync(db));
  ck_assert_uint_eq(header_of(db).n_buckets, 12007);
  put_numbered(db, 12007, 1);
  EXPECT_OK(blt_close(db));
  db = open_path(path, BLT_READ);
  ck_assert_uint_eq(header_of(db).n_buckets, 144013);
  expect_numbered(db, 0, 12008);
  expect_count(db, 12008);
  expect_sound(db);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(a_fixed_file_grows_along_the_chain)
{
  const char *const path = temp_path("a.blt");
  blt_options options = options_of_new(12007);

  options.kind = BLT_FIXED;
  options.fixed_value_len = sizeof(unsigned);
  blt_db *db = open_path_with(path, &options);
  for (unsigned i = 0; i < 12100; i++)
    EXPECT_OK(blt_put(db, &i, sizeof i, &i, sizeof i));
  EXPECT_OK(blt_prune(db, NULL, NULL));
  for (unsigned i = 12100; i < 12500; i++)
    EXPECT_OK(blt_put(db, &i, sizeof i, &i, sizeof i));
  EXPECT_OK(blt_close(db));
  db = open_path(path, BLT_READ);
  for (unsigned i = 0; i < 12500; i++) {
    blt_bytes value;
    EXPECT_OK(blt_get(db, &i, sizeof i, &value));
    ck_assert(bytes_equal(value, &i, sizeof i));
  }
  ck_assert_uint_eq(header_of(db).n_buckets, 144013);
  expect_count(db, 12500);
  expect_sound(db);
  EXPECT_OK(blt_close(db));
}
END_TEST

Suite *reindex_suite(void)
{
  return SUITE_OF("reindex", reindex_gives_any_number_of_buckets,
                  a_batch_larger_than_the_store_lets_the_index_grow_first,
                  reindex_to_the_same_number_does_nothing,
                  reindex_to_zero_chooses_from_the_chain,
                  a_reindexed_file_is_the_same_store,
                  more_keys_than_buckets_make_the_index_grow,
                  the_index_grows_along_the_chain,
                  a_fixed_file_grows_along_the_chain);
}
