/*
 * room.c - space put aside for the log, and zeros written ahead of it
 */
#include "change/room.h"

/* Least space that is put aside at once. */
#define RESERVE_LEN ((uint64_t)1 << 20)

/* Not to be had on this file system. */
#define NO_RESERVE UINT64_MAX

void blt__room_init(struct blt__room *room)
{
  *room = (struct blt__room){.ahead = {.after = (uint64_t)4 << 10,
                                       .min = (uint64_t)64 << 10,
                                       .max = (uint64_t)1 << 20}};
}

blt_status blt__room_reserve(struct blt__room *room,
                             const struct blt__view *view, uint64_t end,
                             uint64_t len)
{
  struct blt__file *file = view->file;

  if (end + len <= room->reserved)
    return BLT_OK;
  uint64_t wanted = len > RESERVE_LEN ? len : RESERVE_LEN;
  int error = file->ops->reserve(file, end, wanted);
  if (blt__errno_is_no_space(-error))
    error = file->ops->reserve(file, end, wanted = len);
  if (blt__errno_is_unsupported(-error)) {
    room->reserved = NO_RESERVE;
    return BLT_OK;
  }
  if (error != 0)
    return blt__fail_errno(view->sink, -error, end,
                           "put space aside for the commit");
  room->reserved = end + wanted;
  return BLT_OK;
}

uint64_t blt__room_file_end(const struct blt__room *room,
                            const struct blt__view *view, uint64_t at,
                            uint64_t len)
{
  const struct blt__ahead *ahead = &room->ahead;
  const uint64_t end = at + len;
  const uint64_t log_len = end - room->begin;

  if (view->file->stays_short || view->file->map_unsafe ||
      log_len < ahead->after)
    return end;
  if (log_len > ahead->max)
    return end + ahead->max;
  return end + (log_len < ahead->min ? ahead->min : log_len);
}

blt_status blt__room_give_back(struct blt__room *room, struct blt__view *view,
                               uint64_t end, int is_all)
{
  const int has_zeros = view->file_len > end;
  /* Also where nothing seems left: what was too much to ask for may have been
   * taken in part. */
  const int is_put_aside =
      room->reserved >= end && room->reserved != NO_RESERVE;

  room->begin = end;
  if (!has_zeros && !(is_all && is_put_aside))
    return BLT_OK;
  const int error = blt__view_cut(view, end);
  blt__room_forget(room, end);
  return error == 0 || !has_zeros ? BLT_OK
                                  : blt__fail_errno(view->sink, -error, end,
                                                    "change the file's size");
}
