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

int blt__is_reserved_key(const void *key, size_t key_len);
int blt__is_reserved_hash(const uint8_t *hash);

#endif
