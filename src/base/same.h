/*
 * same.h - are two short rows of bytes equal?
 *
 * memcmp as a call costs more than comparing a key of a dozen bytes.
 */
#ifndef BLT_BASE_SAME_H
#define BLT_BASE_SAME_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t blt__word8(const uint8_t *p)
{
  uint64_t word;
  memcpy(&word, p, sizeof word);
  return word;
}

static inline uint32_t blt__word4(const uint8_t *p)
{
  uint32_t word;
  memcpy(&word, p, sizeof word);
  return word;
}

/* 8 to 16 bytes as two words that may overlap, 4 to 7 likewise. */
static inline int blt__same(const uint8_t *a, const void *other, size_t len)
{
  const uint8_t *b = other;

  if (len > 16)
    return memcmp(a, b, len) == 0;
  if (len >= 8)
    return ((blt__word8(a) ^ blt__word8(b)) |
            (blt__word8(a + len - 8) ^ blt__word8(b + len - 8))) == 0;
  if (len >= 4)
    return ((blt__word4(a) ^ blt__word4(b)) |
            (blt__word4(a + len - 4) ^ blt__word4(b + len - 4))) == 0;
  for (size_t i = 0; i < len; i++)
    if (a[i] != b[i])
      return 0;
  return 1;
}

#endif
