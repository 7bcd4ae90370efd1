/* test_same.c - one process that opens one file twice */
#include "support/store.h"
#include "support/temp.h"
#include "together/suites.h"

#include <unistd.h>

static const char *path_with_a_store(void)
{
  const char *const path = temp_path("same.blt");
  blt_db *const db = open_path(path, BLT_NEW);

  put_text(db, "a", "1");
  EXPECT_OK(blt_close(db));
  return path;
}

static blt_status try_open(const char *path, blt_mode mode)
{
  const blt_options options = options_of(mode);
  blt_db *db = NULL;
  const blt_status status = blt_open(path, &options, &db);

  if (status == BLT_OK)
    EXPECT_OK(blt_close(db));
  return status;
}

START_TEST(two_readers_are_fine)
{
  const char *const path = path_with_a_store();
  blt_db *const one = open_path(path, BLT_READ);
  blt_db *const other = open_path(path, BLT_READ);

  expect_text(one, "a", "1");
  EXPECT_OK(blt_close(one));
  expect_text(other, "a", "1");
  EXPECT_OK(blt_close(other));
}
END_TEST

START_TEST(a_writer_keeps_out_everybody_else)
{
  const char *const path = path_with_a_store();
  blt_db *const db = open_path(path, BLT_WRITE);

  for (int mode = BLT_READ; mode <= BLT_NEW; mode++)
    EXPECT(BLT_E_BUSY, try_open(path, (blt_mode)mode));
  put_text(db, "b", "2");
  EXPECT_OK(blt_close(db));
  EXPECT_OK(try_open(path, BLT_WRITE));
}
END_TEST

START_TEST(a_reader_keeps_out_writers)
{
  const char *const path = path_with_a_store();
  blt_db *const db = open_path(path, BLT_READ);

  for (int mode = BLT_WRITE; mode <= BLT_NEW; mode++)
    EXPECT(BLT_E_BUSY, try_open(path, (blt_mode)mode));
  expect_text(db, "a", "1");
  EXPECT_OK(blt_close(db));
  EXPECT_OK(try_open(path, BLT_WRITE));
}
END_TEST

START_TEST(the_same_file_by_another_name_is_the_same_file)
{
  const char *const path = path_with_a_store();
  const char *const link_path = temp_path("link.blt");
  const char *const symlink_path = temp_path("symlink.blt");

  ck_assert_int_eq(link(path, link_path), 0);
  ck_assert_int_eq(symlink(path, symlink_path), 0);
  blt_db *const db = open_path(path, BLT_WRITE);
  EXPECT(BLT_E_BUSY, try_open(link_path, BLT_READ));
  EXPECT(BLT_E_BUSY, try_open(symlink_path, BLT_WRITE));
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(a_refused_open_leaves_the_first_lock_alone)
{
  const char *const path = path_with_a_store();
  blt_db *const one = open_path(path, BLT_READ);
  blt_db *const other = open_path(path, BLT_READ);

  EXPECT(BLT_E_BUSY, try_open(path, BLT_WRITE));
  EXPECT_OK(blt_close(one));
  EXPECT(BLT_E_BUSY, try_open(path, BLT_WRITE));
  EXPECT_OK(blt_close(other));
  EXPECT_OK(try_open(path, BLT_WRITE));
}
END_TEST

START_TEST(a_reopen_to_write_beside_another_reader_is_busy)
{
  const char *const path = path_with_a_store();
  blt_db *const one = open_path(path, BLT_READ);
  blt_db *const other = open_path(path, BLT_READ);

  EXPECT(BLT_E_BUSY, blt_reopen(one, BLT_WRITE));
  blt_close(one);
  expect_text(other, "a", "1");
  EXPECT_OK(blt_close(other));
}
END_TEST

START_TEST(two_files_are_two_files)
{
  blt_db *const one = open_path(path_with_a_store(), BLT_WRITE);
  blt_db *const other = open_path(path_with_a_store(), BLT_WRITE);

  put_text(one, "a", "2");
  expect_text(other, "a", "1");
  EXPECT_OK(blt_close(one));
  EXPECT_OK(blt_close(other));
}
END_TEST

Suite *same_suite(void)
{
  return SUITE_OF("same", two_readers_are_fine,
                  a_writer_keeps_out_everybody_else, a_reader_keeps_out_writers,
                  the_same_file_by_another_name_is_the_same_file,
                  a_refused_open_leaves_the_first_lock_alone,
                  a_reopen_to_write_beside_another_reader_is_busy,
                  two_files_are_two_files);
}
