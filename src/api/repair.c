/*
 * repair.c - rebuilding a damaged store, in place or into a new file
 */
#include <stdio.h>
#include <string.h>

#include "api/examine.h"
#include "api/put.h"
#include "format/reserved.h"
#include "upkeep/repair.h"

static void fill_report(const struct blt__patient *p, blt_repair_report *out)
{
  const struct blt__survey *s = &p->survey;

  *out = (blt_repair_report){.n_kept = s->n_kept,
                             .n_superseded = s->n_superseded,
                             .n_deleted = s->n_deleted,
                             .n_uncommitted = s->n_uncommitted,
                             .n_lost = s->n_lost,
                             .lost_len = s->lost_len,
                             .first_lost =
                                 s->n_lost != 0 ? s->first_lost : BLT_NO_OFFSET,
                             .header_guessed = p->guessed || p->has_mended};
}

/* ---- in place */

/* Until the copy is whole nobody may open the file by the new header: its
 * layout is that of no file. The switch puts the true one there. (booklet is
 * kept away by the kind.) */
static void hide_layout(struct blt__log *log)
{
  blt__put6(log->header + BLT__HDR_INDEX, BLT__OFF_MAX);
}

static blt_status repair_in_place(struct blt__patient *p)
{
  blt_db *db = p->db;
  struct blt__log *log = &db->log;

  blt__log_init(log, &db->image, &db->env, &db->sink, BLT_SYNC_BATCH);
  memcpy(log->header, db->header.bytes, BLT__HEADER_LEN);
  log->guarded = p->guessed || db->header.guarded;
  if (p->guessed) {
    db->image.layout.n_buckets = blt__layout_buckets_for(p->survey.n_kept);
    hide_layout(log);
  }
  blt_status status =
      blt__repair(log, &p->survey, p->has_checkpoint ? &p->checkpoint : NULL,
                  &db->options, 1);
  if (status == BLT_OK)
    status = blt__log_close(log);
  blt__log_release(log);
  return status;
}

/* ---- into a new file */

static blt_status copy_block(struct blt__patient *p, blt_db *to,
                             const struct blt__scanned *s)
{
  const struct blt__geometry *geo = &p->db->image.geo;
  const uint8_t *value = NULL;
  blt_status status = blt__image_value(&p->db->image, &s->block, &value);
  struct blt__put put = {.key = s->head + geo->key_off,
                         .key_len = s->block.key_len,
                         .value = value,
                         .value_len = s->block.value_len,
                         .hidden =
                             !geo->fixed && blt__is_reserved_hash(s->head)};

  if (status < 0 || (status = blt__enter_write(to)) < 0)
    return status;
  return blt__leave(to, blt__put(to, &put, blt__block_time(geo, s->head)));
}

/* How far the copy is in the damaged file, of which it takes what is whole. */
static blt_status tell_copied(const struct blt__patient *p, uint64_t off)
{
  const blt_options *o = &p->db->options;

  if (o->progress == NULL ||
      o->progress(o->progress_ctx, "repair", off, p->db->image.view.size) == 0)
    return BLT_OK;
  return blt__fail(&p->db->sink, BLT_E_CANCELLED, BLT_NO_OFFSET,
                   "the repair was cancelled; no file is made");
}

static blt_status copy_all(struct blt__patient *p, const char *path)
{
  enum { PROGRESS_LEN = 1 << 20 };
  blt_options options = p->db->options;
  struct blt__scanned s;
  uint64_t told = 0;
  blt_db *to = NULL;
  blt_status status;

  options.mode = BLT_CREATE;
  options.exclusive = BLT_ON;
  options.header = p->db->header.bytes;
  options.progress = NULL;
  options.lock = BLT_LOCK_WAIT;
  if ((status = blt_open(path, &options, &to)) < 0)
    return status;
  for (size_t i = 0; status >= 0; i++) {
    status = blt__survey_at(&p->survey, &p->db->image, i, &s);
    if (status != BLT_OK)
      break;
    status = copy_block(p, to, &s);
    if (status >= 0 && s.block.off - told >= PROGRESS_LEN)
      status = tell_copied(p, told = s.block.off);
  }
  blt_status closed = blt_close(to);
  if (status < 0 || closed < 0)
    return status < 0 ? status : closed;
  return tell_copied(p, p->db->image.view.size);
}

/* Under a name that nobody else knows until it is whole. */
static blt_status repair_into(struct blt__patient *p, const char *output)
{
  const struct blt__sink sink = {.owner = NULL, .file = output};
  size_t len = strlen(output) + sizeof ".tmp.0123456789abcdef";
  char *temporary = blt__alloc(&p->db->env, len);
  uint64_t chance;

  if (temporary == NULL)
    return blt__fail_memory(&sink);
  blt__random(&chance, sizeof chance);
  snprintf(temporary, len, "%s.tmp.%016llx", output,
           (unsigned long long)chance);
  blt_status status = copy_all(p, temporary);
  if (status == BLT_OK)
    status = blt__file_publish(&sink, temporary, output);
  else
    blt__file_remove(temporary);
  blt__release(&p->db->env, temporary, len);
  return status;
}

/* ---- the whole */

static blt_status treat(struct blt__patient *p,
                        const blt_repair_options *options,
                        blt_repair_report *report)
{
  const blt_status status = blt__examine(p);

  if (status < 0)
    return status;
  if (report != NULL)
    fill_report(p, report);
  /* That none is left may be what the log says. */
  const int is_emptied = p->has_replay && p->checkpoint.state == BLT__DIRTY &&
                         p->replay.n_keys == 0;
  if (p->survey.n_kept == 0 && !is_emptied &&
      (p->guessed || p->survey.n_lost > 0))
    return blt__fail(&p->db->sink, BLT_E_CORRUPT, BLT_NO_OFFSET,
                     "no block can be read; nothing was changed");
  if (options->dry_run)
    return BLT_OK;
  return options->output != NULL ? repair_into(p, options->output)
                                 : repair_in_place(p);
}

BLT_API blt_status blt_repair(const char *path,
                              const blt_repair_options *options,
                              blt_repair_report *report)
{
  blt_repair_options o;
  struct blt__patient patient = {.db = NULL};

  memset(&o, 0, sizeof o);
  if (options != NULL)
    memcpy(&o, options,
           options->size != 0 && options->size < sizeof o ? options->size
                                                          : sizeof o);
  blt_options open = {.size = sizeof open,
                      .mode =
                          o.output == NULL && !o.dry_run ? BLT_WRITE : BLT_READ,
                      .lock = o.lock,
                      .lock_timeout_ms = o.lock_timeout_ms,
                      .allocator = o.allocator,
                      .progress = o.progress,
                      .progress_ctx = o.progress_ctx,
                      .network = o.network};
  blt_status status = blt__open_raw(path, &open, &patient.db);
  if (status < 0)
    return status;
  status =
      blt__view_judge(&patient.db->image.view, treat(&patient, &o, report));
  blt__patient_release(&patient);
  blt__close_raw(patient.db);
  return status;
}
