/*
 * chain.c - walking a bucket's chain
 */
#include "lookup/chain.h"

#include <string.h>

void blt__walk_begin(struct blt__walk *walk, struct blt__image *image,
                     uint64_t slot_off)
{
  *walk = (struct blt__walk){.image = image, .next_off = slot_off, .limit = 2};
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

/* The link behind the block: read once, judged now, followed next. */
static blt_status read_next(struct blt__walk *walk,
                            const struct blt__block *block)
{
  struct blt__image *image = walk->image;

  walk->next_off = block->off + BLT__LINK_OFF;
  walk->next = block->next;
  if (image->links.n != 0) {
    const struct blt__link_entry *entry =
        blt__links_find(&image->links, walk->next_off);
    if (entry != NULL)
      walk->next = entry->link;
  }
  if (walk->next != BLT__LINK_DEAD)
    return BLT_OK;
  walk->fault = BLT__FAULT_DEAD; /* C3 */
  walk->fault_off = block->off;
  return blt__image_corrupt(image, block->off,
                            "a chain leads to a block that is dead");
}

blt_status blt__walk_next(struct blt__walk *walk, struct blt__block *out,
                          const uint8_t **out_head)
{
  blt_status status = BLT_OK;

  if (walk->block_off == 0)
    status = blt__image_link(walk->image, walk->next_off, &walk->next);
  if (status < 0)
    return status;
  uint64_t off = walk->next;
  if (off <= BLT__LINK_END)
    return BLT_END;
  walk->fault_off = walk->next_off;
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
  return read_next(walk, out);
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
    *out = hit;
    return BLT_OK;
  }
  return status == BLT_END ? BLT_NOT_FOUND : status;
}
