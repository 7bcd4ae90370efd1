/*
 * judge.c - a crash is opened: does it hold what it must, and is it sound?
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "crash/arena.h"
#include "crash/explore.h"
#include "journal/journal.h"
#include "crash/session.h"

/* What the state's handle is in the course of the judgement. */
struct trial {
  struct explorer *explorer;
  unsigned level;
  struct disk *disk;
  const struct verdict *verdict;
  blt_db *db;
  blt_open_info opened;
};

static const struct story *story_of(const struct trial *t)
{
  return t->explorer->story;
}

/* ---- handles */

static blt_status open_work(struct trial *t, blt_mode mode)
{
  blt_options options = disk_options(mode, story_of(t)->plan->level);

  options.allocator = arena_allocator();
  t->db = NULL;
  const blt_status status = blt__open_file(&t->disk->file, &options, &t->db);
  if (status == BLT_OK)
    (void)blt_open_report(t->db, &t->opened);
  return status;
}

static int close_work(struct trial *t, const char *which)
{
  const blt_status status = blt_close(t->db);
  const long n_left = arena_reset();

  t->db = NULL;
  if (status == BLT_OK && n_left == 0)
    return 1;
  if (status != BLT_OK)
    report(t->explorer, t->level, "%s close: %s", which,
           blt_last_error(NULL)->message);
  else
    report(t->explorer, t->level, "%s close: %ld pieces of memory are left",
           which, n_left);
  return 0;
}

static int fail(struct trial *t, const char *which, const char *why)
{
  report(t->explorer, t->level, "%s: %s: %s", which, why,
         blt_last_error(t->db)->message);
  if (t->db != NULL) {
    t->db->log.poisoned = 1;
    (void)blt_close(t->db);
  }
  (void)arena_reset();
  return 0;
}

/* ---- content */

static uint64_t sum_of(const struct story *story, const struct entry *entries)
{
  uint64_t sum = 0;

  for (unsigned i = 0; i < story_n_entries(story); i++)
    if (entries[i].version != 0)
      sum +=
          item_sum(story->keys[i].hash, entries[i].value_hash, entries[i].time);
  return sum;
}

/* Made of the first bytes of one and the last bytes of the other: seven bytes
 * that lie over the end of a sector. */
static int is_torn(uint64_t time, uint64_t a, uint64_t b)
{
  for (int bytes = 1; bytes < 7; bytes++) {
    const uint64_t mask = ((uint64_t)1 << 8 * bytes) - 1;
    if (time == ((a & mask) | (b & ~mask)))
      return 1;
  }
  return 0;
}

/* Times are set in place and not in commits: each may be any that the block
 * had since the last sync. */
static int is_time_of(const struct trial *t, unsigned key, uint32_t version,
                      uint64_t time)
{
  const struct moment *const m = story_of(t)->moments;
  const struct verdict *const v = t->verdict;

  for (size_t i = v->low; i <= v->high; i++) {
    if (m[i].entries[key].version != version)
      continue;
    for (size_t j = v->low; j <= v->high; j++)
      if (m[j].entries[key].version == version &&
          (m[j].entries[key].time == time ||
           is_torn(time, m[i].entries[key].time, m[j].entries[key].time)))
        return 1;
  }
  return 0;
}

static int is_like(const struct trial *t, const struct moment *m,
                   const struct entry *seen)
{
  for (unsigned i = 0; i < story_n_entries(story_of(t)); i++) {
    const struct entry *const e = &m->entries[i];
    if ((e->version != 0) != (seen[i].version != 0))
      return 0;
    if (e->version == 0)
      continue;
    if (e->value_hash != seen[i].value_hash || e->len != seen[i].len)
      return 0;
    if (e->time != seen[i].time && !is_time_of(t, i, e->version, seen[i].time))
      return 0;
  }
  return 1;
}

static unsigned n_seen(const struct story *story, const struct entry *seen)
{
  unsigned n = 0;

  for (unsigned i = 0; i < story->n_keys; i++)
    n += seen[i].version != 0;
  return n;
}

static void describe(const struct trial *t, const struct entry *seen)
{
  const struct story *const story = story_of(t);

  for (unsigned i = 0; i < story_n_entries(story); i++) {
    printf("  key %u:", i);
    if (seen[i].version != 0)
      printf(" seen %" PRIx64 "/%u@%" PRIx64, seen[i].value_hash, seen[i].len,
             seen[i].time);
    for (size_t k = t->verdict->low; k <= t->verdict->high; k++)
      if (story->moments[k].entries[i].version != 0)
        printf(" | %zu: %" PRIx64 "/%u@%" PRIx64, k,
               story->moments[k].entries[i].value_hash,
               story->moments[k].entries[i].len,
               story->moments[k].entries[i].time);
    printf("\n");
  }
}

static int is_allowed(const struct trial *t, const struct entry *seen)
{
  const struct story *const story = story_of(t);
  const uint64_t sum = sum_of(story, seen);

  if (t->verdict->exact != NULL)
    return sum == sum_of(story, t->verdict->exact);
  for (size_t k = t->verdict->low; k <= t->verdict->high; k++)
    if (story->moments[k].sum == sum)
      return 1;
  if (story->has_time_sets)
    for (size_t k = t->verdict->low; k <= t->verdict->high; k++)
      if (is_like(t, &story->moments[k], seen))
        return 1;
  return 0;
}

/* Every key by itself, as a program asks for it. */
static int is_each_found(struct trial *t, const struct entry *seen)
{
  const struct story *const story = story_of(t);

  for (unsigned i = 0; i < story->n_keys; i++) {
    blt_bytes value;
    const blt_status status =
        blt_get(t->db, story->keys[i].bytes, story->keys[i].len, &value);
    if (status != (seen[i].version != 0 ? BLT_OK : BLT_NOT_FOUND))
      return 0;
    if (status == BLT_OK &&
        hash_bytes(value.data, value.len) != seen[i].value_hash)
      return 0;
  }
  return 1;
}

static int judge_content(struct trial *t, const char *which, struct entry *seen)
{
  uint64_t n = 0;
  const char *const wrong = read_entries(story_of(t), t->db, seen);

  if (wrong != NULL)
    return fail(t, which, wrong);
  if (!is_allowed(t, seen)) {
    report(t->explorer, t->level,
           "%s (opened %d, %" PRIu64 " records): lost or phantom, moments %zu "
           "to %zu of %zu%s",
           which, (int)t->opened.what, t->opened.n_records, t->verdict->low,
           t->verdict->high, story_of(t)->n_moments - 1,
           t->verdict->exact != NULL ? ", exactly" : "");
    describe(t, seen);
    t->db->log.poisoned = 1;
    (void)blt_close(t->db);
    (void)arena_reset();
    return 0;
  }
  if (blt_count(t->db, &n) != BLT_OK || n != n_seen(story_of(t), seen))
    return fail(t, which, "the count is wrong");
  if (lot(t->explorer, t->level, 3) % 16 == 0 && !is_each_found(t, seen))
    return fail(t, which, "a key is not found, or found wrong");
  return 1;
}

/* ---- the parts of the judgement */

/* A reader changes nothing and sees the same; it may refuse what needs a
 * repair. */
static int judge_reader(struct trial *t, struct entry *seen, int *out_refused)
{
  const blt_status status = open_work(t, BLT_READ);

  *out_refused = status == BLT_E_CORRUPT;
  if (status == BLT_E_CORRUPT) {
    (void)arena_reset();
    return 1;
  }
  if (status != BLT_OK)
    return fail(t, "reader", "open");
  if (!judge_content(t, "reader", seen) || !close_work(t, "reader"))
    return 0;
  if (t->disk->n_changes > 0)
    return fail(t, "reader", "it has written");
  return 1;
}

static void print_fault(void *ctx, const blt_fault *fault)
{
  (void)ctx;
  printf("  %s at %" PRIu64 ": %s\n", fault->kind, fault->offset,
         fault->message);
}

static int judge_soundness(struct trial *t)
{
  blt_verify_options options = BLT_VERIFY_OPTIONS_INIT;

  if (blt_verify(t->db, NULL, NULL) == BLT_OK)
    return 1;
  options.on_fault = print_fault;
  (void)blt_verify(t->db, &options, NULL);
  return fail(t, "verify", "the store is not sound");
}

/* It was closed well: nothing is left to do. */
static int judge_second_open(struct trial *t, const struct entry *seen,
                             int thorough)
{
  struct entry again[MAX_ENTRIES];
  const size_t n_changes = t->disk->n_changes;
  const int was_foreign = t->opened.what == BLT_OPENED_FOREIGN;

  if (open_work(t, BLT_WRITE) != BLT_OK)
    return fail(t, "second open", "fails");
  /* Of a file that somebody else closed nothing needs to be written. */
  const int is_right = t->opened.what == BLT_OPENED_CLEAN ||
                       (was_foreign && t->opened.what == BLT_OPENED_FOREIGN);
  if (!is_right || t->opened.n_records != 0)
    return fail(t, "second open", "not clean");
  if (thorough) {
    if (!judge_content(t, "second open", again))
      return 0;
    if (sum_of(story_of(t), seen) != sum_of(story_of(t), again))
      return fail(t, "second open", "shows something else");
  }
  if (!close_work(t, "second"))
    return 0;
  if (t->disk->n_changes != n_changes)
    return fail(t, "second open", "it has written");
  return 1;
}

/* The store is of use: one more key, and it is there. */
static int judge_use(struct trial *t)
{
  static const char key[] = "after the crash", value[] = "nine byte";
  const size_t len = story_of(t)->plan->shape == FIXED_0 ? 0 : 9;
  blt_bytes found = {NULL, 0};

  if (open_work(t, BLT_WRITE) != BLT_OK)
    return fail(t, "use", "open");
  if (blt_put_at(t->db, key, sizeof key, value, len, 7) != BLT_OK)
    return fail(t, "use", "put");
  if (!close_work(t, "use") || open_work(t, BLT_WRITE) != BLT_OK)
    return fail(t, "use", "close and open");
  if (t->opened.what != BLT_OPENED_CLEAN)
    return fail(t, "use", "not clean");
  if (blt_get(t->db, key, sizeof key, &found) != BLT_OK || found.len != len ||
      (len > 0 && memcmp(found.data, value, len) != 0))
    return fail(t, "use", "the key is not there");
  return judge_soundness(t) && close_work(t, "use");
}

/* The log explains all that a crash leaves: a repair would hide that it does
 * not. */
static int is_expected(const struct trial *t)
{
  const unsigned traits = story_of(t)->plan->traits;

  return (traits & (TRAIT_FOREIGN | TRAIT_REBOOT)) != 0 ||
         t->opened.what == BLT_OPENED_CLEAN ||
         t->opened.what == BLT_OPENED_RECOVERED;
}

/* ---- the journal of a recovery that is recorded */

struct watch {
  struct journal journal;
  const char *wrong; /* the first mistake, or NULL                          */
};

static void note(struct watch *watch, const char *wrong)
{
  if (watch->wrong == NULL)
    watch->wrong = wrong;
}

static void on_write(void *ctx, uint64_t off, const struct blt__span *spans,
                     size_t n_spans)
{
  struct watch *const watch = ctx;

  note(watch, journal_judge(&watch->journal, 0, off, spans, n_spans));
}

static void on_size(void *ctx, uint64_t len)
{
  struct watch *const watch = ctx;

  note(watch, journal_judge_size(&watch->journal, 0, len));
}

static void on_sync(void *ctx)
{
  journal_sync(&((struct watch *)ctx)->journal);
}

/* Recovery syncs at each level. */
static void watch_begin(struct watch *watch, struct disk *disk)
{
  journal_start(&watch->journal, &disk->work);
  disk->on_write = on_write;
  disk->on_size = on_size;
  disk->on_sync = on_sync;
  disk->ctx = watch;
}

static void watch_end(struct watch *watch, struct disk *disk)
{
  disk->on_write = NULL;
  disk->on_size = NULL;
  disk->on_sync = NULL;
  journal_release(&watch->journal);
}

static int judge_writer(struct trial *t, struct trace *record, size_t *n_opened,
                        struct entry *seen)
{
  struct watch watch = {.wrong = NULL};

  t->disk->record = record;
  if (record != NULL)
    watch_begin(&watch, t->disk);
  const blt_status status = open_work(t, BLT_WRITE);
  if (record != NULL)
    *n_opened = record->n;
  int is_right = status == BLT_OK || fail(t, "open", "fails");
  if (is_right) {
    t->explorer->tally->n_opened[t->opened.what]++;
    is_right = is_expected(t) || fail(t, "open",
                                      "takes our own file for "
                                      "somebody else's");
  }
  is_right = is_right && judge_content(t, "writer", seen) &&
             judge_soundness(t) && close_work(t, "first");
  t->disk->record = NULL;
  watch_end(&watch, t->disk);
  if (is_right && watch.wrong != NULL)
    report(t->explorer, t->level, "recovery: journal: %s", watch.wrong);
  return is_right && watch.wrong == NULL;
}

/* After a power cut the machine has started again. */
static uint64_t boot_id_of(const struct explorer *explorer, unsigned level)
{
  uint64_t id = explorer->story->boot_id;

  for (unsigned i = 0; i <= level; i++)
    id += (uint64_t)explorer->levels[i].crash->power;
  return id;
}

int judge(struct explorer *explorer, unsigned level,
          const struct verdict *verdict, struct trace *record, size_t *n_opened,
          struct entry *seen)
{
  struct trial trial = {.explorer = explorer,
                        .level = level,
                        .disk = &explorer->levels[level].disk,
                        .verdict = verdict};
  struct trial *const t = &trial;
  struct entry read[MAX_ENTRIES];
  int is_refused = 0;
  const int is_read = lot(explorer, level, 4) % 8 == 0;

  set_chance(lot(explorer, level, 5));
  set_boot_id(boot_id_of(explorer, level));
  if (verdict->low > verdict->high) {
    report(explorer, level, "moments %zu to %zu", verdict->low, verdict->high);
    return 0;
  }
  if (is_read && !judge_reader(t, read, &is_refused))
    return 0;
  if (!judge_writer(t, record, n_opened, seen))
    return 0;
  if (is_read && is_refused && t->opened.what != BLT_OPENED_REPAIRED)
    return fail(t, "reader", "refuses what a writer recovers");
  if (is_read && !is_refused &&
      sum_of(explorer->story, read) != sum_of(explorer->story, seen))
    return fail(t, "reader", "sees something else than the writer");
  if (!judge_second_open(t, seen, lot(explorer, level, 6) % 8 == 0))
    return 0;
  return lot(explorer, level, 7) % 10 != 0 || judge_use(t);
}
