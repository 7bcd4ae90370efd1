/* test_view.c - the bounds-checked window */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "os/view.h"
#include "support/random.h"
#include "unit/inside.h"
#include "unit/suites.h"

enum { PIECE = 65536 };

static const struct blt__sink sink = {NULL, ""};
static struct blt__env env;
static struct noting noting;
static struct blt__view view;
static uint8_t bytes[3 * PIECE + 100];

static void set_up(size_t len, int by_read, int grows)
{
  const blt_options options = BLT_OPTIONS_INIT;
  const struct blt__view_how how = {.by_read = by_read, .grows = grows};

  blt__env_init(&env, &options);
  for (size_t i = 0; i < sizeof bytes; i++)
    bytes[i] = (uint8_t)(i * 31 + i / 256);
  noting_open(&noting, &env, &sink, bytes, len);
  ck_assert_int_eq(blt__view_open(&view, &noting.file, &env, &sink, &how),
                   BLT_OK);
}

static void tear_down(void)
{
  blt__view_close(&view);
  noting.file.ops->close(&noting.file);
}

/* V1 */
START_TEST(nothing_outside_the_file_is_given_out)
{
  static const struct {
    uint64_t off, len;
    blt_status want;
  } cases[] = {
      {0, 0, BLT_OK},
      {0, 1000, BLT_OK},
      {1000, 0, BLT_OK},
      {999, 1, BLT_OK},
      {1000, 1, BLT_E_CORRUPT},
      {1001, 0, BLT_E_CORRUPT},
      {0, 1001, BLT_E_CORRUPT},
      {999, 2, BLT_E_CORRUPT},
      {UINT64_MAX, 1, BLT_E_CORRUPT},
      {UINT64_MAX, 0, BLT_E_CORRUPT},
      {1, UINT64_MAX, BLT_E_CORRUPT},
      {UINT64_MAX, UINT64_MAX, BLT_E_CORRUPT},
      {UINT64_MAX - 500, 600, BLT_E_CORRUPT},
  };

  set_up(1000, _i, 0);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const uint8_t *p = NULL;
    ck_assert_int_eq(blt__view_at(&view, cases[i].off, cases[i].len, &p),
                     cases[i].want);
    if (cases[i].want == BLT_OK && cases[i].len > 0)
      ck_assert_mem_eq(p, bytes + cases[i].off, (size_t)cases[i].len);
  }
  tear_down();
}
END_TEST

/* V2 */
START_TEST(the_window_shrinks_before_the_file_does)
{
  const uint8_t *p = NULL;

  set_up(PIECE + 50, _i, 1);
  noting.watched = &view.size;
  ck_assert_int_eq(blt__view_set_size(&view, 100), BLT_OK);
  ck_assert_uint_eq(noting.window_size, 100);
  ck_assert_int_eq(blt__view_at(&view, 100, 1, &p), BLT_E_CORRUPT);
  tear_down();
}
END_TEST

/* V2 */
START_TEST(the_window_grows_after_the_file_did)
{
  const uint8_t *p = NULL;

  set_up(100, _i, 1);
  noting.watched = &view.size;
  ck_assert_int_eq(blt__view_set_size(&view, 5000), BLT_OK);
  ck_assert_uint_eq(noting.window_size, 100);
  ck_assert_int_eq(blt__view_at(&view, 4999, 1, &p), BLT_OK);
  ck_assert_uint_eq(*p, 0);
  tear_down();
}
END_TEST

/* V2 */
START_TEST(a_file_that_cannot_grow_does_not_show_more)
{
  set_up(100, _i, 1);
  noting.set_size_error = ENOSPC;
  ck_assert_int_eq(blt__view_set_size(&view, 5000), BLT_E_NO_SPACE);
  ck_assert_uint_eq(view.size, 100);
  ck_assert_int_eq(blt__view_set_size(&view, UINT64_C(1) << 48), BLT_E_TOO_BIG);
  tear_down();
}
END_TEST

/* V3 */
START_TEST(a_pointer_stays_good_when_the_file_outgrows_its_room)
{
  const uint8_t *before = NULL, *after = NULL;
  const uint64_t far = UINT64_C(9) << 20;

  set_up(1000, _i, 0);
  ck_assert_int_eq(blt__view_at(&view, 0, 1000, &before), BLT_OK);
  ck_assert_int_eq(blt__view_set_size(&view, far), BLT_OK);
  ck_assert_uint_eq(view.n_windows, 2);
  ck_assert_int_eq(
      blt__view_write(&view, far - 3, &(struct blt__span){"far", 3}, 1),
      BLT_OK);
  ck_assert_int_eq(blt__view_at(&view, far - 3, 3, &after), BLT_OK);
  ck_assert_mem_eq(after, "far", 3);
  ck_assert_int_eq(blt__view_at(&view, 0, 1000, &after), BLT_OK);
  ck_assert_mem_eq(after, bytes, 1000);
  ck_assert_mem_eq(before, bytes, 1000);
  tear_down();
}
END_TEST

/* V3 */
START_TEST(without_room_for_a_window_the_old_one_stays)
{
  const uint8_t *p = NULL;

  set_up(1000, 0, 0);
  noting.map_error = ENOMEM;
  ck_assert_int_eq(blt__view_set_size(&view, UINT64_C(9) << 20),
                   BLT_E_NO_MEMORY);
  ck_assert_uint_eq(view.size, 1000);
  ck_assert_int_eq(blt__view_at(&view, 0, 1000, &p), BLT_OK);
  ck_assert_mem_eq(p, bytes, 1000);
  tear_down();
}
END_TEST

START_TEST(a_piece_is_read_once)
{
  const uint8_t *p = NULL;

  set_up(sizeof bytes, 1, 0);
  ck_assert_uint_eq(noting.n_reads, 0);
  for (int i = 0; i < 3; i++)
    ck_assert_int_eq(blt__view_at(&view, 10, 20, &p), BLT_OK);
  ck_assert_uint_eq(noting.n_reads, 1);
  ck_assert_int_eq(blt__view_at(&view, PIECE - 1, 2, &p), BLT_OK);
  ck_assert_mem_eq(p, bytes + PIECE - 1, 2);
  ck_assert_uint_eq(noting.n_reads, 2);
  ck_assert_int_eq(blt__view_at(&view, 0, sizeof bytes, &p), BLT_OK);
  ck_assert_mem_eq(p, bytes, sizeof bytes);
  ck_assert_uint_eq(noting.n_reads, 4);
  ck_assert_uint_eq(noting.n_maps, 0);
  tear_down();
}
END_TEST

START_TEST(a_write_shows_at_once_whether_the_piece_was_read_or_not)
{
  const uint8_t *p = NULL;

  set_up(sizeof bytes, _i, 1);
  ck_assert_int_eq(blt__view_at(&view, 0, 1, &p), BLT_OK);
  for (uint64_t off = 100; off < sizeof bytes; off += PIECE / 2) {
    ck_assert_int_eq(
        blt__view_write(&view, off, &(struct blt__span){"seen", 4}, 1), BLT_OK);
    ck_assert_int_eq(blt__view_at(&view, off, 4, &p), BLT_OK);
    ck_assert_mem_eq(p, "seen", 4);
  }
  tear_down();
}
END_TEST

START_TEST(a_failed_write_does_not_show)
{
  const uint8_t *p = NULL;

  set_up(1000, 1, 1);
  ck_assert_int_eq(blt__view_at(&view, 0, 4, &p), BLT_OK);
  noting.write_error = EIO;
  ck_assert_int_eq(blt__view_write(&view, 0, &(struct blt__span){"seen", 4}, 1),
                   BLT_E_IO);
  ck_assert_int_eq(blt__view_at(&view, 0, 4, &p), BLT_OK);
  ck_assert_mem_eq(p, bytes, 4);
  tear_down();
}
END_TEST

/* Cutting, growing and writing at random: the view is the file. */
START_TEST(a_view_shows_what_the_file_holds_whatever_its_size_does)
{
  struct random random;
  uint8_t *const got = malloc(sizeof bytes);

  random_start(&random, (uint64_t)_i);
  set_up(sizeof bytes, _i, 1);
  for (int i = 0; i < 300; i++) {
    const uint8_t *p = NULL;
    const uint64_t size = 1 + random_below(&random, sizeof bytes);
    ck_assert_int_eq(blt__view_set_size(&view, size), BLT_OK);
    const uint64_t off = random_below(&random, (uint32_t)size);
    const uint64_t len = random_below(&random, (uint32_t)(size - off) + 1);
    const struct blt__span span = {bytes, (size_t)len};
    ck_assert_int_eq(blt__view_write(&view, off, &span, 1), BLT_OK);
    const uint64_t from = random_below(&random, (uint32_t)size);
    ck_assert_int_eq(
        blt__file_read(&noting.file, &sink, from, got, (size_t)(size - from)),
        BLT_OK);
    ck_assert_int_eq(blt__view_at(&view, from, size - from, &p), BLT_OK);
    ck_assert_mem_eq(p, got, (size_t)(size - from));
  }
  free(got);
  tear_down();
}
END_TEST

START_TEST(zeros_under_a_mapping_are_told)
{
  set_up(1000, 0, 0);
  ck_assert_int_eq(blt__view_judge(&view, BLT_NOT_FOUND), BLT_NOT_FOUND);
  view.hit = 1;
  ck_assert_int_eq(blt__view_judge(&view, BLT_OK), BLT_E_TRUNCATED);
  tear_down();
}
END_TEST

Suite *view_suite(void)
{
  Suite *const suite = suite_create("view");
  TCase *const made = case_of("view");

  tcase_add_loop_test(made, nothing_outside_the_file_is_given_out, 0, 2);
  tcase_add_loop_test(made, the_window_shrinks_before_the_file_does, 0, 2);
  tcase_add_loop_test(made, the_window_grows_after_the_file_did, 0, 2);
  tcase_add_loop_test(made, a_file_that_cannot_grow_does_not_show_more, 0, 2);
  tcase_add_loop_test(
      made, a_pointer_stays_good_when_the_file_outgrows_its_room, 0, 2);
  tcase_add_test(made, without_room_for_a_window_the_old_one_stays);
  tcase_add_test(made, a_piece_is_read_once);
  tcase_add_loop_test(
      made, a_write_shows_at_once_whether_the_piece_was_read_or_not, 0, 2);
  tcase_add_test(made, a_failed_write_does_not_show);
  tcase_add_loop_test(
      made, a_view_shows_what_the_file_holds_whatever_its_size_does, 0, 2);
  tcase_add_test(made, zeros_under_a_mapping_are_told);
  suite_add_tcase(suite, made);
  return suite;
}
