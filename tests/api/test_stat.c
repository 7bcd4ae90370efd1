/* test_stat.c - blt_stat and blt_header_info */
#include "api/suites.h"
#include "support/image.h"
#include "support/store.h"
#include "support/temp.h"

static blt_stats stats_of(blt_db *db)
{
  blt_stats stats;

  memset(&stats, 0xff, sizeof stats);
  EXPECT_OK(blt_stat(db, &stats));
  return stats;
}

START_TEST(the_parts_of_a_file_add_up)
{
  const char *const path = temp_path("a.blt");
  const blt_options options = options_of_new(50);
  blt_db *const db = open_path_with(path, &options);

  put_numbered(db, 0, 40);
  EXPECT_OK(blt_metadata_set(db, "{}", 2, BLT_NOW));
  EXPECT_OK(blt_sync(db));
  delete_text(db, "key-000001");
  EXPECT_OK(blt_sync(db));
  for (int i = 0; i < 3; i++) {
    const blt_stats stats = stats_of(db);
    ck_assert_uint_eq(stats.live_len + stats.dead_len + stats.index_len +
                          stats.other_len,
                      stats.file_len);
    ck_assert_uint_le(stats.record_len, stats.dead_len);
    ck_assert_uint_eq(stats.n_keys, 39);
    ck_assert_uint_eq(stats.n_hidden, 1);
    if (i == 0)
      EXPECT_OK(blt_prune(db, NULL, NULL));
    if (i == 1)
      EXPECT_OK(blt_reindex(db, 77));
  }
  EXPECT_OK(blt_close(db));
}
END_TEST

static uint64_t n_dead_values(blt_db *db)
{
  const blt_stats stats = stats_of(db);

  return stats.n_dead - stats.n_records;
}

/* In the file they live until the next sync. */
START_TEST(what_died_is_counted_at_once)
{
  const blt_options options = options_of_new(50);
  blt_db *const db = open_path_with(temp_path("a.blt"), &options);

  put_numbered(db, 0, 10);
  EXPECT_OK(blt_sync(db));
  put_numbered(db, 0, 5);
  delete_text(db, "key-000007");
  ck_assert_uint_eq(stats_of(db).n_live, 9);
  ck_assert_uint_eq(n_dead_values(db), 6);
  put_numbered(db, 8, 1);
  ck_assert_uint_eq(n_dead_values(db), 7);
  EXPECT_OK(blt_sync(db));
  ck_assert_uint_eq(stats_of(db).n_live, 9);
  ck_assert_uint_eq(n_dead_values(db), 7);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(a_sample_of_all_buckets_is_no_guess)
{
  const blt_options options = options_of_new(50);
  blt_db *const db = open_path_with(temp_path("a.blt"), &options);
  blt_stats sample;

  put_numbered(db, 0, 40);
  EXPECT_OK(blt_sync(db));
  const blt_stats whole = stats_of(db);
  EXPECT_OK(blt_stat_sample(db, 1000, &sample));
  ck_assert_uint_eq(sample.live_len, whole.live_len);
  ck_assert_uint_eq(sample.dead_len, whole.dead_len);
  ck_assert_uint_eq(sample.other_len, whole.other_len);
  ck_assert_uint_eq(sample.chain_steps, whole.chain_steps);
  ck_assert_mem_eq(sample.chain_bins, whole.chain_bins,
                   sizeof whole.chain_bins);
  ck_assert_uint_eq(sample.value_len_p50, whole.value_len_p50);
  EXPECT(BLT_E_INVALID, blt_stat_sample(db, 0, &sample));
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(a_sample_is_near_the_whole)
{
  const blt_options options = options_of_new(20011);
  blt_db *const db = open_path_with(temp_path("a.blt"), &options);
  blt_stats sample;

  put_numbered(db, 0, 20000);
  EXPECT_OK(blt_sync(db));
  const blt_stats whole = stats_of(db);
  EXPECT_OK(blt_stat_sample(db, 2000, &sample));
  ck_assert_uint_eq(sample.n_keys, 20000);
  ck_assert_uint_eq(sample.live_len + sample.dead_len + sample.index_len +
                        sample.other_len,
                    sample.file_len);
  ck_assert_double_eq_tol((double)sample.live_len / (double)whole.live_len, 1,
                          0.1);
  ck_assert_double_eq_tol(
      (double)sample.chain_bins[0] / (double)whole.chain_bins[0], 1, 0.2);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(a_hand_made_file_is_measured)
{
  struct image image;

  image_init(&image, &(struct image_shape){.n_buckets = 1});
  image_add(&image, "a", "12345");
  image_add(&image, "bcd", "1");
  image_add_loose(&image, "dead", "x", 0);
  blt_db *const db = open_bytes(image.bytes, image.len, BLT_READ);
  const blt_stats stats = stats_of(db);
  ck_assert_uint_eq(stats.file_len, image.len);
  ck_assert_uint_eq(stats.n_keys, 2);
  ck_assert_uint_eq(stats.n_live, 2);
  ck_assert_uint_eq(stats.n_dead, 1);
  ck_assert_uint_eq(stats.n_records, 0);
  ck_assert_uint_eq(stats.live_len, 32 + 6 + 32 + 4);
  ck_assert_uint_eq(stats.dead_len, 32 + 5);
  ck_assert_uint_eq(stats.index_len, 6);
  ck_assert_uint_eq(stats.record_len, 0);
  ck_assert_uint_eq(stats.key_len_min, 1);
  ck_assert_uint_eq(stats.key_len_max, 3);
  ck_assert_uint_eq(stats.key_len_sum, 4);
  ck_assert_uint_eq(stats.value_len_min, 1);
  ck_assert_uint_eq(stats.value_len_max, 5);
  ck_assert_uint_eq(stats.value_len_sum, 6);
  ck_assert_uint_ge(stats.value_len_p50, 1);
  ck_assert_uint_ge(stats.value_len_p99, stats.value_len_p50);
  ck_assert_uint_eq(stats.chain_max, 2);
  ck_assert_uint_eq(stats.chain_steps, 1 + 2);
  ck_assert_uint_eq(stats.chain_bins[2], 1);
  ck_assert_uint_eq(stats.chain_bins[0], 0);
  EXPECT_OK(blt_close(db));
  image_free(&image);
}
END_TEST

START_TEST(every_bucket_is_in_one_bin)
{
  blt_options options = options_of_new(50);
  blt_db *db = NULL;
  uint64_t sum = 0;

  options.auto_reindex = BLT_OFF;
  EXPECT_OK(blt_open_memory(NULL, 0, &options, &db));
  put_numbered(db, 0, 1500); /* chains of about 30: the last bin */
  EXPECT_OK(blt_sync(db));
  const blt_stats stats = stats_of(db);
  for (int i = 0; i < BLT_CHAIN_BINS; i++)
    sum += stats.chain_bins[i];
  ck_assert_uint_eq(sum, 50);
  ck_assert_uint_ge(stats.chain_max, 30);
  ck_assert_uint_gt(stats.chain_bins[BLT_CHAIN_BINS - 1], 0);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(an_empty_store_is_measured)
{
  blt_db *const db = new_in_memory(3);
  const blt_stats stats = stats_of(db);

  ck_assert_uint_eq(stats.n_keys, 0);
  ck_assert_uint_eq(stats.live_len, 0);
  ck_assert_uint_eq(stats.chain_bins[0], 3);
  ck_assert_uint_eq(stats.chain_max, 0);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(the_header_shows_what_is_stored_and_what_is_meant)
{
  struct image image;

  image_init(&image, &(struct image_shape){.n_buckets = 3, .filler = 0x30});
  image_add(&image, "a", "1");
  image_set(&image, IMAGE_FILE_TIMESTAMP, 7, 77);
  blt_db *const db = open_bytes(image.bytes, image.len, BLT_READ);
  const blt_header header = header_of(db);
  ck_assert_uint_eq(header.stored_index_off, UINT64_C(0x303030303030));
  ck_assert_uint_eq(header.stored_first_block_off, UINT64_C(0x303030303030));
  ck_assert_uint_eq(header.index_off, 200);
  ck_assert_uint_eq(header.first_block_off, 218);
  ck_assert_uint_eq(header.n_keys, 1);
  ck_assert_uint_eq(header.file_timestamp, 77);
  ck_assert_uint_eq(header.file_len, image.len);
  ck_assert_int_eq(header.has_checkpoint, 0);
  ck_assert_mem_eq(header.bytes, image.bytes, BLT_HEADER_LEN);
  ck_assert_mem_eq(header.uuid, image.bytes + IMAGE_UUID, 16);
  EXPECT_OK(blt_close(db));
  image_free(&image);
}
END_TEST

START_TEST(the_header_shows_a_moved_index)
{
  struct image image;

  image_init(&image, &(struct image_shape){.n_buckets = 3, .index_later = 1});
  image_add(&image, "a", "1");
  image_move_index(&image, 5);
  blt_db *const db = open_bytes(image.bytes, image.len, BLT_READ);
  const blt_header header = header_of(db);
  ck_assert_uint_eq(header.index_off, image.index_off);
  ck_assert_uint_eq(header.stored_index_off, image.index_off);
  ck_assert_uint_eq(header.first_block_off, 200);
  ck_assert_uint_eq(header.n_buckets, 5);
  EXPECT_OK(blt_close(db));
  image_free(&image);
}
END_TEST

static void expect_told_nothing(const uint64_t *reserved, size_t n)
{
  for (size_t i = 0; i < n; i++)
    ck_assert_uint_eq(reserved[i], 0);
}

#define EXPECT_RESERVED_IS_0(result)                                           \
  expect_told_nothing((result).reserved,                                       \
                      sizeof(result).reserved / sizeof(result).reserved[0])

START_TEST(what_is_reserved_is_zero)
{
  const char *const path = temp_path("a.blt");
  const blt_options options = options_of_new(50);
  blt_db *const db = open_path_with(path, &options);
  blt_header header;
  blt_open_info opened;
  blt_verify_report verified;
  blt_repair_report repaired;

  memset(&header, 0xff, sizeof header);
  memset(&opened, 0xff, sizeof opened);
  memset(&verified, 0xff, sizeof verified);
  memset(&repaired, 0xff, sizeof repaired);
  put_numbered(db, 0, 10);
  blt_stats stats = stats_of(db);
  EXPECT_RESERVED_IS_0(stats);
  memset(&stats, 0xff, sizeof stats);
  EXPECT_OK(blt_stat_sample(db, 10, &stats));
  EXPECT_RESERVED_IS_0(stats);
  EXPECT_OK(blt_header_info(db, &header));
  EXPECT_RESERVED_IS_0(header);
  EXPECT_OK(blt_open_report(db, &opened));
  EXPECT_RESERVED_IS_0(opened);
  EXPECT_OK(blt_verify(db, NULL, &verified));
  EXPECT_RESERVED_IS_0(verified);
  EXPECT_OK(blt_close(db));
  EXPECT_OK(blt_repair(path, NULL, &repaired));
  EXPECT_RESERVED_IS_0(repaired);
}
END_TEST

Suite *stat_suite(void)
{
  return SUITE_OF("stat", the_parts_of_a_file_add_up,
                  what_died_is_counted_at_once,
                  a_sample_of_all_buckets_is_no_guess,
                  a_sample_is_near_the_whole, a_hand_made_file_is_measured,
                  every_bucket_is_in_one_bin, an_empty_store_is_measured,
                  the_header_shows_what_is_stored_and_what_is_meant,
                  the_header_shows_a_moved_index, what_is_reserved_is_zero);
}
