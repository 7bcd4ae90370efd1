/*
 * power.c - what a power cut may leave
 *
 *   sync   op op op op   sync
 *          \_ window _/        each sector that changes in it: its versions
 *
 * The operations are applied one after the other to the disk's state, and
 * each content of a touched sector is noted. Then versions are chosen, and
 * only sectors whose choice changes are copied.
 */
#include "crash/states.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_VERSIONS = 64, MAX_SIZES = 64 };

struct sector {
  size_t number;
  unsigned n, chosen;
  size_t versions[MAX_VERSIONS]; /* places in bytes                         */
};

struct window {
  struct states *s;
  uint64_t first_len; /* of the file when the window begins                 */
  struct crash crash;
  size_t sector_len;
  int is_whole; /* all states are visited                                   */
  struct sector *sectors;
  size_t n_sectors, capacity;
  uint32_t *place; /* sector number -> place in sectors + 1                 */
  uint8_t *bytes;  /* the versions                                          */
  size_t n_bytes, bytes_capacity;
  uint64_t sizes[MAX_SIZES];
  unsigned n_sizes;
  size_t *wavering; /* sectors with more than one version                   */
  size_t n_wavering;
};

static void *more(void *old, size_t len)
{
  void *const made = realloc(old, len);

  if (made == NULL) {
    perror("realloc");
    exit(EXIT_FAILURE);
  }
  return made;
}

/* ---- noting versions */

static struct sector *sector_at(struct window *w, size_t number)
{
  if (w->place[number] != 0)
    return &w->sectors[w->place[number] - 1];
  if (w->n_sectors == w->capacity) {
    w->capacity = w->capacity == 0 ? 64 : 2 * w->capacity;
    w->sectors = more(w->sectors, w->capacity * sizeof *w->sectors);
    w->wavering = more(w->wavering, w->capacity * sizeof *w->wavering);
  }
  struct sector *const sector = &w->sectors[w->n_sectors++];
  sector->number = number;
  sector->n = sector->chosen = 0;
  w->place[number] = (uint32_t)w->n_sectors;
  return sector;
}

/* The sector as it is now; behind the end of the file it is zero. */
static void note_version(struct window *w, struct sector *sector)
{
  const struct image *const state = &w->s->disk->state;
  const uint64_t off = (uint64_t)sector->number * w->sector_len;
  size_t len = off >= state->len ? 0 : w->sector_len;

  if (len > 0 && len > state->len - off)
    len = (size_t)(state->len - off);
  while (w->n_bytes + w->sector_len > w->bytes_capacity) {
    w->bytes_capacity = w->bytes_capacity == 0 ? 65536 : 2 * w->bytes_capacity;
    w->bytes = more(w->bytes, w->bytes_capacity);
  }
  uint8_t *const to = w->bytes + w->n_bytes;
  memcpy(to, state->bytes + off, len);
  memset(to + len, 0, w->sector_len - len);
  if (sector->n > 0 && memcmp(to, w->bytes + sector->versions[sector->n - 1],
                              w->sector_len) == 0)
    return;
  /* Of too many versions the last one is kept. */
  if (sector->n == MAX_VERSIONS)
    sector->n--;
  sector->versions[sector->n++] = w->n_bytes;
  sector->chosen = sector->n - 1;
  w->n_bytes += w->sector_len;
}

static void note_range(struct window *w, const struct range *range, int is_old)
{
  if (range->len == 0)
    return;
  const size_t last = (size_t)((range->off + range->len - 1) / w->sector_len);
  for (size_t i = (size_t)(range->off / w->sector_len); i <= last; i++) {
    struct sector *const sector = sector_at(w, i);
    if (!is_old || sector->n == 0)
      note_version(w, sector);
  }
}

static void note_size(struct window *w, uint64_t size)
{
  for (unsigned i = 0; i < w->n_sizes; i++)
    if (w->sizes[i] == size)
      return;
  if (w->n_sizes == MAX_SIZES)
    w->n_sizes--;
  w->sizes[w->n_sizes++] = size;
}

/* A write that makes the file longer comes to the disk by pages, and the new
 * length with them: it may stop after the first one, or before the last. */
static void note_sizes_on_the_way(struct window *w, const struct op *op)
{
  enum { PAGE = 4096 };
  const uint64_t before = w->s->disk->state.len;
  const uint64_t end = op->off + op->len;
  const uint64_t first = (before / PAGE + 1) * PAGE;

  if (op->kind != OP_WRITE || first >= end)
    return;
  note_size(w, first);
  note_size(w, (end - 1) / PAGE * PAGE);
}

static void note_op(struct window *w, const struct op *op)
{
  struct disk *const disk = w->s->disk;
  const struct range range = op_range(op, disk->state.len);
  const int shrinks = op->kind == OP_SIZE && op->off < disk->state.len;

  note_range(w, &range, 1);
  note_sizes_on_the_way(w, op);
  disk_apply(disk, w->s->trace, op);
  /* Bytes that were cut off become zero when the file grows again, not
   * before. */
  if (!shrinks)
    note_range(w, &range, 0);
  note_size(w, disk->state.len);
}

static void note_window(struct window *w, size_t begin, size_t end,
                        size_t sector_len)
{
  w->sector_len = sector_len;
  for (size_t i = 0; i < w->n_sectors; i++)
    w->place[w->sectors[i].number] = 0;
  w->n_sectors = w->n_bytes = w->n_wavering = 0;
  w->n_sizes = 0;
  w->first_len = w->s->disk->state.len;
  note_size(w, w->first_len);
  for (size_t i = begin; i < end; i++)
    note_op(w, &w->s->trace->ops[i]);
  /* The last size that was noted need not be the last there was. */
  for (unsigned i = 0; i + 1 < w->n_sizes; i++)
    if (w->sizes[i] == w->s->disk->state.len) {
      w->sizes[i] = w->sizes[w->n_sizes - 1];
      w->sizes[w->n_sizes - 1] = w->s->disk->state.len;
    }
  for (size_t i = 0; i < w->n_sectors; i++)
    if (w->sectors[i].n > 1)
      w->wavering[w->n_wavering++] = i;
}

/* ---- choosing */

static void choose(struct window *w, struct sector *sector, unsigned version)
{
  if (sector->chosen == version)
    return;
  sector->chosen = version;
  disk_put(w->s->disk, (uint64_t)sector->number * w->sector_len,
           w->bytes + sector->versions[version], w->sector_len);
}

/* Choice i is a sector's version, or the size behind them all. */
static size_t n_choices(const struct window *w)
{
  return w->n_wavering + (w->n_sizes > 1);
}

static unsigned n_options(const struct window *w, size_t i)
{
  return i < w->n_wavering ? w->sectors[w->wavering[i]].n : w->n_sizes;
}

static void set_choice(struct window *w, size_t i, unsigned option)
{
  if (i < w->n_wavering)
    choose(w, &w->sectors[w->wavering[i]], option);
  else
    w->s->disk->state.len = w->sizes[option];
}

static unsigned get_choice(const struct window *w, size_t i)
{
  unsigned size = 0;

  if (i < w->n_wavering)
    return w->sectors[w->wavering[i]].chosen;
  while (w->sizes[size] != w->s->disk->state.len)
    size++;
  return size;
}

static int visit(struct window *w)
{
  if (w->is_whole)
    w->s->n_whole++;
  else
    w->s->n_chosen++;
  return w->s->visit(w->s->explorer, w->s->level, &w->crash);
}

static void choose_all(struct window *w, int newest)
{
  for (size_t i = 0; i < n_choices(w); i++)
    set_choice(w, i, newest ? n_options(w, i) - 1 : 0);
  if (w->n_sizes == 1)
    w->s->disk->state.len = w->sizes[0];
}

/* ---- enumerations */

static uint64_t n_states(const struct window *w)
{
  uint64_t product = 1;

  for (size_t i = 0; i < n_choices(w) && product < (uint64_t)1 << 40; i++)
    product *= n_options(w, i);
  return product;
}

static int visit_every(struct window *w)
{
  w->is_whole = 1;
  choose_all(w, 0);
  for (;;) {
    size_t i = 0;
    if (visit(w))
      return 1;
    for (; i < n_choices(w); i++) {
      const unsigned option = get_choice(w, i) + 1;
      set_choice(w, i, option < n_options(w, i) ? option : 0);
      if (option < n_options(w, i))
        break;
    }
    if (i == n_choices(w))
      return 0;
  }
}

/* All but one, each of its other versions. */
static int visit_all_but_one(struct window *w)
{
  choose_all(w, 1);
  if (visit(w))
    return 1;
  for (size_t i = 0; i < n_choices(w); i++) {
    for (unsigned option = 0; option + 1 < n_options(w, i); option++) {
      set_choice(w, i, option);
      if (visit(w))
        return 1;
    }
    set_choice(w, i, n_options(w, i) - 1);
  }
  return 0;
}

/* Only one, in a file that has grown to its new size. */
static int visit_only_one(struct window *w)
{
  choose_all(w, 0);
  if (visit(w))
    return 1;
  w->s->disk->state.len = w->sizes[w->n_sizes - 1];
  for (size_t i = 0; i < w->n_wavering; i++) {
    for (unsigned option = 1; option < n_options(w, i); option++) {
      set_choice(w, i, option);
      if (visit(w))
        return 1;
    }
    set_choice(w, i, 0);
  }
  return 0;
}

static int visit_prefixes(struct window *w)
{
  choose_all(w, 0);
  w->s->disk->state.len = w->sizes[w->n_sizes - 1];
  for (size_t i = 0; i < w->n_wavering; i++) {
    set_choice(w, i, n_options(w, i) - 1);
    if (visit(w))
      return 1;
  }
  return 0;
}

static int visit_random(struct window *w, unsigned n)
{
  struct random *const random = &w->s->random;

  for (unsigned k = 0; k < n; k++) {
    const uint32_t newest = random_below(random, 257);
    for (size_t i = 0; i < n_choices(w); i++)
      set_choice(w, i,
                 random_below(random, 256) < newest
                     ? n_options(w, i) - 1
                     : random_below(random, n_options(w, i)));
    if (visit(w))
      return 1;
  }
  return 0;
}

static int visit_some(struct window *w)
{
  return visit_random(w, w->s->n_random) || visit_all_but_one(w) ||
         visit_only_one(w) || visit_prefixes(w);
}

static int visit_window(struct window *w, size_t begin, size_t end)
{
  int stop = 0;

  w->crash = (struct crash){
      .power = 1, .n_begun = end, .n_done = begin, .n_durable = begin};
  note_window(w, begin, end, DISK_SECTOR);
  if (n_states(w) <= w->s->n_exhaustive) {
    stop = visit_every(w);
    choose_all(w, 1);
    return stop;
  }
  w->is_whole = 0;
  stop = visit_some(w);
  if (!stop && w->s->n_random > 16) {
    choose_all(w, 0);
    w->s->disk->state.len = w->first_len;
    note_window(w, begin, end, 8 * DISK_SECTOR);
    stop = n_states(w) <= w->s->n_exhaustive ? visit_every(w)
                                             : visit_random(w, w->s->n_random);
  }
  choose_all(w, 1);
  return stop;
}

struct window *window_make(void)
{
  struct window *const w = calloc(1, sizeof *w);

  if (w == NULL ||
      (w->place = calloc(IMAGE_ROOM / DISK_SECTOR, sizeof *w->place)) == NULL) {
    perror("calloc");
    exit(EXIT_FAILURE);
  }
  return w;
}

void window_release(struct window *w)
{
  free(w->place);
  free(w->sectors);
  free(w->wavering);
  free(w->bytes);
  free(w);
}

void power_states(struct states *s)
{
  const struct trace *const trace = s->trace;
  size_t begin = 0;
  int stop = 0;

  s->window->s = s;
  disk_load(s->disk, &trace->base);
  while (begin < trace->n && !stop) {
    size_t end = begin;
    while (end < trace->n && trace->ops[end].kind != OP_SYNC)
      end++;
    if (end > begin)
      stop = visit_window(s->window, begin, end);
    begin = end + 1;
  }
}
