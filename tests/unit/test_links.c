/* test_links.c - the table of changed links against a plain array */
#include <string.h>

#include "lookup/links.h"
#include "support/random.h"
#include "unit/suites.h"

enum { N_OFFSETS = 700 };

static struct blt__env env;
static struct blt__links links;

static void set_up(void)
{
  const blt_options options = BLT_OPTIONS_INIT;

  blt__env_init(&env, &options);
  blt__links_init(&links, &env);
}

static void put(uint64_t off, uint64_t link)
{
  int is_new;

  ck_assert_int_eq(blt__links_reserve(&links, 1), 0);
  blt__links_make(&links, off, &is_new)->link = link & 0xffffffffffff;
}

static void compare(const uint64_t *offsets, const uint64_t *plain)
{
  size_t n = 0;

  for (int i = 0; i < N_OFFSETS; i++) {
    const struct blt__link_entry *const entry =
        blt__links_find(&links, offsets[i]);
    ck_assert_int_eq(entry != NULL, plain[i] != 0);
    if (entry != NULL)
      ck_assert_uint_eq(entry->link, plain[i]);
    n += plain[i] != 0;
  }
  ck_assert_uint_eq(links.n, n);
}

START_TEST(random_changes_leave_what_a_plain_table_has)
{
  uint64_t offsets[N_OFFSETS], plain[N_OFFSETS] = {0};
  struct random random;

  set_up();
  random_start(&random, (uint64_t)_i);
  for (uint64_t i = 0; i < N_OFFSETS; i++) /* neighbours, and far apart */
    offsets[i] = i < 300 ? 200 + 6 * i : (i << 37) + i;
  for (int round = 0; round < 20000; round++) {
    const uint32_t i = random_below(&random, N_OFFSETS);
    struct blt__link_entry *const entry = blt__links_find(&links, offsets[i]);
    if (random_below(&random, 5) < 2 && entry != NULL) {
      blt__links_remove(&links, entry);
      plain[i] = 0;
    } else {
      plain[i] = 1 + (random_next(&random) >> 20);
      put(offsets[i], plain[i]);
    }
    if (round % 500 == 0)
      compare(offsets, plain);
  }
  compare(offsets, plain);
  blt__links_release(&links);
}
END_TEST

START_TEST(an_empty_table_finds_nothing)
{
  set_up();
  ck_assert_ptr_null(blt__links_find(&links, 200));
  blt__links_clear(&links);
  put(200, 7);
  blt__links_clear(&links);
  ck_assert_ptr_null(blt__links_find(&links, 200));
  ck_assert_uint_eq(links.n, 0);
  blt__links_release(&links);
}
END_TEST

START_TEST(after_a_reservation_entries_do_not_move)
{
  int is_new;

  set_up();
  ck_assert_int_eq(blt__links_reserve(&links, 5000), 0);
  const struct blt__link_entry *const before = links.entries;
  for (uint64_t i = 1; i <= 5000; i++) {
    (void)blt__links_make(&links, i * 8, &is_new);
    ck_assert_int_eq(is_new, 1);
  }
  ck_assert_ptr_eq(links.entries, before);
  (void)blt__links_make(&links, 8, &is_new);
  ck_assert_int_eq(is_new, 0);
  ck_assert_int_eq(blt__links_reserve(&links, SIZE_MAX), -1);
  ck_assert_uint_eq(links.n, 5000);
  blt__links_release(&links);
}
END_TEST

START_TEST(a_table_too_large_for_what_is_in_it_is_given_back_when_cleared)
{
  set_up();
  for (uint64_t i = 1; i <= 70000; i++)
    put(i * 6, i);
  blt__links_clear(&links);
  ck_assert_ptr_nonnull(links.entries);
  put(6, 1);
  blt__links_clear(&links);
  ck_assert_ptr_null(links.entries);
  ck_assert_uint_eq(links.n, 0);
  ck_assert_ptr_null(blt__links_find(&links, 6));
  blt__links_release(&links);
}
END_TEST

START_TEST(marks_and_link_do_not_touch_each_other)
{
  int is_new;

  set_up();
  ck_assert_int_eq(blt__links_reserve(&links, 1), 0);
  struct blt__link_entry *const entry = blt__links_make(&links, 6, &is_new);
  ck_assert_uint_eq(entry->marks | entry->link, 0);
  entry->link = 0xffffffffffff;
  ck_assert_uint_eq(entry->marks, 0);
  entry->marks = BLT__MARK_TOUCHED | BLT__MARK_HEAD | BLT__MARK_DROPPED;
  ck_assert_uint_eq(entry->link, UINT64_C(0xffffffffffff));
  blt__links_release(&links);
}
END_TEST

Suite *links_suite(void)
{
  Suite *const suite =
      SUITE_OF("links", an_empty_table_finds_nothing,
               after_a_reservation_entries_do_not_move,
               a_table_too_large_for_what_is_in_it_is_given_back_when_cleared,
               marks_and_link_do_not_touch_each_other);
  TCase *const made = case_of("random");

  tcase_add_loop_test(made, random_changes_leave_what_a_plain_table_has, 0, 4);
  suite_add_tcase(suite, made);
  return suite;
}
