/* idle.h - the calls on a file that a file in memory has nothing to do for */
#ifndef BLT_TESTS_SUPPORT_IDLE_H
#define BLT_TESTS_SUPPORT_IDLE_H

#include "os/file.h"

/* Nobody else has the file. */
int idle_lock(struct blt__file *file, int exclusive, int wait);
int idle_unlock(struct blt__file *file);
/* The memory stays where it is, and needs no advice. */
void idle_unmap(struct blt__file *file, void *base, size_t len);
void idle_advise(struct blt__file *file, void *base, size_t len,
                 enum blt__hint hint);

#endif
