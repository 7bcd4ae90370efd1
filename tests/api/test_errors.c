/* test_errors.c - blt_last_error: what a failure has to say */
#include "api/suites.h"
#include "support/image.h"
#include "support/store.h"
#include "support/temp.h"

START_TEST(a_new_handle_has_no_error_but_a_message)
{
  blt_db *const db = new_in_memory(3);
  const blt_error *const error = blt_last_error(db);

  ck_assert_ptr_nonnull(error);
  ck_assert_int_eq(error->status, BLT_OK);
  ck_assert_ptr_nonnull(error->message);
  ck_assert_ptr_nonnull(error->file);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(without_a_failure_the_error_of_the_thread_is_ok)
{
  const blt_error *const error = blt_last_error(NULL);

  ck_assert_ptr_nonnull(error);
  ck_assert_ptr_nonnull(error->message);
  if (tests_are_forked())
    ck_assert_int_eq(error->status, BLT_OK);
}
END_TEST

static void expect_message_of(const blt_error *error, const char *path,
                              blt_status status)
{
  ck_assert_ptr_nonnull(error);
  ck_assert_int_eq(error->status, status);
  ck_assert_str_eq(error->file, path);
  ck_assert_msg(strncmp(error->message, path, strlen(path)) == 0,
                "'%s' does not begin with the file", error->message);
  ck_assert_uint_gt(strlen(error->message), strlen(path) + 2);
}

START_TEST(a_failed_open_names_the_file_and_the_cause)
{
  const char *const path = temp_path("missing.blt");
  blt_db *db = NULL;

  EXPECT(BLT_E_NO_FILE, blt_open(path, NULL, &db));
  ck_assert_ptr_null(db);
  expect_message_of(blt_last_error(NULL), path, BLT_E_NO_FILE);
  ck_assert_int_eq(blt_last_error(NULL)->sys_errno, 2);
  ck_assert_uint_eq(blt_last_error(NULL)->offset, BLT_NO_OFFSET);
}
END_TEST

START_TEST(a_failed_call_names_the_file_and_the_cause)
{
  const char *const path = temp_path("a.blt");
  blt_db *db = open_path(path, BLT_NEW);

  put_text(db, "a", "1");
  EXPECT_OK(blt_reopen(db, BLT_READ));
  EXPECT(BLT_E_READ_ONLY, blt_put(db, "b", 1, "2", 1));
  expect_message_of(blt_last_error(db), path, BLT_E_READ_ONLY);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(an_answer_without_an_item_is_not_an_error)
{
  blt_db *const db = new_in_memory(3);

  expect_text(db, "a", NULL);
  ck_assert_int_eq(blt_last_error(db)->status, BLT_OK);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(damage_is_reported_with_its_offset)
{
  struct image image;
  blt_bytes value;

  image_init(&image, &(struct image_shape){.n_buckets = 1});
  image_add(&image, "a", "1");
  image_set(&image, image_slot(&image, "a"), 6, 99999);
  blt_db *const db = open_bytes(image.bytes, image.len, BLT_READ);
  EXPECT(BLT_E_CORRUPT, blt_get(db, "a", 1, &value));
  ck_assert_int_eq(blt_last_error(db)->status, BLT_E_CORRUPT);
  ck_assert_uint_ne(blt_last_error(db)->offset, BLT_NO_OFFSET);
  ck_assert_str_eq(blt_last_error(db)->file, "");
  EXPECT_OK(blt_close(db));
  image_free(&image);
}
END_TEST

START_TEST(a_failure_leaves_the_results_alone)
{
  blt_db *const db = new_in_memory(3);
  blt_bytes value = {"before", 6};
  uint64_t timestamp = 42;

  EXPECT(BLT_NOT_FOUND, blt_get(db, "a", 1, &value));
  ck_assert(bytes_equal(value, "before", 6));
  EXPECT(BLT_NOT_FOUND, blt_timestamp_get(db, "a", 1, &timestamp));
  ck_assert_uint_eq(timestamp, 42);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(a_call_without_a_place_or_a_handle_has_a_sentence_of_its_own)
{
  const char *const path = temp_path("missing.blt");
  blt_db *db = NULL;

  EXPECT(BLT_E_NO_FILE, blt_open(path, NULL, &db));
  EXPECT(BLT_E_INVALID, blt_open(path, NULL, NULL));
  ck_assert_int_eq(blt_last_error(NULL)->status, BLT_E_INVALID);
  ck_assert_ptr_nonnull(strstr(blt_last_error(NULL)->message, "is NULL"));
  EXPECT(BLT_E_NO_FILE, blt_open(path, NULL, &db));
  EXPECT(BLT_E_INVALID, blt_sync(NULL));
  ck_assert_int_eq(blt_last_error(NULL)->status, BLT_E_INVALID);
  EXPECT(BLT_E_NO_FILE, blt_open(path, NULL, &db));
  EXPECT(BLT_E_INVALID, blt_slot_delete(NULL, 1));
  ck_assert_int_eq(blt_last_error(NULL)->status, BLT_E_INVALID);
}
END_TEST

START_TEST(a_failed_open_sets_the_handle_to_null)
{
  blt_db *const other = new_in_memory(3);
  blt_db *db = other;

  EXPECT_FAILURE(blt_open_memory("no booklet file", 15, NULL, &db));
  ck_assert_ptr_null(db);
  EXPECT_OK(blt_close(other));
}
END_TEST

Suite *errors_suite(void)
{
  return SUITE_OF("errors", a_new_handle_has_no_error_but_a_message,
                  without_a_failure_the_error_of_the_thread_is_ok,
                  a_failed_open_names_the_file_and_the_cause,
                  a_failed_call_names_the_file_and_the_cause,
                  an_answer_without_an_item_is_not_an_error,
                  damage_is_reported_with_its_offset,
                  a_failure_leaves_the_results_alone,
                  a_call_without_a_place_or_a_handle_has_a_sentence_of_its_own,
                  a_failed_open_sets_the_handle_to_null);
}
