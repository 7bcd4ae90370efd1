/*
 * target_recover.c - a file that was not closed well
 *
 *   - A reader that lays the log over the file sees what a writer's recovery
 *     brings into it.
 *   - A recovery may be cut short after any change; the next one gives the
 *     same store.
 *   - What was recovered opens clean the next time, and has not changed.
 */
#include <string.h>

#include "format/bodyhash.h"
#include "format/record.h"
#include "fuzz/ask.h"
#include "fuzz/input.h"
#include "fuzz/model.h"
#include "fuzz/world.h"

struct outcome {
  blt_status status;
  blt_open_info info;
  int is_loaded, is_sound; /* the model has what the store holds            */
  struct model model;
};

static void judge(struct outcome *out, blt_db *db)
{
  MUST(blt_open_report(db, &out->info) == BLT_OK, "no report");
  out->is_loaded = model_load(&out->model, db);
  out->is_sound = blt_verify(db, NULL, NULL) == BLT_OK;
  world_trace("opened as %d, %zu keys, sound %d\n", (int)out->info.what,
              out->model.n, out->is_sound);
  MUST(out->is_sound || out->info.what != BLT_OPENED_REPAIRED,
       "a repaired store is not sound: %s", blt_last_error(db)->message);
}

static void open_it(struct outcome *out, blt_mode mode, int alone)
{
  blt_options options = world_options(mode);
  blt_db *db = NULL;

  options.lock = alone ? BLT_LOCK_NONE : BLT_LOCK_WAIT;
  out->is_loaded = out->is_sound = 0;
  out->status = blt_open("a", &options, &db);
  expect_a_status(out->status);
  world_trace("open: %s\n", blt_status_name(out->status));
  if (out->status < 0)
    return;
  judge(out, db);
  MUST(blt_close(db) == BLT_OK, "close: %s", blt_last_error(NULL)->message);
}

/* Cut short after n changes; 1 when it was. */
static int open_and_die(unsigned n)
{
  const blt_options options = world_options(BLT_WRITE);
  blt_db *db = NULL;

  world_kill_after(n);
  const blt_status status = blt_open("a", &options, &db);
  if (status == BLT_OK)
    (void)blt_close(db);
  const int died = world_is_killed();
  world_calm();
  return died;
}

/*
 * Whether each body of the log is what its record says, or is the last one. A
 * body that a later record calls durable is not judged by a recovery; when the
 * later record then is cut off it would be, and only a forger, or bits that
 * rot, can make the difference.
 */
static int has_honest_log(const struct input *input)
{
  struct blt__header header;
  struct blt__checkpoint checkpoint;
  struct blt__geometry geo;
  struct blt__record record;
  struct blt__bodyhash hash;
  const uint8_t *const bytes = input->image;
  const uint64_t len = input->image_len;
  int is_honest = 1;

  if (len < BLT__HEADER_LEN ||
      blt__header_decode(&header, bytes, len, &(struct blt__sink){NULL, ""}) <
          0 ||
      !blt__checkpoint_decode(bytes, &checkpoint))
    return 0;
  blt__geometry_init(&geo, header.fixed, header.value_len,
                     header.has_timestamps);
  uint64_t off = checkpoint.log_start;
  while (off < len &&
         blt__record_decode(&geo, off, bytes + off, len - off, &record) &&
         blt__record_end(&record) <= len) {
    if (!is_honest)
      return 0;
    is_honest = blt__bodyhash_file(&geo, record.salt, bytes + off + record.len,
                                   record.body_len, &hash) &&
                hash.body == record.body_hash && hash.time == record.time_hash;
    off = blt__record_end(&record);
  }
  return 1;
}

static int is_equal_store(const struct outcome *a, const struct outcome *b)
{
  return a->status == BLT_OK && b->status == BLT_OK && a->is_loaded &&
         b->is_loaded;
}

static void recover(const struct input *input, unsigned n_before_death,
                    unsigned n_again)
{
  static struct outcome overlaid, recovered, again, nested;

  world_put("a", input->image, input->image_len);
  open_it(&overlaid, BLT_READ, 1);
  open_it(&recovered, BLT_WRITE, 0);
  if (overlaid.status == BLT_OK && recovered.status == BLT_OK &&
      overlaid.info.what == BLT_OPENED_OVERLAID) {
    MUST(recovered.info.what == BLT_OPENED_RECOVERED,
         "what a reader could lay over the file, a writer repairs");
    MUST(overlaid.info.n_records == recovered.info.n_records,
         "reader and writer replay another log");
    if (is_equal_store(&overlaid, &recovered))
      model_expect_same(&overlaid.model, &recovered.model,
                        "overlaid, recovered");
  }
  if (recovered.status < 0)
    return;
  open_it(&again, BLT_WRITE, 0);
  MUST(again.status == BLT_OK || !recovered.is_sound,
       "a recovered store does not open: %s", blt_last_error(NULL)->message);
  MUST(again.status < 0 || again.info.what == BLT_OPENED_CLEAN ||
           !recovered.is_sound ||
           (recovered.info.what != BLT_OPENED_RECOVERED &&
            recovered.info.what != BLT_OPENED_REPAIRED),
       "a recovered store is recovered once more");
  if (is_equal_store(&recovered, &again) && recovered.is_sound)
    model_expect_same(&recovered.model, &again.model, "recovered, opened");
  world_put("a", input->image, input->image_len);
  if (!open_and_die(n_before_death))
    return;
  (void)open_and_die(n_again);
  open_it(&nested, BLT_WRITE, 0);
  if (!recovered.is_sound || !has_honest_log(input))
    return;
  MUST(nested.status == BLT_OK, "after a death in the recovery: %s",
       blt_last_error(NULL)->message);
  if (is_equal_store(&recovered, &nested))
    model_expect_same(&recovered.model, &nested.model,
                      "recovered, recovered after a death");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct input input = input_of(data, size);
  const unsigned n = input_next(&input) % 64;
  const unsigned n_again = input_next(&input) % 64;

  world_reset();
  recover(&input, n, n_again);
  world_expect_nothing_left();
  return 0;
}
