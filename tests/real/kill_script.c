/* kill_script.c - what a session does: a function of the seed */
#include "real/kill.h"

#include <stdio.h>
#include <string.h>

/* Streams of the seed: one for each session and what for. */
enum { FOR_STEPS, FOR_OPTIONS, FOR_FOREIGN, N_STREAMS };

static void start_stream(struct random *random, uint64_t session, int what)
{
  random_start(random, session * N_STREAMS + (uint64_t)what);
}

void place_key(int place, char out[8])
{
  snprintf(out, 8, "key-%03d", place);
}

/* ---- versions */

static size_t len_of_version(uint64_t version)
{
  struct random random = {.state = version * 0x9e3779b97f4a7c15u | 1};

  random_next(&random);
  const uint32_t kind = random_below(&random, 400);
  if (kind == 0)
    return 8 + random_below(&random, MAX_VALUE - 8);
  if (kind < 12)
    return 8 + random_below(&random, 6000);
  return 8 + random_below(&random, 120);
}

size_t version_bytes(const struct lane *lane, uint64_t version, uint8_t *out)
{
  const size_t len =
      lane->kind == BLT_FIXED ? FIXED_LEN : len_of_version(version);
  struct random random = {.state = version | UINT64_C(1) << 63};

  memcpy(out, &version, sizeof version);
  for (size_t i = sizeof version; i < len; i += sizeof version) {
    const uint64_t n = random_next(&random);
    memcpy(out + i, &n, len - i < sizeof n ? len - i : sizeof n);
  }
  return len;
}

uint64_t version_of(const struct lane *lane, const void *bytes, size_t len)
{
  static uint8_t wanted[MAX_VALUE];
  uint64_t version;

  if (len < sizeof version)
    return 0;
  memcpy(&version, bytes, sizeof version);
  if (version == 0 || version_bytes(lane, version, wanted) != len ||
      memcmp(bytes, wanted, len) != 0)
    return 0;
  return version;
}

/* ---- steps */

void script_start(struct script *script, const struct lane *lane,
                  uint64_t session)
{
  *script = (struct script){
      .lane = lane, .n_versions = session << 24, .before = ACT_CLOSE};
  start_stream(&script->random, session, FOR_STEPS);
}

static struct change some_change(struct script *script)
{
  struct random *const random = &script->random;
  const uint64_t version = ++script->n_versions;
  const int may_hide = script->lane->kind != BLT_FIXED;
  struct change change = {.place = (int)random_below(random, N_KEYS)};

  if (may_hide && random_below(random, 40) == 0)
    change.place = METADATA;
  else if (random_below(random, 5) == 0)
    return change; /* a delete */
  change.to.version = version;
  if (script->lane->timestamps != BLT_OFF)
    change.to.timestamp = version;
  return change;
}

static enum act some_act(struct script *script)
{
  /* Of 120 steps; the rest are batches. */
  static const struct {
    enum act act;
    uint32_t share;
  } shares[] = {{ACT_SINGLE, 40}, {ACT_SYNC, 8},  {ACT_STAMP, 6},
                {ACT_PRUNE, 6},   {ACT_CLOSE, 6}, {ACT_REINDEX, 4},
                {ACT_CLEAR, 1}};
  uint32_t n = random_below(&script->random, 120);

  for (size_t i = 0; i < sizeof shares / sizeof *shares; i++) {
    if (n < shares[i].share)
      return shares[i].act;
    n -= shares[i].share;
  }
  return ACT_BATCH;
}

static unsigned n_changes_of(struct script *script, enum act act)
{
  if (act == ACT_SINGLE || act == ACT_STAMP)
    return 1;
  return act == ACT_BATCH ? 1 + random_below(&script->random, MAX_CHANGES) : 0;
}

void script_next(struct script *script, struct step *out)
{
  enum act act = some_act(script);

  if (act == ACT_STAMP && script->lane->timestamps == BLT_OFF)
    act = ACT_BATCH;
  /* A time is set in the file at once, so nothing older may be open. */
  if (act == ACT_STAMP && script->before == ACT_SINGLE)
    act = ACT_SYNC;
  *out = (struct step){.act = act, .n_changes = n_changes_of(script, act)};
  if (act == ACT_PRUNE || act == ACT_REINDEX)
    out->n_buckets = 1 + random_below(&script->random, 2 * N_KEYS);
  for (unsigned i = 0; i < out->n_changes; i++)
    out->changes[i] = some_change(script);
  script->before = act;
}

void script_foreign(const struct lane *lane, uint64_t session, struct step *out)
{
  struct script script = {.lane = lane,
                          .n_versions = (session << 24) + (1 << 23)};

  start_stream(&script.random, session, FOR_FOREIGN);
  *out = (struct step){.act = ACT_BATCH, .n_changes = 3};
  for (unsigned i = 0; i < out->n_changes; i++)
    do
      out->changes[i] = some_change(&script);
    while (out->changes[i].place == METADATA ||
           out->changes[i].to.version == 0);
}

void state_apply(struct state *state, const struct step *step)
{
  if (step->act == ACT_CLEAR)
    memset(state, 0, sizeof *state);
  for (unsigned i = 0; i < step->n_changes; i++) {
    const struct change *const change = &step->changes[i];
    struct entry *const entry = &state->entries[change->place];
    if (step->act != ACT_STAMP)
      *entry = change->to;
    else if (entry->version != 0 && change->to.version != 0 &&
             change->place != METADATA)
      entry->timestamp = change->to.timestamp;
  }
}

blt_options lane_options(const struct lane *lane, uint64_t session)
{
  blt_options options = BLT_OPTIONS_INIT;
  struct random random;

  start_stream(&random, session, FOR_OPTIONS);
  options.mode = BLT_CREATE;
  options.kind = lane->kind;
  options.fixed_value_len = lane->kind == BLT_FIXED ? FIXED_LEN : 0;
  options.timestamps = lane->timestamps;
  options.sync = lane->level;
  options.n_buckets = 1 + random_below(&random, 3 * N_KEYS);
  /* A buffer that runs full now and then commits by itself. */
  if (random_below(&random, 2) == 0)
    options.buffer_len = (size_t)1 << (10 + random_below(&random, 8));
  if (random_below(&random, 4) == 0)
    options.io = BLT_IO_PREAD;
  if (random_below(&random, 3) == 0)
    options.side_table = BLT_ON;
  return options;
}
