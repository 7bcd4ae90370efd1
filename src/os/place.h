/*
 * place.h - the kind of file system that a file is on, and what is safe there
 *
 *   local     mapped, written; flock holds all off who may write
 *   FUSE      read by read_at: pages of a mapping may be stale or vanish.
 *             flock is the kernel's or the program's, on this machine
 *   network   the same, and not written to unless the user permits it: flock
 *             may hold off this machine only (docs/decisions/0011-network.md)
 */
#ifndef BLT_OS_PLACE_H
#define BLT_OS_PLACE_H

#include <stdint.h>

#include "base/fail.h"

struct blt__place {
  uint32_t type;    /* f_type of statfs(2); 0: a local one                   */
  const char *name; /* "" for a local one                                   */
  int is_network;
};

/* Never NULL; what is not known is local. */
const struct blt__place *blt__place_of(uint32_t type);

/* The f_type of an open file, 0 when the system does not tell. */
uint32_t blt__place_type(int fd);

/* May a file there be written to? BLT_E_NETWORK, or BLT_OK. */
blt_status blt__place_judge(const struct blt__sink *sink, uint32_t type,
                            int is_permitted);

#endif
