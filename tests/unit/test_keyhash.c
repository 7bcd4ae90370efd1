/* test_keyhash.c - the fast hash and its plain twin */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "format/reserved.h"
#include "hash/keyhash.h"
#include "hash/lanes.h"
#include "support/image.h"
#include "support/random.h"
#include "unit/suites.h"

enum { BLOCK_LEN = 64 };

START_TEST(the_fast_hash_equals_its_plain_twin_for_all_lengths)
{
  uint8_t key[301], fast[13], plain[13], own[13];
  struct random random;

  random_start(&random, 1);
  for (size_t len = 0; len <= 300; len++)
    for (int i = 0; i < 4; i++) {
      random_fill(&random, key, sizeof key);
      blt__keyhash(key, len, fast);
      blt__keyhash_reference(key, len, plain);
      image_hash(key, len, own);
      ck_assert_mem_eq(fast, plain, sizeof fast);
      ck_assert_mem_eq(fast, own, sizeof fast);
    }
}
END_TEST

START_TEST(each_kernel_of_this_machine_equals_the_plain_twin)
{
  uint8_t key[BLOCK_LEN], hash[13], plain[13];
  struct random random;

  random_start(&random, 3);
  for (size_t kind = 0; kind < blt__n_keyhash_kinds; kind++)
    for (size_t len = 0; len <= sizeof key; len++)
      for (int i = 0; i < 4 && blt__keyhash_kinds[kind].can_run(); i++) {
        random_fill(&random, key, sizeof key);
        blt__keyhash_kinds[kind].kernel(key, len, hash);
        blt__keyhash_reference(key, len, plain);
        ck_assert_mem_eq(hash, plain, sizeof plain);
      }
}
END_TEST

/* Of a key that ends where the memory of the process does. */
START_TEST(no_kernel_reads_behind_the_key)
{
  const size_t page = (size_t)sysconf(_SC_PAGESIZE);
  uint8_t *const at = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  uint8_t hash[13], plain[13];

  ck_assert_ptr_ne(at, MAP_FAILED);
  ck_assert_int_eq(mprotect(at + page, page, PROT_NONE), 0);
  memset(at, 'k', page);
  for (size_t kind = 0; kind < blt__n_keyhash_kinds; kind++)
    for (size_t len = 0; len <= BLOCK_LEN; len++)
      if (blt__keyhash_kinds[kind].can_run()) {
        blt__keyhash_kinds[kind].kernel(at + page - len, len, hash);
        blt__keyhash_reference(at, len, plain);
        ck_assert_mem_eq(hash, plain, sizeof plain);
      }
  munmap(at, 2 * page);
}
END_TEST

START_TEST(the_values_of_the_format_text_come_out)
{
  static const uint8_t of_a[13] = {0x98, 0xbf, 0xfd, 0xaa, 0xf3, 0x94, 0x63,
                                   0x89, 0x08, 0x0d, 0xd5, 0x1a, 0x12};
  static const uint8_t of_nothing[13] = {0x75, 0x8f, 0xe2, 0xc7, 0x0f,
                                         0xa2, 0x2a, 0xfd, 0x14, 0x5e,
                                         0x08, 0xc8, 0xc1};
  uint8_t hash[13];

  blt__keyhash("a", 1, hash);
  ck_assert_mem_eq(hash, of_a, sizeof hash);
  blt__keyhash(NULL, 0, hash);
  ck_assert_mem_eq(hash, of_nothing, sizeof hash);
}
END_TEST

/* Keys of 0 to 90 bytes in groups of 0 to 70. */
START_TEST(many_keys_side_by_side_hash_as_one_by_one)
{
  static uint8_t bytes[70][90], hashes[70][13];
  struct blt__lane_key keys[70];
  uint8_t plain[13];
  struct random random;

  random_start(&random, 2);
  for (size_t n = 0; n <= 70; n++)
    for (size_t kind = 0; kind <= blt__n_lanes_kinds; kind++) {
      random_fill(&random, bytes, sizeof bytes);
      for (size_t i = 0; i < n; i++)
        keys[i] = (struct blt__lane_key){
            bytes[i], random_below(&random, n % 2 == 0 ? 91 : 20), hashes[i]};
      if (kind == blt__n_lanes_kinds)
        blt__keyhash_many(keys, n);
      else if (blt__lanes_kinds[kind].can_run())
        blt__keyhash_many_by(&blt__lanes_kinds[kind], keys, n);
      else
        continue;
      for (size_t i = 0; i < n; i++) {
        blt__keyhash_reference(keys[i].key, keys[i].key_len, plain);
        ck_assert_mem_eq(hashes[i], plain, sizeof plain);
      }
    }
}
END_TEST

START_TEST(hidden_keys_have_the_hashes_of_their_bytes)
{
  uint8_t hash[13];

  for (int i = 0; i < BLT__N_RESERVED; i++) {
    const struct blt__reserved *const r = &blt__reserved_keys[i];
    ck_assert_uint_eq(strlen(r->key), BLT__RESERVED_KEY_LEN);
    image_hash(r->key, BLT__RESERVED_KEY_LEN, hash);
    ck_assert_mem_eq(hash, r->hash, sizeof hash);
    ck_assert(blt__is_reserved_hash(hash));
    ck_assert(blt__is_reserved_key(r->key, BLT__RESERVED_KEY_LEN));
    ck_assert(!blt__is_reserved_key(r->key, BLT__RESERVED_KEY_LEN - 1));
    hash[12] ^= 1;
    ck_assert(!blt__is_reserved_hash(hash));
  }
  ck_assert(!blt__is_reserved_key("adb01ebc1ba3433eb043528", 23));
}
END_TEST

Suite *keyhash_suite(void)
{
  return SUITE_OF(
      "keyhash", the_fast_hash_equals_its_plain_twin_for_all_lengths,
      each_kernel_of_this_machine_equals_the_plain_twin,
      no_kernel_reads_behind_the_key, the_values_of_the_format_text_come_out,
      many_keys_side_by_side_hash_as_one_by_one);
}

Suite *reserved_suite(void)
{
  return SUITE_OF("reserved", hidden_keys_have_the_hashes_of_their_bytes);
}
