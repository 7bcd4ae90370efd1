/*
 * stats.h - what the file is made of, in one pass
 */
#ifndef BLT_UPKEEP_STATS_H
#define BLT_UPKEEP_STATS_H

#include "lookup/image.h"

blt_status blt__stats_gather(struct blt__image *image, blt_stats *out);

#endif
