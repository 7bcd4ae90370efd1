/*
 * pending.h - the write buffer: puts and deletes that are not in the file yet
 *
 *   body     | head key value | head key value | head key value |
 *   keys     | hash key | hash key |              (of deletes)
 *   entries  put, put, delete, put ...            in order of arrival
 *   places   hash table from a key to its newest entry
 *
 * A put is encoded as it will stand in the file, but for hash, link and time,
 * which are zero until the commit. Hashing and looking up are put off too
 * (resolve), so that many keys can be done at once.
 */
#ifndef BLT_CHANGE_PENDING_H
#define BLT_CHANGE_PENDING_H

#include "base/buf.h"
#include "lookup/many.h"

enum blt__entry_kind {
  BLT__ENTRY_PUT,
  BLT__ENTRY_DELETE, /* the file has the key                               */
  BLT__ENTRY_GONE,   /* put and deleted again, and not in the file         */
  BLT__ENTRY_DROPPED /* replaced by a later entry                          */
};

struct blt__entry {
  uint64_t at;    /* in body (put) or keys (others)                     */
  uint64_t found; /* resolved: its block in the file, 0 for none        */
  uint64_t time;
  uint32_t tag; /* part of a cheap hash of the key                    */
  uint32_t value_len;
  uint16_t key_len;
  uint8_t kind;
  uint8_t resolved; /* hash is set and found is known                     */
  uint8_t hidden;   /* a reserved key: not counted                        */
};

struct blt__pending {
  const struct blt__env *env;      /* borrowed                             */
  const struct blt__sink *sink;    /* borrowed                             */
  const struct blt__geometry *geo; /* borrowed                             */
  struct blt__buf body, keys;
  struct blt__span outer;     /* a large value left with the caller: it
                                 belongs to the last entry, behind the body */
  struct blt__entry *entries; /* owned                                      */
  size_t n_entries, entries_capacity;
  uint32_t *places; /* entry number + 1, 0 is empty               */
  size_t places_mask;
  size_t n_resolved; /* all entries before are resolved            */
  int has_holes;     /* body has bytes of dropped entries          */
  uint64_t n_undone; /* puts that a later put or delete undid here */
  uint64_t seed;     /* of the handle's cheap hash                   */
};

void blt__pending_init(struct blt__pending *pending, const struct blt__env *env,
                       const struct blt__sink *sink,
                       const struct blt__geometry *geo, uint64_t seed);
void blt__pending_release(struct blt__pending *pending);

/* Forget all entries. */
void blt__pending_clear(struct blt__pending *pending);

/* The newest entry of a key, or NULL; never one that is DROPPED. */
struct blt__entry *blt__pending_find(const struct blt__pending *pending,
                                     const void *key, size_t key_len);
/* With the blt__cheaphash of the key by pending->seed. */
struct blt__entry *blt__pending_find_hashed(const struct blt__pending *pending,
                                            uint64_t cheap, const void *key,
                                            size_t key_len);

struct blt__put {
  const void *key;
  size_t key_len;
  const void *value;
  size_t value_len;
  uint64_t time;
  int hidden;
  int leave_value; /* keep a pointer to it instead of a copy; the last put
                      before the commit                                    */
};
blt_status blt__pending_put(struct blt__pending *pending,
                            const struct blt__put *put);

/* BLT_NOT_FOUND when there is no such key, here or in the file. What the file
 * says may be known already, from blt__many_find; else NULL. */
blt_status blt__pending_delete(struct blt__pending *pending,
                               struct blt__image *image, const void *key,
                               size_t key_len, int hidden,
                               const struct blt__query *known);

/* Hash what is not hashed and look it up in the file. */
blt_status blt__pending_resolve(struct blt__pending *pending,
                                struct blt__image *image);

/* The blocks in the file have moved: what was found there is to be found again.
 */
void blt__pending_forget_places(struct blt__pending *pending);

/* Whether bytes that a caller passes lie in the buffer itself (a key or value
 * that was lent), which moves and ends with a commit. */
int blt__pending_owns(const struct blt__pending *pending, const void *data);

/* By how much the batch changes the number of keys (all resolved). */
int64_t blt__pending_count_change(const struct blt__pending *pending);

/* Entry's hash: BLT__HASH_LEN bytes, set when resolved. */
static inline uint8_t *blt__entry_hash(const struct blt__pending *pending,
                                       const struct blt__entry *entry)
{
  return (entry->kind == BLT__ENTRY_PUT ? pending->body.data
                                        : pending->keys.data) +
         entry->at;
}

static inline const uint8_t *blt__entry_key(const struct blt__pending *pending,
                                            const struct blt__entry *entry)
{
  return blt__entry_hash(pending, entry) + (entry->kind == BLT__ENTRY_PUT
                                                ? pending->geo->key_off
                                                : (unsigned)BLT__HASH_LEN);
}

/* Of a put. */
const uint8_t *blt__entry_value(const struct blt__pending *pending,
                                const struct blt__entry *entry);

/* Bytes that a commit would append, records not counted. */
static inline uint64_t blt__pending_len(const struct blt__pending *pending)
{
  return pending->body.len + pending->outer.len;
}

#endif
