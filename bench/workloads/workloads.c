/*
 * workloads.c - all of them
 */
#include "workloads/workload.h"

#define ALL(X)                                                                 \
  X(load)                                                                      \
  X(update)                                                                    \
  X(mixed) X(prune) X(many) X(durable) X(open) X(growth) X(resident) X(threads)

#define DECLARE(name) extern const struct workload workload_##name;
#define NAME(name) &workload_##name,

ALL(DECLARE)

const struct workload *const workloads[] = {ALL(NAME) NULL};
