/* test_bytes.c - little-endian numbers */
#include <string.h>

#include "base/bytes.h"
#include "support/random.h"
#include "unit/suites.h"

#ifndef SUITE_NAME
#define SUITE_NAME "bytes"
#endif

static uint64_t plain(const uint8_t *p, int width)
{
  uint64_t number = 0;

  for (int i = width - 1; i >= 0; i--)
    number = number * 256 + p[i];
  return number;
}

START_TEST(a_number_is_read_as_byte_by_byte)
{
  struct random random;
  uint8_t p[8];

  random_start(&random, 1);
  for (int i = 0; i < 1000; i++) {
    random_fill(&random, p, sizeof p);
    ck_assert_uint_eq(blt__get2(p), plain(p, 2));
    ck_assert_uint_eq(blt__get4(p), plain(p, 4));
    ck_assert_uint_eq(blt__get6(p), plain(p, 6));
    ck_assert_uint_eq(blt__get7(p), plain(p, 7));
    ck_assert_uint_eq(blt__get8(p), plain(p, 8));
  }
}
END_TEST

START_TEST(a_number_that_is_written_leaves_its_neighbours)
{
  uint8_t p[10], want[10];

  for (int width = 2; width <= 8; width++) {
    const uint64_t number = UINT64_C(0xf1e2d3c4b5a69788);
    memset(p, 0x55, sizeof p);
    memset(want, 0x55, sizeof want);
    for (int i = 0; i < width; i++)
      want[1 + i] = (uint8_t)(number >> 8 * i);
    switch (width) {
    case 2:
      blt__put2(p + 1, (uint32_t)number);
      break;
    case 4:
      blt__put4(p + 1, (uint32_t)number);
      break;
    case 6:
      blt__put6(p + 1, number);
      break;
    case 7:
      blt__put7(p + 1, number);
      break;
    case 8:
      blt__put8(p + 1, number);
      break;
    default:
      continue;
    }
    ck_assert_mem_eq(p, want, sizeof p);
  }
}
END_TEST

Suite *bytes_suite(void)
{
  return SUITE_OF(SUITE_NAME, a_number_is_read_as_byte_by_byte,
                  a_number_that_is_written_leaves_its_neighbours);
}
