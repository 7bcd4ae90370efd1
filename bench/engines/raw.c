/*
 * raw.c - the floor under a durable put: append the same bytes, sync them
 *
 * It cannot read; only workloads/durable.c asks for it.
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "core/folder.h"
#include "core/must.h"
#include "engines/engine.h"

enum { CAPACITY = 4 << 20 };

struct store {
  int fd, durable;
  size_t len;
  char *buf;
};

static void *open_store(const struct setup *setup)
{
  char path[4096];
  struct store *store = must_alloc(sizeof *store);
  folder_join(path, sizeof path, setup->folder, "store.log");
  store->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0644);
  store->durable = setup->durable;
  store->len = 0;
  store->buf = must_alloc(CAPACITY);
  must(store->fd >= 0, "%s: %s", path, strerror(errno));
  return store;
}

static int flush(struct store *store)
{
  const ssize_t len = write(store->fd, store->buf, store->len);
  if (len < 0 || (size_t)len != store->len)
    return -1;
  store->len = 0;
  return 0;
}

static int put(void *handle, struct bytes key, struct bytes value)
{
  struct store *store = handle;
  if (key.len + value.len > CAPACITY - store->len && flush(store) < 0)
    return -1;
  must(key.len + value.len <= CAPACITY, "a record of more than 4 MiB");
  memcpy(store->buf + store->len, key.data, key.len);
  memcpy(store->buf + store->len + key.len, value.data, value.len);
  store->len += key.len + value.len;
  return 0;
}

static int commit(void *handle)
{
  struct store *store = handle;
  if (flush(store) < 0)
    return -1;
  return store->durable ? fdatasync(store->fd) : 0;
}

static int close_store(void *handle)
{
  struct store *store = handle;
  const int code = close(store->fd);
  free(store->buf);
  free(store);
  return code;
}

static const char *version(void)
{
  return "-";
}

const struct engine engine_raw = {
    .name = "raw",
    .settings = "the keys and values appended to a file, one write and one "
                "fdatasync for each commit",
    .version = version,
    .on_request = 1,
    .open = open_store,
    .close = close_store,
    .put = put,
    .commit = commit,
};
