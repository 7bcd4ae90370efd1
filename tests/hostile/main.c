/* main.c - files that are damaged, or made to do damage */
#include "hostile/suites.h"

int main(int argc, char **argv)
{
  static const suite_maker makers[] = {
      pointers_suite, chains_suite, lengths_suite, header_suite,
      hashes_suite,   counts_suite, tail_suite,    cut_suite,
      defects_suite,  flips_suite,  repair_suite,  rot_suite,
  };

  return run_suites(argc, argv, makers, sizeof makers / sizeof *makers);
}
