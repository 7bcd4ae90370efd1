/* faulty.c - a disk whose n-th operation fails */
#include "faults/faulty.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "faults/sites.h"
#include "faults/system.h"
#include "support/temp.h"

struct handle {
  struct blt__file file;
  struct disk *disk;
  struct blt__file *inner;
};

/* ---- what is hit */

static struct {
  unsigned long n_met, n_hit;
} seen[N_SITES];

static const char *const site_names[N_SITES] = {
    "read",   "write", "size",   "set_size",  "reserve", "sync",
    "map",    "punch", "lock",   "open",      "close",   "stat",
    "statfs", "link",  "rename", "unlink",    "boot id", "lock list",
    "chance", "clock", "signal", "allocation"};

void disk_print_sites(void)
{
  for (int i = 0; i < N_SITES; i++)
    if (seen[i].n_met > 0)
      printf("  %-10s  met %9lu  hit %7lu\n", site_names[i], seen[i].n_met,
             seen[i].n_hit);
  fflush(stdout);
}

int disk_is_hit(struct disk *disk, enum site site)
{
  const struct fault *const fault = disk->fault;

  seen[site].n_met++;
  if (fault == NULL || !(fault->sites & AT(site)))
    return 0;
  disk->n_met++;
  if (disk->n_met < disk->at || (disk->n_met > disk->at && !disk->is_lasting))
    return 0;
  disk->n_hit++;
  seen[site].n_hit++;
  if (fault->error != 0)
    sites_note();
  return 1;
}

size_t disk_shorten(const struct disk *disk, size_t len)
{
  switch (disk->fault->cut) {
  case CUT_TO_ONE:
    return len < 1 ? len : 1;
  case CUT_TO_HALF:
    return len < 2 ? len : len / 2;
  case CUT_BY_ONE:
    return len < 2 ? len : len - 1;
  default:
    return len;
  }
}

/* ---- the table */

static struct handle *self(struct blt__file *file)
{
  return (struct handle *)file;
}

static int64_t faulty_read_at(struct blt__file *file, uint64_t off, void *buf,
                              size_t len)
{
  struct handle *const h = self(file);

  if (disk_is_hit(h->disk, SITE_READ)) {
    if (h->disk->fault->error != 0)
      return -h->disk->fault->error;
    len = disk_shorten(h->disk, len);
  }
  return h->inner->ops->read_at(h->inner, off, buf, len);
}

static int64_t write_some(struct handle *h, uint64_t off,
                          const struct blt__span *spans, size_t n_spans,
                          size_t len)
{
  struct blt__span cut[BLT__SPANS_MAX];
  size_t n = 0;

  for (; n < n_spans && len > 0; n++) {
    cut[n] = spans[n];
    if (cut[n].len > len)
      cut[n].len = len;
    len -= cut[n].len;
  }
  const int64_t done = h->inner->ops->write_at(h->inner, off, cut, n);
  if (done > 0)
    cache_note_write(&h->disk->cache, off, (uint64_t)done);
  return done;
}

/* The protocol counts on small writes inside a sector being whole or not at
 * all, so an error does not tear those. */
static int is_in_a_sector(uint64_t off, size_t len)
{
  return off / 512 == (off + len - 1) / 512;
}

static int64_t faulty_write_at(struct blt__file *file, uint64_t off,
                               const struct blt__span *spans, size_t n_spans)
{
  struct handle *const h = self(file);
  const struct fault *const fault = h->disk->fault;
  size_t len = 0;

  for (size_t i = 0; i < n_spans; i++)
    len += spans[i].len;
  if (!disk_is_hit(h->disk, SITE_WRITE))
    return write_some(h, off, spans, n_spans, len);
  if (fault->error == 0)
    return write_some(h, off, spans, n_spans, disk_shorten(h->disk, len));
  if (fault->cut != CUT_NONE && !is_in_a_sector(off, len))
    (void)write_some(h, off, spans, n_spans, disk_shorten(h->disk, len));
  return -fault->error;
}

static int faulty_size(struct blt__file *file, uint64_t *out)
{
  struct handle *const h = self(file);

  return disk_is_hit(h->disk, SITE_SIZE) ? -h->disk->fault->error
                                         : h->inner->ops->size(h->inner, out);
}

/* A file can be cut on a full disk. */
static int needs_no_space(struct handle *h, uint64_t len)
{
  const struct fault *const fault = h->disk->fault;
  uint64_t size = 0;

  return fault != NULL && (fault->error == ENOSPC || fault->error == EDQUOT) &&
         h->inner->ops->size(h->inner, &size) == 0 && len <= size;
}

static int faulty_set_size(struct blt__file *file, uint64_t len)
{
  struct handle *const h = self(file);

  if (!needs_no_space(h, len) && disk_is_hit(h->disk, SITE_SET_SIZE))
    return -h->disk->fault->error;
  cache_note_size(&h->disk->cache, len);
  return h->inner->ops->set_size(h->inner, len);
}

static int faulty_reserve(struct blt__file *file, uint64_t off, uint64_t len)
{
  struct handle *const h = self(file);

  return disk_is_hit(h->disk, SITE_RESERVE)
             ? -h->disk->fault->error
             : h->inner->ops->reserve(h->inner, off, len);
}

/* What memory gives back reads as zeros, as in a real file. */
static int punch_memory(struct handle *h, uint64_t off, uint64_t len)
{
  static const uint8_t zeros[4096];

  while (len > 0) {
    const struct blt__span span = {zeros,
                                   len < sizeof zeros ? len : sizeof zeros};
    if (write_some(h, off, &span, 1, span.len) != (int64_t)span.len)
      return -EIO;
    off += span.len;
    len -= span.len;
  }
  return 0;
}

static int faulty_punch(struct blt__file *file, uint64_t off, uint64_t len)
{
  struct handle *const h = self(file);

  if (disk_is_hit(h->disk, SITE_PUNCH))
    return -h->disk->fault->error;
  return h->inner->ops->punch != NULL ? h->inner->ops->punch(h->inner, off, len)
                                      : punch_memory(h, off, len);
}

/* A real sync has no use: the power is cut in cache.c alone. */
static int faulty_sync(struct blt__file *file)
{
  struct disk *const disk = self(file)->disk;

  if (!disk_is_hit(disk, SITE_SYNC)) {
    cache_sync(&disk->cache);
    return 0;
  }
  cache_fail_sync(&disk->cache, disk->fault->loss);
  return -disk->fault->error;
}

static int faulty_lock(struct blt__file *file, int exclusive, int wait)
{
  return self(file)->inner->ops->lock(self(file)->inner, exclusive, wait);
}

static int faulty_unlock(struct blt__file *file)
{
  return self(file)->inner->ops->unlock(self(file)->inner);
}

static int faulty_map(struct blt__file *file, size_t len, void **out)
{
  struct handle *const h = self(file);

  if (disk_is_hit(h->disk, SITE_MAP))
    return -h->disk->fault->error;
  if (h->disk->room != 0 && len > h->disk->room)
    return -ENOMEM;
  h->disk->room = 0;
  return h->inner->ops->map(h->inner, len, out);
}

static void faulty_unmap(struct blt__file *file, void *base, size_t len)
{
  self(file)->inner->ops->unmap(self(file)->inner, base, len);
}

static void faulty_advise(struct blt__file *file, void *base, size_t len,
                          enum blt__hint hint)
{
  (void)file;
  (void)base;
  (void)len;
  (void)hint;
}

static void faulty_close(struct blt__file *file)
{
  struct handle *const h = self(file);

  h->disk->n_open--;
  if (h->inner != h->disk->memory)
    h->inner->ops->close(h->inner);
  free(h);
}

static const struct blt__file_ops faulty_ops = {
    .read_at = faulty_read_at,
    .write_at = faulty_write_at,
    .size = faulty_size,
    .set_size = faulty_set_size,
    .reserve = faulty_reserve,
    .punch = faulty_punch,
    .sync = faulty_sync,
    .lock = faulty_lock,
    .unlock = faulty_unlock,
    .map = faulty_map,
    .unmap = faulty_unmap,
    .advise = faulty_advise,
    .close = faulty_close,
};

/* ---- the disk */

void disk_init(struct disk *disk, const char *path)
{
  const blt_options options = BLT_OPTIONS_INIT;

  *disk = (struct disk){.path = path, .sink = {NULL, ""}};
  blt__env_init(&disk->env, &options);
  if (path != NULL)
    file_write(path, "", 0);
  else if (blt__file_memory(&disk->env, &disk->sink, NULL, 0, &disk->memory) !=
           BLT_OK)
    abort();
}

void disk_init_cached(struct disk *disk)
{
  disk_init(disk, NULL);
  disk->is_cached = 1;
}

void disk_release(struct disk *disk)
{
  cache_release(&disk->cache);
  system_forget(disk);
  if (disk->memory != NULL)
    disk->memory->ops->close(disk->memory);
  disk->memory = NULL;
}

struct blt__file *disk_open(struct disk *disk)
{
  struct handle *const h = malloc(sizeof *h);
  const struct blt__posix_open how = {.path = disk->path, .writable = 1};

  if (h == NULL)
    abort();
  *h = (struct handle){
      .file = {.ops = &faulty_ops}, .disk = disk, .inner = disk->memory};
  if (disk->path != NULL &&
      blt__file_open(&disk->env, &disk->sink, &how, &h->inner) != BLT_OK)
    abort();
  disk->n_open++;
  return &h->file;
}

void disk_arm(struct disk *disk, const struct fault *fault, unsigned long at,
              int is_lasting)
{
  disk->fault = fault;
  disk->at = at;
  disk->is_lasting = is_lasting;
  disk->n_met = disk->n_hit = 0;
}

void disk_calm(struct disk *disk)
{
  disk->fault = NULL;
}

void disk_fill(struct disk *disk, const void *bytes, size_t len)
{
  const struct blt__span span = {bytes, len};

  if (disk->is_system && len == 0) {
    (void)remove(disk->path);
    return;
  }
  if (disk->path != NULL) {
    file_write(disk->path, bytes, len);
    return;
  }
  if (disk->memory->ops->set_size(disk->memory, 0) != 0 ||
      (len > 0 &&
       disk->memory->ops->write_at(disk->memory, 0, &span, 1) != (int64_t)len))
    abort();
  cache_release(&disk->cache);
  if (disk->is_cached)
    cache_init(&disk->cache, disk->memory);
}

uint8_t *disk_copy(struct disk *disk, size_t *out_len)
{
  uint64_t len = 0;

  if (disk->path != NULL)
    return file_read(disk->path, out_len);
  (void)disk->memory->ops->size(disk->memory, &len);
  uint8_t *const bytes = malloc((size_t)len + 1);
  if (bytes == NULL || disk->memory->ops->read_at(disk->memory, 0, bytes,
                                                  (size_t)len) != (int64_t)len)
    abort();
  *out_len = (size_t)len;
  return bytes;
}

/* ---- memory */

/* In front of each block, so that a wrong length is noticed. */
union prefix {
  size_t len;
  max_align_t align;
};

static int is_refused(struct memory *memory)
{
  memory->n_calls++;
  if (memory->at == 0 || memory->n_calls < memory->at ||
      (memory->n_calls > memory->at && !memory->is_lasting))
    return 0;
  memory->n_hit++;
  sites_note();
  return 1;
}

static void *faulty_alloc(void *ctx, size_t len)
{
  struct memory *const memory = ctx;
  union prefix *const p =
      is_refused(memory) ? NULL : malloc(sizeof(union prefix) + len);

  if (p == NULL)
    return NULL;
  p->len = len;
  memory->n_live++;
  return p + 1;
}

static void *faulty_resize(void *ctx, void *old, size_t old_len, size_t len)
{
  union prefix *p = (union prefix *)old - 1;

  if (p->len != old_len)
    abort();
  if (is_refused(ctx) || (p = realloc(p, sizeof *p + len)) == NULL)
    return NULL;
  p->len = len;
  return p + 1;
}

static void faulty_release(void *ctx, void *ptr, size_t len)
{
  struct memory *const memory = ctx;
  union prefix *const p = (union prefix *)ptr - 1;

  if (p->len != len)
    abort();
  memory->n_live--;
  free(p);
}

blt_allocator memory_allocator(struct memory *memory)
{
  return (blt_allocator){faulty_alloc, faulty_resize, faulty_release, memory};
}
