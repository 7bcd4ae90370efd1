/*
 * kill.h - a writer that is killed again and again, and who judges the file
 *
 *   kill_script   what a session does: a function of the seed
 *   kill_writer   the process that does it, and is killed
 *   kill_judge    the file it left, compared with the script
 *   kill_theirs   the same question to booklet, in a process of its own
 *   kill_main     rounds, and what came out
 *
 * The script does not depend on the store. So the writer tells of each step
 * only that it begins and that it is done, and the judge runs the script again
 * to know what the file may hold: the state after some step k, with
 * last done <= k <= last begun.
 */
#ifndef REAL_KILL_H
#define REAL_KILL_H

#include <blt.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "support/random.h"

/* Places are keys, and behind them the metadata. */
enum {
  N_KEYS = 160,
  METADATA = N_KEYS,
  N_PLACES = N_KEYS + 1,
  FIXED_LEN = 24,
  MAX_VALUE = 400000,
  MAX_CHANGES = 24,
  MAX_PATH = 512
};

/* What a place holds. A value begins with its version, and the version says
 * what the rest of it is. */
struct entry {
  uint64_t version; /* 0: nothing */
  uint64_t timestamp;
};

struct state {
  struct entry entries[N_PLACES];
};

/* A file with its settings, through all its sessions. */
struct lane {
  const char *name;
  blt_kind kind;
  blt_choice timestamps;
  blt_sync_level level;
  char path[MAX_PATH];
  struct state state; /* after the last judgement */
};

/* ---- kill_script.c */

enum act {
  ACT_BATCH,  /* an atomic group */
  ACT_SINGLE, /* one change that joins the open commit */
  ACT_SYNC,
  ACT_STAMP, /* a timestamp, in place */
  ACT_PRUNE,
  ACT_REINDEX,
  ACT_CLEAR,
  ACT_CLOSE /* and open again */
};

struct change {
  int place;
  struct entry to;
};

struct step {
  enum act act;
  uint32_t n_buckets;
  unsigned n_changes;
  struct change changes[MAX_CHANGES];
};

struct script {
  const struct lane *lane;
  struct random random;
  uint64_t n_versions;
  enum act before;
};

void script_start(struct script *script, const struct lane *lane,
                  uint64_t session);
void script_next(struct script *script, struct step *out);

/* The change that booklet makes in a session, if it makes one. */
void script_foreign(const struct lane *lane, uint64_t session,
                    struct step *out);

void state_apply(struct state *state, const struct step *step);

/* The options of a lane; equal in all sessions of one number. */
blt_options lane_options(const struct lane *lane, uint64_t session);

/* The bytes of a version: at most MAX_VALUE. */
size_t version_bytes(const struct lane *lane, uint64_t version, uint8_t *out);
/* The version of these bytes, or 0 when no version has them. */
uint64_t version_of(const struct lane *lane, const void *bytes, size_t len);

/* The key of a place: 7 bytes and a zero. */
void place_key(int place, char out[8]);

/* ---- kill_writer.c */

struct progress {
  uint32_t done, begun;
};

/* A session that is killed `delay_us` after its start. 0, or -1 when the
 * writer ended by itself, which it does only when a call fails. */
int run_and_kill(const struct lane *lane, uint64_t session, uint32_t delay_us,
                 struct progress *out);

/* Only open and close, and that is killed: a recovery that is cut short. */
int recover_and_kill(const struct lane *lane, uint64_t session,
                     uint32_t delay_us);

/* ---- kill_judge.c */

/* What a handle says the store holds; NULL, or what is wrong with it. */
const char *read_state(const struct lane *lane, blt_db *db, struct state *out);

/*
 * The states that the lane may be in after a session that came so far: calls
 * `matches` for each until it says yes. The one that matched is in *out; 0
 * when there is none. `foreign` is what booklet did after it, or NULL.
 */
int find_state(const struct lane *lane, uint64_t session,
               const struct progress *progress, const struct step *foreign,
               int (*matches)(void *ctx, const struct state *state), void *ctx,
               struct state *out);

/*
 * Open the lane's file with the library and judge it. With reads_first it is
 * opened for reading before, recovered in memory only. NULL and the new state
 * in the lane, or what is wrong. `out_opened` tells what the open found.
 */
const char *judge_ours(struct lane *lane, uint64_t session,
                       const struct progress *progress,
                       const struct step *foreign, int reads_first,
                       blt_opened *out_opened);

/* ---- kill_theirs.c */

struct theirs {
  pid_t pid; /* 0: there is no booklet */
  int to, from;
};

enum theirs_answer { THEIRS_REFUSED, THEIRS_OPENED, THEIRS_WRONG };

/* Starts `python` with the script; pid 0 when it has no booklet. */
struct theirs theirs_start(const char *python, const char *script);
void theirs_stop(struct theirs *theirs);

/*
 * booklet opens the file for writing and gets every key; each must hold what
 * it holds in one of the states that are possible. `writes`, unless NULL, is
 * put after that. When something is wrong *why says what; good until the next
 * call.
 */
enum theirs_answer judge_theirs(const struct theirs *theirs,
                                const struct lane *lane, uint64_t session,
                                const struct progress *progress,
                                const struct step *writes, const char **why);

#endif
