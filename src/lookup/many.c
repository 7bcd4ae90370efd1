/*
 * many.c - many lookups at once, so that their cache misses overlap
 */
#include "lookup/many.h"

#include "base/ask.h"
#include "hash/lanes.h"

static void ask_for_slot(const struct blt__image *image, uint64_t off)
{
  const struct blt__links *links = &image->links;

  if (links->n != 0)
    blt__ask(&links->entries[blt__links_place(links, off)]);
  blt__image_ask(image, off);
}

/* The link in the slot, as far as that is known without a failure. */
static uint64_t peek_link(const struct blt__image *image, uint64_t off)
{
  const struct blt__link_entry *entry = blt__links_find(&image->links, off);

  if (entry != NULL)
    return entry->link;
  return blt__view_has(&image->view, off, BLT__LINK_LEN)
             ? blt__get6(image->view.base + off)
             : BLT__OFF_MAX; /* the walk says what is wrong                   */
}

/* A bit for each query whose chain is empty: its key is not there. */
static uint32_t ask_for_all(const struct blt__image *image,
                            const struct blt__query *queries, size_t n)
{
  uint64_t slots[BLT__MANY_MAX];
  uint32_t empty = 0;

  if (image->view.by_read)
    return 0;
  for (size_t i = 0; i < n; i++) {
    slots[i] = blt__layout_slot(&image->layout, queries[i].hash);
    ask_for_slot(image, slots[i]);
  }
  for (size_t i = 0; i < n; i++) {
    uint64_t link = peek_link(image, slots[i]);
    if (link <= BLT__LINK_END)
      empty |= (uint32_t)1 << i;
    else
      blt__image_ask(image, link);
  }
  return empty;
}

blt_status blt__many_find(struct blt__image *image, struct blt__query *queries,
                          size_t n)
{
  struct blt__lane_key keys[BLT__MANY_MAX];

  if (n == 0)
    return BLT_OK;
  for (size_t i = 0; i < n; i++)
    keys[i] = (struct blt__lane_key){queries[i].key, queries[i].key_len,
                                     queries[i].hash};
  blt__keyhash_many(keys, n);
  uint32_t empty = ask_for_all(image, queries, n);
  for (size_t i = 0; i < n; i++) {
    struct blt__query *q = &queries[i];
    q->status = BLT_NOT_FOUND;
    if (empty >> i & 1)
      continue;
    q->status = blt__chain_find(image, q->hash, q->key, q->key_len, &q->hit);
    if (q->status < 0)
      return q->status;
  }
  return BLT_OK;
}
