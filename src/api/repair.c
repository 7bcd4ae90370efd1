/*
 * repair.c - rebuilding a damaged store, in place or into a new file
 *
 * Where the header can be believed it tells how blocks are framed and where
 * they lie. Where it cannot, each framing is tried on the whole file, and the
 * one in which the most blocks prove themselves is taken.
 */
#include "api/put.h"

#include <stdio.h>
#include <string.h>

#include "format/reserved.h"
#include "upkeep/recover.h"
#include "upkeep/repair.h"

/* What is known of the file that is repaired. */
struct patient {
  blt_db *db;
  struct blt__checkpoint checkpoint;
  struct blt__replay replay;
  struct blt__survey survey;
  int has_checkpoint, has_replay, has_survey, guessed;
};

/* ---- a header of no use */

static void set_frame(blt_db *db, int fixed, uint32_t value_len, int times)
{
  blt__geometry_init(&db->image.geo, fixed, value_len, times);
  /* No index: one region from the header to the end. */
  blt__layout_init(&db->image.layout, 1, db->image.view.size, BLT__HEADER_LEN);
}

static blt_status survey_frame(struct patient *p, uint64_t *out_n)
{
  blt_status status = blt__survey(&p->survey, &p->db->image, &p->db->env, NULL,
                                  1, &p->db->options);

  p->has_survey = 1;
  *out_n = p->survey.n_kept;
  return status;
}

static void drop_survey(struct patient *p)
{
  if (p->has_survey)
    blt__survey_release(&p->survey, &p->db->env);
  p->has_survey = 0;
}

struct frame {
  int fixed, times;
  uint32_t value_len;
};

static blt_status guess_frame(struct patient *p, struct frame *best)
{
  blt_db *db = p->db;
  uint32_t value_len = blt__get4(db->image.view.base + 37);
  const struct frame frames[] = {{0, 1, 0}, {0, 0, 0}, {1, 0, value_len}};
  uint64_t most = 0;

  for (size_t i = 0; i < sizeof frames / sizeof *frames; i++) {
    uint64_t n = 0;
    if (frames[i].fixed && value_len > db->image.view.size)
      continue;
    set_frame(db, frames[i].fixed, frames[i].value_len, frames[i].times);
    blt_status status = survey_frame(p, &n);
    drop_survey(p);
    if (status < 0)
      return status;
    if (n > most) {
      most = n;
      *best = frames[i];
    }
  }
  return BLT_OK;
}

/* What the old header still says is kept where it makes sense. */
static void make_header(blt_db *db, const struct frame *frame,
                        const uint8_t *old)
{
  unsigned values = blt__get2(old + 29), keys = blt__get2(old + 31);
  struct blt__header_new how = {
      .fixed = frame->fixed,
      .value_len = frame->value_len,
      .n_buckets = BLT_DEFAULT_BUCKETS,
      .has_timestamps = frame->times,
      .key_serializer =
          blt_serializer_name(keys) != NULL ? keys : BLT_SERIALIZER_NONE,
      .value_serializer =
          blt_serializer_name(values) != NULL ? values : BLT_SERIALIZER_NONE,
      .file_timestamp = blt__now(&db->env),
  };

  memcpy(how.uuid, old + BLT__HDR_UUID, sizeof how.uuid);
  blt__header_encode(db->header.bytes, &how);
  db->header.fixed = frame->fixed;
}

/*
 * A repair in place that had to guess, and was cut short: its header has the
 * framing but no layout (see hide_layout), and what stands behind the end of
 * the old file is an unfinished copy. 1 with the framing, and that end.
 */
static int was_guessed(const uint8_t *header, uint64_t file_len,
                       struct frame *out, uint64_t *out_end)
{
  struct blt__checkpoint checkpoint;
  uint8_t fixed_kind[16];

  if (!blt__checkpoint_decode(header, &checkpoint) ||
      checkpoint.state != BLT__REPAIR || !blt__header_is_kind(header) ||
      blt__get6(header + BLT__HDR_INDEX) != BLT__OFF_MAX ||
      checkpoint.committed < BLT__HEADER_LEN || checkpoint.committed > file_len)
    return 0;
  blt__header_set_kind(fixed_kind, 1, 1);
  out->fixed = memcmp(header, fixed_kind, sizeof fixed_kind) == 0;
  out->value_len = out->fixed ? blt__get4(header + 37) : 0;
  out->times = !out->fixed && header[41] != 0;
  *out_end = checkpoint.committed;
  return 1;
}

static blt_status guess(struct patient *p)
{
  blt_db *db = p->db;
  struct blt__view *view = &db->image.view;
  struct frame frame = {0, 1, 0};
  uint8_t old[BLT__HEADER_LEN];
  const uint8_t *bytes = NULL;
  uint64_t n, end;
  blt_status status = blt__view_at(view, 0, BLT__HEADER_LEN, &bytes);

  if (status < 0)
    return status;
  memcpy(old, bytes, sizeof old);
  status = was_guessed(old, view->size, &frame, &end)
               ? blt__view_look(view, end)
               : guess_frame(p, &frame);
  if (status < 0)
    return status;
  make_header(db, &frame, old);
  set_frame(db, frame.fixed, frame.value_len, frame.times);
  p->guessed = 1;
  return survey_frame(p, &n);
}

/* ---- looking */

static void drop_findings(struct patient *p)
{
  drop_survey(p);
  if (p->has_replay)
    blt__replay_release(&p->replay);
  p->has_replay = 0;
}

/* With the header's framing and blocks where `layout` says. */
static blt_status survey_layout(struct patient *p,
                                const struct blt__layout *layout)
{
  blt_db *db = p->db;
  blt_status status = BLT_OK;

  drop_findings(p);
  db->image.layout = *layout;
  if (p->has_checkpoint && p->checkpoint.state != BLT__CLEAN) {
    status = blt__replay_read(&p->replay, &db->image, &db->env, &p->checkpoint);
    p->has_replay = 1;
  }
  if (status < 0)
    return status;
  p->has_survey = 1;
  return blt__survey(&p->survey, &db->image, &db->env,
                     p->has_replay ? &p->replay : NULL, 0, &db->options);
}

/* The checkpoint's own copy of the layout, where the header has another and
 * it fits the file: 1. booklet may have moved the index since, or a bit of the
 * header may have flipped. */
static int other_layout(const struct patient *p, struct blt__layout *out)
{
  const struct blt__checkpoint *c = &p->checkpoint;
  const struct blt__layout *layout = &p->db->image.layout;
  uint64_t len = p->db->image.view.size;

  if (!p->has_checkpoint || c->n_buckets == 0 ||
      (c->index_off == layout->index_off && c->first_off == layout->first_off &&
       c->n_buckets == layout->n_buckets))
    return 0;
  blt__layout_init(out, c->n_buckets, c->index_off, c->first_off);
  uint64_t index_end = blt__layout_index_end(out);
  int at_front = c->index_off == BLT__HEADER_LEN;
  return c->index_off >= BLT__HEADER_LEN && index_end <= len &&
         c->first_off >= (at_front ? index_end : BLT__HEADER_LEN) &&
         c->first_off <= (at_front ? len : c->index_off);
}

static uint64_t count_kept(const struct patient *p)
{
  return p->survey.n_kept - p->survey.n_hidden;
}

/* Whether the result may be wrong because the header is. */
static int is_doubtful(const struct patient *p, uint32_t n_keys)
{
  if (p->has_replay || n_keys == BLT__COUNT_UNCLEAN)
    return p->survey.n_kept == 0 && p->survey.n_lost > 0;
  return count_kept(p) != n_keys;
}

/* A repair that was cut short has left an unfinished copy behind the old file,
 * unless somebody has written since. */
static blt_status pass_over_copy(const struct patient *p)
{
  const struct blt__checkpoint *c = &p->checkpoint;
  struct blt__image *image = &p->db->image;

  if (!p->has_checkpoint || c->state != BLT__REPAIR ||
      p->db->header.n_keys != BLT__COUNT_UNCLEAN ||
      c->index_off != image->layout.index_off ||
      c->first_off != image->layout.first_off ||
      c->n_buckets != image->layout.n_buckets ||
      c->committed < blt__layout_index_end(&image->layout) ||
      c->committed < c->first_off || c->committed > image->view.size)
    return BLT_OK;
  return blt__view_look(&image->view, c->committed);
}

/* All is where the header says, and as many keys. */
static int is_as_told(const struct patient *p, uint32_t n_keys)
{
  return !p->has_replay && p->survey.n_lost == 0 &&
         p->survey.n_superseded == 0 && count_kept(p) == n_keys;
}

/*
 * A header that can be read may still be wrong: a flipped bit in a flag or an
 * offset hides blocks. The checkpoint knows the layout too; and where the count
 * of keys is not met, the framings are tried, and have to meet it.
 */
static blt_status examine_with_header(struct patient *p)
{
  struct blt__header header = p->db->header;
  struct blt__geometry geo = p->db->image.geo;
  struct blt__layout layout = p->db->image.layout;
  struct blt__layout other;

  p->has_checkpoint = blt__checkpoint_decode(header.bytes, &p->checkpoint);
  blt_status status = pass_over_copy(p);
  if (status == BLT_OK)
    status = survey_layout(p, &layout);
  if (status == BLT_OK && !is_as_told(p, header.n_keys) &&
      other_layout(p, &other)) {
    uint64_t n_kept = p->survey.n_kept;
    status = survey_layout(p, &other);
    if (status == BLT_OK && p->survey.n_kept > n_kept)
      layout = other;
    else if (status == BLT_OK)
      status = survey_layout(p, &layout);
  }
  if (status < 0 || !is_doubtful(p, header.n_keys))
    return status;
  drop_findings(p);
  if ((status = guess(p)) < 0 || count_kept(p) == header.n_keys ||
      (header.n_keys == BLT__COUNT_UNCLEAN && p->survey.n_kept > 0))
    return status;
  p->guessed = 0;
  p->db->header = header;
  p->db->image.geo = geo;
  return survey_layout(p, &layout);
}

static blt_status examine(struct patient *p)
{
  blt_db *db = p->db;
  const uint8_t *bytes = NULL;
  struct blt__view_how how = {
      .by_read = db->file->map_unsafe, .guard = 1, .grows = db->writable};
  blt_status status =
      blt__view_open(&db->image.view, db->file, &db->env, &db->sink, &how);

  if (status < 0)
    return status;
  if (db->image.view.size < BLT__HEADER_LEN)
    return blt__fail(&db->sink, BLT_E_NOT_BOOKLET, BLT_NO_OFFSET,
                     "too short to hold anything: %llu bytes",
                     (unsigned long long)db->image.view.size);
  blt__links_init(&db->image.links, &db->env);
  blt__links_init(&db->image.tombs, &db->env);
  blt__links_init(&db->image.reveals, &db->env);
  status = blt__view_at(&db->image.view, 0, BLT__HEADER_LEN, &bytes);
  if (status == BLT_OK)
    status =
        blt__header_decode(&db->header, bytes, db->image.view.size, &db->sink);
  if (status < 0)
    return guess(p);
  blt__geometry_init(&db->image.geo, db->header.fixed, db->header.value_len,
                     db->header.has_timestamps);
  blt__layout_init(&db->image.layout, db->header.n_buckets,
                   db->header.index_off, db->header.first_off);
  return examine_with_header(p);
}

static void fill_report(const struct patient *p, blt_repair_report *out)
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
                             .header_guessed = p->guessed};
}

/* ---- in place */

/* Until the copy is whole nobody may open the file by the new header: its
 * layout is that of no file. The switch puts the true one there. (booklet is
 * kept away by the kind.) */
static void hide_layout(struct blt__log *log)
{
  blt__put6(log->header + BLT__HDR_INDEX, BLT__OFF_MAX);
}

static blt_status repair_in_place(struct patient *p)
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

static blt_status copy_block(struct patient *p, blt_db *to,
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
static blt_status tell_copied(const struct patient *p, uint64_t off)
{
  const blt_options *o = &p->db->options;

  if (o->progress == NULL ||
      o->progress(o->progress_ctx, "repair", off, p->db->image.view.size) == 0)
    return BLT_OK;
  return blt__fail(&p->db->sink, BLT_E_CANCELLED, BLT_NO_OFFSET,
                   "the repair was cancelled; no file is made");
}

static blt_status copy_all(struct patient *p, const char *path)
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
static blt_status repair_into(struct patient *p, const char *output)
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

static blt_status treat(struct patient *p, const blt_repair_options *options,
                        blt_repair_report *report)
{
  blt_status status = examine(p);

  if (status < 0)
    return status;
  if (report != NULL)
    fill_report(p, report);
  if (p->survey.n_kept == 0 && (p->guessed || p->survey.n_lost > 0))
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
  struct patient patient = {.db = NULL};

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
  drop_findings(&patient);
  blt__close_raw(patient.db);
  return status;
}
