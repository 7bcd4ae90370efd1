/*
 * mixed_worker.c - one of the processes of mixed.py that use the library in C
 *
 *   mixed_worker PATH ID TURNS SEED
 *
 * In each turn it opens the file, sees that its own keys are as it left them,
 * changes some of them and adds one to a shared number. It prints how often it
 * added one to each.
 */
#include <blt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/random.h"

enum { N_OWN = 12, N_SHARED = 4, TEXT_LEN = 64 };

struct worker {
  const char *path;
  int id;
  struct random random;
  long own[N_OWN]; /* the last number put, 0: no such key */
  long n_added[N_SHARED];
};

static void fail(const char *what, const blt_db *db)
{
  fprintf(stderr, "mixed_worker: %s: %s\n", what, blt_last_error(db)->message);
  exit(EXIT_FAILURE);
}

static long get_number(blt_db *db, const char *key)
{
  char text[TEXT_LEN] = "";
  size_t len = 0;
  const blt_status status =
      blt_get_into(db, key, strlen(key), text, sizeof text - 1, &len);

  if (status < 0)
    fail(key, db);
  return status == BLT_NOT_FOUND ? 0 : strtol(text, NULL, 10);
}

static void put_number(blt_db *db, const char *key, long number)
{
  char text[TEXT_LEN];
  const int len = snprintf(text, sizeof text, "%ld", number);

  if (blt_put(db, key, strlen(key), text, (size_t)len) < 0)
    fail(key, db);
}

static void own_key(const struct worker *worker, int i, char key[TEXT_LEN])
{
  snprintf(key, TEXT_LEN, "own-%d-%d", worker->id, i);
}

static void check_own(const struct worker *worker, blt_db *db)
{
  char key[TEXT_LEN];

  for (int i = 0; i < N_OWN; i++) {
    own_key(worker, i, key);
    const long number = get_number(db, key);
    if (number == worker->own[i])
      continue;
    fprintf(stderr, "mixed_worker: %s is %ld, not %ld\n", key, number,
            worker->own[i]);
    exit(EXIT_FAILURE);
  }
}

static void change_own(struct worker *worker, blt_db *db, long turn)
{
  const int i = (int)random_below(&worker->random, N_OWN);
  char key[TEXT_LEN];

  own_key(worker, i, key);
  worker->own[i] = random_below(&worker->random, 4) == 0 ? 0 : turn;
  if (worker->own[i] != 0)
    put_number(db, key, turn);
  else if (blt_delete(db, key, strlen(key)) < 0)
    fail(key, db);
}

static void add_one(struct worker *worker, blt_db *db)
{
  const int i = (int)random_below(&worker->random, N_SHARED);
  char key[TEXT_LEN];

  snprintf(key, sizeof key, "shared-%d", i);
  put_number(db, key, get_number(db, key) + 1);
  worker->n_added[i]++;
}

static void keep_up(struct worker *worker, blt_db *db)
{
  const uint32_t n = random_below(&worker->random, 20);

  if (n == 0 && blt_prune(db, NULL, NULL) < 0)
    fail("prune", db);
  if (n == 1 && blt_reindex(db, 200 + random_below(&worker->random, 2000)) < 0)
    fail("reindex", db);
}

static void take_turn(struct worker *worker, long turn)
{
  const int reads = random_below(&worker->random, 4) == 0;
  blt_options options = BLT_OPTIONS_INIT;
  blt_db *db = NULL;

  options.mode = reads ? BLT_READ : BLT_WRITE;
  options.sync = (blt_sync_level)random_below(&worker->random, 3);
  if (blt_open(worker->path, &options, &db) < 0)
    fail("open", NULL);
  check_own(worker, db);
  if (!reads) {
    for (int i = 0; i < 3; i++)
      change_own(worker, db, turn);
    add_one(worker, db);
    keep_up(worker, db);
    check_own(worker, db);
  }
  if (blt_close(db) < 0)
    fail("close", NULL);
}

int main(int argc, char **argv)
{
  struct worker worker = {.path = NULL};

  if (argc != 5)
    return EXIT_FAILURE;
  setenv("BLT_SEED", argv[4], 1);
  worker.path = argv[1];
  worker.id = atoi(argv[2]);
  random_start(&worker.random, (uint64_t)worker.id);
  for (long turn = 1; turn <= atol(argv[3]); turn++)
    take_turn(&worker, turn);
  for (int i = 0; i < N_SHARED; i++)
    printf("%ld ", worker.n_added[i]);
  return EXIT_SUCCESS;
}
