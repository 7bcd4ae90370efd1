/*
 * target_format.c - the parsers of src/format on any bytes
 *
 * What is decoded and encoded again is the same; what was judged fits; the
 * quick ways agree with the plain ones.
 */
#include <stdlib.h>
#include <string.h>

#include "format/bodyhash.h"
#include "format/header.h"
#include "format/layout.h"
#include "format/record.h"
#include "format/reserved.h"
#include "fuzz/world.h"

enum { MAX_LEN = 4096 };

static const struct blt__sink sink = {NULL, ""};

/* ---- header and layout */

/* The 104-bit number, byte after byte from the top. */
static uint32_t plain_bucket(const uint8_t *hash, uint32_t n_buckets)
{
  uint64_t rest = 0;

  for (int i = BLT__HASH_LEN - 1; i >= 0; i--)
    rest = (rest << 8 | hash[i]) % n_buckets;
  return (uint32_t)rest;
}

static void judge_layout(const struct blt__header *header, uint64_t file_len,
                         const uint8_t *hash)
{
  struct blt__layout layout;
  struct blt__region regions[2];
  uint64_t before = BLT__HEADER_LEN;

  blt__layout_init(&layout, header->n_buckets, header->index_off,
                   header->first_off);
  MUST(blt__layout_bucket(&layout, hash) ==
           plain_bucket(hash, header->n_buckets),
       "the quick division is wrong");
  MUST(blt__layout_slot(&layout, hash) + BLT__LINK_LEN <=
           blt__layout_index_end(&layout),
       "a slot behind the index");
  MUST(layout.index_off >= BLT__HEADER_LEN &&
           blt__layout_index_end(&layout) <= file_len,
       "an index outside of the file");
  const unsigned n = blt__layout_regions(&layout, file_len, regions);
  for (unsigned i = 0; i < n; i++) {
    MUST(regions[i].begin >= before && regions[i].begin <= regions[i].end &&
             regions[i].end <= file_len,
         "a region outside of the file");
    MUST(regions[i].end <= layout.index_off ||
             regions[i].begin >= blt__layout_index_end(&layout),
         "a region over the index");
    before = regions[i].end;
  }
}

static void judge_checkpoint(const uint8_t *bytes)
{
  struct blt__checkpoint checkpoint, again;
  uint8_t header[BLT__HEADER_LEN];

  if (!blt__checkpoint_decode(bytes, &checkpoint))
    return;
  memcpy(header, bytes, sizeof header);
  blt__checkpoint_encode(header, &checkpoint);
  MUST(blt__checkpoint_decode(header, &again), "an encoded checkpoint is none");
  MUST(again.state == checkpoint.state && again.flags == checkpoint.flags &&
           memcmp(again.salt, checkpoint.salt, sizeof again.salt) == 0 &&
           again.log_seq == checkpoint.log_seq &&
           again.log_start == checkpoint.log_start &&
           again.committed == checkpoint.committed &&
           again.n_keys == checkpoint.n_keys &&
           again.index_off == checkpoint.index_off &&
           again.first_off == checkpoint.first_off &&
           again.n_buckets == checkpoint.n_buckets &&
           again.boot_id == checkpoint.boot_id,
       "a checkpoint changes on the way");
  MUST(memcmp(header, bytes, BLT__HDR_CHECKPOINT) == 0,
       "a checkpoint is put elsewhere too");
}

static void judge_header(const uint8_t *bytes, uint64_t file_len,
                         const uint8_t *hash, struct blt__geometry *out)
{
  struct blt__header header;

  judge_checkpoint(bytes);
  const blt_status status = blt__header_decode(&header, bytes, file_len, &sink);
  MUST(status == BLT_OK || blt__fail_last(NULL)->status == status,
       "a status without its failure");
  if (status < 0)
    return;
  MUST(blt__header_is_kind(bytes), "a header of no kind");
  judge_layout(&header, file_len, hash);
  blt__geometry_init(out, header.fixed, header.value_len,
                     header.has_timestamps);
}

/* ---- blocks and records */

static void judge_block(const struct blt__geometry *geo, const uint8_t *head)
{
  uint8_t again[BLT__HEAD_MAX];
  struct blt__block block;

  blt__block_decode(geo, 1000, head, &block);
  MUST(block.len >= geo->stride || !geo->fixed, "a block below the stride");
  MUST(block.value_off + block.value_len == 1000 + block.len,
       "a value that does not end its block");
  MUST(block.len ==
           blt__geometry_block_len(geo, block.key_len, block.value_len),
       "two lengths of a block");
  blt__block_encode(geo, again, head, block.next, block.key_len,
                    block.value_len, blt__block_time(geo, head));
  MUST(memcmp(again, head, geo->key_off) == 0, "a head changes on the way");
}

static void judge_dead(const struct blt__geometry *geo, uint64_t wish)
{
  uint8_t head[BLT__HEAD_MAX + 1];
  struct blt__block block;
  const uint64_t least = blt__dead_min(geo);
  const uint64_t span = least + wish % (blt__cover_max(geo) - least + 1);

  blt__dead_encode(geo, head, span,
                   wish & 1 ? BLT__TAG_RECORD : BLT__TAG_FILLER);
  blt__block_decode(geo, 1000, head, &block);
  MUST(block.len == span, "a dead block of another length");
  MUST(block.next == BLT__LINK_DEAD, "a dead block that lives");
  MUST(blt__dead_is_ours(head), "our dead block is not ours");
  MUST(blt__record_is_tagged(head) == (int)(wish & 1), "a filler's tag");
}

static void judge_patches(const struct blt__geometry *geo,
                          const struct blt__record *record,
                          const uint8_t *bytes, uint64_t len)
{
  uint64_t sum = 0;

  for (uint32_t i = 0; i < record->n_patches; i++) {
    const uint64_t off = blt__record_patch_off(geo, i);
    MUST(off + BLT__PATCH_LEN <= len, "a patch behind the record");
    sum += blt__patch_decode(bytes + off).slot_off;
  }
  for (uint32_t i = 0; i < record->n_tombs; i++) {
    const uint64_t off = blt__record_tomb_off(geo, record->n_patches, i);
    MUST(off + BLT__TOMB_LEN <= len, "a tomb behind the record");
    sum += blt__tomb_decode(bytes + off).block_off;
  }
  MUST(sum <= UINT64_MAX, "never");
}

static void judge_record(const struct blt__geometry *geo, const uint8_t *bytes,
                         uint64_t len, uint64_t off)
{
  struct blt__record record;

  if (!blt__record_decode(geo, off, bytes, len, &record))
    return;
  const uint64_t used = blt__record_used_len(geo, &record);
  MUST(used + BLT__RECORD_HASH_LEN <= record.len, "more than the record has");
  if (used + BLT__RECORD_HASH_LEN > len)
    return;
  judge_patches(geo, &record, bytes, len);
  const int is_whole = blt__record_is_whole(geo, &record, bytes);
  if (record.len > MAX_LEN)
    return;
  /* Its fixed part encoded over a copy gives the hash that decode accepts. */
  uint8_t *const copy = calloc(1, record.len);
  memcpy(copy, bytes, (size_t)used);
  blt__record_encode(geo, &record, record.len, copy);
  MUST(blt__record_is_whole(geo, &record, copy), "an encoded record is none");
  MUST(!is_whole ||
           memcmp(copy + used, bytes + used, BLT__RECORD_HASH_LEN) == 0 ||
           memcmp(copy, bytes, used) != 0,
       "two hashes of one record");
  free(copy);
}

static void judge_body(const struct blt__geometry *geo, const uint8_t *salt,
                       const uint8_t *body, uint64_t len)
{
  struct blt__bodyhash hash, blank;
  uint8_t *const copy = malloc(len + 1);
  uint64_t off = 0;

  MUST(copy != NULL, "no memory");
  memcpy(copy, body, len);
  if (blt__bodyhash_file(geo, salt, body, len, &hash)) {
    while (off < len) {
      struct blt__block block;
      blt__block_decode(geo, off, copy + off, &block);
      memset(copy + off + BLT__LINK_OFF, 0, BLT__LINK_LEN);
      memset(copy + off + geo->time_off, 0, geo->key_off - geo->time_off);
      off += block.len;
    }
    MUST(off == len, "a body that ends inside a block");
    const struct blt__piece piece = {copy, (size_t)len};
    MUST(blt__bodyhash_blank(salt, &piece, 1) == hash.body,
         "two hashes of one body");
    MUST(blt__bodyhash_file(geo, salt, copy, len, &blank) &&
             blank.body == hash.body,
         "links and times count in a body's hash");
  }
  free(copy);
}

/* ---- the whole: | how | position 6 | header 200 | bytes ... | */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  enum { FRONT = 8 };
  struct blt__geometry geo;

  if (size < FRONT + BLT__HEADER_LEN || size > MAX_LEN)
    return 0;
  const uint64_t wish = blt__get7(data + 1);
  const uint8_t *const header = data + FRONT;
  const uint8_t *const rest = header + BLT__HEADER_LEN;
  const uint64_t rest_len = size - FRONT - BLT__HEADER_LEN;

  blt__geometry_init(&geo, data[0] & 1, (uint32_t)(wish % 300), data[0] & 2);
  judge_header(header, data[0] & 4 ? wish % 8192 : size, header + 3, &geo);
  judge_dead(&geo, wish);
  if (rest_len >= BLT__HEAD_MAX)
    judge_block(&geo, rest);
  judge_record(&geo, rest, rest_len, wish & BLT__OFF_MAX);
  judge_body(&geo, header, rest, rest_len);
  if (rest_len >= BLT__RESERVED_KEY_LEN)
    MUST(!blt__is_reserved_hash(rest) || !blt__is_reserved_key(rest, 23),
         "a hash is no key");
  return 0;
}
