/*
 * known.c - what the header and the log of an image say
 */
#include "journal/known.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/bodyhash.h"

static void *grow(void *rows, size_t n, size_t *capacity, size_t row_len)
{
  if (n < *capacity)
    return rows;
  *capacity = *capacity == 0 ? 64 : 2 * *capacity;
  rows = realloc(rows, *capacity * row_len);
  if (rows == NULL) {
    perror("realloc");
    exit(EXIT_FAILURE);
  }
  return rows;
}

static int has(const struct image *image, uint64_t off, uint64_t len)
{
  return off <= image->len && len <= image->len - off;
}

/* ---- chains */

/* Whether a walk from the slot of the block's hash meets it. */
static int is_reached(const struct known *known, const struct image *image,
                      uint64_t block_off)
{
  const uint32_t head_len = known->geo.key_off;
  uint64_t at = blt__layout_slot(&known->layout, image->bytes + block_off);

  /* A circle ends where more blocks were met than there is room for. */
  for (uint64_t met = 0; met <= image->len; met += head_len) {
    const uint64_t next =
        has(image, at, BLT__LINK_LEN) ? blt__get6(image->bytes + at) : 0;
    if (next == block_off)
      return 1;
    if (next <= BLT__LINK_END || !has(image, next, head_len))
      return 0;
    at = next + BLT__LINK_OFF;
  }
  return 0;
}

/* ---- records */

static int is_one_reached(const struct known *known, const struct image *image,
                          uint64_t off, uint64_t end)
{
  struct blt__block block;

  for (; off < end; off += block.len) {
    if (is_reached(known, image, off))
      return 1;
    blt__block_decode(&known->geo, off, image->bytes + off, &block);
  }
  return 0;
}

static int is_body_right(const struct known *known, const struct image *image,
                         const struct blt__record *record)
{
  const uint64_t off = record->off + record->len;
  struct blt__bodyhash hash;

  return blt__bodyhash_file(&known->geo, record->salt, image->bytes + off,
                            record->body_len, &hash) &&
         hash.body == record->body_hash &&
         (hash.time == record->time_hash ||
          is_one_reached(known, image, off, off + record->body_len));
}

static int read_record(const struct known *known, const struct image *image,
                       uint64_t off, uint64_t seq, struct blt__record *out)
{
  if (off >= image->len ||
      !blt__record_decode(&known->geo, off, image->bytes + off,
                          image->len - off, out) ||
      out->seq != seq || out->kind > BLT__RECORD_PART ||
      memcmp(out->salt, known->checkpoint.salt, BLT__SALT_LEN) != 0)
    return 0;
  return has(image, off, out->len + out->body_len) &&
         blt__record_is_whole(&known->geo, out, image->bytes + off);
}

/* Up to the last batch that is there as a whole. */
static void read_records(struct known *known, const struct image *image)
{
  uint64_t off = known->checkpoint.log_start;
  uint64_t seq = known->checkpoint.log_seq;
  uint64_t durable = 0;
  size_t n_whole = 0;
  struct blt__record record;

  while (read_record(known, image, off, seq, &record)) {
    known->records = grow(known->records, known->n_records,
                          &known->record_capacity, sizeof record);
    known->records[known->n_records++] = record;
    if (record.durable_off > durable)
      durable = record.durable_off;
    off = blt__record_end(&record);
    seq++;
  }
  for (size_t i = 0; i < known->n_records; i++) {
    const struct blt__record *const r = &known->records[i];
    if (r->off >= durable && !is_body_right(known, image, r))
      break;
    if (r->kind == BLT__RECORD_BATCH) {
      n_whole = i + 1;
      known->end = blt__record_end(r);
    }
  }
  known->n_records = n_whole;
}

/* ---- links */

static struct known_link *add_link(struct known *known,
                                   const struct image *image,
                                   const struct blt__record *record,
                                   uint64_t off, uint64_t value)
{
  if (!has(image, off, BLT__LINK_LEN))
    return NULL;
  known->links = grow(known->links, known->n_links, &known->link_capacity,
                      sizeof *known->links);
  struct known_link *const link = &known->links[known->n_links];
  *link = (struct known_link){.off = off,
                              .value = value,
                              .held = blt__get6(image->bytes + off),
                              .record_end = blt__record_end(record),
                              .turn = known->n_links++};
  return link;
}

/* A new key goes to the head of its chain; new keys are the last blocks. */
static void add_heads(struct known *known, const struct image *image,
                      const struct blt__record *record)
{
  uint64_t off = record->off + record->len;
  struct blt__block block;

  for (uint32_t i = 0; i < record->n_blocks; i++, off += block.len) {
    if (off >= blt__record_end(record))
      return;
    const uint8_t *const head = image->bytes + off;
    blt__block_decode(&known->geo, off, head, &block);
    if (i >= record->n_blocks - record->n_inserts)
      (void)add_link(known, image, record,
                     blt__layout_slot(&known->layout, head), off);
    /* The last block's link may be lost without a trace in the hash. */
    if (i + 1 == record->n_blocks && record->last_next != 0)
      (void)add_link(known, image, record, off + BLT__LINK_OFF,
                     record->last_next);
  }
}

static void add_patches(struct known *known, const struct image *image,
                        const struct blt__record *record)
{
  const uint8_t *const bytes = image->bytes + record->off;

  for (uint32_t i = 0; i < record->n_patches; i++) {
    const struct blt__patch patch =
        blt__patch_decode(bytes + blt__record_patch_off(&known->geo, i));
    (void)add_link(known, image, record, patch.slot_off, patch.new_link);
  }
}

static void add_tombs(struct known *known, const struct image *image,
                      const struct blt__record *record)
{
  const uint8_t *const bytes = image->bytes + record->off;

  for (uint32_t i = 0; i < record->n_tombs; i++) {
    const struct blt__tomb tomb = blt__tomb_decode(
        bytes + blt__record_tomb_off(&known->geo, record->n_patches, i));
    struct known_link *const link = add_link(
        known, image, record, tomb.block_off + BLT__LINK_OFF, BLT__LINK_DEAD);
    if (link == NULL)
      continue;
    link->is_tomb = 1;
    link->is_reached = is_reached(known, image, tomb.block_off);
  }
}

static int compare_links(const void *left, const void *right)
{
  const struct known_link *const a = left;
  const struct known_link *const b = right;

  if (a->off != b->off)
    return a->off < b->off ? -1 : 1;
  return a->turn < b->turn ? -1 : a->turn > b->turn;
}

static void keep_last(struct known *known)
{
  size_t n = 0;

  if (known->n_links == 0)
    return;
  qsort(known->links, known->n_links, sizeof *known->links, compare_links);
  for (size_t i = 0; i < known->n_links; i++) {
    if (n > 0 && known->links[n - 1].off == known->links[i].off)
      n--;
    known->links[n++] = known->links[i];
  }
  known->n_links = n;
}

/* ---- the whole */

static int read_header(struct known *known, const struct image *image)
{
  static const struct blt__sink sink = {.owner = NULL, .file = ""};
  struct blt__header h;

  if (image->len < BLT__HEADER_LEN ||
      blt__header_decode(&h, image->bytes, image->len, &sink) < 0)
    return 0;
  blt__geometry_init(&known->geo, h.fixed, h.value_len, h.has_timestamps);
  blt__layout_init(&known->layout, h.n_buckets, h.index_off, h.first_off);
  known->has_checkpoint =
      blt__checkpoint_decode(image->bytes, &known->checkpoint);
  return 1;
}

void known_read(struct known *known, const struct image *image)
{
  known->n_records = known->n_links = 0;
  known->has_checkpoint = 0;
  known->end = image->len;
  known->is_readable = read_header(known, image);
  if (!known->has_checkpoint || known->checkpoint.state == BLT__CLEAN)
    return;
  if (known->checkpoint.state == BLT__REPAIR) {
    known->end = known->checkpoint.committed;
    return;
  }
  known->end = known->checkpoint.log_start;
  read_records(known, image);
  for (size_t i = 0; i < known->n_records; i++) {
    add_heads(known, image, &known->records[i]);
    add_patches(known, image, &known->records[i]);
    add_tombs(known, image, &known->records[i]);
  }
  keep_last(known);
}

void known_release(struct known *known)
{
  free(known->records);
  free(known->links);
  *known = (struct known){.is_readable = 0};
}

const struct known_link *known_find(const struct known *known, uint64_t off)
{
  size_t low = 0;
  size_t high = known->n_links;

  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (known->links[middle].off + BLT__LINK_LEN <= off)
      low = middle + 1;
    else
      high = middle;
  }
  return low < known->n_links && known->links[low].off <= off
             ? &known->links[low]
             : NULL;
}

int known_block(const struct known *known, const struct image *image,
                uint64_t off, struct blt__block *out)
{
  struct blt__region regions[2];
  const unsigned n = blt__layout_regions(&known->layout, known->end, regions);

  for (unsigned i = 0; i < n; i++)
    for (uint64_t at = regions[i].begin;
         at <= off && at + known->geo.key_off <= regions[i].end;
         at += out->len) {
      blt__block_decode(&known->geo, at, image->bytes + at, out);
      if (off < at + out->len)
        return 1;
    }
  return 0;
}

int known_is_settled(const struct known *known, uint64_t end, int with_tombs)
{
  for (size_t i = 0; i < known->n_links; i++) {
    const struct known_link *const link = &known->links[i];
    if (link->record_end <= end && link->held != link->value &&
        (with_tombs || !link->is_tomb))
      return 0;
  }
  return 1;
}
