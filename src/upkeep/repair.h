/*
 * repair.h - a store rebuilt from its blocks
 *
 *   A1  A live block proves itself: its hash is that of its key. A scan that
 *       has lost its step finds it again at the next block that does.
 *   A2  A step may not swallow a block that the index leads to.
 *   A3  The newest block of a key wins; what a committed batch deleted stays
 *       deleted; what was never committed is dropped.
 */
#ifndef BLT_UPKEEP_REPAIR_H
#define BLT_UPKEEP_REPAIR_H

#include "change/log.h"
#include "upkeep/replay.h"

struct blt__survey {
  struct blt__buf live;        /* struct blt__found, then sorted by offset   */
  struct blt__offsets anchors; /* blocks that the index leads to, sorted    */
  uint64_t n_kept, n_dropped;
  uint64_t n_astray;  /* chains that lead to where no block can be  */
  uint64_t lost_len;  /* bytes that were passed over byte by byte   */
  uint64_t last_lost; /* where the last such run ended              */
};

/* Find what can be kept. `replay` may be NULL; the file stays as it is. */
blt_status blt__survey(struct blt__survey *survey, struct blt__image *image,
                       const struct blt__env *env,
                       const struct blt__replay *replay);
void blt__survey_release(struct blt__survey *survey,
                         const struct blt__env *env);

/* Rewrite the store with what the survey found. The log is not in session;
 * `checkpoint` (may be NULL) is what the header has. Ends in a session. */
blt_status blt__repair(struct blt__log *log, struct blt__survey *survey,
                       const struct blt__checkpoint *checkpoint,
                       const blt_options *options);

#endif
