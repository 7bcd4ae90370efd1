/*
 * test_limit.c - RLIMIT_FSIZE, whose signal would kill the program
 *
 * SIGXFSZ is ignored in the odd tests and deadly in the even ones.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "real/fill.h"
#include "real/mounts.h"
#include "real/suites.h"
#include "support/run.h"
#include "support/store.h"
#include "support/temp.h"

/* No file of the process becomes longer than that, not Check's either: while
 * there is a limit, no assertion. */
static void set_limit(uint64_t len)
{
  struct rlimit limit;

  if (getrlimit(RLIMIT_FSIZE, &limit) != 0)
    abort();
  limit.rlim_cur = len;
  if (setrlimit(RLIMIT_FSIZE, &limit) != 0)
    abort();
}

static void switch_limit(void *ctx, int is_on)
{
  set_limit(is_on ? *(const uint64_t *)ctx : RLIM_INFINITY);
}

static void make_room(void *ctx)
{
  (void)ctx; /* fill.c limits nothing any more */
}

static int begin_limits(int number)
{
  if (!tests_are_forked())
    return skip_test("it would limit the process of all tests");
  (void)signal(SIGXFSZ, number % 2 ? SIG_IGN : SIG_DFL);
  return 1;
}

/* In memory, where that is permitted: it syncs a thousand times. */
static const char *path_that_syncs_quickly(void)
{
  static char path[600];
  const char *folder = NULL;

  if (!mount_memory(16 << 20, &folder))
    return temp_path("store.blt");
  snprintf(path, sizeof path, "%s/store.blt", folder);
  return path;
}

START_TEST(a_limit_on_the_length_of_files_changes_nothing)
{
  static const blt_sync_level levels[] = {BLT_SYNC_FULL, BLT_SYNC_BATCH,
                                          BLT_SYNC_OFF};
  uint64_t len = 100;
  const struct fill how = {.path = path_that_syncs_quickly(),
                           .level = levels[_i / 2],
                           .make_room = make_room,
                           .limit = switch_limit,
                           .ctx = &len};
  int n_refused = 0, was_refused = 1;

  if (!begin_limits(_i))
    return;
  for (; was_refused; len += 16411) {
    was_refused = fill_store(&how);
    n_refused += was_refused;
  }
  printf("a limit was met at %d lengths\n", n_refused);
  fflush(stdout);
  ck_assert_int_gt(n_refused, 10);
}
END_TEST

START_TEST(a_file_that_is_beyond_the_limit_is_read_and_not_written)
{
  const char *const path = temp_path("store.blt");
  blt_options options = options_of(BLT_WRITE);
  blt_db *db = open_path(path, BLT_NEW);

  if (!begin_limits(_i))
    return;
  put_numbered(db, 0, 2000);
  EXPECT_OK(blt_close(db));
  set_limit(_i == 0 ? 300 : 4096);
  const blt_status opened = blt_open(path, &options, &db);
  const blt_status put = opened < 0 ? opened : blt_put(db, "a", 1, "1", 1);
  const blt_status synced = put < 0 ? put : blt_sync(db);
  set_limit(RLIM_INFINITY);
  EXPECT_OK(opened);
  EXPECT(BLT_E_NO_SPACE, synced);
  expect_text(db, "a", "1"); /* it waits */
  expect_text(db, "key-000007", "value-7");
  EXPECT_OK(blt_sync(db));
  EXPECT_OK(blt_close(db));
  db = open_path(path, BLT_READ);
  expect_numbered(db, 0, 2000);
  expect_sound(db);
  EXPECT_OK(blt_close(db));
}
END_TEST

static blt_status put_big(blt_db *db)
{
  static const char big[6000] = "x";
  blt_status status = blt_batch_begin(db);

  if (status == BLT_OK)
    status = blt_put(db, "big", 3, big, sizeof big);
  return status < 0 ? status : blt_batch_commit(db);
}

/* How many zeros the file ends in, and where they begin. */
static size_t zeros_of(const char *path, size_t *out_begin)
{
  size_t len = 0;
  uint8_t *const bytes = file_read(path, &len);
  size_t n = 0;

  while (n < len && bytes[len - 1 - n] == 0)
    n++;
  free(bytes);
  *out_begin = len - n;
  return n;
}

/* The file ends in zeros, and the next commits would lie inside them. */
START_TEST(a_limit_that_is_lowered_below_the_files_end_is_met)
{
  blt_options options = options_of_new(50);
  blt_db *db = NULL;
  size_t begin = 0;

  if (!begin_limits(_i))
    return;
  options.sync = BLT_SYNC_FULL;
  const char *const path = path_that_syncs_quickly();
  EXPECT_OK(blt_open(path, &options, &db));
  put_numbered(db, 0, 8);
  do
    EXPECT_OK(put_big(db));
  while (zeros_of(path, &begin) < 40000);
  set_limit(begin + 20000);
  blt_status status = BLT_OK;
  for (int i = 0; i < 5 && status == BLT_OK; i++)
    status = put_big(db);
  set_limit(RLIM_INFINITY);
  EXPECT(BLT_E_NO_SPACE, status);
  EXPECT_OK(blt_batch_commit(db));
  expect_numbered(db, 0, 8);
  EXPECT_OK(blt_close(db));
  db = open_path(path, BLT_READ);
  expect_numbered(db, 0, 8);
  expect_sound(db);
  EXPECT_OK(blt_close(db));
}
END_TEST

Suite *limit_suite(void)
{
  Suite *const suite = suite_create("limit");
  TCase *const cases = case_of("limit");

  tcase_set_timeout(cases, 60);
  tcase_add_loop_test(cases, a_limit_on_the_length_of_files_changes_nothing, 0,
                      6);
  tcase_add_loop_test(cases, a_limit_that_is_lowered_below_the_files_end_is_met,
                      0, 2);
  tcase_add_loop_test(
      cases, a_file_that_is_beyond_the_limit_is_read_and_not_written, 0, 2);
  suite_add_tcase(suite, cases);
  return suite;
}
