/*
 * read.c - get, has and count
 */
#include "api/find.h"

#include <string.h>

#include "hash/keyhash.h"

const uint8_t blt__no_bytes[1];

void blt__build_side(blt_db *db)
{
  struct blt__side_source source = {.image = &db->image,
                                    .n_keys = blt__committed_count(db)};

  if (!blt__side_is_open(&db->side))
    return;
  if (db->writable && !db->log.shows_tombs) {
    source.dead[0] = &db->log.tombs;
    source.dead[1] = &db->log.old_tombs;
  }
  const int reads_all = blt__side_is_dense(&db->image, source.n_keys);
  if (reads_all)
    blt__advise(db, BLT__HINT_SEQUENTIAL);
  blt__side_build(&db->side, &source);
  if (reads_all)
    blt__advise(db, BLT__HINT_RANDOM);
}

void blt__count_lookups(blt_db *db, uint64_t cost)
{
  if (db->image.side != NULL &&
      blt__side_pays(&db->side, &db->image, cost, blt__committed_count(db)))
    blt__build_side(db);
}

static blt_status find_by_chain(blt_db *db, const void *key, size_t key_len,
                                struct blt__found *out)
{
  uint8_t hash[BLT__HASH_LEN];

  blt__count_lookups(db, BLT__SIDE_ALONE);
  blt__keyhash(key, key_len, hash);
  return blt__chain_find(&db->image, hash, key, key_len, &out->hit);
}

static inline blt_status find(blt_db *db, const void *key, size_t key_len,
                              int wants_value, struct blt__found *out)
{
  blt_status status = BLT_OK;
  int by_side = blt__side_is_ready(db->image.side);
  uint64_t cheap = by_side || blt__has_pending(db)
                       ? blt__cheaphash(db->side.seed, key, key_len)
                       : 0;

  if (blt__find_pending(db, cheap, key, key_len, out, &status))
    return status;
  if (by_side)
    return blt__side_find(&db->side, &db->image, cheap, key, key_len,
                          wants_value, &out->hit);
  return find_by_chain(db, key, key_len, out);
}

static inline blt_status find_value(blt_db *db, const void *key, size_t key_len,
                                    int wants_value, blt_bytes *out)
{
  struct blt__found place;

  if (blt__side_is_ready(db->image.side)) {
    int found =
        blt__find_quickly(db, blt__cheaphash(db->side.seed, key, key_len), key,
                          key_len, wants_value, out);
    if (found >= 0)
      return found ? BLT_OK : BLT_NOT_FOUND;
  }
  blt_status status = find(db, key, key_len, wants_value, &place);
  return status == BLT_OK && wants_value ? blt__value_of(db, &place, out)
                                         : status;
}

/* Nothing has to be locked or judged before it is looked for: through a reader,
 * or where there is no other thread. */
static inline int is_quick(const blt_db *db, const void *key, size_t key_len)
{
  return db != NULL && db->is_quick && key != NULL &&
         key_len != BLT__RESERVED_KEY_LEN && key_len <= BLT__KEY_MAX &&
         blt__side_is_ready(&db->side) &&
         (db->is_plain ||
          (blt__turns_are_mine(&db->turns) && !blt__is_forked(db)));
}

static inline int get_quickly(const blt_db *db, const void *key, size_t key_len,
                              blt_bytes *out)
{
  return !is_quick(db, key, key_len)
             ? -1
             : blt__find_quickly(db,
                                 blt__cheaphash(db->side.seed, key, key_len),
                                 key, key_len, 1, out);
}

static inline int has_quickly(const blt_db *db, const void *key, size_t key_len)
{
  blt_bytes value;

  if (!is_quick(db, key, key_len))
    return -1;
  const uint64_t cheap = blt__cheaphash(db->side.seed, key, key_len);
  if (!blt__side_can_tell(&db->side, key_len))
    return blt__find_quickly(db, cheap, key, key_len, 0, &value);
  blt__side_ask_keys(&db->side, cheap);
  const int found = blt__side_has(&db->side, cheap, key, key_len);
  return blt__view_is_hit(&db->image.view) ? -1 : found;
}

/* What a quick lookup leaves. Not inlined: it would make the quick one's frame
 * larger. */
__attribute__((noinline)) static blt_status
get(blt_db *db, const void *key, size_t key_len, blt_bytes *out_value)
{
  blt_bytes value = {NULL, 0};
  blt_status status = blt__enter_read(db);

  if (status < 0)
    return status;
  if ((status = blt__judge_wanted(db, key, key_len)) == BLT_OK)
    status = find_value(db, key, key_len, 1, &value);
  status = blt__leave(db, status);
  if (status == BLT_OK)
    *out_value = value;
  return status;
}

BLT_API blt_status blt_get(blt_db *db, const void *key, size_t key_len,
                           blt_bytes *out_value)
{
  blt_bytes value;
  int found = get_quickly(db, key, key_len, &value);

  if (found < 0)
    return get(db, key, key_len, out_value);
  if (found == 0)
    return BLT_NOT_FOUND;
  *out_value = value;
  return BLT_OK;
}

BLT_API blt_status blt_get_into(blt_db *db, const void *key, size_t key_len,
                                void *buf, size_t capacity, size_t *out_len)
{
  blt_bytes value = {NULL, 0};
  blt_status status = blt__enter_read(db);

  if (status < 0)
    return status;
  if ((status = blt__judge_wanted(db, key, key_len)) == BLT_OK &&
      (status = find_value(db, key, key_len, 1, &value)) == BLT_OK) {
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

__attribute__((noinline)) static blt_status has(blt_db *db, const void *key,
                                                size_t key_len)
{
  blt_bytes value;
  blt_status status = blt__enter_read(db);

  if (status < 0)
    return status;
  if ((status = blt__judge_wanted(db, key, key_len)) == BLT_OK)
    status = find_value(db, key, key_len, 0, &value);
  return blt__leave(db, status);
}

BLT_API blt_status blt_has(blt_db *db, const void *key, size_t key_len)
{
  int found = has_quickly(db, key, key_len);

  if (found < 0)
    return has(db, key, key_len);
  return found ? BLT_OK : BLT_NOT_FOUND;
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
  struct blt__found place;
  uint64_t time = 0;
  blt_status status = blt__enter_read(db);

  if (status < 0)
    return status;
  if (!blt__geometry_has_time(&db->image.geo))
    status = blt__fail(&db->sink, BLT_E_UNSUPPORTED, BLT_NO_OFFSET,
                       "the file has no timestamps");
  else if ((status = blt__judge_wanted(db, key, key_len)) == BLT_OK &&
           (status = find(db, key, key_len, 0, &place)) == BLT_OK)
    time = place.entry != NULL
               ? place.entry->time
               : blt__block_time(&db->image.geo, place.hit.head);
  status = blt__leave(db, status);
  if (status == BLT_OK)
    *out = time;
  return status;
}
