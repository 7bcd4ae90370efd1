/*
 * load.c - write a store, read it in every way, overwrite it
 *
 *   seq_write    n puts into an empty store, and the commit
 *   open_read    a new handle for reading
 *   random_read_cold   n gets in random order, the first through that handle:
 *                what an engine puts off until it is read is in here
 *   random_read  n gets in another random order
 *   random_read_miss   n gets of keys that are not there
 *   contains     n keys that are there and n that are not, in turns
 *   contains_miss   the second half of it alone
 *   iter_*       all keys, values or both, copied out
 *   overwrite    n puts of keys that are there, in the order of insertion, and
 *                the commit
 */
#include "workloads/steps.h"
#include "workloads/workload.h"

#include "core/folder.h"
#include "core/must.h"

static void write_store(struct run *run)
{
  void *store = store_open_row(run, MODE_NEW, "create");
  const struct lap lap = put_range(run, store, 0, run->n, 0);
  store_close_row(run, store, "close_written");
  store = store_open(run, MODE_READ);
  row_time(run, "seq_write", run->n, lap, store_holds(run, store, 0, 0));
  store_close(run, store);
  const struct folder_size size = folder_measure(run->folder);
  row_amount(run, "file_len", (double)size.len, "bytes");
  row_amount(run, "disk_len", (double)size.on_disk, "bytes");
}

static void read_hits(struct run *run, void *store)
{
  const uint64_t expected = sum_values(run, 0, run->n, 0);
  uint64_t sum;
  struct lap lap = get_all(run, store, 0, &sum);
  row_time(run, "random_read_cold", run->n, lap, sum == expected);
  lap = get_all(run, store, 1, &sum);
  row_time(run, "random_read", run->n, lap, sum == expected);
}

static void read_misses(struct run *run, void *store)
{
  const char *slots = run->set->shuffled[0];
  struct sink sink = sink_make(run);
  size_t len, n_missing = 0;
  const struct lap start = lap_start();
  for (size_t i = 0; i < run->n; i++) {
    const struct bytes key = {miss_in(slots, i), MISS_LEN};
    n_missing += run->engine->get(store, key, sink.buf, &len) == NONE;
  }
  row_time(run, "random_read_miss", run->n, lap_since(start),
           n_missing == run->n);
  free(sink.buf);
}

static void ask_all(struct run *run, void *store)
{
  const char *slots = run->set->shuffled[0];
  size_t n_found = 0, n_missing = 0;
  const struct lap start = lap_start();
  for (size_t i = 0; i < run->n; i++) {
    const struct bytes miss = {miss_in(slots, i), MISS_LEN};
    n_found += run->engine->has(store, key_bytes(slots, i)) == 0;
    n_missing += run->engine->has(store, miss) == NONE;
  }
  row_time(run, "contains", 2 * run->n, lap_since(start),
           n_found == run->n && n_missing == run->n);
}

static void ask_misses(struct run *run, void *store)
{
  const char *slots = run->set->shuffled[1];
  size_t n_missing = 0;
  const struct lap start = lap_start();
  for (size_t i = 0; i < run->n; i++) {
    const struct bytes miss = {miss_in(slots, i), MISS_LEN};
    n_missing += run->engine->has(store, miss) == NONE;
  }
  row_time(run, "contains_miss", run->n, lap_since(start), n_missing == run->n);
}

static void iterate(struct run *run, void *store)
{
  const uint64_t keys = sum_keys(run, 0, run->n);
  const uint64_t values = sum_values(run, 0, run->n, 0);
  struct sink sink = sink_make(run);
  struct lap lap = walk_all(run, store, KEYS, &sink);
  row_time(run, "iter_keys", run->n, lap,
           sink.n_keys == run->n && sink.sum == keys);
  lap = walk_all(run, store, VALUES, &sink);
  row_time(run, "iter_values", run->n, lap,
           sink.n_values == run->n && sink.sum == values);
  lap = walk_all(run, store, ITEMS, &sink);
  row_time(run, "iter_items", run->n, lap,
           sink.n_keys == run->n && sink.sum == keys + values);
  free(sink.buf);
}

static void overwrite(struct run *run)
{
  void *store = store_open_row(run, MODE_WRITE, "open_write");
  const struct lap lap = put_range(run, store, 0, run->n, 1);
  row_time(run, "overwrite", run->n, lap, store_holds(run, store, 0, run->n));
  store_close_row(run, store, "close_overwritten");
}

static void load(struct run *run)
{
  write_store(run);
  void *store = store_open_row(run, MODE_READ, "open_read");
  read_hits(run, store);
  read_misses(run, store);
  ask_all(run, store);
  ask_misses(run, store);
  iterate(run, store);
  store_close_row(run, store, "close_read");
  if (run->engine->del != NULL)
    overwrite(run);
}

const struct workload workload_load = {
    .name = "load",
    .purpose = "write a store, read it in every way, overwrite it",
    .run = load,
    .in_table = 1,
};
