/*
 * blt.c - this library, through blt.h
 *
 * blt is the level BLT_SYNC_OFF, to stand beside peers that do not sync. The
 * others are the same code with other options.
 */
#include <blt.h>

#include <stdio.h>

#include "core/folder.h"
#include "core/must.h"
#include "engines/engine.h"

enum { MAX_MANY = 64, MAX_ITEMS = 16 };

static int plain(blt_status status)
{
  if (status < 0)
    fprintf(stderr, "blt-bench: blt: %s\n", blt_status_message(status));
  return (int)status;
}

/* Of the only store of this process: durable commits are batches, since
 * blt_sync does more than a commit (it also serves booklet). */
static struct {
  int wanted, is_open;
} batches;

struct variant {
  blt_sync_level level;
  blt_io io;
  blt_advice advice;
  blt_choice side_table;
  int fitted; /* enough buckets from the start */
};

static void *open_store(const struct setup *setup)
{
  static const blt_mode modes[] = {BLT_NEW, BLT_WRITE, BLT_READ};
  const struct variant *variant = setup->engine->variant;
  char path[4096];
  blt_db *db;
  blt_options options = BLT_OPTIONS_INIT;
  options.mode = modes[setup->mode];
  options.sync = setup->durable ? BLT_SYNC_FULL : variant->level;
  options.io = variant->io;
  options.advice = variant->advice;
  options.side_table = variant->side_table;
  if (variant->fitted)
    options.n_buckets = blt_buckets_for(setup->n_keys);
  batches.wanted = setup->durable;
  batches.is_open = 0;
  folder_join(path, sizeof path, setup->folder, "store.blt");
  if (blt_open(path, &options, &db) == BLT_OK)
    return db;
  fprintf(stderr, "blt-bench: %s\n", blt_last_error(NULL)->message);
  return NULL;
}

static int close_store(void *store)
{
  return plain(blt_close(store));
}

static int put(void *store, struct bytes key, struct bytes value)
{
  if (batches.wanted && !batches.is_open) {
    batches.is_open = 1;
    if (blt_batch_begin(store) < 0)
      return -1;
  }
  return blt_put(store, key.data, key.len, value.data, value.len);
}

static int del(void *store, struct bytes key)
{
  return blt_delete(store, key.data, key.len);
}

static int commit(void *store)
{
  if (batches.wanted) {
    batches.is_open = 0;
    return plain(blt_batch_commit(store));
  }
  return plain(blt_sync(store));
}

static int get(void *store, struct bytes key, char *buf, size_t *len)
{
  blt_bytes value;
  const blt_status status = blt_get(store, key.data, key.len, &value);
  if (status == BLT_OK) {
    memcpy(buf, value.data, value.len);
    *len = value.len;
  }
  return (int)status;
}

static int has(void *store, struct bytes key)
{
  return blt_has(store, key.data, key.len);
}

static int walk(void *store, enum part part, struct sink *sink)
{
  blt_iter *iter;
  blt_item items[MAX_ITEMS];
  size_t n;
  blt_status status = blt_iter_open(
      store, part & VALUES ? BLT_ITER_VALUES : BLT_ITER_KEYS, &iter);
  if (status < 0)
    return plain(status);
  while ((status = blt_iter_next_many(iter, items, MAX_ITEMS, &n)) == BLT_OK)
    for (size_t i = 0; i < n; i++) {
      if (part & KEYS)
        sink_key(sink, items[i].key.data, items[i].key.len);
      if (part & VALUES)
        sink_value(sink, items[i].value.data, items[i].value.len);
    }
  blt_iter_close(iter);
  return status == BLT_END ? 0 : plain(status);
}

static int prune(void *store)
{
  return plain(blt_prune(store, NULL, NULL));
}

/* The structs are made inside the clock: a user has to make them as well. */
static void fill(blt_bytes *out, const struct bytes *keys, size_t n)
{
  must(n > 0 && n <= MAX_MANY, "%zu keys at once", n);
  for (size_t i = 0; i < n; i++) {
    out[i].data = keys[i].data;
    out[i].len = keys[i].len;
  }
}

static int put_many(void *store, const struct bytes *keys,
                    const struct bytes *values, size_t n)
{
  blt_item items[MAX_MANY];
  must(n > 0 && n <= MAX_MANY, "%zu keys at once", n);
  for (size_t i = 0; i < n; i++) {
    items[i].key = (blt_bytes){keys[i].data, keys[i].len};
    items[i].value = (blt_bytes){values[i].data, values[i].len};
    items[i].timestamp = BLT_NOW;
  }
  return blt_put_many(store, items, n);
}

static int get_many(void *store, const struct bytes *keys, size_t n,
                    struct sink *sink)
{
  blt_bytes wanted[MAX_MANY], values[MAX_MANY];
  fill(wanted, keys, n);
  const blt_status status = blt_get_many(store, wanted, n, values, NULL);
  if (status < 0)
    return plain(status);
  for (size_t i = 0; i < n; i++) {
    if (values[i].data == NULL)
      return NONE;
    sink_value(sink, values[i].data, values[i].len);
  }
  return 0;
}

static int has_many(void *store, const struct bytes *keys, size_t n,
                    size_t *n_found)
{
  blt_bytes wanted[MAX_MANY];
  unsigned char found[MAX_MANY];
  fill(wanted, keys, n);
  return plain(blt_has_many(store, wanted, n, found, n_found));
}

static int del_many(void *store, const struct bytes *keys, size_t n,
                    size_t *n_found)
{
  blt_bytes wanted[MAX_MANY];
  fill(wanted, keys, n);
  return plain(blt_delete_many(store, wanted, n, n_found));
}

#define ENGINE(name_, variant_, settings_, on_request_)                        \
  {                                                                            \
    .name = name_, .settings = settings_, .version = blt_version,              \
    .variant = variant_, .on_request = on_request_, .shared = 1,               \
    .open = open_store, .close = close_store, .put = put, .del = del,          \
    .commit = commit, .get = get, .has = has, .walk = walk, .prune = prune,    \
    .put_many = put_many, .get_many = get_many, .has_many = has_many,          \
    .del_many = del_many,                                                      \
  }

static const struct variant off = {.level = BLT_SYNC_OFF};
static const struct variant batch = {.level = BLT_SYNC_BATCH};
static const struct variant full = {.level = BLT_SYNC_FULL};
static const struct variant by_pread = {.level = BLT_SYNC_OFF,
                                        .io = BLT_IO_PREAD};
static const struct variant drop = {.level = BLT_SYNC_OFF,
                                    .advice = BLT_ADVICE_DROP};
static const struct variant plain_index = {.level = BLT_SYNC_OFF,
                                           .side_table = BLT_OFF};
static const struct variant fitted = {.level = BLT_SYNC_OFF, .fitted = 1};

const struct engine engine_blt =
    ENGINE("blt", &off,
           "default options (12,007 buckets at creation, which grow), level "
           "OFF; commit is blt_sync, durable: FULL and blt_batch_commit; bulk "
           "and batch calls with 64 keys, iteration with 16",
           0);
const struct engine engine_blt_batch =
    ENGINE("blt-batch", &batch, "as blt, level BATCH", 1);
const struct engine engine_blt_full =
    ENGINE("blt-full", &full, "as blt, level FULL", 1);
const struct engine engine_blt_pread =
    ENGINE("blt-pread", &by_pread, "as blt, BLT_IO_PREAD: no mapping", 1);
const struct engine engine_blt_drop =
    ENGINE("blt-drop", &drop, "as blt, BLT_ADVICE_DROP", 1);
const struct engine engine_blt_plain =
    ENGINE("blt-plain", &plain_index, "as blt, without a side table", 1);
const struct engine engine_blt_fitted = ENGINE(
    "blt-fitted", &fitted, "as blt, buckets for all keys from the start", 1);
