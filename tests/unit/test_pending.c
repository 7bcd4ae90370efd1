/* test_pending.c - the write buffer by itself */
#include <stdio.h>
#include <string.h>

#include "change/pending.h"
#include "support/image.h"
#include "unit/inside.h"
#include "unit/suites.h"

static struct image image;
static struct inside inside;
static struct blt__pending pending;

/* A store with the key "old". */
static void set_up(void)
{
  image_init(&image, &(struct image_shape){.n_buckets = 3});
  image_add(&image, "old", "in the file");
  inside_open(&inside, image.bytes, image.len, 0);
  blt__pending_init(&pending, &inside.env, &inside.sink, &inside.image.geo, 7);
}

static void tear_down(void)
{
  blt__pending_release(&pending);
  inside_close(&inside);
  image_free(&image);
}

static void put(const char *key, const char *value)
{
  const struct blt__put how = {.key = key,
                               .key_len = strlen(key),
                               .value = value,
                               .value_len = strlen(value),
                               .time = 7};
  ck_assert_int_eq(blt__pending_put(&pending, &how), BLT_OK);
}

static blt_status delete (const char *key)
{
  return blt__pending_delete(&pending, &inside.image, key, strlen(key), 0,
                             NULL);
}

static void expect(const char *key, const char *value)
{
  const struct blt__entry *const entry =
      blt__pending_find(&pending, key, strlen(key));

  ck_assert_ptr_nonnull(entry);
  ck_assert_int_eq(entry->kind, BLT__ENTRY_PUT);
  ck_assert_uint_eq(entry->value_len, strlen(value));
  ck_assert_mem_eq(blt__entry_value(&pending, entry), value, strlen(value));
  ck_assert_mem_eq(blt__entry_key(&pending, entry), key, strlen(key));
}

static int64_t count_change(void)
{
  ck_assert_int_eq(blt__pending_resolve(&pending, &inside.image), BLT_OK);
  return blt__pending_count_change(&pending);
}

START_TEST(the_newest_put_of_a_key_is_found)
{
  set_up();
  ck_assert_ptr_null(blt__pending_find(&pending, "a", 1));
  put("a", "1");
  put("b", "2");
  put("a", "longer");
  put("a", "LONGER");
  expect("a", "LONGER");
  expect("b", "2");
  ck_assert_int_eq(count_change(), 2);
  put("", "");
  expect("", "");
  ck_assert_int_eq(count_change(), 3);
  tear_down();
}
END_TEST

START_TEST(a_replacement_of_a_key_in_the_file_is_not_counted)
{
  set_up();
  put("old", "new");
  ck_assert_int_eq(count_change(), 0);
  const struct blt__entry *const entry = blt__pending_find(&pending, "old", 3);
  ck_assert_uint_eq(entry->found, image.live[0]);
  ck_assert_mem_eq(blt__entry_hash(&pending, entry),
                   image.bytes + image.live[0], BLT__HASH_LEN);
  put("old", "newer than that");
  ck_assert_int_eq(count_change(), 0);
  ck_assert_uint_eq(blt__pending_find(&pending, "old", 3)->found,
                    image.live[0]);
  tear_down();
}
END_TEST

START_TEST(a_delete_counts_when_the_file_has_the_key)
{
  set_up();
  ck_assert_int_eq(delete ("none"), BLT_NOT_FOUND);
  ck_assert_uint_eq(pending.n_entries, 0);
  ck_assert_int_eq(delete ("old"), BLT_OK);
  ck_assert_int_eq(count_change(), -1);
  ck_assert_int_eq(delete ("old"), BLT_NOT_FOUND);
  put("old", "again");
  ck_assert_int_eq(count_change(), 0);
  expect("old", "again");
  ck_assert_int_eq(delete ("old"), BLT_OK);
  ck_assert_int_eq(count_change(), -1);
  tear_down();
}
END_TEST

START_TEST(a_put_that_is_deleted_again_leaves_nothing)
{
  set_up();
  put("a", "1");
  ck_assert_int_eq(delete ("a"), BLT_OK);
  ck_assert_int_eq(blt__pending_find(&pending, "a", 1)->kind, BLT__ENTRY_GONE);
  ck_assert_int_eq(count_change(), 0);
  ck_assert_int_eq(delete ("a"), BLT_NOT_FOUND);
  put("a", "2");
  expect("a", "2");
  ck_assert_int_eq(count_change(), 1);
  tear_down();
}
END_TEST

START_TEST(hidden_keys_are_not_counted)
{
  const struct blt__put how = {.key = "h", .key_len = 1, .hidden = 1};

  set_up();
  ck_assert_int_eq(blt__pending_put(&pending, &how), BLT_OK);
  ck_assert_int_eq(count_change(), 0);
  ck_assert_int_eq(
      blt__pending_delete(&pending, &inside.image, "old", 3, 1, NULL), BLT_OK);
  ck_assert_int_eq(count_change(), 0);
  tear_down();
}
END_TEST

START_TEST(a_value_may_come_from_the_buffer_itself)
{
  set_up();
  put("a", "the value of a");
  for (char name = 'b'; name < 'z'; name++) {
    const char key[2] = {name, '\0'};
    const struct blt__entry *const entry = blt__pending_find(&pending, "a", 1);
    const struct blt__put how = {.key = key,
                                 .key_len = 1,
                                 .value = blt__entry_value(&pending, entry),
                                 .value_len = entry->value_len};
    ck_assert_int_eq(blt__pending_put(&pending, &how), BLT_OK);
    expect(key, "the value of a");
  }
  tear_down();
}
END_TEST

START_TEST(many_keys_are_all_found_and_forgotten)
{
  char key[16];

  set_up();
  for (int round = 0; round < 3; round++) {
    for (int i = 0; i < 3000; i++) {
      snprintf(key, sizeof key, "k%d", i * (round + 1));
      put(key, key);
    }
    for (int i = 0; i < 3000; i++) {
      snprintf(key, sizeof key, "k%d", i * (round + 1));
      expect(key, key);
    }
    ck_assert_int_eq(count_change(), 3000);
    blt__pending_clear(&pending);
    ck_assert_ptr_null(blt__pending_find(&pending, "k0", 2));
    ck_assert_uint_eq(blt__pending_len(&pending), 0);
    put("few", "1");
    blt__pending_clear(&pending);
  }
  tear_down();
}
END_TEST

START_TEST(a_large_value_stays_with_the_caller)
{
  static const char large[100000] = "large";
  const struct blt__put how = {.key = "l",
                               .key_len = 1,
                               .value = large,
                               .value_len = sizeof large,
                               .leave_value = 1};

  set_up();
  ck_assert_int_eq(blt__pending_put(&pending, &how), BLT_OK);
  ck_assert_ptr_eq(
      blt__entry_value(&pending, blt__pending_find(&pending, "l", 1)), large);
  ck_assert_uint_lt(pending.body.len, 100);
  ck_assert_uint_eq(blt__pending_len(&pending),
                    pending.body.len + sizeof large);
  tear_down();
}
END_TEST

Suite *pending_suite(void)
{
  return SUITE_OF("pending", the_newest_put_of_a_key_is_found,
                  a_replacement_of_a_key_in_the_file_is_not_counted,
                  a_delete_counts_when_the_file_has_the_key,
                  a_put_that_is_deleted_again_leaves_nothing,
                  hidden_keys_are_not_counted,
                  a_value_may_come_from_the_buffer_itself,
                  many_keys_are_all_found_and_forgotten,
                  a_large_value_stays_with_the_caller);
}
