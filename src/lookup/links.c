/*
 * links.c - the table of changed links
 */
#include "lookup/links.h"

#include <string.h>

#include "os/memory.h"

/* A table emptied of n entries keeps at most this many places for each, so that
 * going through it costs what its next use is likely to need. */
enum { FIRST_PLACES = 64, KEPT_PLACES_PER_ENTRY = 16 };

void blt__links_init(struct blt__links *links, const struct blt__env *env)
{
  *links = (struct blt__links){.env = env};
}

void blt__links_release(struct blt__links *links)
{
  if (links->entries != NULL)
    blt__release(links->env, links->entries,
                 (links->mask + 1) * sizeof *links->entries);
  *links = (struct blt__links){.env = links->env};
}

static void put_again(struct blt__links *links,
                      const struct blt__link_entry *entry)
{
  size_t i = blt__links_place(links, entry->off);

  while (links->entries[i].off != 0)
    i = (i + 1) & links->mask;
  links->entries[i] = *entry;
}

static int resize(struct blt__links *links, size_t n_places)
{
  size_t len = n_places * sizeof *links->entries;
  struct blt__links bigger = *links;

  bigger.entries = blt__alloc(links->env, len);
  if (bigger.entries == NULL)
    return -1;
  blt__memory_bring(bigger.entries, len);
  memset(bigger.entries, 0, len);
  bigger.mask = n_places - 1;
  if (links->entries != NULL)
    for (size_t i = 0; i <= links->mask; i++)
      if (links->entries[i].off != 0)
        put_again(&bigger, &links->entries[i]);
  size_t n = links->n;
  blt__links_release(links);
  *links = bigger;
  links->n = n;
  return 0;
}

int blt__links_reserve(struct blt__links *links, size_t more)
{
  size_t n_places = links->entries == NULL ? FIRST_PLACES : links->mask + 1;

  if (more > SIZE_MAX / 64 - links->n)
    return -1;
  while ((links->n + more) * 2 > n_places)
    n_places *= 2;
  if (links->entries != NULL && n_places == links->mask + 1)
    return 0;
  return resize(links, n_places);
}

void blt__links_clear(struct blt__links *links)
{
  if (links->entries == NULL)
    return;
  if (links->mask + 1 > FIRST_PLACES + KEPT_PLACES_PER_ENTRY * links->n) {
    blt__links_release(links);
    return;
  }
  memset(links->entries, 0, (links->mask + 1) * sizeof *links->entries);
  links->n = 0;
}

struct blt__link_entry *blt__links_make(struct blt__links *links, uint64_t off,
                                        int *out_is_new)
{
  size_t i = blt__links_place(links, off);

  *out_is_new = 0;
  for (; links->entries[i].off != 0; i = (i + 1) & links->mask)
    if (links->entries[i].off == off)
      return &links->entries[i];
  links->entries[i] = (struct blt__link_entry){.off = off};
  links->n++;
  *out_is_new = 1;
  return &links->entries[i];
}

/* Entries behind the hole that could stand nearer to their place move up. */
void blt__links_remove(struct blt__links *links, struct blt__link_entry *entry)
{
  size_t hole = (size_t)(entry - links->entries);
  size_t i = hole;

  for (;;) {
    i = (i + 1) & links->mask;
    if (links->entries[i].off == 0)
      break;
    size_t home = blt__links_place(links, links->entries[i].off);
    if (((i - home) & links->mask) >= ((i - hole) & links->mask)) {
      links->entries[hole] = links->entries[i];
      hole = i;
    }
  }
  links->entries[hole].off = 0;
  links->n--;
}
