/* test_header.c - the first 200 bytes are judged once */
#include <string.h>

#include "base/bytes.h"
#include "format/header.h"
#include "unit/suites.h"

enum { FILE_LEN = 1000, N_BUCKETS = 10 };

static const struct blt__sink sink = {NULL, ""};
static uint8_t bytes[BLT__HEADER_LEN];
static struct blt__header header;

static void make(int fixed)
{
  struct blt__header_new how = {.fixed = fixed,
                                .value_len = 77,
                                .n_buckets = N_BUCKETS,
                                .has_timestamps = 1,
                                .key_serializer = 2,
                                .value_serializer = 4,
                                .file_timestamp = 123456789};
  memset(how.uuid, 0xab, sizeof how.uuid);
  blt__header_encode(bytes, &how);
}

static blt_status decode(void)
{
  return blt__header_decode(&header, bytes, FILE_LEN, &sink);
}

START_TEST(what_is_encoded_is_decoded)
{
  make(_i);
  ck_assert_int_eq(decode(), BLT_OK);
  ck_assert_int_eq(header.fixed, _i);
  ck_assert_int_eq(header.guarded, 0);
  ck_assert_uint_eq(header.version, 5);
  ck_assert_uint_eq(header.n_buckets, N_BUCKETS);
  ck_assert_uint_eq(header.key_serializer, 2);
  ck_assert_uint_eq(header.value_serializer, _i ? 0 : 4);
  ck_assert_uint_eq(header.n_keys, 0);
  ck_assert_uint_eq(header.value_len, _i ? 77 : 0);
  ck_assert_int_eq(header.has_timestamps, !_i);
  ck_assert_uint_eq(header.file_timestamp, 123456789);
  ck_assert_uint_eq(header.index_off, 200);
  ck_assert_uint_eq(header.first_off, 200 + 6 * N_BUCKETS);
  ck_assert_mem_eq(header.bytes, bytes, sizeof bytes);
}
END_TEST

START_TEST(each_byte_of_the_magic_counts)
{
  for (int i = 0; i < 16; i++) {
    make(_i);
    bytes[i] ^= 0x10;
    ck_assert_int_eq(decode(), BLT_E_NOT_BOOKLET);
    ck_assert(!blt__header_is_kind(bytes));
  }
}
END_TEST

START_TEST(an_inverted_kind_is_known_and_noted)
{
  make(_i);
  blt__header_set_kind(bytes, _i, 1);
  ck_assert(blt__header_is_kind(bytes));
  ck_assert_int_eq(decode(), BLT_OK);
  ck_assert_int_eq(header.guarded, 1);
  ck_assert_int_eq(header.fixed, _i);
  blt__header_set_kind(bytes, _i, 0);
  ck_assert_int_eq(decode(), BLT_OK);
  ck_assert_int_eq(header.guarded, 0);
}
END_TEST

START_TEST(versions_three_to_five_are_read)
{
  for (unsigned version = 0; version < 300; version++) {
    make(0);
    blt__put2(bytes + 16, version);
    ck_assert_int_eq(decode(),
                     version >= 3 && version <= 5 ? BLT_OK : BLT_E_VERSION);
    if (version >= 3 && version <= 5)
      ck_assert_int_eq(header.has_timestamps, version > 3);
  }
}
END_TEST

START_TEST(the_widths_must_be_right)
{
  for (int at = 18; at <= 20; at++)
    for (int delta = -1; delta <= 1; delta += 2) {
      make(_i);
      bytes[at] = (uint8_t)(bytes[at] + delta);
      ck_assert_int_eq(decode(), BLT_E_CORRUPT);
    }
}
END_TEST

/* Offsets of the layout, and whether they are fine in a file of 1000. */
START_TEST(the_layout_must_lie_in_the_file)
{
  static const struct {
    uint32_t n_buckets;
    uint64_t index_off, first_off;
    int is_fine;
  } cases[] = {
      {10, 200, 260, 1},          {10, 200, 1000, 1},
      {10, 200, 259, 0},          {10, 200, 1001, 0},
      {10, 199, 260, 0},          {10, 1, 260, 0},
      {10, 940, 200, 1},          {10, 941, 200, 0},
      {10, 940, 199, 0},          {10, 940, 940, 1},
      {10, 940, 941, 0},          {0, 200, 200, 0},
      {133, 200, 998, 1},         {134, 200, 1000, 0},
      {UINT32_MAX, 200, 300, 0},  {10, BLT__OFF_MAX, 200, 0},
      {10, 500, BLT__OFF_MAX, 0},
  };

  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    make(0);
    blt__put4(bytes + BLT__HDR_BUCKETS, cases[i].n_buckets);
    blt__put6(bytes + BLT__HDR_INDEX, cases[i].index_off);
    blt__put6(bytes + BLT__HDR_FIRST, cases[i].first_off);
    ck_assert_msg(decode() == (cases[i].is_fine ? BLT_OK : BLT_E_CORRUPT),
                  "case %zu", i);
  }
}
END_TEST

START_TEST(both_fillers_mean_the_standard_layout)
{
  static const uint64_t fillers[] = {0, BLT__OFF_ASCII_ZEROS};

  for (int a = 0; a < 2; a++)
    for (int b = 0; b < 2; b++) {
      make(0);
      blt__put6(bytes + BLT__HDR_INDEX, fillers[a]);
      blt__put6(bytes + BLT__HDR_FIRST, fillers[b]);
      ck_assert_int_eq(decode(), BLT_OK);
      ck_assert_uint_eq(header.index_off, 200);
      ck_assert_uint_eq(header.first_off, 260);
    }
  ck_assert_uint_eq(BLT__OFF_ASCII_ZEROS, blt__get6((const uint8_t *)"000000"));
}
END_TEST

START_TEST(a_header_that_fails_is_not_given_out)
{
  make(0);
  ck_assert_int_eq(decode(), BLT_OK);
  bytes[0] ^= 1;
  header.n_keys = 4321;
  ck_assert_int_eq(decode(), BLT_E_NOT_BOOKLET);
  ck_assert_uint_eq(header.n_keys, 4321);
}
END_TEST

START_TEST(an_emptied_header_keeps_what_is_not_the_layout)
{
  uint8_t before[BLT__HEADER_LEN];

  make(0);
  memset(bytes + BLT__HDR_CHECKPOINT, 0x30, BLT__CHECKPOINT_LEN);
  blt__put4(bytes + BLT__HDR_COUNT, 99);
  blt__put6(bytes + BLT__HDR_INDEX, 500);
  blt__put6(bytes + BLT__HDR_FIRST, 200);
  memcpy(before, bytes, sizeof before);
  blt__header_empty(bytes);
  ck_assert_int_eq(decode(), BLT_OK);
  ck_assert_uint_eq(header.n_keys, 0);
  ck_assert_uint_eq(header.index_off, 200);
  ck_assert_uint_eq(header.first_off, 260);
  ck_assert_mem_eq(bytes, before, BLT__HDR_COUNT);
  ck_assert_mem_eq(bytes + 37, before + 37, BLT__HDR_INDEX - 37);
  for (int i = 0; i < BLT__CHECKPOINT_LEN; i++)
    ck_assert_uint_eq(bytes[BLT__HDR_CHECKPOINT + i], 0);
}
END_TEST

Suite *header_suite(void)
{
  Suite *const suite = suite_create("header");
  TCase *const made = case_of("header");

  tcase_add_loop_test(made, what_is_encoded_is_decoded, 0, 2);
  tcase_add_loop_test(made, each_byte_of_the_magic_counts, 0, 2);
  tcase_add_loop_test(made, an_inverted_kind_is_known_and_noted, 0, 2);
  tcase_add_test(made, versions_three_to_five_are_read);
  tcase_add_loop_test(made, the_widths_must_be_right, 0, 2);
  tcase_add_test(made, the_layout_must_lie_in_the_file);
  tcase_add_test(made, both_fillers_mean_the_standard_layout);
  tcase_add_test(made, a_header_that_fails_is_not_given_out);
  tcase_add_test(made, an_emptied_header_keeps_what_is_not_the_layout);
  suite_add_tcase(suite, made);
  return suite;
}
