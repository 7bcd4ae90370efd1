/* test_fork.c - handles in a forked child */
#include "support/agent.h"
#include "support/store.h"
#include "support/temp.h"
#include "together/suites.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static blt_db *new_store(const char *path)
{
  blt_db *const db = open_path(path, BLT_NEW);

  put_text(db, "a", "1");
  EXPECT_OK(blt_sync(db));
  return db;
}

/* What body returns in a child, which ends without any clean-up. */
static int in_child(blt_db *db, int (*body)(blt_db *db))
{
  const pid_t pid = fork();
  int status = 0;

  ck_assert_int_ge(pid, 0);
  if (pid == 0)
    _exit(body(db));
  ck_assert_int_eq(waitpid(pid, &status, 0), pid);
  ck_assert_msg(WIFEXITED(status), "the child died by signal %d",
                WTERMSIG(status));
  return WEXITSTATUS(status);
}

/* The number of the first call that does not say BLT_E_FORKED, or 0. */
static int try_everything(blt_db *db)
{
  const blt_bytes key = {"a", 1};
  const blt_item item = {{"a", 1}, {"2", 1}, BLT_NOW, 0};
  blt_bytes value;
  blt_stats stats;
  blt_iter *iter = NULL;
  uint64_t count;
  const blt_status statuses[] = {
      blt_put(db, "a", 1, "2", 1),
      blt_put_many(db, &item, 1),
      blt_get(db, "a", 1, &value),
      blt_get_many(db, &key, 1, &value, NULL),
      blt_has(db, "a", 1),
      blt_delete(db, "a", 1),
      blt_count(db, &count),
      blt_iter_open(db, 0, &iter),
      blt_batch_begin(db),
      blt_sync(db),
      blt_prune(db, NULL, NULL),
      blt_reindex(db, 7),
      blt_clear(db),
      blt_verify(db, NULL, NULL),
      blt_stat(db, &stats),
      blt_metadata_set(db, "{}", 2, BLT_NOW),
      blt_file_timestamp_set(db, 7),
      blt_reopen(db, BLT_READ),
  };

  for (int i = 0; i < (int)(sizeof statuses / sizeof *statuses); i++) {
    if (statuses[i] != BLT_E_FORKED)
      return i + 1;
  }
  return 0;
}

START_TEST(every_call_on_a_writing_handle_fails_in_a_child)
{
  blt_db *const db = new_store(temp_path("fork.blt"));

  ck_assert_int_eq(in_child(db, try_everything), 0);
  expect_text(db, "a", "1");
  put_text(db, "b", "2");
  EXPECT_OK(blt_sync(db));
  expect_sound(db);
  EXPECT_OK(blt_close(db));
}
END_TEST

/* Whose lookups have a way of their own. */
START_TEST(a_handle_with_a_side_table_fails_in_a_child_too)
{
  blt_options options = options_of(BLT_WRITE);
  const char *const path = temp_path("fork.blt");

  EXPECT_OK(blt_close(new_store(path)));
  options.side_table = BLT_ON;
  blt_db *const db = open_path_with(path, &options);
  expect_text(db, "a", "1");
  EXPECT_OK(blt_has(db, "a", 1));
  ck_assert_int_eq(in_child(db, try_everything), 0);
  expect_text(db, "a", "1");
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(a_handle_without_a_lock_fails_in_a_child_too)
{
  blt_options options = BLT_OPTIONS_INIT;

  options.mode = BLT_NEW;
  options.lock = BLT_LOCK_NONE;
  blt_db *const db = open_path_with(temp_path("fork.blt"), &options);
  put_text(db, "a", "1");
  ck_assert_int_eq(in_child(db, try_everything), 0);
  expect_text(db, "a", "1");
  EXPECT_OK(blt_close(db));
}
END_TEST

static int close_it(blt_db *db)
{
  blt_close(db);
  return 0;
}

static int do_nothing(blt_db *db)
{
  (void)db;
  return 0;
}

static void expect_locked(const char *path, blt_status status)
{
  struct agent agent = agent_start();

  EXPECT(status, agent_ask(&agent, "open r 0 %s", path).status);
  agent_stop(&agent);
}

START_TEST(a_child_that_ends_leaves_the_lock_of_the_parent)
{
  const char *const path = temp_path("fork.blt");
  blt_db *const db = new_store(path);

  ck_assert_int_eq(in_child(db, do_nothing), 0);
  expect_locked(path, BLT_E_LOCKED);
  ck_assert_int_eq(in_child(db, close_it), 0);
  expect_locked(path, BLT_E_LOCKED);
  put_text(db, "b", "2");
  EXPECT_OK(blt_close(db));
  expect_locked(path, BLT_OK);
}
END_TEST

/* The child has the descriptor, and so the lock, as long as it lives. */
START_TEST(a_lock_that_the_parent_gives_up_is_free_beside_a_child)
{
  static const blt_mode modes[] = {BLT_WRITE, BLT_READ};

  for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
    const char *const path = temp_path("fork.blt");
    struct agent agent = agent_start();
    EXPECT_OK(blt_close(new_store(path)));
    blt_db *const db = open_path(path, modes[i]);
    const pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
      pause();
      _exit(0);
    }
    EXPECT(BLT_E_LOCKED, agent_ask(&agent, "open w 0 %s", path).status);
    EXPECT_OK(blt_close(db));
    const blt_status status = agent_ask(&agent, "open w 0 %s", path).status;
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    EXPECT(BLT_OK, status);
    agent_stop(&agent);
  }
}
END_TEST

START_TEST(a_child_that_closes_commits_nothing)
{
  const char *const path = temp_path("fork.blt");
  blt_db *db = new_store(path);
  size_t len, len_after;

  put_text(db, "pending", "2");
  uint8_t *const before = file_read(path, &len);
  ck_assert_int_eq(in_child(db, close_it), 0);
  uint8_t *const after = file_read(path, &len_after);
  ck_assert(bytes_equal((blt_bytes){after, len_after}, before, len));
  free(before);
  free(after);
  expect_text(db, "pending", "2");
  EXPECT_OK(blt_close(db));
  db = open_path(path, BLT_READ);
  expect_text(db, "pending", "2");
  expect_sound(db);
  EXPECT_OK(blt_close(db));
}
END_TEST

static int read_on(blt_db *db)
{
  blt_bytes value;

  if (blt_get(db, "a", 1, &value) != BLT_OK || !bytes_equal(value, "1", 1))
    return 1;
  if (blt_verify(db, NULL, NULL) != BLT_OK)
    return 2;
  return blt_close(db) == BLT_OK ? 0 : 3;
}

START_TEST(a_child_of_a_reader_reads_on)
{
  const char *const path = temp_path("fork.blt");

  EXPECT_OK(blt_close(new_store(path)));
  for (int io = BLT_IO_AUTO; io <= BLT_IO_PREAD; io++) {
    blt_options options = options_of(BLT_READ);
    options.io = (blt_io)io;
    blt_db *const db = open_path_with(path, &options);
    ck_assert_int_eq(in_child(db, read_on), 0);
    expect_text(db, "a", "1");
    EXPECT_OK(blt_close(db));
  }
}
END_TEST

START_TEST(a_child_of_a_reader_that_closes_leaves_the_lock_of_the_parent)
{
  const char *const path = temp_path("fork.blt");
  struct agent agent = agent_start();

  EXPECT_OK(blt_close(new_store(path)));
  blt_db *const db = open_path(path, BLT_READ);
  ck_assert_int_eq(in_child(db, close_it), 0);
  EXPECT(BLT_E_LOCKED, agent_ask(&agent, "open w 0 %s", path).status);
  EXPECT_OK(blt_close(db));
  EXPECT_OK(agent_ask(&agent, "open w 0 %s", path).status);
  agent_stop(&agent);
}
END_TEST

static const char *path_for_child;

static int open_own(blt_db *parents)
{
  blt_db *db = NULL;
  blt_bytes value;

  (void)parents;
  if (blt_open(path_for_child, NULL, &db) != BLT_OK)
    return 1;
  if (blt_get(db, "a", 1, &value) != BLT_OK)
    return 2;
  return blt_close(db) == BLT_OK ? 0 : 3;
}

START_TEST(a_child_may_open_other_files)
{
  const char *const other = temp_path("other.blt");
  blt_db *const db = new_store(temp_path("fork.blt"));

  EXPECT_OK(blt_close(new_store(other)));
  path_for_child = other;
  ck_assert_int_eq(in_child(db, open_own), 0);
  EXPECT_OK(blt_close(db));
}
END_TEST

Suite *fork_suite(void)
{
  return SUITE_OF("fork", every_call_on_a_writing_handle_fails_in_a_child,
                  a_handle_with_a_side_table_fails_in_a_child_too,
                  a_handle_without_a_lock_fails_in_a_child_too,
                  a_child_that_ends_leaves_the_lock_of_the_parent,
                  a_lock_that_the_parent_gives_up_is_free_beside_a_child,
                  a_child_that_closes_commits_nothing,
                  a_child_of_a_reader_reads_on,
                  a_child_of_a_reader_that_closes_leaves_the_lock_of_the_parent,
                  a_child_may_open_other_files);
}
