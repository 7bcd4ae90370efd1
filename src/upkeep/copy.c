/*
 * copy.c - blocks stream through a buffer to a new place, and fill a new index
 */
#include "upkeep/copy.h"

#include <string.h>

#include "base/ask.h"
#include "format/reserved.h"

enum { MEASURE_STEP = 4096, PROGRESS_LEN = 1 << 20 };

/* ---- counting */

blt_status blt__copy_tell(const struct blt__copy *copy)
{
  const struct blt__rewrite *how = copy->how;

  if (how->progress == NULL ||
      how->progress(how->progress_ctx, how->phase, copy->done_len,
                    copy->total_len) == 0)
    return BLT_OK;
  return blt__fail(copy->log->sink, BLT_E_CANCELLED, BLT_NO_OFFSET,
                   "%s was cancelled; the file is as it was", how->phase);
}

blt_status blt__copy_advance(struct blt__copy *copy, uint64_t len)
{
  copy->done_len += len;
  if (copy->done_len - copy->told_len < PROGRESS_LEN)
    return BLT_OK;
  copy->told_len = copy->done_len;
  return blt__copy_tell(copy);
}

blt_status blt__copy_measure(struct blt__copy *copy, struct blt__source *source)
{
  struct blt__scanned s;
  blt_status status;

  source->rewind(source);
  while ((status = source->next(source, &s)) == BLT_OK) {
    copy->n_live++;
    copy->live_len += s.block.len;
    copy->n_hidden += !copy->geo->fixed && blt__is_reserved_hash(s.head);
    if (copy->n_live % MEASURE_STEP == 0 && (status = blt__copy_tell(copy)) < 0)
      break;
  }
  return status == BLT_END ? BLT_OK : status;
}

/* ---- bytes through the buffer */

blt_status blt__copy_flush(struct blt__copy *copy)
{
  blt_status status =
      blt__view_write(&copy->image->view, copy->out_off,
                      &(struct blt__span){copy->out, copy->out_used}, 1);

  copy->out_off += copy->out_used;
  copy->out_used = 0;
  return status;
}

blt_status blt__copy_bytes(struct blt__copy *copy, const uint8_t *data,
                           uint64_t len)
{
  while (len > 0) {
    if (copy->out_used == BLT__COPY_OUT_LEN) {
      blt_status status = blt__copy_flush(copy);
      if (status < 0)
        return status;
    }
    size_t room = BLT__COPY_OUT_LEN - copy->out_used;
    size_t n = len < room ? (size_t)len : room;
    memcpy(copy->out + copy->out_used, data, n);
    copy->out_used += n;
    data += n;
    len -= n;
  }
  return BLT_OK;
}

/* Bytes of the file, in pieces that a view without a mapping can hold. */
static blt_status emit_range(struct blt__copy *copy, uint64_t off, uint64_t len)
{
  enum { PIECE = 1 << 20 };
  blt_status status = BLT_OK;

  while (status == BLT_OK && len > 0) {
    uint64_t n = len < PIECE ? len : PIECE;
    const uint8_t *bytes = NULL;
    status = blt__view_at(&copy->image->view, off, n, &bytes);
    if (status == BLT_OK)
      status = blt__copy_bytes(copy, bytes, n);
    off += n;
    len -= n;
  }
  return status;
}

/* The block's bytes with another link: at once where it is mapped and fits. */
blt_status blt__copy_block(struct blt__copy *copy,
                           const struct blt__block *block, uint64_t next)
{
  const struct blt__view *view = &copy->image->view;
  uint8_t link[BLT__LINK_LEN];

  if (!view->by_read && block->len <= BLT__COPY_OUT_LEN - copy->out_used) {
    uint8_t *to = copy->out + copy->out_used;
    memcpy(to, view->base + block->off, block->len);
    blt__put6(to + BLT__LINK_OFF, next);
    copy->out_used += block->len;
    return BLT_OK;
  }
  blt__put6(link, next);
  blt_status status = emit_range(copy, block->off, BLT__LINK_OFF);
  if (status == BLT_OK)
    status = blt__copy_bytes(copy, link, sizeof link);
  return status == BLT_OK ? emit_range(copy, block->off + BLT__KEYLEN_OFF,
                                       block->len - BLT__KEYLEN_OFF)
                          : status;
}

/* A block that is to be copied, and the slot of its chain. */
struct queued {
  struct blt__block block;
  uint8_t *slot;
};

enum { QUEUE_LEN = 32 };

/* Slots are all over the new index: they are asked for some blocks ahead. */
static blt_status queue_blocks(struct blt__copy *copy,
                               struct blt__source *source, struct queued *queue,
                               size_t *out_n)
{
  struct blt__scanned s;
  blt_status status = BLT_OK;
  size_t n = 0;

  while (n < QUEUE_LEN && (status = source->next(source, &s)) == BLT_OK) {
    uint8_t *slot = copy->heads + (uint64_t)BLT__LINK_LEN *
                                      blt__layout_bucket(&copy->layout, s.head);
    blt__ask_to_write(slot);
    queue[n++] = (struct queued){s.block, slot};
  }
  *out_n = n;
  return status;
}

static blt_status copy_queued(struct blt__copy *copy,
                              const struct queued *queued, uint64_t off)
{
  blt_status status =
      blt__copy_block(copy, &queued->block, blt__get6(queued->slot));

  if (status < 0)
    return status;
  blt__put6(queued->slot, off);
  return blt__copy_advance(copy, queued->block.len);
}

blt_status blt__copy_blocks(struct blt__copy *copy, struct blt__source *source)
{
  struct queued queue[QUEUE_LEN];
  uint64_t off = copy->layout.first_off;
  blt_status status;
  size_t n;

  source->rewind(source);
  do {
    status = queue_blocks(copy, source, queue, &n);
    for (size_t i = 0; i < n && status >= 0; i++) {
      blt_status copied = copy_queued(copy, &queue[i], off);
      if (copied < 0)
        status = copied;
      off += queue[i].block.len;
    }
  } while (status == BLT_OK);
  if (status == BLT_END)
    status = blt__copy_bytes(copy, copy->heads, copy->heads_len);
  copy->done_len += copy->heads_len;
  return status == BLT_OK ? blt__copy_flush(copy) : status;
}
