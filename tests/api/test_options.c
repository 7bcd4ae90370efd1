/* test_options.c - options that change how, not what */
#include "api/suites.h"
#include "support/store.h"
#include "support/temp.h"

#include <signal.h>
#include <stdlib.h>

/* What stands in front of every piece of memory that was handed out. */
struct piece {
  size_t len;
  size_t guard; /* keeps what follows aligned for every type */
};

struct ledger {
  uint64_t n_pieces;
  uint64_t n_given;
  uint64_t len; /* of all pieces                                             */
  int has_wrong_len;
};

static void *ledger_alloc(void *ctx, size_t len)
{
  struct ledger *const ledger = ctx;
  struct piece *const piece = malloc(sizeof *piece + len);

  if (piece == NULL)
    return NULL;
  piece->len = len;
  ledger->n_pieces++;
  ledger->n_given++;
  ledger->len += len;
  return piece + 1;
}

static void ledger_release(void *ctx, void *ptr, size_t len)
{
  struct ledger *const ledger = ctx;

  if (ptr == NULL)
    return;
  struct piece *const piece = (struct piece *)ptr - 1;
  if (piece->len != len)
    ledger->has_wrong_len = 1;
  ledger->n_pieces--;
  ledger->len -= piece->len;
  free(piece);
}

static void *ledger_resize(void *ctx, void *old, size_t old_len, size_t len)
{
  void *const fresh = ledger_alloc(ctx, len);

  if (fresh == NULL || old == NULL)
    return fresh;
  memcpy(fresh, old, old_len < len ? old_len : len);
  ledger_release(ctx, old, old_len);
  return fresh;
}

static blt_allocator allocator_of(struct ledger *ledger)
{
  return (blt_allocator){ledger_alloc, ledger_resize, ledger_release, ledger};
}

static void use_everything(blt_db *db)
{
  const blt_bytes keys[] = {{"key-000001", 10}, {"none", 4}};
  blt_bytes values[2];
  blt_stats stats;

  put_numbered(db, 0, 300);
  EXPECT_OK(blt_sync(db));
  EXPECT_OK(blt_get_many(db, keys, 2, values, NULL));
  EXPECT_OK(blt_batch_begin(db));
  put_numbered(db, 200, 200);
  EXPECT_OK(blt_batch_commit(db));
  EXPECT_OK(blt_batch_begin(db));
  delete_text(db, "key-000000");
  EXPECT_OK(blt_batch_abort(db));
  ck_assert_uint_eq(count_by_iteration(db, BLT_ITER_VALUES), 400);
  EXPECT_OK(blt_prune(db, NULL, NULL));
  EXPECT_OK(blt_reindex(db, 99));
  EXPECT_OK(blt_stat(db, &stats));
  expect_sound(db);
  put_text(db, "pending", "at close");
}

START_TEST(every_piece_of_memory_is_given_back_with_its_length)
{
  struct ledger ledger = {0, 0, 0, 0};
  const blt_allocator allocator = allocator_of(&ledger);
  blt_options options = options_of_new(7);

  options.allocator = &allocator;
  for (int in_memory = 0; in_memory < 2; in_memory++) {
    blt_db *db = NULL;
    if (in_memory)
      EXPECT_OK(blt_open_memory(NULL, 0, &options, &db));
    else
      EXPECT_OK(blt_open(temp_path("a.blt"), &options, &db));
    use_everything(db);
    EXPECT_OK(blt_close(db));
    ck_assert_uint_eq(ledger.n_pieces, 0);
    ck_assert_int_eq(ledger.has_wrong_len, 0);
    ck_assert_uint_gt(ledger.n_given, 0);
  }
}
END_TEST

enum { MANY = 140000, LARGE = 17 << 20 };

/* Many small ones, or one large. */
static void put_large_batch(blt_db *db, int is_one)
{
  static const uint8_t value[LARGE];

  EXPECT_OK(blt_batch_begin(db));
  if (is_one)
    EXPECT_OK(blt_put(db, "large", 5, value, sizeof value));
  else
    for (uint32_t i = 0; i < MANY; i++)
      EXPECT_OK(blt_put(db, &i, sizeof i, "v", 1));
  EXPECT_OK(blt_batch_commit(db));
}

START_TEST(the_bytes_of_a_large_batch_are_given_back_when_it_is_committed)
{
  struct ledger ledger = {0, 0, 0, 0};
  const blt_allocator allocator = allocator_of(&ledger);
  blt_options options = options_of_new(MANY);
  blt_db *db = NULL;

  options.allocator = &allocator;
  options.sync = BLT_SYNC_FULL;
  EXPECT_OK(blt_open(temp_path("a.blt"), &options, &db));
  put_text(db, "small", "1");
  EXPECT_OK(blt_sync(db));
  put_large_batch(db, 1);
  ck_assert_uint_lt(ledger.len, LARGE);
  put_text(db, "small", "2");
  expect_text(db, "small", "2");
  put_large_batch(db, 0);
  put_text(db, "small", "3");
  expect_text(db, "small", "3");
  expect_count(db, MANY + 2);
  EXPECT_OK(blt_close(db));
  ck_assert_uint_eq(ledger.n_pieces, 0);
}
END_TEST

START_TEST(a_failed_open_gives_all_memory_back)
{
  struct ledger ledger = {0, 0, 0, 0};
  const blt_allocator allocator = allocator_of(&ledger);
  blt_options options = options_of(BLT_READ);
  blt_db *db = NULL;

  options.allocator = &allocator;
  EXPECT(BLT_E_NO_FILE, blt_open(temp_path("a.blt"), &options, &db));
  EXPECT_FAILURE(blt_open_memory("no booklet", 10, &options, &db));
  ck_assert_uint_eq(ledger.n_pieces, 0);
  ck_assert_int_eq(ledger.has_wrong_len, 0);
}
END_TEST

START_TEST(half_an_allocator_is_refused)
{
  struct ledger ledger = {0, 0, 0, 0};
  blt_allocator allocator = allocator_of(&ledger);
  blt_options options = options_of_new(3);
  blt_db *db = NULL;

  allocator.release = NULL;
  options.allocator = &allocator;
  EXPECT(BLT_E_INVALID, blt_open_memory(NULL, 0, &options, &db));
}
END_TEST

static void *refuse(void *ctx, size_t len)
{
  (void)ctx;
  (void)len;
  return NULL;
}

START_TEST(no_memory_is_a_status)
{
  struct ledger ledger = {0, 0, 0, 0};
  blt_allocator allocator = allocator_of(&ledger);
  blt_options options = options_of_new(3);
  blt_db *db = NULL;

  allocator.alloc = refuse;
  options.allocator = &allocator;
  EXPECT(BLT_E_NO_MEMORY, blt_open_memory(NULL, 0, &options, &db));
  ck_assert_ptr_null(db);
  ck_assert_int_eq(blt_last_error(NULL)->status, BLT_E_NO_MEMORY);
}
END_TEST

START_TEST(a_choice_that_does_not_exist_is_refused)
{
  blt_options options = options_of((blt_mode)17);
  blt_db *db = NULL;

  EXPECT(BLT_E_INVALID, blt_open(temp_path("a.blt"), &options, &db));
  options = options_of(BLT_NEW);
  options.kind = (blt_kind)17;
  EXPECT(BLT_E_INVALID, blt_open(temp_path("a.blt"), &options, &db));
  options = options_of(BLT_NEW);
  options.sync = (blt_sync_level)17;
  EXPECT(BLT_E_INVALID, blt_open(temp_path("a.blt"), &options, &db));
  ck_assert_ptr_null(db);
}
END_TEST

static void use_with(const blt_options *options)
{
  const char *const path = temp_path("a.blt");
  blt_options again = *options;
  blt_db *db = open_path_with(path, options);

  put_numbered(db, 0, 500);
  expect_numbered(db, 0, 500);
  EXPECT_OK(blt_sync(db));
  put_numbered(db, 500, 100);
  EXPECT_OK(blt_prune(db, NULL, NULL));
  EXPECT_OK(blt_close(db));
  again.mode = BLT_READ;
  db = open_path_with(path, &again);
  expect_numbered(db, 0, 600);
  expect_sound(db);
  ck_assert_uint_eq(count_by_iteration(db, BLT_ITER_VALUES), 600);
  EXPECT_OK(blt_close(db));
}

START_TEST(every_way_of_reading_gives_the_same)
{
  for (int io = BLT_IO_AUTO; io <= BLT_IO_PREAD; io++) {
    blt_options options = options_of_new(50);
    options.io = (blt_io)io;
    use_with(&options);
  }
}
END_TEST

START_TEST(every_advice_gives_the_same)
{
  for (int advice = BLT_ADVICE_AUTO; advice <= BLT_ADVICE_DROP; advice++) {
    blt_options options = options_of_new(50);
    options.advice = (blt_advice)advice;
    use_with(&options);
  }
}
END_TEST

START_TEST(every_sync_level_gives_the_same)
{
  for (int sync = BLT_SYNC_BATCH; sync <= BLT_SYNC_OFF; sync++) {
    blt_options options = options_of_new(50);
    options.sync = (blt_sync_level)sync;
    use_with(&options);
  }
}
END_TEST

START_TEST(every_buffer_gives_the_same)
{
  static const size_t lens[] = {1, 64, 1000, (size_t)64 << 20};

  for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
    blt_options options = options_of_new(50);
    options.buffer_len = lens[i];
    use_with(&options);
  }
}
END_TEST

START_TEST(a_handle_for_one_thread_gives_the_same)
{
  blt_options options = options_of_new(50);

  options.threads = BLT_OFF;
  use_with(&options);
}
END_TEST

START_TEST(without_sigbus_no_handler_is_installed)
{
  struct sigaction before, after;
  blt_options options = options_of_new(3);

  sigaction(SIGBUS, NULL, &before);
  options.sigbus = BLT_OFF;
  use_with(&options);
  sigaction(SIGBUS, NULL, &after);
  ck_assert(before.sa_handler == after.sa_handler);
}
END_TEST

START_TEST(a_file_can_be_read_without_a_lock)
{
  const char *const path = temp_path("a.blt");
  blt_options options = options_of(BLT_READ);
  blt_db *db = open_path(path, BLT_NEW);

  put_text(db, "a", "1");
  EXPECT_OK(blt_close(db));
  options.lock = BLT_LOCK_NONE;
  db = open_path_with(path, &options);
  expect_text(db, "a", "1");
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(without_auto_reindex_the_buckets_stay)
{
  blt_options options = options_of_new(3);
  blt_db *db = NULL;

  options.auto_reindex = BLT_OFF;
  EXPECT_OK(blt_open_memory(NULL, 0, &options, &db));
  put_numbered(db, 0, 200);
  EXPECT_OK(blt_sync(db));
  ck_assert_uint_eq(header_of(db).n_buckets, 3);
  expect_numbered(db, 0, 200);
  expect_sound(db);
  EXPECT_OK(blt_close(db));
}
END_TEST

Suite *options_suite(void)
{
  return SUITE_OF(
      "options", every_piece_of_memory_is_given_back_with_its_length,
      the_bytes_of_a_large_batch_are_given_back_when_it_is_committed,
      a_failed_open_gives_all_memory_back, half_an_allocator_is_refused,
      no_memory_is_a_status, a_choice_that_does_not_exist_is_refused,
      every_way_of_reading_gives_the_same, every_advice_gives_the_same,
      every_sync_level_gives_the_same, every_buffer_gives_the_same,
      a_handle_for_one_thread_gives_the_same,
      without_sigbus_no_handler_is_installed, a_file_can_be_read_without_a_lock,
      without_auto_reindex_the_buckets_stay);
}
