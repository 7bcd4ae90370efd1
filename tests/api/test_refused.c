/* test_refused.c - every call on a handle that is of no use says so */
#include "api/suites.h"
#include "support/store.h"
#include "support/temp.h"

#include <stdlib.h>
#include <unistd.h>

/* What each call would write its results to; "untouched" when it does not. */
static union {
  blt_bytes bytes;
  uint64_t number;
  size_t size;
  blt_stats stats;
  blt_header header;
  blt_open_info info;
  blt_iter *iter;
  unsigned char found;
} out;

static blt_status do_put(blt_db *db)
{
  return blt_put(db, "a", 1, "2", 1);
}

static blt_status do_put_many(blt_db *db)
{
  const blt_item item = {{"a", 1}, {"2", 1}, BLT_NOW, 0};
  return blt_put_many(db, &item, 1);
}

static blt_status do_delete(blt_db *db)
{
  return blt_delete(db, "a", 1);
}

static blt_status do_delete_many(blt_db *db)
{
  const blt_bytes key = {"a", 1};
  return blt_delete_many(db, &key, 1, &out.size);
}

static blt_status do_get(blt_db *db)
{
  return blt_get(db, "a", 1, &out.bytes);
}

static blt_status do_get_into(blt_db *db)
{
  char byte;
  return blt_get_into(db, "a", 1, &byte, 1, &out.size);
}

static blt_status do_has(blt_db *db)
{
  return blt_has(db, "a", 1);
}

static blt_status do_get_many(blt_db *db)
{
  const blt_bytes key = {"a", 1};
  return blt_get_many(db, &key, 1, &out.bytes, NULL);
}

static blt_status do_has_many(blt_db *db)
{
  const blt_bytes key = {"a", 1};
  return blt_has_many(db, &key, 1, &out.found, NULL);
}

static blt_status do_count(blt_db *db)
{
  return blt_count(db, &out.number);
}

static blt_status do_iterate(blt_db *db)
{
  const blt_status status = blt_iter_open(db, BLT_ITER_KEYS, &out.iter);
  if (status == BLT_OK)
    blt_iter_close(out.iter);
  return status;
}

static blt_status do_batch(blt_db *db)
{
  return blt_batch_begin(db);
}

static blt_status do_commit(blt_db *db)
{
  return blt_batch_commit(db);
}

static blt_status do_abort(blt_db *db)
{
  return blt_batch_abort(db);
}

static blt_status do_prune(blt_db *db)
{
  return blt_prune(db, NULL, NULL);
}

static blt_status do_reindex(blt_db *db)
{
  return blt_reindex(db, 7);
}

static blt_status do_verify(blt_db *db)
{
  return blt_verify(db, NULL, NULL);
}

static blt_status do_stat(blt_db *db)
{
  return blt_stat(db, &out.stats);
}

static blt_status do_header(blt_db *db)
{
  return blt_header_info(db, &out.header);
}

static blt_status do_report(blt_db *db)
{
  return blt_open_report(db, &out.info);
}

static blt_status do_time(blt_db *db)
{
  return blt_timestamp_get(db, "a", 1, &out.number);
}

static blt_status do_set_time(blt_db *db)
{
  return blt_timestamp_set(db, "a", 1, 7);
}

static blt_status do_file_time(blt_db *db)
{
  return blt_file_timestamp_get(db, &out.number);
}

static blt_status do_set_file_time(blt_db *db)
{
  return blt_file_timestamp_set(db, 7);
}

static blt_status do_metadata(blt_db *db)
{
  return blt_metadata_get(db, &out.bytes, NULL);
}

static blt_status do_set_metadata(blt_db *db)
{
  return blt_metadata_set(db, "{}", 2, 7);
}

static blt_status do_delete_metadata(blt_db *db)
{
  return blt_metadata_delete(db);
}

static blt_status do_slot(blt_db *db)
{
  return blt_slot_get(db, 1, &out.bytes, NULL);
}

static blt_status do_set_slot(blt_db *db)
{
  return blt_slot_set(db, 1, "x", 1, 7);
}

static blt_status do_delete_slot(blt_db *db)
{
  return blt_slot_delete(db, 1);
}

static blt_status do_reopen(blt_db *db)
{
  return blt_reopen(db, BLT_READ);
}

static blt_status do_image(blt_db *db)
{
  return blt_memory_image(db, &out.bytes);
}

static const struct call {
  const char *name;
  blt_status (*run)(blt_db *db);
  int writes;
} calls[] = {
    {"put", do_put, 1},
    {"put_many", do_put_many, 1},
    {"delete", do_delete, 1},
    {"delete_many", do_delete_many, 1},
    {"get", do_get, 0},
    {"get_into", do_get_into, 0},
    {"has", do_has, 0},
    {"get_many", do_get_many, 0},
    {"has_many", do_has_many, 0},
    {"count", do_count, 0},
    {"iter_open", do_iterate, 0},
    {"batch_begin", do_batch, 1},
    {"batch_commit", do_commit, 1},
    {"batch_abort", do_abort, 1},
    {"sync", blt_sync, 1},
    {"prune", do_prune, 1},
    {"reindex", do_reindex, 1},
    {"clear", blt_clear, 1},
    {"verify", do_verify, 0},
    {"stat", do_stat, 0},
    {"header_info", do_header, 0},
    {"open_report", do_report, 0},
    {"timestamp_get", do_time, 0},
    {"timestamp_set", do_set_time, 1},
    {"file_timestamp_get", do_file_time, 0},
    {"file_timestamp_set", do_set_file_time, 1},
    {"metadata_get", do_metadata, 0},
    {"metadata_set", do_set_metadata, 1},
    {"metadata_delete", do_delete_metadata, 1},
    {"slot_get", do_slot, 0},
    {"slot_set", do_set_slot, 1},
    {"slot_delete", do_delete_slot, 1},
    {"memory_image", do_image, 0},
    {"reopen", do_reopen, 0},
};
enum { N_CALLS = sizeof calls / sizeof *calls };

/* Each call fails like this, and writes no result. */
static void expect_all(blt_db *db, int only_writes, blt_status want)
{
  for (int i = 0; i < N_CALLS; i++) {
    if (only_writes && !calls[i].writes)
      continue;
    memset(&out, 0x5a, sizeof out);
    const blt_status status = calls[i].run(db);
    ck_assert_msg(status == want, "blt_%s gave %s, not %s", calls[i].name,
                  blt_status_name(status), blt_status_name(want));
    for (size_t k = 0; k < sizeof out; k++)
      ck_assert_msg(((const uint8_t *)&out)[k] == 0x5a,
                    "blt_%s failed and wrote a result", calls[i].name);
    if (db != NULL)
      ck_assert_int_eq(blt_last_error(db)->status, want);
  }
}

START_TEST(every_call_without_a_handle_is_invalid)
{
  expect_all(NULL, 0, BLT_E_INVALID);
  EXPECT_OK(blt_close(NULL));
  blt_iter_close(NULL);
}
END_TEST

START_TEST(every_call_after_a_failed_reopen_is_invalid)
{
  const char *const path = temp_path("a.blt");
  blt_db *const db = open_path(path, BLT_NEW);

  put_text(db, "a", "1");
  ck_assert_int_eq(unlink(path), 0);
  EXPECT(BLT_E_NO_FILE, blt_reopen(db, BLT_READ));
  expect_all(db, 0, BLT_E_INVALID);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(every_change_through_a_reading_handle_is_refused)
{
  const char *const path = temp_path("a.blt");
  blt_db *db = open_path(path, BLT_NEW);

  put_text(db, "a", "1");
  EXPECT_OK(blt_close(db));
  db = open_path(path, BLT_READ);
  expect_all(db, 1, BLT_E_READ_ONLY);
  expect_text(db, "a", "1");
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(every_call_after_another_program_cut_the_file_says_so)
{
  const char *const path = temp_path("a.blt");
  blt_options options = options_of(BLT_NEW);
  blt_bytes value;

  options.io = BLT_IO_MMAP;
  blt_db *const db = open_path_with(path, &options);
  put_text(db, "a", "1");
  EXPECT_OK(blt_sync(db));
  file_cut(path, 0);
  EXPECT(BLT_E_TRUNCATED, blt_get(db, "a", 1, &value));
  for (int i = 0; i < N_CALLS; i++) {
    const blt_status status = calls[i].run(db);
    ck_assert_msg(status == BLT_E_TRUNCATED, "blt_%s gave %s", calls[i].name,
                  blt_status_name(status));
  }
  EXPECT(BLT_E_TRUNCATED, blt_close(db));
}
END_TEST

/* A NULL pointer is an empty key, and nothing else. */
START_TEST(a_key_or_value_that_is_null_and_has_a_length_is_invalid)
{
  blt_db *const db = new_in_memory(3);
  const blt_bytes key = {NULL, 1};
  const blt_prune_options prune = {.size = sizeof prune, .n_keep_keys = 1};
  const blt_item items[] = {{{NULL, 1}, {"v", 1}, BLT_NOW, 0},
                            {{"k", 1}, {NULL, 1}, BLT_NOW, 0}};

  put_text(db, "a", "1");
  EXPECT(BLT_E_INVALID, blt_put(db, NULL, 1, "v", 1));
  EXPECT(BLT_E_INVALID, blt_put(db, "k", 1, NULL, 1));
  EXPECT(BLT_E_INVALID, blt_put_many(db, &items[0], 1));
  EXPECT(BLT_E_INVALID, blt_put_many(db, &items[1], 1));
  EXPECT(BLT_E_INVALID, blt_get(db, NULL, 1, &out.bytes));
  EXPECT(BLT_E_INVALID, blt_get_into(db, NULL, 1, &out, 1, &out.size));
  EXPECT(BLT_E_INVALID, blt_get_many(db, &key, 1, &out.bytes, NULL));
  EXPECT(BLT_E_INVALID, blt_has(db, NULL, 1));
  EXPECT(BLT_E_INVALID, blt_has_many(db, &key, 1, &out.found, NULL));
  EXPECT(BLT_E_INVALID, blt_delete(db, NULL, 1));
  EXPECT(BLT_E_INVALID, blt_delete_many(db, &key, 1, NULL));
  EXPECT(BLT_E_INVALID, blt_timestamp_get(db, NULL, 1, &out.number));
  EXPECT(BLT_E_INVALID, blt_timestamp_set(db, NULL, 1, 7));
  EXPECT(BLT_E_INVALID, blt_prune(db, &prune, NULL));
  expect_count(db, 1);
  EXPECT_OK(blt_close(db));
}
END_TEST

/* What the format cannot hold is not there, and cannot be put. */
START_TEST(a_key_or_value_beyond_the_format_is_too_big_or_not_there)
{
  static const char key[BLT_MAX_KEY_LEN + 1];
  blt_db *const db = new_in_memory(3);

  EXPECT(BLT_E_TOO_BIG, blt_put(db, key, sizeof key, "v", 1));
  EXPECT(BLT_E_TOO_BIG,
         blt_put(db, "k", 1, key, (size_t)BLT_MAX_VALUE_LEN + 1));
  EXPECT(BLT_NOT_FOUND, blt_get(db, key, sizeof key, &out.bytes));
  EXPECT(BLT_NOT_FOUND, blt_delete(db, key, sizeof key));
  EXPECT(BLT_NOT_FOUND, blt_timestamp_get(db, key, sizeof key, &out.number));
  EXPECT(BLT_NOT_FOUND, blt_timestamp_set(db, key, sizeof key, 7));
  expect_count(db, 0);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(a_new_file_of_an_impossible_kind_is_refused)
{
  const char *const path = temp_path("a.blt");
  blt_options options = options_of_new(3);
  blt_db *db = NULL;

  options.key_serializer = BLT_SERIALIZER_CUSTOM + 1;
  EXPECT(BLT_E_INVALID, blt_open(path, &options, &db));
  options = options_of_new(3);
  options.value_serializer = BLT_SERIALIZER_CUSTOM + 1;
  EXPECT(BLT_E_INVALID, blt_open(path, &options, &db));
  options = options_of_new(3);
  options.fixed_value_len = 7;
  EXPECT(BLT_E_INVALID, blt_open(path, &options, &db));
  options = options_of_new(3);
  options.header = "this is no header of a booklet: it has other bytes, 200 of "
                   "them ..............................................."
                   "...................................................."
                   ".....................................................";
  EXPECT(BLT_E_NOT_BOOKLET, blt_open(path, &options, &db));
  ck_assert_int_eq(file_exists(path), 0);
}
END_TEST

START_TEST(an_image_is_to_be_had_of_a_store_in_memory_alone)
{
  blt_db *const db = open_path(temp_path("a.blt"), BLT_NEW);

  EXPECT(BLT_E_UNSUPPORTED, blt_memory_image(db, &out.bytes));
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(opening_without_a_place_for_the_handle_is_invalid)
{
  blt_db *db = NULL;

  EXPECT(BLT_E_INVALID, blt_open("x", NULL, NULL));
  EXPECT(BLT_E_INVALID, blt_open(NULL, NULL, &db));
  EXPECT(BLT_E_INVALID, blt_open_fd(0, NULL, NULL));
  EXPECT(BLT_E_INVALID, blt_open_memory("x", 1, NULL, NULL));
  EXPECT(BLT_E_INVALID, blt_open_memory(NULL, 1, NULL, &db));
  EXPECT(BLT_E_INVALID, blt_repair(NULL, NULL, NULL));
  ck_assert_ptr_null(db);
}
END_TEST

Suite *refused_suite(void)
{
  return SUITE_OF("refused", every_call_without_a_handle_is_invalid,
                  every_call_after_a_failed_reopen_is_invalid,
                  every_change_through_a_reading_handle_is_refused,
                  every_call_after_another_program_cut_the_file_says_so,
                  a_key_or_value_that_is_null_and_has_a_length_is_invalid,
                  a_key_or_value_beyond_the_format_is_too_big_or_not_there,
                  a_new_file_of_an_impossible_kind_is_refused,
                  an_image_is_to_be_had_of_a_store_in_memory_alone,
                  opening_without_a_place_for_the_handle_is_invalid);
}
