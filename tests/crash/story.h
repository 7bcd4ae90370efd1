/*
 * story.h - a program's run on a store: what it did to the file, and what
 * the store was to hold after each commit
 *
 *   operations   o o o o o o o S o o o o o S o o
 *   commit 1       |begin  |done
 *   commit 2                 |begin    |done
 *                              ack of 1 ^ is the first sync after its bytes
 */
#ifndef CRASH_STORY_H
#define CRASH_STORY_H

#include "crash/disk.h"
#include "support/random.h"

enum shape { TIMES, PLAIN, FIXED_9, FIXED_0 };

/* What is special about a program. */
enum trait {
  TRAIT_SINGLE = 1 << 0,     /* single puts, nothing else                    */
  TRAIT_ZEROS = 1 << 1,      /* keys, values and times of zero bytes         */
  TRAIT_BIG = 1 << 2,        /* batches over several sectors                 */
  TRAIT_IMPLICIT = 1 << 3,   /* puts outside batches, a small buffer         */
  TRAIT_HIDDEN = 1 << 4,     /* much metadata and slots                      */
  TRAIT_STAMPS = 1 << 5,     /* much blt_timestamp_set                       */
  TRAIT_EDGES = 1 << 6,      /* blocks that end near a sector's end          */
  TRAIT_GROWTH = 1 << 7,     /* the index grows by itself                    */
  TRAIT_REWRITES = 1 << 8,   /* much reindex, prune, clear                   */
  TRAIT_KILLS = 1 << 9,      /* much being killed and going on               */
  TRAIT_LONG_KEYS = 1 << 10, /* fixed: batches in parts, inverted kind      */
  TRAIT_SMALL = 1 << 11,     /* three steps out of all there are             */
  TRAIT_FOREIGN = 1 << 12,   /* somebody changed the file after a crash      */
  TRAIT_REBOOT = 1 << 13,    /* level OFF after another boot: repair         */
  TRAIT_LAST = 1 << 14       /* batches that end with a torn, empty block    */
};

/*
 * Of TRAIT_SMALL the seed is the program: below N_THREE_STEPS three steps on
 * an empty store, then as many on one that holds two keys, then four steps.
 */
enum { N_STEPS = 25, N_THREE_STEPS = N_STEPS * N_STEPS * N_STEPS };

struct plan {
  const char *name;
  enum shape shape;
  blt_sync_level level;
  unsigned traits;
};

/* The plan of that number, or NULL behind the last. */
const struct plan *plan_at(unsigned i);

struct story_key {
  const uint8_t *bytes;
  size_t len;
  uint64_t hash;
};

struct entry {
  uint64_t value_hash, time;
  uint32_t len;
  uint32_t version; /* which put it was; 0: the key is not there            */
  uint64_t fill;    /* each byte of the value; no padding: memcmp compares  */
};

/* Keys of the program, then the hidden ones. */
enum { MAX_KEYS = 64, N_HIDDEN = 3, MAX_ENTRIES = MAX_KEYS + N_HIDDEN };

/* What the store held after a commit. */
struct moment {
  size_t begin, done; /* operations when the call began and had returned    */
  size_t ack;         /* number of the sync that made it durable            */
  uint64_t sum;       /* over all items                                     */
  uint32_t n_plain;   /* keys that are not hidden                           */
  struct entry entries[MAX_ENTRIES];
};

#define NEVER SIZE_MAX

struct story {
  const struct plan *plan;
  uint64_t seed;
  struct image base; /* owned                                               */
  struct trace trace;
  struct story_key keys[MAX_ENTRIES];
  uint8_t *key_bytes; /* owned                                              */
  unsigned n_keys;    /* without the hidden ones, which follow              */
  struct moment *moments; /* owned                                          */
  size_t n_moments, capacity;
  int has_time_sets;
  uint64_t boot_id;    /* while crashes are opened                          */
  const char *mistake; /* what went wrong while recording, or NULL          */
  char mistake_text[200];
};

uint64_t hash_bytes(const void *bytes, size_t len);
uint64_t item_sum(uint64_t key_hash, uint64_t value_hash, uint64_t time);

static inline unsigned story_n_entries(const struct story *story)
{
  return story->n_keys + N_HIDDEN;
}

static inline int is_fixed(const struct story *story)
{
  return story->plan->shape == FIXED_9 || story->plan->shape == FIXED_0;
}

/* Run the plan's program with that seed, recording. */
void story_record(struct story *story, const struct plan *plan, uint64_t seed);
void story_release(struct story *story);

/* The first moment that a crash must not lose, and the last it may show. */
size_t story_first(const struct story *story, int power, size_t n_done,
                   size_t n_durable);
size_t story_last(const struct story *story, size_t n_begun);

/* The key is this, or gone, in each moment. */
void story_override(struct story *story, unsigned key,
                    const struct entry *entry);

/* How blt__open_file is told about a disk: mode, level, no threads. */
blt_options disk_options(blt_mode mode, blt_sync_level level);

/* Chance and boot of the library, in the hands of the test. */
void set_chance(uint64_t seed);
void set_boot_id(uint64_t id);

#endif
