/*
 * memory.h - how much memory this process has
 */
#ifndef BENCH_CORE_MEMORY_H
#define BENCH_CORE_MEMORY_H

/* MiB of a line of /proc/self/status: RssAnon, RssFile, VmRSS. */
double memory_now(const char *line);

/* The larger of the two. */
double memory_most(double most, const char *line);

#endif
