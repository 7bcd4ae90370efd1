/* probe.c - everything that can be done to a damaged file */
#include "hostile/probe.h"

#include <inttypes.h>
#include <stdio.h>

#include "support/store.h"

/* More than any store of these tests may grow to by a handful of puts: an
 * index of 12,007 buckets and some copies. */
enum { MAX_GROWTH = 4 << 20 };

static const char *const keys[] = {"", "a", "b", "c", "d", "dead", "none"};

enum { N_KEYS = sizeof keys / sizeof *keys };

/* What is read ends here, so that no compiler leaves the reading out. */
static volatile unsigned sink;

/* Reads every byte that a pointer leads to: it must be in the file. */
static unsigned touch(blt_bytes bytes)
{
  const unsigned char *const data = bytes.data;
  unsigned sum = 0;

  for (size_t i = 0; i < bytes.len; i++)
    sum += data[i];
  return sum;
}

static void expect_a_status(blt_status status)
{
  ck_assert_int_ge(status, BLT_E_PERMISSION);
  ck_assert_int_le(status, BLT_END);
}

static unsigned ask_keys(blt_db *db)
{
  blt_bytes all[N_KEYS], values[N_KEYS];
  unsigned char found[N_KEYS];
  unsigned sum = 0;
  uint64_t timestamp;

  for (size_t i = 0; i < N_KEYS; i++) {
    const size_t len = strlen(keys[i]);
    blt_bytes value;
    all[i] = bytes_of(keys[i]);
    const blt_status status = blt_get(db, keys[i], len, &value);
    expect_a_status(status);
    if (status == BLT_OK)
      sum += touch(value);
    expect_a_status(blt_has(db, keys[i], len));
    expect_a_status(blt_timestamp_get(db, keys[i], len, &timestamp));
  }
  if (blt_get_many(db, all, N_KEYS, values, NULL) == BLT_OK) {
    for (size_t i = 0; i < N_KEYS; i++)
      sum += values[i].data == NULL ? 0 : touch(values[i]);
  }
  expect_a_status(blt_has_many(db, all, N_KEYS, found, NULL));
  return sum;
}

static unsigned ask_hidden(blt_db *db)
{
  blt_bytes value;
  unsigned sum = 0;

  if (blt_metadata_get(db, &value, NULL) == BLT_OK)
    sum += touch(value);
  if (blt_slot_get(db, 1, &value, NULL) == BLT_OK)
    sum += touch(value);
  return sum;
}

/* An item takes at least 21 bytes of the file. */
static unsigned walk(blt_db *db, size_t file_len)
{
  blt_iter *iter = NULL;
  blt_item item;
  size_t n = 0;
  unsigned sum = 0;

  if (blt_iter_open(db,
                    BLT_ITER_VALUES | BLT_ITER_TIMESTAMPS | BLT_ITER_OFFSETS |
                        BLT_ITER_HIDDEN,
                    &iter) < 0)
    return 0;
  while (blt_iter_next(iter, &item) == BLT_OK) {
    sum += touch(item.key) + touch(item.value);
    n++;
    ck_assert_uint_le(n, file_len / 21 + 1);
  }
  blt_iter_close(iter);
  return sum;
}

static void ask_everything(blt_db *db, size_t file_len)
{
  blt_stats stats;
  blt_header header;
  blt_open_info info;
  uint64_t count;

  sink = ask_keys(db) + ask_hidden(db) + walk(db, file_len);
  expect_a_status(blt_count(db, &count));
  expect_a_status(blt_stat(db, &stats));
  expect_a_status(blt_verify(db, NULL, NULL));
  EXPECT_OK(blt_header_info(db, &header));
  EXPECT_OK(blt_open_report(db, &info));
}

static blt_db *open_with(const void *bytes, size_t len, blt_mode mode,
                         blt_choice recover)
{
  blt_options options = options_of(mode);
  blt_db *db = NULL;

  options.recover = recover;
  options.buffer_len = 4096; /* opening is most of the work */
  const blt_status status = blt_open_memory(bytes, len, &options, &db);
  expect_a_status(status);
  ck_assert((status == BLT_OK) == (db != NULL));
  return db;
}

static void ask(const void *bytes, size_t len, blt_choice recover)
{
  blt_db *const db = open_with(bytes, len, BLT_READ, recover);

  if (db == NULL)
    return;
  ask_everything(db, len);
  expect_a_status(blt_close(db));
}

void probe_reading(const void *bytes, size_t len)
{
  ask(bytes, len, BLT_ON);
  ask(bytes, len, BLT_OFF);
}

static void expect_no_growth(blt_db *db, size_t len)
{
  blt_bytes image;

  if (blt_memory_image(db, &image) == BLT_OK)
    ck_assert_uint_le(image.len, len + MAX_GROWTH);
}

/* Values for every kind of file: a wrong length is a status too. */
static void change_keys(blt_db *db)
{
  expect_a_status(blt_put(db, "a", 1, "changed", 7));
  expect_a_status(blt_put(db, "a", 1, "x", 1));
  expect_a_status(blt_put(db, "b", 1, "", 0));
  expect_a_status(blt_put(db, "new", 3, "y", 1));
  expect_a_status(blt_delete(db, "c", 1));
  expect_a_status(blt_timestamp_set(db, "a", 1, 5));
  expect_a_status(blt_sync(db));
  expect_a_status(blt_delete(db, "d", 1));
  expect_a_status(blt_metadata_set(db, "{}", 2, BLT_NOW));
  expect_a_status(blt_sync(db));
}

/* Some of the changes, on a copy of its own; all of them for `first` 0. */
static void change(const void *bytes, size_t len, blt_choice recover, int first)
{
  blt_db *const db = open_with(bytes, len, BLT_WRITE, recover);

  if (db == NULL)
    return;
  if (first == 0)
    change_keys(db);
  if (first <= 1)
    expect_a_status(blt_prune(db, NULL, NULL));
  if (first <= 2)
    expect_a_status(blt_reindex(db, 11));
  expect_no_growth(db, len);
  if (first < 3)
    ask_everything(db, len + MAX_GROWTH);
  expect_a_status(blt_clear(db));
  expect_no_growth(db, len);
  expect_a_status(blt_close(db));
}

/* What is written to a fixed file is padded to whole blocks, by design. A
 * header that claims large values makes each change large; one test of its
 * own is enough for that (test_lengths.c). */
static int claims_large_values(const unsigned char *bytes, size_t len)
{
  return len > IMAGE_VALUE_LEN + 3 && bytes[0] == 0x04 &&
         (bytes[IMAGE_VALUE_LEN + 2] >= 0x04 ||
          bytes[IMAGE_VALUE_LEN + 3] != 0);
}

void probe(const void *bytes, size_t len)
{
  probe_reading(bytes, len);
  if (claims_large_values(bytes, len))
    return;
  for (int recover = BLT_ON; recover <= BLT_OFF; recover++) {
    /* What an earlier change repairs hides the damage from a later one. */
    for (int first = 0; first < 4; first++)
      change(bytes, len, (blt_choice)recover, first);
  }
}

void probe_briefly(const void *bytes, size_t len)
{
  ask(bytes, len, BLT_ON);
  if (!claims_large_values(bytes, len))
    change(bytes, len, BLT_ON, 0);
}

void probe_image(const struct image *image)
{
  probe(image->bytes, image->len);
}

blt_db *open_image(const struct image *image)
{
  return open_bytes(image->bytes, image->len, BLT_READ);
}

void expect_refused(const struct image *image, blt_status status)
{
  blt_options options = options_of(BLT_READ);
  blt_db *db = NULL;

  options.recover = BLT_OFF;
  EXPECT(status, blt_open_memory(image->bytes, image->len, &options, &db));
  options.mode = BLT_WRITE;
  EXPECT(status, blt_open_memory(image->bytes, image->len, &options, &db));
  ck_assert_ptr_null(db);
  probe_image(image);
}

void expect_status(const struct image *image, const char *key,
                   blt_status status)
{
  blt_db *const db = open_image(image);
  blt_bytes value;

  EXPECT(status, blt_get(db, key, strlen(key), &value));
  EXPECT(status, blt_has(db, key, strlen(key)));
  EXPECT_OK(blt_close(db));
}

struct search {
  const char *kind;
  uint64_t off;
  uint64_t len;
  int is_found;
  char seen[512];
};

static void look_at(void *ctx, const blt_fault *fault)
{
  struct search *const search = ctx;
  const size_t used = strlen(search->seen);

  snprintf(search->seen + used, sizeof search->seen - used, " %s@%" PRIu64,
           fault->kind, fault->offset);
  if (strcmp(fault->kind, search->kind) != 0)
    return;
  if (search->len == 0 || (fault->offset >= search->off &&
                           fault->offset - search->off < search->len))
    search->is_found = 1;
}

void expect_fault(const struct image *image, const char *kind, uint64_t off,
                  uint64_t len)
{
  struct search search = {kind, off, len, 0, ""};
  blt_verify_options options = BLT_VERIFY_OPTIONS_INIT;
  blt_verify_report report = {0};
  blt_db *const db = open_image(image);

  options.on_fault = look_at;
  options.on_fault_ctx = &search;
  EXPECT(BLT_E_CORRUPT, blt_verify(db, &options, &report));
  ck_assert_uint_gt(report.n_faults, 0);
  ck_assert_msg(search.is_found, "no %s in %" PRIu64 "+%" PRIu64 ", but:%s",
                kind, off, len, search.seen);
  EXPECT_OK(blt_close(db));
}

void expect_damage(const struct image *image, const char *key, const char *kind,
                   uint64_t off, uint64_t len)
{
  expect_status(image, key, BLT_E_CORRUPT);
  expect_fault(image, kind, off, len);
  probe_image(image);
}
