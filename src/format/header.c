/*
 * header.c - the first 200 bytes
 */
#include "format/header.h"

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"

static const uint8_t kind_variable[16] = {0x4f, 0x7e, 0x8a, 0x3f, 0xe7, 0x5c,
                                          0x47, 0x50, 0xad, 0x43, 0x0a, 0x72,
                                          0x8f, 0xe3, 0x1c, 0xfe};
static const uint8_t kind_fixed[16] = {0x04, 0xd3, 0xb2, 0x94, 0xf2, 0x10,
                                       0x41, 0x62, 0x95, 0x8d, 0x04, 0x00,
                                       0x73, 0x8c, 0x9e, 0x0a};

static int is_kind(const uint8_t *bytes, const uint8_t *kind, uint8_t mask)
{
  for (int i = 0; i < 16; i++)
    if ((bytes[i] ^ mask) != kind[i])
      return 0;
  return 1;
}

void blt__header_set_kind(uint8_t *bytes, int fixed, int guarded)
{
  const uint8_t *kind = fixed ? kind_fixed : kind_variable;

  for (int i = 0; i < 16; i++)
    bytes[i] = (uint8_t)(kind[i] ^ (guarded ? 0xff : 0));
}

int blt__header_is_guarded(const uint8_t *bytes)
{
  return is_kind(bytes, kind_variable, 0xff) ||
         is_kind(bytes, kind_fixed, 0xff);
}

int blt__header_is_kind(const uint8_t *bytes)
{
  return is_kind(bytes, kind_variable, 0) || is_kind(bytes, kind_fixed, 0) ||
         blt__header_is_guarded(bytes);
}

static blt_status decode_kind(struct blt__header *header, const uint8_t *bytes,
                              const struct blt__sink *sink)
{
  int guarded = blt__header_is_guarded(bytes);
  uint8_t mask = guarded ? 0xff : 0;

  header->guarded = guarded;
  header->fixed = is_kind(bytes, kind_fixed, mask);
  if (header->fixed || is_kind(bytes, kind_variable, mask))
    return BLT_OK;
  return blt__fail(sink, BLT_E_NOT_BOOKLET, BLT_NO_OFFSET,
                   "not a booklet file (first bytes %02x %02x %02x %02x)",
                   bytes[0], bytes[1], bytes[2], bytes[3]);
}

static blt_status judge_widths(const struct blt__header *header,
                               const struct blt__sink *sink)
{
  const uint8_t *b = header->bytes;
  int value_width = header->fixed ? 0 : 4;

  if (header->version < 3 || header->version > 5)
    return blt__fail(sink, BLT_E_VERSION, 16,
                     "format version %u is not one of 3, 4, 5; a newer or "
                     "much older program wrote it",
                     header->version);
  if (b[18] != 6 || b[19] != 2 || b[20] != value_width)
    return blt__fail(sink, BLT_E_CORRUPT, 18,
                     "field widths %u, %u, %u in the header should be 6, 2, %d",
                     b[18], b[19], b[20], value_width);
  return BLT_OK;
}

static uint64_t meant_offset(const uint8_t *stored, uint64_t otherwise)
{
  uint64_t off = blt__get6(stored);

  return off == 0 || off == BLT__OFF_ASCII_ZEROS ? otherwise : off;
}

static blt_status judge_layout(const struct blt__header *h, uint64_t file_len,
                               const struct blt__sink *sink)
{
  uint64_t index_len = (uint64_t)BLT__LINK_LEN * h->n_buckets;

  if (h->n_buckets == 0)
    return blt__fail(sink, BLT_E_CORRUPT, BLT__HDR_BUCKETS,
                     "the header says there are no buckets");
  if (h->index_off < BLT__HEADER_LEN)
    return blt__fail(sink, BLT_E_CORRUPT, BLT__HDR_INDEX,
                     "the index would lie inside the header, at %llu",
                     (unsigned long long)h->index_off);
  if (index_len > file_len || h->index_off > file_len - index_len)
    return blt__fail(sink, BLT_E_CORRUPT, BLT__HDR_BUCKETS,
                     "an index of %u buckets at %llu passes the end of the "
                     "file at %llu: the file was cut, or the header is wrong",
                     h->n_buckets, (unsigned long long)h->index_off,
                     (unsigned long long)file_len);
  int at_front = h->index_off == BLT__HEADER_LEN;
  uint64_t lowest = at_front ? BLT__HEADER_LEN + index_len : BLT__HEADER_LEN;
  uint64_t highest = at_front ? file_len : h->index_off;
  if (h->first_off < lowest || h->first_off > highest)
    return blt__fail(sink, BLT_E_CORRUPT, BLT__HDR_FIRST,
                     "the first block would lie at %llu, outside the data",
                     (unsigned long long)h->first_off);
  return BLT_OK;
}

blt_status blt__header_decode(struct blt__header *header, const uint8_t *bytes,
                              uint64_t file_len, const struct blt__sink *sink)
{
  struct blt__header h = {.n_buckets = blt__get4(bytes + BLT__HDR_BUCKETS)};
  blt_status status;

  memcpy(h.bytes, bytes, sizeof h.bytes);
  if ((status = decode_kind(&h, bytes, sink)) < 0)
    return status;
  h.version = blt__get2(bytes + 16);
  h.value_serializer = blt__get2(bytes + 29);
  h.key_serializer = blt__get2(bytes + 31);
  h.n_keys = blt__get4(bytes + BLT__HDR_COUNT);
  h.value_len = h.fixed ? blt__get4(bytes + 37) : 0;
  h.has_timestamps = !h.fixed && h.version >= BLT__VERSION_TIMES &&
                     bytes[BLT__HDR_HAS_TIMES] != 0;
  h.file_timestamp = blt__get7(bytes + BLT__HDR_TIMESTAMP);
  h.index_off = meant_offset(bytes + BLT__HDR_INDEX, BLT__HEADER_LEN);
  h.first_off =
      meant_offset(bytes + BLT__HDR_FIRST,
                   BLT__HEADER_LEN + (uint64_t)BLT__LINK_LEN * h.n_buckets);
  if ((status = judge_widths(&h, sink)) < 0 ||
      (status = judge_layout(&h, file_len, sink)) < 0)
    return status;
  *header = h;
  return BLT_OK;
}

void blt__header_encode(uint8_t *bytes, const struct blt__header_new *how)
{
  memset(bytes, 0, BLT__HEADER_LEN);
  blt__header_set_kind(bytes, how->fixed, 0);
  blt__put2(bytes + 16, 5);
  bytes[18] = 6;
  bytes[19] = 2;
  bytes[20] = how->fixed ? 0 : 4;
  blt__put4(bytes + BLT__HDR_BUCKETS, how->n_buckets);
  blt__put2(bytes + 29, how->fixed ? 0 : how->value_serializer);
  blt__put2(bytes + 31, how->key_serializer);
  blt__put4(bytes + 37, how->fixed ? how->value_len : 0);
  bytes[BLT__HDR_HAS_TIMES] = !how->fixed && how->has_timestamps;
  blt__put7(bytes + BLT__HDR_TIMESTAMP, how->file_timestamp);
  memcpy(bytes + BLT__HDR_UUID, how->uuid, 16);
  blt__header_empty(bytes);
}

void blt__header_empty(uint8_t *bytes)
{
  uint64_t n_buckets = blt__get4(bytes + BLT__HDR_BUCKETS);

  blt__put4(bytes + BLT__HDR_COUNT, 0);
  blt__put6(bytes + BLT__HDR_INDEX, BLT__HEADER_LEN);
  blt__put6(bytes + BLT__HDR_FIRST,
            BLT__HEADER_LEN + BLT__LINK_LEN * n_buckets);
  memset(bytes + BLT__HDR_CHECKPOINT, 0, BLT__CHECKPOINT_LEN);
}
