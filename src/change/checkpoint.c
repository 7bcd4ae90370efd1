/*
 * checkpoint.c - links of durable commits go back into the file
 *
 * One pwrite for each link would cost more than everything else together, so
 * the links are sorted and neighbours are written in one run, with the bytes
 * between them as they are in the file.
 */
#include "change/checkpoint.h"

#include <stdlib.h>
#include <string.h>

/* Links closer than this share a run; no run is longer than the second. */
enum { GAP_MAX = 4096, RUN_MAX = 1 << 18 };

/* Least run that the disk is asked to begin with. */
enum { BEGIN_MIN = 64 << 10 };

static int compare_changes(const void *left, const void *right)
{
  const struct blt__change *a = left;
  const struct blt__change *b = right;

  return a->off < b->off ? -1 : a->off > b->off;
}

enum { DIGIT_BITS = 11, N_DIGITS = 1 << DIGIT_BITS, FEW = 256 };

static unsigned digit_of(const struct blt__change *change, unsigned shift)
{
  return (unsigned)(change->off >> shift) & (N_DIGITS - 1);
}

/* One pass of a radix sort: stable, by one digit. */
static void sort_by_digit(struct blt__change *to,
                          const struct blt__change *from, size_t n,
                          unsigned shift)
{
  size_t begins[N_DIGITS] = {0};
  size_t sum = 0;

  for (size_t i = 0; i < n; i++)
    begins[digit_of(&from[i], shift)]++;
  for (unsigned d = 0; d < N_DIGITS; d++) {
    size_t count = begins[d];
    begins[d] = sum;
    sum += count;
  }
  for (size_t i = 0; i < n; i++)
    to[begins[digit_of(&from[i], shift)]++] = from[i];
}

/* By offset. qsort where there are few, or no memory for a second row. */
static void sort_changes(const struct blt__env *env,
                         struct blt__change *changes, size_t n)
{
  struct blt__change *from = changes;
  struct blt__change *to =
      n > FEW ? blt__alloc(env, n * sizeof *changes) : NULL;
  struct blt__change *spare = to;
  uint64_t bits = 0;

  if (to == NULL) {
    qsort(changes, n, sizeof *changes, compare_changes);
    return;
  }
  for (size_t i = 0; i < n; i++)
    bits |= changes[i].off;
  for (unsigned shift = 0; bits >> shift != 0; shift += DIGIT_BITS) {
    sort_by_digit(to, from, n, shift);
    struct blt__change *swap = from;
    from = to;
    to = swap;
  }
  if (from != changes)
    memcpy(changes, from, n * sizeof *changes);
  blt__release(env, spare, n * sizeof *changes);
}

/* Bytes from the first link of a run to the end of the last one. */
static uint64_t len_of_run(const struct blt__change *first,
                           const struct blt__change *last)
{
  return last[-1].off + BLT__LINK_LEN - first->off;
}

/* Links [first, last) into one write. */
static blt_status write_run(struct blt__image *image, uint8_t *run,
                            const struct blt__change *first,
                            const struct blt__change *last)
{
  uint64_t begin = first->off;
  uint64_t len = len_of_run(first, last);
  const uint8_t *now = NULL;
  blt_status status = blt__view_at(&image->view, begin, len, &now);

  if (status < 0)
    return status;
  memcpy(run, now, len);
  /* Zeros that stand in for a part that could not be read must not become
   * the file's. */
  if ((status = blt__view_judge(&image->view, BLT_OK)) < 0)
    return status;
  for (const struct blt__change *change = first; change < last; change++)
    blt__put6(run + (change->off - begin), change->link);
  return blt__view_write(&image->view, begin,
                         &(struct blt__span){run, (size_t)len}, 1);
}

static void begin_sync(struct blt__image *image,
                       const struct blt__change *first,
                       const struct blt__change *last)
{
  struct blt__file *file = image->view.file;
  uint64_t len = len_of_run(first, last);

  if (len >= BEGIN_MIN && file->ops->begin_sync != NULL)
    file->ops->begin_sync(file, first->off, len);
}

static int belongs_to_run(const struct blt__change *first,
                          const struct blt__change *next)
{
  return next->off - next[-1].off <= GAP_MAX &&
         next->off + BLT__LINK_LEN - first->off <= RUN_MAX;
}

/* Behind the last link of the run that begins with `first`. */
static const struct blt__change *end_of_run(const struct blt__change *first,
                                            const struct blt__change *end)
{
  const struct blt__change *next = first + 1;

  while (next < end && belongs_to_run(first, next))
    next++;
  return next;
}

/* Of the sorted links. */
static size_t longest_run(const struct blt__change *first,
                          const struct blt__change *end)
{
  uint64_t longest = 0;

  while (first < end) {
    const struct blt__change *next = end_of_run(first, end);
    uint64_t len = len_of_run(first, next);
    longest = len > longest ? len : longest;
    first = next;
  }
  return (size_t)longest;
}

blt_status blt__write_links(struct blt__image *image,
                            const struct blt__env *env,
                            struct blt__change *changes, size_t n,
                            int sync_follows)
{
  const struct blt__change *end = changes + n;
  const struct blt__change *first = changes;
  blt_status status = BLT_OK;

  sort_changes(env, changes, n);
  size_t len = longest_run(changes, end);
  uint8_t *run = blt__alloc(env, len);
  if (run == NULL)
    return blt__fail_memory(image->view.sink);
  while (first < end && status == BLT_OK) {
    const struct blt__change *next = end_of_run(first, end);
    status = write_run(image, run, first, next);
    if (sync_follows && status == BLT_OK)
      begin_sync(image, first, next);
    first = next;
  }
  blt__release(env, run, len);
  return status;
}

static size_t collect_links(const struct blt__links *links,
                            struct blt__change *out)
{
  size_t n = 0;

  if (links->n == 0)
    return 0;
  for (size_t i = 0; i <= links->mask; i++) {
    const struct blt__link_entry *entry = &links->entries[i];
    if (entry->off != 0 && !(entry->marks & BLT__MARK_DROPPED))
      out[n++] = (struct blt__change){entry->off, entry->link};
  }
  return n;
}

static size_t collect_tombs(const struct blt__offsets *tombs,
                            struct blt__change *out)
{
  for (size_t i = 0; i < tombs->n; i++)
    out[i] = (struct blt__change){tombs->at[i] + BLT__LINK_OFF, BLT__LINK_DEAD};
  return tombs->n;
}

/* The tombs that the file has now need not be remembered. */
static void forget_tombs(struct blt__log *log, struct blt__offsets *written)
{
  struct blt__links *tombs = &log->image->tombs;

  if (log->tombs.n == 0) /* no others came since */
    blt__links_clear(tombs);
  for (size_t i = 0; i < written->n && tombs->n > 0; i++) {
    struct blt__link_entry *entry = blt__links_find(tombs, written->at[i]);
    if (entry != NULL)
      blt__links_remove(tombs, entry);
  }
  written->n = 0;
}

static blt_status write_waiting(struct blt__log *log)
{
  struct blt__image *image = log->image;
  size_t room = image->links.n + log->old_tombs.n;
  struct blt__change *changes = blt__alloc(log->env, room * sizeof *changes);

  if (changes == NULL)
    return blt__fail_memory(log->sink);
  size_t n = collect_links(&image->links, changes);
  n += collect_tombs(&log->old_tombs, changes + n);
  log->links_unsynced |= n > 0;
  blt_status status =
      blt__write_links(image, log->env, changes, n, log->level != BLT_SYNC_OFF);
  blt__release(log->env, changes, room * sizeof *changes);
  return status;
}

/* The group is written: its tombs wait for the next time (L2). */
static void turn_groups(struct blt__log *log)
{
  struct blt__offsets empty = log->old_tombs;

  forget_tombs(log, &log->old_tombs);
  blt__links_clear(&log->image->links);
  empty.n = 0;
  log->old_tombs = log->tombs;
  log->tombs = empty;
  log->prev = log->group;
  log->group = blt__log_mark(log);
}

static blt_status fail_after_commit(struct blt__log *log, blt_status status)
{
  return blt__log_poison(log, status, BLT_E_COMMITTED,
                         "all commits are safe, but links could not be "
                         "written back; close and open the file again");
}

blt_status blt__checkpoint(struct blt__log *log)
{
  /* The tombs of the group before are written now and not on disk yet, so
   * recovery still begins with that group. */
  struct blt__mark from = log->prev;
  blt_status status = BLT_OK;

  /* L2: the links around the old tombs are on disk, or this brings them. */
  if (log->links_unsynced && log->old_tombs.n > 0)
    status = blt__log_sync_file(log);
  if (status == BLT_OK)
    status = write_waiting(log);

  if (status < 0)
    return fail_after_commit(log, status);
  turn_groups(log);
  if (log->level == BLT_SYNC_OFF && log->old_tombs.n > 0) {
    /* Nothing is ever synced, so there is nothing to wait for. */
    if ((status = write_waiting(log)) < 0)
      return fail_after_commit(log, status);
    turn_groups(log);
  }
  if (log->level == BLT_SYNC_OFF)
    from = blt__log_mark(log);
  else if (log->end - log->from.start < log->log_max)
    return BLT_OK;
  status = blt__log_put_header(log, BLT__DIRTY, from, log->end);
  return status < 0 ? fail_after_commit(log, status) : BLT_OK;
}

blt_status blt__checkpoint_all(struct blt__log *log)
{
  blt_status status = BLT_OK;

  /* L2, as in blt__checkpoint. */
  if (log->links_unsynced && log->old_tombs.n > 0 &&
      (status = blt__log_sync_file(log)) < 0)
    return fail_after_commit(log, status);
  while (log->links_unsynced ||
         log->image->links.n + log->tombs.n + log->old_tombs.n > 0) {
    if ((status = write_waiting(log)) < 0 ||
        (status = blt__log_sync_file(log)) < 0)
      return fail_after_commit(log, status);
    turn_groups(log);
  }
  return BLT_OK;
}
