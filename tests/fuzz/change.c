/*
 * change.c - changes that know the format
 */
#include "fuzz/change.h"

#include <string.h>

enum { LINK = 13, KEY_LEN = 19, VALUE_LEN = 21, BIG = 1 << 16 };

static const struct spot *some_block(struct mutator *m)
{
  const struct shape *const s = &m->shape;

  return s->n_blocks == 0 ? NULL : &s->blocks[below(m, s->n_blocks)];
}

static const struct spot *some_record(struct mutator *m)
{
  const struct shape *const s = &m->shape;
  const size_t first = below(m, s->n_blocks);

  for (size_t i = 0; i < s->n_blocks; i++) {
    const struct spot *const b = &s->blocks[(first + i) % s->n_blocks];
    if (shape_is_record(s, b))
      return b;
  }
  return NULL;
}

/* An offset that means something, or nearly so. */
static uint64_t some_offset(struct mutator *m)
{
  const struct shape *const s = &m->shape;
  const struct spot *const block = some_block(m);
  const uint64_t telling[] = {
      0,
      1,
      2,
      HEADER,
      s->index_off,
      shape_index_end(s),
      s->first_off,
      s->len,
      s->len - 1,
      s->len - below(m, 40),
      below(m, s->len + 8),
      UINT64_C(0xffffffffffff),
      UINT64_C(52983525027888),
      HEADER + SLOT * (uint64_t)below(m, 8),
  };
  const size_t n = sizeof telling / sizeof *telling;
  const size_t i = below(m, n + 14);

  if (i < n)
    return telling[i];
  if (block == NULL)
    return s->first_off;
  return block->off + (one_in(m, 8) ? below(m, block->len + 1) : 0);
}

static uint64_t some_number(struct mutator *m, uint64_t now)
{
  switch (below(m, 9)) {
  case 0:
    return 0;
  case 1:
    return now + 1 + below(m, 4);
  case 2:
    return now - 1 - below(m, 4);
  case 3:
    return UINT64_MAX - below(m, 3);
  case 4:
    return UINT64_C(1) << below(m, 64);
  case 5:
    return m->shape.len - below(m, 64);
  case 6:
    return below(m, 300);
  case 7:
    return now ^ UINT64_C(1) << below(m, 48);
  default:
    return draw(m);
  }
}

static void change_number(struct mutator *m, uint8_t *p, size_t width)
{
  put_number(p, width, some_number(m, get_number(p, width)));
}

/* ---- the changes */

struct field {
  unsigned char off, width;
};

static void change_header(struct mutator *m)
{
  static const struct field numbers[] = {{16, 2}, {18, 3}, {21, 4}, {29, 2},
                                         {31, 2}, {33, 4}, {37, 4}, {41, 1},
                                         {42, 7}, {21, 4}, {33, 4}};
  uint8_t *const b = m->shape.bytes;
  const size_t i = below(m, 16);

  if (i < sizeof numbers / sizeof *numbers)
    change_number(m, b + numbers[i].off, numbers[i].width);
  else if (i < 13)
    put_number(b + 65, 6, some_offset(m));
  else if (i < 15)
    put_number(b + 71, 6, some_offset(m));
  else
    for (size_t k = 0; k < 16; k++)
      b[k] ^= 0xff;
}

static void change_checkpoint(struct mutator *m)
{
  static const struct field numbers[] = {{5, 1},  {6, 2},  {16, 8}, {24, 6},
                                         {30, 6}, {36, 4}, {40, 6}, {46, 6},
                                         {52, 4}, {62, 8}};
  uint8_t *const p = m->shape.bytes + CHECKPOINT;
  const size_t i = below(m, 16);

  if (i >= 13 || memcmp(p, "BLTK", 4) != 0) {
    make_checkpoint(&m->shape, 1 + (unsigned)below(m, 3));
    return;
  }
  if (i >= 10)
    p[5] = (uint8_t)(1 + below(m, 3));
  else if (numbers[i].width == 6)
    put_number(p + numbers[i].off, 6, some_offset(m));
  else
    change_number(m, p + numbers[i].off, numbers[i].width);
  if (!one_in(m, 16))
    fix_checkpoint(&m->shape);
  if (p[5] != 1 && !one_in(m, 4))
    put_number(m->shape.bytes + 33, 4, UINT32_MAX);
}

static void change_link(struct mutator *m)
{
  struct shape *const s = &m->shape;
  const struct spot *const block = some_block(m);

  if (block != NULL && !one_in(m, 3))
    put_number(s->bytes + block->off + LINK, 6, some_offset(m));
  else if (s->n_buckets > 0)
    put_number(s->bytes + s->index_off + SLOT * below(m, s->n_buckets), 6,
               some_offset(m));
}

static void change_length(struct mutator *m)
{
  struct shape *const s = &m->shape;
  const struct spot *const block = some_block(m);

  if (block == NULL)
    return;
  if (s->fixed || one_in(m, 2))
    change_number(m, s->bytes + block->off + KEY_LEN, 2);
  else
    change_number(m, s->bytes + block->off + VALUE_LEN, 4);
}

/* Bytes of key or value, their lengths kept. */
static void change_content(struct mutator *m)
{
  struct shape *const s = &m->shape;
  const struct spot *const block = some_block(m);

  if (block == NULL || block->len == s->head_len)
    return;
  uint8_t *const p = s->bytes + block->off;
  p[s->head_len + below(m, block->len - s->head_len)] = (uint8_t)draw(m);
  if (!one_in(m, 4))
    fix_key_hash(s, block);
}

static void change_head(struct mutator *m)
{
  struct shape *const s = &m->shape;
  const struct spot *const block = some_block(m);

  if (block != NULL)
    s->bytes[block->off + below(m, s->head_len)] ^=
        (uint8_t)(1u << below(m, 8));
}

/* One block's key and hash become another's. */
static void double_key(struct mutator *m)
{
  struct shape *const s = &m->shape;
  const struct spot *const from = some_block(m);
  const struct spot *const to = some_block(m);

  if (from == NULL || shape_key_len(s, from) > to->len - s->head_len)
    return;
  memcpy(s->bytes + to->off + s->head_len, s->bytes + from->off + s->head_len,
         shape_key_len(s, from));
  put_number(s->bytes + to->off + KEY_LEN, 2, shape_key_len(s, from));
  if (!s->fixed)
    put_number(s->bytes + to->off + VALUE_LEN, 4,
               to->len - s->head_len - shape_key_len(s, from));
  fix_key_hash(s, to);
}

static void swap_blocks(struct mutator *m)
{
  struct shape *const s = &m->shape;
  uint8_t copy[BIG];
  const size_t i = below(m, s->n_blocks);

  if (i + 1 >= s->n_blocks)
    return;
  const struct spot a = s->blocks[i], b = s->blocks[i + 1];
  if (a.off + a.len != b.off || a.len > sizeof copy)
    return;
  memcpy(copy, s->bytes + a.off, a.len);
  memmove(s->bytes + a.off, s->bytes + b.off, b.len);
  memcpy(s->bytes + a.off + b.len, copy, a.len);
}

static void copy_block(struct mutator *m)
{
  struct shape *const s = &m->shape;
  uint8_t copy[BIG];
  const struct spot *const from = some_block(m);

  if (from == NULL || from->len > sizeof copy)
    return;
  const size_t len = from->len;
  const size_t to = one_in(m, 2) ? s->len : some_block(m)->off;
  memcpy(copy, s->bytes + from->off, len);
  if (shape_insert(s, to, len, !one_in(m, 3)))
    memcpy(s->bytes + to, copy, len);
}

static void remove_block(struct mutator *m)
{
  const struct spot *const block = some_block(m);

  if (block != NULL)
    shape_remove(&m->shape, block->off, block->len, !one_in(m, 3));
}

/* Dead space: zeros, a filler, or a gap of no block's length. */
static void insert_dead(struct mutator *m)
{
  struct shape *const s = &m->shape;
  const struct spot *const block = some_block(m);
  const size_t at = block == NULL || one_in(m, 3) ? s->len : block->off;
  const size_t more = below(m, 100);
  const size_t least = s->head_len + (s->fixed ? s->value_len : 1);
  const size_t len = one_in(m, 4) ? more : least + more;

  if (len > BIG || !shape_insert(s, at, len, !one_in(m, 4)) || len < least ||
      one_in(m, 4))
    return;
  memcpy(s->bytes + at, one_in(m, 2) ? "BLTF1" : "BLTC1", 5);
  if (!s->fixed) {
    put_number(s->bytes + at + KEY_LEN, 2, 1);
    put_number(s->bytes + at + VALUE_LEN, 4, more);
  } else {
    put_number(s->bytes + at + KEY_LEN, 2, more + 1);
  }
}

static void change_tail(struct mutator *m)
{
  struct shape *const s = &m->shape;

  if (one_in(m, 2)) {
    s->len -= below(m, one_in(m, 4) ? s->len : 100 < s->len ? 100 : s->len);
  } else {
    const size_t at = s->len, n = below(m, 100);
    if (shape_insert(s, at, n, 0) && one_in(m, 2))
      for (size_t i = 0; i < n; i++)
        s->bytes[at + i] = (uint8_t)draw(m);
  }
}

/* As they are written ahead of a log. */
static void change_zeros(struct mutator *m)
{
  struct shape *const s = &m->shape;

  if (one_in(m, 3))
    while (s->len > HEADER && s->bytes[s->len - 1] == 0)
      s->len--;
  else
    (void)shape_insert(s, s->len, below(m, 300), 0);
}

static void change_record(struct mutator *m)
{
  static const struct field numbers[] = {{4, 1},  {8, 8},  {30, 6}, {36, 8},
                                         {44, 4}, {48, 4}, {52, 4}, {56, 4},
                                         {60, 4}, {64, 8}, {72, 8}, {88, 6}};
  struct shape *const s = &m->shape;
  const struct spot *const record = some_record(m);
  const size_t i = below(m, 20);

  if (record == NULL)
    return;
  uint8_t *const p = s->bytes + record->off + shape_payload(s);
  const size_t n_links =
      (size_t)(get_number(p + 56, 4) * 3 + get_number(p + 60, 4) * 2);
  if (i < 12 && numbers[i].width != 6)
    change_number(m, p + numbers[i].off, numbers[i].width);
  else if (i < 12 || n_links == 0 ||
           (size_t)(p - s->bytes) + 94 + 6 * n_links > s->len)
    put_number(p + (one_in(m, 2) ? 30 : 88), 6, some_offset(m));
  else
    put_number(p + 94 + 6 * below(m, n_links), 6, some_offset(m));
  if (!one_in(m, 12))
    fix_record(s, record, one_in(m, 2));
}

/* A log in a file that has none: a record that covers the last blocks. */
static void make_record(struct mutator *m)
{
  struct shape *const s = &m->shape;
  const size_t n = 1 + below(m, 3);
  const size_t len = shape_payload(s) + 94 + 8 + s->value_len +
                     18 * below(m, 3) + 12 * below(m, 2);

  if (s->n_blocks < n || len > BIG)
    return;
  const size_t at = s->blocks[s->n_blocks - n].off;
  const size_t body_len = s->len - at;
  if (!shape_insert(s, at, len, 1))
    return;
  uint8_t *const p = s->bytes + at;
  memcpy(p, "BLTC1", 5);
  put_number(p + KEY_LEN, 2, s->fixed ? len - 21 - s->value_len : 1);
  if (!s->fixed)
    put_number(p + VALUE_LEN, 4, len - s->head_len - 1);
  uint8_t *const payload = p + shape_payload(s);
  payload[4] = (uint8_t)(1 + below(m, 4));
  put_number(payload + 8, 8, get_number(s->bytes + CHECKPOINT + 16, 8));
  put_number(payload + 36, 8, body_len);
  put_number(payload + 44, 4, len);
  put_number(payload + 48, 4, n);
  put_number(payload + 52, 4, below(m, n + 1));
  put_number(payload + 64, 8, s->n_blocks);
  const struct spot record = {at, len};
  if (!one_in(m, 4)) {
    (void)shape_read(s);
    make_checkpoint(s, 2);
    put_number(s->bytes + CHECKPOINT + 24, 6, at);
    fix_checkpoint(s);
  }
  fix_record(s, &record, 1);
}

/* A new index at the end, and the old one (if it was there) data. */
static void move_index(struct mutator *m)
{
  struct shape *const s = &m->shape;
  const size_t at = s->len;
  const uint32_t n = 1 + (uint32_t)below(m, 8);

  if (!shape_insert(s, at, (size_t)SLOT * n, 0))
    return;
  if (s->first_off >= at)
    return;
  put_number(s->bytes + 21, 4, n);
  put_number(s->bytes + 65, 6, at);
  put_number(s->bytes + 71, 6, s->first_off);
  if (shape_read(s))
    fix_chains(s);
}

void change_blindly(struct mutator *m)
{
  m->shape.len = LLVMFuzzerMutate(m->shape.bytes, m->shape.len, m->shape.room);
}

void change_once(struct mutator *m)
{
  static void (*const changes[])(struct mutator *) = {
      change_header, change_checkpoint, change_checkpoint, change_link,
      change_link,   change_length,     change_content,    change_head,
      double_key,    swap_blocks,       copy_block,        remove_block,
      insert_dead,   change_tail,       change_zeros,      change_record,
      change_record, make_record,       move_index,        change_blindly};

  changes[below(m, sizeof changes / sizeof *changes)](m);
}
