/*
 * world.c - a machine in memory for stores that live for microseconds
 */
#include "fuzz/world.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "api/db.h"
#include "fuzz/arena.h"
#include "fuzz/poison.h"
#include "fuzz/wrapped.h"
#include "os/file.h"
#include "support/idle.h"

enum { N_FILES = 4, N_HANDLES = 8, NAME_LEN = 64 };

struct content {
  char name[NAME_LEN]; /* "": free                                          */
  uint8_t *bytes;
  size_t len;
};

struct handle {
  struct blt__file file;
  struct content *content; /* NULL: free                                    */
};

static struct world {
  struct content files[N_FILES];
  struct handle handles[N_HANDLES];
  unsigned n_open;
  int is_counting;
  unsigned n_left;
  uint64_t time;
} world;

void (*world_on_change)(void);

void world_fail(const char *file, int line, const char *sentence, ...)
{
  va_list args;

  fprintf(stderr, "BROKEN PROMISE %s:%d: ", file, line);
  va_start(args, sentence);
  vfprintf(stderr, sentence, args);
  va_end(args);
  fprintf(stderr, "\n  last error: %s\n", blt_last_error(NULL)->message);
  abort();
}

void world_trace(const char *sentence, ...)
{
  static int wanted = -1;
  va_list args;

  if (wanted < 0)
    wanted = getenv("FUZZ_TRACE") != NULL;
  if (!wanted)
    return;
  va_start(args, sentence);
  vfprintf(stderr, sentence, args);
  va_end(args);
}

/* ---- files */

static void set_len(struct content *content, size_t len)
{
  if (len > content->len) {
    unpoison(content->bytes + content->len, len - content->len);
    memset(content->bytes + content->len, 0, len - content->len);
  } else if (len < content->len) {
    poison(content->bytes + len, content->len - len);
  }
  content->len = len;
}

static struct content *find(const char *name)
{
  for (unsigned i = 0; i < N_FILES; i++)
    if (world.files[i].name[0] != 0 && strcmp(world.files[i].name, name) == 0)
      return &world.files[i];
  return NULL;
}

static struct content *make(const char *name)
{
  struct content *content = find(name);

  for (unsigned i = 0; i < N_FILES && content == NULL; i++)
    if (world.files[i].name[0] == 0)
      content = &world.files[i];
  MUST(content != NULL && strlen(name) < NAME_LEN, "no room for %s", name);
  strcpy(content->name, name);
  if (content->bytes == NULL) {
    void *const bytes =
        mmap(NULL, WORLD_SPACE, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    MUST(bytes != MAP_FAILED, "no address space for a file");
    content->bytes = bytes;
    poison(content->bytes, WORLD_SPACE);
  }
  return content;
}

static void drop(struct content *content)
{
  set_len(content, 0);
  content->name[0] = 0;
}

void world_put(const char *path, const void *bytes, size_t len)
{
  struct content *const content = make(path);

  MUST(len <= WORLD_ROOM, "the input is too long");
  set_len(content, 0);
  set_len(content, len);
  if (len > 0)
    memcpy(content->bytes, bytes, len);
}

const uint8_t *world_get(const char *path, size_t *out_len)
{
  const struct content *const content = find(path);

  if (content == NULL)
    return NULL;
  *out_len = content->len;
  return content->bytes;
}

/* ---- the table of operations */

static struct content *content_of(struct blt__file *file)
{
  return ((struct handle *)file)->content;
}

/* Whether the machine runs on for this change. */
static int may_change(void)
{
  if (!world.is_counting)
    return 1;
  if (world.n_left == 0)
    return 0;
  world.n_left--;
  return 1;
}

static void tell_change(void)
{
  if (world_on_change != NULL)
    world_on_change();
}

static int64_t read_at(struct blt__file *file, uint64_t off, void *buf,
                       size_t len)
{
  const struct content *const content = content_of(file);

  if (off >= content->len)
    return 0;
  if (len > content->len - off)
    len = content->len - (size_t)off;
  memcpy(buf, content->bytes + off, len);
  return (int64_t)len;
}

static int64_t write_at(struct blt__file *file, uint64_t off,
                        const struct blt__span *spans, size_t n_spans)
{
  struct content *const content = content_of(file);
  uint64_t len = 0;

  for (size_t i = 0; i < n_spans; i++)
    len += spans[i].len;
  if (!may_change())
    return -EIO;
  if (off > WORLD_ROOM || len > WORLD_ROOM - off)
    return -ENOSPC;
  world_trace("  write %s at %llu, %llu bytes\n", content->name,
              (unsigned long long)off, (unsigned long long)len);
  if (off + len > content->len)
    set_len(content, off + len);
  world_work.written += len;
  for (size_t i = 0; i < n_spans; i++) {
    if (spans[i].len > 0)
      memcpy(content->bytes + off, spans[i].data, spans[i].len);
    off += spans[i].len;
  }
  tell_change();
  return (int64_t)len;
}

static int get_size(struct blt__file *file, uint64_t *out)
{
  *out = content_of(file)->len;
  return 0;
}

static int set_size(struct blt__file *file, uint64_t len)
{
  if (!may_change())
    return -EIO;
  if (len > WORLD_ROOM)
    return -ENOSPC;
  world_trace("  size of %s: %llu\n", content_of(file)->name,
              (unsigned long long)len);
  set_len(content_of(file), len);
  tell_change();
  return 0;
}

static int reserve(struct blt__file *file, uint64_t off, uint64_t len)
{
  (void)file;
  if (world.is_counting && world.n_left == 0)
    return -EIO;
  return off > WORLD_ROOM || len > WORLD_ROOM - off ? -ENOSPC : 0;
}

static int punch(struct blt__file *file, uint64_t off, uint64_t len)
{
  struct content *const content = content_of(file);

  if (!may_change())
    return -EIO;
  MUST(off <= content->len && len <= content->len - off,
       "space is given back that the file does not have");
  memset(content->bytes + off, 0, len);
  tell_change();
  return 0;
}

static int sync_all(struct blt__file *file)
{
  (void)file;
  return world.is_counting && world.n_left == 0 ? -EIO : 0;
}

static int map(struct blt__file *file, size_t len, void **out)
{
  if (len > WORLD_SPACE)
    return -ENOMEM;
  *out = content_of(file)->bytes;
  return 0;
}

static void close_handle(struct blt__file *file)
{
  ((struct handle *)file)->content = NULL;
  world.n_open--;
}

static const struct blt__file_ops ops = {
    .read_at = read_at,
    .write_at = write_at,
    .size = get_size,
    .set_size = set_size,
    .reserve = reserve,
    .punch = punch,
    .sync = sync_all,
    .lock = idle_lock,
    .unlock = idle_unlock,
    .map = map,
    .unmap = idle_unmap,
    .advise = idle_advise,
    .close = close_handle,
};

/* ---- what the linker puts in the place of src/os/file_posix.c */

blt_status __wrap_blt__file_open(const struct blt__env *env,
                                 const struct blt__sink *sink,
                                 const struct blt__posix_open *how,
                                 struct blt__file **out);
blt_status __wrap_blt__file_create(const struct blt__sink *sink,
                                   const char *path,
                                   const struct blt__content *content,
                                   int durable);
blt_status __wrap_blt__file_publish(const struct blt__sink *sink,
                                    const char *temporary, const char *path);
void __wrap_blt__file_remove(const char *path);
int __wrap_blt__file_is_at(struct blt__file *file, const char *path);
int __wrap_blt__file_identify(struct blt__file *file, struct blt__file_id *out);

blt_status __wrap_blt__file_open(const struct blt__env *env,
                                 const struct blt__sink *sink,
                                 const struct blt__posix_open *how,
                                 struct blt__file **out)
{
  struct content *const content = find(how->path);

  (void)env;
  if (content == NULL)
    return blt__fail_errno(sink, ENOENT, BLT_NO_OFFSET, "open the file");
  for (unsigned i = 0; i < N_HANDLES; i++) {
    struct handle *const handle = &world.handles[i];
    if (handle->content != NULL)
      continue;
    *handle = (struct handle){.file = {.ops = &ops}, .content = content};
    world.n_open++;
    *out = &handle->file;
    return BLT_OK;
  }
  FAIL("too many files are open");
}

blt_status __wrap_blt__file_create(const struct blt__sink *sink,
                                   const char *path,
                                   const struct blt__content *content,
                                   int durable)
{
  (void)durable;
  if (find(path) != NULL)
    return blt__fail_errno(sink, EEXIST, BLT_NO_OFFSET, "make the file");
  if (content->len > WORLD_ROOM)
    return blt__fail_errno(sink, ENOSPC, BLT_NO_OFFSET, "make the file");
  struct content *const made = make(path);
  size_t off = content->head.len;
  set_len(made, content->len);
  memcpy(made->bytes, content->head.data, off);
  while (off < content->len) {
    const size_t left = content->len - off;
    const size_t n = content->fill.len < left ? content->fill.len : left;
    memcpy(made->bytes + off, content->fill.data, n);
    off += n;
  }
  return BLT_OK;
}

blt_status __wrap_blt__file_publish(const struct blt__sink *sink,
                                    const char *temporary, const char *path)
{
  struct content *const content = find(temporary);

  MUST(content != NULL, "%s is published and does not exist", temporary);
  if (find(path) != NULL) {
    drop(content);
    return blt__fail_errno(sink, EEXIST, BLT_NO_OFFSET, "name the file");
  }
  strcpy(content->name, path);
  return BLT_OK;
}

void __wrap_blt__file_remove(const char *path)
{
  struct content *const content = find(path);

  if (content != NULL)
    drop(content);
}

int __wrap_blt__file_is_at(struct blt__file *file, const char *path)
{
  return content_of(file) == find(path);
}

/* No name: locks among handles of one process are for other tests. */
int __wrap_blt__file_identify(struct blt__file *file, struct blt__file_id *out)
{
  (void)file;
  (void)out;
  return -EOPNOTSUPP;
}

/* ---- the whole */

void world_kill_after(unsigned n)
{
  world.is_counting = 1;
  world.n_left = n;
}

void world_calm(void)
{
  world.is_counting = 0;
}

int world_is_killed(void)
{
  return world.is_counting && world.n_left == 0;
}

void world_reset(void)
{
  for (unsigned i = 0; i < N_FILES; i++)
    if (world.files[i].name[0] != 0)
      drop(&world.files[i]);
  memset(world.handles, 0, sizeof world.handles);
  world.n_open = 0;
  world.is_counting = 0;
  world.time = 1000000;
  wrapped_reset();
  arena_reset(WORLD_MEMORY);
}

long world_n_pieces(void)
{
  return arena_n_live();
}

void world_expect_nothing_left(void)
{
  MUST(arena_n_live() == 0, "%ld pieces of memory are lost", arena_n_live());
  MUST(world.n_open == 0, "%u files are still open", world.n_open);
}

static uint64_t tell_time(void *ctx)
{
  (void)ctx;
  return world.time++;
}

blt_options world_options(blt_mode mode)
{
  blt_options options = BLT_OPTIONS_INIT;

  options.mode = mode;
  options.sigbus = BLT_OFF;
  options.auto_reindex = BLT_OFF;
  options.buffer_len = 4096;
  options.n_buckets = 3;
  options.allocator = &arena_allocator;
  options.clock = tell_time;
  return options;
}

void world_write_ahead(blt_db *db)
{
  if (db->writable && db->image.layout.n_buckets % 2 != 0)
    db->log.room.ahead = (struct blt__ahead){0, 0, 200};
}
