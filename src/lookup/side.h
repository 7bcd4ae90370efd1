/*
 * side.h - the side table: from a cheap hash of a key to its block
 *
 *   key ── cheaphash ──► line ── 16 bits of the hash agree ──► block
 *
 * A walk costs a BLAKE2s, a slot and the blocks of the chain; the table costs
 * one cache line (lookup/line.h) and the block. It is memory only, built by
 * one scan (side_build.c), and given up rather than kept when it cannot be
 * right. A reader's holds short keys (lookup/shortkey.h) as well: whether there
 * is one is known without its block.
 *
 *   H1  It answers what a walk of the chain would answer, its plain twin. It is
 *       built only if each key is in its own chain, with its hash, once; and
 *       each commit changes it.
 *   H2  A place proves nothing: the key's bytes decide, in the block or in the
 *       table.
 *
 * While it is built others may look keys up by their chains. Changes are made
 * by a writer that is alone.
 */
#ifndef BLT_LOOKUP_SIDE_H
#define BLT_LOOKUP_SIDE_H

#include <stdatomic.h>

#include "base/ask.h"
#include "base/offsets.h"
#include "base/same.h"
#include "hash/cheaphash.h"
#include "lookup/chain.h"
#include "lookup/line.h"
#include "lookup/shortkey.h"

enum blt__side_state {
  BLT__SIDE_NONE,
  BLT__SIDE_BUILDING,
  BLT__SIDE_READY,
  BLT__SIDE_REFUSED /* does not fit, or a chain cannot be walked            */
};

struct blt__side {
  const struct blt__env *env; /* borrowed                                  */
  uint64_t seed;
  size_t max_len;    /* bytes that the table may take                     */
  int grows;         /* keys will be added: short ones are not held       */
  _Atomic int state; /* enum blt__side_state                              */
  struct blt__line *lines; /* n_lines of them, in `memory`, which is owned */
  uint64_t n_lines;
  void *memory;
  size_t memory_len;
  struct blt__shortkey *keys; /* of each place, in `keys_memory`, which is
                                 owned; NULL: none is held */
  void *keys_memory;
  size_t keys_len;
  uint64_t n_used;  /* places, also of keys that are gone: some are empty    */
  int was_scanned;  /* built by a scan, not by the chains                    */
  unsigned ask_len; /* bytes of a block that a reader is likely to want     */
  _Atomic uint64_t lost; /* by lookups without the table; roughly           */
  _Atomic uint64_t n_waits; /* of the process, when they were last counted   */
};

void blt__side_init(struct blt__side *side, const struct blt__env *env,
                    size_t max_len, int grows);
void blt__side_release(struct blt__side *side);

/* NULL, where there is to be none, is never ready. */
static inline int blt__side_is_ready(const struct blt__side *side)
{
  return side != NULL &&
         atomic_load_explicit(&side->state, memory_order_acquire) ==
             BLT__SIDE_READY;
}

/* What a lookup by chain costs more than one by table, alone and among many
 * whose hashes and misses overlap. Building costs BLT__SIDE_BUILD for a key. */
enum { BLT__SIDE_ALONE = 16, BLT__SIDE_AMONG_MANY = 1, BLT__SIDE_BUILD = 2 };

/* Where each page has blocks: all of the file may as well be read. */
static inline int blt__side_is_dense(const struct blt__image *image,
                                     uint64_t n_keys)
{
  return image->view.size / (n_keys + 1) < 32 << 10;
}

/* So much more was paid, and pages that were waited for; 1 when building would
 * have cost less by now. */
int blt__side_pays(struct blt__side *side, const struct blt__image *image,
                   uint64_t cost, uint64_t n_keys);

/* What it is built of. */
struct blt__side_source {
  struct blt__image *image;
  uint64_t n_keys; /* roughly                                               */
  /* A writer's: blocks that died, though the image still shows them as live,
   * to those who do not come by a chain. Or NULL. */
  const struct blt__offsets *dead[2];
  int by_chains; /* not by a scan                                           */
};

/* Would blt__side_build do anything? */
static inline int blt__side_is_open(const struct blt__side *side)
{
  return atomic_load_explicit(&side->state, memory_order_relaxed) ==
         BLT__SIDE_NONE;
}

/* Build it, unless somebody does or it was refused. A failure is no failure of
 * the caller's: lookups go on by chains. */
void blt__side_build(struct blt__side *side,
                     const struct blt__side_source *source);

/* Back to the state of init: blocks have moved. NULL is fine. */
void blt__side_drop(struct blt__side *side);

/* The line where a key's place is, or the search for it begins. */
static inline uint64_t blt__side_line(const struct blt__side *side,
                                      uint64_t cheap)
{
  return (uint64_t)(uint32_t)cheap * side->n_lines >> 32;
}

/* A search goes on in the next line, behind the last one in the first. */
static inline uint64_t blt__side_next(const struct blt__side *side,
                                      uint64_t number)
{
  return number + 1 == side->n_lines ? 0 : number + 1;
}

/* Blocks are asked for as a whole: waiting for the head first and for the value
 * then would be two misses in a row. */
static inline void blt__side_ask_value(const struct blt__side *side,
                                       const struct blt__image *image,
                                       uint64_t off)
{
  for (unsigned at = 64; at < side->ask_len; at += 64)
    blt__ask(image->view.base + off + at);
}

/* As blt__chain_find. Only when ready. With wants_value the block's other bytes
 * are asked for too. */
static inline blt_status blt__side_find(const struct blt__side *side,
                                        struct blt__image *image,
                                        uint64_t cheap, const void *key,
                                        size_t key_len, int wants_value,
                                        struct blt__hit *out)
{
  const uint32_t tag = blt__line_tag(cheap);

  for (uint64_t number = blt__side_line(side, cheap);;
       number = blt__side_next(side, number)) {
    const struct blt__line *line = &side->lines[number];
    for (uint32_t match = blt__line_match(line, tag); match != 0;
         match = blt__line_rest(match)) {
      uint64_t off = blt__line_off(line, blt__line_first(match));
      if (wants_value)
        blt__side_ask_value(side, image, off);
      blt_status status =
          blt__image_block_inline(image, off, &out->block, &out->head);
      if (status != BLT_OK)
        return status;
      if (out->block.key_len == key_len &&
          blt__same(out->head + image->geo.key_off, key, key_len)) /* H2 */
        return BLT_OK;
    }
    if (!blt__line_is_full(line))
      return BLT_NOT_FOUND;
  }
}

/* The block that a search meets first: the key's, but for one in thousands. 0:
 * there is none. */
static inline uint64_t blt__side_first(const struct blt__side *side,
                                       uint64_t cheap)
{
  const uint32_t tag = blt__line_tag(cheap);

  for (uint64_t number = blt__side_line(side, cheap);;
       number = blt__side_next(side, number)) {
    const struct blt__line *line = &side->lines[number];
    const uint32_t match = blt__line_match(line, tag);
    if (match != 0)
      return blt__line_off(line, blt__line_first(match));
    if (!blt__line_is_full(line))
      return 0;
  }
}

/* Is the block at `off` the key's, and is all of it there? That it is a block
 * was judged when the table was built: only its lengths are judged again. */
static inline int blt__side_is_at(const struct blt__image *image, uint64_t off,
                                  const void *key, size_t key_len,
                                  const uint8_t **out, size_t *out_len)
{
  const struct blt__geometry *geo = &image->geo;
  const uint8_t *head = image->view.base + off;

  if (blt__get2(head + BLT__KEYLEN_OFF) != key_len)
    return 0;
  const uint64_t value_len =
      geo->fixed ? geo->value_len : blt__get4(head + BLT__VALUELEN_OFF);
  const uint8_t *its_key = head + geo->key_off;
  if (image->view.size - off < geo->key_off + key_len + value_len ||
      !blt__same(its_key, key, key_len)) /* H2 */
    return 0;
  *out = its_key + key_len;
  *out_len = (size_t)value_len;
  return 1;
}

/*
 * As blt__side_find, through a mapping, in half as many instructions: the
 * processor then has the next lookup's misses under way beside this one's. 1:
 * there, with where its value is; 0: not there; -1: ask blt__side_find, which
 * knows what is wrong or goes on to the next block.
 */
static inline int blt__side_find_quickly(const struct blt__side *side,
                                         const struct blt__image *image,
                                         uint64_t cheap, const void *key,
                                         size_t key_len, int wants_value,
                                         const uint8_t **out, size_t *out_len)
{
  const uint64_t off = blt__side_first(side, cheap);

  if (off == 0)
    return 0;
  if (wants_value)
    blt__side_ask_value(side, image, off);
  return blt__side_is_at(image, off, key, key_len, out, out_len) ? 1 : -1;
}

/* Can blt__side_has say whether this key is there? */
static inline int blt__side_can_tell(const struct blt__side *side,
                                     size_t key_len)
{
  return side->keys != NULL && key_len <= BLT__SHORTKEY_MAX;
}

static inline void blt__side_ask_keys(const struct blt__side *side,
                                      uint64_t cheap)
{
  enum { IN_A_LINE = 64 / sizeof(struct blt__shortkey) };
  const struct blt__shortkey *keys =
      side->keys + blt__side_line(side, cheap) * BLT__LINE_PLACES;

  for (unsigned i = 0; i < BLT__LINE_PLACES; i += IN_A_LINE)
    blt__ask(keys + i);
}

/* Whether blt__side_find would find the key, where that can be told. */
static inline int blt__side_has(const struct blt__side *side, uint64_t cheap,
                                const void *key, size_t key_len)
{
  const uint32_t tag = blt__line_tag(cheap);
  const struct blt__shortkey wanted = blt__shortkey_of(key, key_len);

  for (uint64_t number = blt__side_line(side, cheap);;
       number = blt__side_next(side, number)) {
    const struct blt__line *line = &side->lines[number];
    const struct blt__shortkey *keys = side->keys + number * BLT__LINE_PLACES;
    for (uint32_t match = blt__line_match(line, tag); match != 0;
         match = blt__line_rest(match))
      if (blt__shortkey_same(keys[blt__line_first(match)], wanted)) /* H2 */
        return 1;
    if (!blt__line_is_full(line))
      return 0;
  }
}

/* Ask for the line, or for the block that a search meets first: where that is,
 * or 0. */
static inline void blt__side_ask_line(const struct blt__side *side,
                                      uint64_t cheap)
{
  blt__ask(&side->lines[blt__side_line(side, cheap)]);
}

static inline uint64_t blt__side_ask_block(const struct blt__side *side,
                                           const struct blt__image *image,
                                           uint64_t cheap, int wants_value)
{
  const uint64_t off = blt__side_first(side, cheap);

  if (off == 0)
    return 0;
  blt__ask(image->view.base + off);
  if (wants_value)
    blt__side_ask_value(side, image, off);
  /* The last line, where all that is wanted may end. */
  blt__ask(image->view.base + off +
           (wants_value ? side->ask_len : (unsigned)BLT__HEAD_MAX));
  return off;
}

/* For those who fill and change it: the place that the key gets; whether
 * searches would get long with so many places used; and all memory given back.
 */
static inline uint64_t blt__side_add(struct blt__side *side, uint64_t cheap,
                                     uint64_t off)
{
  uint64_t number = blt__side_line(side, cheap);

  for (;; number = blt__side_next(side, number)) {
    struct blt__line *line = &side->lines[number];
    uint32_t gone = blt__line_match(line, BLT__LINE_GONE);
    uint32_t free = gone | blt__line_match(line, BLT__LINE_EMPTY);
    if (free == 0)
      continue;
    unsigned place = blt__line_first(gone != 0 ? gone : free);
    side->n_used += line->tags[place] == BLT__LINE_EMPTY;
    blt__line_set(line, place, blt__line_tag(cheap), off);
    return number * BLT__LINE_PLACES + place;
  }
}

int blt__side_is_crowded(uint64_t n_lines, uint64_t n_used);
void blt__side_release_lines(struct blt__side *side);

/* A commit moved the key's block: 0 as `from` is a new key, as `to` one that
 * is gone. Does nothing unless ready; may give the table up. */
void blt__side_move(struct blt__side *side, uint64_t cheap, uint64_t from,
                    uint64_t to);

#endif
