/*
 * booklet.c - what booklet does to a file, done by hand
 *
 * A block is appended, the link that led to the old one leads to it, and the
 * old one's own link becomes 0.
 */
#include "crash/booklet.h"

#include <string.h>

#include "format/block.h"
#include "format/layout.h"
#include "hash/keyhash.h"

static int read_header(const struct image *file, struct blt__header *out)
{
  const struct blt__sink sink = {.owner = NULL, .file = ""};

  return blt__header_decode(out, file->bytes, file->len, &sink) == BLT_OK &&
         !out->guarded;
}

int booklet_opens(const struct image *file, uint32_t *out_count)
{
  struct blt__header header;

  if (!read_header(file, &header))
    return 0;
  if (out_count != NULL)
    *out_count = header.n_keys;
  return 1;
}

struct place {
  struct blt__geometry geo;
  uint8_t hash[BLT__HASH_LEN];
  uint64_t link_off;  /* of the link that leads to the block, or to the end   */
  uint64_t block_off; /* 0: there is none                                   */
};

static int is_key_at(const struct image *file, const struct place *p,
                     const struct story_key *key)
{
  struct blt__block block;

  blt__block_decode(&p->geo, p->block_off, file->bytes + p->block_off, &block);
  return memcmp(file->bytes + p->block_off, p->hash, BLT__HASH_LEN) == 0 &&
         block.key_len == key->len &&
         (key->len == 0 ||
          memcmp(file->bytes + block.key_off, key->bytes, key->len) == 0);
}

/* 0 when the chain leads nowhere, which booklet would follow. */
static int find(const struct image *file, const struct story_key *key,
                struct place *p)
{
  struct blt__header header;
  struct blt__layout layout;

  if (!read_header(file, &header))
    return 0;
  blt__geometry_init(&p->geo, header.fixed, header.value_len,
                     header.has_timestamps);
  blt__layout_init(&layout, header.n_buckets, header.index_off,
                   header.first_off);
  blt__keyhash(key->bytes, key->len, p->hash);
  p->link_off = blt__layout_slot(&layout, p->hash);
  for (uint64_t steps = 0; steps < file->len; steps += BLT__HEAD_FIXED) {
    p->block_off = blt__get6(file->bytes + p->link_off);
    if (p->block_off <= BLT__LINK_END) {
      p->block_off = 0;
      return 1;
    }
    if (p->block_off + p->geo.key_off > file->len)
      return 0;
    if (is_key_at(file, p, key))
      return 1;
    p->link_off = p->block_off + BLT__LINK_OFF;
  }
  return 0;
}

/* The mark of a file that was not closed stays; booklet recounts then. */
static void add_to_count(struct image *file, int change)
{
  uint8_t *const count = file->bytes + BLT__HDR_COUNT;

  if (blt__get4(count) != BLT__COUNT_UNCLEAN)
    blt__put4(count, blt__get4(count) + (uint32_t)change);
}

int booklet_put(struct image *file, const struct story_key *key,
                const uint8_t *value, size_t len, uint64_t time)
{
  uint8_t head[64];
  struct place p;

  if (!find(file, key, &p))
    return 0;
  const uint64_t off = file->len;
  const uint64_t next =
      p.block_off == 0 ? BLT__LINK_END
                       : blt__get6(file->bytes + p.block_off + BLT__LINK_OFF);
  blt__block_encode(&p.geo, head, p.hash, next, (uint32_t)key->len,
                    (uint32_t)len, time);
  image_write(file, off, head, p.geo.key_off);
  image_write(file, off + p.geo.key_off, key->bytes, key->len);
  image_write(file, off + p.geo.key_off + key->len, value, len);
  blt__put6(file->bytes + p.link_off, off);
  if (p.block_off != 0)
    blt__put6(file->bytes + p.block_off + BLT__LINK_OFF, BLT__LINK_DEAD);
  else
    add_to_count(file, 1);
  return 1;
}

int booklet_delete(struct image *file, const struct story_key *key)
{
  struct place p;

  if (!find(file, key, &p) || p.block_off == 0)
    return 0;
  uint8_t *const own = file->bytes + p.block_off + BLT__LINK_OFF;
  blt__put6(file->bytes + p.link_off, blt__get6(own));
  blt__put6(own, BLT__LINK_DEAD);
  add_to_count(file, -1);
  return 1;
}
