/*
 * kernels.h - the kernels by name; which of them there are is up to the
 * machine that the library is built for
 */
#ifndef BLT_HASH_KERNELS_H
#define BLT_HASH_KERNELS_H

#include "hash/lanes.h"

void blt__lanes_plain(struct blt__lanes *lanes);
int blt__lanes_has_plain(void);

int blt__keyhash_has_reference(void);

#if defined(__x86_64__)
void blt__keyhash_sse41(const void *key, size_t key_len, uint8_t *out);
int blt__keyhash_has_sse41(void);
void blt__keyhash_avx512(const void *key, size_t key_len, uint8_t *out);
int blt__keyhash_has_avx512(void);

void blt__lanes_avx2(struct blt__lanes *lanes);
int blt__lanes_has_avx2(void);
void blt__lanes_avx512(struct blt__lanes *lanes);
int blt__lanes_has_avx512(void);
#endif

#endif
