/*
 * lmdb.c - LMDB: a B+ tree that is mapped and copied on write
 */
#include <lmdb.h>

#include <stdio.h>

#include "core/folder.h"
#include "core/must.h"
#include "engines/engine.h"

struct store {
  MDB_env *env;
  MDB_txn *txn;
  MDB_dbi dbi;
  struct setup setup;
};

static int said(int code)
{
  if (code == 0)
    return 0;
  fprintf(stderr, "blt-bench: lmdb: %s\n", mdb_strerror(code));
  return -1;
}

/* Address space only: the file grows as it is written. */
static size_t map_len(const struct setup *setup)
{
  const size_t pages = (setup->value_len + 64) / 4096 + 1;
  const size_t record =
      setup->value_len < 2000 ? setup->value_len * 2 + 128 : (pages + 1) * 4096;
  return (setup->n_keys * record * 4 + ((size_t)1 << 30)) & ~(size_t)4095;
}

static int begin(struct store *store)
{
  const unsigned flags = store->setup.mode == MODE_READ ? MDB_RDONLY : 0;
  int code = mdb_txn_begin(store->env, NULL, flags, &store->txn);
  if (code == 0)
    code = mdb_dbi_open(store->txn, NULL, 0, &store->dbi);
  return said(code);
}

static int open_env(struct store *store)
{
  char path[4096];
  unsigned flags = MDB_NOSUBDIR;
  if (store->setup.mode == MODE_READ)
    flags |= MDB_RDONLY;
  else if (!store->setup.durable)
    flags |= MDB_WRITEMAP | MDB_NOSYNC;
  folder_join(path, sizeof path, store->setup.folder, "store.mdb");
  if (said(mdb_env_create(&store->env)) < 0)
    return -1;
  if (said(mdb_env_set_mapsize(store->env, map_len(&store->setup))) < 0 ||
      said(mdb_env_open(store->env, path, flags, 0644)) < 0)
    return -1;
  return begin(store);
}

static void *open_store(const struct setup *setup)
{
  struct store *store = must_alloc(sizeof *store);
  store->setup = *setup;
  if (open_env(store) == 0)
    return store;
  free(store);
  return NULL;
}

static int commit(void *handle)
{
  struct store *store = handle;
  const int code = said(mdb_txn_commit(store->txn));
  store->txn = NULL;
  return code < 0 ? code : begin(store);
}

static int close_store(void *handle)
{
  struct store *store = handle;
  const int code = said(mdb_txn_commit(store->txn));
  mdb_env_close(store->env);
  free(store);
  return code;
}

static MDB_val val(struct bytes bytes)
{
  MDB_val out = {bytes.len, NULL};
  memcpy(&out.mv_data, &bytes.data, sizeof out.mv_data);
  return out;
}

static int put(void *handle, struct bytes key, struct bytes value)
{
  struct store *store = handle;
  MDB_val k = val(key), v = val(value);
  return mdb_put(store->txn, store->dbi, &k, &v, 0) == 0 ? 0 : -1;
}

static int del(void *handle, struct bytes key)
{
  struct store *store = handle;
  MDB_val k = val(key);
  const int code = mdb_del(store->txn, store->dbi, &k, NULL);
  return code == MDB_NOTFOUND ? NONE : code == 0 ? 0 : -1;
}

static int get(void *handle, struct bytes key, char *buf, size_t *len)
{
  struct store *store = handle;
  MDB_val k = val(key), v;
  const int code = mdb_get(store->txn, store->dbi, &k, &v);
  if (code != 0)
    return code == MDB_NOTFOUND ? NONE : -1;
  memcpy(buf, v.mv_data, v.mv_size);
  *len = v.mv_size;
  return 0;
}

static int has(void *handle, struct bytes key)
{
  struct store *store = handle;
  MDB_val k = val(key), v;
  const int code = mdb_get(store->txn, store->dbi, &k, &v);
  return code == MDB_NOTFOUND ? NONE : code == 0 ? 0 : -1;
}

static int walk(void *handle, enum part part, struct sink *sink)
{
  struct store *store = handle;
  MDB_cursor *cursor;
  MDB_val k, v;
  int code = mdb_cursor_open(store->txn, store->dbi, &cursor);
  if (said(code) < 0)
    return -1;
  while ((code = mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) == 0) {
    if (part & KEYS)
      sink_key(sink, k.mv_data, k.mv_size);
    if (part & VALUES)
      sink_value(sink, v.mv_data, v.mv_size);
  }
  mdb_cursor_close(cursor);
  return code == MDB_NOTFOUND ? 0 : said(code);
}

/* A compacting copy takes the place of the store. */
static int prune(void *handle)
{
  struct store *store = handle;
  char path[4096], copy[4096];
  folder_join(path, sizeof path, store->setup.folder, "store.mdb");
  folder_join(copy, sizeof copy, store->setup.folder, "copy.mdb");
  if (said(mdb_txn_commit(store->txn)) < 0)
    return -1;
  if (said(mdb_env_copy2(store->env, copy, MDB_CP_COMPACT)) < 0)
    return -1;
  mdb_env_close(store->env);
  if (rename(copy, path) < 0)
    return -1;
  return open_env(store);
}

static const char *version(void)
{
  return mdb_version(NULL, NULL, NULL);
}

const struct engine engine_lmdb = {
    .name = "lmdb",
    .settings = "WRITEMAP and NOSYNC, one transaction up to each commit; "
                "durable: no flags; prune is a compacting copy, renamed",
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
