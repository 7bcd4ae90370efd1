/*
 * shortkey.h - a key of up to 15 bytes as two words, its length among them
 *
 * Two of them are the same when their keys are: no block has to be looked at.
 */
#ifndef BLT_LOOKUP_SHORTKEY_H
#define BLT_LOOKUP_SHORTKEY_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

enum { BLT__SHORTKEY_MAX = 15 };

/* The key's bytes, zeros, and the length in the last byte. */
struct blt__shortkey {
  uint64_t low, high;
};

/* What no short key is: each byte is this. */
enum { BLT__SHORTKEY_NONE = 0xff };

/* key_len is at most BLT__SHORTKEY_MAX. Words that overlap, instead of a loop.
 */
static inline struct blt__shortkey blt__shortkey_of(const void *key,
                                                    size_t key_len)
{
  const uint8_t *bytes = key;
  struct blt__shortkey out = {0, (uint64_t)key_len << 56};

  if (key_len > 8) {
    out.low = blt__get8(bytes);
    out.high |= blt__get8(bytes + key_len - 8) >> 8 * (16 - key_len);
  } else if (key_len >= 4) {
    const uint64_t last = blt__get4(bytes + key_len - 4);
    out.low = blt__get4(bytes) | last << 8 * (key_len - 4);
  } else {
    for (size_t i = 0; i < key_len; i++)
      out.low |= (uint64_t)bytes[i] << 8 * i;
  }
  return out;
}

static inline int blt__shortkey_same(struct blt__shortkey a,
                                     struct blt__shortkey b)
{
  return ((a.low ^ b.low) | (a.high ^ b.high)) == 0;
}

#endif
