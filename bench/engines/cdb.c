/*
 * cdb.c - tinycdb: a constant database, built once, never changed
 */
#include <cdb.h>

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "core/folder.h"
#include "core/must.h"
#include "engines/engine.h"

struct store {
  int fd, building;
  struct cdb_make make;
  struct cdb reader;
};

static int start(struct store *store, enum mode mode)
{
  store->building = mode != MODE_READ;
  return store->building ? cdb_make_start(&store->make, store->fd)
                         : cdb_init(&store->reader, store->fd);
}

static void *open_store(const struct setup *setup)
{
  char path[4096];
  struct store *store = must_alloc(sizeof *store);
  folder_join(path, sizeof path, setup->folder, "store.cdb");
  store->fd = open(
      path, setup->mode == MODE_READ ? O_RDONLY : O_RDWR | O_CREAT | O_TRUNC,
      0644);
  if (store->fd >= 0 && start(store, setup->mode) == 0)
    return store;
  free(store);
  return NULL;
}

static int put(void *handle, struct bytes key, struct bytes value)
{
  struct store *store = handle;
  return cdb_make_add(&store->make, key.data, (unsigned)key.len, value.data,
                      (unsigned)value.len);
}

/* The index is written at the end; from then on the store is read. */
static int commit(void *handle)
{
  struct store *store = handle;
  if (!store->building)
    return 0;
  if (cdb_make_finish(&store->make) < 0)
    return -1;
  return start(store, MODE_READ);
}

static int close_store(void *handle)
{
  struct store *store = handle;
  if (!store->building)
    cdb_free(&store->reader);
  const int code = close(store->fd);
  free(store);
  return code;
}

static int has(void *handle, struct bytes key)
{
  struct store *store = handle;
  const int found = cdb_find(&store->reader, key.data, (unsigned)key.len);
  return found > 0 ? 0 : found == 0 ? NONE : -1;
}

static int get(void *handle, struct bytes key, char *buf, size_t *len)
{
  struct store *store = handle;
  const int found = has(store, key);
  if (found != 0)
    return found;
  *len = cdb_datalen(&store->reader);
  const void *data = cdb_getdata(&store->reader);
  if (data == NULL)
    return -1;
  memcpy(buf, data, *len);
  return 0;
}

static int walk(void *handle, enum part part, struct sink *sink)
{
  struct store *store = handle;
  struct cdb *reader = &store->reader;
  unsigned at;
  int more;
  cdb_seqinit(&at, reader);
  while ((more = cdb_seqnext(&at, reader)) > 0) {
    if (part & KEYS)
      sink_key(sink, cdb_getkey(reader), cdb_keylen(reader));
    if (part & VALUES)
      sink_value(sink, cdb_getdata(reader), cdb_datalen(reader));
  }
  return more;
}

static const char *version(void)
{
  return "0.78";
}

const struct engine engine_cdb = {
    .name = "cdb",
    .settings = "tinycdb, cdb_make_add; built once: it cannot be updated, "
                "and it does not look for a key that is there already",
    .version = version,
    .open = open_store,
    .close = close_store,
    .put = put,
    .commit = commit,
    .get = get,
    .has = has,
    .walk = walk,
};
