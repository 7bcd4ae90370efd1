/* test_names.c - names, sentences, codes, the version: what needs no store */
#include "api/suites.h"
#include "support/store.h"

#include <stdio.h>

START_TEST(every_status_has_its_own_name)
{
#define EXPECT_NAME(name, number, sentence)                                    \
  ck_assert_str_eq(blt_status_name(BLT_##name), "BLT_" #name);                 \
  ck_assert_str_eq(blt_status_message(BLT_##name), sentence);                  \
  ck_assert_int_eq(BLT_##name, number);
  BLT_STATUS_MAP(EXPECT_NAME)
#undef EXPECT_NAME
}
END_TEST

START_TEST(any_number_has_a_name_and_a_message)
{
  static const int numbers[] = {3, 99, -24, -1000, 2147483647};

  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    ck_assert_ptr_nonnull(blt_status_name((blt_status)numbers[i]));
    ck_assert_ptr_nonnull(blt_status_message((blt_status)numbers[i]));
  }
}
END_TEST

START_TEST(the_library_says_the_version_of_its_header)
{
  char text[64];

  snprintf(text, sizeof text, "%d.%d.%d", BLT_VERSION_MAJOR, BLT_VERSION_MINOR,
           BLT_VERSION_PATCH);
  ck_assert_str_eq(blt_version(), text);
}
END_TEST

START_TEST(a_key_has_the_hash_that_the_format_says)
{
  static const unsigned char of_a[BLT_HASH_LEN] = {0x98, 0xbf, 0xfd, 0xaa, 0xf3,
                                                   0x94, 0x63, 0x89, 0x08, 0x0d,
                                                   0xd5, 0x1a, 0x12};
  unsigned char hash[BLT_HASH_LEN];

  blt_key_hash("a", 1, hash);
  ck_assert_mem_eq(hash, of_a, sizeof hash);
  blt_key_hash(NULL, 0, hash);
  ck_assert_int_eq(hash[0], 0x75);
}
END_TEST

START_TEST(every_serializer_of_booklet_has_a_name_that_leads_back)
{
  for (unsigned code = 0; code <= 32; code++) {
    const char *const name = blt_serializer_name(code);
    ck_assert_msg(name != NULL, "code %u has no name", code);
    if (code != 0)
      ck_assert_int_eq(blt_serializer_code(name), (int)code);
  }
  ck_assert_str_eq(blt_serializer_name(0), "custom");
  ck_assert_str_eq(blt_serializer_name(BLT_SERIALIZER_STR), "str");
  ck_assert_str_eq(blt_serializer_name(BLT_SERIALIZER_JSON), "json");
  ck_assert_str_eq(blt_serializer_name(BLT_SERIALIZER_BYTES), "bytes");
}
END_TEST

START_TEST(an_unknown_serializer_has_no_name_and_no_code)
{
  ck_assert_ptr_null(blt_serializer_name(33));
  ck_assert_ptr_null(blt_serializer_name(65535));
  ck_assert_int_eq(blt_serializer_code("no such serializer"), -1);
  ck_assert_int_eq(blt_serializer_code(""), -1);
}
END_TEST

START_TEST(buckets_follow_the_chain_of_booklet)
{
  static const struct {
    uint64_t n_keys;
    uint32_t n_buckets;
  } steps[] = {
      {0, 12007},           {1, 12007},
      {12007, 12007},       {12008, 144013},
      {144013, 144013},     {144014, 1728017},
      {1728017, 1728017},   {1728018, 20736017},
      {20736017, 20736017}, {UINT64_MAX, 4294967291u},
  };

  for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
    ck_assert_uint_eq(blt_buckets_for(steps[i].n_keys), steps[i].n_buckets);
}
END_TEST

static int is_prime(uint32_t number)
{
  for (uint32_t i = 2; i < 65536 && (uint64_t)i * i <= number; i++)
    if (number % i == 0)
      return 0;
  return number > 1;
}

START_TEST(beyond_the_chain_of_booklet_come_primes_about_twelve_times_apart)
{
  uint64_t before = 20736017;

  while (before < 4294967291u) {
    const uint32_t n_buckets = blt_buckets_for(before + 1);
    ck_assert_uint_gt(n_buckets, before);
    ck_assert_uint_le(n_buckets, before * 14);
    ck_assert(is_prime(n_buckets));
    before = n_buckets;
  }
}
END_TEST

Suite *names_suite(void)
{
  return SUITE_OF(
      "names", every_status_has_its_own_name,
      any_number_has_a_name_and_a_message,
      the_library_says_the_version_of_its_header,
      a_key_has_the_hash_that_the_format_says,
      every_serializer_of_booklet_has_a_name_that_leads_back,
      an_unknown_serializer_has_no_name_and_no_code,
      buckets_follow_the_chain_of_booklet,
      beyond_the_chain_of_booklet_come_primes_about_twelve_times_apart);
}
