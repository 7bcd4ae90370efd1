/*
 * test_stopped.c - the holder of the lock stands still, dies or runs something
 *
 * What lives and dies here are whole processes: support/agent.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "real/suites.h"
#include "support/agent.h"
#include "support/run.h"
#include "support/store.h"
#include "support/temp.h"

/* Long enough to show that somebody waits, and not more. */
enum { A_MOMENT = 150 };

static const char *new_store(void)
{
  const char *const path = temp_path("store.blt");
  blt_db *const db = open_path(path, BLT_NEW);

  put_numbered(db, 0, 100);
  EXPECT_OK(blt_close(db));
  return path;
}

static struct agent holder_of(const char *path)
{
  struct agent agent = agent_start();

  EXPECT_OK(agent_ask(&agent, "open w -1 %s", path).status);
  EXPECT_OK(agent_ask(&agent, "put held 1").status);
  EXPECT_OK(agent_ask(&agent, "sync").status);
  return agent;
}

static blt_status open_within(const char *path, blt_mode mode,
                              uint32_t milliseconds)
{
  blt_options options = options_of(mode);
  blt_db *db = NULL;

  options.lock = BLT_LOCK_TIMEOUT;
  options.lock_timeout_ms = milliseconds;
  const blt_status status = blt_open(path, &options, &db);
  EXPECT_OK(blt_close(db));
  return status;
}

/* ---- SIGSTOP */

START_TEST(a_holder_that_is_stopped_lets_nobody_hang_who_does_not_want_to)
{
  const char *const path = new_store();
  struct agent holder = holder_of(path);

  ck_assert_int_eq(kill(holder.pid, SIGSTOP), 0);
  for (blt_mode mode = BLT_READ; mode <= BLT_NEW; mode++) {
    EXPECT(BLT_E_LOCKED, open_within(path, mode, 0));
    EXPECT(BLT_E_LOCKED, open_within(path, mode, 60));
    ck_assert_int_eq(blt_last_error(NULL)->holder_pid, holder.pid);
  }
  blt_repair_options repair = BLT_REPAIR_OPTIONS_INIT;
  repair.lock = BLT_LOCK_TIMEOUT;
  EXPECT(BLT_E_LOCKED, blt_repair(path, &repair, NULL));
  ck_assert_int_eq(kill(holder.pid, SIGCONT), 0);
  EXPECT_OK(agent_ask(&holder, "put held 2").status);
  agent_stop(&holder);
}
END_TEST

START_TEST(who_waits_for_a_stopped_holder_goes_on_after_it)
{
  static const char letters[] = "rwr";
  const char *const path = new_store();
  struct agent holder = holder_of(path), others[3];

  ck_assert_int_eq(kill(holder.pid, SIGSTOP), 0);
  for (int i = 0; i < 3; i++) {
    others[i] = agent_start();
    agent_tell(&others[i], "open %c %d %s", letters[i], i == 2 ? 15000 : -1,
               path);
  }
  agent_tell(&holder, "close"); /* it does not hear that yet */
  for (int i = 0; i < 3; i++)
    ck_assert(agent_is_silent(&others[i], A_MOMENT));
  ck_assert_int_eq(kill(holder.pid, SIGCONT), 0);
  EXPECT_OK(agent_hear(&holder).status);
  for (int n_left = 3; n_left > 0;)
    for (int i = 0; i < 3; i++) {
      if (others[i].pid < 0 || agent_is_silent(&others[i], 1))
        continue;
      EXPECT_OK(agent_hear(&others[i]).status);
      ck_assert_str_eq(agent_ask(&others[i], "get held").value, "1");
      agent_stop(&others[i]);
      n_left--;
    }
  agent_stop(&holder);
}
END_TEST

/* ---- SIGKILL */

START_TEST(who_waits_for_a_holder_that_is_killed_gets_what_was_committed)
{
  static const char letters[] = "rwrwcr";
  enum { N_OTHERS = sizeof letters - 1 };
  const char *const path = new_store();
  struct agent holder = holder_of(path), others[N_OTHERS];

  for (int i = 0; i < N_OTHERS; i++) {
    others[i] = agent_start();
    agent_tell(&others[i], "open %c -1 %s", letters[i], path);
  }
  ck_assert(agent_is_silent(&others[0], A_MOMENT));
  EXPECT_OK(agent_ask(&holder, "put lost 1").status); /* never committed */
  agent_kill(&holder);
  for (int n_left = N_OTHERS; n_left > 0;)
    for (int i = 0; i < N_OTHERS; i++) {
      if (others[i].pid < 0 || agent_is_silent(&others[i], 1))
        continue;
      EXPECT_OK(agent_hear(&others[i]).status);
      ck_assert_str_eq(agent_ask(&others[i], "get held").value, "1");
      EXPECT(BLT_NOT_FOUND, agent_ask(&others[i], "get lost").status);
      agent_stop(&others[i]);
      n_left--;
    }
  blt_db *const db = open_path(path, BLT_READ);
  expect_numbered(db, 0, 100);
  expect_sound(db);
  EXPECT_OK(blt_close(db));
}
END_TEST

/* ---- a child that runs another program */

START_TEST(a_program_that_a_child_runs_has_no_part_in_the_lock)
{
  const char *const path = new_store();
  blt_db *const db = open_path(path, BLT_WRITE);
  int ends[2];
  char letter;

  put_text(db, "a", "1");
  /* The child's end is closed by exec: then the parent reads nothing. */
  ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
  const pid_t pid = fork();
  ck_assert_int_ge(pid, 0);
  if (pid == 0) {
    execlp("sleep", "sleep", "60", (char *)NULL);
    _exit(127);
  }
  close(ends[1]);
  ck_assert_int_eq(read(ends[0], &letter, 1), 0);
  struct agent agent = agent_start();
  EXPECT(BLT_E_LOCKED, agent_ask(&agent, "open r 0 %s", path).status);
  put_text(db, "b", "2");
  EXPECT_OK(blt_close(db));
  const blt_status status = agent_ask(&agent, "open w 0 %s", path).status;
  kill(pid, SIGKILL);
  waitpid(pid, NULL, 0);
  EXPECT(BLT_OK, status);
  ck_assert_str_eq(agent_ask(&agent, "get b").value, "2");
  agent_stop(&agent);
}
END_TEST

/* The parent is killed without a word, and its child lives on with the
 * descriptor: the lock is the child's until it runs something else. */
START_TEST(a_child_that_outlives_a_killed_holder_gives_the_lock_up_by_exec)
{
  const char *const path = new_store();
  struct agent agent = agent_start();
  int go[2], at_exec[2];
  char letter;

  ck_assert_int_eq(pipe2(go, O_CLOEXEC), 0);
  ck_assert_int_eq(pipe2(at_exec, O_CLOEXEC), 0);
  const pid_t parent = fork();
  ck_assert_int_ge(parent, 0);
  if (parent == 0) {
    blt_db *db = NULL;
    blt_options options = options_of(BLT_WRITE);
    if (blt_open(path, &options, &db) < 0 || blt_put(db, "a", 1, "1", 1) < 0 ||
        blt_sync(db) < 0)
      _exit(1);
    if (fork() == 0) {
      close(go[1]);
      (void)!read(go[0], &letter, 1);
      execlp("sleep", "sleep", "1", (char *)NULL);
      _exit(127);
    }
    kill(getpid(), SIGKILL);
  }
  close(at_exec[1]);
  waitpid(parent, NULL, 0);
  EXPECT(BLT_E_LOCKED, agent_ask(&agent, "open w 0 %s", path).status);
  close(go[1]);
  ck_assert_int_eq(read(at_exec[0], &letter, 1), 0);
  EXPECT_OK(agent_ask(&agent, "open w 0 %s", path).status);
  ck_assert_str_eq(agent_ask(&agent, "get a").value, "1");
  agent_stop(&agent);
}
END_TEST

Suite *stopped_suite(void)
{
  return SUITE_OF(
      "stopped", a_holder_that_is_stopped_lets_nobody_hang_who_does_not_want_to,
      who_waits_for_a_stopped_holder_goes_on_after_it,
      who_waits_for_a_holder_that_is_killed_gets_what_was_committed,
      a_program_that_a_child_runs_has_no_part_in_the_lock,
      a_child_that_outlives_a_killed_holder_gives_the_lock_up_by_exec);
}
