/*
 * journal.c - which bytes of a store may change in place
 */
#include "crash/journal.h"

struct journal {
  const blt_db *db;
  const struct image *work;
  struct blt__region regions[2];
  unsigned n_regions;
  /* the block that was met last, and where it ends */
  uint64_t block_off, block_end;
};

static int is_in_index(const blt_db *db, uint64_t off)
{
  const struct blt__layout *const layout = &db->image.layout;

  return off >= layout->index_off && off < blt__layout_index_end(layout);
}

/* Walk to the block that holds the byte; 0 when there is none. */
static int find_block(struct journal *j, uint64_t off)
{
  const struct blt__geometry *const geo = &j->db->image.geo;

  if (off >= j->block_off && off < j->block_end)
    return 1;
  for (unsigned i = 0; i < j->n_regions; i++) {
    uint64_t at = j->regions[i].begin;
    if (off < at || off >= j->regions[i].end)
      continue;
    while (at + geo->key_off <= j->regions[i].end) {
      struct blt__block block;
      blt__block_decode(geo, at, j->work->bytes + at, &block);
      if (off < at + block.len) {
        j->block_off = at;
        j->block_end = at + block.len;
        return 1;
      }
      at += block.len;
    }
  }
  return 0;
}

static const char *judge_byte(struct journal *j, uint64_t off)
{
  const struct blt__geometry *const geo = &j->db->image.geo;

  if (is_in_index(j->db, off))
    return NULL;
  if (!find_block(j, off))
    return "a byte outside index and blocks changes in place";
  const uint64_t in_block = off - j->block_off;
  if (in_block >= BLT__LINK_OFF && in_block < BLT__LINK_OFF + BLT__LINK_LEN)
    return NULL;
  if (in_block >= geo->time_off && in_block < geo->key_off)
    return NULL;
  return "a byte of a block that is no link and no time changes in place";
}

/* The part of the file that a rewrite left behind. */
static int is_dead_front(const blt_db *db, uint64_t off, uint64_t len)
{
  const struct blt__layout *const layout = &db->image.layout;

  return off >= BLT__HEADER_LEN && off + len <= layout->first_off &&
         (off + len <= layout->index_off ||
          off >= blt__layout_index_end(layout));
}

const char *journal_judge(const blt_db *db, const struct image *work,
                          uint64_t off, const struct blt__span *spans,
                          size_t n_spans)
{
  struct journal j = {.db = db, .work = work};
  uint64_t len = 0;

  for (size_t i = 0; i < n_spans; i++)
    len += spans[i].len;
  if (off == 0)
    return len == BLT__HEADER_LEN ? NULL : "the header is written in parts";
  if (off < BLT__HEADER_LEN)
    return "a write begins inside the header";
  if (off >= db->log.end || is_dead_front(db, off, len))
    return NULL;
  j.n_regions = blt__layout_regions(&db->image.layout, db->log.end, j.regions);
  for (size_t i = 0; i < n_spans; i++) {
    const uint8_t *const data = spans[i].data;
    for (size_t k = 0; k < spans[i].len; k++, off++) {
      if (off >= db->log.end)
        return "a write runs over the end of the log";
      if (data[k] == work->bytes[off])
        continue;
      const char *const wrong = judge_byte(&j, off);
      if (wrong != NULL)
        return wrong;
    }
  }
  return NULL;
}
