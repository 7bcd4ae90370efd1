/*
 * keys.c - keys and values for a script
 */
#include "fuzz/keys.h"

#include <string.h>

enum { VALUE_ROOM = 4096, OWN_KEYS = 6 };

void keys_find(struct keys *keys, blt_db *db)
{
  blt_iter *iter = NULL;
  blt_item item;
  size_t used = 0;

  keys->n_found = 0;
  if (blt_iter_open(db, BLT_ITER_KEYS, &iter) < 0)
    return;
  while (keys->n_found < KEYS_FOUND && blt_iter_next(iter, &item) == BLT_OK &&
         item.key.len <= KEYS_ROOM - used) {
    uint8_t *const at = keys->bytes + used;
    if (item.key.len > 0)
      memcpy(at, item.key.data, item.key.len);
    keys->found[keys->n_found++] = (blt_bytes){at, item.key.len};
    used += item.key.len;
  }
  blt_iter_close(iter);
}

blt_bytes keys_next(const struct keys *keys, struct input *script)
{
  static const char *const own[OWN_KEYS] = {
      "", "a", "b", "key", "0123456789012345678901234567890123456789", "zz"};
  static uint8_t made[300];
  const uint8_t byte = input_next(script);

  if (byte < 64 && keys->n_found > 0)
    return keys->found[byte % keys->n_found];
  if (byte < 224)
    return (blt_bytes){own[byte % OWN_KEYS], strlen(own[byte % OWN_KEYS])};
  memset(made, byte, sizeof made);
  return (blt_bytes){made, (size_t)1 << (byte & 7)};
}

/* Zeros, one byte again and again, or what begins like a record. */
blt_bytes keys_value(struct input *script, int64_t fixed_len)
{
  static uint8_t made[VALUE_ROOM];
  const uint8_t byte = input_next(script);
  size_t len = byte < 200 ? byte % 40 : (size_t)(byte - 199) * 60;

  if (fixed_len >= 0)
    len = fixed_len < VALUE_ROOM ? (size_t)fixed_len : VALUE_ROOM;
  memset(made, byte & 1 ? byte : 0, len);
  if (byte & 2 && len >= 4)
    memcpy(made, "BLTC1BCR1", len < 9 ? len : 9);
  return (blt_bytes){made, len};
}
