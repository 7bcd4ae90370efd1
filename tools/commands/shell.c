/* shell.c - commands for one file, line by line, under one lock */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "line.h"
#include "out.h"
#include "report.h"
#include "session.h"
#include "store.h"
#include "words.h"

/* Those that work on the open file. */
static const char *const known[] = {
    "get",    "has",   "put",     "del",  "list", "meta",  "slot", "inspect",
    "verify", "prune", "reindex", "dump", "load", "merge", "diff", "hash"};

enum { N_KNOWN = sizeof known / sizeof *known };

/* More words than the options of the shell itself that go on to commands. */
enum { MOST_INHERITED = 12 };

struct shell {
  struct args args; /* those it was started with, and its session */
  struct session session;
  struct lines *lines;
  int worst;
};

static const struct command *find(const char *word)
{
  const struct command *command = command_find(word);
  for (size_t i = 0; command && i < N_KNOWN; i++)
    if (strcmp(command->name, known[i]) == 0)
      return command;
  return NULL;
}

/* ---- completion */

static void add_if_begins(struct text *words, const char *prefix,
                          const char *candidate, const char *word, size_t len)
{
  struct text whole = {0};
  text_addf(&whole, "%s%s", prefix, candidate);
  if (whole.len >= len && memcmp(whole.data, word, len) == 0)
    text_addf(words, "%s%s", words->len ? " " : "", whole.data);
  text_release(&whole);
}

static void complete(struct text *words, const char *word, size_t len,
                     bool is_first)
{
  static const char *const more[] = {"help", "quit"};
  if (is_first) {
    for (size_t i = 0; i < N_KNOWN; i++)
      add_if_begins(words, "", known[i], word, len);
    for (size_t i = 0; i < sizeof more / sizeof *more; i++)
      add_if_begins(words, "", more[i], word, len);
    return;
  }
  if (len == 0 || word[0] != '-')
    return;
  for (const struct option *o = global_options; o->name; o++)
    add_if_begins(words, "--", o->name, word, len);
  for (size_t i = 0; i < N_KNOWN; i++)
    for (const struct option *o = command_find(known[i])->options; o->name; o++)
      if (!words->data || !strstr(words->data, o->name))
        add_if_begins(words, "--", o->name, word, len);
}

/* ---- one line */

/* What was said to the shell holds for all its commands. */
static size_t inherit(const struct args *args, const char **words)
{
  static const char *const colors[] = {"--color=auto", "--color=always",
                                       "--color=never"};
  static const char *const progress[] = {"--progress=auto", "--progress=always",
                                         "--progress=never"};
  size_t n = 0;
  words[n++] = "blt";
  words[n++] = colors[args->color];
  words[n++] = progress[args->progress];
  if (args->json)
    words[n++] = "--json";
  if (args->quiet)
    words[n++] = "--quiet";
  if (args->verbose)
    words[n++] = "--verbose";
  if (args->network)
    words[n++] = "--network";
  if (args->key_type) {
    words[n++] = "--key-type";
    words[n++] = args->key_type;
  }
  return n;
}

static int run_words(struct shell *shell, int argc, const char **argv)
{
  struct args args;
  int code = args_parse(&args, argc, argv, &shell->session);
  interrupt_forget();
  if (code == EXIT_DONE && args.version)
    code = version_print(&args);
  else if (code == EXIT_DONE)
    code =
        args.help ? help_print(&args, args.command) : args.command->run(&args);
  args_release(&args);
  return code;
}

/* "get k" becomes "blt ... get FILE k". */
static int run_command(struct shell *shell, const char *name, int n_words,
                       const char **words)
{
  const char **all = calloc((size_t)n_words + MOST_INHERITED + 2, sizeof *all);
  if (!all)
    return report_error(&shell->args, EXIT_SYSTEM, "no_memory", NULL,
                        "out of memory");
  size_t n = inherit(&shell->args, all);
  all[n++] = name;
  if (strcmp(name, "help") != 0)
    all[n++] = shell->session.file;
  for (int i = 1; i < n_words; i++)
    all[n++] = words[i];
  const int code = run_words(shell, (int)n, all);
  free(all);
  return code;
}

static int print_commands(const struct args *args)
{
  struct out out;
  out_open(&out, args, NULL);
  for (size_t i = 0; i < N_KNOWN; i++)
    out_format(&out, "  %-12s%s\n", known[i], command_find(known[i])->summary);
  out_string(&out, "  help        Show help, on one command or on all.\n"
                   "  quit        End the shell.\n");
  return out_close(&out, args, EXIT_DONE);
}

static int run_line(struct shell *shell, int n_words, const char **words)
{
  const char *word = words[0];
  if (strcmp(word, "help") == 0 && n_words == 1)
    return print_commands(&shell->args);
  if (strcmp(word, "help") == 0 || find(word))
    return run_command(shell, word, n_words, words);
  if (command_find(word))
    return report_usage(&shell->args,
                        "%s is not for one open file; leave the "
                        "shell for it",
                        word);
  return report_usage(&shell->args, "unknown command \"%s\"; see help", word);
}

static bool is_end(const char *word)
{
  return strcmp(word, "quit") == 0 || strcmp(word, "exit") == 0;
}

/* False when the shell is to end. */
static bool take_line(struct shell *shell, const struct text *line)
{
  int code = EXIT_DONE;
  struct words words;
  const char *text = line->len ? line->data : "";
  if (text[strspn(text, " \t")] == '#')
    return true;
  const char *wrong = words_split(&words, line);
  const bool is_empty = !wrong && words.n == 0;
  const bool goes_on = wrong || is_empty || !is_end(words.list[0]);
  if (wrong)
    code =
        report_usage(&shell->args, "the line cannot be taken apart: %s", wrong);
  else if (!is_empty && goes_on)
    code = run_line(shell, (int)words.n, words.list);
  words_release(&words);
  if (code > shell->worst)
    shell->worst = code;
  return goes_on && code != EXIT_PIPE;
}

/* ---- the whole */

static int run_lines(struct shell *shell)
{
  struct text line = {0};
  for (;;) {
    interrupt_forget();
    interrupt_catch();
    const enum line read = lines_next(shell->lines, &line);
    if (read == LINE_END)
      break;
    if (read == LINE_INTERRUPTED &&
        (!lines_are_typed(shell->lines) || interrupt_to_end_by() != 0)) {
      shell->worst = EXIT_INTERRUPTED;
      break;
    }
    if (read == LINE_INTERRUPTED) {
      fputc('\n', stdout);
      continue;
    }
    if (!lines_are_typed(shell->lines))
      shell->session.line++;
    if (!take_line(shell, &line))
      break;
  }
  text_release(&line);
  return lines_are_typed(shell->lines) && interrupt_to_end_by() == 0
             ? EXIT_DONE
             : shell->worst;
}

static int open_session(struct shell *shell, struct store *store)
{
  const struct args *args = &shell->args;
  blt_options options = store_options(args, args->write ? BLT_WRITE : BLT_READ);
  shell->session.progress = &store->progress;
  options.progress = session_progress;
  options.progress_ctx = &shell->session;
  const int code = store_open(store, args, args->words[0], &options);
  shell->session = (struct session){
      .file = args->words[0], .db = store->db, .reading = store->reading};
  return code;
}

int cmd_shell(const struct args *args)
{
  struct shell shell = {.args = *args};
  struct store store;
  if (args->words[0][0] == '-')
    return report_usage(args, "put ./ before a name that begins with a dash");
  int code = open_session(&shell, &store);
  if (code != EXIT_DONE)
    return code;
  shell.lines = lines_open(complete);
  if (shell.lines) {
    shell.args.session = &shell.session;
    code = run_lines(&shell);
    lines_close(shell.lines);
  } else {
    code = report_error(args, EXIT_SYSTEM, "no_memory", NULL, "out of memory");
  }
  return store_close(&store, code);
}
