/* test_rescue.c - blt_repair of files that are in use, that a writer left
 * behind, and that are not stores */
#include "api/suites.h"
#include "support/agent.h"
#include "support/image.h"
#include "support/random.h"
#include "support/store.h"
#include "support/temp.h"

#include <stdlib.h>

static const char *path_with_one_key(void)
{
  const char *const path = temp_path("one.blt");
  blt_db *const db = open_path(path, BLT_NEW);

  put_text(db, "a", "1");
  EXPECT_OK(blt_close(db));
  return path;
}

static void expect_unchanged(const char *path, const void *bytes, size_t len)
{
  size_t now_len;
  uint8_t *const now = file_read(path, &now_len);

  ck_assert(bytes_equal((blt_bytes){now, now_len}, bytes, len));
  free(now);
}

/* ---- locks */

START_TEST(a_file_that_a_writer_has_is_locked)
{
  const char *const path = path_with_one_key();
  struct agent agent = agent_start();
  blt_repair_options options = BLT_REPAIR_OPTIONS_INIT;

  ck_assert_int_eq(agent_ask(&agent, "open w -1 %s", path).status, BLT_OK);
  options.lock = BLT_LOCK_TIMEOUT;
  for (options.dry_run = 0; options.dry_run < 2; options.dry_run++) {
    EXPECT(BLT_E_LOCKED, blt_repair(path, &options, NULL));
    ck_assert_int_eq(blt_last_error(NULL)->status, BLT_E_LOCKED);
    ck_assert_int_eq(blt_last_error(NULL)->holder_pid, agent.pid);
  }
  agent_stop(&agent);
}
END_TEST

START_TEST(a_file_that_is_read_can_be_looked_at_only)
{
  const char *const path = path_with_one_key();
  struct agent agent = agent_start();
  blt_repair_options options = BLT_REPAIR_OPTIONS_INIT;

  ck_assert_int_eq(agent_ask(&agent, "open r -1 %s", path).status, BLT_OK);
  options.lock = BLT_LOCK_TIMEOUT;
  EXPECT(BLT_E_LOCKED, blt_repair(path, &options, NULL));
  options.output = temp_path("new.blt");
  EXPECT_OK(blt_repair(path, &options, NULL));
  options.dry_run = 1;
  EXPECT_OK(blt_repair(path, &options, NULL));
  agent_stop(&agent);
}
END_TEST

START_TEST(a_file_that_this_process_has_is_busy)
{
  const char *const path = path_with_one_key();
  blt_db *const db = open_path(path, BLT_WRITE);

  EXPECT(BLT_E_BUSY, blt_repair(path, NULL, NULL));
  expect_text(db, "a", "1");
  EXPECT_OK(blt_close(db));
  EXPECT_OK(blt_repair(path, NULL, NULL));
}
END_TEST

START_TEST(the_lock_is_given_up)
{
  const char *const path = path_with_one_key();
  blt_repair_options options = BLT_REPAIR_OPTIONS_INIT;
  struct agent agent = agent_start();

  options.output = temp_path("new.blt");
  EXPECT_OK(blt_repair(path, NULL, NULL));
  EXPECT_OK(blt_repair(path, &options, NULL));
  EXPECT_FAILURE(blt_repair(path, &options, NULL)); /* there is one now */
  ck_assert_int_eq(agent_ask(&agent, "open w 0 %s", path).status, BLT_OK);
  ck_assert_int_eq(agent_ask(&agent, "close").status, BLT_OK);
  ck_assert_int_eq(agent_ask(&agent, "open w 0 %s", options.output).status,
                   BLT_OK);
  agent_stop(&agent);
}
END_TEST

/* ---- what is no store */

static void expect_refusal(const void *bytes, size_t len, blt_status status)
{
  const char *const path = temp_path("no.blt");
  blt_repair_options options = BLT_REPAIR_OPTIONS_INIT;

  file_write(path, bytes, len);
  EXPECT(status, blt_repair(path, NULL, NULL));
  ck_assert_int_eq(blt_last_error(NULL)->status, status);
  ck_assert_uint_gt(strlen(blt_last_error(NULL)->message), 0);
  expect_unchanged(path, bytes, len);
  options.output = temp_path("new.blt");
  EXPECT(status, blt_repair(path, &options, NULL));
  ck_assert_int_eq(file_exists(options.output), 0);
}

START_TEST(what_is_no_store_is_refused_and_left_alone)
{
  enum { LEN = 5000 };
  struct random random;
  uint8_t *const bytes = malloc(LEN);

  expect_refusal("", 0, BLT_E_NOT_BOOKLET);
  expect_refusal("short", 5, BLT_E_NOT_BOOKLET);
  memset(bytes, 0, LEN);
  expect_refusal(bytes, 199, BLT_E_NOT_BOOKLET);
  expect_refusal(bytes, 200, BLT_E_CORRUPT);
  expect_refusal(bytes, LEN, BLT_E_CORRUPT);
  memset(bytes, 0xff, LEN);
  expect_refusal(bytes, LEN, BLT_E_CORRUPT);
  random_start(&random, 7);
  random_fill(&random, bytes, LEN);
  expect_refusal(bytes, LEN, BLT_E_CORRUPT);
  free(bytes);
}
END_TEST

START_TEST(the_report_is_written_when_nothing_is_kept)
{
  const char *const path = temp_path("no.blt");
  uint8_t zeros[300] = {0};
  blt_repair_report report;

  memset(&report, 9, sizeof report);
  file_write(path, zeros, sizeof zeros);
  EXPECT(BLT_E_CORRUPT, blt_repair(path, NULL, &report));
  ck_assert_uint_eq(report.n_kept, 0);
  ck_assert_int_eq(report.header_guessed, 1);
}
END_TEST

START_TEST(a_missing_file_and_a_missing_path_are_refused)
{
  const char *const path = temp_path("missing.blt");
  blt_repair_options options = BLT_REPAIR_OPTIONS_INIT;

  EXPECT(BLT_E_NO_FILE, blt_repair(path, NULL, NULL));
  ck_assert_int_eq(file_exists(path), 0);
  EXPECT(BLT_E_INVALID, blt_repair(NULL, NULL, NULL));
  options.output = temp_path("no-such-folder/new.blt");
  EXPECT(BLT_E_NO_FILE, blt_repair(path_with_one_key(), &options, NULL));
}
END_TEST

START_TEST(an_empty_store_stays_an_empty_store)
{
  const char *const path = temp_path("empty.blt");

  EXPECT_OK(blt_close(open_path(path, BLT_NEW)));
  EXPECT_OK(blt_repair(path, NULL, NULL));
  blt_db *const db = open_path(path, BLT_WRITE);
  expect_count(db, 0);
  expect_sound(db);
  put_text(db, "a", "1");
  EXPECT_OK(blt_close(db));
}
END_TEST

/* ---- what a killed writer left behind */

START_TEST(what_a_killed_writer_committed_is_kept)
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
  EXPECT_OK(blt_repair(path, NULL, NULL));
  blt_db *const db = open_path(path, BLT_READ);
  expect_text(db, "a", "2");
  expect_text(db, "b", "3");
  expect_text(db, "c", NULL);
  expect_count(db, 2);
  expect_sound(db);
  EXPECT_OK(blt_close(db));
}
END_TEST

/* The bytes of a store whose writer is at work: what its death would leave. */
static struct image left_behind(uint64_t *out_committed)
{
  const char *const path = temp_path("open.blt");
  const blt_options options = options_of_new(3);
  blt_db *const db = open_path_with(path, &options);
  struct image image = {0};
  size_t len;

  put_numbered(db, 0, 10);
  put_text(db, "gone", "1");
  put_text(db, "changed", "old");
  EXPECT_OK(blt_sync(db));
  delete_text(db, "gone");
  put_text(db, "changed", "new");
  EXPECT_OK(blt_batch_begin(db)); /* commits, and does not sync */
  EXPECT_OK(blt_batch_abort(db));
  *out_committed = file_len(path);
  EXPECT_OK(blt_batch_begin(db));
  put_numbered(db, 10, 10);
  put_text(db, "changed", "never");
  delete_text(db, "key-000000");
  EXPECT_OK(blt_batch_commit(db));
  uint8_t *const bytes = file_read(path, &len);
  image_add_raw(&image, bytes, len);
  free(bytes);
  EXPECT_OK(blt_close(db));
  return image;
}

static void expect_first_commits(const char *path)
{
  blt_db *const db = open_path(path, BLT_READ);

  expect_numbered(db, 0, 10);
  expect_text(db, "gone", NULL);
  expect_text(db, "changed", "new");
  expect_text(db, "key-000010", NULL);
  expect_count(db, 11);
  expect_sound(db);
  EXPECT_OK(blt_close(db));
}

static void repair_image(const struct image *image, const char *path,
                         const char *output, blt_repair_report *report)
{
  blt_repair_options options = BLT_REPAIR_OPTIONS_INIT;

  file_write(path, image->bytes, image->len);
  options.output = output;
  EXPECT_OK(blt_repair(path, &options, report));
}

START_TEST(an_unfinished_commit_is_dropped)
{
  uint64_t committed;
  struct image image = left_behind(&committed);
  const char *const path = temp_path("left.blt");
  const char *const output = temp_path("new.blt");
  blt_repair_report report;

  /* Its last block is cut, or all of it is there but not its record. */
  image.len -= 3;
  repair_image(&image, path, NULL, &report);
  ck_assert_uint_gt(report.n_uncommitted, 0);
  ck_assert_uint_gt(report.n_deleted, 0);
  expect_first_commits(path);
  repair_image(&image, path, output, &report);
  ck_assert_uint_gt(report.n_uncommitted, 0);
  expect_first_commits(output);
  image.len = (size_t)committed;
  repair_image(&image, path, NULL, &report);
  ck_assert_uint_eq(report.n_uncommitted, 0);
  expect_first_commits(path);
  image_free(&image);
}
END_TEST

START_TEST(a_finished_commit_is_kept_though_its_index_is_damaged)
{
  uint64_t committed;
  struct image image = left_behind(&committed);
  const char *const path = temp_path("left.blt");
  blt_repair_report report;

  memset(image.bytes + 200, 0xff, 3 * 6);
  repair_image(&image, path, NULL, &report);
  ck_assert_uint_eq(report.n_kept, 20);
  blt_db *const db = open_path(path, BLT_READ);
  expect_numbered(db, 1, 19);
  expect_text(db, "key-000000", NULL);
  expect_text(db, "gone", NULL);
  expect_text(db, "changed", "never");
  expect_sound(db);
  EXPECT_OK(blt_close(db));
  image_free(&image);
}
END_TEST

/* ---- memory and progress */

struct ledger {
  int64_t n_pieces, n_bytes, n_left; /* n_left: how many may still be given */
};

static void *ledger_alloc(void *ctx, size_t len)
{
  struct ledger *const ledger = ctx;

  if (ledger->n_left-- <= 0)
    return NULL;
  ledger->n_pieces++;
  ledger->n_bytes += (int64_t)len;
  return malloc(len + 1);
}

static void ledger_release(void *ctx, void *ptr, size_t len)
{
  struct ledger *const ledger = ctx;

  if (ptr == NULL)
    return;
  ledger->n_pieces--;
  ledger->n_bytes -= (int64_t)len;
  free(ptr);
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

/* Asks with ever more memory until it is enough. */
static void repair_with_little_memory(const char *path, const char *output)
{
  struct ledger ledger = {0, 0, 0};
  const blt_allocator allocator = {ledger_alloc, ledger_resize, ledger_release,
                                   &ledger};
  blt_repair_options options = BLT_REPAIR_OPTIONS_INIT;
  blt_status status = BLT_E_NO_MEMORY;

  options.allocator = &allocator;
  options.output = output;
  for (int64_t n = 0; n < 1000 && status != BLT_OK; n++) {
    ledger.n_left = n;
    status = blt_repair(path, &options, NULL);
    ck_assert_int_eq(ledger.n_pieces, 0);
    ck_assert_int_eq(ledger.n_bytes, 0);
    if (status < 0 && output != NULL)
      ck_assert_int_eq(file_exists(output), 0);
  }
  EXPECT_OK(status);
}

START_TEST(all_memory_is_given_back)
{
  uint64_t committed;
  struct image image = left_behind(&committed);
  const char *const path = temp_path("left.blt");
  const char *const output = temp_path("new.blt");

  image.len -= 3;
  file_write(path, image.bytes, image.len);
  repair_with_little_memory(path, output);
  repair_with_little_memory(path, NULL);
  expect_first_commits(output);
  expect_first_commits(path);
  image_free(&image);
}
END_TEST

struct stop {
  const char *phase; /* where to stop                                        */
  unsigned n_calls;  /* from there on                                        */
};

static int stop(void *ctx, const char *phase, uint64_t done, uint64_t total)
{
  struct stop *const stop = ctx;

  ck_assert_uint_le(done, total);
  stop->n_calls += strcmp(phase, stop->phase) == 0;
  return stop->n_calls > 0;
}

/* Blocks in front of the index, and chance bytes for a header if asked. */
static const char *large_store(unsigned n_keys, int is_header_lost)
{
  const char *const path = temp_path("large.blt");
  blt_db *const db = open_path(path, BLT_NEW);
  size_t len;

  put_numbered(db, 0, n_keys);
  EXPECT_OK(blt_prune(db, NULL, NULL));
  EXPECT_OK(blt_close(db));
  if (is_header_lost) {
    uint8_t *const bytes = file_read(path, &len);
    memset(bytes, 'x', IMAGE_HEADER_LEN);
    file_write(path, bytes, len);
    free(bytes);
  }
  return path;
}

START_TEST(a_cancelled_repair_costs_nothing)
{
  enum { N = 9000 };
  blt_repair_options options = BLT_REPAIR_OPTIONS_INIT;
  blt_repair_report report;
  struct stop at = {_i < 2 ? "repair search" : "repair", 0};
  const char *const path = large_store(N, _i % 2);
  size_t len;
  uint8_t *const before = file_read(path, &len);

  options.progress = stop;
  options.progress_ctx = &at;
  EXPECT(BLT_E_CANCELLED, blt_repair(path, &options, NULL));
  ck_assert_uint_gt(at.n_calls, 0);
  expect_unchanged(path, before, len);
  free(before);
  EXPECT_OK(blt_repair(path, NULL, &report));
  ck_assert_uint_eq(report.n_kept, N);
  blt_db *const db = open_path(path, BLT_READ);
  expect_numbered(db, 0, N);
  expect_sound(db);
  EXPECT_OK(blt_close(db));
}
END_TEST

/* ---- what a rewrite left behind */

static void wipe_header(const char *path)
{
  size_t len = 0;
  uint8_t *const bytes = file_read(path, &len);

  memset(bytes, 0xee, IMAGE_HEADER_LEN);
  file_write(path, bytes, len);
  free(bytes);
}

/* The index has moved away from blocks that stay in front as they were. */
START_TEST(a_key_deleted_after_a_reindex_stays_deleted_without_a_header)
{
  const char *const path = temp_path("reindexed");
  blt_options options = options_of_new(3);
  blt_repair_report report;

  options.auto_reindex = BLT_OFF;
  blt_db *db = open_path_with(path, &options);
  put_numbered(db, 0, 6);
  EXPECT_OK(blt_metadata_set(db, "{}", 2, 7));
  EXPECT_OK(blt_reindex(db, 5));
  delete_text(db, "key-000002");
  put_text(db, "key-000003", "newer");
  EXPECT_OK(blt_close(db));
  wipe_header(path);
  EXPECT_OK(blt_repair(path, NULL, &report));
  ck_assert_int_eq(report.header_guessed, 1);
  db = open_path(path, BLT_READ);
  expect_text(db, "key-000002", NULL);
  expect_text(db, "key-000003", "newer");
  expect_numbered(db, 0, 2);
  expect_numbered(db, 4, 2);
  expect_count(db, 5);
  expect_sound(db);
  EXPECT_OK(blt_close(db));
}
END_TEST

Suite *rescue_suite(void)
{
  Suite *const suite = SUITE_OF(
      "rescue", a_file_that_a_writer_has_is_locked,
      a_file_that_is_read_can_be_looked_at_only,
      a_file_that_this_process_has_is_busy, the_lock_is_given_up,
      what_is_no_store_is_refused_and_left_alone,
      the_report_is_written_when_nothing_is_kept,
      a_missing_file_and_a_missing_path_are_refused,
      a_key_deleted_after_a_reindex_stays_deleted_without_a_header,
      an_empty_store_stays_an_empty_store,
      what_a_killed_writer_committed_is_kept, an_unfinished_commit_is_dropped,
      a_finished_commit_is_kept_though_its_index_is_damaged,
      all_memory_is_given_back);
  TCase *const cancelled = case_of("rescue, cancelled");

  tcase_add_loop_test(cancelled, a_cancelled_repair_costs_nothing, 0, 4);
  suite_add_tcase(suite, cancelled);
  return suite;
}
