/*
 * record.c - our own data in the file: the checkpoint and the commit record
 *
 * Checkpoint, at header byte 77             Record payload
 *   +0   4  'BLTK'                            +0   4  'BCR1'
 *   +4   1  version 1                         +4   1  kind
 *   +5   1  state                             +5   3  0
 *   +6   2  flags                             +8   8  seq
 *   +8   8  salt                              +16  8  salt
 *   +16  8  log seq                           +24  6  own position
 *   +24  6  log start                         +30  6  durable position
 *   +30  6  committed                         +36  8  body length
 *   +36  4  n_keys                            +44  4  record length
 *   +40  6  index mirror                      +48  4  blocks
 *   +46  6  first block mirror                +52  4  inserts
 *   +52  4  buckets mirror                    +56  4  patches
 *   +56  6  0                                 +60  4  tombs
 *   +62  8  boot id                           +64  8  n_keys after
 *   +70  45 0                                 +72  8  body hash
 *   +115 8  XXH3 of the 115 before            +80  8  timestamp hash
 *                                             +88  6  baked link of the last
 */
#include "format/record.h"

#include <assert.h>
#include <string.h>

#include <xxhash.h>

static const char checkpoint_magic[4] = {'B', 'L', 'T', 'K'};
static const char record_magic[4] = {'B', 'C', 'R', '1'};
static const char record_tag[BLT__RECORD_TAG_LEN] = {'B', 'L', 'T', 'C', '1'};
static const char filler_tag[BLT__RECORD_TAG_LEN] = {'B', 'L', 'T', 'F', '1'};

enum { CHECKPOINT_HASHED = 115 };

uint64_t blt__hash64(const uint8_t *salt, const void *data, size_t len)
{
  return XXH3_64bits_withSeed(data, len, blt__get8(salt));
}

void blt__checkpoint_encode(uint8_t *header,
                            const struct blt__checkpoint *checkpoint)
{
  uint8_t *p = header + BLT__HDR_CHECKPOINT;

  memset(p, 0, BLT__CHECKPOINT_LEN);
  memcpy(p, checkpoint_magic, 4);
  p[4] = 1;
  p[5] = (uint8_t)checkpoint->state;
  blt__put2(p + 6, checkpoint->flags);
  memcpy(p + 8, checkpoint->salt, BLT__SALT_LEN);
  blt__put8(p + 16, checkpoint->log_seq);
  blt__put6(p + 24, checkpoint->log_start);
  blt__put6(p + 30, checkpoint->committed);
  blt__put4(p + 36, checkpoint->n_keys);
  blt__put6(p + 40, checkpoint->index_off);
  blt__put6(p + 46, checkpoint->first_off);
  blt__put4(p + 52, checkpoint->n_buckets);
  blt__put8(p + 62, checkpoint->boot_id);
  blt__put8(p + CHECKPOINT_HASHED, XXH3_64bits(p, CHECKPOINT_HASHED));
}

int blt__checkpoint_decode(const uint8_t *header, struct blt__checkpoint *out)
{
  const uint8_t *p = header + BLT__HDR_CHECKPOINT;

  if (memcmp(p, checkpoint_magic, 4) != 0 || p[4] != 1 || p[5] < BLT__CLEAN ||
      p[5] > BLT__REPAIR ||
      blt__get8(p + CHECKPOINT_HASHED) != XXH3_64bits(p, CHECKPOINT_HASHED))
    return 0;
  *out = (struct blt__checkpoint){
      .state = (enum blt__state)p[5],
      .flags = blt__get2(p + 6),
      .log_seq = blt__get8(p + 16),
      .log_start = blt__get6(p + 24),
      .committed = blt__get6(p + 30),
      .n_keys = blt__get4(p + 36),
      .index_off = blt__get6(p + 40),
      .first_off = blt__get6(p + 46),
      .n_buckets = blt__get4(p + 52),
      .boot_id = blt__get8(p + 62),
  };
  memcpy(out->salt, p + 8, BLT__SALT_LEN);
  return 1;
}

unsigned blt__dead_extent(const struct blt__geometry *g, uint64_t span,
                          unsigned *out_off, uint8_t out[4])
{
  assert(span >= blt__dead_min(g) && span <= blt__cover_max(g));
  if (g->fixed) {
    *out_off = BLT__KEYLEN_OFF;
    blt__put2(out, (uint32_t)(span - g->stride));
    return 2;
  }
  *out_off = BLT__VALUELEN_OFF;
  blt__put4(out, (uint32_t)(span - g->key_off - 1));
  return 4;
}

void blt__dead_encode(const struct blt__geometry *g, uint8_t *out,
                      uint64_t span, enum blt__dead_tag tag)
{
  uint8_t extent[4];
  unsigned off;
  unsigned len = blt__dead_extent(g, span, &off, extent);

  memset(out, 0, blt__record_payload_off(g));
  memcpy(out, tag == BLT__TAG_RECORD ? record_tag : filler_tag,
         BLT__RECORD_TAG_LEN);
  if (!g->fixed) {
    blt__put2(out + BLT__KEYLEN_OFF, 1);
    out[g->key_off] = 'C';
  }
  memcpy(out + off, extent, len);
}

void blt__record_encode(const struct blt__geometry *g,
                        const struct blt__record *record, uint64_t span,
                        uint8_t *out)
{
  uint8_t *p = out + blt__record_payload_off(g);

  blt__dead_encode(g, out, span, BLT__TAG_RECORD);
  memset(p, 0, BLT__RECORD_FIXED_LEN);
  memcpy(p, record_magic, 4);
  p[4] = (uint8_t)record->kind;
  blt__put8(p + 8, record->seq);
  memcpy(p + 16, record->salt, BLT__SALT_LEN);
  blt__put6(p + 24, record->off);
  blt__put6(p + 30, record->durable_off);
  blt__put8(p + 36, record->body_len);
  blt__put4(p + 44, record->len);
  blt__put4(p + 48, record->n_blocks);
  blt__put4(p + 52, record->n_inserts);
  blt__put4(p + 56, record->n_patches);
  blt__put4(p + 60, record->n_tombs);
  blt__put8(p + 64, record->n_keys);
  blt__put8(p + 72, record->body_hash);
  blt__put8(p + 80, record->time_hash);
  blt__put6(p + 88, record->last_next);
  uint64_t used = blt__record_used_len(g, record);
  uint64_t hashed = (uint64_t)(out + used - p);
  blt__put8(out + used, blt__hash64(record->salt, p, hashed));
  memset(out + used + BLT__RECORD_HASH_LEN, 0,
         record->len - used - BLT__RECORD_HASH_LEN);
}

uint64_t blt__record_used_len(const struct blt__geometry *g,
                              const struct blt__record *record)
{
  return blt__record_tomb_off(g, record->n_patches, record->n_tombs);
}

static int has_tag(const uint8_t *head, const char *tag)
{
  static const uint8_t
      rest[BLT__HASH_LEN + BLT__LINK_LEN - BLT__RECORD_TAG_LEN];

  return memcmp(head, tag, BLT__RECORD_TAG_LEN) == 0 &&
         memcmp(head + BLT__RECORD_TAG_LEN, rest, sizeof rest) == 0;
}

uint64_t blt__record_search(const uint8_t *bytes, uint64_t n)
{
  const uint8_t *at = bytes;
  const uint8_t *const end = bytes + n;

  while ((uint64_t)(end - at) >= BLT__RECORD_TAG_LEN &&
         (at = memchr(at, record_tag[0],
                      (size_t)(end - at) - BLT__RECORD_TAG_LEN + 1)) != NULL) {
    if (memcmp(at, record_tag, BLT__RECORD_TAG_LEN) == 0)
      return (uint64_t)(at - bytes);
    at++;
  }
  return n;
}

int blt__record_is_tagged(const uint8_t *head)
{
  return has_tag(head, record_tag);
}

int blt__dead_is_ours(const uint8_t *head)
{
  return has_tag(head, record_tag) || has_tag(head, filler_tag);
}

int blt__record_decode(const struct blt__geometry *g, uint64_t off,
                       const uint8_t *bytes, uint64_t avail,
                       struct blt__record *out)
{
  uint32_t payload = blt__record_payload_off(g);
  const uint8_t *p = bytes + payload;

  if (avail < payload + (uint64_t)BLT__RECORD_FIXED_LEN ||
      !blt__record_is_tagged(bytes) || memcmp(p, record_magic, 4) != 0 ||
      p[4] < BLT__RECORD_BATCH || p[4] > BLT__RECORD_TAIL ||
      blt__get6(p + 24) != off ||
      (!g->fixed && blt__get2(bytes + BLT__KEYLEN_OFF) != 1))
    return 0;
  struct blt__record record = {
      .kind = (enum blt__record_kind)p[4],
      .seq = blt__get8(p + 8),
      .off = off,
      .durable_off = blt__get6(p + 30),
      .body_len = blt__get8(p + 36),
      .len = blt__get4(p + 44),
      .n_blocks = blt__get4(p + 48),
      .n_inserts = blt__get4(p + 52),
      .n_patches = blt__get4(p + 56),
      .n_tombs = blt__get4(p + 60),
      .n_keys = blt__get8(p + 64),
      .body_hash = blt__get8(p + 72),
      .time_hash = blt__get8(p + 80),
      .last_next = blt__get6(p + 88),
  };
  memcpy(record.salt, p + 16, BLT__SALT_LEN);
  if (record.len < blt__dead_min(g) || record.len > blt__cover_max(g) ||
      record.body_len > BLT__OFF_MAX || record.n_inserts > record.n_blocks ||
      blt__record_used_len(g, &record) + BLT__RECORD_HASH_LEN > record.len)
    return 0;
  *out = record;
  return 1;
}

int blt__record_is_whole(const struct blt__geometry *g,
                         const struct blt__record *record, const uint8_t *bytes)
{
  const uint8_t *p = bytes + blt__record_payload_off(g);
  const uint8_t *end = bytes + blt__record_used_len(g, record);

  return blt__hash64(record->salt, p, (size_t)(end - p)) == blt__get8(end);
}
