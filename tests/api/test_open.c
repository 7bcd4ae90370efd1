/* test_open.c - blt_open on what is at the path already */
#include "api/suites.h"
#include "support/image.h"
#include "support/store.h"
#include "support/temp.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *path_with_a_store(void)
{
  const char *const path = temp_path("store.blt");
  blt_db *const db = open_path(path, BLT_NEW);

  put_text(db, "a", "1");
  EXPECT_OK(blt_close(db));
  return path;
}

static void expect_open_status(blt_status want, const char *path,
                               const blt_options *options)
{
  blt_db *db = NULL;

  EXPECT(want, blt_open(path, options, &db));
  ck_assert(want < 0 ? db == NULL : db != NULL);
  blt_close(db);
}

START_TEST(a_file_that_is_missing_is_only_made_by_create_and_new)
{
  blt_options options = options_of(BLT_READ);

  expect_open_status(BLT_E_NO_FILE, temp_path("a"), &options);
  options.mode = BLT_WRITE;
  expect_open_status(BLT_E_NO_FILE, temp_path("b"), &options);
  options.mode = BLT_CREATE;
  expect_open_status(BLT_OK, temp_path("c"), &options);
  options.mode = BLT_NEW;
  expect_open_status(BLT_OK, temp_path("d"), &options);
}
END_TEST

START_TEST(a_missing_folder_is_no_file)
{
  char path[1024];
  const blt_options options = options_of(BLT_CREATE);

  snprintf(path, sizeof path, "%s/b.blt", temp_path("folder"));
  expect_open_status(BLT_E_NO_FILE, path, &options);
}
END_TEST

START_TEST(without_options_a_file_is_open_for_reading)
{
  const char *const path = path_with_a_store();
  blt_db *db = NULL;

  EXPECT_OK(blt_open(path, NULL, &db));
  expect_text(db, "a", "1");
  EXPECT(BLT_E_READ_ONLY, blt_put(db, "b", 1, "2", 1));
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(options_of_zeros_are_the_default)
{
  const char *const path = path_with_a_store();
  const blt_options options = {0};
  blt_db *const db = open_path_with(path, &options);

  expect_text(db, "a", "1");
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(a_reader_can_not_change_anything)
{
  blt_db *const db = open_path(path_with_a_store(), BLT_READ);
  const blt_item item = {{"b", 1}, {"2", 1}, BLT_NOW, 0};

  EXPECT(BLT_E_READ_ONLY, blt_put(db, "b", 1, "2", 1));
  EXPECT(BLT_E_READ_ONLY, blt_put_at(db, "b", 1, "2", 1, 7));
  EXPECT(BLT_E_READ_ONLY, blt_put_many(db, &item, 1));
  EXPECT(BLT_E_READ_ONLY, blt_delete(db, "a", 1));
  EXPECT(BLT_E_READ_ONLY, blt_delete_many(db, &item.key, 1, NULL));
  EXPECT(BLT_E_READ_ONLY, blt_prune(db, NULL, NULL));
  EXPECT(BLT_E_READ_ONLY, blt_reindex(db, 5));
  EXPECT(BLT_E_READ_ONLY, blt_clear(db));
  EXPECT(BLT_E_READ_ONLY, blt_batch_begin(db));
  EXPECT(BLT_E_READ_ONLY, blt_timestamp_set(db, "a", 1, 7));
  EXPECT(BLT_E_READ_ONLY, blt_file_timestamp_set(db, 7));
  EXPECT(BLT_E_READ_ONLY, blt_metadata_set(db, "{}", 2, BLT_NOW));
  EXPECT(BLT_E_READ_ONLY, blt_metadata_delete(db));
  EXPECT(BLT_E_READ_ONLY, blt_slot_set(db, 1, "x", 1, BLT_NOW));
  EXPECT(BLT_E_READ_ONLY, blt_slot_delete(db, 1));
  expect_text(db, "a", "1");
  expect_count(db, 1);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(a_reader_leaves_every_byte_of_the_file)
{
  const char *const path = path_with_a_store();
  size_t len_before, len_after;
  uint8_t *const before = file_read(path, &len_before);
  blt_db *const db = open_path(path, BLT_READ);

  expect_text(db, "a", "1");
  expect_sound(db);
  EXPECT_OK(blt_close(db));
  uint8_t *const after = file_read(path, &len_after);
  ck_assert(bytes_equal((blt_bytes){after, len_after}, before, len_before));
  free(before);
  free(after);
}
END_TEST

START_TEST(a_writer_that_writes_nothing_leaves_every_byte_of_the_file)
{
  const char *const path = path_with_a_store();
  size_t len_before, len_after;
  uint8_t *const before = file_read(path, &len_before);
  blt_db *const db = open_path(path, BLT_WRITE);

  expect_text(db, "a", "1");
  EXPECT_OK(blt_sync(db));
  EXPECT_OK(blt_close(db));
  uint8_t *const after = file_read(path, &len_after);
  ck_assert(bytes_equal((blt_bytes){after, len_after}, before, len_before));
  free(before);
  free(after);
}
END_TEST

START_TEST(write_and_create_keep_what_is_there)
{
  const char *const path = path_with_a_store();

  for (int i = 0; i < 2; i++) {
    blt_db *const db = open_path(path, i == 0 ? BLT_WRITE : BLT_CREATE);
    expect_text(db, "a", "1");
    put_text(db, "b", "2");
    EXPECT_OK(blt_close(db));
  }
}
END_TEST

START_TEST(new_empties_what_is_there)
{
  const char *const path = path_with_a_store();
  blt_db *db = open_path(path, BLT_NEW);

  expect_text(db, "a", NULL);
  expect_count(db, 0);
  put_text(db, "b", "2");
  EXPECT_OK(blt_close(db));
  db = open_path(path, BLT_READ);
  expect_text(db, "a", NULL);
  expect_text(db, "b", "2");
  expect_sound(db);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(new_makes_another_kind_of_file_of_it)
{
  const char *const path = path_with_a_store();
  blt_options options = options_of_new(7);

  options.kind = BLT_FIXED;
  options.fixed_value_len = 3;
  blt_db *const db = open_path_with(path, &options);
  put_text(db, "a", "123");
  EXPECT_OK(blt_sync(db));
  expect_sound(db);
  const blt_header header = header_of(db);
  ck_assert_int_eq(header.kind, BLT_FIXED);
  ck_assert_uint_eq(header.n_buckets, 7);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(exclusive_creation_refuses_a_file_that_exists)
{
  blt_options options = options_of(BLT_CREATE);

  options.exclusive = BLT_ON;
  expect_open_status(BLT_E_EXISTS, path_with_a_store(), &options);
  expect_open_status(BLT_OK, temp_path("fresh.blt"), &options);
}
END_TEST

START_TEST(a_file_of_the_other_kind_is_refused)
{
  blt_options options = options_of(BLT_READ);
  blt_db *db = NULL;

  options.kind = BLT_FIXED;
  EXPECT_FAILURE(blt_open(path_with_a_store(), &options, &db));
  ck_assert_ptr_null(db);

  const char *const path = temp_path("fixed.blt");
  options = options_of(BLT_NEW);
  options.kind = BLT_FIXED;
  options.fixed_value_len = 2;
  expect_open_status(BLT_OK, path, &options);
  options.mode = BLT_READ;
  expect_open_status(BLT_OK, path, &options);
  options.kind = BLT_ANY;
  expect_open_status(BLT_OK, path, &options);
  options.kind = BLT_VARIABLE;
  EXPECT_FAILURE(blt_open(path, &options, &db));
}
END_TEST

START_TEST(another_format_is_not_a_booklet_file)
{
  const char *const path = temp_path("text.blt");
  char text[4096];

  memset(text, 'x', sizeof text);
  file_write(path, text, sizeof text);
  expect_open_status(BLT_E_NOT_BOOKLET, path, NULL);
  const blt_options options = options_of(BLT_WRITE);
  expect_open_status(BLT_E_NOT_BOOKLET, path, &options);
  ck_assert_uint_eq(file_len(path), sizeof text);
}
END_TEST

START_TEST(create_does_not_overwrite_another_format)
{
  const char *const path = temp_path("text.blt");
  const blt_options options = options_of(BLT_CREATE);
  char text[300];

  memset(text, 'x', sizeof text);
  file_write(path, text, sizeof text);
  expect_open_status(BLT_E_NOT_BOOKLET, path, &options);
  ck_assert_uint_eq(file_len(path), sizeof text);
}
END_TEST

START_TEST(versions_before_three_are_refused)
{
  for (int is_fixed = 0; is_fixed < 2; is_fixed++) {
    const char *const path = temp_path("old.blt");
    struct image image;
    image_init(&image, &(struct image_shape){
                           .n_buckets = 3, .is_fixed = is_fixed, .version = 2});
    file_write(path, image.bytes, image.len);
    expect_open_status(BLT_E_VERSION, path, NULL);
    image_free(&image);
  }
}
END_TEST

START_TEST(version_three_has_no_timestamps_whatever_the_header_says)
{
  struct image image;
  uint64_t timestamp;

  image_init(&image, &(struct image_shape){.n_buckets = 3, .version = 3});
  image_add(&image, "a", "1");
  image_set(&image, IMAGE_HAS_TIMESTAMPS, 1, 1);
  blt_db *const db = open_bytes(image.bytes, image.len, BLT_READ);
  expect_text(db, "a", "1");
  expect_sound(db);
  ck_assert_int_eq(header_of(db).has_timestamps, 0);
  EXPECT(BLT_E_UNSUPPORTED, blt_timestamp_get(db, "a", 1, &timestamp));
  EXPECT_OK(blt_close(db));
  image_free(&image);
}
END_TEST

START_TEST(a_folder_is_not_a_store)
{
  const char *const path = temp_path("folder");
  blt_db *db = NULL;

  ck_assert_int_eq(mkdir(path, 0700), 0);
  EXPECT(BLT_E_IO, blt_open(path, NULL, &db));
  ck_assert_int_eq(blt_last_error(NULL)->sys_errno, EISDIR);
  const blt_options options = options_of(BLT_CREATE);
  EXPECT(BLT_E_IO, blt_open(path, &options, &db));
  ck_assert_int_eq(blt_last_error(NULL)->sys_errno, EISDIR);
  ck_assert_ptr_null(db);
}
END_TEST

START_TEST(a_file_without_permission_says_so)
{
  const char *const path = path_with_a_store();

  if (geteuid() == 0) /* root may read everything */
    return;
  ck_assert_int_eq(chmod(path, 0), 0);
  expect_open_status(BLT_E_PERMISSION, path, NULL);
}
END_TEST

START_TEST(a_file_that_may_only_be_read_can_be_read)
{
  const char *const path = path_with_a_store();

  ck_assert_int_eq(chmod(path, 0400), 0);
  blt_db *const db = open_path(path, BLT_READ);
  expect_text(db, "a", "1");
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(a_store_is_opened_through_a_symbolic_link)
{
  const char *const path = path_with_a_store();
  const char *const link = temp_path("link.blt");

  ck_assert_int_eq(symlink(path, link), 0);
  blt_db *db = open_path(link, BLT_WRITE);
  put_text(db, "b", "2");
  EXPECT_OK(blt_close(db));
  db = open_path(path, BLT_READ);
  expect_text(db, "b", "2");
  EXPECT_OK(blt_close(db));
}
END_TEST

/* The lowest descriptor that is free. */
static int free_descriptor(void)
{
  const int fd = dup(STDERR_FILENO);

  close(fd);
  return fd;
}

/* Else what the program prints would be written into the store. */
START_TEST(a_store_is_never_a_standard_stream)
{
  const char *const path = path_with_a_store();
  const int kept = dup(STDIN_FILENO);
  const blt_mode modes[] = {BLT_READ, BLT_WRITE, BLT_NEW};

  close(STDIN_FILENO);
  for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
    blt_db *const db = open_path(path, modes[i]);
    ck_assert_int_eq(free_descriptor(), STDIN_FILENO);
    EXPECT_OK(blt_close(db));
    ck_assert_int_eq(free_descriptor(), STDIN_FILENO);
  }
  if (kept >= 0)
    ck_assert_int_eq(dup2(kept, STDIN_FILENO), STDIN_FILENO);
  close(kept);
}
END_TEST

Suite *open_suite(void)
{
  return SUITE_OF(
      "open", a_file_that_is_missing_is_only_made_by_create_and_new,
      a_missing_folder_is_no_file, without_options_a_file_is_open_for_reading,
      options_of_zeros_are_the_default, a_reader_can_not_change_anything,
      a_reader_leaves_every_byte_of_the_file,
      a_writer_that_writes_nothing_leaves_every_byte_of_the_file,
      write_and_create_keep_what_is_there, new_empties_what_is_there,
      new_makes_another_kind_of_file_of_it,
      exclusive_creation_refuses_a_file_that_exists,
      a_file_of_the_other_kind_is_refused, another_format_is_not_a_booklet_file,
      create_does_not_overwrite_another_format,
      versions_before_three_are_refused,
      version_three_has_no_timestamps_whatever_the_header_says,
      a_folder_is_not_a_store, a_file_without_permission_says_so,
      a_file_that_may_only_be_read_can_be_read,
      a_store_is_opened_through_a_symbolic_link,
      a_store_is_never_a_standard_stream);
}
