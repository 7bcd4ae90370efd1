/* lookups.c - the scene of a writer and a reader that build their side tables
 */
#include <stdio.h>
#include <string.h>

#include "faults/scene.h"
#include "support/store.h"

/* Keys of the file; and so many lookups that the table pays. */
enum { N_THERE = 6, N_LOOKUPS = 92 };

/* In chains: there are hardly more buckets. */
void lookups_prepare(void)
{
  const blt_options options = options_of_new(7);
  blt_db *const db = open_path_with(scene_path, &options);

  put_numbered(db, 0, N_THERE);
  EXPECT_OK(blt_close(db));
}

/* A block that dies, and whose link waits: the key gets its value again. */
static blt_status put_again(blt_db *db)
{
  blt_bytes value;
  blt_status status = blt_batch_begin(db);

  if (status == BLT_OK)
    status = blt_get(db, "key-000000", 10, &value);
  if (status == BLT_OK)
    status = blt_put(db, "key-000000", 10, value.data, value.len);
  return status == BLT_OK ? blt_batch_commit(db) : status;
}

/* Often enough for the side table to be built. */
static blt_status look_up_often(blt_db *db)
{
  blt_status status = BLT_OK;
  char key[16];

  for (int i = 0; i < N_LOOKUPS && status == BLT_OK; i++) {
    const int number = i % (N_THERE + 1);
    snprintf(key, sizeof key, "key-%06d", number);
    status = blt_has(db, key, strlen(key));
    if (status >= 0) /* one is not there                                     */
      status = status == (number == N_THERE) ? BLT_OK : BLT_E_CORRUPT;
  }
  return status;
}

/* With the table in memory or without it, when there is none for it. A writer's
 * is built when a dead block waits, a reader's holds the keys as well. */
static blt_status look_up_by(blt_mode mode)
{
  blt_options options = options_of(mode);
  blt_db *db = NULL;

  options.allocator = scene_allocator;
  options.side_table = mode == BLT_READ ? BLT_ON : BLT_DEFAULT;
  blt_status status = blt_open(scene_path, &options, &db);
  if (status < 0)
    return status;
  if (mode == BLT_WRITE)
    status = put_again(db);
  if (status == BLT_OK)
    status = look_up_often(db);
  const blt_status closed = blt_close(db);
  return status < 0 ? status : closed;
}

blt_status lookups_act(void)
{
  const blt_status status = look_up_by(BLT_WRITE);

  return status < 0 ? status : look_up_by(BLT_READ);
}
