/*
 * inside.h - the inner parts of a store on a file whose operations are noted
 *
 *   module under test ─► table of operations ─► notes ─► file in memory
 */
#ifndef UNIT_INSIDE_H
#define UNIT_INSIDE_H

#include "format/header.h"
#include "lookup/image.h"

enum event_kind {
  EVENT_WRITE,
  EVENT_SET_SIZE,
  EVENT_RESERVE,
  EVENT_BEGIN_SYNC,
  EVENT_SYNC
};

struct event {
  enum event_kind kind;
  uint64_t off; /* SET_SIZE: the new size                                   */
  uint64_t len;
  uint64_t size; /* of the file before                                      */
};

/* Starts as all zero but for what noting_open sets. */
struct noting {
  struct blt__file file;
  struct blt__file *inner;
  struct event *events;
  size_t n_events;
  unsigned n_reads, n_maps;
  enum blt__hint hints[8]; /* the first that were given                      */
  size_t n_hints;
  int sync_error, write_error, set_size_error, map_error, reserve_error;
  int cut_error;
  unsigned n_left;    /* n: from the n-th change from now on all fail with EIO;
                         0: none does                                        */
  uint64_t space_end; /* writes that pass it find no space; 0: all do       */
  int is_torn;        /* of such a write, what fits of the first span passes */
  uint64_t reserve_max; /* so much can be put aside at once; 0: any length  */
  uint64_t window_size; /* set by tests: the view's size at a set_size      */
  const uint64_t *watched;
  int is_kept; /* close leaves the content here; the test frees it        */
  uint8_t *kept;
  size_t kept_len;
};

/* On a copy of the bytes; closed by ops->close, events freed by it. */
void noting_open(struct noting *noting, const struct blt__env *env,
                 const struct blt__sink *sink, const void *bytes, size_t len);

size_t count_events(const struct noting *noting, enum event_kind kind);
void forget_events(struct noting *noting);

struct inside {
  struct blt__env env;
  struct blt__sink sink;
  struct noting noting;
  struct blt__header header;
  struct blt__image image;
};

/* Decode the header and open a view; fails the test when it does not work. */
void inside_open(struct inside *inside, const void *bytes, size_t len,
                 int by_read);
void inside_close(struct inside *inside);

#endif
