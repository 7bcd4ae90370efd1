/* test_shortkey.c - keys of up to 15 bytes that a reader's side table holds */
#include <stdlib.h>
#include <string.h>

#include "hash/keyhash.h"
#include "lookup/side.h"
#include "support/image.h"
#include "support/random.h"
#include "support/store.h"
#include "support/temp.h"
#include "unit/session.h"
#include "unit/suites.h"

enum { LEN_MAX = 40 };

/* A store with a key of each length; each is the beginning of the next. */
struct reader {
  struct image image;
  char bytes[LEN_MAX + 1];
  blt_db *db;
};

static void make_image(struct reader *reader, size_t shortest)
{
  memset(reader->bytes, 'k', LEN_MAX);
  reader->bytes[LEN_MAX] = '\0';
  image_init(&reader->image, &(struct image_shape){.n_buckets = 7});
  for (size_t len = shortest; len <= LEN_MAX; len++)
    image_add(&reader->image, reader->bytes + LEN_MAX - len, "value");
}

static void open_image(struct reader *reader, size_t side_table_max,
                       const blt_allocator *allocator)
{
  blt_options options = session_options(BLT_SYNC_BATCH);

  options.mode = BLT_READ;
  options.side_table = BLT_ON;
  options.side_table_max = side_table_max;
  options.allocator = allocator;
  EXPECT_OK(blt_open_memory(reader->image.bytes, reader->image.len, &options,
                            &reader->db));
  ck_assert(blt__side_is_ready(&reader->db->side));
}

static void reader_open(struct reader *reader, size_t side_table_max)
{
  make_image(reader, 0);
  open_image(reader, side_table_max, NULL);
}

static void reader_close(struct reader *reader)
{
  EXPECT_OK(blt_close(reader->db));
  image_free(&reader->image);
}

static blt_status find_by_chain(const struct reader *reader, const void *key,
                                size_t len)
{
  uint8_t hash[BLT__HASH_LEN];
  struct blt__hit hit;

  blt__keyhash(key, len, hash);
  return blt__chain_find(&reader->db->image, hash, key, len, &hit);
}

/* H1: blt_has beside its twin, the walk of the chain. */
static void expect_as_by_chain(const struct reader *reader, const void *key,
                               size_t len, blt_status expected)
{
  ck_assert_int_eq(find_by_chain(reader, key, len), expected);
  ck_assert_int_eq(blt_has(reader->db, key, len), expected);
}

static void expect_keys_and_their_neighbours(struct reader *reader)
{
  for (size_t len = 0; len <= LEN_MAX; len++) {
    char *const key = reader->bytes + LEN_MAX - len;
    expect_as_by_chain(reader, key, len, BLT_OK);
    for (size_t i = 0; i < len; i++) {
      key[i] ^= 0x40;
      expect_as_by_chain(reader, key, len, BLT_NOT_FOUND);
      key[i] ^= 0x40;
    }
  }
}

START_TEST(has_answers_what_the_chain_answers)
{
  struct reader reader;

  reader_open(&reader, 0);
  ck_assert_ptr_nonnull(reader.db->side.keys);
  expect_keys_and_their_neighbours(&reader);
  reader_close(&reader);
}
END_TEST

/* 16 lines of 64 bytes, and 8 places of 16 bytes in each. */
START_TEST(keys_are_held_only_where_all_of_them_fit)
{
  enum { LINES_LEN = 16 * 64, KEYS_LEN = 16 * 8 * 16 };
  struct reader reader;

  reader_open(&reader, LINES_LEN + KEYS_LEN);
  ck_assert_uint_eq(reader.db->side.n_lines, 16);
  ck_assert_ptr_nonnull(reader.db->side.keys);
  reader_close(&reader);
  reader_open(&reader, LINES_LEN + KEYS_LEN - 1);
  ck_assert_uint_eq(reader.db->side.n_lines, 16);
  ck_assert_ptr_null(reader.db->side.keys);
  expect_keys_and_their_neighbours(&reader);
  reader_close(&reader);
}
END_TEST

START_TEST(a_store_of_long_keys_holds_none)
{
  struct reader reader;

  make_image(&reader, BLT__SHORTKEY_MAX + 1);
  open_image(&reader, 0, NULL);
  ck_assert_ptr_null(reader.db->side.keys);
  EXPECT(BLT_NOT_FOUND, blt_has(reader.db, "kkk", 3));
  EXPECT_OK(blt_has(reader.db, reader.bytes, LEN_MAX));
  reader_close(&reader);
}
END_TEST

START_TEST(a_reader_that_does_not_map_holds_none)
{
  const char *const path = temp_path("a.blt");
  blt_options options = options_of(BLT_NEW);

  blt_db *db = open_path_with(path, &options);
  put_text(db, "kkk", "value");
  EXPECT_OK(blt_close(db));
  options = options_of(BLT_READ);
  options.io = BLT_IO_PREAD;
  options.side_table = BLT_ON;
  db = open_path_with(path, &options);
  ck_assert_ptr_null(db->side.keys);
  EXPECT_OK(blt_has(db, "kkk", 3));
  EXPECT_OK(blt_close(db));
}
END_TEST

/* 16 lines have 1087 bytes with those to align them, their keys 2111. */
static void *alloc_less(void *ctx, size_t len)
{
  (void)ctx;
  return len == 2111 ? NULL : malloc(len);
}

static void *resize(void *ctx, void *old, size_t old_len, size_t len)
{
  (void)ctx, (void)old_len;
  return realloc(old, len);
}

static void release(void *ctx, void *memory, size_t len)
{
  (void)ctx, (void)len;
  free(memory);
}

START_TEST(without_memory_for_keys_there_is_a_table_without)
{
  const blt_allocator allocator = {alloc_less, resize, release, NULL};
  struct reader reader;

  make_image(&reader, 0);
  open_image(&reader, 0, &allocator);
  ck_assert_uint_eq(reader.db->side.memory_len, 1087);
  ck_assert_ptr_null(reader.db->side.keys);
  expect_keys_and_their_neighbours(&reader);
  reader_close(&reader);
}
END_TEST

START_TEST(a_writer_holds_none)
{
  static struct session session;
  blt_options options = session_options(BLT_SYNC_BATCH);

  options.side_table = BLT_ON;
  session_open(&session, &options);
  put_durably(&session, "a", "1");
  build_side(&session);
  ck_assert_ptr_null(session.db->side.keys);
  EXPECT_OK(blt_has(session.db, "a", 1));
  EXPECT(BLT_NOT_FOUND, blt_has(session.db, "b", 1));
  EXPECT_OK(session_close(&session));
}
END_TEST

/* H2: the tag agrees, and the key does not. */
START_TEST(a_place_that_holds_another_key_is_not_believed)
{
  struct reader reader;

  reader_open(&reader, 0);
  const struct blt__side *const side = &reader.db->side;
  const uint64_t cheap = blt__cheaphash(side->seed, "kkk", 3);
  const uint64_t number = blt__side_line(side, cheap);
  const uint32_t match =
      blt__line_match(&side->lines[number], blt__line_tag(cheap));
  ck_assert_uint_ne(match, 0);
  struct blt__shortkey *const held =
      &side->keys[number * BLT__LINE_PLACES + blt__line_first(match)];
  ck_assert(blt__shortkey_same(*held, blt__shortkey_of("kkk", 3)));
  *held = blt__shortkey_of("kkl", 3);
  EXPECT(BLT_NOT_FOUND, blt_has(reader.db, "kkk", 3));
  memset(held, BLT__SHORTKEY_NONE, sizeof *held);
  EXPECT(BLT_NOT_FOUND, blt_has(reader.db, "kkk", 3));
  reader_close(&reader);
}
END_TEST

/* Also of zeros, which are what is behind a shorter key. */
START_TEST(two_are_the_same_when_their_keys_are)
{
  uint8_t a[BLT__SHORTKEY_MAX], b[BLT__SHORTKEY_MAX];
  struct blt__shortkey none;
  struct random random;

  random_start(&random, (uint64_t)_i);
  memset(&none, BLT__SHORTKEY_NONE, sizeof none);
  for (int round = 0; round < 20000; round++) {
    const size_t a_len = random_below(&random, BLT__SHORTKEY_MAX + 1);
    const size_t b_len = random_below(&random, BLT__SHORTKEY_MAX + 1);
    memset(a, (int)random_below(&random, 2), sizeof a);
    memset(b, (int)random_below(&random, 2), sizeof b);
    a[random_below(&random, sizeof a)] ^= (uint8_t)random_below(&random, 256);
    b[random_below(&random, sizeof b)] ^= (uint8_t)random_below(&random, 3);
    const struct blt__shortkey of_a = blt__shortkey_of(a, a_len);
    ck_assert_int_eq(blt__shortkey_same(of_a, blt__shortkey_of(b, b_len)),
                     a_len == b_len && memcmp(a, b, a_len) == 0);
    ck_assert(!blt__shortkey_same(of_a, none));
    ck_assert_uint_eq(of_a.high >> 56, a_len);
  }
}
END_TEST

Suite *shortkey_suite(void)
{
  Suite *const suite = SUITE_OF(
      "shortkey", has_answers_what_the_chain_answers,
      keys_are_held_only_where_all_of_them_fit, a_writer_holds_none,
      a_store_of_long_keys_holds_none, a_reader_that_does_not_map_holds_none,
      without_memory_for_keys_there_is_a_table_without,
      a_place_that_holds_another_key_is_not_believed);
  TCase *const twins = case_of("twins");

  tcase_add_loop_test(twins, two_are_the_same_when_their_keys_are, 0, 4);
  suite_add_tcase(suite, twins);
  return suite;
}
