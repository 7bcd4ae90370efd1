/*
 * keyhash.c - key bytes to the 13-byte hash that decides the bucket
 *
 * Nearly all keys fit one 64-byte block, for which a straight-line compress
 * costs half of libb2's call. Longer ones go to libb2.
 */
#include "hash/keyhash.h"

#include <string.h>

#include <blake2.h>

#include "base/bytes.h"

enum { HASH_LEN = 13, BLOCK_LEN = 64, N_ROUNDS = 10 };

static const uint32_t iv[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                               0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

static const uint8_t sigma[N_ROUNDS][16] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
    {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
    {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4},
    {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
    {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13},
    {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
    {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11},
    {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
    {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5},
    {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
};

static inline uint32_t rotate(uint32_t x, int n)
{
  return x >> n | x << (32 - n);
}

#define MIX(a, b, c, d, x, y)                                                  \
  do {                                                                         \
    a += b + (x);                                                              \
    d = rotate(d ^ a, 16);                                                     \
    c += d;                                                                    \
    b = rotate(b ^ c, 12);                                                     \
    a += b + (y);                                                              \
    d = rotate(d ^ a, 8);                                                      \
    c += d;                                                                    \
    b = rotate(b ^ c, 7);                                                      \
  } while (0)

#if defined(__GNUC__) && !defined(__clang__)
/* gcc 12 packs these steps into vectors and gets slower by a third. */
__attribute__((optimize("no-tree-slp-vectorize")))
#endif
static void
hash_one_block(const uint8_t *block, size_t len, uint8_t *out)
{
  uint32_t m[16];
  uint32_t v[16];
  uint32_t h[8];

  for (int i = 0; i < 16; i++)
    m[i] = blt__get4(block + 4 * i);
  memcpy(h, iv, sizeof h);
  h[0] ^= 0x01010000 ^ HASH_LEN;
  memcpy(v, h, sizeof h);
  memcpy(v + 8, iv, sizeof iv);
  v[12] ^= (uint32_t)len;
  v[14] = ~v[14];
#pragma GCC unroll 10
  for (int r = 0; r < N_ROUNDS; r++) {
    const uint8_t *s = sigma[r];
    MIX(v[0], v[4], v[8], v[12], m[s[0]], m[s[1]]);
    MIX(v[1], v[5], v[9], v[13], m[s[2]], m[s[3]]);
    MIX(v[2], v[6], v[10], v[14], m[s[4]], m[s[5]]);
    MIX(v[3], v[7], v[11], v[15], m[s[6]], m[s[7]]);
    MIX(v[0], v[5], v[10], v[15], m[s[8]], m[s[9]]);
    MIX(v[1], v[6], v[11], v[12], m[s[10]], m[s[11]]);
    MIX(v[2], v[7], v[8], v[13], m[s[12]], m[s[13]]);
    MIX(v[3], v[4], v[9], v[14], m[s[14]], m[s[15]]);
  }
  uint8_t digest[16];
  for (int i = 0; i < 4; i++)
    blt__put4(digest + 4 * i, h[i] ^ v[i] ^ v[i + 8]);
  memcpy(out, digest, HASH_LEN);
}

void blt__keyhash_reference(const void *key, size_t key_len, uint8_t *out)
{
  (void)blake2s(out, key, NULL, HASH_LEN, key_len, 0);
}

void blt__keyhash(const void *key, size_t key_len, uint8_t *out)
{
  uint8_t block[BLOCK_LEN] = {0};

  if (key_len > BLOCK_LEN) {
    blt__keyhash_reference(key, key_len, out);
    return;
  }
  if (key_len > 0)
    memcpy(block, key, key_len);
  hash_one_block(block, key_len, out);
}
