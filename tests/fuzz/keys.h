/*
 * keys.h - keys and values for a script: some of the file's own, some that
 * chance would not find, and lengths of every kind
 */
#ifndef FUZZ_KEYS_H
#define FUZZ_KEYS_H

#include <blt.h>

#include "fuzz/input.h"

enum { KEYS_FOUND = 4, KEYS_ROOM = 1024 };

struct keys {
  blt_bytes found[KEYS_FOUND]; /* were in the file; their bytes are here    */
  size_t n_found;
  uint8_t bytes[KEYS_ROOM];
};

/* The first keys of a store. */
void keys_find(struct keys *keys, blt_db *db);

/* By the next byte of the script. Good until the next call. */
blt_bytes keys_next(const struct keys *keys, struct input *script);
/* fixed_len: of a fixed file's values, or -1. At most 4096 bytes. */
blt_bytes keys_value(struct input *script, int64_t fixed_len);

#endif
