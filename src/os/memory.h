/*
 * memory.h - what the kernel can do for a large row of memory
 */
#ifndef BLT_OS_MEMORY_H
#define BLT_OS_MEMORY_H

#include <stddef.h>
#include <stdint.h>

/* Memory that is read at random places, before its first use: pages of 2 MiB
 * where there are such. A wish; but what the memory holds may be lost. */
void blt__memory_want_large_pages(void *memory, size_t len);

/* Memory of which all will be used now, before its first use: the kernel brings
 * its pages at once, for less than one by one as they are met. A wish. */
void blt__memory_bring(void *memory, size_t len);

/* Pages that this process has waited for so far, because they were on the disk
 * and not in memory. */
uint64_t blt__memory_waits(void);

#endif
