/* digest.h - what a file holds, as a number that the order does not change */
#ifndef BLT_TOOLS_DIGEST_H
#define BLT_TOOLS_DIGEST_H

#include <stdbool.h>
#include <stdint.h>

#include "blt.h"
#include "text.h"

/*
 *   item    BLAKE2b-512 of  key_len 8 | key | value_len 8 | value [| time 8]
 *   sum     of all items, as numbers of 512 bits that wrap around
 *   result  BLAKE2b-256 of  "blt hash 1" | n 8 | sum 64
 *
 * All numbers are little-endian. Equal files have equal digests, and chance
 * does not make two different ones equal; whoever may choose the values and
 * has enough machines could, so it is no signature.
 */
struct digest {
  bool with_times;
  uint64_t n;
  uint64_t sum[8];
};

void digest_add(struct digest *digest, const blt_item *item);

/* "b2b:" and 64 hexadecimal digits. */
void digest_write(const struct digest *digest, struct text *out);

#endif
