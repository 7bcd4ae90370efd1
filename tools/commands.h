/* commands.h - the commands, their options and what help says about them */
#ifndef BLT_TOOLS_COMMANDS_H
#define BLT_TOOLS_COMMANDS_H

#include <stddef.h>

#include "args.h"

struct command {
  const char *name, *alias; /* alias may be NULL                            */
  int (*run)(const struct args *args); /* gives the exit code               */
  size_t min_words, max_words;
  const char *words; /* "FILE KEY..."                                */
  const char *summary;
  const struct option *options;
  const char *notes; /* "" or whole lines                            */
};

#define ANY_NUMBER SIZE_MAX

/* Ends with a name of NULL, in the order of help. */
extern const struct command commands[];

const struct command *command_find(const char *word);
/* The command that `word` may have been meant to be, or NULL. */
const struct command *command_nearest(const char *word);
/* The same for a long option of `command` (may be NULL) or a global one. */
const char *option_nearest(const struct command *command, const char *name);

int cmd_create(const struct args *args);
int cmd_get(const struct args *args);
int cmd_has(const struct args *args);
int cmd_put(const struct args *args);
int cmd_del(const struct args *args);
int cmd_list(const struct args *args);
int cmd_meta(const struct args *args);
int cmd_inspect(const struct args *args);
int cmd_verify(const struct args *args);
int cmd_repair(const struct args *args);
int cmd_prune(const struct args *args);
int cmd_reindex(const struct args *args);
int cmd_dump(const struct args *args);
int cmd_load(const struct args *args);
int cmd_copy(const struct args *args);
int cmd_merge(const struct args *args);
int cmd_diff(const struct args *args);
int cmd_hash(const struct args *args);
int cmd_slot(const struct args *args);
int cmd_bench(const struct args *args);
int cmd_shell(const struct args *args);
int cmd_completion(const struct args *args);
int cmd_help(const struct args *args);

/* Help on one command, or on all with NULL, to standard output. */
int help_print(const struct args *args, const struct command *command);

/* The versions of the program, the library and the format. */
int version_print(const struct args *args);

#endif
