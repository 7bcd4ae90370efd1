/* test_side_build.c - the side table is filled by a scan, or by the chains */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lookup/side.h"
#include "support/image.h"
#include "support/random.h"
#include "support/store.h"
#include "unit/session.h"
#include "unit/suites.h"

enum { N_KEYS = 200 };

static struct session session;

static void key_of(unsigned number, char key[16])
{
  snprintf(key, 16, "key-%06u", number);
}

static void open_plain(void)
{
  blt_options options = session_options(BLT_SYNC_BATCH);

  options.auto_reindex = BLT_ON;
  session_open(&session, &options);
}

/* ---- both ways fill the same table */

/* Where the table has the key's block; 0: there is none. */
static uint64_t place_of(const char *key)
{
  struct blt__side *const side = &session.db->side;
  struct blt__hit hit = {0};
  const blt_status status = blt__side_find(
      side, &session.db->image, blt__cheaphash(side->seed, key, strlen(key)),
      key, strlen(key), 0, &hit);

  ck_assert_int_ge(status, 0);
  return status == BLT_OK ? hit.block.off : 0;
}

static void list_places(int by_chains, uint64_t out[N_KEYS])
{
  blt_db *const db = session.db;
  char key[16];

  blt__side_drop(&db->side);
  blt__side_build(&db->side, &(struct blt__side_source){
                                 .image = &db->image,
                                 .n_keys = db->log.n_keys,
                                 .dead = {&db->log.tombs, &db->log.old_tombs},
                                 .by_chains = by_chains});
  ck_assert(blt__side_is_ready(&db->side));
  ck_assert_int_eq(db->side.was_scanned, !by_chains);
  for (unsigned i = 0; i < N_KEYS; i++) {
    key_of(i, key);
    out[i] = place_of(key);
  }
}

static void change_some(struct random *random)
{
  char key[16];

  for (uint32_t n = random_below(random, 30); n > 0; n--) {
    key_of(random_below(random, N_KEYS), key);
    if (random_below(random, 3) == 0)
      (void)blt_delete(session.db, key, strlen(key));
    else
      put_text(session.db, key, n % 2 == 0 ? "value" : "");
  }
}

/* H1: links and dead blocks wait, in the table of changed links or not, and
 * are shown to scans or not. */
START_TEST(a_scan_fills_the_table_as_the_chains_do)
{
  static uint64_t scanned[N_KEYS], walked[N_KEYS];
  struct random random;

  random_start(&random, (uint64_t)_i);
  open_plain();
  for (int round = 0; round < 100; round++) {
    EXPECT_OK(blt_batch_begin(session.db));
    change_some(&random);
    EXPECT_OK(blt_batch_commit(session.db));
    if (random_below(&random, 10) == 0)
      EXPECT_OK(blt_sync(session.db));
    if (random_below(&random, 30) == 0)
      EXPECT_OK(blt_prune(session.db, NULL, NULL));
    if (round == 70)
      (void)count_by_iteration(session.db, 0);
    list_places(0, scanned);
    list_places(1, walked);
    ck_assert_mem_eq(scanned, walked, sizeof scanned);
  }
  EXPECT_OK(session_close(&session));
}
END_TEST

/* H1: what recovery shows to a reader is over the file as well. */
START_TEST(a_reader_of_a_file_that_was_not_closed_scans_what_it_sees)
{
  blt_options options = BLT_OPTIONS_INIT;
  blt_db *db = NULL;
  struct random random;

  random_start(&random, (uint64_t)_i);
  open_plain();
  put_numbered(session.db, 0, 50);
  EXPECT_OK(blt_sync(session.db));
  for (int round = 0; round < 5; round++) {
    EXPECT_OK(blt_batch_begin(session.db));
    change_some(&random);
    EXPECT_OK(blt_batch_commit(session.db));
  }
  const struct copy copy = session_copy(&session);
  options.side_table = BLT_ON;
  EXPECT_OK(blt_open_memory(copy.bytes, copy.len, &options, &db));
  ck_assert(blt__side_is_ready(&db->side));
  ck_assert(db->side.was_scanned);
  for (unsigned i = 0; i < N_KEYS; i++) {
    char key[16];
    blt_bytes value;
    key_of(i, key);
    const blt_status status = blt_get(db, key, strlen(key), &value);
    ck_assert_int_eq(status, blt_has(session.db, key, strlen(key)));
  }
  EXPECT_OK(blt_close(db));
  EXPECT_OK(session_close(&session));
  free(copy.bytes);
}
END_TEST

/* ---- what a scan must not believe */

static blt_db *open_image(const struct image *image)
{
  blt_options options = BLT_OPTIONS_INIT;
  blt_db *db = NULL;

  options.mode = BLT_READ;
  options.side_table = BLT_ON;
  EXPECT_OK(blt_open_memory(image->bytes, image->len, &options, &db));
  return db;
}

static void fill_image(struct image *image)
{
  char key[16];

  image_init(image, &(struct image_shape){.n_buckets = 7});
  for (unsigned i = 0; i < 50; i++) {
    key_of(i, key);
    image_add(image, key, "value");
  }
}

static void expect_all(blt_db *db)
{
  char key[16];

  for (unsigned i = 0; i < 50; i++) {
    key_of(i, key);
    expect_text(db, key, "value");
  }
}

START_TEST(a_sound_image_is_scanned)
{
  struct image image;

  fill_image(&image);
  image_add_loose(&image, "dead", "value", 0);
  blt_db *const db = open_image(&image);
  ck_assert(db->side.was_scanned);
  expect_all(db);
  EXPECT_OK(blt_close(db));
  image_free(&image);
}
END_TEST

/* A writer that was killed between its block and the link to it. */
START_TEST(a_live_block_that_no_link_leads_to_is_not_found)
{
  struct image image;

  fill_image(&image);
  image_add_loose(&image, "orphan", "value", 1);
  blt_db *const db = open_image(&image);
  ck_assert(blt__side_is_ready(&db->side));
  ck_assert(!db->side.was_scanned);
  expect_all(db);
  expect_text(db, "orphan", NULL);
  EXPECT_OK(blt_close(db));
  image_free(&image);
}
END_TEST

/* Where a link of the index stands. */
static uint64_t slot(unsigned bucket)
{
  return IMAGE_HEADER_LEN + 6 * (uint64_t)bucket;
}

/* Each block is led to by one link, but two chains have changed places. */
START_TEST(a_store_whose_chains_are_exchanged_gets_no_table)
{
  struct image image;

  fill_image(&image);
  const uint64_t first = blt__get6(image.bytes + slot(2));
  const uint64_t second = blt__get6(image.bytes + slot(5));
  image_set(&image, slot(2), 6, second);
  image_set(&image, slot(5), 6, first);
  blt_db *const db = open_image(&image);
  ck_assert(!blt__side_is_ready(&db->side));
  expect_text(db, "key-000000",
              blt_has(db, "key-000000", 10) == BLT_OK ? "value" : NULL);
  EXPECT_OK(blt_close(db));
  image_free(&image);
}
END_TEST

/* Two links lead to one block, and none to another. */
START_TEST(a_block_that_was_passed_over_is_not_found)
{
  struct image image;
  char key[16], lost[16] = "";

  fill_image(&image);
  const uint64_t first = blt__get6(image.bytes + slot(3));
  const uint64_t next = blt__get6(image.bytes + first + IMAGE_BLOCK_NEXT);
  ck_assert_uint_gt(next, 1);
  image_set(&image, slot(3), 6, next);
  blt_db *const db = open_image(&image);
  ck_assert(blt__side_is_ready(&db->side));
  ck_assert(!db->side.was_scanned);
  unsigned n_lost = 0;
  for (unsigned i = 0; i < 50; i++) {
    key_of(i, key);
    if (blt_has(db, key, strlen(key)) == BLT_NOT_FOUND) {
      n_lost++;
      memcpy(lost, key, sizeof lost);
    }
  }
  ck_assert_uint_eq(n_lost, 1);
  const size_t at = (size_t)first + 32;
  ck_assert_mem_eq(image.bytes + at, lost, 10);
  EXPECT_OK(blt_close(db));
  image_free(&image);
}
END_TEST

/* Two blocks that lead to each other: each is led to by one link, but no slot
 * leads to them. */
START_TEST(blocks_in_a_circle_that_no_slot_leads_to_are_not_found)
{
  struct image image;

  image_init(&image, &(struct image_shape){.n_buckets = 1});
  image_add(&image, "first", "value");
  const uint64_t one = image_add_loose(&image, "one", "value", 1);
  image_add(&image, "second", "value");
  const uint64_t other = image_add_loose(&image, "other", "value", one);
  image_set(&image, one + IMAGE_BLOCK_NEXT, 6, other);
  blt_db *const db = open_image(&image);
  ck_assert(blt__side_is_ready(&db->side));
  ck_assert(!db->side.was_scanned);
  expect_text(db, "first", "value");
  expect_text(db, "second", "value");
  expect_text(db, "one", NULL);
  expect_text(db, "other", NULL);
  EXPECT_OK(blt_close(db));
  image_free(&image);
}
END_TEST

/* A block that leads to itself. */
START_TEST(a_block_that_leads_to_itself_is_not_found)
{
  struct image image;

  image_init(&image, &(struct image_shape){.n_buckets = 7});
  image_add(&image, "first", "value");
  const uint64_t off = image_add_loose(&image, "itself", "value", 1);
  image_set(&image, off + IMAGE_BLOCK_NEXT, 6, off);
  blt_db *const db = open_image(&image);
  ck_assert(blt__side_is_ready(&db->side));
  ck_assert(!db->side.was_scanned);
  expect_text(db, "first", "value");
  expect_text(db, "itself", NULL);
  EXPECT_OK(blt_close(db));
  image_free(&image);
}
END_TEST

/* Each second link of one long chain goes up: walked from each to the end that
 * would be steps without end. */
START_TEST(a_long_chain_that_goes_up_and_down_is_walked_once)
{
  enum { N = 400 };
  static uint64_t at[N];
  struct image image;
  char key[16];

  image_init(&image, &(struct image_shape){.n_buckets = 1});
  for (unsigned i = 0; i < N; i++) {
    key_of(i, key);
    at[i] = image_add(&image, key, "value");
  }
  /* 0 200 1 201 2 202 ... */
  for (unsigned i = 0; i < N; i++) {
    const unsigned next = i < N / 2 ? i + N / 2 : i - N / 2 + 1;
    image_set(&image, at[i] + IMAGE_BLOCK_NEXT, 6, i == N - 1 ? 1 : at[next]);
  }
  blt_db *const db = open_image(&image);
  ck_assert(blt__side_is_ready(&db->side));
  ck_assert(!db->side.was_scanned);
  for (unsigned i = 0; i < N; i++) {
    key_of(i, key);
    expect_text(db, key, "value");
  }
  EXPECT_OK(blt_close(db));
  image_free(&image);
}
END_TEST

/* The header says 1 key: what is dead is most of the file. */
START_TEST(a_file_of_dead_blocks_is_not_scanned_to_its_end)
{
  const unsigned n_dead = _i == 0 ? 4000 : 5000;
  struct image image;
  char key[16];

  image_init(&image, &(struct image_shape){.n_buckets = 7});
  image_add(&image, "lives", "value");
  for (unsigned i = 0; i < n_dead; i++) {
    key_of(i, key);
    image_add_loose(&image, key, "value", 0);
  }
  blt_db *const db = open_image(&image);
  ck_assert(blt__side_is_ready(&db->side));
  ck_assert_int_eq(db->side.was_scanned, _i == 0);
  expect_text(db, "lives", "value");
  expect_text(db, "key-000007", NULL);
  EXPECT_OK(blt_close(db));
  image_free(&image);
}
END_TEST

/* A scan would bring all of it into memory. */
START_TEST(a_file_that_is_read_and_not_mapped_is_not_scanned)
{
  blt_options options = session_options(BLT_SYNC_BATCH);

  options.io = BLT_IO_PREAD;
  options.side_table = BLT_ON;
  session_open(&session, &options);
  put_numbered(session.db, 0, 100);
  EXPECT_OK(blt_sync(session.db));
  blt__side_drop(&session.db->side);
  build_side(&session);
  ck_assert(!session.db->side.was_scanned);
  expect_numbered(session.db, 0, 100);
  EXPECT_OK(session_close(&session));
}
END_TEST

Suite *side_build_suite(void)
{
  Suite *const suite =
      SUITE_OF("side build", a_sound_image_is_scanned,
               a_live_block_that_no_link_leads_to_is_not_found,
               a_store_whose_chains_are_exchanged_gets_no_table,
               a_block_that_was_passed_over_is_not_found,
               blocks_in_a_circle_that_no_slot_leads_to_are_not_found,
               a_block_that_leads_to_itself_is_not_found,
               a_long_chain_that_goes_up_and_down_is_walked_once,
               a_file_that_is_read_and_not_mapped_is_not_scanned);
  TCase *const made = case_of("ways");

  tcase_add_loop_test(made, a_scan_fills_the_table_as_the_chains_do, 0, 4);
  tcase_add_loop_test(
      made, a_reader_of_a_file_that_was_not_closed_scans_what_it_sees, 0, 8);
  tcase_add_loop_test(made, a_file_of_dead_blocks_is_not_scanned_to_its_end, 0,
                      2);
  suite_add_tcase(suite, made);
  return suite;
}
