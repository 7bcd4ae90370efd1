/* trial.c - one run of the workload */
#include "faults/trial.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "api/db.h"
#include "faults/system.h"
#include "support/store.h"

enum { TIME_BASE = 1000, MAX_VALUE = 32768 };

const void *trial_value(const struct item *item)
{
  static uint8_t bytes[MAX_VALUE];

  memset(bytes, item->fill, item->len);
  return bytes;
}

/* ---- telling */

/* So that a failure can be found again. */
const char *trial_told(struct trial *trial)
{
  const struct disk *const disk = trial->disk;

  snprintf(trial->what, sizeof trial->what,
           "%s, step %u, fault %s at %lu%s (memory at %lu%s)",
           trial->config->name, trial->step,
           disk->fault == NULL ? "none now" : disk->fault->name, disk->at,
           disk->is_lasting ? " for ever" : " once", trial->memory.at,
           trial->memory.is_lasting ? " for ever" : "");
  return trial->what;
}

int trial_was_hit(const struct trial *trial)
{
  return trial->disk->n_hit > 0 || trial->memory.n_hit > 0;
}

void trial_calm(struct trial *trial)
{
  disk_calm(trial->disk);
  trial->memory.at = 0;
}

/* ---- the states */

static void begin_state(struct trial *trial)
{
  const struct state *const newest = &trial->states[trial->n_states - 1];

  if (memcmp(newest, &trial->now, sizeof *newest) == 0)
    return;
  JUDGE(trial, trial->n_states < MAX_STATES, "there are too many states");
  trial->states[trial->n_states++] = trial->now;
}

/* All that calls have said to be done. */
static void acknowledge(struct trial *trial)
{
  trial->acked = trial->sure;
}

void trial_init(struct trial *trial, const struct config *config,
                struct disk *disk)
{
  memset(trial, 0, sizeof *trial);
  trial->config = config;
  trial->disk = disk;
  trial->n_states = 1;
  trial->options = (blt_options){
      .size = sizeof trial->options,
      .kind = config->is_fixed ? BLT_FIXED : BLT_VARIABLE,
      .fixed_value_len = config->value_len,
      .n_buckets = config->n_buckets,
      .timestamps = config->timestamps,
      .buffer_len = config->buffer_len,
      .sync = config->sync,
      .io = config->io,
      .sigbus = BLT_OFF,
      .auto_reindex = config->auto_reindex,
  };
  trial->n_descriptors = disk->is_system ? count_descriptors() : 0;
  disk_calm(disk);
  disk_fill(disk, "", 0);
}

/* ---- steps */

unsigned trial_n_open(const struct trial *trial)
{
  return trial->disk->is_system ? count_descriptors() - trial->n_descriptors
                                : trial->disk->n_open;
}

/* Zeros ahead of the log (at FULL), though the store is small. Of the configs
 * some have none. */
static void write_ahead(struct trial *trial)
{
  if (trial->config->n_buckets == 3)
    trial->db->log.room.ahead = (struct blt__ahead){0, 0, 1000};
}

blt_status trial_open(struct trial *trial, blt_mode mode)
{
  const blt_allocator allocator = memory_allocator(&trial->memory);
  blt_options options = trial->options;

  options.mode = mode;
  options.allocator = trial->uses_malloc ? NULL : &allocator;
  const blt_status status =
      trial->disk->is_system
          ? blt_open(trial->disk->path, &options, &trial->db)
          : blt__open_file(disk_open(trial->disk), &options, &trial->db);
  JUDGE(trial, (status == BLT_OK) == (trial->db != NULL),
        "open gave %s and a handle that does not fit", blt_status_name(status));
  if (status == BLT_OK)
    write_ahead(trial);
  return status;
}

blt_status trial_close(struct trial *trial)
{
  const blt_status status = blt_close(trial->db);

  if (status < 0)
    trial_lower_floor(trial, status);
  trial->db = NULL;
  if (status == BLT_OK || status == BLT_E_COMMITTED)
    acknowledge(trial);
  if (status == BLT_OK && trial->config->sync != BLT_SYNC_OFF)
    trial->durable = trial->acked;
  JUDGE(trial, trial->memory.n_live == 0 && trial_n_open(trial) == 0,
        "after close %zu blocks and %u files are not given back",
        trial->memory.n_live, trial_n_open(trial));
  return status;
}

static blt_status iterate(struct trial *trial)
{
  blt_iter *iter = NULL;
  blt_item item;
  blt_status status = blt_iter_open(trial->db, BLT_ITER_VALUES, &iter);

  if (status != BLT_OK)
    return status;
  while ((status = blt_iter_next(iter, &item)) == BLT_OK)
    ;
  blt_iter_close(iter);
  return status == BLT_END ? BLT_OK : status;
}

static blt_status put(struct trial *trial, int key, const struct item *item)
{
  const char name = (char)('a' + key);

  if (key == HIDDEN_KEY)
    return blt_metadata_set(trial->db, trial_value(item), item->len,
                            item->time);
  return blt_put_at(trial->db, &name, 1, trial_value(item), item->len,
                    item->time);
}

static blt_status delete (struct trial *trial, int key)
{
  const char name = (char)('a' + key);

  return key == HIDDEN_KEY ? blt_metadata_delete(trial->db)
                           : blt_delete(trial->db, &name, 1);
}

/* Keys whose time is below that of the step in the middle. */
static uint64_t old_time(const struct trial *trial)
{
  return TIME_BASE + trial->step / 2;
}

static blt_status prune(struct trial *trial, int by_time)
{
  blt_prune_options options = BLT_PRUNE_OPTIONS_INIT;

  if (by_time)
    options.older_than = old_time(trial);
  return blt_prune(trial->db, &options, NULL);
}

static int is_without(const struct trial *trial, const struct step *step)
{
  const struct config *const config = trial->config;
  const int has_times = !config->is_fixed && config->timestamps != BLT_OFF;

  /* What is set in place belongs to no commit, and a sync that fails may take
   * it away by itself. */
  if (trial->disk->is_cached &&
      (step->kind == STEP_TIME || step->kind == STEP_FILE_TIME))
    return 1;
  return (step->key == HIDDEN_KEY && config->is_fixed) ||
         ((step->kind == STEP_TIME || step->kind == STEP_PRUNE_OLD) &&
          !has_times);
}

/* What the store shows when the step is done. */
static void expect_step(struct trial *trial, const struct step *step)
{
  struct state *const now = &trial->now;
  struct item *const item = &now->items[step->key];

  switch (step->kind) {
  case STEP_PUT:
    *item = (struct item){1, (uint8_t)(trial->step + 1),
                          trial->config->is_fixed ? trial->config->value_len
                                                  : step->len,
                          TIME_BASE + trial->step};
    break;
  case STEP_DELETE:
    *item = (struct item){0, 0, 0, 0};
    break;
  case STEP_ABORT:
    *now = trial->before_batch;
    break;
  case STEP_TIME:
    item->time = TIME_BASE * 2 + trial->step;
    break;
  case STEP_FILE_TIME:
    now->file_time = TIME_BASE * 3 + trial->step;
    break;
  case STEP_PRUNE_OLD:
    for (int i = 0; i < HIDDEN_KEY; i++)
      if (now->items[i].is_there && now->items[i].time < old_time(trial))
        now->items[i] = (struct item){0, 0, 0, 0};
    break;
  case STEP_CLEAR:
    memset(now->items, 0, sizeof now->items);
    break;
  default:
    break;
  }
}

static blt_status reopen(struct trial *trial)
{
  blt_status status = BLT_OK;

  if (trial->db != NULL)
    status = trial_close(trial);
  return status < 0 ? status : trial_open(trial, BLT_WRITE);
}

static blt_status do_step(struct trial *trial, const struct step *step)
{
  const char name = (char)('a' + step->key);
  const struct item *const item = &trial->now.items[step->key];

  switch (step->kind) {
  case STEP_PUT:
    return put(trial, step->key, item);
  case STEP_DELETE:
    return delete (trial, step->key);
  case STEP_BEGIN:
    return blt_batch_begin(trial->db);
  case STEP_COMMIT:
    return blt_batch_commit(trial->db);
  case STEP_ABORT:
    return blt_batch_abort(trial->db);
  case STEP_SYNC:
    return blt_sync(trial->db);
  case STEP_ITERATE:
    return iterate(trial);
  case STEP_TIME:
    return blt_timestamp_set(trial->db, &name, 1, item->time);
  case STEP_FILE_TIME:
    return blt_file_timestamp_set(trial->db, trial->now.file_time);
  case STEP_PRUNE:
  case STEP_PRUNE_OLD:
    return prune(trial, step->kind == STEP_PRUNE_OLD);
  case STEP_REINDEX:
    return blt_reindex(trial->db, trial->config->later_buckets);
  case STEP_CLEAR:
    return blt_clear(trial->db);
  case STEP_REOPEN:
    return reopen(trial);
  default:
    return blt_verify(trial->db, NULL, NULL);
  }
}

/* ---- judging a step */

/* Puts and deletes only join what the next commit takes along. */
static int is_commit(const struct step *step)
{
  return step->kind != STEP_PUT && step->kind != STEP_DELETE &&
         step->kind != STEP_ABORT && step->kind != STEP_VERIFY;
}

/* After these, what was acknowledged has also been synced. */
static int is_sync(const struct trial *trial, const struct step *step)
{
  switch (step->kind) {
  case STEP_COMMIT:
    return trial->config->sync == BLT_SYNC_FULL;
  case STEP_SYNC:
  case STEP_PRUNE:
  case STEP_PRUNE_OLD:
  case STEP_REINDEX:
  case STEP_CLEAR:
    return trial->config->sync != BLT_SYNC_OFF;
  default:
    return 0;
  }
}

/* Refuses all writes and still reads. */
static void judge_poisoned(struct trial *trial)
{
  blt_bytes value = {NULL, 0};
  const blt_status status = blt_get(trial->db, "?", 1, &value);

  JUDGE(trial,
        blt_put(trial->db, "?", 1, "", 0) == BLT_E_POISONED &&
            blt_sync(trial->db) == BLT_E_POISONED,
        "a poisoned handle takes writes");
  JUDGE(trial, status == BLT_NOT_FOUND || trial_was_hit(trial),
        "a poisoned handle does not read: %s", blt_status_name(status));
}

/* Not poisoned: nothing was changed, or the put has joined the batch. */
static void judge_unchanged(struct trial *trial, const struct step *step,
                            const struct state *before)
{
  const int may_join = step->kind == STEP_PUT || step->kind == STEP_DELETE;

  JUDGE(trial,
        shows(trial, trial->db, before) ||
            (may_join && shows(trial, trial->db, &trial->now)),
        "a step of kind %d failed and left something else", (int)step->kind);
}

static blt_status retry(struct trial *trial, const struct step *step,
                        const struct state *before)
{
  trial_calm(trial);
  if (trial->db != NULL)
    judge_unchanged(trial, step, before);
  blt_status status = do_step(trial, step);
  if (step->kind == STEP_DELETE && status == BLT_NOT_FOUND)
    status = BLT_OK;
  JUDGE(trial, status == BLT_OK, "the second attempt gave %s: %s",
        blt_status_name(status), blt_last_error(trial->db)->message);
  return status;
}

/* The step and its end: BLT_OK, also when the second attempt did it. */
static blt_status run_step(struct trial *trial, const struct step *step,
                           enum answer answer)
{
  const struct state before = trial->now;

  if (step->kind == STEP_BEGIN)
    trial->before_batch = trial->now;
  expect_step(trial, step);
  if (!trial->in_batch || step->kind == STEP_COMMIT)
    begin_state(trial);
  blt_status status = do_step(trial, step);
  if (status < 0) {
    trial_judge_failure(trial, status);
    if (trial->db != NULL && trial->db->log.poisoned) {
      trial_calm(trial);
      judge_poisoned(trial);
      return status;
    }
    if (answer == ANSWER_CLOSE) {
      /* The batch is aborted by the close. */
      trial->n_states -= step->kind == STEP_COMMIT;
      return status;
    }
    status = retry(trial, step, &before);
  }
  JUDGE(trial, status == BLT_OK, "%s", blt_status_name(status));
  trial->sure = trial->n_states - 1;
  if (is_commit(step) && (!trial->in_batch || step->kind == STEP_COMMIT))
    acknowledge(trial);
  if (is_sync(trial, step))
    trial->durable = trial->acked;
  if (step->kind == STEP_BEGIN)
    trial->in_batch = 1;
  if (step->kind == STEP_COMMIT || step->kind == STEP_ABORT)
    trial->in_batch = 0;
  return BLT_OK;
}

/* ---- the whole */

static blt_status create(struct trial *trial, enum answer answer)
{
  blt_status status = trial_open(trial, BLT_CREATE);

  if (status == BLT_OK)
    return BLT_OK;
  trial_judge_failure(trial, status);
  JUDGE(trial, trial->memory.n_live == 0 && trial_n_open(trial) == 0,
        "a failed open keeps %zu blocks and %u files", trial->memory.n_live,
        trial_n_open(trial));
  if (answer == ANSWER_CLOSE) {
    trial->is_lost = 1;
    return status;
  }
  trial_calm(trial);
  /* What could not be taken back is no store, which only NEW replaces. Under
   * a path there is all of it or nothing. */
  status = trial_open(trial, trial->disk->is_lasting && !trial->disk->is_system
                                 ? BLT_NEW
                                 : BLT_CREATE);
  JUDGE(trial, status == BLT_OK, "the second attempt to create gave %s: %s",
        blt_status_name(status), blt_last_error(NULL)->message);
  return BLT_OK;
}

blt_status trial_run(struct trial *trial, enum answer answer)
{
  blt_status status = create(trial, answer);

  for (trial->step = 0; trial->step < n_steps && status == BLT_OK;
       trial->step++)
    if (!is_without(trial, &workload[trial->step]))
      status = run_step(trial, &workload[trial->step], answer);
  if (trial->db != NULL) {
    const int was_poisoned = trial->db->log.poisoned;
    const blt_status closed = trial_close(trial);
    JUDGE(trial, closed == BLT_OK || trial_was_hit(trial),
          "close gave %s without a cause", blt_status_name(closed));
    JUDGE(trial, !was_poisoned || closed == BLT_E_POISONED,
          "close of a poisoned handle gave %s", blt_status_name(closed));
    if (status == BLT_OK)
      status = closed;
  }
  return status;
}
