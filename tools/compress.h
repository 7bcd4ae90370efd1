/* compress.h - a stream that packs what is written to it */
#ifndef BLT_TOOLS_COMPRESS_H
#define BLT_TOOLS_COMPRESS_H

#include <stdio.h>

/* What is written goes to `below` as one zstd frame, which fclose completes
 * and which leaves `below` open. NULL when there is no memory or the level is
 * none of zstd's. */
FILE *compress_open(FILE *below, int level);

/* Whether it may be asked for: below and above are levels of zstd that give up
 * the size, or need much memory on both sides. */
int compress_has_level(int level);

#endif
