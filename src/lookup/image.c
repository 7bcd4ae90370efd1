/*
 * image.c - what a reader sees
 */
#include "lookup/image.h"

blt_status blt__image_block(struct blt__image *image, uint64_t off,
                            struct blt__block *out, const uint8_t **out_head)
{
  const uint8_t *head;
  blt_status status;

  if (off < image->layout.first_off ||
      !blt__view_has(&image->view, off, image->geo.key_off))
    return blt__image_corrupt(image, off,
                              "a link leads to a place where no block can be");
  status = blt__view_at(&image->view, off, image->geo.key_off, &head);
  if (status < 0)
    return status;
  blt__block_decode(&image->geo, off, head, out);
  if (!blt__view_has(&image->view, off, out->len))
    return blt__image_corrupt(image, off, "a block passes the end of the file");
  if (off < blt__layout_index_end(&image->layout) &&
      off + out->len > image->layout.index_off)
    return blt__image_corrupt(image, off, "a block runs into the index");
  if (out_head == NULL)
    return BLT_OK;
  return blt__view_at(&image->view, off, image->geo.key_off + out->key_len,
                      out_head);
}

blt_status blt__image_value(struct blt__image *image,
                            const struct blt__block *block, const uint8_t **out)
{
  return blt__view_at(&image->view, block->value_off, block->value_len, out);
}
