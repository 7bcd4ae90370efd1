/*
 * bodyhash.c - the two hashes that stand behind the blocks of a batch
 */
#define XXH_STATIC_LINKING_ONLY
#include "format/bodyhash.h"

#include <xxhash.h>

static void start(XXH3_state_t *state, const uint8_t *salt)
{
  XXH3_INITSTATE(state);
  XXH3_64bits_reset_withSeed(state, blt__get8(salt));
}

uint64_t blt__bodyhash_blank(const uint8_t *salt,
                             const struct blt__piece *pieces, size_t n)
{
  XXH3_state_t state;

  if (n == 1)
    return XXH3_64bits_withSeed(pieces[0].data, pieces[0].len, blt__get8(salt));
  start(&state, salt);
  for (size_t i = 0; i < n; i++)
    if (pieces[i].len > 0)
      XXH3_64bits_update(&state, pieces[i].data, pieces[i].len);
  return XXH3_64bits_digest(&state);
}

int blt__bodyhash_file(const struct blt__geometry *geo, const uint8_t *salt,
                       const uint8_t *body, uint64_t len,
                       struct blt__bodyhash *out)
{
  static const uint8_t zeros[BLT__TIMESTAMP_LEN];
  XXH3_state_t state, times;
  unsigned time_len = geo->key_off - geo->time_off;

  start(&state, salt);
  start(&times, salt);
  while (len > 0) {
    struct blt__block block;
    if (len < geo->key_off)
      return 0;
    blt__block_decode(geo, 0, body, &block);
    if (block.len > len)
      return 0;
    XXH3_64bits_update(&state, body, BLT__LINK_OFF);
    XXH3_64bits_update(&state, zeros, BLT__LINK_LEN);
    XXH3_64bits_update(&state, body + BLT__KEYLEN_OFF,
                       geo->time_off - BLT__KEYLEN_OFF);
    if (time_len > 0) {
      XXH3_64bits_update(&state, zeros, time_len);
      XXH3_64bits_update(&times, body + geo->time_off, time_len);
    }
    if (block.len > geo->key_off)
      XXH3_64bits_update(&state, body + geo->key_off,
                         (size_t)(block.len - geo->key_off));
    body += block.len;
    len -= block.len;
  }
  *out = (struct blt__bodyhash){XXH3_64bits_digest(&state),
                                XXH3_64bits_digest(&times)};
  return 1;
}
