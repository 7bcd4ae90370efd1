/* main.c - operation n fails, allocation n fails */
#include "faults/sites.h"
#include "faults/suites.h"

int main(int argc, char **argv)
{
  static const suite_maker makers[] = {
      operations_suite, memory_suite, recovery_suite, sync_suite,
      system_suite,     scenes_suite, large_suite};

  sites_open();
  return run_suites(argc, argv, makers, sizeof makers / sizeof *makers);
}
