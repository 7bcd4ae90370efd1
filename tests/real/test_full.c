/*
 * test_full.c - disks without space
 *
 * The size of the disk is varied, so that each allocation of the sequence in
 * fill.c is the one that fails; by BLT_DISK_STEP pages at a time, 7 unless it
 * is set.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "real/fill.h"
#include "real/mounts.h"
#include "real/suites.h"
#include "support/agent.h"
#include "support/run.h"
#include "support/store.h"
#include "support/temp.h"

enum { PAGE = 4096, PLENTY = 16 << 20 };

static const blt_sync_level levels[] = {BLT_SYNC_FULL, BLT_SYNC_BATCH,
                                        BLT_SYNC_OFF};
enum { N_LEVELS = sizeof levels / sizeof *levels };

static size_t step_len(void)
{
  const char *const text = getenv("BLT_DISK_STEP");
  const long n_pages = text == NULL ? 7 : atol(text);

  return (size_t)(n_pages < 1 ? 1 : n_pages) * PAGE;
}

/* ---- in memory */

static void enlarge(void *ctx)
{
  resize_memory(ctx, PLENTY);
}

START_TEST(a_disk_in_memory_that_is_full_at_any_page_changes_nothing)
{
  const char *folder = NULL;
  char path[600];
  int n_refused = 0, was_refused = 1;

  if (!mount_memory(PLENTY, &folder))
    return;
  snprintf(path, sizeof path, "%s/store.blt", folder);
  char *const at = strdup(folder);
  const struct fill how = {.path = path,
                           .level = levels[_i % N_LEVELS],
                           .io = _i < N_LEVELS ? BLT_IO_AUTO : BLT_IO_PREAD,
                           .make_room = enlarge,
                           .ctx = at};
  for (size_t len = PAGE; was_refused; len += step_len()) {
    resize_memory(at, len);
    was_refused = fill_store(&how);
    n_refused += was_refused;
  }
  printf("a disk in memory was full in %d sizes\n", n_refused);
  fflush(stdout);
  ck_assert_int_gt(n_refused, 10);
  free(at);
}
END_TEST

START_TEST(a_killed_writer_is_recovered_on_a_disk_that_is_full)
{
  const char *folder = NULL;
  char path[600], text[101];
  int n_keys = 0;

  if (!mount_memory(1 << 20, &folder))
    return;
  snprintf(path, sizeof path, "%s/store.blt", folder);
  memset(text, 'v', sizeof text - 1);
  text[sizeof text - 1] = '\0';
  EXPECT_OK(blt_close(open_path(path, BLT_NEW)));
  struct agent agent = agent_start();
  EXPECT_OK(agent_ask(&agent, "open w -1 %s", path).status);
  blt_status status = BLT_OK;
  while (status == BLT_OK) {
    for (int i = 0; i < 50; i++)
      EXPECT_OK(
          agent_ask(&agent, "put key-%d %s", n_keys * 50 + i, text).status);
    status = agent_ask(&agent, "sync").status;
    n_keys += status == BLT_OK;
  }
  EXPECT(BLT_E_NO_SPACE, status);
  agent_kill(&agent);
  ck_assert_int_gt(n_keys, 50);
  blt_db *const db = open_path(path, BLT_WRITE);
  expect_count(db, (uint64_t)n_keys * 50);
  expect_text(db, "key-7", text);
  expect_sound(db);
  EXPECT_OK(blt_close(db));
}
END_TEST

/* ---- ext4 */

struct disk {
  const char *folder;
  char ballast[600];
};

static uint64_t free_len(const struct disk *disk)
{
  struct statfs fs;

  ck_assert_int_eq(statfs(disk->folder, &fs), 0);
  return (uint64_t)fs.f_bavail * (uint64_t)fs.f_bsize;
}

/* Nothing but about `len` bytes is free. */
static void leave_free(const struct disk *disk, uint64_t len)
{
  static uint8_t zeros[1024];
  FILE *const file = fopen(disk->ballast, "wbe");

  ck_assert_ptr_nonnull(file);
  setvbuf(file, NULL, _IONBF, 0);
  sync();
  for (uint64_t n = free_len(disk); n > len; n -= sizeof zeros)
    if (fwrite(zeros, sizeof zeros, 1, file) != 1)
      break;
  fclose(file);
}

static void drop_ballast(void *ctx)
{
  const struct disk *const disk = ctx;

  (void)unlink(disk->ballast);
}

START_TEST(an_ext4_disk_that_is_full_changes_nothing)
{
  struct disk disk;
  char path[600];
  int n_refused = 0, was_refused = 1;

  if (!mount_ext4(4 << 20, &disk.folder))
    return;
  snprintf(path, sizeof path, "%s/store.blt", disk.folder);
  snprintf(disk.ballast, sizeof disk.ballast, "%s/ballast", disk.folder);
  const struct fill how = {.path = path,
                           .level = levels[_i],
                           .make_room = drop_ballast,
                           .ctx = &disk};
  for (uint64_t len = 0; was_refused; len += 2 * step_len() + 1024) {
    ck_assert_uint_lt(len, 4 << 20);
    leave_free(&disk, len);
    was_refused = fill_store(&how);
    n_refused += was_refused;
    drop_ballast(&disk);
  }
  printf("an ext4 disk was full in %d sizes\n", n_refused);
  fflush(stdout);
  ck_assert_int_gt(n_refused, 5);
}
END_TEST

Suite *full_suite(void)
{
  Suite *const suite = suite_create("full");
  TCase *const cases = case_of("full");

  tcase_set_timeout(cases, 600);
  tcase_add_loop_test(cases,
                      a_disk_in_memory_that_is_full_at_any_page_changes_nothing,
                      0, N_LEVELS + 1);
  tcase_add_test(cases, a_killed_writer_is_recovered_on_a_disk_that_is_full);
  tcase_add_loop_test(cases, an_ext4_disk_that_is_full_changes_nothing, 0,
                      N_LEVELS);
  suite_add_tcase(suite, cases);
  return suite;
}
