/*
 * ask.h - have a cache line on its way before it is needed
 *
 * gcc takes a function that only prefetches for one without effects, and leaves
 * out every call of it that it has not inlined by then. The empty assembly is
 * an effect, and no instruction.
 */
#ifndef BLT_BASE_ASK_H
#define BLT_BASE_ASK_H

#include <stddef.h>

static inline void blt__ask(const void *at)
{
  __builtin_prefetch(at);
  __asm__ volatile("");
}

/* The same for a line that will be written to. */
static inline void blt__ask_to_write(const void *at)
{
  __builtin_prefetch(at, 1);
  __asm__ volatile("");
}

#endif
