/*
 * survey.h - what can be kept of a damaged store
 *
 *   A1  A live block proves itself: its hash is that of its key. A scan that
 *       has lost its step finds it again at the next block that does.
 *   A2  A step may not swallow a block that the index leads to.
 *   A3  The newest block of a key wins; what a committed batch deleted stays
 *       deleted; what was never committed is dropped.
 */
#ifndef BLT_UPKEEP_SURVEY_H
#define BLT_UPKEEP_SURVEY_H

#include "lookup/scan.h"
#include "upkeep/replay.h"

struct blt__survey {
  struct blt__buf live;        /* struct blt__found, then sorted by offset   */
  struct blt__offsets anchors; /* blocks that the index leads to, sorted    */
  uint64_t n_hidden;           /* of n_kept                                  */
  uint64_t n_kept, n_dropped;  /* dropped: the sum of the next four          */
  uint64_t n_superseded, n_deleted, n_uncommitted, n_lost;
  int has_gap;         /* the log goes on behind a damaged part       */
  uint64_t n_astray;   /* chains that lead to where no block can be  */
  uint64_t lost_len;   /* bytes that were passed over byte by byte   */
  uint64_t first_lost; /* where the first such run began                     */
  uint64_t last_lost;  /* where the last such run ended              */
};

/*
 * Find what can be kept. `replay` may be NULL; the file stays as it is. With
 * `strict` a dead block has to prove itself like a live one, or to be ours:
 * without an index to correct it a step over chance bytes would lose blocks.
 * The callback of `options` (may be NULL) is told how far the search is.
 */
blt_status blt__survey(struct blt__survey *survey, struct blt__image *image,
                       const struct blt__env *env,
                       const struct blt__replay *replay, int strict,
                       const blt_options *options);
void blt__survey_release(struct blt__survey *survey,
                         const struct blt__env *env);

/* The blocks that are kept, one after the other; BLT_END behind the last. */
blt_status blt__survey_at(const struct blt__survey *survey,
                          struct blt__image *image, size_t i,
                          struct blt__scanned *out);

#endif
