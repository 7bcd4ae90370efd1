/*
 * world.c - chance and the machine's boot, as the library is told of them
 *
 * The linker sends the library's calls here (--wrap), so that a seed gives
 * the same bytes again, and a crash can be followed by another boot.
 */
#include "base/env.h"
#include "crash/story.h"

static struct random chance = {1};
static uint64_t boot_id = 1;

void __wrap_blt__random(void *out, size_t len);
uint64_t __wrap_blt__boot_id(void);

void set_chance(uint64_t seed)
{
  chance.state = seed | 1;
}

void set_boot_id(uint64_t id)
{
  boot_id = id;
}

void __wrap_blt__random(void *out, size_t len)
{
  random_fill(&chance, out, len);
}

uint64_t __wrap_blt__boot_id(void)
{
  return boot_id;
}
