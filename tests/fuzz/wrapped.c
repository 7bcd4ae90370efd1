/*
 * wrapped.c - what the linker puts in the place of the library's chance, and
 * before what it counts as work
 */
#include "fuzz/wrapped.h"

#include "fuzz/world.h"
#include "hash/keyhash.h"
#include "hash/lanes.h"
#include "lookup/image.h"

struct world_work world_work;

/* ---- chance, and the boot of the machine */

static uint64_t chance;

void __wrap_blt__random(void *out, size_t len);
uint64_t __wrap_blt__boot_id(void);

void __wrap_blt__random(void *out, size_t len)
{
  uint8_t *const bytes = out;

  for (size_t i = 0; i < len; i++) {
    chance = chance * 6364136223846793005u + 1442695040888963407u;
    bytes[i] = (uint8_t)(chance >> 56);
  }
}

uint64_t __wrap_blt__boot_id(void)
{
  return WORLD_BOOT;
}

/* ---- steps */

blt_status __real_blt__image_block(struct blt__image *image, uint64_t off,
                                   struct blt__block *out,
                                   const uint8_t **out_head);
blt_status __wrap_blt__image_block(struct blt__image *image, uint64_t off,
                                   struct blt__block *out,
                                   const uint8_t **out_head);
void __real_blt__keyhash(const void *key, size_t key_len, uint8_t *out);
void __wrap_blt__keyhash(const void *key, size_t key_len, uint8_t *out);
void __real_blt__keyhash_many(const struct blt__lane_key *keys, size_t n);
void __wrap_blt__keyhash_many(const struct blt__lane_key *keys, size_t n);

blt_status __wrap_blt__image_block(struct blt__image *image, uint64_t off,
                                   struct blt__block *out,
                                   const uint8_t **out_head)
{
  world_work.blocks++;
  return __real_blt__image_block(image, off, out, out_head);
}

void __wrap_blt__keyhash(const void *key, size_t key_len, uint8_t *out)
{
  world_work.hashed += 64 + key_len;
  __real_blt__keyhash(key, key_len, out);
}

void __wrap_blt__keyhash_many(const struct blt__lane_key *keys, size_t n)
{
  for (size_t i = 0; i < n; i++)
    world_work.hashed += 64 + keys[i].key_len;
  __real_blt__keyhash_many(keys, n);
}

void wrapped_reset(void)
{
  chance = 1;
  world_work = (struct world_work){0, 0, 0};
}
