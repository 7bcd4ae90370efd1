/*
 * arrange.c - which block of a batch goes where, and under which record
 *
 * Blocks that replace others come first, new keys last: recovery derives the
 * heads of chains from the last ones. A batch that one dead block cannot span
 * becomes several parts. A block that is too long to be covered at all is a
 * part of its own.
 */
#include "change/commit.h"

/* ---- order: deletions, replacements, then inserts */

enum class { DELETING, REPLACING, INSERTING, NOTHING, N_CLASSES };

static enum class class_of(const struct blt__entry *entry) {
  if (entry->kind == BLT__ENTRY_PUT) return entry->found != 0 ? REPLACING
                                                              : INSERTING;
  return entry->kind == BLT__ENTRY_DELETE ? DELETING : NOTHING;
}

static blt_status place_all(struct blt__commit *c)
{
  struct blt__buf *order = &c->log->order;
  struct blt__pending *pending = c->pending;
  const struct blt__layout *layout = &c->log->image->layout;
  size_t counts[N_CLASSES] = {0};

  order->len = 0;
  if (blt__buf_reserve(order, pending->n_entries * sizeof *c->order) != 0)
    return blt__fail_memory(c->log->sink);
  c->order = (struct blt__placed *)(void *)order->data;
  for (size_t i = 0; i < pending->n_entries; i++)
    counts[class_of(&pending->entries[i])]++;
  size_t next[N_CLASSES] = {0, counts[DELETING],
                            counts[DELETING] + counts[REPLACING]};
  c->n_placed = next[INSERTING] + counts[INSERTING];
  for (size_t i = 0; i < pending->n_entries; i++) {
    const enum class class = class_of(&pending->entries[i]);
    if (class != NOTHING)
      c->order[next[class]++] = (struct blt__placed){
          .entry = &pending->entries[i],
          .slot_off = blt__layout_slot(
              layout, blt__entry_hash(pending, &pending->entries[i])),
          .body_off = pending->entries[i].at};
  }
  return BLT_OK;
}

static uint64_t block_len(const struct blt__commit *c,
                          const struct blt__entry *entry)
{
  return blt__geometry_block_len(c->geo, entry->key_len, entry->value_len);
}

/* Whether the puts stand in the buffer in the order that we want. */
static int is_in_order(const struct blt__commit *c)
{
  uint64_t last = 0;

  if (c->pending->has_holes)
    return 0;
  for (size_t i = 0; i < c->n_placed; i++) {
    if (c->order[i].entry->kind != BLT__ENTRY_PUT)
      continue;
    if (c->order[i].body_off < last)
      return 0;
    last = c->order[i].body_off;
  }
  return 1;
}

/* Copy the blocks together in order. */
static blt_status gather(struct blt__commit *c)
{
  struct blt__buf *to = &c->log->gathered;

  to->len = 0;
  if (blt__buf_reserve(to, c->pending->body.len) != 0)
    return blt__fail_memory(c->log->sink);
  for (size_t i = 0; i < c->n_placed; i++) {
    const struct blt__entry *entry = c->order[i].entry;
    if (entry->kind != BLT__ENTRY_PUT)
      continue;
    c->order[i].body_off = to->len;
    (void)blt__buf_append(to, c->pending->body.data + entry->at,
                          (size_t)block_len(c, entry));
  }
  c->body = to->data;
  c->body_len = to->len;
  return BLT_OK;
}

/* ---- parts */

/* The record's length: room for every patch that there can be, and padding
 * that makes record and body a multiple of the stride, so that a scan over a
 * body that was lost (zeros) ends at its end. */
static uint64_t record_len_of(const struct blt__commit *c,
                              const struct blt__part *part)
{
  uint64_t n_tombs = (uint64_t)part->n_puts - part->n_inserts + part->n_removed;
  /* One block: its own link, and the slot if it is new. */
  uint64_t n_patches = n_tombs + (part->uncovered ? 2 : 0);
  uint64_t len = blt__record_min_len(c->geo, n_patches, n_tombs);
  uint64_t stride = c->geo->stride;
  uint64_t spans = part->uncovered ? len : len + part->body_len;

  return len + (stride - spans % stride) % stride;
}

static int can_cover(const struct blt__commit *c, const struct blt__part *part)
{
  uint64_t len = record_len_of(c, part);

  return len <= UINT32_MAX && len <= blt__cover_max(c->geo) &&
         part->body_len <= blt__cover_max(c->geo) - len;
}

static void part_add(const struct blt__commit *c, struct blt__part *part,
                     size_t i)
{
  const struct blt__entry *entry = c->order[i].entry;

  part->n++;
  if (entry->kind == BLT__ENTRY_DELETE) {
    part->n_removed++;
    return;
  }
  if (part->n_puts++ == 0)
    part->body_off = c->order[i].body_off;
  part->n_inserts += entry->found == 0;
  part->body_len += block_len(c, entry);
}

/*
 * One block that no dead block can span; behind it a dead one that makes the
 * body a multiple of the stride. Where values are so long that no single dead
 * block can do that either, there is none: zeros after a crash then end inside
 * a block for a scan that comes before our recovery.
 */
static void make_uncovered(const struct blt__commit *c, struct blt__part *part)
{
  uint64_t stride = c->geo->stride;
  uint64_t least = blt__dead_min(c->geo);
  uint64_t pad = least + (stride - (part->body_len + least) % stride) % stride;

  part->uncovered = 1;
  part->pad_len = pad <= blt__cover_max(c->geo) ? pad : 0;
}

static blt_status cut_into_parts(struct blt__commit *c, size_t *out_n_parts)
{
  struct blt__buf *parts = &c->log->parts;
  size_t i = 0;

  parts->len = 0;
  while (i < c->n_placed) {
    struct blt__part part = {.first = i};
    do {
      struct blt__part longer = part;
      part_add(c, &longer, i);
      if (part.n > 0 && !can_cover(c, &longer))
        break;
      part = longer;
      i++;
    } while (i < c->n_placed);
    if (!can_cover(c, &part))
      make_uncovered(c, &part);
    part.len = record_len_of(c, &part);
    if (blt__buf_append(parts, &part, sizeof part) != 0)
      return blt__fail_memory(c->log->sink);
  }
  *out_n_parts = parts->len / sizeof(struct blt__part);
  return BLT_OK;
}

blt_status blt__commit_arrange(struct blt__commit *c, size_t *out_n_parts)
{
  blt_status status = place_all(c);

  if (status < 0)
    return status;
  c->body = c->pending->body.data;
  c->body_len = blt__pending_len(c->pending);
  if (!is_in_order(c) && (status = gather(c)) < 0)
    return status;
  return cut_into_parts(c, out_n_parts);
}
