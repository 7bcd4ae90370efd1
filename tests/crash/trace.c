/*
 * trace.c - what a program did to a file, and images that it is applied to
 */
#include "crash/trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct image image_make(void)
{
  void *const bytes = mmap(NULL, IMAGE_ROOM, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

  if (bytes == MAP_FAILED) {
    perror("mmap");
    exit(EXIT_FAILURE);
  }
  return (struct image){.bytes = bytes, .len = 0};
}

void image_release(struct image *image)
{
  munmap(image->bytes, IMAGE_ROOM);
  *image = (struct image){NULL, 0};
}

static void *grow(void *old, size_t *capacity, size_t wanted, size_t unit)
{
  while (*capacity < wanted)
    *capacity = *capacity == 0 ? 256 : 2 * *capacity;
  void *const made = realloc(old, *capacity * unit);
  if (made == NULL) {
    perror("realloc");
    exit(EXIT_FAILURE);
  }
  return made;
}

void trace_clear(struct trace *trace)
{
  trace->n = trace->n_bytes = 0;
}

void trace_release(struct trace *trace)
{
  free(trace->ops);
  free(trace->bytes);
  *trace = (struct trace){.ops = NULL};
}

void trace_add(struct trace *trace, enum op_kind kind, uint64_t off)
{
  if (trace->n == trace->capacity)
    trace->ops =
        grow(trace->ops, &trace->capacity, trace->n + 1, sizeof *trace->ops);
  trace->ops[trace->n++] =
      (struct op){.kind = kind, .off = off, .data = trace->n_bytes};
}

void trace_add_write(struct trace *trace, uint64_t off,
                     const struct blt__span *spans, size_t n_spans)
{
  trace_add(trace, OP_WRITE, off);
  struct op *const op = &trace->ops[trace->n - 1];
  for (size_t i = 0; i < n_spans; i++) {
    if (spans[i].len == 0)
      continue;
    if (trace->n_bytes + spans[i].len > trace->bytes_capacity)
      trace->bytes = grow(trace->bytes, &trace->bytes_capacity,
                          trace->n_bytes + spans[i].len, 1);
    memcpy(trace->bytes + trace->n_bytes, spans[i].data, spans[i].len);
    trace->n_bytes += spans[i].len;
    op->len += spans[i].len;
  }
}

static void copy_op(struct trace *to, const struct trace *from,
                    const struct op *op, size_t len)
{
  const struct blt__span span = {op_data(from, op), len};

  if (op->kind == OP_WRITE)
    trace_add_write(to, op->off, &span, 1);
  else
    trace_add(to, op->kind, op->off);
}

void trace_copy(struct trace *to, const struct trace *from, size_t first,
                size_t end, size_t cut)
{
  for (size_t i = first; i < end; i++)
    copy_op(to, from, &from->ops[i], from->ops[i].len);
  if (cut > 0)
    copy_op(to, from, &from->ops[end], cut);
}

void trace_print(const struct trace *trace)
{
  for (size_t i = 0; i < trace->n; i++) {
    const struct op *const op = &trace->ops[i];
    if (op->kind == OP_WRITE)
      printf("%4zu  write %zu bytes at %llu\n", i, op->len,
             (unsigned long long)op->off);
    else if (op->kind == OP_SIZE)
      printf("%4zu  size %llu\n", i, (unsigned long long)op->off);
    else
      printf("%4zu  sync\n", i);
  }
}

struct range op_range(const struct op *op, uint64_t image_len)
{
  if (op->kind == OP_SYNC)
    return (struct range){0, 0};
  if (op->kind == OP_SIZE)
    return op->off < image_len ? (struct range){op->off, image_len - op->off}
                               : (struct range){image_len, op->off - image_len};
  if (op->off > image_len)
    return (struct range){image_len, op->off + op->len - image_len};
  return (struct range){op->off, op->len};
}

void image_set_size(struct image *image, uint64_t len)
{
  if (len > image->len)
    memset(image->bytes + image->len, 0, len - image->len);
  image->len = len;
}

void image_write(struct image *image, uint64_t off, const uint8_t *data,
                 size_t len)
{
  if (off > image->len)
    image_set_size(image, off);
  if (len > 0)
    memcpy(image->bytes + off, data, len);
  if (off + len > image->len)
    image->len = off + len;
}

void image_apply(struct image *image, const struct trace *trace,
                 const struct op *op)
{
  if (op->kind == OP_WRITE)
    image_write(image, op->off, op_data(trace, op), op->len);
  else if (op->kind == OP_SIZE)
    image_set_size(image, op->off);
}
