/* args.c - what stands on the command line, taken apart */
#include "args.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <popt.h>

#include "commands.h"
#include "report.h"
#include "text.h"
#include "units.h"

#define FIELD(name) offsetof(struct args, name)
#define DEFAULT_TIMEOUT_MS 10000

/* More options than one command and the global ones have together. */
enum { MOST_OPTIONS = 64 };

const struct option global_options[] = {
    {"json", 'j', OPTION_FLAG, FIELD(json), NULL,
     "JSON, one object or one a line"},
    {"quiet", 'q', OPTION_FLAG, FIELD(quiet), NULL,
     "no remarks, only data and errors"},
    {"verbose", 'v', OPTION_FLAG, FIELD(verbose), NULL, "more detail"},
    {"progress", 0, OPTION_CHOICE, FIELD(progress), "auto|always|never",
     "tell how far long work has come"},
    {"color", 0, OPTION_CHOICE, FIELD(color), "auto|always|never",
     "colours; auto honours NO_COLOR and TERM=dumb"},
    {"timeout", 't', OPTION_SECONDS, FIELD(timeout_ms), "SECONDS",
     "how long to wait for a lock (10)"},
    {"no-wait", 0, OPTION_FLAG, FIELD(no_wait), NULL, "do not wait for a lock"},
    {"no-lock", 0, OPTION_FLAG, FIELD(no_lock), NULL,
     "read without a lock, even beside a writer"},
    {"network", 0, OPTION_FLAG, FIELD(network), NULL,
     "write on a network file system too"},
    {"io", 0, OPTION_CHOICE, FIELD(io), "auto|mmap|pread",
     "how the file is read"},
    {"key-type", 0, OPTION_STRING, FIELD(key_type), "TYPE",
     "keys as str, bytes, hex, base64, uintN or intN"},
    {"version", 'V', OPTION_FLAG, FIELD(version), NULL, "show versions"},
    {"help", 'h', OPTION_FLAG, FIELD(help), NULL, "show help"},
    {NULL, 0, OPTION_FLAG, 0, NULL, NULL}};

/* The options that are valid now: those of the command, then global ones. */
struct valid {
  const struct option *options[MOST_OPTIONS];
  struct poptOption table[MOST_OPTIONS + 1];
  size_t n;
};

/* popt would take the next word for a value that may be missing. */
static bool has_value(const char *name, int argc, const char **argv)
{
  const size_t len = strlen(name);
  for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
    if (strncmp(argv[i], "--", 2) == 0 &&
        strncmp(argv[i] + 2, name, len) == 0 && argv[i][2 + len] == '=')
      return true;
  return false;
}

static void add_options(struct valid *valid, const struct option *options,
                        int argc, const char **argv)
{
  for (const struct option *o = options; o->name && valid->n < MOST_OPTIONS;
       o++) {
    const bool is_bare =
        o->type == OPTION_FLAG ||
        (o->type == OPTION_OPTIONAL && !has_value(o->name, argc, argv));
    const unsigned info = is_bare ? POPT_ARG_NONE : POPT_ARG_STRING;
    valid->table[valid->n] = (struct poptOption){
        o->name, o->letter, info, NULL, (int)valid->n + 1, o->help, o->arg};
    valid->options[valid->n++] = o;
  }
}

static void *field_of(struct args *args, const struct option *option)
{
  return (char *)args + option->field;
}

static bool parse_choice(const char *words, const char *value, int *out)
{
  const size_t len = strlen(value);
  for (int i = 0;; i++) {
    const size_t word_len = strcspn(words, "|");
    if (word_len == len && strncmp(words, value, len) == 0) {
      *out = i;
      return true;
    }
    if (words[word_len] == '\0')
      return false;
    words += word_len + 1;
  }
}

static bool parse_seconds(const char *value, uint64_t *out)
{
  char *end;
  const double seconds = strtod(value, &end);
  if (end == value || *end != '\0' || !(seconds >= 0) || seconds > 4e6)
    return false;
  *out = (uint64_t)(seconds * 1000 + 0.5);
  return true;
}

static bool parse_buckets(const char *value, uint64_t *out)
{
  if (strcmp(value, "auto") == 0) {
    *out = BUCKETS_AUTO;
    return true;
  }
  return parse_count(value, out) && *out > 0 && *out <= UINT32_MAX;
}

static bool parse_value(const struct option *option, const char *value,
                        void *field)
{
  switch (option->type) {
  case OPTION_CHOICE:
    return parse_choice(option->arg, value, field);
  case OPTION_COUNT:
    return parse_count(value, field);
  case OPTION_BUCKETS:
    return parse_buckets(value, field);
  case OPTION_TIME:
    return parse_time(value, field);
  case OPTION_SECONDS:
    return parse_seconds(value, field);
  default:
    return false;
  }
}

static const char *wanted(const struct option *option)
{
  switch (option->type) {
  case OPTION_CHOICE:
    return option->arg;
  case OPTION_BUCKETS:
    return "a number of buckets or auto";
  case OPTION_TIME:
    return "microseconds, 2025-11-21T03:07:42Z, an age as 30d, or now";
  case OPTION_SECONDS:
    return "a number of seconds";
  default:
    return "a number";
  }
}

static bool is_string(const struct option *option)
{
  return option->type == OPTION_STRING || option->type == OPTION_OPTIONAL;
}

/* Takes over `value`, which is NULL for a flag. */
static int store_option(struct args *args, const struct option *option,
                        char *value)
{
  void *field = field_of(args, option);
  int code = EXIT_DONE;
  if (option->type == OPTION_FLAG) {
    *(int *)field = 1;
  } else if (is_string(option)) {
    char **string = field;
    free(*string);
    *string = value ? value : strdup("");
    return EXIT_DONE;
  } else if (!parse_value(option, value, field)) {
    code = report_usage(args, "--%s cannot be \"%s\"; give %s", option->name,
                        value, wanted(option));
  }
  free(value);
  return code;
}

static int unknown_option(const struct args *args, const char *option)
{
  const int len = (int)strcspn(option, "=");
  char name[64] = "";
  if (strncmp(option, "--", 2) == 0)
    snprintf(name, sizeof name, "%.*s", len - 2, option + 2);
  const char *nearest = *name ? option_nearest(args->command, name) : NULL;
  if (nearest)
    return report_usage(args, "unknown option %.*s; did you mean --%s?", len,
                        option, nearest);
  return report_usage(args,
                      "unknown option %.*s; put -- before a word that starts "
                      "with a dash, or see blt help%s%s",
                      len, option, args->command ? " " : "",
                      args->command ? args->command->name : "");
}

static int parser_failed(const struct args *args, poptContext parser, int error)
{
  const char *option = poptBadOption(parser, POPT_BADOPTION_NOALIAS);
  const int len = (int)strcspn(option, "=");
  switch (error) {
  case POPT_ERROR_BADOPT:
    return unknown_option(args, option);
  case POPT_ERROR_NOARG:
    return report_usage(args, "%.*s needs a value; see --help", len, option);
  case POPT_ERROR_UNWANTEDARG:
    return report_usage(args, "%.*s takes no value; leave out the =", len,
                        option);
  default:
    return report_usage(args, "%s: %s; see --help", option,
                        poptStrerror(error));
  }
}

/* One pass over argv; sets words to what is no option. With `first_only` it
 * ends at the first of these. */
static int parse_pass(struct args *args, int argc, const char **argv,
                      const struct option *options, bool first_only)
{
  struct valid valid = {.n = 0};
  if (options)
    add_options(&valid, options, argc, argv);
  add_options(&valid, global_options, argc, argv);
  poptContext parser =
      poptGetContext("blt", argc, argv, valid.table,
                     first_only ? POPT_CONTEXT_POSIXMEHARDER : 0);
  int code = EXIT_DONE, which;
  while (code == EXIT_DONE && (which = poptGetNextOpt(parser)) > 0)
    code = store_option(args, valid.options[which - 1], poptGetOptArg(parser));
  if (code == EXIT_DONE && which < -1)
    code = parser_failed(args, parser, which);
  poptFreeContext(args->parser);
  args->parser = parser;
  args->words = code == EXIT_DONE ? poptGetArgs(parser) : NULL;
  args->n_words = 0;
  while (args->words && args->words[args->n_words])
    args->n_words++;
  return code;
}

/* "KEY" of "FILE KEY...", when there is one word. */
static int report_missing(const struct args *args)
{
  const char *word = args->command->words;
  for (size_t i = 0; i < args->n_words; i++)
    word += strcspn(word, " ") + 1;
  return report_usage(args, "%.*s is missing; the form is blt %s %s",
                      (int)strcspn(word, " ."), word, args->command->name,
                      args->command->words);
}

static int check_words(const struct args *args)
{
  const struct command *command = args->command;
  if (args->help || args->version)
    return EXIT_DONE;
  if (args->n_words < command->min_words)
    return report_missing(args);
  if (args->n_words > command->max_words)
    return report_usage(args, "\"%s\" is too much; the form is blt %s %s",
                        args->words[command->max_words], command->name,
                        command->words);
  if (args->quiet && args->verbose)
    return report_usage(args, "--quiet and --verbose exclude each other; "
                              "give one");
  return EXIT_DONE;
}

static int parse_command(struct args *args, int argc, const char **argv)
{
  const char *word = args->words[0];
  const struct command *command = command_find(word);
  if (!command) {
    command = command_nearest(word);
    if (command)
      return report_usage(args, "unknown command \"%s\"; did you mean %s?",
                          word, command->name);
    return report_usage(args, "unknown command \"%s\"; see blt help", word);
  }
  args->command = command;
  const int n_before = argc - (int)args->n_words;
  const int code = parse_pass(args, argc - n_before, argv + n_before,
                              command->options, false);
  return code == EXIT_DONE ? check_words(args) : code;
}

/* Messages about the options before --json are to be JSON as well. */
static bool asks_for_json(int argc, const char **argv)
{
  for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
    if (strcmp(argv[i], "--json") == 0 || strcmp(argv[i], "-j") == 0)
      return true;
  return false;
}

int args_parse(struct args *args, int argc, const char **argv,
               struct session *session)
{
  *args = (struct args){.session = session,
                        .timeout_ms = DEFAULT_TIMEOUT_MS,
                        .fixed = NOT_GIVEN,
                        .buckets = NOT_GIVEN,
                        .limit = NOT_GIVEN,
                        .max_errors = NOT_GIVEN,
                        .jobs = NOT_GIVEN,
                        .sample = NOT_GIVEN,
                        .value_len = NOT_GIVEN,
                        .timestamp = NOT_GIVEN,
                        .since = NOT_GIVEN,
                        .until = NOT_GIVEN,
                        .older_than = NOT_GIVEN};
  args->json = asks_for_json(argc, argv);
  const int code = parse_pass(args, argc, argv, NULL, true);
  if (code != EXIT_DONE || args->n_words == 0)
    return code;
  return parse_command(args, argc, argv);
}

static void release_strings(struct args *args, const struct option *options)
{
  for (const struct option *o = options; o->name; o++)
    if (is_string(o)) {
      char **string = field_of(args, o);
      free(*string);
      *string = NULL;
    }
}

void args_release(struct args *args)
{
  release_strings(args, global_options);
  if (args->command)
    release_strings(args, args->command->options);
  poptFreeContext(args->parser);
  args->parser = NULL;
}
