/*
 * offsets.c - a list of offsets
 */
#include "base/offsets.h"

int blt__offsets_reserve(struct blt__offsets *offsets,
                         const struct blt__env *env, size_t more)
{
  size_t capacity = offsets->capacity == 0 ? 64 : offsets->capacity;

  while (capacity < offsets->n + more)
    capacity *= 2;
  if (capacity == offsets->capacity)
    return 0;
  uint64_t *at = blt__resize(env, offsets->at, offsets->capacity * sizeof *at,
                             capacity * sizeof *at);
  if (at == NULL)
    return -1;
  offsets->at = at;
  offsets->capacity = capacity;
  return 0;
}

int blt__offsets_add(struct blt__offsets *offsets, const struct blt__env *env,
                     uint64_t off)
{
  if (blt__offsets_reserve(offsets, env, 1) != 0)
    return -1;
  offsets->at[offsets->n++] = off;
  return 0;
}

void blt__offsets_release(struct blt__offsets *offsets,
                          const struct blt__env *env)
{
  blt__release(env, offsets->at, offsets->capacity * sizeof *offsets->at);
  *offsets = (struct blt__offsets){NULL, 0, 0};
}
