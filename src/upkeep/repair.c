/*
 * repair.c - a store rebuilt from the blocks that a survey found
 */
#include "upkeep/repair.h"

#include <string.h>

#include "upkeep/rewrite.h"

struct found_source {
  struct blt__source source;
  struct blt__image *image;
  const struct blt__survey *survey;
  size_t next;
};

static void found_rewind(struct blt__source *source)
{
  ((struct found_source *)source)->next = 0;
}

static blt_status found_next(struct blt__source *source,
                             struct blt__scanned *out)
{
  struct found_source *f = (struct found_source *)source;

  return blt__survey_at(f->survey, f->image, f->next++, out);
}

/* The layout stays, and all beyond the present size is a copy that may be
 * thrown away: a crash from here on starts the repair again. */
static blt_status mark_repair(struct blt__log *log,
                              const struct blt__survey *survey,
                              const struct blt__checkpoint *checkpoint)
{
  uint64_t size = log->image->view.size;
  struct blt__mark from = {1, size, log->n_keys};

  if (checkpoint != NULL && checkpoint->state != BLT__CLEAN) {
    memcpy(log->salt, checkpoint->salt, BLT__SALT_LEN);
    from = (struct blt__mark){checkpoint->log_seq, checkpoint->log_start,
                              checkpoint->n_keys};
  } else {
    blt__random(log->salt, BLT__SALT_LEN);
  }
  log->was_open = checkpoint != NULL && checkpoint->state == BLT__REPAIR
                      ? (checkpoint->flags & BLT__FLAG_WAS_OPEN) != 0
                      : !log->guarded;
  log->has_gap = survey->has_gap;
  log->boot_id = blt__boot_id();
  log->end = log->durable = size;
  /* Beyond any number that the old log can have: its records may stand behind
   * the end of the new one until the file is cut. */
  log->seq = from.seq + size;
  log->in_session = 1;
  blt_status status = blt__log_put_header(log, BLT__REPAIR, from, size);
  return status == BLT_OK ? blt__log_sync_file(log) : status;
}

/* A repair that stopped leaves the header as it was. */
static void unmark_repair(struct blt__log *log, const uint8_t *header)
{
  struct blt__span span = {header, BLT__HEADER_LEN};

  log->in_session = 0;
  if (blt__view_write(&log->image->view, 0, &span, 1) == BLT_OK)
    (void)blt__log_sync_file(log);
}

blt_status blt__repair(struct blt__log *log, struct blt__survey *survey,
                       const struct blt__checkpoint *checkpoint,
                       const blt_options *options, int slide)
{
  struct found_source source = {
      .source = {.rewind = found_rewind, .next = found_next},
      .image = log->image,
      .survey = survey};
  struct blt__rewrite how = {.n_buckets = log->image->layout.n_buckets,
                             .state = BLT__REPAIR,
                             .slide = slide,
                             .progress = options->progress,
                             .progress_ctx = options->progress_ctx,
                             .phase = "repair"};

  uint8_t before[BLT__HEADER_LEN];
  const uint8_t *header = NULL;
  blt_status status =
      blt__view_at(&log->image->view, 0, BLT__HEADER_LEN, &header);
  if (status < 0)
    return status;
  memcpy(before, header, sizeof before);
  status = mark_repair(log, survey, checkpoint);
  if (status < 0)
    return blt__log_poison(log, status, BLT_E_POISONED,
                           "the repair could not begin");
  status = blt__rewrite(log, &source.source, &how);
  if (status < 0 && !log->poisoned)
    unmark_repair(log, before);
  if (!slide)
    log->dead_front = 0; /* evidence: a prune gives its space back          */
  return status;
}
