/*
 * lock.h - the lock on the whole file, as booklet takes it, and who has it
 */
#ifndef BLT_OS_LOCK_H
#define BLT_OS_LOCK_H

#include "os/file.h"

/* Take it. `timeout_ms` < 0 waits for ever. BLT_E_LOCKED names the holder
 * where the system tells. */
blt_status blt__lock_take(struct blt__file *file, const struct blt__sink *sink,
                          int exclusive, int64_t timeout_ms);

/*
 * The process's own list of open files. flock would let a process wait for
 * itself for ever, so a second open of one file that could not succeed is
 * refused at once. `id` names the entry when leaving.
 *
 * Shared by all handles and guarded by a mutex; one of the two things in the
 * library that are (the other is the list of mappings in guard.c).
 */
blt_status blt__lock_enter(const struct blt__env *env,
                           const struct blt__sink *sink,
                           const struct blt__file_id *id, int exclusive);
void blt__lock_leave(const struct blt__file_id *id, int exclusive);

/* Counts forks behind this process from the first call on: a handle remembers
 * the count at its birth and is a copy in a child when the count has moved. */
unsigned blt__fork_count(void);

#endif
