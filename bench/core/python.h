/*
 * python.h - booklet, the original: an engine in another language
 */
#ifndef BENCH_CORE_PYTHON_H
#define BENCH_CORE_PYTHON_H

#include "core/dataset.h"

/* The keys, the random orders and the pool as a file, for run_booklet.py. */
void python_export(const struct dataset *set, const char *path);

/* These become the process. Do not return. */
void python_about(const char *python, const char *script);
void python_run(const char *python, const char *script, const char *workload,
                const char *dataset, const char *folder,
                const struct dataset *set, int rep);

#endif
