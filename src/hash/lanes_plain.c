/*
 * lanes_plain.c - four keys at once with what every machine has (SSE2, NEON)
 */
#include "hash/kernels.h"

#define LANES 4
#define TARGET
#include "hash/lanes_kernel.inc"

void blt__lanes_plain(struct blt__lanes *lanes)
{
  hash_lanes(lanes);
}

int blt__lanes_has_plain(void)
{
  return 1;
}
