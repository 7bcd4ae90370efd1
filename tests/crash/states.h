/*
 * states.h - the images that a crash may leave
 *
 *   kill    the process ends and the page cache stays: every prefix of the
 *           operations, writes also cut where a page ends
 *   power   what a sync returned for is on disk; of what came after, each
 *           sector holds any of its versions, and the size is any it had, or
 *           one that a write went through, at the end of a page
 */
#ifndef CRASH_STATES_H
#define CRASH_STATES_H

#include "crash/disk.h"
#include "support/random.h"

/* A crash; its image is the disk's state. */
struct crash {
  int power;
  size_t n_begun;   /* operations that were begun                           */
  size_t n_done;    /* kill: operations that had returned                   */
  size_t n_durable; /* operations before the last sync that returned        */
  size_t cut;       /* kill: bytes of operation n_begun - 1, 0 for all      */
};

struct explorer;
struct window;

/* What to do with a crash; non-zero ends the enumeration. */
typedef int (*visitor)(struct explorer *explorer, unsigned level,
                       const struct crash *crash);

struct states {
  const struct trace *trace;
  size_t first; /* operations before the crash that already happened        */
  struct disk *disk;
  struct image *durable; /* kept by kill_states                             */
  struct window *window; /* for power_states                                */
  struct random random;
  uint64_t n_exhaustive; /* power: product up to which all are made         */
  unsigned n_random;     /* power: beyond, so many random ones a window     */
  /* counted by power_states */
  uint64_t n_whole;  /* in windows of which all states were made            */
  uint64_t n_chosen; /* in others                                           */
  struct explorer *explorer;
  unsigned level;
  visitor visit;
};

/* What power_states works in; used again and again. */
struct window *window_make(void);
void window_release(struct window *window);

void kill_states(struct states *states);
void power_states(struct states *states);

#endif
