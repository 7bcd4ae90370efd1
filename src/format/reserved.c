/*
 * reserved.c - booklet's hidden keys in variable files
 */
#include "format/reserved.h"

#include <string.h>

const struct blt__reserved blt__reserved_keys[BLT__N_RESERVED] = {
    {"adb01ebc1ba3433eb043527",
     {0x42, 0x7e, 0xf5, 0x09, 0xe6, 0xef, 0x2c, 0xbf, 0x16, 0x6e, 0x6e, 0x82,
      0x01}},
    {"7c40d2ea915b4f3a8e6d201",
     {0x5a, 0x81, 0x57, 0xb7, 0x56, 0x28, 0xdf, 0x9d, 0x14, 0x4b, 0x7e, 0x43,
      0xa1}},
    {"f19a5c3d7e2b48069ab34c5",
     {0x07, 0xf6, 0x6d, 0xd0, 0xa0, 0xbc, 0xa1, 0x8c, 0x18, 0x2e, 0xde, 0xe1,
      0x18}},
};

int blt__is_reserved_text(const void *key)
{
  for (int i = 0; i < BLT__N_RESERVED; i++)
    if (memcmp(key, blt__reserved_keys[i].key, BLT__RESERVED_KEY_LEN) == 0)
      return 1;
  return 0;
}

int blt__is_reserved_hash_of_all(const uint8_t *hash)
{
  for (int i = 0; i < BLT__N_RESERVED; i++)
    if (memcmp(hash, blt__reserved_keys[i].hash, BLT__HASH_LEN) == 0)
      return 1;
  return 0;
}
