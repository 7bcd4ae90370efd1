# shellcheck shell=bash
#
# setup.sh - what ./run and ./check need before they can do their work
#
# Sourced by both, which have set -euo pipefail. Everything here may run again
# at any time: what is in place is left alone, and said nothing about.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root" || exit 1

# Output is compared and sorted: the same everywhere.
export LC_ALL=C.UTF-8

log_folder=$root/build/log
venv=$root/build/venv

packages=(
  # the tools
  meson ninja-build gcc g++ clang libc6-dev binutils pkg-config
  # the libraries: hashes, the tests, the command line
  libb2-dev libxxhash-dev check libpopt-dev libjansson-dev libsmartcols-dev
  libzstd-dev libedit-dev
  # what the command's streams are tried with
  jq sqlite3 gdbmtool db-util lmdb-utils tinycdb redis-server zstd tmux zsh
  fish
  # the manual pages
  scdoc
  # the original, to compare with
  python3 python3-venv python3-dev
  # a file system behind a program, which is what FUSE is
  bindfs
  # real data
  wamerican iso-codes
)

say()
{
  printf '%s\n' "$*"
}

fail()
{
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

# logged NAME COMMAND...: the output goes to a log and is shown on failure.
logged()
{
  local log=$log_folder/$1.log
  shift
  mkdir -p "$log_folder"
  "$@" >"$log" 2>&1 && return
  cat "$log" >&2
  return 1
}

# ----------------------------------------------------------- Debian packages

missing_packages()
{
  local installed
  installed=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' \
    "${packages[@]}" 2>/dev/null | awk '$2 == "installed" { print $1 }') ||
    true
  comm -23 <(printf '%s\n' "${packages[@]}" | LC_ALL=C sort) \
    <(printf '%s\n' "$installed" | LC_ALL=C sort)
}

# Set `as_root` to the words that go before a command for it to run as root.
find_root()
{
  if [ "$(id -u)" -eq 0 ]; then
    as_root=(env)
  elif ! command -v sudo >/dev/null; then
    fail "these packages are missing and there is no sudo to install them" \
      "with; run this as root first: apt-get install $*"
  elif sudo -n true 2>/dev/null; then
    as_root=(sudo -n env)
  elif [ -t 0 ]; then
    as_root=(sudo env)
  else
    fail "these packages are missing and sudo asks for a password; run this" \
      "first: sudo apt-get install $*"
  fi
}

install_packages()
{
  local missing as_root
  command -v apt-get >/dev/null ||
    fail "this sets up Debian and its relatives only; on another system" \
      "follow docs/contributing.md"
  mapfile -t missing < <(missing_packages)
  [ "${#missing[@]}" -gt 0 ] || return 0

  say "Installing Debian packages: ${missing[*]}"
  find_root "${missing[@]}"
  as_root+=(DEBIAN_FRONTEND=noninteractive)
  logged apt-update "${as_root[@]}" apt-get -q update ||
    say "The package lists could not be refreshed; trying those at hand."
  logged apt-install "${as_root[@]}" apt-get -q -y \
    --no-install-recommends install "${missing[@]}" ||
    fail "apt-get could not install ${missing[*]}: see its words above, and" \
      "whether this machine reaches its Debian mirror"
}

# ---------------------------------------------------- the Python environment

# The system's own Python comes first: another one in PATH may be built
# without what a virtual environment needs.
find_python()
{
  local candidate
  for candidate in /usr/bin/python3 python3; do
    if "$candidate" -c 'import ensurepip, venv' 2>/dev/null; then
      printf '%s\n' "$candidate"
      return
    fi
  done
  fail "no python3 here can make a virtual environment; install python3-venv"
}

# The copy of the list is written last: it says that the folder is complete.
install_python_packages()
{
  local list=$root/scripts/requirements.txt python
  ! cmp -s "$list" "$venv/requirements.txt" || return 0

  say "Installing PyPI packages in build/venv:" \
    "$(grep -v '^#' "$list" | tr '\n' ' ')"
  python=$(find_python)
  logged venv "$python" -m venv --clear "$venv" ||
    fail "$python could not make a virtual environment in build/venv"
  logged pip "$venv/bin/python" -m pip --disable-pip-version-check install \
    --quiet --requirement "$list" ||
    fail "pip could not install the packages of scripts/requirements.txt:" \
      "see its words above, and whether this machine reaches PyPI"
  cp "$list" "$venv/requirements.txt"
}

set_up()
{
  install_packages
  install_python_packages
}

# ------------------------------------------------------------------ building

# compiled FOLDER OPTION...: the tree, compiled there with these options. A
# file in the folder remembers them, so that a second time configures nothing.
compiled()
{
  local folder=$1 again=()
  shift
  if [ ! -f "$folder/build.ninja" ] ||
    [ "$(cat "$folder/options" 2>/dev/null)" != "$*" ]; then
    [ ! -f "$folder/build.ninja" ] || again=(--reconfigure)
    logged "$folder-configure" meson setup "${again[@]}" "$folder" "$@" ||
      return 1
    printf '%s\n' "$*" >"$folder/options"
  fi
  logged "$folder-compile" ninja -C "$folder"
}

# The build that ./run shows and ./check tests first.
compile_main()
{
  compiled build -Dwerror=true "-Dcompat_python=$venv/bin/python"
}
