/*
 * lanes_avx2.c - eight keys at once on x86-64 with AVX2
 */
#include "hash/kernels.h"

#if defined(__x86_64__)
#define LANES 8
#define TARGET __attribute__((target("avx2")))

/* Whole bytes move by one shuffle, where a rotation takes three steps. */
#if defined(__has_builtin)
#if __has_builtin(__builtin_shufflevector)
typedef unsigned char bytes32 __attribute__((vector_size(32)));
#define BYTES_BY(x, a, b, c, d)                                                \
  (vector) __builtin_shufflevector(                                            \
      (bytes32)(x), (bytes32)(x), a, b, c, d, a + 4, b + 4, c + 4, d + 4,      \
      a + 8, b + 8, c + 8, d + 8, a + 12, b + 12, c + 12, d + 12, a + 16,      \
      b + 16, c + 16, d + 16, a + 20, b + 20, c + 20, d + 20, a + 24, b + 24,  \
      c + 24, d + 24, a + 28, b + 28, c + 28, d + 28)
#define ROTATE_BY_16(x) BYTES_BY(x, 2, 3, 0, 1)
#define ROTATE_BY_8(x) BYTES_BY(x, 1, 2, 3, 0)
#endif
#endif
#include "hash/lanes_kernel.inc"

void blt__lanes_avx2(struct blt__lanes *lanes)
{
  hash_lanes(lanes);
}

int blt__lanes_has_avx2(void)
{
  return __builtin_cpu_supports("avx2");
}
#endif
