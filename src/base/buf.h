/*
 * buf.h - a row of bytes that grows
 */
#ifndef BLT_BASE_BUF_H
#define BLT_BASE_BUF_H

#include <stddef.h>
#include <stdint.h>

#include "base/env.h"

struct blt__buf {
  const struct blt__env *env; /* borrowed                                   */
  uint8_t *data;              /* owned; moves when the row grows            */
  size_t len, capacity;
};

void blt__buf_init(struct blt__buf *buf, const struct blt__env *env);
void blt__buf_release(struct blt__buf *buf);

/* Room for `more` bytes after len. 0, or -1 when there is no memory (the
 * content stays). */
int blt__buf_reserve(struct blt__buf *buf, size_t more);

/* Add len bytes that are not set, and where they begin; NULL: no memory. */
uint8_t *blt__buf_extend(struct blt__buf *buf, size_t len);

/* A copy of the bytes at the end; 0 or -1. */
int blt__buf_append(struct blt__buf *buf, const void *data, size_t len);

#endif
