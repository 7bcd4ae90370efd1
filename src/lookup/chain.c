/*
 * chain.c - walking a bucket's chain
 */
#include "lookup/chain.h"

#include <string.h>

void blt__walk_begin(struct blt__walk *walk, struct blt__image *image,
                     uint64_t slot_off)
{
  *walk = (struct blt__walk){
      .image = image, .next_off = slot_off, .limit = 2};
}

/* C1: compare with a block that is moved up at doubling distances. */
static int is_circle(struct blt__walk *walk, uint64_t off)
{
  if (off == walk->mark)
    return 1;
  if (++walk->n_steps == walk->limit) {
    walk->mark = off;
    walk->limit *= 2;
  }
  return 0;
}

blt_status blt__walk_next(struct blt__walk *walk, struct blt__block *out,
                          const uint8_t **out_head)
{
  uint64_t off = BLT__LINK_DEAD;
  blt_status status = blt__image_link(walk->image, walk->next_off, &off);

  if (status < 0)
    return status;
  if (off == BLT__LINK_END || (off == BLT__LINK_DEAD && walk->block_off == 0))
    return BLT_END;
  walk->fault_off = walk->next_off;
  if (off == BLT__LINK_DEAD) { /* C3 */
    walk->fault = BLT__FAULT_DEAD;
    walk->fault_off = walk->block_off;
    return blt__image_corrupt(walk->image, walk->block_off,
                              "a chain leads to a block that is dead");
  }
  if (is_circle(walk, off)) {
    walk->fault = BLT__FAULT_CYCLE;
    return blt__image_corrupt(walk->image, off, "a chain runs in a circle");
  }
  walk->fault = BLT__FAULT_WILD;
  status = blt__image_block(walk->image, off, out, out_head);
  if (status < 0)
    return status;
  walk->link_off = walk->next_off;
  walk->block_off = off;
  walk->next_off = off + BLT__LINK_OFF;
  return BLT_OK;
}

blt_status blt__chain_find(struct blt__image *image, const uint8_t *hash,
                           const void *key, size_t key_len,
                           struct blt__hit *out)
{
  struct blt__walk walk;
  struct blt__hit hit;
  blt_status status;

  blt__walk_begin(&walk, image, blt__layout_slot(&image->layout, hash));
  while ((status = blt__walk_next(&walk, &hit.block, &hit.head)) == BLT_OK) {
    if (memcmp(hit.head, hash, BLT__HASH_LEN) != 0 ||
        hit.block.key_len != key_len ||
        (key_len > 0 &&
         memcmp(hit.head + image->geo.key_off, key, key_len) != 0))
      continue; /* C2 */
    hit.link_off = walk.link_off;
    *out = hit;
    return BLT_OK;
  }
  return status == BLT_END ? BLT_NOT_FOUND : status;
}
