/*
 * program.c - the programs that stories record
 *
 * A program is a plan and a seed: how many buckets and keys, and which calls.
 */
#include "crash/program.h"

#include <stdlib.h>
#include <string.h>

#include "format/reserved.h"

/* ---- keys */

static unsigned choose_n_keys(struct session *s)
{
  static const unsigned counts[] = {4, 12, 30};

  if (has(s, TRAIT_SMALL))
    return 3;
  if (has(s, TRAIT_SINGLE))
    return 3;
  if (has(s, TRAIT_BIG))
    return 60;
  if (has(s, TRAIT_LAST))
    return 30;
  return has(s, TRAIT_LONG_KEYS) ? 6 : counts[below(s, 3)];
}

static size_t key_len(struct session *s, unsigned i)
{
  if (has(s, TRAIT_LONG_KEYS))
    return i % 3 == 0 ? 65535 - i : 20000 + 1000 * i;
  if (has(s, TRAIT_ZEROS))
    return i;
  return i == 0 && s->story->seed % 2 == 0 ? 0 : 1 + i / 10;
}

static void make_keys(struct session *s)
{
  struct story *const story = s->story;
  size_t len = 0;

  story->n_keys = choose_n_keys(s);
  for (unsigned i = 0; i < story->n_keys; i++)
    len += key_len(s, i) + 1;
  uint8_t *at = story->key_bytes = calloc(1, len);
  for (unsigned i = 0; i < story->n_keys; i++) {
    const size_t n = key_len(s, i);
    if (!has(s, TRAIT_ZEROS))
      memset(at, 'a' + (int)i % 10, n);
    if (!has(s, TRAIT_ZEROS) && n > 1)
      at[0] = (uint8_t)('0' + i);
    story->keys[i] = (struct story_key){at, n, 0};
    at += n;
  }
  for (unsigned i = 0; i < N_HIDDEN; i++)
    story->keys[story->n_keys + i] = (struct story_key){
        (const uint8_t *)blt__reserved_keys[i].key, BLT__RESERVED_KEY_LEN, 0};
  for (unsigned i = 0; i < story_n_entries(story); i++)
    story->keys[i].hash = hash_bytes(story->keys[i].bytes, story->keys[i].len);
}

/* ---- values */

/* So long that the block ends near the end of a sector, if it is the only one
 * of its batch. */
static size_t edge_len(struct session *s, unsigned key)
{
  if (s->db == NULL)
    return 0;
  const struct blt__geometry *const geo = &s->db->image.geo;
  const uint64_t record =
      (blt__record_min_len(geo, 1, 1) / geo->stride + 1) * geo->stride;
  const uint64_t end = s->db->image.view.size + (below(s, 2) ? record : 0) +
                       geo->key_off + s->story->keys[key].len;

  return (size_t)((DISK_SECTOR - end % DISK_SECTOR) + below(s, 33) +
                  (below(s, 4) == 0 ? DISK_SECTOR : 0));
}

size_t program_value_len(struct session *s, unsigned key)
{
  static const size_t lens[] = {0, 1, 5, 60, 700};

  switch (s->story->plan->shape) {
  case FIXED_9:
    return 9;
  case FIXED_0:
    return 0;
  default:
    break;
  }
  if (has(s, TRAIT_EDGES) && chance(s, 60))
    return edge_len(s, key);
  if (has(s, TRAIT_BIG) && chance(s, 2))
    return 5000 + below(s, 9000);
  return lens[below(s, 5)];
}

/* ---- steps */

static unsigned some_key(struct session *s)
{
  const int hidden =
      !is_fixed(s->story) && chance(s, has(s, TRAIT_HIDDEN) ? 40 : 4);

  return hidden ? s->story->n_keys + below(s, N_HIDDEN)
                : below(s, s->story->n_keys);
}

static void change_one(struct session *s)
{
  const unsigned key = some_key(s);

  if (s->now[key].version != 0 ? chance(s, 30) : chance(s, 5))
    session_delete(s, key);
  else if (!is_fixed(s->story) || key < s->story->n_keys)
    session_put(s, key, program_value_len(s, key));
}

static unsigned batch_len(struct session *s)
{
  static const unsigned lens[] = {1, 1, 2, 5, 12};

  if (has(s, TRAIT_BIG))
    return chance(s, 50) ? 10 : 40;
  return has(s, TRAIT_LONG_KEYS) ? 1 + below(s, 6) : lens[below(s, 5)];
}

static void run_batch(struct session *s)
{
  const int is_own = has(s, TRAIT_IMPLICIT) ? chance(s, 25) : chance(s, 90);
  const unsigned n = batch_len(s);

  if (is_own)
    session_begin(s);
  for (unsigned i = 0; i < n; i++)
    change_one(s);
  if (!is_own)
    return;
  if (chance(s, 5))
    session_abort(s);
  else
    session_commit(s);
}

static void run_rewrite(struct session *s)
{
  static const uint32_t counts[] = {1, 2, 5, 11, 31, 200};

  switch (below(s, 8)) {
  case 0:
    session_clear(s);
    break;
  case 1:
  case 2:
    session_prune(s, 0, 0);
    break;
  case 3:
    session_prune(s, 0, counts[below(s, 6)]);
    break;
  case 4:
    session_prune(s, random_next(&s->random) >> 9, 0);
    break;
  default:
    session_reindex(s, counts[below(s, 6)]);
    break;
  }
}

void program_reopen(struct session *s, int kill)
{
  if (kill)
    session_kill(s);
  else
    session_close(s);
  session_open(s, BLT_WRITE);
}

/* Each third time it is not time for a checkpoint yet. */
static void settle(struct session *s)
{
  if (s->level == BLT_SYNC_BATCH && ++s->n_settled % 3 == 0)
    session_sync_log(s);
  else
    session_checkpoint(s);
}

void program_step(struct session *s)
{
  if (chance(s, has(s, TRAIT_REWRITES) ? 40 : 7))
    run_rewrite(s);
  if (chance(s, has(s, TRAIT_STAMPS) ? 60 : 5))
    session_set_time(s, below(s, s->story->n_keys));
  if (chance(s, has(s, TRAIT_STAMPS) ? 10 : 1))
    session_set_file_time(s);
  if (chance(s, 12))
    settle(s);
  if (chance(s, 6))
    session_rest(s);
  run_batch(s);
  if (chance(s, s->level == BLT_SYNC_FULL ? 15 : 35))
    session_sync(s);
  if (chance(s, has(s, TRAIT_KILLS) ? 40 : 4))
    program_reopen(s, 1);
}

void program_random(struct session *s, unsigned n_steps)
{
  const unsigned n_sessions = 1 + below(s, 2);

  for (unsigned i = 0; i < n_sessions; i++) {
    session_open(s, BLT_WRITE);
    for (unsigned k = 0; k < n_steps; k++)
      program_step(s);
    if (i + 1 < n_sessions)
      session_close(s);
  }
}

/* ---- a story */

static uint32_t choose_n_buckets(struct session *s)
{
  static const uint32_t counts[] = {1, 2, 3, 4, 5, 6, 7, 50, 200};

  if (has(s, TRAIT_SMALL))
    return 1;
  return has(s, TRAIT_GROWTH) ? counts[below(s, 3)] : counts[below(s, 9)];
}

/* The new file is on disk when the story begins. */
static void create(struct session *s)
{
  const enum shape shape = s->story->plan->shape;
  blt_options options = disk_options(BLT_NEW, BLT_SYNC_FULL);
  blt_db *db = NULL;

  options.n_buckets = choose_n_buckets(s);
  options.timestamps = shape == TIMES ? BLT_ON : BLT_OFF;
  options.kind = is_fixed(s->story) ? BLT_FIXED : BLT_VARIABLE;
  options.fixed_value_len = shape == FIXED_9 ? 9 : 0;
  if (blt__open_file(&s->disk->file, &options, &db) == BLT_OK)
    (void)blt_close(db);
}

static void run_plan(struct session *s)
{
  if (has(s, TRAIT_SINGLE))
    program_single(s);
  else if (has(s, TRAIT_SMALL))
    program_small(s);
  else if (has(s, TRAIT_LAST))
    program_last(s);
  else if (has(s, TRAIT_FOREIGN | TRAIT_REBOOT))
    program_foreign(s);
  else
    program_random(s, has(s, TRAIT_BIG | TRAIT_LONG_KEYS) ? 3 : 5);
  session_close(s);
}

void story_record(struct story *story, const struct plan *plan, uint64_t seed)
{
  static struct session session;
  static struct disk disk;
  struct session *const s = &session;

  if (disk.is_dirty == NULL)
    disk_init(&disk);
  disk.state.len = 0;
  disk.record = NULL;
  disk.on_write = NULL;
  disk.on_size = NULL;
  disk.on_sync = NULL;
  disk_reset(&disk);
  memset(s, 0, sizeof *s);
  *story = (struct story){.plan = plan, .seed = seed, .boot_id = 1};
  s->random.state = hash_bytes(plan->name, strlen(plan->name)) ^
                    (seed + 1) * 0x9e3779b97f4a7c15u;
  set_chance(random_next(&s->random));
  set_boot_id(1);
  s->story = story;
  s->disk = &disk;
  s->level = has(s, TRAIT_REBOOT) ? BLT_SYNC_OFF : plan->level;
  if (has(s, TRAIT_IMPLICIT))
    s->buffer_len = 256;
  if (s->story->seed % 4 != 3)
    s->log_max = s->story->seed % 2 == 0 ? 1 : 3000;
  /* Two of three stories have zeros ahead of the log at FULL. */
  if (s->story->seed % 3 != 2)
    s->ahead = (struct blt__ahead){s->story->seed % 3 == 0 ? 0 : 200,
                                   s->story->seed % 3 == 0 ? 0 : 300, 900};
  make_keys(s);
  create(s);
  session_init(s, story, &disk);
  program_start_over(s);
  story_add_moment(story, s->now, 0, 0, 0);
  run_plan(s);
  disk.record = NULL;
  journal_release(&s->journal);
}
