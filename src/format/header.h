/*
 * header.h - the first 200 bytes
 *
 * A struct blt__header that exists is sane: every field was judged when it
 * was decoded.
 */
#ifndef BLT_FORMAT_HEADER_H
#define BLT_FORMAT_HEADER_H

#include "base/fail.h"
#include "format/limits.h"

/* Offsets of the fields that change. */
enum {
  BLT__HDR_BUCKETS = 21,
  BLT__HDR_COUNT = 33,
  BLT__HDR_HAS_TIMES = 41,
  BLT__HDR_TIMESTAMP = 42,
  BLT__HDR_UUID = 49,
  BLT__HDR_INDEX = 65,
  BLT__HDR_FIRST = 71,
  BLT__HDR_CHECKPOINT = 77,
  BLT__CHECKPOINT_LEN = 123
};

/* From this version on the flag of timestamps counts. */
enum { BLT__VERSION_TIMES = 4 };

struct blt__header {
  uint8_t bytes[BLT__HEADER_LEN]; /* as in the file                         */
  int fixed;
  int guarded; /* the kind is inverted: a rewrite was under way    */
  unsigned version;
  uint32_t n_buckets;
  unsigned key_serializer, value_serializer;
  uint32_t n_keys;    /* BLT__COUNT_UNCLEAN: not closed well              */
  uint32_t value_len; /* fixed files                                      */
  int has_timestamps;
  uint64_t file_timestamp;
  uint64_t index_off; /* what is meant; the bytes have what is stored     */
  uint64_t first_off;
};

/* Judge 200 bytes against the file's length. */
blt_status blt__header_decode(struct blt__header *header, const uint8_t *bytes,
                              uint64_t file_len, const struct blt__sink *sink);

/* The header of a new, empty store. */
struct blt__header_new {
  int fixed;
  uint32_t value_len;
  uint32_t n_buckets;
  int has_timestamps;
  unsigned key_serializer, value_serializer;
  uint64_t file_timestamp;
  uint8_t uuid[16];
};
void blt__header_encode(uint8_t *bytes, const struct blt__header_new *how);

/* Turn another file's header into that of an empty store (booklet's
 * init_bytes): no keys, index at 200, no checkpoint. */
void blt__header_empty(uint8_t *bytes);

/* Whether 16 bytes are one of the two kinds, inverted or not. */
int blt__header_is_kind(const uint8_t *bytes);

/* Whether the kind is one of the two, inverted. */
int blt__header_is_guarded(const uint8_t *bytes);

/* Write kind, inverted or not. */
void blt__header_set_kind(uint8_t *bytes, int fixed, int guarded);

#endif
