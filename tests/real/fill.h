/*
 * fill.h - a store that is written until there is no space, and then further
 *
 * A fixed sequence of batches, single changes, deletes, reindexes, prunes and
 * closings. The first of them that finds no space must leave the store as it
 * was; then somebody makes room, it is tried again, and the rest is done.
 */
#ifndef REAL_FILL_H
#define REAL_FILL_H

#include <blt.h>

struct fill {
  const char *path;
  blt_sync_level level;
  blt_io io;
  void (*make_room)(void *ctx);
  void (*limit)(void *ctx, int is_on); /* or NULL: around each change, until
                                          there was no space               */
  void *ctx;
};

/* How often there was no space: 0 or 1. Fails the test if anything is wrong. */
int fill_store(const struct fill *how);

#endif
