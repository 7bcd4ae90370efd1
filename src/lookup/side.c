/*
 * side.c - the side table
 *
 * Open addressing by lines of eight places. Nearly all searches end in the line
 * where they began.
 */
#include "lookup/side.h"

#include <string.h>

#include "hash/lanes.h"
#include "os/memory.h"

/* No table for a few lookups, however small the store. */
enum { LOST_MIN = 64 * BLT__SIDE_ALONE };

/* Keys that are hashed together, and slots that are looked at together, so that
 * their misses overlap. */
enum { GROUP = 32, ROW = 128 };

/* Keys in ten lines when it is built, less where keys will be added; and the
 * most later. */
enum {
  KEYS_IN_TEN = 50,
  KEYS_IN_TEN_GROWING = 30,
  MOST_IN_TEN = 65,
  LINES_MORE = 8
};

/* Of a block, as far as it is asked for before its head is there. */
enum { ASK_MAX = 320 };

void blt__side_init(struct blt__side *side, const struct blt__env *env,
                    size_t max_len, int grows)
{
  *side = (struct blt__side){.env = env, .max_len = max_len, .grows = grows};
  blt__random(&side->seed, sizeof side->seed);
}

static void release_lines(struct blt__side *side)
{
  blt__release(side->env, side->memory, side->memory_len);
  side->memory = NULL;
  side->lines = NULL;
  side->n_lines = side->memory_len = side->n_used = 0;
  blt__release(side->env, side->keys_memory, side->keys_len);
  side->keys_memory = NULL;
  side->keys = NULL;
  side->keys_len = 0;
}

void blt__side_release(struct blt__side *side)
{
  if (side->env != NULL)
    release_lines(side);
  atomic_store(&side->state, BLT__SIDE_NONE);
}

void blt__side_drop(struct blt__side *side)
{
  if (side == NULL)
    return;
  blt__side_release(side);
  atomic_store(&side->lost, 0);
}

/* ---- changing */

static void set_place(struct blt__line *line, unsigned place, uint32_t tag,
                      uint64_t off)
{
  line->tags[place] = (uint16_t)tag;
  blt__put6(line->offs[place], off);
}

/* The place that the key has now. */
static uint64_t add(struct blt__side *side, uint64_t cheap, uint64_t off)
{
  uint64_t number = blt__side_line(side, cheap);

  for (;; number = blt__side_next(side, number)) {
    struct blt__line *line = &side->lines[number];
    uint32_t gone = blt__line_match(line, BLT__LINE_GONE);
    uint32_t free = gone | blt__line_match(line, BLT__LINE_EMPTY);
    if (free == 0)
      continue;
    unsigned place = blt__line_first(gone != 0 ? gone : free);
    side->n_used += line->tags[place] == BLT__LINE_EMPTY;
    set_place(line, place, blt__line_tag(cheap), off);
    return number * BLT__LINE_PLACES + place;
  }
}

/* Fuller than that, searches get long; a larger one is built when it pays. */
static int is_crowded(uint64_t n_lines, uint64_t n_used)
{
  return n_used > n_lines * MOST_IN_TEN / 10;
}

/* The line and place of a key's block; NULL: there is none. */
static struct blt__line *find_place(const struct blt__side *side,
                                    uint64_t cheap, uint64_t off, unsigned *out)
{
  uint64_t number = blt__side_line(side, cheap);

  for (;; number = blt__side_next(side, number)) {
    struct blt__line *line = &side->lines[number];
    for (uint32_t match = blt__line_match(line, blt__line_tag(cheap));
         match != 0; match = blt__line_rest(match)) {
      *out = blt__line_first(match);
      if (blt__line_off(line, *out) == off)
        return line;
    }
    if (!blt__line_is_full(line))
      return NULL;
  }
}

void blt__side_move(struct blt__side *side, uint64_t cheap, uint64_t from,
                    uint64_t to)
{
  unsigned place = 0;

  if (!blt__side_is_ready(side))
    return;
  if (from == 0) {
    if (is_crowded(side->n_lines, side->n_used + 1))
      blt__side_drop(side);
    else
      (void)add(side, cheap, to);
    return;
  }
  struct blt__line *line = find_place(side, cheap, from, &place);
  if (line == NULL) {
    blt__side_drop(side); /* never so, but wrong answers are worse          */
  } else if (to != 0) {
    set_place(line, place, blt__line_tag(cheap), to);
  } else {
    set_place(line, place, BLT__LINE_GONE, 0);
  }
}

/* ---- building */

int blt__side_pays(struct blt__side *side, uint64_t cost, uint64_t n_keys)
{
  /* Others may count at the same time, and one of them is forgotten. */
  uint64_t lost =
      atomic_load_explicit(&side->lost, memory_order_relaxed) + cost;

  atomic_store_explicit(&side->lost, lost, memory_order_relaxed);
  return lost >= LOST_MIN && lost / BLT__SIDE_BUILD > n_keys;
}

/* A count of lines for so many keys: 0 when they do not fit. */
static uint64_t choose_lines(const struct blt__side *side, uint64_t n_keys)
{
  uint64_t most = side->max_len / sizeof *side->lines;
  uint64_t n_lines =
      n_keys * 10 / (side->grows ? KEYS_IN_TEN_GROWING : KEYS_IN_TEN) +
      LINES_MORE;

  if (most > UINT32_MAX)
    most = UINT32_MAX;
  if (n_lines > most)
    n_lines = most;
  return is_crowded(n_lines, n_keys) ? 0 : n_lines;
}

/* So many bytes that begin a cache line, each `byte`; NULL: none are to be had.
 * What they lie in is the table's. */
static void *make_rows(const struct blt__side *side, size_t len, int byte,
                       void **out_memory, size_t *out_len)
{
  const size_t mask = sizeof *side->lines - 1;

  *out_len = len + mask;
  *out_memory = blt__alloc(side->env, *out_len);
  if (*out_memory == NULL)
    return NULL;
  blt__memory_want_large_pages(*out_memory, *out_len);
  memset(*out_memory, byte, *out_len);
  return (void *)(((uintptr_t)*out_memory + mask) & ~(uintptr_t)mask);
}

static int make_lines(struct blt__side *side, uint64_t n_keys)
{
  side->n_lines = choose_lines(side, n_keys);
  if (side->n_lines == 0)
    return -1;
  side->lines = make_rows(side, (size_t)side->n_lines * sizeof *side->lines, 0,
                          &side->memory, &side->memory_len);
  return side->lines == NULL ? -1 : 0;
}

static uint64_t measure_keys(const struct blt__side *side)
{
  return side->n_lines * BLT__LINE_PLACES * sizeof *side->keys;
}

/* Keys are held by a reader that maps the file, if there is room for all. */
static int may_hold_keys(const struct blt__side *side,
                         const struct blt__image *image)
{
  const uint64_t keys_len = measure_keys(side);

  return !side->grows && !image->view.by_read &&
         keys_len <= side->max_len - side->n_lines * sizeof *side->lines;
}

/* Made for the first short key: there may be none. Without memory for it a
 * lookup has to see the block, as with a long key. */
static void make_keys(struct blt__side *side)
{
  side->keys = make_rows(side, (size_t)measure_keys(side), BLT__SHORTKEY_NONE,
                         &side->keys_memory, &side->keys_len);
}

/* Blocks that were met in their chains and are not in the table yet. */
struct met {
  struct blt__side *side;
  struct blt__image *image;
  const uint8_t *heads[GROUP];
  uint64_t off[GROUP], slot_off[GROUP];
  uint8_t hashes[GROUP][BLT__HASH_LEN];
  struct blt__lane_key keys[GROUP];
  size_t n;
  int holds_keys;
  uint64_t n_all, len_all; /* blocks met so far, and their bytes            */
};

/* H1: the block is the one and only that a lookup of its key would find. */
static int is_in_order(const struct met *met, size_t i, uint64_t cheap)
{
  struct blt__hit hit = {.head = NULL};

  return memcmp(met->hashes[i], met->heads[i], BLT__HASH_LEN) == 0 &&
         blt__layout_slot(&met->image->layout, met->hashes[i]) ==
             met->slot_off[i] &&
         blt__side_find(met->side, met->image, cheap, met->keys[i].key,
                        met->keys[i].key_len, 0, &hit) == BLT_NOT_FOUND;
}

static void hold_key(struct met *met, uint64_t place,
                     const struct blt__lane_key *key)
{
  struct blt__side *side = met->side;

  if (!met->holds_keys || key->key_len > BLT__SHORTKEY_MAX)
    return;
  if (side->keys == NULL)
    make_keys(side);
  met->holds_keys = side->keys != NULL;
  if (met->holds_keys)
    side->keys[place] = blt__shortkey_of(key->key, key->key_len);
}

static blt_status add_met(struct met *met)
{
  uint64_t cheap[GROUP];

  blt__keyhash_many(met->keys, met->n);
  for (size_t i = 0; i < met->n; i++) {
    cheap[i] =
        blt__cheaphash(met->side->seed, met->keys[i].key, met->keys[i].key_len);
    blt__side_ask_line(met->side, cheap[i]);
    if (met->side->keys != NULL)
      blt__side_ask_keys(met->side, cheap[i]);
  }
  for (size_t i = 0; i < met->n; i++) {
    if (is_crowded(met->side->n_lines, met->side->n_used + 1))
      return BLT_E_TOO_BIG; /* more keys than the header says               */
    if (!is_in_order(met, i, cheap[i]))
      return BLT_E_CORRUPT;
    hold_key(met, add(met->side, cheap[i], met->off[i]), &met->keys[i]);
  }
  met->n = 0;
  return BLT_OK;
}

static blt_status add_chain(struct met *met, uint64_t slot_off)
{
  struct blt__walk walk;
  struct blt__block block;
  const uint8_t *head = NULL;
  blt_status status;

  blt__walk_begin(&walk, met->image, slot_off);
  while ((status = blt__walk_next(&walk, &block, &head)) == BLT_OK) {
    if (met->n == GROUP && (status = add_met(met)) < 0)
      return status;
    met->heads[met->n] = head;
    met->off[met->n] = block.off;
    met->slot_off[met->n] = slot_off;
    met->keys[met->n] = (struct blt__lane_key){
        head + met->image->geo.key_off, block.key_len, met->hashes[met->n]};
    met->n++;
    met->n_all++;
    met->len_all += block.len;
  }
  return status == BLT_END ? BLT_OK : status;
}

/* Of a row of slots those that lead to a block, which is asked for. */
static size_t ask_for_chains(const struct blt__image *image, uint64_t slot_off,
                             uint64_t n, uint64_t *out)
{
  size_t n_chains = 0;

  if (image->links.n != 0)
    for (uint64_t i = 0; i < n; i++)
      blt__links_ask(&image->links, slot_off + i * BLT__LINK_LEN);
  for (uint64_t i = 0; i < n; i++) {
    uint64_t off = slot_off + i * BLT__LINK_LEN;
    uint64_t link = blt__image_peek(image, off);
    out[n_chains] = off;
    n_chains += link > BLT__LINK_END; /* a branch would be guessed wrongly */
    blt__image_ask(image, link);
    blt__links_ask(&image->links, link + BLT__LINK_OFF);
  }
  return n_chains;
}

/* And the block behind each of these. */
static void ask_for_next(const struct blt__image *image, const uint64_t *slots,
                         size_t n)
{
  for (size_t i = 0; i < n; i++) {
    uint64_t link = blt__image_peek(image, slots[i]);
    if (link < BLT__OFF_MAX)
      blt__image_ask(image, blt__image_peek(image, link + BLT__LINK_OFF));
  }
}

static blt_status add_all(struct blt__side *side, struct blt__image *image)
{
  const struct blt__layout *layout = &image->layout;
  struct met met = {
      .side = side, .image = image, .holds_keys = may_hold_keys(side, image)};
  uint64_t slots[ROW];
  blt_status status = BLT_OK;

  for (uint64_t first = 0; first < layout->n_buckets; first += ROW) {
    uint64_t n =
        layout->n_buckets - first < ROW ? layout->n_buckets - first : ROW;
    size_t n_chains = ask_for_chains(
        image, layout->index_off + first * BLT__LINK_LEN, n, slots);
    ask_for_next(image, slots, n_chains);
    for (size_t i = 0; i < n_chains; i++)
      if ((status = add_chain(&met, slots[i])) < 0)
        return status;
  }
  uint64_t mean = met.n_all == 0 ? 0 : met.len_all / met.n_all;
  side->ask_len = mean > ASK_MAX ? ASK_MAX : (unsigned)mean;
  return add_met(&met);
}

void blt__side_build(struct blt__side *side, struct blt__image *image,
                     uint64_t n_keys)
{
  int state = BLT__SIDE_NONE;
  uint64_t most = image->view.size / image->geo.key_off;

  if (n_keys > most) /* no count of the header's can ask for more memory     */
    n_keys = most;
  if (!atomic_compare_exchange_strong(&side->state, &state, BLT__SIDE_BUILDING))
    return;
  state = make_lines(side, n_keys) == 0 && add_all(side, image) == BLT_OK &&
                  blt__view_judge(&image->view, BLT_OK) == BLT_OK
              ? BLT__SIDE_READY
              : BLT__SIDE_REFUSED;
  if (state == BLT__SIDE_REFUSED)
    release_lines(side);
  atomic_store_explicit(&side->state, state, memory_order_release);
}
