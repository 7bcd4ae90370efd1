/* args.h - what stands on the command line, taken apart */
#ifndef BLT_TOOLS_ARGS_H
#define BLT_TOOLS_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A number or time that was not given. */
#define NOT_GIVEN UINT64_MAX
/* --buckets auto */
#define BUCKETS_AUTO 0

enum when { WHEN_AUTO, WHEN_ALWAYS, WHEN_NEVER };

struct command;
struct session;

/*
 * The values of all options of all commands; a command reads those that its
 * own table in commands.c names. A string is NULL when it was not given.
 */
struct args {
  const struct command *command; /* NULL until it is known                  */
  const char *const *words;      /* what is no option, behind the command   */
  size_t n_words;
  struct session *session; /* of the shell that runs the command, or NULL   */
  void *parser;            /* owns `words`                            */

  /* every command */
  int json, quiet, verbose, no_wait, no_lock, network, help, version;
  int progress, color, io; /* enum when, enum when, blt_io                  */
  uint64_t timeout_ms;
  char *key_type;

  /* some commands */
  char *value_type, *like, *output, *default_value, *keys_from, *prefix;
  char *match, *keep_keys, *svg, *format, *zstd, *shard, *bad_rows, *schema,
      *sizes;
  uint64_t fixed, buckets, limit, max_errors, jobs, sample, value_len;
  uint64_t timestamp, since, until, older_than;
  int no_timestamps, force, yes, hex, base64, decode, show_time, nul;
  int if_absent, create, ignore_missing, details, values, locations, all;
  int deep, raw_buckets, dry_run, keys_only, no_header, compact, cached;
  int with_times, write;
  int on_duplicate, merge_duplicate; /* which of the option's words        */
  int reflink;                       /* enum when                          */
};

enum option_type {
  OPTION_FLAG,     /* int                                                    */
  OPTION_CHOICE,   /* int: which of the words in `arg`, parted by |          */
  OPTION_STRING,   /* char *                                                 */
  OPTION_COUNT,    /* uint64_t                                               */
  OPTION_BUCKETS,  /* uint64_t, or the word auto                             */
  OPTION_TIME,     /* uint64_t, as parse_time takes it                       */
  OPTION_OPTIONAL, /* char *; "" when it stands there without a value       */
  OPTION_SECONDS   /* uint64_t of milliseconds, given as 1.5                 */
};

/* One option. Help, messages and completions are made from these tables,
 * which end with a name of NULL. */
struct option {
  const char *name;
  char letter; /* 0: none                                                   */
  enum option_type type;
  size_t field; /* offset in struct args                                    */
  const char *arg;
  const char *help;
};

extern const struct option global_options[];

/*
 * Fills `args`; 0, or the exit code after the message was printed. `argv` must
 * outlive `args`. args_release is needed after a failure too. `session` is
 * that of the shell, or NULL.
 */
int args_parse(struct args *args, int argc, const char **argv,
               struct session *session);
void args_release(struct args *args);

#endif
