/*
 * layout.c - where slots and regions sit
 */
#include "format/layout.h"

#include <string.h>

#include "blt.h"

void blt__layout_init(struct blt__layout *layout, uint32_t n_buckets,
                      uint64_t index_off, uint64_t first_off)
{
  uint64_t weight = ((uint64_t)1 << 26) % n_buckets;
  uint64_t square = weight * weight % n_buckets;

  *layout = (struct blt__layout){
      .n_buckets = n_buckets,
      .index_off = index_off,
      .first_off = first_off,
      .weights = {weight, square, square * weight % n_buckets},
  };
}

unsigned blt__layout_regions(const struct blt__layout *layout,
                             uint64_t file_len, struct blt__region out[2])
{
  uint64_t index_end = blt__layout_index_end(layout);

  if (layout->index_off == BLT__HEADER_LEN) {
    out[0] = (struct blt__region){layout->first_off, file_len};
    return 1;
  }
  out[0] = (struct blt__region){layout->first_off, layout->index_off};
  out[1] = (struct blt__region){index_end, file_len};
  return 2;
}

uint32_t blt__layout_buckets_for(uint64_t n_keys)
{
  /* booklet's four, then the first prime above twelve times a round number,
   * and the largest prime that the header's field holds. */
  static const uint32_t chain[] = {12007,     144013,     1728017,   20736017,
                                   248832041, 2985984011, 4294967291};
  unsigned i = 0;

  while (i < sizeof chain / sizeof *chain - 1 && chain[i] < n_keys)
    i++;
  return chain[i];
}

BLT_API uint32_t blt_buckets_for(uint64_t n_keys)
{
  return blt__layout_buckets_for(n_keys);
}

/* Doubling copies: a few long moves instead of one store for each slot. */
void blt__layout_fill(uint8_t *out, uint64_t len)
{
  static const uint8_t empty[BLT__LINK_LEN] = {BLT__LINK_END};
  uint64_t done = len < sizeof empty ? len : sizeof empty;

  memcpy(out, empty, done);
  while (done < len) {
    uint64_t n = done < len - done ? done : len - done;
    memcpy(out + done, out, n);
    done += n;
  }
}
