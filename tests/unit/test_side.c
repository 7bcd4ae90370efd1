/* test_side.c - the side table beside its twin, the walk of the chain */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hash/keyhash.h"
#include "lookup/side.h"
#include "support/image.h"
#include "support/random.h"
#include "support/store.h"
#include "unit/session.h"
#include "unit/suites.h"

enum { N_KEYS = 300 };

static struct session session;

static void open_with(blt_choice side_table, size_t max)
{
  blt_options options = session_options(BLT_SYNC_BATCH);

  options.side_table = side_table;
  options.side_table_max = max;
  options.auto_reindex = BLT_ON;
  session_open(&session, &options);
}

static void key_of(unsigned number, char key[16])
{
  snprintf(key, 16, "key-%06u", number);
}

static int is_ready(void)
{
  return blt__side_is_ready(&session.db->side);
}

static int find_quickly(const void *key, size_t len, int wants_value,
                        const uint8_t **out, size_t *out_len)
{
  const struct blt__side *const side = &session.db->side;

  return blt__side_find_quickly(side, &session.db->image,
                                blt__cheaphash(side->seed, key, len), key, len,
                                wants_value, out, out_len);
}

/* Where a search for the key goes first. */
static uint64_t first_of(const void *key, size_t len)
{
  const struct blt__side *const side = &session.db->side;

  return blt__side_first(side, blt__cheaphash(side->seed, key, len));
}

/* The quick way beside the plain one. It gives up where another key with the
 * same tag comes first, which is as good as never. */
static void expect_quick_twin(const void *key, size_t len, blt_status status,
                              const struct blt__hit *hit)
{
  for (int wants_value = 0; wants_value < 2; wants_value++) {
    const uint8_t *value = NULL;
    size_t value_len = 0;
    const int found = find_quickly(key, len, wants_value, &value, &value_len);
    if (found < 0) {
      const uint64_t first = first_of(key, len);
      ck_assert_uint_ne(first, 0);
      ck_assert(status != BLT_OK || first != hit->block.off);
      continue;
    }
    ck_assert_int_eq(found, status == BLT_OK);
    if (!found)
      continue;
    ck_assert_ptr_eq(value, session.db->image.view.base + hit->block.value_off);
    ck_assert_uint_eq(value_len, hit->block.value_len);
  }
}

/* H1, for each key that there may be. */
static void expect_twins_to_agree(void)
{
  struct blt__side *const side = &session.db->side;
  struct blt__image *const image = &session.db->image;

  for (unsigned i = 0; i < N_KEYS; i++) {
    struct blt__hit by_chain = {0}, by_side = {0};
    uint8_t hash[BLT__HASH_LEN];
    char key[16];
    key_of(i, key);
    const size_t len = strlen(key);
    blt__keyhash(key, len, hash);
    const blt_status status = blt__chain_find(image, hash, key, len, &by_chain);
    ck_assert_int_eq(blt__side_find(side, image,
                                    blt__cheaphash(side->seed, key, len), key,
                                    len, 1, &by_side),
                     status);
    if (status == BLT_OK)
      ck_assert_uint_eq(by_side.block.off, by_chain.block.off);
    expect_quick_twin(key, len, status, &by_chain);
  }
}

/* H1 */
START_TEST(it_answers_what_the_chain_answers_after_each_commit)
{
  struct random random;

  random_start(&random, (uint64_t)_i);
  open_with(BLT_ON, 0);
  ck_assert(is_ready());
  for (int round = 0; round < 200; round++) {
    EXPECT_OK(blt_batch_begin(session.db));
    for (uint32_t n = random_below(&random, 12); n > 0; n--) {
      char key[16];
      key_of(random_below(&random, N_KEYS), key);
      if (random_below(&random, 3) == 0)
        (void)blt_delete(session.db, key, strlen(key));
      else
        put_text(session.db, key, "value");
    }
    if (random_below(&random, 10) == 0)
      EXPECT_OK(blt_batch_abort(session.db));
    else
      EXPECT_OK(blt_batch_commit(session.db));
    if (random_below(&random, 40) == 0)
      EXPECT_OK(blt_prune(session.db, NULL, NULL));
    if (random_below(&random, 10) == 0)
      blt__side_drop(&session.db->side);
    build_side(&session);
    ck_assert(session.db->side.was_scanned);
    expect_twins_to_agree();
  }
  EXPECT_OK(session_close(&session));
}
END_TEST

/* H1, with keys and values of all lengths that take a way of their own. */
START_TEST(the_quick_way_finds_what_the_plain_way_finds)
{
  static const uint8_t bytes[300];
  blt_options options = session_options(BLT_SYNC_BATCH);
  struct blt__hit hit = {0};

  options.side_table = BLT_ON;
  options.kind = _i == 0 ? BLT_VARIABLE : BLT_FIXED;
  options.fixed_value_len = _i == 0 ? 0 : 9;
  session_open(&session, &options);
  for (size_t len = 0; len<300; len += len> 40 ? 8 : 1)
    EXPECT_OK(blt_put(session.db, bytes, len, bytes, _i == 0 ? len % 90 : 9));
  EXPECT_OK(blt_sync(session.db));
  build_side(&session);
  for (size_t len = 0; len < 300; len++) {
    const uint64_t cheap = blt__cheaphash(session.db->side.seed, bytes, len);
    const blt_status status = blt__side_find(
        &session.db->side, &session.db->image, cheap, bytes, len, 1, &hit);
    ck_assert_int_ge(status, 0);
    expect_quick_twin(bytes, len, status, &hit);
  }
  EXPECT_OK(session_close(&session));
}
END_TEST

/* Somebody writes to the file under a handle that has built its table. */
START_TEST(a_length_that_passes_the_file_is_left_to_the_plain_way)
{
  const uint8_t *value = NULL;
  size_t len = 0;
  blt_bytes found;

  open_with(BLT_ON, 0);
  put_numbered(session.db, 0, 50);
  EXPECT_OK(blt_sync(session.db));
  build_side(&session);
  uint8_t *const head =
      session.db->image.view.base + block_of(&session, "key-000007");
  blt__put4(head + BLT__VALUELEN_OFF, UINT32_MAX - 5);
  ck_assert_int_eq(find_quickly("key-000007", 10, 0, &value, &len), -1);
  ck_assert_ptr_null(value);
  EXPECT(BLT_E_CORRUPT, blt_get(session.db, "key-000007", 10, &found));
  EXPECT(BLT_E_CORRUPT, blt_has(session.db, "key-000007", 10));
  blt__put2(head + BLT__KEYLEN_OFF, UINT16_MAX);
  ck_assert_int_eq(find_quickly("key-000007", 10, 0, &value, &len), -1);
  ck_assert_ptr_null(value);
  session.db->log.poisoned = 1;
  EXPECT(BLT_E_POISONED, session_close(&session));
}
END_TEST

START_TEST(it_is_built_when_an_eighth_of_the_keys_was_looked_up)
{
  open_with(BLT_DEFAULT, 0);
  put_numbered(session.db, 0, 1000);
  EXPECT_OK(blt_sync(session.db));
  for (unsigned i = 0; i < 124; i++)
    expect_numbered(session.db, i, 1);
  ck_assert(!is_ready());
  expect_numbered(session.db, 0, 2);
  ck_assert(is_ready());
  expect_numbered(session.db, 0, 1000);
  EXPECT_OK(session_close(&session));
}
END_TEST

/* The first keys again and again, in calls of `n`. */
static void look_up_together(size_t n, unsigned n_calls)
{
  enum { MOST = 40 };
  static char text[MOST][16];
  blt_bytes keys[MOST], values[MOST];

  for (unsigned i = 0; i < n; i++) {
    key_of(i, text[i]);
    keys[i] = (blt_bytes){text[i], strlen(text[i])};
  }
  while (n_calls-- > 0)
    EXPECT_OK(blt_get_many(session.db, keys, n, values, NULL));
}

START_TEST(it_is_built_when_twice_the_keys_were_looked_up_together)
{
  open_with(BLT_DEFAULT, 0);
  put_numbered(session.db, 0, 1000);
  EXPECT_OK(blt_sync(session.db));
  look_up_together(40, 50);
  ck_assert(!is_ready());
  look_up_together(40, 1);
  ck_assert(is_ready());
  EXPECT_OK(session_close(&session));
}
END_TEST

START_TEST(a_few_keys_together_count_as_single_ones)
{
  open_with(BLT_DEFAULT, 0);
  put_numbered(session.db, 0, 1000);
  EXPECT_OK(blt_sync(session.db));
  look_up_together(5, 25);
  ck_assert(!is_ready());
  look_up_together(5, 1);
  ck_assert(is_ready());
  EXPECT_OK(session_close(&session));
}
END_TEST

START_TEST(it_is_never_built_when_it_is_switched_off)
{
  open_with(BLT_OFF, 0);
  put_numbered(session.db, 0, 100);
  EXPECT_OK(blt_sync(session.db));
  for (int i = 0; i < 10; i++)
    expect_numbered(session.db, 0, 100);
  ck_assert(!is_ready());
  EXPECT_OK(session_close(&session));
}
END_TEST

START_TEST(it_takes_no_more_memory_than_it_may)
{
  open_with(BLT_DEFAULT, 1024); /* 16 lines, 6.5 places of each used */
  put_numbered(session.db, 0, 110);
  EXPECT_OK(blt_sync(session.db));
  for (int i = 0; i < 3; i++)
    expect_numbered(session.db, 0, 110);
  ck_assert(!is_ready());
  ck_assert_ptr_null(session.db->side.memory);
  for (unsigned i = 100; i < 110; i++) {
    char key[16];
    key_of(i, key);
    delete_text(session.db, key);
  }
  EXPECT_OK(blt_prune(session.db, NULL, NULL));
  for (int i = 0; i < 3; i++)
    expect_numbered(session.db, 0, 100);
  ck_assert(is_ready());
  ck_assert_uint_eq(session.db->side.n_lines, 16);
  EXPECT_OK(session_close(&session));
}
END_TEST

START_TEST(a_count_that_the_file_cannot_hold_asks_for_no_memory)
{
  open_with(BLT_DEFAULT, 0);
  put_numbered(session.db, 0, 10);
  EXPECT_OK(blt_sync(session.db));
  blt__side_build(&session.db->side,
                  &(struct blt__side_source){.image = &session.db->image,
                                             .n_keys = UINT32_MAX - 1});
  ck_assert(is_ready());
  ck_assert_uint_le(session.db->side.n_lines, session.db->image.view.size);
  EXPECT_OK(session_close(&session));
}
END_TEST

START_TEST(it_is_given_up_when_blocks_move_or_it_gets_crowded)
{
  open_with(BLT_ON, 0);
  ck_assert(is_ready());
  EXPECT_OK(blt_reindex(session.db, 7));
  ck_assert(!is_ready());
  put_numbered(session.db, 0, 7);
  EXPECT_OK(blt_sync(session.db));
  build_side(&session);
  ck_assert(is_ready());
  ck_assert_uint_eq(session.db->side.n_lines, 10);
  session.db->options.auto_reindex = BLT_OFF;
  put_numbered(session.db, 7, 60);
  EXPECT_OK(blt_sync(session.db));
  ck_assert(!is_ready());
  expect_numbered(session.db, 0, 67);
  EXPECT_OK(session_close(&session));
}
END_TEST

/* H2 */
START_TEST(a_place_that_leads_to_another_key_is_not_believed)
{
  struct blt__hit hit = {0};

  open_with(BLT_ON, 0);
  put_durably(&session, "a", "1");
  put_durably(&session, "b", "2");
  struct blt__side *const side = &session.db->side;
  const uint64_t b = block_of(&session, "b");
  const uint64_t cheap = blt__cheaphash(side->seed, "a", 1);
  struct blt__line *const line = &side->lines[blt__side_line(side, cheap)];
  const uint32_t match = blt__line_match(line, blt__line_tag(cheap));
  ck_assert_uint_ne(match, 0);
  blt__put6(line->offs[blt__line_first(match)], b);
  ck_assert_int_eq(
      blt__side_find(side, &session.db->image, cheap, "a", 1, 1, &hit),
      BLT_NOT_FOUND);
  EXPECT_OK(session_close(&session));
}
END_TEST

/* H1: a longer key with the same tag comes before it in the line. */
START_TEST(a_key_that_is_met_second_is_found_in_each_way)
{
  const blt_bytes keys[] = {{"a", 1}, {"none", 4}};
  unsigned char found[2] = {7, 7};
  blt_bytes values[2];
  size_t n_found = 0;

  open_with(BLT_ON, 0);
  put_durably(&session, "a", "1");
  put_durably(&session, "ab", "2");
  struct blt__side *const side = &session.db->side;
  const uint64_t cheap = blt__cheaphash(side->seed, "a", 1);
  const uint32_t tag = blt__line_tag(cheap);
  struct blt__line *const line = &side->lines[blt__side_line(side, cheap)];
  const unsigned first = blt__line_first(blt__line_match(line, tag));
  const unsigned second =
      blt__line_first(blt__line_match(line, BLT__LINE_EMPTY));
  ck_assert_uint_lt(first, second);
  line->tags[second] = (uint16_t)tag;
  blt__put6(line->offs[second], block_of(&session, "a"));
  blt__put6(line->offs[first], block_of(&session, "ab"));
  expect_text(session.db, "a", "1");
  EXPECT_OK(blt_has(session.db, "a", 1));
  EXPECT_OK(blt_get_many(session.db, keys, 2, values, &n_found));
  ck_assert_uint_eq(n_found, 1);
  ck_assert(bytes_equal(values[0], "1", 1));
  ck_assert_ptr_null(values[1].data);
  EXPECT_OK(blt_has_many(session.db, keys, 2, found, &n_found));
  ck_assert_uint_eq(n_found, 1);
  ck_assert_mem_eq(found, "\1\0", 2);
  EXPECT_OK(session_close(&session));
}
END_TEST

/* H1 */
START_TEST(a_store_with_a_broken_chain_gets_no_table)
{
  blt_options options = session_options(BLT_SYNC_BATCH);
  struct image image;
  blt_bytes value;
  blt_db *db = NULL;
  char key[16];
  unsigned n_read = 0, n_broken = 0;

  image_init(&image, &(struct image_shape){.n_buckets = 3});
  for (unsigned i = 0; i < 200; i++) {
    key_of(i, key);
    image_add(&image, key, "value");
  }
  image_set(&image, 200, 6, 0xeeeeee);
  options.mode = BLT_READ;
  EXPECT_OK(blt_open_memory(image.bytes, image.len, &options, &db));
  for (unsigned i = 0; i < 400; i++) {
    key_of(i % 200, key);
    const blt_status status = blt_get(db, key, strlen(key), &value);
    n_read += status == BLT_OK;
    n_broken += status == BLT_E_CORRUPT;
  }
  ck_assert(!blt__side_is_ready(&db->side));
  ck_assert_uint_gt(n_read, 0);
  ck_assert_uint_gt(n_broken, 0);
  ck_assert_uint_eq(n_read + n_broken, 400);
  EXPECT_OK(blt_close(db));
  image_free(&image);
}
END_TEST

/* Keys that come and go leave no line without end. */
START_TEST(a_place_that_is_free_again_is_used_again)
{
  open_with(BLT_ON, 0);
  session.db->options.auto_reindex = BLT_OFF;
  put_durably(&session, "stays", "1");
  for (unsigned i = 0; i < 240; i++) {
    char key[16];
    key_of(i % 60, key);
    put_durably(&session, key, "value");
    delete_text(session.db, key);
    EXPECT_OK(blt_sync(session.db));
    ck_assert_int_eq(blt_has(session.db, key, strlen(key)), BLT_NOT_FOUND);
    build_side(&session);
    ck_assert_uint_lt(session.db->side.n_used,
                      session.db->side.n_lines * BLT__LINE_PLACES);
  }
  ck_assert_int_eq(blt_has(session.db, "stays", 5), BLT_OK);
  EXPECT_OK(session_close(&session));
}
END_TEST

START_TEST(a_line_is_searched_as_its_plain_twin_searches_it)
{
  struct random random;

  random_start(&random, (uint64_t)_i);
  for (int round = 0; round < 1000; round++) {
    struct blt__line line;
    for (unsigned i = 0; i < BLT__LINE_PLACES; i++) {
      line.tags[i] = (uint16_t)(random_below(&random, 4) * 0x5555);
      blt__put6(line.offs[i], i);
    }
    const uint32_t tag = random_below(&random, 4) * 0x5555;
    uint32_t match = blt__line_match(&line, tag);
    ck_assert_uint_eq(match, blt__line_match_plain(&line, tag));
    for (; match != 0; match = blt__line_rest(match)) {
      const unsigned place = blt__line_first(match);
      ck_assert_uint_eq(line.tags[place], tag);
      ck_assert_uint_eq(blt__line_off(&line, place), place);
    }
  }
}
END_TEST

START_TEST(short_rows_of_bytes_are_compared_as_memcmp_does)
{
  for (size_t len = 0; len <= 40; len++) {
    uint8_t left[40], right[40];
    memset(left, 7, sizeof left);
    memset(right, 7, sizeof right);
    ck_assert(blt__same(left, right, len));
    for (size_t i = 0; i < sizeof right; i++) {
      right[i] ^= 0x80;
      ck_assert_int_eq(blt__same(left, right, len),
                       memcmp(left, right, len) == 0);
      right[i] ^= 0x80;
    }
  }
}
END_TEST

Suite *side_suite(void)
{
  Suite *const suite =
      SUITE_OF("side", it_is_built_when_an_eighth_of_the_keys_was_looked_up,
               it_is_built_when_twice_the_keys_were_looked_up_together,
               a_few_keys_together_count_as_single_ones,
               it_is_never_built_when_it_is_switched_off,
               it_takes_no_more_memory_than_it_may,
               a_count_that_the_file_cannot_hold_asks_for_no_memory,
               it_is_given_up_when_blocks_move_or_it_gets_crowded,
               a_place_that_leads_to_another_key_is_not_believed,
               a_key_that_is_met_second_is_found_in_each_way,
               a_place_that_is_free_again_is_used_again,
               short_rows_of_bytes_are_compared_as_memcmp_does,
               a_store_with_a_broken_chain_gets_no_table,
               a_length_that_passes_the_file_is_left_to_the_plain_way);
  TCase *const made = case_of("twins");

  tcase_add_loop_test(made, it_answers_what_the_chain_answers_after_each_commit,
                      0, 4);
  tcase_add_loop_test(made, the_quick_way_finds_what_the_plain_way_finds, 0, 2);
  tcase_add_loop_test(made, a_line_is_searched_as_its_plain_twin_searches_it, 0,
                      4);
  suite_add_tcase(suite, made);
  return suite;
}
