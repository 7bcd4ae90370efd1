/* tombs.c - the scene of a writer that iterates, and then deletes many keys */
#include <stdio.h>
#include <string.h>

#include "faults/scene.h"
#include "support/store.h"

/* More than the first table of dead blocks has room for. */
enum { N_DELETED = 40, N_KEPT = 3 };

void tombs_prepare(void)
{
  const blt_options options = options_of_new(7);
  blt_db *const db = open_path_with(scene_path, &options);

  put_numbered(db, 0, N_DELETED + N_KEPT);
  EXPECT_OK(blt_close(db));
}

static blt_status walk(blt_db *db)
{
  blt_item item;
  blt_iter *iter = NULL;
  blt_status status = blt_iter_open(db, BLT_ITER_KEYS, &iter);

  if (status < 0)
    return status;
  while ((status = blt_iter_next(iter, &item)) == BLT_OK)
    ;
  blt_iter_close(iter);
  return status == BLT_END ? BLT_OK : status;
}

static blt_status delete_many(blt_db *db)
{
  char key[16];
  blt_status status = blt_batch_begin(db);

  for (int i = 0; i < N_DELETED && status >= 0; i++) {
    snprintf(key, sizeof key, "key-%06d", i);
    status = blt_delete(db, key, strlen(key)); /* perhaps it is gone already */
  }
  return status < 0 ? status : blt_batch_commit(db);
}

blt_status tombs_act(void)
{
  blt_options options = options_of(BLT_WRITE);
  blt_db *db = NULL;

  options.allocator = scene_allocator;
  blt_status status = blt_open(scene_path, &options, &db);
  if (status < 0)
    return status;
  if ((status = walk(db)) == BLT_OK && (status = delete_many(db)) == BLT_OK)
    status = walk(db);
  const blt_status closed = blt_close(db);
  return status < 0 ? status : closed;
}

/* All of them are gone, or none is. */
void tombs_look(blt_status status)
{
  blt_db *const db = open_path(scene_path, BLT_READ);
  uint64_t n = 0;

  EXPECT_OK(blt_count(db, &n));
  if (status == BLT_OK || n != N_DELETED + N_KEPT)
    ck_assert_uint_eq(n, N_KEPT);
  expect_numbered(db, N_DELETED, N_KEPT);
  expect_sound(db);
  EXPECT_OK(blt_close(db));
}
