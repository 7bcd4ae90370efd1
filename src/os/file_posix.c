/*
 * file_posix.c - a real file
 */
#include "os/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "os/place.h"

/* One pwritev moves at most this much on Linux. */
#define MAX_IO ((size_t)0x7ffff000)

/* A mapping begins at a multiple of this, so that large pages can be used. */
#define MAP_ALIGN ((size_t)2 << 20)

struct posix_file {
  struct blt__file file;
  const struct blt__env *env;
  int fd;
  int close_fd;
  uint64_t limit; /* RLIMIT_FSIZE when it was last asked for              */
  uint64_t last;  /* no write has begun behind it since the last cut      */
};

static struct posix_file *self(struct blt__file *file)
{
  return (struct posix_file *)file;
}

/*
 * The length that the process may give to a file. The kernel answers what
 * passes it with SIGXFSZ, which kills, also inside the file; a library must not
 * let that happen, so it looks before it writes. It looks again where the log
 * grows, not for each link.
 */
static uint64_t length_limit(void)
{
  struct rlimit limit;

  if (getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
    return UINT64_MAX;
  return limit.rlim_cur;
}

static int64_t posix_read_at(struct blt__file *file, uint64_t off, void *buf,
                             size_t len)
{
  ssize_t n =
      pread(self(file)->fd, buf, len < MAX_IO ? len : MAX_IO, (off_t)off);
  return n < 0 ? -errno : n;
}

static int64_t posix_write_at(struct blt__file *file, uint64_t off,
                              const struct blt__span *spans, size_t n_spans)
{
  struct iovec iov[BLT__SPANS_MAX];
  size_t room = MAX_IO;
  size_t n = 0;

  for (; n < n_spans && n < BLT__SPANS_MAX && room > 0; n++) {
    size_t len = spans[n].len < room ? spans[n].len : room;
    memcpy(&iov[n].iov_base, &spans[n].data, sizeof iov[n].iov_base);
    iov[n].iov_len = len;
    room -= len;
  }
  const uint64_t end = off + (MAX_IO - room);
  if (off >= self(file)->last || end > self(file)->limit)
    self(file)->limit = length_limit();
  if (end > self(file)->limit)
    return -EFBIG;
  if (off > self(file)->last)
    self(file)->last = off;
  ssize_t done = pwritev(self(file)->fd, iov, (int)n, (off_t)off);
  return done < 0 ? -errno : done;
}

static int posix_size(struct blt__file *file, uint64_t *out)
{
  struct stat st;

  if (fstat(self(file)->fd, &st) != 0)
    return -errno;
  *out = (uint64_t)st.st_size;
  return 0;
}

/* Making a file shorter is permitted above the limit, too. */
static int posix_set_size(struct blt__file *file, uint64_t len)
{
  uint64_t size = 0;
  int result = 0;

  self(file)->limit = length_limit();
  if (len > self(file)->limit && (result = posix_size(file, &size)) != 0)
    return result;
  if (len > self(file)->limit && len > size)
    return -EFBIG;
  do
    result = ftruncate(self(file)->fd, (off_t)len);
  while (result != 0 && errno == EINTR);
  if (len < self(file)->last)
    self(file)->last = len;
  return result != 0 ? -errno : 0;
}

static int posix_reserve(struct blt__file *file, uint64_t off, uint64_t len)
{
  int result;

  if (off + len > length_limit())
    return -EFBIG;
  do
    result =
        fallocate(self(file)->fd, FALLOC_FL_KEEP_SIZE, (off_t)off, (off_t)len);
  while (result != 0 && errno == EINTR);
  return result != 0 ? -errno : 0;
}

static int posix_punch(struct blt__file *file, uint64_t off, uint64_t len)
{
  int result =
      fallocate(self(file)->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                (off_t)off, (off_t)len);
  return result != 0 ? -errno : 0;
}

/* This asks for no waiting, so that a failure is left for the sync to tell. */
static void posix_begin_sync(struct blt__file *file, uint64_t off, uint64_t len)
{
  (void)sync_file_range(self(file)->fd, (off_t)off, (off_t)len,
                        SYNC_FILE_RANGE_WRITE);
}

static int posix_sync(struct blt__file *file)
{
  return fdatasync(self(file)->fd) != 0 ? -errno : 0;
}

static int posix_lock(struct blt__file *file, int exclusive, int wait)
{
  int how = (exclusive ? LOCK_EX : LOCK_SH) | (wait ? 0 : LOCK_NB);

  return flock(self(file)->fd, how) != 0 ? -errno : 0;
}

static int posix_unlock(struct blt__file *file)
{
  return flock(self(file)->fd, LOCK_UN) != 0 ? -errno : 0;
}

/* Address space is taken with room to spare, the file is mapped over its
 * aligned part and the rest is given back. */
static int posix_map(struct blt__file *file, size_t len, void **out)
{
  size_t room = len + MAP_ALIGN;
  uint8_t *space = mmap(NULL, room, PROT_NONE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

  if (space == MAP_FAILED)
    return -errno;
  size_t skip = (MAP_ALIGN - (uintptr_t)space % MAP_ALIGN) % MAP_ALIGN;
  void *base = mmap(space + skip, len, PROT_READ, MAP_SHARED | MAP_FIXED,
                    self(file)->fd, 0);
  if (base == MAP_FAILED) {
    int error = errno;
    munmap(space, room);
    return -error;
  }
  if (skip > 0)
    munmap(space, skip);
  if (room > skip + len)
    munmap(space + skip + len, room - skip - len);
  *out = base;
  return 0;
}

static void posix_unmap(struct blt__file *file, void *base, size_t len)
{
  (void)file;
  munmap(base, len);
}

static void posix_advise(struct blt__file *file, void *base, size_t len,
                         enum blt__hint hint)
{
  static const int advice[] = {
      [BLT__HINT_RANDOM] = MADV_RANDOM,
      [BLT__HINT_SEQUENTIAL] = MADV_SEQUENTIAL,
      [BLT__HINT_NORMAL] = MADV_NORMAL,
      [BLT__HINT_DROP] = MADV_DONTNEED,
  };

  (void)file;
  (void)madvise(base, len, advice[hint]);
}

static void posix_close(struct blt__file *file)
{
  struct posix_file *posix = self(file);
  const struct blt__env *env = posix->env;

  if (posix->close_fd)
    close(posix->fd);
  blt__release(env, posix, sizeof *posix);
}

static const struct blt__file_ops posix_ops = {
    .read_at = posix_read_at,
    .write_at = posix_write_at,
    .size = posix_size,
    .set_size = posix_set_size,
    .reserve = posix_reserve,
    .punch = posix_punch,
    .begin_sync = posix_begin_sync,
    .sync = posix_sync,
    .lock = posix_lock,
    .unlock = posix_unlock,
    .map = posix_map,
    .unmap = posix_unmap,
    .advise = posix_advise,
    .close = posix_close,
};

/* A descriptor that is no standard stream: what a program that was started
 * without one prints would be written into the store. */
static int away_from_streams(int low)
{
  if (low < 0 || low > STDERR_FILENO)
    return low;
  const int fd = fcntl(low, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  const int error = errno;
  (void)close(low);
  errno = error;
  return fd;
}

static blt_status open_path(const struct blt__sink *sink, const char *path,
                            int writable, int *out_fd)
{
  int flags = (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK;
  int fd;

  do
    fd = away_from_streams(open(path, flags));
  while (fd < 0 && errno == EINTR);
  if (fd < 0)
    return blt__fail_errno(sink, errno, BLT_NO_OFFSET, "open the file");
  *out_fd = fd;
  return BLT_OK;
}

blt_status blt__file_open(const struct blt__env *env,
                          const struct blt__sink *sink,
                          const struct blt__posix_open *how,
                          struct blt__file **out)
{
  int fd = how->fd;
  int close_fd = how->path != NULL || how->close_fd;
  struct stat st;
  blt_status status = BLT_OK;

  if (how->path != NULL)
    status = open_path(sink, how->path, how->writable, &fd);
  if (status < 0)
    return status;
  struct posix_file *posix = blt__alloc(env, sizeof *posix);
  if (posix == NULL)
    status = blt__fail_memory(sink);
  else if (fstat(fd, &st) != 0)
    status = blt__fail_errno(sink, errno, BLT_NO_OFFSET, "look at the file");
  else if (S_ISDIR(st.st_mode)) /* as where it is opened for writing */
    status = blt__fail_errno(sink, EISDIR, BLT_NO_OFFSET, "open the file");
  else if (!S_ISREG(st.st_mode))
    status = blt__fail(sink, BLT_E_NOT_BOOKLET, BLT_NO_OFFSET,
                       "not a booklet file (not a regular file)");
  else if (how->writable)
    status = blt__place_judge(sink, blt__place_type(fd), how->network);
  if (status < 0) {
    blt__release(env, posix, sizeof *posix);
    if (how->path != NULL)
      close(fd);
    return status;
  }
  *posix = (struct posix_file){
      .file = {.ops = &posix_ops,
               .map_unsafe = blt__place_of(blt__place_type(fd))->type != 0},
      .env = env,
      .fd = fd,
      .close_fd = close_fd,
      .limit = length_limit(),
  };
  *out = &posix->file;
  return BLT_OK;
}

int blt__file_identify(struct blt__file *file, struct blt__file_id *out)
{
  struct stat st;

  if (file->ops->close != posix_close)
    return -ENOTSUP;
  if (fstat(self(file)->fd, &st) != 0)
    return -errno;
  *out = (struct blt__file_id){st.st_dev, st.st_ino};
  return 0;
}

int blt__file_is_at(struct blt__file *file, const char *path)
{
  struct stat at_path;
  struct blt__file_id id = {0, 0};
  int error = blt__file_identify(file, &id);

  if (error != 0)
    return error;
  if (stat(path, &at_path) != 0)
    return errno == ENOENT ? 0 : -errno;
  return at_path.st_dev == id.device && at_path.st_ino == id.inode;
}

static int write_whole(int fd, const uint8_t *bytes, size_t len)
{
  while (len > 0) {
    ssize_t n = write(fd, bytes, len < MAX_IO ? len : MAX_IO);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return errno;
    if (n == 0)
      return ENOSPC;
    bytes += n;
    len -= (size_t)n;
  }
  return 0;
}

static int write_content(int fd, const struct blt__content *content,
                         int durable)
{
  uint64_t left = content->len - content->head.len;

  if (content->len > length_limit())
    return EFBIG;
  int error = write_whole(fd, content->head.data, content->head.len);

  while (error == 0 && left > 0) {
    size_t n = left < content->fill.len ? (size_t)left : content->fill.len;
    error = write_whole(fd, content->fill.data, n);
    left -= n;
  }
  return error == 0 && durable && fsync(fd) != 0 ? errno : error;
}

static void sync_folder_of(const char *path)
{
  char folder[4096];
  const char *slash = strrchr(path, '/');
  size_t len = slash == NULL ? 0 : (size_t)(slash - path);

  if (len >= sizeof folder)
    return;
  memcpy(folder, path, len);
  folder[len] = '\0';
  if (len == 0)
    strcpy(folder, slash == NULL ? "." : "/");
  int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0)
    return;
  (void)fsync(fd);
  close(fd);
}

/* The name as well, never instead of another file. */
static int give_name(const char *temporary, const char *path)
{
  int error = link(temporary, path) != 0 ? errno : 0;

  if (error == EPERM || error == EOPNOTSUPP || error == ENOSYS)
    /* No hard links here (FAT, some FUSE): rename without replacing. */
    error =
        renameat2(AT_FDCWD, temporary, AT_FDCWD, path, RENAME_NOREPLACE) != 0
            ? errno
            : 0;
  return error;
}

blt_status blt__file_publish(const struct blt__sink *sink,
                             const char *temporary, const char *path)
{
  int error = give_name(temporary, path);

  (void)unlink(temporary);
  sync_folder_of(path);
  return error == 0 ? BLT_OK
                    : blt__fail_errno(sink, error, BLT_NO_OFFSET,
                                      "give the file its name");
}

blt_status blt__file_create(const struct blt__sink *sink, const char *path,
                            const struct blt__content *content,
                            const struct blt__create_how *how)
{
  char temporary[4096];
  uint64_t chance;
  int error = 0;

  blt__random(&chance, sizeof chance);
  int n = snprintf(temporary, sizeof temporary, "%s.tmp.%016llx", path,
                   (unsigned long long)chance);
  if (n < 0 || (size_t)n >= sizeof temporary)
    return blt__fail_errno(sink, ENAMETOOLONG, BLT_NO_OFFSET,
                           "create the file");
  int fd = open(temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  fd = away_from_streams(fd);
  if (fd < 0)
    return blt__fail_errno(sink, errno, BLT_NO_OFFSET, "create the file");
  blt_status status = blt__place_judge(sink, blt__place_type(fd), how->network);
  if (status == BLT_OK)
    error = write_content(fd, content, how->durable);
  if (close(fd) != 0 && error == 0)
    error = errno;
  if (status == BLT_OK && error == 0)
    error = give_name(temporary, path);
  (void)unlink(temporary);
  if (status < 0)
    return status;
  if (error != 0)
    return blt__fail_errno(sink, error, BLT_NO_OFFSET, "create the file");
  if (how->durable)
    sync_folder_of(path);
  return BLT_OK;
}

void blt__file_remove(const char *path)
{
  (void)unlink(path);
}

static int hex_value(int c)
{
  if (c >= '0' && c <= '9')
    return c - '0';
  if (c >= 'a' && c <= 'f')
    return c - 'a' + 10;
  return -1;
}

uint64_t blt__boot_id(void)
{
  char text[64] = "";
  uint64_t id = 0;
  int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

  if (fd < 0)
    return 0;
  ssize_t n = read(fd, text, sizeof text - 1);
  close(fd);
  for (ssize_t i = 0; i < n; i++)
    if (hex_value(text[i]) >= 0)
      id = (id << 4 | id >> 60) ^
           (uint64_t)hex_value(text[i]) * UINT64_C(0x9e3779b97f4a7c15);
  return id;
}
