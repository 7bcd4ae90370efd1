/*
 * verify.h - everything is read and judged
 */
#ifndef BLT_UPKEEP_VERIFY_H
#define BLT_UPKEEP_VERIFY_H

#include "base/buf.h"
#include "lookup/image.h"

struct blt__verify {
  struct blt__image *image;
  const struct blt__env *env;
  const uint8_t *header; /* 200 bytes, as in the file                    */
  int is_unclean;        /* the last writer did not close the file     */
  uint64_t n_keys;       /* what the store says                        */
  const blt_verify_options *options; /* never NULL                          */
  blt_progress progress;
  void *progress_ctx;
  blt_verify_report report; /* result                                     */
};

/* BLT_OK when sound, BLT_E_CORRUPT when not; other failures as they come. */
blt_status blt__verify_image(struct blt__verify *verify);

#endif
