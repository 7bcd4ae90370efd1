/*
 * checkpoint.h - links of durable commits go back into the file
 */
#ifndef BLT_CHANGE_CHECKPOINT_H
#define BLT_CHANGE_CHECKPOINT_H

#include "change/log.h"

/* All commits are durable. Write the links that wait, and the tombs of the
 * group before; tell the header where recovery may begin (not synced). */
blt_status blt__checkpoint(struct blt__log *log);

/* Everything, in as many steps with a sync between as it takes. */
blt_status blt__checkpoint_all(struct blt__log *log);

/* A link and where it goes. */
struct blt__change {
  uint64_t off, link;
};

/* Write the links: sorted, neighbours in one write with the bytes between
 * them. `changes` is sorted in place. Where a sync follows the disk is asked to
 * begin with each long write while the next one is made. */
blt_status blt__write_links(struct blt__image *image,
                            const struct blt__env *env,
                            struct blt__change *changes, size_t n,
                            int sync_follows);

#endif
