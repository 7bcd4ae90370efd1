/*
 * arena.h - memory for a handle that lives for microseconds
 *
 * Taking is moving a mark; all is given back at once. Not used under a
 * sanitizer, which wants to see each allocation.
 */
#ifndef CRASH_ARENA_H
#define CRASH_ARENA_H

#include "blt.h"

/* NULL under a sanitizer: malloc then. */
const blt_allocator *arena_allocator(void);

/* Everything is free again; 0, or how many pieces were not given back. */
long arena_reset(void);

#endif
