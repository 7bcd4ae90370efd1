/* dict.h - what a store should hold: a plain sorted array in memory */
#ifndef SUPPORT_DICT_H
#define SUPPORT_DICT_H

#include <stddef.h>
#include <stdint.h>

struct dict_entry {
  uint8_t *key;
  size_t key_len;
  uint8_t *value;
  size_t value_len;
  uint64_t timestamp;
};

/* Starts as all zero. */
struct dict {
  struct dict_entry *entries; /* sorted by key */
  size_t n_entries;
  size_t capacity;
};

/* The entry of a key, or NULL. Good until the next change. */
struct dict_entry *dict_get(const struct dict *dict, const void *key,
                            size_t key_len);

void dict_put(struct dict *dict, const void *key, size_t key_len,
              const void *value, size_t value_len, uint64_t timestamp);

/* 1 when there was such a key. */
int dict_delete(struct dict *dict, const void *key, size_t key_len);

/* Empty it; it can be used again. Frees everything. */
void dict_clear(struct dict *dict);

/* `to` is all zero before. */
void dict_copy(struct dict *to, const struct dict *from);

#endif
