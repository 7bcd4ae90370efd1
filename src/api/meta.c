/*
 * meta.c - timestamps, metadata and slots
 */
#include "api/db.h"

#include "api/put.h"
#include "format/reserved.h"
#include "hash/keyhash.h"
#include "lookup/chain.h"

/* ---- hidden keys */

static blt_status judge_hidden(const blt_db *db)
{
  if (!db->image.geo.fixed)
    return BLT_OK;
  return blt__fail(&db->sink, BLT_E_UNSUPPORTED, BLT_NO_OFFSET,
                   "files with fixed-length values have no metadata or slots");
}

static blt_status find_hidden(blt_db *db, const struct blt__reserved *reserved,
                              blt_bytes *out, uint64_t *out_time)
{
  struct blt__hit hit;
  const uint8_t *value = NULL;

  if (db->writable) {
    const struct blt__entry *entry =
        blt__pending_find(&db->pending, reserved->key, BLT__RESERVED_KEY_LEN);
    if (entry != NULL && entry->kind != BLT__ENTRY_PUT)
      return BLT_NOT_FOUND;
    if (entry != NULL) {
      *out =
          (blt_bytes){blt__entry_value(&db->pending, entry), entry->value_len};
      *out_time = entry->time;
      return BLT_OK;
    }
  }
  blt_status status = blt__chain_find(&db->image, reserved->hash, reserved->key,
                                      BLT__RESERVED_KEY_LEN, &hit);
  if (status == BLT_OK)
    status = blt__image_value(&db->image, &hit.block, &value);
  if (status == BLT_OK) {
    *out = (blt_bytes){value, hit.block.value_len};
    *out_time = blt__block_time(&db->image.geo, hit.head);
  }
  return status;
}

static blt_status hidden_get(blt_db *db, int which, blt_bytes *out,
                             uint64_t *out_time)
{
  blt_bytes value = {NULL, 0};
  uint64_t time = 0;
  blt_status status = blt__enter_read(db);

  if (status < 0)
    return status;
  if ((status = judge_hidden(db)) == BLT_OK)
    status = find_hidden(db, &blt__reserved_keys[which], &value, &time);
  status = blt__leave(db, status);
  if (status != BLT_OK)
    return status;
  *out = value;
  if (out_time != NULL)
    *out_time = time;
  return BLT_OK;
}

static blt_status hidden_set(blt_db *db, int which, const void *data,
                             size_t len, uint64_t timestamp)
{
  struct blt__put put = {.key = blt__reserved_keys[which].key,
                         .key_len = BLT__RESERVED_KEY_LEN,
                         .value = data,
                         .value_len = len,
                         .hidden = 1};
  blt_status status = blt__enter_write(db);

  if (status < 0)
    return status;
  if ((status = judge_hidden(db)) == BLT_OK)
    status = blt__put(db, &put, timestamp);
  return blt__leave(db, status);
}

static blt_status hidden_delete(blt_db *db, int which)
{
  blt_status status = blt__enter_write(db);

  if (status < 0)
    return status;
  if ((status = judge_hidden(db)) == BLT_OK)
    status = blt__delete(db, blt__reserved_keys[which].key,
                         BLT__RESERVED_KEY_LEN, 1);
  return blt__leave(db, status);
}

BLT_API blt_status blt_metadata_get(blt_db *db, blt_bytes *out,
                                    uint64_t *out_timestamp)
{
  return hidden_get(db, 0, out, out_timestamp);
}

BLT_API blt_status blt_metadata_set(blt_db *db, const void *data, size_t len,
                                    uint64_t timestamp)
{
  return hidden_set(db, 0, data, len, timestamp);
}

BLT_API blt_status blt_metadata_delete(blt_db *db)
{
  return hidden_delete(db, 0);
}

static blt_status judge_slot(const blt_db *db, int slot)
{
  if (db != NULL && slot >= 1 && slot < BLT__N_RESERVED)
    return BLT_OK;
  if (db == NULL)
    return blt__fail_null("handle");
  return blt__fail(&db->sink, BLT_E_INVALID, BLT_NO_OFFSET,
                   "there are slots 1 and 2, not %d", slot);
}

BLT_API blt_status blt_slot_get(blt_db *db, int slot, blt_bytes *out,
                                uint64_t *out_timestamp)
{
  blt_status status = judge_slot(db, slot);

  return status < 0 ? status : hidden_get(db, slot, out, out_timestamp);
}

BLT_API blt_status blt_slot_set(blt_db *db, int slot, const void *data,
                                size_t len, uint64_t timestamp)
{
  blt_status status = judge_slot(db, slot);

  return status < 0 ? status : hidden_set(db, slot, data, len, timestamp);
}

BLT_API blt_status blt_slot_delete(blt_db *db, int slot)
{
  blt_status status = judge_slot(db, slot);

  return status < 0 ? status : hidden_delete(db, slot);
}

/* ---- timestamps */

/*
 * Seven bytes in place. The hash of a record that recovery still has to look
 * at stands behind the times of its blocks, so such a block is first made an
 * ordinary one: its links are brought into the file, durably.
 */
static blt_status set_time_in_file(blt_db *db, uint64_t block_off,
                                   uint64_t time)
{
  uint8_t bytes[BLT__TIMESTAMP_LEN];
  struct blt__log *log = &db->log;
  blt_status status = blt__log_begin(log);

  if (status == BLT_OK &&
      (block_off >= log->group.start || log->links_unsynced))
    status = blt__flatten_first(db);
  if (status < 0)
    return status;
  log->times_unsynced = 1;
  blt__put7(bytes, time);
  return blt__view_write(&db->image.view, block_off + db->image.geo.time_off,
                         &(struct blt__span){bytes, sizeof bytes}, 1);
}

static blt_status set_time(blt_db *db, const void *key, size_t key_len,
                           uint64_t time)
{
  uint8_t hash[BLT__HASH_LEN];
  struct blt__hit hit;
  struct blt__entry *entry = blt__pending_find(&db->pending, key, key_len);

  if (entry != NULL) {
    if (entry->kind != BLT__ENTRY_PUT)
      return BLT_NOT_FOUND;
    entry->time = time;
    return BLT_OK;
  }
  blt__keyhash(key, key_len, hash);
  blt_status status = blt__chain_find(&db->image, hash, key, key_len, &hit);
  return status == BLT_OK ? set_time_in_file(db, hit.block.off, time) : status;
}

static blt_status judge_time(const blt_db *db, uint64_t *timestamp)
{
  if (*timestamp == BLT_NOW)
    *timestamp = blt__now(&db->env);
  if (*timestamp <= BLT__TIMESTAMP_MAX)
    return BLT_OK;
  return blt__fail(&db->sink, BLT_E_TOO_BIG, BLT_NO_OFFSET,
                   "the timestamp does not fit seven bytes");
}

BLT_API blt_status blt_timestamp_set(blt_db *db, const void *key,
                                     size_t key_len, uint64_t timestamp)
{
  blt_status status = blt__enter_write(db);

  if (status < 0)
    return status;
  if (!blt__geometry_has_time(&db->image.geo))
    status = blt__fail(&db->sink, BLT_E_UNSUPPORTED, BLT_NO_OFFSET,
                       "the file has no timestamps");
  else if (key == NULL && key_len != 0)
    status =
        blt__fail(&db->sink, BLT_E_INVALID, BLT_NO_OFFSET, "the key is NULL");
  else if (key_len > BLT__KEY_MAX || blt__is_reserved_key(key, key_len))
    status = BLT_NOT_FOUND;
  else if ((status = judge_time(db, &timestamp)) == BLT_OK)
    status = set_time(db, key, key_len, timestamp);
  return blt__leave(db, status);
}

BLT_API blt_status blt_file_timestamp_get(blt_db *db, uint64_t *out)
{
  blt_status status = blt__enter_read(db);

  if (status < 0)
    return status;
  *out = blt__get7((db->writable ? db->log.header : db->header.bytes) +
                   BLT__HDR_TIMESTAMP);
  return blt__leave(db, BLT_OK);
}

BLT_API blt_status blt_file_timestamp_set(blt_db *db, uint64_t timestamp)
{
  blt_status status = blt__enter_write(db);

  if (status < 0)
    return status;
  struct blt__log *log = &db->log;
  if ((status = judge_time(db, &timestamp)) == BLT_OK &&
      (status = blt__log_begin(log)) == BLT_OK) {
    uint64_t before = blt__get7(log->header + BLT__HDR_TIMESTAMP);
    log->times_unsynced = 1;
    blt__put7(log->header + BLT__HDR_TIMESTAMP, timestamp);
    status = blt__log_put_header(log, BLT__DIRTY, log->from, log->end);
    if (status < 0)
      blt__put7(log->header + BLT__HDR_TIMESTAMP, before);
  }
  return blt__leave(db, status);
}
