/*
 * sqlite.c - SQLite: a table with a blob for a key
 */
#include <sqlite3.h>

#include <stdio.h>

#include "core/folder.h"
#include "core/must.h"
#include "engines/engine.h"

enum statement { PUT, DEL, GET, HAS, WALK, N_STATEMENTS };

static const char *const texts[N_STATEMENTS] = {
    [PUT] = "INSERT OR REPLACE INTO kv(k, v) VALUES(?1, ?2)",
    [DEL] = "DELETE FROM kv WHERE k = ?1",
    [GET] = "SELECT v FROM kv WHERE k = ?1",
    [HAS] = "SELECT 1 FROM kv WHERE k = ?1",
    [WALK] = "SELECT k, v FROM kv",
};

struct store {
  sqlite3 *db;
  sqlite3_stmt *statements[N_STATEMENTS];
  enum mode mode;
};

static int run(struct store *store, const char *text)
{
  char *message = NULL;
  if (sqlite3_exec(store->db, text, NULL, NULL, &message) == SQLITE_OK)
    return 0;
  fprintf(stderr, "blt-bench: sqlite: %s: %s\n", text, message);
  sqlite3_free(message);
  return -1;
}

static const char *pragmas(const struct setup *setup)
{
  if (setup->mode == MODE_READ)
    return "PRAGMA cache_size = -262144; PRAGMA mmap_size = 1099511627776";
  if (setup->durable)
    return "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
           "PRAGMA cache_size = -262144";
  return "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
         "PRAGMA locking_mode = EXCLUSIVE; PRAGMA cache_size = -262144;"
         "PRAGMA mmap_size = 1099511627776";
}

static int prepare(struct store *store)
{
  for (int i = 0; i < N_STATEMENTS; i++)
    if (sqlite3_prepare_v2(store->db, texts[i], -1, &store->statements[i],
                           NULL) != SQLITE_OK)
      return -1;
  return 0;
}

static int set_up(struct store *store, const struct setup *setup)
{
  if (run(store, pragmas(setup)) < 0)
    return -1;
  if (setup->mode == MODE_NEW &&
      run(store, "CREATE TABLE kv(k BLOB PRIMARY KEY, v BLOB NOT NULL)"
                 " WITHOUT ROWID") < 0)
    return -1;
  return prepare(store) < 0 ? -1 : run(store, "BEGIN");
}

static void *open_store(const struct setup *setup)
{
  char path[4096];
  struct store *store = must_alloc(sizeof *store);
  store->mode = setup->mode;
  folder_join(path, sizeof path, setup->folder, "store.sqlite");
  if (sqlite3_open_v2(path, &store->db,
                      setup->mode == MODE_READ
                          ? SQLITE_OPEN_READONLY
                          : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
                      NULL) == SQLITE_OK &&
      set_up(store, setup) == 0)
    return store;
  sqlite3_close(store->db);
  free(store);
  return NULL;
}

static int commit(void *handle)
{
  return run(handle, "COMMIT; BEGIN");
}

static int close_store(void *handle)
{
  struct store *store = handle;
  int code = run(store, "COMMIT");
  for (int i = 0; i < N_STATEMENTS; i++)
    sqlite3_finalize(store->statements[i]);
  if (sqlite3_close(store->db) != SQLITE_OK)
    code = -1;
  free(store);
  return code;
}

static sqlite3_stmt *bound(struct store *store, enum statement which,
                           struct bytes key)
{
  sqlite3_stmt *statement = store->statements[which];
  sqlite3_bind_blob(statement, 1, key.data, (int)key.len, SQLITE_STATIC);
  return statement;
}

static int put(void *handle, struct bytes key, struct bytes value)
{
  sqlite3_stmt *statement = bound(handle, PUT, key);
  sqlite3_bind_blob(statement, 2, value.data, (int)value.len, SQLITE_STATIC);
  const int code = sqlite3_step(statement);
  sqlite3_reset(statement);
  return code == SQLITE_DONE ? 0 : -1;
}

static int del(void *handle, struct bytes key)
{
  struct store *store = handle;
  sqlite3_stmt *statement = bound(store, DEL, key);
  const int code = sqlite3_step(statement);
  sqlite3_reset(statement);
  if (code != SQLITE_DONE)
    return -1;
  return sqlite3_changes(store->db) == 1 ? 0 : NONE;
}

static int get(void *handle, struct bytes key, char *buf, size_t *len)
{
  sqlite3_stmt *statement = bound(handle, GET, key);
  const int code = sqlite3_step(statement);
  if (code == SQLITE_ROW) {
    const void *value = sqlite3_column_blob(statement, 0);
    *len = (size_t)sqlite3_column_bytes(statement, 0);
    memcpy(buf, value, *len);
  }
  sqlite3_reset(statement);
  return code == SQLITE_ROW ? 0 : code == SQLITE_DONE ? NONE : -1;
}

static int has(void *handle, struct bytes key)
{
  sqlite3_stmt *statement = bound(handle, HAS, key);
  const int code = sqlite3_step(statement);
  sqlite3_reset(statement);
  return code == SQLITE_ROW ? 0 : code == SQLITE_DONE ? NONE : -1;
}

static int walk(void *handle, enum part part, struct sink *sink)
{
  struct store *store = handle;
  sqlite3_stmt *statement = store->statements[WALK];
  int code;
  while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
    if (part & KEYS)
      sink_key(sink, sqlite3_column_blob(statement, 0),
               (size_t)sqlite3_column_bytes(statement, 0));
    if (part & VALUES)
      sink_value(sink, sqlite3_column_blob(statement, 1),
                 (size_t)sqlite3_column_bytes(statement, 1));
  }
  sqlite3_reset(statement);
  return code == SQLITE_DONE ? 0 : -1;
}

static int prune(void *handle)
{
  return run(handle, "COMMIT; VACUUM; BEGIN");
}

const struct engine engine_sqlite = {
    .name = "sqlite",
    .settings =
        "a blob key WITHOUT ROWID, prepared statements, one transaction up to "
        "each commit, journal and synchronous OFF, exclusive, 256 MiB cache, "
        "mapped; durable: WAL and synchronous FULL; prune is VACUUM",
    .version = sqlite3_libversion,
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
