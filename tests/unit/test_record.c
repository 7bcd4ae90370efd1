/* test_record.c - checkpoint and commit record: no wrong byte is believed */
#include <string.h>

#include "format/record.h"
#include "unit/suites.h"

static const struct blt__checkpoint some = {
    .state = BLT__DIRTY,
    .flags = BLT__FLAG_OFF,
    .salt = {1, 2, 3, 4, 5, 6, 7, 8},
    .log_seq = UINT64_C(0x1122334455667788),
    .log_start = UINT64_C(0xa1a2a3a4a5a6),
    .committed = UINT64_C(0xb1b2b3b4b5b6),
    .n_keys = 0xc1c2c3c4,
    .index_off = UINT64_C(0xd1d2d3d4d5d6),
    .first_off = UINT64_C(0xe1e2e3e4e5e6),
    .n_buckets = 0xf1f2f3f4,
    .boot_id = UINT64_C(0x99aabbccddeeff00)};

START_TEST(a_checkpoint_comes_back_as_it_was)
{
  uint8_t header[BLT__HEADER_LEN] = {0}, again[BLT__HEADER_LEN] = {0};
  struct blt__checkpoint out;

  for (int state = BLT__CLEAN; state <= BLT__REPAIR; state++) {
    struct blt__checkpoint in = some;
    in.state = (enum blt__state)state;
    blt__checkpoint_encode(header, &in);
    ck_assert(blt__checkpoint_decode(header, &out));
    ck_assert_int_eq(out.state, in.state);
    ck_assert_uint_eq(out.flags, in.flags);
    ck_assert_mem_eq(out.salt, in.salt, sizeof in.salt);
    ck_assert_uint_eq(out.log_seq, in.log_seq);
    ck_assert_uint_eq(out.log_start, in.log_start);
    ck_assert_uint_eq(out.committed, in.committed);
    ck_assert_uint_eq(out.n_keys, in.n_keys);
    ck_assert_uint_eq(out.index_off, in.index_off);
    ck_assert_uint_eq(out.first_off, in.first_off);
    ck_assert_uint_eq(out.n_buckets, in.n_buckets);
    ck_assert_uint_eq(out.boot_id, in.boot_id);
    blt__checkpoint_encode(again, &out);
    ck_assert_mem_eq(header, again, sizeof header);
  }
}
END_TEST

START_TEST(a_checkpoint_with_a_wrong_bit_is_none)
{
  uint8_t header[BLT__HEADER_LEN] = {0};
  struct blt__checkpoint out;

  blt__checkpoint_encode(header, &some);
  for (int i = 0; i < BLT__HEADER_LEN; i++)
    for (int bit = 0; bit < 8; bit++) {
      header[i] ^= (uint8_t)(1 << bit);
      ck_assert_int_eq(blt__checkpoint_decode(header, &out),
                       i < BLT__HDR_CHECKPOINT);
      header[i] ^= (uint8_t)(1 << bit);
    }
}
END_TEST

START_TEST(filler_is_no_checkpoint)
{
  uint8_t header[BLT__HEADER_LEN];
  struct blt__checkpoint out;

  memset(header, 0, sizeof header);
  ck_assert(!blt__checkpoint_decode(header, &out));
  memset(header, '0', sizeof header);
  ck_assert(!blt__checkpoint_decode(header, &out));
}
END_TEST

/* ---- records */

enum { CAPACITY = 1024, OFF = 4000, N_PATCHES = 3, N_TOMBS = 2 };

static struct blt__geometry geo;
static struct blt__record record;
static uint8_t bytes[CAPACITY];
static uint64_t used;

static void make(int i)
{
  blt__geometry_init(&geo, i == 2, 11, i == 0);
  record = (struct blt__record){.kind = BLT__RECORD_PART,
                                .seq = UINT64_C(0x8877665544332211),
                                .salt = {9, 8, 7, 6, 5, 4, 3, 2},
                                .off = OFF,
                                .durable_off = 3999,
                                .body_len = UINT64_C(0x0102030405),
                                .n_blocks = 70000,
                                .n_inserts = 69999,
                                .n_patches = N_PATCHES,
                                .n_tombs = N_TOMBS,
                                .n_keys = UINT64_C(0x0a0b0c0d0e),
                                .body_hash = UINT64_C(0x1212121212121212),
                                .time_hash = UINT64_C(0x3434343434343434),
                                .last_next = UINT64_C(0x565656565656)};
  record.len = (uint32_t)blt__record_min_len(&geo, N_PATCHES, N_TOMBS) + 5;
  memset(bytes, 0xee, sizeof bytes);
  for (uint64_t p = 0; p < N_PATCHES; p++)
    blt__patch_encode(bytes + blt__record_patch_off(&geo, p),
                      &(struct blt__patch){100 + p, 200 + p, 300 + p});
  for (uint64_t t = 0; t < N_TOMBS; t++)
    blt__tomb_encode(bytes + blt__record_tomb_off(&geo, N_PATCHES, t),
                     &(struct blt__tomb){400 + t, 500 + t});
  blt__record_encode(&geo, &record, record.len, bytes);
  used = blt__record_used_len(&geo, &record);
}

static int is_whole(void)
{
  struct blt__record out;

  return blt__record_decode(&geo, OFF, bytes, CAPACITY, &out) &&
         blt__record_used_len(&geo, &out) + BLT__RECORD_HASH_LEN <= CAPACITY &&
         blt__record_is_whole(&geo, &out, bytes);
}

START_TEST(a_record_comes_back_as_it_was)
{
  struct blt__record out;

  make(_i);
  ck_assert(blt__record_decode(&geo, OFF, bytes, record.len, &out));
  ck_assert(blt__record_is_whole(&geo, &out, bytes));
  ck_assert_int_eq(out.kind, record.kind);
  ck_assert_uint_eq(out.seq, record.seq);
  ck_assert_mem_eq(out.salt, record.salt, sizeof out.salt);
  ck_assert_uint_eq(out.off, OFF);
  ck_assert_uint_eq(out.durable_off, record.durable_off);
  ck_assert_uint_eq(out.body_len, record.body_len);
  ck_assert_uint_eq(out.len, record.len);
  ck_assert_uint_eq(out.n_blocks, record.n_blocks);
  ck_assert_uint_eq(out.n_inserts, record.n_inserts);
  ck_assert_uint_eq(out.n_keys, record.n_keys);
  ck_assert_uint_eq(out.body_hash, record.body_hash);
  ck_assert_uint_eq(out.time_hash, record.time_hash);
  ck_assert_uint_eq(out.last_next, record.last_next);
  ck_assert_uint_eq(blt__record_end(&out), OFF + out.len + out.body_len);
  const struct blt__patch patch =
      blt__patch_decode(bytes + blt__record_patch_off(&geo, 2));
  ck_assert_uint_eq(patch.slot_off, 102);
  ck_assert_uint_eq(patch.old_link, 202);
  ck_assert_uint_eq(patch.new_link, 302);
  const struct blt__tomb tomb =
      blt__tomb_decode(bytes + blt__record_tomb_off(&geo, N_PATCHES, 1));
  ck_assert_uint_eq(tomb.block_off, 401);
  ck_assert_uint_eq(tomb.old_link, 501);
}
END_TEST

/* The dead block's lengths change in place, its time and key say nothing, and
 * the padding may be anything. */
START_TEST(a_record_with_a_wrong_bit_is_none)
{
  make(_i);
  const uint64_t payload = blt__record_payload_off(&geo);
  ck_assert(is_whole());
  for (uint64_t i = 0; i < record.len; i++)
    for (int bit = 0; bit < 8; bit++) {
      const int is_free = (i >= BLT__VALUELEN_OFF && i < payload) ||
                          i >= used + BLT__RECORD_HASH_LEN;
      if (i >= BLT__KEYLEN_OFF && i < BLT__VALUELEN_OFF)
        continue;
      bytes[i] ^= (uint8_t)(1 << bit);
      ck_assert_msg(is_whole() == is_free, "byte %u, bit %d", (unsigned)i, bit);
      bytes[i] ^= (uint8_t)(1 << bit);
    }
}
END_TEST

START_TEST(a_record_at_another_place_is_none)
{
  struct blt__record out;

  make(_i);
  ck_assert(!blt__record_decode(&geo, OFF + 1, bytes, CAPACITY, &out));
  ck_assert(!blt__record_decode(
      &geo, OFF, bytes,
      blt__record_payload_off(&geo) + BLT__RECORD_FIXED_LEN - 1, &out));
}
END_TEST

START_TEST(a_record_whose_lists_do_not_fit_is_none)
{
  struct blt__record out;

  make(_i);
  uint8_t *const p = bytes + blt__record_payload_off(&geo);
  blt__put4(p + 56, UINT32_MAX);
  blt__put4(p + 60, UINT32_MAX);
  ck_assert(!blt__record_decode(&geo, OFF, bytes, CAPACITY, &out));
  make(_i);
  blt__put4(p + 52, 70001);
  ck_assert(!blt__record_decode(&geo, OFF, bytes, CAPACITY, &out));
}
END_TEST

START_TEST(a_record_is_a_dead_block_that_spans_what_it_should)
{
  struct blt__block block;

  make(_i);
  blt__block_decode(&geo, OFF, bytes, &block);
  ck_assert_uint_eq(block.next, BLT__LINK_DEAD);
  ck_assert_uint_eq(block.len, record.len);
  for (uint64_t i = used + BLT__RECORD_HASH_LEN; i < record.len; i++)
    ck_assert_uint_eq(bytes[i], 0);
  ck_assert_uint_eq(bytes[record.len], 0xee);
  ck_assert(blt__record_is_tagged(bytes));
  ck_assert(blt__dead_is_ours(bytes));
}
END_TEST

START_TEST(a_dead_block_can_span_its_limits)
{
  make(_i);
  const uint64_t spans[] = {blt__dead_min(&geo), blt__dead_min(&geo) + 1,
                            blt__cover_max(&geo) - 1, blt__cover_max(&geo)};
  for (int i = 0; i < 4; i++) {
    struct blt__block block;
    uint8_t extent[4];
    unsigned off;
    blt__dead_encode(&geo, bytes, spans[i], BLT__TAG_FILLER);
    blt__block_decode(&geo, OFF, bytes, &block);
    ck_assert_uint_eq(block.len, spans[i]);
    ck_assert_uint_eq(block.next, BLT__LINK_DEAD);
    ck_assert(!blt__record_is_tagged(bytes));
    ck_assert(blt__dead_is_ours(bytes));
    /* Patched to another span and back. */
    unsigned len = blt__dead_extent(&geo, spans[3 - i], &off, extent);
    memcpy(bytes + off, extent, len);
    blt__block_decode(&geo, OFF, bytes, &block);
    ck_assert_uint_eq(block.len, spans[3 - i]);
  }
}
END_TEST

Suite *record_suite(void)
{
  Suite *const suite =
      SUITE_OF("record", a_checkpoint_comes_back_as_it_was,
               a_checkpoint_with_a_wrong_bit_is_none, filler_is_no_checkpoint);
  TCase *const made = case_of("records");

  tcase_add_loop_test(made, a_record_comes_back_as_it_was, 0, 3);
  tcase_add_loop_test(made, a_record_with_a_wrong_bit_is_none, 0, 3);
  tcase_add_loop_test(made, a_record_at_another_place_is_none, 0, 3);
  tcase_add_loop_test(made, a_record_whose_lists_do_not_fit_is_none, 0, 3);
  tcase_add_loop_test(made, a_record_is_a_dead_block_that_spans_what_it_should,
                      0, 3);
  tcase_add_loop_test(made, a_dead_block_can_span_its_limits, 0, 3);
  suite_add_tcase(suite, made);
  return suite;
}
