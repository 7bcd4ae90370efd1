/*
 * image.c - what a reader sees
 */
#include "lookup/image.h"

blt_status blt__image_misplaced(const struct blt__image *image, uint64_t off,
                                const char *sentence)
{
  return blt__image_corrupt(image, off, sentence);
}

blt_status blt__image_block(struct blt__image *image, uint64_t off,
                            struct blt__block *out, const uint8_t **out_head)
{
  return blt__image_block_inline(image, off, out, out_head);
}
