/* main.c - every promise of blt.h, section by section */
#include "api/suites.h"

int main(int argc, char **argv)
{
  static const suite_maker makers[] = {
      names_suite,      errors_suite,     open_suite,       new_suite,
      options_suite,    descriptor_suite, memory_suite,     close_suite,
      recover_suite,    get_suite,        put_suite,        many_suite,
      iterate_suite,    batch_suite,      pointers_suite,   prune_suite,
      refused_suite,    reindex_suite,    clear_suite,      progress_suite,
      repair_suite,     rescue_suite,     verify_suite,     stat_suite,
      timestamps_suite, hidden_suite,     checkpoint_suite,
  };

  return run_suites(argc, argv, makers, sizeof makers / sizeof *makers);
}
