/* check.c - what a handle shows, what a status may be, and the end of a run */
#include "faults/trial.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "api/db.h"
#include "support/store.h"

/* The three that end a handle, whatever went wrong. */
static int is_last_word(blt_status status)
{
  return status == BLT_E_POISONED || status == BLT_E_COMMITTED ||
         status == BLT_E_UNKNOWN;
}

int is_honest(const struct fault *fault, blt_status status)
{
  if (is_last_word(status))
    return 1;
  if (fault == NULL)
    return status == BLT_E_NO_MEMORY;
  switch (fault->error) {
  case ENOSPC:
  case EDQUOT:
    return status == BLT_E_NO_SPACE;
  case ENOMEM:
    return status == BLT_E_NO_MEMORY;
  default:
    return status == BLT_E_IO;
  }
}

static int has_times(const struct trial *trial)
{
  return !trial->config->is_fixed && trial->config->timestamps != BLT_OFF;
}

static blt_status get(blt_db *db, int key, blt_bytes *out, uint64_t *out_time)
{
  const char name = (char)('a' + key);

  if (key == HIDDEN_KEY)
    return blt_metadata_get(db, out, out_time);
  const blt_status status = blt_get(db, &name, 1, out);
  if (status == BLT_OK &&
      blt_timestamp_get(db, &name, 1, out_time) == BLT_E_UNSUPPORTED)
    *out_time = 0;
  return status;
}

static int shows_item(struct trial *trial, blt_db *db, int key,
                      const struct item *item)
{
  blt_bytes value = {NULL, 0};
  uint64_t time = 0;

  if (key == HIDDEN_KEY && trial->config->is_fixed)
    return 1;
  const blt_status status = get(db, key, &value, &time);
  if (!item->is_there)
    return status == BLT_NOT_FOUND;
  return status == BLT_OK && value.len == item->len &&
         memcmp(value.data, trial_value(item), value.len) == 0 &&
         (!has_times(trial) || time == item->time);
}

static int shows_by_iteration(blt_db *db, uint64_t n)
{
  blt_iter *iter = NULL;
  blt_item item;
  uint64_t n_seen = 0;

  if (blt_iter_open(db, BLT_ITER_VALUES, &iter) != BLT_OK)
    return 0;
  while (blt_iter_next(iter, &item) == BLT_OK)
    n_seen++;
  blt_iter_close(iter);
  return n_seen == n;
}

int shows(struct trial *trial, blt_db *db, const struct state *state)
{
  uint64_t n = 0, count = UINT64_MAX, file_time = 0;

  for (int key = 0; key < N_KEYS; key++) {
    if (!shows_item(trial, db, key, &state->items[key]))
      return 0;
    n += key != HIDDEN_KEY && state->items[key].is_there;
  }
  if (state->file_time != 0 && (blt_file_timestamp_get(db, &file_time) < 0 ||
                                file_time != state->file_time))
    return 0;
  return blt_count(db, &count) == BLT_OK && count == n &&
         (trial->in_batch || !trial->is_over || shows_by_iteration(db, n));
}

/* ---- judging */

/* A sync that failed may have taken away what was not synced before. A handle
 * that goes on to say that all commits are safe has to be right. */
void trial_lower_floor(struct trial *trial, blt_status status)
{
  const struct fault *const fault = trial->disk->fault;

  if (fault == NULL || fault->loss == LOSS_UNTRIED ||
      status == BLT_E_COMMITTED ||
      (status == BLT_E_POISONED && trial->db != NULL))
    return;
  if (trial->acked > trial->durable)
    trial->acked = trial->durable;
}

void trial_judge_failure(struct trial *trial, blt_status status)
{
  const struct fault *const fault =
      trial->memory.n_hit > 0 ? NULL : trial->disk->fault;

  JUDGE(trial, trial_was_hit(trial), "%s without a cause: %s",
        blt_status_name(status), blt_last_error(trial->db)->message);
  JUDGE(trial, is_honest(fault, status), "%s is no answer to this: %s",
        blt_status_name(status), blt_last_error(trial->db)->message);
  trial_lower_floor(trial, status);
  if (status == BLT_E_COMMITTED)
    trial->acked = trial->n_states - 1;
  if (trial->db == NULL)
    return;
  const int last_word = status == BLT_E_COMMITTED || status == BLT_E_UNKNOWN ||
                        status == BLT_E_POISONED;
  JUDGE(trial, last_word == (trial->db->log.poisoned != 0),
        "%s does not fit a handle that is %s", blt_status_name(status),
        trial->db->log.poisoned ? "poisoned" : "good");
}

void trial_judge_content(struct trial *trial)
{
  for (int i = trial->n_states - 1; i >= trial->acked; i--)
    if (shows(trial, trial->db, &trial->states[i])) {
      trial->n_states = i + 1;
      trial->sure = trial->acked = i;
      return;
    }
  JUDGE(trial, 0, "the file holds none of the states %d to %d", trial->acked,
        trial->n_states - 1);
}

void trial_judge_end(struct trial *trial)
{
  blt_open_info info;

  JUDGE(trial, trial->memory.n_live == 0, "memory was not given back");
  trial_calm(trial);
  trial->in_batch = 0;
  trial->is_over = 1;
  /* Where only the mark of a good close was not synced, a power cut brings the
   * mark of the session back, and there is one more recovery. */
  const int n = trial->disk->is_cached ? 3 : 2;
  for (int i = 0; i < n; i++) {
    const blt_mode mode = trial->is_lost ? BLT_NEW : BLT_CREATE;
    blt_status status = trial_open(trial, mode);
    trial->is_lost = 0;
    JUDGE(trial, status == BLT_OK, "opening %d gave %s: %s", i,
          blt_status_name(status), blt_last_error(NULL)->message);
    trial_judge_content(trial);
    status = blt_verify(trial->db, NULL, NULL);
    JUDGE(trial, status == BLT_OK, "verify gave %s", blt_status_name(status));
    EXPECT_OK(blt_open_report(trial->db, &info));
    JUDGE(trial, i < n - 1 || info.what == BLT_OPENED_CLEAN,
          "the last opening found it %d", (int)info.what);
    EXPECT_OK(trial_close(trial));
    /* F1: what no sync has brought to the disk was not needed. */
    if (trial->disk->is_cached)
      cache_cut_power(&trial->disk->cache);
  }
}
