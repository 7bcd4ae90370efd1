/*
 * keyhash.h - key bytes to the 13-byte hash that decides the bucket
 */
#ifndef BLT_HASH_KEYHASH_H
#define BLT_HASH_KEYHASH_H

#include <stddef.h>
#include <stdint.h>

/* BLAKE2s with a digest length of 13: 13 bytes at out. */
void blt__keyhash(const void *key, size_t key_len, uint8_t *out);

/* The plain twin: libb2 for every length. */
void blt__keyhash_reference(const void *key, size_t key_len, uint8_t *out);

/* ---- the kernels: keys of at most 64 bytes */

/* A kernel this library has, and whether this machine can run it. Tests and
 * benchmarks go through all; the fastest comes first. */
struct blt__keyhash_kind {
  const char *name;
  void (*kernel)(const void *key, size_t key_len, uint8_t *out);
  int (*can_run)(void);
};
extern const struct blt__keyhash_kind blt__keyhash_kinds[];
extern const size_t blt__n_keyhash_kinds;

#endif
