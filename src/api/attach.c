/*
 * attach.c - from a file that is open and locked to a handle that works
 */
#include "api/db.h"

#include <string.h>

#include "format/reserved.h"
#include "os/lock.h"
#include "upkeep/recover.h"
#include "upkeep/rewrite.h"

void blt__advise(blt_db *db, enum blt__hint hint)
{
  struct blt__view *const view = &db->image.view;

  if (db->options.advice != BLT_ADVICE_NONE)
    blt__view_advise(view, 0, view->size, hint);
}

static blt_status read_header(blt_db *db, int *out_has_checkpoint,
                              struct blt__checkpoint *out_checkpoint)
{
  const uint8_t *bytes = NULL;
  struct blt__view *view = &db->image.view;

  if (view->size < BLT__HEADER_LEN)
    return blt__fail(&db->sink, BLT_E_NOT_BOOKLET, BLT_NO_OFFSET,
                     "not a booklet file (%llu bytes, a header has %d)",
                     (unsigned long long)view->size, BLT__HEADER_LEN);
  blt_status status = blt__view_at(view, 0, BLT__HEADER_LEN, &bytes);
  if (status < 0 || (status = blt__header_decode(&db->header, bytes, view->size,
                                                 &db->sink)) < 0)
    return status;
  *out_has_checkpoint =
      blt__checkpoint_decode(db->header.bytes, out_checkpoint);
  if (db->header.guarded &&
      (!*out_has_checkpoint || out_checkpoint->state == BLT__CLEAN))
    return blt__fail(&db->sink, BLT_E_NOT_BOOKLET, BLT_NO_OFFSET,
                     "not a booklet file (the kind is inverted)");
  if (db->options.kind != BLT_ANY &&
      (db->options.kind == BLT_FIXED) != (db->header.fixed != 0))
    return blt__fail(&db->sink, BLT_E_NOT_BOOKLET, 0,
                     "a booklet with %s values, not with %s ones",
                     db->header.fixed ? "fixed-length" : "variable-length",
                     db->header.fixed ? "variable-length" : "fixed-length");
  return BLT_OK;
}

static void set_up_side_table(blt_db *db)
{
  size_t max = db->options.side_table_max;

  blt__side_init(&db->side, &db->env,
                 max != 0 ? max : BLT_DEFAULT_SIDE_TABLE_MAX, db->writable);
  if (db->options.side_table == BLT_ON ||
      (db->options.side_table != BLT_OFF && !db->image.view.by_read))
    db->image.side = &db->side;
}

static void set_up_image(blt_db *db)
{
  const struct blt__header *h = &db->header;

  blt__geometry_init(&db->image.geo, h->fixed, h->value_len, h->has_timestamps);
  blt__layout_init(&db->image.layout, h->n_buckets, h->index_off, h->first_off);
  blt__links_init(&db->image.links, &db->env);
  blt__links_init(&db->image.tombs, &db->env);
  blt__links_init(&db->image.reveals, &db->env);
  set_up_side_table(db);
}

static void release_image(blt_db *db)
{
  blt__links_release(&db->image.links);
  blt__links_release(&db->image.tombs);
  blt__links_release(&db->image.reveals);
  blt__side_release(&db->side);
}

/* A reader counts for itself what the header does not say. */
static blt_status count_keys(blt_db *db)
{
  struct blt__live_source live;
  struct blt__scanned s;
  uint64_t n = 0;
  blt_status status;

  blt__live_source_init(&live, &db->image, NULL, NULL);
  live.source.rewind(&live.source);
  while ((status = live.source.next(&live.source, &s)) == BLT_OK)
    n += db->image.geo.fixed || !blt__is_reserved_hash(s.head);
  /* Damage is met, and told, when somebody reads there. */
  db->n_keys = n;
  return status == BLT_END || status == BLT_E_CORRUPT ? BLT_OK : status;
}

static blt_status attach_reader(blt_db *db, struct blt__opening *opening,
                                enum blt__condition condition)
{
  db->n_keys = db->header.n_keys;
  if (condition == BLT__CONDITION_CRASHED) {
    blt_status status = blt__recover_overlay(opening);
    db->is_unclean = 1;
    db->n_keys = opening->n_keys;
    db->opened = opening->info;
    return status;
  }
  db->opened.what =
      condition == BLT__CONDITION_FOREIGN && opening->has_checkpoint
          ? BLT_OPENED_FOREIGN
          : BLT_OPENED_CLEAN;
  if (db->header.n_keys != BLT__COUNT_UNCLEAN)
    return BLT_OK;
  db->is_unclean = 1;
  return count_keys(db);
}

static blt_status attach_writer(blt_db *db, struct blt__opening *opening,
                                enum blt__condition condition)
{
  opening->n_keys = db->header.n_keys;
  if (condition != BLT__CONDITION_CLEAN) {
    if (db->options.recover == BLT_OFF && condition == BLT__CONDITION_CRASHED)
      return blt__fail(&db->sink, BLT_E_CORRUPT, BLT_NO_OFFSET,
                       "the file was not closed well, and recovery is "
                       "switched off");
    blt_status status = blt__recover(opening);
    if (status < 0)
      return status;
    db->opened = opening->info;
    if (!opening->has_checkpoint && db->opened.what == BLT_OPENED_FOREIGN)
      db->opened.what = BLT_OPENED_CLEAN;
  }
  db->log.n_keys = (uint32_t)opening->n_keys;
  /* A count that was wrong is put right when the file is closed, and so is a
   * mark of a session without syncs, now that all was checked. */
  int is_unsynced = opening->has_checkpoint &&
                    (opening->checkpoint.flags & BLT__FLAG_OFF) != 0 &&
                    condition == BLT__CONDITION_FOREIGN;
  return db->opened.what != BLT_OPENED_REPAIRED &&
                 db->opened.what != BLT_OPENED_RECOVERED &&
                 (is_unsynced || opening->n_keys != db->header.n_keys)
             ? blt__log_begin(&db->log)
             : BLT_OK;
}

static blt_status attach_by_mode(blt_db *db, struct blt__opening *opening,
                                 enum blt__condition condition)
{
  if (!db->writable)
    return attach_reader(db, opening, condition);
  blt__log_init(&db->log, &db->image, &db->env, &db->sink, db->options.sync);
  memcpy(db->log.header, db->header.bytes, BLT__HEADER_LEN);
  db->log.guarded = db->header.guarded;
  blt__pending_init(&db->pending, &db->env, &db->sink, &db->image.geo,
                    db->side.seed);
  return attach_writer(db, opening, condition);
}

/* Is a part of the file gone through that grows with its length? */
static int reads_much(const blt_db *db, enum blt__condition condition)
{
  return condition == BLT__CONDITION_CRASHED ||
         (condition != BLT__CONDITION_CLEAN && db->writable) ||
         (db->header.n_keys == BLT__COUNT_UNCLEAN && !db->writable);
}

static blt_status attach_image(blt_db *db)
{
  struct blt__opening opening = {.image = &db->image,
                                 .log = db->writable ? &db->log : NULL,
                                 .env = &db->env,
                                 .sink = &db->sink,
                                 .header = &db->header,
                                 .options = &db->options};
  blt_status status =
      read_header(db, &opening.has_checkpoint, &opening.checkpoint);

  if (status < 0)
    return status;
  set_up_image(db);
  enum blt__condition condition =
      blt__condition_of(&opening, db->image.view.size);
  if (!reads_much(db, condition))
    return attach_by_mode(db, &opening, condition);
  /* The kernel reads ahead meanwhile: a file that is not in memory is there in
   * a fifth of the time. */
  blt__advise(db, BLT__HINT_NORMAL);
  status = attach_by_mode(db, &opening, condition);
  blt__advise(db, BLT__HINT_RANDOM);
  return status;
}

static void release_all(blt_db *db)
{
  db->is_plain = db->is_quick = 0;
  if (db->writable) {
    blt__pending_release(&db->pending);
    blt__log_release(&db->log);
  }
  release_image(db);
  blt__view_close(&db->image.view);
  memset(&db->log, 0, sizeof db->log);
  memset(&db->pending, 0, sizeof db->pending);
  memset(&db->image, 0, sizeof db->image);
}

blt_status blt__attach(blt_db *db)
{
  struct blt__view_how how = {
      .by_read = !db->in_memory &&
                 (db->options.io == BLT_IO_PREAD ||
                  (db->options.io == BLT_IO_AUTO && db->file->map_unsafe)),
      .guard = !db->in_memory && db->options.sigbus != BLT_OFF,
      .grows = db->writable};
  blt_status status =
      blt__view_open(&db->image.view, db->file, &db->env, &db->sink, &how);

  if (status < 0)
    return status;
  if (db->options.advice == BLT_ADVICE_NONE)
    blt__view_advise(&db->image.view, 0, db->image.view.size, BLT__HINT_NORMAL);
  db->opened = (blt_open_info){.what = BLT_OPENED_CLEAN};
  db->is_unclean = 0;
  db->in_batch = db->skip_reindex = 0;
  db->turns.are_taken = db->writable && db->options.threads != BLT_OFF;
  db->fork_count = blt__fork_count();
  status = blt__view_judge(&db->image.view, attach_image(db));
  if (status == BLT_OK && db->options.side_table == BLT_ON)
    blt__build_side(db);
  if (status < 0)
    release_all(db);
  db->is_plain = status >= 0 && !db->writable;
  db->is_quick = status >= 0 && !db->image.view.by_read;
  return status;
}

blt_status blt__attach_created(blt_db *db)
{
  blt_status status = blt__attach(db);

  if (status == BLT_OK)
    db->opened.what = BLT_OPENED_CREATED;
  return status;
}

static blt_status finish_writing(blt_db *db)
{
  blt_status status = blt__view_judge(&db->image.view, BLT_OK);

  /* What cannot be read now must not be called clean. */
  if (status < 0)
    return status;
  if (db->log.poisoned)
    return blt__fail(&db->sink, BLT_E_POISONED, BLT_NO_OFFSET,
                     "closed after a failed write; the next open for writing "
                     "recovers the file");
  if (db->in_batch)
    blt__pending_clear(&db->pending);
  db->in_batch = 0;
  status = blt__commit(db);
  blt_status closed = blt__log_close(&db->log);
  return status < 0 ? status : closed;
}

blt_status blt__detach(blt_db *db)
{
  int is_copy = db->fork_count != blt__fork_count();
  blt_status status = BLT_OK;

  if (db->writable && !is_copy)
    status = finish_writing(db);
  release_all(db);
  return status;
}
