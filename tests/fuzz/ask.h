/*
 * ask.h - everything that can be asked of an open store, and what the answers
 * owe to one another
 */
#ifndef FUZZ_ASK_H
#define FUZZ_ASK_H

#include <blt.h>

/* A status of blt.h. */
void expect_a_status(blt_status status);

/*
 * Ask everything. `len` is the length of the file: what is done may take a
 * number of steps in proportion to it (or, for what is quadratic in the
 * length of chains by design, to its square). Returns 1 when the store is
 * sound; its answers then agree.
 */
int ask_everything(blt_db *db, size_t len, const void *key, size_t key_len);

/* Reads all bytes. */
unsigned touch(blt_bytes bytes);

#endif
