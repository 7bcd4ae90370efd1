/*
 * replay.c - what the log says
 */
#include "upkeep/replay.h"

#include <string.h>

#include "format/bodyhash.h"
#include "lookup/chain.h"
#include "upkeep/foreign.h"
#include "upkeep/gap.h"

/* ---- reading records */

/* 1, 0 (there is no such record), or a failure. */
static int read_record(struct blt__replay *replay, uint64_t off, uint64_t seq,
                       struct blt__record *out)
{
  struct blt__view *view = &replay->image->view;
  const struct blt__geometry *geo = &replay->image->geo;
  uint64_t head_len =
      blt__record_payload_off(geo) + (uint64_t)BLT__RECORD_FIXED_LEN;
  const uint8_t *bytes = NULL;

  if (!blt__view_has(view, off, head_len))
    return 0;
  blt_status status = blt__view_at(view, off, head_len, &bytes);
  if (status < 0)
    return status;
  if (!blt__record_decode(geo, off, bytes, head_len, out) || out->seq != seq ||
      memcmp(out->salt, replay->checkpoint->salt, BLT__SALT_LEN) != 0)
    return 0;
  uint64_t used = blt__record_used_len(geo, out) + BLT__RECORD_HASH_LEN;
  if (!blt__view_has(view, off, used))
    return 0;
  if ((status = blt__view_at(view, off, used, &bytes)) < 0)
    return status;
  return blt__record_is_whole(geo, out, bytes);
}

static int is_batch(const struct blt__record *record)
{
  return record->kind == BLT__RECORD_BATCH || record->kind == BLT__RECORD_PART;
}

/* A block of the body that a lookup reaches was durable once: links are
 * written only after that. Its time may then have been set by booklet. */
static int is_linked(struct blt__replay *replay, uint64_t off, uint64_t end)
{
  struct blt__image *image = replay->image;

  while (off < end) {
    struct blt__block block;
    struct blt__hit hit;
    const uint8_t *head = NULL;
    if (blt__image_block(image, off, &block, &head) < 0)
      return 0;
    if (blt__chain_find(image, head, head + image->geo.key_off, block.key_len,
                        &hit) == BLT_OK &&
        hit.block.off == off)
      return 1;
    off += block.len;
  }
  return 0;
}

int blt__replay_is_body_right(struct blt__replay *replay,
                              const struct blt__record *record)
{
  struct blt__image *image = replay->image;
  uint64_t off = record->off + record->len;
  const uint8_t *body = NULL;
  struct blt__bodyhash hash;

  if (!blt__view_has(&image->view, off, record->body_len) ||
      blt__view_at(&image->view, off, record->body_len, &body) < 0 ||
      !blt__bodyhash_file(&image->geo, record->salt, body, record->body_len,
                          &hash) ||
      hash.body != record->body_hash)
    return 0;
  return hash.time == record->time_hash ||
         is_linked(replay, off, off + record->body_len);
}

static struct blt__record *record_at(struct blt__replay *replay, size_t i)
{
  return (struct blt__record *)(void *)replay->records.data + i;
}

static blt_status read_records(struct blt__replay *replay)
{
  uint64_t off = replay->checkpoint->log_start;
  uint64_t seq = replay->checkpoint->log_seq;
  uint64_t durable = 0;
  struct blt__record record;
  int found;

  while ((found = read_record(replay, off, seq, &record)) > 0 &&
         is_batch(&record) &&
         blt__record_end(&record) <= replay->image->view.size) {
    if (blt__buf_append(&replay->records, &record, sizeof record) != 0)
      return blt__fail_memory(replay->image->view.sink);
    if (record.durable_off > durable)
      durable = record.durable_off;
    off = blt__record_end(&record);
    seq++;
  }
  if (found < 0)
    return (blt_status)found;
  size_t n = blt__replay_n(replay);
  size_t whole = 0; /* P2 */
  replay->stop = off;
  replay->stop_seq = seq;
  for (size_t i = 0; i < n; i++) {
    record = *record_at(replay, i);
    if (record.off >= durable && !blt__replay_is_body_right(replay, &record)) {
      replay->stop = record.off;
      replay->stop_seq = record.seq;
      break;
    }
    if (record.kind == BLT__RECORD_BATCH)
      whole = i + 1;
  }
  replay->records.len = whole * sizeof record;
  replay->end = whole > 0 ? blt__record_end(record_at(replay, whole - 1))
                          : replay->checkpoint->log_start;
  replay->n_keys = whole > 0 ? record_at(replay, whole - 1)->n_keys
                             : replay->checkpoint->n_keys;
  return BLT_OK;
}

/* ---- links */

static blt_status fail_memory(const struct blt__replay *replay)
{
  return blt__fail_memory(replay->image->view.sink);
}

static blt_status set(struct blt__replay *replay, uint64_t off, uint64_t link)
{
  int is_new;

  if (off == 0)
    return blt__image_corrupt(replay->image, 0, "a record changes the header");
  if (blt__links_reserve(&replay->final, 1) != 0)
    return fail_memory(replay);
  blt__links_make(&replay->final, off, &is_new)->link = link & BLT__OFF_MAX;
  return BLT_OK;
}

static blt_status allow(struct blt__replay *replay, uint64_t off, uint64_t link)
{
  struct blt__change change = {off, link};

  return blt__buf_append(&replay->legal, &change, sizeof change) != 0
             ? fail_memory(replay)
             : BLT_OK;
}

/* A link's final value, and both it and the older one are legal. */
static blt_status change_link(struct blt__replay *replay, uint64_t off,
                              uint64_t old, uint64_t new)
{
  blt_status status = set(replay, off, new);

  if (status == BLT_OK)
    status = allow(replay, off, old);
  return status == BLT_OK ? allow(replay, off, new) : status;
}

/* The bytes of a record with patches and tombs. */
static blt_status record_bytes(struct blt__replay *replay,
                               const struct blt__record *record,
                               const uint8_t **out)
{
  return blt__view_at(&replay->image->view, record->off,
                      blt__record_used_len(&replay->image->geo, record), out);
}

/* Which blocks the log killed; good even when the links are not. */
static blt_status collect_tombs(struct blt__replay *replay)
{
  const struct blt__geometry *geo = &replay->image->geo;
  blt_status status = BLT_OK;

  for (size_t r = 0; status == BLT_OK && r < blt__replay_n(replay); r++) {
    const struct blt__record *record = record_at(replay, r);
    const uint8_t *bytes = NULL;
    status = record_bytes(replay, record, &bytes);
    for (uint32_t i = 0; status == BLT_OK && i < record->n_tombs; i++)
      if (blt__offsets_add(
              &replay->tombs, replay->env,
              blt__tomb_decode(bytes +
                               blt__record_tomb_off(geo, record->n_patches, i))
                  .block_off) != 0)
        status = fail_memory(replay);
  }
  return status;
}

static blt_status apply_patches(struct blt__replay *replay,
                                const struct blt__record *record,
                                const uint8_t *bytes)
{
  const struct blt__geometry *geo = &replay->image->geo;
  blt_status status = BLT_OK;

  for (uint32_t i = 0; status == BLT_OK && i < record->n_patches; i++) {
    struct blt__patch patch =
        blt__patch_decode(bytes + blt__record_patch_off(geo, i));
    status =
        change_link(replay, patch.slot_off, patch.old_link, patch.new_link);
  }
  return status;
}

static blt_status apply_tombs(struct blt__replay *replay,
                              const struct blt__record *record,
                              const uint8_t *bytes)
{
  struct blt__image *image = replay->image;
  blt_status status = BLT_OK;

  for (uint32_t i = 0; status == BLT_OK && i < record->n_tombs; i++) {
    struct blt__tomb tomb = blt__tomb_decode(
        bytes + blt__record_tomb_off(&image->geo, record->n_patches, i));
    struct blt__block block;
    const uint8_t *head = NULL;
    status = blt__image_block(image, tomb.block_off, &block, &head);
    /* The bucket's slot may still lead to the block that died: what the new
     * heads of its chain say does not tell (apply_heads). */
    if (status == BLT_OK)
      status =
          allow(replay, blt__layout_slot(&image->layout, head), tomb.block_off);
    if (status == BLT_OK)
      status = change_link(replay, tomb.block_off + BLT__LINK_OFF,
                           tomb.old_link, BLT__LINK_DEAD);
  }
  return status;
}

/* A new head's link is what its slot held before. Where the file has another by
 * now, the block that it led to has died, and apply_tombs allows that one. */
static blt_status apply_heads(struct blt__replay *replay,
                              const struct blt__record *record)
{
  struct blt__image *image = replay->image;
  uint64_t off = record->off + record->len;
  const uint64_t end = blt__record_end(record);
  struct blt__block block;
  const uint8_t *head = NULL;
  blt_status status = BLT_OK;

  for (uint32_t i = 0; status == BLT_OK && i < record->n_blocks; i++) {
    status = off < end ? blt__image_block(image, off, &block, &head)
                       : blt__image_corrupt(image, off,
                                            "a record tells of more blocks "
                                            "than it has");
    if (status < 0)
      break;
    uint64_t next = i + 1 == record->n_blocks && record->last_next != 0
                        ? record->last_next
                        : block.next;
    if (i >= record->n_blocks - record->n_inserts)
      status = change_link(replay, blt__layout_slot(&image->layout, head), next,
                           off);
    /* The last block's link may have been lost without a trace in the hash:
     * key and value may be empty, and nothing follows. */
    if (status == BLT_OK && i + 1 == record->n_blocks && record->last_next != 0)
      status = change_link(replay, off + BLT__LINK_OFF, BLT__LINK_DEAD,
                           record->last_next);
    off += block.len;
  }
  return status;
}

static blt_status apply_records(struct blt__replay *replay)
{
  blt_status status = BLT_OK;

  for (size_t i = 0; status == BLT_OK && i < blt__replay_n(replay); i++) {
    const struct blt__record *record = record_at(replay, i);
    const uint8_t *bytes = NULL;
    if ((status = record_bytes(replay, record, &bytes)) == BLT_OK &&
        (status = apply_heads(replay, record)) == BLT_OK &&
        (status = apply_patches(replay, record, bytes)) == BLT_OK)
      status = apply_tombs(replay, record, bytes);
  }
  return status;
}

/* ---- the whole */

static blt_status read_log(struct blt__replay *replay)
{
  struct blt__image *image = replay->image;
  const uint8_t *header = NULL;
  blt_status status = blt__view_at(&image->view, 0, BLT__HEADER_LEN, &header);

  if (status < 0)
    return status;
  uint32_t count = blt__get4(header + BLT__HDR_COUNT);
  replay->guarded = blt__header_is_guarded(header) &&
                    !(replay->checkpoint->flags & BLT__FLAG_WAS_OPEN);
  if ((status = read_records(replay)) < 0)
    return status;
  replay->foreign = blt__foreign_layout(replay, count) ||
                    replay->end > image->view.size ||
                    replay->n_keys >= BLT__COUNT_UNCLEAN;
  if (!replay->foreign)
    status = blt__gap_judge(replay);
  if (status < 0 || (status = collect_tombs(replay)) < 0 || replay->foreign ||
      replay->damaged)
    return status;
  status = apply_records(replay);
  if (status == BLT_E_CORRUPT) {
    replay->foreign = 1;
    return BLT_OK;
  }
  if (status == BLT_OK)
    replay->foreign = blt__foreign_links(replay) || blt__foreign_tail(replay);
  return status;
}

blt_status blt__replay_read(struct blt__replay *replay,
                            struct blt__image *image,
                            const struct blt__env *env,
                            const struct blt__checkpoint *checkpoint)
{
  *replay = (struct blt__replay){
      .image = image, .env = env, .checkpoint = checkpoint};
  blt__buf_init(&replay->records, env);
  blt__buf_init(&replay->legal, env);
  blt__links_init(&replay->final, env);
  /* A read that failed is no record that is missing. */
  blt__view_forget_failure(&image->view);
  blt_status status = read_log(replay);
  return status < 0 ? status : blt__view_failure(&image->view);
}

void blt__replay_release(struct blt__replay *replay)
{
  blt__buf_release(&replay->records);
  blt__buf_release(&replay->legal);
  blt__links_release(&replay->final);
  blt__offsets_release(&replay->tombs, replay->env);
}

blt_status blt__replay_overlay(const struct blt__replay *replay)
{
  struct blt__image *image = replay->image;
  int is_new;

  if (replay->final.entries != NULL)
    for (size_t i = 0; i <= replay->final.mask; i++) {
      const struct blt__link_entry *entry = &replay->final.entries[i];
      if (entry->off == 0)
        continue;
      if (blt__links_reserve(&image->links, 1) != 0)
        return fail_memory(replay);
      blt__links_make(&image->links, entry->off, &is_new)->link = entry->link;
    }
  for (size_t i = 0; i < replay->tombs.n; i++) {
    if (blt__links_reserve(&image->tombs, 1) != 0)
      return fail_memory(replay);
    (void)blt__links_make(&image->tombs, replay->tombs.at[i], &is_new);
  }
  for (size_t i = 0; i < blt__replay_n(replay); i++) {
    const struct blt__record *record = blt__replay_record(replay, i);
    if (blt__links_reserve(&image->reveals, 1) != 0)
      return fail_memory(replay);
    blt__links_make(&image->reveals, record->off, &is_new)->link = record->len;
  }
  return blt__view_look(&image->view, replay->end);
}
