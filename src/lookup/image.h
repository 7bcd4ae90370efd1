/*
 * image.h - what a reader sees: the file's bytes with the changed links over
 * them
 */
#ifndef BLT_LOOKUP_IMAGE_H
#define BLT_LOOKUP_IMAGE_H

#include "base/ask.h"
#include "format/block.h"
#include "format/layout.h"
#include "lookup/links.h"
#include "os/view.h"

/* What is wrong at a place; names in docs/format.md. */
enum blt__fault {
  BLT__FAULT_NONE,
  BLT__FAULT_WILD, /* wild-pointer                                       */
  BLT__FAULT_OVERRUN,
  BLT__FAULT_CYCLE,
  BLT__FAULT_DEAD, /* dead-in-chain                                      */
  BLT__FAULT_TORN  /* torn-tail                                          */
};

struct blt__side;

struct blt__image {
  struct blt__view view;
  struct blt__geometry geo;
  struct blt__layout layout;
  struct blt__links links;   /* link offset -> link                         */
  struct blt__links tombs;   /* block offset: dead, though its link in the
                                file is not 0 yet; only scans want it       */
  struct blt__links reveals; /* block offset -> length: commit records that
                                still cover their batch in the file         */
  struct blt__side *side;    /* borrowed; NULL: there is none               */
};

/* Every number from the file passes one of these before it is used. */
static inline blt_status blt__image_corrupt(const struct blt__image *image,
                                            uint64_t off, const char *sentence)
{
  return blt__fail(image->view.sink, BLT_E_CORRUPT, off,
                   "%s; run \"blt verify\"", sentence);
}

/* The link that stands at `off`. */
static inline blt_status blt__image_link(struct blt__image *image, uint64_t off,
                                         uint64_t *out)
{
  const uint8_t *p = NULL;

  if (image->links.n != 0) {
    const struct blt__link_entry *entry = blt__links_find(&image->links, off);
    if (entry != NULL) {
      *out = entry->link;
      return BLT_OK;
    }
  }
  blt_status status = blt__view_at(&image->view, off, BLT__LINK_LEN, &p);
  if (status == BLT_OK)
    *out = blt__get6(p);
  return status;
}

/* The same, as far as that is known without waiting for a file or a failure;
 * else BLT__OFF_MAX, and the walk says what is wrong. */
static inline uint64_t blt__image_peek(const struct blt__image *image,
                                       uint64_t off)
{
  const struct blt__link_entry *entry = blt__links_find(&image->links, off);

  if (entry != NULL)
    return entry->link;
  return !image->view.by_read && blt__view_has(&image->view, off, BLT__LINK_LEN)
             ? blt__get6(image->view.base + off)
             : BLT__OFF_MAX;
}

/* Ask for a block's head and key without waiting, if it may be there. */
static inline void blt__image_ask(const struct blt__image *image, uint64_t off)
{
  if (image->view.by_read || !blt__view_has(&image->view, off, BLT__HEAD_MAX))
    return;
  blt__ask(image->view.base + off);
  blt__ask(image->view.base + off + BLT__HEAD_MAX);
}

/* Why there is no block at `off`, for which one of the tests below failed. */
blt_status blt__image_misplaced(const struct blt__image *image, uint64_t off,
                                const char *sentence);

/*
 * The block at `off`: decoded head, and its bytes from head to the end of the
 * key. Judged: it lies in the file as a whole. *out_head may be NULL.
 */
static inline blt_status blt__image_block_inline(struct blt__image *image,
                                                 uint64_t off,
                                                 struct blt__block *out,
                                                 const uint8_t **out_head)
{
  const uint8_t *head;
  blt_status status;

  if (off < image->layout.first_off ||
      !blt__view_has(&image->view, off, image->geo.key_off))
    return blt__image_misplaced(
        image, off, "a link leads to a place where no block can be");
  status = blt__view_at(&image->view, off, image->geo.key_off, &head);
  if (status < 0)
    return status;
  blt__block_decode(&image->geo, off, head, out);
  if (!blt__view_has(&image->view, off, out->len))
    return blt__image_misplaced(image, off,
                                "a block passes the end of the file");
  if (off < blt__layout_index_end(&image->layout) &&
      off + out->len > image->layout.index_off)
    return blt__image_misplaced(image, off, "a block runs into the index");
  if (out_head == NULL)
    return BLT_OK;
  return blt__view_at(&image->view, off, image->geo.key_off + out->key_len,
                      out_head);
}

/* The same as a call: everything that is not in the hottest loops. */
blt_status blt__image_block(struct blt__image *image, uint64_t off,
                            struct blt__block *out, const uint8_t **out_head);

/* The value's bytes of a block that was judged. */
static inline blt_status blt__image_value(struct blt__image *image,
                                          const struct blt__block *block,
                                          const uint8_t **out)
{
  return blt__view_at(&image->view, block->value_off, block->value_len, out);
}

#endif
