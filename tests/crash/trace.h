/*
 * trace.h - what a program did to a file, and images that it is applied to
 *
 *   image   bytes, and a length; what lies behind the length is undefined
 *           and becomes zero when the image grows
 *   trace   an image and the operations on it, in order
 */
#ifndef CRASH_TRACE_H
#define CRASH_TRACE_H

#include <stddef.h>
#include <stdint.h>

#include "journal/image.h"
#include "os/file.h"

/* Room in every image. */
#define IMAGE_ROOM ((size_t)1 << 26)

/* Address space for IMAGE_ROOM bytes that never moves. */
struct image image_make(void);
void image_release(struct image *image);

enum op_kind { OP_WRITE, OP_SIZE, OP_SYNC };

struct op {
  enum op_kind kind;
  uint64_t off; /* OP_SIZE: the new size                                    */
  size_t len;
  size_t data; /* place in the trace's bytes                                */
};

struct trace {
  struct image base; /* borrowed                                            */
  struct op *ops;    /* owned                                               */
  size_t n, capacity;
  uint8_t *bytes; /* owned                                                  */
  size_t n_bytes, bytes_capacity;
};

void trace_clear(struct trace *trace);
void trace_release(struct trace *trace);
void trace_add(struct trace *trace, enum op_kind kind, uint64_t off);
void trace_add_write(struct trace *trace, uint64_t off,
                     const struct blt__span *spans, size_t n_spans);

/* Ops [first, end) of another trace, and the first `cut` bytes of the next. */
void trace_copy(struct trace *to, const struct trace *from, size_t first,
                size_t end, size_t cut);

static inline const uint8_t *op_data(const struct trace *trace,
                                     const struct op *op)
{
  return trace->bytes + op->data;
}

/* One line for each operation, on stdout. */
void trace_print(const struct trace *trace);

/* A range of an image. */
struct range {
  uint64_t off, len;
};

/* What changes when the operation is applied: written bytes and bytes that
 * growth makes zero, or bytes that are cut off. */
struct range op_range(const struct op *op, uint64_t image_len);

/* Apply it, or the first `len` bytes of a write. */
void image_write(struct image *image, uint64_t off, const uint8_t *data,
                 size_t len);
void image_set_size(struct image *image, uint64_t len);
void image_apply(struct image *image, const struct trace *trace,
                 const struct op *op);

#endif
