/*
 * turns.h - the callers of a writing handle take turns
 *
 * Reads side by side, writes alone, by a read-write lock. A process with one
 * thread needs none: the C library tells (__libc_single_threaded, glibc 2.32),
 * and two atomic operations less leave the processor free to begin with the
 * next call's misses.
 *
 *   T1  A call that found one thread and started another, in a function of the
 *       user's, is still waited for by that one.
 */
#ifndef BLT_OS_TURNS_H
#define BLT_OS_TURNS_H

#include <pthread.h>
#include <stdatomic.h>

/* Declared here, since a header that is not everywhere could not stand in the
 * library as one file, which hides what it declares. */
#ifdef __GLIBC_PREREQ
#if __GLIBC_PREREQ(2, 32)
extern __attribute__((visibility("default"))) char __libc_single_threaded;
#define BLT__TELLS_THREADS 1
#endif
#endif

struct blt__turns {
  pthread_rwlock_t lock;
  _Atomic int unlocked; /* a call is in that found itself the only thread     */
  int are_taken;        /* 0: the user promised one thread at a time          */
};

void blt__turns_init(struct blt__turns *turns);
void blt__turns_release(struct blt__turns *turns);

/* For certain. */
static inline int blt__is_only_thread(void)
{
#ifdef BLT__TELLS_THREADS
  return __libc_single_threaded;
#else
  return 0;
#endif
}

/* Nobody can come in before this thread has returned to the user. */
static inline int blt__turns_are_mine(const struct blt__turns *turns)
{
  return !turns->are_taken || blt__is_only_thread();
}

void blt__turns_read(struct blt__turns *turns);
void blt__turns_write(struct blt__turns *turns);
void blt__turns_end(struct blt__turns *turns);

#endif
