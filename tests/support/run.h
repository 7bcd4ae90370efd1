/* run.h - the main function that all test programs share */
#ifndef SUPPORT_RUN_H
#define SUPPORT_RUN_H

#include <check.h>
#include <stddef.h>

typedef Suite *(*suite_maker)(void);

/*
 * Run the suites, each test in its own process (CK_FORK=no: in this one), and
 * return the exit code. With the single argument "--agent" the program is the
 * other end of support/agent.h instead.
 */
int run_suites(int argc, char **argv, const suite_maker *makers,
               size_t n_makers);

/* Does each test have a process of its own? */
int tests_are_forked(void);

/* A suite of the tests named; each may take 20 seconds (times
 * CK_TIMEOUT_MULTIPLIER). */
Suite *suite_of(const char *name, const TTest *const *tests, size_t n_tests);

#define SUITE_OF(name, ...)                                                    \
  suite_of(name, (const TTest *const[]){__VA_ARGS__},                          \
           sizeof((const TTest *const[]){__VA_ARGS__}) /                       \
               sizeof(const TTest *))

/* A case with the same time limit, for suites that need loops. */
TCase *case_of(const char *name);

#endif
