/* gap.c - the scene of a log with a damaged record */
#include <stdlib.h>

#include "faults/scene.h"
#include "support/store.h"
#include "support/temp.h"

enum { N_COMMITS = 6 };

/* The record of the second commit is hurt; later ones call it durable. */
void gap_prepare(void)
{
  blt_options options = options_of_new(77);
  uint64_t hurt = 0;
  size_t len = 0;

  options.sync = BLT_SYNC_FULL;
  blt_db *const db = open_path_with(scene_path, &options);
  EXPECT_OK(blt_sync(db));
  for (unsigned i = 0; i < N_COMMITS; i++) {
    EXPECT_OK(blt_batch_begin(db));
    put_numbered(db, i, 1);
    if (i == 1)
      hurt = file_len(scene_path);
    EXPECT_OK(blt_batch_commit(db));
  }
  scene_keep_unclosed(db);
  uint8_t *const bytes = file_read(scene_path, &len);
  bytes[hurt + 70] ^= 0x55;
  file_write(scene_path, bytes, len);
  free(bytes);
}

void gap_look(blt_status status)
{
  if (status < 0)
    return;
  blt_db *const db = open_path(scene_path, BLT_WRITE);
  expect_numbered(db, 0, 1);
  expect_numbered(db, 2, N_COMMITS - 2);
  expect_sound(db);
  EXPECT_OK(blt_close(db));
}
