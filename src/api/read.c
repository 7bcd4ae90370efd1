/*
 * read.c - get, has and count
 */
#include "api/db.h"

#include <string.h>

#include "format/reserved.h"
#include "hash/keyhash.h"
#include "lookup/many.h"

/* A value with no bytes is not a missing one. */
static const uint8_t no_bytes[1];

static inline blt_status judge_key(const blt_db *db, const void *key,
                                   size_t key_len)
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

static int has_pending(const blt_db *db)
{
  return db->writable && db->pending.n_entries > 0;
}

/* 1 when the write buffer says what is with the key. */
static int find_pending(const blt_db *db, uint64_t cheap, const void *key,
                        size_t key_len, struct place *out,
                        blt_status *out_status)
{
  out->entry = NULL;
  if (!has_pending(db))
    return 0;
  out->entry = blt__pending_find_hashed(&db->pending, cheap, key, key_len);
  if (out->entry == NULL)
    return 0;
  *out_status = out->entry->kind == BLT__ENTRY_PUT ? BLT_OK : BLT_NOT_FOUND;
  return 1;
}

/* Lookups went by chain: after enough of them the side table is built. */
static void count_lookups(blt_db *db, size_t n)
{
  uint64_t n_keys = blt__committed_count(db);

  if (db->image.side != NULL && blt__side_pays(&db->side, n, n_keys))
    blt__side_build(&db->side, &db->image, n_keys);
}

static blt_status find_by_chain(blt_db *db, const void *key, size_t key_len,
                                struct place *out)
{
  uint8_t hash[BLT__HASH_LEN];

  count_lookups(db, 1);
  blt__keyhash(key, key_len, hash);
  return blt__chain_find(&db->image, hash, key, key_len, &out->hit);
}

static inline blt_status find(blt_db *db, const void *key, size_t key_len,
                              int wants_value, struct place *out)
{
  blt_status status = BLT_OK;
  int by_side = blt__side_is_ready(db->image.side);
  uint64_t cheap = by_side || has_pending(db)
                       ? blt__cheaphash(db->side.seed, key, key_len)
                       : 0;

  if (find_pending(db, cheap, key, key_len, out, &status))
    return status;
  if (by_side)
    return blt__side_find(&db->side, &db->image, cheap, key, key_len,
                          wants_value, &out->hit);
  return find_by_chain(db, key, key_len, out);
}

static inline blt_status value_of(blt_db *db, const struct place *place,
                                  blt_bytes *out)
{
  const uint8_t *value = NULL;

  if (place->entry != NULL) {
    *out = (blt_bytes){blt__entry_value(&db->pending, place->entry),
                       place->entry->value_len};
    return BLT_OK;
  }
  blt_status status = blt__image_value(&db->image, &place->hit.block, &value);
  if (status == BLT_OK)
    *out = (blt_bytes){value != NULL ? value : no_bytes,
                       place->hit.block.value_len};
  return status;
}

static inline blt_status find_value(blt_db *db, const void *key, size_t key_len,
                                    blt_bytes *out)
{
  struct place place;
  blt_status status = find(db, key, key_len, 1, &place);

  return status == BLT_OK ? value_of(db, &place, out) : status;
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
    status = find(db, key, key_len, 0, &place);
  return blt__leave(db, status);
}

/* Some keys of a call, and what is known of each. */
struct some {
  const blt_bytes *keys;
  size_t n;
  struct place places[BLT__MANY_MAX];
  blt_status statuses[BLT__MANY_MAX];
  uint64_t cheap[BLT__MANY_MAX];
  size_t wanted[BLT__MANY_MAX]; /* those that are to be sought in the file  */
  size_t n_wanted;
};

static blt_status find_some_by_chain(blt_db *db, struct some *some)
{
  struct blt__query queries[BLT__MANY_MAX];

  for (size_t i = 0; i < some->n_wanted; i++) {
    queries[i].key = some->keys[some->wanted[i]].data;
    queries[i].key_len = some->keys[some->wanted[i]].len;
  }
  blt_status status = blt__many_find(&db->image, queries, some->n_wanted);
  if (status < 0)
    return status;
  for (size_t i = 0; i < some->n_wanted; i++) {
    some->statuses[some->wanted[i]] = queries[i].status;
    some->places[some->wanted[i]].hit = queries[i].hit;
  }
  count_lookups(db, some->n_wanted);
  return BLT_OK;
}

static blt_status find_some_by_side(blt_db *db, struct some *some,
                                    int wants_value)
{
  for (size_t i = 0; i < some->n_wanted; i++)
    blt__side_ask_line(&db->side, some->cheap[some->wanted[i]]);
  for (size_t i = 0; i < some->n_wanted; i++)
    blt__side_ask_block(&db->side, &db->image, some->cheap[some->wanted[i]],
                        wants_value);
  for (size_t i = 0; i < some->n_wanted; i++) {
    size_t k = some->wanted[i];
    some->statuses[k] = blt__side_find(&db->side, &db->image, some->cheap[k],
                                       some->keys[k].data, some->keys[k].len, 0,
                                       &some->places[k].hit);
    if (some->statuses[k] < 0)
      return some->statuses[k];
  }
  return BLT_OK;
}

/* Look up to BLT__MANY_MAX keys up; a place for each that is there. */
static blt_status find_some(blt_db *db, struct some *some, int wants_value)
{
  int by_side = blt__side_is_ready(db->image.side);
  int is_hashed = by_side || has_pending(db);

  some->n_wanted = 0;
  for (size_t i = 0; i < some->n; i++) {
    const blt_bytes *key = &some->keys[i];
    blt_status status = judge_key(db, key->data, key->len);
    if (status < 0)
      return status;
    some->places[i].entry = NULL;
    some->statuses[i] = status;
    if (status != BLT_OK)
      continue;
    some->cheap[i] =
        is_hashed ? blt__cheaphash(db->side.seed, key->data, key->len) : 0;
    if (!find_pending(db, some->cheap[i], key->data, key->len, &some->places[i],
                      &some->statuses[i]))
      some->wanted[some->n_wanted++] = i;
  }
  return by_side ? find_some_by_side(db, some, wants_value)
                 : find_some_by_chain(db, some);
}

/* What is wanted of each key: its value, or only whether it is there. */
struct many {
  blt_bytes *values;
  unsigned char *found;
  size_t n_found;
};

static blt_status take_some(blt_db *db, const blt_bytes *keys, size_t n,
                            size_t first, struct many *out)
{
  struct some some;

  some.keys = keys + first;
  some.n = n;
  blt_status status = find_some(db, &some, out->values != NULL);
  for (size_t i = 0; i < n && status >= 0; i++) {
    int is_there = some.statuses[i] == BLT_OK;
    out->n_found += (size_t)is_there;
    if (out->found != NULL)
      out->found[first + i] = (unsigned char)is_there;
    if (out->values == NULL)
      continue;
    out->values[first + i] = (blt_bytes){NULL, 0};
    if (is_there)
      status = value_of(db, &some.places[i], &out->values[first + i]);
  }
  return status;
}

static blt_status find_many(blt_db *db, const blt_bytes *keys, size_t n_keys,
                            struct many *out, size_t *out_count)
{
  blt_status status = blt__enter_read(db);

  if (status < 0)
    return status;
  for (size_t i = 0; i < n_keys && status >= 0; i += BLT__MANY_MAX)
    status = take_some(db, keys,
                       n_keys - i < BLT__MANY_MAX ? n_keys - i : BLT__MANY_MAX,
                       i, out);
  status = blt__leave(db, status < 0 ? status : BLT_OK);
  if (status == BLT_OK && out_count != NULL)
    *out_count = out->n_found;
  return status;
}

BLT_API blt_status blt_get_many(blt_db *db, const blt_bytes *keys,
                                size_t n_keys, blt_bytes *out_values,
                                size_t *out_count)
{
  struct many many = {.values = out_values};

  return find_many(db, keys, n_keys, &many, out_count);
}

BLT_API blt_status blt_has_many(blt_db *db, const blt_bytes *keys,
                                size_t n_keys, unsigned char *out_found,
                                size_t *out_count)
{
  struct many many = {.found = out_found};

  return find_many(db, keys, n_keys, &many, out_count);
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
           (status = find(db, key, key_len, 0, &place)) == BLT_OK)
    time = place.entry != NULL
               ? place.entry->time
               : blt__block_time(&db->image.geo, place.hit.head);
  status = blt__leave(db, status);
  if (status == BLT_OK)
    *out = time;
  return status;
}
