/* test_renamed.c - a file that goes away while somebody waits for its lock */
#include "support/agent.h"
#include "support/store.h"
#include "support/temp.h"
#include "together/suites.h"

#include <stdio.h>
#include <unistd.h>

enum { A_MOMENT = 150 };

static blt_db *new_store(const char *path, const char *value)
{
  blt_db *const db = open_path(path, BLT_NEW);

  put_text(db, "which", value);
  EXPECT_OK(blt_sync(db));
  return db;
}

/* An agent that waits for the lock of `path`. */
static struct agent waiting_agent(char letter, const char *path)
{
  struct agent agent = agent_start();

  agent_tell(&agent, "open %c -1 %s", letter, path);
  ck_assert(agent_is_silent(&agent, A_MOMENT));
  return agent;
}

static void expect_which(struct agent *agent, const char *value)
{
  EXPECT_OK(agent_hear(agent).status);
  const struct agent_answer answer = agent_ask(agent, "get which");
  EXPECT_OK(answer.status);
  ck_assert_str_eq(answer.value, value);
}

START_TEST(who_waited_gets_the_file_that_is_at_the_path_now)
{
  static const char letters[] = "rwc";

  for (const char *letter = letters; *letter != '\0'; letter++) {
    const char *const path = temp_path("path.blt");
    const char *const aside = temp_path("aside.blt");
    blt_db *const old = new_store(path, "old");
    struct agent agent = waiting_agent(*letter, path);
    ck_assert_int_eq(rename(path, aside), 0);
    EXPECT_OK(blt_close(new_store(path, "new")));
    EXPECT_OK(blt_close(old));
    expect_which(&agent, "new");
    EXPECT_OK(agent_ask(&agent, "close").status);
    agent_stop(&agent);
  }
}
END_TEST

START_TEST(a_file_that_is_moved_over_the_path_is_the_one)
{
  const char *const path = temp_path("path.blt");
  const char *const fresh = temp_path("fresh.blt");
  blt_db *const old = new_store(path, "old");
  struct agent agent = waiting_agent('w', path);

  EXPECT_OK(blt_close(new_store(fresh, "new")));
  ck_assert_int_eq(rename(fresh, path), 0);
  EXPECT_OK(blt_close(old));
  EXPECT_OK(agent_hear(&agent).status);
  EXPECT_OK(agent_ask(&agent, "put mine 1").status);
  EXPECT_OK(agent_ask(&agent, "close").status);
  agent_stop(&agent);
  blt_db *const db = open_path(path, BLT_READ);
  expect_text(db, "which", "new");
  expect_text(db, "mine", "1");
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(a_file_that_is_removed_is_no_file)
{
  static const char letters[] = "rw";

  for (const char *letter = letters; *letter != '\0'; letter++) {
    const char *const path = temp_path("path.blt");
    blt_db *const db = new_store(path, "old");
    struct agent agent = waiting_agent(*letter, path);
    ck_assert_int_eq(unlink(path), 0);
    EXPECT_OK(blt_close(db));
    EXPECT(BLT_E_NO_FILE, agent_hear(&agent).status);
    agent_stop(&agent);
  }
}
END_TEST

START_TEST(a_file_that_is_removed_is_made_again_by_create)
{
  const char *const path = temp_path("path.blt");
  blt_db *db = new_store(path, "old");
  struct agent agent = waiting_agent('c', path);

  ck_assert_int_eq(unlink(path), 0);
  EXPECT_OK(blt_close(db));
  EXPECT_OK(agent_hear(&agent).status);
  EXPECT(BLT_NOT_FOUND, agent_ask(&agent, "get which").status);
  EXPECT_OK(agent_ask(&agent, "put mine 1").status);
  EXPECT_OK(agent_ask(&agent, "close").status);
  agent_stop(&agent);
  db = open_path(path, BLT_READ);
  expect_text(db, "mine", "1");
  expect_count(db, 1);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(a_handle_goes_on_with_a_file_that_was_renamed)
{
  const char *const path = temp_path("path.blt");
  const char *const aside = temp_path("aside.blt");
  blt_db *db = new_store(path, "old");

  ck_assert_int_eq(rename(path, aside), 0);
  put_text(db, "more", "1");
  EXPECT_OK(blt_prune(db, NULL, NULL));
  EXPECT_OK(blt_close(db));
  ck_assert(!file_exists(path));
  db = open_path(aside, BLT_READ);
  expect_text(db, "which", "old");
  expect_text(db, "more", "1");
  EXPECT_OK(blt_close(db));
}
END_TEST

Suite *renamed_suite(void)
{
  return SUITE_OF("renamed", who_waited_gets_the_file_that_is_at_the_path_now,
                  a_file_that_is_moved_over_the_path_is_the_one,
                  a_file_that_is_removed_is_no_file,
                  a_file_that_is_removed_is_made_again_by_create,
                  a_handle_goes_on_with_a_file_that_was_renamed);
}
