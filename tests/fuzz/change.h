/*
 * change.h - changes that know the format
 */
#ifndef FUZZ_CHANGE_H
#define FUZZ_CHANGE_H

#include "fuzz/shape.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

struct mutator {
  struct shape shape;
  uint64_t chance;
};

static inline uint64_t draw(struct mutator *m)
{
  m->chance ^= m->chance << 13;
  m->chance ^= m->chance >> 7;
  m->chance ^= m->chance << 17;
  return m->chance * UINT64_C(0x2545f4914f6cdd1d) >> 16;
}

static inline size_t below(struct mutator *m, size_t n)
{
  return n == 0 ? 0 : (size_t)(draw(m) % n);
}

static inline int one_in(struct mutator *m, size_t n)
{
  return below(m, n) == 0;
}

/* One change of the shape's bytes, of a kind that chance chooses. The shape is
 * read anew after it. */
void change_once(struct mutator *m);
void change_blindly(struct mutator *m);

#endif
