/*
 * arena.c - memory for a handle that lives for microseconds
 */
#include "crash/arena.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define ARENA_LEN ((size_t)1 << 28)

#if defined(__SANITIZE_ADDRESS__)
enum { IS_SANITIZED = 1 };
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
enum { IS_SANITIZED = 1 };
#else
enum { IS_SANITIZED = 0 };
#endif
#else
enum { IS_SANITIZED = 0 };
#endif

static struct arena {
  uint8_t *base;
  size_t used;
  long n_pieces;
} arena;

static size_t padded(size_t len)
{
  return (len + 15) & ~(size_t)15;
}

static void *take(void *ctx, size_t len)
{
  struct arena *const a = ctx;

  if (a->base == NULL) {
    void *const base = mmap(NULL, ARENA_LEN, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED)
      return NULL;
    a->base = base;
  }
  if (padded(len) > ARENA_LEN - a->used)
    return NULL;
  uint8_t *const made = a->base + a->used;
  a->used += padded(len);
  a->n_pieces++;
  return made;
}

static void give(void *ctx, void *ptr, size_t len)
{
  struct arena *const a = ctx;

  if ((uint8_t *)ptr + padded(len) == a->base + a->used)
    a->used -= padded(len);
  a->n_pieces--;
}

static void *change(void *ctx, void *old, size_t old_len, size_t len)
{
  void *const made = take(ctx, len);

  if (made == NULL)
    return NULL;
  memcpy(made, old, old_len < len ? old_len : len);
  give(ctx, old, old_len);
  return made;
}

const blt_allocator *arena_allocator(void)
{
  static const blt_allocator allocator = {take, change, give, &arena};

  return IS_SANITIZED ? NULL : &allocator;
}

long arena_reset(void)
{
  const long n_left = arena.n_pieces;

  arena.used = 0;
  arena.n_pieces = 0;
  return n_left;
}
