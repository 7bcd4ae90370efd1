/*
 * relink.c - which links a commit changes, and how to undo it
 *
 * A key's replacement switches exactly one link, the one that led to the old
 * block; a new key goes to the head of its chain. Links inside the batch's
 * own blocks are set in the body; all others go into the table of changed
 * links, with what was there before on a list.
 */
#include "change/commit.h"

#include <string.h>

#include "base/ask.h"

/* ---- links */

static uint64_t part_end(const struct blt__commit *c)
{
  return c->blocks_off + c->part->body_len;
}

/* The link's bytes inside the body, or NULL when it stands in the file. */
static uint8_t *link_in_body(const struct blt__commit *c, uint64_t link_off)
{
  if (link_off < c->blocks_off || link_off >= part_end(c) || c->part->uncovered)
    return NULL;
  return c->body + c->part->body_off + (link_off - c->blocks_off);
}

static blt_status get_link(const struct blt__commit *c, uint64_t off,
                           uint64_t *out)
{
  const uint8_t *p = link_in_body(c, off);

  if (p == NULL)
    return blt__image_link(c->log->image, off, out);
  *out = blt__get6(p);
  return BLT_OK;
}

static void set_link(const struct blt__commit *c, uint64_t off, uint64_t link,
                     unsigned marks)
{
  uint8_t *p = link_in_body(c, off);
  int is_new;

  if (p != NULL) {
    blt__put6(p, link);
    return;
  }
  struct blt__link_entry *entry =
      blt__links_make(&c->log->image->links, off, &is_new);
  if (!(entry->marks & BLT__MARK_TOUCHED)) {
    struct blt__undo undo = {
        .before = *entry,
        .at = (uint64_t)(entry - c->log->image->links.entries) & INT64_MAX,
        .was_new = is_new != 0};
    (void)blt__buf_append(&c->log->undo, &undo, sizeof undo);
  }
  entry->link = link & BLT__OFF_MAX;
  entry->marks = (uint16_t)((entry->marks & ~(unsigned)BLT__MARK_DROPPED) |
                            BLT__MARK_TOUCHED | marks);
}

/* Where the link stands that leads to the block at `target`. */
static blt_status find_link_to(const struct blt__commit *c, uint64_t slot_off,
                               uint64_t target, uint64_t *out_off)
{
  uint64_t off = slot_off;
  uint64_t limit = c->log->image->view.size + part_end(c);
  uint64_t link = 0;

  /* Each step leads to another block of at least 21 bytes, or the walk that
   * found the key would have met the circle. */
  for (uint64_t steps = 0; steps <= limit; steps += BLT__HEAD_FIXED) {
    blt_status status = get_link(c, off, &link);
    if (status < 0)
      return status;
    if (link == target) {
      *out_off = off;
      return BLT_OK;
    }
    if (link <= BLT__LINK_END)
      break;
    off = link + BLT__LINK_OFF;
  }
  return blt__image_corrupt(c->log->image, target,
                            "the chain that led to this block does not now");
}

/* The old block leaves its chain; `link` leads there instead, or to what
 * came after it. */
static blt_status take_out(struct blt__commit *c,
                           const struct blt__placed *placed,
                           uint64_t replacement, uint64_t *out_next)
{
  const struct blt__entry *entry = placed->entry;
  uint64_t link_off = 0;
  uint64_t next = 0;
  struct blt__log *log = c->log;
  blt_status status =
      find_link_to(c, placed->slot_off, entry->found, &link_off);
  int is_new;

  if (status < 0 ||
      (status = get_link(c, entry->found + BLT__LINK_OFF, &next)) < 0)
    return status;
  set_link(c, link_off, replacement != 0 ? replacement : next, 0);
  struct blt__link_entry *own =
      blt__links_find(&log->image->links, entry->found + BLT__LINK_OFF);
  if (own != NULL)
    set_link(c, own->off, own->link, BLT__MARK_DROPPED);
  if (log->shows_tombs)
    (void)blt__links_make(&log->image->tombs, entry->found, &is_new);
  log->tombs.at[log->tombs.n++] = entry->found;
  *out_next = next;
  return BLT_OK;
}

static blt_status link_entry(struct blt__commit *c,
                             const struct blt__placed *placed)
{
  const struct blt__entry *entry = placed->entry;
  uint64_t block_off = c->blocks_off + (placed->body_off - c->part->body_off);
  uint64_t next = 0;
  blt_status status;

  if (entry->kind == BLT__ENTRY_DELETE)
    return take_out(c, placed, 0, &next);
  if (entry->found != 0) {
    status = take_out(c, placed, block_off, &next);
  } else {
    status = get_link(c, placed->slot_off, &next);
    if (next == BLT__LINK_DEAD)
      next = BLT__LINK_END;
    if (status == BLT_OK)
      /* An uncovered block's own link is 0 in the file, so that recovery could
       * not tell from it what the slot held: the slot is logged then. */
      set_link(c, placed->slot_off, block_off,
               c->part->uncovered ? 0 : BLT__MARK_HEAD);
  }
  if (status < 0)
    return status;
  if (c->part->uncovered)
    set_link(c, block_off + BLT__LINK_OFF, next, 0);
  else
    blt__put6(c->body + placed->body_off + BLT__LINK_OFF, next);
  return BLT_OK;
}

static void ask_for_link(const struct blt__image *image, uint64_t off)
{
  blt__ask_to_write(
      &image->links.entries[blt__links_place(&image->links, off)]);
  if (!image->view.by_read)
    blt__ask(image->view.base + off);
}

/* Ask for what an entry that comes soon will touch: its slot and, of a block
 * that dies, the link and its place among the tombs. */
static void ask_for(const struct blt__commit *c,
                    const struct blt__placed *placed)
{
  const struct blt__image *image = c->log->image;
  uint64_t found = placed->entry->found;

  ask_for_link(image, placed->slot_off);
  if (found == 0)
    return;
  ask_for_link(image, found + BLT__LINK_OFF);
  if (c->log->shows_tombs)
    blt__ask_to_write(
        &image->tombs.entries[blt__links_place(&image->tombs, found)]);
}

blt_status blt__commit_relink(struct blt__commit *c)
{
  enum { AHEAD = 12 };
  const struct blt__placed *placed = c->order + c->part->first;
  blt_status status = BLT_OK;

  for (size_t i = 0; i < c->part->n && status == BLT_OK; i++) {
    if (i + AHEAD < c->part->n)
      ask_for(c, &placed[i + AHEAD]);
    status = link_entry(c, &placed[i]);
  }
  return status;
}

blt_status blt__commit_reserve(struct blt__commit *c)
{
  struct blt__log *log = c->log;
  size_t n = c->part->n;

  /* An entry changes one link, and the table's of a block that dies; one that
   * is uncovered is alone, and has its own link changed as well. */
  if (blt__links_reserve(&log->image->links, n + 1) != 0 ||
      (log->shows_tombs && blt__links_reserve(&log->image->tombs, n) != 0) ||
      blt__offsets_reserve(&log->tombs, log->env, n) != 0 ||
      blt__buf_reserve(&log->undo, (2 * n + 1) * sizeof(struct blt__undo)) !=
          0 ||
      blt__buf_reserve(&log->record,
                       (size_t)(c->part->len + c->part->pad_len)) != 0)
    return blt__fail_memory(log->sink);
  return BLT_OK;
}

/* ---- undo */

static struct blt__undo undo_at(const struct blt__log *log, size_t at)
{
  struct blt__undo undo;

  memcpy(&undo, log->undo.data + at, sizeof undo);
  return undo;
}

static void undo_links(struct blt__log *log)
{
  while (log->undo.len > 0) {
    log->undo.len -= sizeof(struct blt__undo);
    const struct blt__undo undo = undo_at(log, log->undo.len);
    struct blt__link_entry *entry =
        blt__links_find(&log->image->links, undo.before.off);
    if (undo.was_new)
      blt__links_remove(&log->image->links, entry);
    else
      *entry = undo.before;
  }
}

static void undo_tombs(struct blt__log *log, size_t n_before)
{
  while (log->tombs.n > n_before) {
    uint64_t off = log->tombs.at[--log->tombs.n];
    if (log->shows_tombs)
      blt__links_remove(&log->image->tombs,
                        blt__links_find(&log->image->tombs, off));
  }
}

void blt__commit_undo(struct blt__log *log, size_t n_tombs_before)
{
  undo_links(log);
  undo_tombs(log, n_tombs_before);
}

/* ---- the record */

enum { LINKS_AHEAD = 8 };

static uint64_t file_link(struct blt__image *image, uint64_t off)
{
  const uint8_t *p = NULL;

  return blt__view_at(&image->view, off, BLT__LINK_LEN, &p) == BLT_OK
             ? blt__get6(p)
             : 0;
}

static int needs_patch(const struct blt__link_entry *entry)
{
  return (entry->marks & (BLT__MARK_HEAD | BLT__MARK_DROPPED)) == 0;
}

static void ask_for_patch(const struct blt__log *log, size_t at)
{
  if (at >= log->undo.len || log->image->view.by_read)
    return;
  const struct blt__link_entry *entry =
      &log->image->links.entries[undo_at(log, at).at];
  if (needs_patch(entry))
    blt__ask(log->image->view.base + entry->off);
}

/* Changed slots that recovery cannot derive, with what the file has there. */
static uint32_t write_patches(struct blt__commit *c, size_t undo_from)
{
  struct blt__log *log = c->log;
  uint32_t n = 0;

  for (size_t at = undo_from; at < log->undo.len;
       at += sizeof(struct blt__undo)) {
    ask_for_patch(log, at + LINKS_AHEAD * sizeof(struct blt__undo));
    const struct blt__undo undo = undo_at(log, at);
    struct blt__link_entry *entry = &log->image->links.entries[undo.at];
    const int is_needed = needs_patch(entry);
    entry->marks &= BLT__MARK_DROPPED;
    if (!is_needed)
      continue;
    struct blt__patch patch = {
        entry->off,
        entry->off < c->part->at ? file_link(log->image, entry->off) : 0,
        entry->link};
    blt__patch_encode(log->record.data + blt__record_patch_off(c->geo, n),
                      &patch);
    n++;
  }
  return n;
}

static void write_tombs(struct blt__commit *c, uint32_t n_patches, size_t from)
{
  struct blt__log *log = c->log;

  for (size_t i = from; i < log->tombs.n; i++) {
    if (i + LINKS_AHEAD < log->tombs.n && !log->image->view.by_read)
      blt__ask(log->image->view.base + log->tombs.at[i + LINKS_AHEAD] +
               BLT__LINK_OFF);
    struct blt__tomb tomb = {
        log->tombs.at[i],
        file_link(log->image, log->tombs.at[i] + BLT__LINK_OFF)};
    blt__tomb_encode(log->record.data +
                         blt__record_tomb_off(c->geo, n_patches, i - from),
                     &tomb);
  }
}

void blt__commit_write_changes(struct blt__commit *c, size_t undo_from,
                               size_t tombs_from, struct blt__record *record)
{
  record->n_patches = write_patches(c, undo_from);
  record->n_tombs = (uint32_t)(c->log->tombs.n - tombs_from);
  write_tombs(c, record->n_patches, tombs_from);
}
