/*
 * system.c - a system whose n-th call fails
 *
 * The names end in 64 where the file offsets do. A name that is missing here
 * is noticed: no failure is then injected at its calls, and sites.py says so.
 */
#include "faults/system.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <time.h>

static struct disk *current;

void disk_init_system(struct disk *disk, const char *path)
{
  *disk = (struct disk){.path = path, .is_system = 1, .sink = {NULL, ""}};
  current = disk;
}

void system_forget(struct disk *disk)
{
  if (current == disk)
    current = NULL;
}

unsigned count_descriptors(void)
{
  DIR *const folder = opendir("/proc/self/fd");
  unsigned n = 0;

  if (folder == NULL)
    return 0;
  while (readdir(folder) != NULL)
    n++;
  closedir(folder);
  return n - 3; /* its own, and two names of folders */
}

unsigned count_companions(const char *path)
{
  const char *const name = strrchr(path, '/') + 1;
  char folder_path[4096];
  unsigned n = 0;

  snprintf(folder_path, sizeof folder_path, "%.*s", (int)(name - path), path);
  DIR *const folder = opendir(folder_path);
  if (folder == NULL)
    return 0;
  for (const struct dirent *entry; (entry = readdir(folder)) != NULL;)
    n += strncmp(entry->d_name, name, strlen(name)) == 0 &&
         strcmp(entry->d_name, name) != 0;
  closedir(folder);
  return n;
}

/* Whether the call fails at once; errno is set then. */
static int fails(enum site site)
{
  if (current == NULL || !disk_is_hit(current, site) ||
      current->fault->error == 0)
    return 0;
  errno = current->fault->error;
  return 1;
}

/* The same for one that moves bytes: *len is how many it may. */
static int fails_moving(enum site site, size_t *len)
{
  if (current == NULL || !disk_is_hit(current, site))
    return 0;
  errno = current->fault->error;
  if (current->fault->error == 0)
    *len = disk_shorten(current, *len);
  return current->fault->error != 0;
}

/* The linker's names: __wrap_NAME is called, __real_NAME is the system's. */
#define REAL(type, name, ...)                                                  \
  type __real_##name(__VA_ARGS__);                                             \
  type __wrap_##name(__VA_ARGS__);                                             \
  type __wrap_##name(__VA_ARGS__)

/* ---- transfers */

REAL(ssize_t, pread64, int fd, void *buf, size_t len, off_t off)
{
  return fails_moving(SITE_READ, &len) ? -1 : __real_pread64(fd, buf, len, off);
}

/* The one that reads the id of the boot. */
REAL(ssize_t, read, int fd, void *buf, size_t len)
{
  return fails_moving(SITE_BOOT_ID, &len) ? -1 : __real_read(fd, buf, len);
}

REAL(ssize_t, write, int fd, const void *buf, size_t len)
{
  return fails_moving(SITE_WRITE, &len) ? -1 : __real_write(fd, buf, len);
}

static int cut_spans(struct iovec *to, const struct iovec *from, int n,
                     size_t len)
{
  int n_left = 0;

  for (; n_left < n && len > 0; n_left++) {
    to[n_left] = from[n_left];
    if (to[n_left].iov_len > len)
      to[n_left].iov_len = len;
    len -= to[n_left].iov_len;
  }
  return n_left;
}

REAL(ssize_t, pwritev64, int fd, const struct iovec *spans, int n, off_t off)
{
  struct iovec cut[8];
  size_t len = 0;

  for (int i = 0; i < n; i++)
    len += spans[i].iov_len;
  if (fails_moving(SITE_WRITE, &len))
    return -1;
  n = cut_spans(cut, spans, n, len);
  return __real_pwritev64(fd, cut, n, off);
}

/* ---- files */

REAL(int, open64, const char *path, int flags, ...)
{
  mode_t mode = 0;
  va_list rest;

  if (fails(SITE_OPEN))
    return -1;
  va_start(rest, flags);
  if (flags & O_CREAT)
    mode = va_arg(rest, mode_t);
  va_end(rest);
  return __real_open64(path, flags, mode);
}

/* It is closed all the same, as Linux does it. */
REAL(int, close, int fd)
{
  const int result = __real_close(fd);

  return fails(SITE_CLOSE) ? -1 : result;
}

REAL(int, fstat64, int fd, struct stat *out)
{
  return fails(SITE_SIZE) ? -1 : __real_fstat64(fd, out);
}

REAL(int, stat64, const char *path, struct stat *out)
{
  return fails(SITE_STAT) ? -1 : __real_stat64(path, out);
}

REAL(int, fstatfs64, int fd, struct statfs *out)
{
  return fails(SITE_STATFS) ? -1 : __real_fstatfs64(fd, out);
}

REAL(int, ftruncate64, int fd, off_t len)
{
  return fails(SITE_SET_SIZE) ? -1 : __real_ftruncate64(fd, len);
}

REAL(int, fallocate64, int fd, int mode, off_t off, off_t len)
{
  const enum site site =
      mode & FALLOC_FL_PUNCH_HOLE ? SITE_PUNCH : SITE_RESERVE;

  return fails(site) ? -1 : __real_fallocate64(fd, mode, off, len);
}

REAL(int, fdatasync, int fd)
{
  if (fails(SITE_SYNC))
    return -1;
  return current != NULL ? 0 : __real_fdatasync(fd);
}

REAL(int, fsync, int fd)
{
  if (fails(SITE_SYNC))
    return -1;
  return current != NULL ? 0 : __real_fsync(fd);
}

REAL(int, flock, int fd, int how)
{
  return fails(SITE_LOCK) ? -1 : __real_flock(fd, how);
}

REAL(int, link, const char *from, const char *to)
{
  return fails(SITE_LINK) ? -1 : __real_link(from, to);
}

REAL(int, renameat2, int from_fd, const char *from, int to_fd, const char *to,
     unsigned flags)
{
  return fails(SITE_RENAME) ? -1
                            : __real_renameat2(from_fd, from, to_fd, to, flags);
}

REAL(int, unlink, const char *path)
{
  return fails(SITE_UNLINK) ? -1 : __real_unlink(path);
}

REAL(FILE *, fopen64, const char *path, const char *mode)
{
  return fails(SITE_LOCK_LIST) ? NULL : __real_fopen64(path, mode);
}

/* ---- memory, chance, time, signals */

REAL(void *, mmap64, void *at, size_t len, int prot, int flags, int fd,
     off_t off)
{
  return fails(SITE_MAP) ? (void *)-1
                         : __real_mmap64(at, len, prot, flags, fd, off);
}

REAL(void *, malloc, size_t len)
{
  return fails(SITE_MALLOC) ? NULL : __real_malloc(len);
}

REAL(void *, realloc, void *old, size_t len)
{
  return fails(SITE_MALLOC) ? NULL : __real_realloc(old, len);
}

REAL(ssize_t, getrandom, void *out, size_t len, unsigned flags)
{
  return fails_moving(SITE_CHANCE, &len) ? -1
                                         : __real_getrandom(out, len, flags);
}

REAL(int, clock_gettime, clockid_t clock, struct timespec *out)
{
  return clock == CLOCK_REALTIME && fails(SITE_CLOCK)
             ? -1
             : __real_clock_gettime(clock, out);
}

REAL(int, sigaction, int number, const struct sigaction *action,
     struct sigaction *old)
{
  return fails(SITE_SIGNAL) ? -1 : __real_sigaction(number, action, old);
}
