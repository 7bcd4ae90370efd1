/*
 * keyhash_sse41.c - the hash of one key of up to 64 bytes, on x86-64
 */
#include "hash/kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>

#include "base/bytes.h"

#define TARGET __attribute__((target("sse4.1")))

/* Whole bytes move by one shuffle, where a rotation takes three steps. */
#define BYTES(x, a, b, c, d)                                                   \
  _mm_shuffle_epi8(x, _mm_set_epi8(a + 12, b + 12, c + 12, d + 12, a + 8,      \
                                   b + 8, c + 8, d + 8, a + 4, b + 4, c + 4,   \
                                   d + 4, a, b, c, d))
#define BY_16(x) BYTES(x, 1, 0, 3, 2)
#define BY_8(x) BYTES(x, 0, 3, 2, 1)
#define BY_12(x) rotate(x, 12)
#define BY_7(x) rotate(x, 7)

TARGET static inline __attribute__((always_inline)) __m128i rotate(__m128i x,
                                                                   int n)
{
  return _mm_or_si128(_mm_srli_epi32(x, n), _mm_slli_epi32(x, 32 - n));
}

typedef const uint8_t *message;

/* Word by word: the block was written in pieces just now, and a load that
 * spans several of them would wait. */
static inline int word(message m, int is_short, int i)
{
  return is_short && i >= 4 ? 0 : (int)blt__get4(m + 4 * i);
}

#define WORDS(i, j, k, l)                                                      \
  _mm_set_epi32(word(m, is_short, l), word(m, is_short, k),                    \
                word(m, is_short, j), word(m, is_short, i))
#include "hash/keyhash_kernel.inc"

TARGET void blt__keyhash_sse41(const void *key, size_t key_len, uint8_t *out)
{
  uint8_t block[64] = {0};

  if (key_len > 0)
    memcpy(block, key, key_len);
  if (key_len <= 16)
    hash_block(block, 1, key_len, out);
  else
    hash_block(block, 0, key_len, out);
}

int blt__keyhash_has_sse41(void)
{
  return __builtin_cpu_supports("sse4.1");
}
#endif
