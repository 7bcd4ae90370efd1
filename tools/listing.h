/* listing.h - the forms in which list shows a key */
#ifndef BLT_TOOLS_LISTING_H
#define BLT_TOOLS_LISTING_H

#include "out.h"
#include "store.h"

struct libscols_table;

/* The table of --long is printed in pieces, so that a long list neither waits
 * nor fills the memory. */
struct listing {
  const struct store *store;
  struct out *out;
  struct libscols_table *table;
  size_t n_lines;
  bool headed;
  struct text text;
};

void listing_begin(struct listing *listing, const struct store *store,
                   struct out *out);
void listing_add(struct listing *listing, const blt_item *item);
void listing_end(struct listing *listing);

#endif
