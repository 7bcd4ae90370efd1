/*
 * record.h - our own data in the file: the checkpoint and the commit record
 *
 * The checkpoint lies in header bytes that booklet keeps and never reads. A
 * commit record is a dead block in front of the blocks of its batch:
 *
 *   E               E + len                        E + len + body_len
 *   | head | payload, patches, tombs, hash, 0 0 0 | block | block | block |
 *     \__ spans the record alone (revealed) or the batch too (cover)
 *
 * docs/format.md has the offsets, docs/protocol.md the meaning.
 */
#ifndef BLT_FORMAT_RECORD_H
#define BLT_FORMAT_RECORD_H

#include "format/block.h"
#include "format/header.h"

/* ---- checkpoint */

enum blt__state { BLT__CLEAN = 1, BLT__DIRTY = 2, BLT__REPAIR = 3 };
enum {
  BLT__FLAG_OFF = 1,      /* the session never syncs                       */
  BLT__FLAG_WAS_OPEN = 2, /* REPAIR: booklet could open the file before it */
  BLT__FLAG_GAP = 4       /* REPAIR: the log goes on behind a damaged part */
};
enum { BLT__SALT_LEN = 8 };

struct blt__checkpoint {
  enum blt__state state;
  unsigned flags;
  uint8_t salt[BLT__SALT_LEN];
  uint64_t log_seq;   /* of the first record that recovery must look at     */
  uint64_t log_start; /* where it stands                                    */
  uint64_t committed; /* CLEAN: file length; REPAIR: limit of the old file  */
  uint32_t n_keys;
  uint64_t index_off, first_off; /* mirrors of the layout                   */
  uint32_t n_buckets;
  uint64_t boot_id;
};

/* Put it into the 200 header bytes. */
void blt__checkpoint_encode(uint8_t *header,
                            const struct blt__checkpoint *checkpoint);
/* 1, or 0 when there is none that is whole. */
int blt__checkpoint_decode(const uint8_t *header, struct blt__checkpoint *out);

/* ---- commit record */

enum blt__record_kind {
  BLT__RECORD_BATCH = 1,
  BLT__RECORD_PART = 2,    /* the batch goes on in the next record          */
  BLT__RECORD_REWRITE = 3, /* covers a copy of the store                    */
  BLT__RECORD_TAIL = 4     /* covers what a slide has left behind           */
};

enum {
  BLT__RECORD_TAG_LEN = 5,
  BLT__RECORD_FIXED_LEN = 94, /* of the payload before the patches          */
  BLT__PATCH_LEN = 18,
  BLT__TOMB_LEN = 12,
  BLT__RECORD_HASH_LEN = 8
};

struct blt__record {
  enum blt__record_kind kind;
  uint64_t seq;
  uint8_t salt[BLT__SALT_LEN];
  uint64_t off;         /* own position                                     */
  uint64_t durable_off; /* end of what was known to be on disk              */
  uint64_t body_len;
  uint32_t len; /* of the record's own block, padding included      */
  uint32_t n_blocks, n_inserts, n_patches, n_tombs;
  uint64_t n_keys; /* after the batch                                  */
  uint64_t body_hash, time_hash;
  uint64_t last_next; /* baked link of the last block                     */
};

static inline uint64_t blt__record_end(const struct blt__record *record)
{
  return record->off + record->len + record->body_len;
}

struct blt__patch {
  uint64_t slot_off, old_link, new_link;
};
struct blt__tomb {
  uint64_t block_off, old_link;
};

/* Offset of the payload in a record's block. */
static inline uint32_t blt__record_payload_off(const struct blt__geometry *g)
{
  return g->key_off + (g->fixed ? 0 : 1);
}

/* Shortest record with so many patches and tombs. */
static inline uint64_t blt__record_min_len(const struct blt__geometry *g,
                                           uint64_t n_patches, uint64_t n_tombs)
{
  uint64_t len = blt__record_payload_off(g) + BLT__RECORD_FIXED_LEN +
                 BLT__PATCH_LEN * n_patches + BLT__TOMB_LEN * n_tombs +
                 BLT__RECORD_HASH_LEN;
  uint64_t least = g->stride + (g->fixed ? 0 : 1);

  return len > least ? len : least;
}

/* The longest span that one dead block can have. */
static inline uint64_t blt__cover_max(const struct blt__geometry *g)
{
  return g->fixed ? (uint64_t)BLT__HEAD_FIXED + BLT__KEY_MAX + g->value_len
                  : (uint64_t)g->key_off + 1 + BLT__VALUE_MAX;
}

/* The shortest dead block that blt__dead_encode makes. */
static inline uint64_t blt__dead_min(const struct blt__geometry *g)
{
  return g->stride + (g->fixed ? 0 : 1);
}

/* The head of a dead block that spans `span` bytes, blt__dead_min <= span <=
 * blt__cover_max: payload_off bytes at `out`. */
enum blt__dead_tag { BLT__TAG_RECORD, BLT__TAG_FILLER };
void blt__dead_encode(const struct blt__geometry *g, uint8_t *out,
                      uint64_t span, enum blt__dead_tag tag);

/* The field that holds the span, to patch it alone: its offset in the block
 * and its bytes; returns how many. */
unsigned blt__dead_extent(const struct blt__geometry *g, uint64_t span,
                          unsigned *out_off, uint8_t out[4]);

/* The whole record block, record->len bytes, spanning `span`. patches and
 * tombs have been written into their place before (blt__record_patch_at). */
void blt__record_encode(const struct blt__geometry *g,
                        const struct blt__record *record, uint64_t span,
                        uint8_t *out);

/* Where patch i and tomb i stand in the record's block. */
static inline uint64_t blt__record_patch_off(const struct blt__geometry *g,
                                             uint64_t i)
{
  return blt__record_payload_off(g) + BLT__RECORD_FIXED_LEN +
         BLT__PATCH_LEN * i;
}
static inline uint64_t blt__record_tomb_off(const struct blt__geometry *g,
                                            uint64_t n_patches, uint64_t i)
{
  return blt__record_patch_off(g, n_patches) + BLT__TOMB_LEN * i;
}

static inline void blt__patch_encode(uint8_t *p, const struct blt__patch *patch)
{
  blt__put6(p, patch->slot_off);
  blt__put6(p + 6, patch->old_link);
  blt__put6(p + 12, patch->new_link);
}
static inline struct blt__patch blt__patch_decode(const uint8_t *p)
{
  return (struct blt__patch){blt__get6(p), blt__get6(p + 6), blt__get6(p + 12)};
}
static inline void blt__tomb_encode(uint8_t *p, const struct blt__tomb *tomb)
{
  blt__put6(p, tomb->block_off);
  blt__put6(p + 6, tomb->old_link);
}
static inline struct blt__tomb blt__tomb_decode(const uint8_t *p)
{
  return (struct blt__tomb){blt__get6(p), blt__get6(p + 6)};
}

/* The first of n bytes at which a record's tag stands; n if there is none. */
uint64_t blt__record_search(const uint8_t *bytes, uint64_t n);

/* Whether a dead block's first bytes carry a record's tag; or any of ours. */
int blt__record_is_tagged(const uint8_t *head);
int blt__dead_is_ours(const uint8_t *head);

/*
 * Read the fixed part of a record from the `avail` bytes at `bytes`, which
 * stand at `off`. 1 when tag, magic and own position are right and the
 * lengths make sense; the hash is judged by blt__record_is_whole.
 */
int blt__record_decode(const struct blt__geometry *g, uint64_t off,
                       const uint8_t *bytes, uint64_t avail,
                       struct blt__record *out);

/* Bytes of the record that its hash stands behind. */
uint64_t blt__record_used_len(const struct blt__geometry *g,
                              const struct blt__record *record);

/* Judge the hash; `bytes` has blt__record_used_len bytes. */
int blt__record_is_whole(const struct blt__geometry *g,
                         const struct blt__record *record,
                         const uint8_t *bytes);

/* 64-bit hash with the salt as seed. */
uint64_t blt__hash64(const uint8_t *salt, const void *data, size_t len);

#endif
