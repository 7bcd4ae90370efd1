/*
 * chunk.h - keys and values of a bulk call, some hundred at a time
 *
 * They are turned into bytes with the GIL; a chunk then goes to the library
 * without it. What bytes were borrowed from is held until the chunk is done.
 */
#ifndef BLT_PY_CHUNK_H
#define BLT_PY_CHUNK_H

#include "store.h"

enum { CHUNK = 512 };

struct chunk {
  size_t n;
  struct blob keys[CHUNK], values[CHUNK];
  PyObject *held[2 * CHUNK]; /* owned                                        */
  blt_item items[CHUNK];
  blt_bytes names[CHUNK], found[CHUNK];
};

struct chunk *chunk_new(void);
void chunk_empty(struct chunk *chunk, int with_values);
int chunk_add_key(Store *store, struct chunk *chunk, PyObject *key);

/* Keys to come: a list or tuple, or whatever else can be iterated over. */
struct source {
  PyObject *sequence, *iterator; /* owned; one of them                       */
  Py_ssize_t at;                 /* in the sequence                          */
};

int source_open(struct source *source, PyObject *keys);
void source_close(struct source *source);
/* Up to CHUNK keys; fewer: that was all. */
int chunk_fill(Store *store, struct chunk *chunk, struct source *source);

/* Objects and values lie anywhere in memory: have the next ones on their
 * way. The text of a short key is at the end of its object. */
enum { KEYS_AHEAD = 16, VALUES_AHEAD = 6, LINE = 64 };

/* The empty assembly, or gcc might leave calls out: src/base/ask.h. */
static inline void ask_for(const void *data, size_t len)
{
  for (size_t at = 0; at < len; at += LINE)
    __builtin_prefetch((const char *)data + at);
  __asm__ volatile("");
}

/* Not all of a long one, whose end comes by itself. */
static inline void ask_for_value(const void *data, size_t len)
{
  enum { LEN_MAX = 512 };

  ask_for(data, len < LEN_MAX ? len : LEN_MAX);
}

#endif
