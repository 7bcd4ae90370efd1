/*
 * row.h - one measurement, written as one line of JSON
 */
#ifndef BENCH_CORE_ROW_H
#define BENCH_CORE_ROW_H

#include <stdint.h>
#include <time.h>

#include "core/dataset.h"
#include "engines/engine.h"

/* One run: one engine, one size, one repetition, in a process of its own. */
struct run {
  const struct engine *engine;
  const struct dataset *set;
  const char *workload;
  const char *folder; /* empty; for the stores of this run */
  size_t n;           /* of set->n keys, those that take part */
  int rep;
  int n_failed; /* rows whose result was wrong */
};

/* Seconds by the clock on the wall, and those that a core worked for this
 * process. On a busy machine only the second can be compared. */
struct lap {
  double wall, cpu;
};

static inline double seconds_of(clockid_t clock)
{
  struct timespec time;
  clock_gettime(clock, &time);
  return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static inline struct lap lap_start(void)
{
  struct lap lap;
  lap.cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
  lap.wall = seconds_of(CLOCK_MONOTONIC);
  return lap;
}

static inline struct lap lap_since(struct lap start)
{
  struct lap lap;
  lap.wall = seconds_of(CLOCK_MONOTONIC) - start.wall;
  lap.cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID) - start.cpu;
  return lap;
}

/* `ops` operations took `lap`; `ok`: their results were compared and are
 * right. */
void row_time(struct run *run, const char *op, size_t ops, struct lap lap,
              int ok);

/* A figure that is not a time: "bytes", "pages". */
void row_amount(struct run *run, const char *op, double amount,
                const char *unit);

#endif
