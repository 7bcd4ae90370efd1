/* compress.h - a stream that packs what is written to it */
#ifndef BLT_TOOLS_COMPRESS_H
#define BLT_TOOLS_COMPRESS_H

#include <stdio.h>

/* What is written goes to `below` as one zstd frame, which fclose completes
 * and which leaves `below` open. NULL when there is no memory or the level is
 * none of zstd's. */
FILE *compress_open(FILE *below, int level);

/* Whether zstd has such a level. */
int compress_has_level(int level);

#endif
