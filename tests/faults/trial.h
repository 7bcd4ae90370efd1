/*
 * trial.h - one run of the workload beside what the store should then hold
 *
 *   states  | 0 | 1 | 2 | 3 | 4 | 5 |
 *                 ^ acked       ^ n_states - 1, the newest that was begun
 *
 * Each put, delete or batch adds a state; what a call acknowledged may not be
 * lost, and nothing but these states may be found.
 */
#ifndef FAULTS_TRIAL_H
#define FAULTS_TRIAL_H

#include <blt.h>
#include <check.h>
#include <stdio.h>

#include "faults/faulty.h"

enum { N_KEYS = 10, HIDDEN_KEY = 9, MAX_STATES = 128 };

struct state {
  struct item {
    int is_there;
    uint8_t fill;
    uint32_t len;
    uint64_t time;
  } items[N_KEYS];
  uint64_t file_time; /* 0: not set yet */
};

/* What kind of store, opened how. */
struct config {
  const char *name;
  int is_fixed;
  uint32_t value_len; /* FIXED: of each value; else 0                       */
  blt_choice timestamps;
  uint32_t n_buckets;
  uint32_t later_buckets; /* for the reindex                                */
  blt_choice auto_reindex;
  blt_sync_level sync;
  size_t buffer_len; /* 0: default                                          */
  blt_io io;
};

enum { N_CONFIGS = 8 };
extern const struct config configs[N_CONFIGS];

enum step_kind {
  STEP_PUT,
  STEP_DELETE,
  STEP_BEGIN,
  STEP_COMMIT,
  STEP_ABORT,
  STEP_SYNC,
  STEP_ITERATE,
  STEP_TIME,
  STEP_FILE_TIME,
  STEP_PRUNE,
  STEP_PRUNE_OLD,
  STEP_REINDEX,
  STEP_CLEAR,
  STEP_REOPEN,
  STEP_VERIFY
};

struct step {
  enum step_kind kind;
  int key;      /* HIDDEN_KEY: the metadata                                 */
  uint32_t len; /* of a variable value                                      */
};

extern const struct step workload[];
extern const unsigned n_steps;

/* After the first failure: what the user does. */
enum answer { ANSWER_RETRY, ANSWER_CLOSE };

struct trial {
  const struct config *config;
  struct disk *disk;
  struct memory memory;
  blt_options options;
  blt_db *db;
  struct state states[MAX_STATES];
  int n_states, acked;
  int durable;      /* acked by a call that syncs                            */
  int sure;         /* the newest whose call gave BLT_OK                     */
  struct state now; /* what the handle shows                                */
  struct state before_batch;
  int in_batch;
  int is_over;   /* the run is: only openings without faults follow          */
  int is_lost;   /* it was never made, and what there is may be no store     */
  unsigned step; /* the one that runs                                       */
  unsigned n_descriptors; /* of the process, at the start                   */
  int uses_malloc; /* no allocator of the test's                            */
  char what[256];
};

/* An empty disk, nothing open. */
void trial_init(struct trial *trial, const struct config *config,
                struct disk *disk);

/*
 * Open, do all steps, close. Failures are judged as they come. BLT_OK, or the
 * first failure that was seen.
 */
blt_status trial_run(struct trial *trial, enum answer answer);

/* All memory was given back, and an opening without faults finds one of the
 * allowed states in a sound file, twice. */
void trial_judge_end(struct trial *trial);

/* Parts of it, for runs of another kind. A failure is one that the fault
 * explains; the content is one of the allowed states, and the only allowed
 * one from then on. */
blt_status trial_open(struct trial *trial, blt_mode mode);
blt_status trial_close(struct trial *trial);
void trial_judge_failure(struct trial *trial, blt_status status);
void trial_judge_content(struct trial *trial);

/* Nothing fails from now on. */
void trial_calm(struct trial *trial);
int trial_was_hit(const struct trial *trial);
/* Files, or descriptors, that were not given back. */
unsigned trial_n_open(const struct trial *trial);
/* The call failed: what may have been lost with it. */
void trial_lower_floor(struct trial *trial, blt_status status);

/* So that a failure can be found again. */
const char *trial_told(struct trial *trial);

#define JUDGE(trial, holds, ...)                                               \
  do {                                                                         \
    if (!(holds)) {                                                            \
      char sentence_[160];                                                     \
      snprintf(sentence_, sizeof sentence_, __VA_ARGS__);                      \
      ck_abort_msg("%s: %s", trial_told(trial), sentence_);                    \
    }                                                                          \
  } while (0)

/* The bytes of a value. */
const void *trial_value(const struct item *item);

/* ---- check.c */

/* Is this a status that a call may give when that went wrong? `fault` NULL:
 * there was no memory. */
int is_honest(const struct fault *fault, blt_status status);

/* Does the handle show exactly this? */
int shows(struct trial *trial, blt_db *db, const struct state *state);

#endif
