/*
 * repair.h - a store rebuilt from the blocks that a survey found
 */
#ifndef BLT_UPKEEP_REPAIR_H
#define BLT_UPKEEP_REPAIR_H

#include "change/log.h"
#include "upkeep/survey.h"

/* Rewrite the store with what the survey found. The log is not in session;
 * `checkpoint` (may be NULL) is what the header has. With `slide` the result
 * moves to the front of the file; without, the old bytes stay where they are
 * as a dead front. Ends in a session. */
blt_status blt__repair(struct blt__log *log, struct blt__survey *survey,
                       const struct blt__checkpoint *checkpoint,
                       const blt_options *options, int slide);

#endif
