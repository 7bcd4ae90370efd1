/* main.c - stores on real disks that are full, locked, cut or far away */
#include "real/suites.h"
#include "support/run.h"

int main(int argc, char **argv)
{
  static const suite_maker makers[] = {
      cut_suite,   full_suite,      limit_suite,
      place_suite, read_only_suite, stopped_suite,
  };

  return run_suites(argc, argv, makers, sizeof makers / sizeof *makers);
}
