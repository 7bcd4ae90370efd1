/*
 * offsets.h - a list of offsets that grows
 */
#ifndef BLT_BASE_OFFSETS_H
#define BLT_BASE_OFFSETS_H

#include <stddef.h>
#include <stdint.h>

#include "base/env.h"

struct blt__offsets {
  uint64_t *at; /* owned                                                    */
  size_t n, capacity;
};

/* Room for `more` further ones without failing; 0, or -1. */
int blt__offsets_reserve(struct blt__offsets *offsets,
                         const struct blt__env *env, size_t more);
/* 0, or -1. */
int blt__offsets_add(struct blt__offsets *offsets, const struct blt__env *env,
                     uint64_t off);
void blt__offsets_release(struct blt__offsets *offsets,
                          const struct blt__env *env);

#endif
