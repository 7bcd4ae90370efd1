/*
 * side.c - the side table
 *
 * Open addressing, places in order of the hash's low bits, so that nearly all
 * probes end in the cache line where they began.
 */
#include "lookup/side.h"

#include <string.h>

#include "hash/lanes.h"

/* The place of a key that is gone: no block can be there. */
enum { GONE = 1 };

/* A lookup by chain costs about as much more than one by table as building
 * takes for this many keys. */
enum { KEYS_PER_LOOKUP = 8, LOOKUPS_MIN = 64 };

/* Chains that are walked together, so that their misses overlap. */
enum { GROUP = 32 };

#define OFF_MASK ((((uint64_t)1) << 48) - 1)

void blt__side_init(struct blt__side *side, const struct blt__env *env,
                    size_t max_len)
{
  *side = (struct blt__side){.env = env, .max_len = max_len};
  blt__random(&side->seed, sizeof side->seed);
}

static void release_places(struct blt__side *side)
{
  if (side->places != NULL)
    blt__release(side->env, side->places,
                 (side->mask + 1) * sizeof *side->places);
  side->places = NULL;
  side->mask = side->n_used = 0;
}

void blt__side_release(struct blt__side *side)
{
  if (side->env != NULL)
    release_places(side);
  atomic_store(&side->state, BLT__SIDE_NONE);
}

void blt__side_drop(struct blt__side *side)
{
  if (side == NULL)
    return;
  blt__side_release(side);
  atomic_store(&side->n_lookups, 0);
}

static uint64_t tag_of(uint64_t cheap)
{
  return cheap & ~OFF_MASK;
}

/* ---- finding */

blt_status blt__side_find(const struct blt__side *side,
                          struct blt__image *image, uint64_t cheap,
                          const void *key, size_t key_len, struct blt__hit *out)
{
  for (size_t i = (size_t)cheap & side->mask;; i = (i + 1) & side->mask) {
    uint64_t place = side->places[i];
    if (place == 0)
      return BLT_NOT_FOUND;
    if (tag_of(place) != tag_of(cheap) || (place & OFF_MASK) == GONE)
      continue;
    blt_status status =
        blt__image_block(image, place & OFF_MASK, &out->block, &out->head);
    if (status < 0)
      return status;
    if (out->block.key_len != key_len ||
        (key_len > 0 &&
         memcmp(out->head + image->geo.key_off, key, key_len) != 0))
      continue; /* H2 */
    return BLT_OK;
  }
}

void blt__side_ask_place(const struct blt__side *side, uint64_t cheap)
{
  __builtin_prefetch(&side->places[(size_t)cheap & side->mask]);
}

void blt__side_ask_block(const struct blt__side *side,
                         const struct blt__image *image, uint64_t cheap)
{
  for (size_t i = (size_t)cheap & side->mask;; i = (i + 1) & side->mask) {
    uint64_t place = side->places[i];
    uint64_t off = place & OFF_MASK;
    if (place == 0)
      return;
    if (tag_of(place) != tag_of(cheap))
      continue;
    blt__image_ask(image, off);
    return;
  }
}

/* ---- changing */

static void add(struct blt__side *side, uint64_t cheap, uint64_t off)
{
  size_t i = (size_t)cheap & side->mask;

  while (side->places[i] != 0)
    i = (i + 1) & side->mask;
  side->places[i] = tag_of(cheap) | off;
  side->n_used++;
}

/* Fuller than that, misses get long; a larger one is built when it pays. */
static int is_crowded(const struct blt__side *side, size_t n_used)
{
  return n_used > side->mask / 5 * 4;
}

void blt__side_move(struct blt__side *side, uint64_t cheap, uint64_t from,
                    uint64_t to)
{
  if (!blt__side_is_ready(side))
    return;
  if (from == 0) {
    if (is_crowded(side, side->n_used + 1))
      blt__side_drop(side);
    else
      add(side, cheap, to);
    return;
  }
  for (size_t i = (size_t)cheap & side->mask;; i = (i + 1) & side->mask) {
    if (side->places[i] == (tag_of(cheap) | from)) {
      side->places[i] = tag_of(cheap) | (to != 0 ? to : GONE);
      return;
    }
    if (side->places[i] == 0) {
      blt__side_drop(side); /* never so, but wrong answers are worse        */
      return;
    }
  }
}

/* ---- building */

int blt__side_pays(struct blt__side *side, uint64_t n_lookups, uint64_t n_keys)
{
  /* Others may count at the same time, and one of them is forgotten. */
  uint64_t n =
      atomic_load_explicit(&side->n_lookups, memory_order_relaxed) + n_lookups;

  atomic_store_explicit(&side->n_lookups, n, memory_order_relaxed);
  return n >= LOOKUPS_MIN && n >= n_keys / KEYS_PER_LOOKUP;
}

static int make_places(struct blt__side *side, uint64_t n_keys)
{
  uint64_t n_places = 64;

  while (n_places < 2 * n_keys)
    n_places *= 2;
  if (n_places > side->max_len / sizeof *side->places)
    n_places /= 2;
  if (n_places > side->max_len / sizeof *side->places)
    return -1;
  side->mask = (size_t)n_places - 1;
  side->n_used = 0;
  if (is_crowded(side, (size_t)n_keys))
    return -1;
  size_t len = (size_t)n_places * sizeof *side->places;
  side->places = blt__alloc(side->env, len);
  if (side->places == NULL)
    return -1;
  memset(side->places, 0, len);
  return 0;
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
};

/* H1: the block is the one and only that a lookup of its key would find. */
static int is_in_order(const struct met *met, size_t i, uint64_t cheap)
{
  struct blt__hit hit;

  return memcmp(met->hashes[i], met->heads[i], BLT__HASH_LEN) == 0 &&
         blt__layout_slot(&met->image->layout, met->hashes[i]) ==
             met->slot_off[i] &&
         blt__side_find(met->side, met->image, cheap, met->keys[i].key,
                        met->keys[i].key_len, &hit) == BLT_NOT_FOUND;
}

static blt_status add_met(struct met *met)
{
  uint64_t cheap[GROUP];

  blt__keyhash_many(met->keys, met->n);
  for (size_t i = 0; i < met->n; i++) {
    cheap[i] =
        blt__cheaphash(met->side->seed, met->keys[i].key, met->keys[i].key_len);
    blt__side_ask_place(met->side, cheap[i]);
  }
  for (size_t i = 0; i < met->n; i++) {
    if (is_crowded(met->side, met->side->n_used + 1))
      return BLT_E_TOO_BIG; /* more keys than the header says               */
    if (!is_in_order(met, i, cheap[i]))
      return BLT_E_CORRUPT;
    add(met->side, cheap[i], met->off[i]);
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
  }
  return status == BLT_END ? BLT_OK : status;
}

static blt_status add_all(struct blt__side *side, struct blt__image *image)
{
  const struct blt__layout *layout = &image->layout;
  struct met met = {.side = side, .image = image};
  uint64_t link = 0;
  blt_status status = BLT_OK;

  for (uint64_t first = 0; first < layout->n_buckets; first += GROUP) {
    uint64_t n =
        layout->n_buckets - first < GROUP ? layout->n_buckets - first : GROUP;
    uint64_t slot_off = layout->index_off + first * BLT__LINK_LEN;
    for (uint64_t i = 0; i < n; i++)
      if (blt__image_link(image, slot_off + i * BLT__LINK_LEN, &link) == BLT_OK)
        blt__image_ask(image, link);
    for (uint64_t i = 0; i < n; i++)
      if ((status = add_chain(&met, slot_off + i * BLT__LINK_LEN)) < 0)
        return status;
  }
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
  state = make_places(side, n_keys) == 0 && add_all(side, image) == BLT_OK &&
                  blt__view_judge(&image->view, BLT_OK) == BLT_OK
              ? BLT__SIDE_READY
              : BLT__SIDE_REFUSED;
  if (state == BLT__SIDE_REFUSED)
    release_places(side);
  atomic_store_explicit(&side->state, state, memory_order_release);
}
