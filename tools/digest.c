/* digest.c - what a file holds, as a number that the order does not change */
#include "digest.h"

#include <blake2.h>

#include "keys.h"

enum { ITEM_LEN = 64, RESULT_LEN = 32, N_WORDS = 8 };

static void add_number(blake2b_state *state, uint64_t number)
{
  unsigned char bytes[8];
  for (int i = 0; i < 8; i++)
    bytes[i] = (unsigned char)(number >> (8 * i) & 255);
  blake2b_update(state, bytes, sizeof bytes);
}

static void add_bytes(blake2b_state *state, blt_bytes bytes)
{
  add_number(state, bytes.len);
  if (bytes.len > 0)
    blake2b_update(state, bytes.data, bytes.len);
}

/* Adds with the carry from word to word. */
static void add_to_sum(uint64_t *sum, const unsigned char *item)
{
  uint64_t carry = 0;
  for (int i = 0; i < N_WORDS; i++) {
    const uint64_t word = number_load(item + 8 * i, 8);
    const uint64_t first = sum[i] + word;
    const uint64_t second = first + carry;
    carry = (uint64_t)(first < word) + (uint64_t)(second < first);
    sum[i] = second;
  }
}

void digest_add(struct digest *digest, const blt_item *item)
{
  unsigned char bytes[ITEM_LEN];
  blake2b_state state;
  blake2b_init(&state, ITEM_LEN);
  add_bytes(&state, item->key);
  add_bytes(&state, item->value);
  if (digest->with_times)
    add_number(&state, item->timestamp);
  blake2b_final(&state, bytes, ITEM_LEN);
  add_to_sum(digest->sum, bytes);
  digest->n++;
}

void digest_write(const struct digest *digest, struct text *out)
{
  static const unsigned char name[] = "blt hash 1";
  unsigned char bytes[RESULT_LEN];
  blake2b_state state;
  blake2b_init(&state, RESULT_LEN);
  blake2b_update(&state, name, sizeof name - 1);
  add_number(&state, digest->n);
  for (int i = 0; i < N_WORDS; i++)
    add_number(&state, digest->sum[i]);
  blake2b_final(&state, bytes, RESULT_LEN);
  text_add_string(out, "b2b:");
  text_add_hex(out, bytes, sizeof bytes);
}
