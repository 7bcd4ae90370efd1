/*
 * pending.c - the write buffer
 */
#include "change/pending.h"

#include <string.h>

#include "hash/cheaphash.h"
#include "hash/keyhash.h"
#include "hash/lanes.h"
#include "lookup/many.h"
#include "lookup/side.h"

enum { FIRST_PLACES = 256, KEPT_ENTRIES = 1 << 17, KEPT_LEN = 16 << 20 };

void blt__pending_init(struct blt__pending *pending, const struct blt__env *env,
                       const struct blt__sink *sink,
                       const struct blt__geometry *geo, uint64_t seed)
{
  *pending =
      (struct blt__pending){.env = env, .sink = sink, .geo = geo, .seed = seed};
  blt__buf_init(&pending->body, env);
  blt__buf_init(&pending->keys, env);
}

void blt__pending_release(struct blt__pending *pending)
{
  if (pending->env == NULL)
    return;
  blt__buf_release(&pending->body);
  blt__buf_release(&pending->keys);
  blt__release(pending->env, pending->entries,
               pending->entries_capacity * sizeof *pending->entries);
  if (pending->places != NULL)
    blt__release(pending->env, pending->places,
                 (pending->places_mask + 1) * sizeof *pending->places);
  pending->entries = NULL;
  pending->places = NULL;
  pending->n_entries = pending->entries_capacity = pending->places_mask = 0;
}

void blt__pending_clear(struct blt__pending *pending)
{
  if (pending->n_entries > KEPT_ENTRIES || pending->body.len > KEPT_LEN) {
    uint64_t seed = pending->seed;
    const struct blt__geometry *geo = pending->geo;
    blt__pending_release(pending);
    blt__pending_init(pending, pending->env, pending->sink, geo, seed);
    return;
  }
  pending->body.len = pending->keys.len = 0;
  pending->n_undone = 0;
  pending->outer = (struct blt__span){NULL, 0};
  if (pending->places != NULL &&
      pending->n_entries < (pending->places_mask + 1) / 64) {
    /* Far too large for batches like this one: start small again. */
    blt__release(pending->env, pending->places,
                 (pending->places_mask + 1) * sizeof *pending->places);
    pending->places = NULL;
    pending->places_mask = 0;
  } else if (pending->n_entries > 0) {
    memset(pending->places, 0,
           (pending->places_mask + 1) * sizeof *pending->places);
  }
  pending->n_entries = pending->n_resolved = 0;
  pending->has_holes = 0;
}

const uint8_t *blt__entry_value(const struct blt__pending *pending,
                                const struct blt__entry *entry)
{
  if (pending->outer.len > 0 &&
      entry == &pending->entries[pending->n_entries - 1])
    return pending->outer.data;
  return blt__entry_key(pending, entry) + entry->key_len;
}

/* ---- from a key to its entry */

static uint64_t cheap_hash(const struct blt__pending *pending, const void *key,
                           size_t key_len)
{
  return blt__cheaphash(pending->seed, key, key_len);
}

/* The place that holds the key's entry, or the empty one where it belongs. */
static uint32_t *find_place(const struct blt__pending *pending, uint64_t cheap,
                            const void *key, size_t key_len)
{
  size_t i = (size_t)cheap & pending->places_mask;
  uint32_t tag = (uint32_t)(cheap >> 32);

  for (;; i = (i + 1) & pending->places_mask) {
    uint32_t number = pending->places[i];
    if (number == 0)
      return &pending->places[i];
    const struct blt__entry *entry = &pending->entries[number - 1];
    if (entry->tag == tag && entry->key_len == key_len &&
        (key_len == 0 ||
         memcmp(blt__entry_key(pending, entry), key, key_len) == 0))
      return &pending->places[i];
  }
}

struct blt__entry *blt__pending_find(const struct blt__pending *pending,
                                     const void *key, size_t key_len)
{
  return blt__pending_find_hashed(pending, cheap_hash(pending, key, key_len),
                                  key, key_len);
}

struct blt__entry *blt__pending_find_hashed(const struct blt__pending *pending,
                                            uint64_t cheap, const void *key,
                                            size_t key_len)
{
  if (pending->n_entries == 0)
    return NULL;
  uint32_t number = *find_place(pending, cheap, key, key_len);
  return number == 0 ? NULL : &pending->entries[number - 1];
}

static int grow_places(struct blt__pending *pending)
{
  size_t n =
      pending->places == NULL ? FIRST_PLACES : 2 * (pending->places_mask + 1);
  uint32_t *places = blt__alloc(pending->env, n * sizeof *places);

  if (places == NULL)
    return -1;
  memset(places, 0, n * sizeof *places);
  if (pending->places != NULL)
    blt__release(pending->env, pending->places,
                 (pending->places_mask + 1) * sizeof *places);
  pending->places = places;
  pending->places_mask = n - 1;
  for (size_t e = 0; e < pending->n_entries; e++) {
    const struct blt__entry *entry = &pending->entries[e];
    if (entry->kind == BLT__ENTRY_DROPPED)
      continue;
    const uint8_t *key = blt__entry_key(pending, entry);
    *find_place(pending, cheap_hash(pending, key, entry->key_len), key,
                entry->key_len) = (uint32_t)e + 1;
  }
  return 0;
}

/* Room for one more entry and its place. */
static blt_status make_room(struct blt__pending *pending)
{
  if (pending->n_entries == pending->entries_capacity) {
    size_t capacity =
        pending->entries_capacity == 0 ? 64 : 2 * pending->entries_capacity;
    struct blt__entry *entries =
        blt__resize(pending->env, pending->entries,
                    pending->entries_capacity * sizeof *entries,
                    capacity * sizeof *entries);
    if (entries == NULL)
      return blt__fail_memory(pending->sink);
    pending->entries = entries;
    pending->entries_capacity = capacity;
  }
  if (pending->places == NULL ||
      2 * (pending->n_entries + 1) > pending->places_mask + 1)
    if (grow_places(pending) != 0)
      return blt__fail_memory(pending->sink);
  return BLT_OK;
}

/* ---- put */

/* The same length again: the bytes are replaced where they stand. */
static int put_in_place(struct blt__pending *pending, struct blt__entry *entry,
                        const struct blt__put *put)
{
  if (entry->kind != BLT__ENTRY_PUT || entry->value_len != put->value_len ||
      put->leave_value)
    return 0;
  uint8_t *value =
      pending->body.data + entry->at + pending->geo->key_off + entry->key_len;
  if (put->value_len > 0)
    memmove(value, put->value, put->value_len);
  entry->time = put->time;
  pending->n_undone++;
  return 1;
}

/* Whether an argument lies in the buffer itself, which may move; callers may
 * put a value that they were lent. */
int blt__pending_owns(const struct blt__pending *pending, const void *data)
{
  const uint8_t *p = data;

  return p != NULL && pending->body.data != NULL && p >= pending->body.data &&
         p < pending->body.data + pending->body.len;
}

static void copy_in(const struct blt__pending *pending, uint8_t *to,
                    const void *from, int own, size_t own_off, size_t len)
{
  if (len > 0)
    memcpy(to, own ? pending->body.data + own_off : from, len);
}

static blt_status encode_put(struct blt__pending *pending,
                             const struct blt__put *put)
{
  int own_key = blt__pending_owns(pending, put->key);
  int own_value = blt__pending_owns(pending, put->value);
  size_t key_at =
      own_key ? (size_t)((const uint8_t *)put->key - pending->body.data) : 0;
  size_t value_at =
      own_value ? (size_t)((const uint8_t *)put->value - pending->body.data)
                : 0;
  static const uint8_t no_hash[BLT__HASH_LEN];
  const struct blt__geometry *geo = pending->geo;
  size_t inner = put->leave_value ? 0 : put->value_len;
  uint8_t *at =
      blt__buf_extend(&pending->body, geo->key_off + put->key_len + inner);

  if (at == NULL)
    return blt__fail_memory(pending->sink);
  blt__block_encode(geo, at, no_hash, 0, (uint32_t)put->key_len,
                    (uint32_t)put->value_len, 0);
  copy_in(pending, at + geo->key_off, put->key, own_key, key_at, put->key_len);
  copy_in(pending, at + geo->key_off + put->key_len, put->value, own_value,
          value_at, inner);
  if (put->leave_value)
    pending->outer = (struct blt__span){put->value, put->value_len};
  return BLT_OK;
}

blt_status blt__pending_put(struct blt__pending *pending,
                            const struct blt__put *put)
{
  blt_status status = make_room(pending);

  if (status < 0)
    return status;
  uint64_t cheap = cheap_hash(pending, put->key, put->key_len);
  uint32_t *place = find_place(pending, cheap, put->key, put->key_len);
  struct blt__entry *old = *place == 0 ? NULL : &pending->entries[*place - 1];
  if (old != NULL && put_in_place(pending, old, put))
    return BLT_OK;
  uint64_t at = pending->body.len;
  if ((status = encode_put(pending, put)) < 0)
    return status;
  struct blt__entry *entry = &pending->entries[pending->n_entries];
  *entry = (struct blt__entry){.at = at,
                               .time = put->time,
                               .tag = (uint32_t)(cheap >> 32),
                               .value_len = (uint32_t)put->value_len,
                               .key_len = (uint16_t)put->key_len,
                               .kind = BLT__ENTRY_PUT,
                               .hidden = put->hidden != 0};
  if (old != NULL) {
    if (old->resolved) {
      entry->resolved = 1;
      entry->found = old->found;
      memcpy(blt__entry_hash(pending, entry), blt__entry_hash(pending, old),
             BLT__HASH_LEN);
    }
    pending->has_holes |= old->kind == BLT__ENTRY_PUT;
    pending->n_undone += old->kind == BLT__ENTRY_PUT;
    old->kind = BLT__ENTRY_DROPPED;
  }
  *place = (uint32_t)++pending->n_entries;
  return BLT_OK;
}

/* ---- resolve */

static blt_status resolve_entry(struct blt__pending *pending,
                                struct blt__image *image,
                                struct blt__entry *entry)
{
  const uint8_t *key = blt__entry_key(pending, entry);
  uint8_t *hash = blt__entry_hash(pending, entry);
  struct blt__hit hit;

  blt__keyhash(key, entry->key_len, hash);
  blt_status status = blt__chain_find(image, hash, key, entry->key_len, &hit);
  if (status < 0)
    return status;
  entry->found = status == BLT_OK ? hit.block.off : 0;
  entry->resolved = 1;
  return BLT_OK;
}

static int is_unresolved(const struct blt__entry *entry)
{
  return !entry->resolved && entry->kind != BLT__ENTRY_DROPPED;
}

/* The next entries that are not resolved, as queries; how many. */
static size_t collect_queries(struct blt__pending *pending,
                              struct blt__query *queries,
                              struct blt__entry **entries)
{
  size_t n = 0;

  for (; n < BLT__MANY_MAX && pending->n_resolved < pending->n_entries;
       pending->n_resolved++) {
    struct blt__entry *entry = &pending->entries[pending->n_resolved];
    if (!is_unresolved(entry))
      continue;
    queries[n].key = blt__entry_key(pending, entry);
    queries[n].key_len = entry->key_len;
    entries[n++] = entry;
  }
  return n;
}

/* As blt__many_find. Only keys that are new need a hash to be made. */
static blt_status find_by_side(const struct blt__pending *pending,
                               struct blt__image *image,
                               struct blt__query *queries, size_t n)
{
  struct blt__lane_key fresh[BLT__MANY_MAX];
  uint64_t cheap[BLT__MANY_MAX];
  size_t n_fresh = 0;

  for (size_t i = 0; i < n; i++) {
    cheap[i] = cheap_hash(pending, queries[i].key, queries[i].key_len);
    blt__side_ask_line(image->side, cheap[i]);
  }
  for (size_t i = 0; i < n; i++)
    (void)blt__side_ask_block(image->side, image, cheap[i], 0);
  for (size_t i = 0; i < n; i++) {
    struct blt__query *q = &queries[i];
    q->status = blt__side_find(image->side, image, cheap[i], q->key, q->key_len,
                               0, &q->hit);
    if (q->status < 0)
      return q->status;
    if (q->status == BLT_OK)
      memcpy(q->hash, q->hit.head, BLT__HASH_LEN);
    else
      fresh[n_fresh++] = (struct blt__lane_key){q->key, q->key_len, q->hash};
  }
  blt__keyhash_many(fresh, n_fresh);
  return BLT_OK;
}

blt_status blt__pending_resolve(struct blt__pending *pending,
                                struct blt__image *image)
{
  struct blt__query queries[BLT__MANY_MAX];
  struct blt__entry *entries[BLT__MANY_MAX];

  while (pending->n_resolved < pending->n_entries) {
    size_t from = pending->n_resolved;
    size_t n = collect_queries(pending, queries, entries);
    blt_status status = blt__side_is_ready(image->side)
                            ? find_by_side(pending, image, queries, n)
                            : blt__many_find(image, queries, n, 0);
    if (status < 0) {
      pending->n_resolved = from;
      return status;
    }
    for (size_t i = 0; i < n; i++) {
      memcpy(blt__entry_hash(pending, entries[i]), queries[i].hash,
             BLT__HASH_LEN);
      entries[i]->found =
          queries[i].status == BLT_OK ? queries[i].hit.block.off : 0;
      entries[i]->resolved = 1;
      if (entries[i]->kind == BLT__ENTRY_DELETE && entries[i]->found == 0)
        entries[i]->kind = BLT__ENTRY_GONE;
    }
  }
  return BLT_OK;
}

void blt__pending_forget_places(struct blt__pending *pending)
{
  for (size_t i = 0; i < pending->n_entries; i++)
    if (pending->entries[i].found != 0)
      pending->entries[i].resolved = 0;
  pending->n_resolved = 0;
}

int64_t blt__pending_count_change(const struct blt__pending *pending)
{
  int64_t change = 0;

  for (size_t i = 0; i < pending->n_entries; i++) {
    const struct blt__entry *entry = &pending->entries[i];
    if (entry->hidden)
      continue;
    if (entry->kind == BLT__ENTRY_PUT && entry->found == 0)
      change++;
    else if (entry->kind == BLT__ENTRY_DELETE)
      change--;
  }
  return change;
}

/* ---- delete */

/* Hash and key at the end of keys. */
static blt_status keep_key(struct blt__pending *pending, const uint8_t *hash,
                           const void *key, size_t key_len, uint64_t *out_at)
{
  *out_at = pending->keys.len;
  uint8_t *at = blt__buf_extend(&pending->keys, BLT__HASH_LEN + key_len);
  if (at == NULL)
    return blt__fail_memory(pending->sink);
  memcpy(at, hash, BLT__HASH_LEN);
  if (key_len > 0)
    memcpy(at + BLT__HASH_LEN, key, key_len);
  return BLT_OK;
}

/* A put that is still here goes; what it replaces in the file goes too. */
static blt_status delete_entry(struct blt__pending *pending,
                               struct blt__image *image,
                               struct blt__entry *entry)
{
  uint64_t at = 0;
  blt_status status = BLT_OK;

  if (entry->kind != BLT__ENTRY_PUT)
    return BLT_NOT_FOUND;
  if (!entry->resolved)
    status = resolve_entry(pending, image, entry);
  if (status < 0 || (status = keep_key(pending, blt__entry_hash(pending, entry),
                                       blt__entry_key(pending, entry),
                                       entry->key_len, &at)) < 0)
    return status;
  entry->kind = entry->found != 0 ? BLT__ENTRY_DELETE : BLT__ENTRY_GONE;
  entry->at = at;
  pending->has_holes = 1;
  pending->n_undone++;
  return BLT_OK;
}

/* Is the key in the file? The side table knows without the hash, and the block
 * that it leads to has the right one (H1). */
static blt_status find_in_file(struct blt__image *image, uint64_t cheap,
                               const void *key, size_t key_len, uint8_t *hash,
                               struct blt__hit *hit)
{
  if (!blt__side_is_ready(image->side)) {
    blt__keyhash(key, key_len, hash);
    return blt__chain_find(image, hash, key, key_len, hit);
  }
  blt_status status =
      blt__side_find(image->side, image, cheap, key, key_len, 0, hit);
  if (status == BLT_OK)
    memcpy(hash, hit->head, BLT__HASH_LEN);
  return status;
}

blt_status blt__pending_delete(struct blt__pending *pending,
                               struct blt__image *image, const void *key,
                               size_t key_len, int hidden,
                               const struct blt__query *known)
{
  uint64_t cheap = cheap_hash(pending, key, key_len);
  struct blt__entry *entry =
      blt__pending_find_hashed(pending, cheap, key, key_len);
  struct blt__query found = {.status = BLT_NOT_FOUND};
  uint64_t at = 0;

  if (entry != NULL)
    return delete_entry(pending, image, entry);
  if (known != NULL)
    found = *known;
  else
    found.status =
        find_in_file(image, cheap, key, key_len, found.hash, &found.hit);
  blt_status status = found.status;
  if (status != BLT_OK || (status = make_room(pending)) < 0 ||
      (status = keep_key(pending, found.hash, key, key_len, &at)) < 0)
    return status;
  pending->entries[pending->n_entries] =
      (struct blt__entry){.at = at,
                          .found = found.hit.block.off,
                          .tag = (uint32_t)(cheap >> 32),
                          .key_len = (uint16_t)key_len,
                          .kind = BLT__ENTRY_DELETE,
                          .resolved = 1,
                          .hidden = hidden != 0};
  *find_place(pending, cheap, key, key_len) = (uint32_t)++pending->n_entries;
  return BLT_OK;
}
