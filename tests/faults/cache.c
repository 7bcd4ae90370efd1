/* cache.c - what the kernel keeps of a file, and what the disk has of it */
#include "faults/cache.h"

#include <stdlib.h>
#include <string.h>

enum { SECTOR = 512 };

static void make_room(struct cache *cache, uint64_t len)
{
  size_t room = cache->room;

  while (room < len + SECTOR)
    room = room == 0 ? (size_t)1 << 16 : 2 * room;
  if (room == cache->room)
    return;
  cache->backing = realloc(cache->backing, room);
  cache->dirty = realloc(cache->dirty, room / SECTOR);
  if (cache->backing == NULL || cache->dirty == NULL)
    abort();
  memset(cache->backing + cache->room, 0, room - cache->room);
  memset(cache->dirty + cache->room / SECTOR, 0, (room - cache->room) / SECTOR);
  cache->room = room;
}

static void mark(struct cache *cache, uint64_t off, uint64_t end)
{
  if (off < end)
    memset(cache->dirty + off / SECTOR, 1,
           (size_t)((end - 1) / SECTOR - off / SECTOR + 1));
}

static uint64_t end_of(const struct cache *cache, uint64_t sector)
{
  return (sector + 1) * SECTOR < cache->len ? (sector + 1) * SECTOR
                                            : cache->len;
}

static uint64_t n_sectors(const struct cache *cache)
{
  return (cache->len + SECTOR - 1) / SECTOR;
}

static void read_sector(struct cache *cache, uint64_t sector)
{
  const uint64_t off = sector * SECTOR;
  const int64_t len = (int64_t)(end_of(cache, sector) - off);

  if (cache->file->ops->read_at(cache->file, off, cache->backing + off,
                                (size_t)len) != len)
    abort();
}

static void show(struct cache *cache, uint64_t sector, const uint8_t *bytes)
{
  const uint64_t off = sector * SECTOR;
  const struct blt__span span = {bytes, (size_t)(end_of(cache, sector) - off)};

  if (cache->file->ops->write_at(cache->file, off, &span, 1) !=
      (int64_t)span.len)
    abort();
}

void cache_init(struct cache *cache, struct blt__file *file)
{
  *cache = (struct cache){.file = file};
  if (file->ops->size(file, &cache->len) != 0)
    abort();
  make_room(cache, cache->len);
  mark(cache, 0, cache->len);
  cache_sync(cache);
}

void cache_release(struct cache *cache)
{
  free(cache->backing);
  free(cache->dirty);
  *cache = (struct cache){NULL, NULL, NULL, 0, 0, 0};
}

void cache_note_write(struct cache *cache, uint64_t off, uint64_t len)
{
  if (cache->backing == NULL || len == 0)
    return;
  if (cache->len < off + len)
    cache_note_size(cache, off + len);
  mark(cache, off, off + len);
}

/* What is cut off is gone: the kernel knows that these sectors are no longer
 * the file's, and reads none of them again. */
void cache_note_size(struct cache *cache, uint64_t len)
{
  if (cache->backing == NULL)
    return;
  make_room(cache, len);
  if (len < cache->len) {
    memset(cache->backing + len, 0, (size_t)(cache->len - len));
    memset(cache->dirty + (len + SECTOR - 1) / SECTOR, 0,
           (size_t)(n_sectors(cache) - (len + SECTOR - 1) / SECTOR));
  }
  if (len < cache->backing_len)
    cache->backing_len = len;
  cache->len = len;
}

void cache_sync(struct cache *cache)
{
  if (cache->backing == NULL)
    return;
  for (uint64_t i = 0; i < n_sectors(cache); i++)
    if (cache->dirty[i])
      read_sector(cache, i);
  memset(cache->dirty, 0, (size_t)n_sectors(cache));
  cache->backing_len = cache->len;
}

void cache_fail_sync(struct cache *cache, enum loss loss)
{
  static const uint8_t zeros[SECTOR];

  if (cache->backing == NULL || loss == LOSS_UNTRIED)
    return;
  for (uint64_t i = 0; i < n_sectors(cache); i++) {
    const int is_appended = i * SECTOR >= cache->backing_len;
    if (!cache->dirty[i])
      continue;
    if (is_appended && (loss == LOSS_ALL || loss == LOSS_APPENDED))
      show(cache, i, zeros);
    if (!is_appended && (loss == LOSS_ALL || loss == LOSS_CHANGED))
      show(cache, i, cache->backing + i * SECTOR);
    cache->dirty[i] = 0;
  }
}

void cache_cut_power(struct cache *cache)
{
  for (uint64_t i = 0; i < n_sectors(cache); i++)
    show(cache, i, cache->backing + i * SECTOR);
  memset(cache->dirty, 0, (size_t)n_sectors(cache));
}
