/* inside.c - the inner parts of a store on a file whose operations are noted */
#include "unit/inside.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>

static struct noting *self(struct blt__file *file)
{
  return (struct noting *)file;
}

static void note(struct noting *noting, enum event_kind kind, uint64_t off,
                 uint64_t len)
{
  struct event *const events =
      realloc(noting->events, (noting->n_events + 1) * sizeof *noting->events);
  uint64_t size = 0;

  if (events == NULL)
    abort();
  (void)noting->inner->ops->size(noting->inner, &size);
  noting->events = events;
  noting->events[noting->n_events++] = (struct event){kind, off, len, size};
}

/* Whether the power is gone. */
static int is_over(struct noting *noting)
{
  if (noting->n_left > 1)
    noting->n_left--;
  else if (noting->n_left == 1)
    return 1;
  return 0;
}

static int64_t noting_read_at(struct blt__file *file, uint64_t off, void *buf,
                              size_t len)
{
  self(file)->n_reads++;
  return self(file)->inner->ops->read_at(self(file)->inner, off, buf, len);
}

static int64_t noting_write_at(struct blt__file *file, uint64_t off,
                               const struct blt__span *spans, size_t n_spans)
{
  struct noting *const noting = self(file);
  uint64_t len = 0;

  for (size_t i = 0; i < n_spans; i++)
    len += spans[i].len;
  if (noting->write_error != 0)
    return -noting->write_error;
  const int is_too_long =
      noting->space_end != 0 && off + len > noting->space_end;
  const struct blt__span first = {spans[0].data,
                                  is_too_long && off < noting->space_end
                                      ? (size_t)(noting->space_end - off)
                                      : 0};
  if (is_too_long) {
    if (!noting->is_torn || first.len == 0 || first.len > spans[0].len)
      return -ENOSPC;
    spans = &first;
    n_spans = 1;
    len = first.len;
  }
  note(noting, EVENT_WRITE, off, len);
  if (is_over(noting))
    return -EIO;
  return noting->inner->ops->write_at(noting->inner, off, spans, n_spans);
}

static int noting_size(struct blt__file *file, uint64_t *out)
{
  return self(file)->inner->ops->size(self(file)->inner, out);
}

static int noting_set_size(struct blt__file *file, uint64_t len)
{
  struct noting *const noting = self(file);
  uint64_t size = 0;

  if (noting->watched != NULL)
    noting->window_size = *noting->watched;
  /* A file can be cut on a full disk. */
  (void)noting_size(file, &size);
  if (noting->set_size_error != 0 && len > size)
    return -noting->set_size_error;
  if (noting->cut_error != 0 && len < size)
    return -noting->cut_error;
  note(noting, EVENT_SET_SIZE, len, 0);
  if (is_over(noting))
    return -EIO;
  return noting->inner->ops->set_size(noting->inner, len);
}

static int noting_reserve(struct blt__file *file, uint64_t off, uint64_t len)
{
  if (self(file)->reserve_error != 0)
    return -self(file)->reserve_error;
  if (self(file)->reserve_max != 0 && len > self(file)->reserve_max)
    return -ENOSPC;
  note(self(file), EVENT_RESERVE, off, len);
  return 0;
}

static void noting_begin_sync(struct blt__file *file, uint64_t off,
                              uint64_t len)
{
  note(self(file), EVENT_BEGIN_SYNC, off, len);
}

static int noting_sync(struct blt__file *file)
{
  note(self(file), EVENT_SYNC, 0, 0);
  if (is_over(self(file)))
    return -EIO;
  return -self(file)->sync_error;
}

static int noting_lock(struct blt__file *file, int exclusive, int wait)
{
  return self(file)->inner->ops->lock(self(file)->inner, exclusive, wait);
}

static int noting_unlock(struct blt__file *file)
{
  return self(file)->inner->ops->unlock(self(file)->inner);
}

static int noting_map(struct blt__file *file, size_t len, void **out)
{
  self(file)->n_maps++;
  if (self(file)->map_error != 0)
    return -self(file)->map_error;
  return self(file)->inner->ops->map(self(file)->inner, len, out);
}

static void noting_unmap(struct blt__file *file, void *base, size_t len)
{
  self(file)->inner->ops->unmap(self(file)->inner, base, len);
}

static void noting_advise(struct blt__file *file, void *base, size_t len,
                          enum blt__hint hint)
{
  struct noting *const noting = self(file);

  (void)base;
  (void)len;
  if (noting->n_hints < sizeof noting->hints / sizeof *noting->hints)
    noting->hints[noting->n_hints++] = hint;
}

static void keep(struct noting *noting)
{
  uint64_t len = 0;

  (void)noting->inner->ops->size(noting->inner, &len);
  noting->kept_len = (size_t)len;
  noting->kept = malloc(noting->kept_len + 1);
  if (noting->kept == NULL ||
      noting->inner->ops->read_at(noting->inner, 0, noting->kept,
                                  noting->kept_len) < 0)
    abort();
}

static void noting_close(struct blt__file *file)
{
  struct noting *const noting = self(file);

  if (noting->is_kept)
    keep(noting);
  noting->inner->ops->close(noting->inner);
  free(noting->events);
  noting->events = NULL;
}

static const struct blt__file_ops noting_ops = {
    .read_at = noting_read_at,
    .write_at = noting_write_at,
    .size = noting_size,
    .set_size = noting_set_size,
    .reserve = noting_reserve,
    .begin_sync = noting_begin_sync,
    .sync = noting_sync,
    .lock = noting_lock,
    .unlock = noting_unlock,
    .map = noting_map,
    .unmap = noting_unmap,
    .advise = noting_advise,
    .close = noting_close,
};

void noting_open(struct noting *noting, const struct blt__env *env,
                 const struct blt__sink *sink, const void *bytes, size_t len)
{
  *noting = (struct noting){.file = {.ops = &noting_ops}};
  ck_assert_int_eq(blt__file_memory(env, sink, bytes, len, &noting->inner),
                   BLT_OK);
}

size_t count_events(const struct noting *noting, enum event_kind kind)
{
  size_t n = 0;

  for (size_t i = 0; i < noting->n_events; i++)
    n += noting->events[i].kind == kind;
  return n;
}

void forget_events(struct noting *noting)
{
  noting->n_events = 0;
}

void inside_open(struct inside *inside, const void *bytes, size_t len,
                 int by_read)
{
  const blt_options options = BLT_OPTIONS_INIT;
  const struct blt__view_how how = {.by_read = by_read, .grows = 1};
  struct blt__header *const h = &inside->header;
  struct blt__image *const image = &inside->image;

  *inside = (struct inside){.sink = {NULL, ""}};
  blt__env_init(&inside->env, &options);
  noting_open(&inside->noting, &inside->env, &inside->sink, bytes, len);
  ck_assert_int_eq(blt__view_open(&image->view, &inside->noting.file,
                                  &inside->env, &inside->sink, &how),
                   BLT_OK);
  ck_assert_int_eq(blt__header_decode(h, bytes, len, &inside->sink), BLT_OK);
  blt__geometry_init(&image->geo, h->fixed, h->value_len, h->has_timestamps);
  blt__layout_init(&image->layout, h->n_buckets, h->index_off, h->first_off);
  blt__links_init(&image->links, &inside->env);
  blt__links_init(&image->tombs, &inside->env);
  blt__links_init(&image->reveals, &inside->env);
}

void inside_close(struct inside *inside)
{
  blt__links_release(&inside->image.links);
  blt__links_release(&inside->image.tombs);
  blt__links_release(&inside->image.reveals);
  blt__view_close(&inside->image.view);
  inside->noting.file.ops->close(&inside->noting.file);
}
