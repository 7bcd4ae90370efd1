/* test_recover.c - what blt_open finds and says in blt_open_report */
#include "api/suites.h"
#include "support/agent.h"
#include "support/image.h"
#include "support/store.h"
#include "support/temp.h"

#include <stdlib.h>

static blt_open_info report_of(blt_db *db)
{
  blt_open_info info;

  memset(&info, 0, sizeof info);
  EXPECT_OK(blt_open_report(db, &info));
  return info;
}

START_TEST(a_store_that_was_made_says_so)
{
  const char *const path = temp_path("a.blt");
  blt_db *db = open_path(path, BLT_CREATE);

  ck_assert_int_eq(report_of(db).what, BLT_OPENED_CREATED);
  put_text(db, "a", "1");
  EXPECT_OK(blt_close(db));
  db = open_path(path, BLT_CREATE);
  ck_assert_int_eq(report_of(db).what, BLT_OPENED_CLEAN);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(a_file_that_only_booklet_wrote_is_clean)
{
  struct image image;

  image_init(&image, &(struct image_shape){.n_buckets = 3});
  image_add(&image, "a", "1");
  for (int mode = BLT_READ; mode <= BLT_WRITE; mode++) {
    blt_db *const db = open_bytes(image.bytes, image.len, (blt_mode)mode);
    ck_assert_int_eq(report_of(db).what, BLT_OPENED_CLEAN);
    ck_assert_int_eq(header_of(db).has_checkpoint, 0);
    EXPECT_OK(blt_close(db));
  }
  image_free(&image);
}
END_TEST

/* Commits by a process that is killed then. */
static const char *path_of_a_killed_writer(void)
{
  const char *const path = temp_path("killed.blt");
  struct agent agent = agent_start();

  ck_assert_int_eq(agent_ask(&agent, "open n -1 %s", path).status, BLT_OK);
  ck_assert_int_eq(agent_ask(&agent, "put a 1").status, BLT_OK);
  ck_assert_int_eq(agent_ask(&agent, "sync").status, BLT_OK);
  ck_assert_int_eq(agent_ask(&agent, "put a 2").status, BLT_OK);
  ck_assert_int_eq(agent_ask(&agent, "put b 3").status, BLT_OK);
  ck_assert_int_eq(agent_ask(&agent, "sync").status, BLT_OK);
  ck_assert_int_eq(agent_ask(&agent, "put c 4").status, BLT_OK);
  agent_kill(&agent);
  return path;
}

static void expect_the_commits(blt_db *db)
{
  expect_text(db, "a", "2");
  expect_text(db, "b", "3");
  expect_text(db, "c", NULL);
  expect_count(db, 2);
  expect_sound(db);
}

START_TEST(what_a_killed_writer_committed_is_there)
{
  for (int mode = BLT_READ; mode <= BLT_CREATE; mode++) {
    blt_db *const db = open_path(path_of_a_killed_writer(), (blt_mode)mode);
    const blt_open_info info = report_of(db);
    ck_assert(info.what == BLT_OPENED_RECOVERED ||
              info.what == BLT_OPENED_OVERLAID);
    ck_assert_uint_gt(info.n_records, 0);
    expect_the_commits(db);
    EXPECT_OK(blt_close(db));
  }
}
END_TEST

START_TEST(a_recovered_store_is_clean_the_next_time)
{
  const char *const path = path_of_a_killed_writer();
  blt_db *db = open_path(path, BLT_WRITE);

  ck_assert_int_eq(report_of(db).what, BLT_OPENED_RECOVERED);
  EXPECT_OK(blt_close(db));
  db = open_path(path, BLT_READ);
  ck_assert_int_eq(report_of(db).what, BLT_OPENED_CLEAN);
  expect_the_commits(db);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(without_recovery_a_writer_is_refused)
{
  const char *const path = path_of_a_killed_writer();
  blt_options options = options_of(BLT_WRITE);
  blt_db *db = NULL;

  options.recover = BLT_OFF;
  EXPECT_FAILURE(blt_open(path, &options, &db));
  ck_assert_ptr_null(db);
}
END_TEST

START_TEST(without_recovery_a_reader_sees_the_commits_and_changes_nothing)
{
  const char *const path = path_of_a_killed_writer();
  blt_options options = options_of(BLT_READ);
  size_t len, len_after;
  uint8_t *const before = file_read(path, &len);

  options.recover = BLT_OFF;
  blt_db *const db = open_path_with(path, &options);
  ck_assert_int_eq(report_of(db).what, BLT_OPENED_OVERLAID);
  expect_text(db, "a", "2");
  expect_text(db, "b", "3");
  expect_text(db, "c", NULL);
  EXPECT_OK(blt_close(db));
  uint8_t *const after = file_read(path, &len_after);
  ck_assert(bytes_equal((blt_bytes){after, len_after}, before, len));
  free(before);
  free(after);
}
END_TEST

START_TEST(a_file_that_booklet_did_not_close_is_counted_again)
{
  struct image image;

  image_init(&image, &(struct image_shape){.n_buckets = 3});
  image_add(&image, "a", "1");
  image_add(&image, "b", "2");
  image_set(&image, IMAGE_N_KEYS, 4, IMAGE_NOT_CLOSED);
  for (int mode = BLT_READ; mode <= BLT_WRITE; mode++) {
    blt_db *const db = open_bytes(image.bytes, image.len, (blt_mode)mode);
    expect_text(db, "a", "1");
    expect_text(db, "b", "2");
    expect_count(db, 2);
    EXPECT_OK(blt_close(db));
  }
  image_free(&image);
}
END_TEST

/* What booklet's put leaves behind when it adds a key to our file. */
static void append_as_booklet(struct image *image, blt_bytes ours)
{
  image_add_raw(image, ours.data, ours.len);
  image->shape = (struct image_shape){.n_buckets = 3, .version = 5};
  image->index_off = 200;
  const uint64_t n_keys = image_get(image, IMAGE_N_KEYS, 4);
  image_add(image, "foreign", "3");
  image_set(image, IMAGE_N_KEYS, 4, n_keys + 1);
}

START_TEST(what_booklet_added_to_our_file_is_accepted)
{
  const char *const path = temp_path("a.blt");
  blt_options options = options_of_new(3);
  struct image image = {0};
  size_t len;

  blt_db *db = open_path_with(path, &options);
  put_text(db, "a", "1");
  put_text(db, "b", "2");
  EXPECT_OK(blt_close(db));
  uint8_t *const bytes = file_read(path, &len);
  append_as_booklet(&image, (blt_bytes){bytes, len});
  free(bytes);
  for (int mode = BLT_READ; mode <= BLT_WRITE; mode++) {
    db = open_bytes(image.bytes, image.len, (blt_mode)mode);
    ck_assert_int_eq(report_of(db).what, BLT_OPENED_FOREIGN);
    expect_text(db, "a", "1");
    expect_text(db, "b", "2");
    expect_text(db, "foreign", "3");
    expect_count(db, 3);
    expect_sound(db);
    EXPECT_OK(blt_close(db));
  }
  image_free(&image);
}
END_TEST

/* Zeros do not end where a block would. */
static void repair_after_a_kill(int is_fixed)
{
  static char value[5000];
  const char *const path = temp_path("a.blt");
  blt_options options = options_of_new(67);
  blt_repair_options how = BLT_REPAIR_OPTIONS_INIT;
  blt_repair_report report;
  size_t len = 0;

  options.sync = BLT_SYNC_FULL;
  options.kind = is_fixed ? BLT_FIXED : BLT_VARIABLE;
  options.fixed_value_len = is_fixed ? sizeof value : 0;
  blt_db *db = open_path_with(path, &options);
  for (int i = 0; i < 5; i++) {
    memset(value, 1 + i, sizeof value);
    EXPECT_OK(blt_batch_begin(db));
    EXPECT_OK(blt_put(db, "a", 1, value, sizeof value));
    EXPECT_OK(blt_batch_commit(db));
  }
  uint8_t *const bytes = file_read(path, &len);
  EXPECT_OK(blt_close(db));
  ck_assert_uint_eq(bytes[len - 4000], 0);
  file_write(path, bytes, len);
  free(bytes);
  EXPECT_OK(blt_repair(path, &how, &report));
  ck_assert_uint_eq(report.n_kept, 1);
  ck_assert_uint_eq(report.n_lost, 0);
  ck_assert_uint_eq(report.lost_len, 0);
}

START_TEST(zeros_that_a_killed_writer_left_are_no_loss_in_a_repair)
{
  repair_after_a_kill(0);
  repair_after_a_kill(1);
}
END_TEST

Suite *recover_suite(void)
{
  return SUITE_OF(
      "recover", a_store_that_was_made_says_so,
      a_file_that_only_booklet_wrote_is_clean,
      what_a_killed_writer_committed_is_there,
      a_recovered_store_is_clean_the_next_time,
      without_recovery_a_writer_is_refused,
      without_recovery_a_reader_sees_the_commits_and_changes_nothing,
      a_file_that_booklet_did_not_close_is_counted_again,
      what_booklet_added_to_our_file_is_accepted,
      zeros_that_a_killed_writer_left_are_no_loss_in_a_repair);
}
