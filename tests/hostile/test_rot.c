/* test_rot.c - repairs of files whose header is wrong, or whose writer was
 * killed: what was deleted stays so, and what is in values stays there */
#include "hostile/suites.h"
#include "support/image.h"
#include "support/store.h"
#include "support/temp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { N = 20, MANY = 200 };

/* The file as it stands while its writer is at work. */
static uint8_t *file_of_killed(blt_db *db, const char *path, size_t *len)
{
  uint8_t *const bytes = file_read(path, len);

  EXPECT_OK(blt_close(db));
  return bytes;
}

static void expect_repaired(const char *path, unsigned n_keys)
{
  EXPECT_OK(blt_repair(path, NULL, NULL));
  blt_db *const db = open_path(path, BLT_READ);
  expect_count(db, n_keys);
  expect_numbered(db, 0, n_keys);
  expect_sound(db);
  EXPECT_OK(blt_close(db));
}

/* Nothing has rotten: a kill has torn the last commit. */
START_TEST(a_repair_of_a_killed_writer_brings_nothing_back)
{
  const char *const path = temp_path("killed.blt");
  const blt_options options = options_of_new(7);
  blt_db *const db = open_path_with(path, &options);
  char key[16];
  size_t len, torn;

  put_numbered(db, 0, 5);
  EXPECT_OK(blt_sync(db));
  EXPECT_OK(blt_batch_begin(db));
  for (unsigned i = 0; i < 5; i++) {
    snprintf(key, sizeof key, "key-%06u", i);
    delete_text(db, key);
  }
  EXPECT_OK(blt_batch_commit(db));
  free(file_read(path, &len));
  EXPECT_OK(blt_batch_begin(db));
  put_numbered(db, 0, 5);
  EXPECT_OK(blt_batch_commit(db));
  uint8_t *const bytes = file_of_killed(db, path, &torn);
  ck_assert_uint_gt(torn, len + 60);
  file_write(path, bytes, len + 60);
  free(bytes);
  expect_repaired(path, 0);
}
END_TEST

/* The first batch of all, half of which is there. */
START_TEST(a_repair_takes_nothing_of_a_batch_that_is_not_whole)
{
  const char *const path = temp_path("half.blt");
  const blt_options options = options_of_new(7);
  blt_db *const db = open_path_with(path, &options);
  size_t len;

  EXPECT_OK(blt_batch_begin(db));
  put_numbered(db, 0, N);
  EXPECT_OK(blt_batch_commit(db));
  uint8_t *const bytes = file_of_killed(db, path, &len);
  file_write(path, bytes, len - 100);
  free(bytes);
  expect_repaired(path, 0);
}
END_TEST

/* The empty key proves itself in each framing; there is no record of a log that
 * would tell, but the checkpoint knows the number of keys. */
START_TEST(the_empty_key_does_not_outweigh_the_others)
{
  const char *const path = temp_path("empty.blt");
  const blt_options options = options_of_new(7);
  blt_db *db = open_path_with(path, &options);
  size_t len, now;

  put_numbered(db, 0, N);
  EXPECT_OK(blt_put(db, "", 0, "value", 5));
  EXPECT_OK(blt_close(db));
  free(file_read(path, &len));
  db = open_path(path, BLT_WRITE);
  put_text(db, "later", "value");
  EXPECT_OK(blt_batch_begin(db)); /* commits */
  uint8_t *const bytes = file_of_killed(db, path, &now);
  bytes[IMAGE_HAS_TIMESTAMPS] ^= 1;
  file_write(path, bytes, len + 20);
  free(bytes);
  EXPECT_OK(blt_repair(path, NULL, NULL));
  db = open_path(path, BLT_READ);
  expect_count(db, N + 1);
  expect_numbered(db, 0, N);
  expect_text(db, "", "value");
  EXPECT_OK(blt_close(db));
}
END_TEST

/* ---- stores in values */

/* A store of four keys, of the other framing. */
static uint8_t *make_inner(unsigned first, size_t *len)
{
  const char *const path = temp_path("inner.blt");
  blt_options options = options_of_new(3);
  char key[16];

  options.timestamps = BLT_OFF;
  blt_db *const db = open_path_with(path, &options);
  for (unsigned i = first; i < first + 4; i++) {
    snprintf(key, sizeof key, "key-%06u", i);
    put_text(db, key, "inner");
  }
  EXPECT_OK(blt_close(db));
  return file_read(path, len);
}

/* Five keys, and each value is such a store. */
static uint8_t *make_nested(const char *path, size_t *len)
{
  const blt_options options = options_of_new(3);
  blt_db *const db = open_path_with(path, &options);
  char key[16];

  for (unsigned i = 0; i < 5; i++) {
    uint8_t *const value = make_inner(100 + 4 * i, len);
    snprintf(key, sizeof key, "key-%06u", i);
    EXPECT_OK(blt_put(db, key, strlen(key), value, *len));
    free(value);
  }
  EXPECT_OK(blt_close(db));
  return file_read(path, len);
}

static void expect_outer(const char *path)
{
  char key[16];
  blt_bytes value;

  EXPECT_OK(blt_repair(path, NULL, NULL));
  blt_db *const db = open_path(path, BLT_READ);
  expect_count(db, 5);
  for (unsigned i = 0; i < 5; i++) {
    snprintf(key, sizeof key, "key-%06u", i);
    EXPECT_OK(blt_get(db, key, strlen(key), &value));
  }
  EXPECT_OK(blt_close(db));
}

/* A closed file: a bit of the flag, of the first block's place, or of the
 * magic. */
START_TEST(keys_of_stores_in_values_stay_there)
{
  static const struct {
    size_t at;
    uint8_t bit;
  } flips[] = {{IMAGE_HAS_TIMESTAMPS, 1},
               {IMAGE_FIRST_BLOCK_OFF, 64},
               {IMAGE_FIRST_BLOCK_OFF + 1, 1},
               {3, 4}};
  const char *const path = temp_path("outer.blt");
  size_t len;
  uint8_t *const bytes = make_nested(path, &len);

  bytes[flips[_i].at] ^= flips[_i].bit;
  file_write(path, bytes, len);
  free(bytes);
  expect_outer(path);
}
END_TEST

/* ---- cut short */

static int die(void *ctx, const char *phase, uint64_t done, uint64_t total)
{
  (void)ctx;
  (void)done;
  (void)total;
  if (strcmp(phase, "repair") == 0)
    _exit(7);
  return 0;
}

/* While the copy is being made, who opens the file must see all keys. */
START_TEST(a_layout_that_was_mended_is_in_the_header_from_the_start)
{
  const char *const path = temp_path("layout.blt");
  const blt_options options = options_of_new(7);
  blt_repair_options repair = BLT_REPAIR_OPTIONS_INIT;
  blt_db *db = open_path_with(path, &options);
  size_t len;
  int status = 0;

  put_numbered(db, 0, MANY);
  EXPECT_OK(blt_prune(db, NULL, NULL)); /* blocks begin at 200 now */
  EXPECT_OK(blt_close(db));
  uint8_t *const bytes = file_read(path, &len);
  bytes[IMAGE_FIRST_BLOCK_OFF + 1] ^= 16;
  file_write(path, bytes, len);
  free(bytes);
  repair.progress = die;
  const pid_t child = fork();
  if (child == 0) {
    (void)blt_repair(path, &repair, NULL);
    _exit(0);
  }
  ck_assert_int_eq(waitpid(child, &status, 0), child);
  ck_assert_int_eq(WEXITSTATUS(status), 7);
  db = open_path(path, BLT_WRITE);
  expect_count(db, MANY);
  expect_numbered(db, 0, MANY);
  EXPECT_OK(blt_close(db));
}
END_TEST

/* ---- zeros */

START_TEST(zeros_over_a_block_leave_the_one_behind_them)
{
  struct image image;
  char key[16], value[64] = "";
  uint64_t at[N];

  for (unsigned i = 0; i < N; i++) {
    snprintf(key, sizeof key, "key-%06u", i);
    memset(value, 'v', 20 + i);
    image_init(&image, &(struct image_shape){.n_buckets = 1});
    for (unsigned k = 0; k < 5; k++) {
      snprintf(key, sizeof key, "key-%06u", k);
      at[k] = image_add(&image, key, value);
    }
    memset(image.bytes + at[1], 0, at[2] - at[1]);
    const char *const path = temp_path("zeros.blt");
    file_write(path, image.bytes, image.len);
    EXPECT_OK(blt_repair(path, NULL, NULL));
    blt_db *const db = open_path(path, BLT_READ);
    expect_count(db, 4);
    expect_text(db, "key-000002", value);
    EXPECT_OK(blt_close(db));
    image_free(&image);
  }
}
END_TEST

Suite *rot_suite(void)
{
  Suite *const suite =
      SUITE_OF("rot", a_repair_of_a_killed_writer_brings_nothing_back,
               a_repair_takes_nothing_of_a_batch_that_is_not_whole,
               the_empty_key_does_not_outweigh_the_others,
               a_layout_that_was_mended_is_in_the_header_from_the_start,
               zeros_over_a_block_leave_the_one_behind_them);
  TCase *const made = case_of("nested");

  tcase_add_loop_test(made, keys_of_stores_in_values_stay_there, 0, 4);
  suite_add_tcase(suite, made);
  return suite;
}
