/*
 * many.c - many lookups at once, so that their cache misses overlap
 */
#include "lookup/many.h"

#include <string.h>

#include "base/ask.h"
#include "base/same.h"
#include "hash/lanes.h"

/* Where the walk of each query goes, as far as it is known by now. */
struct ahead {
  const struct blt__image *image;
  const struct blt__query *queries;
  size_t n;
  uint64_t off[BLT__MANY_MAX]; /* of a slot, then of a block                */
};

static void ask_for_slots(struct ahead *ahead)
{
  for (size_t i = 0; i < ahead->n; i++) {
    uint64_t off =
        blt__layout_slot(&ahead->image->layout, ahead->queries[i].hash);
    blt__links_ask(&ahead->image->links, off);
    blt__image_ask(ahead->image, off);
    ahead->off[i] = off;
  }
}

/* A bit for each query whose chain is empty: its key is not there. */
static uint64_t ask_for_first(struct ahead *ahead)
{
  uint64_t empty = 0;

  for (size_t i = 0; i < ahead->n; i++) {
    ahead->off[i] = blt__image_peek(ahead->image, ahead->off[i]);
    if (ahead->off[i] <= BLT__LINK_END) {
      empty |= (uint64_t)1 << i;
      continue;
    }
    blt__image_ask(ahead->image, ahead->off[i]);
    blt__links_ask(&ahead->image->links, ahead->off[i] + BLT__LINK_OFF);
  }
  return empty;
}

static void ask_for_value(const struct blt__image *image, uint64_t off,
                          const uint8_t *head)
{
  enum { LINE = 64, LEN_MAX = 512 };
  struct blt__block block;

  blt__block_decode(&image->geo, off, head, &block);
  const uint64_t len = block.len < LEN_MAX ? block.len : LEN_MAX;
  for (uint64_t at = LINE; at < len; at += LINE)
    blt__ask(head + at);
  blt__ask(head + len - 1);
}

/* The first block is the key's: its value, if wanted. Else the next block. */
static void ask_for_second(const struct ahead *ahead, int wants_value)
{
  const struct blt__image *image = ahead->image;

  for (size_t i = 0; i < ahead->n; i++) {
    const uint64_t off = ahead->off[i];
    if (off <= BLT__LINK_END ||
        !blt__view_has(&image->view, off, image->geo.key_off))
      continue;
    const uint8_t *head = image->view.base + off;
    if (memcmp(head, ahead->queries[i].hash, BLT__HASH_LEN) != 0)
      blt__image_ask(image, blt__image_peek(image, off + BLT__LINK_OFF));
    else if (wants_value)
      ask_for_value(image, off, head);
  }
}

static uint64_t ask_for_all(struct ahead *ahead, int wants_value)
{
  if (ahead->image->view.by_read)
    return 0;
  ask_for_slots(ahead);
  uint64_t empty = ask_for_first(ahead);
  ask_for_second(ahead, wants_value);
  return empty;
}

/* The first step of the walk alone: 1 when the block is the key's and nothing
 * is odd about it. */
static int is_found_first(struct blt__image *image, struct blt__query *q,
                          uint64_t off)
{
  struct blt__hit *hit = &q->hit;

  return !image->view.by_read &&
         blt__image_block_inline(image, off, &hit->block, &hit->head) ==
             BLT_OK &&
         memcmp(hit->head, q->hash, BLT__HASH_LEN) == 0 &&
         hit->block.key_len == q->key_len &&
         blt__same(hit->head + image->geo.key_off, q->key, q->key_len) &&
         hit->block.next != BLT__LINK_DEAD;
}

blt_status blt__many_find(struct blt__image *image, struct blt__query *queries,
                          size_t n, int wants_value)
{
  struct blt__lane_key keys[BLT__MANY_MAX];

  if (n == 0)
    return BLT_OK;
  for (size_t i = 0; i < n; i++)
    keys[i] = (struct blt__lane_key){queries[i].key, queries[i].key_len,
                                     queries[i].hash};
  blt__keyhash_many(keys, n);
  struct ahead ahead = {.image = image, .queries = queries, .n = n};
  uint64_t empty = ask_for_all(&ahead, wants_value);
  for (size_t i = 0; i < n; i++) {
    struct blt__query *q = &queries[i];
    q->status = BLT_NOT_FOUND;
    if (empty >> i & 1)
      continue;
    q->status =
        is_found_first(image, q, ahead.off[i])
            ? BLT_OK
            : blt__chain_find(image, q->hash, q->key, q->key_len, &q->hit);
    if (q->status < 0)
      return q->status;
  }
  return BLT_OK;
}
