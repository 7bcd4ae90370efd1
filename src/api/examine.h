/*
 * examine.h - what a damaged store holds
 */
#ifndef BLT_API_EXAMINE_H
#define BLT_API_EXAMINE_H

#include "api/db.h"
#include "upkeep/survey.h"

/* What is known of the file that is repaired. */
struct blt__patient {
  blt_db *db; /* opened raw: neither recovered nor judged                    */
  struct blt__checkpoint checkpoint;
  struct blt__replay replay;
  struct blt__survey survey;
  int has_checkpoint, has_replay, has_survey;
  int guessed;     /* the header was of no use; db->header is a new one      */
  int has_mended;  /* db->header has another flag of timestamps, or layout   */
  uint64_t wanted; /* keys that there should be; UINT64_MAX: not known      */
};

/* Fills all but db, which is given; its image then has the framing and the
 * layout that the survey was made with. The file stays as it is. */
blt_status blt__examine(struct blt__patient *p);

/* Also after an examination that failed. */
void blt__patient_release(struct blt__patient *p);

#endif
