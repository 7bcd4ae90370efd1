/*
 * commit.h - a commit under way: shared by the files that make one
 *
 *   arrange.c   which block goes where, and under which record
 *   relink.c    which links change, and how to undo it
 *   commit.c    the bytes that are appended
 */
#ifndef BLT_CHANGE_COMMIT_H
#define BLT_CHANGE_COMMIT_H

#include "change/log.h"

/* An entry and where its block stands in the body. */
struct blt__placed {
  struct blt__entry *entry;
  uint64_t slot_off; /* of the key                                          */
  uint64_t body_off;
};

/* Consecutive placed entries that go under one record. */
struct blt__part {
  size_t first, n; /* of the order                                 */
  uint64_t body_off, body_len; /* in the whole body                         */
  uint64_t pad_len; /* dead block behind an uncovered one           */
  uint32_t n_puts, n_inserts, n_removed;
  int uncovered;
  uint64_t at;  /* where the record stands                      */
  uint64_t len; /* of the record                                */
};

/* A commit under way. */
struct blt__commit {
  struct blt__log *log;
  struct blt__pending *pending;
  const struct blt__geometry *geo;
  struct blt__placed *order;
  size_t n_placed;
  uint8_t *body; /* pending->body or log->gathered               */
  uint64_t body_len;
  struct blt__part *part; /* the one that is being linked                 */
  uint64_t blocks_off;    /* where the part's first block will stand      */
  int was_shown;          /* booklet took the file before                 */
};

/* ---- arrange.c */

/* Order the entries, copy their blocks together where they are not, and cut
 * the batch into parts (log->parts). */
blt_status blt__commit_arrange(struct blt__commit *commit, size_t *out_n_parts);

/* ---- relink.c */

/* Room in every table, so that linking cannot stop half way. */
blt_status blt__commit_reserve(struct blt__commit *commit);

/* Change the links for all entries of the current part. */
blt_status blt__commit_relink(struct blt__commit *commit);

/* Write patches and tombs of the current part into log->record; what was
 * there before the part is told by undo_from and tombs_from. The next part must
 * not take this one's marks for its own: they are gone afterwards. */
void blt__commit_write_changes(struct blt__commit *commit, size_t undo_from,
                               size_t tombs_from, struct blt__record *record);

/* Put everything back as it was. */
void blt__commit_undo(struct blt__log *log, size_t n_tombs_before);

#endif
