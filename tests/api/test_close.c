/* test_close.c - blt_close and blt_reopen */
#include "api/suites.h"
#include "support/image.h"
#include "support/store.h"
#include "support/temp.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

START_TEST(closing_nothing_is_fine)
{
  EXPECT_OK(blt_close(NULL));
}
END_TEST

START_TEST(close_commits_what_is_put)
{
  const char *const path = temp_path("a.blt");
  blt_db *db = open_path(path, BLT_NEW);

  put_numbered(db, 0, 50);
  EXPECT_OK(blt_close(db));
  db = open_path(path, BLT_READ);
  expect_numbered(db, 0, 50);
  expect_count(db, 50);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(close_aborts_a_batch_of_the_user)
{
  const char *const path = temp_path("a.blt");
  blt_db *db = open_path(path, BLT_NEW);

  put_text(db, "before", "1");
  EXPECT_OK(blt_batch_begin(db));
  put_text(db, "inside", "2");
  EXPECT_OK(blt_close(db));
  db = open_path(path, BLT_READ);
  expect_text(db, "before", "1");
  expect_text(db, "inside", NULL);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(after_close_the_header_holds_the_real_count)
{
  const char *const path = temp_path("a.blt");
  blt_db *db = open_path(path, BLT_NEW);
  size_t len;

  put_numbered(db, 0, 50);
  EXPECT_OK(blt_close(db));
  uint8_t *const bytes = file_read(path, &len);
  ck_assert_uint_eq(bytes[IMAGE_N_KEYS], 50);
  ck_assert_uint_eq(bytes[IMAGE_N_KEYS + 1], 0);
  free(bytes);
  db = open_path(path, BLT_READ);
  ck_assert_uint_eq(header_of(db).n_keys, 50);
  ck_assert_int_eq(header_of(db).has_checkpoint, 1);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(close_gives_the_lock_up)
{
  const char *const path = temp_path("a.blt");
  blt_db *const db = open_path(path, BLT_NEW);
  const int fd = open(path, O_RDONLY | O_CLOEXEC);

  ck_assert_int_eq(flock(fd, LOCK_SH | LOCK_NB), -1);
  EXPECT_OK(blt_close(db));
  ck_assert_int_eq(flock(fd, LOCK_EX | LOCK_NB), 0);
  close(fd);
}
END_TEST

START_TEST(reopen_changes_the_mode)
{
  blt_db *const db = open_path(temp_path("a.blt"), BLT_NEW);

  put_text(db, "a", "1");
  EXPECT_OK(blt_reopen(db, BLT_READ));
  expect_text(db, "a", "1");
  EXPECT(BLT_E_READ_ONLY, blt_put(db, "b", 1, "2", 1));
  EXPECT_OK(blt_reopen(db, BLT_WRITE));
  put_text(db, "b", "2");
  EXPECT_OK(blt_reopen(db, BLT_READ));
  expect_text(db, "b", "2");
  expect_count(db, 2);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(reopen_takes_no_other_mode)
{
  blt_db *const db = open_path(temp_path("a.blt"), BLT_NEW);

  EXPECT(BLT_E_INVALID, blt_reopen(db, BLT_NEW));
  EXPECT(BLT_E_INVALID, blt_reopen(db, BLT_CREATE));
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(reopen_sees_what_another_did_meanwhile)
{
  const char *const path = temp_path("a.blt");
  blt_db *const db = open_path(path, BLT_NEW);

  put_numbered(db, 0, 20);
  EXPECT_OK(blt_reopen(db, BLT_READ));
  /* A file of another layout at the same place, as booklet's prune leaves it */
  struct image image;
  image_init(&image, &(struct image_shape){.n_buckets = 5, .index_later = 1});
  image_add(&image, "other", "1");
  image_move_index(&image, 5);
  file_write(path, image.bytes, image.len);
  EXPECT_OK(blt_reopen(db, BLT_READ));
  expect_text(db, "other", "1");
  expect_count(db, 1);
  ck_assert_uint_eq(header_of(db).n_buckets, 5);
  EXPECT_OK(blt_close(db));
  image_free(&image);
}
END_TEST

START_TEST(after_a_failed_reopen_only_the_error_and_close_are_left)
{
  const char *const path = temp_path("a.blt");
  blt_db *const db = open_path(path, BLT_NEW);
  blt_bytes value;

  put_text(db, "a", "1");
  EXPECT_OK(blt_sync(db));
  ck_assert_int_eq(unlink(path), 0);
  EXPECT(BLT_E_NO_FILE, blt_reopen(db, BLT_READ));
  ck_assert_int_eq(blt_last_error(db)->status, BLT_E_NO_FILE);
  EXPECT_FAILURE(blt_get(db, "a", 1, &value));
  EXPECT_FAILURE(blt_put(db, "a", 1, "2", 1));
  blt_close(db);
}
END_TEST

Suite *close_suite(void)
{
  return SUITE_OF("close", closing_nothing_is_fine, close_commits_what_is_put,
                  close_aborts_a_batch_of_the_user,
                  after_close_the_header_holds_the_real_count,
                  close_gives_the_lock_up, reopen_changes_the_mode,
                  reopen_takes_no_other_mode,
                  reopen_sees_what_another_did_meanwhile,
                  after_a_failed_reopen_only_the_error_and_close_are_left);
}
