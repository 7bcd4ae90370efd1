/* test_descriptor.c - blt_open_fd */
#include "api/suites.h"
#include "support/store.h"
#include "support/temp.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

static int open_file(const char *path)
{
  const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

  ck_assert_int_ge(fd, 0);
  return fd;
}

static blt_db *open_fd(int fd, blt_mode mode)
{
  const blt_options options = options_of(mode);
  blt_db *db = NULL;

  EXPECT_OK(blt_open_fd(fd, &options, &db));
  return db;
}

static int is_open(int fd)
{
  return fcntl(fd, F_GETFD) >= 0;
}

START_TEST(create_and_new_make_a_store_in_an_empty_file)
{
  for (int i = 0; i < 2; i++) {
    const char *const path = temp_path("a.blt");
    const int fd = open_file(path);
    blt_db *db = open_fd(fd, i == 0 ? BLT_CREATE : BLT_NEW);
    put_text(db, "a", "1");
    EXPECT_OK(blt_close(db));
    close(fd);
    db = open_path(path, BLT_READ);
    expect_text(db, "a", "1");
    EXPECT_OK(blt_close(db));
  }
}
END_TEST

START_TEST(read_and_write_refuse_an_empty_file)
{
  const int fd = open_file(temp_path("a.blt"));
  blt_options options = options_of(BLT_READ);
  blt_db *db = NULL;

  EXPECT_FAILURE(blt_open_fd(fd, &options, &db));
  options.mode = BLT_WRITE;
  EXPECT_FAILURE(blt_open_fd(fd, &options, &db));
  ck_assert_ptr_null(db);
  ck_assert(is_open(fd));
  close(fd);
}
END_TEST

START_TEST(the_offset_of_the_descriptor_is_never_moved)
{
  const int fd = open_file(temp_path("a.blt"));
  blt_db *db = open_fd(fd, BLT_NEW);

  ck_assert_int_eq(lseek(fd, 123, SEEK_SET), 123);
  put_numbered(db, 0, 100);
  expect_numbered(db, 0, 100);
  EXPECT_OK(blt_prune(db, NULL, NULL));
  ck_assert_int_eq(lseek(fd, 0, SEEK_CUR), 123);
  EXPECT_OK(blt_close(db));
  ck_assert_int_eq(lseek(fd, 0, SEEK_CUR), 123);
  db = open_fd(fd, BLT_READ);
  expect_numbered(db, 0, 100);
  EXPECT_OK(blt_close(db));
  ck_assert_int_eq(lseek(fd, 0, SEEK_CUR), 123);
  close(fd);
}
END_TEST

START_TEST(the_descriptor_stays_open_unless_it_is_given_away)
{
  blt_options options = options_of(BLT_NEW);
  const int fd = open_file(temp_path("a.blt"));
  blt_db *db = NULL;

  EXPECT_OK(blt_open_fd(fd, &options, &db));
  EXPECT_OK(blt_close(db));
  ck_assert(is_open(fd));
  options.close_fd = BLT_ON;
  EXPECT_OK(blt_open_fd(fd, &options, &db));
  EXPECT_OK(blt_close(db));
  ck_assert(!is_open(fd));
}
END_TEST

START_TEST(new_empties_the_store_of_the_descriptor)
{
  const int fd = open_file(temp_path("a.blt"));
  blt_db *db = open_fd(fd, BLT_NEW);

  put_text(db, "a", "1");
  EXPECT_OK(blt_close(db));
  db = open_fd(fd, BLT_NEW);
  expect_count(db, 0);
  expect_text(db, "a", NULL);
  EXPECT_OK(blt_close(db));
  close(fd);
}
END_TEST

START_TEST(the_lock_of_the_caller_is_left_to_the_caller)
{
  const char *const path = temp_path("a.blt");
  const int fd = open_file(path);
  const int other = open_file(path);
  blt_options options = options_of(BLT_NEW);
  blt_db *db = NULL;

  ck_assert_int_eq(flock(fd, LOCK_EX), 0);
  options.lock = BLT_LOCK_NONE;
  EXPECT_OK(blt_open_fd(fd, &options, &db));
  put_text(db, "a", "1");
  EXPECT_OK(blt_close(db));
  ck_assert_int_eq(flock(other, LOCK_SH | LOCK_NB), -1);
  ck_assert_int_eq(flock(fd, LOCK_UN), 0);
  ck_assert_int_eq(flock(other, LOCK_SH | LOCK_NB), 0);
  close(fd);
  close(other);
}
END_TEST

START_TEST(a_descriptor_is_locked_and_unlocked)
{
  const char *const path = temp_path("a.blt");
  const int fd = open_file(path);
  const int other = open_file(path);
  blt_db *db = open_fd(fd, BLT_NEW);

  ck_assert_int_eq(flock(other, LOCK_SH | LOCK_NB), -1);
  EXPECT_OK(blt_close(db));
  ck_assert_int_eq(flock(other, LOCK_SH | LOCK_NB), 0);
  db = open_fd(fd, BLT_READ);
  ck_assert_int_eq(flock(other, LOCK_EX | LOCK_NB), -1);
  EXPECT_OK(blt_close(db));
  ck_assert_int_eq(flock(other, LOCK_EX | LOCK_NB), 0);
  close(fd);
  close(other);
}
END_TEST

START_TEST(a_descriptor_can_not_be_reopened)
{
  const int fd = open_file(temp_path("a.blt"));
  blt_db *const db = open_fd(fd, BLT_NEW);

  put_text(db, "a", "1");
  EXPECT(BLT_E_UNSUPPORTED, blt_reopen(db, BLT_READ));
  EXPECT_OK(blt_close(db));
  close(fd);
}
END_TEST

static void expect_name(const blt_error *error, const char *name)
{
  ck_assert_str_eq(error->file, name);
  ck_assert_msg(strncmp(error->message, name, strlen(name)) == 0 &&
                    error->message[strlen(name)] == ':',
                "'%s' does not begin with '%s:'", error->message, name);
}

START_TEST(messages_name_a_descriptor_as_the_caller_did)
{
  const int fd = open_file(temp_path("a.blt"));
  char name[] = "rain/a.blt";
  blt_options options = options_of(BLT_READ);
  blt_db *db = NULL;

  options.name = name;
  EXPECT_FAILURE(blt_open_fd(fd, &options, &db));
  expect_name(blt_last_error(NULL), "rain/a.blt");
  options.mode = BLT_NEW;
  EXPECT_OK(blt_open_fd(fd, &options, &db));
  memset(name, 'x', sizeof name - 1); /* it was copied                      */
  EXPECT(BLT_E_UNSUPPORTED, blt_reopen(db, BLT_READ));
  expect_name(blt_last_error(db), "rain/a.blt");
  EXPECT_OK(blt_close(db));
  close(fd);
}
END_TEST

START_TEST(a_path_is_named_as_it_is_whatever_name_is_given)
{
  const char *const path = temp_path("missing.blt");
  blt_options options = options_of(BLT_READ);
  blt_db *db = NULL;

  options.name = "another";
  EXPECT(BLT_E_NO_FILE, blt_open(path, &options, &db));
  expect_name(blt_last_error(NULL), path);
}
END_TEST

START_TEST(a_descriptor_that_is_not_open_is_a_failure)
{
  blt_db *db = NULL;

  EXPECT_FAILURE(blt_open_fd(-1, NULL, &db));
  ck_assert_ptr_null(db);
}
END_TEST

START_TEST(a_pipe_is_not_a_store)
{
  int ends[2];
  blt_db *db = NULL;

  ck_assert_int_eq(pipe(ends), 0);
  EXPECT_FAILURE(blt_open_fd(ends[0], NULL, &db));
  close(ends[0]);
  close(ends[1]);
}
END_TEST

Suite *descriptor_suite(void)
{
  return SUITE_OF(
      "descriptor", create_and_new_make_a_store_in_an_empty_file,
      read_and_write_refuse_an_empty_file,
      the_offset_of_the_descriptor_is_never_moved,
      the_descriptor_stays_open_unless_it_is_given_away,
      new_empties_the_store_of_the_descriptor,
      the_lock_of_the_caller_is_left_to_the_caller,
      a_descriptor_is_locked_and_unlocked, a_descriptor_can_not_be_reopened,
      messages_name_a_descriptor_as_the_caller_did,
      a_path_is_named_as_it_is_whatever_name_is_given,
      a_descriptor_that_is_not_open_is_a_failure, a_pipe_is_not_a_store);
}
