/*
 * update.c - write a store with the engine's bulk call, then delete all of it
 *
 *   bulk_update  n puts into an empty store, 64 in a call where the engine has
 *                such a call, and the commit
 *   delete       n deletes in random order through a new handle, and the
 *                commit
 */
#include "workloads/steps.h"
#include "workloads/workload.h"

#include "core/must.h"

enum { AT_ONCE = 64 };

static int put_some(const struct run *run, void *store, size_t from, size_t n)
{
  struct bytes keys[AT_ONCE], values[AT_ONCE];
  for (size_t i = 0; i < n; i++) {
    keys[i] = key_bytes(run->set->keys, from + i);
    values[i] = value_bytes(run->set, from + i, 0);
  }
  return run->engine->put_many(store, keys, values, n);
}

static struct lap put_in_bulk(const struct run *run, void *store)
{
  if (run->engine->put_many == NULL)
    return put_range(run, store, 0, run->n, 0);
  int failed = 0;
  const struct lap start = lap_start();
  for (size_t i = 0; i < run->n; i += AT_ONCE)
    failed |=
        put_some(run, store, i, run->n - i < AT_ONCE ? run->n - i : AT_ONCE);
  failed |= run->engine->commit(store);
  const struct lap lap = lap_since(start);
  must(!failed, "%s: a put failed", run->engine->name);
  return lap;
}

static void delete_all(struct run *run, void *store)
{
  const struct engine *engine = run->engine;
  const char *slots = run->set->shuffled[0];
  int failed = 0;
  const struct lap start = lap_start();
  for (size_t i = 0; i < run->n; i++)
    failed |= engine->del(store, key_bytes(slots, i));
  failed |= engine->commit(store);
  const struct lap lap = lap_since(start);
  must(!failed, "%s: a delete failed", engine->name);
  row_time(run, "delete", run->n, lap, store_holds(run, store, run->n, run->n));
}

static void update(struct run *run)
{
  void *store = store_open(run, MODE_NEW);
  const struct lap lap = put_in_bulk(run, store);
  store_close_row(run, store, "close_updated");
  store = store_open(run, MODE_READ);
  row_time(run, "bulk_update", run->n, lap, store_holds(run, store, 0, 0));
  store_close(run, store);
  if (run->engine->del == NULL)
    return;
  store = store_open(run, MODE_WRITE);
  delete_all(run, store);
  store_close_row(run, store, "close_deleted");
}

const struct workload workload_update = {
    .name = "update",
    .purpose = "write a store in bulk, then delete every key",
    .run = update,
    .in_table = 1,
};
