/* test_status.c - names and sentences of the status codes */
#include <string.h>

#include "blt.h"
#include "unit/suites.h"

START_TEST(each_status_has_its_own_name_and_sentence)
{
  for (int a = -24; a <= 2; a++) {
    const char *const name = blt_status_name((blt_status)a);
    ck_assert_str_ne(name, "BLT_E_?");
    ck_assert_ptr_eq(strstr(name, "BLT_"), name);
    ck_assert_int_eq(strncmp(name, "BLT_E_", 6) == 0 && a != 2, a < 0);
    for (int b = -24; b < a; b++) {
      ck_assert_str_ne(name, blt_status_name((blt_status)b));
      ck_assert_str_ne(blt_status_message((blt_status)a),
                       blt_status_message((blt_status)b));
    }
  }
}
END_TEST

START_TEST(a_number_that_is_no_status_has_a_name_all_the_same)
{
  ck_assert_str_eq(blt_status_name((blt_status)-25), "BLT_E_?");
  ck_assert_str_eq(blt_status_name((blt_status)3), "BLT_E_?");
  ck_assert_ptr_nonnull(blt_status_message((blt_status)-1000));
}
END_TEST

Suite *status_suite(void)
{
  return SUITE_OF("status", each_status_has_its_own_name_and_sentence,
                  a_number_that_is_no_status_has_a_name_all_the_same);
}
