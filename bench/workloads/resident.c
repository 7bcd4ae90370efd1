/*
 * resident.c - how much of the file is in the memory of a reader
 *
 *   resident_open    RssFile after opening, beyond what there was before
 *   resident_10, _50, _100   after reading this percentage of the keys in
 *                    random order
 *   resident_walk    after one iteration over everything; blt-drop gives the
 *                    pages back there (MADV_DONTNEED)
 */
#include "workloads/steps.h"
#include "workloads/workload.h"

#include <stdio.h>

#include "core/memory.h"
#include "core/must.h"

static void tell(struct run *run, const char *op, double before)
{
  row_amount(run, op, memory_now("RssFile") - before, "MiB");
}

static void read_up_to(struct run *run, void *store, size_t from, size_t to)
{
  struct sink sink = sink_make(run);
  size_t len;
  int failed = 0;
  for (size_t i = from; i < to; i++)
    failed |= run->engine->get(store, key_bytes(run->set->shuffled[0], i),
                               sink.buf, &len);
  must(!failed, "%s: a get failed", run->engine->name);
  free(sink.buf);
}

static void resident(struct run *run)
{
  static const unsigned percents[] = {10, 50, 100};
  char op[32];
  size_t done = 0;
  void *store = store_open(run, MODE_NEW);
  put_range(run, store, 0, run->n, 0);
  store_close(run, store);
  const double before = memory_now("RssFile");
  store = store_open(run, MODE_READ);
  tell(run, "resident_open", before);
  for (int i = 0; i < 3; i++) {
    const size_t to = run->n * percents[i] / 100;
    read_up_to(run, store, done, to);
    done = to;
    snprintf(op, sizeof op, "resident_%u", percents[i]);
    tell(run, op, before);
  }
  must(store_holds(run, store, 0, 0), "%s: wrong items", run->engine->name);
  tell(run, "resident_walk", before);
  store_close(run, store);
}

const struct workload workload_resident = {
    .name = "resident",
    .purpose = "how much of the file is in the memory of a reader",
    .run = resident,
    .also = "blt-drop,blt-pread",
};
