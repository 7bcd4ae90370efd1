/*
 * read.c - get, has and count
 */
#include "api/db.h"

#include <string.h>

#include "format/reserved.h"
#include "hash/keyhash.h"
#include "lookup/chain.h"

/* A value with no bytes is not a missing one. */
static const uint8_t no_bytes[1];

static blt_status judge_key(const blt_db *db, const void *key, size_t key_len)
{
  if (key == NULL && key_len != 0)
    return blt__fail(&db->sink, BLT_E_INVALID, BLT_NO_OFFSET,
                     "the key is NULL");
  /* What cannot be stored is not there. */
  if (key_len > BLT__KEY_MAX ||
      (!db->image.geo.fixed && blt__is_reserved_key(key, key_len)))
    return BLT_NOT_FOUND;
  return BLT_OK;
}

/* Where a key's value is: in the write buffer or in the file. */
struct place {
  const struct blt__entry *entry; /* or NULL                                */
  struct blt__hit hit;
};

static blt_status find(blt_db *db, const void *key, size_t key_len,
                       struct place *out)
{
  uint8_t hash[BLT__HASH_LEN];

  out->entry = NULL;
  if (db->writable && db->pending.n_entries != 0 &&
      (out->entry = blt__pending_find(&db->pending, key, key_len)) != NULL)
    return out->entry->kind == BLT__ENTRY_PUT ? BLT_OK : BLT_NOT_FOUND;
  blt__keyhash(key, key_len, hash);
  return blt__chain_find(&db->image, hash, key, key_len, &out->hit);
}

static blt_status find_value(blt_db *db, const void *key, size_t key_len,
                             blt_bytes *out)
{
  struct place place;
  const uint8_t *value = NULL;
  blt_status status = find(db, key, key_len, &place);

  if (status != BLT_OK)
    return status;
  if (place.entry != NULL) {
    *out = (blt_bytes){blt__entry_value(&db->pending, place.entry),
                       place.entry->value_len};
    return BLT_OK;
  }
  status = blt__image_value(&db->image, &place.hit.block, &value);
  if (status == BLT_OK)
    *out = (blt_bytes){value != NULL ? value : no_bytes,
                       place.hit.block.value_len};
  return status;
}

BLT_API blt_status blt_get(blt_db *db, const void *key, size_t key_len,
                           blt_bytes *out_value)
{
  blt_bytes value = {NULL, 0};
  blt_status status = blt__enter_read(db);

  if (status < 0)
    return status;
  if ((status = judge_key(db, key, key_len)) == BLT_OK)
    status = find_value(db, key, key_len, &value);
  status = blt__leave(db, status);
  if (status == BLT_OK)
    *out_value = value;
  return status;
}

BLT_API blt_status blt_get_into(blt_db *db, const void *key, size_t key_len,
                                void *buf, size_t capacity, size_t *out_len)
{
  blt_bytes value = {NULL, 0};
  blt_status status = blt__enter_read(db);

  if (status < 0)
    return status;
  if ((status = judge_key(db, key, key_len)) == BLT_OK &&
      (status = find_value(db, key, key_len, &value)) == BLT_OK) {
    *out_len = value.len;
    if (value.len > capacity)
      status = blt__fail(&db->sink, BLT_E_TOO_BIG, BLT_NO_OFFSET,
                         "the value has %zu bytes, the buffer %zu", value.len,
                         capacity);
    else if (value.len > 0)
      memcpy(buf, value.data, value.len);
  }
  return blt__leave(db, status);
}

BLT_API blt_status blt_has(blt_db *db, const void *key, size_t key_len)
{
  struct place place;
  blt_status status = blt__enter_read(db);

  if (status < 0)
    return status;
  if ((status = judge_key(db, key, key_len)) == BLT_OK)
    status = find(db, key, key_len, &place);
  return blt__leave(db, status);
}

BLT_API blt_status blt_get_many(blt_db *db, const blt_bytes *keys,
                                size_t n_keys, blt_bytes *out_values,
                                size_t *out_count)
{
  size_t n_found = 0;
  blt_status status = blt__enter_read(db);

  if (status < 0)
    return status;
  for (size_t i = 0; i < n_keys && status >= 0; i++) {
    status = judge_key(db, keys[i].data, keys[i].len);
    if (status == BLT_OK)
      status = find_value(db, keys[i].data, keys[i].len, &out_values[i]);
    if (status == BLT_OK)
      n_found++;
    else
      out_values[i] = (blt_bytes){NULL, 0};
  }
  status = blt__leave(db, status < 0 ? status : BLT_OK);
  if (status == BLT_OK && out_count != NULL)
    *out_count = n_found;
  return status;
}

BLT_API blt_status blt_has_many(blt_db *db, const blt_bytes *keys,
                                size_t n_keys, unsigned char *out_found,
                                size_t *out_count)
{
  size_t n_found = 0;
  struct place place;
  blt_status status = blt__enter_read(db);

  if (status < 0)
    return status;
  for (size_t i = 0; i < n_keys && status >= 0; i++) {
    status = judge_key(db, keys[i].data, keys[i].len);
    if (status == BLT_OK)
      status = find(db, keys[i].data, keys[i].len, &place);
    out_found[i] = status == BLT_OK;
    n_found += out_found[i];
  }
  status = blt__leave(db, status < 0 ? status : BLT_OK);
  if (status == BLT_OK && out_count != NULL)
    *out_count = n_found;
  return status;
}

/* Whether a put is new or a replacement is known when it is looked up. */
static blt_status count_pending(blt_db *db, uint64_t *out)
{
  blt_status status = blt__pending_resolve(&db->pending, &db->image);

  if (status == BLT_OK)
    *out = (uint64_t)((int64_t)db->log.n_keys +
                      blt__pending_count_change(&db->pending));
  return status;
}

BLT_API blt_status blt_count(blt_db *db, uint64_t *out_count)
{
  uint64_t count = 0;
  blt_status status = blt__enter_alone(db);

  if (status < 0)
    return status;
  if (db->writable)
    status = count_pending(db, &count);
  else
    count = db->n_keys;
  status = blt__leave(db, status);
  if (status == BLT_OK)
    *out_count = count;
  return status;
}

BLT_API blt_status blt_timestamp_get(blt_db *db, const void *key,
                                     size_t key_len, uint64_t *out)
{
  struct place place;
  uint64_t time = 0;
  blt_status status = blt__enter_read(db);

  if (status < 0)
    return status;
  if (!blt__geometry_has_time(&db->image.geo))
    status = blt__fail(&db->sink, BLT_E_UNSUPPORTED, BLT_NO_OFFSET,
                       "the file has no timestamps");
  else if ((status = judge_key(db, key, key_len)) == BLT_OK &&
           (status = find(db, key, key_len, &place)) == BLT_OK)
    time = place.entry != NULL
               ? place.entry->time
               : blt__block_time(&db->image.geo, place.hit.head);
  status = blt__leave(db, status);
  if (status == BLT_OK)
    *out = time;
  return status;
}
