/*
 * many.c - get and has for many keys in one call
 *
 * Their cache misses overlap, and where BLAKE2s is needed it is made for
 * several keys at once.
 */
#include "api/find.h"
#include "lookup/many.h"

/* Some keys of a call, and what is known of each. */
struct some {
  const blt_bytes *keys;
  size_t n;
  struct blt__found places[BLT__MANY_MAX];
  blt_status statuses[BLT__MANY_MAX];
  size_t wanted[BLT__MANY_MAX]; /* those that are to be sought in the file  */
  size_t n_wanted;
};

/* Fewer keys share neither hashes nor misses. */
enum { FEW = 8 };

static blt_status find_some_by_chain(blt_db *db, struct some *some,
                                     int wants_value)
{
  struct blt__query queries[BLT__MANY_MAX];

  for (size_t i = 0; i < some->n_wanted; i++) {
    queries[i].key = some->keys[some->wanted[i]].data;
    queries[i].key_len = some->keys[some->wanted[i]].len;
  }
  blt_status status =
      blt__many_find(&db->image, queries, some->n_wanted, wants_value);
  if (status < 0)
    return status;
  for (size_t i = 0; i < some->n_wanted; i++) {
    some->statuses[some->wanted[i]] = queries[i].status;
    some->places[some->wanted[i]].hit = queries[i].hit;
  }
  blt__count_lookups(db, some->n_wanted * (some->n_wanted < FEW
                                               ? BLT__SIDE_ALONE
                                               : BLT__SIDE_AMONG_MANY));
  return BLT_OK;
}

/* Look up to BLT__MANY_MAX keys up; a place for each that is there. */
static blt_status find_some(blt_db *db, struct some *some, int wants_value)
{
  int is_hashed = blt__has_pending(db);

  some->n_wanted = 0;
  for (size_t i = 0; i < some->n; i++) {
    const blt_bytes *key = &some->keys[i];
    blt_status status = blt__judge_wanted(db, key->data, key->len);
    if (status < 0)
      return status;
    some->places[i].entry = NULL;
    some->statuses[i] = status;
    if (status != BLT_OK)
      continue;
    uint64_t cheap =
        is_hashed ? blt__cheaphash(db->side.seed, key->data, key->len) : 0;
    if (!blt__find_pending(db, cheap, key->data, key->len, &some->places[i],
                           &some->statuses[i]))
      some->wanted[some->n_wanted++] = i;
  }
  return find_some_by_chain(db, some, wants_value);
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
      status = blt__value_of(db, &some.places[i], &out->values[first + i]);
  }
  return status;
}

/* ---- the same by the side table */

enum { SIDE_MAX = 64 };

/* Hashes of the keys. A bit of *out_wanted for each that there may be. */
static blt_status hash_by_side(blt_db *db, const blt_bytes *keys, size_t n,
                               uint64_t *out_cheap, uint64_t *out_wanted)
{
  *out_wanted = 0;
  for (size_t i = 0; i < n; i++) {
    blt_status status = blt__judge_wanted(db, keys[i].data, keys[i].len);
    if (status < 0)
      return status;
    if (status != BLT_OK)
      continue;
    *out_wanted |= (uint64_t)1 << i;
    out_cheap[i] = blt__cheaphash(db->side.seed, keys[i].data, keys[i].len);
    blt__side_ask_line(&db->side, out_cheap[i]);
  }
  return BLT_OK;
}

__attribute__((noinline)) static blt_status
take_plainly(blt_db *db, const blt_bytes *key, uint64_t cheap, blt_bytes *out)
{
  struct blt__found place = {.entry = NULL};
  blt_status status = BLT_OK;

  if (!blt__find_pending(db, cheap, key->data, key->len, &place, &status))
    status = blt__side_find(&db->side, &db->image, cheap, key->data, key->len,
                            0, &place.hit);
  return status == BLT_OK ? blt__value_of(db, &place, out) : status;
}

/* What the write buffer has comes first, and a file that is read has to be
 * waited for. */
static inline int is_all_mapped(const blt_db *db)
{
  return !db->image.view.by_read && !blt__has_pending(db);
}

/* `off` is what blt__side_first said. */
static inline blt_status take_one(blt_db *db, const blt_bytes *key,
                                  uint64_t cheap, uint64_t off, blt_bytes *out)
{
  const uint8_t *value = NULL;

  if (!blt__side_is_at(&db->image, off, key->data, key->len, &value,
                       &out->len) ||
      blt__view_is_hit(&db->image.view))
    return take_plainly(db, key, cheap, out);
  out->data = value;
  return BLT_OK;
}

static inline void put_out(struct many *out, size_t i, int is_there,
                           const blt_bytes *value)
{
  out->n_found += (size_t)is_there;
  if (out->found != NULL)
    out->found[i] = (unsigned char)is_there;
  else
    out->values[i] = is_there ? *value : (blt_bytes){NULL, 0};
}

static blt_status take_by_side(blt_db *db, const blt_bytes *keys, size_t n,
                               size_t first, struct many *out)
{
  uint64_t cheap[SIDE_MAX];
  uint64_t off[SIDE_MAX];
  uint64_t wanted;
  const int is_quick = is_all_mapped(db);
  blt_status status = hash_by_side(db, keys + first, n, cheap, &wanted);

  if (status < 0)
    return status;
  for (size_t i = 0; i < n; i++)
    off[i] = wanted >> i & 1
                 ? blt__side_ask_block(&db->side, &db->image, cheap[i],
                                       out->values != NULL)
                 : 0;
  for (size_t i = 0; i < n && status >= 0; i++) {
    const blt_bytes *key = &keys[first + i];
    blt_bytes value;
    status = BLT_NOT_FOUND;
    if (is_quick && off[i] != 0)
      status = take_one(db, key, cheap[i], off[i], &value);
    else if (!is_quick && (wanted >> i & 1))
      status = take_plainly(db, key, cheap[i], &value);
    if (status >= 0)
      put_out(out, first + i, status == BLT_OK, &value);
  }
  return status;
}

static blt_status find_many(blt_db *db, const blt_bytes *keys, size_t n_keys,
                            struct many *out, size_t *out_count)
{
  blt_status status = blt__enter_read(db);
  size_t n = 0;

  if (status < 0)
    return status;
  for (size_t i = 0; i < n_keys && status >= 0; i += n) {
    const int by_side = blt__side_is_ready(db->image.side);
    const size_t most = by_side ? SIDE_MAX : BLT__MANY_MAX;
    n = n_keys - i < most ? n_keys - i : most;
    status = by_side ? take_by_side(db, keys, n, i, out)
                     : take_some(db, keys, n, i, out);
  }
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
