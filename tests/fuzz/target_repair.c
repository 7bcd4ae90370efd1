/*
 * target_repair.c - any file, repaired
 *
 *   - A repair that says BLT_OK leaves a store that is sound and holds as many
 *     keys as it reported; in place, in a new file, and as foretold by a dry
 *     run.
 *   - A sound store comes out with the same content.
 *   - A second repair finds nothing to do.
 *   - A repair that fails leaves the bytes as they were.
 *   - A repair that is cut short can be made again.
 */
#include <string.h>

#include "fuzz/ask.h"
#include "fuzz/input.h"
#include "fuzz/model.h"
#include "fuzz/world.h"

struct outcome {
  blt_status status;
  blt_repair_report report;
};

static struct outcome repair(const char *output, int dry_run)
{
  blt_repair_options options = BLT_REPAIR_OPTIONS_INIT;
  struct outcome out;

  memset(&out, 0, sizeof out);
  options.allocator = world_options(BLT_READ).allocator;
  options.output = output;
  options.dry_run = dry_run;
  out.status = blt_repair("a", &options, &out.report);
  expect_a_status(out.status);
  world_trace("repair: %s\n", blt_status_name(out.status));
  world_trace(
      "  %llu kept, %llu superseded, %llu deleted, %llu lost, guessed %d\n",
      (unsigned long long)out.report.n_kept,
      (unsigned long long)out.report.n_superseded,
      (unsigned long long)out.report.n_deleted,
      (unsigned long long)out.report.n_lost, out.report.header_guessed);
  return out;
}

static void expect_unwritten(const struct input *input, const char *when)
{
  size_t len = 0;
  const uint8_t *const now = world_get("a", &len);

  MUST(len == input->image_len &&
           (len == 0 || memcmp(now, input->image, len) == 0),
       "%s has changed the file", when);
}

/* What is in a file that is sound by verify: 1. Nobody mends it here. */
static int load_if_sound(const char *path, struct model *model)
{
  blt_options options = world_options(BLT_READ);
  blt_db *db = NULL;

  options.lock = BLT_LOCK_NONE;
  if (blt_open(path, &options, &db) < 0)
    return 0;
  const int sound = blt_verify(db, NULL, NULL) == BLT_OK;
  const int loaded = sound && model_load(model, db);
  MUST(blt_close(db) == BLT_OK, "a reader cannot be closed");
  return loaded;
}

static void judge_result(const char *path, const struct outcome *out,
                         struct model *model)
{
  blt_options options = world_options(BLT_WRITE);
  blt_verify_report report;
  blt_db *db = NULL;

  const blt_status status = blt_open(path, &options, &db);
  MUST(status == BLT_OK, "a repaired store does not open: %s",
       blt_last_error(NULL)->message);
  MUST(blt_verify(db, NULL, &report) == BLT_OK,
       "a repaired store is not sound: %s", blt_last_error(db)->message);
  MUST(report.n_live == out->report.n_kept,
       "%llu blocks were kept, %llu are there",
       (unsigned long long)out->report.n_kept,
       (unsigned long long)report.n_live);
  MUST(model_load(model, db), "a repaired store cannot be iterated");
  model_expect(model, db, "a repaired store");
  MUST(blt_close(db) == BLT_OK, "a repaired store does not close");
}

static int is_same_report(const struct outcome *a, const struct outcome *b)
{
  return a->report.n_kept == b->report.n_kept &&
         a->report.n_superseded == b->report.n_superseded &&
         a->report.n_deleted == b->report.n_deleted &&
         a->report.n_lost == b->report.n_lost &&
         a->report.header_guessed == b->report.header_guessed;
}

static int is_out_of_room(const struct outcome *out)
{
  return out->status == BLT_E_NO_SPACE || out->status == BLT_E_NO_MEMORY;
}

/* Whoever opens it now is refused, or finds all that the repair would keep. */
static void open_half_repaired(const struct model *model)
{
  const blt_options options = world_options(BLT_WRITE);
  blt_db *db = NULL;

  if (blt_open("a", &options, &db) < 0)
    return;
  model_expect(model, db, "opened after a repair that was cut short");
  MUST(blt_close(db) == BLT_OK, "close: %s", blt_last_error(NULL)->message);
}

static void die_and_repair(const struct input *input, unsigned n, int may_open,
                           const struct model *model)
{
  static struct model later;

  world_put("a", input->image, input->image_len);
  world_kill_after(n);
  const struct outcome cut = repair(NULL, 0);
  world_calm();
  if (may_open && n > 0 && cut.report.header_guessed)
    open_half_repaired(model);
  const struct outcome out = repair(NULL, 0);
  MUST(out.status == BLT_OK, "a repair after one that was cut short (%s): %s",
       blt_status_name(cut.status), blt_last_error(NULL)->message);
  judge_result("a", &out, &later);
  model_expect_same(model, &later, "repaired, repaired after a death");
}

static void expect_nothing_to_do(const struct model *model)
{
  static struct model later;
  const struct outcome out = repair(NULL, 0);

  MUST(out.status == BLT_OK, "a second repair: %s",
       blt_last_error(NULL)->message);
  MUST(out.report.n_lost == 0 && out.report.header_guessed == 0 &&
           out.report.n_superseded == 0,
       "a second repair finds something");
  judge_result("a", &out, &later);
  model_expect_same(model, &later, "repaired twice");
}

static void repair_it(const struct input *input, uint8_t flags, uint8_t n)
{
  static struct model before, in_place, elsewhere;

  world_put("a", input->image, input->image_len);
  const int was_sound = load_if_sound("a", &before);
  const struct world_work start = world_work;
  const struct outcome told = repair(NULL, 1);
  const uint64_t blocks = world_work.blocks - start.blocks;
  MUST(blocks <= 64 * (input->image_len / 6 + 16),
       "a survey looked at %llu blocks", (unsigned long long)blocks);
  expect_unwritten(input, "a dry run");
  if (flags & 1) {
    const struct outcome out = repair("b", 0);
    expect_unwritten(input, "a repair into a new file");
    MUST(is_out_of_room(&out) ||
             (out.status == told.status && is_same_report(&out, &told)),
         "a dry run foretells another repair: %s, then %s",
         blt_status_name(told.status), blt_last_error(NULL)->message);
    if (out.status == BLT_OK)
      judge_result("b", &out, &elsewhere);
    else
      elsewhere.is_full = 1;
  }
  const struct outcome out = repair(NULL, 0);
  if (out.status < 0 && !is_out_of_room(&out))
    expect_unwritten(input, "a repair that failed");
  MUST(is_out_of_room(&out) ||
           (out.status == told.status && is_same_report(&out, &told)),
       "a dry run foretells another repair: %s, then %s",
       blt_status_name(told.status), blt_last_error(NULL)->message);
  MUST(out.status == BLT_OK || !was_sound || is_out_of_room(&out),
       "a sound store cannot be repaired: %s", blt_last_error(NULL)->message);
  if (out.status < 0)
    return;
  judge_result("a", &out, &in_place);
  if (was_sound)
    model_expect_same(&before, &in_place, "sound, repaired");
  if (flags & 1)
    model_expect_same(&in_place, &elsewhere, "in place, in a new file");
  if (flags & 2)
    expect_nothing_to_do(&in_place);
  if (flags & 4)
    die_and_repair(input, n % 48, flags & 8, &in_place);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct input input = input_of(data, size);
  const uint8_t flags = input_next(&input);
  const uint8_t n = input_next(&input);

  world_reset();
  repair_it(&input, flags, n);
  world_expect_nothing_left();
  return 0;
}
