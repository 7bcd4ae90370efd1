/*
 * steps.c - passes over the dataset that several workloads make
 */
#include "workloads/steps.h"

#include "core/folder.h"
#include "core/must.h"

static void *open_with(const struct run *run, enum mode mode, int durable)
{
  const struct setup setup = {
      .engine = run->engine,
      .folder = run->folder,
      .mode = mode,
      .durable = durable,
      .n_keys = run->n,
      .value_len = run->set->value_len,
  };
  void *store = run->engine->open(&setup);
  must(store != NULL, "%s: cannot open", run->engine->name);
  return store;
}

void *store_open(const struct run *run, enum mode mode)
{
  if (mode == MODE_NEW)
    folder_make(run->folder);
  return open_with(run, mode, 0);
}

void *store_open_durable(const struct run *run)
{
  folder_make(run->folder);
  return open_with(run, MODE_NEW, 1);
}

void store_close(const struct run *run, void *store)
{
  must(run->engine->close(store) == 0, "%s: cannot close", run->engine->name);
}

void *store_open_row(struct run *run, enum mode mode, const char *op)
{
  if (mode == MODE_NEW)
    folder_make(run->folder);
  const struct lap start = lap_start();
  void *store = open_with(run, mode, 0);
  row_time(run, op, 1, lap_since(start), 1);
  return store;
}

void store_close_row(struct run *run, void *store, const char *op)
{
  const struct lap start = lap_start();
  store_close(run, store);
  row_time(run, op, 1, lap_since(start), 1);
}

struct sink sink_make(const struct run *run)
{
  const size_t len = run->set->value_len;
  struct sink sink = {.buf = must_alloc(len > 64 ? len : 64)};
  memset(sink.buf, 0, len); /* its pages are there before the clock starts */
  return sink;
}

struct lap put_range(const struct run *run, void *store, size_t from, size_t to,
                     size_t version)
{
  const struct engine *engine = run->engine;
  const struct dataset *set = run->set;
  int failed = 0;
  const struct lap start = lap_start();
  for (size_t i = from; i < to; i++)
    failed |= engine->put(store, key_bytes(set->keys, i),
                          value_bytes(set, i, version));
  failed |= engine->commit(store);
  const struct lap lap = lap_since(start);
  must(!failed, "%s: a put failed", engine->name);
  return lap;
}

struct lap get_all(const struct run *run, void *store, int order, uint64_t *sum)
{
  const struct engine *engine = run->engine;
  const char *slots = run->set->shuffled[order];
  struct sink sink = sink_make(run);
  size_t len = 0;
  int failed = 0;
  const struct lap start = lap_start();
  for (size_t i = 0; i < run->n; i++) {
    failed |= engine->get(store, key_bytes(slots, i), sink.buf, &len);
    sink_copied(&sink, len);
  }
  const struct lap lap = lap_since(start);
  must(!failed, "%s: a get failed", engine->name);
  *sum = sink.sum;
  free(sink.buf);
  return lap;
}

struct lap walk_all(const struct run *run, void *store, enum part part,
                    struct sink *sink)
{
  const struct engine *engine = run->engine;
  sink->sum = 0;
  sink->n_keys = sink->n_values = 0;
  const struct lap start = lap_start();
  const int failed = engine->walk(store, part, sink);
  const struct lap lap = lap_since(start);
  must(!failed, "%s: iteration failed", engine->name);
  return lap;
}

uint64_t sum_values(const struct run *run, size_t from, size_t to,
                    size_t version)
{
  uint64_t sum = 0;
  for (size_t i = from; i < to; i++)
    sum += mark_of(value_of(run->set, i, version), run->set->value_len);
  return sum;
}

uint64_t sum_keys(const struct run *run, size_t from, size_t to)
{
  uint64_t sum = 0;
  for (size_t i = from; i < to; i++)
    sum += mark_of(key_in(run->set->keys, i), KEY_LEN);
  return sum;
}

int store_holds(const struct run *run, void *store, size_t from, size_t middle)
{
  struct sink sink = sink_make(run);
  walk_all(run, store, ITEMS, &sink);
  free(sink.buf);
  return sink.n_keys == run->n - from && sink.n_values == sink.n_keys &&
         sink.sum == sum_keys(run, from, run->n) +
                         sum_values(run, from, middle, 1) +
                         sum_values(run, middle, run->n, 0);
}
