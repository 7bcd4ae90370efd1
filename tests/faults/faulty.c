/* faulty.c - a disk whose n-th operation fails */
#include "faults/faulty.h"

#include <errno.h>
#include <execinfo.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/temp.h"

struct handle {
  struct blt__file file;
  struct disk *disk;
  struct blt__file *inner;
};

/* ---- which places in the library were met */

enum { N_FRAMES = 7, MAX_PLACES = 1 << 12 };

static struct {
  unsigned long n_met[N_SITES], n_hit[N_SITES], n_places[N_SITES];
  uint64_t places[MAX_PLACES];
} seen;

static const char *const site_names[N_SITES] = {
    "read", "write", "size", "set_size", "reserve", "sync", "map"};

/* Two hits are at one place when the innermost calls are the same. */
static void note_place(enum site site)
{
  void *frames[N_FRAMES];
  uint64_t place = site + 1u;
  const int n = backtrace(frames, N_FRAMES);

  for (int i = 2; i < n; i++)
    place = place * UINT64_C(0x100000001b3) ^ (uintptr_t)frames[i];
  size_t i = (size_t)(place >> 20) % MAX_PLACES;
  for (; seen.places[i] != 0; i = (i + 1) % MAX_PLACES)
    if (seen.places[i] == place)
      return;
  seen.places[i] = place;
  seen.n_places[site]++;
}

void disk_print_sites(void)
{
  for (int i = 0; i < N_SITES; i++)
    printf("  %-8s  met %9lu  hit %7lu  at %3lu places\n", site_names[i],
           seen.n_met[i], seen.n_hit[i], seen.n_places[i]);
  fflush(stdout);
}

/* Whether this operation is the one. */
static int is_hit(struct disk *disk, enum site site)
{
  const struct fault *const fault = disk->fault;

  seen.n_met[site]++;
  if (fault == NULL || !(fault->sites & AT(site)))
    return 0;
  disk->n_met++;
  if (disk->n_met < disk->at || (disk->n_met > disk->at && !disk->is_lasting))
    return 0;
  disk->n_hit++;
  seen.n_hit[site]++;
  note_place(site);
  return 1;
}

static size_t shortened(enum cut cut, size_t len)
{
  switch (cut) {
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

  if (is_hit(h->disk, SITE_READ)) {
    if (h->disk->fault->error != 0)
      return -h->disk->fault->error;
    len = shortened(h->disk->fault->cut, len);
  }
  return h->inner->ops->read_at(h->inner, off, buf, len);
}

static int64_t write_some(struct handle *h, uint64_t off,
                          const struct blt__span *spans, size_t n_spans,
                          size_t len)
{
  struct blt__span cut[8];
  size_t n = 0;

  for (; n < n_spans && len > 0; n++) {
    cut[n] = spans[n];
    if (cut[n].len > len)
      cut[n].len = len;
    len -= cut[n].len;
  }
  return h->inner->ops->write_at(h->inner, off, cut, n);
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
  if (!is_hit(h->disk, SITE_WRITE))
    return h->inner->ops->write_at(h->inner, off, spans, n_spans);
  if (fault->error == 0)
    return write_some(h, off, spans, n_spans, shortened(fault->cut, len));
  if (fault->cut != CUT_NONE && !is_in_a_sector(off, len))
    (void)write_some(h, off, spans, n_spans, shortened(fault->cut, len));
  return -fault->error;
}

static int faulty_size(struct blt__file *file, uint64_t *out)
{
  struct handle *const h = self(file);

  return is_hit(h->disk, SITE_SIZE) ? -h->disk->fault->error
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

  return !needs_no_space(h, len) && is_hit(h->disk, SITE_SET_SIZE)
             ? -h->disk->fault->error
             : h->inner->ops->set_size(h->inner, len);
}

static int faulty_reserve(struct blt__file *file, uint64_t off, uint64_t len)
{
  struct handle *const h = self(file);

  return is_hit(h->disk, SITE_RESERVE)
             ? -h->disk->fault->error
             : h->inner->ops->reserve(h->inner, off, len);
}

static int faulty_sync(struct blt__file *file)
{
  struct handle *const h = self(file);

  /* Nothing here is lost with the power, so a real sync has no use. */
  return is_hit(h->disk, SITE_SYNC) ? -h->disk->fault->error : 0;
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

  return is_hit(h->disk, SITE_MAP) ? -h->disk->fault->error
                                   : h->inner->ops->map(h->inner, len, out);
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

void disk_release(struct disk *disk)
{
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

  if (disk->path != NULL) {
    file_write(disk->path, bytes, len);
    return;
  }
  if (disk->memory->ops->set_size(disk->memory, 0) != 0 ||
      (len > 0 &&
       disk->memory->ops->write_at(disk->memory, 0, &span, 1) != (int64_t)len))
    abort();
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
