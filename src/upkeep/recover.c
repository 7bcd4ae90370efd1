/*
 * recover.c - bringing a file that was not closed well into order
 *
 *   F1  Nothing is destroyed before all that was read is on disk.
 *   F2  Recovery may itself be cut short anywhere, and starts again.
 */
#include "upkeep/recover.h"

#include <string.h>

#include "change/checkpoint.h"
#include "upkeep/foreign.h"
#include "upkeep/gap.h"
#include "upkeep/repair.h"
#include "upkeep/replay.h"

/* Without syncs a power cut may have kept anything. */
static int is_beyond_log(const struct blt__checkpoint *checkpoint)
{
  return (checkpoint->flags & BLT__FLAG_OFF) != 0 &&
         (checkpoint->boot_id == 0 || checkpoint->boot_id != blt__boot_id());
}

enum blt__condition blt__condition_of(const struct blt__opening *opening,
                                      uint64_t file_len)
{
  const struct blt__checkpoint *c = &opening->checkpoint;
  const struct blt__header *h = opening->header;

  if (!opening->has_checkpoint)
    return BLT__CONDITION_FOREIGN;
  if (c->state != BLT__CLEAN)
    return BLT__CONDITION_CRASHED;
  if (!h->guarded && !is_beyond_log(c) && c->committed == file_len &&
      h->n_keys != BLT__COUNT_UNCLEAN && c->n_keys == h->n_keys &&
      c->index_off == h->index_off && c->first_off == h->first_off &&
      c->n_buckets == h->n_buckets)
    return BLT__CONDITION_CLEAN;
  return BLT__CONDITION_FOREIGN;
}

/* ---- somebody else closed it */

static int is_layout_kept(const struct blt__opening *opening)
{
  const struct blt__checkpoint *c = &opening->checkpoint;
  const struct blt__layout *layout = &opening->image->layout;

  return opening->has_checkpoint && !is_beyond_log(c) &&
         c->index_off == layout->index_off &&
         c->first_off == layout->first_off &&
         c->n_buckets == layout->n_buckets &&
         c->committed >= layout->first_off &&
         c->committed >= blt__layout_index_end(layout) &&
         c->committed <= opening->image->view.size;
}

/* A killed booklet leaves an old count behind. */
static int is_count_doubtful(const struct blt__opening *opening)
{
  return opening->header->n_keys == BLT__COUNT_UNCLEAN ||
         (opening->has_checkpoint &&
          opening->header->n_keys == opening->checkpoint.n_keys);
}

static blt_status fail_damaged(const struct blt__opening *opening,
                               const struct blt__survey *survey)
{
  return blt__fail(opening->sink, BLT_E_CORRUPT, survey->last_lost,
                   "%llu bytes before here are not blocks, so the file is not "
                   "changed; look with \"blt verify\", or open it for reading",
                   (unsigned long long)survey->lost_len);
}

/* Damage that no killed writer leaves is shown, not mended in passing: what
 * it may leave is a torn tail to which nothing leads yet. */
static int is_explained(const struct blt__survey *survey,
                        const struct blt__image *image)
{
  return survey->lost_len == 0 ||
         (survey->last_lost == image->view.size && survey->n_astray == 0);
}

static blt_status rebuild(struct blt__opening *opening,
                          const struct blt__replay *replay)
{
  struct blt__survey survey;
  const struct blt__checkpoint *checkpoint =
      opening->has_checkpoint ? &opening->checkpoint : NULL;
  blt_status status = blt__survey(&survey, opening->image, opening->env, replay,
                                  0, opening->options);

  if (status == BLT_OK && replay == NULL &&
      !(opening->has_checkpoint && is_beyond_log(&opening->checkpoint)) &&
      !is_explained(&survey, opening->image))
    status = fail_damaged(opening, &survey);
  if (status == BLT_OK)
    status =
        blt__repair(opening->log, &survey, checkpoint, opening->options, 0);
  opening->info = (blt_open_info){.what = BLT_OPENED_REPAIRED,
                                  .n_kept = survey.n_kept,
                                  .n_dropped = survey.n_dropped};
  blt__survey_release(&survey, opening->env);
  return status;
}

static blt_status accept_foreign(struct blt__opening *opening)
{
  struct blt__foreign_report report;
  int all = !is_layout_kept(opening) || is_count_doubtful(opening);
  uint64_t from = all ? 0 : opening->checkpoint.committed;
  blt_status status = blt__foreign_check(opening->image, from, &report);

  if (status == BLT_E_CORRUPT && !all) {
    /* It was emptied and filled again: our end is no place of a block now. */
    all = 1;
    status = blt__foreign_check(opening->image, 0, &report);
  }
  if (status == BLT_E_CORRUPT && opening->options->recover != BLT_OFF)
    return rebuild(opening, NULL);
  if (status < 0)
    return status;
  opening->info.what = BLT_OPENED_FOREIGN;
  opening->n_keys =
      all ? report.n_live - report.n_hidden : opening->header->n_keys;
  return BLT_OK;
}

/* ---- our session did not end */

static blt_status sync_file(struct blt__opening *opening)
{
  struct blt__file *file = opening->image->view.file;
  int error = file->ops->sync(file);

  return error == 0 ? BLT_OK
                    : blt__fail_errno(opening->sink, -error, BLT_NO_OFFSET,
                                      "sync the file");
}

/* F1: what recovery relies on is written again and synced. Written again,
 * because after a failed sync the kernel may call pages clean that never
 * reached the disk. */
static blt_status rewrite_log(struct blt__opening *opening,
                              const struct blt__replay *replay)
{
  enum { PIECE = 1 << 20 };
  struct blt__view *view = &opening->image->view;
  uint64_t off = opening->checkpoint.log_start;
  uint8_t *copy = blt__alloc(opening->env, PIECE);
  blt_status status;

  if (copy == NULL)
    return blt__fail_memory(opening->sink);
  memcpy(copy, opening->header->bytes, BLT__HEADER_LEN);
  status =
      blt__view_write(view, 0, &(struct blt__span){copy, BLT__HEADER_LEN}, 1);
  while (status == BLT_OK && off < replay->end) {
    uint64_t n = replay->end - off < PIECE ? replay->end - off : PIECE;
    const uint8_t *bytes = NULL;
    if ((status = blt__view_at(view, off, n, &bytes)) == BLT_OK) {
      memcpy(copy, bytes, (size_t)n);
      status =
          blt__view_write(view, off, &(struct blt__span){copy, (size_t)n}, 1);
    }
    off += n;
  }
  blt__release(opening->env, copy, PIECE);
  return status == BLT_OK ? sync_file(opening) : status;
}

static blt_status reveal_all(struct blt__opening *opening,
                             const struct blt__replay *replay)
{
  blt_status status = BLT_OK;

  for (size_t i = 0; i < blt__replay_n(replay) && status == BLT_OK; i++) {
    const struct blt__record *record = blt__replay_record(replay, i);
    uint8_t extent[4];
    unsigned off;
    unsigned len =
        blt__dead_extent(&opening->image->geo, record->len, &off, extent);
    status = blt__view_write(&opening->image->view, record->off + off,
                             &(struct blt__span){extent, len}, 1);
  }
  return status;
}

/* All final links that are not tombs, or the tombs alone. */
static blt_status write_final(struct blt__opening *opening,
                              const struct blt__replay *replay, int tombs)
{
  const struct blt__links *final = &replay->final;
  size_t room = final->n + replay->tombs.n;
  struct blt__change *changes =
      blt__alloc(opening->env, room * sizeof *changes);
  size_t n = 0;

  if (changes == NULL)
    return blt__fail_memory(opening->sink);
  if (tombs)
    for (; n < replay->tombs.n; n++)
      changes[n] = (struct blt__change){replay->tombs.at[n] + BLT__LINK_OFF,
                                        BLT__LINK_DEAD};
  else if (final->entries != NULL)
    for (size_t i = 0; i <= final->mask; i++)
      if (final->entries[i].off != 0 &&
          final->entries[i].link != BLT__LINK_DEAD)
        changes[n++] =
            (struct blt__change){final->entries[i].off, final->entries[i].link};
  blt_status status =
      blt__write_links(opening->image, opening->env, changes, n, 1);
  blt__release(opening->env, changes, room * sizeof *changes);
  return status == BLT_OK ? sync_file(opening) : status;
}

/* How much there is from `off` on, without the zeros at the end: they were
 * written ahead of the log. */
static uint64_t len_behind(struct blt__view *view, uint64_t off)
{
  enum { PIECE = 65536 };
  uint64_t end = view->size;

  while (end > off) {
    const uint8_t *bytes = NULL;
    uint64_t n = end - off < PIECE ? end - off : PIECE;
    if (blt__view_at(view, end - n, n, &bytes) < 0)
      break;
    while (n > 0 && bytes[n - 1] == 0) {
      n--;
      end--;
    }
    if (n > 0)
      break;
  }
  return end > off ? end - off : 0;
}

static blt_status redo(struct blt__opening *opening,
                       const struct blt__replay *replay)
{
  struct blt__log *log = opening->log;
  struct blt__view *view = &opening->image->view;
  const uint64_t cut_len = len_behind(view, replay->end);
  blt_status status = rewrite_log(opening, replay);

  if (status == BLT_OK)
    status = blt__view_failure(view);
  if (status == BLT_OK) /* gives back what was put aside behind it, too */
    status = blt__view_set_size(view, replay->end);
  if (status == BLT_OK)
    status = reveal_all(opening, replay);
  if (status < 0 || (status = write_final(opening, replay, 0)) < 0 ||
      (status = write_final(opening, replay, 1)) < 0)
    return status;
  memcpy(log->salt, opening->checkpoint.salt, BLT__SALT_LEN);
  log->guarded = 0;
  log->n_keys = (uint32_t)replay->n_keys;
  log->boot_id = blt__boot_id();
  struct blt__mark end = {opening->checkpoint.log_seq + blt__replay_n(replay),
                          replay->end, log->n_keys};
  status = blt__log_put_header(log, BLT__CLEAN, end, end.start);
  if (status < 0 || (status = sync_file(opening)) < 0)
    return status;
  opening->n_keys = replay->n_keys;
  opening->info = (blt_open_info){.what = BLT_OPENED_RECOVERED,
                                  .n_records = blt__replay_n(replay),
                                  .cut_len = cut_len};
  return BLT_OK;
}

/* Not when booklet has written since: its blocks stand behind the limit too. */
static blt_status drop_unfinished_copy(struct blt__opening *opening)
{
  if (opening->header->n_keys != BLT__COUNT_UNCLEAN || !is_layout_kept(opening))
    return BLT_OK;
  struct blt__view *view = &opening->image->view;
  blt_status status = sync_file(opening);

  if (status == BLT_OK && opening->checkpoint.committed < view->size)
    status = blt__view_set_size(view, opening->checkpoint.committed);
  return status == BLT_OK ? sync_file(opening) : status;
}

static blt_status recover_crashed(struct blt__opening *opening)
{
  struct blt__replay replay;
  int must_rebuild = opening->checkpoint.state == BLT__REPAIR ||
                     is_beyond_log(&opening->checkpoint);
  blt_status status = BLT_OK;

  if (opening->checkpoint.state == BLT__REPAIR &&
      (status = drop_unfinished_copy(opening)) < 0)
    return status;
  status = blt__replay_read(&replay, opening->image, opening->env,
                            &opening->checkpoint);
  if (status == BLT_OK && replay.damaged && !must_rebuild)
    status = blt__gap_fail(&replay);
  else if (status == BLT_OK)
    status = replay.foreign || must_rebuild ? rebuild(opening, &replay)
                                            : redo(opening, &replay);
  blt__replay_release(&replay);
  return status;
}

blt_status blt__recover(struct blt__opening *opening)
{
  struct blt__log *log = opening->log;
  blt_sync_level level = log->level;
  blt_status status;

  /* Recovery syncs, whatever the session will do. */
  if (level == BLT_SYNC_OFF)
    log->level = BLT_SYNC_BATCH;
  if (blt__condition_of(opening, opening->image->view.size) ==
      BLT__CONDITION_CRASHED)
    status = recover_crashed(opening);
  else
    status = accept_foreign(opening);
  if (status == BLT_OK && opening->info.what == BLT_OPENED_REPAIRED)
    opening->n_keys = log->n_keys;
  log->level = level;
  return status;
}

blt_status blt__recover_overlay(struct blt__opening *opening)
{
  struct blt__replay replay;
  uint64_t cut_len = 0;
  blt_status status = blt__replay_read(&replay, opening->image, opening->env,
                                       &opening->checkpoint);

  if (status == BLT_OK && replay.damaged &&
      opening->checkpoint.state != BLT__REPAIR)
    status = blt__gap_fail(&replay);
  if (status == BLT_OK &&
      (replay.foreign || is_beyond_log(&opening->checkpoint) ||
       opening->checkpoint.state == BLT__REPAIR))
    status = blt__fail(opening->sink, BLT_E_CORRUPT, BLT_NO_OFFSET,
                       "the file was not closed well and needs repair; open "
                       "it once for writing");
  if (status == BLT_OK) {
    cut_len = len_behind(&opening->image->view, replay.end);
    status = blt__replay_overlay(&replay);
  }
  opening->n_keys = replay.n_keys;
  opening->info = (blt_open_info){.what = BLT_OPENED_OVERLAID,
                                  .n_records = blt__replay_n(&replay),
                                  .cut_len = cut_len};
  blt__replay_release(&replay);
  return status;
}
