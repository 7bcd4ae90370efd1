/*
 * room.h - where the file ends: a log that grows has room made for it
 *
 *   | store and log | zeros          | put aside          |
 *                   ^ end            ^ of the file        ^ reserved
 *
 * Space is put aside so that a commit fails now, and not when the kernel
 * writes it out. Zeros are written ahead where each commit is synced and more
 * are likely to follow: a sync of bytes inside the file is one write to the
 * disk; one that makes the file longer has to write its new length, and where
 * the bytes are, as well.
 *
 *   L6  Booklet never sees the zeros: they are cut off, and that is durable,
 *       before a header that booklet takes.
 */
#ifndef BLT_CHANGE_ROOM_H
#define BLT_CHANGE_ROOM_H

#include "os/view.h"

/* As many zeros as the log has got since the file last ended where it does, at
 * least `min`, at most `max`; none before there is as much log as `after`.
 * Tests have less. */
struct blt__ahead {
  uint64_t after, min, max;
};

struct blt__room {
  struct blt__ahead ahead;
  uint64_t reserved; /* end of the space that was put aside                 */
  uint64_t begin;    /* end of the log when it last had no room             */
};

void blt__room_init(struct blt__room *room);

/* The file ends where the log does: nothing is put aside, no zeros. */
static inline void blt__room_forget(struct blt__room *room, uint64_t end)
{
  room->reserved = 0;
  room->begin = end;
}

/* Is space to be put aside where `len` bytes are written? At OFF only for many:
 * the kernel is quicker with it, but short sessions would pay for what they do
 * not use. */
static inline int blt__room_pays(blt_sync_level level, uint64_t len)
{
  return level != BLT_SYNC_OFF || len >= (uint64_t)1 << 20;
}

/* Put space aside for `len` bytes from `end` on. */
blt_status blt__room_reserve(struct blt__room *room,
                             const struct blt__view *view, uint64_t end,
                             uint64_t len);

/* Where the file should end once `len` bytes are written at `at` and synced. */
uint64_t blt__room_file_end(const struct blt__room *room,
                            const struct blt__view *view, uint64_t at,
                            uint64_t len);

/* Cut off the zeros, so that the file ends where the log does; and give back
 * what is put aside, where there are any or all of it is to go. */
blt_status blt__room_give_back(struct blt__room *room, struct blt__view *view,
                               uint64_t end, int is_all);

#endif
