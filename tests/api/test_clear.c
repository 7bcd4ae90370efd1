/* test_clear.c - blt_clear */
#include "api/suites.h"
#include "support/store.h"
#include "support/temp.h"

START_TEST(clear_removes_everything)
{
  const char *const path = temp_path("a.blt");
  const blt_options options = options_of_new(50);
  blt_db *db = open_path_with(path, &options);
  blt_bytes value;

  put_numbered(db, 0, 20);
  EXPECT_OK(blt_metadata_set(db, "{}", 2, BLT_NOW));
  EXPECT_OK(blt_slot_set(db, 2, "x", 1, BLT_NOW));
  EXPECT_OK(blt_sync(db));
  EXPECT_OK(blt_clear(db));
  expect_count(db, 0);
  expect_text(db, "key-000001", NULL);
  EXPECT(BLT_NOT_FOUND, blt_metadata_get(db, &value, NULL));
  EXPECT(BLT_NOT_FOUND, blt_slot_get(db, 2, &value, NULL));
  ck_assert_uint_eq(count_by_iteration(db, BLT_ITER_HIDDEN), 0);
  expect_sound(db);
  EXPECT_OK(blt_close(db));
  db = open_path(path, BLT_READ);
  expect_count(db, 0);
  expect_sound(db);
  ck_assert_uint_eq(header_of(db).n_buckets, 50);
  ck_assert_uint_eq(header_of(db).index_off, 200);
  EXPECT_OK(blt_close(db));
  ck_assert_uint_eq(file_len(path), 200 + 6 * 50);
}
END_TEST

START_TEST(clear_removes_what_is_not_committed_yet)
{
  blt_db *const db = new_in_memory(50);

  put_text(db, "a", "1");
  EXPECT_OK(blt_clear(db));
  expect_count(db, 0);
  expect_text(db, "a", NULL);
  EXPECT_OK(blt_sync(db));
  expect_text(db, "a", NULL);
  expect_count(db, 0);
  expect_sound(db);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(a_cleared_store_is_used_on)
{
  const char *const path = temp_path("a.blt");
  blt_db *db = open_path(path, BLT_NEW);

  for (unsigned i = 0; i < 3; i++) {
    put_numbered(db, i, 30);
    EXPECT_OK(blt_sync(db));
    EXPECT_OK(blt_clear(db));
  }
  put_numbered(db, 100, 30);
  expect_numbered(db, 100, 30);
  EXPECT_OK(blt_close(db));
  db = open_path(path, BLT_READ);
  expect_numbered(db, 100, 30);
  expect_text(db, "key-000000", NULL);
  expect_count(db, 30);
  expect_sound(db);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(clear_undoes_a_moved_index)
{
  blt_db *const db = new_in_memory(50);

  put_numbered(db, 0, 30);
  EXPECT_OK(blt_reindex(db, 77));
  EXPECT_OK(blt_clear(db));
  ck_assert_uint_eq(header_of(db).index_off, 200);
  put_numbered(db, 0, 30);
  EXPECT_OK(blt_sync(db));
  expect_numbered(db, 0, 30);
  expect_sound(db);
  EXPECT_OK(blt_close(db));
}
END_TEST

Suite *clear_suite(void)
{
  return SUITE_OF("clear", clear_removes_everything,
                  clear_removes_what_is_not_committed_yet,
                  a_cleared_store_is_used_on, clear_undoes_a_moved_index);
}
