/*
 * commit.c - the bytes that a commit appends
 *
 * For each part record and blocks are written behind the log, with the record's
 * block spanning both (the cover), and when all parts are there each span is
 * cut down to the record itself (the reveal). A failure before the last reveal
 * cuts the file back and undoes the links (L3).
 */
#include "change/commit.h"

#include <string.h>

#include "format/bodyhash.h"
#include "lookup/side.h"

static uint64_t span_of(const struct blt__part *part)
{
  return part->len + part->body_len + part->pad_len;
}

/* NULL when all that the batch does is delete. */
static const uint8_t *blocks_of(const struct blt__commit *c,
                                const struct blt__part *part)
{
  return c->body != NULL ? c->body + part->body_off : NULL;
}

/* Hash of the part's blocks while links and times are still zero. */
static uint64_t hash_blocks(const struct blt__commit *c, const uint8_t *pad)
{
  const struct blt__part *part = c->part;
  uint64_t outer = c->pending->outer.len;
  struct blt__piece pieces[] = {
      {blocks_of(c, part), (size_t)(part->body_len - outer)},
      {c->pending->outer.data, (size_t)outer},
      {pad, (size_t)part->pad_len},
  };

  return blt__bodyhash_blank(c->log->salt, pieces,
                             outer + part->pad_len > 0 ? 3 : 1);
}

/* Times go into the body, and together into a scratch row for their hash. */
static blt_status set_times(const struct blt__commit *c, uint64_t *out_hash)
{
  const struct blt__part *part = c->part;
  struct blt__buf *row = &c->log->times;
  size_t time_len = blt__geometry_has_time(c->geo) ? BLT__TIMESTAMP_LEN : 0;

  row->len = 0;
  if (blt__buf_reserve(row, (part->n + 1) * BLT__TIMESTAMP_LEN) != 0)
    return blt__fail_memory(c->log->sink);
  for (size_t i = part->first; time_len > 0 && i < part->first + part->n; i++) {
    const struct blt__placed *placed = &c->order[i];
    if (placed->entry->kind != BLT__ENTRY_PUT)
      continue;
    uint8_t *time = c->body + placed->body_off + c->geo->time_off;
    blt__put7(time, placed->entry->time);
    (void)blt__buf_append(row, time, time_len);
  }
  if (part->pad_len > 0 && time_len > 0)
    memset(blt__buf_extend(row, time_len), 0, time_len);
  *out_hash = blt__bodyhash_blank(c->log->salt,
                                  &(struct blt__piece){row->data, row->len}, 1);
  return BLT_OK;
}

/* Links and times back to zero, as the hash of a second attempt wants them. */
static void blank_blocks(const struct blt__commit *c)
{
  for (size_t i = 0; i < c->n_placed; i++) {
    const struct blt__placed *placed = &c->order[i];
    if (placed->entry->kind != BLT__ENTRY_PUT)
      continue;
    uint8_t *head = c->body + placed->body_off;
    memset(head + BLT__LINK_OFF, 0, BLT__LINK_LEN);
    memset(head + c->geo->time_off, 0, c->geo->key_off - c->geo->time_off);
  }
}

static uint64_t last_link(const struct blt__commit *c)
{
  const struct blt__part *part = c->part;

  if (part->n_puts == 0 || part->uncovered)
    return 0;
  /* Deletions come first, so the last placed entry is a put. */
  return blt__get6(c->body + c->order[part->first + part->n - 1].body_off +
                   BLT__LINK_OFF);
}

static blt_status write_part(struct blt__commit *c, const uint8_t *pad)
{
  const struct blt__part *part = c->part;
  struct blt__log *log = c->log;
  struct blt__view *view = &log->image->view;
  uint64_t outer = c->pending->outer.len;
  const struct blt__span spans[] = {
      {c->log->record.data, (size_t)part->len},
      {blocks_of(c, part), (size_t)(part->body_len - outer)},
      {c->pending->outer.data, (size_t)outer},
      {pad, (size_t)part->pad_len},
  };
  blt_status status =
      blt__room_pays(log->level, part->at - log->room.begin)
          ? blt__room_reserve(&log->room, view, part->at, span_of(part))
          : BLT_OK;

  if (status < 0)
    return status;
  return blt__view_append(
      view, spans, 4,
      log->level == BLT_SYNC_FULL
          ? blt__room_file_end(&log->room, view, part->at, span_of(part))
          : 0);
}

static blt_status append_part(struct blt__commit *c, uint64_t seq, int is_last,
                              int64_t count_change)
{
  struct blt__log *log = c->log;
  struct blt__part *part = c->part;
  size_t undo_from = log->undo.len;
  size_t tombs_from = log->tombs.n;
  struct blt__record record = {
      .kind = is_last ? BLT__RECORD_BATCH : BLT__RECORD_PART,
      .seq = seq,
      .off = part->at,
      .durable_off = log->durable,
      .body_len = part->body_len + part->pad_len,
      .len = (uint32_t)part->len,
      .n_blocks = part->n_puts,
      .n_inserts = part->uncovered ? 0 : part->n_inserts,
      .n_keys = (uint64_t)((int64_t)log->n_keys + count_change),
  };
  blt_status status = blt__commit_reserve(c);

  if (status < 0)
    return status;
  memcpy(record.salt, log->salt, BLT__SALT_LEN);
  uint8_t *pad = log->record.data + part->len;
  if (part->pad_len > 0) {
    memset(pad, 0, (size_t)part->pad_len);
    blt__dead_encode(c->geo, pad, part->pad_len, BLT__TAG_FILLER);
  }
  record.body_hash = hash_blocks(c, pad);
  if ((status = set_times(c, &record.time_hash)) < 0 ||
      (status = blt__commit_relink(c)) < 0)
    return status;
  blt__commit_write_changes(c, undo_from, tombs_from, &record);
  record.last_next = last_link(c);
  blt__record_encode(c->geo, &record,
                     part->uncovered ? part->len : span_of(part),
                     log->record.data);
  return write_part(c, pad);
}

static blt_status reveal(struct blt__commit *c, const struct blt__part *part)
{
  uint8_t extent[4];
  unsigned off;
  unsigned len = blt__dead_extent(c->geo, part->len, &off, extent);

  if (part->uncovered)
    return BLT_OK;
  return blt__view_write(&c->log->image->view, part->at + off,
                         &(struct blt__span){extent, len}, 1);
}

/* L3. When even that fails, what is in the file is for recovery to find. Space
 * that was put aside goes back too: of what was wanted a file system may have
 * taken all that there was. */
static blt_status take_back(struct blt__commit *c, blt_status status,
                            size_t n_tombs_before)
{
  struct blt__log *log = c->log;
  struct blt__view *view = &log->image->view;

  blt__commit_undo(log, n_tombs_before);
  blank_blocks(c);
  blt__room_forget(&log->room, log->end);
  if (blt__view_cut(view, log->end) == 0 || view->file_len == log->end) {
    if (c->was_shown)
      (void)blt__log_unguard(log);
    return status;
  }
  return blt__log_poison(log, status, BLT_E_UNKNOWN,
                         "the commit failed and could not be taken back; "
                         "close and open the file again to see its state");
}

/* The side table learns where the keys are now. */
static void move_sides(struct blt__commit *c, const struct blt__part *part)
{
  struct blt__side *side = c->log->image->side;

  if (!blt__side_is_ready(side))
    return;
  for (size_t i = part->first; i < part->first + part->n; i++) {
    const struct blt__placed *placed = &c->order[i];
    const struct blt__entry *entry = placed->entry;
    const int is_put = entry->kind == BLT__ENTRY_PUT;
    uint64_t cheap = blt__cheaphash(
        side->seed, blt__entry_key(c->pending, entry), entry->key_len);
    blt__side_move(
        side, cheap, entry->found,
        is_put ? part->at + part->len + placed->body_off - part->body_off : 0);
  }
}

static void account(struct blt__commit *c, const struct blt__part *parts,
                    size_t n_parts, int64_t change)
{
  struct blt__log *log = c->log;

  for (size_t i = 0; i < n_parts; i++)
    move_sides(c, &parts[i]);
  log->n_keys = (uint32_t)((int64_t)log->n_keys + change);
  log->seq += n_parts;
  log->end = log->image->view.size;
}

/* All of it is in the file, or was undone before. */
static void forget(struct blt__log *log, struct blt__pending *pending)
{
  log->n_undone += pending->n_undone;
  blt__pending_clear(pending);
}

blt_status blt__log_commit(struct blt__log *log, struct blt__pending *pending)
{
  struct blt__commit c = {
      .log = log, .pending = pending, .geo = &log->image->geo};
  size_t n_tombs_before = log->tombs.n;
  size_t n_parts = 0;
  blt_status status = blt__pending_resolve(pending, log->image);

  if (status < 0 || (status = blt__commit_arrange(&c, &n_parts)) < 0)
    return status;
  if (c.n_placed == 0) {
    forget(log, pending);
    return BLT_OK;
  }
  int64_t change = blt__pending_count_change(pending);
  if ((int64_t)log->n_keys + change >= (int64_t)BLT__COUNT_UNCLEAN)
    return blt__fail(log->sink, BLT_E_TOO_BIG, BLT_NO_OFFSET,
                     "the store cannot hold more than 4294967294 keys");
  /* The count that the file came with may be false. */
  if (change < -(int64_t)log->n_keys)
    change = -(int64_t)log->n_keys;
  c.was_shown = !log->in_session || !log->guarded;
  if ((status = blt__log_begin(log)) < 0 || (status = blt__log_guard(log)) < 0)
    return status;
  struct blt__part *parts = (struct blt__part *)(void *)log->parts.data;
  uint64_t at = log->end;
  log->undo.len = 0;
  for (size_t i = 0; i < n_parts && status == BLT_OK; i++) {
    c.part = &parts[i];
    c.part->at = at;
    c.blocks_off = at + c.part->len;
    at += span_of(c.part);
    status = append_part(&c, log->seq + i, i + 1 == n_parts, change);
  }
  for (size_t i = 0; i < n_parts && status == BLT_OK; i++)
    status = reveal(&c, &parts[i]);
  if (status < 0)
    return take_back(&c, status, n_tombs_before);
  account(&c, parts, n_parts, change);
  forget(log, pending);
  return BLT_OK;
}
