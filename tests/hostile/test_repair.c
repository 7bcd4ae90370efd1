/* test_repair.c - repair of damaged files: whatever is in them, the result is
 * sound, and keys that the damage did not touch are kept */
#include "hostile/probe.h"
#include "hostile/suites.h"
#include "support/random.h"
#include "support/store.h"
#include "support/temp.h"

#include <stdio.h>
#include <stdlib.h>

/* Each test takes every N_PARTS-th bit. */
enum { N_PARTS = 16, MAX_KEYS = 8, N_TORN = 60, N_BUCKETS = 5 };

/* A file, and where the blocks of its keys are. */
struct subject {
  uint8_t *bytes;
  size_t len;
  int has_one_value_len; /* a fixed file: its header alone knows            */
  size_t log_off;        /* where the log of a killed writer begins         */
  struct {
    char key[8], value[16];
    size_t off, len;
  } keys[MAX_KEYS];
  size_t n_keys;
};

static void subject_free(struct subject *s)
{
  free(s->bytes);
}

/* Notes where each key is, from the file before it is damaged. */
static void find_keys(struct subject *s)
{
  blt_db *const db = open_bytes(s->bytes, s->len, BLT_READ);
  blt_iter *iter = NULL;
  blt_item item;
  const blt_header header = header_of(db);
  const size_t head = header.kind == BLT_FIXED ? 21
                      : header.has_timestamps  ? 32
                                               : 25;

  s->has_one_value_len = header.kind == BLT_FIXED;
  s->n_keys = 0;
  EXPECT_OK(blt_iter_open(db, BLT_ITER_VALUES | BLT_ITER_OFFSETS, &iter));
  while (blt_iter_next(iter, &item) == BLT_OK) {
    ck_assert_uint_lt(s->n_keys, MAX_KEYS);
    const size_t i = s->n_keys++;
    memcpy(s->keys[i].key, item.key.data, item.key.len);
    s->keys[i].key[item.key.len] = '\0';
    memcpy(s->keys[i].value, item.value.data, item.value.len);
    s->keys[i].value[item.value.len] = '\0';
    s->keys[i].off = (size_t)item.value_off - item.key.len - head;
    s->keys[i].len = head + item.key.len + item.value.len;
  }
  blt_iter_close(iter);
  EXPECT_OK(blt_close(db));
}

static struct subject subject_of(const struct image_shape *shape)
{
  struct image image;
  const char *const value = shape->is_fixed ? "12" : "a value";
  struct subject s = {.log_off = SIZE_MAX};

  image_init(&image, shape);
  image_add(&image, "a", value);
  image_add(&image, "b", value);
  if (shape->index_later)
    image_move_index(&image, shape->n_buckets);
  image_add_loose(&image, "dead", value, 0);
  image_add(&image, "c", value);
  s.bytes = malloc(image.len);
  s.len = image.len;
  memcpy(s.bytes, image.bytes, image.len);
  image_free(&image);
  find_keys(&s);
  return s;
}

static struct subject subject_of_ours(int is_closed)
{
  const char *const path = temp_path("ours.blt");
  const blt_options options = options_of_new(N_BUCKETS);
  blt_db *const db = open_path_with(path, &options);
  struct subject s = {.log_off = is_closed ? SIZE_MAX
                                           : IMAGE_HEADER_LEN + 6 * N_BUCKETS};

  put_text(db, "a", "a value");
  put_text(db, "b", "a value");
  EXPECT_OK(blt_sync(db));
  put_text(db, "a", "another");
  put_text(db, "c", "a value");
  EXPECT_OK(blt_sync(db));
  if (!is_closed)
    s.bytes = file_read(path, &s.len);
  EXPECT_OK(blt_close(db));
  if (is_closed)
    s.bytes = file_read(path, &s.len);
  find_keys(&s);
  return s;
}

static struct subject subject_number(int i)
{
  static const struct image_shape shapes[] = {
      {.n_buckets = 2},
      {.n_buckets = 2, .index_later = 1},
      {.n_buckets = 2, .is_fixed = 1, .value_len = 2},
      {.n_buckets = 2, .no_timestamps = 1},
      {.n_buckets = 2, .version = 4, .filler = 0x30},
  };
  const int n_shapes = (int)(sizeof shapes / sizeof *shapes);

  return i < n_shapes ? subject_of(&shapes[i]) : subject_of_ours(i > n_shapes);
}

enum { N_SUBJECTS = 7 };

/* The key's own bytes are as they were. */
static void expect_untouched(blt_db *db, const struct subject *s, size_t from,
                             size_t to)
{
  blt_bytes value;

  for (size_t i = 0; i < s->n_keys; i++) {
    const size_t off = s->keys[i].off, end = off + s->keys[i].len;
    if (from < end && off < to)
      continue;
    const blt_status status =
        blt_get(db, s->keys[i].key, strlen(s->keys[i].key), &value);
    ck_assert_msg(status == BLT_OK, "'%s' gave %s, damage in %zu to %zu",
                  s->keys[i].key, blt_status_name(status), from, to);
    ck_assert_msg(
        bytes_equal(value, s->keys[i].value, strlen(s->keys[i].value)),
        "'%s' is '%.*s', damage in %zu to %zu", s->keys[i].key, (int)value.len,
        (const char *)value.data, from, to);
  }
}

static size_t n_untouched(const struct subject *s, size_t from, size_t to)
{
  size_t n = 0;

  for (size_t i = 0; i < s->n_keys; i++)
    n += from >= s->keys[i].off + s->keys[i].len || to <= s->keys[i].off;
  return n;
}

/* May keys be lost that are not touched? When the header of a fixed file does
 * not tell the length of its values, and with a commit that is not whole. */
static int may_cost_more(const struct subject *s, size_t from, size_t to)
{
  return to > s->log_off ||
         (s->has_one_value_len && from < IMAGE_VALUE_LEN + 4 &&
          to > IMAGE_VALUE_LEN);
}

/* With nothing to keep it is refused. */
static void expect_repair(const struct subject *s, blt_status status,
                          size_t from, size_t to)
{
  if (status == BLT_E_CORRUPT &&
      (may_cost_more(s, from, to) || n_untouched(s, from, to) == 0))
    return;
  ck_assert_msg(status == BLT_OK, "repair gave %s: %s; damage in %zu to %zu",
                blt_status_name(status), blt_last_error(NULL)->message, from,
                to);
}

/* Without a sync for each file: that all of them are found. */
static void look(const struct subject *s, const char *path, size_t from,
                 size_t to)
{
  blt_repair_options options = BLT_REPAIR_OPTIONS_INIT;
  blt_repair_report report = {0};

  options.dry_run = 1;
  const blt_status status = blt_repair(path, &options, &report);
  expect_repair(s, status, from, to);
  ck_assert_msg(may_cost_more(s, from, to) ||
                    report.n_kept >= n_untouched(s, from, to),
                "%zu blocks are kept of %zu, damage in %zu to %zu",
                (size_t)report.n_kept, n_untouched(s, from, to), from, to);
}

static void mend(const struct subject *s, const char *path, const char *output,
                 size_t from, size_t to)
{
  blt_repair_options options = BLT_REPAIR_OPTIONS_INIT;

  options.output = output;
  const blt_status status = blt_repair(path, &options, NULL);
  expect_repair(s, status, from, to);
  if (status < 0)
    return;
  blt_db *const db = open_path(output != NULL ? output : path, BLT_READ);
  const blt_status sound = blt_verify(db, NULL, NULL);
  ck_assert_msg(sound == BLT_OK, "not sound, damage in %zu to %zu", from, to);
  if (!may_cost_more(s, from, to))
    expect_untouched(db, s, from, to);
  EXPECT_OK(blt_close(db));
}

/* A repair waits for the disk, so that most files are only looked at. */
enum way { LOOK, IN_PLACE, INTO_NEW };

static enum way way_of(size_t turn, size_t every)
{
  if (turn % every != 0)
    return LOOK;
  return turn / every % 2 == 0 ? IN_PLACE : INTO_NEW;
}

/* Bytes `from` up to `to` are damaged. */
static void repair_and_judge(const struct subject *s, size_t from, size_t to,
                             enum way way)
{
  const char *const path = temp_path("damaged.blt");
  const char *const output = temp_path("new.blt");

  file_write(path, s->bytes, s->len);
  look(s, path, from, to);
  if (way != LOOK)
    mend(s, path, way == INTO_NEW ? output : NULL, from, to);
  remove(output);
  remove(path);
}

START_TEST(one_bit_costs_one_block_at_most)
{
  struct subject s = subject_number(_i / N_PARTS);

  for (size_t bit = (size_t)(_i % N_PARTS); bit < s.len * 8; bit += N_PARTS) {
    s.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    repair_and_judge(&s, bit / 8, bit / 8 + 1, way_of(bit, 53));
    s.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
  }
  subject_free(&s);
}
END_TEST

START_TEST(a_cut_costs_what_is_cut_off)
{
  struct subject s = subject_number(_i);
  const size_t whole = s.len;

  for (s.len = IMAGE_HEADER_LEN; s.len < whole; s.len++) {
    /* With nothing left to keep it may be refused. */
    if (s.len >= s.keys[0].off + s.keys[0].len)
      repair_and_judge(&s, s.len, whole, way_of(s.len, 31));
    else
      probe_briefly(s.bytes, s.len);
  }
  subject_free(&s);
}
END_TEST

START_TEST(a_run_of_chance_bytes_costs_what_it_covers)
{
  struct subject s = subject_number(_i);
  uint8_t *const whole = malloc(s.len);
  struct random random;

  memcpy(whole, s.bytes, s.len);
  random_start(&random, (uint64_t)_i);
  for (int i = 0; i < N_TORN; i++) {
    const size_t from =
        IMAGE_HEADER_LEN +
        random_below(&random, (uint32_t)(s.len - IMAGE_HEADER_LEN));
    const size_t room = s.len - from;
    const size_t len =
        1 + random_below(&random, (uint32_t)(room < 60 ? room : 60));
    if (i % 3 == 0)
      memset(s.bytes + from, i % 2 ? 0 : 0xff, len);
    else
      random_fill(&random, s.bytes + from, len);
    repair_and_judge(&s, from, from + len, way_of((size_t)i, 8));
    memcpy(s.bytes, whole, s.len);
  }
  free(whole);
  subject_free(&s);
}
END_TEST

/* A block of three proves itself by chance without the flag: the first byte
 * behind its head is its key. A writer that was killed leaves no count of keys
 * that would tell. */
START_TEST(one_block_in_a_wrong_frame_does_not_outweigh_the_others)
{
  const char *const path = temp_path("killed.blt");
  blt_options options = options_of_new(N_BUCKETS);
  blt_repair_options repair = BLT_REPAIR_OPTIONS_INIT;
  blt_repair_report report;
  size_t len;

  options.timestamps = _i == 0 ? BLT_ON : BLT_OFF;
  blt_db *const db = open_path_with(path, &options);
  for (char key = 'a'; key <= 'd'; key++)
    EXPECT_OK(blt_put_at(db, &key, 1, "aaaaaaaaa", 9, 0x55000000000a61));
  EXPECT_OK(blt_sync(db));
  delete_text(db, "d");
  EXPECT_OK(blt_sync(db));
  uint8_t *const bytes = file_read(path, &len);
  EXPECT_OK(blt_close(db));
  bytes[IMAGE_HAS_TIMESTAMPS] ^= 1;
  file_write(path, bytes, len);
  free(bytes);
  repair.dry_run = 1;
  EXPECT_OK(blt_repair(path, &repair, &report));
  ck_assert_uint_eq(report.n_kept, 3);
  ck_assert(report.header_guessed);
  repair.dry_run = 0;
  EXPECT_OK(blt_repair(path, &repair, NULL));
  blt_db *const mended = open_path(path, BLT_READ);
  expect_count(mended, 3);
  EXPECT_OK(blt_verify(mended, NULL, NULL));
  ck_assert_int_eq(header_of(mended).has_timestamps, _i == 0);
  EXPECT_OK(blt_close(mended));
}
END_TEST

static void put_file(blt_db *db, const char *key, const uint8_t *bytes,
                     size_t len)
{
  EXPECT_OK(blt_put(db, key, strlen(key), bytes, len));
}

/* One key is whole, and the end of a torn commit holds stores of another
 * framing, with more keys: the log says which framing is the file's. */
START_TEST(a_store_in_a_value_is_not_taken_for_the_store)
{
  const char *const path = temp_path("outer.blt");
  blt_options options = options_of_new(N_BUCKETS);
  size_t inner_len, len;

  options.timestamps = _i == 0 ? BLT_ON : BLT_OFF;
  blt_db *db = open_path_with(path, &options);
  put_numbered(db, 0, 5);
  EXPECT_OK(blt_close(db));
  uint8_t *const inner = file_read(path, &inner_len);
  remove(path);
  options.timestamps = _i == 0 ? BLT_OFF : BLT_ON;
  db = open_path_with(path, &options);
  put_file(db, "first", inner, inner_len);
  EXPECT_OK(blt_sync(db));
  put_file(db, "second", inner, inner_len);
  put_file(db, "third", inner, inner_len);
  EXPECT_OK(blt_sync(db));
  uint8_t *const bytes = file_read(path, &len);
  EXPECT_OK(blt_close(db));
  file_write(path, bytes, len - inner_len - 100);
  EXPECT_OK(blt_repair(path, NULL, NULL));
  db = open_path(path, BLT_READ);
  expect_count(db, 1);
  ck_assert_int_eq(blt_has(db, "first", 5), BLT_OK);
  EXPECT_OK(blt_close(db));
  free(bytes);
  free(inner);
}
END_TEST

Suite *repair_suite(void)
{
  Suite *const suite = suite_create("repair");
  TCase *const made = case_of("repair");

  tcase_add_loop_test(made, one_bit_costs_one_block_at_most, 0,
                      N_SUBJECTS * N_PARTS);
  tcase_add_loop_test(made, a_cut_costs_what_is_cut_off, 0, N_SUBJECTS);
  tcase_add_loop_test(made, a_run_of_chance_bytes_costs_what_it_covers, 0,
                      N_SUBJECTS);
  tcase_add_loop_test(made, a_store_in_a_value_is_not_taken_for_the_store, 0,
                      2);
  tcase_add_loop_test(
      made, one_block_in_a_wrong_frame_does_not_outweigh_the_others, 0, 2);
  suite_add_tcase(suite, made);
  return suite;
}
