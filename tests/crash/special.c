/*
 * special.c - programs that lead where chance seldom does
 */
#include "crash/program.h"

#include <stdlib.h>
#include <string.h>

#include "crash/booklet.h"

/* ---- batches whose last block can lose its link without a trace */

enum { MAX_FILLERS = 8 };

struct fillers {
  unsigned keys[MAX_FILLERS], n;
  size_t len; /* of each value                                              */
};

/* Where the block of the empty key would stand if all were inserts. */
static uint64_t place_of_last(const struct session *s, const struct fillers *f)
{
  const blt_db *const db = s->db;
  const struct blt__geometry *const geo = &db->image.geo;
  uint64_t before = 0;

  for (unsigned i = 0; i < f->n; i++)
    before +=
        blt__geometry_block_len(geo, s->story->keys[f->keys[i]].len, f->len);
  const uint64_t body =
      before + blt__geometry_block_len(geo, 0, geo->value_len);
  const uint64_t least = blt__record_min_len(geo, 0, 0);
  const uint64_t gap = (geo->stride - (least + body) % geo->stride);
  return (db->log.in_session ? db->log.end : db->image.view.size) + least +
         gap % geo->stride + before;
}

/* Fillers that put a sector's end before or into the link. The number of keys
 * less one is a prime, so they are different ones. */
static int choose_fillers(struct session *s, struct fillers *f)
{
  for (int attempt = 0; attempt < 4000; attempt++) {
    f->n = below(s, MAX_FILLERS);
    const unsigned first = below(s, s->story->n_keys - 1);
    const unsigned step = 1 + below(s, s->story->n_keys - 2);
    for (unsigned i = 0; i < f->n; i++)
      f->keys[i] = 1 + (first + step * i) % (s->story->n_keys - 1);
    f->len = s->story->plan->shape == FIXED_0 ? 0 : below(s, 600);
    const uint64_t link = place_of_last(s, f) + BLT__LINK_OFF;
    if ((DISK_SECTOR - link % DISK_SECTOR) % DISK_SECTOR < BLT__LINK_LEN)
      return 1;
  }
  return 0;
}

void program_last(struct session *s)
{
  session_open(s, BLT_WRITE);
  for (int i = 0; i < 8 && s->db != NULL; i++) {
    struct fillers f = {.n = 0};
    session_begin(s);
    for (unsigned key = 0; key < s->story->n_keys; key++)
      if (key == 0 || chance(s, 90))
        session_delete(s, key);
    session_commit(s);
    if (s->db == NULL)
      return;
    /* If there are none, the file grows by some, and then there may be. */
    (void)choose_fillers(s, &f);
    session_begin(s);
    for (unsigned k = 0; k < f.n; k++)
      session_put(s, f.keys[k], f.len);
    session_put(s, 0, 0);
    session_commit(s);
    if (chance(s, 50))
      session_sync(s);
  }
}

/* ---- a file that somebody changed after a crash */

/* Booklet opens it, and it is one of ours that was not closed. */
static int is_open_to_booklet(const struct image *work)
{
  uint32_t count = 0;

  return booklet_opens(work, &count) && count == BLT__COUNT_UNCLEAN;
}

/* A count that is not ours: booklet has opened and closed the file. */
static void change_count(struct session *s)
{
  static const uint32_t counts[] = {0, 1, 7};
  uint8_t *const count = s->disk->work.bytes + BLT__HDR_COUNT;

  if (blt__get4(count) == BLT__COUNT_UNCLEAN)
    blt__put4(count, counts[below(s, 3)]);
}

/* Old versions of a key that booklet deletes may come back (docs/protocol.md,
 * section 8), so only keys that had one are deleted here. */
static int had_one_version(const struct story *story, unsigned key, size_t low,
                           size_t high)
{
  const uint32_t version = story->moments[low].entries[key].version;

  for (size_t i = 0; i < story->n_moments; i++) {
    const uint32_t other = story->moments[i].entries[key].version;
    if (other != version && (other != 0 || (i >= low && i <= high)))
      return 0;
  }
  return version != 0;
}

static int put_by_booklet(struct session *s, unsigned key)
{
  const size_t len = program_value_len(s, key);
  const uint64_t time = random_next(&s->random) >> 8;

  memset(s->value, (int)below(s, 256), len);
  if (!booklet_put(&s->disk->work, &s->story->keys[key], s->value, len, time))
    return 0;
  const struct entry entry = {.value_hash = hash_bytes(s->value, len),
                              .time = s->story->plan->shape == TIMES ? time : 0,
                              .len = (uint32_t)len,
                              .version = ++s->n_versions,
                              .fill = len > 0 ? s->value[0] : 0};
  story_override(s->story, key, &entry);
  return 1;
}

/* Puts and deletes; the count is what booklet counted, or anything. It is ours
 * where booklet was killed too: then its puts tell, and deletes may not. */
static void act_as_booklet(struct session *s)
{
  static const struct entry gone = {.version = 0};
  int has_put = 0, has_deleted = 0;

  for (uint32_t n = below(s, 4); n > 0; n--) {
    const unsigned key = below(s, s->story->n_keys);
    if (chance(s, 50))
      has_put |= put_by_booklet(s, key);
    else if (s->deletable[key] &&
             booklet_delete(&s->disk->work, &s->story->keys[key])) {
      story_override(s->story, key, &gone);
      has_deleted = 1;
    }
  }
  if (is_open_to_booklet(&s->disk->work) &&
      (!has_put || has_deleted || chance(s, 60)))
    change_count(s);
}

/* Sectors from the beginning of a write, or those from its end. */
static void apply_part(struct session *s, struct op *op)
{
  const size_t edge = DISK_SECTOR - op->off % DISK_SECTOR;

  if (op->kind != OP_WRITE || op->len <= edge || op->len < DISK_SECTOR)
    return;
  const uint32_t n = (uint32_t)((op->len - edge - 1) / DISK_SECTOR + 1);
  const size_t part = edge + below(s, n) * DISK_SECTOR;
  if (chance(s, 50)) {
    op->len = part;
  } else {
    op->off += part;
    op->data += part;
    op->len -= part;
  }
  image_apply(&s->disk->work, &s->story->trace, op);
}

/* The file as it was after so many operations, and maybe part of the next. */
static void go_back(struct session *s, size_t at)
{
  struct story *const story = s->story;
  struct op op = story->trace.ops[at];
  struct image *const work = &s->disk->work;

  image_set_size(work, 0);
  image_write(work, 0, story->base.bytes, story->base.len);
  for (size_t i = 0; i < at; i++)
    image_apply(work, &story->trace, &story->trace.ops[i]);
  apply_part(s, &op);
}

/* The file goes back to somewhere in the story, maybe into a write. What it
 * holds then is one of a few moments. */
static void crash_somewhere(struct session *s)
{
  struct story *const story = s->story;
  size_t at = 0;

  for (int attempt = 0; attempt < 20; attempt++) {
    at = below(s, (uint32_t)story->trace.n);
    go_back(s, at);
    if (!has(s, TRAIT_FOREIGN) || is_open_to_booklet(&s->disk->work))
      break;
  }
  const size_t low = story_first(story, 0, at, 0);
  const size_t high = story_last(story, at + 1);
  for (unsigned i = 0; i < story->n_keys; i++)
    s->deletable[i] = (uint8_t)had_one_version(story, i, low, high);
  story_keep_moments(story, low, high);
}

/* The file as it is now is the first image. */
void program_start_over(struct session *s)
{
  struct story *const story = s->story;

  free(story->base.bytes);
  story->base.len = s->disk->work.len;
  story->base.bytes = malloc(story->base.len);
  memcpy(story->base.bytes, s->disk->work.bytes, story->base.len);
  story->trace.base = story->base;
  trace_clear(&story->trace);
  journal_start(&s->journal, &s->disk->work);
}

void program_foreign(struct session *s)
{
  program_random(s, 3);
  session_kill(s);
  if (s->story->mistake != NULL || s->story->trace.n == 0)
    return;
  crash_somewhere(s);
  if (has(s, TRAIT_FOREIGN))
    act_as_booklet(s);
  program_start_over(s);
  s->level = s->story->plan->level;
  set_boot_id(s->story->boot_id = 2);
  session_open(s, BLT_WRITE);
  session_recognise(s);
  program_step(s);
  if (chance(s, 50))
    program_step(s);
}
