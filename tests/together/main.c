/* main.c - stores that are used by several threads and processes at once */
#include "together/suites.h"

int main(int argc, char **argv)
{
  static const suite_maker makers[] = {threads_suite, processes_suite,
                                       same_suite, fork_suite, renamed_suite};

  return run_suites(argc, argv, makers, sizeof makers / sizeof *makers);
}
