/*
 * chain.h - walking a bucket's chain: the only chain walk there is
 *
 *   slot ─► block ─► block ─► 1
 *
 *   C1  Order proves nothing (a reindex links backwards), so a circle is
 *       found by comparing with an earlier block of the walk (Brent).
 *   C2  A block is the key's only if hash and key bytes are equal.
 *   C3  A dead link inside a chain is damage, not an end.
 */
#ifndef BLT_LOOKUP_CHAIN_H
#define BLT_LOOKUP_CHAIN_H

#include "lookup/image.h"

struct blt__walk {
  struct blt__image *image;
  uint64_t link_off;  /* where the link to the current block stands        */
  uint64_t block_off; /* the current block; 0 before the first             */
  uint64_t next_off;  /* where the next link stands                        */
  uint64_t next;      /* that link                                         */
  uint64_t mark;      /* C1                                                */
  uint64_t n_steps, limit;
  enum blt__fault fault; /* after BLT_E_CORRUPT                             */
  uint64_t fault_off;    /* where: the link, for one that leads astray      */
};

void blt__walk_begin(struct blt__walk *walk, struct blt__image *image,
                     uint64_t slot_off);

/* BLT_OK and the next block; BLT_END; or a failure. */
blt_status blt__walk_next(struct blt__walk *walk, struct blt__block *out,
                          const uint8_t **out_head);

struct blt__hit {
  struct blt__block block;
  const uint8_t *head; /* its bytes from head to the end of the key        */
};

/* The key's block, or BLT_NOT_FOUND. */
blt_status blt__chain_find(struct blt__image *image, const uint8_t *hash,
                           const void *key, size_t key_len,
                           struct blt__hit *out);

#endif
