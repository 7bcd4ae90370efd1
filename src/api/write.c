/*
 * write.c - put, delete, batches and commits
 */
#include "api/put.h"

#include <string.h>

#include "api/find.h"
#include "format/reserved.h"

/* ---- commits */

blt_status blt__flatten_first(blt_db *db)
{
  blt_status status = blt__log_flatten(&db->log);

  if (status != BLT_E_COMMITTED)
    return status;
  return blt__fail_upgrade(&db->sink, BLT_E_POISONED,
                           "nothing was done; what was committed before is "
                           "safe; close and open the file again");
}

/* More keys than buckets: the index grows. That it finds no space, or is
 * cancelled, is no failure of the commit. */
static blt_status grow_if_crowded(blt_db *db)
{
  if (db->options.auto_reindex == BLT_OFF || db->skip_reindex ||
      db->log.n_keys <= db->image.layout.n_buckets)
    return BLT_OK;
  blt_status status = blt__grow_index(db, 0);
  if (status == BLT_OK)
    return BLT_OK;
  if (db->log.poisoned && db->log.durable < db->log.end)
    return status; /* the sync before it failed: the commit is in doubt     */
  if (db->log.poisoned)
    return blt__fail_upgrade(&db->sink, BLT_E_COMMITTED,
                             "the commit is in the file, but the index could "
                             "not grow; close and open the file again");
  db->skip_reindex = 1;
  return BLT_OK;
}

/* The store is small beside the batch, which would crowd its index: now there
 * is less to copy than afterwards. */
static int is_time_to_grow(const blt_db *db, uint64_t n_new)
{
  return db->log.n_keys + n_new > db->image.layout.n_buckets &&
         db->log.n_keys <= n_new / 4;
}

static blt_status grow_beforehand(blt_db *db)
{
  struct blt__pending *pending = &db->pending;

  if (db->options.auto_reindex == BLT_OFF || db->skip_reindex ||
      !is_time_to_grow(db, pending->n_entries))
    return BLT_OK;
  blt_status status = blt__pending_resolve(pending, &db->image);
  if (status < 0)
    return status;
  int64_t change = blt__pending_count_change(pending);
  if (change <= 0 || !is_time_to_grow(db, (uint64_t)change))
    return BLT_OK;
  status = blt__grow_index(
      db, blt__layout_buckets_for(db->log.n_keys + (uint64_t)change));
  blt__pending_forget_places(pending);
  if (status == BLT_OK)
    return BLT_OK;
  if (db->log.poisoned)
    return status != BLT_E_COMMITTED
               ? status
               : blt__fail_upgrade(&db->sink, BLT_E_POISONED,
                                   "the index could not grow and the commit "
                                   "did not happen; what was committed before "
                                   "is safe; close and open the file again");
  db->skip_reindex = 1;
  return BLT_OK;
}

blt_status blt__commit(blt_db *db)
{
  blt_status status;

  if (db->pending.n_entries == 0)
    return BLT_OK;
  if ((status = grow_beforehand(db)) < 0 ||
      (status = blt__log_commit(&db->log, &db->pending)) < 0 ||
      (status = blt__log_settle(&db->log)) < 0)
    return status;
  return grow_if_crowded(db);
}

blt_status blt__get_ready_to_scan(blt_db *db)
{
  if (!db->writable)
    return BLT_OK;
  blt_status status =
      db->in_batch || db->log.poisoned ? BLT_OK : blt__commit(db);
  return status < 0 ? status : blt__log_show_tombs(&db->log);
}

/*
 * The implicit batch ends when the buffer is full. The file then ends at a
 * multiple of the buffer's length, or a little before: writes that begin and
 * end there get large pages from the file system.
 */
static size_t room_in_batch(const blt_db *db)
{
  size_t room = db->options.buffer_len;
  uint64_t end = db->log.in_session ? db->log.end : db->image.view.size;
  uint64_t used = end % room;

  return room - used > room / 4 ? (size_t)(room - used) : room;
}

/* So many entries, and the blocks that they meet, stay in the cache from the
 * lookup to the commit. Where each commit is synced, fewer of them count more.
 */
enum { ENTRIES_MAX = 2048 };

static int is_full(const blt_db *db)
{
  return (db->pending.n_entries >= ENTRIES_MAX &&
          db->options.sync != BLT_SYNC_FULL) ||
         blt__pending_len(&db->pending) + db->pending.keys.len >=
             room_in_batch(db);
}

static blt_status commit_if_full(blt_db *db)
{
  if (db->in_batch || !is_full(db))
    return BLT_OK;
  return blt__commit(db);
}

/* ---- put */

static blt_status judge_key(const blt_db *db, const void *key, size_t key_len)
{
  if (key == NULL && key_len != 0)
    return blt__fail(&db->sink, BLT_E_INVALID, BLT_NO_OFFSET,
                     "the key is NULL");
  if (key_len > BLT__KEY_MAX)
    return blt__fail(&db->sink, BLT_E_TOO_BIG, BLT_NO_OFFSET,
                     "the key is %zu bytes, the limit is %d", key_len,
                     BLT__KEY_MAX);
  if (!db->image.geo.fixed && blt__is_reserved_key(key, key_len))
    return blt__fail(&db->sink, BLT_E_INVALID, BLT_NO_OFFSET,
                     "the key is one that booklet keeps for itself");
  return BLT_OK;
}

static blt_status judge_value(const blt_db *db, const void *value,
                              size_t value_len)
{
  const struct blt__geometry *geo = &db->image.geo;

  if (value == NULL && value_len != 0)
    return blt__fail(&db->sink, BLT_E_INVALID, BLT_NO_OFFSET,
                     "the value is NULL");
  if (value_len > BLT__VALUE_MAX)
    return blt__fail(&db->sink, BLT_E_TOO_BIG, BLT_NO_OFFSET,
                     "the value is %zu bytes, the limit is %lu", value_len,
                     (unsigned long)BLT__VALUE_MAX);
  if (geo->fixed && value_len != geo->value_len)
    return blt__fail(&db->sink, BLT_E_INVALID, BLT_NO_OFFSET,
                     "the value is %zu bytes, the file's values have %lu",
                     value_len, (unsigned long)geo->value_len);
  return BLT_OK;
}

/* A value that would not fit the buffer is written from where it lies. */
static blt_status put_outside(blt_db *db, struct blt__put *put)
{
  blt_status status = blt__commit(db);

  put->leave_value = 1;
  if (status == BLT_OK)
    status = blt__pending_put(&db->pending, put);
  if (status == BLT_OK && (status = blt__commit(db)) < 0)
    blt__pending_clear(&db->pending);
  return status;
}

static blt_status put_alone(blt_db *db, struct blt__put *put)
{
  if (!blt__pending_owns(&db->pending, put->key))
    return put_outside(db, put);
  /* The commit before empties the buffer that the key was lent from. */
  size_t key_len = put->key_len;
  uint8_t *copy = blt__alloc(&db->env, key_len);
  if (copy == NULL)
    return blt__fail_memory(&db->sink);
  memcpy(copy, put->key, key_len);
  put->key = copy;
  blt_status status = put_outside(db, put);
  blt__release(&db->env, copy, key_len);
  return status;
}

blt_status blt__put(blt_db *db, struct blt__put *put, uint64_t timestamp)
{
  blt_status status = judge_value(db, put->value, put->value_len);

  if (status < 0)
    return status;
  if (timestamp != BLT_NOW && timestamp > BLT__TIMESTAMP_MAX)
    return blt__fail(&db->sink, BLT_E_TOO_BIG, BLT_NO_OFFSET,
                     "the timestamp does not fit seven bytes");
  if (blt__geometry_has_time(&db->image.geo))
    put->time = timestamp == BLT_NOW ? blt__now(&db->env) : timestamp;
  atomic_fetch_add_explicit(&db->n_mutations, 1, memory_order_relaxed);
  if (!db->in_batch && put->value_len >= db->options.buffer_len)
    return put_alone(db, put);
  if ((status = blt__pending_put(&db->pending, put)) < 0)
    return status;
  return commit_if_full(db);
}

BLT_API blt_status blt_put_at(blt_db *db, const void *key, size_t key_len,
                              const void *value, size_t value_len,
                              uint64_t timestamp)
{
  struct blt__put put = {
      .key = key, .key_len = key_len, .value = value, .value_len = value_len};
  blt_status status = blt__enter_write(db);

  if (status < 0)
    return status;
  if ((status = judge_key(db, key, key_len)) == BLT_OK)
    status = blt__put(db, &put, timestamp);
  return blt__leave(db, status);
}

BLT_API blt_status blt_put(blt_db *db, const void *key, size_t key_len,
                           const void *value, size_t value_len)
{
  return blt_put_at(db, key, key_len, value, value_len, BLT_NOW);
}

BLT_API blt_status blt_put_many(blt_db *db, const blt_item *items,
                                size_t n_items)
{
  blt_status status = blt__enter_write(db);

  if (status < 0)
    return status;
  uint64_t now = blt__now(&db->env);
  for (size_t i = 0; i < n_items && status == BLT_OK; i++) {
    struct blt__put put = {.key = items[i].key.data,
                           .key_len = items[i].key.len,
                           .value = items[i].value.data,
                           .value_len = items[i].value.len};
    if ((status = judge_key(db, put.key, put.key_len)) == BLT_OK)
      status = blt__put(
          db, &put, items[i].timestamp == BLT_NOW ? now : items[i].timestamp);
  }
  return blt__leave(db, status);
}

/* ---- delete */

static blt_status delete_key(blt_db *db, const void *key, size_t key_len,
                             int hidden, const struct blt__query *known)
{
  blt_status status = blt__pending_delete(&db->pending, &db->image, key,
                                          key_len, hidden, known);

  if (status == BLT_OK)
    atomic_fetch_add_explicit(&db->n_mutations, 1, memory_order_relaxed);
  return status;
}

blt_status blt__delete(blt_db *db, const void *key, size_t key_len, int hidden)
{
  blt_status status = delete_key(db, key, key_len, hidden, NULL);

  return status == BLT_OK ? commit_if_full(db) : status;
}

BLT_API blt_status blt_delete(blt_db *db, const void *key, size_t key_len)
{
  blt_status status = blt__enter_write(db);

  if (status < 0)
    return status;
  if ((status = blt__judge_wanted(db, key, key_len)) == BLT_OK)
    status = blt__delete(db, key, key_len, 0);
  return blt__leave(db, status);
}

/* Look the keys up together, then delete one after the other. A commit moves
 * blocks, so it comes behind the last. */
static blt_status delete_some(blt_db *db, const blt_bytes *keys, size_t n,
                              size_t *n_found)
{
  struct blt__query queries[BLT__MANY_MAX];
  size_t n_wanted = 0;
  blt_status judged = BLT_OK;

  for (size_t i = 0; i < n && judged >= 0; i++) {
    judged = blt__judge_wanted(db, keys[i].data, keys[i].len);
    if (judged == BLT_OK)
      queries[n_wanted++] =
          (struct blt__query){.key = keys[i].data, .key_len = keys[i].len};
  }
  /* One by one where the side table answers at once and needs no hash; and
   * where there is damage: up to it. */
  int together = !blt__side_is_ready(db->image.side) &&
                 blt__many_find(&db->image, queries, n_wanted, 0) == BLT_OK;
  blt_status status = BLT_OK;
  for (size_t i = 0; i < n_wanted && status >= 0; i++) {
    status = delete_key(db, queries[i].key, queries[i].key_len, 0,
                        together ? &queries[i] : NULL);
    *n_found += status == BLT_OK;
  }
  if (status >= 0)
    status = commit_if_full(db);
  return status < 0 ? status : judged < 0 ? judged : BLT_OK;
}

BLT_API blt_status blt_delete_many(blt_db *db, const blt_bytes *keys,
                                   size_t n_keys, size_t *out_count)
{
  size_t n_found = 0;
  size_t n;
  blt_status status = blt__enter_write(db);

  if (status < 0)
    return status;
  for (size_t i = 0; i < n_keys && status >= 0; i += n) {
    n = n_keys - i < BLT__MANY_MAX ? n_keys - i : BLT__MANY_MAX;
    status = delete_some(db, keys + i, n, &n_found);
  }
  status = blt__leave(db, status);
  if (status == BLT_OK && out_count != NULL)
    *out_count = n_found;
  return status;
}

/* ---- sync and batches */

static blt_status fail_in_batch(const blt_db *db)
{
  return blt__fail(&db->sink, BLT_E_BUSY, BLT_NO_OFFSET,
                   "commit or abort the batch first");
}

BLT_API blt_status blt_sync(blt_db *db)
{
  blt_status status = blt__enter_write(db);

  if (status < 0)
    return status;
  if (db->in_batch)
    status = fail_in_batch(db);
  else if ((status = blt__commit(db)) == BLT_OK)
    status = blt__log_sync(&db->log);
  return blt__leave(db, status);
}

BLT_API blt_status blt_checkpoint(blt_db *db)
{
  blt_status status = blt__enter_write(db);

  if (status < 0)
    return status;
  if (db->in_batch)
    status = fail_in_batch(db);
  else if ((status = blt__commit(db)) == BLT_OK &&
           (status = blt__view_judge(&db->image.view, BLT_OK)) == BLT_OK)
    status = blt__log_rest(&db->log);
  return blt__leave(db, status);
}

BLT_API blt_status blt_batch_begin(blt_db *db)
{
  blt_status status = blt__enter_write(db);

  if (status < 0)
    return status;
  if (db->in_batch)
    status = fail_in_batch(db);
  else if ((status = blt__commit(db)) == BLT_OK)
    db->in_batch = 1;
  return blt__leave(db, status);
}

static blt_status fail_no_batch(const blt_db *db)
{
  return blt__fail(&db->sink, BLT_E_INVALID, BLT_NO_OFFSET,
                   "there is no batch; blt_batch_begin comes first");
}

/* What is put from now on is not what an iterator met in the batch. */
static void end_batch(blt_db *db)
{
  db->in_batch = 0;
  db->n_batches++;
}

BLT_API blt_status blt_batch_commit(blt_db *db)
{
  blt_status status = blt__enter_write(db);

  if (status < 0)
    return status;
  if (!db->in_batch)
    return blt__leave(db, fail_no_batch(db));
  /* An iterator that was opened in the batch would lose its puts. */
  if (db->pending.n_entries > 0)
    atomic_fetch_add(&db->n_mutations, 1);
  status = blt__commit(db);
  if (status == BLT_OK || db->log.poisoned)
    end_batch(db);
  return blt__leave(db, status);
}

BLT_API blt_status blt_batch_abort(blt_db *db)
{
  blt_status status = blt__enter_write(db);

  if (status < 0)
    return status;
  if (!db->in_batch)
    return blt__leave(db, fail_no_batch(db));
  blt__pending_clear(&db->pending);
  end_batch(db);
  atomic_fetch_add(&db->n_mutations, 1);
  return blt__leave(db, BLT_OK);
}
