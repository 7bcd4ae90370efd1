/* image.h - the bytes of a file in memory */
#ifndef JOURNAL_IMAGE_H
#define JOURNAL_IMAGE_H

#include <stdint.h>

struct image {
  uint8_t *bytes;
  uint64_t len;
};

#endif
