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

#endif
