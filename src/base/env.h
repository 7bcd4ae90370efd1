/*
 * env.h - memory, time and chance, passed in so that tests can replace them
 */
#ifndef BLT_BASE_ENV_H
#define BLT_BASE_ENV_H

#include <stddef.h>
#include <stdint.h>

#include "blt.h"

struct blt__env {
  blt_allocator mem;
  blt_clock clock;
  void *clock_ctx;
};

/* From the options; what they leave out comes from the system. */
void blt__env_init(struct blt__env *env, const blt_options *options);

/* NULL when there is no memory. The caller frees with the same length. */
void *blt__alloc(const struct blt__env *env, size_t len);
/* Like realloc; the old block stays good when NULL comes back. */
void *blt__resize(const struct blt__env *env, void *old, size_t old_len,
                  size_t len);
/* NULL is fine. */
void blt__release(const struct blt__env *env, void *ptr, size_t len);

/* Microseconds since 1970, never above what seven bytes hold. */
uint64_t blt__now(const struct blt__env *env);

/* Fill with random bytes: unique, not secret. */
void blt__random(void *out, size_t len);

#endif
