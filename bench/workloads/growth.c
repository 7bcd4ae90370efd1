/*
 * growth.c - how even the puts are while a store grows, and what memory it
 * takes
 *
 *   growth          n puts in groups of 1000, and the commit
 *   group_median, group_longest   one such group
 *   memory          the most that the process had in memory beyond the page
 *                   cache (RssAnon) and beyond what it had before
 */
#include "workloads/steps.h"
#include "workloads/workload.h"

#include <stdio.h>

#include "core/memory.h"
#include "core/must.h"

enum { GROUP = 1000, LOOK_EACH = 16 };

static int by_size(const void *a, const void *b)
{
  const double *x = a, *y = b;
  return (*x > *y) - (*x < *y);
}

static double put_group(const struct run *run, void *store, size_t from)
{
  const size_t to = from + GROUP < run->n ? from + GROUP : run->n;
  int failed = 0;
  const struct lap start = lap_start();
  for (size_t i = from; i < to; i++)
    failed |= run->engine->put(store, key_bytes(run->set->keys, i),
                               value_bytes(run->set, i, 0));
  must(!failed, "%s: a put failed", run->engine->name);
  return lap_since(start).wall;
}

static void growth(struct run *run)
{
  const size_t n_groups = (run->n + GROUP - 1) / GROUP;
  double *groups = must_alloc((n_groups + 1) * sizeof *groups);
  memset(groups, 0, (n_groups + 1) * sizeof *groups);
  const double before = memory_now("RssAnon");
  double most = before;
  void *store = store_open(run, MODE_NEW);
  const struct lap start = lap_start();
  for (size_t g = 0; g < n_groups; g++) {
    groups[g] = put_group(run, store, g * GROUP);
    if (g % LOOK_EACH == LOOK_EACH - 1)
      most = memory_most(most, "RssAnon");
  }
  most = memory_most(most, "RssAnon");
  must(run->engine->commit(store) == 0, "%s: the commit failed",
       run->engine->name);
  const struct lap lap = lap_since(start);
  most = memory_most(most, "RssAnon");
  store_close(run, store);
  store = store_open(run, MODE_READ);
  row_time(run, "growth", run->n, lap, store_holds(run, store, 0, 0));
  store_close(run, store);
  qsort(groups, n_groups, sizeof *groups, by_size);
  row_amount(run, "group_median", groups[n_groups / 2] * 1e3, "ms");
  row_amount(run, "group_longest", groups[n_groups - 1] * 1e3, "ms");
  row_amount(run, "memory", most - before, "MiB");
  free(groups);
}

const struct workload workload_growth = {
    .name = "growth",
    .purpose = "how even the puts are, and what memory they take",
    .run = growth,
    .also = "blt-fitted",
};
