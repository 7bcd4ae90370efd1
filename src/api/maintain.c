/*
 * maintain.c - prune, reindex, clear and verify
 */
#include "api/db.h"

#include <stdlib.h>
#include <string.h>

#include "format/reserved.h"
#include "hash/keyhash.h"
#include "upkeep/rewrite.h"
#include "upkeep/verify.h"

/* ---- rewrites */

/* Everything is in the file, and the file is marked as being written. */
static blt_status get_ready(blt_db *db)
{
  blt_status status = blt__commit(db);

  if (status < 0 || (status = blt__log_begin(&db->log)) < 0)
    return status;
  return blt__flatten_first(db);
}

static blt_status rewrite(blt_db *db, struct blt__live_source *live,
                          struct blt__rewrite *how)
{
  how->state = BLT__DIRTY;
  how->drop_pages = db->options.advice == BLT_ADVICE_DROP;
  how->progress = db->options.progress;
  how->progress_ctx = db->options.progress_ctx;
  blt_status status = blt__rewrite(&db->log, &live->source, how);
  if (status == BLT_OK) {
    atomic_fetch_add(&db->n_mutations, 1);
    atomic_fetch_add(&db->n_compactions, 1);
    db->skip_reindex = 0;
  }
  return status;
}

blt_status blt__grow_index(blt_db *db, uint32_t n_buckets)
{
  struct blt__live_source live;
  struct blt__rewrite how = {.n_buckets = n_buckets, .phase = "reindex"};
  blt_status status = blt__log_begin(&db->log);

  if (status < 0 || (status = blt__flatten_first(db)) < 0)
    return status;
  blt__live_source_init(&live, &db->image, NULL, NULL);
  return rewrite(db, &live, &how);
}

static blt_status judge_no_batch(const blt_db *db)
{
  if (!db->in_batch)
    return BLT_OK;
  return blt__fail(&db->sink, BLT_E_BUSY, BLT_NO_OFFSET,
                   "commit or abort the batch first");
}

static blt_status reindex(blt_db *db, uint32_t n_buckets)
{
  blt_status status = judge_no_batch(db);

  if (status < 0 || (status = blt__commit(db)) < 0)
    return status;
  if (n_buckets == 0)
    n_buckets = blt__layout_buckets_for(db->log.n_keys);
  if (n_buckets == db->image.layout.n_buckets)
    return BLT_OK;
  return blt__grow_index(db, n_buckets);
}

BLT_API blt_status blt_reindex(blt_db *db, uint32_t n_buckets)
{
  blt_status status = blt__enter_write(db);

  return status < 0 ? status : blt__leave(db, reindex(db, n_buckets));
}

/* ---- prune */

struct prune {
  const struct blt__geometry *geo;
  uint64_t older_than;
  const uint8_t *keep; /* hashes, sorted                                    */
  size_t n_keep;
};

static int compare_hashes(const void *a, const void *b)
{
  return memcmp(a, b, BLT__HASH_LEN);
}

static int is_wanted(void *ctx, const struct blt__scanned *s)
{
  const struct prune *prune = ctx;

  return blt__block_time(prune->geo, s->head) >= prune->older_than ||
         blt__is_reserved_hash(s->head) ||
         (prune->n_keep > 0 && bsearch(s->head, prune->keep, prune->n_keep,
                                       BLT__HASH_LEN, compare_hashes) != NULL);
}

static uint8_t *hash_keys(const blt_db *db, const blt_bytes *keys, size_t n)
{
  uint8_t *hashes = blt__alloc(&db->env, n * BLT__HASH_LEN);

  if (hashes == NULL)
    return NULL;
  for (size_t i = 0; i < n; i++)
    blt__keyhash(keys[i].data, keys[i].len, hashes + i * BLT__HASH_LEN);
  qsort(hashes, n, BLT__HASH_LEN, compare_hashes);
  return hashes;
}

static blt_status prune(blt_db *db, const blt_prune_options *options,
                        uint64_t *out_dropped)
{
  struct prune what = {.geo = &db->image.geo,
                       .older_than = options->older_than,
                       .n_keep = options->n_keep_keys};
  int by_time = options->older_than != 0;
  struct blt__rewrite how = {
      .n_buckets = options->n_buckets, .slide = 1, .phase = "prune"};
  struct blt__live_source live;
  blt_status status = judge_no_batch(db);

  if (status < 0 || (status = get_ready(db)) < 0)
    return status;
  uint8_t *hashes = hash_keys(db, options->keep_keys, what.n_keep);
  if (hashes == NULL)
    return blt__fail_memory(&db->sink);
  what.keep = hashes;
  if (how.n_buckets == 0 && options->fit_buckets != BLT_ON)
    how.n_buckets = db->image.layout.n_buckets;
  blt__live_source_init(&live, &db->image, by_time ? is_wanted : NULL, &what);
  status = rewrite(db, &live, &how);
  blt__release(&db->env, hashes, what.n_keep * BLT__HASH_LEN);
  if (status < 0)
    return status;
  if (out_dropped != NULL)
    *out_dropped = live.n_dead + live.n_dropped + db->log.n_undone;
  db->log.n_undone = 0;
  return status;
}

BLT_API blt_status blt_prune(blt_db *db, const blt_prune_options *options,
                             uint64_t *out_dropped)
{
  blt_prune_options complete;
  blt_status status = blt__enter_write(db);

  if (status < 0)
    return status;
  memset(&complete, 0, sizeof complete);
  if (options != NULL)
    memcpy(&complete, options,
           options->size != 0 && options->size < sizeof complete
               ? options->size
               : sizeof complete);
  if (complete.older_than != 0 && !blt__geometry_has_time(&db->image.geo))
    return blt__leave(db, blt__fail(&db->sink, BLT_E_UNSUPPORTED, BLT_NO_OFFSET,
                                    "the file has no timestamps to prune by"));
  if (complete.keep_keys == NULL && complete.n_keep_keys != 0)
    return blt__leave(db, blt__fail(&db->sink, BLT_E_INVALID, BLT_NO_OFFSET,
                                    "keep_keys is NULL"));
  return blt__leave(db, prune(db, &complete, out_dropped));
}

BLT_API blt_status blt_auto_reindex(blt_db *db, blt_choice choice)
{
  blt_status status = blt__enter_write(db);

  if (status < 0)
    return status;
  db->options.auto_reindex = choice;
  return blt__leave(db, BLT_OK);
}

/* ---- clear */

static int is_never_wanted(void *ctx, const struct blt__scanned *s)
{
  (void)ctx;
  (void)s;
  return 0;
}

static blt_status clear(blt_db *db)
{
  struct blt__live_source live;
  struct blt__rewrite how = {
      .n_buckets = db->image.layout.n_buckets, .slide = 1, .phase = "clear"};
  blt_status status = judge_no_batch(db);

  if (status < 0)
    return status;
  /* What is put and not committed goes last, when nothing can fail. */
  if ((status = blt__log_begin(&db->log)) < 0 ||
      (status = blt__flatten_first(db)) < 0)
    return status;
  blt__live_source_init(&live, &db->image, is_never_wanted, NULL);
  if ((status = rewrite(db, &live, &how)) < 0)
    return status;
  blt__pending_clear(&db->pending);
  db->log.n_undone = 0;
  return status;
}

BLT_API blt_status blt_clear(blt_db *db)
{
  blt_status status = blt__enter_write(db);

  return status < 0 ? status : blt__leave(db, clear(db));
}

/* ---- verify */

static blt_status verify(blt_db *db, const blt_verify_options *options,
                         blt_verify_report *out)
{
  blt_verify_options complete;
  blt_status status = BLT_OK;

  memset(&complete, 0, sizeof complete);
  if (options != NULL)
    memcpy(&complete, options,
           options->size != 0 && options->size < sizeof complete
               ? options->size
               : sizeof complete);
  if (db->writable && !db->log.poisoned && (status = judge_no_batch(db)) < 0)
    return status;
  if ((status = blt__get_ready_to_scan(db)) < 0)
    return status;
  struct blt__verify v = {.image = &db->image,
                          .env = &db->env,
                          .header =
                              db->writable ? db->log.header : db->header.bytes,
                          .is_unclean = db->is_unclean,
                          .n_keys = blt__committed_count(db),
                          .options = &complete,
                          .progress = db->options.progress,
                          .progress_ctx = db->options.progress_ctx};
  status = blt__verify_image(&v);
  if (out != NULL && (status == BLT_OK || status == BLT_E_CORRUPT))
    *out = v.report;
  return status;
}

BLT_API blt_status blt_verify(blt_db *db, const blt_verify_options *options,
                              blt_verify_report *out)
{
  blt_status status = blt__enter_alone(db);

  return status < 0 ? status : blt__leave(db, verify(db, options, out));
}
