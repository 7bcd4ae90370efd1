#!/usr/bin/env bash
#
# debian.sh - build the Debian packages in a copy of what is committed
#
#   scripts/debian.sh [FOLDER]     the packages go to FOLDER (build/debian)
#
# Needs: apt-get install dpkg-dev debhelper lintian, and what dpkg-buildpackage
# then says is missing. Ends with lintian, and fails when that has an error.
set -euo pipefail

# With Debian's own Python and tools, whatever else comes first for the user.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
target=${1:-$root/build/debian}

main()
{
  local copy version
  mkdir -p "$target"
  target=$(cd "$target" && pwd)
  copy=$(mktemp -d)
  # shellcheck disable=SC2064 # the folder of now
  trap "rm -rf '$copy'" EXIT
  version=$(sed -n '1s/.*(\(.*\)-.*).*/\1/p' "$root/debian/changelog")

  git -C "$root" archive --prefix="libblt-$version/" \
    -o "$copy/libblt_$version.orig.tar.gz" HEAD -- . ':!debian'
  git -C "$root" archive --prefix="libblt-$version/" HEAD | tar -x -C "$copy"
  (cd "$copy/libblt-$version" && dpkg-buildpackage --unsigned-source \
    --unsigned-changes)
  find "$copy" -maxdepth 1 -type f -exec cp {} "$target" \;
  lintian --fail-on error --info --tag-display-limit 0 "$target"/*.changes
  printf 'The packages are in %s\n' "$target"
}

main "$@"
