/*
 * lock.c - the lock on the whole file, as booklet takes it, and who has it
 */
#include "os/lock.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sysmacros.h>
#include <time.h>

enum { POLL_FIRST_NS = 500000, POLL_LAST_NS = 20000000 };

/* ---- waiting */

static int64_t now_ns(void)
{
  struct timespec now;

  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void pause_ns(int64_t ns)
{
  struct timespec pause = {.tv_sec = ns / 1000000000,
                           .tv_nsec = ns % 1000000000};
  nanosleep(&pause, NULL);
}

/*
 * The pid in the kernel's list of locks whose entry names this inode:
 *   "12: FLOCK  ADVISORY  WRITE 4211 fe:00:131077 0 EOF"
 */
static int find_holder(struct blt__file *file, char *name, size_t name_len)
{
  struct blt__file_id id = {0};
  char line[256];
  int holder = 0;

  name[0] = '\0';
  if (blt__file_identify(file, &id) != 0)
    return 0;
  FILE *locks = fopen("/proc/locks", "re");
  if (locks == NULL)
    return 0;
  while (holder == 0 && fgets(line, sizeof line, locks) != NULL) {
    int pid;
    unsigned major_no, minor_no;
    unsigned long long inode;
    if (sscanf(line, "%*s FLOCK %*s %*s %d %x:%x:%llu", &pid, &major_no,
               &minor_no, &inode) == 4 &&
        inode == id.inode && major_no == major(id.device) &&
        minor_no == minor(id.device))
      holder = pid;
  }
  fclose(locks);
  if (holder <= 0)
    return 0;
  snprintf(line, sizeof line, "/proc/%d/comm", holder);
  FILE *comm = fopen(line, "re");
  if (comm != NULL) {
    if (fscanf(comm, "%63[^\n]", line) == 1)
      snprintf(name, name_len, " (%.63s)", line);
    fclose(comm);
  }
  return holder;
}

static blt_status fail_locked(struct blt__file *file,
                              const struct blt__sink *sink, int exclusive,
                              int64_t waited_ms)
{
  char name[80];
  char who[128];
  int pid = find_holder(file, name, sizeof name);

  if (pid > 0)
    snprintf(who, sizeof who, "pid %d%s", pid, name);
  else
    snprintf(who, sizeof who, "another process");
  blt__fail(sink, BLT_E_LOCKED, BLT_NO_OFFSET,
            "locked%s by %s, waited %lld.%lld s; try again when it is closed, "
            "or wait longer",
            exclusive ? "" : " for writing", who, (long long)(waited_ms / 1000),
            (long long)(waited_ms % 1000 / 100));
  blt__fail_set_holder(pid);
  return BLT_E_LOCKED;
}

blt_status blt__lock_take(struct blt__file *file, const struct blt__sink *sink,
                          int exclusive, int64_t timeout_ms)
{
  int64_t begin = now_ns();
  int64_t pause = POLL_FIRST_NS;

  for (;;) {
    int error = file->ops->lock(file, exclusive, timeout_ms < 0);
    if (error == 0)
      return BLT_OK;
    if (error == -EINTR)
      continue;
    if (error != -EWOULDBLOCK)
      return blt__fail_errno(sink, -error, BLT_NO_OFFSET, "lock the file");
    int64_t left = timeout_ms * 1000000 - (now_ns() - begin);
    if (left <= 0)
      return fail_locked(file, sink, exclusive, timeout_ms);
    pause_ns(pause < left ? pause : left);
    if (pause < POLL_LAST_NS)
      pause *= 2;
  }
}

/* ---- this process's open files */

struct entry {
  struct blt__file_id id;
  int exclusive;
  struct entry *next;
};

static pthread_mutex_t entries_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct entry *entries;

static _Atomic unsigned fork_count;
static pthread_once_t fork_once = PTHREAD_ONCE_INIT;

/* A child inherits copies of descriptors whose locks are the parent's: it
 * holds none of its own. */
static void before_fork(void)
{
  pthread_mutex_lock(&entries_mutex);
}

static void after_fork_parent(void)
{
  pthread_mutex_unlock(&entries_mutex);
}

static void after_fork_child(void)
{
  atomic_fetch_add_explicit(&fork_count, 1, memory_order_relaxed);
  pthread_mutex_unlock(&entries_mutex);
}

static void watch_forks(void)
{
  (void)pthread_atfork(before_fork, after_fork_parent, after_fork_child);
}

unsigned blt__fork_count(void)
{
  pthread_once(&fork_once, watch_forks);
  return atomic_load_explicit(&fork_count, memory_order_relaxed);
}

static int is_same(const struct blt__file_id *a, const struct blt__file_id *b)
{
  return a->device == b->device && a->inode == b->inode;
}

blt_status blt__lock_enter(const struct blt__env *env,
                           const struct blt__sink *sink,
                           const struct blt__file_id *id, int exclusive)
{
  (void)env;
  /* Outlives the handle's allocator, so it comes from malloc. */
  struct entry *entry = malloc(sizeof *entry);
  if (entry == NULL)
    return blt__fail_memory(sink);
  *entry = (struct entry){.id = *id, .exclusive = exclusive};

  pthread_mutex_lock(&entries_mutex);
  struct entry *other = entries;
  while (other != NULL &&
         !(is_same(&other->id, id) && (exclusive || other->exclusive)))
    other = other->next;
  if (other == NULL) {
    entry->next = entries;
    entries = entry;
    entry = NULL;
  }
  pthread_mutex_unlock(&entries_mutex);
  if (entry == NULL)
    return BLT_OK;
  free(entry);
  return blt__fail(sink, BLT_E_BUSY, BLT_NO_OFFSET,
                   "this process has the file open already%s; close that "
                   "handle first, or use it",
                   exclusive ? "" : " for writing");
}

void blt__lock_leave(const struct blt__file_id *id, int exclusive)
{
  pthread_mutex_lock(&entries_mutex);
  struct entry **link = &entries;
  while (*link != NULL &&
         !(is_same(&(*link)->id, id) && (*link)->exclusive == exclusive))
    link = &(*link)->next;
  struct entry *entry = *link;
  if (entry != NULL)
    *link = entry->next;
  pthread_mutex_unlock(&entries_mutex);
  free(entry);
}
