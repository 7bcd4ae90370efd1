/*
 * story.c - moments: what a store holds, and how it is compared
 */
#include "crash/story.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "crash/arena.h"
#include "crash/session.h"

uint64_t hash_bytes(const void *bytes, size_t len)
{
  return XXH3_64bits(len == 0 ? "" : bytes, len);
}

uint64_t item_sum(uint64_t key_hash, uint64_t value_hash, uint64_t time)
{
  uint64_t x = key_hash * 0x9e3779b97f4a7c15u ^ value_hash;

  x = (x ^ x >> 29) * 0xbf58476d1ce4e5b9u + time * 0x94d049bb133111ebu;
  x = (x ^ x >> 32) * 0x9e3779b97f4a7c15u;
  return x ^ x >> 31;
}

blt_options disk_options(blt_mode mode, blt_sync_level level)
{
  blt_options options = BLT_OPTIONS_INIT;

  options.mode = mode;
  options.sync = level;
  options.lock = BLT_LOCK_NONE;
  options.threads = BLT_OFF;
  options.sigbus = BLT_OFF;
  options.auto_reindex = BLT_OFF;
  return options;
}

static void add_up(const struct story *story, struct moment *m)
{
  m->sum = m->n_plain = 0;
  for (unsigned i = 0; i < story_n_entries(story); i++) {
    const struct entry *const e = &m->entries[i];
    if (e->version == 0)
      continue;
    m->n_plain += i < story->n_keys;
    m->sum += item_sum(story->keys[i].hash, e->value_hash, e->time);
  }
}

void story_add_moment(struct story *story, const struct entry *entries,
                      size_t begin, size_t done, size_t ack)
{
  if (story->n_moments == story->capacity) {
    story->capacity = story->capacity == 0 ? 32 : 2 * story->capacity;
    story->moments =
        realloc(story->moments, story->capacity * sizeof *story->moments);
    if (story->moments == NULL)
      exit(EXIT_FAILURE);
  }
  struct moment *const m = &story->moments[story->n_moments++];
  *m = (struct moment){.begin = begin, .done = done, .ack = ack};
  memcpy(m->entries, entries, sizeof m->entries);
  add_up(story, m);
}

void story_override(struct story *story, unsigned key,
                    const struct entry *entry)
{
  for (size_t i = 0; i < story->n_moments; i++) {
    story->moments[i].entries[key] = *entry;
    add_up(story, &story->moments[i]);
  }
}

void story_keep_moments(struct story *story, size_t low, size_t high)
{
  story->n_moments = high - low + 1;
  memmove(story->moments, story->moments + low,
          story->n_moments * sizeof *story->moments);
  for (size_t i = 0; i < story->n_moments; i++) {
    story->moments[i].begin = 0;
    story->moments[i].done = story->moments[i].ack = NEVER;
  }
}

size_t story_first(const struct story *story, int power, size_t n_done,
                   size_t n_durable)
{
  size_t first = 0;

  for (size_t i = 1; i < story->n_moments; i++) {
    const struct moment *const m = &story->moments[i];
    if (power ? m->ack != NEVER && m->ack < n_durable
              : m->done != NEVER && m->done <= n_done)
      first = i;
  }
  return first;
}

size_t story_last(const struct story *story, size_t n_begun)
{
  size_t last = 0;

  for (size_t i = 1; i < story->n_moments; i++)
    if (story->moments[i].begin < n_begun)
      last = i;
  return last;
}

void story_release(struct story *story)
{
  trace_release(&story->trace);
  free(story->base.bytes);
  free(story->key_bytes);
  free(story->moments);
  *story = (struct story){.plan = NULL};
}

/* ---- reading a store */

static int find_key(const struct story *story, const blt_bytes *key)
{
  for (unsigned i = 0; i < story_n_entries(story); i++)
    if (story->keys[i].len == key->len &&
        (key->len == 0 ||
         memcmp(story->keys[i].bytes, key->data, key->len) == 0))
      return (int)i;
  return -1;
}

const char *read_entries(const struct story *story, blt_db *db,
                         struct entry *out)
{
  blt_iter *iter = NULL;
  blt_item item;
  blt_status status = BLT_OK;
  const char *wrong = NULL;

  memset(out, 0, MAX_ENTRIES * sizeof *out);
  if (blt_iter_open(db, BLT_ITER_VALUES | BLT_ITER_TIMESTAMPS | BLT_ITER_HIDDEN,
                    &iter) != BLT_OK)
    return "it cannot be iterated";
  while (wrong == NULL && (status = blt_iter_next(iter, &item)) == BLT_OK) {
    const int i = find_key(story, &item.key);
    if (i < 0 || out[i].version != 0)
      wrong = i < 0 ? "a key that was never put" : "a key comes twice";
    else
      out[i] = (struct entry){.value_hash =
                                  hash_bytes(item.value.data, item.value.len),
                              .time = item.timestamp,
                              .len = (uint32_t)item.value.len,
                              .version = 1};
  }
  blt_iter_close(iter);
  return wrong == NULL && status != BLT_END ? "the iteration fails" : wrong;
}
