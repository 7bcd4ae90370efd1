/*
 * stats.h - what the file is made of, in one pass
 */
#ifndef BLT_UPKEEP_STATS_H
#define BLT_UPKEEP_STATS_H

#include "lookup/image.h"

blt_status blt__stats_gather(struct blt__image *image, blt_stats *out);

/* From the chains of some buckets; n_keys is how many keys there are. */
blt_status blt__stats_sample(struct blt__image *image, uint32_t n_buckets,
                             uint64_t n_keys, blt_stats *out);

#endif
