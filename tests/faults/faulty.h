/*
 * faulty.h - a disk whose n-th operation fails, and memory that does the same
 *
 *   handle ─► table of operations ─► disk (counts, refuses, shortens)
 *                                     ─► a file in memory, or a real one
 *
 * The disk outlives the handles that are opened on it, as a real one does.
 */
#ifndef FAULTS_FAULTY_H
#define FAULTS_FAULTY_H

#include "os/file.h"

enum site {
  SITE_READ,
  SITE_WRITE,
  SITE_SIZE,
  SITE_SET_SIZE,
  SITE_RESERVE,
  SITE_SYNC,
  SITE_MAP,
  N_SITES
};

#define AT(site) (1u << (site))
#define AT_CHANGES (AT(SITE_WRITE) | AT(SITE_SET_SIZE) | AT(SITE_RESERVE))
#define AT_ALL (AT(N_SITES) - 1)

enum cut { CUT_NONE, CUT_TO_ONE, CUT_TO_HALF, CUT_BY_ONE };

/* What goes wrong, and where. */
struct fault {
  const char *name;
  unsigned sites; /* AT(..): the operations that it counts and hits        */
  int error;      /* errno; 0: only `cut` happens                          */
  enum cut cut;   /* how much of a read or write passes                    */
};

struct disk {
  struct blt__env env;
  struct blt__sink sink;
  struct blt__file *memory; /* NULL when there is a path                    */
  const char *path;         /* borrowed                                     */
  const struct fault *fault;
  int is_lasting;      /* it stays once it came                             */
  unsigned long at;    /* hits the operation with this number, from 1 on    */
  unsigned long n_met; /* operations at its sites since it was armed        */
  unsigned long n_hit;
  unsigned n_open; /* handles                                               */
};

/* A disk in memory; one on a real file is made with its path. */
void disk_init(struct disk *disk, const char *path);
void disk_release(struct disk *disk);

/* The handle goes to blt__open_file, which closes it. */
struct blt__file *disk_open(struct disk *disk);

void disk_arm(struct disk *disk, const struct fault *fault, unsigned long at,
              int is_lasting);
void disk_calm(struct disk *disk);

/* Replace or copy the content; free() the copy. */
void disk_fill(struct disk *disk, const void *bytes, size_t len);
uint8_t *disk_copy(struct disk *disk, size_t *out_len);

/* Print how often each operation was met and hit, and from how many places in
 * the library. */
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
