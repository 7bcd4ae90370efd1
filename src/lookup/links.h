/*
 * links.h - the table of changed links: what is changed but not yet in the file
 *
 * An open-addressing hash table from an offset to a link. Readers look a link
 * up here before they believe the file. The marks are the writer's.
 */
#ifndef BLT_LOOKUP_LINKS_H
#define BLT_LOOKUP_LINKS_H

#include <stddef.h>
#include <stdint.h>

#include "base/ask.h"
#include "base/env.h"

enum blt__link_mark {
  BLT__MARK_TOUCHED = 1, /* changed by the batch that is being built        */
  BLT__MARK_HEAD = 2,    /* a slot that got an insert in this batch         */
  BLT__MARK_DROPPED = 4  /* its block died: never to be written             */
};

struct blt__link_entry {
  uint64_t off; /* 0: an empty place (no link stands at 0)        */
  uint64_t link : 48;
  uint64_t marks : 16;
};

struct blt__links {
  const struct blt__env *env;      /* borrowed                              */
  struct blt__link_entry *entries; /* owned                                 */
  size_t n, mask;                  /* mask + 1 places, or none              */
};

void blt__links_init(struct blt__links *links, const struct blt__env *env);
void blt__links_release(struct blt__links *links);

/* Room for `more` further entries without failing; 0, or -1. */
int blt__links_reserve(struct blt__links *links, size_t more);

/* Forget all entries; memory beyond a modest size is given back. */
void blt__links_clear(struct blt__links *links);

static inline size_t blt__links_place(const struct blt__links *links,
                                      uint64_t off)
{
  return (size_t)((off * UINT64_C(0x9e3779b97f4a7c15)) >> 20) & links->mask;
}

/* Ask for the place where a search for the entry begins. */
static inline void blt__links_ask(const struct blt__links *links, uint64_t off)
{
  if (links->n != 0)
    blt__ask(&links->entries[blt__links_place(links, off)]);
}

/* The entry, or NULL. Good until the next call that adds. */
static inline struct blt__link_entry *
blt__links_find(const struct blt__links *links, uint64_t off)
{
  if (links->n == 0)
    return NULL;
  for (size_t i = blt__links_place(links, off);; i = (i + 1) & links->mask) {
    if (links->entries[i].off == off)
      return &links->entries[i];
    if (links->entries[i].off == 0)
      return NULL;
  }
}

/* Find or make the entry; *out_is_new tells. Never fails after reserve. */
struct blt__link_entry *blt__links_make(struct blt__links *links, uint64_t off,
                                        int *out_is_new);

/* Remove an entry that is there. */
void blt__links_remove(struct blt__links *links, struct blt__link_entry *entry);

#endif
