/*
 * mutate.c - changes to a file that its hashes do not give away at once
 *
 * libFuzzer asks for a change of an input. Blind changes hardly ever pass the
 * hash of a key, of a record or of the checkpoint, so most changes here know
 * the format: a field gets a telling value, blocks are swapped, doubled and
 * taken out, two files become one; then the hashes, the chains or the count
 * are put right again, or not.
 */
#include <string.h>

#include "fuzz/change.h"
#include "fuzz/input.h"

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size,
                               unsigned seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *one, size_t one_len,
                                 const uint8_t *two, size_t two_len,
                                 uint8_t *out, size_t out_room, unsigned seed);

enum { MAX_SCRIPT = 255 };

static void change_script(struct mutator *m, uint8_t *script, size_t *len)
{
  *len = LLVMFuzzerMutate(script, *len, MAX_SCRIPT);
  if (*len > 0 && one_in(m, 4))
    script[0] = (uint8_t)draw(m);
}

/* ---- what is put right again */

static void repair(struct mutator *m)
{
  struct shape *const s = &m->shape;

  if (!shape_read(s))
    return;
  if (one_in(m, 3))
    fix_key_hashes(s);
  if (one_in(m, 3))
    fix_chains(s);
  if (one_in(m, 3))
    fix_count(s);
  if (one_in(m, 4))
    fix_records(s, one_in(m, 2));
  if (one_in(m, 4))
    make_checkpoint(s, one_in(m, 3) ? 1 : 2);
  else if (memcmp(s->bytes + CHECKPOINT, "BLTK", 4) == 0 && !one_in(m, 8))
    fix_checkpoint(s);
}

static size_t join(uint8_t *data, size_t max_size, const struct shape *shape,
                   const uint8_t *script, size_t script_len)
{
  size_t len = shape->len;

  if (len + script_len + 1 > max_size)
    len = max_size - script_len - 1;
  memmove(data, shape->bytes, len);
  memcpy(data + len, script, script_len);
  data[len + script_len] = (uint8_t)script_len;
  return len + script_len + 1;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size,
                               unsigned seed)
{
  static struct mutator m;
  uint8_t script[MAX_SCRIPT + 1];
  const struct input input = input_of(data, size);
  size_t script_len = input.script_len;

  m.chance = (uint64_t)seed << 20 | 0x9e3779b9u;
  (void)draw(&m);
  if (max_size < 1024 || one_in(&m, 24))
    return LLVMFuzzerMutate(data, size, max_size);
  memcpy(script, input.script, script_len);
  m.shape = (struct shape){
      .bytes = data, .len = input.image_len, .room = max_size - MAX_SCRIPT - 1};
  if (m.shape.len > m.shape.room)
    m.shape.len = m.shape.room;
  const int only_script = one_in(&m, 5);
  if (only_script || one_in(&m, 3))
    change_script(&m, script, &script_len);
  for (size_t n = 1 + below(&m, 4); !only_script && n > 0; n--) {
    if (shape_read(&m.shape))
      change_once(&m);
    else
      change_blindly(&m);
  }
  if (!only_script && !one_in(&m, 3))
    repair(&m);
  return join(data, max_size, &m.shape, script, script_len);
}

/* ---- two files become one */

/* All blocks of the other file behind those of the first. */
static void append_blocks(struct mutator *m, const struct shape *other)
{
  struct shape *const s = &m->shape;

  for (size_t i = 0; i < other->n_blocks; i++) {
    const struct spot *const block = &other->blocks[i];
    const size_t at = s->len;
    if (one_in(m, 4) || !shape_insert(s, at, block->len, 0))
      continue;
    memcpy(s->bytes + at, other->bytes + block->off, block->len);
  }
}

static void cross(struct mutator *m, const struct shape *other)
{
  struct shape *const s = &m->shape;
  const size_t n = other->len < s->len ? other->len : s->len;

  switch (below(m, 4)) {
  case 0: /* the other's header and checkpoint */
    memcpy(s->bytes, other->bytes, n < HEADER ? n : HEADER);
    break;
  case 1:
    memcpy(s->bytes + CHECKPOINT, other->bytes + CHECKPOINT,
           HEADER - CHECKPOINT);
    break;
  case 2: { /* what stands at some places */
    const size_t at = HEADER + below(m, n - HEADER);
    memcpy(s->bytes + at, other->bytes + at, below(m, n - at + 1));
    break;
  }
  default:
    append_blocks(m, other);
    break;
  }
}

size_t LLVMFuzzerCustomCrossOver(const uint8_t *one, size_t one_len,
                                 const uint8_t *two, size_t two_len,
                                 uint8_t *out, size_t out_room, unsigned seed)
{
  static struct mutator m;
  static struct shape other;
  const struct input a = input_of(one, one_len), b = input_of(two, two_len);
  const struct input scripts = seed & 1 ? a : b;

  m.chance = (uint64_t)seed << 20 | 0x85ebca6bu;
  (void)draw(&m);
  if (out_room < 1024 || a.image_len > out_room - MAX_SCRIPT - 1)
    return 0;
  memcpy(out, a.image, a.image_len);
  m.shape = (struct shape){
      .bytes = out, .len = a.image_len, .room = out_room - MAX_SCRIPT - 1};
  other = (struct shape){.bytes = (uint8_t *)(uintptr_t)b.image,
                         .len = b.image_len};
  if (shape_read(&m.shape) && shape_read(&other))
    cross(&m, &other);
  repair(&m);
  return join(out, out_room, &m.shape, scripts.script, scripts.script_len);
}
