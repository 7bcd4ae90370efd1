/*
 * cache.h - what the kernel keeps of a file, and what the disk has of it
 *
 *   writes ─► the file, as reads see it ──── sync ────► backing
 *                        ◄─── a sync that fails may take this way
 *
 * In sectors of 512 bytes: a sector that was written is dirty until a sync. One
 * that fails makes all of them clean as well, so that no later sync writes
 * them, unless they are written again.
 */
#ifndef FAULTS_CACHE_H
#define FAULTS_CACHE_H

#include "os/file.h"

/* What reads see of the dirty sectors after a sync that failed. */
enum loss {
  LOSS_UNTRIED,  /* there was no sync: they stay dirty                      */
  LOSS_KEPT,     /* all of it: only the disk lacks it                       */
  LOSS_ALL,      /* what the disk has; zeros behind its end                 */
  LOSS_APPENDED, /* zeros for what lay behind the disk's end                */
  LOSS_CHANGED,  /* what the disk has, but for what lay behind its end      */
  N_LOSSES
};

struct cache {
  struct blt__file *file; /* borrowed: what reads see                        */
  uint8_t *backing;       /* NULL: nothing is kept track of                  */
  uint8_t *dirty;         /* a byte for each sector                          */
  size_t room;
  uint64_t len, backing_len;
};

/* Everything that the file holds is on the disk. */
void cache_init(struct cache *cache, struct blt__file *file);
void cache_release(struct cache *cache);

/* After each write, and before each change of the size. */
void cache_note_write(struct cache *cache, uint64_t off, uint64_t len);
void cache_note_size(struct cache *cache, uint64_t len);

void cache_sync(struct cache *cache);
void cache_fail_sync(struct cache *cache, enum loss loss);

/* The file becomes what the disk has. */
void cache_cut_power(struct cache *cache);

#endif
