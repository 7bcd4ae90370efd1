/* check.c - what a handle shows, and what a status may be */
#include "faults/trial.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

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
