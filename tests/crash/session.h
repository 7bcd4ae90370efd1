/*
 * session.h - calls to the library while a story is recorded
 */
#ifndef CRASH_SESSION_H
#define CRASH_SESSION_H

#include "api/db.h"
#include "journal/journal.h"
#include "crash/story.h"

enum { VALUE_MAX = 1 << 17 };

struct session {
  struct story *story;
  struct disk *disk; /* borrowed                                            */
  struct journal journal;
  struct random random;
  blt_sync_level level;
  size_t buffer_len; /* option; 0: the default                              */
  uint64_t log_max;  /* instead of BLT__LOG_MAX, or 0                       */
  struct blt__ahead ahead; /* when zeros are written ahead of the log; or 0 */
  blt_db *db; /* NULL between sessions                               */
  int in_batch;
  unsigned n_settled; /* checkpoints, and syncs without one                 */
  struct entry now[MAX_ENTRIES];   /* what is not committed included        */
  struct entry batch[MAX_ENTRIES]; /* before an open batch                  */
  uint8_t deletable[MAX_KEYS]; /* of a foreign file: had one version only   */
  uint32_t n_versions;
  uint64_t clock;
  uint8_t value[VALUE_MAX];
  /* the call under way */
  int in_call;
  size_t call_begin, call_ack, last_sync;
  uint64_t call_end;
};

/* Start with the disk's work as the first image, holding `first`. */
void session_init(struct session *s, struct story *story, struct disk *disk);

/* Each does one call and follows it; after a mistake they do nothing. */
void session_open(struct session *s, blt_mode mode);
/* After opening a file of which only the possible moments are known. */
void session_recognise(struct session *s);
void session_close(struct session *s);
void session_kill(struct session *s);
void session_put(struct session *s, unsigned key, size_t len);
void session_delete(struct session *s, unsigned key);
void session_begin(struct session *s);
void session_commit(struct session *s);
void session_abort(struct session *s);
void session_sync(struct session *s);
void session_rest(struct session *s); /* blt_checkpoint */
void session_checkpoint(struct session *s);
void session_sync_log(struct session *s);
void session_reindex(struct session *s, uint32_t n_buckets);
/* n_buckets 0: as many as there are. */
void session_prune(struct session *s, uint64_t older_than, uint32_t n_buckets);
void session_clear(struct session *s);
void session_set_time(struct session *s, unsigned key);
void session_set_file_time(struct session *s);

/* The content of an open store as entries (versions are 1). NULL, or what is
 * wrong. */
const char *read_entries(const struct story *story, blt_db *db,
                         struct entry *out);

/* Only moments from low to high remain, and before the first operation the
 * store is in one of them. */
void story_keep_moments(struct story *story, size_t low, size_t high);

/* Note a moment with these entries and no operations before it. */
void story_add_moment(struct story *story, const struct entry *entries,
                      size_t begin, size_t done, size_t ack);

#endif
