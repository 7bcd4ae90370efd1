/*
 * journal.c - what may be written to a store, judged at each write
 */
#include "journal/journal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A write, and what the file must hold to allow it. */
struct trial {
  const struct image *work;
  const struct known *rules;   /* of what is durable; OFF: what is written  */
  const struct known *written; /* of the file before the write              */
  uint64_t off, len, end;
  const uint8_t *after;
  int is_off, follows_sync;
  uint64_t longest; /* length of the file since the last sync               */
};

/* ---- the header: J5, J8 */

static int is_same_layout(const struct blt__layout *layout,
                          const struct blt__checkpoint *c)
{
  return layout->index_off == c->index_off &&
         layout->first_off == c->first_off && layout->n_buckets == c->n_buckets;
}

static const char *judge_header(const struct trial *t)
{
  const struct known *const rules = t->rules;
  struct blt__checkpoint c;

  if (t->len != BLT__HEADER_LEN)
    return "the header is written in parts";
  /* A repair has its own mark, and recovery then begins with all blocks. */
  if (!rules->has_checkpoint || rules->checkpoint.state == BLT__REPAIR ||
      !blt__checkpoint_decode(t->after, &c) || c.state == BLT__REPAIR)
    return NULL;
  if (!is_same_layout(&rules->layout, &c))
    return t->is_off || t->follows_sync
               ? NULL
               : "J5: the header switches to a copy that is not durable";
  if (c.log_start > rules->end)
    return "J5: recovery would begin behind what is durable";
  if (blt__header_is_guarded(t->work->bytes) &&
      !blt__header_is_guarded(t->after) && t->longest > t->end)
    return "J8: booklet is shown a file that goes on behind its log";
  const int is_same_log =
      c.state == BLT__DIRTY &&
      memcmp(c.salt, rules->checkpoint.salt, BLT__SALT_LEN) == 0;
  return known_is_settled(rules, is_same_log ? c.log_start : UINT64_MAX, 1)
             ? NULL
             : "J5: the header forgets a record whose links are not durable";
}

/* ---- changes in place */

/* J3 */
static int is_reveal(const struct trial *t)
{
  for (size_t i = 0; i < t->written->n_records; i++) {
    const struct blt__record *const r = &t->written->records[i];
    uint8_t extent[4];
    unsigned off;
    const unsigned len =
        blt__dead_extent(&t->written->geo, r->len, &off, extent);
    if (t->off == r->off + off && t->len == len &&
        memcmp(t->after, extent, len) == 0)
      return 1;
  }
  return 0;
}

/* J7 */
static int is_dead_front(const struct known *known, const struct trial *t)
{
  const struct blt__layout *const layout = &known->layout;
  const uint64_t end = t->off + t->len;

  return known->is_readable && end <= layout->first_off &&
         (end <= layout->index_off || t->off >= blt__layout_index_end(layout));
}

/* J1, J2 */
static const char *judge_link(const struct trial *t,
                              const struct known_link *link)
{
  if (link->off < t->off || link->off + BLT__LINK_LEN > t->off + t->len ||
      blt__get6(t->after + (link->off - t->off)) != link->value)
    return "J1: a link becomes what no durable record says last";
  if (link->is_reached)
    return "J2: a tomb is written while a chain on disk leads to its block";
  return NULL;
}

/* J4 */
static const char *judge_time(const struct trial *t, uint64_t off)
{
  const struct blt__geometry *const geo = &t->rules->geo;
  struct blt__block block;

  if (!blt__geometry_has_time(geo) || t->len != BLT__TIMESTAMP_LEN ||
      !known_block(t->written, t->work, off, &block) ||
      t->off != block.off + geo->time_off)
    return "J1: a byte changes in place that no durable record names";
  for (size_t i = 0; i < t->written->n_records; i++) {
    const struct blt__record *const r = &t->written->records[i];
    const uint64_t end = blt__record_end(r);
    if (block.off >= r->off && block.off < end &&
        (end > t->rules->end || !known_is_settled(t->rules, end, 0)))
      return "J4: a time changes while its record is needed";
  }
  return NULL;
}

static const char *judge_in_place(const struct trial *t)
{
  const char *wrong = NULL;

  for (uint64_t i = 0; i < t->len && wrong == NULL; i++) {
    const uint64_t off = t->off + i;
    if (off >= t->end)
      return "a write runs over the end of what is committed";
    if (t->after[i] == t->work->bytes[off])
      continue;
    const struct known_link *const link = known_find(t->rules, off);
    if (link == NULL)
      return judge_time(t, off);
    wrong = judge_link(t, link);
    i = link->off + BLT__LINK_LEN - 1 - t->off;
  }
  return wrong;
}

/* J6 */
static const char *judge_append(const struct known *rules)
{
  return rules->has_checkpoint && rules->checkpoint.state != BLT__CLEAN
             ? NULL
             : "J6: the file grows before its header is marked";
}

static const char *judge(const struct trial *t)
{
  if (t->len == 0)
    return NULL;
  if (t->off == 0)
    return judge_header(t);
  if (t->off < BLT__HEADER_LEN)
    return "a write begins inside the header";
  if (t->off >= t->end)
    return judge_append(t->rules);
  if ((is_dead_front(t->rules, t) && is_dead_front(t->written, t)) ||
      is_reveal(t))
    return NULL;
  return judge_in_place(t);
}

/* ---- the whole */

static void reserve(struct journal *journal, uint64_t len)
{
  if (len <= journal->after_capacity)
    return;
  journal->after = realloc(journal->after, len);
  journal->after_capacity = len;
  if (journal->after == NULL) {
    perror("realloc");
    exit(EXIT_FAILURE);
  }
}

/* The spans in one piece; how long it is. */
static uint64_t gather(struct journal *journal, const struct blt__span *spans,
                       size_t n_spans)
{
  uint64_t len = 0;

  for (size_t i = 0; i < n_spans; i++)
    len += spans[i].len;
  reserve(journal, len);
  len = 0;
  for (size_t i = 0; i < n_spans; i++) {
    if (spans[i].len > 0)
      memcpy(journal->after + len, spans[i].data, spans[i].len);
    len += spans[i].len;
  }
  return len;
}

static const struct known *rules_of(struct journal *journal, int is_off)
{
  known_read(&journal->written, journal->work);
  return is_off ? &journal->written : &journal->durable;
}

static uint64_t end_of(const struct journal *journal, const struct known *rules)
{
  return rules->end > journal->written.end ? rules->end : journal->written.end;
}

static uint64_t longest_of(const struct journal *journal)
{
  return journal->work->len > journal->longest ? journal->work->len
                                               : journal->longest;
}

const char *journal_judge(struct journal *journal, int is_off, uint64_t off,
                          const struct blt__span *spans, size_t n_spans)
{
  const struct known *const rules = rules_of(journal, is_off);
  const struct trial t = {.work = journal->work,
                          .rules = rules,
                          .written = &journal->written,
                          .off = off,
                          .len = gather(journal, spans, n_spans),
                          .end = end_of(journal, rules),
                          .after = journal->after,
                          .is_off = is_off,
                          .follows_sync = journal->n_unsynced == 0,
                          .longest = is_off ? journal->work->len
                                            : longest_of(journal)};

  journal->n_unsynced++;
  return rules->is_readable && journal->written.is_readable ? judge(&t) : NULL;
}

const char *journal_judge_size(struct journal *journal, int is_off,
                               uint64_t len)
{
  const struct known *const rules = rules_of(journal, is_off);

  journal->n_unsynced++;
  journal->longest = longest_of(journal);
  if (!rules->is_readable)
    return NULL;
  if (len > journal->work->len)
    return judge_append(rules);
  return len < end_of(journal, rules)
             ? "J6: the file is cut below what is committed"
             : NULL;
}

void journal_sync(struct journal *journal)
{
  known_read(&journal->durable, journal->work);
  journal->n_unsynced = 0;
  journal->longest = journal->work->len;
}

void journal_start(struct journal *journal, const struct image *work)
{
  journal->work = work;
  journal_sync(journal);
}

void journal_release(struct journal *journal)
{
  known_release(&journal->durable);
  known_release(&journal->written);
  free(journal->after);
  *journal = (struct journal){.work = NULL};
}
