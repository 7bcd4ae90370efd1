/*
 * guard.h - a mapped file that is cut by somebody is a status, not a signal
 */
#ifndef BLT_OS_GUARD_H
#define BLT_OS_GUARD_H

#include <stdatomic.h>
#include <stddef.h>

/*
 * From now on a SIGBUS inside [base, base + len) puts zeros there and sets
 * *hit. Returns a ticket for blt__guard_remove, or -1 when there are too many
 * mappings or no handler could be set (the mapping is then not guarded).
 */
int blt__guard_add(void *base, size_t len, _Atomic int *hit);
void blt__guard_remove(int ticket);

#endif
