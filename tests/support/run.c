/*
 * run.c - the main function that all test programs share
 *
 * A test that hangs ends: by Check's own limit when forked, by alarm() when
 * not.
 */
#include "support/run.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/agent.h"
#include "support/random.h"
#include "support/temp.h"

enum { TEST_SECONDS = 20 };

static unsigned seconds_per_test(void)
{
  const char *const text = getenv("CK_TIMEOUT_MULTIPLIER");
  const double factor = text == NULL ? 1.0 : atof(text);
  return (unsigned)(TEST_SECONDS * (factor < 1.0 ? 1.0 : factor));
}

static void start_alarm(void)
{
  alarm(seconds_per_test());
}

static void stop_alarm(void)
{
  alarm(0);
}

TCase *case_of(const char *name)
{
  TCase *const made = tcase_create(name);
  tcase_set_timeout(made, TEST_SECONDS);
  tcase_add_checked_fixture(made, start_alarm, stop_alarm);
  return made;
}

Suite *suite_of(const char *name, const TTest *const *tests, size_t n_tests)
{
  Suite *const suite = suite_create(name);
  TCase *const made = case_of(name);

  for (size_t i = 0; i < n_tests; i++)
    tcase_add_test(made, tests[i]);
  suite_add_tcase(suite, made);
  return suite;
}

int tests_are_forked(void)
{
  const char *const text = getenv("CK_FORK");
  return text == NULL || strcmp(text, "no") != 0;
}

int run_suites(int argc, char **argv, const suite_maker *makers,
               size_t n_makers)
{
  if (argc == 2 && strcmp(argv[1], "--agent") == 0)
    return agent_serve();

  temp_open();
  random_print_seed();
  SRunner *const runner = srunner_create(NULL);
  for (size_t i = 0; i < n_makers; i++)
    srunner_add_suite(runner, makers[i]());
  srunner_run_all(runner, CK_ENV);
  const int n_failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  temp_close();
  return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
