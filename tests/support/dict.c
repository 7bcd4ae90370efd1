/* dict.c - what a store should hold: a plain sorted array in memory */
#include "support/dict.h"

#include <stdlib.h>
#include <string.h>

static void *checked(void *ptr)
{
  if (ptr == NULL)
    abort();
  return ptr;
}

static uint8_t *copy_of(const void *bytes, size_t len)
{
  uint8_t *const copy = checked(malloc(len + 1));

  if (len > 0)
    memcpy(copy, bytes, len);
  return copy;
}

static int compare(const struct dict_entry *entry, const void *key,
                   size_t key_len)
{
  const size_t len = entry->key_len < key_len ? entry->key_len : key_len;
  const int order = len == 0 ? 0 : memcmp(entry->key, key, len);

  if (order != 0)
    return order;
  return (entry->key_len > key_len) - (entry->key_len < key_len);
}

/* Where the key is or would stand. */
static size_t position_of(const struct dict *dict, const void *key,
                          size_t key_len)
{
  size_t low = 0, high = dict->n_entries;

  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (compare(&dict->entries[middle], key, key_len) < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

struct dict_entry *dict_get(const struct dict *dict, const void *key,
                            size_t key_len)
{
  const size_t i = position_of(dict, key, key_len);

  if (i < dict->n_entries && compare(&dict->entries[i], key, key_len) == 0)
    return &dict->entries[i];
  return NULL;
}

static struct dict_entry *insert_at(struct dict *dict, size_t i)
{
  if (dict->n_entries == dict->capacity) {
    dict->capacity = dict->capacity * 2 + 16;
    dict->entries =
        checked(realloc(dict->entries, dict->capacity * sizeof *dict->entries));
  }
  memmove(dict->entries + i + 1, dict->entries + i,
          (dict->n_entries - i) * sizeof *dict->entries);
  dict->n_entries++;
  return &dict->entries[i];
}

void dict_put(struct dict *dict, const void *key, size_t key_len,
              const void *value, size_t value_len, uint64_t timestamp)
{
  struct dict_entry *entry = dict_get(dict, key, key_len);

  if (entry == NULL) {
    entry = insert_at(dict, position_of(dict, key, key_len));
    entry->key = copy_of(key, key_len);
    entry->key_len = key_len;
  } else {
    free(entry->value);
  }
  entry->value = copy_of(value, value_len);
  entry->value_len = value_len;
  entry->timestamp = timestamp;
}

int dict_delete(struct dict *dict, const void *key, size_t key_len)
{
  struct dict_entry *const entry = dict_get(dict, key, key_len);

  if (entry == NULL)
    return 0;
  const size_t i = (size_t)(entry - dict->entries);
  free(entry->key);
  free(entry->value);
  dict->n_entries--;
  memmove(entry, entry + 1, (dict->n_entries - i) * sizeof *entry);
  return 1;
}

void dict_clear(struct dict *dict)
{
  for (size_t i = 0; i < dict->n_entries; i++) {
    free(dict->entries[i].key);
    free(dict->entries[i].value);
  }
  free(dict->entries);
  *dict = (struct dict){0};
}

void dict_copy(struct dict *to, const struct dict *from)
{
  for (size_t i = 0; i < from->n_entries; i++) {
    const struct dict_entry *const entry = &from->entries[i];
    dict_put(to, entry->key, entry->key_len, entry->value, entry->value_len,
             entry->timestamp);
  }
}
