/*
 * env.c - memory, time and chance from the system
 */
#include "base/env.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

static void *system_alloc(void *ctx, size_t len)
{
  (void)ctx;
  return malloc(len);
}

static void *system_resize(void *ctx, void *old, size_t old_len, size_t len)
{
  (void)ctx;
  (void)old_len;
  return realloc(old, len);
}

static void system_release(void *ctx, void *ptr, size_t len)
{
  (void)ctx;
  (void)len;
  free(ptr);
}

static uint64_t system_clock(void *ctx)
{
  struct timespec now;

  (void)ctx;
  if (clock_gettime(CLOCK_REALTIME, &now) != 0 || now.tv_sec < 0)
    return 0;
  return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

void blt__env_init(struct blt__env *env, const blt_options *options)
{
  if (options->allocator != NULL)
    env->mem = *options->allocator;
  else
    env->mem =
        (blt_allocator){system_alloc, system_resize, system_release, NULL};
  env->clock = options->clock != NULL ? options->clock : system_clock;
  env->clock_ctx = options->clock_ctx;
}

void *blt__alloc(const struct blt__env *env, size_t len)
{
  return env->mem.alloc(env->mem.ctx, len != 0 ? len : 1);
}

void *blt__resize(const struct blt__env *env, void *old, size_t old_len,
                  size_t len)
{
  if (old == NULL)
    return blt__alloc(env, len);
  return env->mem.resize(env->mem.ctx, old, old_len != 0 ? old_len : 1,
                         len != 0 ? len : 1);
}

void blt__release(const struct blt__env *env, void *ptr, size_t len)
{
  if (ptr != NULL)
    env->mem.release(env->mem.ctx, ptr, len != 0 ? len : 1);
}

uint64_t blt__now(const struct blt__env *env)
{
  return env->clock(env->clock_ctx) & (((uint64_t)1 << 56) - 1);
}

void blt__random(void *out, size_t len)
{
  uint8_t *bytes = out;

  if (getrandom(out, len, GRND_NONBLOCK) == (ssize_t)len)
    return;
  /* Too early in the boot for the pool: time and address must do. */
  uint64_t state = system_clock(NULL) ^ (uint64_t)(uintptr_t)&state;
  for (size_t i = 0; i < len; i++) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    bytes[i] = (uint8_t)(state >> 56);
  }
}
