/*
 * journal.h - which bytes of a store may change in place
 */
#ifndef CRASH_JOURNAL_H
#define CRASH_JOURNAL_H

#include "api/db.h"
#include "crash/trace.h"

/*
 * NULL when the write is legal: it is the header, or lies behind the end of
 * the log, or in the dead front of a rewrite, or changes links and times of
 * blocks and slots of the index only. Else what is wrong. `work` is the file
 * before the write.
 */
const char *journal_judge(const blt_db *db, const struct image *work,
                          uint64_t off, const struct blt__span *spans,
                          size_t n_spans);

#endif
