/*
 * threads.c - several threads that read through one handle
 *
 *   threads_T   T threads, each gets all n keys in random order; counted by
 *               get, all threads together
 */
#include "workloads/steps.h"
#include "workloads/workload.h"

#include <pthread.h>
#include <stdio.h>

#include "core/must.h"

enum { MAX_THREADS = 4 };

struct reader {
  const struct run *run;
  void *store;
  int order;
  uint64_t sum;
};

static void *read_all(void *context)
{
  struct reader *reader = context;
  get_all(reader->run, reader->store, reader->order, &reader->sum);
  return NULL;
}

static void measure(struct run *run, void *store, int n_threads)
{
  struct reader readers[MAX_THREADS];
  pthread_t threads[MAX_THREADS];
  const uint64_t expected = sum_values(run, 0, run->n, 0);
  char op[32];
  int ok = 1;
  const struct lap start = lap_start();
  for (int i = 0; i < n_threads; i++) {
    readers[i] = (struct reader){run, store, i % N_ORDERS, 0};
    must(pthread_create(&threads[i], NULL, read_all, &readers[i]) == 0,
         "no thread");
  }
  for (int i = 0; i < n_threads; i++) {
    pthread_join(threads[i], NULL);
    ok &= readers[i].sum == expected;
  }
  snprintf(op, sizeof op, "threads_%d", n_threads);
  row_time(run, op, run->n * (size_t)n_threads, lap_since(start), ok);
}

static void threads(struct run *run)
{
  if (!run->engine->shared)
    return;
  void *store = store_open(run, MODE_NEW);
  put_range(run, store, 0, run->n, 0);
  store_close(run, store);
  store = store_open(run, MODE_READ);
  for (int n_threads = 1; n_threads <= MAX_THREADS; n_threads *= 2)
    measure(run, store, n_threads);
  store_close(run, store);
}

const struct workload workload_threads = {
    .name = "threads",
    .purpose = "several threads that read through one handle",
    .run = threads,
};
