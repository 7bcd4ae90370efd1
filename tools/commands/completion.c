/*
 * completion.c - scripts that let shells complete our command lines
 *
 * They are made from the tables of commands.c, so that no option is missing.
 */
#include <ctype.h>
#include <string.h>

#include "commands.h"
#include "formats/format.h"
#include "out.h"
#include "report.h"

/* ---- what may stand behind an option, or as a word */

enum takes { TAKES_NOTHING, TAKES_WORDS, TAKES_FILE, TAKES_TEXT };

static void add_word(struct text *words, const char *word, size_t len)
{
  text_add(words, " ", words->len > 0);
  text_add(words, word, len);
}

static void add_serializers(struct text *words)
{
  const char *name;
  for (unsigned code = 0; (name = blt_serializer_name(code)) != NULL; code++)
    add_word(words, name, strlen(name));
}

/* "auto|always|never": what is in capitals stands for something. */
static bool add_choices(struct text *words, const char *arg)
{
  bool has_file = false;
  for (; *arg; arg += strcspn(arg, "|"), arg += *arg == '|') {
    const size_t len = strcspn(arg, "|");
    if (islower((unsigned char)*arg))
      add_word(words, arg, len);
    has_file |= strncmp(arg, "FILE2", len) == 0;
  }
  return has_file;
}

static enum takes takes_of(const struct option *option, struct text *words)
{
  const char *arg = option->arg;
  text_clear(words);
  if (!arg)
    return TAKES_NOTHING;
  if (strcmp(arg, "FORMAT") == 0)
    formats_add_names(words);
  else if (strcmp(arg, "TYPE") == 0) {
    add_serializers(words);
    if (strcmp(option->name, "key-type") == 0)
      text_add_string(words, " hex base64");
  } else if (strcmp(arg, "OUT") == 0 || strcmp(arg, "NEW") == 0 ||
             add_choices(words, arg)) {
    return words->len > 0 ? TAKES_WORDS : TAKES_FILE;
  }
  return words->len > 0 ? TAKES_WORDS : TAKES_TEXT;
}

/* The words behind FILE that are no keys: "FILE [get|set JSON|@PATH|-|del]". */
static void add_verbs(struct text *words, const struct command *command)
{
  static const char *const verbs[] = {"get", "set", "del"};
  text_clear(words);
  if (strcmp(command->name, "help") == 0)
    for (const struct command *c = commands; c->name; c++)
      add_word(words, c->name, strlen(c->name));
  if (strcmp(command->name, "completion") == 0)
    text_add_string(words, "bash zsh fish");
  if (strncmp(command->words, "FILE 1|2", 8) == 0)
    text_add_string(words, "1 2");
  if (strstr(command->words, "[get|"))
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
      add_word(words, verbs[i], strlen(verbs[i]));
}

static bool takes_file(const struct command *command)
{
  return strncmp(command->words, "FILE", 4) == 0 ||
         strncmp(command->words, "[FILE", 5) == 0;
}

/* ---- bash */

static void bash_values(struct out *out, const char *command,
                        const struct option *options)
{
  struct text words = {0};
  for (const struct option *o = options; o->name; o++) {
    const enum takes takes = takes_of(o, &words);
    if (takes == TAKES_NOTHING || o->type == OPTION_OPTIONAL)
      continue;
    out_format(out, "  %s' --%s'", command, o->name);
    if (o->letter)
      out_format(out, " | %s' -%c'", command, o->letter);
    out_format(out, ") words='%s' files=%s ;;\n",
               takes == TAKES_WORDS ? words.data : "",
               takes == TAKES_FILE ? "yes" : "no");
  }
  text_release(&words);
}

static void bash_names(struct out *out, const struct option *options)
{
  for (const struct option *o = options; o->name; o++) {
    out_format(out, " --%s", o->name);
    if (o->letter)
      out_format(out, " -%c", o->letter);
  }
}

static void print_bash(struct out *out)
{
  struct text words = {0};
  out_string(out, "# bash completion for blt, made by \"blt completion bash\"\n"
                  "_blt()\n{\n"
                  "  local cur=${COMP_WORDS[COMP_CWORD]} prev command='' i\n"
                  "  local words='' files=no\n"
                  "  prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
                  "  # bash parts words at =\n"
                  "  if [ \"$cur\" = = ]; then\n    cur=''\n"
                  "  elif [ \"$prev\" = = ]; then\n"
                  "    prev=${COMP_WORDS[COMP_CWORD - 2]}\n  fi\n"
                  "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
                  "    case ${COMP_WORDS[i]} in\n    ");
  for (const struct command *c = commands; c->name; c++)
    out_format(out, "%s%s%s%s", c == commands ? "" : " | ", c->name,
               c->alias ? " | " : "", c->alias ? c->alias : "");
  out_string(out, ") command=${COMP_WORDS[i]}; break ;;\n    esac\n  done\n"
                  "  case $command in\n");
  for (const struct command *c = commands; c->name; c++)
    if (c->alias)
      out_format(out, "  %s) command=%s ;;\n", c->alias, c->name);
  out_string(out, "  esac\n  case \"$command $prev\" in\n");
  for (const struct command *c = commands; c->name; c++)
    bash_values(out, c->name, c->options);
  bash_values(out, "*", global_options);
  out_string(out, "  *)\n    case $cur in\n    -*)\n      words='");
  bash_names(out, global_options);
  out_string(out, "'\n      case $command in\n");
  for (const struct command *c = commands; c->name; c++) {
    if (!c->options->name)
      continue;
    out_format(out, "      %s) words+='", c->name);
    bash_names(out, c->options);
    out_string(out, "' ;;\n");
  }
  out_string(out, "      esac\n      ;;\n    *)\n      case $command in\n"
                  "      '') words='");
  for (const struct command *c = commands; c->name; c++)
    out_format(out, "%s%s", c == commands ? "" : " ", c->name);
  out_string(out, "' ;;\n");
  for (const struct command *c = commands; c->name; c++) {
    add_verbs(&words, c);
    out_format(out, "      %s) words='%s' files=%s ;;\n", c->name,
               words.len ? words.data : "", takes_file(c) ? "yes" : "no");
  }
  out_string(out, "      esac\n      ;;\n    esac\n    ;;\n  esac\n"
                  "  COMPREPLY=()\n"
                  "  [ -z \"$words\" ] ||\n"
                  "    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- "
                  "\"$cur\")\n"
                  "  if [ $files = yes ] && [ ${#COMPREPLY[@]} -eq 0 ]; then\n"
                  "    compopt -o filenames\n"
                  "    mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
                  "  fi\n}\ncomplete -F _blt blt\n");
  text_release(&words);
}

/* ---- zsh */

/* For the inside of '...', with what _arguments takes for its own escaped. */
static void zsh_escaped(struct out *out, const char *string)
{
  for (; *string; string++) {
    if (*string == '\'')
      out_string(out, "'\\''");
    else if (strchr("[]:\\", *string))
      out_format(out, "\\%c", *string);
    else
      out_bytes(out, string, 1);
  }
}

static void zsh_action(struct out *out, enum takes takes,
                       const struct text *words)
{
  if (takes == TAKES_WORDS)
    out_format(out, ":value:(%s)", words->data);
  else if (takes == TAKES_FILE)
    out_string(out, ":file:_files");
  else if (takes == TAKES_TEXT)
    out_string(out, ":value: ");
}

static void zsh_options(struct out *out, const struct option *options)
{
  struct text words = {0};
  for (const struct option *o = options; o->name; o++) {
    const enum takes takes = takes_of(o, &words);
    const bool has_letter = o->letter != 0;
    for (int i = 0; i <= has_letter; i++) {
      out_string(out, " \\\n      '");
      if (i == 1)
        out_format(out, "-%c", o->letter);
      else
        out_format(out, "--%s%s", o->name,
                   takes == TAKES_NOTHING       ? ""
                   : o->type == OPTION_OPTIONAL ? "=-"
                                                : "=");
      out_string(out, "[");
      zsh_escaped(out, o->help);
      out_string(out, "]");
      if (o->type == OPTION_OPTIONAL)
        out_string(out, ":");
      zsh_action(out, takes, &words);
      out_string(out, "'");
    }
  }
  text_release(&words);
}

static void print_zsh(struct out *out)
{
  struct text words = {0};
  out_string(out, "#compdef blt\n"
                  "# zsh completion for blt, made by \"blt completion zsh\"\n"
                  "_blt() {\n  local curcontext=$curcontext state line\n"
                  "  local -a commands\n  commands=(\n");
  for (const struct command *c = commands; c->name; c++) {
    out_format(out, "    '%s:", c->name);
    zsh_escaped(out, c->summary);
    out_string(out, "'\n");
  }
  out_string(out, "  )\n  _arguments -C");
  zsh_options(out, global_options);
  out_string(out, " \\\n      '1:command:->command' '*::word:->words'\n"
                  "  case $state in\n"
                  "  command) _describe -t commands command commands ;;\n"
                  "  words)\n    case $words[1] in\n");
  for (const struct command *c = commands; c->name; c++) {
    out_format(out, "    %s%s%s)\n      _arguments", c->name,
               c->alias ? "|" : "", c->alias ? c->alias : "");
    zsh_options(out, c->options);
    zsh_options(out, global_options);
    add_verbs(&words, c);
    if (takes_file(c))
      out_string(out, " \\\n      '1:file:_files'");
    if (words.len > 0)
      out_format(out, " \\\n      '*:word:(%s)'", words.data);
    else if (takes_file(c))
      out_string(out, " \\\n      '*:file:_files'");
    out_string(out, " ;;\n");
  }
  out_string(out, "    esac\n    ;;\n  esac\n}\n"
                  "if [ \"$funcstack[1]\" = _blt ]; then\n  _blt \"$@\"\n"
                  "else\n  compdef _blt blt\nfi\n");
  text_release(&words);
}

/* ---- fish */

static void fish_quoted(struct out *out, const char *string)
{
  out_string(out, "'");
  for (; *string; string++)
    out_format(out, "%s%c", *string == '\'' || *string == '\\' ? "\\" : "",
               *string);
  out_string(out, "'");
}

static void fish_options(struct out *out, const char *when,
                         const struct option *options)
{
  struct text words = {0};
  for (const struct option *o = options; o->name; o++) {
    const enum takes takes = takes_of(o, &words);
    out_format(out, "complete -c blt%s -l %s", when, o->name);
    if (o->letter)
      out_format(out, " -s %c", o->letter);
    if (takes == TAKES_FILE)
      out_string(out, " -r -F");
    else if (takes != TAKES_NOTHING && o->type != OPTION_OPTIONAL)
      out_string(out, " -x");
    if (takes == TAKES_WORDS)
      out_format(out, " -a '%s'", words.data);
    out_string(out, " -d ");
    fish_quoted(out, o->help);
    out_string(out, "\n");
  }
  text_release(&words);
}

static void print_fish(struct out *out)
{
  struct text words = {0}, when = {0};
  out_string(out, "# fish completion for blt, made by \"blt completion "
                  "fish\"\n");
  fish_options(out, "", global_options);
  for (const struct command *c = commands; c->name; c++) {
    out_format(out, "complete -c blt -n __fish_use_subcommand -f -a %s -d ",
               c->name);
    fish_quoted(out, c->summary);
    out_string(out, "\n");
    text_clear(&when);
    text_addf(&when, " -n '__fish_seen_subcommand_from %s%s%s'", c->name,
              c->alias ? " " : "", c->alias ? c->alias : "");
    fish_options(out, when.data, c->options);
    add_verbs(&words, c);
    if (words.len > 0)
      out_format(out, "complete -c blt%s%s -a '%s'\n", when.data,
                 takes_file(c) ? "" : " -f", words.data);
  }
  text_release(&words);
  text_release(&when);
}

int cmd_completion(const struct args *args)
{
  static const struct {
    const char *shell;
    void (*print)(struct out *out);
  } shells[] = {{"bash", print_bash}, {"zsh", print_zsh}, {"fish", print_fish}};
  for (size_t i = 0; i < sizeof shells / sizeof *shells; i++) {
    if (strcmp(args->words[0], shells[i].shell) != 0)
      continue;
    struct out out;
    out_open(&out, args, NULL);
    shells[i].print(&out);
    return out_close(&out, args, EXIT_DONE);
  }
  return report_usage(args,
                      "there is no script for \"%s\"; give bash, zsh or "
                      "fish",
                      args->words[0]);
}
