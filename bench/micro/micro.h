/*
 * micro.h - the parts of the library, and old questions, one at a time
 *
 * Here, and nowhere else in bench/, the headers of the library's inside may be
 * included.
 */
#ifndef BENCH_MICRO_MICRO_H
#define BENCH_MICRO_MICRO_H

#include "core/row.h"

/* One line: `variant` is one way of several to do `op`. */
void micro_row(const char *op, const char *variant, size_t n, size_t ops,
               struct lap lap, int ok);

/* What a loop computed must not be taken for useless by the compiler. */
void micro_use(uint64_t result);

/* A path in the folder of this run. */
void micro_path(char *out, size_t capacity, const char *name);

struct micro {
  const char *name;
  const char *purpose;
  void (*run)(void);
};

#endif
