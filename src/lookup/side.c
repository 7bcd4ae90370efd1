/*
 * side.c - the side table
 *
 * Open addressing by lines of eight places. Nearly all searches end in the line
 * where they began.
 */
#include "lookup/side.h"

#include "os/memory.h"

/* The most keys in ten lines. */
enum { MOST_IN_TEN = 65 };

void blt__side_init(struct blt__side *side, const struct blt__env *env,
                    size_t max_len, int grows)
{
  *side = (struct blt__side){.env = env, .max_len = max_len, .grows = grows};
  blt__random(&side->seed, sizeof side->seed);
  atomic_store(&side->n_waits, blt__memory_waits());
}

void blt__side_release_lines(struct blt__side *side)
{
  blt__release(side->env, side->memory, side->memory_len);
  side->memory = NULL;
  side->lines = NULL;
  side->n_lines = side->memory_len = side->n_used = 0;
  blt__release(side->env, side->keys_memory, side->keys_len);
  side->keys_memory = NULL;
  side->keys = NULL;
  side->keys_len = 0;
}

void blt__side_release(struct blt__side *side)
{
  if (side->env != NULL)
    blt__side_release_lines(side);
  atomic_store(&side->state, BLT__SIDE_NONE);
}

void blt__side_drop(struct blt__side *side)
{
  if (side == NULL)
    return;
  blt__side_release(side);
  atomic_store(&side->lost, 0);
}

/* ---- changing */

int blt__side_is_crowded(uint64_t n_lines, uint64_t n_used)
{
  return n_used > n_lines * MOST_IN_TEN / 10;
}

/* The line and place of a key's block; NULL: there is none. */
static struct blt__line *find_place(const struct blt__side *side,
                                    uint64_t cheap, uint64_t off, unsigned *out)
{
  uint64_t number = blt__side_line(side, cheap);

  for (;; number = blt__side_next(side, number)) {
    struct blt__line *line = &side->lines[number];
    for (uint32_t match = blt__line_match(line, blt__line_tag(cheap));
         match != 0; match = blt__line_rest(match)) {
      *out = blt__line_first(match);
      if (blt__line_off(line, *out) == off)
        return line;
    }
    if (!blt__line_is_full(line))
      return NULL;
  }
}

void blt__side_move(struct blt__side *side, uint64_t cheap, uint64_t from,
                    uint64_t to)
{
  unsigned place = 0;

  if (!blt__side_is_ready(side))
    return;
  if (from == 0) {
    if (blt__side_is_crowded(side->n_lines, side->n_used + 1))
      blt__side_drop(side);
    else
      (void)blt__side_add(side, cheap, to);
    return;
  }
  struct blt__line *line = find_place(side, cheap, from, &place);
  if (line == NULL) {
    blt__side_drop(side); /* never so, but wrong answers are worse          */
  } else if (to != 0) {
    blt__line_set(line, place, blt__line_tag(cheap), to);
  } else {
    blt__line_set(line, place, BLT__LINE_GONE, 0);
  }
}
