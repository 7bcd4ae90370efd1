/*
 * durable.c - puts that are on the disk when the commit returns
 *
 *   durable_K   K puts and a commit, again and again; counted by put
 *
 * `raw` appends the same bytes and calls fdatasync: what the disk allows.
 */
#include "workloads/steps.h"
#include "workloads/workload.h"

#include <stdio.h>

#include "core/must.h"

enum { MAX_COMMITS = 200 };

static struct lap put_in_groups(const struct run *run, void *store,
                                size_t n_puts, size_t group)
{
  const struct engine *engine = run->engine;
  int failed = 0;
  const struct lap start = lap_start();
  for (size_t i = 0; i < n_puts; i++) {
    failed |= engine->put(store, key_bytes(run->set->keys, i),
                          value_bytes(run->set, i, 0));
    if ((i + 1) % group == 0)
      failed |= engine->commit(store);
  }
  const struct lap lap = lap_since(start);
  must(!failed, "%s: a put or commit failed", engine->name);
  return lap;
}

/* A new handle finds what was put. The floor has nothing to look with. */
static int is_there(const struct run *run, size_t n_puts)
{
  if (run->engine->get == NULL)
    return 1;
  void *store = store_open(run, MODE_READ);
  struct sink sink = sink_make(run);
  walk_all(run, store, ITEMS, &sink);
  store_close(run, store);
  free(sink.buf);
  return sink.n_keys == n_puts &&
         sink.sum == sum_keys(run, 0, n_puts) + sum_values(run, 0, n_puts, 0);
}

static void measure(struct run *run, size_t group)
{
  char op[32];
  const size_t all = run->n / group;
  const size_t n_puts = group * (all < MAX_COMMITS ? all : MAX_COMMITS);
  if (n_puts == 0)
    return;
  snprintf(op, sizeof op, "durable_%zu", group);
  void *store = store_open_durable(run);
  const struct lap lap = put_in_groups(run, store, n_puts, group);
  store_close(run, store);
  row_time(run, op, n_puts, lap, is_there(run, n_puts));
}

static void durable(struct run *run)
{
  if (run->engine->del == NULL && run->engine->get != NULL)
    return; /* built once: there is no second commit */
  for (size_t group = 1; group <= 1000; group *= 10)
    measure(run, group);
}

const struct workload workload_durable = {
    .name = "durable",
    .purpose = "puts that are on the disk when the commit returns",
    .run = durable,
    .also = "raw",
    .writes_only = 1,
};
