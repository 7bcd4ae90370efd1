/* putting.h - rows from elsewhere go into a store; what of keys in both */
#ifndef BLT_TOOLS_PUTTING_H
#define BLT_TOOLS_PUTTING_H

#include "store.h"

enum on_duplicate {
  DUPLICATE_REPLACE,
  DUPLICATE_KEEP,   /* what is there stays                                  */
  DUPLICATE_NEWEST, /* the greater timestamp wins; of equal ones what is
                       there                                                */
  DUPLICATE_ERROR
};

enum put_outcome {
  PUT_DONE,
  PUT_KEPT,      /* what was there stays                                    */
  PUT_DUPLICATE, /* there is such a key, and there must not be              */
  PUT_REFUSED,   /* *reason says why this row cannot be stored              */
  PUT_FAILED     /* the store is of no more use; store_failed has the words */
};

/* NOT_GIVEN as timestamp is now. */
enum put_outcome put_row(struct store *store, enum on_duplicate policy,
                         blt_bytes key, blt_bytes value, uint64_t timestamp,
                         const char **reason);

/*
 * The same for many, so that it is known how many are in the file when there
 * is no space for the next. Starts with a store and zeros; batch_end ends it.
 */
struct batch {
  struct store *store;
  bool is_open, has_failed;
  uint64_t n, len; /* rows that are not committed, and their bytes          */
  uint64_t n_safe; /* rows that are                                         */
};
enum put_outcome batch_put(struct batch *batch, enum on_duplicate policy,
                           blt_bytes key, blt_bytes value, uint64_t timestamp,
                           const char **reason);
/* Gives `code`, or that of a commit that failed. */
int batch_end(struct batch *batch, int code);

/* As put_row for hidden keys: the metadata (0), or a slot (1, 2). */
enum put_outcome put_hidden(struct store *store, enum on_duplicate policy,
                            int which, blt_bytes value, uint64_t timestamp,
                            const char **reason);

#endif
