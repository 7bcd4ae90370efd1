/*
 * live.c - the live blocks of the file, as a source of a rewrite
 */
#include "upkeep/rewrite.h"

#include "format/record.h"

static void live_rewind(struct blt__source *source)
{
  struct blt__live_source *live = (struct blt__live_source *)source;

  blt__scan_begin(&live->scan, live->image);
  for (unsigned i = 0; i < live->scan.n_regions; i++)
    if (live->scan.regions[i].end > live->limit)
      live->scan.regions[i].end = live->limit;
  live->n_dead = live->n_dropped = 0;
}

static blt_status live_next(struct blt__source *source,
                            struct blt__scanned *out)
{
  struct blt__live_source *live = (struct blt__live_source *)source;
  blt_status status;

  while ((status = blt__scan_next(&live->scan, out)) == BLT_OK) {
    if (!out->live)
      live->n_dead += !blt__dead_is_ours(out->head);
    else if (live->keep == NULL || live->keep(live->keep_ctx, out))
      return BLT_OK;
    else
      live->n_dropped++;
  }
  return status;
}

void blt__live_source_init(struct blt__live_source *live,
                           struct blt__image *image,
                           int (*keep)(void *, const struct blt__scanned *),
                           void *keep_ctx)
{
  *live = (struct blt__live_source){
      .source = {.rewind = live_rewind, .next = live_next},
      .image = image,
      .limit = image->view.size,
      .keep = keep,
      .keep_ctx = keep_ctx};
}
