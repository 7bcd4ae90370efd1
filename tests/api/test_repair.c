/* test_repair.c - blt_repair: what is kept, what is reported, what it leaves
 * alone */
#include "api/suites.h"
#include "support/dict.h"
#include "support/image.h"
#include "support/random.h"
#include "support/store.h"
#include "support/temp.h"

#include <stdio.h>
#include <stdlib.h>

enum { N_KEYS = 50, N_KINDS = 4, N_BUCKETS = 67 };

/* ---- stores and what is in them */

static const char *value_of(int kind, unsigned i)
{
  static char value[32];

  snprintf(value, sizeof value, kind == 2 ? "%08u" : "the value %u", i);
  return value;
}

static void fill(blt_db *db, int kind)
{
  char key[16];

  for (unsigned i = 0; i < N_KEYS; i++) {
    const char *const value = value_of(kind, i);
    snprintf(key, sizeof key, "key-%u", i);
    EXPECT_OK(blt_put_at(db, key, strlen(key), value, strlen(value), 1000 + i));
  }
  EXPECT_OK(blt_sync(db));
  put_text(db, "key-0", value_of(kind, 99));
  delete_text(db, "key-1");
  if (kind == 2)
    return;
  EXPECT_OK(blt_metadata_set(db, "{\"a\": 1}", 8, 77));
  EXPECT_OK(blt_slot_set(db, 2, "slot", 4, 78));
}

/* With timestamps, without, of fixed length, and after a prune, where the
 * blocks stand in front of the index. */
static const char *new_store(int kind)
{
  const char *const path = temp_path("damaged.blt");
  blt_options options = options_of_new(N_BUCKETS);

  options.timestamps = kind == 1 ? BLT_OFF : BLT_DEFAULT;
  options.key_serializer = BLT_SERIALIZER_STR;
  if (kind == 2) {
    options.kind = BLT_FIXED;
    options.fixed_value_len = 8;
  }
  blt_db *const db = open_path_with(path, &options);
  fill(db, kind);
  if (kind == 3)
    EXPECT_OK(blt_prune(db, NULL, NULL));
  EXPECT_OK(blt_close(db));
  return path;
}

/* Everything in a file that must be sound, hidden keys too. */
static struct dict content_of(const char *path)
{
  blt_db *const db = open_path(path, BLT_READ);
  struct dict dict = {0};
  blt_iter *iter = NULL;
  blt_item item;

  expect_sound(db);
  EXPECT_OK(blt_iter_open(
      db, BLT_ITER_VALUES | BLT_ITER_TIMESTAMPS | BLT_ITER_HIDDEN, &iter));
  while (blt_iter_next(iter, &item) == BLT_OK)
    dict_put(&dict, item.key.data, item.key.len, item.value.data,
             item.value.len, item.timestamp);
  blt_iter_close(iter);
  EXPECT_OK(blt_close(db));
  return dict;
}

/* `all` 0: `now` may lack some of them. */
static void expect_part(const struct dict *was, const struct dict *now, int all)
{
  if (all)
    ck_assert_uint_eq(now->n_entries, was->n_entries);
  for (size_t i = 0; i < now->n_entries; i++) {
    const struct dict_entry *const new = &now->entries[i];
    const struct dict_entry *const old = dict_get(was, new->key, new->key_len);
    ck_assert_ptr_nonnull(old);
    ck_assert(bytes_equal((blt_bytes){old->value, old->value_len}, new->value,
                          new->value_len));
    ck_assert_uint_eq(old->timestamp, new->timestamp);
  }
}

static void expect_content(const char *path, const struct dict *was)
{
  struct dict now = content_of(path);

  expect_part(was, &now, 1);
  dict_clear(&now);
}

/* ---- repairs */

static blt_repair_report repaired(const char *path,
                                  const blt_repair_options *options)
{
  blt_repair_report report;

  memset(&report, 9, sizeof report);
  const blt_status status = blt_repair(path, options, &report);
  ck_assert_msg(status == BLT_OK, "repair gave %s: %s", blt_status_name(status),
                blt_last_error(NULL)->message);
  return report;
}

static void expect_unchanged(const char *path, const uint8_t *bytes, size_t len)
{
  size_t now_len;
  uint8_t *const now = file_read(path, &now_len);

  ck_assert(bytes_equal((blt_bytes){now, now_len}, bytes, len));
  free(now);
}

static void overwrite(const char *path, size_t off, const void *bytes,
                      size_t len)
{
  size_t file_size;
  uint8_t *const file = file_read(path, &file_size);

  ck_assert_uint_le(off + len, file_size);
  memcpy(file + off, bytes, len);
  file_write(path, file, file_size);
  free(file);
}

START_TEST(a_sound_store_keeps_its_content)
{
  const char *const path = new_store(_i);
  struct dict was = content_of(path);
  const blt_repair_report report = repaired(path, NULL);

  ck_assert_uint_eq(report.n_kept, was.n_entries);
  ck_assert_uint_eq(report.n_superseded, 0);
  ck_assert_uint_eq(report.n_deleted, 0);
  ck_assert_uint_eq(report.n_uncommitted, 0);
  ck_assert_uint_eq(report.n_lost, 0);
  ck_assert_uint_eq(report.lost_len, 0);
  ck_assert_uint_eq(report.first_lost, BLT_NO_OFFSET);
  ck_assert_int_eq(report.header_guessed, 0);
  expect_content(path, &was);
  dict_clear(&was);
}
END_TEST

START_TEST(a_repaired_store_is_closed_well_and_takes_puts)
{
  const char *const path = new_store(_i);
  blt_open_info info;

  repaired(path, NULL);
  blt_db *const db = open_path(path, BLT_WRITE);
  EXPECT_OK(blt_open_report(db, &info));
  ck_assert_int_eq(info.what, BLT_OPENED_CLEAN);
  put_text(db, "new", "12345678");
  EXPECT_OK(blt_sync(db));
  expect_text(db, "new", "12345678");
  expect_sound(db);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(a_dry_run_writes_nothing_and_foretells_the_report)
{
  const char *const path = new_store(_i);
  blt_repair_options options = BLT_REPAIR_OPTIONS_INIT;
  size_t len;

  overwrite(path, 0, "not a booklet!!!", 16);
  uint8_t *const before = file_read(path, &len);
  options.dry_run = 1;
  const blt_repair_report told = repaired(path, &options);
  expect_unchanged(path, before, len);
  const blt_repair_report done = repaired(path, NULL);
  ck_assert_uint_gt(told.n_kept, 0);
  ck_assert_uint_eq(told.n_kept, done.n_kept);
  ck_assert_uint_eq(told.n_superseded, done.n_superseded);
  ck_assert_uint_eq(told.lost_len, done.lost_len);
  ck_assert_uint_eq(told.first_lost, done.first_lost);
  ck_assert_int_eq(told.header_guessed, done.header_guessed);
  free(before);
}
END_TEST

START_TEST(a_new_file_holds_the_same_and_the_old_one_is_only_read)
{
  const char *const path = new_store(_i);
  const char *const output = temp_path("new.blt");
  blt_repair_options options = BLT_REPAIR_OPTIONS_INIT;
  struct dict was = content_of(path);
  size_t len;
  uint8_t *const before = file_read(path, &len);

  options.output = output;
  ck_assert_uint_eq(repaired(path, &options).n_kept, was.n_entries);
  expect_unchanged(path, before, len);
  expect_content(output, &was);
  ck_assert_int_eq(memcmp(before + IMAGE_UUID, "\0\0\0\0", 4) == 0, 0);
  uint8_t *const after = file_read(output, &len);
  ck_assert_mem_eq(before, after, IMAGE_N_KEYS);
  ck_assert_mem_eq(before + IMAGE_UUID, after + IMAGE_UUID, 16);
  free(before);
  free(after);
  dict_clear(&was);
}
END_TEST

START_TEST(a_new_file_must_not_exist)
{
  const char *const path = new_store(0);
  const char *const output = temp_path("there.blt");
  blt_repair_options options = BLT_REPAIR_OPTIONS_INIT;

  file_write(output, "content", 7);
  options.output = output;
  EXPECT(BLT_E_EXISTS, blt_repair(path, &options, NULL));
  ck_assert_int_eq(blt_last_error(NULL)->status, BLT_E_EXISTS);
  ck_assert_str_eq(blt_last_error(NULL)->file, output);
  expect_unchanged(output, (const uint8_t *)"content", 7);
  options.output = path;
  EXPECT_FAILURE(blt_repair(path, &options, NULL));
}
END_TEST

/* ---- damage in the header */

static const struct {
  size_t off, len;
  int is_needed; /* a header with this in it cannot be believed */
} fields[] = {
    {0, 16, 1},
    {IMAGE_VERSION, 2, 1},
    {18, 1, 1},
    {19, 1, 1},
    {20, 1, 1},
    {IMAGE_N_BUCKETS, 4, 1},
    {IMAGE_VALUE_SERIALIZER, 2, 0},
    {IMAGE_KEY_SERIALIZER, 2, 0},
    {IMAGE_N_KEYS, 4, 0},
    {IMAGE_HAS_TIMESTAMPS, 1, 0},
    {IMAGE_FILE_TIMESTAMP, 7, 0},
    {IMAGE_UUID, 16, 0},
    {IMAGE_INDEX_OFF, 6, 0},
    {IMAGE_FIRST_BLOCK_OFF, 6, 0},
    {IMAGE_CHECKPOINT, 123, 0},
};

static void damage_field(int kind, size_t field, int byte)
{
  const char *const path = new_store(kind);
  struct dict was = content_of(path);
  uint8_t bytes[200];

  memset(bytes, byte, sizeof bytes);
  overwrite(path, fields[field].off, bytes, fields[field].len);
  const blt_repair_report report = repaired(path, NULL);
  ck_assert_msg(report.n_kept == was.n_entries,
                "kind %d, field at %zu of %02x: %u of %u kept", kind,
                fields[field].off, (unsigned)byte, (unsigned)report.n_kept,
                (unsigned)was.n_entries);
  if (fields[field].is_needed && byte == 0xff)
    ck_assert_int_eq(report.header_guessed, 1);
  expect_content(path, &was);
  dict_clear(&was);
}

START_TEST(no_field_of_the_header_is_needed)
{
  const size_t field = (size_t)_i;

  for (int kind = 0; kind < N_KINDS; kind++) {
    damage_field(kind, field, 0xff);
    if (!(kind == 2 && fields[field].off == 20))
      damage_field(kind, field, 0);
  }
}
END_TEST

/* The value length of a fixed file is in its header and nowhere else. */
START_TEST(a_header_of_chance_bytes_is_guessed)
{
  struct random random;
  uint8_t bytes[IMAGE_HEADER_LEN];

  random_start(&random, (uint64_t)_i);
  for (int kind = 0; kind < N_KINDS; kind++) {
    const char *const path = new_store(kind);
    struct dict was = content_of(path);
    random_fill(&random, bytes, sizeof bytes);
    if (kind == 2)
      memcpy(bytes + IMAGE_VALUE_LEN, (const uint8_t[]){8, 0, 0, 0}, 4);
    overwrite(path, 0, bytes, sizeof bytes);
    const blt_repair_report report = repaired(path, NULL);
    ck_assert_int_eq(report.header_guessed, 1);
    ck_assert_uint_eq(report.n_kept, was.n_entries);
    expect_content(path, &was);
    dict_clear(&was);
  }
}
END_TEST

START_TEST(types_and_uuid_are_kept_where_the_old_header_tells)
{
  const char *const path = new_store(0);
  blt_db *db = open_path(path, BLT_READ);
  const blt_header was = header_of(db);

  EXPECT_OK(blt_close(db));
  overwrite(path, 0, "not a booklet!!!", 16);
  ck_assert_int_eq(repaired(path, NULL).header_guessed, 1);
  db = open_path(path, BLT_READ);
  ck_assert_uint_eq(header_of(db).key_serializer, was.key_serializer);
  ck_assert_uint_eq(header_of(db).value_serializer, was.value_serializer);
  ck_assert_mem_eq(header_of(db).uuid, was.uuid, sizeof was.uuid);
  ck_assert_int_eq(header_of(db).has_timestamps, 1);
  EXPECT_OK(blt_close(db));
}
END_TEST

/* ---- damage in the index and in chains */

START_TEST(an_index_of_any_bytes_costs_nothing)
{
  struct random random;
  uint8_t slots[N_BUCKETS * 6];

  random_start(&random, 1);
  for (int i = 0; i < 4; i++) {
    const char *const path = new_store(0);
    struct dict was = content_of(path);
    if (i < 3)
      memset(slots, i == 0 ? 0 : i == 1 ? 1 : 0xff, sizeof slots);
    else
      random_fill(&random, slots, sizeof slots);
    overwrite(path, 200, slots, sizeof slots);
    const blt_repair_report report = repaired(path, NULL);
    ck_assert_uint_eq(report.n_kept, was.n_entries);
    ck_assert_uint_eq(report.n_lost, 0);
    expect_content(path, &was);
    dict_clear(&was);
  }
}
END_TEST

struct three {
  struct image image;
  uint64_t a, b, c;
  const char *path;
};

/* One chain of three. */
static struct three three_blocks(void)
{
  struct three t;

  image_init(&t.image, &(struct image_shape){.n_buckets = 1});
  t.a = image_add(&t.image, "a", "1");
  t.b = image_add(&t.image, "b", "2");
  t.c = image_add(&t.image, "c", "3");
  return t;
}

static blt_repair_report repair_three(struct three *t)
{
  t->path = temp_path("three.blt");
  file_write(t->path, t->image.bytes, t->image.len);
  image_free(&t->image);
  return repaired(t->path, NULL);
}

static void expect_three(const struct three *t, const char *a, const char *b,
                         const char *c)
{
  blt_db *const db = open_path(t->path, BLT_READ);

  expect_text(db, "a", a);
  expect_text(db, "b", b);
  expect_text(db, "c", c);
  expect_sound(db);
  EXPECT_OK(blt_close(db));
}

START_TEST(no_link_costs_a_block)
{
  for (int i = 0; i < 4; i++) {
    struct three t = three_blocks();
    const uint64_t links[] = {t.a, UINT64_C(0x7fffffffffff), t.a + 5, t.c + 5};
    image_set(&t.image, t.b + IMAGE_BLOCK_NEXT, 6, links[i]);
    const blt_repair_report report = repair_three(&t);
    ck_assert_uint_eq(report.n_kept, 3);
    ck_assert_uint_eq(report.n_lost, 0);
    expect_three(&t, "1", "2", "3");
  }
}
END_TEST

/* ---- damage in the blocks */

START_TEST(a_damaged_block_is_lost_alone)
{
  static const struct {
    uint64_t off;
    size_t width;
    uint64_t number;
  } damages[] = {{32, 1, 'x'},
                 {0, 1, 0},
                 {IMAGE_BLOCK_KEY_LEN, 2, 0xffff},
                 {IMAGE_BLOCK_VALUE_LEN, 4, 0xffffffff}};

  for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
    struct three t = three_blocks();
    image_set(&t.image, t.b + damages[i].off, damages[i].width,
              damages[i].number);
    const blt_repair_report report = repair_three(&t);
    ck_assert_uint_eq(report.n_kept, 2);
    ck_assert_uint_eq(report.n_lost, 1);
    ck_assert_uint_eq(report.first_lost, t.b);
    ck_assert_uint_eq(report.lost_len, t.c - t.b);
    expect_three(&t, "1", NULL, "3");
  }
}
END_TEST

START_TEST(a_cut_file_keeps_what_is_whole)
{
  struct three t = three_blocks();

  t.image.len -= 1;
  const uint64_t rest = t.image.len - t.c;
  const blt_repair_report report = repair_three(&t);
  ck_assert_uint_eq(report.n_kept, 2);
  ck_assert_uint_eq(report.n_lost, 1);
  ck_assert_uint_eq(report.first_lost, t.c);
  ck_assert_uint_eq(report.lost_len, rest);
  expect_three(&t, "1", "2", NULL);
}
END_TEST

START_TEST(the_last_of_equal_keys_wins)
{
  struct three t = three_blocks();

  image_add_loose(&t.image, "a", "newer", 1);
  image_add_loose(&t.image, "a", "newest", 1);
  const blt_repair_report report = repair_three(&t);
  ck_assert_uint_eq(report.n_kept, 3);
  ck_assert_uint_eq(report.n_superseded, 2);
  expect_three(&t, "newest", "2", "3");
}
END_TEST

START_TEST(a_dead_block_stays_dead)
{
  struct three t = three_blocks();

  image_add_loose(&t.image, "a", "dead", 0);
  ck_assert_uint_eq(repair_three(&t).n_kept, 3);
  expect_three(&t, "1", "2", "3");
}
END_TEST

Suite *repair_suite(void)
{
  Suite *const suite =
      SUITE_OF("repair", a_new_file_must_not_exist,
               types_and_uuid_are_kept_where_the_old_header_tells,
               an_index_of_any_bytes_costs_nothing, no_link_costs_a_block,
               a_damaged_block_is_lost_alone, a_cut_file_keeps_what_is_whole,
               the_last_of_equal_keys_wins, a_dead_block_stays_dead);
  TCase *const kinds = case_of("repair of each kind");

  tcase_add_loop_test(kinds, a_sound_store_keeps_its_content, 0, N_KINDS);
  tcase_add_loop_test(kinds, a_repaired_store_is_closed_well_and_takes_puts, 0,
                      N_KINDS);
  tcase_add_loop_test(kinds, a_dry_run_writes_nothing_and_foretells_the_report,
                      0, N_KINDS);
  tcase_add_loop_test(kinds,
                      a_new_file_holds_the_same_and_the_old_one_is_only_read, 0,
                      N_KINDS);
  tcase_add_loop_test(kinds, no_field_of_the_header_is_needed, 0,
                      sizeof fields / sizeof *fields);
  tcase_add_loop_test(kinds, a_header_of_chance_bytes_is_guessed, 0, 5);
  suite_add_tcase(suite, kinds);
  return suite;
}
