/*
 * verify.c - everything is read and judged
 *
 * Two passes. The scan looks at each block in the order of the file and asks
 * whether its chain leads to it. The walk follows each chain. If the scan saw
 * as many reachable blocks as the walk reached, they are the same ones; if
 * not, a third pass finds the links that lead between blocks.
 */
#include "upkeep/verify.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/record.h"
#include "format/reserved.h"
#include "hash/keyhash.h"
#include "lookup/chain.h"
#include "lookup/scan.h"

enum { PROGRESS_STEP = 8192 };

static const char *const fault_names[] = {
    [BLT__FAULT_NONE] = "damage",        [BLT__FAULT_WILD] = "wild-pointer",
    [BLT__FAULT_OVERRUN] = "overrun",    [BLT__FAULT_CYCLE] = "cycle",
    [BLT__FAULT_DEAD] = "dead-in-chain", [BLT__FAULT_TORN] = "torn-tail",
};

/* 1 when no more faults are wanted. */
static int is_enough(const struct blt__verify *v)
{
  uint64_t max = v->options->max_faults;

  return max != 0 && v->report.n_faults >= max;
}

__attribute__((format(printf, 4, 5))) static void
tell(struct blt__verify *v, const char *kind, uint64_t off,
     const char *sentence, ...)
{
  char text[256];
  va_list args;

  if (is_enough(v))
    return;
  v->report.n_faults++;
  if (v->options->on_fault == NULL)
    return;
  va_start(args, sentence);
  vsnprintf(text, sizeof text, sentence, args);
  va_end(args);
  v->options->on_fault(v->options->on_fault_ctx, &(blt_fault){kind, off, text});
}

static blt_status report_progress(const struct blt__verify *v,
                                  const char *phase, uint64_t done,
                                  uint64_t total)
{
  if (v->progress == NULL ||
      v->progress(v->progress_ctx, phase, done, total) == 0)
    return BLT_OK;
  return blt__fail(v->image->view.sink, BLT_E_CANCELLED, BLT_NO_OFFSET,
                   "verify was cancelled");
}

/* ---- the scan */

/* Whether the chain of the stored hash leads to this block, and not first to
 * another of the same key. */
enum reach { REACHED, ORPHAN, DUPLICATE };

static enum reach reach_of(struct blt__verify *v, const struct blt__scanned *s)
{
  struct blt__image *image = v->image;
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

static void judge_dead(struct blt__verify *v, const struct blt__scanned *s)
{
  const struct blt__geometry *geo = &v->image->geo;
  struct blt__record record;
  const uint8_t *bytes = NULL;
  uint64_t len = s->block.len;

  v->report.n_dead++;
  v->report.n_records += (uint64_t)blt__dead_is_ours(s->head);
  if (!blt__record_is_tagged(s->head))
    return;
  if (blt__view_at(&v->image->view, s->block.off, len, &bytes) < 0)
    return;
  if (!blt__record_decode(geo, s->block.off, bytes, len, &record) ||
      blt__record_used_len(geo, &record) + BLT__RECORD_HASH_LEN > len ||
      !blt__record_is_whole(geo, &record, bytes))
    tell(v, "bad-record", s->block.off,
         "a commit record whose content is not what its hash says");
}

static void judge_live(struct blt__verify *v, const struct blt__scanned *s,
                       uint64_t *n_reached)
{
  uint8_t hash[BLT__HASH_LEN];

  v->report.n_live++;
  v->report.n_hidden += !v->image->geo.fixed && blt__is_reserved_hash(s->head);
  blt__keyhash(s->head + v->image->geo.key_off, s->block.key_len, hash);
  if (memcmp(hash, s->head, sizeof hash) != 0)
    tell(v, "wrong-hash", s->block.off,
         "the stored hash is not that of the block's key");
  switch (reach_of(v, s)) {
  case REACHED:
    ++*n_reached;
    break;
  case DUPLICATE:
    tell(v, "duplicate-key", s->block.off,
         "a live block whose key another block has too");
    break;
  default:
    tell(v, "orphan", s->block.off,
         "a live block that its chain does not lead to");
    break;
  }
}

static blt_status scan_all(struct blt__verify *v, uint64_t *n_reached)
{
  struct blt__scan scan;
  struct blt__scanned s;
  blt_status status = BLT_OK;
  uint64_t n = 0;

  blt__scan_begin(&scan, v->image);
  while (status != BLT_END && !is_enough(v)) {
    status = blt__scan_next(&scan, &s);
    if (status == BLT_E_CORRUPT) {
      tell(v, fault_names[scan.fault], scan.off, "%s",
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
    if (s.live)
      judge_live(v, &s, n_reached);
    else
      judge_dead(v, &s);
    if (++n % PROGRESS_STEP == 0 &&
        (status = report_progress(v, "verify blocks", scan.off,
                                  v->image->view.size)) < 0)
      return status;
  }
  return BLT_OK;
}

/* ---- the walk */

static int is_in_region(const struct blt__verify *v, uint64_t off)
{
  struct blt__region regions[2];
  unsigned n =
      blt__layout_regions(&v->image->layout, v->image->view.size, regions);

  for (unsigned i = 0; i < n; i++)
    if (off >= regions[i].begin && off < regions[i].end)
      return 1;
  return 0;
}

static void walk_bucket(struct blt__verify *v, uint32_t bucket,
                        uint64_t *n_walked)
{
  struct blt__image *image = v->image;
  struct blt__walk walk;
  struct blt__block block;
  const uint8_t *head = NULL;
  blt_status status;

  blt__walk_begin(&walk, image,
                  image->layout.index_off + (uint64_t)BLT__LINK_LEN * bucket);
  while ((status = blt__walk_next(&walk, &block, &head)) == BLT_OK) {
    ++*n_walked;
    if (!is_in_region(v, block.off))
      tell(v, "wild-pointer", walk.link_off,
           "the link leads to %llu, outside the data",
           (unsigned long long)block.off);
    else if (blt__layout_bucket(&image->layout, head) != bucket) {
      /* What follows is walked from its own bucket; else a file whose buckets
       * all lead into one chain would be walked that many times. */
      tell(v, "wrong-bucket", block.off,
           "the block's hash belongs to another bucket than %u", bucket);
      return;
    }
  }
  if (status == BLT_E_CORRUPT)
    tell(v, fault_names[walk.fault], walk.fault_off,
         "the chain of bucket %u breaks here", bucket);
}

static blt_status walk_all(struct blt__verify *v, uint64_t *n_walked)
{
  uint32_t n = v->image->layout.n_buckets;
  blt_status status = BLT_OK;

  for (uint32_t i = 0; i < n && !is_enough(v) && status == BLT_OK; i++) {
    walk_bucket(v, i, n_walked);
    if (i % (PROGRESS_STEP * 8) == 0)
      status = report_progress(v, "verify chains", i, n);
  }
  return status;
}

/* ---- links that lead between blocks */

static int compare_offsets(const void *left, const void *right)
{
  const uint64_t *a = left;
  const uint64_t *b = right;

  return *a < *b ? -1 : *a > *b;
}

static blt_status collect_live(struct blt__verify *v, struct blt__buf *out)
{
  struct blt__scan scan;
  struct blt__scanned s;
  blt_status status;

  blt__scan_begin(&scan, v->image);
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
      return blt__fail_memory(v->image->view.sink);
  }
  return BLT_OK;
}

static blt_status find_astray(struct blt__verify *v)
{
  struct blt__image *image = v->image;
  struct blt__buf live;
  blt__buf_init(&live, v->env);
  blt_status status = collect_live(v, &live);

  for (uint32_t i = 0; status == BLT_OK && i < image->layout.n_buckets; i++) {
    struct blt__walk walk;
    struct blt__block block;
    const uint8_t *head = NULL;
    blt__walk_begin(&walk, image,
                    image->layout.index_off + (uint64_t)BLT__LINK_LEN * i);
    /* Not beyond another bucket's block, as in walk_bucket. */
    while (blt__walk_next(&walk, &block, &head) == BLT_OK &&
           blt__layout_bucket(&image->layout, head) == i)
      if (is_in_region(v, block.off) &&
          (live.len == 0 ||
           bsearch(&block.off, live.data, live.len / sizeof block.off,
                   sizeof block.off, compare_offsets) == NULL))
        tell(v, "wild-pointer", walk.link_off,
             "the link leads to %llu, where no live block begins",
             (unsigned long long)block.off);
  }
  blt__buf_release(&live);
  return status;
}

/* ---- the whole */

static void judge_header(struct blt__verify *v)
{
  struct blt__checkpoint checkpoint;

  if (v->is_unclean)
    tell(v, "unclean", BLT__HDR_COUNT,
         "the last writer did not close the file; opening it for writing "
         "recovers it");
  if (memcmp(v->header + BLT__HDR_CHECKPOINT, "BLTK", 4) == 0 &&
      !blt__checkpoint_decode(v->header, &checkpoint))
    tell(v, "bad-checkpoint", BLT__HDR_CHECKPOINT,
         "the checkpoint is not what its hash says");
}

static blt_status judge_all(struct blt__verify *v)
{
  uint64_t n_reached = 0, n_walked = 0;
  blt_status status;

  judge_header(v);
  if ((status = scan_all(v, &n_reached)) < 0 ||
      (status = walk_all(v, &n_walked)) < 0)
    return status;
  if (n_walked > n_reached && !is_enough(v) && (status = find_astray(v)) < 0)
    return status;
  uint64_t counted = v->report.n_live - v->report.n_hidden;
  if (!v->is_unclean && counted != v->n_keys)
    tell(v, "wrong-count", BLT__HDR_COUNT,
         "the header says %llu keys, %llu are found",
         (unsigned long long)v->n_keys, (unsigned long long)counted);
  return BLT_OK;
}

blt_status blt__verify_image(struct blt__verify *v)
{
  struct blt__view *view = &v->image->view;

  v->report = (blt_verify_report){0};
  blt__view_advise(view, 0, view->size, BLT__HINT_NORMAL);
  blt__view_forget_failure(view);
  blt_status status = judge_all(v);
  if (status == BLT_OK)
    status = blt__view_failure(view);
  blt__view_advise(view, 0, view->size, BLT__HINT_RANDOM);
  if (status < 0 || v->report.n_faults == 0)
    return status;
  return blt__fail(view->sink, BLT_E_CORRUPT, BLT_NO_OFFSET,
                   "%llu faults; run \"blt verify\" to see them",
                   (unsigned long long)v->report.n_faults);
}
