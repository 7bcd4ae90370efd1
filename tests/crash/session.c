/*
 * session.c - calls to the library while a story is recorded
 */
#include "crash/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/reserved.h"

/* ---- mistakes */

static void mistake(struct session *s, const char *what, const char *why)
{
  struct story *const story = s->story;

  if (story->mistake != NULL)
    return;
  snprintf(story->mistake_text, sizeof story->mistake_text,
           "recording, operation %zu: %s: %s", story->trace.n, what, why);
  story->mistake = story->mistake_text;
}

static int is_off(const struct session *s)
{
  return s->story->mistake != NULL || s->db == NULL;
}

static void expect(struct session *s, int is_right, const char *what)
{
  if (!is_right)
    mistake(s, what, blt_last_error(s->db)->message);
}

/* ---- hooks of the disk */

static void on_write(void *ctx, uint64_t off, const struct blt__span *spans,
                     size_t n_spans)
{
  struct session *const s = ctx;
  const char *const wrong =
      journal_judge(&s->journal, s->level == BLT_SYNC_OFF, off, spans, n_spans);

  if (wrong != NULL)
    mistake(s, "journal", wrong);
}

static void on_size(void *ctx, uint64_t len)
{
  struct session *const s = ctx;
  const char *const wrong =
      journal_judge_size(&s->journal, s->level == BLT_SYNC_OFF, len);

  if (wrong != NULL)
    mistake(s, "journal", wrong);
}

static int nothing_waits(const struct session *s)
{
  return s->db->pending.n_entries == 0;
}

static void on_sync(void *ctx)
{
  struct session *const s = ctx;
  struct story *const story = s->story;

  journal_sync(&s->journal);
  s->last_sync = story->trace.n - 1;
  for (size_t i = story->n_moments; i > 0; i--)
    if (story->moments[i - 1].ack == NEVER &&
        story->moments[i - 1].done != NEVER)
      story->moments[i - 1].ack = s->last_sync;
  /* The commit of this call is in the file as a whole, and now on disk; the
   * index may have grown before it. */
  if (s->in_call && s->db != NULL && s->call_ack == NEVER &&
      s->db->log.in_session && s->db->log.end != s->call_end &&
      nothing_waits(s))
    s->call_ack = s->last_sync;
}

/* ---- moments */

static void begin_call(struct session *s)
{
  const blt_db *const db = s->db;

  s->in_call = 1;
  s->call_begin = s->story->trace.n;
  s->call_ack = s->last_sync = NEVER;
  s->call_end = db->log.in_session ? db->log.end : db->image.view.size;
}

static struct moment *last_moment(struct session *s)
{
  return &s->story->moments[s->story->n_moments - 1];
}

static int is_changed(struct session *s)
{
  return memcmp(last_moment(s)->entries, s->now, sizeof s->now) != 0;
}

static void add_moment(struct session *s, size_t ack)
{
  story_add_moment(s->story, s->now, s->call_begin, s->story->trace.n, ack);
}

/* After a call that may have committed what was put before. */
static void end_call(struct session *s, int is_committed)
{
  s->in_call = 0;
  if (is_committed && is_changed(s))
    add_moment(s, s->call_ack);
}

/* ---- sessions */

static uint64_t tell_time(void *ctx)
{
  return ((struct session *)ctx)->clock;
}

void session_init(struct session *s, struct story *story, struct disk *disk)
{
  s->story = story;
  s->disk = disk;
  disk->record = &story->trace;
  disk->on_write = on_write;
  disk->on_size = on_size;
  disk->on_sync = on_sync;
  disk->ctx = s;
  s->last_sync = NEVER;
}

void session_open(struct session *s, blt_mode mode)
{
  blt_options options = disk_options(mode, s->level);
  blt_db *db = NULL;

  if (s->story->mistake != NULL)
    return;
  options.buffer_len = s->buffer_len;
  options.clock = tell_time;
  options.clock_ctx = s;
  if (s->story->plan->traits & TRAIT_GROWTH)
    options.auto_reindex = BLT_ON;
  s->in_batch = 0;
  if (blt__open_file(&s->disk->file, &options, &db) != BLT_OK)
    mistake(s, "open", blt_last_error(NULL)->message);
  s->db = db;
  /* So that a checkpoint moves the place where recovery begins. */
  if (db != NULL && s->log_max != 0)
    db->log.log_max = s->log_max;
  if (db != NULL && s->ahead.max != 0)
    db->log.room.ahead = s->ahead;
}

void session_recognise(struct session *s)
{
  struct entry seen[MAX_ENTRIES];
  struct story *const story = s->story;
  uint64_t sum = 0;

  if (is_off(s))
    return;
  const char *const wrong = read_entries(story, s->db, seen);
  if (wrong != NULL) {
    mistake(s, "repair", wrong);
    return;
  }
  for (unsigned i = 0; i < story_n_entries(story); i++)
    if (seen[i].version != 0)
      sum += item_sum(story->keys[i].hash, seen[i].value_hash, seen[i].time);
  for (size_t i = 0; i < story->n_moments; i++) {
    if (story->moments[i].sum != sum)
      continue;
    memcpy(s->now, story->moments[i].entries, sizeof s->now);
    story_add_moment(story, s->now, 0, story->trace.n, s->last_sync);
    return;
  }
  mistake(s, "repair", "it holds what the store never held");
}

void session_close(struct session *s)
{
  if (is_off(s))
    return;
  if (s->in_batch)
    memcpy(s->now, s->batch, sizeof s->now);
  s->in_batch = 0;
  begin_call(s);
  const blt_status status = blt_close(s->db);
  s->db = NULL;
  if (status != BLT_OK)
    mistake(s, "close", blt_last_error(NULL)->message);
  end_call(s, 1);
}

/* The handle goes, and writes nothing more. */
void session_kill(struct session *s)
{
  if (s->db == NULL)
    return;
  s->db->log.poisoned = 1;
  (void)blt_close(s->db);
  s->db = NULL;
  memcpy(s->now, last_moment(s)->entries, sizeof s->now);
  s->in_batch = 0;
}

/* ---- puts and deletes */

static uint64_t some_time(struct session *s)
{
  const unsigned traits = s->story->plan->traits;

  if (traits & TRAIT_ZEROS)
    return random_below(&s->random, 2) == 0
               ? 0
               : (uint64_t)1 << random_below(&s->random, 56);
  return random_next(&s->random) >> 8;
}

static void fill_value(struct session *s, size_t len)
{
  if (s->story->plan->traits & TRAIT_ZEROS)
    memset(s->value, 0, len);
  else
    memset(s->value, (int)random_below(&s->random, 256), len);
}

static blt_status put_hidden(struct session *s, unsigned which, size_t len,
                             uint64_t time)
{
  if (which == 0)
    return blt_metadata_set(s->db, s->value, len, time);
  return blt_slot_set(s->db, (int)which, s->value, len, time);
}

void session_put(struct session *s, unsigned key, size_t len)
{
  const struct story_key *const k = &s->story->keys[key];
  const uint64_t time = some_time(s);
  blt_status status;

  if (is_off(s))
    return;
  /* Such a value is a commit of its own; let it be the call's only one. */
  if (!s->in_batch && s->buffer_len != 0 && len >= s->buffer_len)
    session_sync(s);
  fill_value(s, len);
  begin_call(s);
  s->clock = time;
  if (key >= s->story->n_keys)
    status = put_hidden(s, key - s->story->n_keys, len, time);
  else if (random_below(&s->random, 4) == 0)
    status = blt_put(s->db, k->bytes, k->len, s->value, len);
  else
    status = blt_put_at(s->db, k->bytes, k->len, s->value, len, time);
  s->now[key] =
      (struct entry){.value_hash = hash_bytes(s->value, len),
                     .time = s->story->plan->shape == TIMES ? time : 0,
                     .len = (uint32_t)len,
                     .version = ++s->n_versions,
                     .fill = len > 0 ? s->value[0] : 0};
  expect(s, status == BLT_OK, "put");
  end_call(s, !s->in_batch && nothing_waits(s));
}

void session_delete(struct session *s, unsigned key)
{
  const struct story_key *const k = &s->story->keys[key];
  blt_status status;

  if (is_off(s))
    return;
  begin_call(s);
  if (key < s->story->n_keys)
    status = blt_delete(s->db, k->bytes, k->len);
  else if (key == s->story->n_keys)
    status = blt_metadata_delete(s->db);
  else
    status = blt_slot_delete(s->db, (int)(key - s->story->n_keys));
  expect(s, status == (s->now[key].version != 0 ? BLT_OK : BLT_NOT_FOUND),
         "delete");
  s->now[key] = (struct entry){.version = 0};
  end_call(s, !s->in_batch && nothing_waits(s));
}

/* ---- batches and syncs */

void session_begin(struct session *s)
{
  if (is_off(s) || s->in_batch)
    return;
  begin_call(s);
  expect(s, blt_batch_begin(s->db) == BLT_OK, "begin");
  end_call(s, 1);
  s->in_batch = 1;
  memcpy(s->batch, s->now, sizeof s->now);
}

void session_commit(struct session *s)
{
  if (is_off(s))
    return;
  begin_call(s);
  expect(s, blt_batch_commit(s->db) == BLT_OK, "commit");
  s->in_batch = 0;
  end_call(s, 1);
}

void session_abort(struct session *s)
{
  if (is_off(s))
    return;
  begin_call(s);
  expect(s, blt_batch_abort(s->db) == BLT_OK, "abort");
  s->in_batch = 0;
  memcpy(s->now, s->batch, sizeof s->now);
  end_call(s, 1);
}

void session_sync(struct session *s)
{
  if (is_off(s))
    return;
  begin_call(s);
  expect(s, blt_sync(s->db) == BLT_OK, "sync");
  end_call(s, 1);
}

void session_rest(struct session *s)
{
  if (is_off(s))
    return;
  begin_call(s);
  expect(s, blt_checkpoint(s->db) == BLT_OK, "blt_checkpoint");
  end_call(s, 1);
}

/* What happens by itself after a commit once the log has this length, for which
 * any log is long now. */
static void settle_at(struct session *s, uint64_t *len, const char *what)
{
  const uint64_t len_before = *len;

  begin_call(s);
  *len = 1;
  expect(s, blt__log_settle(&s->db->log) == BLT_OK, what);
  *len = len_before;
  end_call(s, 0);
}

void session_checkpoint(struct session *s)
{
  if (!is_off(s) && s->db->log.in_session)
    settle_at(s, &s->db->log.due_len, "checkpoint");
}

/* At BATCH, long before that. */
void session_sync_log(struct session *s)
{
  if (!is_off(s) && s->db->log.in_session)
    settle_at(s, &s->db->log.sync_len, "sync of the log");
}

/* ---- rewrites */

void session_reindex(struct session *s, uint32_t n_buckets)
{
  if (is_off(s))
    return;
  begin_call(s);
  expect(s, blt_reindex(s->db, n_buckets) == BLT_OK, "reindex");
  end_call(s, 1);
}

void session_prune(struct session *s, uint64_t older_than, uint32_t n_buckets)
{
  blt_prune_options options = BLT_PRUNE_OPTIONS_INIT;
  uint64_t n_dropped = 0;

  if (is_off(s))
    return;
  options.older_than = s->story->plan->shape == TIMES ? older_than : 0;
  options.n_buckets = n_buckets;
  begin_call(s);
  expect(s, blt_prune(s->db, &options, &n_dropped) == BLT_OK, "prune");
  end_call(s, 1);
  for (unsigned i = 0; i < s->story->n_keys; i++)
    if (s->now[i].time < options.older_than)
      s->now[i] = (struct entry){.version = 0};
  if (is_changed(s))
    add_moment(s, s->last_sync);
}

void session_clear(struct session *s)
{
  if (is_off(s))
    return;
  begin_call(s);
  expect(s, blt_clear(s->db) == BLT_OK, "clear");
  s->in_call = 0;
  memset(s->now, 0, sizeof s->now);
  if (is_changed(s))
    add_moment(s, s->last_sync);
}

/* ---- times */

void session_set_time(struct session *s, unsigned key)
{
  struct entry entries[MAX_ENTRIES];
  const struct story_key *const k = &s->story->keys[key];
  const uint64_t time = some_time(s);

  if (is_off(s) || s->story->plan->shape != TIMES || key >= s->story->n_keys)
    return;
  const int is_there = s->now[key].version != 0;
  memcpy(entries, last_moment(s)->entries, sizeof entries);
  const int is_in_file = entries[key].version == s->now[key].version;
  begin_call(s);
  expect(s,
         blt_timestamp_set(s->db, k->bytes, k->len, time) ==
             (is_there ? BLT_OK : BLT_NOT_FOUND),
         "timestamp_set");
  s->in_call = 0;
  if (!is_there)
    return;
  s->now[key].time = time;
  if (!is_in_file)
    return;
  s->story->has_time_sets = 1;
  s->batch[key].time = time;
  entries[key].time = time;
  story_add_moment(s->story, entries, s->call_begin, s->story->trace.n, NEVER);
}

void session_set_file_time(struct session *s)
{
  if (is_off(s))
    return;
  begin_call(s);
  expect(s, blt_file_timestamp_set(s->db, some_time(s)) == BLT_OK,
         "file_timestamp_set");
  end_call(s, 0);
}
