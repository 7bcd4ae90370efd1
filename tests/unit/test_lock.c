/* test_lock.c - the lock on the file, and the process's list of open files */
#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/lock.h"
#include "support/temp.h"
#include "unit/suites.h"

static const struct blt__sink sink = {NULL, ""};
static struct blt__env env;

static void set_up(void)
{
  const blt_options options = BLT_OPTIONS_INIT;

  blt__env_init(&env, &options);
}

START_TEST(readers_share_a_file_and_a_writer_does_not)
{
  const struct blt__file_id id = {1, 2}, other = {1, 3};

  set_up();
  ck_assert_int_eq(blt__lock_enter(&env, &sink, &id, 0), BLT_OK);
  ck_assert_int_eq(blt__lock_enter(&env, &sink, &id, 0), BLT_OK);
  ck_assert_int_eq(blt__lock_enter(&env, &sink, &id, 1), BLT_E_BUSY);
  ck_assert_int_eq(blt__lock_enter(&env, &sink, &other, 1), BLT_OK);
  ck_assert_int_eq(blt__lock_enter(&env, &sink, &other, 0), BLT_E_BUSY);
  blt__lock_leave(&id, 0);
  ck_assert_int_eq(blt__lock_enter(&env, &sink, &id, 1), BLT_E_BUSY);
  blt__lock_leave(&id, 0);
  ck_assert_int_eq(blt__lock_enter(&env, &sink, &id, 1), BLT_OK);
  blt__lock_leave(&id, 1);
  blt__lock_leave(&other, 1);
  /* Whoever is not in the list may leave it. */
  blt__lock_leave(&id, 1);
}
END_TEST

START_TEST(a_child_knows_that_it_was_forked)
{
  const struct blt__file_id id = {5, 6};
  int status = -1;

  set_up();
  ck_assert_int_eq(blt__lock_enter(&env, &sink, &id, 1), BLT_OK);
  const unsigned before = blt__fork_count();
  const pid_t child = fork();
  ck_assert_int_ge(child, 0);
  if (child == 0)
    _exit(blt__fork_count() == before);
  ck_assert_int_eq(waitpid(child, &status, 0), child);
  ck_assert_int_eq(status, 0);
  ck_assert_uint_eq(blt__fork_count(), before);
  blt__lock_leave(&id, 1);
}
END_TEST

static int answers[8];
static unsigned n_asked;

static int scripted_lock(struct blt__file *file, int exclusive, int wait)
{
  (void)file;
  (void)exclusive;
  (void)wait;
  return answers[n_asked++];
}

static void expect_lock(int first, int second, int64_t timeout_ms,
                        blt_status want)
{
  static const struct blt__file_ops ops = {.lock = scripted_lock};
  struct blt__file file = {.ops = &ops};

  answers[0] = first;
  answers[1] = second;
  n_asked = 0;
  ck_assert_int_eq(blt__lock_take(&file, &sink, 1, timeout_ms), want);
}

START_TEST(an_interrupted_lock_is_asked_for_again)
{
  expect_lock(-EINTR, 0, -1, BLT_OK);
  ck_assert_uint_eq(n_asked, 2);
}
END_TEST

START_TEST(a_lock_of_somebody_else_is_polled_until_the_time_is_up)
{
  /* The table that is faked has no identity to find a holder by. */
  expect_lock(-EWOULDBLOCK, 0, 1000, BLT_OK);
  ck_assert_uint_eq(n_asked, 2);
  expect_lock(-EWOULDBLOCK, 0, 0, BLT_E_LOCKED);
  ck_assert_uint_eq(n_asked, 1);
}
END_TEST

START_TEST(a_lock_that_cannot_be_had_is_an_error)
{
  expect_lock(-ENOLCK, 0, -1, BLT_E_IO);
  ck_assert_int_eq(blt__fail_last(NULL)->sys_errno, ENOLCK);
}
END_TEST

START_TEST(two_descriptors_of_one_file_exclude_each_other)
{
  const char *const path = temp_path("lock");
  const struct blt__posix_open how = {.path = path, .writable = 1};
  struct blt__file *a = NULL, *b = NULL;

  set_up();
  file_write(path, "x", 1);
  ck_assert_int_eq(blt__file_open(&env, &sink, &how, &a), BLT_OK);
  ck_assert_int_eq(blt__file_open(&env, &sink, &how, &b), BLT_OK);
  ck_assert_int_eq(blt__lock_take(a, &sink, 1, -1), BLT_OK);
  ck_assert_int_eq(blt__lock_take(b, &sink, 0, 0), BLT_E_LOCKED);
  ck_assert_int_eq(blt__fail_last(NULL)->holder_pid, getpid());
  ck_assert_int_eq(a->ops->unlock(a), 0);
  ck_assert_int_eq(blt__lock_take(b, &sink, 0, 0), BLT_OK);
  ck_assert_int_eq(blt__lock_take(a, &sink, 0, 0), BLT_OK);
  a->ops->close(a);
  b->ops->close(b);
}
END_TEST

Suite *lock_suite(void)
{
  return SUITE_OF("lock", readers_share_a_file_and_a_writer_does_not,
                  a_child_knows_that_it_was_forked,
                  an_interrupted_lock_is_asked_for_again,
                  a_lock_of_somebody_else_is_polled_until_the_time_is_up,
                  a_lock_that_cannot_be_had_is_an_error,
                  two_descriptors_of_one_file_exclude_each_other);
}
