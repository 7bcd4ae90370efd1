/* test_memory.c - allocation number n fails */
#include <stdio.h>

#include "faults/suites.h"
#include "faults/trial.h"

static struct disk disk;

static int run_once(const struct config *config, unsigned long at,
                    int is_lasting, enum answer answer)
{
  static struct trial trial;

  trial_init(&trial, config, &disk);
  trial.memory.at = at;
  trial.memory.is_lasting = is_lasting;
  (void)trial_run(&trial, answer);
  const int was_reached = trial.memory.n_hit > 0;
  trial_judge_end(&trial);
  return was_reached;
}

static void run_through(const struct config *config, int is_lasting,
                        enum answer answer)
{
  unsigned long at = 1;

  disk_init(&disk, NULL);
  while (run_once(config, at, is_lasting, answer))
    at++;
  disk_release(&disk);
  printf("%s: %lu allocations\n", config->name, at - 1);
}

START_TEST(an_allocation_that_fails_once_loses_nothing)
{
  run_through(&configs[_i], 0, ANSWER_RETRY);
}
END_TEST

START_TEST(memory_that_comes_back_when_the_failure_was_seen_is_enough)
{
  run_through(&configs[_i], 1, ANSWER_RETRY);
}
END_TEST

START_TEST(memory_that_is_gone_for_good_loses_nothing_acknowledged)
{
  run_through(&configs[_i], 1, ANSWER_CLOSE);
}
END_TEST

Suite *memory_suite(void)
{
  Suite *const suite = suite_create("memory");
  TCase *const made = case_of("memory");

  tcase_add_loop_test(made, an_allocation_that_fails_once_loses_nothing, 0,
                      N_CONFIGS);
  tcase_add_loop_test(
      made, memory_that_comes_back_when_the_failure_was_seen_is_enough, 0,
      N_CONFIGS);
  tcase_add_loop_test(made,
                      memory_that_is_gone_for_good_loses_nothing_acknowledged,
                      0, N_CONFIGS);
  suite_add_tcase(suite, made);
  return suite;
}
