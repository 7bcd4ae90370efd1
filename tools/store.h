/* store.h - a file that a command works on */
#ifndef BLT_TOOLS_STORE_H
#define BLT_TOOLS_STORE_H

#include <stdbool.h>

#include "args.h"
#include "blt.h"
#include "keys.h"
#include "newfile.h"
#include "progress.h"

struct store {
  const struct args *args;
  const char *file;
  blt_db *db;
  bool reading; /* open for reading only */
  bool is_lent; /* by the session, which closes it                          */
  blt_header header;
  blt_open_info opened;
  struct key_type key_type; /* of the file, or --key-type                   */
  struct progress progress;
};

/* What the global options say about opening a file. */
blt_options store_options(const struct args *args, blt_mode mode);

/* Tells what a reader without a lock should know. */
void store_tell_unlocked(const struct args *args, const char *file);

/* Opens `file`, with `options` changed to report progress unless they do. 0, or
 * an exit code after a message; then there is nothing to close. */
int store_open(struct store *store, const struct args *args, const char *file,
               blt_options *options);

/*
 * A lock is waited for in short pieces, so that Ctrl-C and requests to end are
 * noticed between them:
 *
 *   do
 *     try for waiting_next(&waiting) milliseconds
 *   while (waiting_goes_on(&waiting, status));
 */
struct waiting {
  blt_lock lock;
  uint32_t left, piece; /* milliseconds                                     */
};
struct waiting waiting_begin(blt_lock lock, uint32_t timeout_ms);
uint32_t waiting_next(struct waiting *waiting);
bool waiting_goes_on(const struct waiting *waiting, blt_status status);

/* The same for one that is to be made. */
int store_make(struct store *store, const struct args *args,
               const struct newfile *new, blt_options *options);

/* The usual case: store_open with store_options. */
int store_open_mode(struct store *store, const struct args *args,
                    const char *file, blt_mode mode);

/* What stands under a hidden key: 0 the metadata, 1 and 2 the slots. Files with
 * values of a fixed length have none: BLT_NOT_FOUND. */
enum { N_HIDDEN = 3 };
blt_status store_hidden(const struct store *store, int which, blt_bytes *out,
                        uint64_t *out_timestamp);

/* Tells why the last call failed; gives its exit code. */
int store_failed(struct store *store);

/* Gives `code`, or the exit code of a failure to close. */
int store_close(struct store *store, int code);

#endif
