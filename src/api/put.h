/*
 * put.h - put and delete for callers inside the library, on an entered handle
 */
#ifndef BLT_API_PUT_H
#define BLT_API_PUT_H

#include "api/db.h"

/* The key is good; value and time are judged. put->time is set here. */
blt_status blt__put(blt_db *db, struct blt__put *put, uint64_t timestamp);

blt_status blt__delete(blt_db *db, const void *key, size_t key_len, int hidden);

#endif
