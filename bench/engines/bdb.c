/*
 * bdb.c - Berkeley DB: its hash access method
 */
#include <db.h>

#include <stdio.h>
#include <unistd.h>

#include "core/folder.h"
#include "core/must.h"
#include "engines/engine.h"

enum { CACHE_MAX = 1 << 30 };

static int said(int code)
{
  if (code == 0)
    return 0;
  fprintf(stderr, "blt-bench: bdb: %s\n", db_strerror(code));
  return -1;
}

static int no_sync(int fd)
{
  (void)fd;
  return 0;
}

/* Its sync writes the cache to the file and always syncs the file as well;
 * where no other engine syncs, the second half is left out. */
static int set_up(DB *db, const struct setup *setup)
{
  size_t cache = setup->n_keys * (setup->value_len + 64) * 2 + (32 << 20);
  if (cache > CACHE_MAX)
    cache = CACHE_MAX;
  db_env_set_func_fsync(setup->durable ? fsync : no_sync);
  if (setup->mode == MODE_NEW &&
      db->set_h_nelem(db, (u_int32_t)setup->n_keys) != 0)
    return -1;
  return said(db->set_cachesize(db, 0, (u_int32_t)cache, 1));
}

static void *open_store(const struct setup *setup)
{
  static const u_int32_t modes[] = {DB_CREATE | DB_TRUNCATE, 0, DB_RDONLY};
  char path[4096];
  DB *db;
  folder_join(path, sizeof path, setup->folder, "store.bdb");
  if (said(db_create(&db, NULL, 0)) < 0)
    return NULL;
  if (set_up(db, setup) == 0 && said(db->open(db, NULL, path, NULL, DB_HASH,
                                              modes[setup->mode], 0644)) == 0)
    return db;
  db->close(db, 0);
  return NULL;
}

static int close_store(void *handle)
{
  DB *db = handle;
  return said(db->close(db, 0));
}

static DBT dbt(struct bytes bytes)
{
  DBT out = {.size = (u_int32_t)bytes.len};
  memcpy(&out.data, &bytes.data, sizeof out.data);
  return out;
}

static int put(void *handle, struct bytes key, struct bytes value)
{
  DB *db = handle;
  DBT k = dbt(key), v = dbt(value);
  return said(db->put(db, NULL, &k, &v, 0));
}

static int del(void *handle, struct bytes key)
{
  DB *db = handle;
  DBT k = dbt(key);
  const int code = db->del(db, NULL, &k, 0);
  return code == DB_NOTFOUND ? NONE : said(code);
}

static int commit(void *handle)
{
  DB *db = handle;
  return said(db->sync(db, 0));
}

static int get(void *handle, struct bytes key, char *buf, size_t *len)
{
  DB *db = handle;
  DBT k = dbt(key);
  DBT v = {.data = buf, .ulen = UINT32_MAX, .flags = DB_DBT_USERMEM};
  const int code = db->get(db, NULL, &k, &v, 0);
  if (code != 0)
    return code == DB_NOTFOUND ? NONE : said(code);
  *len = v.size;
  return 0;
}

static int has(void *handle, struct bytes key)
{
  DB *db = handle;
  DBT k = dbt(key);
  const int code = db->exists(db, NULL, &k, 0);
  return code == DB_NOTFOUND ? NONE : said(code);
}

static int walk(void *handle, enum part part, struct sink *sink)
{
  DB *db = handle;
  DBC *cursor;
  DBT k = {0}, v = {0};
  if (part == KEYS)
    v.flags = DB_DBT_PARTIAL; /* no byte of it */
  int code = db->cursor(db, NULL, &cursor, 0);
  if (said(code) < 0)
    return -1;
  while ((code = cursor->get(cursor, &k, &v, DB_NEXT)) == 0) {
    if (part & KEYS)
      sink_key(sink, k.data, k.size);
    if (part & VALUES)
      sink_value(sink, v.data, v.size);
  }
  cursor->close(cursor);
  return code == DB_NOTFOUND ? 0 : said(code);
}

static int prune(void *handle)
{
  DB *db = handle;
  if (said(db->compact(db, NULL, NULL, NULL, NULL, DB_FREE_SPACE, NULL)) < 0)
    return -1;
  return commit(db);
}

static const char *version(void)
{
  return db_version(NULL, NULL, NULL);
}

const struct engine engine_bdb = {
    .name = "bdb",
    .settings = "DB_HASH, n told in advance, a cache of twice the data up to "
                "1 GiB, no environment; commit is sync, whose fsync is left "
                "out unless durable; prune is compact with DB_FREE_SPACE",
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
