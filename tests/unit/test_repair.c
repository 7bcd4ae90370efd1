/* test_repair.c - what a survey of damaged bytes keeps */
#include <stdio.h>
#include <string.h>

#include "support/image.h"
#include "unit/inside.h"
#include "unit/suites.h"
#include "upkeep/repair.h"

static struct image image;
static struct inside inside;
static struct blt__survey survey;

static void make(uint32_t n_buckets)
{
  image_init(&image, &(struct image_shape){.n_buckets = n_buckets});
}

static void take(void)
{
  inside_open(&inside, image.bytes, image.len, 0);
  ck_assert_int_eq(
      blt__survey(&survey, &inside.image, &inside.env, NULL, 0, NULL), BLT_OK);
}

static void tear_down(void)
{
  blt__survey_release(&survey, &inside.env);
  inside_close(&inside);
  image_free(&image);
}

static int keeps(uint64_t off)
{
  struct blt__scanned s;

  for (size_t i = 0; blt__survey_at(&survey, &inside.image, i, &s) == BLT_OK;
       i++)
    if (s.block.off == off)
      return 1;
  return 0;
}

/* A1 */
START_TEST(a_block_whose_hash_is_not_that_of_its_key_is_not_kept)
{
  make(3);
  const uint64_t a = image_add(&image, "a", "1");
  const uint64_t b = image_add(&image, "b", "2");
  image.bytes[a] ^= 1;
  take();
  ck_assert(!keeps(a));
  ck_assert(keeps(b));
  ck_assert_uint_eq(survey.n_kept, 1);
  tear_down();
}
END_TEST

/* A1: garbage of every length between two blocks. */
START_TEST(a_scan_finds_its_step_again_behind_garbage)
{
  static const uint8_t garbage[200] = {
      0xee, 0xdd, 0xcc, 0xbb, [13] = 0xff, [19] = 0xff, [20] = 0xff};

  for (size_t len = 1; len < sizeof garbage; len++) {
    make(1);
    const uint64_t a = image_add(&image, "a", "1");
    image_add_raw(&image, garbage, len);
    const uint64_t b = image_add(&image, "b", "2");
    const uint64_t c = image_add(&image, "c", "3");
    take();
    ck_assert(keeps(a) && keeps(b) && keeps(c));
    ck_assert_uint_eq(survey.n_kept, 3);
    ck_assert_uint_eq(survey.lost_len, len);
    ck_assert_uint_eq(survey.last_lost, b);
    tear_down();
  }
}
END_TEST

/* A2 */
START_TEST(a_step_does_not_swallow_a_block_that_the_index_leads_to)
{
  make(3);
  const uint64_t a = image_add(&image, "a", "1");
  const uint64_t b = image_add(&image, "b", "2");
  const uint64_t c = image_add(&image, "c", "3");
  /* a now reaches exactly to the end of b. */
  const uint64_t len = image_block_len(&image, b);
  image_set(&image, a + IMAGE_BLOCK_VALUE_LEN, 4, 1 + len);
  take();
  ck_assert(!keeps(a));
  ck_assert(keeps(b) && keeps(c));
  tear_down();
}
END_TEST

/* A2 */
START_TEST(a_dead_block_does_not_swallow_one_that_the_index_leads_to)
{
  make(3);
  const uint64_t dead = image_add_loose(&image, "d", "1", 0);
  const uint64_t b = image_add(&image, "b", "2");
  image_set(&image, dead + IMAGE_BLOCK_VALUE_LEN, 4,
            1 + image_block_len(&image, b));
  take();
  ck_assert(keeps(b));
  tear_down();
}
END_TEST

/* A3 */
START_TEST(the_newest_block_of_a_key_wins)
{
  make(3);
  const uint64_t first = image_add_loose(&image, "a", "1", 1);
  const uint64_t b = image_add(&image, "b", "2");
  const uint64_t second = image_add_loose(&image, "a", "3", 1);
  const uint64_t dead = image_add_loose(&image, "a", "4", 0);
  take();
  ck_assert(!keeps(first) && keeps(second) && !keeps(dead) && keeps(b));
  ck_assert_uint_eq(survey.n_superseded, 1);
  ck_assert_uint_eq(survey.n_kept, 2);
  tear_down();
}
END_TEST

/* A3: a replay that says what was killed, and where the log ended. */
START_TEST(what_was_deleted_or_never_committed_is_dropped)
{
  struct blt__replay replay;

  make(3);
  const uint64_t a = image_add(&image, "a", "1");
  const uint64_t b = image_add(&image, "b", "2");
  const uint64_t tail = image_add_loose(&image, "c", "3", 1);
  inside_open(&inside, image.bytes, image.len, 0);
  memset(&replay, 0, sizeof replay);
  replay.image = &inside.image;
  replay.env = &inside.env;
  blt__buf_init(&replay.records, &inside.env);
  blt__buf_init(&replay.legal, &inside.env);
  blt__links_init(&replay.final, &inside.env);
  replay.end = tail;
  ck_assert_int_eq(blt__offsets_add(&replay.tombs, &inside.env, a), 0);
  ck_assert_int_eq(
      blt__survey(&survey, &inside.image, &inside.env, &replay, 0, NULL),
      BLT_OK);
  ck_assert(!keeps(a) && keeps(b) && !keeps(tail));
  ck_assert_uint_eq(survey.n_deleted, 1);
  ck_assert_uint_eq(survey.n_uncommitted, 1);
  blt__replay_release(&replay);
  tear_down();
}
END_TEST

START_TEST(a_sound_store_is_kept_whole)
{
  char key[8];

  make(7);
  for (int i = 0; i < 50; i++) {
    snprintf(key, sizeof key, "k%d", i);
    image_add(&image, key, key);
  }
  if (_i == 1) {
    image_move_index(&image, 11);
    image_add(&image, "behind", "the index");
  }
  take();
  ck_assert_uint_eq(survey.n_kept, image.n_live);
  ck_assert_uint_eq(survey.n_dropped + survey.lost_len, 0);
  for (size_t i = 0; i < image.n_live; i++)
    ck_assert(keeps(image.live[i]));
  tear_down();
}
END_TEST

Suite *repair_suite(void)
{
  Suite *const suite =
      SUITE_OF("repair", a_block_whose_hash_is_not_that_of_its_key_is_not_kept,
               a_scan_finds_its_step_again_behind_garbage,
               a_step_does_not_swallow_a_block_that_the_index_leads_to,
               a_dead_block_does_not_swallow_one_that_the_index_leads_to,
               the_newest_block_of_a_key_wins,
               what_was_deleted_or_never_committed_is_dropped);
  TCase *const made = case_of("sound");

  tcase_add_loop_test(made, a_sound_store_is_kept_whole, 0, 2);
  suite_add_tcase(suite, made);
  return suite;
}
