/*
 * recover.h - bringing a file that was not closed well into order
 */
#ifndef BLT_UPKEEP_RECOVER_H
#define BLT_UPKEEP_RECOVER_H

#include "change/log.h"
#include "format/header.h"

/* What opening has found so far. */
struct blt__opening {
  struct blt__image *image;
  struct blt__log *log; /* NULL when opening for reading        */
  const struct blt__env *env;
  const struct blt__sink *sink;
  const struct blt__header *header;
  const blt_options *options;
  struct blt__checkpoint checkpoint;
  int has_checkpoint;
  uint64_t n_keys;    /* result                               */
  blt_open_info info; /* result                               */
};

enum blt__condition {
  BLT__CONDITION_CLEAN,   /* as our last close left it                      */
  BLT__CONDITION_FOREIGN, /* somebody else closed it                        */
  BLT__CONDITION_CRASHED  /* our session did not end                        */
};
enum blt__condition blt__condition_of(const struct blt__opening *opening,
                                      uint64_t file_len);

/* Bring it into order, writing. Results in `opening`. */
blt_status blt__recover(struct blt__opening *opening);

/* The same for a reader that may not write: a table in memory. */
blt_status blt__recover_overlay(struct blt__opening *opening);

#endif
