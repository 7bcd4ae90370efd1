/*
 * keyhash.c - key bytes to the 13-byte hash that decides the bucket
 *
 * Nearly all keys fit one 64-byte block, for which there are kernels of our own
 * on some machines. All others go to libb2.
 */
#include "hash/keyhash.h"

#include <pthread.h>

#include <blake2.h>

#include "hash/kernels.h"

enum { HASH_LEN = 13, BLOCK_LEN = 64 };

const struct blt__keyhash_kind blt__keyhash_kinds[] = {
#if defined(__x86_64__)
    {"avx512", blt__keyhash_avx512, blt__keyhash_has_avx512},
    {"sse41", blt__keyhash_sse41, blt__keyhash_has_sse41},
#endif
    {"libb2", blt__keyhash_reference, blt__keyhash_has_reference},
};
const size_t blt__n_keyhash_kinds =
    sizeof blt__keyhash_kinds / sizeof *blt__keyhash_kinds;

static const struct blt__keyhash_kind *best;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void choose(void)
{
  size_t i = 0;

  while (!blt__keyhash_kinds[i].can_run())
    i++;
  best = &blt__keyhash_kinds[i];
}

void blt__keyhash_reference(const void *key, size_t key_len, uint8_t *out)
{
  (void)blake2s(out, key, NULL, HASH_LEN, key_len, 0);
}

int blt__keyhash_has_reference(void)
{
  return 1;
}

void blt__keyhash(const void *key, size_t key_len, uint8_t *out)
{
  pthread_once(&once, choose);
  if (key_len <= BLOCK_LEN)
    best->kernel(key, key_len, out);
  else
    blt__keyhash_reference(key, key_len, out);
}
