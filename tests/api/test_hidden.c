/* test_hidden.c - metadata and slots, and the keys they are kept under */
#include "api/suites.h"
#include "support/store.h"
#include "support/temp.h"

static const char *const reserved[] = {"adb01ebc1ba3433eb043527",
                                       "7c40d2ea915b4f3a8e6d201",
                                       "f19a5c3d7e2b48069ab34c5"};

START_TEST(metadata_is_set_read_and_deleted)
{
  const char *const path = temp_path("a.blt");
  blt_db *db = open_path(path, BLT_NEW);
  blt_bytes value;
  uint64_t timestamp = 0;

  EXPECT(BLT_NOT_FOUND, blt_metadata_get(db, &value, NULL));
  EXPECT_OK(blt_metadata_set(db, "{\"a\": 1}", 8, 77));
  EXPECT_OK(blt_metadata_get(db, &value, &timestamp));
  ck_assert(bytes_equal(value, "{\"a\": 1}", 8));
  ck_assert_uint_eq(timestamp, 77);
  EXPECT_OK(blt_metadata_set(db, "[]", 2, BLT_NOW));
  EXPECT_OK(blt_close(db));
  db = open_path(path, BLT_WRITE);
  EXPECT_OK(blt_metadata_get(db, &value, NULL));
  ck_assert(bytes_equal(value, "[]", 2));
  expect_count(db, 0);
  EXPECT_OK(blt_metadata_delete(db));
  EXPECT(BLT_NOT_FOUND, blt_metadata_get(db, &value, NULL));
  EXPECT(BLT_NOT_FOUND, blt_metadata_delete(db));
  EXPECT_OK(blt_sync(db));
  expect_sound(db);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(the_two_slots_are_independent)
{
  const char *const path = temp_path("a.blt");
  blt_db *db = open_path(path, BLT_NEW);
  blt_bytes value;
  uint64_t timestamp = 0;

  EXPECT_OK(blt_slot_set(db, 1, "one", 3, 11));
  EXPECT(BLT_NOT_FOUND, blt_slot_get(db, 2, &value, NULL));
  EXPECT_OK(blt_slot_set(db, 2, "two", 3, 22));
  EXPECT_OK(blt_close(db));
  db = open_path(path, BLT_WRITE);
  EXPECT_OK(blt_slot_get(db, 1, &value, &timestamp));
  ck_assert(bytes_equal(value, "one", 3));
  ck_assert_uint_eq(timestamp, 11);
  EXPECT_OK(blt_slot_get(db, 2, &value, &timestamp));
  ck_assert(bytes_equal(value, "two", 3));
  ck_assert_uint_eq(timestamp, 22);
  EXPECT_OK(blt_slot_delete(db, 1));
  EXPECT(BLT_NOT_FOUND, blt_slot_get(db, 1, &value, NULL));
  EXPECT_OK(blt_slot_get(db, 2, &value, NULL));
  expect_count(db, 0);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(there_are_slots_one_and_two_only)
{
  blt_db *const db = new_in_memory(3);
  blt_bytes value;

  for (int slot = -1; slot <= 3; slot += slot == 0 ? 3 : 1) {
    EXPECT(BLT_E_INVALID, blt_slot_set(db, slot, "x", 1, BLT_NOW));
    EXPECT(BLT_E_INVALID, blt_slot_get(db, slot, &value, NULL));
    EXPECT(BLT_E_INVALID, blt_slot_delete(db, slot));
  }
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(a_fixed_file_has_no_metadata_and_no_slots)
{
  blt_options options = options_of_new(3);
  blt_db *db = NULL;
  blt_bytes value;

  options.kind = BLT_FIXED;
  options.fixed_value_len = 1;
  EXPECT_OK(blt_open_memory(NULL, 0, &options, &db));
  EXPECT(BLT_E_UNSUPPORTED, blt_metadata_set(db, "1", 1, BLT_NOW));
  EXPECT(BLT_E_UNSUPPORTED, blt_metadata_get(db, &value, NULL));
  EXPECT(BLT_E_UNSUPPORTED, blt_metadata_delete(db));
  EXPECT(BLT_E_UNSUPPORTED, blt_slot_set(db, 1, "1", 1, BLT_NOW));
  EXPECT(BLT_E_UNSUPPORTED, blt_slot_get(db, 1, &value, NULL));
  EXPECT(BLT_E_UNSUPPORTED, blt_slot_delete(db, 1));
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(reserved_keys_are_refused_in_variable_files)
{
  blt_db *const db = new_in_memory(3);

  for (size_t i = 0; i < 3; i++) {
    const blt_item item = {bytes_of(reserved[i]), {"x", 1}, BLT_NOW, 0};
    EXPECT(BLT_E_INVALID,
           blt_put(db, reserved[i], strlen(reserved[i]), "x", 1));
    EXPECT(BLT_E_INVALID, blt_put_many(db, &item, 1));
    const blt_status deleted = blt_delete(db, reserved[i], strlen(reserved[i]));
    ck_assert_int_ne(deleted, BLT_OK);
  }
  expect_count(db, 0);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(reserved_keys_are_not_found_though_they_are_there)
{
  blt_db *const db = new_in_memory(3);
  blt_bytes value;

  EXPECT_OK(blt_metadata_set(db, "{}", 2, BLT_NOW));
  EXPECT_OK(blt_slot_set(db, 1, "1", 1, BLT_NOW));
  EXPECT_OK(blt_slot_set(db, 2, "2", 1, BLT_NOW));
  for (int synced = 0; synced < 2; synced++) {
    for (size_t i = 0; i < 3; i++) {
      const size_t len = strlen(reserved[i]);
      const blt_bytes key = {reserved[i], len};
      unsigned char found = 7;
      ck_assert_int_ne(blt_get(db, reserved[i], len, &value), BLT_OK);
      ck_assert_int_ne(blt_has(db, reserved[i], len), BLT_OK);
      ck_assert_int_ne(blt_delete(db, reserved[i], len), BLT_OK);
      if (blt_has_many(db, &key, 1, &found, NULL) == BLT_OK)
        ck_assert_uint_eq(found, 0);
    }
    EXPECT_OK(blt_metadata_get(db, &value, NULL));
    EXPECT_OK(blt_sync(db));
  }
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(reserved_keys_are_plain_keys_in_fixed_files)
{
  blt_options options = options_of_new(3);
  blt_db *db = NULL;

  options.kind = BLT_FIXED;
  options.fixed_value_len = 1;
  EXPECT_OK(blt_open_memory(NULL, 0, &options, &db));
  put_text(db, reserved[0], "1");
  EXPECT_OK(blt_sync(db));
  expect_text(db, reserved[0], "1");
  expect_count(db, 1);
  ck_assert_uint_eq(count_by_iteration(db, BLT_ITER_KEYS), 1);
  EXPECT_OK(blt_prune(db, NULL, NULL));
  expect_count(db, 1);
  expect_sound(db);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(metadata_survives_prune_and_reindex)
{
  blt_db *const db = new_in_memory(3);
  blt_bytes value;
  uint64_t timestamp = 0;

  put_text(db, "a", "1");
  EXPECT_OK(blt_metadata_set(db, "{}", 2, 5));
  EXPECT_OK(blt_prune(db, NULL, NULL));
  EXPECT_OK(blt_reindex(db, 77));
  EXPECT_OK(blt_metadata_get(db, &value, &timestamp));
  ck_assert(bytes_equal(value, "{}", 2));
  ck_assert_uint_eq(timestamp, 5);
  expect_count(db, 1);
  expect_sound(db);
  EXPECT_OK(blt_close(db));
}
END_TEST

Suite *hidden_suite(void)
{
  return SUITE_OF("hidden", metadata_is_set_read_and_deleted,
                  the_two_slots_are_independent,
                  there_are_slots_one_and_two_only,
                  a_fixed_file_has_no_metadata_and_no_slots,
                  reserved_keys_are_refused_in_variable_files,
                  reserved_keys_are_not_found_though_they_are_there,
                  reserved_keys_are_plain_keys_in_fixed_files,
                  metadata_survives_prune_and_reindex);
}
