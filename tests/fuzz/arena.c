/*
 * arena.c - the library's memory in the world
 *
 *   | note | piece ..... | gap | note | piece ... | gap |      free
 *
 * A piece that is given back is poisoned and its place is not used again
 * before all behind it is free too, so a use after that is seen.
 */
#include "fuzz/arena.h"

#include <string.h>
#include <sys/mman.h>

#include "fuzz/poison.h"
#include "fuzz/world.h"

/* A copy's buffer of 4 MiB is not painted in full each time. */
enum { PAINTED = 64 << 10, GAP = 32, MAX_PIECES = 1 << 16 };
#define ARENA_LEN ((size_t)1 << 30)

struct piece {
  size_t off, len;
  int is_free;
};

static struct arena {
  uint8_t *base;
  size_t used, live, peak, limit;
  struct piece pieces[MAX_PIECES];
  size_t n;
  long n_live;
} arena;

static size_t painted(size_t len)
{
  return len < PAINTED ? len : PAINTED;
}

static void open_arena(void)
{
  void *const base = mmap(NULL, ARENA_LEN, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

  MUST(base != MAP_FAILED, "no address space for the arena");
  arena.base = base;
}

static void *take(void *ctx, size_t len)
{
  const size_t room = (len + 15) & ~(size_t)15;

  (void)ctx;
  if (arena.base == NULL)
    open_arena();
  if (len > arena.limit - arena.live || room + GAP > ARENA_LEN - arena.used ||
      arena.n == MAX_PIECES)
    return NULL;
  uint8_t *const made = arena.base + arena.used;
  arena.pieces[arena.n++] = (struct piece){arena.used, len, 0};
  unpoison(made, len);
  if (len <= PAINTED)
    memset(made, 0xa5, len); /* nobody may count on zeros                    */
  poison(made + room, GAP);
  if (room > len)
    poison(made + len, room - len);
  arena.used += room + GAP;
  arena.live += len;
  arena.n_live++;
  if (arena.live > arena.peak)
    arena.peak = arena.live;
  return made;
}

static struct piece *piece_of(const void *ptr)
{
  const size_t off = (size_t)((const uint8_t *)ptr - arena.base);

  for (size_t i = arena.n; i > 0; i--)
    if (arena.pieces[i - 1].off == off)
      return &arena.pieces[i - 1];
  FAIL("memory is given back that was not taken");
}

static void give(void *ctx, void *ptr, size_t len)
{
  struct piece *const piece = piece_of(ptr);

  (void)ctx;
  MUST(!piece->is_free, "memory is given back twice");
  MUST(piece->len == len, "%zu bytes are given back as %zu", piece->len, len);
  piece->is_free = 1;
  poison(ptr, painted(len));
  arena.live -= len;
  arena.n_live--;
  while (arena.n > 0 && arena.pieces[arena.n - 1].is_free)
    arena.used = arena.pieces[--arena.n].off;
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

const blt_allocator arena_allocator = {take, change, give, NULL};

void arena_reset(size_t limit)
{
  for (size_t i = 0; i < arena.n; i++)
    unpoison(arena.base + arena.pieces[i].off, painted(arena.pieces[i].len));
  arena.used = arena.n = 0;
  arena.live = arena.peak = 0;
  arena.n_live = 0;
  arena.limit = limit;
}

long arena_n_live(void)
{
  return arena.n_live;
}

size_t arena_peak(void)
{
  return arena.peak;
}
