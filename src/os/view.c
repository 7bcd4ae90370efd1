/*
 * view.c - the bounds-checked window on the bytes of a file that may grow
 */
#include "os/view.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "os/guard.h"

/* What is read at once where nothing is mapped. */
#define PIECE_LEN ((size_t)64 << 10)

/* Address space for a file that will grow: nothing but numbers, on a 64-bit
 * machine. Halved until the process may have it. */
#define ROOM_WANTED ((uint64_t)1 << 36)
#define ROOM_ALIGN ((uint64_t)2 << 20)

static uint64_t round_up(uint64_t n, uint64_t unit)
{
  return (n + unit - 1) / unit * unit;
}

static int open_own_memory(size_t room, void **out)
{
  void *base = mmap(NULL, room, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

  if (base == MAP_FAILED)
    return -errno;
  *out = base;
  return 0;
}

static blt_status start_filling(struct blt__view *view, size_t room)
{
  size_t len = room / PIECE_LEN / 8 + 1;
  uint8_t *bits = blt__alloc(view->env, len);

  if (bits == NULL)
    return blt__fail_memory(view->sink);
  memset(bits, 0, len);
  blt__release(view->env, (void *)(uintptr_t)view->filled, view->filled_len);
  view->filled = (_Atomic uint8_t *)bits;
  view->filled_len = len;
  return BLT_OK;
}

/* A window with room for at least `need` bytes, `want` if possible. */
static blt_status open_window(struct blt__view *view, uint64_t need,
                              uint64_t want)
{
  uint64_t room = round_up((want > need ? want : need) + 1, ROOM_ALIGN);
  void *base = NULL;
  int error = -ENOMEM;
  blt_status status;

  if (view->n_windows == BLT__MAX_WINDOWS || room > SIZE_MAX / 4)
    return blt__fail_memory(view->sink);
  for (;;) {
    error = view->by_read
                ? open_own_memory((size_t)room, &base)
                : view->file->ops->map(view->file, (size_t)room, &base);
    if (error == 0 || room / 2 < need || room / 2 < ROOM_ALIGN)
      break;
    room = round_up(room / 2, ROOM_ALIGN);
  }
  if (error != 0)
    return blt__fail_errno(view->sink, -error, BLT_NO_OFFSET, "map the file");
  if (view->by_read && (status = start_filling(view, (size_t)room)) < 0) {
    munmap(base, (size_t)room);
    return status;
  }
  struct blt__window *window = &view->windows[view->n_windows++];
  *window =
      (struct blt__window){.base = base, .room = (size_t)room, .ticket = -1};
  if (view->guard_wanted && !view->by_read)
    window->ticket = blt__guard_add(base, (size_t)room, &view->hit);
  view->base = base;
  return BLT_OK;
}

blt_status blt__view_open(struct blt__view *view, struct blt__file *file,
                          const struct blt__env *env,
                          const struct blt__sink *sink,
                          const struct blt__view_how *how)
{
  uint64_t size;

  *view = (struct blt__view){.file = file,
                             .env = env,
                             .sink = sink,
                             .by_read = how->by_read,
                             .guard_wanted = how->guard};
  int error = file->ops->size(file, &size);
  if (error != 0)
    return blt__fail_errno(sink, -error, BLT_NO_OFFSET, "ask for the size");
  if (size >> 48 != 0)
    return blt__fail(sink, BLT_E_CORRUPT, BLT_NO_OFFSET,
                     "the file is larger than the format can address");
  pthread_mutex_init(&view->fill_mutex, NULL);
  blt_status status = open_window(view, size, how->grows ? ROOM_WANTED : size);
  if (status < 0) {
    pthread_mutex_destroy(&view->fill_mutex);
    return status;
  }
  view->size = view->file_len = size;
  blt__view_advise(view, 0, size, BLT__HINT_RANDOM);
  return BLT_OK;
}

void blt__view_close(struct blt__view *view)
{
  if (view->n_windows == 0)
    return;
  for (unsigned i = 0; i < view->n_windows; i++) {
    blt__guard_remove(view->windows[i].ticket);
    if (view->by_read)
      munmap(view->windows[i].base, view->windows[i].room);
    else
      view->file->ops->unmap(view->file, view->windows[i].base,
                             view->windows[i].room);
  }
  blt__release(view->env, (void *)(uintptr_t)view->filled, view->filled_len);
  pthread_mutex_destroy(&view->fill_mutex);
  view->n_windows = 0;
  view->filled = NULL;
  view->base = NULL;
  view->size = view->file_len = 0;
}

blt_status blt__view_outside(const struct blt__view *view, uint64_t off,
                             uint64_t len)
{
  return blt__fail(view->sink, BLT_E_CORRUPT, off,
                   "%llu bytes are wanted here but the file has %llu in all; "
                   "run \"blt verify\"",
                   (unsigned long long)len, (unsigned long long)view->size);
}

static blt_status fill_piece(struct blt__view *view, size_t piece)
{
  uint64_t off = (uint64_t)piece * PIECE_LEN;
  size_t len =
      view->size - off < PIECE_LEN ? (size_t)(view->size - off) : PIECE_LEN;
  uint8_t bit = (uint8_t)(1u << piece % 8);
  blt_status status = BLT_OK;

  pthread_mutex_lock(&view->fill_mutex);
  if (!(atomic_load(&view->filled[piece / 8]) & bit)) {
    status = blt__file_read(view->file, view->sink, off, view->base + off, len);
    if (status == BLT_OK)
      atomic_fetch_or(&view->filled[piece / 8], bit);
  }
  pthread_mutex_unlock(&view->fill_mutex);
  if (status < 0)
    atomic_store(&view->read_failure, status);
  return status;
}

blt_status blt__view_fill(struct blt__view *view, uint64_t off, uint64_t len)
{
  size_t piece = (size_t)(off / PIECE_LEN);
  size_t last = len == 0 ? piece : (size_t)((off + len - 1) / PIECE_LEN);
  blt_status status = BLT_OK;

  for (; piece <= last && status == BLT_OK; piece++) {
    uint8_t bits =
        atomic_load_explicit(&view->filled[piece / 8], memory_order_acquire);
    if (!(bits & 1u << piece % 8) && piece * PIECE_LEN < view->size)
      status = fill_piece(view, piece);
  }
  return status;
}

int blt__view_is_zero(struct blt__view *view, uint64_t off, uint64_t len)
{
  enum { PIECE = 65536 };

  while (len > 0) {
    const uint8_t *p = NULL;
    uint64_t n = len < PIECE ? len : PIECE;
    if (blt__view_at(view, off, n, &p) < 0)
      return 0;
    for (uint64_t i = 0; i < n; i++)
      if (p[i] != 0)
        return 0;
    off += n;
    len -= n;
  }
  return 1;
}

blt_status blt__view_judge(const struct blt__view *view, blt_status status)
{
  if (!blt__view_is_hit(view))
    return status;
  return blt__fail(view->sink, BLT_E_TRUNCATED, BLT_NO_OFFSET,
                   "another program cut the file while it was open; close it "
                   "and run \"blt verify\"");
}

void blt__view_forget_failure(struct blt__view *view)
{
  atomic_store(&view->read_failure, BLT_OK);
}

blt_status blt__view_failure(const struct blt__view *view)
{
  int status = atomic_load(&view->read_failure);

  if (status == BLT_OK)
    return blt__view_judge(view, BLT_OK);
  return blt__fail(view->sink, (blt_status)status, BLT_NO_OFFSET,
                   "a part of the file could not be read; try again");
}

/* What was written, put into the pieces that are filled already. */
static void show_write(struct blt__view *view, uint64_t off,
                       const struct blt__span *spans, size_t n_spans)
{
  for (size_t i = 0; i < n_spans; i++) {
    if (spans[i].len > 0 &&
        off + spans[i].len <= view->windows[view->n_windows - 1].room)
      memcpy(view->base + off, spans[i].data, spans[i].len);
    off += spans[i].len;
  }
}

blt_status blt__view_write(struct blt__view *view, uint64_t off,
                           const struct blt__span *spans, size_t n_spans)
{
  blt_status status =
      blt__file_write(view->file, view->sink, off, spans, n_spans);

  if (status == BLT_OK && view->by_read)
    show_write(view, off, spans, n_spans);
  return status;
}

/* Read it again when it is next asked for. */
static void forget_piece(struct blt__view *view, uint64_t piece)
{
  atomic_fetch_and(&view->filled[piece / 8], (uint8_t) ~(1u << piece % 8));
}

blt_status blt__view_look(struct blt__view *view, uint64_t size)
{
  struct blt__window *window = &view->windows[view->n_windows - 1];

  if (size > window->room) {
    blt_status status = open_window(view, size, size * 2);
    if (status < 0)
      return status;
  }
  if (view->by_read && size > view->size)
    forget_piece(view, view->size / PIECE_LEN);
  view->size = size;
  return BLT_OK;
}

static blt_status fail_too_long(const struct blt__view *view)
{
  return blt__fail(view->sink, BLT_E_TOO_BIG, BLT_NO_OFFSET,
                   "the file would be larger than the format can address");
}

/* V2 */
static void see_less(struct blt__view *view, uint64_t size)
{
  uint64_t before = view->size;

  view->size = size;
  if (view->by_read)
    for (size_t piece = size / PIECE_LEN; piece <= before / PIECE_LEN; piece++)
      forget_piece(view, piece);
}

int blt__view_cut(struct blt__view *view, uint64_t size)
{
  see_less(view, size);
  int error = view->file->ops->set_size(view->file, size);
  if (error == 0)
    view->file_len = size;
  return error;
}

blt_status blt__view_set_size(struct blt__view *view, uint64_t size)
{
  if (size >> 48 != 0)
    return fail_too_long(view);
  if (size < view->size)
    see_less(view, size);
  int error = view->file->ops->set_size(view->file, size);
  if (error != 0)
    return blt__fail_errno(view->sink, -error, size, "change the file's size");
  view->file_len = size;
  return blt__view_look(view, size);
}

/* ---- append */

/* Only ever read, and without a byte in the library's file. */
static uint8_t zeros[64 << 10];

/* The spans and `len` zeros, as far as there is room for them; how many. */
static size_t add_zeros(struct blt__span *all, const struct blt__span *spans,
                        size_t n_spans, uint64_t len)
{
  size_t n = 0;

  for (; n < n_spans; n++)
    all[n] = spans[n];
  for (; len > 0 && n < BLT__SPANS_MAX; n++) {
    all[n] = (struct blt__span){zeros, sizeof zeros};
    if (len < sizeof zeros)
      all[n].len = (size_t)len;
    len -= all[n].len;
  }
  return n;
}

static uint64_t len_of(const struct blt__span *spans, size_t n_spans)
{
  uint64_t len = 0;

  for (size_t i = 0; i < n_spans; i++)
    len += spans[i].len;
  return len;
}

blt_status blt__view_append(struct blt__view *view,
                            const struct blt__span *spans, size_t n_spans,
                            uint64_t file_end)
{
  struct blt__span all[BLT__SPANS_MAX] = {{NULL, 0}};
  const uint64_t off = view->size;
  const uint64_t end = off + len_of(spans, n_spans);
  const int runs_ahead = end > view->file_len && file_end > end;

  if (end >> 48 != 0 || n_spans > BLT__SPANS_MAX)
    return fail_too_long(view);
  size_t n = add_zeros(all, spans, n_spans, runs_ahead ? file_end - end : 0);
  const uint64_t wanted = off + len_of(all, n);
  if (wanted > view->file_len)
    view->file_len = wanted; /* or less, should the write fail */
  blt_status status = blt__view_write(view, off, all, n);
  if (status == BLT_E_NO_SPACE && n > n_spans)
    status = blt__view_write(view, off, spans, n_spans);
  return status == BLT_OK ? blt__view_look(view, end) : status;
}

void blt__view_advise(struct blt__view *view, uint64_t off, uint64_t len,
                      enum blt__hint hint)
{
  uint64_t begin = off / 4096 * 4096;

  if (view->by_read || view->n_windows == 0)
    return;
  if (begin + len > view->windows[view->n_windows - 1].room)
    len = view->windows[view->n_windows - 1].room - begin;
  view->file->ops->advise(view->file, view->base + begin,
                          (size_t)(len + off - begin), hint);
}
