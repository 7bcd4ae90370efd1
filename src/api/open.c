/*
 * open.c - opening, closing, and opening again
 */
#include "api/db.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "os/lock.h"

enum { MAX_ATTEMPTS = 100 };

/* ---- the handle itself */

static blt_status judge_options(const blt_options *o,
                                const struct blt__sink *sink)
{
  if (o->mode > BLT_NEW || o->kind > BLT_FIXED || o->sync > BLT_SYNC_OFF ||
      o->lock > BLT_LOCK_NONE || o->io > BLT_IO_PREAD ||
      o->advice > BLT_ADVICE_DROP)
    return blt__fail(sink, BLT_E_INVALID, BLT_NO_OFFSET,
                     "an option has a value that does not exist");
  if (o->allocator != NULL &&
      (o->allocator->alloc == NULL || o->allocator->resize == NULL ||
       o->allocator->release == NULL))
    return blt__fail(sink, BLT_E_INVALID, BLT_NO_OFFSET,
                     "an allocator needs all three functions");
  return BLT_OK;
}

/* The caller may know an older, shorter struct. */
static void complete_options(blt_options *to, const blt_options *from)
{
  memset(to, 0, sizeof *to);
  if (from != NULL) {
    size_t size =
        from->size != 0 && from->size < sizeof *to ? from->size : sizeof *to;
    memcpy(to, from, size);
  }
  to->size = sizeof *to;
  if (to->buffer_len == 0)
    to->buffer_len = BLT_DEFAULT_BUFFER_LEN;
}

static char *copy_name(const struct blt__env *env, const char *name)
{
  size_t len = strlen(name) + 1;
  char *copy = blt__alloc(env, len);

  if (copy != NULL)
    memcpy(copy, name, len);
  return copy;
}

static void free_handle(blt_db *db)
{
  struct blt__env env = db->env;

  if (db->name != NULL)
    blt__release(&env, db->name, strlen(db->name) + 1);
  blt__turns_release(&db->turns);
  blt__release(&env, db, sizeof *db);
}

static blt_status make_handle(const char *path, const blt_options *options,
                              blt_db **out)
{
  blt_options complete;
  struct blt__env env;

  complete_options(&complete, options);
  const char *name = path != NULL ? path : complete.name;
  struct blt__sink sink = {.owner = NULL, .file = name};
  blt_status status = judge_options(&complete, &sink);
  if (status < 0)
    return status;
  blt__env_init(&env, &complete);
  blt_db *db = blt__alloc(&env, sizeof *db);
  if (db == NULL)
    return blt__fail_memory(&sink);
  memset(db, 0, sizeof *db);
  db->env = env;
  db->options = complete;
  db->fd = -1;
  db->writable = complete.mode != BLT_READ;
  blt__turns_init(&db->turns);
  if (name != NULL && (db->name = copy_name(&env, name)) == NULL) {
    free_handle(db);
    return blt__fail_memory(&sink);
  }
  db->path = path != NULL ? db->name : NULL;
  db->options.name = db->sink.file = db->name;
  *out = db;
  return BLT_OK;
}

/* ---- file and lock */

static void close_file(blt_db *db)
{
  if (db->file == NULL)
    return;
  if (db->fork_count == blt__fork_count()) {
    /* The caller or a forked child may keep the descriptor, not the lock. */
    if (db->locked)
      (void)db->file->ops->unlock(db->file);
    if (db->registered)
      blt__lock_leave(&db->id, db->exclusive);
  }
  db->file->ops->close(db->file);
  db->file = NULL;
  db->locked = db->registered = 0;
}

static blt_status take_lock(blt_db *db)
{
  int64_t timeout = db->options.lock == BLT_LOCK_TIMEOUT
                        ? (int64_t)db->options.lock_timeout_ms
                        : -1;

  db->exclusive = db->writable;
  db->fork_count = blt__fork_count();
  if (db->options.lock == BLT_LOCK_NONE)
    return BLT_OK;
  if (blt__file_identify(db->file, &db->id) == 0) {
    blt_status status =
        blt__lock_enter(&db->env, &db->sink, &db->id, db->exclusive);
    if (status < 0)
      return status;
    db->registered = 1;
    db->fork_count = blt__fork_count();
  }
  blt_status status =
      blt__lock_take(db->file, &db->sink, db->exclusive, timeout);
  db->locked = status == BLT_OK;
  return status;
}

static blt_status open_file(blt_db *db)
{
  struct blt__posix_open how = {.path = db->path,
                                .fd = db->fd,
                                .close_fd = db->options.close_fd == BLT_ON,
                                .writable = db->writable,
                                .network = db->options.network == BLT_ON};
  blt_status status = blt__file_open(&db->env, &db->sink, &how, &db->file);

  if (status < 0)
    return status;
  if ((status = take_lock(db)) < 0)
    close_file(db);
  return status;
}

/* While we waited for the lock, the name may have gone to another file. */
static blt_status open_file_at_path(blt_db *db)
{
  for (int attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    blt_status status = open_file(db);
    if (status < 0 || db->path == NULL)
      return status;
    int is_at = blt__file_is_at(db->file, db->path);
    if (is_at == 1)
      return BLT_OK;
    close_file(db);
    if (is_at < 0)
      return blt__fail_errno(&db->sink, -is_at, BLT_NO_OFFSET,
                             "look at the file");
  }
  return blt__fail(&db->sink, BLT_E_LOCKED, BLT_NO_OFFSET,
                   "the file is replaced again and again; try later");
}

static blt_status open_or_create(blt_db *db, int *out_is_new)
{
  blt_mode mode = db->options.mode;
  int may_create = db->path != NULL && mode >= BLT_CREATE;

  *out_is_new = 0;
  for (int attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    blt_status status = BLT_E_NO_FILE;
    if (!*out_is_new && may_create && mode == BLT_CREATE &&
        db->options.exclusive == BLT_ON) {
      if ((status = blt__create_at_path(db)) < 0)
        return status;
      *out_is_new = 1;
    }
    status = open_file_at_path(db);
    if (status != BLT_E_NO_FILE || !may_create)
      return status;
    status = blt__create_at_path(db);
    if (status < 0 && status != BLT_E_EXISTS)
      return status;
    *out_is_new = status == BLT_OK;
  }
  return blt__fail(&db->sink, BLT_E_IO, BLT_NO_OFFSET,
                   "the file comes and goes; try later");
}

/* ---- from file to store */

/* NEW empties what is there, in place: a store, or what a killed NEW left of
 * one. Anything else is somebody's and stays. */
static blt_status empty_store(blt_db *db)
{
  static const uint8_t nothing[16];
  uint8_t kind[16];
  blt_status status = blt__file_read(db->file, &db->sink, 0, kind, sizeof kind);

  if (status == BLT_OK && memcmp(kind, nothing, sizeof kind) != 0 &&
      !blt__header_is_kind(kind))
    status = BLT_E_TRUNCATED;
  if (status == BLT_E_TRUNCATED)
    return blt__fail(&db->sink, BLT_E_NOT_BOOKLET, BLT_NO_OFFSET,
                     "not a booklet file, so it is not emptied; remove it "
                     "first");
  return status < 0 ? status : blt__create_in_place(db);
}

static blt_status ask_if_empty(blt_db *db, int *out)
{
  uint64_t size = 1;
  int error = db->file->ops->size(db->file, &size);

  *out = size == 0;
  return error == 0 ? BLT_OK
                    : blt__fail_errno(&db->sink, -error, BLT_NO_OFFSET,
                                      "ask for the size");
}

static blt_status attach_any(blt_db *db, int is_new)
{
  blt_mode mode = db->options.mode;
  int is_empty = 0;
  blt_status status = ask_if_empty(db, &is_empty);

  if (status < 0)
    return status;
  if (mode >= BLT_CREATE && is_empty)
    status = blt__create_in_place(db);
  else if (mode == BLT_NEW && !is_new)
    status = empty_store(db);
  else
    return is_new ? blt__attach_created(db) : blt__attach(db);
  return status < 0 ? status : blt__attach_created(db);
}

/* A reader cannot mend a file that a killed writer left. A writer for a
 * moment can, where the system permits. */
static blt_status mend_first(blt_db *db)
{
  uint8_t header[BLT__HEADER_LEN];
  struct blt__checkpoint checkpoint;
  blt_options options = db->options;
  blt_db *writer;

  if (db->options.mode != BLT_READ || db->options.recover == BLT_OFF ||
      db->path == NULL || db->options.lock == BLT_LOCK_NONE ||
      db->file->ops->read_at(db->file, 0, header, sizeof header) !=
          (int64_t)sizeof header ||
      !blt__checkpoint_decode(header, &checkpoint) ||
      checkpoint.state == BLT__CLEAN)
    return BLT_OK;
  close_file(db);
  options.mode = BLT_WRITE;
  options.kind = BLT_ANY;
  blt_open_info opened = {.what = BLT_OPENED_CLEAN};
  blt_status status = blt_open(db->path, &options, &writer);
  if (status == BLT_OK) {
    opened = writer->opened;
    status = blt_close(writer);
  }
  /* Not permitted, or it failed: then it is read as it is. */
  if (status == BLT_E_LOCKED)
    return status;
  status = open_file_at_path(db);
  db->opened = opened;
  return status;
}

static blt_status attach_opened(blt_db *db, int is_new)
{
  blt_status status = mend_first(db);

  if (status < 0)
    return status;
  blt_open_info mended = db->opened;
  status = attach_any(db, is_new);
  /* Who asked for a file that was not there wants none that is of no use. It
   * goes while we have its lock, and only if it is still ours. */
  if (status < 0 && is_new && db->options.exclusive == BLT_ON &&
      blt__file_is_at(db->file, db->path) == 1)
    blt__file_remove(db->path);
  if (status < 0)
    close_file(db);
  else if (mended.what == BLT_OPENED_RECOVERED ||
           mended.what == BLT_OPENED_REPAIRED)
    db->opened = mended;
  return status;
}

static blt_status open_store(blt_db *db)
{
  int is_new = 0;
  blt_status status = open_or_create(db, &is_new);

  if (status == BLT_OK)
    status = attach_opened(db, is_new);
  return status;
}

static blt_status finish_open(blt_db *db, blt_status status, blt_db **out)
{
  if (status < 0) {
    free_handle(db);
    return status;
  }
  db->sink.owner = db;
  *out = db;
  return BLT_OK;
}

BLT_API blt_status blt_open(const char *path, const blt_options *options,
                            blt_db **out)
{
  blt_db *db = NULL;

  if (out == NULL)
    return blt__fail_null("place for the handle");
  *out = NULL;
  if (path == NULL)
    return blt__fail_null("path");
  blt_status status = make_handle(path, options, &db);
  return status < 0 ? status : finish_open(db, open_store(db), out);
}

blt_status blt__open_raw(const char *path, const blt_options *options,
                         blt_db **out)
{
  blt_db *db = NULL;
  blt_status status =
      path == NULL ? blt__fail_null("path") : make_handle(path, options, &db);

  *out = NULL;
  if (status == BLT_OK && (status = open_file_at_path(db)) < 0)
    free_handle(db);
  if (status == BLT_OK)
    *out = db;
  return status;
}

void blt__close_raw(blt_db *db)
{
  blt__links_release(&db->image.links);
  blt__links_release(&db->image.tombs);
  blt__links_release(&db->image.reveals);
  blt__view_close(&db->image.view);
  close_file(db);
  free_handle(db);
}

BLT_API blt_status blt_open_fd(int fd, const blt_options *options, blt_db **out)
{
  blt_db *db = NULL;

  if (out == NULL)
    return blt__fail_null("place for the handle");
  *out = NULL;
  blt_status status = make_handle(NULL, options, &db);
  if (status < 0)
    return status;
  db->fd = fd;
  return finish_open(db, open_store(db), out);
}

/* From a file that is there already, without a lock. */
static blt_status open_given(blt_db *db, struct blt__file *file)
{
  db->file = file;
  db->fork_count = blt__fork_count();
  blt_status status = attach_any(db, 0);
  if (status < 0)
    close_file(db);
  return status;
}

blt_status blt__open_file(struct blt__file *file, const blt_options *options,
                          blt_db **out)
{
  blt_db *db = NULL;
  blt_status status = make_handle(NULL, options, &db);

  *out = NULL;
  if (status < 0) {
    file->ops->close(file);
    return status;
  }
  return finish_open(db, open_given(db, file), out);
}

static blt_status open_memory(blt_db *db, const void *image, size_t len)
{
  struct blt__file *file = NULL;

  db->in_memory = 1;
  if (db->options.mode == BLT_NEW)
    len = 0;
  blt_status status = blt__file_memory(&db->env, &db->sink, image, len, &file);
  return status < 0 ? status : open_given(db, file);
}

BLT_API blt_status blt_open_memory(const void *image, size_t image_len,
                                   const blt_options *options, blt_db **out)
{
  blt_db *db = NULL;

  if (out == NULL)
    return blt__fail_null("place for the handle");
  if (image == NULL && image_len != 0)
    return blt__fail_null("image");
  *out = NULL;
  blt_status status = make_handle(NULL, options, &db);
  if (status < 0)
    return status;
  return finish_open(db, open_memory(db, image, image_len), out);
}

BLT_API blt_status blt_memory_image(blt_db *db, blt_bytes *out)
{
  blt_status status = blt__enter_alone(db);

  if (status < 0)
    return status;
  if (!db->in_memory)
    status = blt__fail(&db->sink, BLT_E_UNSUPPORTED, BLT_NO_OFFSET,
                       "the store is a file; read that");
  else if (db->writable && !db->log.poisoned &&
           (db->in_batch || (status = blt__commit(db)) == BLT_OK))
    status = blt__log_rest(&db->log);
  if (status == BLT_OK)
    *out = (blt_bytes){db->image.view.base, (size_t)db->image.view.size};
  return blt__leave(db, status);
}

BLT_API blt_status blt_close(blt_db *db)
{
  blt_status status = BLT_OK;

  if (db == NULL)
    return BLT_OK;
  if (db->file != NULL) {
    status = blt__detach(db);
    close_file(db);
  }
  if (status < 0)
    blt__fail_disown();
  free_handle(db);
  return status;
}

BLT_API blt_status blt_reopen(blt_db *db, blt_mode mode)
{
  blt_status status = blt__enter_alone(db);

  if (status < 0)
    return status;
  if (db->in_batch)
    status = blt__fail(&db->sink, BLT_E_BUSY, BLT_NO_OFFSET,
                       "commit or abort the batch first");
  else if (db->path == NULL && !db->in_memory)
    status = blt__fail(&db->sink, BLT_E_UNSUPPORTED, BLT_NO_OFFSET,
                       "a store that was opened by descriptor cannot be "
                       "opened again");
  else if (mode != BLT_READ && mode != BLT_WRITE)
    status = blt__fail(&db->sink, BLT_E_INVALID, BLT_NO_OFFSET,
                       "reopen for BLT_READ or BLT_WRITE");
  if ((status = blt__leave(db, status)) < 0)
    return status;
  atomic_fetch_add(&db->n_mutations, 1);
  atomic_fetch_add(&db->n_compactions, 1);
  status = blt__detach(db);
  db->options.mode = mode;
  db->writable = mode == BLT_WRITE;
  if (!db->in_memory)
    close_file(db);
  blt_status opened = db->in_memory ? blt__attach(db) : open_store(db);
  return status < 0 ? status : opened;
}

BLT_API blt_status blt_open_report(blt_db *db, blt_open_info *out)
{
  blt_status status = blt__enter_read(db);

  if (status < 0)
    return status;
  *out = db->opened;
  return blt__leave(db, BLT_OK);
}
