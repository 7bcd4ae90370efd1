/* test_batch.c - blt_sync and the atomic groups of the user */
#include "api/suites.h"
#include "support/store.h"
#include "support/temp.h"

START_TEST(a_committed_batch_is_there)
{
  const char *const path = temp_path("a.blt");
  blt_db *db = open_path(path, BLT_NEW);

  EXPECT_OK(blt_batch_begin(db));
  put_text(db, "a", "1");
  put_text(db, "b", "2");
  expect_text(db, "a", "1");
  expect_count(db, 2);
  EXPECT_OK(blt_batch_commit(db));
  expect_count(db, 2);
  EXPECT_OK(blt_close(db));
  db = open_path(path, BLT_READ);
  expect_text(db, "a", "1");
  expect_text(db, "b", "2");
  expect_sound(db);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(an_abort_restores_puts_and_deletes)
{
  blt_db *const db = new_in_memory(3);

  put_numbered(db, 0, 20);
  EXPECT_OK(blt_batch_begin(db));
  put_text(db, "key-000001", "changed");
  put_text(db, "new", "1");
  delete_text(db, "key-000002");
  delete_text(db, "new");
  put_text(db, "new", "2");
  expect_count(db, 20);
  EXPECT_OK(blt_batch_abort(db));
  expect_numbered(db, 0, 20);
  expect_text(db, "new", NULL);
  expect_count(db, 20);
  EXPECT_OK(blt_sync(db));
  expect_sound(db);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(an_abort_keeps_what_was_put_before_the_batch)
{
  blt_db *const db = new_in_memory(3);

  put_text(db, "a", "1");
  EXPECT_OK(blt_batch_begin(db));
  put_text(db, "a", "2");
  EXPECT_OK(blt_batch_abort(db));
  expect_text(db, "a", "1");
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(a_batch_larger_than_the_buffer_can_still_be_aborted)
{
  const char *const path = temp_path("a.blt");
  blt_options options = options_of_new(50);

  options.buffer_len = 256;
  blt_db *db = open_path_with(path, &options);
  put_numbered(db, 0, 10);
  EXPECT_OK(blt_batch_begin(db));
  put_numbered(db, 10, 1000);
  expect_count(db, 1010);
  EXPECT_OK(blt_batch_abort(db));
  expect_count(db, 10);
  expect_text(db, "key-000010", NULL);
  EXPECT_OK(blt_close(db));
  db = open_path(path, BLT_READ);
  expect_count(db, 10);
  expect_sound(db);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(a_batch_may_be_empty)
{
  blt_db *const db = new_in_memory(3);

  EXPECT_OK(blt_batch_begin(db));
  EXPECT_OK(blt_batch_commit(db));
  EXPECT_OK(blt_batch_begin(db));
  EXPECT_OK(blt_batch_abort(db));
  expect_count(db, 0);
  expect_sound(db);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(batches_do_not_nest)
{
  blt_db *const db = new_in_memory(3);

  EXPECT_OK(blt_batch_begin(db));
  put_text(db, "a", "1");
  EXPECT(BLT_E_BUSY, blt_batch_begin(db));
  EXPECT_OK(blt_batch_commit(db));
  expect_text(db, "a", "1");
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(a_batch_keeps_out_what_needs_the_whole_file)
{
  blt_db *const db = open_path(temp_path("a.blt"), BLT_NEW);

  EXPECT_OK(blt_batch_begin(db));
  put_text(db, "a", "1");
  EXPECT(BLT_E_BUSY, blt_prune(db, NULL, NULL));
  EXPECT(BLT_E_BUSY, blt_reindex(db, 77));
  EXPECT(BLT_E_BUSY, blt_clear(db));
  EXPECT(BLT_E_BUSY, blt_sync(db));
  EXPECT(BLT_E_BUSY, blt_reopen(db, BLT_READ));
  expect_text(db, "a", "1");
  EXPECT_OK(blt_batch_commit(db));
  EXPECT_OK(blt_sync(db));
  expect_text(db, "a", "1");
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(without_a_batch_there_is_nothing_to_end)
{
  blt_db *const db = new_in_memory(3);

  put_text(db, "a", "1");
  EXPECT_FAILURE(blt_batch_commit(db));
  EXPECT_FAILURE(blt_batch_abort(db));
  expect_text(db, "a", "1");
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(sync_with_nothing_to_do_is_fine)
{
  const char *const path = temp_path("a.blt");
  blt_db *const db = open_path(path, BLT_NEW);

  EXPECT_OK(blt_sync(db));
  put_text(db, "a", "1");
  EXPECT_OK(blt_sync(db));
  const uint64_t len = file_len(path);
  EXPECT_OK(blt_sync(db));
  EXPECT_OK(blt_sync(db));
  ck_assert_uint_eq(file_len(path), len);
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(many_batches_in_a_row_add_up)
{
  for (int sync = BLT_SYNC_BATCH; sync <= BLT_SYNC_OFF; sync++) {
    const char *const path = temp_path("a.blt");
    blt_options options = options_of_new(50);
    options.sync = (blt_sync_level)sync;
    blt_db *db = open_path_with(path, &options);
    for (unsigned i = 0; i < 100; i++) {
      EXPECT_OK(blt_batch_begin(db));
      put_numbered(db, i * 5, 5);
      if (i % 3 == 2)
        EXPECT_OK(blt_batch_abort(db));
      else
        EXPECT_OK(blt_batch_commit(db));
    }
    EXPECT_OK(blt_close(db));
    db = open_path(path, BLT_READ);
    for (unsigned i = 0; i < 100; i++) {
      if (i % 3 != 2)
        expect_numbered(db, i * 5, 5);
    }
    expect_count(db, 335);
    expect_sound(db);
    EXPECT_OK(blt_close(db));
  }
}
END_TEST

START_TEST(a_batch_of_metadata_and_keys_is_one)
{
  blt_db *const db = new_in_memory(3);
  blt_bytes value;

  EXPECT_OK(blt_batch_begin(db));
  put_text(db, "a", "1");
  EXPECT_OK(blt_metadata_set(db, "{}", 2, BLT_NOW));
  EXPECT_OK(blt_batch_abort(db));
  expect_text(db, "a", NULL);
  EXPECT(BLT_NOT_FOUND, blt_metadata_get(db, &value, NULL));
  EXPECT_OK(blt_close(db));
}
END_TEST

Suite *batch_suite(void)
{
  return SUITE_OF(
      "batch", a_committed_batch_is_there, an_abort_restores_puts_and_deletes,
      an_abort_keeps_what_was_put_before_the_batch,
      a_batch_larger_than_the_buffer_can_still_be_aborted, a_batch_may_be_empty,
      batches_do_not_nest, a_batch_keeps_out_what_needs_the_whole_file,
      without_a_batch_there_is_nothing_to_end, sync_with_nothing_to_do_is_fine,
      many_batches_in_a_row_add_up, a_batch_of_metadata_and_keys_is_one);
}
