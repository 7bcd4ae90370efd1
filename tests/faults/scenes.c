/* scenes.c - jobs that the workload does not do */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>

#include "base/bytes.h"
#include "faults/scene.h"
#include "support/image.h"
#include "support/store.h"
#include "support/temp.h"

enum { N_KEPT = 6, UNCOVERED_LEN = 66000, BUFFER_LEN = 4096 };

const char *scene_path, *scene_other;
const blt_allocator *scene_allocator;

static blt_options options_here(blt_mode mode)
{
  blt_options options = options_of(mode);

  options.allocator = scene_allocator;
  return options;
}

static void make_numbered(uint32_t n_buckets, unsigned n)
{
  const blt_options options = options_of_new(n_buckets);
  blt_db *const db = open_path_with(scene_path, &options);

  put_numbered(db, 0, n);
  EXPECT_OK(blt_close(db));
}

static void prepare_numbered(void)
{
  make_numbered(3, N_KEPT);
}

static void prepare_nothing(void) {}

static void look_at_numbered(blt_status status)
{
  blt_db *const db = open_path(scene_path, BLT_WRITE);

  (void)status;
  expect_numbered(db, 0, N_KEPT);
  expect_sound(db);
  EXPECT_OK(blt_close(db));
}

static blt_status put_and_close(blt_db *db, const char *key)
{
  const blt_status status = blt_put(db, key, strlen(key), "new", 3);
  const blt_status closed = blt_close(db);

  return status < 0 ? status : closed;
}

/* ---- repair */

/* A link to nowhere in each bucket: nothing is found by a lookup. */
static void prepare_damaged(void)
{
  size_t len = 0;

  prepare_numbered();
  uint8_t *const bytes = file_read(scene_path, &len);
  for (int i = 0; i < 3; i++)
    blt__put6(bytes + IMAGE_HEADER_LEN + i * 6, 300 + (uint64_t)i);
  file_write(scene_path, bytes, len);
  free(bytes);
}

/* Nothing of the header tells how blocks are framed: each way is tried. */
static void prepare_headless(void)
{
  size_t len = 0;

  make_numbered(7, N_KEPT); /* few bytes, since each of them is tried      */
  uint8_t *const bytes = file_read(scene_path, &len);
  memset(bytes, 0xee, IMAGE_HEADER_LEN);
  file_write(scene_path, bytes, len);
  free(bytes);
}

static blt_status repair_in_place(void)
{
  blt_repair_options options = BLT_REPAIR_OPTIONS_INIT;

  options.allocator = scene_allocator;
  return blt_repair(scene_path, &options, NULL);
}

static void look_at_repaired(blt_status status)
{
  if (status == BLT_OK)
    look_at_numbered(status);
}

static blt_status repair_into(void)
{
  blt_repair_options options = BLT_REPAIR_OPTIONS_INIT;

  options.allocator = scene_allocator;
  options.output = scene_other;
  return blt_repair(scene_path, &options, NULL);
}

/* There is a whole one, or none. */
static void look_at_output(blt_status status)
{
  ck_assert(status < 0 || file_exists(scene_other));
  if (!file_exists(scene_other))
    return;
  blt_db *const db = open_path(scene_other, BLT_READ);
  expect_numbered(db, 0, N_KEPT);
  expect_sound(db);
  EXPECT_OK(blt_close(db));
  ck_assert_int_eq(remove(scene_other), 0);
}

/* ---- ways to open */

void scene_keep_unclosed(blt_db *db)
{
  size_t len = 0;

  uint8_t *const bytes = file_read(scene_path, &len);
  EXPECT_OK(blt_close(db));
  file_write(scene_path, bytes, len);
  free(bytes);
}

static void prepare_unclosed(void)
{
  const blt_options options = options_of_new(3);
  blt_db *const db = open_path_with(scene_path, &options);

  put_numbered(db, 0, N_KEPT);
  EXPECT_OK(blt_sync(db));
  scene_keep_unclosed(db);
}

static blt_status read_it(void)
{
  const blt_options options = options_here(BLT_READ);
  blt_bytes value;
  blt_db *db = NULL;
  blt_status status = blt_open(scene_path, &options, &db);

  if (status < 0)
    return status;
  status = blt_get(db, "key-000001", 10, &value);
  const blt_status closed = blt_close(db);
  return status < 0 ? status : closed;
}

static blt_status empty_it(void)
{
  const blt_options options = options_here(BLT_NEW);
  blt_db *db = NULL;
  const blt_status status = blt_open(scene_path, &options, &db);

  return status < 0 ? status : put_and_close(db, "first");
}

static blt_status create_exclusively(void)
{
  blt_options options = options_here(BLT_CREATE);
  blt_db *db = NULL;

  options.exclusive = BLT_ON;
  const blt_status status = blt_open(scene_path, &options, &db);
  return status < 0 ? status : put_and_close(db, "first");
}

static void look_at_first(blt_status status)
{
  if (status != BLT_OK)
    return;
  blt_db *const db = open_path(scene_path, BLT_READ);
  expect_text(db, "first", "new");
  expect_count(db, 1);
  expect_sound(db);
  EXPECT_OK(blt_close(db));
}

static void look_at_exclusive(blt_status status)
{
  look_at_first(status);
  /* What is there now was not, for the next attempt. */
  (void)remove(scene_path);
}

static blt_status open_descriptor(void)
{
  const blt_options options = options_here(BLT_WRITE);
  FILE *const file = fopen(scene_path, "r+");
  blt_db *db = NULL;

  if (file == NULL)
    return BLT_E_IO;
  blt_status status = blt_open_fd(fileno(file), &options, &db);
  if (status == BLT_OK)
    status = put_and_close(db, "last");
  fclose(file);
  return status;
}

static blt_status turn_to_and_fro(void)
{
  const blt_options options = options_here(BLT_READ);
  blt_db *db = NULL;
  blt_status status = blt_open(scene_path, &options, &db);

  if (status < 0)
    return status;
  if ((status = blt_reopen(db, BLT_WRITE)) == BLT_OK &&
      (status = blt_put(db, "last", 4, "new", 3)) == BLT_OK)
    status = blt_reopen(db, BLT_READ);
  const blt_status closed = blt_close(db);
  return status < 0 ? status : closed;
}

static blt_status take_an_image(void)
{
  const blt_options options = options_here(BLT_NEW);
  blt_bytes image;
  blt_db *db = NULL;
  blt_status status = blt_open_memory(NULL, 0, &options, &db);

  if (status < 0)
    return status;
  status = blt_memory_image(db, &image);
  const blt_status closed = put_and_close(db, "k");
  return status < 0 ? status : closed;
}

/* ---- stores of an odd shape */

/* The key is lent from the buffer, which the commit before empties. */
static blt_status put_a_lent_key(void)
{
  static const uint8_t big[2 * BUFFER_LEN];
  blt_options options = options_here(BLT_WRITE);
  blt_bytes lent = {NULL, 0};
  blt_db *db = NULL;

  options.buffer_len = BUFFER_LEN;
  blt_status status = blt_open(scene_path, &options, &db);
  if (status < 0)
    return status;
  if ((status = blt_put(db, "last", 4, "lent", 4)) == BLT_OK &&
      (status = blt_get(db, "last", 4, &lent)) == BLT_OK)
    status = blt_put(db, lent.data, lent.len, big, sizeof big);
  const blt_status closed = blt_close(db);
  return status < 0 ? status : closed;
}

static void look_for_lent(blt_status status)
{
  size_t len = 0;

  look_at_numbered(status);
  blt_db *const db = open_path(scene_path, BLT_READ);
  const blt_status found = blt_get_into(db, "lent", 4, NULL, 0, &len);
  ck_assert_int_eq(found, status == BLT_OK ? BLT_E_TOO_BIG : found);
  ck_assert(found == BLT_NOT_FOUND || len == 2 * BUFFER_LEN);
  EXPECT_OK(blt_close(db));
}

static void prepare_many_buckets(void)
{
  make_numbered(BLT_DEFAULT_BUCKETS, N_KEPT);
}

/* The links of so many keys are sorted with a second row of memory. */
static blt_status put_many_links(void)
{
  const blt_options options = options_here(BLT_WRITE);
  char key[16];
  blt_db *db = NULL;
  blt_status status = blt_open(scene_path, &options, &db);

  if (status < 0)
    return status;
  for (int i = 0; i < 300 && status == BLT_OK; i++) {
    snprintf(key, sizeof key, "more-%d", i);
    status = blt_put(db, key, strlen(key), key, 4);
  }
  const blt_status closed = blt_close(db);
  return status < 0 ? status : closed;
}

/* The index before is large enough for its space to be given back. */
static blt_status reindex_it(void)
{
  const blt_options options = options_here(BLT_WRITE);
  blt_db *db = NULL;
  blt_status status = blt_open(scene_path, &options, &db);

  if (status < 0)
    return status;
  status = blt_reindex(db, 3);
  if (status == BLT_OK)
    status = blt_reindex(db, BLT_DEFAULT_BUCKETS);
  const blt_status closed = blt_close(db);
  return status < 0 ? status : closed;
}

static blt_status prune_but_for_one(void)
{
  const blt_options options = options_here(BLT_WRITE);
  const blt_bytes keep[] = {{"key-000000", 10}, {"nobody", 6}};
  blt_prune_options how = BLT_PRUNE_OPTIONS_INIT;
  blt_db *db = NULL;
  blt_status status = blt_open(scene_path, &options, &db);

  how.older_than = 1; /* all are younger: nothing is dropped                */
  how.keep_keys = keep;
  how.n_keep_keys = 2;
  if (status < 0)
    return status;
  status = blt_prune(db, &how, NULL);
  const blt_status closed = blt_close(db);
  return status < 0 ? status : closed;
}

/* A link leads to a block inside a value, which no scan meets. */
static void prepare_astray(void)
{
  struct image image;
  uint8_t inner[64];

  image_init(&image, &(struct image_shape){.n_buckets = 1});
  const uint64_t a = image_add(&image, "a", "1");
  const size_t len = image_block_len(&image, a);
  ck_assert_uint_le(len, sizeof inner);
  memcpy(inner, image.bytes + a, len);
  const uint64_t b = image_add_bytes(&image, "b", 1, inner, len, 1000);
  image_set(&image, a + IMAGE_BLOCK_NEXT, 6, b + image_head_len(&image) + 1);
  file_write(scene_path, image.bytes, image.len);
  image_free(&image);
}

static blt_status verify_it(void)
{
  const blt_options options = options_here(BLT_READ);
  blt_db *db = NULL;
  blt_status status = blt_open(scene_path, &options, &db);

  if (status < 0)
    return status;
  status = blt_verify(db, NULL, NULL);
  (void)blt_close(db);
  return status == BLT_E_CORRUPT ? BLT_OK : status;
}

static void look_at_nothing(blt_status status)
{
  (void)status;
}

/* Values that nothing can span stand dead in the file until their links are
 * written, and the writer was killed before. */
static void make_uncovered(int is_synced)
{
  static uint8_t value[UNCOVERED_LEN];
  blt_options options = options_of_new(3);

  options.kind = BLT_FIXED;
  options.fixed_value_len = UNCOVERED_LEN;
  blt_db *const db = open_path_with(scene_path, &options);
  EXPECT_OK(blt_batch_begin(db));
  for (char c = 'a'; c < 'd'; c++) {
    memset(value, c, sizeof value);
    EXPECT_OK(blt_put(db, &c, 1, value, sizeof value));
  }
  EXPECT_OK(blt_batch_commit(db));
  if (is_synced)
    EXPECT_OK(blt_sync(db));
  scene_keep_unclosed(db);
}

static void prepare_uncovered(void)
{
  make_uncovered(0);
}

/* booklet has opened it, and put a count. */
static void prepare_touched(void)
{
  size_t len = 0;

  make_uncovered(1);
  uint8_t *const bytes = file_read(scene_path, &len);
  blt__put4(bytes + IMAGE_N_KEYS, 1);
  file_write(scene_path, bytes, len);
  free(bytes);
}

static blt_status open_it(void)
{
  const blt_options options = options_here(BLT_WRITE);
  blt_db *db = NULL;
  const blt_status status = blt_open(scene_path, &options, &db);

  return status < 0 ? status : blt_close(db);
}

static void look_at_uncovered(blt_status status)
{
  blt_db *const db = open_path(scene_path, BLT_WRITE);

  (void)status;
  for (char c = 'a'; c < 'd'; c++) {
    blt_bytes value = {NULL, 0};
    EXPECT_OK(blt_get(db, &c, 1, &value));
    ck_assert_uint_eq(value.len, UNCOVERED_LEN);
    ck_assert_int_eq(((const char *)value.data)[UNCOVERED_LEN - 1], c);
  }
  expect_count(db, 3);
  expect_sound(db);
  EXPECT_OK(blt_close(db));
}

const struct scene scenes[N_SCENES] = {
    [SCENE_REPAIR] = {"repair", prepare_damaged, repair_in_place,
                      look_at_repaired},
    [SCENE_OPEN] = {"open", prepare_unclosed, open_it, look_at_numbered},
    [SCENE_OPEN_NUMBERED] = {"open clean", prepare_numbered, open_it,
                             look_at_numbered},
    {"repair headless", prepare_headless, repair_in_place, look_at_repaired},
    {"repair into", prepare_damaged, repair_into, look_at_output},
    {"read unclosed", prepare_unclosed, read_it, look_at_numbered},
    {"empty", prepare_numbered, empty_it, look_at_first},
    {"create", prepare_nothing, create_exclusively, look_at_exclusive},
    {"descriptor", prepare_numbered, open_descriptor, look_at_numbered},
    {"reopen", prepare_numbered, turn_to_and_fro, look_at_numbered},
    {"memory", prepare_nothing, take_an_image, look_at_nothing},
    {"lent key", prepare_numbered, put_a_lent_key, look_for_lent},
    {"many links", prepare_many_buckets, put_many_links, look_at_numbered},
    {"reindex", prepare_many_buckets, reindex_it, look_at_numbered},
    {"prune", prepare_numbered, prune_but_for_one, look_at_numbered},
    {"lookups", lookups_prepare, lookups_act, look_at_numbered},
    {"verify", prepare_astray, verify_it, look_at_nothing},
    {"touched", prepare_touched, open_it, look_at_uncovered},
    {"uncovered", prepare_uncovered, repair_in_place, look_at_uncovered},
    {"gap", gap_prepare, repair_in_place, gap_look},
    {"tombs", tombs_prepare, tombs_act, tombs_look},
};
