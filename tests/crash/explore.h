/*
 * explore.h - every crash of a story is opened and judged
 */
#ifndef CRASH_EXPLORE_H
#define CRASH_EXPLORE_H

#include <stdatomic.h>

#include "crash/export.h"
#include "crash/states.h"
#include "crash/story.h"

enum { MAX_LEVELS = 3 };

struct tally {
  uint64_t n_kill, n_power;      /* crashes of stories                       */
  uint64_t n_nested[MAX_LEVELS]; /* crashes of recoveries, by depth         */
  uint64_t n_whole, n_chosen;    /* of n_power: all of a window; some        */
  uint64_t n_opened[BLT_OPENED_REPAIRED + 1];
  uint64_t n_failures, n_stories;
};

uint64_t tally_states(const struct tally *tally);
void tally_add(struct tally *to, const struct tally *from);

struct limits {
  uint64_t n_exhaustive;  /* a window's states up to which all are made      */
  uint64_t n_states;      /* in all, about; 0: no limit                      */
  double deadline;        /* seconds on the clock of now(); 0: none          */
  uint64_t only_state;    /* number of the only one to look at; 0: all       */
  const char *only_model; /* "kill" or "power"; NULL: both                  */
  unsigned nested_in;     /* one crash in so many has its recovery crash     */
  const char *dump;       /* where the first failing image goes; or NULL     */
  struct export *export;  /* images go there instead of being judged; NULL   */
  unsigned export_in;     /* one killed process in so many                   */
};

/* What a level of nesting works with; kept from story to story. */
struct level {
  struct disk disk;
  struct image durable; /* of the trace, while it is gone through           */
  struct trace trace;   /* level > 0: what the recovery did                 */
  struct window *window;
  uint64_t number; /* of the crash that is being looked at                  */
  const struct crash *crash;
  size_t n_opened;  /* operations of the trace when the open had returned    */
  size_t low, high; /* moments that a crash on this level may show          */
  size_t low_power;
  const struct entry *exact, *exact_power; /* or what it must show; or NULL */
  struct entry opened[MAX_ENTRIES]; /* what that open had shown             */
};

struct explorer {
  const struct story *story;
  const struct limits *limits;
  struct tally *tally;
  struct level levels[MAX_LEVELS];
  int failed;
};

struct explorer *explorer_make(void);
void explorer_release(struct explorer *explorer);

/* Both models of the story; counts into the tally. */
void explore(struct explorer *explorer, const struct story *story,
             const struct limits *limits, struct tally *tally);

/* Something is wrong with the crash that is being looked at. */
void report(struct explorer *explorer, unsigned level, const char *sentence,
            ...) __attribute__((format(printf, 3, 4)));

/* Tells on stdout where we are; for a signal's handler. */
void report_place(const struct explorer *explorer);

double now(void);

/* ---- judge.c */

/* What may be seen: moments from low to high, or (exact) these entries. */
struct verdict {
  size_t low, high;
  const struct entry *exact;
};

/* Open the level's work, look at everything, close it, and open it again.
 * What the handle shows goes to `out`; with `record` what it does to the file
 * is recorded and n_opened set. 0 when something is wrong. */
int judge(struct explorer *explorer, unsigned level,
          const struct verdict *verdict, struct trace *record, size_t *n_opened,
          struct entry *out);

/* A number that depends on the crash alone. */
uint64_t lot(const struct explorer *explorer, unsigned level, uint64_t salt);

#endif
