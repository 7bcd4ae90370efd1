/*
 * buf.c - a row of bytes that grows
 */
#include "base/buf.h"

#include <string.h>

void blt__buf_init(struct blt__buf *buf, const struct blt__env *env)
{
  *buf = (struct blt__buf){.env = env};
}

void blt__buf_release(struct blt__buf *buf)
{
  if (buf->env != NULL)
    blt__release(buf->env, buf->data, buf->capacity);
  *buf = (struct blt__buf){.env = buf->env};
}

int blt__buf_reserve(struct blt__buf *buf, size_t more)
{
  if (more <= buf->capacity - buf->len && buf->data != NULL)
    return 0;
  if (more > SIZE_MAX / 2 - buf->len)
    return -1;
  size_t capacity = buf->capacity < 64 ? 64 : buf->capacity;
  while (capacity < buf->len + more)
    capacity += capacity / 2;
  uint8_t *data = blt__resize(buf->env, buf->data, buf->capacity, capacity);
  if (data == NULL)
    return -1;
  buf->data = data;
  buf->capacity = capacity;
  return 0;
}

uint8_t *blt__buf_extend(struct blt__buf *buf, size_t len)
{
  if (blt__buf_reserve(buf, len) != 0)
    return NULL;
  uint8_t *at = buf->data + buf->len;
  buf->len += len;
  return at;
}

int blt__buf_append(struct blt__buf *buf, const void *data, size_t len)
{
  uint8_t *at = blt__buf_extend(buf, len);

  if (at == NULL)
    return -1;
  if (len != 0)
    memcpy(at, data, len);
  return 0;
}
