/*
 * faulty.h - a disk whose n-th operation fails, and memory that does the same
 *
 *   handle ─► table of operations ─► disk (counts, refuses, shortens)
 *                                     ─► a file in memory, or a real one
 *   handle ─► the system's calls ──► the same, for a path: system.h
 *
 * The disk outlives the handles that are opened on it, as a real one does.
 */
#ifndef FAULTS_FAULTY_H
#define FAULTS_FAULTY_H

#include "faults/cache.h"

enum site {
  SITE_READ,
  SITE_WRITE,
  SITE_SIZE,
  SITE_SET_SIZE,
  SITE_RESERVE,
  SITE_SYNC,
  SITE_MAP,
  SITE_PUNCH,
  /* From here on of the system alone. */
  SITE_LOCK,
  SITE_OPEN,
  SITE_CLOSE,
  SITE_STAT,
  SITE_STATFS,
  SITE_LINK,
  SITE_RENAME,
  SITE_UNLINK,
  SITE_BOOT_ID,
  SITE_LOCK_LIST,
  SITE_CHANCE,
  SITE_CLOCK,
  SITE_SIGNAL,
  SITE_MALLOC,
  N_SITES
};

#define AT(site) (1u << (site))
#define AT_CHANGES (AT(SITE_WRITE) | AT(SITE_SET_SIZE) | AT(SITE_RESERVE))
#define AT_ALL (AT(SITE_LOCK) - 1)

enum cut { CUT_NONE, CUT_TO_ONE, CUT_TO_HALF, CUT_BY_ONE };

/* What goes wrong, and where. */
struct fault {
  const char *name;
  unsigned sites; /* AT(..): the operations that it counts and hits        */
  int error;      /* errno; 0: only `cut` happens                          */
  enum cut cut;   /* how much of a read or write passes                    */
  enum loss loss; /* what a sync that fails takes away                     */
};

struct disk {
  struct blt__env env;
  struct blt__sink sink;
  struct blt__file *memory; /* NULL when there is a path                    */
  const char *path;         /* borrowed                                     */
  int is_system;            /* the library opens the path itself            */
  int is_cached;            /* syncs count: see cache.h. Memory only        */
  struct cache cache;
  size_t room; /* the next mapping is no longer; 0: any is had */
  const struct fault *fault;
  int is_lasting;      /* it stays once it came                             */
  unsigned long at;    /* hits the operation with this number, from 1 on    */
  unsigned long n_met; /* operations at its sites since it was armed        */
  unsigned long n_hit;
  unsigned n_open; /* handles                                               */
};

/* A disk in memory; one on a real file is made with its path. */
void disk_init(struct disk *disk, const char *path);
/* One in memory that tells what was synced. */
void disk_init_cached(struct disk *disk);
void disk_release(struct disk *disk);

/* The handle goes to blt__open_file, which closes it. */
struct blt__file *disk_open(struct disk *disk);

void disk_arm(struct disk *disk, const struct fault *fault, unsigned long at,
              int is_lasting);
void disk_calm(struct disk *disk);

/* Replace or copy the content; free() the copy. Nothing for a path that the
 * library opens: no file. */
void disk_fill(struct disk *disk, const void *bytes, size_t len);
uint8_t *disk_copy(struct disk *disk, size_t *out_len);

/* For the tables: whether this operation is the one that fails, and how much
 * of a transfer passes. */
int disk_is_hit(struct disk *disk, enum site site);
size_t disk_shorten(const struct disk *disk, size_t len);

/* Print how often each operation was met and hit. */
void disk_print_sites(void);

/* ---- memory */

struct memory {
  unsigned long at; /* the call that fails, from 1 on; 0: none              */
  int is_lasting;
  unsigned long n_calls, n_hit;
  size_t n_live; /* blocks that were not given back                         */
};

/* `memory` is borrowed. Giving back another length aborts. */
blt_allocator memory_allocator(struct memory *memory);

#endif
