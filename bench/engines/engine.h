/*
 * engine.h - what a key-value store must do to be measured
 *
 * An engine is one file in this folder and one line in engines.c. It is set up
 * as its users would for bulk work, and says how in `settings`.
 *
 * All functions return 0 for done and negative for failure. Those that look a
 * key up have NONE as a third answer.
 */
#ifndef BENCH_ENGINES_ENGINE_H
#define BENCH_ENGINES_ENGINE_H

#include <stddef.h>

#include "core/sink.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { NONE = 1 };

enum mode {
  MODE_NEW,   /* an empty store, for writing */
  MODE_WRITE, /* one that is there           */
  MODE_READ
};

struct engine;

struct setup {
  const struct engine *engine;
  const char *folder; /* the store's own; its files go there              */
  enum mode mode;
  int durable;   /* each commit is on the disk when it returns            */
  size_t n_keys; /* that will be stored, for engines that like to know    */
  size_t value_len;
};

struct bytes {
  const char *data;
  size_t len;
};

enum part { KEYS = 1, VALUES = 2, ITEMS = 3 };

struct engine {
  const char *name;
  const char *settings;
  const char *(*version)(void);
  const void *variant; /* of an engine that is several: open knows it     */
  int on_request;      /* runs when it is named, or a workload asks for it */
  int shared;          /* threads may read through one store at a time     */

  void *(*open)(const struct setup *setup); /* NULL: failed */
  int (*close)(void *store);

  int (*put)(void *store, struct bytes key, struct bytes value);
  int (*del)(void *store, struct bytes key); /* NULL: build once */
  /* What was written can be read by another process afterwards, and survives
   * the end of this one; with setup.durable the end of the power as well. */
  int (*commit)(void *store);

  /* NONE, or the value is in buf and its length in *len. */
  int (*get)(void *store, struct bytes key, char *buf, size_t *len);
  int (*has)(void *store, struct bytes key);
  int (*walk)(void *store, enum part part, struct sink *sink);
  int (*prune)(void *store); /* NULL: has none; frees what is dead */

  /* Many keys in one call; NULL: has no such thing. */
  int (*put_many)(void *store, const struct bytes *keys,
                  const struct bytes *values, size_t n);
  int (*get_many)(void *store, const struct bytes *keys, size_t n,
                  struct sink *sink); /* copied in order, none missing */
  int (*has_many)(void *store, const struct bytes *keys, size_t n,
                  size_t *n_found);
  int (*del_many)(void *store, const struct bytes *keys, size_t n,
                  size_t *n_found);
};

/* All that were built, NULL at the end, blt first. */
extern const struct engine *const engines[];

#ifdef __cplusplus
}
#endif

#endif
