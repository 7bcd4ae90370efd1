/*
 * disk.c - the file that stories are recorded on and crashes are opened from
 */
#include "crash/disk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/idle.h"

enum { N_SECTORS = IMAGE_ROOM / DISK_SECTOR };

static void mark(struct disk *disk, uint64_t off, uint64_t len)
{
  if (len == 0)
    return;
  for (size_t i = off / DISK_SECTOR; i <= (off + len - 1) / DISK_SECTOR; i++) {
    if (disk->is_dirty[i])
      continue;
    disk->is_dirty[i] = 1;
    disk->dirty[disk->n_dirty++] = (uint32_t)i;
  }
}

/* ---- the state */

void disk_load(struct disk *disk, const struct image *image)
{
  memcpy(disk->state.bytes, image->bytes, image->len);
  disk->state.len = image->len;
  mark(disk, 0, image->len);
}

void disk_apply(struct disk *disk, const struct trace *trace,
                const struct op *op)
{
  const struct range range = op_range(op, disk->state.len);

  mark(disk, range.off, range.len);
  image_apply(&disk->state, trace, op);
}

void disk_put(struct disk *disk, uint64_t off, const uint8_t *data, size_t len)
{
  memcpy(disk->state.bytes + off, data, len);
  mark(disk, off, len);
}

void disk_reset(struct disk *disk)
{
  for (size_t i = 0; i < disk->n_dirty; i++) {
    const size_t off = (size_t)disk->dirty[i] * DISK_SECTOR;
    memcpy(disk->work.bytes + off, disk->state.bytes + off, DISK_SECTOR);
    disk->is_dirty[disk->dirty[i]] = 0;
  }
  disk->n_dirty = 0;
  disk->n_changes = 0;
  disk->work.len = disk->state.len;
}

/* ---- the table of operations, on work */

static struct disk *self(struct blt__file *file)
{
  return (struct disk *)file;
}

static int64_t read_at(struct blt__file *file, uint64_t off, void *buf,
                       size_t len)
{
  const struct image *const work = &self(file)->work;

  if (off >= work->len)
    return 0;
  if (len > work->len - off)
    len = work->len - off;
  memcpy(buf, work->bytes + off, len);
  return (int64_t)len;
}

static int64_t write_at(struct blt__file *file, uint64_t off,
                        const struct blt__span *spans, size_t n_spans)
{
  struct disk *const disk = self(file);
  uint64_t len = 0;

  for (size_t i = 0; i < n_spans; i++)
    len += spans[i].len;
  if (off > IMAGE_ROOM || len > IMAGE_ROOM - off)
    return -ENOSPC;
  if (disk->on_write != NULL)
    disk->on_write(disk->ctx, off, spans, n_spans);
  if (disk->record != NULL)
    trace_add_write(disk->record, off, spans, n_spans);
  disk->n_changes++;
  const struct op op = {.kind = OP_WRITE, .off = off, .len = len};
  const struct range range = op_range(&op, disk->work.len);
  mark(disk, range.off, range.len);
  for (size_t i = 0; i < n_spans; i++) {
    image_write(&disk->work, off, spans[i].data, spans[i].len);
    off += spans[i].len;
  }
  return (int64_t)len;
}

static int get_size(struct blt__file *file, uint64_t *out)
{
  *out = self(file)->work.len;
  return 0;
}

static int set_size(struct blt__file *file, uint64_t len)
{
  struct disk *const disk = self(file);
  const struct op op = {.kind = OP_SIZE, .off = len};

  if (len > IMAGE_ROOM)
    return -ENOSPC;
  if (disk->on_size != NULL)
    disk->on_size(disk->ctx, len);
  if (disk->record != NULL)
    trace_add(disk->record, OP_SIZE, len);
  disk->n_changes++;
  const struct range range = op_range(&op, disk->work.len);
  mark(disk, range.off, range.len);
  image_set_size(&disk->work, len);
  return 0;
}

static int reserve(struct blt__file *file, uint64_t off, uint64_t len)
{
  (void)file;
  return off > IMAGE_ROOM || len > IMAGE_ROOM - off ? -ENOSPC : 0;
}

static int sync_all(struct blt__file *file)
{
  struct disk *const disk = self(file);

  if (disk->record != NULL)
    trace_add(disk->record, OP_SYNC, 0);
  if (disk->on_sync != NULL)
    disk->on_sync(disk->ctx);
  return 0;
}

static int map(struct blt__file *file, size_t len, void **out)
{
  if (len > IMAGE_ROOM)
    return -ENOMEM;
  *out = self(file)->work.bytes;
  return 0;
}

/* The disk outlives the handle. */
static void close_file(struct blt__file *file)
{
  (void)file;
}

static const struct blt__file_ops disk_ops = {
    .read_at = read_at,
    .write_at = write_at,
    .size = get_size,
    .set_size = set_size,
    .reserve = reserve,
    .sync = sync_all,
    .lock = idle_lock,
    .unlock = idle_unlock,
    .map = map,
    .unmap = idle_unmap,
    .advise = idle_advise,
    .close = close_file,
};

void disk_init(struct disk *disk)
{
  *disk = (struct disk){.file = {.ops = &disk_ops},
                        .state = image_make(),
                        .work = image_make(),
                        .is_dirty = calloc(N_SECTORS, 1),
                        .dirty = calloc(N_SECTORS, sizeof(uint32_t))};
  if (disk->is_dirty == NULL || disk->dirty == NULL) {
    perror("calloc");
    exit(EXIT_FAILURE);
  }
}

void disk_release(struct disk *disk)
{
  image_release(&disk->state);
  image_release(&disk->work);
  free(disk->is_dirty);
  free(disk->dirty);
}
