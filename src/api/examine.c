/*
 * examine.c - what a damaged store holds, with or without a header to believe
 *
 * Where the header can be believed it tells how blocks are framed and where
 * they lie. Where it cannot, each framing is tried on the whole file, and the
 * one in which the most blocks prove themselves is taken.
 */
#include "api/examine.h"

#include <string.h>

#include "upkeep/recover.h"
#include "upkeep/repair.h"

/* ---- a header of no use */

static void set_frame(blt_db *db, int fixed, uint32_t value_len, int times)
{
  blt__geometry_init(&db->image.geo, fixed, value_len, times);
  /* No index: one region from the header to the end. */
  blt__layout_init(&db->image.layout, 1, db->image.view.size, BLT__HEADER_LEN);
}

static blt_status survey_frame(struct blt__patient *p, uint64_t *out_n)
{
  blt_status status = blt__survey(&p->survey, &p->db->image, &p->db->env, NULL,
                                  1, &p->db->options);

  p->has_survey = 1;
  *out_n = p->survey.n_kept;
  return status;
}

static uint64_t count_kept(const struct blt__patient *p)
{
  return p->survey.n_kept - p->survey.n_hidden;
}

static void drop_survey(struct blt__patient *p)
{
  if (p->has_survey)
    blt__survey_release(&p->survey, &p->db->env);
  p->has_survey = 0;
}

struct frame {
  int fixed, times;
  uint32_t value_len;
};

/* The framing with as many keys as there should be, else with the most. */
static blt_status guess_frame(struct blt__patient *p, struct frame *best)
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
    const int as_wanted =
        status == BLT_OK && n > 0 && count_kept(p) == p->wanted;
    drop_survey(p);
    if (status < 0)
      return status;
    if (n > most || as_wanted) {
      most = n;
      *best = frames[i];
    }
    if (as_wanted)
      break;
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
  out->times = !out->fixed && header[BLT__HDR_HAS_TIMES] != 0;
  *out_end = checkpoint.committed;
  return 1;
}

static blt_status guess(struct blt__patient *p)
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
  if (p->wanted == UINT64_MAX && blt__checkpoint_decode(old, &p->checkpoint) &&
      p->checkpoint.state == BLT__CLEAN)
    p->wanted = p->checkpoint.n_keys;
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

void blt__patient_release(struct blt__patient *p)
{
  drop_survey(p);
  if (p->has_replay)
    blt__replay_release(&p->replay);
  p->has_replay = 0;
}

/* With the header's framing and blocks where `layout` says. */
static blt_status survey_layout(struct blt__patient *p,
                                const struct blt__layout *layout)
{
  blt_db *db = p->db;
  blt_status status = BLT_OK;

  blt__patient_release(p);
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
static int other_layout(const struct blt__patient *p, struct blt__layout *out)
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

/* Are there as many keys as the log says, or the header of a closed file? Of a
 * repair that was cut short nothing says it. */
static int is_met(const struct blt__patient *p)
{
  if (!p->has_replay)
    return count_kept(p) == p->wanted;
  return p->checkpoint.state == BLT__DIRTY && count_kept(p) == p->replay.n_keys;
}

/* By another framing: the keys that there should be, and hardly more places
 * without blocks; an index that no layout tells of is one. The number alone may
 * be so by chance, where values hold stores. */
static int is_better(const struct blt__patient *p, uint64_t n_lost)
{
  return is_met(p) && p->survey.n_kept > 0 && p->survey.n_lost <= n_lost + 1;
}

/* Whether the result may be wrong because the header is. A log of which records
 * were found has proved the framing. */
static int is_doubtful(const struct blt__patient *p)
{
  if (is_met(p) || (p->has_replay && blt__replay_n(&p->replay) > 0))
    return 0;
  if (p->has_replay || p->wanted == UINT64_MAX)
    return p->survey.n_kept == 0 && p->survey.n_lost > 0;
  return 1;
}

/* With the image's framing. */
static blt_status has_records(struct blt__patient *p, int *out)
{
  struct blt__replay replay;
  const blt_status status =
      blt__replay_read(&replay, &p->db->image, &p->db->env, &p->checkpoint);

  *out = status >= 0 && blt__replay_n(&replay) > 0;
  blt__replay_release(&replay);
  return status;
}

/*
 * The log's records are found by the right framing alone. Where the header's
 * finds none, and finds some with its flag of timestamps turned, a bit of the
 * flag has flipped, and the header and the framing are mended. That no block
 * proves itself is no sign: of keys of one byte one in 256 does by chance.
 */
static blt_status mend_times(struct blt__patient *p)
{
  struct blt__header *header = &p->db->header;
  struct blt__image *image = &p->db->image;
  const struct blt__layout layout = image->layout;
  const struct blt__geometry told = image->geo;
  const int times = !header->has_timestamps;
  int found = 0;

  if (!p->has_replay || blt__replay_n(&p->replay) > 0 || header->fixed ||
      header->version < BLT__VERSION_TIMES)
    return BLT_OK;
  const int was_met = is_met(p);
  const uint64_t n_lost = p->survey.n_lost;
  blt__geometry_init(&image->geo, 0, 0, times);
  blt_status status = has_records(p, &found);
  /* Where there is no record in either, the count is that of the checkpoint. */
  if (status == BLT_OK && (found || !was_met))
    status = survey_layout(p, &layout);
  p->has_mended =
      status == BLT_OK && (found || (!was_met && is_better(p, n_lost)));
  if (p->has_mended) {
    header->has_timestamps = times;
    header->bytes[BLT__HDR_HAS_TIMES] = (uint8_t)times;
    return BLT_OK;
  }
  image->geo = told;
  return status < 0 || was_met ? status : survey_layout(p, &layout);
}

/* A repair that was cut short has left an unfinished copy behind the old file,
 * unless somebody has written since. */
static blt_status pass_over_copy(const struct blt__patient *p)
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
static int is_as_told(const struct blt__patient *p)
{
  return !p->has_replay && p->survey.n_lost == 0 &&
         p->survey.n_superseded == 0 && is_met(p);
}

/* The survey, with the framing that the log proves. */
static blt_status survey_first(struct blt__patient *p)
{
  const struct blt__layout layout = p->db->image.layout;
  const blt_status status = survey_layout(p, &layout);

  return status == BLT_OK ? mend_times(p) : status;
}

/* The header gets the layout that was found to be right: while a repair in
 * place is under way nobody may open the file by another. */
static void mend_layout(struct blt__patient *p)
{
  const struct blt__layout *layout = &p->db->image.layout;
  uint8_t *header = p->db->header.bytes;

  blt__put4(header + BLT__HDR_BUCKETS, layout->n_buckets);
  blt__put6(header + BLT__HDR_INDEX, layout->index_off);
  blt__put6(header + BLT__HDR_FIRST, layout->first_off);
  p->has_mended = 1;
}

/* With the header's layout, or with the other if that gives as many keys as
 * there should be, or else more. */
static blt_status survey_other(struct blt__patient *p)
{
  const struct blt__layout layout = p->db->image.layout;
  const int was_met = is_met(p);
  const uint64_t n_kept = p->survey.n_kept;
  struct blt__layout other;

  if (is_as_told(p) || !other_layout(p, &other))
    return BLT_OK;
  const blt_status status = survey_layout(p, &other);
  if (status < 0)
    return status;
  if (is_met(p) != was_met ? was_met : p->survey.n_kept <= n_kept)
    return survey_layout(p, &layout);
  mend_layout(p);
  return BLT_OK;
}

/*
 * A header that can be read may still be wrong: a flipped bit in a flag or an
 * offset hides blocks. The checkpoint knows the layout too; and where the count
 * of keys is not met, the framings are tried, and have to meet it.
 */
static blt_status examine_with_header(struct blt__patient *p)
{
  p->has_checkpoint =
      blt__checkpoint_decode(p->db->header.bytes, &p->checkpoint);
  if (p->db->header.n_keys != BLT__COUNT_UNCLEAN)
    p->wanted = p->db->header.n_keys;
  blt_status status = pass_over_copy(p);
  if (status == BLT_OK)
    status = survey_first(p);
  if (status == BLT_OK)
    status = survey_other(p);
  if (status < 0 || !is_doubtful(p))
    return status;
  const struct blt__header header = p->db->header;
  const struct blt__geometry geo = p->db->image.geo;
  const struct blt__layout layout = p->db->image.layout;
  const uint64_t n_lost = p->survey.n_lost;
  blt__patient_release(p);
  if ((status = guess(p)) < 0 || is_better(p, n_lost) ||
      (p->wanted == UINT64_MAX && p->survey.n_kept > 0))
    return status;
  p->guessed = 0;
  p->db->header = header;
  p->db->image.geo = geo;
  return survey_layout(p, &layout);
}

blt_status blt__examine(struct blt__patient *p)
{
  blt_db *db = p->db;
  const uint8_t *bytes = NULL;
  struct blt__view_how how = {
      .by_read = db->file->map_unsafe, .guard = 1, .grows = db->writable};
  p->wanted = UINT64_MAX;
  blt_status status =
      blt__view_open(&db->image.view, db->file, &db->env, &db->sink, &how);

  if (status < 0)
    return status;
  blt__advise(db, BLT__HINT_NORMAL);
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
