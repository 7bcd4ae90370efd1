/*
 * shape.c - a damaged file as the mutator understands it
 */
#include "fuzz/shape.h"

#include <string.h>
#include <xxhash.h>

#include "format/bodyhash.h"
#include "format/record.h"
#include "hash/keyhash.h"

enum { LINK = 13, KEY_LEN = 19, VALUE_LEN = 21, CHECKPOINT_HASHED = 115 };

uint64_t get_number(const uint8_t *p, size_t width)
{
  uint64_t number = 0;

  for (size_t i = width; i > 0; i--)
    number = number << 8 | p[i - 1];
  return number;
}

void put_number(uint8_t *p, size_t width, uint64_t number)
{
  for (size_t i = 0; i < width; i++, number >>= 8)
    p[i] = (uint8_t)number;
}

size_t shape_index_end(const struct shape *shape)
{
  return shape->index_off + (size_t)SLOT * shape->n_buckets;
}

static size_t block_len(const struct shape *shape, size_t off)
{
  const uint8_t *const p = shape->bytes + off;
  const uint64_t value_len =
      shape->fixed ? shape->value_len : get_number(p + VALUE_LEN, 4);

  return shape->head_len + (size_t)get_number(p + KEY_LEN, 2) +
         (size_t)value_len;
}

static void scan(struct shape *shape, size_t begin, size_t end)
{
  size_t off = begin;

  while (off < end && end - off >= shape->head_len &&
         shape->n_blocks < SHAPE_BLOCKS) {
    const size_t len = block_len(shape, off);
    if (len == 0 || len > end - off)
      return;
    shape->blocks[shape->n_blocks++] = (struct spot){off, len};
    off += len;
  }
}

static size_t meant(const uint8_t *p, size_t otherwise, size_t len)
{
  const uint64_t off = get_number(p, 6);

  if (off == 0 || off == UINT64_C(52983525027888))
    return otherwise;
  return off < HEADER ? HEADER : off > len ? len : (size_t)off;
}

int shape_read(struct shape *shape)
{
  const uint8_t *const b = shape->bytes;

  if (shape->len < HEADER + SLOT)
    return 0;
  shape->fixed = b[0] == 0x04 || b[0] == 0xfb;
  shape->has_time = !shape->fixed && b[16] >= 4 && b[41] != 0;
  shape->value_len = shape->fixed ? (uint32_t)get_number(b + 37, 4) : 0;
  shape->head_len =
      (size_t)(shape->fixed ? 21 : 25) + (size_t)(shape->has_time ? 7 : 0);
  shape->index_off = meant(b + 65, HEADER, shape->len);
  const size_t room = (shape->len - shape->index_off) / SLOT;
  const uint64_t n = get_number(b + 21, 4);
  shape->n_buckets = (uint32_t)(n < room ? n : room);
  shape->first_off = meant(b + 71, shape_index_end(shape), shape->len);
  shape->n_blocks = 0;
  if (shape->index_off == HEADER) {
    scan(shape, shape->first_off, shape->len);
  } else {
    scan(shape, shape->first_off, shape->index_off);
    scan(shape, shape_index_end(shape), shape->len);
  }
  return 1;
}

size_t shape_key_len(const struct shape *shape, const struct spot *block)
{
  const size_t len = (size_t)get_number(shape->bytes + block->off + KEY_LEN, 2);
  const size_t room = block->len - shape->head_len;

  return len < room ? len : room;
}

size_t shape_payload(const struct shape *shape)
{
  return shape->head_len + (shape->fixed ? 0 : 1);
}

int shape_is_record(const struct shape *shape, const struct spot *block)
{
  return block->len >= shape_payload(shape) + BLT__RECORD_FIXED_LEN + 8 &&
         memcmp(shape->bytes + block->off, "BLTC1", 5) == 0;
}

/* ---- hashes */

void fix_checkpoint(struct shape *shape)
{
  uint8_t *const p = shape->bytes + CHECKPOINT;

  memcpy(p, "BLTK", 4);
  p[4] = 1;
  put_number(p + CHECKPOINT_HASHED, 8, XXH3_64bits(p, CHECKPOINT_HASHED));
}

void fix_key_hash(struct shape *shape, const struct spot *block)
{
  uint8_t *const p = shape->bytes + block->off;

  blt__keyhash(p + shape->head_len, shape_key_len(shape, block), p);
}

void fix_key_hashes(struct shape *shape)
{
  for (size_t i = 0; i < shape->n_blocks; i++)
    if (memcmp(shape->bytes + shape->blocks[i].off, "BLT", 3) != 0)
      fix_key_hash(shape, &shape->blocks[i]);
}

static void fix_body(struct shape *shape, const struct spot *block)
{
  uint8_t *const p = shape->bytes + block->off + shape_payload(shape);
  const uint64_t body_len = get_number(p + 36, 8);
  const uint64_t record_len = get_number(p + 44, 4);
  struct blt__bodyhash hash;
  struct blt__geometry geo;

  blt__geometry_init(&geo, shape->fixed, shape->value_len, shape->has_time);
  if (record_len > shape->len - block->off ||
      body_len > shape->len - block->off - record_len ||
      !blt__bodyhash_file(&geo, p + 16, shape->bytes + block->off + record_len,
                          body_len, &hash))
    return;
  put_number(p + 72, 8, hash.body);
  put_number(p + 80, 8, hash.time);
}

void fix_record(struct shape *shape, const struct spot *block, int with_body)
{
  uint8_t *const p = shape->bytes + block->off + shape_payload(shape);
  const uint8_t *const salt = shape->bytes + CHECKPOINT + 8;
  const size_t room = shape->len - block->off - shape_payload(shape);

  memcpy(p, "BCR1", 4);
  memcpy(p + 16, salt, 8);
  put_number(p + 24, 6, block->off);
  if (with_body)
    fix_body(shape, block);
  const uint64_t used = BLT__RECORD_FIXED_LEN + 18 * get_number(p + 56, 4) +
                        12 * get_number(p + 60, 4);
  if (used + 8 <= room)
    put_number(p + used, 8, blt__hash64(p + 16, p, (size_t)used));
}

void fix_records(struct shape *shape, int with_body)
{
  for (size_t i = 0; i < shape->n_blocks; i++)
    if (shape_is_record(shape, &shape->blocks[i]))
      fix_record(shape, &shape->blocks[i], with_body);
}

/* ---- links */

static uint32_t bucket_of(const uint8_t *hash, uint32_t n_buckets)
{
  uint64_t rest = 0;

  for (int i = HASH - 1; i >= 0; i--)
    rest = (rest << 8 | hash[i]) % n_buckets;
  return (uint32_t)rest;
}

void fix_chains(struct shape *shape)
{
  for (uint32_t i = 0; i < shape->n_buckets; i++)
    put_number(shape->bytes + shape->index_off + (size_t)SLOT * i, 6, 1);
  for (size_t i = 0; i < shape->n_blocks && shape->n_buckets > 0; i++) {
    uint8_t *const p = shape->bytes + shape->blocks[i].off;
    if (get_number(p + LINK, 6) == 0)
      continue;
    uint8_t *const slot = shape->bytes + shape->index_off +
                          (size_t)SLOT * bucket_of(p, shape->n_buckets);
    put_number(p + LINK, 6, get_number(slot, 6)); /* they may overlap      */
    put_number(slot, 6, shape->blocks[i].off);
  }
}

void fix_count(struct shape *shape)
{
  uint32_t n = 0;

  for (size_t i = 0; i < shape->n_blocks; i++)
    n += get_number(shape->bytes + shape->blocks[i].off + LINK, 6) != 0;
  put_number(shape->bytes + 33, 4, n);
}

void make_checkpoint(struct shape *shape, unsigned state)
{
  uint8_t *const p = shape->bytes + CHECKPOINT;
  size_t log_start = shape->len;

  for (size_t i = shape->n_blocks; i > 0; i--)
    if (shape_is_record(shape, &shape->blocks[i - 1]))
      log_start = shape->blocks[i - 1].off;
  if (memcmp(p, "BLTK", 4) != 0)
    memset(p, 0, CHECKPOINT_HASHED);
  p[5] = (uint8_t)state;
  if (state != 1)
    put_number(p + 24, 6, log_start);
  put_number(p + 30, 6, shape->len);
  memcpy(p + 36, shape->bytes + 33, 4);
  put_number(p + 40, 6, shape->index_off);
  put_number(p + 46, 6, shape->first_off);
  memcpy(p + 52, shape->bytes + 21, 4);
  if (state != 1)
    put_number(shape->bytes + 33, 4, UINT32_MAX);
  fix_checkpoint(shape);
}

/* ---- more and fewer bytes */

static void move_offset(uint8_t *p, size_t from, int64_t by)
{
  const uint64_t off = get_number(p, 6);

  if (off > 1 && off >= from && off < (UINT64_C(1) << 40))
    put_number(p, 6, (uint64_t)((int64_t)off + by));
}

static void move_offsets(struct shape *shape, size_t from, int64_t by)
{
  move_offset(shape->bytes + 65, from, by);
  move_offset(shape->bytes + 71, from, by);
  for (uint32_t i = 0; i < shape->n_buckets; i++)
    move_offset(shape->bytes + shape->index_off + (size_t)SLOT * i, from, by);
  for (size_t i = 0; i < shape->n_blocks; i++)
    move_offset(shape->bytes + shape->blocks[i].off + LINK, from, by);
}

int shape_insert(struct shape *shape, size_t off, size_t n, int moves)
{
  if (n > shape->room - shape->len || off > shape->len)
    return 0;
  if (moves)
    move_offsets(shape, off, (int64_t)n);
  memmove(shape->bytes + off + n, shape->bytes + off, shape->len - off);
  memset(shape->bytes + off, 0, n);
  shape->len += n;
  return 1;
}

void shape_remove(struct shape *shape, size_t off, size_t n, int moves)
{
  if (off > shape->len || n > shape->len - off)
    return;
  if (moves)
    move_offsets(shape, off + n, -(int64_t)n);
  memmove(shape->bytes + off, shape->bytes + off + n, shape->len - off - n);
  shape->len -= n;
}
