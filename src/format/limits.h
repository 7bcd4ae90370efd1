/*
 * limits.h - the numbers of the format (docs/format.md)
 */
#ifndef BLT_FORMAT_LIMITS_H
#define BLT_FORMAT_LIMITS_H

#include <stdint.h>

enum {
  BLT__HEADER_LEN = 200,
  BLT__HASH_LEN = 13,
  BLT__LINK_LEN = 6,
  BLT__LINK_OFF = 13, /* of a block's next link                           */
  BLT__KEYLEN_OFF = 19,
  BLT__VALUELEN_OFF = 21,
  BLT__HEAD_VARIABLE = 25,
  BLT__HEAD_FIXED = 21,
  BLT__TIMESTAMP_LEN = 7,
  BLT__KEY_MAX = 65535,
  BLT__HEAD_MAX = 32
};

/* What a power cut leaves whole: docs/protocol.md, section 1. */
enum { BLT__SECTOR_LEN = 512 };

/* Links that are no offsets. */
enum { BLT__LINK_DEAD = 0, BLT__LINK_END = 1 };

#define BLT__VALUE_MAX UINT32_MAX
#define BLT__OFF_MAX (((uint64_t)1 << 48) - 1)
#define BLT__TIMESTAMP_MAX (((uint64_t)1 << 56) - 1)

/* n_keys of a file that was not closed well. */
#define BLT__COUNT_UNCLEAN UINT32_MAX

/* Six ASCII zeros, which old booklets left where an offset should be. */
#define BLT__OFF_ASCII_ZEROS UINT64_C(52983525027888)

#endif
