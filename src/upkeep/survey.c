/*
 * survey.c - what can be kept of a damaged store
 */
#include "upkeep/survey.h"

#include <stdlib.h>
#include <string.h>

#include "format/reserved.h"
#include "hash/keyhash.h"
#include "lookup/chain.h"

/* Keys up to here are always hashed in a search. */
enum { SHORT_KEY = 256, PROGRESS_LEN = 1 << 20 };

/* A block that proved itself. */
struct found {
  uint64_t off; /* first: compare_offsets takes these too                   */
  uint64_t tag; /* first bytes of its hash                                  */
};

struct surveyor {
  struct blt__survey *survey;
  struct blt__image *image;
  const struct blt__env *env;
  const struct blt__replay *replay;
  struct blt__links revived; /* links that a commit made live, 0 in the file */
  int strict;
  uint64_t long_key_budget; /* bytes of long keys that may still be hashed  */
  struct blt__links dead;   /* blocks that committed batches killed         */
  struct blt__links bodies; /* record -> first block of its batch           */
  /* strict: the copy of a rewrite that the scan is in, the keys it should
   * have, and those it was seen to have */
  uint64_t copy_off, copy_keys, copy_seen;
  const blt_options *options; /* whom to tell, or NULL                      */
  uint64_t told_off;
  int is_cancelled;
};

static blt_status fail_memory(const struct surveyor *s)
{
  return blt__fail_memory(s->image->view.sink);
}

/* Whether the search at `off` is to stop. */
static int stops_at(struct surveyor *s, uint64_t off)
{
  const blt_options *o = s->options;
  uint64_t size = s->image->view.size;

  if (o == NULL || o->progress == NULL || s->is_cancelled ||
      (off - s->told_off < PROGRESS_LEN && off < size))
    return s->is_cancelled;
  s->told_off = off;
  s->is_cancelled = o->progress(o->progress_ctx, "repair search", off, size);
  return s->is_cancelled;
}

/* ---- anchors: A2 */

/* A1 */
static int has_its_hash(const struct surveyor *s, const struct blt__block *b,
                        const uint8_t *head)
{
  uint8_t hash[BLT__HASH_LEN];

  blt__keyhash(head + s->image->geo.key_off, b->key_len, hash);
  return memcmp(hash, head, sizeof hash) == 0;
}

/* Keys of blocks that overlap, or that chance bytes claim, may be many times as
 * long as the file. Long ones are hashed as long as that stays in
 * proportion. */
static int may_be_hashed(struct surveyor *s, uint32_t key_len)
{
  if (key_len <= SHORT_KEY)
    return 1;
  if (s->long_key_budget < key_len)
    return 0;
  s->long_key_budget -= key_len;
  return 1;
}

static int compare_offsets(const void *left, const void *right)
{
  const uint64_t *a = left;
  const uint64_t *b = right;

  return *a < *b ? -1 : *a > *b;
}

static blt_status find_anchors(struct surveyor *s)
{
  struct blt__image *image = s->image;
  struct blt__offsets *anchors = &s->survey->anchors;

  for (uint32_t i = 0; i < image->layout.n_buckets; i++) {
    struct blt__walk walk;
    struct blt__block block;
    const uint8_t *head = NULL;
    blt__walk_begin(&walk, image,
                    image->layout.index_off + (uint64_t)BLT__LINK_LEN * i);
    /* A damaged chain gives what it can; a link that leads astray, nothing. */
    blt_status status;
    while ((status = blt__walk_next(&walk, &block, &head)) == BLT_OK &&
           blt__layout_bucket(&image->layout, head) == i &&
           may_be_hashed(s, block.key_len))
      if (has_its_hash(s, &block, head) &&
          blt__offsets_add(anchors, s->env, block.off) != 0)
        return fail_memory(s);
    s->survey->n_astray += status < 0 && walk.fault == BLT__FAULT_WILD;
  }
  if (anchors->n > 0)
    qsort(anchors->at, anchors->n, sizeof *anchors->at, compare_offsets);
  return BLT_OK;
}

/* The first anchor behind `off`. */
static uint64_t next_anchor(const struct blt__survey *survey, uint64_t off)
{
  size_t low = 0, high = survey->anchors.n;

  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (survey->anchors.at[middle] <= off)
      low = middle + 1;
    else
      high = middle;
  }
  return low < survey->anchors.n ? survey->anchors.at[low] : UINT64_MAX;
}

/* A block that nothing could cover is dead in the file until its link is
 * written; its record says that it lives. Where booklet could open the file
 * the links had been written: what is dead there was deleted by booklet. */
static blt_status note_revived(struct surveyor *s,
                               const struct blt__record *record)
{
  struct blt__image *image = s->image;
  const uint8_t *bytes = NULL;
  blt_status status =
      blt__view_at(&image->view, record->off,
                   blt__record_used_len(&image->geo, record), &bytes);
  int is_new;

  if (!s->replay->guarded)
    return BLT_OK;
  for (uint32_t i = 0; status == BLT_OK && i < record->n_patches; i++) {
    struct blt__patch patch =
        blt__patch_decode(bytes + blt__record_patch_off(&image->geo, i));
    if (patch.old_link != 0 || patch.new_link == 0 || patch.slot_off == 0)
      continue;
    if (blt__links_reserve(&s->revived, 1) != 0)
      return fail_memory(s);
    (void)blt__links_make(&s->revived, patch.slot_off, &is_new);
  }
  return status;
}

static blt_status note_committed(struct surveyor *s)
{
  const struct blt__replay *replay = s->replay;
  int is_new;

  if (replay == NULL)
    return BLT_OK;
  for (size_t i = 0; i < replay->tombs.n; i++) {
    if (blt__links_reserve(&s->dead, 1) != 0)
      return fail_memory(s);
    (void)blt__links_make(&s->dead, replay->tombs.at[i], &is_new);
  }
  for (size_t i = 0; i < blt__replay_n(replay); i++) {
    const struct blt__record *record = blt__replay_record(replay, i);
    if (blt__links_reserve(&s->bodies, 1) != 0)
      return fail_memory(s);
    blt__links_make(&s->bodies, record->off, &is_new)->link =
        (record->off + record->len) & BLT__OFF_MAX;
    blt_status status = note_revived(s, record);
    if (status < 0)
      return status;
  }
  return BLT_OK;
}

/* ---- the anchored scan */

/* Whether a block can stand at `off`: 1 and its head. */
static int can_stand(struct surveyor *s, uint64_t off, uint64_t end,
                     struct blt__block *out, const uint8_t **out_head)
{
  struct blt__image *image = s->image;
  const uint8_t *head = NULL;

  if (end - off < image->geo.key_off ||
      blt__view_at(&image->view, off, image->geo.key_off, &head) < 0)
    return 0;
  blt__block_decode(&image->geo, off, head, out);
  if (out->len > end - off || next_anchor(s->survey, off) < off + out->len)
    return 0;
  return blt__view_at(&image->view, off, image->geo.key_off + out->key_len,
                      out_head) == BLT_OK;
}

static int is_revived(const struct surveyor *s, const struct blt__block *b)
{
  return blt__links_find(&s->revived, b->off + BLT__LINK_OFF) != NULL;
}

static int proves_itself(const struct surveyor *s, const struct blt__block *b,
                         const uint8_t *head)
{
  return (b->next != BLT__LINK_DEAD || is_revived(s, b)) &&
         has_its_hash(s, b, head);
}

/* Whether the scan may step over it: not over what stands behind zeros. */
static int is_dead(const struct surveyor *s, const struct blt__block *b,
                   const uint8_t *head)
{
  static const uint8_t zeros[BLT__HASH_LEN];

  if (memcmp(head, zeros, sizeof zeros) == 0 &&
      !blt__view_is_zero(&s->image->view, b->off, b->len))
    return 0;
  return b->next == BLT__LINK_DEAD && !is_revived(s, b) &&
         (!s->strict || blt__dead_is_ours(head) || has_its_hash(s, b, head));
}

static blt_status keep(struct surveyor *s, const struct blt__block *block,
                       const uint8_t *head)
{
  struct found found = {block->off, blt__get8(head)};

  if (blt__links_find(&s->dead, block->off) != NULL) {
    s->survey->n_deleted++;
    return BLT_OK;
  }
  return blt__buf_append(&s->survey->live, &found, sizeof found) != 0
             ? fail_memory(s)
             : BLT_OK;
}

/* A search tries each byte, so it must be cheap: a live block's link is the end
 * of a chain or an offset in the file. */
static int may_be_live(struct surveyor *s, const struct blt__block *b)
{
  if (b->next != BLT__LINK_END &&
      (b->next < BLT__HEADER_LEN || b->next >= s->image->view.size))
    return 0;
  return may_be_hashed(s, b->key_len);
}

/* From a place where no block stands to the next that proves itself. */
static uint64_t resynchronise(struct surveyor *s, uint64_t off, uint64_t end)
{
  struct blt__block block;
  const uint8_t *head = NULL;
  uint64_t begin = off, left = s->image->view.size - off;

  /* What was written ahead of the log need not end where a block would. */
  if (s->replay != NULL && blt__view_is_zero(&s->image->view, off, left))
    return end;
  for (off++; off < end && !stops_at(s, off); off++)
    if (blt__links_find(&s->bodies, off) != NULL ||
        (can_stand(s, off, end, &block, &head) &&
         ((may_be_live(s, &block) && proves_itself(s, &block, head)) ||
          (block.next == BLT__LINK_DEAD && blt__dead_is_ours(head)))))
      break;
  if (s->survey->n_lost++ == 0)
    s->survey->first_lost = begin;
  s->survey->lost_len += off - begin;
  s->survey->last_lost = off;
  return off;
}

/*
 * Without a header nothing tells which part of the file a rewrite has left
 * behind. Its record does: when all keys that it promises stand behind it,
 * what was found before is an old copy. The record still spans the copy, so
 * the scan steps over the record alone. Returns the step.
 */
static uint64_t step_over(struct surveyor *s, const uint8_t *head,
                          const struct blt__block *block)
{
  const struct blt__geometry *geo = &s->image->geo;
  struct blt__record record;
  const uint8_t *bytes = NULL;

  if (!s->strict || !blt__record_is_tagged(head) ||
      blt__view_at(&s->image->view, block->off, block->len, &bytes) < 0 ||
      !blt__record_decode(geo, block->off, bytes, block->len, &record))
    return block->len;
  s->copy_off = 0;
  if (record.kind != BLT__RECORD_REWRITE || record.len > block->len ||
      !blt__record_is_whole(geo, &record, bytes))
    return block->len;
  s->copy_off = block->off;
  s->copy_keys = record.n_keys;
  s->copy_seen = 0;
  return record.len;
}

/* A block of the copy, live or deleted since. */
static void note_copied(struct surveyor *s, const uint8_t *head)
{
  struct found *found = (struct found *)(void *)s->survey->live.data;
  size_t n = s->survey->live.len / sizeof *found;
  size_t kept = 0;

  if (s->copy_off == 0 ||
      (!s->image->geo.fixed && blt__is_reserved_hash(head)) ||
      ++s->copy_seen != s->copy_keys)
    return;
  for (size_t i = 0; i < n; i++)
    if (found[i].off > s->copy_off)
      found[kept++] = found[i];
  s->survey->n_superseded += n - kept;
  s->survey->live.len = kept * sizeof *found;
  s->copy_off = 0;
}

static blt_status scan_region(struct surveyor *s,
                              const struct blt__region *region)
{
  uint64_t off = region->begin;
  blt_status status = BLT_OK;

  while (off < region->end && status == BLT_OK && !stops_at(s, off)) {
    const struct blt__link_entry *body = blt__links_find(&s->bodies, off);
    struct blt__block block;
    const uint8_t *head = NULL;
    if (body != NULL) {
      off = body->link;
    } else if (!can_stand(s, off, region->end, &block, &head)) {
      off = resynchronise(s, off, region->end);
    } else if (is_dead(s, &block, head)) {
      if (!blt__dead_is_ours(head))
        note_copied(s, head);
      off += step_over(s, head, &block);
    } else if (proves_itself(s, &block, head)) {
      status = keep(s, &block, head);
      if (status == BLT_OK)
        note_copied(s, head);
      off += block.len;
    } else {
      off = resynchronise(s, off, region->end);
    }
  }
  return status;
}

/* ---- A3 */

/* Our own unfinished commit stands between the end of the log and the first
 * block there that somebody refers to. */
static void drop_uncommitted(struct surveyor *s)
{
  struct blt__survey *survey = s->survey;
  struct found *found = (struct found *)(void *)survey->live.data;
  size_t n = survey->live.len / sizeof *found;
  size_t kept = 0;

  if (s->replay == NULL)
    return;
  uint64_t from = s->replay->end;
  uint64_t to = next_anchor(survey, from - 1);
  for (size_t i = 0; i < n; i++)
    if (found[i].off < from || found[i].off >= to)
      found[kept++] = found[i];
  survey->n_uncommitted = n - kept;
  survey->live.len = kept * sizeof *found;
}

static int compare_keys(const void *left, const void *right)
{
  const struct found *a = left, *b = right;

  if (a->tag != b->tag)
    return a->tag < b->tag ? -1 : 1;
  return compare_offsets(&a->off, &b->off);
}

static int is_same_key(struct surveyor *s, uint64_t a, uint64_t b)
{
  struct blt__block block_a, block_b;
  const uint8_t *head_a = NULL, *head_b = NULL;
  unsigned key_off = s->image->geo.key_off;

  return blt__image_block(s->image, a, &block_a, &head_a) == BLT_OK &&
         blt__image_block(s->image, b, &block_b, &head_b) == BLT_OK &&
         block_a.key_len == block_b.key_len &&
         memcmp(head_a + key_off, head_b + key_off, block_a.key_len) == 0;
}

static int is_superseded(struct surveyor *s, const struct found *found,
                         const struct found *end)
{
  for (const struct found *later = found + 1;
       later < end && later->tag == found->tag; later++)
    if (is_same_key(s, found->off, later->off))
      return 1;
  return 0;
}

static void choose_newest(struct surveyor *s)
{
  struct blt__survey *survey = s->survey;
  struct found *found = (struct found *)(void *)survey->live.data;
  size_t n = survey->live.len / sizeof *found;
  size_t kept = 0;

  if (n == 0)
    return;
  qsort(found, n, sizeof *found, compare_keys);
  for (size_t i = 0; i < n; i++)
    if (!is_superseded(s, &found[i], found + n))
      found[kept++] = found[i];
  qsort(found, kept, sizeof *found, compare_offsets);
  survey->n_superseded += n - kept;
  survey->n_kept = kept;
  survey->live.len = kept * sizeof *found;
}

static void count_hidden(struct surveyor *s)
{
  const struct found *found =
      (const struct found *)(const void *)s->survey->live.data;
  const uint8_t *hash = NULL;

  for (size_t i = 0; !s->image->geo.fixed && i < s->survey->n_kept; i++)
    if (blt__view_at(&s->image->view, found[i].off, BLT__HASH_LEN, &hash) ==
        BLT_OK)
      s->survey->n_hidden += (uint64_t)blt__is_reserved_hash(hash);
}

blt_status blt__survey(struct blt__survey *survey, struct blt__image *image,
                       const struct blt__env *env,
                       const struct blt__replay *replay, int strict,
                       const blt_options *options)
{
  struct surveyor s = {.survey = survey,
                       .image = image,
                       .env = env,
                       .replay = replay,
                       .strict = strict,
                       .options = options,
                       .long_key_budget =
                           16 * image->view.size + ((uint64_t)16 << 20)};
  struct blt__region regions[2];
  unsigned n = blt__layout_regions(&image->layout, image->view.size, regions);

  *survey = (struct blt__survey){.has_gap = replay != NULL && replay->damaged};
  blt__buf_init(&survey->live, env);
  blt__links_init(&s.dead, env);
  blt__links_init(&s.revived, env);
  blt__links_init(&s.bodies, env);
  blt__view_forget_failure(&image->view);
  blt_status status = find_anchors(&s);
  if (status == BLT_OK)
    status = note_committed(&s);
  for (unsigned i = 0; i < n && status == BLT_OK; i++)
    status = scan_region(&s, &regions[i]);
  if (status == BLT_OK && stops_at(&s, image->view.size))
    status = blt__fail(image->view.sink, BLT_E_CANCELLED, BLT_NO_OFFSET,
                       "the search was cancelled; the file is as it was");
  if (status == BLT_OK) {
    drop_uncommitted(&s);
    choose_newest(&s);
    count_hidden(&s);
    survey->n_dropped = survey->n_superseded + survey->n_deleted +
                        survey->n_uncommitted + survey->n_lost;
  }
  blt__links_release(&s.dead);
  blt__links_release(&s.revived);
  blt__links_release(&s.bodies);
  return status < 0 ? status : blt__view_failure(&image->view);
}

void blt__survey_release(struct blt__survey *survey, const struct blt__env *env)
{
  blt__buf_release(&survey->live);
  blt__offsets_release(&survey->anchors, env);
}

blt_status blt__survey_at(const struct blt__survey *survey,
                          struct blt__image *image, size_t i,
                          struct blt__scanned *out)
{
  const struct found *found =
      (const struct found *)(const void *)survey->live.data;

  if (i >= survey->n_kept)
    return BLT_END;
  out->live = 1;
  return blt__image_block(image, found[i].off, &out->block, &out->head);
}
