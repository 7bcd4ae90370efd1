/*
 * foreign.c - did somebody else write to the file since we did?
 */
#include "upkeep/foreign.h"

#include <stdlib.h>
#include <string.h>

#include "format/reserved.h"
#include "hash/keyhash.h"
#include "lookup/chain.h"
#include "lookup/scan.h"

/* ---- after our crash: does the file say what the log says? */

/* P3: equal to a legal value, or, where a sector ends inside the link, the
 * bytes before of one and those behind of another. A link that each commit
 * changes has many values: one pass over them. */
static int is_legal(const uint8_t *now, const struct blt__change *values,
                    size_t n)
{
  const int in_sector = (int)(BLT__SECTOR_LEN - values->off % BLT__SECTOR_LEN);
  const int split = in_sector < BLT__LINK_LEN ? in_sector : BLT__LINK_LEN;
  int has_head = 0, has_tail = 0;

  for (size_t i = 0; i < n; i++) {
    uint8_t link[BLT__LINK_LEN];
    int head = 0, tail = 0;
    blt__put6(link, values[i].link);
    while (head < BLT__LINK_LEN && link[head] == now[head])
      head++;
    while (tail < BLT__LINK_LEN &&
           link[BLT__LINK_LEN - 1 - tail] == now[BLT__LINK_LEN - 1 - tail])
      tail++;
    has_head |= head >= split;
    has_tail |= tail >= BLT__LINK_LEN - split;
  }
  return has_head && has_tail;
}

static int compare_changes(const void *left, const void *right)
{
  const struct blt__change *a = left;
  const struct blt__change *b = right;

  if (a->off != b->off)
    return a->off < b->off ? -1 : 1;
  return a->link < b->link ? -1 : a->link > b->link;
}

int blt__foreign_links(struct blt__replay *replay)
{
  struct blt__change *legal = (struct blt__change *)(void *)replay->legal.data;
  size_t n = replay->legal.len / sizeof *legal;

  if (n > 0)
    qsort(legal, n, sizeof *legal, compare_changes);
  for (size_t i = 0; i < n;) {
    size_t end = i + 1;
    const uint8_t *now = NULL;
    while (end < n && legal[end].off == legal[i].off)
      end++;
    /* Slots are allowed values here without being changed by the log. */
    if (blt__links_find(&replay->final, legal[i].off) != NULL &&
        (!blt__view_has(&replay->image->view, legal[i].off, BLT__LINK_LEN) ||
         blt__view_at(&replay->image->view, legal[i].off, BLT__LINK_LEN, &now) <
             0 ||
         !is_legal(now, legal + i, end - i)))
      return 1;
    i = end;
  }
  return 0;
}

/* Does any chain, with the log's links over it, lead to `limit` or beyond? Or
 * into another bucket's: then somebody else has written, and following it on
 * would be work for each bucket again. */
static int is_referenced(struct blt__replay *replay, uint64_t limit)
{
  struct blt__image *image = replay->image;
  struct blt__links file_links = image->links;
  int found = 0;

  image->links = replay->final;
  for (uint32_t i = 0; i < image->layout.n_buckets && !found; i++) {
    struct blt__walk walk;
    struct blt__block block;
    const uint8_t *head = NULL;
    blt_status status;
    blt__walk_begin(&walk, image,
                    image->layout.index_off + (uint64_t)BLT__LINK_LEN * i);
    while ((status = blt__walk_next(&walk, &block, &head)) == BLT_OK && !found)
      found =
          block.off >= limit || blt__layout_bucket(&image->layout, head) != i;
    found |= status < 0;
  }
  image->links = file_links;
  return found;
}

/* Bytes behind the last commit: ours when a record of this session was about
 * to cover them, when nothing was written yet, or when nobody uses them. */
int blt__foreign_tail(struct blt__replay *replay)
{
  struct blt__image *image = replay->image;
  struct blt__view *view = &image->view;
  const struct blt__geometry *geo = &image->geo;
  uint64_t head_len =
      blt__record_payload_off(geo) + (uint64_t)BLT__RECORD_FIXED_LEN;
  uint64_t off = replay->end;
  uint64_t seq = replay->checkpoint->log_seq + blt__replay_n(replay);
  struct blt__record record;
  struct blt__block block;
  const uint8_t *bytes = NULL;

  if (view->size <= off)
    return 0;
  if (blt__view_has(view, off, head_len) &&
      blt__view_at(view, off, head_len, &bytes) == BLT_OK &&
      blt__record_decode(geo, off, bytes, head_len, &record) &&
      record.seq == seq &&
      memcmp(record.salt, replay->checkpoint->salt, BLT__SALT_LEN) == 0) {
    blt__block_decode(geo, off, bytes, &block);
    uint64_t end = blt__record_end(&record);
    if (end < off + block.len)
      end = off + block.len;
    if (end >= view->size || blt__view_is_zero(view, end, view->size - end))
      return 0;
  }
  return !blt__view_is_zero(view, off, view->size - off) &&
         is_referenced(replay, off);
}

int blt__foreign_layout(const struct blt__replay *replay, uint32_t header_count)
{
  const struct blt__checkpoint *checkpoint = replay->checkpoint;
  const struct blt__layout *layout = &replay->image->layout;

  /* The log is behind all that the layout leads to. */
  return header_count != BLT__COUNT_UNCLEAN ||
         checkpoint->log_start < layout->first_off ||
         checkpoint->log_start < blt__layout_index_end(layout) ||
         checkpoint->index_off != layout->index_off ||
         checkpoint->first_off != layout->first_off ||
         checkpoint->n_buckets != layout->n_buckets;
}

/* ---- after our clean close: is what was appended whole and reachable? */

static blt_status judge_block(struct blt__image *image,
                              const struct blt__scanned *s)
{
  uint8_t hash[BLT__HASH_LEN];
  struct blt__hit hit;
  const uint8_t *key = s->head + image->geo.key_off;

  blt__keyhash(key, s->block.key_len, hash);
  if (memcmp(hash, s->head, sizeof hash) != 0)
    return blt__image_corrupt(image, s->block.off,
                              "the stored hash is not that of the key");
  blt_status status = blt__chain_find(image, hash, key, s->block.key_len, &hit);
  if (status < 0)
    return status;
  if (status == BLT_NOT_FOUND || hit.block.off != s->block.off)
    return blt__image_corrupt(image, s->block.off,
                              "a live block that its chain does not reach");
  return BLT_OK;
}

static blt_status check_from(struct blt__image *image, uint64_t from,
                             struct blt__foreign_report *out)
{
  struct blt__scan scan;
  struct blt__scanned s;
  blt_status status;

  *out = (struct blt__foreign_report){0};
  blt__scan_begin(&scan, image);
  if (from > scan.off)
    blt__scan_seek(&scan, from);
  while ((status = blt__scan_next(&scan, &s)) == BLT_OK) {
    if (!s.live)
      continue;
    out->n_live++;
    out->n_hidden += !image->geo.fixed && blt__is_reserved_hash(s.head);
    if ((status = judge_block(image, &s)) < 0)
      return status;
  }
  return status == BLT_END ? BLT_OK : status;
}

blt_status blt__foreign_check(struct blt__image *image, uint64_t from,
                              struct blt__foreign_report *out)
{
  blt__view_forget_failure(&image->view);
  blt_status status = check_from(image, from, out);
  blt_status failure = blt__view_failure(&image->view);
  return failure < 0 ? failure : status;
}
