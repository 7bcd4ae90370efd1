/*
 * lanes_avx2.c - eight keys at once on x86-64 with AVX2
 */
#include "hash/kernels.h"

#if defined(__x86_64__)
#define LANES 8
#define TARGET __attribute__((target("avx2")))
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
