/* test_buf.c - a row of bytes that grows */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "unit/suites.h"

static int is_refusing;

static void *refusing_alloc(void *ctx, size_t len)
{
  (void)ctx;
  return is_refusing ? NULL : malloc(len);
}

static void *refusing_resize(void *ctx, void *old, size_t old_len, size_t len)
{
  (void)ctx;
  (void)old_len;
  return is_refusing ? NULL : realloc(old, len);
}

static void refusing_release(void *ctx, void *ptr, size_t len)
{
  (void)ctx;
  (void)len;
  free(ptr);
}

static struct blt__env env;
static struct blt__buf buf;

static void set_up(void)
{
  const blt_allocator allocator = {refusing_alloc, refusing_resize,
                                   refusing_release, NULL};
  blt_options options = BLT_OPTIONS_INIT;

  options.allocator = &allocator;
  blt__env_init(&env, &options);
  is_refusing = 0;
  blt__buf_init(&buf, &env);
}

START_TEST(what_is_appended_stands_in_order)
{
  set_up();
  for (int i = 0; i < 1000; i++) {
    const uint8_t byte = (uint8_t)i;
    ck_assert_int_eq(blt__buf_append(&buf, &byte, 1), 0);
  }
  ck_assert_uint_eq(buf.len, 1000);
  for (int i = 0; i < 1000; i++)
    ck_assert_uint_eq(buf.data[i], (uint8_t)i);
  blt__buf_release(&buf);
  ck_assert_ptr_null(buf.data);
  ck_assert_uint_eq(buf.len, 0);
}
END_TEST

START_TEST(nothing_can_be_appended)
{
  set_up();
  ck_assert_int_eq(blt__buf_append(&buf, NULL, 0), 0);
  ck_assert_uint_eq(buf.len, 0);
  blt__buf_release(&buf);
}
END_TEST

START_TEST(without_memory_the_content_stays)
{
  set_up();
  ck_assert_int_eq(blt__buf_append(&buf, "abc", 3), 0);
  is_refusing = 1;
  ck_assert_ptr_null(blt__buf_extend(&buf, 1 << 20));
  ck_assert_int_eq(blt__buf_reserve(&buf, SIZE_MAX - 1), -1);
  ck_assert_uint_eq(buf.len, 3);
  ck_assert_mem_eq(buf.data, "abc", 3);
  blt__buf_release(&buf);
}
END_TEST

START_TEST(what_was_reserved_needs_no_memory)
{
  set_up();
  ck_assert_int_eq(blt__buf_reserve(&buf, 5000), 0);
  is_refusing = 1;
  const uint8_t *const before = buf.data;
  for (int i = 0; i < 5000; i++)
    ck_assert_int_eq(blt__buf_append(&buf, "x", 1), 0);
  ck_assert_ptr_eq(buf.data, before);
  blt__buf_release(&buf);
}
END_TEST

START_TEST(a_sum_of_lengths_that_wraps_is_refused)
{
  set_up();
  ck_assert_int_eq(blt__buf_append(&buf, "abc", 3), 0);
  ck_assert_int_eq(blt__buf_reserve(&buf, SIZE_MAX), -1);
  ck_assert_int_eq(blt__buf_reserve(&buf, SIZE_MAX / 2), -1);
  ck_assert_uint_eq(buf.len, 3);
  blt__buf_release(&buf);
}
END_TEST

Suite *buf_suite(void)
{
  return SUITE_OF("buf", what_is_appended_stands_in_order,
                  nothing_can_be_appended, without_memory_the_content_stays,
                  what_was_reserved_needs_no_memory,
                  a_sum_of_lengths_that_wraps_is_refused);
}
