/*
 * keyhash_avx512.c - the hash of one key of up to 64 bytes, on x86-64 with
 * AVX-512
 *
 * A rotation is one instruction here, and so are four words of the message.
 */
#include "hash/kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>

#define TARGET __attribute__((target("avx512f,avx512vl,avx512bw")))

#define BY_16(x) _mm_ror_epi32(x, 16)
#define BY_12(x) _mm_ror_epi32(x, 12)
#define BY_8(x) _mm_ror_epi32(x, 8)
#define BY_7(x) _mm_ror_epi32(x, 7)

typedef __m512i message;

#define WORDS(i, j, k, l)                                                      \
  (is_short ? _mm_maskz_shuffle_epi32(((i) < 4) | ((j) < 4) << 1 |             \
                                          ((k) < 4) << 2 | ((l) < 4) << 3,     \
                                      _mm512_castsi512_si128(m),               \
                                      _MM_SHUFFLE((l)&3, (k)&3, (j)&3, (i)&3)) \
            : _mm512_castsi512_si128(_mm512_permutexvar_epi32(                 \
                  _mm512_castsi128_si512(_mm_set_epi32(l, k, j, i)), m)))
#include "hash/keyhash_kernel.inc"

/* No byte behind the key is read: what a mask leaves out cannot fault. */
TARGET void blt__keyhash_avx512(const void *key, size_t key_len, uint8_t *out)
{
  if (key_len <= 16) {
    const __mmask16 mask = (__mmask16)((1u << key_len) - 1);
    hash_block(_mm512_castsi128_si512(_mm_maskz_loadu_epi8(mask, key)), 1,
               key_len, out);
  } else {
    const __mmask64 mask = ~(__mmask64)0 >> (64 - key_len);
    hash_block(_mm512_maskz_loadu_epi8(mask, key), 0, key_len, out);
  }
}

int blt__keyhash_has_avx512(void)
{
  return __builtin_cpu_supports("avx512f") &&
         __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512bw");
}
#endif
