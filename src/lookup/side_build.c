/*
 * side_build.c - how the side table is filled
 *
 *   by a scan     block after block in the order of the file, then the index
 *   by chains     slot after slot, block after block: the plain twin
 *
 * A scan reads the file once in order. By chains each block is somewhere else:
 * about as quick where the file is in memory, fifteen times as long where it is
 * not. But a scan also meets what no chain leads to. So it shows two things,
 * and where it cannot, or where most blocks are dead, the chains are walked:
 *
 * Each live block is led to by one link, of its own chain. A hash of the chain
 * and the block that a link leads to is added up over all links, and one of
 * each block and the chain of its key over all blocks: the sums are equal.
 *
 * No blocks lead to each other in a circle, which no slot leads to. A circle
 * goes up in the file somewhere, and down somewhere: from each link up, or from
 * each link down if those are fewer, the chain is walked to its end.
 */
#include "lookup/side.h"

#include <string.h>

#include "hash/lanes.h"
#include "lookup/scan.h"
#include "os/memory.h"

/* No table for a few lookups, however small the store. */
enum { LOST_MIN = 64 * BLT__SIDE_ALONE };

/* What a page that was waited for counts, and how often they are counted: not
 * where half of the lookups waited for none. The process waits for others, too,
 * its program's above all. */
enum { WAIT = 1000, LOOK_EVERY = 32 * BLT__SIDE_ALONE, WAITS_MIN = 16 };

/* Keys that are hashed together, and slots that are looked at together, so that
 * their misses overlap. */
enum { GROUP = 32, ROW = 128 };

/* Blocks that a scan may meet for each key. With more the chains cost less. */
enum { SEEN_PER_KEY = 4, SEEN_MORE = 4096 };

/* Steps to the ends of chains, for each block that was met. */
enum { STEPS_PER_BLOCK = 4 };

/* Keys in ten lines when it is built, less where keys will be added. */
enum { KEYS_IN_TEN = 50, KEYS_IN_TEN_GROWING = 30, LINES_MORE = 8 };

/* Of a block, as far as it is asked for before its head is there. */
enum { ASK_MAX = 320 };

/*
 * A page that is not in memory takes 0.05 to 2 ms, a thousand lookups. All of
 * the file read ahead takes 8 times as long as in memory: so a store of a
 * million keys is read after some thousand lookups.
 */
static uint64_t cost_of_waits(struct blt__side *side)
{
  const uint64_t now = blt__memory_waits();
  const int64_t more = (int64_t)(now - atomic_exchange(&side->n_waits, now));

  return more >= WAITS_MIN ? (uint64_t)more * WAIT : 0;
}

int blt__side_pays(struct blt__side *side, const struct blt__image *image,
                   uint64_t cost, uint64_t n_keys)
{
  /* Others may count at the same time, and one of them is forgotten. */
  const uint64_t before =
      atomic_load_explicit(&side->lost, memory_order_relaxed);
  uint64_t lost = before + cost;

  if (before / LOOK_EVERY != lost / LOOK_EVERY &&
      blt__side_is_dense(image, n_keys))
    lost += cost_of_waits(side);
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
  return blt__side_is_crowded(n_lines, n_keys) ? 0 : n_lines;
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

/* ---- blocks that were met and are not in the table yet */

struct met {
  struct blt__side *side;
  struct blt__image *image;
  int by_scan;
  int holds_keys;
  uint64_t n_all, len_all; /* blocks met so far, and their bytes            */
  /* By scan: the sums, and blocks that lead to one further up or down. */
  uint64_t blocks, links;
  struct blt__offsets up, down;
  size_t n;
  const uint8_t *heads[GROUP];
  uint64_t off[GROUP];
  uint64_t slot_off[GROUP]; /* by chain: of the one they were met in        */
  uint8_t hashes[GROUP][BLT__HASH_LEN];
  struct blt__lane_key keys[GROUP];
};

static void meet(struct met *met, uint64_t off, uint32_t key_len,
                 uint64_t value_len, const uint8_t *head)
{
  const uint32_t key_off = met->image->geo.key_off;
  const size_t n = met->n++;

  met->heads[n] = head;
  met->off[n] = off;
  met->keys[n] =
      (struct blt__lane_key){head + key_off, key_len, met->hashes[n]};
  met->n_all++;
  met->len_all += key_off + key_len + value_len;
}

/* A link that leads from the chain of this slot to a block, for the sums. */
static uint64_t hash_of_link(const struct met *met, uint64_t slot_off,
                             uint64_t to)
{
  const uint64_t pair[] = {slot_off, to};

  return blt__cheaphash(met->side->seed, pair, sizeof pair);
}

/* H1: is the block's hash the key's, and is there no other block of this key?
 * And is it in its own chain, as far as that is known by now? */
static int is_in_order(struct met *met, size_t i, uint64_t cheap)
{
  struct blt__hit hit = {.head = NULL};
  const uint64_t slot_off =
      blt__layout_slot(&met->image->layout, met->hashes[i]);

  if (met->by_scan)
    met->blocks += hash_of_link(met, slot_off, met->off[i]);
  else if (slot_off != met->slot_off[i])
    return 0;
  met->slot_off[i] = slot_off;
  return memcmp(met->hashes[i], met->heads[i], BLT__HASH_LEN) == 0 &&
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

/* -1: no memory, or a block that leads to itself. */
static int count_links(struct met *met)
{
  for (size_t i = 0; i < met->n; i++)
    blt__links_ask(&met->image->links, met->off[i] + BLT__LINK_OFF);
  for (size_t i = 0; i < met->n; i++) {
    const uint64_t off = met->off[i];
    const struct blt__link_entry *entry =
        blt__links_find(&met->image->links, off + BLT__LINK_OFF);
    const uint64_t next =
        entry != NULL ? entry->link : blt__get6(met->heads[i] + BLT__LINK_OFF);
    if (next <= BLT__LINK_END)
      continue;
    if (next == off)
      return -1;
    met->links += hash_of_link(met, met->slot_off[i], next);
    struct blt__offsets *const turns = next > off ? &met->up : &met->down;
    if (blt__offsets_add(turns, met->side->env, off) != 0)
      return -1;
  }
  return 0;
}

static blt_status add_met(struct met *met)
{
  struct blt__side *side = met->side;
  uint64_t cheap[GROUP];

  for (size_t i = 0; i < met->n; i++) {
    cheap[i] =
        blt__cheaphash(side->seed, met->keys[i].key, met->keys[i].key_len);
    blt__side_ask_line(side, cheap[i]);
    if (side->keys != NULL)
      blt__side_ask_keys(side, cheap[i]);
  }
  blt__keyhash_many(met->keys, met->n);
  for (size_t i = 0; i < met->n; i++) {
    if (blt__side_is_crowded(side->n_lines, side->n_used + 1))
      return BLT_E_TOO_BIG; /* more keys than the header says               */
    if (!is_in_order(met, i, cheap[i]))
      return BLT_E_CORRUPT;
    hold_key(met, blt__side_add(side, cheap[i], met->off[i]), &met->keys[i]);
  }
  if (met->by_scan && count_links(met) != 0)
    return BLT_E_TOO_BIG;
  met->n = 0;
  return BLT_OK;
}

/* ---- by chains */

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
    met->slot_off[met->n] = slot_off;
    meet(met, block.off, block.key_len, block.value_len, head);
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

static blt_status add_by_chains(struct met *met)
{
  const struct blt__layout *layout = &met->image->layout;
  uint64_t slots[ROW];
  blt_status status = BLT_OK;

  for (uint64_t first = 0; first < layout->n_buckets; first += ROW) {
    uint64_t n =
        layout->n_buckets - first < ROW ? layout->n_buckets - first : ROW;
    size_t n_chains = ask_for_chains(
        met->image, layout->index_off + first * BLT__LINK_LEN, n, slots);
    ask_for_next(met->image, slots, n_chains);
    for (size_t i = 0; i < n_chains; i++)
      if ((status = add_chain(met, slots[i])) < 0)
        return status;
  }
  return add_met(met);
}

/* ---- by a scan */

/* A row of blocks that a run has found. */
static void meet_rows(struct met *met, const struct blt__row *rows, size_t n)
{
  for (size_t i = 0; i < n; i++) {
    const uint8_t *head = met->image->view.base + rows[i].off;
    if (blt__get6(head + BLT__LINK_OFF) != BLT__LINK_DEAD)
      meet(met, rows[i].off, rows[i].key_len, rows[i].value_len, head);
  }
}

static blt_status add_blocks(struct met *met, struct blt__scan *scan,
                             uint64_t n_max)
{
  struct blt__row rows[GROUP];
  struct blt__scanned s;
  uint64_t n_seen = 0;
  blt_status status = BLT_OK;

  for (;;) {
    const size_t n = blt__scan_run(scan, rows, GROUP - met->n, BLT__RUN_DEAD);
    meet_rows(met, rows, n);
    n_seen += n;
    if (n == 0 && (status = blt__scan_next(scan, &s)) == BLT_OK) {
      n_seen++;
      if (s.live)
        meet(met, s.block.off, s.block.key_len, s.block.value_len, s.head);
    }
    if (status == BLT_END)
      return add_met(met);
    if (status == BLT_OK && n_seen > n_max)
      status = BLT_E_TOO_BIG;
    if (status == BLT_OK && met->n == GROUP)
      status = add_met(met);
    if (status < 0)
      return status;
  }
}

static void count_slots(struct met *met)
{
  const struct blt__image *image = met->image;
  const uint64_t end = blt__layout_index_end(&image->layout);
  uint64_t off = image->layout.index_off;

  while (off < end) {
    const uint64_t row_end =
        end - off < ROW * BLT__LINK_LEN ? end : off + ROW * BLT__LINK_LEN;
    for (uint64_t at = off; image->links.n != 0 && at < row_end;
         at += BLT__LINK_LEN)
      blt__links_ask(&image->links, at);
    for (; off < row_end; off += BLT__LINK_LEN) {
      const uint64_t link = blt__image_peek(image, off);
      if (link > BLT__LINK_END)
        met->links += hash_of_link(met, off, link);
    }
  }
}

/* A table of what the source says is dead. */
static int show_dead(const struct blt__side_source *source,
                     struct blt__links *out)
{
  int is_new;

  for (int k = 0; k < 2; k++) {
    const struct blt__offsets *const dead = source->dead[k];
    if (dead == NULL || dead->n == 0)
      continue;
    if (blt__links_reserve(out, dead->n) != 0)
      return -1;
    for (size_t i = 0; i < dead->n; i++)
      (void)blt__links_make(out, dead->at[i], &is_new);
  }
  return 0;
}

static int has_circle(const struct met *met)
{
  const struct blt__offsets *const turns =
      met->up.n < met->down.n ? &met->up : &met->down;
  uint64_t steps = met->n_all * STEPS_PER_BLOCK;

  for (size_t i = 0; i < turns->n; i++) {
    uint64_t off = turns->at[i];
    while (off > BLT__LINK_END) {
      if (steps-- == 0)
        return 1; /* or nearly: chains so long are walked once each         */
      off = blt__image_peek(met->image, off + BLT__LINK_OFF);
    }
  }
  return 0;
}

static blt_status add_by_scan(struct met *met,
                              const struct blt__side_source *source)
{
  struct blt__links dead;
  struct blt__scan scan;
  blt_status status = BLT_E_TOO_BIG; /* no memory: the chains want none      */

  blt__links_init(&dead, met->side->env);
  if (show_dead(source, &dead) == 0) {
    blt__scan_begin(&scan, met->image);
    if (dead.n != 0)
      scan.tombs = &dead;
    status = add_blocks(met, &scan, source->n_keys * SEEN_PER_KEY + SEEN_MORE);
  }
  blt__links_release(&dead);
  if (status < 0)
    return status;
  count_slots(met);
  return met->blocks == met->links && !has_circle(met) ? BLT_OK : BLT_E_CORRUPT;
}

/* ---- both */

static blt_status fill(struct blt__side *side,
                       const struct blt__side_source *source, int by_scan)
{
  struct blt__image *image = source->image;
  const uint64_t most = image->view.size / image->geo.key_off;

  /* No count of the header's can ask for more memory. */
  if (make_lines(side, source->n_keys > most ? most : source->n_keys) != 0) {
    blt__side_release_lines(side);
    return BLT_E_NO_MEMORY;
  }
  struct met met = {.side = side,
                    .image = image,
                    .by_scan = by_scan,
                    .holds_keys = may_hold_keys(side, image)};
  blt_status status = by_scan ? add_by_scan(&met, source) : add_by_chains(&met);
  blt__offsets_release(&met.up, side->env);
  blt__offsets_release(&met.down, side->env);
  if (status == BLT_OK)
    status = blt__view_judge(&image->view, BLT_OK);
  if (status < 0) {
    blt__side_release_lines(side);
    return status;
  }
  const uint64_t mean = met.n_all == 0 ? 0 : met.len_all / met.n_all;
  side->ask_len = mean > ASK_MAX ? ASK_MAX : (unsigned)mean;
  side->was_scanned = by_scan;
  return BLT_OK;
}

void blt__side_build(struct blt__side *side,
                     const struct blt__side_source *source)
{
  int state = BLT__SIDE_NONE;

  if (!atomic_compare_exchange_strong(&side->state, &state, BLT__SIDE_BUILDING))
    return;
  /* A file that is read and not mapped would be in memory as a whole. */
  const int can_scan = !source->by_chains && !source->image->view.by_read;
  blt_status status = can_scan ? fill(side, source, 1) : BLT_E_BUSY;
  if (status != BLT_OK && status != BLT_E_NO_MEMORY)
    status = fill(side, source, 0);
  atomic_store_explicit(&side->state,
                        status == BLT_OK ? BLT__SIDE_READY : BLT__SIDE_REFUSED,
                        memory_order_release);
}
