/*
 * line.h - eight places of the side table in one cache line
 *
 *   | tag 2 | tag 2 | ... eight of them | offset 6 | offset 6 | ... |
 *
 * All eight tags are compared at once, so that a search has nothing to guess:
 * a branch that is guessed wrongly behind a cache miss costs that miss again.
 * Places fill from the front; a line with an empty place ends a search.
 */
#ifndef BLT_LOOKUP_LINE_H
#define BLT_LOOKUP_LINE_H

#include <stdint.h>

#include "base/bytes.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum { BLT__LINE_PLACES = 8 };

/* Tags that are no key's: a place never used, and one that is free again. */
enum { BLT__LINE_EMPTY = 0, BLT__LINE_GONE = 1, BLT__LINE_FIRST_TAG = 2 };

struct blt__line {
  uint16_t tags[BLT__LINE_PLACES];
  uint8_t offs[BLT__LINE_PLACES][6];
};

/* From the bits that do not choose the line. */
static inline uint32_t blt__line_tag(uint64_t cheap)
{
  uint32_t tag = (uint32_t)(cheap >> 48);

  return tag < BLT__LINE_FIRST_TAG ? tag + BLT__LINE_FIRST_TAG : tag;
}

/* The places with this tag: two bits for each, the first place lowest. Where
 * there is no SSE2; and the plain twin in tests. */
__attribute__((unused)) static inline uint32_t
blt__line_match_plain(const struct blt__line *line, uint32_t tag)
{
  uint32_t match = 0;

  for (unsigned i = 0; i < BLT__LINE_PLACES; i++)
    match |= (line->tags[i] == tag ? 3U : 0U) << 2 * i;
  return match;
}

static inline uint32_t blt__line_match(const struct blt__line *line,
                                       uint32_t tag)
{
#ifdef __SSE2__
  const __m128i tags = _mm_loadu_si128((const void *)line->tags);
  return (uint32_t)_mm_movemask_epi8(
      _mm_cmpeq_epi16(tags, _mm_set1_epi16((short)tag)));
#else
  return blt__line_match_plain(line, tag);
#endif
}

static inline unsigned blt__line_first(uint32_t match)
{
  return (unsigned)__builtin_ctz(match) / 2;
}

static inline uint32_t blt__line_rest(uint32_t match)
{
  match &= match - 1;
  return match & (match - 1);
}

static inline uint64_t blt__line_off(const struct blt__line *line,
                                     unsigned place)
{
  return blt__get6(line->offs[place]);
}

static inline void blt__line_set(struct blt__line *line, unsigned place,
                                 uint32_t tag, uint64_t off)
{
  line->tags[place] = (uint16_t)tag;
  blt__put6(line->offs[place], off);
}

/* No place was left empty: a search that began here goes on in the next. */
static inline int blt__line_is_full(const struct blt__line *line)
{
  return line->tags[BLT__LINE_PLACES - 1] != BLT__LINE_EMPTY;
}

#endif
