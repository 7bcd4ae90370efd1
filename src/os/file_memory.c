/*
 * file_memory.c - a file in memory
 *
 * Its bytes lie in address space that is taken once and filled as the file
 * grows, so that they never move; the mapping is the file itself.
 */
#include "os/file.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

/* Room for growth; less where the process may not have so much. */
#define ROOM_MAX ((size_t)1 << 36)
#define ROOM_MIN ((size_t)1 << 24)

struct memory_file {
  struct blt__file file;
  const struct blt__env *env;
  uint8_t *bytes;
  size_t room;
  size_t len;
};

static struct memory_file *self(struct blt__file *file)
{
  return (struct memory_file *)file;
}

static int64_t memory_read_at(struct blt__file *file, uint64_t off, void *buf,
                              size_t len)
{
  struct memory_file *m = self(file);

  if (off >= m->len)
    return 0;
  if (len > m->len - off)
    len = m->len - off;
  memcpy(buf, m->bytes + off, len);
  return (int64_t)len;
}

static int memory_set_size(struct blt__file *file, uint64_t len)
{
  struct memory_file *m = self(file);

  if (len > m->room)
    return -ENOSPC;
  if (len < m->len) {
    /* Zeros again, should the file grow back over it. */
    size_t page_end = (len + 4095) & ~(size_t)4095;
    memset(m->bytes + len, 0, (page_end < m->len ? page_end : m->len) - len);
    if (page_end < m->len)
      (void)madvise(m->bytes + page_end, m->len - page_end, MADV_DONTNEED);
  }
  m->len = len;
  return 0;
}

static int64_t memory_write_at(struct blt__file *file, uint64_t off,
                               const struct blt__span *spans, size_t n_spans)
{
  struct memory_file *m = self(file);
  uint64_t at = off;

  for (size_t i = 0; i < n_spans; i++) {
    if (at > m->room || spans[i].len > m->room - at)
      return at > off ? (int64_t)(at - off) : -ENOSPC;
    if (spans[i].len > 0)
      memcpy(m->bytes + at, spans[i].data, spans[i].len);
    at += spans[i].len;
    if (at > m->len)
      m->len = at;
  }
  return (int64_t)(at - off);
}

static int memory_size(struct blt__file *file, uint64_t *out)
{
  *out = self(file)->len;
  return 0;
}

static int memory_reserve(struct blt__file *file, uint64_t off, uint64_t len)
{
  struct memory_file *m = self(file);

  return off > m->room || len > m->room - off ? -ENOSPC : 0;
}

static int memory_sync(struct blt__file *file)
{
  (void)file;
  return 0;
}

static int memory_lock(struct blt__file *file, int exclusive, int wait)
{
  (void)file;
  (void)exclusive;
  (void)wait;
  return 0;
}

static int memory_map(struct blt__file *file, size_t len, void **out)
{
  if (len > self(file)->room)
    return -ENOMEM;
  *out = self(file)->bytes;
  return 0;
}

static void memory_unmap(struct blt__file *file, void *base, size_t len)
{
  (void)file;
  (void)base;
  (void)len;
}

static void memory_advise(struct blt__file *file, void *base, size_t len,
                          enum blt__hint hint)
{
  /* Dropping anonymous pages would lose them. */
  (void)file;
  (void)base;
  (void)len;
  (void)hint;
}

static void memory_close(struct blt__file *file)
{
  struct memory_file *m = self(file);

  munmap(m->bytes, m->room);
  blt__release(m->env, m, sizeof *m);
}

static const struct blt__file_ops memory_ops = {
    .read_at = memory_read_at,
    .write_at = memory_write_at,
    .size = memory_size,
    .set_size = memory_set_size,
    .reserve = memory_reserve,
    .sync = memory_sync,
    .lock = memory_lock,
    .unlock = memory_sync,
    .map = memory_map,
    .unmap = memory_unmap,
    .advise = memory_advise,
    .close = memory_close,
};

blt_status blt__file_memory(const struct blt__env *env,
                            const struct blt__sink *sink, const void *image,
                            size_t len, struct blt__file **out)
{
  struct memory_file *m = blt__alloc(env, sizeof *m);
  void *bytes = MAP_FAILED;
  size_t room = ROOM_MAX;

  if (m == NULL)
    return blt__fail_memory(sink);
  for (; room >= ROOM_MIN && room / 2 >= len; room /= 2) {
    bytes = mmap(NULL, room, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (bytes != MAP_FAILED)
      break;
  }
  if (bytes == MAP_FAILED) {
    blt__release(env, m, sizeof *m);
    return blt__fail_memory(sink);
  }
  if (len > 0)
    memcpy(bytes, image, len);
  *m = (struct memory_file){.file = {.ops = &memory_ops, .stays_short = 1},
                            .env = env,
                            .bytes = bytes,
                            .room = room,
                            .len = len};
  *out = &m->file;
  return BLT_OK;
}
