/*
 * iter.c - walking all keys
 *
 * First the blocks of the file, without those that the open batch of the
 * user's replaces or deletes, then the batch's own puts.
 */
#include "api/db.h"

#include "format/reserved.h"
#include "lookup/scan.h"

struct blt_iter {
  blt_db *db;
  unsigned flags;
  uint64_t n_mutations, n_compactions; /* when it was opened                */
  struct blt__scan scan;
  size_t next_entry; /* of the batch                                        */
  size_t n_entries;  /* what comes later is not given, or it might not end   */
  int in_batch;      /* the scan is done                  */
};

static int is_hidden(const struct blt_iter *iter, const uint8_t *hash)
{
  return !iter->db->image.geo.fixed && !(iter->flags & BLT_ITER_HIDDEN) &&
         blt__is_reserved_hash(hash);
}

BLT_API blt_status blt_iter_open(blt_db *db, unsigned flags, blt_iter **out)
{
  blt_status status = blt__enter_alone(db);

  if (status < 0)
    return status;
  if (db->writable && !db->in_batch && !db->log.poisoned)
    status = blt__commit(db);
  blt_iter *iter = status < 0 ? NULL : blt__alloc(&db->env, sizeof *iter);
  if (status >= 0 && iter == NULL)
    status = blt__fail_memory(&db->sink);
  if (status >= 0) {
    *iter = (struct blt_iter){.db = db,
                              .flags = flags,
                              .n_mutations = atomic_load(&db->n_mutations),
                              .n_compactions = atomic_load(&db->n_compactions)};
    iter->n_entries = db->writable ? db->pending.n_entries : 0;
    blt__scan_begin(&iter->scan, &db->image);
    if (db->options.advice != BLT_ADVICE_NONE)
      blt__view_advise(&db->image.view, 0, db->image.view.size,
                       BLT__HINT_SEQUENTIAL);
  }
  status = blt__leave(db, status);
  if (status == BLT_OK)
    *out = iter;
  else if (iter != NULL)
    blt__release(&db->env, iter, sizeof *iter);
  return status;
}

void blt_iter_close(blt_iter *iter)
{
  if (iter == NULL)
    return;
  blt_db *db = iter->db;
  struct blt__view *view = &db->image.view;
  if (blt__enter_read(db) == BLT_OK) {
    if (db->options.advice == BLT_ADVICE_DROP)
      blt__view_advise(view, 0, view->size, BLT__HINT_DROP);
    if (db->options.advice != BLT_ADVICE_NONE)
      blt__view_advise(view, 0, view->size, BLT__HINT_RANDOM);
    (void)blt__leave(db, BLT_OK);
  }
  blt__release(&db->env, iter, sizeof *iter);
}

static blt_status judge_changes(const struct blt_iter *iter)
{
  const blt_db *db = iter->db;

  if (atomic_load(&db->n_compactions) != iter->n_compactions)
    return blt__fail(&db->sink,
                     iter->flags & BLT_ITER_TOLERANT ? BLT_E_COMPACTED
                                                     : BLT_E_MUTATED,
                     BLT_NO_OFFSET, "the store was rewritten during iteration");
  if (!(iter->flags & BLT_ITER_TOLERANT) &&
      atomic_load(&db->n_mutations) != iter->n_mutations)
    return blt__fail(&db->sink, BLT_E_MUTATED, BLT_NO_OFFSET,
                     "the store changed during iteration");
  return BLT_OK;
}

static blt_status item_of_block(struct blt_iter *iter,
                                const struct blt__scanned *s, blt_item *out)
{
  struct blt__image *image = &iter->db->image;
  const uint8_t *value = NULL;
  blt_status status = BLT_OK;

  if (iter->flags & BLT_ITER_VALUES)
    status = blt__image_value(image, &s->block, &value);
  if (status < 0)
    return status;
  *out = (blt_item){
      .key = {s->head + image->geo.key_off, s->block.key_len},
      .value = {value, s->block.value_len},
      .timestamp = iter->flags & BLT_ITER_TIMESTAMPS
                       ? blt__block_time(&image->geo, s->head)
                       : 0,
      .value_off = iter->flags & BLT_ITER_OFFSETS ? s->block.value_off : 0};
  return BLT_OK;
}

static blt_status next_block(struct blt_iter *iter, blt_item *out)
{
  blt_db *db = iter->db;
  struct blt__scanned s;
  blt_status status;

  while ((status = blt__scan_next_live(&iter->scan, &s)) == BLT_OK) {
    if (is_hidden(iter, s.head))
      continue;
    if (db->writable && db->pending.n_entries != 0 &&
        blt__pending_find(&db->pending, s.head + db->image.geo.key_off,
                          s.block.key_len) != NULL)
      continue;
    return item_of_block(iter, &s, out);
  }
  return status;
}

static blt_status next_entry(struct blt_iter *iter, blt_item *out)
{
  const struct blt__pending *pending = &iter->db->pending;

  while (iter->next_entry < iter->n_entries &&
         iter->next_entry < pending->n_entries) {
    const struct blt__entry *entry = &pending->entries[iter->next_entry++];
    if (entry->kind != BLT__ENTRY_PUT ||
        (entry->hidden && !(iter->flags & BLT_ITER_HIDDEN)))
      continue;
    *out = (blt_item){.key = {blt__entry_key(pending, entry), entry->key_len},
                      .value = {iter->flags & BLT_ITER_VALUES
                                    ? blt__entry_value(pending, entry)
                                    : NULL,
                                entry->value_len},
                      .timestamp =
                          iter->flags & BLT_ITER_TIMESTAMPS ? entry->time : 0,
                      .value_off = BLT_NO_OFFSET};
    return BLT_OK;
  }
  return BLT_END;
}

BLT_API blt_status blt_iter_next(blt_iter *iter, blt_item *out_item)
{
  blt_db *db = iter->db;
  blt_status status = blt__enter_read(db);

  if (status < 0)
    return status;
  if ((status = judge_changes(iter)) == BLT_OK) {
    if (!iter->in_batch) {
      status = next_block(iter, out_item);
      iter->in_batch = status == BLT_END;
    }
    if (iter->in_batch)
      status = db->writable ? next_entry(iter, out_item) : BLT_END;
  }
  return blt__leave(db, status);
}
