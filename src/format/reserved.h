/*
 * reserved.h - booklet's hidden keys in variable files
 */
#ifndef BLT_FORMAT_RESERVED_H
#define BLT_FORMAT_RESERVED_H

#include <stddef.h>
#include <stdint.h>

#include "format/limits.h"

enum { BLT__RESERVED_KEY_LEN = 23, BLT__N_RESERVED = 3 };

/* 0 metadata, 1 and 2 the slots. */
struct blt__reserved {
  char key[BLT__RESERVED_KEY_LEN + 1];
  uint8_t hash[BLT__HASH_LEN];
};
extern const struct blt__reserved blt__reserved_keys[BLT__N_RESERVED];

int blt__is_reserved_text(const void *key);
int blt__is_reserved_hash_of_all(const uint8_t *hash);

static inline int blt__is_reserved_key(const void *key, size_t key_len)
{
  return key_len == BLT__RESERVED_KEY_LEN && blt__is_reserved_text(key);
}

/* The first bytes of the three, 0x42, 0x5a and 0x07, tell nearly always. */
static inline int blt__is_reserved_hash(const uint8_t *hash)
{
  return (hash[0] == 0x42 || hash[0] == 0x5a || hash[0] == 0x07) &&
         blt__is_reserved_hash_of_all(hash);
}

#endif
