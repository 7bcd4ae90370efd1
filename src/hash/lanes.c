/*
 * lanes.c - the hashes of many keys side by side
 */
#include "hash/lanes.h"

#include <pthread.h>
#include <string.h>

#include "base/bytes.h"
#include "hash/kernels.h"
#include "hash/keyhash.h"

enum { BLOCK_LEN = 64, HASH_LEN = 13 };

const struct blt__lanes_kind blt__lanes_kinds[] = {
#if defined(__x86_64__)
    {"avx512", 16, blt__lanes_avx512, blt__lanes_has_avx512},
    {"avx2", 8, blt__lanes_avx2, blt__lanes_has_avx2},
#endif
    {"plain", 4, blt__lanes_plain, blt__lanes_has_plain},
};
const size_t blt__n_lanes_kinds =
    sizeof blt__lanes_kinds / sizeof *blt__lanes_kinds;

static const struct blt__lanes_kind *best;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void choose(void)
{
  size_t i = 0;

  while (!blt__lanes_kinds[i].can_run())
    i++;
  best = &blt__lanes_kinds[i];
}

/* Keys that are being collected for one run of the kernel. */
struct row {
  const struct blt__lanes_kind *kind;
  struct blt__lanes lanes;
  const struct blt__lane_key *keys[BLT__LANES_MAX];
  unsigned n;
};

/* Numbers of the kernel are those of the machine, words of a hash
 * little-endian; nearly everywhere that is the same. */
static void swap_words(uint32_t *words, unsigned n)
{
  if (blt__is_little_endian())
    return;
  for (unsigned i = 0; i < n; i++)
    words[i] = blt__get4((const uint8_t *)&words[i]);
}

static void add_key(struct row *row, const struct blt__lane_key *key)
{
  uint32_t *words = row->lanes.words[row->n];
  unsigned n_words = (unsigned)(key->key_len + 3) / 4;

  memset(words, 0, BLOCK_LEN);
  if (key->key_len > 0)
    memcpy(words, key->key, key->key_len);
  swap_words(words, n_words);
  if (n_words > row->lanes.n_words)
    row->lanes.n_words = n_words;
  row->lanes.lens[row->n] = (uint32_t)key->key_len;
  row->keys[row->n++] = key;
}

static void run_row(struct row *row)
{
  row->kind->kernel(&row->lanes);
  for (unsigned l = 0; l < row->n; l++) {
    swap_words(row->lanes.digests[l], 4);
    memcpy(row->keys[l]->out, row->lanes.digests[l], HASH_LEN);
  }
  row->n = row->lanes.n_words = 0;
}

/* A row that is hardly filled costs more than its keys one by one. */
static void end_row(struct row *row, unsigned worth)
{
  if (row->n >= worth && row->n > 0) {
    for (unsigned l = row->n; l < row->kind->n_lanes; l++)
      memset(row->lanes.words[l], 0, sizeof row->lanes.words[l]);
    run_row(row);
    return;
  }
  for (unsigned l = 0; l < row->n; l++)
    blt__keyhash(row->keys[l]->key, row->keys[l]->key_len, row->keys[l]->out);
}

static void hash_by(const struct blt__lanes_kind *kind, unsigned worth,
                    const struct blt__lane_key *keys, size_t n)
{
  struct row row;

  row.kind = kind;
  row.n = row.lanes.n_words = 0;
  for (size_t i = 0; i < n; i++) {
    if (keys[i].key_len > BLOCK_LEN) {
      blt__keyhash(keys[i].key, keys[i].key_len, keys[i].out);
      continue;
    }
    add_key(&row, &keys[i]);
    if (row.n == kind->n_lanes)
      run_row(&row);
  }
  end_row(&row, worth);
}

void blt__keyhash_many_by(const struct blt__lanes_kind *kind,
                          const struct blt__lane_key *keys, size_t n)
{
  hash_by(kind, 1, keys, n);
}

void blt__keyhash_many(const struct blt__lane_key *keys, size_t n)
{
  pthread_once(&once, choose);
  hash_by(best, best->n_lanes / 4 + 1, keys, n);
}
