/*
 * keyhash_sse41.c - the hash of one key of up to 64 bytes, on x86-64
 *
 * The state is a square of four by four words. Its rows are vectors, so that
 * four columns are mixed at once; then rows a, c and d are turned until the
 * diagonals are columns. Row b comes last out of each mixing and stays as it
 * is: nothing waits for a turn. Words of the message are put together by the
 * side, as long as the rows wait for one another.
 */
#include "hash/kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#include "base/bytes.h"

#define TARGET __attribute__((target("sse4.1")))
#define INLINE TARGET static inline __attribute__((always_inline))

struct rows {
  __m128i a, b, c, d;
};

/* Bytes of each word by a shuffle: two, one. */
#define BY_16 _mm_set_epi8(13, 12, 15, 14, 9, 8, 11, 10, 5, 4, 7, 6, 1, 0, 3, 2)
#define BY_8 _mm_set_epi8(12, 15, 14, 13, 8, 11, 10, 9, 4, 7, 6, 5, 0, 3, 2, 1)

INLINE __m128i rotate(__m128i x, int n)
{
  return _mm_or_si128(_mm_srli_epi32(x, n), _mm_slli_epi32(x, 32 - n));
}

/* x and y: a word of the message for each column. */
INLINE void mix(struct rows *v, __m128i x, __m128i y)
{
  v->a = _mm_add_epi32(_mm_add_epi32(v->a, x), v->b);
  v->d = _mm_shuffle_epi8(_mm_xor_si128(v->d, v->a), BY_16);
  v->c = _mm_add_epi32(v->c, v->d);
  v->b = rotate(_mm_xor_si128(v->b, v->c), 12);
  v->a = _mm_add_epi32(_mm_add_epi32(v->a, y), v->b);
  v->d = _mm_shuffle_epi8(_mm_xor_si128(v->d, v->a), BY_8);
  v->c = _mm_add_epi32(v->c, v->d);
  v->b = rotate(_mm_xor_si128(v->b, v->c), 7);
}

INLINE void turn(struct rows *v)
{
  v->a = _mm_shuffle_epi32(v->a, _MM_SHUFFLE(2, 1, 0, 3));
  v->c = _mm_shuffle_epi32(v->c, _MM_SHUFFLE(0, 3, 2, 1));
  v->d = _mm_shuffle_epi32(v->d, _MM_SHUFFLE(1, 0, 3, 2));
}

INLINE void turn_back(struct rows *v)
{
  v->a = _mm_shuffle_epi32(v->a, _MM_SHUFFLE(0, 3, 2, 1));
  v->c = _mm_shuffle_epi32(v->c, _MM_SHUFFLE(2, 1, 0, 3));
  v->d = _mm_shuffle_epi32(v->d, _MM_SHUFFLE(1, 0, 3, 2));
}

/* Word by word: the block was written in pieces just now, and a load that
 * spans several of them would wait. Those behind the key are zero. */
INLINE int word(const uint8_t *block, int n_words, int i)
{
  return i < n_words ? (int)blt__get4(block + 4 * i) : 0;
}

#define WORDS(i, j, k, l)                                                      \
  _mm_set_epi32(word(block, n_words, l), word(block, n_words, k),              \
                word(block, n_words, j), word(block, n_words, i))

/* A round, with the order that it takes the words in. */
#define ROUND(i0, i1, i2, i3, i4, i5, i6, i7, i8, i9, i10, i11, i12, i13, i14, \
              i15)                                                             \
  do {                                                                         \
    mix(&v, WORDS(i0, i2, i4, i6), WORDS(i1, i3, i5, i7));                     \
    turn(&v);                                                                  \
    mix(&v, WORDS(i14, i8, i10, i12), WORDS(i15, i9, i11, i13));               \
    turn_back(&v);                                                             \
  } while (0)

/* n_words is known when this is compiled: a key of four words has twelve fewer
 * to put together. */
INLINE void hash_block(const uint8_t *block, int n_words, uint32_t len,
                       uint8_t *digest)
{
  const __m128i iv_low =
      _mm_set_epi32((int)0xa54ff53a, 0x3c6ef372, (int)0xbb67ae85, 0x6a09e667);
  const __m128i iv_high =
      _mm_set_epi32(0x5be0cd19, 0x1f83d9ab, (int)0x9b05688c, 0x510e527f);
  const __m128i h = _mm_xor_si128(iv_low, _mm_cvtsi32_si128(0x0101000d));
  struct rows v = {h, iv_high, iv_low,
                   _mm_xor_si128(iv_high, _mm_set_epi32(0, -1, 0, (int)len))};

  ROUND(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  ROUND(14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3);
  ROUND(11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4);
  ROUND(7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8);
  ROUND(9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13);
  ROUND(2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9);
  ROUND(12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11);
  ROUND(13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10);
  ROUND(6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5);
  ROUND(10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0);
  _mm_storeu_si128((void *)digest, _mm_xor_si128(h, _mm_xor_si128(v.a, v.c)));
}

TARGET void blt__keyhash_sse41(const uint8_t *block, uint32_t len,
                               uint8_t *digest)
{
  if (len <= 16)
    hash_block(block, 4, len, digest);
  else
    hash_block(block, 16, len, digest);
}

int blt__keyhash_has_sse41(void)
{
  return __builtin_cpu_supports("sse4.1");
}
#endif
