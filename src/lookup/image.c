/*
 * image.c - what a reader sees
 */
#include "lookup/image.h"

void blt__image_tell_corrupt(const struct blt__image *image, uint64_t off,
                             const char *sentence)
{
  (void)blt__fail(image->view.sink, BLT_E_CORRUPT, off,
                  "%s; run \"blt verify\"", sentence);
}

blt_status blt__image_value(struct blt__image *image,
                            const struct blt__block *block, const uint8_t **out)
{
  return blt__view_at(&image->view, block->value_off, block->value_len, out);
}
