/*
 * view.h - the bounds-checked window on the bytes of a file that may grow
 *
 *   0            loaded by map or read          size          room
 *   |===================== bytes ================|. . . . . . . |
 *
 *   V1  Nothing outside [0, size) is ever given out.
 *   V2  size is lowered before the file is cut, and raised after it has
 *       grown, or a reader would meet a signal.
 *   V3  A pointer that was given out stays good until the view is closed or
 *       cut: the window never moves. When it must become larger than its
 *       room, a second one is opened and the first one stays.
 *
 * Where a mapping is not wanted the window is memory of our own at a fixed
 * place, filled by read_at when a part is first asked for.
 */
#ifndef BLT_OS_VIEW_H
#define BLT_OS_VIEW_H

#include <pthread.h>
#include <stdatomic.h>

#include "os/file.h"

struct blt__window {
  uint8_t *base;
  size_t room;
  int ticket; /* guard, or -1                                               */
};

enum { BLT__MAX_WINDOWS = 24 };

struct blt__view {
  struct blt__file *file;       /* borrowed                               */
  const struct blt__env *env;   /* borrowed                               */
  const struct blt__sink *sink; /* borrowed                               */
  uint8_t *base;                /* of the newest window                   */
  uint64_t size;
  uint64_t file_len; /* of the file, which is zeros from size on           */
  int by_read;       /* filled by read_at, not mapped          */
  int guard_wanted;
  _Atomic int hit;          /* the file was cut under the mapping     */
  _Atomic int read_failure; /* the last status of a read that failed       */
  struct blt__window windows[BLT__MAX_WINDOWS];
  unsigned n_windows;
  /* by_read only: a bit for each piece that is filled */
  _Atomic uint8_t *filled;
  size_t filled_len;
  pthread_mutex_t fill_mutex;
};

struct blt__view_how {
  int by_read;
  int guard; /* catch SIGBUS                                             */
  int grows; /* leave room: the file will be written to                  */
};

/* Take the file's size now and open a window on it. */
blt_status blt__view_open(struct blt__view *view, struct blt__file *file,
                          const struct blt__env *env,
                          const struct blt__sink *sink,
                          const struct blt__view_how *how);
void blt__view_close(struct blt__view *view);

/* The slow part of blt__view_at. */
blt_status blt__view_fill(struct blt__view *view, uint64_t off, uint64_t len);
blt_status blt__view_outside(const struct blt__view *view, uint64_t off,
                             uint64_t len);

static inline int blt__view_has(const struct blt__view *view, uint64_t off,
                                uint64_t len)
{
  return len <= view->size && off <= view->size - len;
}

/* The one door to file bytes: [off, off + len) or BLT_E_CORRUPT. */
static inline blt_status blt__view_at(struct blt__view *view, uint64_t off,
                                      uint64_t len, const uint8_t **out)
{
  if (!blt__view_has(view, off, len))
    return blt__view_outside(view, off, len);
  if (view->by_read) {
    blt_status status = blt__view_fill(view, off, len);
    if (status < 0)
      return status;
  }
  *out = view->base + off;
  return BLT_OK;
}

/* 0 also when it cannot be read. */
int blt__view_is_zero(struct blt__view *view, uint64_t off, uint64_t len);

static inline int blt__view_is_hit(const struct blt__view *view)
{
  return atomic_load_explicit(&view->hit, memory_order_relaxed) != 0;
}

/* BLT_E_TRUNCATED when zeros stand where file bytes should be. */
blt_status blt__view_judge(const struct blt__view *view, blt_status status);

/*
 * Work that takes what cannot be read for damage (recovery, repair, verify)
 * must not take a disk that failed for a moment for it: start with forget, and
 * before believing the result ask whether every read went well.
 */
void blt__view_forget_failure(struct blt__view *view);
blt_status blt__view_failure(const struct blt__view *view);

/* Positional write; the window shows it at once. Never changes size. */
blt_status blt__view_write(struct blt__view *view, uint64_t off,
                           const struct blt__span *spans, size_t n_spans);

/* Write behind the end; the window grows by it. Where that makes the file
 * longer, the same write brings zeros up to `file_end`, as far as there is
 * space for them. */
blt_status blt__view_append(struct blt__view *view,
                            const struct blt__span *spans, size_t n_spans,
                            uint64_t file_end);

/* Cut or extend the file (with zeros) and the window with it (V2). */
blt_status blt__view_set_size(struct blt__view *view, uint64_t size);

/* Cut the file to `size`, and the window in any case, for those who have
 * another failure to tell of: 0 or -errno. */
int blt__view_cut(struct blt__view *view, uint64_t size);

/* See less or more of the file without changing it. */
blt_status blt__view_look(struct blt__view *view, uint64_t size);

void blt__view_advise(struct blt__view *view, uint64_t off, uint64_t len,
                      enum blt__hint hint);

#endif
