/*
 * side.h - the side table: from a cheap hash of a key to its block
 *
 *   key ── cheaphash ──► place ── 16 bits of the hash agree ──► block
 *
 * A walk costs a BLAKE2s, a slot and the blocks of the chain; the table costs
 * one place of 8 bytes and the block. It is memory only, built by walking all
 * chains once, and given up rather than kept when it cannot be right.
 *
 *   H1  It answers what a walk of the chain would answer, its plain twin. It is
 *       built only if every chain can be walked and each key is in its own,
 *       with its hash, once; and each commit changes it.
 *   H2  A place proves nothing: the key's bytes in the block decide.
 *
 * While it is built others may look keys up by their chains. Changes are made
 * by a writer that is alone.
 */
#ifndef BLT_LOOKUP_SIDE_H
#define BLT_LOOKUP_SIDE_H

#include <stdatomic.h>

#include "hash/cheaphash.h"
#include "lookup/chain.h"

enum blt__side_state {
  BLT__SIDE_NONE,
  BLT__SIDE_BUILDING,
  BLT__SIDE_READY,
  BLT__SIDE_REFUSED /* does not fit, or a chain cannot be walked            */
};

struct blt__side {
  const struct blt__env *env; /* borrowed                                  */
  uint64_t seed;
  size_t max_len;      /* bytes that the table may take                     */
  _Atomic int state;   /* enum blt__side_state                              */
  uint64_t *places;    /* owned: tag 16 bits, block offset 48; 0 is empty   */
  size_t mask, n_used; /* used: also by keys that are gone                  */
  _Atomic uint64_t n_lookups; /* made without the table; roughly            */
};

void blt__side_init(struct blt__side *side, const struct blt__env *env,
                    size_t max_len);
void blt__side_release(struct blt__side *side);

/* NULL, where there is to be none, is never ready. */
static inline int blt__side_is_ready(const struct blt__side *side)
{
  return side != NULL &&
         atomic_load_explicit(&side->state, memory_order_acquire) ==
             BLT__SIDE_READY;
}

/* Count lookups by chain; 1 when building would have paid by now. */
int blt__side_pays(struct blt__side *side, uint64_t n_lookups, uint64_t n_keys);

/* Build it, unless somebody does or it was refused. A failure is no failure of
 * the caller's: lookups go on by chains. */
void blt__side_build(struct blt__side *side, struct blt__image *image,
                     uint64_t n_keys);

/* Back to the state of init: blocks have moved. NULL is fine. */
void blt__side_drop(struct blt__side *side);

/* As blt__chain_find. Only when ready. */
blt_status blt__side_find(const struct blt__side *side,
                          struct blt__image *image, uint64_t cheap,
                          const void *key, size_t key_len,
                          struct blt__hit *out);

/* Ask for the place, or for the block that it names. */
void blt__side_ask_place(const struct blt__side *side, uint64_t cheap);
void blt__side_ask_block(const struct blt__side *side,
                         const struct blt__image *image, uint64_t cheap);

/* A commit moved the key's block: 0 as `from` is a new key, as `to` one that
 * is gone. Does nothing unless ready; may give the table up. */
void blt__side_move(struct blt__side *side, uint64_t cheap, uint64_t from,
                    uint64_t to);

#endif
