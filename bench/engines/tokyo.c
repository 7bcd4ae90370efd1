/*
 * tokyo.c - Tokyo Cabinet: its file hash table
 */
#include <tchdb.h>
#include <tcutil.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdint.h>

#include "core/folder.h"
#include "core/must.h"
#include "engines/engine.h"

struct store {
  TCHDB *db;
  int durable;
  size_t value_len;
};

static int failed(const struct store *store)
{
  const int code = tchdbecode(store->db);
  if (code == TCENOREC)
    return NONE;
  fprintf(stderr, "blt-bench: tokyo: %s\n", tchdberrmsg(code));
  return -1;
}

static int open_modes(enum mode mode)
{
  if (mode == MODE_READ)
    return HDBOREADER;
  return mode == MODE_NEW ? HDBOWRITER | HDBOCREAT | HDBOTRUNC : HDBOWRITER;
}

static void *open_store(const struct setup *setup)
{
  char path[4096];
  struct store *store = must_alloc(sizeof *store);
  const int64_t n = (int64_t)setup->n_keys;
  const int64_t record = (int64_t)setup->value_len + 64;
  store->db = tchdbnew();
  store->durable = setup->durable;
  store->value_len = setup->value_len;
  folder_join(path, sizeof path, setup->folder, "store.tch");
  if (tchdbtune(store->db, n * 2, -1, -1, HDBTLARGE) &&
      tchdbsetxmsiz(store->db, n * (record * 2 + 16) + (64 << 20)) &&
      tchdbopen(store->db, path, open_modes(setup->mode)))
    return store;
  failed(store);
  tchdbdel(store->db);
  free(store);
  return NULL;
}

static int close_store(void *handle)
{
  struct store *store = handle;
  const int code = tchdbclose(store->db) ? 0 : failed(store);
  tchdbdel(store->db);
  free(store);
  return code;
}

static int put(void *handle, struct bytes key, struct bytes value)
{
  struct store *store = handle;
  return tchdbput(store->db, key.data, (int)key.len, value.data, (int)value.len)
             ? 0
             : failed(store);
}

static int del(void *handle, struct bytes key)
{
  struct store *store = handle;
  return tchdbout(store->db, key.data, (int)key.len) ? 0 : failed(store);
}

/* Without a sync there is nothing to do: what was put is in the mapping. */
static int commit(void *handle)
{
  struct store *store = handle;
  return !store->durable || tchdbsync(store->db) ? 0 : failed(store);
}

static int get(void *handle, struct bytes key, char *buf, size_t *len)
{
  struct store *store = handle;
  const int found =
      tchdbget3(store->db, key.data, (int)key.len, buf, (int)store->value_len);
  if (found < 0)
    return failed(store);
  *len = (size_t)found;
  return 0;
}

static int has(void *handle, struct bytes key)
{
  struct store *store = handle;
  return tchdbvsiz(store->db, key.data, (int)key.len) >= 0 ? 0 : failed(store);
}

static int walk(void *handle, enum part part, struct sink *sink)
{
  struct store *store = handle;
  TCXSTR *key = tcxstrnew(), *value = tcxstrnew();
  const bool started = tchdbiterinit(store->db);
  while (started && tchdbiternext3(store->db, key, value)) {
    if (part & KEYS)
      sink_key(sink, tcxstrptr(key), (size_t)tcxstrsize(key));
    if (part & VALUES)
      sink_value(sink, tcxstrptr(value), (size_t)tcxstrsize(value));
  }
  tcxstrdel(key);
  tcxstrdel(value);
  return started && failed(store) == NONE ? 0 : -1;
}

static int prune(void *handle)
{
  struct store *store = handle;
  return tchdboptimize(store->db, -1, -1, -1, UINT8_MAX) ? 0 : failed(store);
}

static const char *version(void)
{
  return tcversion;
}

const struct engine engine_tokyo = {
    .name = "tokyo",
    .settings = "tchdb, LARGE, 2n buckets, the whole file mapped; durable: "
                "tchdbsync; prune is optimize",
    .version = version,
    .open = open_store,
    .close = close_store,
    .put = put,
    .del = del,
    .commit = commit,
    .get = get,
    .has = has,
    .walk = walk,
    .prune = prune,
};
