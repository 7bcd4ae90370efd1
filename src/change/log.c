/*
 * log.c - the session: its header, its syncs, its limits
 */
#include "change/log.h"

#include <string.h>

#include "change/checkpoint.h"

/* Log that may be lost to a power cut at level BATCH. */
#define UNSYNCED_MAX ((uint64_t)64 << 20)

/*
 * A checkpoint costs up to the whole index, and the whole file where blocks
 * died, written once over. So what waits for one is a share of the file (log)
 * or of the index (links), between these limits; at FULL it is no share of the
 * file, since the next commit waits for the disk.
 */
#define DUE_MIN_OFF ((uint64_t)256 << 20)
#define DUE_MAX ((uint64_t)1 << 30)
enum {
  SHARE = 8,
  /* A batch more, and a table of 2^n places is still half full at most. */
  LINKS_MAX = (1 << 21) - (1 << 12),
  LINKS_MIN = (1 << 18) - (1 << 12),
  SLOTS_MIN = 1 << 12
};

/* Log that the disk is asked to begin with, long before the sync of BATCH. */
#define BEGIN_LEN ((uint64_t)256 << 10)

/* Least space at the front of the file that is worth giving back. */
#define PUNCH_MIN ((uint64_t)64 << 10)

static uint64_t due_len_of(blt_sync_level level)
{
  switch (level) {
  case BLT_SYNC_FULL:
    return BLT__LOG_MAX;
  case BLT_SYNC_OFF:
    return DUE_MIN_OFF;
  default:
    return UNSYNCED_MAX;
  }
}

void blt__log_init(struct blt__log *log, struct blt__image *image,
                   const struct blt__env *env, const struct blt__sink *sink,
                   blt_sync_level level)
{
  *log = (struct blt__log){.image = image,
                           .env = env,
                           .sink = sink,
                           .level = level,
                           .log_max = BLT__LOG_MAX,
                           .sync_len = UNSYNCED_MAX,
                           .due_len = due_len_of(level)};
  blt__room_init(&log->room);
  struct blt__buf *const bufs[] = {&log->record, &log->times, &log->gathered,
                                   &log->undo,   &log->order, &log->parts};
  for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++)
    blt__buf_init(bufs[i], env);
}

void blt__log_release(struct blt__log *log)
{
  struct blt__buf *const bufs[] = {&log->record, &log->times, &log->gathered,
                                   &log->undo,   &log->order, &log->parts};

  if (log->env == NULL)
    return;
  for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++)
    blt__buf_release(bufs[i]);
  blt__offsets_release(&log->tombs, log->env);
  blt__offsets_release(&log->old_tombs, log->env);
}

blt_status blt__log_poison(struct blt__log *log, blt_status status,
                           blt_status as, const char *meaning)
{
  log->poisoned = 1;
  (void)status;
  return blt__fail_upgrade(log->sink, as, meaning);
}

blt_status blt__log_sync_file(struct blt__log *log)
{
  struct blt__file *file = log->image->view.file;

  log->links_unsynced = log->times_unsynced = 0;
  if (log->level == BLT_SYNC_OFF)
    return BLT_OK;
  /* Never tried again: the kernel may have dropped what it could not write. */
  int error = file->ops->sync(file);
  return error == 0 ? BLT_OK
                    : blt__fail_errno(log->sink, -error, BLT_NO_OFFSET,
                                      "sync the file");
}

static unsigned flags_of(const struct blt__log *log, enum blt__state state)
{
  unsigned flags = log->level == BLT_SYNC_OFF ? BLT__FLAG_OFF : 0;

  if (state == BLT__REPAIR)
    flags |= (log->was_open ? BLT__FLAG_WAS_OPEN : 0u) |
             (log->has_gap ? BLT__FLAG_GAP : 0u);
  return flags;
}

blt_status blt__log_put_header(struct blt__log *log, enum blt__state state,
                               struct blt__mark from, uint64_t committed)
{
  const struct blt__layout *layout = &log->image->layout;
  struct blt__checkpoint checkpoint = {
      .state = state,
      .flags = flags_of(log, state),
      .log_seq = from.seq,
      .log_start = from.start,
      .committed = committed,
      .n_keys = from.n_keys,
      .index_off = layout->index_off,
      .first_off = layout->first_off,
      .n_buckets = layout->n_buckets,
      .boot_id = log->boot_id,
  };

  memcpy(checkpoint.salt, log->salt, BLT__SALT_LEN);
  blt__header_set_kind(log->header, log->image->geo.fixed, log->guarded);
  blt__put4(log->header + BLT__HDR_COUNT,
            state == BLT__CLEAN ? from.n_keys : BLT__COUNT_UNCLEAN);
  blt__checkpoint_encode(log->header, &checkpoint);
  log->from = from;
  return blt__view_write(&log->image->view, 0,
                         &(struct blt__span){log->header, BLT__HEADER_LEN}, 1);
}

static blt_status set_guard(struct blt__log *log, int guarded)
{
  if (log->guarded == guarded)
    return BLT_OK;
  log->guarded = guarded;
  blt_status status = blt__log_put_header(log, BLT__DIRTY, log->from, log->end);
  if (status < 0)
    log->guarded = !guarded;
  return status;
}

blt_status blt__log_guard(struct blt__log *log)
{
  return set_guard(log, 1);
}

/* A value that was replaced must be dead as well: booklet may delete the key,
 * and its prune then finds the old block. */
blt_status blt__log_unguard(struct blt__log *log)
{
  int is_ahead_of_file =
      log->image->links.n + log->tombs.n + log->old_tombs.n > 0;

  return is_ahead_of_file ? BLT_OK : set_guard(log, 0);
}

struct blt__mark blt__log_mark(const struct blt__log *log)
{
  return (struct blt__mark){log->seq, log->end, log->n_keys};
}

void blt__log_start_groups(struct blt__log *log)
{
  log->group = log->prev = blt__log_mark(log);
  log->begun = log->end;
}

static blt_status fail_poisoned(const struct blt__log *log)
{
  return blt__fail(log->sink, BLT_E_POISONED, BLT_NO_OFFSET,
                   "an earlier write failed; close the handle and open the "
                   "file again, which recovers it");
}

blt_status blt__log_begin(struct blt__log *log)
{
  if (log->poisoned)
    return fail_poisoned(log);
  if (log->in_session)
    return BLT_OK;
  blt__random(log->salt, sizeof log->salt);
  log->boot_id = blt__boot_id();
  log->end = log->durable = log->image->view.size;
  log->seq = 1;
  log->guarded = 1;
  blt__log_start_groups(log);
  blt__room_forget(&log->room, log->end);
  blt_status status =
      blt__log_put_header(log, BLT__DIRTY, blt__log_mark(log), log->end);
  if (status == BLT_OK)
    status = blt__log_sync_file(log);
  if (status < 0)
    return blt__log_poison(log, status, BLT_E_UNKNOWN,
                           "the file could not be marked as being written; "
                           "nothing was committed");
  log->in_session = 1;
  return BLT_OK;
}

static void show_tombs_of(struct blt__log *log,
                          const struct blt__offsets *tombs)
{
  int is_new;

  for (size_t i = 0; i < tombs->n; i++)
    (void)blt__links_make(&log->image->tombs, tombs->at[i], &is_new);
}

blt_status blt__log_show_tombs(struct blt__log *log)
{
  if (log->shows_tombs)
    return BLT_OK;
  if (blt__links_reserve(&log->image->tombs, log->tombs.n + log->old_tombs.n) !=
      0)
    return blt__fail_memory(log->sink);
  show_tombs_of(log, &log->old_tombs);
  show_tombs_of(log, &log->tombs);
  log->shows_tombs = 1;
  return BLT_OK;
}

static blt_status make_durable(struct blt__log *log)
{
  if (log->poisoned)
    return fail_poisoned(log);
  if (!log->in_session || (log->durable == log->end && !log->times_unsynced))
    return BLT_OK;
  blt_status status = blt__log_sync_file(log);
  if (status < 0)
    return blt__log_poison(log, status, BLT_E_UNKNOWN,
                           "the sync failed; whether the last commits are on "
                           "disk shows when the file is opened again");
  log->durable = log->end;
  return BLT_OK;
}

/* How many links may wait. At OFF, where only slots changed, fewer: to write
 * the index once over costs 48 bytes a link then, less than a larger table
 * costs in memory that is touched for the first time. */
static size_t links_due(const struct blt__log *log)
{
  const int is_slots = log->level == BLT_SYNC_OFF && log->tombs.n == 0;
  const uint64_t least = is_slots ? SLOTS_MIN : LINKS_MIN;
  const uint64_t n = log->image->layout.n_buckets / SHARE;

  return (size_t)(n < least ? least : n > LINKS_MAX ? LINKS_MAX : n);
}

/* How much log may wait. */
static uint64_t len_due(const struct blt__log *log)
{
  const uint64_t len = log->image->view.size / SHARE;

  if (log->level == BLT_SYNC_FULL || len <= log->sync_len ||
      len <= log->due_len)
    return log->due_len;
  return len < DUE_MAX ? len : DUE_MAX;
}

static int is_checkpoint_due(const struct blt__log *log)
{
  const size_t n_due = links_due(log);

  return log->end - log->group.start >= len_due(log) ||
         log->image->links.n >= n_due || log->tombs.n >= n_due;
}

static int is_sync_due(const struct blt__log *log)
{
  return log->level == BLT_SYNC_FULL ||
         (log->level == BLT_SYNC_BATCH &&
          log->end - log->durable >= log->sync_len);
}

/* While the next commits are made the disk works already. Whole pages only: the
 * last one will be written to again. */
static void begin_sync(struct blt__log *log)
{
  struct blt__file *file = log->image->view.file;
  uint64_t end = log->end & ~(uint64_t)4095;

  if (log->level != BLT_SYNC_BATCH || file->ops->begin_sync == NULL ||
      end < log->begun + BEGIN_LEN)
    return;
  file->ops->begin_sync(file, log->begun, end - log->begun);
  log->begun = end;
}

blt_status blt__log_settle(struct blt__log *log)
{
  int is_due = is_checkpoint_due(log);

  if (!is_due)
    begin_sync(log);
  blt_status status = is_due || is_sync_due(log) ? make_durable(log) : BLT_OK;

  return status == BLT_OK && is_due ? blt__checkpoint(log) : status;
}

/* L5: a power cut that keeps this header keeps what it speaks of. */
static blt_status show_to_booklet(struct blt__log *log)
{
  blt_status status = log->links_unsynced ? blt__log_sync_file(log) : BLT_OK;

  if (status < 0 || (status = blt__log_unguard(log)) < 0)
    return blt__log_poison(log, status, BLT_E_COMMITTED,
                           "all commits are safe, but the header could not be "
                           "written; close and open the file again");
  return BLT_OK;
}

/* L6. What was cut off is treated as links that were written back: a sync comes
 * before the header. Most often there are such links too. */
static blt_status give_back(struct blt__log *log, int is_all)
{
  struct blt__view *view = &log->image->view;

  if (!log->in_session || log->poisoned)
    return BLT_OK;
  log->links_unsynced |= view->file_len > log->end;
  blt_status status = blt__room_give_back(&log->room, view, log->end, is_all);
  /* Zeros are at FULL alone, where every commit was synced. */
  return status == BLT_OK
             ? BLT_OK
             : blt__log_poison(log, status, BLT_E_COMMITTED,
                               "all commits are safe, but what is behind them "
                               "could not be cut off; close and open the file "
                               "again");
}

blt_status blt__log_sync(struct blt__log *log)
{
  blt_status status = give_back(log, 0);

  if (status == BLT_OK)
    status = make_durable(log);
  if (status < 0 || !log->in_session)
    return status;
  while (status == BLT_OK &&
         log->image->links.n + log->tombs.n + log->old_tombs.n > 0)
    status = blt__checkpoint(log);
  return status == BLT_OK && log->guarded ? show_to_booklet(log) : status;
}

blt_status blt__log_flatten(struct blt__log *log)
{
  blt_status status = give_back(log, 1);

  if (status == BLT_OK)
    status = make_durable(log);
  if (status < 0 || !log->in_session)
    return status;
  return blt__checkpoint_all(log);
}

static void punch_front(struct blt__log *log)
{
  struct blt__file *file = log->image->view.file;

  if (log->dead_front > PUNCH_MIN && file->ops->punch != NULL)
    (void)file->ops->punch(file, BLT__HEADER_LEN,
                           log->dead_front - BLT__HEADER_LEN);
  log->dead_front = 0;
}

blt_status blt__log_rest(struct blt__log *log)
{
  blt_status status = blt__log_flatten(log);

  if (status < 0 || !log->in_session)
    return status;
  log->guarded = 0;
  status = blt__log_put_header(log, BLT__CLEAN, blt__log_mark(log), log->end);
  if (status == BLT_OK)
    status = blt__log_sync_file(log);
  if (status < 0)
    return blt__log_poison(log, status, BLT_E_COMMITTED,
                           "all commits are safe, but the file could not be "
                           "marked as closed; the next open recovers it");
  log->in_session = 0;
  return BLT_OK;
}

blt_status blt__log_close(struct blt__log *log)
{
  blt_status status = blt__log_rest(log);

  /* Not earlier: borrowed pointers may still lead into the old copy. */
  if (status == BLT_OK)
    punch_front(log);
  return status;
}
