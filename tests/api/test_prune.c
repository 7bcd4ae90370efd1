/* test_prune.c - blt_prune */
#include "api/suites.h"
#include "support/image.h"
#include "support/store.h"
#include "support/temp.h"

#include <stdio.h>

/* 100 keys in the file, of which 10 were deleted and 10 overwritten. */
static blt_db *with_dead_blocks(const char *path)
{
  blt_options options = options_of_new(50);

  options.auto_reindex = BLT_OFF;
  blt_db *const db = open_path_with(path, &options);
  put_numbered(db, 0, 100);
  EXPECT_OK(blt_sync(db));
  for (unsigned i = 0; i < 10; i++) {
    char key[32];
    snprintf(key, sizeof key, "key-%06u", i);
    delete_text(db, key);
  }
  put_numbered(db, 10, 10);
  EXPECT_OK(blt_sync(db));
  return db;
}

START_TEST(prune_drops_dead_blocks_and_counts_them)
{
  const char *const path = temp_path("a.blt");
  blt_db *const db = with_dead_blocks(path);
  const uint64_t len = file_len(path);
  uint64_t n_dropped = 0;

  EXPECT_OK(blt_prune(db, NULL, &n_dropped));
  ck_assert_uint_eq(n_dropped, 20);
  expect_count(db, 90);
  expect_numbered(db, 10, 90);
  expect_text(db, "key-000000", NULL);
  expect_sound(db);
  ck_assert_uint_lt(file_len(path), len);
  EXPECT_OK(blt_prune(db, NULL, &n_dropped));
  ck_assert_uint_eq(n_dropped, 0);
  EXPECT_OK(blt_close(db));
}
END_TEST

/* booklet writes these too, and counts them as dead. */
START_TEST(prune_counts_what_was_undone_in_the_write_buffer)
{
  blt_db *const db = with_dead_blocks(temp_path("a.blt"));
  uint64_t n_dropped = 0;

  put_text(db, "longer", "1");
  put_text(db, "longer", "22");
  put_text(db, "same", "1");
  put_text(db, "same", "2");
  put_text(db, "deleted", "1");
  delete_text(db, "deleted");
  EXPECT_OK(blt_sync(db));
  EXPECT_OK(blt_batch_begin(db));
  put_text(db, "taken back", "1");
  put_text(db, "taken back", "2");
  EXPECT_OK(blt_batch_abort(db));
  put_text(db, "same", "3");
  put_text(db, "same", "4");
  EXPECT_OK(blt_prune(db, NULL, &n_dropped));
  ck_assert_uint_eq(n_dropped, 20 + 3 + 2);
  expect_text(db, "same", "4");
  put_text(db, "same", "5");
  put_text(db, "same", "6");
  EXPECT_OK(blt_clear(db));
  EXPECT_OK(blt_prune(db, NULL, &n_dropped));
  ck_assert_uint_eq(n_dropped, 0);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(a_pruned_file_is_the_same_store)
{
  const char *const path = temp_path("a.blt");
  blt_db *db = with_dead_blocks(path);

  EXPECT_OK(blt_prune(db, NULL, NULL));
  put_numbered(db, 0, 5);
  EXPECT_OK(blt_close(db));
  db = open_path(path, BLT_WRITE);
  expect_numbered(db, 0, 5);
  expect_numbered(db, 10, 90);
  expect_count(db, 95);
  expect_sound(db);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(prune_commits_what_is_put)
{
  blt_db *const db = new_in_memory(50);

  put_text(db, "a", "1");
  EXPECT_OK(blt_prune(db, NULL, NULL));
  expect_text(db, "a", "1");
  expect_count(db, 1);
  EXPECT_OK(blt_close(db));
}
END_TEST

static blt_db *with_timestamps(void)
{
  blt_db *const db = new_in_memory(50);

  EXPECT_OK(blt_put_at(db, "a", 1, "1", 1, 100));
  EXPECT_OK(blt_put_at(db, "b", 1, "2", 1, 200));
  EXPECT_OK(blt_put_at(db, "c", 1, "3", 1, 300));
  EXPECT_OK(blt_put_at(db, "d", 1, "4", 1, 50));
  EXPECT_OK(blt_metadata_set(db, "{}", 2, 10));
  EXPECT_OK(blt_slot_set(db, 1, "x", 1, 10));
  EXPECT_OK(blt_sync(db));
  return db;
}

START_TEST(prune_drops_keys_older_than_a_time)
{
  blt_prune_options options = BLT_PRUNE_OPTIONS_INIT;
  blt_db *const db = with_timestamps();
  uint64_t n_dropped = 0, timestamp = 0;

  options.older_than = 200;
  EXPECT_OK(blt_prune(db, &options, &n_dropped));
  ck_assert_uint_eq(n_dropped, 2);
  expect_text(db, "a", NULL);
  expect_text(db, "b", "2"); /* as old as that, not older */
  expect_text(db, "c", "3");
  expect_text(db, "d", NULL);
  expect_count(db, 2);
  EXPECT_OK(blt_timestamp_get(db, "b", 1, &timestamp));
  ck_assert_uint_eq(timestamp, 200);
  expect_sound(db);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(hidden_keys_are_never_too_old)
{
  blt_prune_options options = BLT_PRUNE_OPTIONS_INIT;
  blt_db *const db = with_timestamps();
  blt_bytes value;

  options.older_than = 1000;
  EXPECT_OK(blt_prune(db, &options, NULL));
  expect_count(db, 0);
  EXPECT_OK(blt_metadata_get(db, &value, NULL));
  EXPECT_OK(blt_slot_get(db, 1, &value, NULL));
  expect_sound(db);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(keys_to_keep_are_never_too_old)
{
  blt_prune_options options = BLT_PRUNE_OPTIONS_INIT;
  blt_db *const db = with_timestamps();
  const blt_bytes keep[] = {{"d", 1}, {"no such key", 11}};
  uint64_t n_dropped = 0;

  options.older_than = 1000;
  options.keep_keys = keep;
  options.n_keep_keys = 2;
  EXPECT_OK(blt_prune(db, &options, &n_dropped));
  ck_assert_uint_eq(n_dropped, 3);
  expect_text(db, "d", "4");
  expect_count(db, 1);
  expect_sound(db);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(without_timestamps_nothing_is_too_old)
{
  blt_prune_options options = BLT_PRUNE_OPTIONS_INIT;
  blt_options store = options_of_new(3);
  blt_db *db = NULL;

  store.timestamps = BLT_OFF;
  EXPECT_OK(blt_open_memory(NULL, 0, &store, &db));
  put_text(db, "a", "1");
  options.older_than = 1000;
  const blt_status status = blt_prune(db, &options, NULL);
  ck_assert(status == BLT_OK || status == BLT_E_UNSUPPORTED);
  expect_text(db, "a", "1");
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(prune_gives_the_index_another_size)
{
  blt_prune_options options = BLT_PRUNE_OPTIONS_INIT;
  blt_db *const db = with_dead_blocks(temp_path("a.blt"));

  options.n_buckets = 1009;
  EXPECT_OK(blt_prune(db, &options, NULL));
  ck_assert_uint_eq(header_of(db).n_buckets, 1009);
  expect_numbered(db, 10, 90);
  expect_sound(db);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(prune_fits_the_index_to_the_keys)
{
  blt_prune_options options = BLT_PRUNE_OPTIONS_INIT;
  const char *const path = temp_path("a.blt");
  const blt_options store = options_of_new(200000);
  blt_db *const db = open_path_with(path, &store);

  put_numbered(db, 0, 10);
  options.fit_buckets = BLT_ON;
  EXPECT_OK(blt_prune(db, &options, NULL));
  ck_assert_uint_lt(header_of(db).n_buckets, 200000);
  ck_assert_uint_ge(header_of(db).n_buckets, 10);
  ck_assert_uint_lt(file_len(path), 200000);
  expect_numbered(db, 0, 10);
  expect_sound(db);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(pruning_everything_leaves_an_empty_store)
{
  const char *const path = temp_path("a.blt");
  blt_db *db = open_path(path, BLT_NEW);

  put_numbered(db, 0, 10);
  EXPECT_OK(blt_sync(db));
  blt_prune_options options = BLT_PRUNE_OPTIONS_INIT;
  options.older_than = (uint64_t)1 << 55;
  EXPECT_OK(blt_prune(db, &options, NULL));
  expect_count(db, 0);
  ck_assert_uint_eq(count_by_iteration(db, BLT_ITER_HIDDEN), 0);
  ck_assert_uint_eq(header_of(db).index_off, 200);
  expect_sound(db);
  put_text(db, "a", "1");
  EXPECT_OK(blt_close(db));
  db = open_path(path, BLT_READ);
  expect_text(db, "a", "1");
  expect_count(db, 1);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(files_of_booklet_of_every_shape_can_be_pruned)
{
  static const struct image_shape shapes[] = {
      {.n_buckets = 3},
      {.n_buckets = 3, .no_timestamps = 1},
      {.n_buckets = 3, .is_fixed = 1, .value_len = 1},
      {.n_buckets = 3, .filler = 0x30},
      {.n_buckets = 3, .index_later = 1},
  };

  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
    struct image image;
    uint64_t n_dropped = 0;
    image_init(&image, &shapes[i]);
    image_add(&image, "a", "1");
    image_add_loose(&image, "dead", "x", 0);
    if (shapes[i].index_later)
      image_move_index(&image, 11);
    image_add(&image, "b", "2");
    image_add_loose(&image, "dead", "y", 0);
    blt_db *const db = open_bytes(image.bytes, image.len, BLT_WRITE);
    EXPECT_OK(blt_prune(db, NULL, &n_dropped));
    ck_assert_uint_eq(n_dropped, 2);
    expect_text(db, "a", "1");
    expect_text(db, "b", "2");
    expect_text(db, "dead", NULL);
    expect_count(db, 2);
    expect_sound(db);
    EXPECT_OK(blt_close(db));
    image_free(&image);
  }
}
END_TEST

START_TEST(each_rewrite_counts_as_a_compaction)
{
  blt_db *const db = new_in_memory(3);
  const uint64_t before = blt_compaction_count(db);

  put_text(db, "a", "1");
  EXPECT_OK(blt_sync(db));
  ck_assert_uint_eq(blt_compaction_count(db), before);
  put_text(db, "a", "2");
  EXPECT_OK(blt_prune(db, NULL, NULL));
  ck_assert_uint_gt(blt_compaction_count(db), before);
  const uint64_t pruned = blt_compaction_count(db);
  EXPECT_OK(blt_reindex(db, 77));
  ck_assert_uint_gt(blt_compaction_count(db), pruned);
  const uint64_t reindexed = blt_compaction_count(db);
  EXPECT_OK(blt_clear(db));
  ck_assert_uint_gt(blt_compaction_count(db), reindexed);
  EXPECT_OK(blt_close(db));
}
END_TEST

Suite *prune_suite(void)
{
  return SUITE_OF(
      "prune", prune_drops_dead_blocks_and_counts_them,
      prune_counts_what_was_undone_in_the_write_buffer,
      a_pruned_file_is_the_same_store, prune_commits_what_is_put,
      prune_drops_keys_older_than_a_time, hidden_keys_are_never_too_old,
      keys_to_keep_are_never_too_old, without_timestamps_nothing_is_too_old,
      prune_gives_the_index_another_size, prune_fits_the_index_to_the_keys,
      pruning_everything_leaves_an_empty_store,
      files_of_booklet_of_every_shape_can_be_pruned,
      each_rewrite_counts_as_a_compaction);
}
