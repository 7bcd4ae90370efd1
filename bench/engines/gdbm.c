/*
 * gdbm.c - GNU dbm: extendible hashing
 */
#include <gdbm.h>

#include <stdio.h>

#include "core/folder.h"
#include "core/must.h"
#include "engines/engine.h"

struct store {
  GDBM_FILE file;
  int durable;
};

static int said(const char *what)
{
  fprintf(stderr, "blt-bench: gdbm: %s: %s\n", what, gdbm_strerror(gdbm_errno));
  return -1;
}

/* Buckets in the cache: all of them, as far as half a gigabyte goes. */
static int tune(GDBM_FILE file, const struct setup *setup)
{
  size_t cached = setup->n_keys / 64 + 1024;
  size_t map_len = (size_t)1 << 40;
  if (cached > 131072)
    cached = 131072;
  if (gdbm_setopt(file, GDBM_SETCACHESIZE, &cached, sizeof cached) != 0)
    return said("cache");
  if (gdbm_setopt(file, GDBM_SETMAXMAPSIZE, &map_len, sizeof map_len) != 0)
    return said("map");
  return 0;
}

static void *open_store(const struct setup *setup)
{
  static const int modes[] = {GDBM_NEWDB, GDBM_WRITER, GDBM_READER};
  char path[4096];
  struct store *store = must_alloc(sizeof *store);
  folder_join(path, sizeof path, setup->folder, "store.gdbm");
  store->durable = setup->durable;
  store->file = gdbm_open(path, 4096, modes[setup->mode], 0644, NULL);
  if (store->file != NULL && tune(store->file, setup) == 0)
    return store;
  said(path);
  free(store);
  return NULL;
}

static int close_store(void *handle)
{
  struct store *store = handle;
  const int code = gdbm_close(store->file);
  free(store);
  return code;
}

static datum datum_of(struct bytes bytes)
{
  datum out = {NULL, (int)bytes.len};
  memcpy(&out.dptr, &bytes.data, sizeof out.dptr);
  return out;
}

static int put(void *handle, struct bytes key, struct bytes value)
{
  struct store *store = handle;
  return gdbm_store(store->file, datum_of(key), datum_of(value),
                    GDBM_REPLACE) == 0
             ? 0
             : said("put");
}

static int del(void *handle, struct bytes key)
{
  struct store *store = handle;
  if (gdbm_delete(store->file, datum_of(key)) == 0)
    return 0;
  return gdbm_errno == GDBM_ITEM_NOT_FOUND ? NONE : said("delete");
}

/* gdbm writes what changed at each call; only the sync is left. */
static int commit(void *handle)
{
  struct store *store = handle;
  return !store->durable || gdbm_sync(store->file) == 0 ? 0 : said("sync");
}

static int get(void *handle, struct bytes key, char *buf, size_t *len)
{
  struct store *store = handle;
  const datum value = gdbm_fetch(store->file, datum_of(key));
  if (value.dptr == NULL)
    return NONE;
  *len = (size_t)value.dsize;
  memcpy(buf, value.dptr, *len);
  free(value.dptr);
  return 0;
}

static int has(void *handle, struct bytes key)
{
  struct store *store = handle;
  return gdbm_exists(store->file, datum_of(key)) ? 0 : NONE;
}

static int walk(void *handle, enum part part, struct sink *sink)
{
  struct store *store = handle;
  datum key = gdbm_firstkey(store->file);
  while (key.dptr != NULL) {
    if (part & KEYS)
      sink_key(sink, key.dptr, (size_t)key.dsize);
    if (part & VALUES) {
      const datum value = gdbm_fetch(store->file, key);
      if (value.dptr == NULL)
        return said("fetch");
      sink_value(sink, value.dptr, (size_t)value.dsize);
      free(value.dptr);
    }
    const datum next = gdbm_nextkey(store->file, key);
    free(key.dptr);
    key = next;
  }
  return gdbm_errno == GDBM_ITEM_NOT_FOUND ? 0 : said("next");
}

static int prune(void *handle)
{
  struct store *store = handle;
  return gdbm_reorganize(store->file) == 0 ? 0 : said("reorganize");
}

static const char *version(void)
{
  return gdbm_version;
}

const struct engine engine_gdbm = {
    .name = "gdbm",
    .settings = "4096-byte blocks, a cache for up to 131,072 buckets, mapped, "
                "no sync; durable: gdbm_sync; prune is reorganize",
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
