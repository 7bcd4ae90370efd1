/* test_resolve.c - what a commit replaces, found with and without side table */
#include <stdio.h>
#include <string.h>

#include "hash/keyhash.h"
#include "lookup/side.h"
#include "support/store.h"
#include "unit/session.h"
#include "unit/suites.h"

static struct session session;

/* H1 */
START_TEST(a_batch_finds_its_keys_by_the_table_as_by_chains)
{
  blt_options options = session_options(BLT_SYNC_BATCH);

  options.side_table = _i ? BLT_ON : BLT_OFF;
  session_open(&session, &options);
  put_numbered(session.db, 0, 150);
  EXPECT_OK(blt_sync(session.db));
  if (_i)
    build_side(&session);
  ck_assert_int_eq(blt__side_is_ready(&session.db->side), _i);
  EXPECT_OK(blt_batch_begin(session.db));
  put_numbered(session.db, 100, 100);
  for (unsigned i = 0; i < 50; i++) {
    char key[16];
    snprintf(key, sizeof key, "key-%06u", i);
    EXPECT_OK(blt_delete(session.db, key, strlen(key)));
  }
  struct blt__pending *const pending = &session.db->pending;
  struct blt__image *const image = &session.db->image;
  EXPECT_OK(blt__pending_resolve(pending, image));
  ck_assert_uint_eq(pending->n_entries, 150);
  for (size_t i = 0; i < pending->n_entries; i++) {
    const struct blt__entry *const entry = &pending->entries[i];
    const uint8_t *const key = blt__entry_key(pending, entry);
    uint8_t hash[BLT__HASH_LEN];
    struct blt__hit hit;
    blt__keyhash(key, entry->key_len, hash);
    ck_assert_mem_eq(blt__entry_hash(pending, entry), hash, sizeof hash);
    const blt_status status =
        blt__chain_find(image, hash, key, entry->key_len, &hit);
    ck_assert_uint_eq(entry->found, status == BLT_OK ? hit.block.off : 0);
  }
  EXPECT_OK(blt_batch_commit(session.db));
  for (unsigned i = 0; i < 250; i++) {
    char key[16];
    snprintf(key, sizeof key, "key-%06u", i);
    EXPECT(i < 50 || i >= 200 ? BLT_NOT_FOUND : BLT_OK,
           blt_has(session.db, key, strlen(key)));
  }
  EXPECT_OK(session_close(&session));
}
END_TEST

/* Somebody writes to the file under a handle that has built its table. */
START_TEST(a_batch_over_a_block_that_is_damaged_is_refused)
{
  blt_options options = session_options(BLT_SYNC_BATCH);

  options.side_table = BLT_ON;
  session_open(&session, &options);
  put_numbered(session.db, 0, 50);
  EXPECT_OK(blt_sync(session.db));
  build_side(&session);
  uint8_t *const head =
      session.db->image.view.base + block_of(&session, "key-000007");
  blt__put4(head + BLT__VALUELEN_OFF, UINT32_MAX - 5);
  EXPECT(BLT_E_CORRUPT, blt_delete(session.db, "key-000007", 10));
  EXPECT_OK(blt_batch_begin(session.db));
  EXPECT_OK(blt_put(session.db, "key-000007", 10, "new", 3));
  EXPECT(BLT_E_CORRUPT, blt_batch_commit(session.db));
  EXPECT_OK(blt_batch_abort(session.db));
  session.db->log.poisoned = 1;
  EXPECT(BLT_E_POISONED, session_close(&session));
}
END_TEST

/* L2: that link becomes 0 in the file at the next checkpoint. */
START_TEST(what_was_replaced_before_a_checkpoint_is_not_met_behind_it)
{
  const blt_options options = session_options((blt_sync_level)_i);

  session_open(&session, &options);
  session.db->log.due_len = 1;
  for (int round = 0; round < 4; round++) {
    EXPECT_OK(blt_batch_begin(session.db));
    put_numbered(session.db, 0, 10);
    EXPECT_OK(blt_batch_commit(session.db));
    ck_assert_uint_eq(count_by_iteration(session.db, BLT_ITER_KEYS), 10);
  }
  EXPECT_OK(session_close(&session));
}
END_TEST

/* The table of dead blocks is made then, and kept from then on. Each commit is
 * behind a checkpoint of its own, so blocks wait in two groups. */
START_TEST(a_first_iteration_meets_no_block_that_died_before)
{
  const blt_options options = session_options((blt_sync_level)(_i % 3));
  const int first = _i / 3;

  session_open(&session, &options);
  const struct blt__log *const log = &session.db->log;
  session.db->log.due_len = 1;
  for (int round = 0; round < 5; round++) {
    if (round == 3)
      session.db->log.due_len = UINT64_MAX; /* both groups have some       */
    put_batch(&session, 0, 10);
    ck_assert_uint_eq(session.db->image.tombs.n,
                      round <= first ? 0 : log->tombs.n + log->old_tombs.n);
    if (round >= first)
      ck_assert_uint_eq(count_by_iteration(session.db, BLT_ITER_KEYS), 10);
  }
  EXPECT_OK(session_close(&session));
}
END_TEST

Suite *resolve_suite(void)
{
  Suite *const suite = suite_create("resolve");
  TCase *const ways = case_of("ways");

  tcase_add_loop_test(ways, a_batch_finds_its_keys_by_the_table_as_by_chains, 0,
                      2);
  tcase_add_test(ways, a_batch_over_a_block_that_is_damaged_is_refused);
  tcase_add_loop_test(
      ways, what_was_replaced_before_a_checkpoint_is_not_met_behind_it, 0,
      BLT_SYNC_OFF + 1);
  tcase_add_loop_test(ways, a_first_iteration_meets_no_block_that_died_before,
                      0, 3 * 5);
  suite_add_tcase(suite, ways);
  return suite;
}
