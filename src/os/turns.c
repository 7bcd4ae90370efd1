/*
 * turns.c - the callers of a writing handle take turns
 */
#include "os/turns.h"

#include <time.h>

void blt__turns_init(struct blt__turns *turns)
{
  pthread_rwlock_init(&turns->lock, NULL);
  atomic_init(&turns->unlocked, 0);
  turns->are_taken = 0;
}

void blt__turns_release(struct blt__turns *turns)
{
  pthread_rwlock_destroy(&turns->lock);
}

/* 1: no lock is needed, nor taken. */
static int begin_unlocked(struct blt__turns *turns)
{
  if (!turns->are_taken)
    return 1;
  if (!blt__is_only_thread())
    return 0;
  atomic_store_explicit(&turns->unlocked, 1, memory_order_relaxed);
  return 1;
}

/* T1. It sleeps, since nobody wakes it and the call may take long. */
static void wait_for_unlocked(const struct blt__turns *turns)
{
  const struct timespec pause = {.tv_nsec = 200 * 1000};

  while (atomic_load_explicit(&turns->unlocked, memory_order_acquire))
    nanosleep(&pause, NULL);
}

void blt__turns_read(struct blt__turns *turns)
{
  if (begin_unlocked(turns))
    return;
  pthread_rwlock_rdlock(&turns->lock);
  wait_for_unlocked(turns);
}

void blt__turns_write(struct blt__turns *turns)
{
  if (begin_unlocked(turns))
    return;
  pthread_rwlock_wrlock(&turns->lock);
  wait_for_unlocked(turns);
}

void blt__turns_end(struct blt__turns *turns)
{
  if (!turns->are_taken)
    return;
  if (atomic_load_explicit(&turns->unlocked, memory_order_relaxed))
    atomic_store_explicit(&turns->unlocked, 0, memory_order_release);
  else
    pthread_rwlock_unlock(&turns->lock);
}
