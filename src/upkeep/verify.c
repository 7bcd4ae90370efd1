/*
 * verify.c - everything is read and judged
 *
 * Two passes. The scan looks at each block in the order of the file and asks
 * whether its chain leads to it. The walk follows each chain. If the scan saw
 * as many reachable blocks as the walk reached, they are the same ones; if
 * not, a third pass finds the links that lead between blocks.
 *
 * Both passes are shared by threads: each steps through all blocks, which is
 * little work, and judges every n-th run of them; each walks its part of the
 * buckets. What is found out is added up under a mutex.
 */
#include "upkeep/verify.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/record.h"
#include "format/reserved.h"
#include "hash/keyhash.h"
#include "lookup/chain.h"
#include "lookup/scan.h"

enum { PROGRESS_STEP = 8192, RUN = 256, MOST_THREADS = 64 };

/* What the threads have in common. */
struct court {
  struct blt__verify *v;
  pthread_mutex_t mutex; /* for the report and the callback              */
  _Atomic int is_over;   /* nothing more is wanted                       */
};

/* One thread's share of the work. */
struct judge {
  struct court *court;
  struct blt__verify *v;
  unsigned which, n; /* of n judges; the first one is the caller's thread   */
  blt_verify_report report;
  uint64_t n_reached, n_walked;
  blt_status status;
};

static const char *const fault_names[] = {
    [BLT__FAULT_NONE] = "damage",        [BLT__FAULT_WILD] = "wild-pointer",
    [BLT__FAULT_OVERRUN] = "overrun",    [BLT__FAULT_CYCLE] = "cycle",
    [BLT__FAULT_DEAD] = "dead-in-chain", [BLT__FAULT_TORN] = "torn-tail",
};

/* 1 when no more faults are wanted, or a thread has failed. */
static int is_enough(const struct judge *j)
{
  return atomic_load_explicit(&j->court->is_over, memory_order_relaxed);
}

/* The faults of all judges are counted in one place. */
static void publish(struct blt__verify *v, const blt_fault *fault)
{
  v->report.n_faults++;
  if (v->options->on_fault != NULL)
    v->options->on_fault(v->options->on_fault_ctx, fault);
}

__attribute__((format(printf, 4, 5))) static void
tell(struct judge *j, const char *kind, uint64_t off, const char *sentence, ...)
{
  char text[256];
  va_list args;
  uint64_t max = j->v->options->max_faults;

  va_start(args, sentence);
  vsnprintf(text, sizeof text, sentence, args);
  va_end(args);
  pthread_mutex_lock(&j->court->mutex);
  if (!is_enough(j)) {
    publish(j->v, &(blt_fault){kind, off, text});
    if (max != 0 && j->v->report.n_faults >= max)
      atomic_store(&j->court->is_over, 1);
  }
  pthread_mutex_unlock(&j->court->mutex);
}

/* The caller's thread tells how far it is; the others are about as far. */
static blt_status report_progress(const struct judge *j, const char *phase,
                                  uint64_t done, uint64_t total)
{
  const struct blt__verify *v = j->v;

  if (v->progress == NULL || j->which != 0 ||
      v->progress(v->progress_ctx, phase, done, total) == 0)
    return BLT_OK;
  return blt__fail(v->image->view.sink, BLT_E_CANCELLED, BLT_NO_OFFSET,
                   "verify was cancelled");
}

/* ---- the scan */

/* Whether the chain of the stored hash leads to this block, and not first to
 * another of the same key. */
enum reach { REACHED, ORPHAN, DUPLICATE };

static enum reach reach_of(struct judge *j, const struct blt__scanned *s)
{
  struct blt__image *image = j->v->image;
  struct blt__walk walk;
  struct blt__block block;
  const uint8_t *head = NULL;
  unsigned key_off = image->geo.key_off;
  int duplicate = 0;

  blt__walk_begin(&walk, image, blt__layout_slot(&image->layout, s->head));
  while (blt__walk_next(&walk, &block, &head) == BLT_OK) {
    if (block.off == s->block.off)
      return duplicate ? DUPLICATE : REACHED;
    duplicate |= memcmp(head, s->head, BLT__HASH_LEN) == 0 &&
                 block.key_len == s->block.key_len &&
                 memcmp(head + key_off, s->head + key_off, block.key_len) == 0;
  }
  return duplicate ? DUPLICATE : ORPHAN;
}

static void judge_dead(struct judge *j, const struct blt__scanned *s)
{
  const struct blt__geometry *geo = &j->v->image->geo;
  struct blt__record record;
  const uint8_t *bytes = NULL;
  uint64_t len = s->block.len;

  j->report.n_dead++;
  j->report.n_records += (uint64_t)blt__dead_is_ours(s->head);
  if (!blt__record_is_tagged(s->head))
    return;
  if (blt__view_at(&j->v->image->view, s->block.off, len, &bytes) < 0)
    return;
  if (!blt__record_decode(geo, s->block.off, bytes, len, &record) ||
      blt__record_used_len(geo, &record) + BLT__RECORD_HASH_LEN > len ||
      !blt__record_is_whole(geo, &record, bytes))
    tell(j, "bad-record", s->block.off,
         "a commit record whose content is not what its hash says");
}

static void judge_live(struct judge *j, const struct blt__scanned *s)
{
  uint8_t hash[BLT__HASH_LEN];

  j->report.n_live++;
  j->report.n_hidden +=
      !j->v->image->geo.fixed && blt__is_reserved_hash(s->head);
  blt__keyhash(s->head + j->v->image->geo.key_off, s->block.key_len, hash);
  if (memcmp(hash, s->head, sizeof hash) != 0)
    tell(j, "wrong-hash", s->block.off,
         "the stored hash is not that of the block's key");
  switch (reach_of(j, s)) {
  case REACHED:
    j->n_reached++;
    break;
  case DUPLICATE:
    tell(j, "duplicate-key", s->block.off,
         "a live block whose key another block has too");
    break;
  default:
    tell(j, "orphan", s->block.off,
         "a live block that its chain does not lead to");
    break;
  }
}

static blt_status scan_all(struct judge *j)
{
  struct blt__scan scan;
  struct blt__scanned s;
  blt_status status = BLT_OK;
  const uint64_t size = j->v->image->view.size;
  uint64_t n = 0;

  blt__scan_begin(&scan, j->v->image);
  while (status != BLT_END && !is_enough(j)) {
    status = blt__scan_next(&scan, &s);
    if (status == BLT_E_CORRUPT) {
      if (j->which == 0)
        tell(j, fault_names[scan.fault], scan.off, "%s",
             scan.fault == BLT__FAULT_TORN
                 ? "the region ends inside a block's head"
                 : "a block passes the end of its region");
      if (scan.region + 1 >= scan.n_regions)
        break;
      scan.off = scan.regions[++scan.region].begin;
      continue;
    }
    if (status < 0)
      return status;
    if (status == BLT_END)
      break;
    if (n / RUN % j->n == j->which) {
      if (s.live)
        judge_live(j, &s);
      else
        judge_dead(j, &s);
    }
    if (++n % PROGRESS_STEP == 0 &&
        (status = report_progress(j, "verify blocks", scan.off, size)) < 0)
      return status;
  }
  return is_enough(j) ? BLT_OK
                      : report_progress(j, "verify blocks", size, size);
}

/* ---- the walk */

static int is_in_region(const struct judge *j, uint64_t off)
{
  struct blt__region regions[2];
  unsigned n = blt__layout_regions(&j->v->image->layout, j->v->image->view.size,
                                   regions);

  for (unsigned i = 0; i < n; i++)
    if (off >= regions[i].begin && off < regions[i].end)
      return 1;
  return 0;
}

static void walk_bucket(struct judge *j, uint32_t bucket)
{
  struct blt__image *image = j->v->image;
  struct blt__walk walk;
  struct blt__block block;
  const uint8_t *head = NULL;
  blt_status status;

  blt__walk_begin(&walk, image,
                  image->layout.index_off + (uint64_t)BLT__LINK_LEN * bucket);
  while ((status = blt__walk_next(&walk, &block, &head)) == BLT_OK) {
    j->n_walked++;
    if (!is_in_region(j, block.off))
      tell(j, "wild-pointer", walk.link_off,
           "the link leads to %llu, outside the data",
           (unsigned long long)block.off);
    else if (blt__layout_bucket(&image->layout, head) != bucket) {
      /* What follows is walked from its own bucket; else a file whose buckets
       * all lead into one chain would be walked that many times. */
      tell(j, "wrong-bucket", block.off,
           "the block's hash belongs to another bucket than %u", bucket);
      return;
    }
  }
  if (status == BLT_E_CORRUPT)
    tell(j, fault_names[walk.fault], walk.fault_off,
         "the chain of bucket %u breaks here", bucket);
}

static blt_status walk_all(struct judge *j)
{
  uint64_t n = j->v->image->layout.n_buckets;
  uint64_t begin = n * j->which / j->n, end = n * (j->which + 1) / j->n;
  const uint64_t len = (end - begin) * BLT__LINK_LEN;
  blt_status status = BLT_OK;

  for (uint64_t i = begin; i < end && !is_enough(j) && status == BLT_OK; i++) {
    walk_bucket(j, (uint32_t)i);
    if (i % (PROGRESS_STEP * 8) == 0)
      status =
          report_progress(j, "verify chains", (i - begin) * BLT__LINK_LEN, len);
  }
  if (status == BLT_OK && !is_enough(j))
    status = report_progress(j, "verify chains", len, len);
  return status;
}

/* ---- links that lead between blocks */

static int compare_offsets(const void *left, const void *right)
{
  const uint64_t *a = left;
  const uint64_t *b = right;

  return *a < *b ? -1 : *a > *b;
}

static blt_status collect_live(struct judge *j, struct blt__buf *out)
{
  struct blt__scan scan;
  struct blt__scanned s;
  blt_status status;

  blt__scan_begin(&scan, j->v->image);
  while ((status = blt__scan_next_live(&scan, &s)) != BLT_END) {
    if (status == BLT_E_CORRUPT) {
      if (scan.region + 1 >= scan.n_regions)
        break;
      scan.off = scan.regions[++scan.region].begin;
      continue;
    }
    if (status < 0)
      return status;
    if (blt__buf_append(out, &s.block.off, sizeof s.block.off) != 0)
      return blt__fail_memory(j->v->image->view.sink);
  }
  return BLT_OK;
}

static blt_status find_astray(struct judge *j)
{
  struct blt__image *image = j->v->image;
  struct blt__buf live;
  blt__buf_init(&live, j->v->env);
  blt_status status = collect_live(j, &live);

  for (uint32_t i = 0; status == BLT_OK && i < image->layout.n_buckets; i++) {
    struct blt__walk walk;
    struct blt__block block;
    const uint8_t *head = NULL;
    blt__walk_begin(&walk, image,
                    image->layout.index_off + (uint64_t)BLT__LINK_LEN * i);
    /* Not beyond another bucket's block, as in walk_bucket. */
    while (blt__walk_next(&walk, &block, &head) == BLT_OK &&
           blt__layout_bucket(&image->layout, head) == i)
      if (is_in_region(j, block.off) &&
          (live.len == 0 ||
           bsearch(&block.off, live.data, live.len / sizeof block.off,
                   sizeof block.off, compare_offsets) == NULL))
        tell(j, "wild-pointer", walk.link_off,
             "the link leads to %llu, where no live block begins",
             (unsigned long long)block.off);
  }
  blt__buf_release(&live);
  return status;
}

/* ---- the whole */

static void judge_header(struct judge *j)
{
  const struct blt__verify *v = j->v;
  struct blt__checkpoint checkpoint;

  if (v->is_unclean)
    tell(j, "unclean", BLT__HDR_COUNT,
         "the last writer did not close the file; opening it for writing "
         "recovers it");
  if (memcmp(v->header + BLT__HDR_CHECKPOINT, "BLTK", 4) == 0 &&
      !blt__checkpoint_decode(v->header, &checkpoint))
    tell(j, "bad-checkpoint", BLT__HDR_CHECKPOINT,
         "the checkpoint is not what its hash says");
}

static void *do_share(void *ctx)
{
  struct judge *j = ctx;

  j->status = scan_all(j);
  if (j->status == BLT_OK)
    j->status = walk_all(j);
  if (j->status < 0)
    atomic_store(&j->court->is_over, 1);
  return NULL;
}

/* A thread that cannot be had is no failure: its share is done here. */
static void do_all_shares(struct judge *judges, unsigned n)
{
  pthread_t threads[MOST_THREADS];
  int started[MOST_THREADS] = {0};

  for (unsigned i = 1; i < n; i++)
    started[i] = pthread_create(&threads[i], NULL, do_share, &judges[i]) == 0;
  do_share(&judges[0]);
  for (unsigned i = 1; i < n; i++)
    if (started[i])
      pthread_join(threads[i], NULL);
    else
      do_share(&judges[i]);
}

/* What all judges found goes to the first one. The words of a failure belong
 * to the thread that met it, and only ours are heard. */
static blt_status add_up(struct judge *judges, unsigned n)
{
  struct judge *first = &judges[0];

  for (unsigned i = 1; i < n; i++) {
    const struct judge *j = &judges[i];
    first->report.n_live += j->report.n_live;
    first->report.n_dead += j->report.n_dead;
    first->report.n_hidden += j->report.n_hidden;
    first->report.n_records += j->report.n_records;
    first->n_reached += j->n_reached;
    first->n_walked += j->n_walked;
    if (first->status == BLT_OK && j->status < 0)
      first->status =
          blt__fail(first->v->image->view.sink, j->status, BLT_NO_OFFSET, "%s",
                    blt_status_message(j->status));
  }
  return first->status;
}

static blt_status judge_all(struct court *court)
{
  struct blt__verify *v = court->v;
  struct judge judges[MOST_THREADS];
  struct judge *first = &judges[0];
  unsigned n = v->options->n_threads;

  n = n < 1 ? 1 : n > MOST_THREADS ? MOST_THREADS : n;
  for (unsigned i = 0; i < n; i++)
    judges[i] = (struct judge){.court = court, .v = v, .which = i, .n = n};
  judge_header(first);
  do_all_shares(judges, n);
  blt_status status = add_up(judges, n);
  if (status == BLT_OK && first->n_walked > first->n_reached &&
      !is_enough(first))
    status = find_astray(first);
  uint64_t counted = first->report.n_live - first->report.n_hidden;
  if (status == BLT_OK && !v->is_unclean && counted != v->n_keys)
    tell(first, "wrong-count", BLT__HDR_COUNT,
         "the header says %llu keys, %llu are found",
         (unsigned long long)v->n_keys, (unsigned long long)counted);
  first->report.n_faults = v->report.n_faults;
  v->report = first->report;
  return status;
}

blt_status blt__verify_image(struct blt__verify *v)
{
  struct blt__view *view = &v->image->view;
  struct court court = {.v = v};

  v->report = (blt_verify_report){0};
  blt__view_advise(view, 0, view->size, BLT__HINT_NORMAL);
  blt__view_forget_failure(view);
  pthread_mutex_init(&court.mutex, NULL);
  blt_status status = judge_all(&court);
  pthread_mutex_destroy(&court.mutex);
  /* Another thread may have met it, and then the words are missing. */
  if (status == BLT_OK && (status = blt__view_failure(view)) < 0 &&
      v->options->n_threads > 1)
    blt__fail(view->sink, status, BLT_NO_OFFSET, "%s",
              blt_status_message(status));
  blt__view_advise(view, 0, view->size, BLT__HINT_RANDOM);
  if (status < 0 || v->report.n_faults == 0)
    return status;
  return blt__fail(view->sink, BLT_E_CORRUPT, BLT_NO_OFFSET,
                   "%llu faults; run \"blt verify\" to see them",
                   (unsigned long long)v->report.n_faults);
}
