/* main.c - operation n fails, allocation n fails */
#include "faults/suites.h"

int main(int argc, char **argv)
{
  static const suite_maker makers[] = {operations_suite, memory_suite,
                                       recovery_suite,   sync_suite,
                                       system_suite,     large_suite};

  return run_suites(argc, argv, makers, sizeof makers / sizeof *makers);
}
