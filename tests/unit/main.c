/* main.c - module by module, from the bottom layer to the top */
#include "unit/suites.h"

int main(int argc, char **argv)
{
  static const suite_maker makers[] = {
      bytes_suite,       bytes_any_suite, buf_suite,     env_suite,
      fail_suite,        side_suite,      status_suite,  file_suite,
      file_memory_suite, view_suite,      lock_suite,    guard_suite,
      header_suite,      layout_suite,    block_suite,   record_suite,
      bodyhash_suite,    reserved_suite,  keyhash_suite, links_suite,
      lookup_suite,      pending_suite,   log_suite,     replay_suite,
      rewrite_suite,     repair_suite,    gap_suite,     cover_suite,
      room_suite,        begin_suite,     resolve_suite, due_suite,
      off_suite,         aside_suite,     memory_suite,  shortkey_suite,
      side_build_suite,  cold_suite,      turns_suite,
  };

  return run_suites(argc, argv, makers, sizeof makers / sizeof *makers);
}
