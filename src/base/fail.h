/*
 * fail.h - where every error is born
 *
 * A failure is recorded for the thread that met it: status, errno, offset and
 * a sentence. What was recorded first in a call stays the cause; functions
 * above pass the status on untouched.
 */
#ifndef BLT_BASE_FAIL_H
#define BLT_BASE_FAIL_H

#include <stdint.h>

#include "blt.h"

/* Whose failures these are. */
struct blt__sink {
  const void *owner; /* the handle, or NULL while it is being opened        */
  const char *file;  /* name for messages; "" or NULL: there is none       */
};

/* Record and return `status`. `offset` may be BLT_NO_OFFSET. The sentence
 * says what is wrong and what to do, without the file's name. */
blt_status blt__fail(const struct blt__sink *sink, blt_status status,
                     uint64_t offset, const char *sentence, ...)
    __attribute__((format(printf, 4, 5)));

/* The same after a system call: `error` is an errno, `what` names the call's
 * purpose ("write", "open the file"). Picks the status from the errno. */
blt_status blt__fail_errno(const struct blt__sink *sink, int error,
                           uint64_t offset, const char *what);

/* BLT_E_INVALID: an argument is NULL without which there is no sink. */
blt_status blt__fail_null(const char *what);

blt_status blt__fail_memory(const struct blt__sink *sink);

/* Give the recorded failure another status; the sentence gets `prefix`. */
blt_status blt__fail_upgrade(const struct blt__sink *sink, blt_status status,
                             const char *prefix);

void blt__fail_set_holder(int pid);

/* Hand the thread's failure to no owner, as blt_last_error(NULL) wants. */
void blt__fail_disown(void);

/* The thread's last failure of that owner, or a quiet one. */
const blt_error *blt__fail_last(const void *owner);

#endif
