/*
 * many.c - 64 keys in one call, for engines that have such calls
 *
 *   get_many_cold, get_many_second, get_many_third, get_many
 *              n keys in random order, each value copied out; four times from
 *              a new handle on. In one of the first three blt builds its side
 *              table, as it does in random_read_cold where keys come alone
 *   has_many   n keys that are there and n that are not: 32 of each in a call
 *   put_many   n keys that are there, and the commit
 *   del_many   n keys in random order, and the commit
 */
#include "workloads/steps.h"
#include "workloads/workload.h"

#include "core/must.h"

enum { AT_ONCE = 64 };

static size_t limit(const struct run *run, size_t from, size_t most)
{
  return run->n - from < most ? run->n - from : most;
}

static size_t choose(const struct run *run, struct bytes *keys, size_t from)
{
  const size_t n = limit(run, from, AT_ONCE);
  for (size_t i = 0; i < n; i++)
    keys[i] = key_bytes(run->set->shuffled[1], from + i);
  return n;
}

static void get_many(struct run *run, void *store, const char *op)
{
  struct bytes keys[AT_ONCE];
  struct sink sink = sink_make(run);
  int failed = 0;
  const struct lap start = lap_start();
  for (size_t i = 0; i < run->n; i += AT_ONCE)
    failed |= run->engine->get_many(store, keys, choose(run, keys, i), &sink);
  const struct lap lap = lap_since(start);
  must(!failed, "%s: get_many failed", run->engine->name);
  row_time(run, op, run->n, lap, sink.sum == sum_values(run, 0, run->n, 0));
  free(sink.buf);
}

static void has_many(struct run *run, void *store)
{
  struct bytes keys[AT_ONCE];
  const char *slots = run->set->shuffled[0];
  size_t n_found = 0, found;
  int failed = 0;
  const struct lap start = lap_start();
  for (size_t i = 0; i < run->n; i += AT_ONCE / 2) {
    const size_t n = limit(run, i, AT_ONCE / 2);
    for (size_t k = 0; k < n; k++) {
      keys[2 * k] = key_bytes(slots, i + k);
      keys[2 * k + 1] = (struct bytes){miss_in(slots, i + k), MISS_LEN};
    }
    failed |= run->engine->has_many(store, keys, 2 * n, &found);
    n_found += found;
  }
  const struct lap lap = lap_since(start);
  must(!failed, "%s: has_many failed", run->engine->name);
  row_time(run, "has_many", 2 * run->n, lap, n_found == run->n);
}

static void put_many(struct run *run, void *store)
{
  struct bytes keys[AT_ONCE], values[AT_ONCE];
  int failed = 0;
  const struct lap start = lap_start();
  for (size_t i = 0; i < run->n; i += AT_ONCE) {
    const size_t n = limit(run, i, AT_ONCE);
    for (size_t k = 0; k < n; k++) {
      keys[k] = key_bytes(run->set->keys, i + k);
      values[k] = value_bytes(run->set, i + k, 1);
    }
    failed |= run->engine->put_many(store, keys, values, n);
  }
  failed |= run->engine->commit(store);
  const struct lap lap = lap_since(start);
  must(!failed, "%s: put_many failed", run->engine->name);
  row_time(run, "put_many", run->n, lap, store_holds(run, store, 0, run->n));
}

static void del_many(struct run *run, void *store)
{
  struct bytes keys[AT_ONCE];
  size_t n_found = 0, found;
  int failed = 0;
  const struct lap start = lap_start();
  for (size_t i = 0; i < run->n; i += AT_ONCE) {
    failed |= run->engine->del_many(store, keys, choose(run, keys, i), &found);
    n_found += found;
  }
  failed |= run->engine->commit(store);
  const struct lap lap = lap_since(start);
  must(!failed, "%s: del_many failed", run->engine->name);
  row_time(run, "del_many", run->n, lap,
           n_found == run->n && store_holds(run, store, run->n, run->n));
}

static void many(struct run *run)
{
  if (run->engine->get_many == NULL)
    return;
  void *store = store_open(run, MODE_NEW);
  put_range(run, store, 0, run->n, 0);
  store_close(run, store);
  store = store_open(run, MODE_READ);
  get_many(run, store, "get_many_cold");
  get_many(run, store, "get_many_second");
  get_many(run, store, "get_many_third");
  get_many(run, store, "get_many");
  has_many(run, store);
  store_close(run, store);
  store = store_open(run, MODE_WRITE);
  put_many(run, store);
  del_many(run, store);
  store_close(run, store);
}

const struct workload workload_many = {
    .name = "many",
    .purpose = "64 keys in one call",
    .run = many,
};
