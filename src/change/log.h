/*
 * log.h - appending commits, syncing them, and closing the session
 *
 * docs/protocol.md is the specification. In short: a commit appends a record
 * and the blocks of the batch; the links that make them reachable change only
 * in the table of changed links; a sync makes commits durable; a checkpoint
 * writes links of durable commits back into the file.
 *
 *   L1  No link is written back before the commit that changed it is
 *       durable (with BLT_SYNC_OFF: written).
 *   L2  A dead block's link becomes 0 in the file one checkpoint after the
 *       links around it, when those are durable.
 *   L3  A commit that fails before its record is in the file leaves no trace.
 *   L4  After a failed sync, or a failure inside a checkpoint, nothing more
 *       is written through this handle.
 *   L5  While booklet could miss a commit, or bring back what was deleted, the
 *       header's kind is inverted, so that booklet refuses the file.
 */
#ifndef BLT_CHANGE_LOG_H
#define BLT_CHANGE_LOG_H

#include "base/offsets.h"
#include "change/pending.h"
#include "change/room.h"
#include "format/record.h"

/* Log that recovery has to read, and that is written in a session with syncs
 * before links go back into the file. */
#define BLT__LOG_MAX ((uint64_t)16 << 20)

/* How to undo what a commit has done to the table of changed links. */
struct blt__undo {
  struct blt__link_entry before; /* off and what the entry was              */
  uint64_t at : 63; /* the entry, until the table gets room for another part */
  uint64_t was_new : 1;
};

/* A place in the log: the next record's number, where it would stand, and how
 * many keys there were. */
struct blt__mark {
  uint64_t seq, start;
  uint32_t n_keys;
};

struct blt__log {
  struct blt__image *image;     /* borrowed                             */
  const struct blt__env *env;   /* borrowed                             */
  const struct blt__sink *sink; /* borrowed                             */
  blt_sync_level level;
  uint8_t header[BLT__HEADER_LEN]; /* as in the file                       */
  uint64_t boot_id;
  /* Lengths of log that tests have shorter: */
  uint64_t log_max;  /* that recovery reads: BLT__LOG_MAX                    */
  uint64_t sync_len; /* that is not synced, at BATCH                         */
  uint64_t due_len;  /* whose links wait, in a small store; by level         */

  int in_session;     /* the header says DIRTY                              */
  int guarded;        /* the header's kind is inverted (L5)                 */
  int was_open;       /* in a repair: it was not when that began            */
  int has_gap;        /* in a repair: the old log goes on behind damage     */
  int links_unsynced; /* links were written back since the last sync, or
                         zeros cut off                                      */
  int times_unsynced; /* timestamps were set in place since then            */
  int poisoned;       /* L4                                                 */
  uint8_t salt[BLT__SALT_LEN];
  uint64_t end;     /* of the committed log: where the next record goes   */
  uint64_t durable; /* end of what is known to be on disk                 */
  uint64_t begun;   /* end of what the disk was asked to begin with       */
  struct blt__room room;
  uint64_t dead_front; /* end of what a rewrite has left behind, or 0       */
  uint64_t seq;        /* of the next record                                 */
  uint32_t n_keys;     /* committed                                          */
  uint64_t n_undone;   /* puts that never came to the file; see pending.h    */

  /* what recovery would have to look at */
  struct blt__mark from;  /* as the header has it                           */
  struct blt__mark group; /* where records since the last checkpoint begin  */
  struct blt__mark prev;  /* the group before, whose tombs wait             */
  struct blt__offsets tombs;     /* of the records since the checkpoint  */
  struct blt__offsets old_tombs; /* of the group before                  */
  int shows_tombs;               /* the image's table has both           */

  /* scratch, kept between commits */
  struct blt__buf record, times, gathered;
  struct blt__buf undo;  /* struct blt__undo                     */
  struct blt__buf order; /* struct blt__placed                   */
  struct blt__buf parts; /* struct blt__part                     */
};

void blt__log_init(struct blt__log *log, struct blt__image *image,
                   const struct blt__env *env, const struct blt__sink *sink,
                   blt_sync_level level);
void blt__log_release(struct blt__log *log);

/* Mark the file DIRTY, durably, before its first change. Does nothing when it
 * is already, fails when the log is poisoned. */
blt_status blt__log_begin(struct blt__log *log);

/*
 * Append the batch and clear it. On a failure that leaves the store usable
 * (BLT_E_NO_SPACE, _NO_MEMORY, _IO while appending, L3) the batch stays as it
 * was. Resolves the batch first.
 */
blt_status blt__log_commit(struct blt__log *log, struct blt__pending *pending);

/* Before the first scan of a writer's image: put its tombs into the table, and
 * those that come as well from now on. A writer that never scans saves it. */
blt_status blt__log_show_tombs(struct blt__log *log);

/* Make commits durable and bring all that booklet looks at into the file. */
blt_status blt__log_sync(struct blt__log *log);

/* After a commit: sync or write back if the level and the sizes ask for it. */
blt_status blt__log_settle(struct blt__log *log);

/* Sync, write every link and tomb back, and leave no group open: the file's
 * chains and blocks are then what the image shows. */
blt_status blt__log_flatten(struct blt__log *log);

/* flatten, then mark the file CLEAN. The next commit begins a session. */
blt_status blt__log_rest(struct blt__log *log);

/* The same for good: what a rewrite left behind goes back too. */
blt_status blt__log_close(struct blt__log *log);

/* Write log->header with kind, count and a checkpoint of that state: recovery
 * begins at `from`. */
blt_status blt__log_put_header(struct blt__log *log, enum blt__state state,
                               struct blt__mark from, uint64_t committed);

/* L5: let booklet refuse the file; and no longer, unless something waits. */
blt_status blt__log_guard(struct blt__log *log);
blt_status blt__log_unguard(struct blt__log *log);

/* The end of the log as it is now; and make both groups begin there. */
struct blt__mark blt__log_mark(const struct blt__log *log);
void blt__log_start_groups(struct blt__log *log);

/* A sync of the file, unless the level is OFF. */
blt_status blt__log_sync_file(struct blt__log *log);

/* Record the failure that ends writing through this handle (L4). */
blt_status blt__log_poison(struct blt__log *log, blt_status status,
                           blt_status as, const char *meaning);

#endif
