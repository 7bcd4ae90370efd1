/*
 * options.h - what the command line asks for
 */
#ifndef BENCH_CORE_OPTIONS_H
#define BENCH_CORE_OPTIONS_H

#include <stddef.h>

enum { MAX_SIZES = 16, MIN_KEYS = 10 };

struct options {
  const char *engines;   /* comma separated names; NULL: the usual ones     */
  const char *workloads; /* the same; NULL: the 12 operations               */
  size_t sizes[MAX_SIZES];
  size_t n_sizes;
  size_t value_lens[MAX_SIZES];
  size_t n_value_lens;
  int reps;
  const char *folder; /* the stores go into a folder of their own in here   */
  const char *python; /* that has booklet; NULL: booklet does not take part */
  const char *script; /* engines/run_booklet.py */
};

void options_read(struct options *options, int argc, char **argv);

/* Whether a comma separated list names it. */
int is_named(const char *list, const char *name);

#endif
