/*
 * test_cut.c - another process, which ignores the lock, cuts the file
 *
 * Mapped, that is SIGBUS; read, it is a short read. Neither may kill.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "real/suites.h"
#include "support/run.h"
#include "support/store.h"
#include "support/temp.h"

enum { N_KEYS = 5000 };

static const char *new_store(void)
{
  const char *const path = temp_path("store.blt");
  blt_db *const db = open_path(path, BLT_NEW);

  put_numbered(db, 0, N_KEYS);
  EXPECT_OK(blt_close(db));
  return path;
}

static void cut_by_another(const char *path, off_t len)
{
  int status = 0;
  const pid_t pid = fork();

  ck_assert_int_ge(pid, 0);
  if (pid == 0)
    _exit(truncate(path, len) != 0);
  ck_assert_int_eq(waitpid(pid, &status, 0), pid);
  ck_assert_int_eq(status, 0);
}

/* The first status that is no success, over all keys. */
static blt_status read_all(blt_db *db)
{
  blt_status status = BLT_OK;

  for (int i = 0; i < N_KEYS && status >= 0; i++) {
    char key[32];
    blt_bytes value;
    const int len = snprintf(key, sizeof key, "key-%06d", i);
    status = blt_get(db, key, (size_t)len, &value);
  }
  return status;
}

START_TEST(a_reader_whose_file_is_cut_gets_a_status)
{
  const char *const path = new_store();
  blt_options options = options_of(_i / 2 % 2 ? BLT_WRITE : BLT_READ);

  options.io = _i % 2 ? BLT_IO_PREAD : BLT_IO_MMAP;
  blt_db *const db = open_path_with(path, &options);
  cut_by_another(path, _i / 4 ? 0 : 100000);
  EXPECT(BLT_E_TRUNCATED, read_all(db));
  ck_assert_int_lt(blt_verify(db, NULL, NULL), 0);
  (void)blt_close(db); /* a writer may say that it could not mark it clean */
}
END_TEST

/* Again and again while it reads: the cut comes between any two reads. */
START_TEST(a_file_that_is_cut_while_it_is_read_kills_nobody)
{
  for (int round = 0; round < 3; round++) {
    const char *const path = new_store();
    blt_options options = options_of(BLT_READ);
    options.io = _i ? BLT_IO_PREAD : BLT_IO_MMAP;
    blt_db *const db = open_path_with(path, &options);
    const pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
      for (off_t len = 300000; len >= 0; len -= 12500)
        (void)!truncate(path, len);
      _exit(0);
    }
    blt_status status = BLT_OK;
    for (int i = 0; i < 20 && status >= 0; i++)
      status = read_all(db);
    waitpid(pid, NULL, 0);
    if (status < 0)
      ck_assert(status == BLT_E_TRUNCATED || status == BLT_E_CORRUPT);
    EXPECT_OK(blt_close(db));
  }
}
END_TEST

/* What was cut is gone; what is left is found by a repair. */
START_TEST(what_is_left_of_a_cut_file_is_repaired)
{
  const char *const path = new_store();
  blt_repair_report report;
  blt_db *db = open_path(path, BLT_WRITE);

  cut_by_another(path, (off_t)file_len(path) / 2);
  (void)read_all(db);
  (void)blt_close(db);
  EXPECT_OK(blt_repair(path, NULL, &report));
  ck_assert_uint_gt(report.n_kept, 500);
  db = open_path(path, BLT_WRITE);
  expect_count(db, report.n_kept);
  expect_sound(db);
  EXPECT_OK(blt_close(db));
}
END_TEST

Suite *cut_suite(void)
{
  Suite *const suite = suite_create("cut");
  TCase *const cases = case_of("cut");

  tcase_add_loop_test(cases, a_reader_whose_file_is_cut_gets_a_status, 0, 8);
  tcase_add_loop_test(cases, a_file_that_is_cut_while_it_is_read_kills_nobody,
                      0, 2);
  tcase_add_test(cases, what_is_left_of_a_cut_file_is_repaired);
  suite_add_tcase(suite, cases);
  return suite;
}
