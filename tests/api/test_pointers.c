/* test_pointers.c - how long the pointers that are given out stay good */
#include "api/suites.h"
#include "support/store.h"
#include "support/temp.h"

#include <stdlib.h>

enum { LARGE_LEN = 64 * 1024, N_LARGE = 512 };

static void grow_by_32_mib(blt_db *db)
{
  char *const large = malloc(LARGE_LEN);

  memset(large, 'L', LARGE_LEN);
  for (unsigned i = 0; i < N_LARGE; i++)
    EXPECT_OK(blt_put(db, &i, sizeof i, large, LARGE_LEN));
  EXPECT_OK(blt_sync(db));
  free(large);
}

/* A pointer that was given out before still shows the same bytes. */
static void expect_to_stay(blt_db *db, void (*change)(blt_db *db))
{
  blt_bytes value;

  put_text(db, "first", "a value that stays");
  EXPECT_OK(blt_sync(db));
  EXPECT_OK(blt_get(db, "first", 5, &value));
  change(db);
  ck_assert(bytes_equal(value, "a value that stays", 18));
  EXPECT_OK(blt_close(db));
}

/* V3 */
START_TEST(a_pointer_stays_good_while_a_file_grows)
{
  for (int io = BLT_IO_AUTO; io <= BLT_IO_MMAP; io++) {
    blt_options options = options_of_new(50);
    options.io = (blt_io)io;
    expect_to_stay(open_path_with(temp_path("a.blt"), &options),
                   grow_by_32_mib);
  }
}
END_TEST

START_TEST(a_pointer_stays_good_while_a_store_in_memory_grows)
{
  expect_to_stay(new_in_memory(50), grow_by_32_mib);
}
END_TEST

static void overwrite_and_delete(blt_db *db)
{
  put_text(db, "first", "another value");
  EXPECT_OK(blt_sync(db));
  delete_text(db, "first");
  EXPECT_OK(blt_sync(db));
}

START_TEST(a_pointer_stays_good_when_its_key_is_overwritten)
{
  expect_to_stay(open_path(temp_path("a.blt"), BLT_NEW), overwrite_and_delete);
  expect_to_stay(new_in_memory(3), overwrite_and_delete);
}
END_TEST

static void grow_the_index(blt_db *db)
{
  put_numbered(db, 0, 1000);
  EXPECT_OK(blt_sync(db));
  ck_assert_uint_eq(header_of(db).n_buckets, BLT_DEFAULT_BUCKETS);
}

START_TEST(a_pointer_stays_good_when_the_index_grows_by_itself)
{
  blt_options options = options_of_new(3);

  expect_to_stay(open_path_with(temp_path("a.blt"), &options), grow_the_index);
  expect_to_stay(new_in_memory(3), grow_the_index);
}
END_TEST

START_TEST(a_pending_value_is_good_until_the_next_write)
{
  blt_db *const db = new_in_memory(3);
  blt_bytes one, other;

  put_text(db, "a", "1");
  put_text(db, "b", "2");
  EXPECT_OK(blt_get(db, "a", 1, &one));
  EXPECT_OK(blt_get(db, "b", 1, &other));
  EXPECT_OK(blt_has(db, "a", 1));
  ck_assert(bytes_equal(one, "1", 1));
  ck_assert(bytes_equal(other, "2", 1));
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(pointers_of_many_values_are_good_together)
{
  for (int io = BLT_IO_AUTO; io <= BLT_IO_PREAD; io++) {
    blt_options options = options_of_new(50);
    const char *const path = temp_path("a.blt");
    blt_bytes values[3];
    const blt_bytes keys[] = {bytes_of("key-000001"), bytes_of("key-000002"),
                              bytes_of("key-000003")};
    options.io = (blt_io)io;
    blt_db *db = open_path_with(path, &options);
    put_numbered(db, 0, 10);
    EXPECT_OK(blt_close(db));
    options.mode = BLT_READ;
    db = open_path_with(path, &options);
    EXPECT_OK(blt_get_many(db, keys, 3, values, NULL));
    ck_assert(bytes_equal(values[0], "value-1", 7));
    ck_assert(bytes_equal(values[1], "value-2", 7));
    ck_assert(bytes_equal(values[2], "value-3", 7));
    EXPECT_OK(blt_close(db));
  }
}
END_TEST

START_TEST(a_pointer_is_good_until_close_without_a_map_too)
{
  blt_options options = options_of_new(50);
  const char *const path = temp_path("a.blt");
  blt_bytes value;

  blt_db *db = open_path_with(path, &options);
  put_numbered(db, 0, 2000);
  EXPECT_OK(blt_close(db));
  options.mode = BLT_READ;
  options.io = BLT_IO_PREAD;
  db = open_path_with(path, &options);
  EXPECT_OK(blt_get(db, "key-000001", 10, &value));
  expect_numbered(db, 0, 2000);
  ck_assert(bytes_equal(value, "value-1", 7));
  EXPECT_OK(blt_close(db));
}
END_TEST

Suite *pointers_suite(void)
{
  return SUITE_OF("pointers", a_pointer_stays_good_while_a_file_grows,
                  a_pointer_stays_good_while_a_store_in_memory_grows,
                  a_pointer_stays_good_when_its_key_is_overwritten,
                  a_pointer_stays_good_when_the_index_grows_by_itself,
                  a_pending_value_is_good_until_the_next_write,
                  pointers_of_many_values_are_good_together,
                  a_pointer_is_good_until_close_without_a_map_too);
}
