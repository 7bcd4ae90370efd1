/*
 * lanes_kernel.h - one BLAKE2s block for LANES keys; included by the files that
 * set LANES and TARGET
 *
 * Written with the compiler's vector types, so that one text serves all
 * instruction sets.
 */
#include <string.h>

#include "hash/lanes.h"

typedef uint32_t vector __attribute__((vector_size(4 * LANES)));

static const uint32_t lane_iv[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372,
                                    0xa54ff53a, 0x510e527f, 0x9b05688c,
                                    0x1f83d9ab, 0x5be0cd19};

#define SPREAD(x) ((vector){0} + (uint32_t)(x))
#define ROTATE(x, n) ((x) >> (n) | (x) << (32 - (n)))

#define MIX(a, b, c, d, x, y)                                                  \
  do {                                                                         \
    v[a] += v[b] + m[x];                                                       \
    v[d] = ROTATE(v[d] ^ v[a], 16);                                            \
    v[c] += v[d];                                                              \
    v[b] = ROTATE(v[b] ^ v[c], 12);                                            \
    v[a] += v[b] + m[y];                                                       \
    v[d] = ROTATE(v[d] ^ v[a], 8);                                             \
    v[c] += v[d];                                                              \
    v[b] = ROTATE(v[b] ^ v[c], 7);                                             \
  } while (0)

#define ROUND(s0, s1, s2, s3, s4, s5, s6, s7, s8, s9, sa, sb, sc, sd, se, sf)  \
  do {                                                                         \
    MIX(0, 4, 8, 12, s0, s1);                                                  \
    MIX(1, 5, 9, 13, s2, s3);                                                  \
    MIX(2, 6, 10, 14, s4, s5);                                                 \
    MIX(3, 7, 11, 15, s6, s7);                                                 \
    MIX(0, 5, 10, 15, s8, s9);                                                 \
    MIX(1, 6, 11, 12, sa, sb);                                                 \
    MIX(2, 7, 8, 13, sc, sd);                                                  \
    MIX(3, 4, 9, 14, se, sf);                                                  \
  } while (0)

TARGET static void hash_lanes(struct blt__lanes *lanes)
{
  vector m[16], v[16];

  for (unsigned i = 0; i < BLT__LANE_WORDS; i++) {
    uint32_t row[LANES] = {0};
    if (i < lanes->n_words)
      for (unsigned l = 0; l < LANES; l++)
        row[l] = lanes->words[l][i];
    memcpy(&m[i], row, sizeof row);
  }
  for (unsigned i = 0; i < 8; i++) {
    v[i] = SPREAD(lane_iv[i]);
    v[i + 8] = SPREAD(lane_iv[i]);
  }
  const vector first = v[0] ^ (uint32_t)(0x01010000 ^ 13);
  vector len;
  memcpy(&len, lanes->lens, sizeof len);
  v[0] = first;
  v[12] ^= len;
  v[14] = ~v[14];
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
  for (unsigned i = 0; i < 4; i++) {
    const vector h = (i == 0 ? first : SPREAD(lane_iv[i])) ^ v[i] ^ v[i + 8];
    memcpy(lanes->digests[i], &h, sizeof h);
  }
}
