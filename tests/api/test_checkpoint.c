/* test_checkpoint.c - blt_checkpoint, and blt_auto_reindex */
#include "api/suites.h"
#include "support/image.h"
#include "support/store.h"
#include "support/temp.h"

#include <stdlib.h>

/* The bytes of the file, opened as a store of their own. */
static blt_db *open_copy(const char *path)
{
  size_t len;
  uint8_t *const bytes = file_read(path, &len);
  blt_db *const copy = open_bytes(bytes, len, BLT_READ);

  free(bytes);
  return copy;
}

START_TEST(the_file_is_a_whole_store_while_it_is_open)
{
  const char *const path = temp_path("a.blt");
  const blt_options options = options_of_new(7);
  blt_db *const db = open_path_with(path, &options);
  size_t len;

  for (unsigned round = 0; round < 3; round++) {
    put_numbered(db, round * 50, 100);
    delete_text(db, "key-000001");
    put_text(db, "key-000001", "again");
    EXPECT_OK(blt_checkpoint(db));
    uint8_t *const bytes = file_read(path, &len);
    ck_assert_uint_eq(bytes[IMAGE_N_KEYS], 100 + round * 50);
    free(bytes);
    blt_db *const copy = open_copy(path);
    expect_count(copy, 100 + round * 50);
    expect_text(copy, "key-000001", "again");
    expect_sound(copy);
    EXPECT_OK(blt_close(copy));
  }
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(what_comes_after_a_checkpoint_is_a_session_of_its_own)
{
  const char *const path = temp_path("a.blt");
  blt_db *db = open_path(path, BLT_NEW);

  put_text(db, "a", "1");
  EXPECT_OK(blt_checkpoint(db));
  EXPECT_OK(blt_checkpoint(db));
  put_text(db, "b", "2");
  delete_text(db, "a");
  EXPECT_OK(blt_close(db));
  db = open_path(path, BLT_READ);
  expect_text(db, "a", NULL);
  expect_text(db, "b", "2");
  expect_count(db, 1);
  expect_sound(db);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(pointers_outlive_a_reindex_and_its_checkpoint)
{
  const char *const path = temp_path("a.blt");
  const blt_options options = options_of_new(3);
  blt_db *const db = open_path_with(path, &options);
  static uint8_t large[300000];
  blt_bytes value;

  memset(large, 'x', sizeof large);
  EXPECT_OK(blt_put(db, "large", 5, large, sizeof large));
  EXPECT_OK(blt_sync(db));
  EXPECT_OK(blt_get(db, "large", 5, &value));
  put_numbered(db, 0, 50);
  EXPECT_OK(blt_checkpoint(db));
  ck_assert_uint_gt(header_of(db).n_buckets, 3);
  ck_assert(bytes_equal(value, large, sizeof large));
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(no_checkpoint_inside_a_batch_or_for_a_reader)
{
  const char *const path = temp_path("a.blt");
  blt_db *db = open_path(path, BLT_NEW);

  EXPECT_OK(blt_batch_begin(db));
  EXPECT(BLT_E_BUSY, blt_checkpoint(db));
  EXPECT_OK(blt_batch_abort(db));
  EXPECT_OK(blt_close(db));
  db = open_path(path, BLT_READ);
  EXPECT(BLT_E_READ_ONLY, blt_checkpoint(db));
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(growth_of_the_index_is_switched_off_and_on)
{
  blt_db *const db = new_in_memory(3);

  EXPECT_OK(blt_auto_reindex(db, BLT_OFF));
  put_numbered(db, 0, 50);
  EXPECT_OK(blt_sync(db));
  ck_assert_uint_eq(header_of(db).n_buckets, 3);
  EXPECT_OK(blt_auto_reindex(db, BLT_ON));
  put_text(db, "one", "more");
  EXPECT_OK(blt_sync(db));
  ck_assert_uint_eq(header_of(db).n_buckets, BLT_DEFAULT_BUCKETS);
  expect_numbered(db, 0, 50);
  EXPECT_OK(blt_close(db));
}
END_TEST

Suite *checkpoint_suite(void)
{
  return SUITE_OF("checkpoint", the_file_is_a_whole_store_while_it_is_open,
                  what_comes_after_a_checkpoint_is_a_session_of_its_own,
                  pointers_outlive_a_reindex_and_its_checkpoint,
                  no_checkpoint_inside_a_batch_or_for_a_reader,
                  growth_of_the_index_is_switched_off_and_on);
}
