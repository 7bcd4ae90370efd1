/*
 * model.c - what a store should hold
 */
#include "fuzz/model.h"

#include <string.h>

#include "format/reserved.h"
#include "fuzz/world.h"

static blt_bytes keep(struct model *model, blt_bytes bytes)
{
  uint8_t *const at = model->bytes + model->used;

  if (bytes.len > MODEL_BYTES - model->used) {
    model->is_full = 1;
    return (blt_bytes){at, 0};
  }
  if (bytes.len > 0)
    memcpy(at, bytes.data, bytes.len);
  model->used += bytes.len;
  return (blt_bytes){at, bytes.len};
}

static int is_equal(blt_bytes a, blt_bytes b)
{
  return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static struct model_entry *find(const struct model *model, blt_bytes key)
{
  for (size_t i = 0; i < model->n; i++)
    if (is_equal(model->entries[i].key, key))
      return (struct model_entry *)(uintptr_t)&model->entries[i];
  return NULL;
}

const struct model_entry *model_find(const struct model *model, blt_bytes key)
{
  return find(model, key);
}

void model_clear(struct model *model)
{
  model->n = model->used = 0;
}

void model_put(struct model *model, blt_bytes key, blt_bytes value,
               uint64_t timestamp, int is_hidden)
{
  struct model_entry *entry = find(model, key);

  if (entry == NULL && model->n == MODEL_KEYS) {
    model->is_full = 1;
    return;
  }
  if (entry == NULL) {
    entry = &model->entries[model->n++];
    entry->key = keep(model, key);
  }
  entry->value = keep(model, value);
  entry->timestamp = model->has_times ? timestamp : 0;
  entry->is_hidden = is_hidden;
}

int model_delete(struct model *model, blt_bytes key)
{
  struct model_entry *const entry = find(model, key);

  if (entry == NULL)
    return 0;
  *entry = model->entries[--model->n];
  return 1;
}

void model_set_time(struct model *model, blt_bytes key, uint64_t timestamp)
{
  struct model_entry *const entry = find(model, key);

  if (entry != NULL)
    entry->timestamp = timestamp;
}

void model_prune(struct model *model, uint64_t older_than)
{
  for (size_t i = model->n; i > 0; i--)
    if (!model->entries[i - 1].is_hidden &&
        model->entries[i - 1].timestamp < older_than)
      model->entries[i - 1] = model->entries[--model->n];
}

size_t model_count(const struct model *model)
{
  size_t n = 0;

  for (size_t i = 0; i < model->n; i++)
    n += !model->entries[i].is_hidden;
  return n;
}

/* Bytes are only ever added, so the entries are all there is to keep. */
void model_save(const struct model *model, struct model *out)
{
  memcpy(out->entries, model->entries, sizeof out->entries);
  out->n = model->n;
}

void model_restore(struct model *model, const struct model *saved)
{
  memcpy(model->entries, saved->entries, sizeof model->entries);
  model->n = saved->n;
}

static int is_hidden(const blt_header *header, blt_bytes key)
{
  return header->kind != BLT_FIXED && blt__is_reserved_key(key.data, key.len);
}

int model_load(struct model *model, blt_db *db)
{
  blt_iter *iter = NULL;
  blt_header header;
  blt_item item;
  blt_status status;

  model_clear(model);
  model->is_full = 0;
  if (blt_header_info(db, &header) < 0)
    return 0;
  model->has_times = header.has_timestamps;
  if (blt_iter_open(db, BLT_ITER_VALUES | BLT_ITER_TIMESTAMPS | BLT_ITER_HIDDEN,
                    &iter) < 0)
    return 0;
  while ((status = blt_iter_next(iter, &item)) == BLT_OK && !model->is_full) {
    model_put(model, item.key, item.value, item.timestamp,
              is_hidden(&header, item.key));
  }
  blt_iter_close(iter);
  return status == BLT_OK || status == BLT_END;
}

void model_expect_same(const struct model *a, const struct model *b,
                       const char *when)
{
  if (a->is_full || b->is_full)
    return;
  for (size_t i = 0; i < a->n; i++) {
    const struct model_entry *const entry = &a->entries[i];
    const struct model_entry *const other = find(b, entry->key);
    MUST(other != NULL, "%s: a key of %zu bytes is missing", when,
         entry->key.len);
    MUST(is_equal(entry->value, other->value), "%s: another value", when);
    MUST(entry->timestamp == other->timestamp,
         "%s: timestamp %llu where %llu was put", when,
         (unsigned long long)other->timestamp,
         (unsigned long long)entry->timestamp);
  }
  MUST(a->n == b->n, "%s: %zu keys where %zu were put", when, b->n, a->n);
}

void model_expect(const struct model *model, blt_db *db, const char *when)
{
  static struct model now;
  uint64_t count = 0;

  if (model->is_full)
    return;
  MUST(model_load(&now, db), "%s: the store cannot be iterated", when);
  model_expect_same(model, &now, when);
  MUST(blt_count(db, &count) == BLT_OK && count == model_count(model),
       "%s: count says %llu, %zu were put", when, (unsigned long long)count,
       model_count(model));
  for (size_t i = 0; i < model->n; i++) {
    const struct model_entry *const entry = &model->entries[i];
    blt_bytes value = {NULL, 0};
    if (entry->is_hidden)
      continue;
    const blt_status status =
        blt_get(db, entry->key.data, entry->key.len, &value);
    MUST(status == BLT_OK && is_equal(value, entry->value),
         "%s: get says %s, or gives another value", when,
         blt_status_name(status));
  }
}
