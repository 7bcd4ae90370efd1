/*
 * test_read_only.c - a killed writer's file where nothing can be written
 *
 * On a medium that is mounted read-only, and as a user who may only read.
 */
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "real/mounts.h"
#include "real/suites.h"
#include "support/agent.h"
#include "support/run.h"
#include "support/store.h"
#include "support/temp.h"

enum { NOBODY = 65534, N_KEYS = 300 };

/* A folder that all may enter, with the file of a writer that was killed with
 * commits in it that are in the log alone. */
static const char *folder_of_a_killed_writer(void)
{
  static char path[600];
  const char *const folder = temp_path("killed");
  struct agent agent = agent_start();

  ck_assert_int_eq(mkdir(folder, 0755), 0);
  snprintf(path, sizeof path, "%s/store.blt", folder);
  blt_db *const db = open_path(path, BLT_NEW);
  put_numbered(db, 0, N_KEYS);
  EXPECT_OK(blt_close(db));
  EXPECT_OK(agent_ask(&agent, "open w -1 %s", path).status);
  for (int i = 0; i < 3; i++) {
    EXPECT_OK(agent_ask(&agent, "put key-%06d changed-%d", i, i).status);
    EXPECT_OK(agent_ask(&agent, "put new-%d %d", i, i).status);
    EXPECT_OK(agent_ask(&agent, "sync").status);
  }
  agent_kill(&agent);
  return folder;
}

static void expect_everything(const char *folder, blt_io io)
{
  char path[600];
  blt_options options = options_of(BLT_READ);
  blt_open_info info;

  snprintf(path, sizeof path, "%s/store.blt", folder);
  options.io = io;
  blt_db *const db = open_path_with(path, &options);
  EXPECT_OK(blt_open_report(db, &info));
  ck_assert_int_eq(info.what, BLT_OPENED_OVERLAID);
  expect_count(db, N_KEYS + 3);
  expect_text(db, "key-000001", "changed-1");
  expect_text(db, "key-000004", "value-4");
  expect_text(db, "new-2", "2");
  ck_assert_uint_eq(count_by_iteration(db, BLT_ITER_VALUES), N_KEYS + 3);
  EXPECT_OK(blt_close(db));
  for (blt_mode mode = BLT_WRITE; mode <= BLT_NEW; mode++) {
    blt_db *none = NULL;
    options.mode = mode;
    EXPECT(BLT_E_PERMISSION, blt_open(path, &options, &none));
    ck_assert_int_ne(blt_last_error(NULL)->sys_errno, 0);
  }
  EXPECT(BLT_E_PERMISSION, blt_repair(path, NULL, NULL));
}

START_TEST(a_medium_that_is_read_only_shows_all_that_was_committed)
{
  const char *const folder = folder_of_a_killed_writer();
  const char *read_only = NULL;

  if (!mount_read_only(folder, &read_only))
    return;
  expect_everything(read_only, BLT_IO_MMAP);
  expect_everything(read_only, BLT_IO_PREAD);
}
END_TEST

/* The folders above are those of the test program, and closed to others. */
static void open_the_way(const char *folder)
{
  char path[600];

  snprintf(path, sizeof path, "%s", folder);
  for (char *slash; (slash = strrchr(path, '/')) != NULL && slash != path;) {
    *slash = '\0';
    struct stat info;
    if (stat(path, &info) == 0 && info.st_uid == getuid() &&
        strstr(path, "/blt-test-") != NULL)
      (void)chmod(path, 0755);
  }
}

static int become_nobody(void)
{
  if (!tests_are_forked())
    return skip_test("it would change the user of all tests");
  if (geteuid() != 0)
    return skip_test("only root can become another user");
  ck_assert_int_eq(setgroups(0, NULL), 0);
  ck_assert_int_eq(setgid(NOBODY), 0);
  ck_assert_int_eq(setuid(NOBODY), 0);
  return 1;
}

START_TEST(who_may_only_read_sees_all_that_was_committed)
{
  const char *const folder = folder_of_a_killed_writer();

  open_the_way(folder);
  if (!become_nobody())
    return;
  if (access(folder, R_OK | X_OK) != 0) {
    skip_test("TMPDIR is closed to others");
    return;
  }
  expect_everything(folder, BLT_IO_AUTO);
}
END_TEST

START_TEST(who_may_not_even_read_is_told_so)
{
  const char *const folder = folder_of_a_killed_writer();
  char path[600];
  blt_db *db = NULL;

  snprintf(path, sizeof path, "%s/store.blt", folder);
  ck_assert_int_eq(chmod(path, 0600), 0);
  open_the_way(folder);
  if (!become_nobody() || access(folder, R_OK | X_OK) != 0)
    return;
  EXPECT(BLT_E_PERMISSION, blt_open(path, NULL, &db));
  ck_assert_int_eq(blt_last_error(NULL)->sys_errno, EACCES);
}
END_TEST

Suite *read_only_suite(void)
{
  return SUITE_OF("read_only",
                  a_medium_that_is_read_only_shows_all_that_was_committed,
                  who_may_only_read_sees_all_that_was_committed,
                  who_may_not_even_read_is_told_so);
}
