/* test_processes.c - a file that several processes want */
#include "support/agent.h"
#include "support/store.h"
#include "support/temp.h"
#include "together/suites.h"

#include <time.h>

/* Long enough to show that somebody waits, and not more. */
enum { A_MOMENT = 150 };

static const char *path_with_a_store(void)
{
  const char *const path = temp_path("shared.blt");
  blt_db *const db = open_path(path, BLT_NEW);

  put_text(db, "a", "1");
  EXPECT_OK(blt_close(db));
  return path;
}

static void expect_answer(struct agent_answer answer, blt_status status)
{
  ck_assert_msg(answer.status == status, "the agent says %s, not %s",
                blt_status_name(answer.status), blt_status_name(status));
}

START_TEST(a_reader_waits_for_a_writer)
{
  const char *const path = path_with_a_store();
  struct agent agent = agent_start();
  blt_db *const db = open_path(path, BLT_WRITE);

  agent_tell(&agent, "open r -1 %s", path);
  ck_assert(agent_is_silent(&agent, A_MOMENT));
  put_text(db, "a", "2");
  EXPECT_OK(blt_close(db));
  expect_answer(agent_hear(&agent), BLT_OK);
  const struct agent_answer answer = agent_ask(&agent, "get a");
  expect_answer(answer, BLT_OK);
  ck_assert_str_eq(answer.value, "2");
  agent_stop(&agent);
}
END_TEST

START_TEST(a_writer_waits_for_a_reader)
{
  const char *const path = path_with_a_store();
  struct agent agent = agent_start();
  blt_db *db = open_path(path, BLT_READ);

  agent_tell(&agent, "open w -1 %s", path);
  ck_assert(agent_is_silent(&agent, A_MOMENT));
  expect_text(db, "a", "1");
  EXPECT_OK(blt_close(db));
  expect_answer(agent_hear(&agent), BLT_OK);
  expect_answer(agent_ask(&agent, "put a 2"), BLT_OK);
  expect_answer(agent_ask(&agent, "close"), BLT_OK);
  agent_stop(&agent);
  db = open_path(path, BLT_READ);
  expect_text(db, "a", "2");
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(readers_do_not_wait_for_readers)
{
  const char *const path = path_with_a_store();
  struct agent agent = agent_start();
  blt_db *const db = open_path(path, BLT_READ);

  expect_answer(agent_ask(&agent, "open r 0 %s", path), BLT_OK);
  expect_answer(agent_ask(&agent, "get a"), BLT_OK);
  expect_text(db, "a", "1");
  agent_stop(&agent);
  EXPECT_OK(blt_close(db));
}
END_TEST

static blt_status open_within(const char *path, blt_mode mode,
                              uint32_t milliseconds)
{
  blt_options options = options_of(mode);
  blt_db *db = NULL;

  options.lock = BLT_LOCK_TIMEOUT;
  options.lock_timeout_ms = milliseconds;
  const blt_status status = blt_open(path, &options, &db);
  ck_assert((status == BLT_OK) == (db != NULL));
  EXPECT_OK(blt_close(db));
  return status;
}

static long milliseconds_since(const struct timespec *start)
{
  struct timespec now;

  clock_gettime(CLOCK_MONOTONIC, &now);
  return (now.tv_sec - start->tv_sec) * 1000 +
         (now.tv_nsec - start->tv_nsec) / 1000000;
}

START_TEST(a_wait_that_is_too_long_tells_who_holds_the_lock)
{
  const char *const path = path_with_a_store();
  struct agent agent = agent_start();
  struct timespec start;

  expect_answer(agent_ask(&agent, "open w -1 %s", path), BLT_OK);
  clock_gettime(CLOCK_MONOTONIC, &start);
  EXPECT(BLT_E_LOCKED, open_within(path, BLT_READ, 100));
  ck_assert_int_ge(milliseconds_since(&start), 90);
  ck_assert_int_eq(blt_last_error(NULL)->holder_pid, agent.pid);
  EXPECT(BLT_E_LOCKED, open_within(path, BLT_WRITE, 10));
  ck_assert_int_eq(blt_last_error(NULL)->holder_pid, agent.pid);
  agent_stop(&agent);
}
END_TEST

START_TEST(without_a_wait_a_locked_file_is_refused_at_once)
{
  const char *const path = path_with_a_store();
  struct agent agent = agent_start();

  expect_answer(agent_ask(&agent, "open w -1 %s", path), BLT_OK);
  EXPECT(BLT_E_LOCKED, open_within(path, BLT_READ, 0));
  EXPECT(BLT_E_LOCKED, open_within(path, BLT_WRITE, 0));
  EXPECT(BLT_E_LOCKED, open_within(path, BLT_CREATE, 0));
  EXPECT(BLT_E_LOCKED, open_within(path, BLT_NEW, 0));
  expect_answer(agent_ask(&agent, "get a"), BLT_OK); /* new emptied nothing */
  expect_answer(agent_ask(&agent, "close"), BLT_OK);
  EXPECT_OK(open_within(path, BLT_WRITE, 0));
  agent_stop(&agent);
}
END_TEST

START_TEST(a_lock_that_is_given_up_in_time_is_taken)
{
  const char *const path = path_with_a_store();
  struct agent agent = agent_start();
  blt_db *const db = open_path(path, BLT_WRITE);

  agent_tell(&agent, "open w 10000 %s", path);
  ck_assert(agent_is_silent(&agent, A_MOMENT));
  EXPECT_OK(blt_close(db));
  expect_answer(agent_hear(&agent), BLT_OK);
  agent_stop(&agent);
}
END_TEST

START_TEST(a_killed_writer_leaves_no_lock)
{
  const char *const path = path_with_a_store();
  struct agent agent = agent_start();

  expect_answer(agent_ask(&agent, "open w -1 %s", path), BLT_OK);
  expect_answer(agent_ask(&agent, "put a 2"), BLT_OK);
  expect_answer(agent_ask(&agent, "sync"), BLT_OK);
  agent_kill(&agent);
  blt_db *const db = open_path(path, BLT_READ);
  expect_text(db, "a", "2");
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(two_creators_make_one_store)
{
  const char *const path = temp_path("created.blt");
  struct agent one = agent_start(), other = agent_start();

  agent_tell(&one, "open c -1 %s", path);
  agent_tell(&other, "open c -1 %s", path);
  /* One of them has it; it must close before the other gets it. */
  struct agent *first = agent_is_silent(&one, 1000) ? &other : &one;
  struct agent *const second = first == &one ? &other : &one;
  expect_answer(agent_hear(first), BLT_OK);
  expect_answer(agent_ask(first, "put first 1"), BLT_OK);
  expect_answer(agent_ask(first, "close"), BLT_OK);
  expect_answer(agent_hear(second), BLT_OK);
  expect_answer(agent_ask(second, "get first"), BLT_OK);
  expect_answer(agent_ask(second, "put second 2"), BLT_OK);
  expect_answer(agent_ask(second, "close"), BLT_OK);
  agent_stop(&one);
  agent_stop(&other);
  blt_db *const db = open_path(path, BLT_READ);
  expect_count(db, 2);
  expect_sound(db);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(four_processes_that_count_lose_no_count)
{
  enum { N_AGENTS = 4, N_ROUNDS = 40 };
  const char *const path = path_with_a_store();
  struct agent agents[N_AGENTS];

  for (int i = 0; i < N_AGENTS; i++) {
    agents[i] = agent_start();
    agent_tell(&agents[i], "add %s counter %d", path, N_ROUNDS);
  }
  for (int i = 0; i < N_AGENTS; i++) {
    expect_answer(agent_hear(&agents[i]), BLT_OK);
    agent_stop(&agents[i]);
  }
  blt_db *const db = open_path(path, BLT_READ);
  expect_text(db, "counter", "160");
  expect_text(db, "a", "1");
  expect_sound(db);
  EXPECT_OK(blt_close(db));
}
END_TEST

Suite *processes_suite(void)
{
  return SUITE_OF("processes", a_reader_waits_for_a_writer,
                  a_writer_waits_for_a_reader, readers_do_not_wait_for_readers,
                  a_wait_that_is_too_long_tells_who_holds_the_lock,
                  without_a_wait_a_locked_file_is_refused_at_once,
                  a_lock_that_is_given_up_in_time_is_taken,
                  a_killed_writer_leaves_no_lock, two_creators_make_one_store,
                  four_processes_that_count_lose_no_count);
}
