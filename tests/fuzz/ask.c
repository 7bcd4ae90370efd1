/*
 * ask.c - everything that can be asked of an open store
 */
#include "fuzz/ask.h"

#include <string.h>

#include "fuzz/world.h"

enum { MAX_KEYS = 48, SHORTEST_BLOCK = 21, LINK = 6 };

/* What is read ends here, so that no compiler leaves the reading out. */
static volatile unsigned sink;

unsigned touch(blt_bytes bytes)
{
  const unsigned char *const data = bytes.data;
  unsigned sum = 0;

  for (size_t i = 0; i < bytes.len; i++)
    sum += data[i];
  return sum;
}

void expect_a_status(blt_status status)
{
  MUST(status >= BLT_E_PERMISSION && status <= BLT_END, "status %d",
       (int)status);
}

/* ---- steps: how much work an answer may be */

static struct world_work before;

static void begin_work(void)
{
  before = world_work;
}

/* A chain visits no place twice, and its links do not overlap. */
static uint64_t longest_chain(size_t len)
{
  return len / LINK + 8;
}

static uint64_t most_blocks(size_t len)
{
  return len / SHORTEST_BLOCK + 8;
}

static void expect_work(const char *what, uint64_t blocks, uint64_t hashed)
{
  const uint64_t b = world_work.blocks - before.blocks;
  const uint64_t h = world_work.hashed - before.hashed;

  MUST(b <= blocks, "%s looked at %llu blocks, the limit is %llu", what,
       (unsigned long long)b, (unsigned long long)blocks);
  MUST(h <= hashed, "%s hashed %llu bytes, the limit is %llu", what,
       (unsigned long long)h, (unsigned long long)hashed);
}

/* ---- keys */

static int is_fine(blt_status status, int sound)
{
  expect_a_status(status);
  return !sound || status == BLT_OK || status == BLT_NOT_FOUND;
}

static blt_status ask_key(blt_db *db, blt_bytes key, size_t len, int sound)
{
  blt_bytes value = {NULL, 0};
  uint64_t timestamp = 0;
  uint8_t copy[64];
  size_t copied = 0;

  begin_work();
  const blt_status status = blt_get(db, key.data, key.len, &value);
  expect_work("get", 3 * longest_chain(len), 4096 + 4 * (uint64_t)key.len);
  MUST(is_fine(status, sound), "get of a sound store: %s",
       blt_status_name(status));
  const blt_status has = blt_has(db, key.data, key.len);
  /* The table that looks keys up in memory may be made between two questions;
   * it does not see that a stored hash is not that of its key. */
  MUST(has == status || status < 0 || !sound, "get says %s, has says %s",
       blt_status_name(status), blt_status_name(has));
  const blt_status into =
      blt_get_into(db, key.data, key.len, copy, sizeof copy, &copied);
  if (status == BLT_OK)
    sink = touch(value);
  if (status == BLT_OK && sound) {
    MUST(copied == value.len, "get_into gives another length");
    MUST(into == (value.len <= sizeof copy ? BLT_OK : BLT_E_TOO_BIG),
         "get_into: %s", blt_status_name(into));
    MUST(into != BLT_OK || memcmp(copy, value.data, copied) == 0,
         "get_into gives another value");
  }
  expect_a_status(blt_timestamp_get(db, key.data, key.len, &timestamp));
  return status;
}

static void ask_many(blt_db *db, const blt_bytes *keys, size_t n, int sound)
{
  blt_bytes values[MAX_KEYS];
  unsigned char found[MAX_KEYS];
  size_t n_got = 0, n_had = 0;

  const blt_status got = blt_get_many(db, keys, n, values, &n_got);
  const blt_status had = blt_has_many(db, keys, n, found, &n_had);
  MUST(is_fine(got, sound) && is_fine(had, sound),
       "get_many of a sound store: %s", blt_status_name(got));
  if (got != BLT_OK || had != BLT_OK || !sound)
    return;
  MUST(n_got == n_had, "get_many finds %zu, has_many %zu", n_got, n_had);
  for (size_t i = 0; i < n; i++) {
    blt_bytes value = {NULL, 0};
    const blt_status status = blt_get(db, keys[i].data, keys[i].len, &value);
    MUST(status == (found[i] ? BLT_OK : BLT_NOT_FOUND),
         "has_many says %d, get %s", found[i], blt_status_name(status));
    MUST(!found[i] || value.data == values[i].data,
         "get_many gives another value than get");
  }
}

/* ---- iteration */

struct seen {
  blt_bytes keys[MAX_KEYS];
  size_t n_keys; /* of keys                                                 */
  size_t n_items;
  blt_status status;
};

static void judge_item(blt_db *db, const blt_item *item, int sound)
{
  blt_bytes value = {NULL, 0};
  uint64_t timestamp = 0;

  sink = touch(item->key) + touch(item->value);
  if (!sound)
    return;
  const blt_status status = blt_get(db, item->key.data, item->key.len, &value);
  MUST(status == BLT_OK, "a key of the iteration: get says %s",
       blt_status_name(status));
  MUST(value.len == item->value.len &&
           (value.len == 0 || value.data == item->value.data ||
            memcmp(value.data, item->value.data, value.len) == 0),
       "iteration gives another value than get");
  const blt_status timed =
      blt_timestamp_get(db, item->key.data, item->key.len, &timestamp);
  MUST(timed != BLT_OK || timestamp == item->timestamp,
       "iteration gives another timestamp");
}

static void walk(blt_db *db, size_t len, unsigned flags, int sound,
                 struct seen *seen)
{
  blt_iter *iter = NULL;
  blt_item item;

  seen->n_keys = seen->n_items = 0;
  seen->status = blt_iter_open(db, flags, &iter);
  MUST(is_fine(seen->status, sound), "iteration of a sound store");
  if (seen->status < 0)
    return;
  begin_work();
  while ((seen->status = blt_iter_next(iter, &item)) == BLT_OK) {
    if (flags & BLT_ITER_VALUES)
      judge_item(db, &item, sound && !(flags & BLT_ITER_HIDDEN));
    if (seen->n_keys < MAX_KEYS)
      seen->keys[seen->n_keys++] = item.key;
    seen->n_items++;
    MUST(seen->n_items <= most_blocks(len), "an iteration without end");
  }
  expect_a_status(seen->status);
  MUST(!sound || seen->status == BLT_END, "iteration of a sound store: %s",
       blt_status_name(seen->status));
  blt_iter_close(iter);
}

/* ---- the whole */

static int ask_verify(blt_db *db, size_t len, blt_verify_report *report)
{
  const uint64_t chain = longest_chain(len), blocks = most_blocks(len);

  begin_work();
  const blt_status status = blt_verify(db, NULL, report);
  expect_work("verify", 8 * blocks + 8 * chain + 3 * blocks * chain,
              64 * blocks + 2 * len + 4096);
  expect_a_status(status);
  MUST((status == BLT_OK) == (report->n_faults == 0) || status < BLT_E_CORRUPT,
       "verify says %s with %llu faults", blt_status_name(status),
       (unsigned long long)report->n_faults);
  return status == BLT_OK;
}

static void ask_hidden(blt_db *db)
{
  blt_bytes value = {NULL, 0};

  for (int slot = 1; slot <= 2; slot++)
    if (blt_slot_get(db, slot, &value, NULL) == BLT_OK)
      sink = touch(value);
  if (blt_metadata_get(db, &value, NULL) == BLT_OK)
    sink = touch(value);
}

static void ask_figures(blt_db *db, size_t len, const blt_verify_report *report,
                        const struct seen *all, int sound)
{
  blt_stats stats;
  blt_header header;
  blt_open_info info;
  uint64_t count = 0;

  const blt_status counted = blt_count(db, &count);
  begin_work();
  const blt_status status = blt_stat(db, &stats);
  expect_work("stat",
              8 * most_blocks(len) + 8 * longest_chain(len) +
                  3 * most_blocks(len) * longest_chain(len),
              4096);
  expect_a_status(status);
  MUST(blt_header_info(db, &header) == BLT_OK &&
           blt_open_report(db, &info) == BLT_OK,
       "no header or report of an open store");
  if (!sound)
    return;
  MUST(counted == BLT_OK && count == all->n_items,
       "count says %llu, iteration gives %zu", (unsigned long long)count,
       all->n_items);
  MUST(report->n_live == count + report->n_hidden, "verify counts otherwise");
  MUST(status == BLT_OK && stats.n_keys == count &&
           stats.n_live == report->n_live && stats.n_dead == report->n_dead,
       "stat counts otherwise: %s", blt_status_name(status));
}

int ask_everything(blt_db *db, size_t len, const void *key, size_t key_len)
{
  blt_verify_report report = {0};
  struct seen all, hidden;
  const int sound = ask_verify(db, len, &report);

  walk(db, len, BLT_ITER_VALUES | BLT_ITER_TIMESTAMPS | BLT_ITER_OFFSETS, sound,
       &all);
  walk(db, len, BLT_ITER_HIDDEN, sound, &hidden);
  MUST(!sound || hidden.n_items == all.n_items + report.n_hidden,
       "hidden keys are counted otherwise");
  for (size_t i = 0; i < all.n_keys; i += 4)
    MUST(ask_key(db, all.keys[i], len, sound) == BLT_OK || !sound,
         "a key of the iteration is not found");
  (void)ask_key(db, (blt_bytes){key, key_len}, len, sound);
  ask_many(db, all.keys, all.n_keys, sound);
  ask_hidden(db);
  ask_figures(db, len, &report, &all, sound);
  return sound;
}
