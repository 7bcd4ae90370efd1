/*
 * db.h - the handle: the only place that sees struct blt_db
 */
#ifndef BLT_API_DB_H
#define BLT_API_DB_H

#include <stdatomic.h>

#include "blt.h"
#include "change/log.h"
#include "change/pending.h"
#include "lookup/side.h"
#include "os/lock.h"
#include "os/turns.h"

struct blt_db {
  struct blt__env env;
  struct blt__sink sink;
  blt_options options; /* as given, completed                         */
  char *name;          /* owned; for messages, NULL: none             */
  const char *path;    /* the name, or NULL for fd and memory         */
  int fd;              /* blt_open_fd: the caller's, else -1          */
  int in_memory;

  struct blt__file *file; /* owned; NULL when not open                   */
  struct blt__file_id id;
  int registered; /* in the process's list of open files         */
  int exclusive;
  int locked; /* we took the flock                           */
  int writable;
  unsigned fork_count; /* at opening                                  */

  struct blt__header header; /* as decoded at opening                       */
  struct blt__image image;
  struct blt__side side;
  struct blt__log log; /* writable handles                            */
  struct blt__pending pending;
  int in_batch;     /* between blt_batch_begin and its end         */
  int skip_reindex; /* one found no space; not tried again         */
  uint64_t n_keys;  /* read-only handles                           */
  int is_unclean;   /* the header says so, and nothing mended it   */
  blt_open_info opened;

  struct blt__turns turns;
  int is_plain; /* a reader that is open: nothing to judge, nothing to lock */
  int is_quick; /* open, and the file is mapped                             */
  uint64_t n_batches;             /* of the user's that have ended          */
  _Atomic uint64_t n_mutations;   /* puts, deletes …                        */
  _Atomic uint64_t n_compactions; /* rewrites                               */
};

/* What is committed; what the write buffer holds is not in it. */
static inline uint64_t blt__committed_count(const blt_db *db)
{
  return db->writable ? db->log.n_keys : db->n_keys;
}

/* ---- entering and leaving a public call */

/* A read: other reads may run beside it. */
blt_status blt__enter_read_slowly(blt_db *db);
static inline blt_status blt__enter_read(blt_db *db)
{
  return db != NULL && db->is_plain ? BLT_OK : blt__enter_read_slowly(db);
}
/* A change: alone. Fails on read-only, poisoned and forked handles. */
blt_status blt__enter_write(blt_db *db);
/* Alone, but on any handle: reading that may have to commit first. */
blt_status blt__enter_alone(blt_db *db);
/* Gives the lock up and passes the status on, unless the file was cut. */
blt_status blt__leave_slowly(blt_db *db, blt_status status);
static inline blt_status blt__leave(blt_db *db, blt_status status)
{
  return db->is_plain && !blt__view_is_hit(&db->image.view)
             ? status
             : blt__leave_slowly(db, status);
}

/* Is the handle the parent's, from before a fork? */
static inline int blt__is_forked(const blt_db *db)
{
  return db->writable && db->fork_count != blt__fork_count();
}

/* ---- open.c and its files */

/* From a file that is open and locked to a handle that works: attach.c. */
blt_status blt__attach(blt_db *db);
/* The same for one that was just made. */
blt_status blt__attach_created(blt_db *db);
/* The other way; commits and marks the file clean if it is a writer. */
blt_status blt__detach(blt_db *db);

/* The side table, unless there is one or it was refused: read.c. */
void blt__build_side(blt_db *db);

/* How the mapping is going to be read, unless the user forbade to say it. */
void blt__advise(blt_db *db, enum blt__hint hint);

/* create.c: the header of a new store by the options; and the store. */
blt_status blt__new_header(const blt_db *db, uint8_t *out);
blt_status blt__create_at_path(blt_db *db);
/* Over whatever the open file holds, which is no store. */
blt_status blt__create_in_place(blt_db *db);

/* A store on a file of the caller's making: how tests put their own table of
 * operations under a handle. Takes the file over, also when it fails. No lock
 * is taken; a reader does not mend first. */
blt_status blt__open_file(struct blt__file *file, const blt_options *options,
                          blt_db **out);

/* A handle with file and lock and nothing else, for repair. */
blt_status blt__open_raw(const char *path, const blt_options *options,
                         blt_db **out);
void blt__close_raw(blt_db *db);

/* ---- write.c */

/* Commit what is pending, settle, and let the index grow. */
blt_status blt__commit(blt_db *db);

/* Before a scan: what was put outside of a batch is in the file, and the image
 * knows which blocks have died. */
blt_status blt__get_ready_to_scan(blt_db *db);

/* Flatten the log for something that is to come after. A failure says that
 * this did not happen. */
blt_status blt__flatten_first(blt_db *db);

/* In maintain.c: another number of buckets; 0: by the number of keys. */
blt_status blt__grow_index(blt_db *db, uint32_t n_buckets);

#endif
