/* test_lookup.c - chains, scans, and many lookups at once */
#include <stdio.h>
#include <string.h>

#include "hash/keyhash.h"
#include "lookup/chain.h"
#include "lookup/many.h"
#include "lookup/scan.h"
#include "support/image.h"
#include "unit/inside.h"
#include "unit/suites.h"

static struct image image;
static struct inside inside;

static void make(uint32_t n_buckets)
{
  image_init(&image, &(struct image_shape){.n_buckets = n_buckets});
}

static void open_image(void)
{
  inside_open(&inside, image.bytes, image.len, 0);
}

static void tear_down(void)
{
  inside_close(&inside);
  image_free(&image);
}

static blt_status find(const char *key, struct blt__hit *out)
{
  uint8_t hash[BLT__HASH_LEN];

  blt__keyhash(key, strlen(key), hash);
  return blt__chain_find(&inside.image, hash, key, strlen(key), out);
}

/* C1: circles of every length behind tails of every length. */
START_TEST(a_circle_is_found_wherever_it_begins)
{
  char key[8];
  struct blt__hit hit;

  for (int len = 1; len <= 12; len++)
    for (int back = 0; back < len; back++) {
      make(1);
      for (int i = 0; i < len; i++) {
        snprintf(key, sizeof key, "k%d", i);
        image_add(&image, key, "v");
      }
      image_set(&image, image.live[len - 1] + IMAGE_BLOCK_NEXT, 6,
                image.live[back]);
      open_image();
      ck_assert_int_eq(find("absent", &hit), BLT_E_CORRUPT);
      ck_assert_int_eq(find("k0", &hit), BLT_OK);
      tear_down();
    }
}
END_TEST

/* C1 */
START_TEST(a_chain_that_leads_backwards_is_no_circle)
{
  struct blt__hit hit;

  make(1);
  const uint64_t a = image_add(&image, "a", "1");
  const uint64_t b = image_add(&image, "b", "2");
  image_set(&image, 200, 6, b);
  image_set(&image, b + IMAGE_BLOCK_NEXT, 6, a);
  image_set(&image, a + IMAGE_BLOCK_NEXT, 6, 1);
  open_image();
  ck_assert_int_eq(find("a", &hit), BLT_OK);
  ck_assert_uint_eq(hit.block.off, a);
  ck_assert_int_eq(find("b", &hit), BLT_OK);
  ck_assert_int_eq(find("c", &hit), BLT_NOT_FOUND);
  tear_down();
}
END_TEST

/* C2 */
START_TEST(a_block_with_the_hash_of_another_key_is_not_taken)
{
  struct blt__hit hit;

  make(1);
  const uint64_t a = image_add(&image, "a", "1");
  image_add(&image, "b", "2");
  image_hash("b", 1, image.bytes + a);
  open_image();
  ck_assert_int_eq(find("a", &hit), BLT_NOT_FOUND);
  ck_assert_int_eq(find("b", &hit), BLT_OK);
  ck_assert_uint_ne(hit.block.off, a);
  tear_down();
}
END_TEST

/* C2 */
START_TEST(a_longer_key_with_the_same_beginning_is_not_taken)
{
  struct blt__hit hit;

  make(1);
  const uint64_t a = image_add(&image, "key", "1");
  image_hash("ke", 2, image.bytes + a);
  open_image();
  ck_assert_int_eq(find("ke", &hit), BLT_NOT_FOUND);
  tear_down();
}
END_TEST

/* C3 */
START_TEST(a_dead_link_inside_a_chain_is_damage)
{
  struct blt__hit hit;
  struct blt__walk walk;
  struct blt__block block;
  blt_status status;

  make(1);
  image_add(&image, "a", "1");
  const uint64_t b = image_add(&image, "b", "2");
  image_add(&image, "c", "3");
  image_set(&image, b + IMAGE_BLOCK_NEXT, 6, 0);
  open_image();
  ck_assert_int_eq(find("a", &hit), BLT_OK);
  ck_assert_int_eq(find("c", &hit), BLT_E_CORRUPT);
  blt__walk_begin(&walk, &inside.image, 200);
  while ((status = blt__walk_next(&walk, &block, NULL)) == BLT_OK)
    ;
  ck_assert_int_eq(status, BLT_E_CORRUPT);
  ck_assert_int_eq(walk.fault, BLT__FAULT_DEAD);
  ck_assert_uint_eq(walk.fault_off, b);
  tear_down();
}
END_TEST

START_TEST(a_changed_link_is_followed_instead_of_the_file)
{
  struct blt__hit hit;
  int is_new;

  make(1);
  const uint64_t a = image_add(&image, "a", "1");
  const uint64_t b = image_add_loose(&image, "b", "2", 0);
  open_image();
  ck_assert_int_eq(find("b", &hit), BLT_NOT_FOUND);
  ck_assert_int_eq(blt__links_reserve(&inside.image.links, 2), 0);
  blt__links_make(&inside.image.links, 200, &is_new)->link = b & BLT__OFF_MAX;
  blt__links_make(&inside.image.links, b + 13, &is_new)->link =
      a & BLT__OFF_MAX;
  ck_assert_int_eq(find("b", &hit), BLT_OK);
  ck_assert_int_eq(find("a", &hit), BLT_OK);
  tear_down();
}
END_TEST

/* ---- scans */

START_TEST(a_scan_gives_all_blocks_in_the_order_of_the_file)
{
  struct blt__scan scan;
  struct blt__scanned s;
  blt_status status;
  char key[8];
  size_t n = 0;

  make(3);
  for (int i = 0; i < 20; i++) {
    snprintf(key, sizeof key, "k%d", i);
    image_add(&image, key, "value");
    image_add_loose(&image, key, "dead", 0);
  }
  if (_i == 1) {
    image_move_index(&image, 5);
    image_add(&image, "behind", "the index");
  }
  open_image();
  blt__scan_begin(&scan, &inside.image);
  while ((status = blt__scan_next_live(&scan, &s)) == BLT_OK)
    ck_assert_uint_eq(s.block.off, image.live[n++]);
  ck_assert_int_eq(status, BLT_END);
  ck_assert_uint_eq(n, image.n_live);
  for (size_t i = 0; i < image.n_live; i++) {
    blt__scan_seek(&scan, image.live[i]);
    ck_assert_int_eq(blt__scan_next(&scan, &s), BLT_OK);
    ck_assert_uint_eq(s.block.off, image.live[i]);
  }
  tear_down();
}
END_TEST

/* S1: whatever the bytes are, it ends after at most length / stride steps. */
START_TEST(a_scan_over_any_bytes_moves_forward)
{
  for (int value = 0; value < 256; value++) {
    struct blt__scan scan;
    struct blt__scanned s;
    uint8_t bytes[3000];
    uint64_t last = 0, n = 0;
    make(3);
    memset(bytes, value, sizeof bytes);
    image_add_raw(&image, bytes, sizeof bytes);
    open_image();
    blt__scan_begin(&scan, &inside.image);
    while (blt__scan_next(&scan, &s) == BLT_OK) {
      ck_assert_uint_gt(scan.off, last);
      last = scan.off;
      n++;
    }
    ck_assert_uint_le(n, sizeof bytes / inside.image.geo.stride);
    tear_down();
  }
}
END_TEST

/* S2 */
START_TEST(a_block_that_passes_the_end_of_its_region_is_damage)
{
  struct blt__scan scan;
  struct blt__scanned s;

  make(3);
  const uint64_t a = image_add(&image, "a", "12345");
  if (_i > 0) {
    image_move_index(&image, 5);
    image_add(&image, "b", "6");
  }
  image_set(&image, a + IMAGE_BLOCK_VALUE_LEN, 4, _i == 2 ? 5 + 15 : 6);
  open_image();
  blt__scan_begin(&scan, &inside.image);
  ck_assert_int_eq(blt__scan_next(&scan, &s), BLT_E_CORRUPT);
  ck_assert_uint_eq(scan.off, a);
  ck_assert_int_eq(scan.fault, BLT__FAULT_OVERRUN);
  tear_down();
}
END_TEST

/* S2 */
START_TEST(a_head_that_passes_the_end_is_a_torn_tail)
{
  struct blt__scan scan;
  struct blt__scanned s;

  make(3);
  image_add(&image, "a", "1");
  image_add_raw(&image, "0123456789012345678901234567890", 31);
  open_image();
  blt__scan_begin(&scan, &inside.image);
  ck_assert_int_eq(blt__scan_next(&scan, &s), BLT_OK);
  ck_assert_int_eq(blt__scan_next(&scan, &s), BLT_E_CORRUPT);
  ck_assert_int_eq(scan.fault, BLT__FAULT_TORN);
  ck_assert_int_eq(blt__scan_next(&scan, &s), BLT_E_CORRUPT);
  tear_down();
}
END_TEST

START_TEST(tombs_and_waiting_links_decide_what_is_live)
{
  struct blt__scan scan;
  struct blt__scanned s;
  int is_new;

  make(3);
  const uint64_t a = image_add(&image, "a", "1");
  const uint64_t b = image_add_loose(&image, "b", "2", 0);
  open_image();
  ck_assert_int_eq(blt__links_reserve(&inside.image.tombs, 1), 0);
  ck_assert_int_eq(blt__links_reserve(&inside.image.links, 1), 0);
  (void)blt__links_make(&inside.image.tombs, a, &is_new);
  blt__links_make(&inside.image.links, b + 13, &is_new)->link = 1;
  blt__scan_begin(&scan, &inside.image);
  ck_assert_int_eq(blt__scan_next_live(&scan, &s), BLT_OK);
  ck_assert_uint_eq(s.block.off, b);
  ck_assert_int_eq(blt__scan_next_live(&scan, &s), BLT_END);
  tear_down();
}
END_TEST

/* ---- many */

START_TEST(many_lookups_at_once_equal_one_by_one)
{
  struct blt__query queries[BLT__MANY_MAX];
  char keys[BLT__MANY_MAX][8];

  make(7);
  for (int i = 0; i < 60; i += 2) {
    char key[8];
    snprintf(key, sizeof key, "k%d", i);
    image_add(&image, key, "v");
  }
  open_image();
  for (size_t n = 0; n <= BLT__MANY_MAX; n++) {
    for (size_t i = 0; i < n; i++) {
      snprintf(keys[i], sizeof keys[i], "k%u", (unsigned)(i + n));
      queries[i] =
          (struct blt__query){.key = keys[i], .key_len = strlen(keys[i])};
    }
    ck_assert_int_eq(blt__many_find(&inside.image, queries, n, 1), BLT_OK);
    for (size_t i = 0; i < n; i++) {
      struct blt__hit hit;
      ck_assert_int_eq(queries[i].status, find(keys[i], &hit));
      if (queries[i].status == BLT_OK)
        ck_assert_uint_eq(queries[i].hit.block.off, hit.block.off);
    }
  }
  tear_down();
}
END_TEST

/* C3: the quick step as the walk, also where a link waits elsewhere. */
START_TEST(a_dead_block_that_begins_a_chain_is_damage_among_many_too)
{
  struct blt__query query = {.key = "a", .key_len = 1};
  struct blt__hit hit;
  int is_new;

  make(1);
  const uint64_t a = image_add(&image, "a", "1");
  image_set(&image, a + IMAGE_BLOCK_NEXT, 6, BLT__LINK_DEAD);
  open_image();
  ck_assert_int_eq(find("a", &hit), BLT_E_CORRUPT);
  ck_assert_int_eq(blt__many_find(&inside.image, &query, 1, 1), BLT_E_CORRUPT);
  ck_assert_int_eq(blt__links_reserve(&inside.image.links, 1), 0);
  blt__links_make(&inside.image.links, a + BLT__LINK_OFF, &is_new)->link =
      BLT__LINK_END;
  ck_assert_int_eq(find("a", &hit), BLT_OK);
  ck_assert_int_eq(blt__many_find(&inside.image, &query, 1, 1), BLT_OK);
  ck_assert_uint_eq(query.hit.block.off, a);
  tear_down();
}
END_TEST

/* Takes a run as far as it goes, then one block of the plain scan. */
START_TEST(a_run_gives_what_the_plain_scan_gives)
{
  struct blt__scan plain, fast;
  struct blt__scanned s;
  struct blt__row rows[7];
  char key[16];
  unsigned n_live = 0;
  size_t n;

  make(5);
  for (int i = 0; i < 100; i++) {
    snprintf(key, sizeof key, "%0*d", 1 + i % 9, i);
    image_add(&image, key, i % 2 == 0 ? "v" : "a longer value");
    if (i % 4 == 0)
      image_set(&image, image.live[image.n_live - 1] + IMAGE_BLOCK_NEXT, 6, 0);
  }
  if (_i % 2 == 1) /* the last block passes the end */
    image.len -= 3;
  open_image();
  blt__scan_begin(&plain, &inside.image);
  blt__scan_begin(&fast, &inside.image);
  do {
    n = blt__scan_run(&fast, rows, 7, _i >= 2 ? BLT__RUN_VALUES : 0);
    for (size_t i = 0; i < n; i++) {
      ck_assert_int_eq(blt__scan_next_live(&plain, &s), BLT_OK);
      ck_assert_uint_eq(rows[i].off, s.block.off);
      ck_assert_uint_eq(rows[i].key_len, s.block.key_len);
      ck_assert_uint_eq(rows[i].value_len, s.block.value_len);
      n_live++;
    }
  } while (n > 0);
  ck_assert_uint_ge(n_live, 74);
  const blt_status status = blt__scan_next_live(&plain, &s);
  ck_assert_int_eq(blt__scan_next_live(&fast, &s), status);
  ck_assert_int_eq(status, _i % 2 == 1 ? BLT_E_CORRUPT : BLT_END);
  tear_down();
}
END_TEST

Suite *lookup_suite(void)
{
  Suite *const suite =
      SUITE_OF("lookup", a_circle_is_found_wherever_it_begins,
               a_chain_that_leads_backwards_is_no_circle,
               a_block_with_the_hash_of_another_key_is_not_taken,
               a_longer_key_with_the_same_beginning_is_not_taken,
               a_dead_link_inside_a_chain_is_damage,
               a_changed_link_is_followed_instead_of_the_file,
               a_scan_over_any_bytes_moves_forward,
               a_head_that_passes_the_end_is_a_torn_tail,
               tombs_and_waiting_links_decide_what_is_live,
               many_lookups_at_once_equal_one_by_one,
               a_dead_block_that_begins_a_chain_is_damage_among_many_too);
  TCase *const made = case_of("scan");

  tcase_add_loop_test(made, a_scan_gives_all_blocks_in_the_order_of_the_file, 0,
                      2);
  tcase_add_loop_test(made, a_block_that_passes_the_end_of_its_region_is_damage,
                      0, 3);
  tcase_add_loop_test(made, a_run_gives_what_the_plain_scan_gives, 0, 4);
  suite_add_tcase(suite, made);
  return suite;
}
