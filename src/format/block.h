/*
 * block.h - where the fields of a block sit
 *
 *   variable   | hash 13 | next 6 | key len 2 | value len 4 | time 7/0 | key |
 * value | fixed      | hash 13 | next 6 | key len 2 | key | value |
 *
 * Which of the four kinds a file has is data, not a code path.
 */
#ifndef BLT_FORMAT_BLOCK_H
#define BLT_FORMAT_BLOCK_H

#include "base/bytes.h"
#include "format/header.h"
#include "format/limits.h"

struct blt__geometry {
  int fixed;
  uint32_t value_len; /* fixed files                                       */
  unsigned time_off;  /* of the timestamp; equals key_off without one      */
  unsigned key_off;   /* of the key: the length of a block's head          */
  uint64_t stride;    /* how far a scan moves over zeros                   */
};

/* A block's head, copied out of the file. */
struct blt__block {
  uint64_t off;
  uint64_t next; /* as stored                                         */
  uint32_t key_len;
  uint32_t value_len;
  uint64_t len; /* of the whole block                                */
  uint64_t key_off, value_off; /* in the file                               */
};

static inline int blt__geometry_has_time(const struct blt__geometry *g)
{
  return g->key_off != g->time_off;
}

static inline void blt__geometry_init(struct blt__geometry *g, int fixed,
                                      uint32_t value_len, int has_timestamps)
{
  unsigned head = fixed ? BLT__HEAD_FIXED : BLT__HEAD_VARIABLE;
  unsigned time = has_timestamps ? BLT__TIMESTAMP_LEN : 0;

  *g = (struct blt__geometry){
      .fixed = fixed,
      .value_len = fixed ? value_len : 0,
      .time_off = head,
      .key_off = head + time,
      .stride = (uint64_t)head + time + (fixed ? value_len : 0),
  };
}

static inline uint64_t blt__geometry_block_len(const struct blt__geometry *g,
                                               uint64_t key_len,
                                               uint64_t value_len)
{
  return g->key_off + key_len + value_len;
}

/* From the key_off bytes at `head`. The length is not judged. */
static inline void blt__block_decode(const struct blt__geometry *g,
                                     uint64_t off, const uint8_t *head,
                                     struct blt__block *out)
{
  out->off = off;
  out->next = blt__get6(head + BLT__LINK_OFF);
  out->key_len = blt__get2(head + BLT__KEYLEN_OFF);
  out->value_len =
      g->fixed ? g->value_len : blt__get4(head + BLT__VALUELEN_OFF);
  out->key_off = off + g->key_off;
  out->value_off = out->key_off + out->key_len;
  out->len = (uint64_t)g->key_off + out->key_len + out->value_len;
}

static inline uint64_t blt__block_time(const struct blt__geometry *g,
                                       const uint8_t *head)
{
  return blt__geometry_has_time(g) ? blt__get7(head + g->time_off) : 0;
}

/* The head of a block, key_off bytes. */
static inline void blt__block_encode(const struct blt__geometry *g,
                                     uint8_t *head, const uint8_t *hash,
                                     uint64_t next, uint32_t key_len,
                                     uint32_t value_len, uint64_t time)
{
  for (int i = 0; i < BLT__HASH_LEN; i++)
    head[i] = hash[i];
  blt__put6(head + BLT__LINK_OFF, next);
  blt__put2(head + BLT__KEYLEN_OFF, key_len);
  if (!g->fixed)
    blt__put4(head + BLT__VALUELEN_OFF, value_len);
  if (blt__geometry_has_time(g))
    blt__put7(head + g->time_off, time);
}

#endif
