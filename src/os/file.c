/*
 * file.c - loops over the table of file operations
 */
#include "os/file.h"

#include <errno.h>

blt_status blt__file_read(struct blt__file *file, const struct blt__sink *sink,
                          uint64_t off, void *buf, size_t len)
{
  size_t done = 0;

  while (done < len) {
    int64_t n =
        file->ops->read_at(file, off + done, (uint8_t *)buf + done, len - done);
    if (n == -EINTR)
      continue;
    if (n < 0)
      return blt__fail_errno(sink, (int)-n, off + done, "read the file");
    if (n == 0)
      return blt__fail(sink, BLT_E_TRUNCATED, off + done,
                       "the file ends before the bytes that are wanted");
    done += (size_t)n;
  }
  return BLT_OK;
}

/* Drop the first n bytes of the spans; how many spans are left. */
static size_t advance(struct blt__span *spans, size_t n_spans, size_t n)
{
  size_t first = 0;

  while (first < n_spans && n >= spans[first].len) {
    n -= spans[first].len;
    first++;
  }
  for (size_t i = first; i < n_spans; i++)
    spans[i - first] = spans[i];
  n_spans -= first;
  if (n_spans > 0) {
    spans[0].data = (const uint8_t *)spans[0].data + n;
    spans[0].len -= n;
  }
  return n_spans;
}

blt_status blt__file_write(struct blt__file *file, const struct blt__sink *sink,
                           uint64_t off, const struct blt__span *spans,
                           size_t n_spans)
{
  struct blt__span left[BLT__SPANS_MAX];

  if (n_spans > BLT__SPANS_MAX)
    return blt__fail(sink, BLT_E_INVALID, off, "a write of too many spans");
  for (size_t i = 0; i < n_spans; i++)
    left[i] = spans[i];
  n_spans = advance(left, n_spans, 0);
  while (n_spans > 0) {
    int64_t n = file->ops->write_at(file, off, left, n_spans);
    if (n == -EINTR)
      continue;
    if (n < 0)
      return blt__fail_errno(sink, (int)-n, off, "write to the file");
    if (n == 0)
      return blt__fail_errno(sink, ENOSPC, off, "write to the file");
    off += (uint64_t)n;
    n_spans = advance(left, n_spans, (size_t)n);
  }
  return BLT_OK;
}

int blt__errno_is_unsupported(int error)
{
  return error == EOPNOTSUPP || error == ENOSYS || error == EINVAL;
}

int blt__errno_is_no_space(int error)
{
  return error == ENOSPC || error == EDQUOT || error == EFBIG;
}
