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
  if (_i && !blt__side_is_ready(&session.db->side))
    blt__side_build(&session.db->side, &session.db->image,
                    session.db->log.n_keys);
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

Suite *resolve_suite(void)
{
  Suite *const suite = suite_create("resolve");
  TCase *const ways = case_of("ways");

  tcase_add_loop_test(ways, a_batch_finds_its_keys_by_the_table_as_by_chains, 0,
                      2);
  suite_add_tcase(suite, ways);
  return suite;
}
