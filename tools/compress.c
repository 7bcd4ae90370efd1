/* compress.c - a stream that packs what is written to it */
#include "compress.h"

#include <errno.h>
#include <stdlib.h>

#include <zstd.h>

struct packer {
  FILE *below;
  ZSTD_CCtx *zstd;
  size_t capacity;
  unsigned char packed[];
};

/* 0, or -1 with errno set. */
static int pack(struct packer *packer, const void *bytes, size_t len,
                ZSTD_EndDirective end)
{
  ZSTD_inBuffer in = {bytes, len, 0};
  size_t left;
  do {
    ZSTD_outBuffer out = {packer->packed, packer->capacity, 0};
    left = ZSTD_compressStream2(packer->zstd, &out, &in, end);
    if (ZSTD_isError(left)) {
      errno = ENOMEM;
      return -1;
    }
    if (fwrite(packer->packed, 1, out.pos, packer->below) != out.pos)
      return -1;
  } while (in.pos < in.size || (end == ZSTD_e_end && left > 0));
  return 0;
}

static ssize_t write_bytes(void *cookie, const char *bytes, size_t len)
{
  return pack(cookie, bytes, len, ZSTD_e_continue) < 0 ? 0 : (ssize_t)len;
}

static void release(struct packer *packer)
{
  ZSTD_freeCCtx(packer->zstd);
  free(packer);
}

static int finish(void *cookie)
{
  struct packer *packer = cookie;
  const int status = pack(packer, NULL, 0, ZSTD_e_end);
  const int error = errno;
  release(packer);
  errno = error;
  return status;
}

int compress_has_level(int level)
{
  return level >= 1 && level <= 19;
}

FILE *compress_open(FILE *below, int level)
{
  const size_t capacity = ZSTD_CStreamOutSize();
  struct packer *packer = malloc(sizeof *packer + capacity);
  if (!packer)
    return NULL;
  *packer = (struct packer){below, ZSTD_createCCtx(), capacity};
  if (packer->zstd &&
      !ZSTD_isError(ZSTD_CCtx_setParameter(packer->zstd,
                                           ZSTD_c_compressionLevel, level)) &&
      !ZSTD_isError(
          ZSTD_CCtx_setParameter(packer->zstd, ZSTD_c_checksumFlag, 1))) {
    FILE *stream = fopencookie(
        packer, "wb",
        (cookie_io_functions_t){.write = write_bytes, .close = finish});
    if (stream)
      return stream;
  }
  release(packer);
  return NULL;
}
