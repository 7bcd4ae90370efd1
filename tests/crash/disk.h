/*
 * disk.h - the file that stories are recorded on and crashes are opened from
 *
 *   state   the image that a crash has left
 *   work    what the library sees and changes; mapped, so it never moves
 *
 *   Sectors in which the two may differ are listed, so that going back from
 *   work to state costs what was changed and not what the file is long.
 */
#ifndef CRASH_DISK_H
#define CRASH_DISK_H

#include "crash/trace.h"

enum { DISK_SECTOR = 512 };

struct disk {
  struct blt__file file;
  struct image state, work; /* owned; change state by disk_* only           */
  uint8_t *is_dirty;        /* owned; by sector                             */
  uint32_t *dirty;          /* owned                                        */
  size_t n_dirty;
  size_t n_changes;     /* operations on work since disk_reset              */
  struct trace *record; /* borrowed; NULL: operations are not recorded      */
  /* Told before a write to work or another size, and after a sync; may be
   * NULL. */
  void (*on_write)(void *ctx, uint64_t off, const struct blt__span *spans,
                   size_t n_spans);
  void (*on_size)(void *ctx, uint64_t len);
  void (*on_sync)(void *ctx);
  void *ctx;
};

void disk_init(struct disk *disk);
void disk_release(struct disk *disk);

/* Change the state. */
void disk_load(struct disk *disk, const struct image *image);
void disk_apply(struct disk *disk, const struct trace *trace,
                const struct op *op);
void disk_put(struct disk *disk, uint64_t off, const uint8_t *data, size_t len);

/* Work becomes the state. */
void disk_reset(struct disk *disk);

#endif
