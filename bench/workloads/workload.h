/*
 * workload.h - what is done to an engine while a clock runs
 *
 * A workload is one file in this folder and one line in workloads.c. It runs
 * in a process of its own, with one engine, once for each repetition.
 */
#ifndef BENCH_WORKLOADS_WORKLOAD_H
#define BENCH_WORKLOADS_WORKLOAD_H

#include "core/row.h"

struct workload {
  const char *name;
  const char *purpose;
  void (*run)(struct run *run);
  int in_table;     /* holds some of the 12 operations of the original       */
  const char *also; /* engines that take part without being named, or NULL   */
  int writes_only;  /* an engine that cannot read may take part              */
};

/* All, NULL at the end. */
extern const struct workload *const workloads[];

#endif
