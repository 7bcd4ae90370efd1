/*
 * layout.h - where slots and regions sit
 *
 *   index at 200    | header | index | data ................................|
 *   relocated       | header | old | data ........ | index | more data .....|
 *                                  ^ first_off     ^ index_off
 */
#ifndef BLT_FORMAT_LAYOUT_H
#define BLT_FORMAT_LAYOUT_H

#include <stdint.h>

#include "base/bytes.h"
#include "format/limits.h"

struct blt__layout {
  uint32_t n_buckets;
  uint64_t index_off, first_off;
  uint64_t weights[3]; /* 2^26, 2^52, 2^78 mod n_buckets                    */
};

struct blt__region {
  uint64_t begin, end;
};

void blt__layout_init(struct blt__layout *layout, uint32_t n_buckets,
                      uint64_t index_off, uint64_t first_off);

static inline uint64_t blt__layout_index_end(const struct blt__layout *layout)
{
  return layout->index_off + (uint64_t)BLT__LINK_LEN * layout->n_buckets;
}

/* The data regions in a file of that length; how many there are. */
unsigned blt__layout_regions(const struct blt__layout *layout,
                             uint64_t file_len, struct blt__region out[2]);

/*
 * The 104-bit number mod n_buckets. Four parts of 26 bits, each times what
 * its place is worth mod n_buckets: the sum stays below 2^60 for any 32-bit
 * n_buckets, so one 64-bit division does it.
 */
static inline uint32_t blt__layout_bucket(const struct blt__layout *layout,
                                          const uint8_t *hash)
{
  const uint64_t mask = ((uint64_t)1 << 26) - 1;
  uint64_t low = blt__get8(hash);
  uint64_t high = blt__get4(hash + 8) | (uint64_t)hash[12] << 32;
  uint64_t sum = (low & mask) + (low >> 26 & mask) * layout->weights[0] +
                 ((low >> 52 | high << 12) & mask) * layout->weights[1] +
                 (high >> 14) * layout->weights[2];

  return (uint32_t)(sum % layout->n_buckets);
}

/* Offset of a key's slot. */
static inline uint64_t blt__layout_slot(const struct blt__layout *layout,
                                        const uint8_t *hash)
{
  return layout->index_off +
         (uint64_t)BLT__LINK_LEN * blt__layout_bucket(layout, hash);
}

/* The smallest bucket count of the growth chain that is >= n_keys. */
uint32_t blt__layout_buckets_for(uint64_t n_keys);

/* Fill `len` bytes of a new index, of which the first is the `phase`-th byte
 * of a slot. */
void blt__layout_fill(uint8_t *out, uint64_t len);

#endif
