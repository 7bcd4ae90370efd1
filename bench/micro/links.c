/*
 * links.c - the table of changed links
 */
#include "core/must.h"
#include "lookup/links.h"
#include "micro/micro.h"

/* Offsets as of blocks of 237 bytes. */
static uint64_t offset_of(size_t i)
{
  return 72242 + i * 237;
}

static void measure(const struct blt__env *env, size_t n)
{
  struct blt__links links;
  uint64_t seed = 5, sum = 0, n_missing = 0;
  int is_new;
  blt__links_init(&links, env);
  struct lap start = lap_start();
  must(blt__links_reserve(&links, n) == 0, "no memory");
  for (size_t i = 0; i < n; i++)
    blt__links_make(&links, offset_of(i), &is_new)->link = i & 0xffffffff;
  micro_row("links", "make", n, n, lap_since(start), links.n == n);
  start = lap_start();
  for (size_t i = 0; i < n; i++)
    sum += blt__links_find(&links, offset_of(random_next(&seed) % n)) != NULL;
  micro_row("links", "find", n, n, lap_since(start), sum == n);
  start = lap_start();
  for (size_t i = 0; i < n; i++)
    n_missing +=
        blt__links_find(&links, offset_of(random_next(&seed) % n) + 1) == NULL;
  micro_row("links", "miss", n, n, lap_since(start), n_missing == n);
  blt__links_release(&links);
}

static void links(void)
{
  const blt_options options = BLT_OPTIONS_INIT;
  struct blt__env env;
  blt__env_init(&env, &options);
  for (size_t n = 1000; n <= 1000000; n *= 10)
    measure(&env, n);
}

const struct micro micro_links = {
    .name = "links",
    .purpose = "the table of changed links; n is its entries",
    .run = links,
};
