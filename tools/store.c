/* store.c - a file that a command works on */
#include "store.h"

#include <inttypes.h>
#include <string.h>

#include "commands.h"
#include "report.h"
#include "session.h"

/* Without a lock a writer may be at work, and its open commit must not be
 * taken for the leavings of a killed one. */
blt_options store_options(const struct args *args, blt_mode mode)
{
  blt_options options = BLT_OPTIONS_INIT;
  options.mode = mode;
  options.io = (blt_io)args->io;
  options.network = args->network ? BLT_ON : BLT_OFF;
  options.threads = BLT_OFF;
  options.lock = BLT_LOCK_TIMEOUT;
  options.lock_timeout_ms = args->no_wait ? 0 : (uint32_t)args->timeout_ms;
  if (args->no_lock) {
    options.lock = BLT_LOCK_NONE;
    options.recover = BLT_OFF;
  }
  return options;
}

void store_tell_unlocked(const struct args *args, const char *file)
{
  if (args->no_lock)
    report_note(args, file,
                "unlocked read; a writer may be changing it meanwhile");
}

static void tell_how_opened(const struct store *store)
{
  const blt_open_info *opened = &store->opened;
  store_tell_unlocked(store->args, store->file);
  if (opened->what == BLT_OPENED_REPAIRED)
    report_note(store->args, store->file,
                "was damaged and is rebuilt: keys kept %" PRIu64
                ", blocks dropped %" PRIu64,
                opened->n_kept, opened->n_dropped);
  if (!store->args->verbose)
    return;
  if (opened->what == BLT_OPENED_RECOVERED)
    report_note(store->args, store->file,
                "completed %" PRIu64 " %s of a writer that was killed",
                opened->n_records,
                opened->n_records == 1 ? "commit" : "commits");
  if (opened->what == BLT_OPENED_FOREIGN)
    report_note(store->args, store->file,
                "booklet wrote to it since; it was checked");
}

static int read_facts(struct store *store)
{
  const char *name = store->args->key_type;
  const int code = name ? serializer_of(name) : -1;
  if (blt_header_info(store->db, &store->header) < 0 ||
      blt_open_report(store->db, &store->opened) < 0)
    return store_failed(store);
  store->key_type = key_type_of(store->header.key_serializer);
  if (code >= 0)
    store->key_type = key_type_of((unsigned)code);
  else if (name && !key_type_parse(name, &store->key_type))
    return report_usage(store->args,
                        "--key-type cannot be \"%s\"; give str, bytes, hex, "
                        "base64, uint1 to uint8 or int1 to int8",
                        name);
  return EXIT_DONE;
}

int session_progress(void *ctx, const char *phase, uint64_t done,
                     uint64_t total)
{
  const struct session *session = ctx;
  return session->progress
             ? progress_tell(session->progress, phase, done, total)
             : 0;
}

/* The file that the session has open. */
static int borrow(struct store *store)
{
  struct session *session = store->args->session;
  if (!store->reading && session->reading)
    return report_error(store->args, EXIT_USAGE, "read_only", store->file,
                        "is open for reading; start the shell with --write");
  store->db = session->db;
  store->is_lent = true;
  session->progress = &store->progress;
  return read_facts(store);
}

/* What a command wrote is safe when it is over, as without a session. */
static int give_back(struct store *store, int code)
{
  if (!store->reading && blt_sync(store->db) < 0 && code <= EXIT_NOT_FOUND)
    code = store_failed(store);
  progress_clear(&store->progress);
  store->args->session->progress = NULL;
  store->db = NULL;
  return code;
}

struct waiting waiting_begin(blt_lock lock, uint32_t timeout_ms)
{
  return (struct waiting){.lock = lock, .left = timeout_ms};
}

uint32_t waiting_next(struct waiting *waiting)
{
  enum { PIECE = 200 };
  waiting->piece = waiting->left < PIECE ? waiting->left : PIECE;
  waiting->left -= waiting->piece;
  return waiting->piece;
}

bool waiting_goes_on(const struct waiting *waiting, blt_status status)
{
  return status == BLT_E_LOCKED && waiting->lock == BLT_LOCK_TIMEOUT &&
         waiting->left > 0 && !interrupted();
}

/* The file at `path`; messages name it `file`. */
static int open_as(struct store *store, const struct args *args,
                   const char *path, const char *file, blt_options *options)
{
  *store = (struct store){
      .args = args, .file = file, .reading = options->mode == BLT_READ};
  if (args->no_lock && !store->reading)
    return report_usage(args, "--no-lock is for commands that only read; "
                              "leave it out");
  progress_init(&store->progress, args, file);
  if (args->session && strcmp(file, args->session->file) == 0)
    return borrow(store);
  if (!options->progress) {
    options->progress = progress_tell;
    options->progress_ctx = &store->progress;
  }
  struct waiting waiting =
      waiting_begin(options->lock, options->lock_timeout_ms);
  blt_status status;
  do {
    options->lock_timeout_ms = waiting_next(&waiting);
    status = blt_open(path, options, &store->db);
  } while (waiting_goes_on(&waiting, status));
  progress_clear(&store->progress);
  if (status == BLT_E_LOCKED && interrupted())
    return report_error(args, EXIT_INTERRUPTED, "cancelled", file,
                        "interrupted; it is locked, and nothing was done");
  if (status < 0)
    return report_failure(args, file, NULL, store->reading);
  const int code = read_facts(store);
  if (code != EXIT_DONE)
    return store_close(store, code);
  tell_how_opened(store);
  return EXIT_DONE;
}

int store_open(struct store *store, const struct args *args, const char *file,
               blt_options *options)
{
  return open_as(store, args, file, file, options);
}

int store_make(struct store *store, const struct args *args,
               const struct newfile *new, blt_options *options)
{
  options->exclusive = BLT_ON;
  return open_as(store, args, new->temporary.data, new->path, options);
}

int store_open_mode(struct store *store, const struct args *args,
                    const char *file, blt_mode mode)
{
  blt_options options = store_options(args, mode);
  return store_open(store, args, file, &options);
}

blt_status store_hidden(const struct store *store, int which, blt_bytes *out,
                        uint64_t *out_timestamp)
{
  if (store->header.kind == BLT_FIXED)
    return BLT_NOT_FOUND;
  return which == 0 ? blt_metadata_get(store->db, out, out_timestamp)
                    : blt_slot_get(store->db, which, out, out_timestamp);
}

int store_failed(struct store *store)
{
  progress_clear(&store->progress);
  return report_failure(store->args, store->file, store->db, store->reading);
}

int store_close(struct store *store, int code)
{
  blt_db *db = store->db;
  if (store->is_lent)
    return give_back(store, code);
  store->db = NULL;
  const blt_status status = blt_close(db);
  progress_clear(&store->progress);
  if (status < 0 && code <= EXIT_NOT_FOUND)
    return report_failure(store->args, store->file, NULL, store->reading);
  return code;
}
