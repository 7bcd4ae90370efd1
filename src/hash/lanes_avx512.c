/*
 * lanes_avx512.c - sixteen keys at once on x86-64 with AVX-512
 */
#include "hash/kernels.h"

#if defined(__x86_64__)
#define LANES 16
#define TARGET __attribute__((target("avx512f,avx512vl,avx512bw")))
#include "hash/lanes_kernel.inc"

void blt__lanes_avx512(struct blt__lanes *lanes)
{
  hash_lanes(lanes);
}

int blt__lanes_has_avx512(void)
{
  return __builtin_cpu_supports("avx512f") &&
         __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512bw");
}
#endif
