/*
 * find.h - what single and many lookups share: where a key's value is
 */
#ifndef BLT_API_FIND_H
#define BLT_API_FIND_H

#include "api/db.h"
#include "format/reserved.h"

/* A key to look up or to delete: BLT_OK, or what is known without looking. */
static inline blt_status blt__judge_wanted(const blt_db *db, const void *key,
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
struct blt__found {
  const struct blt__entry *entry; /* or NULL                                */
  struct blt__hit hit;
};

static inline int blt__has_pending(const blt_db *db)
{
  return db->writable && db->pending.n_entries > 0;
}

/* 1 when the write buffer says what is with the key. */
static inline int blt__find_pending(const blt_db *db, uint64_t cheap,
                                    const void *key, size_t key_len,
                                    struct blt__found *out,
                                    blt_status *out_status)
{
  out->entry = NULL;
  if (!blt__has_pending(db))
    return 0;
  out->entry = blt__pending_find_hashed(&db->pending, cheap, key, key_len);
  if (out->entry == NULL)
    return 0;
  *out_status = out->entry->kind == BLT__ENTRY_PUT ? BLT_OK : BLT_NOT_FOUND;
  return 1;
}

/* A value with no bytes is not a missing one. */
extern const uint8_t blt__no_bytes[1];

static inline blt_bytes blt__value_pending(const blt_db *db,
                                           const struct blt__entry *entry)
{
  return (blt_bytes){blt__entry_value(&db->pending, entry), entry->value_len};
}

static inline blt_status
blt__value_of(blt_db *db, const struct blt__found *place, blt_bytes *out)
{
  const uint8_t *value = NULL;

  if (place->entry != NULL) {
    *out = blt__value_pending(db, place->entry);
    return BLT_OK;
  }
  blt_status status = blt__image_value(&db->image, &place->hit.block, &value);
  if (status == BLT_OK)
    *out = (blt_bytes){value != NULL ? value : blt__no_bytes,
                       place->hit.block.value_len};
  return status;
}

/*
 * By the side table and through the mapping: 1 and the value, 0 when the key is
 * not there, -1 where the plain way has to answer, which judges all that there
 * is to judge.
 */
static inline int blt__find_mapped(const blt_db *db, uint64_t cheap,
                                   const void *key, size_t key_len,
                                   int wants_value, blt_bytes *out)
{
  const uint8_t *value = NULL;
  int found = blt__side_find_quickly(&db->side, &db->image, cheap, key, key_len,
                                     wants_value, &value, &out->len);

  out->data = value;
  return blt__view_is_hit(&db->image.view) ? -1 : found;
}

/* The same behind the write buffer, and -1 also where the file has to be read.
 */
static inline int blt__find_quickly(const blt_db *db, uint64_t cheap,
                                    const void *key, size_t key_len,
                                    int wants_value, blt_bytes *out)
{
  struct blt__found place;
  blt_status status = BLT_OK;

  if (db->image.view.by_read)
    return -1;
  if (blt__find_pending(db, cheap, key, key_len, &place, &status)) {
    if (status == BLT_OK && wants_value)
      *out = blt__value_pending(db, place.entry);
    return status == BLT_OK;
  }
  return blt__find_mapped(db, cheap, key, key_len, wants_value, out);
}

/* Lookups went by chain, which cost so much more: after enough of that the side
 * table is built. */
void blt__count_lookups(blt_db *db, uint64_t cost);

#endif
