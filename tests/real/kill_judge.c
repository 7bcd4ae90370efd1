/* kill_judge.c - the file that a killed writer left, and what it may hold */
#include "real/kill.h"

#include <stdio.h>
#include <string.h>

static char sentence[4096];

static const char *failed(const char *what, const blt_db *db)
{
  snprintf(sentence, sizeof sentence, "%s: %s", what,
           blt_last_error(db)->message);
  return sentence;
}

/* ---- what the store holds */

static int place_of(blt_bytes key)
{
  char text[8] = "", again[8];
  int place = -1;

  if (key.len != 7)
    return -1;
  memcpy(text, key.data, key.len);
  if (sscanf(text, "key-%3d", &place) != 1 || place < 0 || place >= N_KEYS)
    return -1;
  place_key(place, again);
  return strcmp(text, again) == 0 ? place : -1;
}

static const char *read_item(const struct lane *lane, const blt_item *item,
                             struct state *out)
{
  const int place = place_of(item->key);

  if (place < 0)
    return "a key that was never put";
  struct entry *const entry = &out->entries[place];
  if (entry->version != 0)
    return "a key comes twice";
  entry->version = version_of(lane, item->value.data, item->value.len);
  entry->timestamp = item->timestamp;
  return entry->version == 0 ? "a value that was never put" : NULL;
}

static const char *read_items(const struct lane *lane, blt_db *db,
                              struct state *out, uint64_t *n_items)
{
  const char *why = NULL;
  blt_status status = BLT_OK;
  blt_iter *iter = NULL;
  blt_item item;

  if (blt_iter_open(db, BLT_ITER_VALUES | BLT_ITER_TIMESTAMPS, &iter) < 0)
    return failed("iterate", db);
  while (why == NULL && (status = blt_iter_next(iter, &item)) == BLT_OK) {
    why = read_item(lane, &item, out);
    ++*n_items;
  }
  if (status < 0)
    why = failed("iterate", db);
  blt_iter_close(iter);
  return why;
}

static const char *read_metadata(const struct lane *lane, blt_db *db,
                                 struct state *out)
{
  struct entry *const entry = &out->entries[METADATA];
  blt_bytes value;

  if (lane->kind == BLT_FIXED)
    return NULL;
  const blt_status status = blt_metadata_get(db, &value, &entry->timestamp);
  if (status < 0)
    return failed("metadata", db);
  if (status == BLT_NOT_FOUND)
    return NULL;
  entry->version = version_of(lane, value.data, value.len);
  return entry->version == 0 ? "metadata that was never put" : NULL;
}

/* A lookup says the same as the walk. */
static const char *look_up(const struct lane *lane, blt_db *db,
                           const struct state *state)
{
  for (int place = 0; place < N_KEYS; place++) {
    char key[8];
    blt_bytes value;
    place_key(place, key);
    const blt_status status = blt_get(db, key, strlen(key), &value);
    if (status < 0)
      return failed("get", db);
    const uint64_t version =
        status == BLT_OK ? version_of(lane, value.data, value.len) : 0;
    if (version != state->entries[place].version)
      return "a lookup and the iteration differ";
  }
  return NULL;
}

const char *read_state(const struct lane *lane, blt_db *db, struct state *out)
{
  uint64_t n_items = 0, n_keys = 0;

  memset(out, 0, sizeof *out);
  const char *why = read_items(lane, db, out, &n_items);
  if (why == NULL)
    why = read_metadata(lane, db, out);
  if (why == NULL)
    why = look_up(lane, db, out);
  if (why != NULL)
    return why;
  if (blt_count(db, &n_keys) < 0)
    return failed("count", db);
  return n_keys == n_items ? NULL : "the count is wrong";
}

/* ---- what it may hold */

int find_state(const struct lane *lane, uint64_t session,
               const struct progress *progress, const struct step *foreign,
               int (*matches)(void *ctx, const struct state *state), void *ctx,
               struct state *out)
{
  struct script script;
  struct state state = lane->state;
  struct step step;

  script_start(&script, lane, session);
  for (uint32_t k = 0;; k++) {
    if (k >= progress->done) {
      *out = state;
      if (foreign != NULL)
        state_apply(out, foreign);
      if (matches(ctx, out))
        return 1;
    }
    if (k >= progress->begun)
      return 0;
    script_next(&script, &step);
    state_apply(&state, &step);
  }
}

static int is_equal(void *ctx, const struct state *state)
{
  return memcmp(ctx, state, sizeof *state) == 0;
}

/* The place where the state is not what it was after the last step that was
 * done, for the message. */
struct difference {
  const struct state *seen;
  struct entry wanted;
  int place;
};

static int note_difference(void *ctx, const struct state *state)
{
  struct difference *const d = ctx;

  for (d->place = 0; d->place < N_PLACES - 1; d->place++)
    if (memcmp(&state->entries[d->place], &d->seen->entries[d->place],
               sizeof(struct entry)) != 0)
      break;
  d->wanted = state->entries[d->place];
  return 1;
}

static const char *no_such_state(const struct lane *lane, uint64_t session,
                                 const struct progress *progress,
                                 const struct step *foreign,
                                 const struct state *seen)
{
  struct difference d = {.seen = seen};
  struct state state;

  find_state(lane, session, progress, foreign, note_difference, &d, &state);
  snprintf(sentence, sizeof sentence,
           "the content was never the store's: place %d holds version %llx at "
           "%llx; after the last step done it was %llx at %llx",
           d.place, (unsigned long long)seen->entries[d.place].version,
           (unsigned long long)seen->entries[d.place].timestamp,
           (unsigned long long)d.wanted.version,
           (unsigned long long)d.wanted.timestamp);
  return sentence;
}

/* ---- the library's turn */

static const char *judge_reader(struct lane *lane, blt_options options,
                                struct state *out)
{
  blt_db *db = NULL;

  options.mode = BLT_READ;
  options.recover = BLT_OFF;
  const blt_status status = blt_open(lane->path, &options, &db);
  if (status == BLT_E_NO_FILE) {
    memset(out, 0, sizeof *out);
    return NULL;
  }
  if (status < 0)
    return failed("open for reading", NULL);
  const char *const why = read_state(lane, db, out);
  const blt_status closed = blt_close(db);
  return why == NULL && closed < 0 ? "a reader cannot close" : why;
}

static void tell_fault(void *ctx, const blt_fault *fault)
{
  (void)ctx;
  fprintf(stderr, "verify: %s\n", fault->message);
}

static const char *judge_writer(struct lane *lane, const blt_options *options,
                                struct state *out, blt_opened *out_opened)
{
  blt_verify_options verify = BLT_VERIFY_OPTIONS_INIT;
  blt_open_info info;
  blt_db *db = NULL;

  if (blt_open(lane->path, options, &db) < 0)
    return failed("open", NULL);
  blt_open_report(db, &info);
  *out_opened = info.what;
  verify.on_fault = tell_fault;
  const char *why = read_state(lane, db, out);
  if (why == NULL && blt_verify(db, &verify, NULL) != BLT_OK)
    why = failed("verify", db);
  const blt_status closed = blt_close(db);
  return why == NULL && closed < 0 ? failed("close", NULL) : why;
}

const char *judge_ours(struct lane *lane, uint64_t session,
                       const struct progress *progress,
                       const struct step *foreign, int reads_first,
                       blt_opened *out_opened)
{
  const blt_options options = lane_options(lane, session);
  struct state overlaid, seen, state;
  const char *why = NULL;

  if (reads_first && (why = judge_reader(lane, options, &overlaid)) != NULL)
    return why;
  if ((why = judge_writer(lane, &options, &seen, out_opened)) != NULL)
    return why;
  if (!find_state(lane, session, progress, foreign, is_equal, &seen, &state))
    return no_such_state(lane, session, progress, foreign, &seen);
  if (reads_first && memcmp(&overlaid, &seen, sizeof seen) != 0)
    return "a reader saw another state than the writer after it";
  lane->state = state;
  return NULL;
}
