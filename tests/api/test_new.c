/* test_new.c - what the header of a new store says */
#include "api/suites.h"
#include "support/image.h"
#include "support/store.h"

#include <stdlib.h>

static blt_db *new_with(const blt_options *options)
{
  blt_db *db = NULL;

  EXPECT_OK(blt_open_memory(NULL, 0, options, &db));
  return db;
}

START_TEST(a_new_store_is_variable_with_timestamps_and_12007_buckets)
{
  const blt_options options = options_of(BLT_NEW);
  blt_db *const db = new_with(&options);
  const blt_header header = header_of(db);

  ck_assert_int_eq(header.kind, BLT_VARIABLE);
  ck_assert_uint_eq(header.version, 5);
  ck_assert_uint_eq(header.n_buckets, BLT_DEFAULT_BUCKETS);
  ck_assert_uint_eq(header.value_len, 0);
  ck_assert_int_eq(header.has_timestamps, 1);
  ck_assert_uint_eq(header.key_serializer, BLT_SERIALIZER_NONE);
  ck_assert_uint_eq(header.value_serializer, BLT_SERIALIZER_NONE);
  ck_assert_uint_eq(header.index_off, 200);
  ck_assert_uint_eq(header.first_block_off, 200 + 6 * BLT_DEFAULT_BUCKETS);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(a_new_store_has_a_uuid_of_its_own)
{
  blt_db *const one = new_in_memory(3);
  blt_db *const other = new_in_memory(3);
  const blt_header header = header_of(one);

  ck_assert_mem_ne(header.uuid, header_of(other).uuid, 16);
  ck_assert_uint_eq(header.uuid[6] >> 4, 8); /* the version of the UUID */
  EXPECT_OK(blt_close(one));
  EXPECT_OK(blt_close(other));
}
END_TEST

START_TEST(a_new_variable_store_can_do_without_timestamps)
{
  blt_options options = options_of_new(3);
  uint64_t timestamp;

  options.timestamps = BLT_OFF;
  blt_db *const db = new_with(&options);
  put_text(db, "a", "1");
  ck_assert_int_eq(header_of(db).has_timestamps, 0);
  EXPECT(BLT_E_UNSUPPORTED, blt_timestamp_get(db, "a", 1, &timestamp));
  EXPECT(BLT_E_UNSUPPORTED, blt_timestamp_set(db, "a", 1, 7));
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(a_new_fixed_store_has_a_value_length_and_no_timestamps)
{
  blt_options options = options_of_new(3);

  options.kind = BLT_FIXED;
  options.fixed_value_len = 9;
  blt_db *const db = new_with(&options);
  const blt_header header = header_of(db);
  ck_assert_int_eq(header.kind, BLT_FIXED);
  ck_assert_uint_eq(header.value_len, 9);
  ck_assert_int_eq(header.has_timestamps, 0);
  ck_assert_uint_eq(header.value_serializer, 0);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(serializers_are_stored_and_not_acted_on)
{
  blt_options options = options_of_new(3);

  options.key_serializer = BLT_SERIALIZER_STR;
  options.value_serializer = BLT_SERIALIZER_JSON;
  blt_db *db = new_with(&options);
  put_text(db, "a", "{ this is not JSON");
  expect_text(db, "a", "{ this is not JSON");
  ck_assert_uint_eq(header_of(db).key_serializer, BLT_SERIALIZER_STR);
  ck_assert_uint_eq(header_of(db).value_serializer, BLT_SERIALIZER_JSON);
  EXPECT_OK(blt_close(db));

  options.key_serializer = BLT_SERIALIZER_CUSTOM;
  options.value_serializer = BLT_SERIALIZER_CUSTOM;
  db = new_with(&options);
  ck_assert_uint_eq(header_of(db).key_serializer, 0);
  ck_assert_uint_eq(header_of(db).value_serializer, 0);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(a_serializer_code_that_does_not_fit_is_refused)
{
  blt_options options = options_of_new(3);
  blt_db *db = NULL;

  options.key_serializer = BLT_SERIALIZER_CUSTOM + 1;
  EXPECT_FAILURE(blt_open_memory(NULL, 0, &options, &db));
  ck_assert_ptr_null(db);
}
END_TEST

static uint64_t fixed_time(void *ctx)
{
  return *(const uint64_t *)ctx;
}

/* A header that is used, with a checkpoint and an index that was moved. */
static void header_to_copy(unsigned char out[BLT_HEADER_LEN])
{
  blt_options options = options_of_new(3);
  uint64_t now = 123456789;

  options.key_serializer = BLT_SERIALIZER_STR;
  options.value_serializer = BLT_SERIALIZER_JSON;
  options.clock = fixed_time;
  options.clock_ctx = &now;
  blt_db *const db = new_with(&options);
  put_numbered(db, 0, 10);
  EXPECT_OK(blt_reindex(db, 77));
  EXPECT_OK(blt_sync(db));
  const blt_header header = header_of(db);
  memcpy(out, header.bytes, BLT_HEADER_LEN);
  EXPECT_OK(blt_close(db));
}

START_TEST(a_store_started_from_a_header_takes_its_identity)
{
  unsigned char bytes[BLT_HEADER_LEN];
  blt_options options = options_of(BLT_NEW);

  header_to_copy(bytes);
  options.header = bytes;
  blt_db *const db = new_with(&options);
  const blt_header header = header_of(db);
  ck_assert_int_eq(header.kind, BLT_VARIABLE);
  ck_assert_uint_eq(header.n_buckets, 77);
  ck_assert_uint_eq(header.key_serializer, BLT_SERIALIZER_STR);
  ck_assert_uint_eq(header.value_serializer, BLT_SERIALIZER_JSON);
  ck_assert_mem_eq(header.uuid, bytes + IMAGE_UUID, 16);
  ck_assert_mem_eq(header.bytes + IMAGE_FILE_TIMESTAMP,
                   bytes + IMAGE_FILE_TIMESTAMP, 7);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(a_store_started_from_a_header_does_not_take_its_content)
{
  unsigned char bytes[BLT_HEADER_LEN];
  blt_options options = options_of(BLT_NEW);

  header_to_copy(bytes);
  options.header = bytes;
  blt_db *const db = new_with(&options);
  expect_count(db, 0);
  ck_assert_uint_eq(header_of(db).index_off, 200);
  ck_assert_uint_eq(count_by_iteration(db, BLT_ITER_HIDDEN), 0);
  put_numbered(db, 5, 10);
  expect_numbered(db, 5, 10);
  EXPECT_OK(blt_sync(db));
  expect_sound(db);
  blt_bytes image;
  EXPECT_OK(blt_memory_image(db, &image));
  blt_db *const again = open_bytes(image.data, image.len, BLT_READ);
  expect_numbered(again, 5, 10);
  EXPECT_OK(blt_close(again));
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(a_store_started_from_a_fixed_header_is_fixed)
{
  blt_options options = options_of(BLT_NEW);
  struct image image;

  image_init(&image, &(struct image_shape){
                         .is_fixed = 1, .value_len = 4, .n_buckets = 5});
  options.header = image.bytes;
  blt_db *const db = new_with(&options);
  ck_assert_int_eq(header_of(db).kind, BLT_FIXED);
  ck_assert_uint_eq(header_of(db).value_len, 4);
  put_text(db, "a", "1234");
  EXPECT_OK(blt_close(db));
  image_free(&image);
}
END_TEST

START_TEST(a_header_of_another_format_is_refused)
{
  unsigned char bytes[BLT_HEADER_LEN];
  blt_options options = options_of(BLT_NEW);
  blt_db *db = NULL;

  memset(bytes, 'x', sizeof bytes);
  options.header = bytes;
  EXPECT_FAILURE(blt_open_memory(NULL, 0, &options, &db));
  ck_assert_ptr_null(db);
}
END_TEST

Suite *new_suite(void)
{
  return SUITE_OF("new",
                  a_new_store_is_variable_with_timestamps_and_12007_buckets,
                  a_new_store_has_a_uuid_of_its_own,
                  a_new_variable_store_can_do_without_timestamps,
                  a_new_fixed_store_has_a_value_length_and_no_timestamps,
                  serializers_are_stored_and_not_acted_on,
                  a_serializer_code_that_does_not_fit_is_refused,
                  a_store_started_from_a_header_takes_its_identity,
                  a_store_started_from_a_header_does_not_take_its_content,
                  a_store_started_from_a_fixed_header_is_fixed,
                  a_header_of_another_format_is_refused);
}
