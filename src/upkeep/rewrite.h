/*
 * rewrite.h - a new copy of the live blocks with a new index: reindex, prune,
 * clear and repair are this one routine
 *
 *   1 copy     | old ...................... | cover | blocks | index |
 *   2 switch   | dead ............................. | blocks | index |
 *   3 slide    | blocks | index | cover (dead) ..................... |
 *   4 cut      | blocks | index |
 *
 *   R1  Up to the switch the old store is whole, after it the new one: the
 *       header changes in one write of one sector, when all it leads to is
 *       on disk.
 *   R2  Nothing that the file still needs is written over.
 *   R3  A copy that finds no space leaves the store as it was.
 */
#ifndef BLT_UPKEEP_REWRITE_H
#define BLT_UPKEEP_REWRITE_H

#include "change/log.h"
#include "lookup/scan.h"

/* Gives the blocks to copy, one by one, in the order of the file; twice. */
struct blt__source {
  void (*rewind)(struct blt__source *source);
  /* BLT_OK, BLT_END or a failure. */
  blt_status (*next)(struct blt__source *source, struct blt__scanned *out);
};

/* All live blocks that `keep` (NULL: any) wants. */
struct blt__live_source {
  struct blt__source source;
  struct blt__image *image;
  struct blt__scan scan;
  uint64_t limit; /* what is appended meanwhile is not looked at        */
  int (*keep)(void *ctx, const struct blt__scanned *block);
  void *keep_ctx;
  uint64_t n_dead;    /* user's dead blocks that were passed over           */
  uint64_t n_dropped; /* live ones that keep did not want                   */
};
void blt__live_source_init(struct blt__live_source *live,
                           struct blt__image *image,
                           int (*keep)(void *, const struct blt__scanned *),
                           void *keep_ctx);

struct blt__rewrite {
  uint32_t n_buckets;    /* of the new index; 0: as many as fit, by
                            blt__layout_buckets_for                     */
  int slide;             /* move to the front when it fits              */
  int drop_pages;        /* what was read need not stay in memory       */
  enum blt__state state; /* BLT__DIRTY, or BLT__REPAIR while repairing  */
  blt_progress progress;
  void *progress_ctx;
  const char *phase;
};

/* The log is flat and in session. After a failure the store is as it was, or
 * the log is poisoned. */
blt_status blt__rewrite(struct blt__log *log, struct blt__source *source,
                        const struct blt__rewrite *how);

#endif
