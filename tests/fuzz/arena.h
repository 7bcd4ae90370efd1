/* arena.h - the library's memory in the world */
#ifndef FUZZ_ARENA_H
#define FUZZ_ARENA_H

#include <blt.h>

extern const blt_allocator arena_allocator;

/* All is free; `limit` bytes may be taken at a time. */
void arena_reset(size_t limit);
long arena_n_live(void);
size_t arena_peak(void);

#endif
