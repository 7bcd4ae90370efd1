/*
 * bytes.h - little-endian numbers in a row of bytes
 *
 * The only place that knows the byte order of the file. Where it is that of
 * memory, each of these is one or two moves: compilers put bytes together by
 * themselves as well, but not in every place.
 */
#ifndef BLT_BASE_BYTES_H
#define BLT_BASE_BYTES_H

#include <stdint.h>
#include <string.h>

/* Does memory hold numbers as the file does? A test says no (BLT__ANY_ORDER),
 * to have what other machines have. */
static inline int blt__is_little_endian(void)
{
#ifdef BLT__ANY_ORDER
  return 0;
#else
  return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;
#endif
}

static inline uint32_t blt__get2(const uint8_t *p)
{
  uint16_t v;

  if (!blt__is_little_endian())
    return (uint32_t)p[0] | (uint32_t)p[1] << 8;
  memcpy(&v, p, sizeof v);
  return v;
}

static inline uint32_t blt__get4(const uint8_t *p)
{
  uint32_t v;

  if (!blt__is_little_endian())
    return blt__get2(p) | blt__get2(p + 2) << 16;
  memcpy(&v, p, sizeof v);
  return v;
}

static inline uint64_t blt__get6(const uint8_t *p)
{
  return (uint64_t)blt__get4(p) | (uint64_t)blt__get2(p + 4) << 32;
}

static inline uint64_t blt__get7(const uint8_t *p)
{
  return blt__get6(p) | (uint64_t)p[6] << 48;
}

static inline uint64_t blt__get8(const uint8_t *p)
{
  uint64_t v;

  if (!blt__is_little_endian())
    return (uint64_t)blt__get4(p) | (uint64_t)blt__get4(p + 4) << 32;
  memcpy(&v, p, sizeof v);
  return v;
}

static inline void blt__put2(uint8_t *p, uint32_t v)
{
  const uint16_t low = (uint16_t)v;

  if (blt__is_little_endian()) {
    memcpy(p, &low, sizeof low);
  } else {
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
  }
}

static inline void blt__put4(uint8_t *p, uint32_t v)
{
  if (blt__is_little_endian()) {
    memcpy(p, &v, sizeof v);
  } else {
    blt__put2(p, v);
    blt__put2(p + 2, v >> 16);
  }
}

static inline void blt__put6(uint8_t *p, uint64_t v)
{
  blt__put4(p, (uint32_t)v);
  blt__put2(p + 4, (uint32_t)(v >> 32));
}

static inline void blt__put7(uint8_t *p, uint64_t v)
{
  blt__put6(p, v);
  p[6] = (uint8_t)(v >> 48);
}

static inline void blt__put8(uint8_t *p, uint64_t v)
{
  blt__put4(p, (uint32_t)v);
  blt__put4(p + 4, (uint32_t)(v >> 32));
}

#endif
