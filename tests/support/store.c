/* store.c - short hands for stores under test; each fails the test */
#include "support/store.h"

#include <inttypes.h>
#include <stdio.h>

blt_options options_of(blt_mode mode)
{
  blt_options options = BLT_OPTIONS_INIT;

  options.mode = mode;
  return options;
}

blt_options options_of_new(uint32_t n_buckets)
{
  blt_options options = options_of(BLT_NEW);

  options.n_buckets = n_buckets;
  return options;
}

static void expect_open(blt_status status)
{
  ck_assert_msg(status == BLT_OK, "open gave %s: %s", blt_status_name(status),
                blt_last_error(NULL)->message);
}

blt_db *open_path_with(const char *path, const blt_options *options)
{
  blt_db *db = NULL;

  expect_open(blt_open(path, options, &db));
  return db;
}

blt_db *open_path(const char *path, blt_mode mode)
{
  const blt_options options = options_of(mode);

  return open_path_with(path, &options);
}

blt_db *open_bytes(const void *bytes, size_t len, blt_mode mode)
{
  const blt_options options = options_of(mode);
  blt_db *db = NULL;

  expect_open(blt_open_memory(bytes, len, &options, &db));
  return db;
}

blt_db *new_in_memory(uint32_t n_buckets)
{
  const blt_options options = options_of_new(n_buckets);
  blt_db *db = NULL;

  expect_open(blt_open_memory(NULL, 0, &options, &db));
  return db;
}

blt_bytes bytes_of(const char *text)
{
  return (blt_bytes){text, strlen(text)};
}

int bytes_equal(blt_bytes bytes, const void *other, size_t len)
{
  return bytes.len == len && (len == 0 || memcmp(bytes.data, other, len) == 0);
}

void put_text(blt_db *db, const char *key, const char *value)
{
  EXPECT_OK(blt_put(db, key, strlen(key), value, strlen(value)));
}

void delete_text(blt_db *db, const char *key)
{
  EXPECT_OK(blt_delete(db, key, strlen(key)));
}

void expect_text(blt_db *db, const char *key, const char *value)
{
  blt_bytes got = {NULL, 0};
  const blt_status status = blt_get(db, key, strlen(key), &got);

  if (value == NULL) {
    ck_assert_msg(status == BLT_NOT_FOUND, "'%s' gave %s", key,
                  blt_status_name(status));
    return;
  }
  ck_assert_msg(status == BLT_OK, "'%s' gave %s", key, blt_status_name(status));
  ck_assert_msg(bytes_equal(got, value, strlen(value)),
                "the value of '%s' is '%.*s', not '%s'", key, (int)got.len,
                (const char *)got.data, value);
}

void expect_count(blt_db *db, uint64_t count)
{
  uint64_t got = UINT64_MAX;

  EXPECT_OK(blt_count(db, &got));
  ck_assert_uint_eq(got, count);
}

void put_numbered(blt_db *db, unsigned first, unsigned n)
{
  char key[32], value[32];

  for (unsigned i = first; i < first + n; i++) {
    snprintf(key, sizeof key, "key-%06u", i);
    snprintf(value, sizeof value, "value-%u", i);
    put_text(db, key, value);
  }
}

void expect_numbered(blt_db *db, unsigned first, unsigned n)
{
  char key[32], value[32];

  for (unsigned i = first; i < first + n; i++) {
    snprintf(key, sizeof key, "key-%06u", i);
    snprintf(value, sizeof value, "value-%u", i);
    expect_text(db, key, value);
  }
}

static void print_fault(void *ctx, const blt_fault *fault)
{
  (void)ctx;
  printf("%s at %" PRIu64 ": %s\n", fault->kind, fault->offset, fault->message);
  fflush(stdout);
}

void expect_sound(blt_db *db)
{
  blt_verify_options options = BLT_VERIFY_OPTIONS_INIT;
  blt_verify_report report = {.n_faults = 1};

  options.on_fault = print_fault;
  EXPECT_OK(blt_verify(db, &options, &report));
  ck_assert_uint_eq(report.n_faults, 0);
}

blt_header header_of(blt_db *db)
{
  blt_header header;

  memset(&header, 0, sizeof header);
  EXPECT_OK(blt_header_info(db, &header));
  return header;
}

uint64_t count_by_iteration(blt_db *db, unsigned flags)
{
  blt_iter *iter = NULL;
  blt_item item;
  blt_status status;
  uint64_t n = 0;

  EXPECT_OK(blt_iter_open(db, flags, &iter));
  while ((status = blt_iter_next(iter, &item)) == BLT_OK)
    n++;
  EXPECT(BLT_END, status);
  blt_iter_close(iter);
  return n;
}
