/*
 * rewrite.c - a new copy of the live blocks with a new index
 */
#include "upkeep/rewrite.h"

#include <string.h>

#include "lookup/side.h"
#include "os/memory.h"
#include "upkeep/copy.h"

/* What was copied is what the file held, and not the zeros that stand in for a
 * part that somebody cut off. After a failed sync nothing is taken back:
 * nothing more is written (L4). */
static blt_status sync_copy(struct blt__copy *copy)
{
  blt_status status = blt__view_judge(&copy->image->view, BLT_OK);

  if (status < 0)
    return status;
  status = blt__log_sync_file(copy->log);
  copy->sync_failed |= status < 0;
  return status;
}

/* ---- phase 1: the copy behind the old store */

/* Where the store ends when it stands at the front. */
static uint64_t front_end(const struct blt__copy *copy)
{
  return BLT__HEADER_LEN + copy->live_len + copy->heads_len;
}

/* R2 */
static int slides(const struct blt__copy *copy)
{
  return copy->how->slide &&
         front_end(copy) + blt__record_min_len(copy->geo, 0, 0) <=
             copy->layout.first_off;
}

/* What is missing to a multiple of the stride. */
static uint64_t stride_gap(const struct blt__copy *copy, uint64_t len)
{
  return (copy->geo->stride - len % copy->geo->stride) % copy->geo->stride;
}

/* Where one dead block cannot hide the copy, the file hides from booklet: its
 * kind is inverted until the switch. */
static blt_status guard(struct blt__copy *copy)
{
  struct blt__log *log = copy->log;
  blt_status status = BLT_OK;

  if (!log->guarded) {
    log->guarded = copy->guarded = 1;
    status = blt__log_put_header(log, copy->how->state, log->from, log->end);
  }
  return status < 0 ? status : sync_copy(copy);
}

static blt_status write_cover(struct blt__copy *copy, uint64_t off,
                              enum blt__record_kind kind, uint64_t record_len,
                              uint64_t span)
{
  struct blt__log *log = copy->log;
  /* Recovery finds a tail's cover where the log of the next header begins. */
  struct blt__record record = {.kind = kind,
                               .seq = log->seq + (kind == BLT__RECORD_TAIL),
                               .off = off,
                               .durable_off = log->durable,
                               .len = (uint32_t)record_len,
                               .n_keys = copy->n_live - copy->n_hidden};

  if (blt__buf_reserve(&log->record, (size_t)record_len) != 0)
    return blt__fail_memory(log->sink);
  memcpy(record.salt, log->salt, BLT__SALT_LEN);
  if (span > blt__cover_max(copy->geo))
    span = record_len;
  blt__record_encode(copy->geo, &record, span, log->record.data);
  return blt__view_write(
      &copy->image->view, off,
      &(struct blt__span){log->record.data, (size_t)record_len}, 1);
}

static blt_status reserve_space(struct blt__copy *copy, uint64_t off,
                                uint64_t len)
{
  struct blt__log *log = copy->log;
  struct blt__file *file = copy->image->view.file;

  if (!blt__room_pays(log->level, len))
    return BLT_OK;
  int error = file->ops->reserve(file, off, len);
  if (error == 0 || blt__errno_is_unsupported(-error))
    return BLT_OK;
  return blt__fail_errno(log->sink, -error, off, "put space aside for a copy");
}

static blt_status copy_forward(struct blt__copy *copy,
                               struct blt__source *source)
{
  struct blt__log *log = copy->log;
  uint64_t copied_len = copy->live_len + copy->heads_len;
  uint64_t record_len = blt__record_min_len(copy->geo, 0, 0);
  blt_status status = BLT_OK;

  uint64_t gap = stride_gap(copy, record_len + copied_len);
  if (gap <= blt__cover_max(copy->geo) - record_len) /* else guarded below */
    record_len += gap;
  uint64_t len = record_len + copied_len;
  blt__layout_init(&copy->layout, copy->layout.n_buckets,
                   log->end + record_len + copy->live_len,
                   log->end + record_len);
  copy->total_len = copied_len * (slides(copy) ? 2 : 1);
  blt__memory_bring(copy->heads, copy->heads_len);
  blt__layout_fill(copy->heads, copy->heads_len);
  copy->out_off = copy->layout.first_off;
  if ((status = reserve_space(copy, log->end, len)) < 0)
    return status;
  if ((len > blt__cover_max(copy->geo) || stride_gap(copy, len) != 0) &&
      (status = guard(copy)) < 0)
    return status;
  if ((status = blt__view_set_size(&copy->image->view, log->end + len)) < 0 ||
      (status = write_cover(copy, log->end, BLT__RECORD_REWRITE, record_len,
                            len)) < 0 ||
      (status = blt__copy_blocks(copy, source)) < 0)
    return status;
  return sync_copy(copy);
}

/* The handle is good for reading still: its file ends with the store, and not
 * with another copy of it. */
static blt_status poison(const struct blt__copy *copy, blt_status status,
                         blt_status as, const char *meaning)
{
  (void)blt__view_look(&copy->image->view, copy->log->end);
  return blt__log_poison(copy->log, status, as, meaning);
}

/* R3 */
static blt_status take_back(struct blt__copy *copy, blt_status status)
{
  struct blt__log *log = copy->log;

  if (copy->sync_failed)
    return poison(copy, status, BLT_E_POISONED,
                  "a sync failed, so nothing more is written; the rewrite did "
                  "not take place; close and open the file again");
  int failed = blt__view_cut(&copy->image->view, log->end) != 0;

  blt__room_forget(&log->room, log->end);
  if (copy->guarded && !failed) {
    log->guarded = 0;
    failed =
        blt__log_put_header(log, copy->how->state, log->from, log->end) < 0;
  }
  if (!failed)
    return status;
  return poison(copy, status, BLT_E_POISONED,
                "the rewrite failed and could not be taken back; close and "
                "open the file again");
}

/* ---- phase 2: the switch */

static blt_status switch_to(struct blt__copy *copy,
                            const struct blt__layout *layout, uint64_t end,
                            int guarded)
{
  struct blt__log *log = copy->log;

  copy->image->layout = *layout;
  blt__side_drop(copy->image->side);
  log->dead_front =
      layout->index_off > layout->first_off ? layout->first_off : 0;
  log->guarded = copy->guarded = guarded;
  blt__put4(log->header + BLT__HDR_BUCKETS, layout->n_buckets);
  blt__put6(log->header + BLT__HDR_INDEX, layout->index_off);
  blt__put6(log->header + BLT__HDR_FIRST, layout->first_off);
  log->n_keys = (uint32_t)(copy->n_live - copy->n_hidden);
  log->seq++;
  log->end = log->durable = end;
  blt__room_forget(&log->room, end);
  blt__log_start_groups(log);
  blt_status status =
      blt__log_put_header(log, BLT__DIRTY, blt__log_mark(log), end);
  if (status == BLT_OK)
    status = blt__log_sync_file(log);
  return status;
}

/* ---- phases 3 and 4: slide down and cut */

/* All blocks move by the same distance, and so do all links. */
static uint64_t moved(uint64_t link, uint64_t distance)
{
  return link > BLT__LINK_END ? link - distance : link;
}

static blt_status slide_blocks(struct blt__copy *copy, uint64_t distance)
{
  struct blt__image *image = copy->image;
  uint64_t off = image->layout.first_off;
  uint64_t end = image->layout.index_off;
  struct blt__block block;
  blt_status status = BLT_OK;

  copy->out_off = off - distance;
  for (; off < end && status == BLT_OK; off += block.len) {
    status = blt__image_block(image, off, &block, NULL);
    if (status == BLT_OK)
      status = blt__copy_block(copy, &block, moved(block.next, distance));
    /* Too late to stop, but not to tell. */
    (void)blt__copy_advance(copy, block.len);
  }
  for (uint64_t i = 0; i < image->layout.n_buckets; i++) {
    uint8_t *slot = copy->heads + i * BLT__LINK_LEN;
    blt__put6(slot, moved(blt__get6(slot), distance));
  }
  if (status == BLT_OK)
    status = blt__copy_bytes(copy, copy->heads, copy->heads_len);
  return status == BLT_OK ? blt__copy_flush(copy) : status;
}

static blt_status slide(struct blt__copy *copy)
{
  struct blt__log *log = copy->log;
  struct blt__layout layout = copy->image->layout;
  uint64_t tail = front_end(copy);
  uint64_t index_off = tail - copy->heads_len;
  uint64_t record_len = blt__record_min_len(copy->geo, 0, 0);
  blt_status status;

  /* The front may have holes that take space to fill. Without it the store is
   * whole all the same, and only longer. */
  int error = log->image->view.file->ops->reserve(
      log->image->view.file, BLT__HEADER_LEN,
      tail + record_len - BLT__HEADER_LEN);
  if (blt__errno_is_no_space(-error))
    return BLT_OK;
  /* Without a cover booklet must not see the file before its end is cut. */
  const int is_bare = log->end - tail > blt__cover_max(copy->geo);
  if (is_bare && (status = guard(copy)) < 0)
    return status;
  if ((status = slide_blocks(copy, layout.first_off - BLT__HEADER_LEN)) < 0 ||
      (status = write_cover(copy, tail, BLT__RECORD_TAIL, record_len,
                            log->end - tail)) < 0 ||
      (status = sync_copy(copy)) < 0)
    return status;
  /* An empty store has the standard layout: both at 200 would be read as an
   * index that is data. */
  blt__layout_init(&layout, layout.n_buckets, index_off,
                   copy->n_live > 0 ? BLT__HEADER_LEN : tail);
  if ((status = switch_to(copy, &layout, tail, is_bare)) < 0 ||
      (status = blt__view_set_size(&copy->image->view, tail)) < 0)
    return status;
  blt__room_forget(&log->room, tail);
  if (is_bare && ((status = blt__log_sync_file(log)) < 0 ||
                  (status = blt__log_unguard(log)) < 0))
    return status;
  return blt__log_sync_file(log);
}

/* ---- the whole */

static blt_status prepare(struct blt__copy *copy, struct blt__source *source)
{
  struct blt__log *log = copy->log;
  blt_status status = blt__copy_measure(copy, source);

  if (status < 0)
    return status;
  if (copy->n_live - copy->n_hidden >= BLT__COUNT_UNCLEAN)
    return blt__fail(log->sink, BLT_E_CORRUPT, BLT_NO_OFFSET,
                     "more keys than the format can count");
  copy->layout.n_buckets = copy->how->n_buckets != 0
                               ? copy->how->n_buckets
                               : blt__layout_buckets_for(copy->n_live);
  copy->heads_len = (uint64_t)BLT__LINK_LEN * copy->layout.n_buckets;
  copy->out = blt__alloc(log->env, BLT__COPY_OUT_LEN);
  copy->heads = blt__alloc(log->env, copy->heads_len);
  if (copy->out == NULL || copy->heads == NULL)
    return blt__fail_memory(log->sink);
  return BLT_OK;
}

static blt_status run(struct blt__copy *copy, struct blt__source *source)
{
  blt_status status = prepare(copy, source);

  if (status < 0)
    return status;
  if ((status = copy_forward(copy, source)) < 0)
    return take_back(copy, status);
  status = switch_to(copy, &copy->layout, copy->image->view.size, 0);
  if (status < 0)
    return poison(copy, status, BLT_E_UNKNOWN,
                  "whether the rewrite took place shows when the file is "
                  "opened again; no key is lost");
  if (slides(copy))
    status = slide(copy);
  if (status < 0)
    return poison(copy, status, BLT_E_COMMITTED,
                  "the rewrite took place, but the file could not be made "
                  "shorter; close and open it again");
  copy->done_len = copy->total_len;
  (void)blt__copy_tell(copy); /* too late to stop, but not to tell */
  return status;
}

blt_status blt__rewrite(struct blt__log *log, struct blt__source *source,
                        const struct blt__rewrite *how)
{
  struct blt__copy copy = {
      .log = log, .image = log->image, .geo = &log->image->geo, .how = how};
  struct blt__view *view = &log->image->view;

  blt__view_advise(view, 0, view->size, BLT__HINT_SEQUENTIAL);
  blt_status status = run(&copy, source);
  if (how->drop_pages)
    blt__view_advise(view, 0, view->size, BLT__HINT_DROP);
  blt__view_advise(view, 0, view->size, BLT__HINT_RANDOM);
  blt__release(log->env, copy.out, BLT__COPY_OUT_LEN);
  blt__release(log->env, copy.heads, copy.heads_len);
  return status;
}
