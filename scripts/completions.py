"""completions.py - complete what is typed behind blt, in bash, zsh and fish

    completions.py BLT bash|zsh|fish     prints the script for that shell

The commands, their options and what these take come from "BLT help", so a
new option is completed as soon as help has it. Meson runs this when it builds.
"""

import re
import subprocess
import sys

# "  -o, --output=OUT   text", "      --zstd[=LEVEL]   text"
OPTION = re.compile(r"^ {2,6}(?:-(\w), )?--([\w-]+)(\[)?(?:=([^\s\]]+)\]?)?"
                    r"(?: {2,}(.*))?$")
FILE_ARGUMENTS = {"FILE", "FILE2", "OUT", "NEW", "INPUT"}

# What a TYPE may be: the names that people give to new files.
TYPES = ("str bytes json orjson pickle zstd uint1 uint2 uint4 uint5 uint8 int1"
         " int2 int4 int5 int8 msgpack wkb").split()


class Option:
    def __init__(self, letter, name, bracket, argument, text):
        self.letter, self.name, self.text = letter, name, text
        # What may be left out is typed by those who know it.
        self.argument = None if bracket else argument

    @property
    def words(self):
        """The words it takes; those in capitals are no words."""
        if self.argument == "TYPE":
            return TYPES
        return [word for word in (self.argument or "").split("|")
                if re.fullmatch(r"[a-z]+", word)]

    @property
    def takes_file(self):
        return bool(FILE_ARGUMENTS & set((self.argument or "").split("|")))


def help_of(blt, *words):
    return subprocess.run([blt, "help", *words], check=True, text=True,
                          capture_output=True).stdout


def options(text, title):
    """The options below a title of a help page."""
    found, inside = [], False
    for line in text.splitlines():
        match = OPTION.match(line)
        if not line.startswith(" "):
            inside = line == title
        elif inside and match:
            found.append(Option(*match.groups()))
        elif inside and found and not found[-1].text:
            found[-1].text = line.strip()
    return found


class Command:
    def __init__(self, blt, name, summary):
        self.name, self.summary = name, summary
        text = help_of(blt, name)
        alias = re.search(r"^The same as blt (\w+)\.$", text, re.MULTILINE)
        self.names = [name] + ([alias.group(1)] if alias else [])
        self.options = options(text, "options")


class Program:
    def __init__(self, blt):
        text = help_of(blt)
        listed = text.split("\ncommands\n")[1].split("\n\n")[0]
        self.globals = options(text, "global options")
        self.commands = [Command(blt, *line.split(None, 1))
                         for line in listed.splitlines()]


# ---------------------------------------------------------------------- bash

BASH = """\
# bash completion for blt; made by scripts/completions.py

# Everything that may stand behind the command $1.
_blt_options()
{
  case $1 in
%(options)s
  esac
  printf '%%s ' %(globals)s
}

# What the option $2 of the command $1 takes: words, or @file. Nothing for a
# text that cannot be guessed; the status is 1 when it takes nothing.
_blt_takes()
{
  case "$1 $2" in
%(takes)s
    *) return 1 ;;
  esac
}

_blt_files()
{
  local IFS=$'\\n'
  compopt -o filenames 2>/dev/null
  mapfile -t COMPREPLY < <(compgen -f "$@" -- "$cur"; compgen -d -- "$cur")
}

_blt()
{
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
  local command='' option='' takes='' i word
  COMPREPLY=()

  # bash parts --io=mmap into three words.
  if [ "$cur" = = ]; then
    option=$prev cur=''
  elif [ "$prev" = = ]; then
    option=${COMP_WORDS[COMP_CWORD-2]}
  fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    if [ "${COMP_WORDS[i+1]}" = = ]; then
      i=$((i + 2))
    elif [ "${word:0:1}" = - ]; then
      if _blt_takes "$command" "$word" >/dev/null; then
        i=$((i + 1))
        [ "$i" -lt "$COMP_CWORD" ] || option=$word
      fi
    elif [ -z "$command" ]; then
      command=$word
    fi
  done

  if [ -n "$option" ]; then
    takes=$(_blt_takes "$command" "$option")
    if [ "$takes" = @file ]; then
      _blt_files
    else
      mapfile -t COMPREPLY < <(compgen -W "$takes" -- "$cur")
    fi
  elif [ "${cur:0:1}" = - ]; then
    mapfile -t COMPREPLY < <(compgen -W "$(_blt_options "$command")" -- "$cur")
    [[ ${#COMPREPLY[@]} -ne 1 || ${COMPREPLY[0]} != *= ]] ||
      compopt -o nospace 2>/dev/null
  elif [ -z "$command" ] || [ "$command" = help ]; then
    mapfile -t COMPREPLY < <(compgen -W "%(commands)s" -- "$cur")
  else
    _blt_files -X '!*.blt'
  fi
}

complete -F _blt blt
"""


def bash_options(many):
    words = []
    for option in many:
        words += [f"-{option.letter}"] * bool(option.letter)
        words.append(f"--{option.name}" + "=" * bool(option.argument))
    return " ".join(words)


def bash_takes(names, option):
    if not option.argument:
        return []
    forms = [f"--{option.name}"]
    forms += [f"-{option.letter}"] * bool(option.letter)
    patterns = " | ".join(
        f"'{name} {form}'" if name else f"*' {form}'"
        for name in names for form in forms)
    takes = "@file" if option.takes_file else " ".join(option.words)
    return [f"    {patterns}) echo '{takes}' ;;"]


def bash(program):
    rows, takes, names = [], [], []
    for command in program.commands:
        names += command.names
        rows.append(f"    {' | '.join(command.names)}) printf '%s ' "
                    f"{bash_options(command.options)} ;;")
        for option in command.options:
            takes += bash_takes(command.names, option)
    for option in program.globals:
        takes += bash_takes([""], option)
    rows = [row for row in rows if "--" in row]
    return BASH % {"options": "\n".join(rows), "takes": "\n".join(takes),
                   "globals": bash_options(program.globals),
                   "commands": " ".join(names)}


# ----------------------------------------------------------------------- zsh

ZSH = """\
#compdef blt
# zsh completion for blt; made by scripts/completions.py

_blt()
{
  local curcontext=$curcontext state line
  local -a commands globals
  typeset -A opt_args
  commands=(
%(commands)s
  )
  globals=(
%(globals)s
  )

  _arguments -C $globals '1: :->command' '*:: :->rest' && return
  case $state in
    command)
      _describe -t commands command commands
      ;;
    rest)
      case $words[1] in
%(cases)s
      esac
      ;;
  esac
}

_blt "$@"
"""


def zsh_quoted(text):
    return text.replace("'", "'\\''")


def zsh_option(option):
    """A specification as _arguments takes it."""
    text = zsh_quoted(re.sub(r"([\[\]\\:])", r"\\\1", option.text))
    action = ""
    if option.argument:
        what = re.sub(r"[|]", " or ", option.argument)
        values = "_files" if option.takes_file else \
            f"({' '.join(option.words)})" if option.words else ""
        action = f":{what}:{values}"
    equals = "=" if option.argument else ""
    if option.letter:
        plus = "+" if option.argument else ""
        return (f"'(-{option.letter} --{option.name})'"
                f"{{-{option.letter}{plus},--{option.name}{equals}}}"
                f"'[{text}]{action}'")
    return f"'--{option.name}{equals}[{text}]{action}'"


def zsh(program):
    commands, cases = [], []
    for command in program.commands:
        for name in command.names:
            commands.append(f"    '{name}:{zsh_quoted(command.summary)}'")
        specs = [zsh_option(option) for option in command.options]
        last = "'1:command:(%s)'" % " ".join(
            c.name for c in program.commands) if command.name == "help" \
            else "'*:file:_files -g \"*.blt(-.)\"'"
        joined = " \\\n            ".join(["$globals", *specs, last])
        cases.append(f"        {'|'.join(command.names)})\n"
                     f"          _arguments {joined}\n          ;;")
    return ZSH % {
        "commands": "\n".join(commands), "cases": "\n".join(cases),
        "globals": "\n".join(f"    {zsh_option(option)}"
                             for option in program.globals)}


# ---------------------------------------------------------------------- fish

def fish_quoted(text):
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def fish_option(option, condition):
    words = ["complete -c blt"]
    if condition:
        words.append(f"-n {fish_quoted(condition)}")
    if option.letter:
        words.append(f"-s {option.letter}")
    words.append(f"-l {option.name}")
    if option.takes_file:
        words.append("-r -F")
    elif option.argument:
        words.append("-x")
        if option.words:
            words.append(f"-a {fish_quoted(' '.join(option.words))}")
    words.append(f"-d {fish_quoted(option.text)}")
    return " ".join(words)


def fish(program):
    lines = ["# fish completion for blt; made by scripts/completions.py", "",
             "complete -c blt -f"]
    names = [name for command in program.commands for name in command.names]
    none_yet = f"not __fish_seen_subcommand_from {' '.join(names)}"
    lines += [fish_option(option, "") for option in program.globals]
    for command in program.commands:
        lines.append("")
        for name in command.names:
            lines.append(f"complete -c blt -n {fish_quoted(none_yet)} "
                         f"-a {name} -d {fish_quoted(command.summary)}")
        seen = f"__fish_seen_subcommand_from {' '.join(command.names)}"
        given = "'(__fish_complete_suffix .blt)'" if command.name != "help" \
            else fish_quoted(" ".join(c.name for c in program.commands))
        lines.append(f"complete -c blt -n {fish_quoted(seen)} -a {given}")
        lines += [fish_option(option, seen) for option in command.options]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    shells = {"bash": bash, "zsh": zsh, "fish": fish}
    if len(sys.argv) != 3 or sys.argv[2] not in shells:
        sys.exit(__doc__)
    sys.stdout.write(shells[sys.argv[2]](Program(sys.argv[1])))
