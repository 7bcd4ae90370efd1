/*
 * target_read.c - any file, opened for reading
 *
 *   - Opening, and each answer, is a status and a bounded number of steps.
 *   - The answers of a store that verify calls sound agree.
 *   - Nothing is written but by a recovery that was allowed.
 */
#include "fuzz/ask.h"
#include "fuzz/input.h"
#include "fuzz/world.h"

#include <string.h>

enum {
  NO_RECOVERY = 1,
  BY_READ = 2 + 16, /* both bits: it costs */
  NO_LOCK = 4, /* nobody mends: what the log says is laid over the file     */
  SMALL_OPTIONS = 8
};

static blt_options options_of(uint8_t flags)
{
  blt_options options = world_options(BLT_READ);

  options.recover = flags & NO_RECOVERY ? BLT_OFF : BLT_ON;
  options.io = (flags & BY_READ) == BY_READ ? BLT_IO_PREAD : BLT_IO_AUTO;
  options.lock = flags & NO_LOCK ? BLT_LOCK_NONE : BLT_LOCK_WAIT;
  options.threads = flags & SMALL_OPTIONS ? BLT_OFF : BLT_ON;
  options.side_table = flags & SMALL_OPTIONS ? BLT_ON : BLT_DEFAULT;
  options.advice = (blt_advice)(flags >> 4 & 3) % 3;
  options.kind = (blt_kind)(flags >> 6) % 3;
  return options;
}

static void expect_unwritten(const struct input *input)
{
  size_t len = 0;
  const uint8_t *const now = world_get("a", &len);

  MUST(len == input->image_len &&
           (len == 0 || memcmp(now, input->image, len) == 0),
       "a reader has changed the file");
}

static void read_it(struct input input)
{
  const uint8_t flags = input_next(&input);
  const blt_options options = options_of(flags);
  const struct input whole = input;
  uint8_t key[8];
  blt_db *db = NULL;
  size_t len = 0;

  for (size_t i = 0; i < sizeof key; i++)
    key[i] = input_next(&input);
  world_put("a", input.image, input.image_len);
  const blt_status status = blt_open("a", &options, &db);
  expect_a_status(status);
  MUST((status == BLT_OK) == (db != NULL), "a handle of a failed open");
  if (options.recover == BLT_OFF || options.lock == BLT_LOCK_NONE)
    expect_unwritten(&whole);
  if (db == NULL)
    return;
  (void)world_get("a", &len);
  const struct world_work opened = world_work;
  (void)ask_everything(db, len, key + 1, key[0] % sizeof key);
  MUST(world_work.written == opened.written, "asking has written");
  MUST(blt_close(db) == BLT_OK, "a reader cannot be closed");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  world_reset();
  read_it(input_of(data, size));
  world_expect_nothing_left();
  return 0;
}
