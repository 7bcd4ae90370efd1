/*
 * threads.c - many threads read one store through one handle
 *
 *   threads FILE [N_THREADS]
 *
 * The keys are taken from the store and shared out among the threads; each
 * looks its own up, by itself and then 64 at a time, and both sums of what it
 * found have to be the same. A handle that only reads needs no lock.
 */
#include <blt.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { MANY = 64, MOST_THREADS = 256 };

struct work {
  pthread_t thread;
  blt_db *db;
  const blt_bytes *keys;
  size_t n_keys;
  uint64_t sum_single, sum_many; /* bytes of values                        */
  blt_status status;
};

static blt_status look_up_single(struct work *work)
{
  blt_bytes value;

  for (size_t i = 0; i < work->n_keys; i++) {
    const blt_bytes *key = &work->keys[i];
    blt_status status = blt_get(work->db, key->data, key->len, &value);
    if (status != BLT_OK)
      return status;
    work->sum_single += value.len;
  }
  return BLT_OK;
}

static blt_status look_up_many(struct work *work)
{
  blt_bytes values[MANY];

  for (size_t i = 0; i < work->n_keys; i += MANY) {
    const size_t left = work->n_keys - i;
    const size_t n = left < MANY ? left : MANY;
    blt_status status = blt_get_many(work->db, work->keys + i, n, values, NULL);
    if (status < 0)
      return status;
    for (size_t k = 0; k < n; k++)
      work->sum_many += values[k].len;
  }
  return BLT_OK;
}

static void *run(void *argument)
{
  struct work *work = argument;

  work->status = look_up_single(work);
  if (work->status == BLT_OK)
    work->status = look_up_many(work);
  /* A failure belongs to the thread that met it: ask here, not in main. */
  if (work->status < 0)
    fprintf(stderr, "threads: %s\n", blt_last_error(work->db)->message);
  return NULL;
}

/* All keys. They point into the file and stay good while it is open. */
static blt_bytes *all_keys(blt_db *db, size_t *out_n)
{
  uint64_t count;
  size_t n = 0;
  blt_iter *iter;
  blt_item item;
  blt_bytes *keys;

  if (blt_count(db, &count) < 0 || blt_iter_open(db, 0, &iter) < 0)
    return NULL;
  keys = malloc((size_t)(count + 1) * sizeof *keys);
  while (keys && n < count && blt_iter_next(iter, &item) == BLT_OK)
    keys[n++] = item.key;
  blt_iter_close(iter);
  *out_n = n;
  return keys;
}

/* Gives each thread its part and waits for all; 0 when all went well. */
static int share_out(blt_db *db, const blt_bytes *keys, size_t n_keys,
                     size_t n_threads)
{
  struct work works[MOST_THREADS];
  uint64_t sum_single = 0, sum_many = 0;
  size_t n_started = 0;
  int failed = 0;

  for (size_t t = 0; t < n_threads; t++) {
    const size_t start = n_keys * t / n_threads;
    const size_t end = n_keys * (t + 1) / n_threads;
    works[t] =
        (struct work){.db = db, .keys = keys + start, .n_keys = end - start};
    if (pthread_create(&works[t].thread, NULL, run, &works[t]) != 0)
      break;
    n_started++;
  }
  for (size_t t = 0; t < n_started; t++) {
    pthread_join(works[t].thread, NULL);
    failed |= works[t].status != BLT_OK;
    sum_single += works[t].sum_single;
    sum_many += works[t].sum_many;
  }
  failed |= n_started < n_threads || sum_single != sum_many;
  printf("%zu threads read %zu keys, %" PRIu64 " bytes of values\n", n_started,
         n_keys, sum_single);
  return failed;
}

int main(int argc, char **argv)
{
  const size_t n_threads = argc > 2 ? strtoul(argv[2], NULL, 10) : 4;
  blt_db *db;
  blt_bytes *keys;
  size_t n_keys;
  int failed = 1;

  if (argc < 2 || n_threads < 1 || n_threads > MOST_THREADS) {
    fprintf(stderr, "usage: threads FILE [N_THREADS]\n");
    return 2;
  }
  if (blt_open(argv[1], NULL, &db) < 0) {
    fprintf(stderr, "threads: %s\n", blt_last_error(NULL)->message);
    return 1;
  }
  keys = all_keys(db, &n_keys);
  if (keys)
    failed = share_out(db, keys, n_keys, n_threads);
  free(keys);
  blt_close(db);
  return failed;
}
