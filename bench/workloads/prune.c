/*
 * prune.c - free what is dead
 *
 *   prune   the engine's compaction of a store of n keys of which the first
 *           half was overwritten and then the first quarter deleted, counted
 *           for each of the n
 */
#include "workloads/steps.h"
#include "workloads/workload.h"

#include "core/folder.h"
#include "core/must.h"

static void make_dead(const struct run *run, void *store)
{
  int failed = 0;
  put_range(run, store, 0, run->n, 0);
  put_range(run, store, 0, run->n / 2, 1);
  for (size_t i = 0; i < run->n / 4; i++)
    failed |= run->engine->del(store, key_bytes(run->set->keys, i));
  failed |= run->engine->commit(store);
  must(!failed, "%s: a delete failed", run->engine->name);
}

static void prune(struct run *run)
{
  if (run->engine->prune == NULL)
    return;
  void *store = store_open(run, MODE_NEW);
  make_dead(run, store);
  store_close(run, store);
  store = store_open(run, MODE_WRITE);
  const struct lap start = lap_start();
  const int failed = run->engine->prune(store);
  const struct lap lap = lap_since(start);
  must(!failed, "%s: the compaction failed", run->engine->name);
  row_time(run, "prune", run->n, lap,
           store_holds(run, store, run->n / 4, run->n / 2));
  store_close_row(run, store, "close_pruned");
  row_amount(run, "file_len_pruned", (double)folder_measure(run->folder).len,
             "bytes");
}

const struct workload workload_prune = {
    .name = "prune",
    .purpose = "free what is dead",
    .run = prune,
    .in_table = 1,
};
