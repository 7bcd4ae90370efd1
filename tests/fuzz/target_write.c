/*
 * target_write.c - any file, opened for writing, and changed
 *
 *   - Opening, and each call, is a status, takes bounded steps and memory.
 *   - In a store that verify called sound after the opening no call fails, and
 *     all that is put is there, at once and after each opening.
 *   - A store that the opening repaired is sound.
 *   - After the close the file opens clean, in steps that do not depend on its
 *     length, and a sound store is still sound.
 */
#include <stddef.h>
#include <string.h>

#include "fuzz/ask.h"
#include "fuzz/keys.h"
#include "fuzz/model.h"
#include "fuzz/world.h"

enum { MAX_STEPS = 40, FEW_STEPS = 6, FEW_BLOCKS = 8, LARGE = 60000 };

struct run {
  struct input script;
  blt_options options;
  blt_db *db;
  int sound; /* the model says what the store holds                      */
  int in_batch;
  int is_over; /* no space or memory: nothing more is expected             */
  uint32_t value_len; /* of a fixed file                                    */
  int fixed;
  uint64_t time;
  uint64_t written; /* by all sessions before this one                      */
  struct keys keys;
  struct model model, committed;
};

/* ---- what a call owes */

static int is_out_of_room(blt_status status)
{
  return status == BLT_E_NO_SPACE || status == BLT_E_NO_MEMORY ||
         status == BLT_E_TOO_BIG;
}

/* After it: whether the call was done. */
static int is_done(struct run *run, const char *what, blt_status status)
{
  expect_a_status(status);
  if (status >= 0)
    return 1;
  if (is_out_of_room(status))
    run->is_over = 1;
  MUST(!run->sound || run->is_over, "%s of a sound store: %s: %s", what,
       blt_status_name(status), blt_last_error(run->db)->message);
  return 0;
}

/* ---- changes */

static blt_bytes value_of(struct run *run)
{
  return keys_value(&run->script, run->fixed ? (int64_t)run->value_len : -1);
}

static uint64_t next_time(struct run *run)
{
  return run->time = run->time + input_next(&run->script) % 4;
}

static void do_put(struct run *run)
{
  const blt_bytes key = keys_next(&run->keys, &run->script),
                  value = value_of(run);
  const uint64_t time = next_time(run);

  if (run->fixed && value.len != run->value_len)
    return;
  const blt_status status =
      blt_put_at(run->db, key.data, key.len, value.data, value.len, time);
  if (status == BLT_E_INVALID && !run->fixed)
    return; /* a hidden key                                                  */
  world_trace("put %zu:%02x, %zu bytes: %s\n", key.len,
              key.len > 0 ? *(const uint8_t *)key.data : 0u, value.len,
              blt_status_name(status));
  if (!is_done(run, "put", status))
    return;
  model_put(&run->model, key, value, time, 0);
  blt_bytes got = {NULL, 0};
  const blt_status asked = blt_get(run->db, key.data, key.len, &got);
  /* In a damaged store the table in memory may know another block of the key,
   * one that a walk does not reach. */
  MUST(!run->sound ||
           (asked == BLT_OK && got.len == value.len &&
            (got.len == 0 || memcmp(got.data, value.data, got.len) == 0)),
       "what was put is not got: %s", blt_status_name(asked));
}

static void do_delete(struct run *run)
{
  const blt_bytes key = keys_next(&run->keys, &run->script);
  const blt_status status = blt_delete(run->db, key.data, key.len);

  world_trace("delete %zu:%02x: %s\n", key.len,
              key.len > 0 ? *(const uint8_t *)key.data : 0u,
              blt_status_name(status));
  if (!is_done(run, "delete", status))
    return;
  /* A damaged file can make a hidden key look like one of the user's. */
  const struct model_entry *const entry = model_find(&run->model, key);
  const int was_there =
      entry != NULL && !entry->is_hidden && model_delete(&run->model, key);
  MUST(!run->sound || run->model.is_full || was_there == (status == BLT_OK),
       "delete says %s", blt_status_name(status));
  const blt_status asked = blt_has(run->db, key.data, key.len);
  MUST(asked < 0 || !run->sound ? 1 : asked == BLT_NOT_FOUND,
       "what was deleted is there: %s", blt_status_name(asked));
}

static void do_timestamp(struct run *run)
{
  const blt_bytes key = keys_next(&run->keys, &run->script);
  const uint64_t time = next_time(run);

  if (run->in_batch) /* it is no part of the batch, and outlives an abort    */
    return;
  const blt_status status = blt_timestamp_set(run->db, key.data, key.len, time);

  if (status == BLT_E_UNSUPPORTED)
    return;
  if (is_done(run, "timestamp_set", status) && status == BLT_OK)
    model_set_time(&run->model, key, time);
}

static void do_hidden(struct run *run)
{
  static const char *const keys[3] = {"adb01ebc1ba3433eb043527",
                                      "7c40d2ea915b4f3a8e6d201",
                                      "f19a5c3d7e2b48069ab34c5"};
  const uint8_t byte = input_next(&run->script);
  const int which = byte % 3;
  const blt_bytes key = {keys[which], strlen(keys[which])};

  if (run->fixed)
    return;
  if (byte & 0x80) {
    const blt_status status = which == 0 ? blt_metadata_delete(run->db)
                                         : blt_slot_delete(run->db, which);
    if (is_done(run, "delete of a hidden key", status))
      (void)model_delete(&run->model, key);
    return;
  }
  const blt_bytes value = value_of(run);
  const uint64_t time = next_time(run);
  const blt_status status =
      which == 0 ? blt_metadata_set(run->db, value.data, value.len, time)
                 : blt_slot_set(run->db, which, value.data, value.len, time);
  if (is_done(run, "metadata_set", status))
    model_put(&run->model, key, value, time, 1);
}

static void do_many(struct run *run)
{
  blt_item items[4];
  const size_t n = 1 + input_next(&run->script) % 4;
  uint8_t value[64];

  memset(value, 'm', sizeof value);
  for (size_t i = 0; i < n; i++)
    items[i] = (blt_item){.key = keys_next(&run->keys, &run->script),
                          .value = {value, run->fixed ? run->value_len : i},
                          .timestamp = run->time};
  /* next_key has one place for the keys it makes. */
  for (size_t i = 0; i < n; i++)
    if (items[i].key.len > 100 || (run->fixed && run->value_len > 64))
      return;
  const blt_status status = blt_put_many(run->db, items, n);
  if (status == BLT_E_INVALID && !run->fixed) {
    run->model.is_full = 1; /* those before the hidden key are put           */
    return;
  }
  if (is_done(run, "put_many", status))
    for (size_t i = 0; i < n; i++)
      model_put(&run->model, items[i].key, items[i].value, run->time, 0);
}

/* ---- commits */

static void do_sync(struct run *run)
{
  if (run->in_batch)
    return;
  (void)is_done(run, "sync", blt_sync(run->db));
}

static void do_batch(struct run *run)
{
  const uint8_t byte = input_next(&run->script);

  if (!run->in_batch) {
    if (is_done(run, "batch_begin", blt_batch_begin(run->db))) {
      run->in_batch = 1;
      model_save(&run->model, &run->committed);
    }
  } else if (byte & 1) {
    if (is_done(run, "batch_commit", blt_batch_commit(run->db)))
      run->in_batch = 0;
  } else if (is_done(run, "batch_abort", blt_batch_abort(run->db))) {
    run->in_batch = 0;
    model_restore(&run->model, &run->committed);
  }
}

/* ---- rewrites */

static void do_prune(struct run *run)
{
  blt_prune_options options = BLT_PRUNE_OPTIONS_INIT;
  const uint8_t byte = input_next(&run->script);
  uint64_t n_dropped = 0;

  if (run->in_batch)
    return;
  if (byte & 1)
    options.n_buckets = 1 + byte % 7;
  if ((byte & 6) == 6)
    options.older_than = run->time;
  const blt_status status = blt_prune(run->db, &options, &n_dropped);
  if (status == BLT_E_UNSUPPORTED || !is_done(run, "prune", status))
    return;
  if (options.older_than != 0)
    model_prune(&run->model, options.older_than);
}

static void do_reindex(struct run *run)
{
  const uint8_t byte = input_next(&run->script);

  if (!run->in_batch)
    (void)is_done(run, "reindex",
                  blt_reindex(run->db, byte == 255 ? 0 : 1 + byte % 13));
}

static void do_clear(struct run *run)
{
  if (run->in_batch || input_next(&run->script) % 4 != 0)
    return;
  if (!is_done(run, "clear", blt_clear(run->db)))
    return;
  /* Whatever was there: now it is empty, and sound. */
  model_clear(&run->model);
  if (!run->sound) {
    blt_verify_report report;
    const blt_status status = blt_verify(run->db, NULL, &report);
    MUST(status == BLT_OK && report.n_live == 0,
         "after a clear verify says %s, %llu live", blt_status_name(status),
         (unsigned long long)report.n_live);
    run->model.is_full = 0;
    run->sound = 1;
  }
}

/* ---- opening and closing */

static size_t file_len(void)
{
  size_t len = 0;

  (void)world_get("a", &len);
  return len;
}

static void judge_opened(struct run *run, const char *when)
{
  blt_open_info info;
  blt_header header;

  MUST(blt_open_report(run->db, &info) == BLT_OK &&
           blt_header_info(run->db, &header) == BLT_OK,
       "no report of an open store");
  run->fixed = header.kind == BLT_FIXED;
  run->value_len = header.value_len;
  run->model.has_times = header.has_timestamps;
  world_trace("%s: as %d\n", when, (int)info.what);
  const blt_status verified = blt_verify(run->db, NULL, NULL);
  expect_a_status(verified);
  MUST(verified == BLT_OK || info.what != BLT_OPENED_REPAIRED,
       "%s: a repaired store: %s", when, blt_last_error(run->db)->message);
  MUST(verified == BLT_OK || !run->sound, "%s: a sound store: %s", when,
       blt_last_error(run->db)->message);
  if (run->sound)
    model_expect(&run->model, run->db, when);
  else if (verified == BLT_OK)
    run->sound = model_load(&run->model, run->db);
}

/* A file that was closed opens clean, and in a few steps. */
static int open_again(struct run *run, blt_mode mode, int must_be_clean)
{
  blt_options options = run->options;
  blt_open_info info;
  blt_header header;
  const struct world_work before = world_work;

  options.mode = mode;
  const blt_status status = blt_open("a", &options, &run->db);
  expect_a_status(status);
  if (status < 0) {
    run->is_over |= is_out_of_room(status);
    MUST((!must_be_clean && !run->sound) || run->is_over,
         "open after close: %s: %s", blt_status_name(status),
         blt_last_error(NULL)->message);
    return 0;
  }
  MUST(blt_open_report(run->db, &info) == BLT_OK &&
           blt_header_info(run->db, &header) == BLT_OK,
       "no report");
  world_write_ahead(run->db);
  MUST(!must_be_clean || header.n_keys != UINT32_MAX,
       "a file that was closed has the mark of one that was not");
  run->written = before.written;
  MUST(!must_be_clean || (info.what == BLT_OPENED_CLEAN &&
                          (options.side_table == BLT_ON ||
                           world_work.blocks - before.blocks <= FEW_BLOCKS) &&
                          world_work.written == before.written),
       "a file that was closed opens as %d, %llu blocks looked at",
       (int)info.what, (unsigned long long)(world_work.blocks - before.blocks));
  return 1;
}

/* Whether it was closed after a change. */
static int close_it(struct run *run)
{
  const uint64_t written = run->written;

  if (run->in_batch) {
    model_restore(&run->model, &run->committed);
    run->in_batch = 0;
  }
  const blt_status status = blt_close(run->db);
  expect_a_status(status);
  run->db = NULL;
  MUST(status == BLT_OK || !run->sound || run->is_over, "close: %s: %s",
       blt_status_name(status), blt_last_error(NULL)->message);
  if (status < 0)
    run->is_over = 1;
  return status == BLT_OK && world_work.written != written;
}

static void do_reopen(struct run *run)
{
  const uint8_t byte = input_next(&run->script);

  if (run->in_batch)
    return;
  if (byte & 1) {
    if (!is_done(run, "reopen", blt_reopen(run->db, BLT_READ)))
      run->is_over = 1;
    else if (run->sound)
      model_expect(&run->model, run->db, "reopened for reading");
    if (!run->is_over &&
        !is_done(run, "reopen", blt_reopen(run->db, BLT_WRITE)))
      run->is_over = 1;
    return;
  }
  const int closed = close_it(run);
  if (!open_again(run, BLT_WRITE, closed && !run->is_over))
    run->is_over = 1;
  else
    judge_opened(run, "opened again");
}

/* The machine stops behind a sync: all of it is there when it runs again. */
static void do_kill(struct run *run)
{
  if (run->in_batch || run->options.recover == BLT_OFF ||
      !is_done(run, "sync", blt_sync(run->db)))
    return;
  const unsigned n = input_next(&run->script);
  world_kill_after(n % 16);
  if (n & 16 && run->sound && run->keys.n_found > 0)
    (void)blt_delete(run->db, "not there", 9);
  (void)blt_close(run->db);
  run->db = NULL;
  world_calm();
  if (!open_again(run, BLT_WRITE, 0))
    run->is_over = 1;
  else
    judge_opened(run, "after a kill");
}

static void do_ask(struct run *run)
{
  const blt_bytes key = keys_next(&run->keys, &run->script);

  if (run->in_batch || !is_done(run, "sync", blt_sync(run->db)))
    return;
  const int sound =
      ask_everything(run->db, file_len() + 8192, key.data, key.len);
  MUST(sound || !run->sound || run->is_over, "a sound store is not any more");
}

/* ---- the whole */

static void step(struct run *run)
{
  static void (*const steps[])(struct run *) = {
      do_put,     do_put,   do_put,    do_delete, do_delete, do_timestamp,
      do_hidden,  do_many,  do_sync,   do_batch,  do_batch,  do_prune,
      do_reindex, do_clear, do_reopen, do_kill,   do_ask};

  const size_t i = input_next(&run->script) % (sizeof steps / sizeof *steps);

  world_trace("step %zu\n", i);
  steps[i](run);
}

static void finish(struct run *run)
{
  if (run->db == NULL)
    return;
  const int must_be_clean = close_it(run) && !run->is_over;
  const blt_mode mode = run->script.image_len & 1 ? BLT_READ : BLT_WRITE;
  if (!open_again(run, mode, must_be_clean))
    return;
  judge_opened(run, "at the end");
  MUST(blt_close(run->db) == BLT_OK, "the last close");
}

static blt_options options_of(uint8_t flags, uint8_t more)
{
  static const size_t buffers[] = {4096, 64, 300, 65536};
  blt_options options = world_options(BLT_WRITE);

  options.sync = (blt_sync_level)(flags & 3) % 3;
  options.recover = (flags & 12) == 12 ? BLT_OFF : BLT_ON;
  options.auto_reindex = (flags & 0x70) == 0x70 ? BLT_ON : BLT_OFF;
  options.threads = flags & 0x80 ? BLT_OFF : BLT_ON;
  options.buffer_len = buffers[more & 3];
  options.io = (more & 0x1c) == 0x1c ? BLT_IO_PREAD : BLT_IO_AUTO;
  options.side_table = more & 0x80 ? BLT_ON : BLT_DEFAULT;
  options.mode = (more & 0x60) == 0x60 ? BLT_CREATE : BLT_WRITE;
  return options;
}

static void write_it(struct input input)
{
  static struct run run;
  const uint8_t flags = input_next(&input);

  memset(&run, 0, offsetof(struct run, model));
  model_clear(&run.model);
  run.options = options_of(flags, input_next(&input));
  run.script = input;
  run.time = 100;
  world_put("a", input.image, input.image_len);
  const blt_status status = blt_open("a", &run.options, &run.db);
  expect_a_status(status);
  MUST((status == BLT_OK) == (run.db != NULL), "a handle of a failed open");
  if (status < 0)
    return;
  world_write_ahead(run.db);
  run.options.mode = BLT_WRITE;
  judge_opened(&run, "opened");
  keys_find(&run.keys, run.db);
  /* An index of 12,007 buckets makes every step a long one. */
  for (unsigned i = 0; i < (file_len() > LARGE ? FEW_STEPS : MAX_STEPS) &&
                       run.script.script_len > 0 && !run.is_over;
       i++)
    step(&run);
  finish(&run);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  world_reset();
  write_it(input_of(data, size));
  world_expect_nothing_left();
  return 0;
}
