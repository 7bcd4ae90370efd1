/*
 * test_work.c - files that are made to cost work out of proportion
 *
 * Each is some hundred KB, opened, verified or repaired; what is counted is
 * not time but blocks looked at and bytes hashed. Too small inputs do not
 * show this to a fuzzer.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/record.h"
#include "fuzz/shape.h"
#include "fuzz/world.h"

enum { HEAD = 25, LINK = 13, KEY_LEN = 19, ROOM = 2 << 20, MARK = 33 };

static uint8_t bytes[ROOM];
static struct shape shape;

/* A variable file without timestamps: header and an empty index. */
static void begin(uint32_t n_buckets)
{
  blt_options options = world_options(BLT_NEW);
  blt_db *db = NULL;
  size_t len = 0;

  world_reset();
  options.n_buckets = n_buckets;
  options.timestamps = BLT_OFF;
  MUST(blt_open("a", &options, &db) == BLT_OK && blt_close(db) == BLT_OK,
       "no new file");
  const uint8_t *const made = world_get("a", &len);
  memset(bytes, 0, sizeof bytes);
  memcpy(bytes, made, len);
  shape = (struct shape){.bytes = bytes, .len = len, .room = ROOM};
  MUST(shape_read(&shape), "a new file has no shape");
}

static size_t add_block(uint32_t number, uint64_t next)
{
  const size_t at = shape.len;
  const struct spot block = {at, HEAD + 4};

  put_number(bytes + at + LINK, 6, next);
  put_number(bytes + at + KEY_LEN, 2, 4);
  put_number(bytes + at + HEAD, 4, number);
  shape.len += block.len;
  fix_key_hash(&shape, &block);
  return at;
}

/* n blocks in one chain, and each bucket leads to its first. */
static void add_one_chain(uint32_t n)
{
  const size_t first = shape.len;

  for (uint32_t i = 0; i < n; i++)
    (void)add_block(i, i + 1 == n ? 1 : shape.len + HEAD + 4);
  for (uint32_t i = 0; i < shape.n_buckets; i++)
    put_number(bytes + shape.index_off + (size_t)SLOT * i, 6, first);
}

static void set_log(uint64_t start)
{
  (void)shape_read(&shape);
  make_checkpoint(&shape, 2);
  put_number(bytes + CHECKPOINT + 16, 8, 1);
  put_number(bytes + CHECKPOINT + 24, 6, start);
  put_number(bytes + CHECKPOINT + 62, 8, WORLD_BOOT);
  fix_checkpoint(&shape);
}

static blt_status open_it(blt_mode mode, blt_db **out)
{
  const blt_options options = world_options(mode);

  world_put("a", bytes, shape.len);
  world_work = (struct world_work){0, 0, 0};
  return blt_open("a", &options, out);
}

static void expect_work(const char *what, uint64_t blocks, uint64_t hashed)
{
  printf("%s: %zu bytes, %llu blocks looked at, %llu bytes hashed\n", what,
         shape.len, (unsigned long long)world_work.blocks,
         (unsigned long long)world_work.hashed);
  MUST(world_work.blocks <= blocks, "%s: more than %llu blocks", what,
       (unsigned long long)blocks);
  MUST(world_work.hashed <= hashed, "%s: more than %llu bytes", what,
       (unsigned long long)hashed);
}

/* ---- the files */

/* Each block's own bucket leads to the chain, so verify is quadratic in its
 * length by design; but not for each bucket once more. */
static void verify_walks_a_chain_once_for_all_buckets(void)
{
  enum { BUCKETS = 30000, BLOCKS = 1000 };
  blt_db *db = NULL;

  begin(BUCKETS);
  add_one_chain(BLOCKS);
  MUST(open_it(BLT_READ, &db) == BLT_OK, "it does not open");
  MUST(blt_verify(db, NULL, NULL) == BLT_E_CORRUPT, "it is called sound");
  MUST(blt_close(db) == BLT_OK, "it does not close");
  expect_work("one chain for all buckets, verify",
              (uint64_t)BLOCKS * BLOCKS + 8 * (BUCKETS + BLOCKS), 1 << 20);
}

/* Are there links to the bytes behind the log? */
static void recovery_walks_a_chain_once_for_all_buckets(void)
{
  enum { BUCKETS = 30000, BLOCKS = 1000 };
  blt_db *db = NULL;

  begin(BUCKETS);
  add_one_chain(BLOCKS);
  set_log(shape.len);
  memset(bytes + shape.len, 'x', 100);
  shape.len += 100;
  const blt_status status = open_it(BLT_WRITE, &db);
  MUST(status == BLT_OK || status == BLT_E_CORRUPT, "%s",
       blt_status_name(status));
  (void)blt_close(db);
  expect_work("one chain for all buckets, recovery",
              (uint64_t)BLOCKS * BLOCKS + 64 * (BUCKETS + BLOCKS), 8 << 20);
}

/* Heads side by side, each of which claims the next 65,535 bytes as its key. */
static void repair_does_not_hash_overlapping_keys_without_end(void)
{
  enum { BLOCKS = 20000 };
  blt_repair_options options = BLT_REPAIR_OPTIONS_INIT;

  begin(1);
  put_number(bytes + shape.index_off, 6, shape.len);
  for (uint32_t i = 0; i < BLOCKS; i++) {
    put_number(bytes + shape.len + LINK, 6,
               i + 1 == BLOCKS ? 1 : shape.len + HEAD);
    put_number(bytes + shape.len + KEY_LEN, 2, 65535);
    shape.len += HEAD;
  }
  shape.len += 65535;
  world_put("a", bytes, shape.len);
  options.allocator = world_options(BLT_READ).allocator;
  options.dry_run = 1;
  world_work = (struct world_work){0, 0, 0};
  (void)blt_repair("a", &options, NULL);
  /* Each of up to five surveys may hash 16 times the file, and 16 MiB. */
  expect_work("overlapping keys, repair", 64 * shape.len,
              5 * (16 * shape.len + (16 << 20)) + 400 * shape.len);
}

/* Each record says that all to the end of the file is its batch. */
static void recovery_counts_blocks_up_to_the_end_of_their_record(void)
{
  enum { RECORDS = 3000, LEN = HEAD + 1 + 94 + 8 };
  blt_db *db = NULL;

  begin(3);
  const size_t log = shape.len;
  memset(bytes + CHECKPOINT + 8, 0, 8);
  for (uint32_t i = 0; i < RECORDS; i++) {
    const struct spot record = {shape.len, LEN};
    uint8_t *const p = bytes + shape.len;
    memcpy(p, "BLTC1", 5);
    put_number(p + KEY_LEN, 2, 1);
    put_number(p + 21, 4, LEN - HEAD - 1);
    uint8_t *const payload = p + HEAD + 1;
    payload[4] = BLT__RECORD_BATCH;
    put_number(payload + 8, 8, i + 1);
    put_number(payload + 30, 6, (uint64_t)1 << 40);
    put_number(payload + 36, 8, HEAD + 4);
    put_number(payload + 44, 4, LEN);
    put_number(payload + 48, 4, 2 * (RECORDS - i) - 1);
    put_number(payload + 52, 4, 2 * (RECORDS - i) - 1);
    shape.len += LEN;
    (void)add_block(i, 1);
    fix_record(&shape, &record, 1);
  }
  set_log(log);
  (void)shape_read(&shape);
  fix_records(&shape, 0);
  const blt_status status = open_it(BLT_WRITE, &db);
  MUST(status == BLT_OK, "%s: %s", blt_status_name(status),
       blt_last_error(NULL)->message);
  MUST(blt_close(db) == BLT_OK, "it does not close");
  expect_work("records of too many blocks, recovery",
              64 * (uint64_t)(RECORDS + shape.len / HEAD), 32 << 20);
}

int main(void)
{
  static void (*const tests[])(void) = {
      verify_walks_a_chain_once_for_all_buckets,
      recovery_walks_a_chain_once_for_all_buckets,
      repair_does_not_hash_overlapping_keys_without_end,
      recovery_counts_blocks_up_to_the_end_of_their_record};
  const size_t n = sizeof tests / sizeof *tests;

  for (size_t i = 0; i < n; i++) {
    tests[i]();
    world_expect_nothing_left();
  }
  printf("100%%: Checks: %zu, Failures: 0, Errors: 0\n", n);
  return EXIT_SUCCESS;
}
