/* test_fail.c - where every error is born */
#include <errno.h>
#include <string.h>

#include "base/fail.h"
#include "unit/suites.h"

static int owner;
static const struct blt__sink sink = {&owner, "rain.blt"};

START_TEST(a_failure_says_file_place_and_cause)
{
  ck_assert_int_eq(blt__fail(&sink, BLT_E_CORRUPT, 99, "%d wrong", 7),
                   BLT_E_CORRUPT);
  const blt_error *const error = blt__fail_last(&owner);
  ck_assert_int_eq(error->status, BLT_E_CORRUPT);
  ck_assert_uint_eq(error->offset, 99);
  ck_assert_int_eq(error->sys_errno, 0);
  ck_assert_str_eq(error->file, "rain.blt");
  ck_assert_str_eq(error->message, "rain.blt: at offset 99: 7 wrong");
}
END_TEST

START_TEST(a_failure_is_not_told_to_another_owner)
{
  int other;

  blt__fail(&sink, BLT_E_CORRUPT, 99, "wrong");
  ck_assert_int_eq(blt__fail_last(&other)->status, BLT_OK);
  ck_assert_int_eq(blt__fail_last(NULL)->status, BLT_OK);
  blt__fail_disown();
  ck_assert_int_eq(blt__fail_last(NULL)->status, BLT_E_CORRUPT);
}
END_TEST

START_TEST(each_errno_has_its_status)
{
  static const struct {
    int error;
    blt_status status;
  } cases[] = {
      {ENOENT, BLT_E_NO_FILE},   {ENOTDIR, BLT_E_NO_FILE},
      {EEXIST, BLT_E_EXISTS},    {EACCES, BLT_E_PERMISSION},
      {EPERM, BLT_E_PERMISSION}, {EROFS, BLT_E_PERMISSION},
      {ENOSPC, BLT_E_NO_SPACE},  {EDQUOT, BLT_E_NO_SPACE},
      {EFBIG, BLT_E_NO_SPACE},   {ENOMEM, BLT_E_NO_MEMORY},
      {EIO, BLT_E_IO},           {EBADF, BLT_E_IO},
  };

  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    ck_assert_int_eq(
        blt__fail_errno(&sink, cases[i].error, BLT_NO_OFFSET, "look"),
        cases[i].status);
    ck_assert_int_eq(blt__fail_last(&owner)->sys_errno, cases[i].error);
    ck_assert_ptr_nonnull(
        strstr(blt__fail_last(&owner)->message, "rain.blt: cannot look: "));
  }
}
END_TEST

START_TEST(another_status_keeps_the_cause)
{
  blt__fail_errno(&sink, EIO, 512, "write to the file");
  ck_assert_int_eq(blt__fail_upgrade(&sink, BLT_E_UNKNOWN, "half done"),
                   BLT_E_UNKNOWN);
  const blt_error *const error = blt__fail_last(&owner);
  ck_assert_int_eq(error->status, BLT_E_UNKNOWN);
  ck_assert_int_eq(error->sys_errno, EIO);
  ck_assert_uint_eq(error->offset, 512);
  ck_assert_ptr_nonnull(strstr(error->message, "rain.blt: half done ("));
  ck_assert_ptr_nonnull(strstr(error->message, "cannot write to the file"));
}
END_TEST

START_TEST(a_store_in_memory_has_a_name_in_messages)
{
  const struct blt__sink nameless = {&owner, ""};

  blt__fail_memory(&nameless);
  ck_assert_str_eq(blt__fail_last(&owner)->message, "(memory): out of memory");
  ck_assert_str_eq(blt__fail_last(&owner)->file, "");
}
END_TEST

START_TEST(a_path_that_is_very_long_is_cut_and_harms_nothing)
{
  static char path[5000];
  const struct blt__sink far = {&owner, path};

  memset(path, 'p', sizeof path - 1);
  blt__fail(&far, BLT_E_CORRUPT, 1, "wrong");
  blt__fail_upgrade(&far, BLT_E_UNKNOWN, "half done");
  ck_assert_uint_lt(strlen(blt__fail_last(&owner)->file), sizeof path - 1);
  ck_assert_ptr_nonnull(strstr(blt__fail_last(&owner)->message, "wrong"));
}
END_TEST

START_TEST(the_holder_of_a_lock_is_told)
{
  blt__fail(&sink, BLT_E_LOCKED, BLT_NO_OFFSET, "locked");
  blt__fail_set_holder(4711);
  ck_assert_int_eq(blt__fail_last(&owner)->holder_pid, 4711);
  blt__fail(&sink, BLT_E_CORRUPT, 0, "wrong");
  ck_assert_int_eq(blt__fail_last(&owner)->holder_pid, 0);
}
END_TEST

Suite *fail_suite(void)
{
  return SUITE_OF("fail", a_failure_says_file_place_and_cause,
                  a_failure_is_not_told_to_another_owner,
                  each_errno_has_its_status, another_status_keeps_the_cause,
                  a_store_in_memory_has_a_name_in_messages,
                  a_path_that_is_very_long_is_cut_and_harms_nothing,
                  the_holder_of_a_lock_is_told);
}
