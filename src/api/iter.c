/*
 * iter.c - walking all keys
 *
 * First the blocks of the file, without those that the open batch of the
 * user's replaces or deletes, then the batch's own puts.
 */
#include "api/db.h"

#include "format/reserved.h"
#include "lookup/scan.h"

/* So many are found ahead: the scan is a loop of its own then. What was asked
 * for comes while the caller works on them; with more the memory would rest. */
enum { MAX_ROWS = 8 };

static const unsigned known_flags = BLT_ITER_VALUES | BLT_ITER_TIMESTAMPS |
                                    BLT_ITER_OFFSETS | BLT_ITER_HIDDEN |
                                    BLT_ITER_TOLERANT;

struct blt_iter {
  blt_db *db;
  unsigned flags;
  uint64_t n_mutations, n_compactions; /* when it was opened                */
  struct blt__scan scan;
  size_t next_entry;  /* of the batch                                        */
  size_t n_entries;   /* what comes later is not given, or it might not end   */
  uint64_t n_batches; /* when it was opened: entries of another are not its */
  int in_batch;       /* the scan is done                  */
  struct blt__row rows[MAX_ROWS];
  size_t at, n_rows; /* rows[at] is the next                                */
};

BLT_API blt_status blt_iter_open(blt_db *db, unsigned flags, blt_iter **out)
{
  blt_status status = blt__enter_alone(db);

  if (status < 0)
    return status;
  status =
      (flags & ~known_flags) != 0
          ? blt__fail(&db->sink, BLT_E_INVALID, BLT_NO_OFFSET,
                      "an iterator has no flags of 0x%x", flags & ~known_flags)
          : blt__get_ready_to_scan(db);
  blt_iter *iter = status < 0 ? NULL : blt__alloc(&db->env, sizeof *iter);
  if (status >= 0 && iter == NULL)
    status = blt__fail_memory(&db->sink);
  if (status >= 0) {
    *iter = (struct blt_iter){.db = db,
                              .flags = flags,
                              .n_mutations = atomic_load(&db->n_mutations),
                              .n_compactions = atomic_load(&db->n_compactions)};
    iter->n_entries = db->writable ? db->pending.n_entries : 0;
    iter->n_batches = db->n_batches;
    blt__scan_begin(&iter->scan, &db->image);
    blt__advise(db, BLT__HINT_SEQUENTIAL);
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
  if (blt__enter_read(db) == BLT_OK) {
    if (db->options.advice == BLT_ADVICE_DROP)
      blt__advise(db, BLT__HINT_DROP);
    blt__advise(db, BLT__HINT_RANDOM);
    (void)blt__leave(db, BLT_OK);
  }
  blt__release(&db->env, iter, sizeof *iter);
}

static inline blt_status judge_changes(const struct blt_iter *iter)
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

/* Fixed files have no hidden keys. */
static int hides(const struct blt_iter *iter)
{
  return !(iter->flags & BLT_ITER_HIDDEN) && !iter->db->image.geo.fixed;
}

static unsigned how_to_run(const struct blt_iter *iter)
{
  return (iter->flags & BLT_ITER_VALUES ? BLT__RUN_VALUES : 0) |
         (hides(iter) ? BLT__RUN_HIDES : 0);
}

/* One block by the plain scan; BLT_OK and no row when it is not wanted. */
static blt_status find_row(struct blt_iter *iter)
{
  struct blt__scanned s;
  blt_status status = blt__scan_next_live(&iter->scan, &s);

  if (status != BLT_OK)
    return status;
  iter->n_rows = !hides(iter) || !blt__is_reserved_hash(s.head);
  iter->rows[0] =
      (struct blt__row){s.block.off, s.block.key_len, s.block.value_len};
  return BLT_OK;
}

/* The open batch has another version of the key, or deletes it. */
static int is_pending(const blt_db *db, const struct blt__row *row)
{
  return blt__pending_find(&db->pending,
                           db->image.view.base + row->off +
                               db->image.geo.key_off,
                           row->key_len) != NULL;
}

static void drop_pending(struct blt_iter *iter)
{
  size_t n = 0;

  for (size_t i = 0; i < iter->n_rows; i++)
    if (!is_pending(iter->db, &iter->rows[i]))
      iter->rows[n++] = iter->rows[i];
  iter->n_rows = n;
}

/* Find rows, if none is wanted among the next blocks perhaps none. They are a
 * look ahead, which is of use only while nothing changes behind it: a tolerant
 * iterator takes one at a time. */
static blt_status find_rows(struct blt_iter *iter)
{
  const blt_db *db = iter->db;
  const size_t max =
      db->writable && iter->flags & BLT_ITER_TOLERANT ? 1 : MAX_ROWS;

  iter->at = 0;
  iter->n_rows = blt__scan_run(&iter->scan, iter->rows, max, how_to_run(iter));
  if (iter->n_rows == 0) {
    blt_status status = find_row(iter);
    if (status != BLT_OK)
      return status;
  }
  if (db->writable && db->pending.n_entries != 0)
    drop_pending(iter);
  return BLT_OK;
}

/* What an item is made with; a copy, for the compiler to keep in registers. */
struct shape {
  const uint8_t *base;
  struct blt__geometry geo;
  unsigned flags;
};

static struct shape shape_of(const struct blt_iter *iter)
{
  return (struct shape){iter->db->image.view.base, iter->db->image.geo,
                        iter->flags};
}

static inline void fill_item(const struct shape *shape,
                             const struct blt__row *row, blt_item *out)
{
  const uint64_t value_off = row->off + shape->geo.key_off + row->key_len;
  const uint8_t *head = shape->base + row->off;

  out->key = (blt_bytes){head + shape->geo.key_off, row->key_len};
  out->value = (blt_bytes){
      shape->flags & BLT_ITER_VALUES ? shape->base + value_off : NULL,
      row->value_len};
  out->timestamp = shape->flags & BLT_ITER_TIMESTAMPS
                       ? blt__block_time(&shape->geo, head)
                       : 0;
  out->value_off = shape->flags & BLT_ITER_OFFSETS ? value_off : 0;
}

/* A value that the plain scan has passed may have to be read first. */
static blt_status read_value(struct blt_iter *iter, const struct blt__row *row)
{
  struct blt__image *image = &iter->db->image;
  const uint8_t *value = NULL;

  return iter->flags & BLT_ITER_VALUES
             ? blt__view_at(&image->view,
                            row->off + image->geo.key_off + row->key_len,
                            row->value_len, &value)
             : BLT_OK;
}

/* Rows that were found ahead. */
static blt_status take_rows(struct blt_iter *iter, blt_item *out, size_t max,
                            size_t *n)
{
  const struct shape shape = shape_of(iter);
  blt_status status = BLT_OK;

  while (*n < max && iter->at < iter->n_rows &&
         (status = read_value(iter, &iter->rows[iter->at])) == BLT_OK)
    fill_item(&shape, &iter->rows[iter->at++], &out[(*n)++]);
  return status;
}

/* Straight from the mapping to the caller. */
static size_t run_to_items(struct blt_iter *iter, blt_item *out, size_t max)
{
  const struct shape shape = shape_of(iter);
  struct blt__run run;
  struct blt__row row;
  size_t n = 0;

  if (!blt__run_begin(&run, &iter->scan, how_to_run(iter)))
    return 0;
  while (n < max && blt__run_next(&run, &row))
    fill_item(&shape, &row, &out[n++]);
  blt__run_end(&run, &iter->scan);
  return n;
}

/* Not where blocks of the file are hidden by what the batch has. */
static int is_direct(const struct blt_iter *iter, size_t max)
{
  const blt_db *db = iter->db;

  return max >= MAX_ROWS && iter->at == iter->n_rows &&
         (!db->writable || db->pending.n_entries == 0);
}

/* The next items of the file: as many as are asked for, or fewer. */
static blt_status next_blocks(struct blt_iter *iter, blt_item *out, size_t max,
                              size_t *out_n)
{
  size_t n = is_direct(iter, max) ? run_to_items(iter, out, max) : 0;
  blt_status status = BLT_OK;

  while (n < max && status == BLT_OK) {
    if (iter->at == iter->n_rows)
      status = find_rows(iter);
    if (status == BLT_OK)
      status = take_rows(iter, out, max, &n);
  }
  *out_n = n;
  return status;
}

static blt_status next_entry(struct blt_iter *iter, blt_item *out)
{
  const struct blt__pending *pending = &iter->db->pending;

  while (iter->n_batches == iter->db->n_batches &&
         iter->next_entry < iter->n_entries &&
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

/* From the file, then from the batch. */
static inline blt_status next_items(struct blt_iter *iter, blt_item *out,
                                    size_t max, size_t *out_n)
{
  blt_db *db = iter->db;
  size_t n = 0;
  blt_status status = BLT_OK;

  if (!iter->in_batch) {
    status = next_blocks(iter, out, max, &n);
    iter->in_batch = status == BLT_END;
  }
  while (iter->in_batch && n < max &&
         (status = db->writable ? next_entry(iter, &out[n]) : BLT_END) ==
             BLT_OK)
    n++;
  *out_n = n;
  return status;
}

BLT_API blt_status blt_iter_next_many(blt_iter *iter, blt_item *out_items,
                                      size_t n_items, size_t *out_count)
{
  blt_db *db = iter->db;
  size_t n = 0;
  blt_status status = blt__enter_read(db);

  if (status < 0)
    return status;
  if ((status = judge_changes(iter)) == BLT_OK)
    status = next_items(iter, out_items, n_items, &n);
  status = blt__leave(db, n > 0 ? BLT_OK : status); /* it comes again        */
  *out_count = status == BLT_OK ? n : 0;
  return status;
}

BLT_API blt_status blt_iter_next(blt_iter *iter, blt_item *out_item)
{
  size_t n;

  return blt_iter_next_many(iter, out_item, 1, &n);
}
