/*
 * stats.c - what the file is made of, in one pass
 */
#include "upkeep/stats.h"

#include "format/record.h"
#include "format/reserved.h"
#include "lookup/chain.h"
#include "lookup/scan.h"

/* Bins of value lengths: exact below 16, then 16 for each power of two. */
enum { N_BINS = 16 + 28 * 16 };

static unsigned bin_of(uint32_t len)
{
  if (len < 16)
    return len;
  unsigned power = 31 - (unsigned)__builtin_clz(len);
  return 16 + (power - 4) * 16 + (len >> (power - 4) & 15);
}

static uint64_t bin_end(unsigned bin)
{
  if (bin < 16)
    return bin;
  unsigned power = (bin - 16) / 16 + 4;
  uint64_t low = (uint64_t)(16 + (bin - 16) % 16) << (power - 4);
  return low + ((uint64_t)1 << (power - 4)) - 1;
}

static uint64_t quantile(const uint64_t *bins, uint64_t n, unsigned percent)
{
  uint64_t wanted = n / 100 * percent + n % 100 * percent / 100;
  uint64_t seen = 0;

  for (unsigned i = 0; i < N_BINS; i++) {
    seen += bins[i];
    if (seen > wanted)
      return bin_end(i);
  }
  return 0;
}

static void add_live(blt_stats *stats, const struct blt__block *block,
                     uint64_t *bins)
{
  uint64_t key_len = block->key_len, value_len = block->value_len;

  if (stats->n_keys == 0 || key_len < stats->key_len_min)
    stats->key_len_min = key_len;
  if (stats->n_keys == 0 || value_len < stats->value_len_min)
    stats->value_len_min = value_len;
  if (key_len > stats->key_len_max)
    stats->key_len_max = key_len;
  if (value_len > stats->value_len_max)
    stats->value_len_max = value_len;
  stats->key_len_sum += key_len;
  stats->value_len_sum += value_len;
  stats->n_keys++;
  bins[bin_of(block->value_len)]++;
}

static void add_quantiles(blt_stats *stats, const uint64_t *bins)
{
  stats->value_len_p50 = quantile(bins, stats->n_keys, 50);
  stats->value_len_p99 = quantile(bins, stats->n_keys, 99);
  if (stats->value_len_p50 > stats->value_len_max)
    stats->value_len_p50 = stats->value_len_max;
  if (stats->value_len_p99 > stats->value_len_max)
    stats->value_len_p99 = stats->value_len_max;
}

static blt_status scan_blocks(struct blt__image *image, blt_stats *stats)
{
  uint64_t bins[N_BINS] = {0};
  struct blt__scan scan;
  struct blt__scanned s;
  blt_status status;

  blt__scan_begin(&scan, image);
  while ((status = blt__scan_next(&scan, &s)) == BLT_OK) {
    if (!s.live) {
      int ours = blt__dead_is_ours(s.head);
      stats->n_dead++;
      stats->dead_len += s.block.len;
      stats->n_records += (uint64_t)ours;
      stats->record_len += ours ? s.block.len : 0;
      continue;
    }
    stats->n_live++;
    stats->live_len += s.block.len;
    if (!image->geo.fixed && blt__is_reserved_hash(s.head))
      stats->n_hidden++;
    else
      add_live(stats, &s.block, bins);
  }
  add_quantiles(stats, bins);
  return status == BLT_END ? BLT_OK : status;
}

static void add_chain(blt_stats *stats, uint64_t len)
{
  stats->chain_bins[len < BLT_CHAIN_BINS ? len : BLT_CHAIN_BINS - 1]++;
  if (len > stats->chain_max)
    stats->chain_max = len;
}

/* With bins, the blocks on the way are measured too. */
static blt_status walk_chain(struct blt__image *image, uint32_t bucket,
                             blt_stats *stats, uint64_t *bins)
{
  const struct blt__layout *layout = &image->layout;
  struct blt__walk walk;
  struct blt__block block;
  uint64_t len = 0;
  const uint8_t *head = NULL;
  blt_status status;

  blt__walk_begin(&walk, image,
                  layout->index_off + (uint64_t)BLT__LINK_LEN * bucket);
  /* A chain ends where it runs into another bucket's. */
  while ((status = blt__walk_next(&walk, &block, &head)) == BLT_OK &&
         blt__layout_bucket(layout, head) == bucket) {
    stats->chain_steps += ++len;
    if (bins == NULL)
      continue;
    stats->live_len += block.len;
    add_live(stats, &block, bins);
  }
  if (status >= 0)
    add_chain(stats, len);
  return status;
}

static blt_status walk_chains(struct blt__image *image, blt_stats *stats)
{
  blt_status status = BLT_OK;

  for (uint32_t i = 0; i < image->layout.n_buckets && status >= 0; i++)
    status = walk_chain(image, i, stats, NULL);
  return status < 0 ? status : BLT_OK;
}

blt_status blt__stats_gather(struct blt__image *image, blt_stats *out)
{
  struct blt__view *view = &image->view;
  blt_stats stats = {.file_len = view->size,
                     .index_len =
                         (uint64_t)BLT__LINK_LEN * image->layout.n_buckets};

  blt__view_advise(view, 0, view->size, BLT__HINT_NORMAL);
  blt_status status = scan_blocks(image, &stats);
  if (status == BLT_OK)
    status = walk_chains(image, &stats);
  blt__view_advise(view, 0, view->size, BLT__HINT_RANDOM);
  if (status < 0)
    return status;
  stats.other_len =
      stats.file_len - stats.live_len - stats.dead_len - stats.index_len;
  *out = stats;
  return BLT_OK;
}

/* ---- a sample */

static uint64_t scaled(uint64_t number, double factor)
{
  return (uint64_t)((double)number * factor + 0.5);
}

static uint64_t data_len(const struct blt__image *image)
{
  struct blt__region regions[2];
  uint64_t len = 0;
  unsigned n = blt__layout_regions(&image->layout, image->view.size, regions);

  for (unsigned i = 0; i < n; i++)
    len += regions[i].end - regions[i].begin;
  return len;
}

/* From what was seen to the whole. */
static void scale_up(blt_stats *stats, double per_bucket, uint64_t n_keys,
                     uint64_t data)
{
  double per_key =
      stats->n_keys != 0 ? (double)n_keys / (double)stats->n_keys : 0;

  stats->n_keys = stats->n_live = n_keys;
  stats->live_len = scaled(stats->live_len, per_key);
  stats->live_len = stats->live_len < data ? stats->live_len : data;
  stats->dead_len = data - stats->live_len;
  stats->key_len_sum = scaled(stats->key_len_sum, per_key);
  stats->value_len_sum = scaled(stats->value_len_sum, per_key);
  stats->chain_steps = scaled(stats->chain_steps, per_key);
  for (unsigned i = 0; i < BLT_CHAIN_BINS; i++)
    stats->chain_bins[i] = scaled(stats->chain_bins[i], per_bucket);
}

blt_status blt__stats_sample(struct blt__image *image, uint32_t n_buckets,
                             uint64_t n_keys, blt_stats *out)
{
  uint64_t bins[N_BINS] = {0};
  uint32_t n = image->layout.n_buckets;
  uint64_t data = data_len(image);
  blt_stats stats = {.file_len = image->view.size,
                     .index_len = (uint64_t)BLT__LINK_LEN * n};
  blt_status status = BLT_OK;

  n_buckets = n_buckets < n ? n_buckets : n;
  /* Keys are spread by their hash: any choice of buckets is by chance. */
  for (uint64_t i = 0; i < n_buckets && status >= 0; i++)
    status = walk_chain(image, (uint32_t)(i * n / n_buckets), &stats, bins);
  if (status < 0)
    return status;
  add_quantiles(&stats, bins);
  scale_up(&stats, (double)n / n_buckets, n_keys, data);
  stats.other_len = stats.file_len - stats.index_len - data;
  *out = stats;
  return BLT_OK;
}
