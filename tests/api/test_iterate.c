/* test_iterate.c - blt_iter_open and its kin */
#include <stdio.h>
#include <stdlib.h>

#include "api/suites.h"
#include "support/store.h"

static blt_iter *iter_of(blt_db *db, unsigned flags)
{
  blt_iter *iter = NULL;

  EXPECT_OK(blt_iter_open(db, flags, &iter));
  ck_assert_ptr_nonnull(iter);
  return iter;
}

START_TEST(an_empty_store_ends_at_once)
{
  blt_db *const db = new_in_memory(3);
  blt_iter *const iter = iter_of(db, BLT_ITER_VALUES);
  blt_item item;

  EXPECT(BLT_END, blt_iter_next(iter, &item));
  EXPECT(BLT_END, blt_iter_next(iter, &item));
  blt_iter_close(iter);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(keys_come_in_the_order_of_the_file)
{
  blt_db *const db = new_in_memory(3);
  blt_item item;

  for (char c = 'a'; c <= 'e'; c++) {
    EXPECT_OK(blt_put(db, &c, 1, &c, 1));
    EXPECT_OK(blt_sync(db));
  }
  put_text(db, "b", "again"); /* now the last one */
  EXPECT_OK(blt_sync(db));
  blt_iter *const iter = iter_of(db, BLT_ITER_VALUES);
  for (const char *c = "acdeb"; *c != '\0'; c++) {
    EXPECT_OK(blt_iter_next(iter, &item));
    ck_assert(bytes_equal(item.key, c, 1));
  }
  EXPECT(BLT_END, blt_iter_next(iter, &item));
  blt_iter_close(iter);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(items_hold_what_was_asked_for)
{
  blt_db *const db = new_in_memory(3);
  blt_item item;
  blt_bytes image;

  EXPECT_OK(blt_put_at(db, "key", 3, "value", 5, 4711));
  EXPECT_OK(blt_sync(db));

  blt_iter *iter = iter_of(db, BLT_ITER_KEYS);
  EXPECT_OK(blt_iter_next(iter, &item));
  ck_assert(bytes_equal(item.key, "key", 3));
  ck_assert_uint_eq(item.value.len, 5);
  ck_assert_ptr_null(item.value.data);
  blt_iter_close(iter);

  iter = iter_of(db, BLT_ITER_VALUES | BLT_ITER_TIMESTAMPS | BLT_ITER_OFFSETS);
  EXPECT_OK(blt_iter_next(iter, &item));
  ck_assert(bytes_equal(item.value, "value", 5));
  ck_assert_uint_eq(item.timestamp, 4711);
  EXPECT_OK(blt_memory_image(db, &image));
  ck_assert_uint_le(item.value_off + 5, image.len);
  ck_assert_mem_eq((const char *)image.data + item.value_off, "value", 5);
  blt_iter_close(iter);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(a_store_without_timestamps_gives_zero)
{
  blt_options options = options_of_new(3);
  blt_db *db = NULL;
  blt_item item;

  options.timestamps = BLT_OFF;
  EXPECT_OK(blt_open_memory(NULL, 0, &options, &db));
  put_text(db, "a", "1");
  blt_iter *const iter = iter_of(db, BLT_ITER_TIMESTAMPS);
  EXPECT_OK(blt_iter_next(iter, &item));
  ck_assert_uint_eq(item.timestamp, 0);
  blt_iter_close(iter);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(iteration_gives_what_was_not_committed_yet)
{
  blt_db *const db = new_in_memory(3);

  put_numbered(db, 0, 10);
  ck_assert_uint_eq(count_by_iteration(db, BLT_ITER_KEYS), 10);
  delete_text(db, "key-000004");
  put_text(db, "key-000005", "again");
  ck_assert_uint_eq(count_by_iteration(db, BLT_ITER_KEYS), 9);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(hidden_keys_are_given_only_when_asked_for)
{
  blt_db *const db = new_in_memory(3);

  put_text(db, "a", "1");
  EXPECT_OK(blt_metadata_set(db, "{}", 2, BLT_NOW));
  EXPECT_OK(blt_slot_set(db, 1, "x", 1, BLT_NOW));
  ck_assert_uint_eq(count_by_iteration(db, BLT_ITER_KEYS), 1);
  ck_assert_uint_eq(count_by_iteration(db, BLT_ITER_HIDDEN), 3);
  EXPECT_OK(blt_close(db));
}
END_TEST

/* What may be done to a store while it is walked. */
static void do_put(blt_db *db)
{
  put_text(db, "new", "1");
}

static void do_delete(blt_db *db)
{
  delete_text(db, "key-000007");
}

static void do_prune(blt_db *db)
{
  delete_text(db, "key-000007");
  EXPECT_OK(blt_prune(db, NULL, NULL));
}

static void do_reindex(blt_db *db)
{
  EXPECT_OK(blt_reindex(db, 77));
}

static void do_clear(blt_db *db)
{
  EXPECT_OK(blt_clear(db));
}

/* The status of the first next() after the change that is not an item. */
static blt_status after(void (*change)(blt_db *db), unsigned flags)
{
  blt_db *const db = new_in_memory(50);
  blt_item item;

  put_numbered(db, 0, 20);
  EXPECT_OK(blt_sync(db));
  blt_iter *const iter = iter_of(db, flags);
  EXPECT_OK(blt_iter_next(iter, &item));
  change(db);
  blt_status status = BLT_OK;
  while (status == BLT_OK)
    status = blt_iter_next(iter, &item);
  blt_iter_close(iter);
  EXPECT_OK(blt_close(db));
  return status;
}

START_TEST(a_change_ends_an_iteration)
{
  EXPECT(BLT_E_MUTATED, after(do_put, BLT_ITER_KEYS));
  EXPECT(BLT_E_MUTATED, after(do_delete, BLT_ITER_KEYS));
  EXPECT(BLT_E_MUTATED, after(do_prune, BLT_ITER_KEYS));
  EXPECT(BLT_E_MUTATED, after(do_reindex, BLT_ITER_KEYS));
  EXPECT(BLT_E_MUTATED, after(do_clear, BLT_ITER_KEYS));
}
END_TEST

START_TEST(a_tolerant_iteration_is_ended_by_a_rewrite_only)
{
  EXPECT(BLT_END, after(do_put, BLT_ITER_TOLERANT));
  EXPECT(BLT_END, after(do_delete, BLT_ITER_TOLERANT));
  EXPECT(BLT_E_COMPACTED, after(do_prune, BLT_ITER_TOLERANT));
  EXPECT(BLT_E_COMPACTED, after(do_reindex, BLT_ITER_TOLERANT));
  EXPECT(BLT_E_COMPACTED, after(do_clear, BLT_ITER_TOLERANT));
}
END_TEST

START_TEST(a_tolerant_iteration_gives_every_key_that_is_left_alone)
{
  blt_db *const db = new_in_memory(50);
  blt_item item;
  unsigned n_even = 0;
  blt_status status;

  put_numbered(db, 0, 40);
  blt_iter *const iter = iter_of(db, BLT_ITER_TOLERANT | BLT_ITER_VALUES);
  for (unsigned i = 1; (status = blt_iter_next(iter, &item)) == BLT_OK; i++) {
    char key[11] = "";
    memcpy(key, item.key.data, item.key.len < 10 ? item.key.len : 10);
    if (item.key.len == 10 && (key[9] - '0') % 2 == 0)
      n_even++;
    if (i < 40 && i % 2 == 1)
      EXPECT_OK(blt_put(db, "key-000001", 10, "changed", 7));
    if (i == 20)
      EXPECT_OK(blt_sync(db));
  }
  EXPECT(BLT_END, status);
  ck_assert_uint_eq(n_even, 20);
  blt_iter_close(iter);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(a_tolerant_iteration_that_overwrites_what_it_meets_ends)
{
  blt_db *const db = new_in_memory(50);
  blt_item item;
  blt_status status;
  unsigned n = 0;

  put_numbered(db, 0, 40);
  blt_iter *const iter = iter_of(db, BLT_ITER_TOLERANT);
  while ((status = blt_iter_next(iter, &item)) == BLT_OK && ++n <= 40) {
    EXPECT_OK(blt_put(db, item.key.data, item.key.len, "again", 5));
    EXPECT_OK(blt_sync(db));
  }
  EXPECT(BLT_END, status);
  ck_assert_uint_eq(n, 40);
  blt_iter_close(iter);
  expect_count(db, 40);
  EXPECT_OK(blt_close(db));
}
END_TEST

/* Keys that were given already, put once more when the batch is over. */
static void expect_ten_past(blt_status (*end_batch)(blt_db *))
{
  blt_db *const db = new_in_memory(50);
  blt_item item;
  blt_status status;
  unsigned n = 0;

  put_numbered(db, 0, 10);
  EXPECT_OK(blt_batch_begin(db));
  put_numbered(db, 10, 10);
  blt_iter *const iter = iter_of(db, BLT_ITER_TOLERANT);
  for (; n < 10; n++)
    EXPECT_OK(blt_iter_next(iter, &item));
  EXPECT_OK(end_batch(db));
  put_numbered(db, 0, 10);
  while ((status = blt_iter_next(iter, &item)) == BLT_OK)
    n++;
  EXPECT(BLT_END, status);
  ck_assert_uint_eq(n, 10);
  blt_iter_close(iter);
  EXPECT_OK(blt_close(db));
}

START_TEST(what_is_put_behind_a_batch_is_not_given_as_the_batchs)
{
  expect_ten_past(blt_batch_commit);
  expect_ten_past(blt_batch_abort);
}
END_TEST

START_TEST(setting_a_timestamp_disturbs_no_iteration)
{
  blt_db *const db = new_in_memory(50);
  blt_item item;
  unsigned n = 0;

  put_numbered(db, 0, 20);
  blt_iter *const iter = iter_of(db, BLT_ITER_TIMESTAMPS);
  while (blt_iter_next(iter, &item) == BLT_OK) {
    EXPECT_OK(blt_timestamp_set(db, item.key.data, item.key.len, 99));
    n++;
  }
  ck_assert_uint_eq(n, 20);
  blt_iter_close(iter);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(inside_a_batch_its_own_puts_come_last)
{
  blt_db *const db = new_in_memory(50);
  blt_item item;

  put_text(db, "a", "1");
  put_text(db, "b", "2");
  put_text(db, "c", "3");
  EXPECT_OK(blt_batch_begin(db));
  put_text(db, "a", "4");
  put_text(db, "d", "5");
  delete_text(db, "b");
  blt_iter *const iter = iter_of(db, BLT_ITER_VALUES | BLT_ITER_OFFSETS);
  EXPECT_OK(blt_iter_next(iter, &item));
  ck_assert(bytes_equal(item.key, "c", 1));
  ck_assert_uint_ne(item.value_off, BLT_NO_OFFSET);
  int n_a = 0, n_d = 0;
  for (int i = 0; i < 2; i++) {
    EXPECT_OK(blt_iter_next(iter, &item));
    ck_assert_uint_eq(item.value_off, BLT_NO_OFFSET);
    n_a += bytes_equal(item.key, "a", 1) && bytes_equal(item.value, "4", 1);
    n_d += bytes_equal(item.key, "d", 1) && bytes_equal(item.value, "5", 1);
  }
  ck_assert_int_eq(n_a, 1);
  ck_assert_int_eq(n_d, 1);
  EXPECT(BLT_END, blt_iter_next(iter, &item));
  blt_iter_close(iter);
  EXPECT_OK(blt_batch_abort(db));
  ck_assert_uint_eq(count_by_iteration(db, BLT_ITER_KEYS), 3);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(several_iterations_do_not_disturb_one_another)
{
  blt_db *const db = new_in_memory(50);
  blt_item item;

  put_numbered(db, 0, 20);
  blt_iter *const outer = iter_of(db, BLT_ITER_KEYS);
  for (int i = 0; i < 20; i++) {
    EXPECT_OK(blt_iter_next(outer, &item));
    ck_assert_uint_eq(count_by_iteration(db, BLT_ITER_VALUES), 20);
  }
  EXPECT(BLT_END, blt_iter_next(outer, &item));
  blt_iter_close(outer);
  EXPECT_OK(blt_close(db));
}
END_TEST

/* Everything an iteration gives, a line for each item; free it. */
static char *walked(blt_db *db, size_t at_once)
{
  blt_item items[70];
  size_t n = 0, len = 0, capacity = 1 << 16;
  char *const text = malloc(capacity);
  blt_iter *const iter = iter_of(db, BLT_ITER_VALUES | BLT_ITER_TIMESTAMPS |
                                         BLT_ITER_OFFSETS | BLT_ITER_HIDDEN);
  blt_status status;

  ck_assert_ptr_nonnull(text);
  text[0] = '\0';
  while ((status = blt_iter_next_many(iter, items, at_once, &n)) == BLT_OK) {
    ck_assert_uint_ge(n, 1);
    ck_assert_uint_le(n, at_once);
    for (size_t i = 0; i < n; i++)
      len += (size_t)snprintf(
          text + len, capacity - len, "%.*s %.*s %llu %llu\n",
          (int)items[i].key.len, (const char *)items[i].key.data,
          (int)items[i].value.len, (const char *)items[i].value.data,
          (unsigned long long)items[i].timestamp,
          (unsigned long long)items[i].value_off);
  }
  EXPECT(BLT_END, status);
  ck_assert_uint_eq(n, 0);
  blt_iter_close(iter);
  return text;
}

static void expect_one_walk(blt_db *db)
{
  static const size_t at_once[] = {2, 3, 7, 8, 9, 33, 70};
  char *const by_one = walked(db, 1);

  for (size_t i = 0; i < sizeof at_once / sizeof *at_once; i++) {
    char *const by_many = walked(db, at_once[i]);
    ck_assert_str_eq(by_many, by_one);
    free(by_many);
  }
  free(by_one);
}

START_TEST(many_items_at_once_are_the_same_items)
{
  blt_db *const db = new_in_memory(50);

  expect_one_walk(db);
  put_numbered(db, 0, 200);
  EXPECT_OK(blt_metadata_set(db, "{}", 2, BLT_NOW));
  EXPECT_OK(blt_sync(db));
  expect_one_walk(db);
  for (unsigned i = 0; i < 200; i += 3) {
    char key[16];
    snprintf(key, sizeof key, "key-%06u", i);
    delete_text(db, key);
  }
  expect_one_walk(db); /* links and tombs wait                             */
  EXPECT_OK(blt_reindex(db, 77));
  expect_one_walk(db); /* two regions                                      */
  EXPECT_OK(blt_batch_begin(db));
  put_numbered(db, 50, 100);
  expect_one_walk(db);
  EXPECT_OK(blt_batch_abort(db));
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(the_end_of_its_batch_ends_an_iteration)
{
  blt_db *const db = new_in_memory(50);
  blt_item item;

  put_numbered(db, 0, 3);
  EXPECT_OK(blt_batch_begin(db));
  put_text(db, "new", "1");
  blt_iter *const iter = iter_of(db, BLT_ITER_KEYS);
  EXPECT_OK(blt_iter_next(iter, &item));
  EXPECT_OK(blt_batch_commit(db));
  EXPECT(BLT_E_MUTATED, blt_iter_next(iter, &item));
  blt_iter_close(iter);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(flags_that_do_not_exist_are_refused)
{
  blt_db *const db = new_in_memory(3);
  blt_iter *iter = NULL;

  EXPECT(BLT_E_INVALID, blt_iter_open(db, BLT_ITER_TOLERANT << 1, &iter));
  EXPECT(BLT_E_INVALID, blt_iter_open(db, 999, &iter));
  ck_assert_ptr_null(iter);
  EXPECT_OK(blt_iter_open(db, (BLT_ITER_TOLERANT << 1) - 1, &iter));
  blt_iter_close(iter);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(closing_no_iterator_is_fine)
{
  blt_iter_close(NULL);
}
END_TEST

Suite *iterate_suite(void)
{
  return SUITE_OF(
      "iterate", an_empty_store_ends_at_once,
      keys_come_in_the_order_of_the_file, items_hold_what_was_asked_for,
      a_store_without_timestamps_gives_zero,
      iteration_gives_what_was_not_committed_yet,
      hidden_keys_are_given_only_when_asked_for, a_change_ends_an_iteration,
      a_tolerant_iteration_is_ended_by_a_rewrite_only,
      a_tolerant_iteration_that_overwrites_what_it_meets_ends,
      a_tolerant_iteration_gives_every_key_that_is_left_alone,
      setting_a_timestamp_disturbs_no_iteration,
      inside_a_batch_its_own_puts_come_last,
      what_is_put_behind_a_batch_is_not_given_as_the_batchs,
      several_iterations_do_not_disturb_one_another,
      many_items_at_once_are_the_same_items,
      the_end_of_its_batch_ends_an_iteration,
      flags_that_do_not_exist_are_refused, closing_no_iterator_is_fine);
}
