/*
 * mixed.c - four reads and a write, in turns
 *
 *   mixed_rw_80r   n operations on a store of n/2 keys: each fifth puts a new
 *                  key, the others get one of those n/2; and the commit
 */
#include "workloads/steps.h"
#include "workloads/workload.h"

#include "core/must.h"

enum { EACH = 5 };

/* The keys to get, in the order in which they are, and their sum. */
static char *choose_keys(const struct run *run, uint64_t *sum)
{
  char *slots = must_alloc(run->n * SLOT_LEN);
  *sum = 0;
  for (size_t i = 0; i < run->n; i++) {
    const size_t chosen = run->set->order[0][i] % (run->n / 2);
    memcpy(slots + i * SLOT_LEN, run->set->keys + chosen * SLOT_LEN, SLOT_LEN);
    if (i % EACH != 0)
      *sum += mark_of(value_of(run->set, chosen, 0), run->set->value_len);
  }
  return slots;
}

static struct lap mix(const struct run *run, void *store, const char *slots,
                      struct sink *sink)
{
  const struct engine *engine = run->engine;
  size_t fresh = run->n / 2, len = 0;
  int failed = 0;
  const struct lap start = lap_start();
  for (size_t i = 0; i < run->n; i++) {
    if (i % EACH == 0) {
      failed |= engine->put(store, key_bytes(run->set->keys, fresh),
                            value_bytes(run->set, fresh, 0));
      fresh++;
    } else {
      failed |= engine->get(store, key_bytes(slots, i), sink->buf, &len);
      sink_copied(sink, len);
    }
  }
  failed |= engine->commit(store);
  const struct lap lap = lap_since(start);
  must(!failed, "%s: a get or put failed", engine->name);
  return lap;
}

static int has_put(const struct run *run, void *store)
{
  const size_t last = run->n / 2 + (run->n - 1) / EACH;
  return run->engine->has(store, key_bytes(run->set->keys, last)) == 0 &&
         run->engine->has(store, key_bytes(run->set->keys, last + 1)) == NONE;
}

static void mixed(struct run *run)
{
  uint64_t expected;
  if (run->engine->del == NULL)
    return;
  char *slots = choose_keys(run, &expected);
  struct sink sink = sink_make(run);
  void *store = store_open(run, MODE_NEW);
  put_range(run, store, 0, run->n / 2, 0);
  const struct lap lap = mix(run, store, slots, &sink);
  row_time(run, "mixed_rw_80r", run->n, lap,
           sink.sum == expected && has_put(run, store));
  store_close_row(run, store, "close_mixed");
  free(sink.buf);
  free(slots);
}

const struct workload workload_mixed = {
    .name = "mixed",
    .purpose = "four reads and a write, in turns",
    .run = mixed,
    .in_table = 1,
};
