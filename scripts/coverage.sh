#!/usr/bin/env bash
#
# coverage.sh - which lines and branches of src/ the tests run
#
#   scripts/coverage.sh                  all tests but lint and the fuzzers
#   scripts/coverage.sh unit faults      these alone
#
# Builds in build-coverage without optimisation, runs the tests, and prints a
# line for each file with the lines, then the branches, that no test ran. The
# same as a page: build-coverage/coverage/index.html. Lines and branches are
# counted as gcov does, and nothing is left out.
set -euo pipefail
# shellcheck source=scripts/setup.sh
. "$(dirname "$0")/setup.sh"

folder=build-coverage
default_tests=(unit api model hostile together faults compat cli
  crash-explorer)

build()
{
  compiled "$folder" --buildtype=debug -Db_coverage=true -Dbench=false \
    -Dexamples=false "-Dcompat_python=$venv/bin/python" ||
    fail "the tree could not be built for coverage"
}

# A failed test is told and does not end it: its lines were run.
run_tests()
{
  find "$folder" -name '*.gcda' -delete
  CK_TIMEOUT_MULTIPLIER=10 meson test -C "$folder" --no-rebuild \
    --timeout-multiplier=10 "$@" ||
    say "Some tests failed; the figures below are of those runs."
}

report()
{
  local all=$folder/coverage/all.json
  mkdir -p "$folder/coverage"
  gcovr --root "$root" --object-directory "$folder" --filter src/ -j 2 \
    --json "$all" --html-details "$folder/coverage/index.html"
  gcovr --root "$root" --add-tracefile "$all"
  gcovr --root "$root" --add-tracefile "$all" --branches
}

main()
{
  command -v gcovr >/dev/null || fail "install gcovr first"
  [ "$#" -gt 0 ] || set -- "${default_tests[@]}"
  set_up
  build
  run_tests "$@"
  report
}

main "$@"
