/*
 * gap.c - does the log end, or is a part of it damaged?
 */
#include "upkeep/gap.h"

#include <string.h>

enum { PIECE = 65536 };

struct search {
  struct blt__replay *replay;
  uint64_t off;    /* where to look on                                      */
  uint64_t seq;    /* of the last record that was found                     */
  uint64_t budget; /* bytes that may be hashed: records do not overlap      */
};

/* The first place from `off` on where a record's tag stands, or the size. */
static blt_status next_tag(struct blt__view *view, uint64_t off, uint64_t *out)
{
  /* A record may be whole and its padding not there. */
  while (off < view->size && view->size - off >= BLT__RECORD_TAG_LEN) {
    const uint8_t *bytes = NULL;
    uint64_t n = view->size - off < PIECE ? view->size - off : PIECE;
    blt_status status = blt__view_at(view, off, n, &bytes);
    if (status < 0)
      return status;
    uint64_t at = blt__record_search(bytes, n);
    if (at < n) {
      *out = off + at;
      return BLT_OK;
    }
    off += n - BLT__RECORD_TAG_LEN + 1;
  }
  *out = view->size;
  return BLT_OK;
}

/* 1 when a record of the session stands at `off`, with a number from s->seq
 * on; 0, or a failure. */
static int is_record(struct search *s, uint64_t off, struct blt__record *out)
{
  struct blt__view *view = &s->replay->image->view;
  const struct blt__geometry *geo = &s->replay->image->geo;
  uint64_t head_len =
      blt__record_payload_off(geo) + (uint64_t)BLT__RECORD_FIXED_LEN;
  const uint8_t *bytes = NULL;
  blt_status status;

  if (!blt__view_has(view, off, head_len))
    return 0;
  if ((status = blt__view_at(view, off, head_len, &bytes)) < 0)
    return status;
  if (!blt__record_decode(geo, off, bytes, head_len, out) ||
      out->kind > BLT__RECORD_PART || out->seq < s->seq ||
      memcmp(out->salt, s->replay->checkpoint->salt, BLT__SALT_LEN) != 0)
    return 0;
  uint64_t used = blt__record_used_len(geo, out) + BLT__RECORD_HASH_LEN;
  if (!blt__view_has(view, off, used) || used > s->budget)
    return 0;
  s->budget -= used;
  if ((status = blt__view_at(view, off, used, &bytes)) < 0)
    return status;
  return blt__record_is_whole(geo, out, bytes);
}

/* 1 and the next record, 0 when there is none, or a failure. */
static int find_next(struct search *s, struct blt__record *out)
{
  struct blt__view *view = &s->replay->image->view;
  uint64_t off = s->off;
  int found = 0;

  while (found == 0) {
    blt_status status = next_tag(view, off, &off);
    if (status < 0)
      return status;
    if (off == view->size)
      return 0;
    found = is_record(s, off, out);
    off++;
  }
  if (found > 0) {
    s->off = out->off + out->len;
    s->seq = out->seq + 1;
  }
  return found;
}

static struct search begin_at_stop(struct blt__replay *replay)
{
  return (struct search){replay, replay->stop, replay->stop_seq,
                         replay->image->view.size - replay->stop};
}

/* Pages that the kernel dropped read as zeros: a sector of them, or what was
 * not yet used of the first one. */
static int has_lost_sector(struct blt__view *view, uint64_t off, uint64_t end)
{
  static const uint8_t nothing[BLT__SECTOR_LEN];

  while (off < end) {
    const uint8_t *bytes = NULL;
    uint64_t n = BLT__SECTOR_LEN - off % BLT__SECTOR_LEN;
    if (n > end - off)
      return 0;
    if (blt__view_at(view, off, n, &bytes) < 0 ||
        memcmp(bytes, nothing, (size_t)n) == 0)
      return 1;
    off += n;
  }
  return 0;
}

/* Nobody has cut the power since, and no page was dropped in front of `end`. */
static int is_whole_boot(struct blt__replay *replay, uint64_t end)
{
  uint64_t boot_id = blt__boot_id();

  return boot_id != 0 && replay->checkpoint->boot_id == boot_id &&
         !has_lost_sector(&replay->image->view, replay->stop, end);
}

static blt_status find_damage(struct blt__replay *replay)
{
  struct search s = begin_at_stop(replay);
  struct blt__record later;
  int found;

  s.seq++;
  if ((found = find_next(&s, &later)) > 0)
    replay->damaged = is_whole_boot(replay, later.off);
  for (; found > 0 && !replay->damaged; found = find_next(&s, &later))
    replay->damaged = later.durable_off > replay->stop;
  return found < 0 ? (blt_status)found : BLT_OK;
}

/* All records from the stop on, but for a last batch that is not whole. */
static blt_status count_later(struct blt__replay *replay)
{
  struct search s = begin_at_stop(replay);
  const size_t n_before = blt__replay_n(replay);
  struct blt__record record;
  uint64_t durable = 0;
  int found;

  while ((found = find_next(&s, &record)) > 0) {
    if (blt__buf_append(&replay->records, &record, sizeof record) != 0)
      return blt__fail_memory(replay->image->view.sink);
    replay->end = blt__record_end(&record);
    if (record.durable_off > durable)
      durable = record.durable_off;
  }
  while (found == 0 && blt__replay_n(replay) > n_before) {
    size_t last = blt__replay_n(replay) - 1;
    record = *blt__replay_record(replay, last);
    if (record.kind == BLT__RECORD_BATCH &&
        (record.off < durable || blt__replay_is_body_right(replay, &record)))
      break;
    replay->end = record.off;
    replay->records.len = last * sizeof record;
  }
  return found < 0 ? (blt_status)found : BLT_OK;
}

blt_status blt__gap_judge(struct blt__replay *replay)
{
  blt_status status = BLT_OK;

  if (replay->stop >= replay->image->view.size)
    return BLT_OK;
  if (replay->checkpoint->state == BLT__REPAIR)
    replay->damaged = (replay->checkpoint->flags & BLT__FLAG_GAP) != 0;
  else
    status = find_damage(replay);
  return status == BLT_OK && replay->damaged ? count_later(replay) : status;
}

blt_status blt__gap_fail(const struct blt__replay *replay)
{
  return blt__fail(replay->image->view.sink, BLT_E_CORRUPT, replay->stop,
                   "the log is damaged here, and commits behind it are whole; "
                   "nothing was changed; \"blt repair\" keeps what can be "
                   "kept");
}
