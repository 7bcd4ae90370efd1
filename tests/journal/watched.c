/*
 * watched.c - every file that a test program writes goes through the journal
 */
#include "journal/watched.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "journal/journal.h"
#include "os/file.h"

/* EMPTIED: a new store is written in place; it begins with its first mark. */
enum watching { NOT_YET, EMPTIED, WATCHING, NO_MORE };

struct watched {
  struct blt__file file;
  struct blt__file *inner; /* owned                                         */
  struct image copy;       /* bytes owned                                   */
  uint64_t room;
  struct journal journal;
  enum watching state;
  uint64_t n_judged;
};

static struct watched *self(struct blt__file *file)
{
  return (struct watched *)file;
}

/* ---- the copy */

static void resize(struct watched *w, uint64_t len)
{
  if (len > w->room) {
    w->room = 2 * len;
    w->copy.bytes = realloc(w->copy.bytes, (size_t)w->room);
    if (w->copy.bytes == NULL)
      abort();
  }
  if (len > w->copy.len)
    memset(w->copy.bytes + w->copy.len, 0, (size_t)(len - w->copy.len));
  w->copy.len = len;
}

static uint64_t inner_len(struct watched *w)
{
  uint64_t len = UINT64_MAX;

  (void)w->inner->ops->size(w->inner, &len);
  return len;
}

static int read_all(struct watched *w)
{
  const uint64_t len = inner_len(w);
  uint64_t off = 0;

  if (len == UINT64_MAX || len > WATCHED_MAX)
    return 0;
  resize(w, len);
  while (off < len) {
    const int64_t n = w->inner->ops->read_at(w->inner, off, w->copy.bytes + off,
                                             (size_t)(len - off));
    if (n <= 0)
      return 0;
    off += (uint64_t)n;
  }
  return 1;
}

static void give_up(struct watched *w)
{
  if (w->state == WATCHING)
    journal_release(&w->journal);
  w->state = NO_MORE;
}

static void start(struct watched *w)
{
  if (!read_all(w)) {
    give_up(w);
    return;
  }
  journal_start(&w->journal, &w->copy);
  w->state = WATCHING;
}

/* Whether this change, up to `end`, is judged. */
static int is_watched(struct watched *w, int is_header, uint64_t end)
{
  const uint64_t len = inner_len(w);

  if (w->state == NOT_YET && len == 0)
    w->state = EMPTIED;
  if (w->state == NOT_YET ||
      (w->state == EMPTIED && is_header && len >= BLT__HEADER_LEN))
    start(w);
  if (w->state == WATCHING && (end > WATCHED_MAX || len != w->copy.len))
    give_up(w);
  return w->state == WATCHING;
}

/* The session's level stands in its checkpoint. */
static int is_off(const struct watched *w)
{
  struct blt__checkpoint c;

  return w->copy.len >= BLT__HEADER_LEN &&
         blt__checkpoint_decode(w->copy.bytes, &c) &&
         (c.flags & BLT__FLAG_OFF) != 0;
}

static void expect(struct watched *w, const char *wrong, uint64_t off,
                   uint64_t len)
{
  w->n_judged++;
  if (wrong == NULL)
    return;
  fprintf(stderr, "journal: %llu bytes at %llu: %s\n", (unsigned long long)len,
          (unsigned long long)off, wrong);
  abort();
}

/* ---- the table of operations */

static int64_t write_at(struct blt__file *file, uint64_t off,
                        const struct blt__span *spans, size_t n_spans)
{
  struct watched *const w = self(file);
  uint64_t len = 0;

  for (size_t i = 0; i < n_spans; i++)
    len += spans[i].len;
  if (is_watched(w, off == 0, off + len))
    expect(w, journal_judge(&w->journal, is_off(w), off, spans, n_spans), off,
           len);
  const int64_t n = w->inner->ops->write_at(w->inner, off, spans, n_spans);
  if (w->state != WATCHING)
    return n;
  if (n != (int64_t)len) {
    give_up(w);
    return n;
  }
  resize(w, off + len > w->copy.len ? off + len : w->copy.len);
  for (size_t i = 0; i < n_spans; i++) {
    if (spans[i].len > 0)
      memcpy(w->copy.bytes + off, spans[i].data, spans[i].len);
    off += spans[i].len;
  }
  return n;
}

static int set_size(struct blt__file *file, uint64_t len)
{
  struct watched *const w = self(file);

  if (len == 0 && w->state != NO_MORE) {
    if (w->state == WATCHING)
      journal_release(&w->journal);
    w->state = EMPTIED;
  }
  if (is_watched(w, 0, len))
    expect(w, journal_judge_size(&w->journal, is_off(w), len), len, 0);
  const int status = w->inner->ops->set_size(w->inner, len);
  if (w->state == WATCHING && status == 0)
    resize(w, len);
  return status;
}

static int sync_file(struct blt__file *file)
{
  struct watched *const w = self(file);
  const int status = w->inner->ops->sync(w->inner);

  if (w->state == WATCHING && status == 0)
    journal_sync(&w->journal);
  return status;
}

static void report(const struct watched *w)
{
  const char *const path = getenv("BLT_WATCHED");
  FILE *const out =
      path != NULL && w->state >= WATCHING ? fopen(path, "a") : NULL;

  if (out == NULL)
    return;
  fprintf(out, "%llu changes judged%s\n", (unsigned long long)w->n_judged,
          w->state == NO_MORE ? ", and then no more" : "");
  (void)fclose(out);
}

static void close_file(struct blt__file *file)
{
  struct watched *const w = self(file);

  report(w);
  if (w->state == WATCHING)
    journal_release(&w->journal);
  w->inner->ops->close(w->inner);
  free(w->copy.bytes);
  free(w);
}

static int64_t read_at(struct blt__file *file, uint64_t off, void *buf,
                       size_t len)
{
  return self(file)->inner->ops->read_at(self(file)->inner, off, buf, len);
}

static int get_size(struct blt__file *file, uint64_t *out)
{
  return self(file)->inner->ops->size(self(file)->inner, out);
}

static int reserve(struct blt__file *file, uint64_t off, uint64_t len)
{
  return self(file)->inner->ops->reserve(self(file)->inner, off, len);
}

/* What is given back is the front that a rewrite has left, as zeros. */
static int punch(struct blt__file *file, uint64_t off, uint64_t len)
{
  struct watched *const w = self(file);

  if (w->inner->ops->punch == NULL)
    return -EOPNOTSUPP;
  const int status = w->inner->ops->punch(w->inner, off, len);
  if (status == 0 && w->state == WATCHING && off + len <= w->copy.len)
    memset(w->copy.bytes + off, 0, (size_t)len);
  return status;
}

static int lock(struct blt__file *file, int exclusive, int wait)
{
  return self(file)->inner->ops->lock(self(file)->inner, exclusive, wait);
}

static int unlock(struct blt__file *file)
{
  return self(file)->inner->ops->unlock(self(file)->inner);
}

static int map(struct blt__file *file, size_t len, void **out)
{
  return self(file)->inner->ops->map(self(file)->inner, len, out);
}

static void unmap(struct blt__file *file, void *base, size_t len)
{
  self(file)->inner->ops->unmap(self(file)->inner, base, len);
}

static void advise(struct blt__file *file, void *base, size_t len,
                   enum blt__hint hint)
{
  self(file)->inner->ops->advise(self(file)->inner, base, len, hint);
}

static const struct blt__file_ops watched_ops = {
    .read_at = read_at,
    .write_at = write_at,
    .size = get_size,
    .set_size = set_size,
    .reserve = reserve,
    .punch = punch,
    .sync = sync_file,
    .lock = lock,
    .unlock = unlock,
    .map = map,
    .unmap = unmap,
    .advise = advise,
    .close = close_file,
};

/* ---- in place of the library's */

blt_status __real_blt__file_open(const struct blt__env *env,
                                 const struct blt__sink *sink,
                                 const struct blt__posix_open *how,
                                 struct blt__file **out);
blt_status __wrap_blt__file_open(const struct blt__env *env,
                                 const struct blt__sink *sink,
                                 const struct blt__posix_open *how,
                                 struct blt__file **out);
blt_status __real_blt__file_memory(const struct blt__env *env,
                                   const struct blt__sink *sink,
                                   const void *image, size_t len,
                                   struct blt__file **out);
blt_status __wrap_blt__file_memory(const struct blt__env *env,
                                   const struct blt__sink *sink,
                                   const void *image, size_t len,
                                   struct blt__file **out);
int __real_blt__file_is_at(struct blt__file *file, const char *path);
int __wrap_blt__file_is_at(struct blt__file *file, const char *path);
int __real_blt__file_identify(struct blt__file *file, struct blt__file_id *out);
int __wrap_blt__file_identify(struct blt__file *file, struct blt__file_id *out);

static struct blt__file *watch(struct blt__file *inner)
{
  struct watched *const w = calloc(1, sizeof *w);

  if (w == NULL)
    abort();
  w->file = (struct blt__file){&watched_ops, inner->map_unsafe,
                               inner->stays_short};
  w->inner = inner;
  return &w->file;
}

static struct blt__file *inner_of(struct blt__file *file)
{
  return file->ops == &watched_ops ? self(file)->inner : file;
}

blt_status __wrap_blt__file_open(const struct blt__env *env,
                                 const struct blt__sink *sink,
                                 const struct blt__posix_open *how,
                                 struct blt__file **out)
{
  const blt_status status = __real_blt__file_open(env, sink, how, out);

  if (status == BLT_OK && how->writable)
    *out = watch(*out);
  return status;
}

blt_status __wrap_blt__file_memory(const struct blt__env *env,
                                   const struct blt__sink *sink,
                                   const void *image, size_t len,
                                   struct blt__file **out)
{
  const blt_status status = __real_blt__file_memory(env, sink, image, len, out);

  if (status == BLT_OK)
    *out = watch(*out);
  return status;
}

int __wrap_blt__file_is_at(struct blt__file *file, const char *path)
{
  return __real_blt__file_is_at(inner_of(file), path);
}

int __wrap_blt__file_identify(struct blt__file *file, struct blt__file_id *out)
{
  return __real_blt__file_identify(inner_of(file), out);
}
