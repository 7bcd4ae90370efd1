/*
 * keyhash.c - key bytes to the 13-byte hash that decides the bucket
 *
 * Nearly all keys fit one 64-byte block, for which there is a kernel of our own
 * on some machines. All others go to libb2.
 */
#include "hash/keyhash.h"

#include <string.h>

#include <blake2.h>

#include "hash/kernels.h"

enum { HASH_LEN = 13, BLOCK_LEN = 64 };

void blt__keyhash_reference(const void *key, size_t key_len, uint8_t *out)
{
  (void)blake2s(out, key, NULL, HASH_LEN, key_len, 0);
}

#if defined(__x86_64__)
static int hash_one_block(const void *key, size_t key_len, uint8_t *out)
{
  uint8_t block[BLOCK_LEN] = {0};
  uint8_t digest[16];

  if (key_len > BLOCK_LEN || !blt__keyhash_has_sse41())
    return 0;
  if (key_len > 0)
    memcpy(block, key, key_len);
  blt__keyhash_sse41(block, (uint32_t)key_len, digest);
  memcpy(out, digest, HASH_LEN);
  return 1;
}
#else
static int hash_one_block(const void *key, size_t key_len, uint8_t *out)
{
  (void)key, (void)key_len, (void)out;
  return 0;
}
#endif

void blt__keyhash(const void *key, size_t key_len, uint8_t *out)
{
  if (!hash_one_block(key, key_len, out))
    blt__keyhash_reference(key, key_len, out);
}
