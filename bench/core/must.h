/*
 * must.h - what a benchmark cannot go on without
 */
#ifndef BENCH_CORE_MUST_H
#define BENCH_CORE_MUST_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Say what failed and end this process: a measurement that went on after a
 * failure would be a lie. */
#define must(condition, ...)                                                   \
  do {                                                                         \
    if (!(condition)) {                                                        \
      fprintf(stderr, "blt-bench: ");                                          \
      fprintf(stderr, __VA_ARGS__);                                            \
      fputc('\n', stderr);                                                     \
      exit(1);                                                                 \
    }                                                                          \
  } while (0)

static inline void *must_alloc(size_t len)
{
  void *p = malloc(len ? len : 1);
  must(p != NULL, "out of memory for %zu bytes", len);
  return p;
}

#endif
