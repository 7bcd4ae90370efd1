/* test_scenes.c - call n of the system, or allocation n, fails in each scene */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>

#include "faults/scene.h"
#include "faults/suites.h"
#include "faults/system.h"
#include "faults/trial.h"
#include "support/store.h"
#include "support/temp.h"

#define AT_PATHS                                                               \
  (AT(SITE_LOCK) | AT(SITE_OPEN) | AT(SITE_CLOSE) | AT(SITE_STAT) |            \
   AT(SITE_STATFS) | AT(SITE_LINK))

/* What a call can say of it, and a job may also not notice. */
static const struct fault faults[] = {
    {"EIO of anything", AT_ALL | AT_PATHS, EIO, CUT_NONE, LOSS_UNTRIED},
    {"ENOSPC", AT_CHANGES, ENOSPC, CUT_TO_HALF, LOSS_UNTRIED},
    {"no memory", 0, ENOMEM, CUT_NONE, LOSS_UNTRIED},
    /* What comes on the way out of something that failed. */
    {"EIO without change", AT(SITE_RESERVE) | AT(SITE_SYNC), EIO, CUT_NONE,
     LOSS_UNTRIED},
    {"EIO of size and close", AT(SITE_SIZE) | AT(SITE_CLOSE), EIO, CUT_NONE,
     LOSS_UNTRIED},
    {"ENOMEM of map", AT(SITE_MAP), ENOMEM, CUT_NONE, LOSS_UNTRIED},
    {"EIO of map and size", AT(SITE_MAP) | AT(SITE_SIZE), EIO, CUT_NONE,
     LOSS_UNTRIED},
    {"EIO of write and unlink", AT(SITE_WRITE) | AT(SITE_UNLINK), EIO, CUT_NONE,
     LOSS_UNTRIED},
    {"EIO of unlink and map", AT(SITE_MAP) | AT(SITE_UNLINK), EIO, CUT_NONE,
     LOSS_UNTRIED},
};
enum { N_FAULTS = sizeof faults / sizeof *faults };

static struct disk disk;
static struct memory memory;

/* Without a place for it there is no file in memory, whatever the reason. */
static int is_fair(const struct fault *fault, blt_status status)
{
  return is_honest(fault, status) ||
         (fault->sites & AT(SITE_MAP) && status == BLT_E_NO_MEMORY);
}

static void calm(void)
{
  disk_calm(&disk);
  memory.at = 0;
}

static void begin(const struct scene *scene)
{
  static blt_allocator allocator;

  memory = (struct memory){0};
  allocator = memory_allocator(&memory);
  scene_allocator = &allocator;
  (void)remove(scene_other);
  disk_fill(&disk, "", 0);
  scene->prepare();
}

/* Nobody may still have it. */
static int is_locked(const char *path)
{
  FILE *const file = fopen(path, "r");

  if (file == NULL)
    return 0;
  const int was = flock(fileno(file), LOCK_EX | LOCK_NB) != 0;
  fclose(file);
  return was;
}

/* One failure, and the job once more; 0 when it was not reached. */
static int run_once(const struct scene *scene, const struct fault *fault,
                    unsigned long at, int is_lasting)
{
  begin(scene);
  const unsigned n_descriptors = count_descriptors();
  const int is_memory = fault->sites == 0;
  if (is_memory)
    memory = (struct memory){.at = at, .is_lasting = is_lasting};
  else
    disk_arm(&disk, fault, at, is_lasting);
  blt_status status = scene->act();
  const int was_reached = memory.n_hit + disk.n_hit > 0;
  const unsigned long n_companions =
      count_companions(scene_other) + count_companions(scene_path);
  calm();
  ck_assert_msg(status >= 0 || (was_reached && is_fair(fault, status)),
                "%s, %s at %lu: %s is no answer to this", scene->name,
                fault->name, at, blt_status_name(status));
  ck_assert_msg(count_descriptors() == n_descriptors && memory.n_live == 0 &&
                    !is_locked(scene_path),
                "%s, %s at %lu keeps a file, memory or a lock", scene->name,
                fault->name, at);
  ck_assert_msg(n_companions == 0 || fault->sites & AT(SITE_UNLINK),
                "%s, %s at %lu leaves a temporary file", scene->name,
                fault->name, at);
  scene->look(status);
  status = scene->act();
  ck_assert_msg(status >= 0, "%s after %s at %lu%s: the second attempt gave %s",
                scene->name, fault->name, at, is_lasting ? " for ever" : "",
                blt_status_name(status));
  scene->look(status);
  return was_reached;
}

START_TEST(a_job_that_fails_can_be_done_again)
{
  const struct scene *const scene = &scenes[_i];
  unsigned long n = 0;

  disk_init_system(&disk, temp_path("scene"));
  scene_path = disk.path;
  scene_other = temp_path("other");
  for (int i = 0; i < N_FAULTS; i++)
    for (int is_lasting = 0; is_lasting < 2; is_lasting++)
      for (unsigned long at = 1; run_once(scene, &faults[i], at, is_lasting);
           at++)
        n++;
  disk_release(&disk);
  printf("%s: %lu failures\n", scene->name, n);
}
END_TEST

/* ---- a repair that was killed */

static const struct fault death = {"death", AT_CHANGES | AT(SITE_SYNC), EIO,
                                   CUT_TO_HALF, LOSS_UNTRIED};

/* The repair dies at its operation `at`, the opening fails at `then`. 0: it
 * lived; -1: the opening had fewer operations. */
static int kill_and_open(const struct fault *fault, unsigned long at,
                         unsigned long then)
{
  begin(&scenes[SCENE_REPAIR]);
  disk_arm(&disk, &death, at, 1);
  (void)scenes[SCENE_REPAIR].act();
  if (disk.n_hit == 0)
    return 0;
  disk_arm(&disk, fault, then, 0);
  const blt_status status = scenes[SCENE_OPEN].act();
  const int was_reached = disk.n_hit > 0;
  calm();
  ck_assert_msg(status >= 0 || status == BLT_E_CORRUPT ||
                    (was_reached && is_fair(fault, status)),
                "%s is no answer to %s", blt_status_name(status), fault->name);
  EXPECT_OK(scenes[SCENE_REPAIR].act());
  scenes[SCENE_REPAIR].look(BLT_OK);
  return was_reached ? 1 : -1;
}

START_TEST(a_repair_that_was_killed_can_be_done_again)
{
  int result = -1;

  disk_init_system(&disk, temp_path("scene"));
  scene_path = disk.path;
  scene_other = temp_path("other");
  for (unsigned long at = 1; result != 0; at++)
    for (unsigned long then = 1;
         (result = kill_and_open(&faults[_i], at, then)) > 0; then++)
      ;
  disk_release(&disk);
}
END_TEST

/* ---- a lock that somebody has */

START_TEST(a_lock_is_refused_also_when_its_holder_cannot_be_found)
{
  static const struct fault nothing = {"no list",
                                       AT(SITE_LOCK_LIST) | AT(SITE_SIZE), EIO,
                                       CUT_NONE, LOSS_UNTRIED};
  blt_options options = options_of(BLT_WRITE);
  blt_db *db = NULL;
  blt_status status = BLT_OK;

  disk_init_system(&disk, temp_path("scene"));
  scene_path = disk.path;
  scene_other = temp_path("other");
  begin(&scenes[SCENE_OPEN_NUMBERED]);
  FILE *const holder = fopen(scene_path, "r");
  ck_assert_int_eq(flock(fileno(holder), LOCK_EX), 0);
  options.lock = BLT_LOCK_TIMEOUT;
  unsigned n_refused = 0;
  for (unsigned long at = 1; at == 1 || disk.n_hit > 0; at++) {
    disk_arm(&disk, &nothing, at, 0);
    status = blt_open(scene_path, &options, &db);
    disk_calm(&disk);
    ck_assert(status == BLT_E_LOCKED || status == BLT_E_IO);
    ck_assert_ptr_null(db);
    n_refused += status == BLT_E_LOCKED;
  }
  ck_assert_uint_ge(n_refused, 3);
  fclose(holder);
  EXPECT_OK(blt_open(scene_path, &options, &db));
  EXPECT_OK(blt_close(db));
  disk_release(&disk);
}
END_TEST

START_TEST(a_lock_that_comes_free_in_time_is_taken)
{
  static const struct fault taken = {"taken", AT(SITE_LOCK), EWOULDBLOCK,
                                     CUT_NONE, LOSS_UNTRIED};
  blt_options options = options_of(BLT_WRITE);
  blt_db *db = NULL;

  disk_init_system(&disk, temp_path("scene"));
  scene_path = disk.path;
  scene_other = temp_path("other");
  begin(&scenes[SCENE_OPEN_NUMBERED]);
  options.lock = BLT_LOCK_TIMEOUT;
  options.lock_timeout_ms = 10000;
  disk_arm(&disk, &taken, 1, 0);
  EXPECT_OK(blt_open(scene_path, &options, &db));
  EXPECT_OK(blt_close(db));
  options.lock_timeout_ms = 5;
  disk_arm(&disk, &taken, 1, 1);
  EXPECT(BLT_E_LOCKED, blt_open(scene_path, &options, &db));
  ck_assert_uint_gt(disk.n_hit, 1);
  disk_release(&disk);
}
END_TEST

/* ---- the handler for files that are cut */

static void use_a_cut_file(enum site site)
{
  static const struct fault map = {"mmap", AT(SITE_MAP), ENOMEM, CUT_NONE,
                                   LOSS_UNTRIED};
  static const struct fault handler = {"sigaction", AT(SITE_SIGNAL), EINVAL,
                                       CUT_NONE, LOSS_UNTRIED};
  blt_bytes value;
  blt_db *db = NULL;

  disk_init_system(&disk, temp_path("scene"));
  scene_path = disk.path;
  scene_other = temp_path("other");
  (void)signal(SIGBUS, SIG_DFL); /* a sanitizer may have its own            */
  if (site == SITE_SIGNAL) /* the first mapping of the process asks for it   */
    disk_arm(&disk, &handler, 1, 1);
  begin(&scenes[SCENE_OPEN_NUMBERED]);
  db = open_path(scene_path, BLT_READ);
  expect_text(db, "key-000001", "value-1");
  file_cut(scene_path, 0);
  if (site == SITE_MAP)
    disk_arm(&disk, &map, 1, 1);
  (void)blt_get(db, "key-000001", 10, &value);
}

/* These end with the signal, as they would without a handler. */
START_TEST(a_cut_file_kills_where_no_handler_could_be_installed)
{
  use_a_cut_file(SITE_SIGNAL);
}
END_TEST

START_TEST(a_cut_file_kills_where_the_handler_finds_no_page)
{
  use_a_cut_file(SITE_MAP);
}
END_TEST

Suite *scenes_suite(void)
{
  Suite *const suite = suite_create("scenes");
  TCase *const made = case_of("scenes");
  TCase *const killed = case_of("signals");

  tcase_add_loop_test(made, a_job_that_fails_can_be_done_again, 0, N_SCENES);
  tcase_add_loop_test(made, a_repair_that_was_killed_can_be_done_again, 0, 1);
  tcase_add_test(made, a_lock_is_refused_also_when_its_holder_cannot_be_found);
  tcase_add_test(made, a_lock_that_comes_free_in_time_is_taken);
  suite_add_tcase(suite, made);
  if (tests_are_forked()) {
    tcase_add_test_raise_signal(
        killed, a_cut_file_kills_where_no_handler_could_be_installed, SIGBUS);
    tcase_add_test_raise_signal(
        killed, a_cut_file_kills_where_the_handler_finds_no_page, SIGBUS);
    suite_add_tcase(suite, killed);
  }
  return suite;
}
