/* test_env.c - memory, time and chance */
#include <stdlib.h>
#include <string.h>

#include "base/env.h"
#include "unit/suites.h"

static uint64_t late_clock(void *ctx)
{
  return *(const uint64_t *)ctx;
}

START_TEST(without_options_all_comes_from_the_system)
{
  const blt_options options = BLT_OPTIONS_INIT;
  struct blt__env env;

  blt__env_init(&env, &options);
  void *p = blt__alloc(&env, 10);
  ck_assert_ptr_nonnull(p);
  p = blt__resize(&env, p, 10, 2000);
  ck_assert_ptr_nonnull(p);
  blt__release(&env, p, 2000);
  blt__release(&env, NULL, 5);
  ck_assert_uint_gt(blt__now(&env), UINT64_C(1700000000000000));
}
END_TEST

START_TEST(a_time_that_does_not_fit_seven_bytes_is_cut)
{
  uint64_t now = UINT64_MAX;
  blt_options options = BLT_OPTIONS_INIT;
  struct blt__env env;

  options.clock = late_clock;
  options.clock_ctx = &now;
  blt__env_init(&env, &options);
  ck_assert_uint_eq(blt__now(&env), (UINT64_C(1) << 56) - 1);
  now = 77;
  ck_assert_uint_eq(blt__now(&env), 77);
}
END_TEST

START_TEST(nothing_to_allocate_is_still_something)
{
  const blt_options options = BLT_OPTIONS_INIT;
  struct blt__env env;

  blt__env_init(&env, &options);
  void *const p = blt__resize(&env, NULL, 0, 0);
  ck_assert_ptr_nonnull(p);
  blt__release(&env, p, 0);
}
END_TEST

START_TEST(chance_does_not_repeat_itself)
{
  uint8_t a[32] = {0}, b[32] = {0};

  blt__random(a, sizeof a);
  blt__random(b, sizeof b);
  ck_assert_mem_ne(a, b, sizeof a);
}
END_TEST

Suite *env_suite(void)
{
  return SUITE_OF("env", without_options_all_comes_from_the_system,
                  a_time_that_does_not_fit_seven_bytes_is_cut,
                  nothing_to_allocate_is_still_something,
                  chance_does_not_repeat_itself);
}
