/*
 * chain.c - a get by the number of keys in a bucket
 */
#include <blt.h>

#include <stdio.h>

#include "core/must.h"
#include "micro/micro.h"

enum { N = 100000 };

static void put_all(blt_db *db, const struct dataset *set)
{
  for (size_t i = 0; i < N; i++)
    must(blt_put(db, key_in(set->keys, i), KEY_LEN, value_of(set, i, 0),
                 set->value_len) == BLT_OK,
         "put failed");
}

static void get_all(blt_db *db, const struct dataset *set, size_t n_buckets)
{
  size_t n_found = 0;
  blt_bytes value;
  char name[32];
  const struct lap start = lap_start();
  for (size_t i = 0; i < N; i++)
    n_found +=
        blt_get(db, key_in(set->shuffled[0], i), KEY_LEN, &value) == BLT_OK;
  snprintf(name, sizeof name, "%.2f keys a bucket",
           (double)N / (double)n_buckets);
  micro_row("chain", name, n_buckets, N, lap_since(start), n_found == N);
}

static void chain(void)
{
  static const uint32_t counts[] = {400000, 200000, 100000, 50000, 12500, 1250};
  struct dataset set;
  dataset_make(&set, N, 200);
  for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
    blt_options options = BLT_OPTIONS_INIT;
    blt_db *db;
    char path[4096];
    micro_path(path, sizeof path, "chain.blt");
    options.mode = BLT_NEW;
    options.n_buckets = counts[c];
    options.auto_reindex = BLT_OFF;
    options.sync = BLT_SYNC_OFF;
    must(blt_open(path, &options, &db) == BLT_OK, "cannot open %s", path);
    put_all(db, &set);
    must(blt_reopen(db, BLT_READ) == BLT_OK, "cannot open again");
    get_all(db, &set, counts[c]);
    blt_close(db);
  }
  dataset_free(&set);
}

const struct micro micro_chain = {
    .name = "chain",
    .purpose = "a get by the number of keys in a bucket; n is the number of "
               "buckets",
    .run = chain,
};
