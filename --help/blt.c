/*
 * blt.c - libblt 0.1.0 in one file, made by scripts/amalgamate.py
 *
 *     cc -c blt.c
 *     cc program.c blt.o -lb2 -lxxhash -pthread
 *
 * It needs a C11 compiler that knows the extensions of GNU (gcc, clang), the
 * headers and libraries of libb2 and xxHash, and Linux. blt.h, which is the
 * manual, lies beside it.
 *
 * MIT License
 *
 * Copyright (c) 2026 the blt authors
 *
 * Permission is hereby granted, free of charge, to any person obtaining a copy
 * of this software and associated documentation files (the "Software"), to deal
 * in the Software without restriction, including without limitation the rights
 * to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
 * copies of the Software, and to permit persons to whom the Software is
 * furnished to do so, subject to the following conditions:
 *
 * The above copyright notice and this permission notice shall be included in all
 * copies or substantial portions of the Software.
 *
 * THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
 * IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
 * FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
 * AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
 * LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
 * OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
 * SOFTWARE.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#define XXH_STATIC_LINKING_ONLY
#include <assert.h>
#include <blake2.h>
#include <emmintrin.h>
#include <errno.h>
#include <fcntl.h>
#include <immintrin.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

#include "blt.h"

#pragma GCC visibility push(hidden)

/* ==== base/env.h */

/*
 * env.h - memory, time and chance, passed in so that tests can replace them
 */
#ifndef BLT_BASE_ENV_H
#define BLT_BASE_ENV_H



struct blt__env {
  blt_allocator mem;
  blt_clock clock;
  void *clock_ctx;
};

/* From the options; what they leave out comes from the system. */
void blt__env_init(struct blt__env *env, const blt_options *options);

/* NULL when there is no memory. The caller frees with the same length. */
void *blt__alloc(const struct blt__env *env, size_t len);
/* Like realloc; the old block stays good when NULL comes back. */
void *blt__resize(const struct blt__env *env, void *old, size_t old_len,
                  size_t len);
/* NULL is fine. */
void blt__release(const struct blt__env *env, void *ptr, size_t len);

/* Microseconds since 1970, never above what seven bytes hold. */
uint64_t blt__now(const struct blt__env *env);

/* Fill with random bytes: unique, not secret. */
void blt__random(void *out, size_t len);

#endif

/* ==== base/buf.h */

/*
 * buf.h - a row of bytes that grows
 */
#ifndef BLT_BASE_BUF_H
#define BLT_BASE_BUF_H



struct blt__buf {
  const struct blt__env *env; /* borrowed                                   */
  uint8_t *data;              /* owned; moves when the row grows            */
  size_t len, capacity;
};

void blt__buf_init(struct blt__buf *buf, const struct blt__env *env);
void blt__buf_release(struct blt__buf *buf);

/* Room for `more` bytes after len. 0, or -1 when there is no memory (the
 * content stays). */
int blt__buf_reserve(struct blt__buf *buf, size_t more);

/* Add len bytes that are not set, and where they begin; NULL: no memory. */
uint8_t *blt__buf_extend(struct blt__buf *buf, size_t len);

/* A copy of the bytes at the end; 0 or -1. */
int blt__buf_append(struct blt__buf *buf, const void *data, size_t len);

#endif

/* ==== base/memory.h */

/*
 * memory.h - what the kernel can do for a large row of memory
 */
#ifndef BLT_BASE_MEMORY_H
#define BLT_BASE_MEMORY_H


/* Memory that is read at random places, before its first use: pages of 2 MiB
 * where there are such. A wish; but what the memory holds may be lost. */
void blt__memory_want_large_pages(void *memory, size_t len);

/* Memory of which all will be used now, before its first use: the kernel brings
 * its pages at once, for less than one by one as they are met. A wish. */
void blt__memory_bring(void *memory, size_t len);

#endif

/* ==== base/buf.c */

/*
 * buf.c - a row of bytes that grows
 */



/* Memory that is brought beyond what is needed now, of what a row took. */
enum { AT_ONCE = 1 << 20 };

void blt__buf_init(struct blt__buf *buf, const struct blt__env *env)
{
  *buf = (struct blt__buf){.env = env};
}

void blt__buf_release(struct blt__buf *buf)
{
  if (buf->env != NULL)
    blt__release(buf->env, buf->data, buf->capacity);
  *buf = (struct blt__buf){.env = buf->env};
}

int blt__buf_reserve(struct blt__buf *buf, size_t more)
{
  if (more <= buf->capacity - buf->len && buf->data != NULL)
    return 0;
  if (more > SIZE_MAX / 2 - buf->len)
    return -1;
  size_t capacity = buf->capacity < 64 ? 64 : buf->capacity;
  while (capacity < buf->len + more)
    capacity += capacity / 2;
  uint8_t *data = blt__resize(buf->env, buf->data, buf->capacity, capacity);
  if (data == NULL)
    return -1;
  size_t room = capacity - buf->len;
  blt__memory_bring(data + buf->len,
                    room - more < AT_ONCE ? room : more + AT_ONCE);
  buf->data = data;
  buf->capacity = capacity;
  return 0;
}

uint8_t *blt__buf_extend(struct blt__buf *buf, size_t len)
{
  if (blt__buf_reserve(buf, len) != 0)
    return NULL;
  uint8_t *at = buf->data + buf->len;
  buf->len += len;
  return at;
}

int blt__buf_append(struct blt__buf *buf, const void *data, size_t len)
{
  uint8_t *at = blt__buf_extend(buf, len);

  if (at == NULL)
    return -1;
  if (len != 0)
    memcpy(at, data, len);
  return 0;
}

/* ==== base/env.c */

/*
 * env.c - memory, time and chance from the system
 */


static void *system_alloc(void *ctx, size_t len)
{
  (void)ctx;
  return malloc(len);
}

static void *system_resize(void *ctx, void *old, size_t old_len, size_t len)
{
  (void)ctx;
  (void)old_len;
  return realloc(old, len);
}

static void system_release(void *ctx, void *ptr, size_t len)
{
  (void)ctx;
  (void)len;
  free(ptr);
}

static uint64_t system_clock(void *ctx)
{
  struct timespec now;

  (void)ctx;
  if (clock_gettime(CLOCK_REALTIME, &now) != 0 || now.tv_sec < 0)
    return 0;
  return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

void blt__env_init(struct blt__env *env, const blt_options *options)
{
  if (options->allocator != NULL)
    env->mem = *options->allocator;
  else
    env->mem =
        (blt_allocator){system_alloc, system_resize, system_release, NULL};
  env->clock = options->clock != NULL ? options->clock : system_clock;
  env->clock_ctx = options->clock_ctx;
}

void *blt__alloc(const struct blt__env *env, size_t len)
{
  return env->mem.alloc(env->mem.ctx, len != 0 ? len : 1);
}

void *blt__resize(const struct blt__env *env, void *old, size_t old_len,
                  size_t len)
{
  if (old == NULL)
    return blt__alloc(env, len);
  return env->mem.resize(env->mem.ctx, old, old_len != 0 ? old_len : 1,
                         len != 0 ? len : 1);
}

void blt__release(const struct blt__env *env, void *ptr, size_t len)
{
  if (ptr != NULL)
    env->mem.release(env->mem.ctx, ptr, len != 0 ? len : 1);
}

uint64_t blt__now(const struct blt__env *env)
{
  return env->clock(env->clock_ctx) & (((uint64_t)1 << 56) - 1);
}

void blt__random(void *out, size_t len)
{
  uint8_t *bytes = out;

  if (getrandom(out, len, GRND_NONBLOCK) == (ssize_t)len)
    return;
  /* Too early in the boot for the pool: time and address must do. */
  uint64_t state = system_clock(NULL) ^ (uint64_t)(uintptr_t)&state;
  for (size_t i = 0; i < len; i++) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    bytes[i] = (uint8_t)(state >> 56);
  }
}

/* ==== base/fail.h */

/*
 * fail.h - where every error is born
 *
 * A failure is recorded for the thread that met it: status, errno, offset and
 * a sentence. What was recorded first in a call stays the cause; functions
 * above pass the status on untouched.
 */
#ifndef BLT_BASE_FAIL_H
#define BLT_BASE_FAIL_H



/* Whose failures these are. */
struct blt__sink {
  const void *owner; /* the handle, or NULL while it is being opened        */
  const char *file;  /* path for messages; "" in memory                     */
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

/* ==== base/fail.c */

/*
 * fail.c - where every error is born
 *
 * The record belongs to the thread, so that two threads that fail on one
 * handle do not write over each other's sentence, and so that an error of
 * blt_open has a home before there is a handle.
 */


enum { FILE_CAPACITY = 1024, MESSAGE_CAPACITY = 2048 };

static _Thread_local struct {
  const void *owner;
  blt_error error;
  char file[FILE_CAPACITY];
  char message[MESSAGE_CAPACITY];
} last;

static const blt_error quiet = {
    .status = BLT_OK, .offset = BLT_NO_OFFSET, .file = "", .message = ""};

static void record(const struct blt__sink *sink, blt_status status, int error,
                   uint64_t offset)
{
  const char *file = sink->file != NULL ? sink->file : "";

  last.owner = sink->owner;
  snprintf(last.file, sizeof last.file, "%s", file);
  last.error = (blt_error){.status = status,
                           .sys_errno = error,
                           .offset = offset,
                           .file = last.file,
                           .message = last.message};
}

static const char *shown_name(void)
{
  return last.file[0] != '\0' ? last.file : "(memory)";
}

blt_status blt__fail(const struct blt__sink *sink, blt_status status,
                     uint64_t offset, const char *sentence, ...)
{
  char text[MESSAGE_CAPACITY - FILE_CAPACITY - 64];
  va_list args;

  va_start(args, sentence);
  vsnprintf(text, sizeof text, sentence, args);
  va_end(args);
  record(sink, status, 0, offset);
  if (offset == BLT_NO_OFFSET)
    snprintf(last.message, sizeof last.message, "%s: %s", shown_name(), text);
  else
    snprintf(last.message, sizeof last.message, "%s: at offset %llu: %s",
             shown_name(), (unsigned long long)offset, text);
  return status;
}

static blt_status status_of_errno(int error)
{
  switch (error) {
  case ENOENT:
  case ENOTDIR:
    return BLT_E_NO_FILE;
  case EEXIST:
    return BLT_E_EXISTS;
  case EACCES:
  case EPERM:
  case EROFS:
    return BLT_E_PERMISSION;
  case ENOSPC:
  case EDQUOT:
  case EFBIG:
    return BLT_E_NO_SPACE;
  case ENOMEM:
    return BLT_E_NO_MEMORY;
  default:
    return BLT_E_IO;
  }
}

blt_status blt__fail_errno(const struct blt__sink *sink, int error,
                           uint64_t offset, const char *what)
{
  char text[128];
  blt_status status = status_of_errno(error);
  const char *why = strerror_r(error, text, sizeof text);

  blt__fail(sink, status, offset, "cannot %s: %s", what, why);
  last.error.sys_errno = error;
  return status;
}

blt_status blt__fail_memory(const struct blt__sink *sink)
{
  return blt__fail(sink, BLT_E_NO_MEMORY, BLT_NO_OFFSET, "out of memory");
}

blt_status blt__fail_upgrade(const struct blt__sink *sink, blt_status status,
                             const char *prefix)
{
  char cause[MESSAGE_CAPACITY - FILE_CAPACITY - 256];
  int error = last.error.sys_errno;
  uint64_t offset = last.error.offset;

  snprintf(cause, sizeof cause, "%s",
           last.message + strlen(shown_name()) + strlen(": "));
  record(sink, status, error, offset);
  snprintf(last.message, sizeof last.message, "%s: %s (%s)", shown_name(),
           prefix, cause);
  return status;
}

void blt__fail_set_holder(int pid)
{
  last.error.holder_pid = pid;
}

void blt__fail_disown(void)
{
  last.owner = NULL;
}

const blt_error *blt__fail_last(const void *owner)
{
  if (last.error.status == BLT_OK || last.owner != owner)
    return &quiet;
  return &last.error;
}

/* ==== base/status.c */

/*
 * status.c - names and sentences of the status codes
 */

BLT_API const char *blt_status_name(blt_status status)
{
  switch ((int)status) {
#define NAME(name, number, sentence)                                           \
  case number:                                                                 \
    return "BLT_" #name;
    BLT_STATUS_MAP(NAME)
#undef NAME
  default:
    return "BLT_E_?";
  }
}

BLT_API const char *blt_status_message(blt_status status)
{
  switch ((int)status) {
#define MESSAGE(name, number, sentence)                                        \
  case number:                                                                 \
    return sentence;
    BLT_STATUS_MAP(MESSAGE)
#undef MESSAGE
  default:
    return "an unknown status";
  }
}

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)

BLT_API const char *blt_version(void)
{
  return TEXT(BLT_VERSION_MAJOR) "." TEXT(BLT_VERSION_MINOR) "." TEXT(
      BLT_VERSION_PATCH);
}
#undef NAME
#undef MESSAGE
#undef TEXT_
#undef TEXT

/* ==== os/file.h */

/*
 * file.h - the seam to the operating system
 *
 * All that the library asks of a file goes through this table. A real file
 * and a file in memory implement it; tests put their own in between, to
 * record, refuse, shorten or lose what passes. Reads of file content go
 * through a mapping where there is one; writes never do, so a full disk is a
 * status and not a signal, and a test sees every write.
 */
#ifndef BLT_OS_FILE_H
#define BLT_OS_FILE_H



struct blt__file;

/* A piece of what one write puts down. */
struct blt__span {
  const void *data;
  size_t len;
};

enum blt__hint {
  BLT__HINT_RANDOM,
  BLT__HINT_SEQUENTIAL,
  BLT__HINT_NORMAL,
  BLT__HINT_DROP
};

/* Each returns 0 (reads and writes: a count) or -errno. Any may be cut short
 * or interrupted; the functions below the table loop. */
struct blt__file_ops {
  int64_t (*read_at)(struct blt__file *file, uint64_t off, void *buf,
                     size_t len);
  int64_t (*write_at)(struct blt__file *file, uint64_t off,
                      const struct blt__span *spans, size_t n_spans);
  int (*size)(struct blt__file *file, uint64_t *out);
  int (*set_size)(struct blt__file *file, uint64_t len);
  /* Have the disk put space aside without changing the size. */
  int (*reserve)(struct blt__file *file, uint64_t off, uint64_t len);
  /* Give the disk space of a part back; it reads as zeros then. NULL where
   * that cannot be had. */
  int (*punch)(struct blt__file *file, uint64_t off, uint64_t len);
  /* Have the disk begin with a part that a sync will have to wait for. A hint;
   * NULL where there is none. */
  void (*begin_sync)(struct blt__file *file, uint64_t off, uint64_t len);
  /* Make what was written, and the size, survive a power cut. */
  int (*sync)(struct blt__file *file);
  /* One attempt; -EWOULDBLOCK when somebody else has it. `wait` blocks. */
  int (*lock)(struct blt__file *file, int exclusive, int wait);
  int (*unlock)(struct blt__file *file);
  /* len bytes for reading, 2 MiB aligned; len may pass the end of the file,
   * and what the file grows into shows up there. */
  int (*map)(struct blt__file *file, size_t len, void **out);
  void (*unmap)(struct blt__file *file, void *base, size_t len);
  void (*advise)(struct blt__file *file, void *base, size_t len,
                 enum blt__hint hint);
  void (*close)(struct blt__file *file);
};

struct blt__file {
  const struct blt__file_ops *ops;
  /* Set when opening: reading by a mapping is not safe here (place.h). */
  int map_unsafe;
  /* It is never longer than what is in it: others see its length. */
  int stays_short;
};

/* ---- a real file */

struct blt__posix_open {
  const char *path; /* NULL: fd is given                                    */
  int fd;
  int close_fd; /* close() closes it                                    */
  int writable;
  int network; /* writing to a network file system is permitted       */
};

/* *out is owned by the caller until ops->close. */
blt_status blt__file_open(const struct blt__env *env,
                          const struct blt__sink *sink,
                          const struct blt__posix_open *how,
                          struct blt__file **out);

/* What a new file holds: head, then fill again and again up to len bytes. */
struct blt__content {
  struct blt__span head, fill;
  uint64_t len;
};

struct blt__create_how {
  int durable; /* synced before it has its name                       */
  int network; /* permitted on a network file system                  */
};

/*
 * Make a file at `path`, all or nothing: written under another name, then
 * linked. BLT_E_EXISTS when there is one.
 */
blt_status blt__file_create(const struct blt__sink *sink, const char *path,
                            const struct blt__content *content,
                            const struct blt__create_how *how);

/* Give a finished file its name. It loses the temporary one in any case;
 * BLT_E_EXISTS when the name is taken. */
blt_status blt__file_publish(const struct blt__sink *sink,
                             const char *temporary, const char *path);

/* Remove a file that was made and is not wanted after all. */
void blt__file_remove(const char *path);

/* Whether the open file is still the one at `path`: 1, 0, or -errno. */
int blt__file_is_at(struct blt__file *file, const char *path);

/* A number pair that names the file on this machine; 0, or -errno. */
struct blt__file_id {
  uint64_t device, inode;
};
int blt__file_identify(struct blt__file *file, struct blt__file_id *out);

/* ---- a file in memory: never fails but for memory; starts as a copy */
blt_status blt__file_memory(const struct blt__env *env,
                            const struct blt__sink *sink, const void *image,
                            size_t len, struct blt__file **out);

/* ---- loops over the table, with errors put in words */

/* All of it, or a failure; the file ending early is BLT_E_TRUNCATED. */
blt_status blt__file_read(struct blt__file *file, const struct blt__sink *sink,
                          uint64_t off, void *buf, size_t len);

/* Spans in one write. */
enum { BLT__SPANS_MAX = 24 };

/* All of it; at most BLT__SPANS_MAX spans. */
blt_status blt__file_write(struct blt__file *file, const struct blt__sink *sink,
                           uint64_t off, const struct blt__span *spans,
                           size_t n_spans);

/* Whether an errno says that the file system cannot do this at all. */
int blt__errno_is_unsupported(int error);
/* Whether it says that there is no space. */
int blt__errno_is_no_space(int error);

/* An id of this boot of the machine, 0 when the system does not tell. */
uint64_t blt__boot_id(void);

#endif

/* ==== os/file.c */

/*
 * file.c - loops over the table of file operations
 */


blt_status blt__file_read(struct blt__file *file, const struct blt__sink *sink,
                          uint64_t off, void *buf, size_t len)
{
  size_t done = 0;

  while (done < len) {
    int64_t n =
        file->ops->read_at(file, off + done, (uint8_t *)buf + done, len - done);
    if (n == -EINTR)
      continue;
    if (n < 0)
      return blt__fail_errno(sink, (int)-n, off + done, "read the file");
    if (n == 0)
      return blt__fail(sink, BLT_E_TRUNCATED, off + done,
                       "the file ends before the bytes that are wanted");
    done += (size_t)n;
  }
  return BLT_OK;
}

/* Drop the first n bytes of the spans; how many spans are left. */
static size_t advance(struct blt__span *spans, size_t n_spans, size_t n)
{
  size_t first = 0;

  while (first < n_spans && n >= spans[first].len) {
    n -= spans[first].len;
    first++;
  }
  for (size_t i = first; i < n_spans; i++)
    spans[i - first] = spans[i];
  n_spans -= first;
  if (n_spans > 0) {
    spans[0].data = (const uint8_t *)spans[0].data + n;
    spans[0].len -= n;
  }
  return n_spans;
}

blt_status blt__file_write(struct blt__file *file, const struct blt__sink *sink,
                           uint64_t off, const struct blt__span *spans,
                           size_t n_spans)
{
  struct blt__span left[BLT__SPANS_MAX];

  if (n_spans > BLT__SPANS_MAX)
    return blt__fail(sink, BLT_E_INVALID, off, "a write of too many spans");
  for (size_t i = 0; i < n_spans; i++)
    left[i] = spans[i];
  n_spans = advance(left, n_spans, 0);
  while (n_spans > 0) {
    int64_t n = file->ops->write_at(file, off, left, n_spans);
    if (n == -EINTR)
      continue;
    if (n < 0)
      return blt__fail_errno(sink, (int)-n, off, "write to the file");
    if (n == 0)
      return blt__fail_errno(sink, ENOSPC, off, "write to the file");
    off += (uint64_t)n;
    n_spans = advance(left, n_spans, (size_t)n);
  }
  return BLT_OK;
}

int blt__errno_is_unsupported(int error)
{
  return error == EOPNOTSUPP || error == ENOSYS || error == EINVAL;
}

int blt__errno_is_no_space(int error)
{
  return error == ENOSPC || error == EDQUOT || error == EFBIG;
}

/* ==== os/file_memory.c */

/*
 * file_memory.c - a file in memory
 *
 * Its bytes lie in address space that is taken once and filled as the file
 * grows, so that they never move; the mapping is the file itself.
 */


/* Room for growth; less where the process may not have so much. */
#define ROOM_MAX ((size_t)1 << 36)
#define ROOM_MIN ((size_t)1 << 24)

struct memory_file {
  struct blt__file file;
  const struct blt__env *env;
  uint8_t *bytes;
  size_t room;
  size_t len;
};

static struct memory_file *self__file_memory(struct blt__file *file)
{
  return (struct memory_file *)file;
}

static int64_t memory_read_at(struct blt__file *file, uint64_t off, void *buf,
                              size_t len)
{
  struct memory_file *m = self__file_memory(file);

  if (off >= m->len)
    return 0;
  if (len > m->len - off)
    len = m->len - off;
  memcpy(buf, m->bytes + off, len);
  return (int64_t)len;
}

static int memory_set_size(struct blt__file *file, uint64_t len)
{
  struct memory_file *m = self__file_memory(file);

  if (len > m->room)
    return -ENOSPC;
  if (len < m->len) {
    /* Zeros again, should the file grow back over it. */
    size_t page_end = (len + 4095) & ~(size_t)4095;
    memset(m->bytes + len, 0, (page_end < m->len ? page_end : m->len) - len);
    if (page_end < m->len)
      (void)madvise(m->bytes + page_end, m->len - page_end, MADV_DONTNEED);
  }
  m->len = len;
  return 0;
}

static int64_t memory_write_at(struct blt__file *file, uint64_t off,
                               const struct blt__span *spans, size_t n_spans)
{
  struct memory_file *m = self__file_memory(file);
  uint64_t at = off;

  for (size_t i = 0; i < n_spans; i++) {
    if (at > m->room || spans[i].len > m->room - at)
      return at > off ? (int64_t)(at - off) : -ENOSPC;
    if (spans[i].len > 0)
      memcpy(m->bytes + at, spans[i].data, spans[i].len);
    at += spans[i].len;
    if (at > m->len)
      m->len = at;
  }
  return (int64_t)(at - off);
}

static int memory_size(struct blt__file *file, uint64_t *out)
{
  *out = self__file_memory(file)->len;
  return 0;
}

static int memory_reserve(struct blt__file *file, uint64_t off, uint64_t len)
{
  struct memory_file *m = self__file_memory(file);

  return off > m->room || len > m->room - off ? -ENOSPC : 0;
}

static int memory_sync(struct blt__file *file)
{
  (void)file;
  return 0;
}

static int memory_lock(struct blt__file *file, int exclusive, int wait)
{
  (void)file;
  (void)exclusive;
  (void)wait;
  return 0;
}

static int memory_map(struct blt__file *file, size_t len, void **out)
{
  if (len > self__file_memory(file)->room)
    return -ENOMEM;
  *out = self__file_memory(file)->bytes;
  return 0;
}

static void memory_unmap(struct blt__file *file, void *base, size_t len)
{
  (void)file;
  (void)base;
  (void)len;
}

static void memory_advise(struct blt__file *file, void *base, size_t len,
                          enum blt__hint hint)
{
  /* Dropping anonymous pages would lose them. */
  (void)file;
  (void)base;
  (void)len;
  (void)hint;
}

static void memory_close(struct blt__file *file)
{
  struct memory_file *m = self__file_memory(file);

  munmap(m->bytes, m->room);
  blt__release(m->env, m, sizeof *m);
}

static const struct blt__file_ops memory_ops = {
    .read_at = memory_read_at,
    .write_at = memory_write_at,
    .size = memory_size,
    .set_size = memory_set_size,
    .reserve = memory_reserve,
    .sync = memory_sync,
    .lock = memory_lock,
    .unlock = memory_sync,
    .map = memory_map,
    .unmap = memory_unmap,
    .advise = memory_advise,
    .close = memory_close,
};

blt_status blt__file_memory(const struct blt__env *env,
                            const struct blt__sink *sink, const void *image,
                            size_t len, struct blt__file **out)
{
  struct memory_file *m = blt__alloc(env, sizeof *m);
  void *bytes = MAP_FAILED;
  size_t room = ROOM_MAX;

  if (m == NULL)
    return blt__fail_memory(sink);
  for (; room >= ROOM_MIN && room / 2 >= len; room /= 2) {
    bytes = mmap(NULL, room, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (bytes != MAP_FAILED)
      break;
  }
  if (bytes == MAP_FAILED) {
    blt__release(env, m, sizeof *m);
    return blt__fail_memory(sink);
  }
  if (len > 0)
    memcpy(bytes, image, len);
  *m = (struct memory_file){.file = {.ops = &memory_ops, .stays_short = 1},
                            .env = env,
                            .bytes = bytes,
                            .room = room,
                            .len = len};
  *out = &m->file;
  return BLT_OK;
}
#undef ROOM_MAX
#undef ROOM_MIN

/* ==== os/place.h */

/*
 * place.h - the kind of file system that a file is on, and what is safe there
 *
 *   local     mapped, written; flock holds all off who may write
 *   FUSE      read by read_at: pages of a mapping may be stale or vanish.
 *             flock is the kernel's or the program's, on this machine
 *   network   the same, and not written to unless the user permits it: flock
 *             may hold off this machine only (docs/decisions/0011-network.md)
 */
#ifndef BLT_OS_PLACE_H
#define BLT_OS_PLACE_H



struct blt__place {
  uint32_t type;    /* f_type of statfs(2); 0: a local one                   */
  const char *name; /* "" for a local one                                   */
  int is_network;
};

/* Never NULL; what is not known is local. */
const struct blt__place *blt__place_of(uint32_t type);

/* The f_type of an open file, 0 when the system does not tell. */
uint32_t blt__place_type(int fd);

/* May a file there be written to? BLT_E_NETWORK, or BLT_OK. */
blt_status blt__place_judge(const struct blt__sink *sink, uint32_t type,
                            int is_permitted);

#endif

/* ==== os/file_posix.c */

/*
 * file_posix.c - a real file
 */



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

static struct posix_file *self__file_posix(struct blt__file *file)
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
      pread(self__file_posix(file)->fd, buf, len < MAX_IO ? len : MAX_IO, (off_t)off);
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
  if (off >= self__file_posix(file)->last || end > self__file_posix(file)->limit)
    self__file_posix(file)->limit = length_limit();
  if (end > self__file_posix(file)->limit)
    return -EFBIG;
  if (off > self__file_posix(file)->last)
    self__file_posix(file)->last = off;
  ssize_t done = pwritev(self__file_posix(file)->fd, iov, (int)n, (off_t)off);
  return done < 0 ? -errno : done;
}

static int posix_size(struct blt__file *file, uint64_t *out)
{
  struct stat st;

  if (fstat(self__file_posix(file)->fd, &st) != 0)
    return -errno;
  *out = (uint64_t)st.st_size;
  return 0;
}

/* Making a file shorter is permitted above the limit, too. */
static int posix_set_size(struct blt__file *file, uint64_t len)
{
  uint64_t size = 0;
  int result = 0;

  self__file_posix(file)->limit = length_limit();
  if (len > self__file_posix(file)->limit && (result = posix_size(file, &size)) != 0)
    return result;
  if (len > self__file_posix(file)->limit && len > size)
    return -EFBIG;
  do
    result = ftruncate(self__file_posix(file)->fd, (off_t)len);
  while (result != 0 && errno == EINTR);
  if (len < self__file_posix(file)->last)
    self__file_posix(file)->last = len;
  return result != 0 ? -errno : 0;
}

static int posix_reserve(struct blt__file *file, uint64_t off, uint64_t len)
{
  int result;

  if (off + len > length_limit())
    return -EFBIG;
  do
    result =
        fallocate(self__file_posix(file)->fd, FALLOC_FL_KEEP_SIZE, (off_t)off, (off_t)len);
  while (result != 0 && errno == EINTR);
  return result != 0 ? -errno : 0;
}

static int posix_punch(struct blt__file *file, uint64_t off, uint64_t len)
{
  int result =
      fallocate(self__file_posix(file)->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                (off_t)off, (off_t)len);
  return result != 0 ? -errno : 0;
}

/* This asks for no waiting, so that a failure is left for the sync to tell. */
static void posix_begin_sync(struct blt__file *file, uint64_t off, uint64_t len)
{
  (void)sync_file_range(self__file_posix(file)->fd, (off_t)off, (off_t)len,
                        SYNC_FILE_RANGE_WRITE);
}

static int posix_sync(struct blt__file *file)
{
  return fdatasync(self__file_posix(file)->fd) != 0 ? -errno : 0;
}

static int posix_lock(struct blt__file *file, int exclusive, int wait)
{
  int how = (exclusive ? LOCK_EX : LOCK_SH) | (wait ? 0 : LOCK_NB);

  return flock(self__file_posix(file)->fd, how) != 0 ? -errno : 0;
}

static int posix_unlock(struct blt__file *file)
{
  return flock(self__file_posix(file)->fd, LOCK_UN) != 0 ? -errno : 0;
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
                    self__file_posix(file)->fd, 0);
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
  struct posix_file *posix = self__file_posix(file);
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

static blt_status open_path(const struct blt__sink *sink, const char *path,
                            int writable, int *out_fd)
{
  int flags = (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK;
  int fd;

  do
    fd = open(path, flags);
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
  if (fstat(self__file_posix(file)->fd, &st) != 0)
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

static int write_content__file_posix(int fd, const struct blt__content *content,
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
  if (fd < 0)
    return blt__fail_errno(sink, errno, BLT_NO_OFFSET, "create the file");
  blt_status status = blt__place_judge(sink, blt__place_type(fd), how->network);
  if (status == BLT_OK)
    error = write_content__file_posix(fd, content, how->durable);
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
#undef MAX_IO
#undef MAP_ALIGN

/* ==== os/guard.h */

/*
 * guard.h - a mapped file that is cut by somebody is a status, not a signal
 */
#ifndef BLT_OS_GUARD_H
#define BLT_OS_GUARD_H


/*
 * From now on a SIGBUS inside [base, base + len) puts zeros there and sets
 * *hit. Returns a ticket for blt__guard_remove, or -1 when there are too many
 * mappings or no handler could be set (the mapping is then not guarded).
 */
int blt__guard_add(void *base, size_t len, _Atomic int *hit);
void blt__guard_remove(int ticket);

#endif

/* ==== os/guard.c */

/*
 * guard.c - a mapped file that is cut by somebody is a status, not a signal
 *
 * The handler looks the faulting address up in a table of our mappings. Ours:
 * it maps a page of zeros over the place and raises the mapping's flag, which
 * every public call looks at before it returns. Not ours: the handler that
 * was there before gets it. The table has a fixed size and is only touched
 * with atomics, since a handler may not take locks.
 *
 * systemd's journal reader does the same (src/basic/sigbus.c there).
 */


enum { N_GUARDS = 1024 };

static struct guard__guard {
  _Atomic uintptr_t base; /* 0: free; set last, cleared first               */
  _Atomic size_t len;
  _Atomic(_Atomic int *) hit;
  _Atomic int taken;
} guards[N_GUARDS];

static struct sigaction previous;
static pthread_once_t once__guard = PTHREAD_ONCE_INIT;
static int installed;

static struct guard__guard *find_guard(uintptr_t address)
{
  for (int i = 0; i < N_GUARDS; i++) {
    uintptr_t base = atomic_load(&guards[i].base);
    if (base != 0 && address >= base &&
        address - base < atomic_load(&guards[i].len))
      return &guards[i];
  }
  return NULL;
}

static void pass_on(int number, siginfo_t *info, void *context)
{
  if (previous.sa_flags & SA_SIGINFO) {
    previous.sa_sigaction(number, info, context);
    return;
  }
  if (previous.sa_handler == SIG_IGN && info->si_code <= 0)
    return;
  if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN) {
    previous.sa_handler(number);
    return;
  }
  /* The default: once we return, the fault happens again and kills. */
  (void)signal(number, SIG_DFL);
  if (info->si_code <= 0)
    (void)raise(number);
}

static void on_sigbus(int number, siginfo_t *info, void *context)
{
  uintptr_t address = (uintptr_t)info->si_addr;
  struct guard__guard *guard__guard = info->si_code > 0 ? find_guard(address) : NULL;
  uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

  if (guard__guard == NULL) {
    pass_on(number, info, context);
    return;
  }
  uint8_t *at = (uint8_t *)info->si_addr - address % page;
  if (mmap(at, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
           0) == MAP_FAILED) {
    pass_on(number, info, context);
    return;
  }
  atomic_store(atomic_load(&guard__guard->hit), 1);
}

static void install(void)
{
  struct sigaction action = {.sa_sigaction = on_sigbus,
                             .sa_flags = SA_SIGINFO | SA_ONSTACK};

  sigemptyset(&action.sa_mask);
  installed = sigaction(SIGBUS, &action, &previous) == 0;
}

int blt__guard_add(void *base, size_t len, _Atomic int *hit)
{
  pthread_once(&once__guard, install);
  if (!installed)
    return -1;
  for (int i = 0; i < N_GUARDS; i++) {
    if (atomic_exchange(&guards[i].taken, 1) != 0)
      continue;
    atomic_store(&guards[i].len, len);
    atomic_store(&guards[i].hit, hit);
    atomic_store(&guards[i].base, (uintptr_t)base);
    return i;
  }
  return -1;
}

void blt__guard_remove(int ticket)
{
  if (ticket < 0)
    return;
  atomic_store(&guards[ticket].base, 0);
  atomic_store(&guards[ticket].taken, 0);
}

/* ==== os/lock.h */

/*
 * lock.h - the lock on the whole file, as booklet takes it, and who has it
 */
#ifndef BLT_OS_LOCK_H
#define BLT_OS_LOCK_H


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

/* ==== os/lock.c */

/*
 * lock.c - the lock on the whole file, as booklet takes it, and who has it
 */


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
  struct blt__file_id id;
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

/* ==== base/memory.c */

/*
 * memory.c - what the kernel can do for a large row of memory
 */


enum { LARGE_PAGE = 2 << 20, WORTH_A_CALL = 64 << 10 };

/* Where pages are larger, what is not a whole one is refused, and is met one by
 * one. */
#define PAGE ((uintptr_t)4096)

void blt__memory_want_large_pages(void *memory, size_t len)
{
#ifdef MADV_HUGEPAGE
  const uintptr_t mask = LARGE_PAGE - 1;
  const uintptr_t begin = ((uintptr_t)memory + mask) & ~mask;
  const uintptr_t end = ((uintptr_t)memory + len) & ~mask;

  if (begin >= end)
    return;
  /* An allocator may hand out pages that were used before: small ones, which
   * would stay so. */
  (void)madvise((void *)begin, end - begin, MADV_DONTNEED);
  (void)madvise((void *)begin, end - begin, MADV_HUGEPAGE);
#else
  (void)memory;
  (void)len;
#endif
}

void blt__memory_bring(void *memory, size_t len)
{
#ifdef MADV_POPULATE_WRITE
  const uintptr_t begin = ((uintptr_t)memory + PAGE - 1) & ~(PAGE - 1);
  const uintptr_t end = ((uintptr_t)memory + len) & ~(PAGE - 1);

  if (begin < end && end - begin >= WORTH_A_CALL)
    (void)madvise((void *)begin, end - begin, MADV_POPULATE_WRITE);
#else
  (void)memory;
  (void)len;
#endif
}
#undef PAGE

/* ==== os/place.c */

/*
 * place.c - the kind of file system that a file is on, and what is safe there
 */


/* The numbers stand in statfs(2), in the kernel's magic.h and, for those
 * outside the kernel, in the sources of stat(1). virtiofs and sshfs are FUSE
 * to the kernel, and have its number. */
static const struct blt__place places[] = {
    {0x65735546, "FUSE", 0},   {0x6969, "NFS", 1},
    {0xfe534d42, "SMB", 1}, /* SMB 2 and 3 */
    {0xff534d42, "SMB", 1}, /* CIFS */
    {0x517b, "SMB", 1},        {0x01021997, "9p", 1},
    {0x00c36400, "Ceph", 1},   {0x5346414f, "AFS", 1},
    {0x6b414653, "AFS", 1},    {0x73757245, "Coda", 1},
    {0x564c, "NCP", 1},        {0x0bd00bd0, "Lustre", 1},
    {0x47504653, "GPFS", 1},   {0x20030528, "OrangeFS", 1},
    {0xbacbacbc, "vmhgfs", 1}, {0x786f4256, "vboxsf", 1},
};

static const struct blt__place local = {0, "", 0};

const struct blt__place *blt__place_of(uint32_t type)
{
  for (size_t i = 0; i < sizeof places / sizeof *places; i++)
    if (places[i].type == type)
      return &places[i];
  return &local;
}

uint32_t blt__place_type(int fd)
{
  struct statfs fs;

  return fstatfs(fd, &fs) == 0 ? (uint32_t)fs.f_type : 0;
}

blt_status blt__place_judge(const struct blt__sink *sink, uint32_t type,
                            int is_permitted)
{
  const struct blt__place *place = blt__place_of(type);

  if (is_permitted || !place->is_network)
    return BLT_OK;
  return blt__fail(sink, BLT_E_NETWORK, BLT_NO_OFFSET,
                   "not written to: it is on %s, where the lock may not hold "
                   "off other machines; use a local disk, or set "
                   "options.network if no other machine writes to it",
                   place->name);
}

/* ==== os/turns.h */

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

/* ==== os/turns.c */

/*
 * turns.c - the callers of a writing handle take turns
 */


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

/* ==== os/view.h */

/*
 * view.h - the bounds-checked window on the bytes of a file that may grow
 *
 *   0            loaded by map or read          size          room
 *   |===================== bytes ================|. . . . . . . |
 *
 *   V1  Nothing outside [0, size) is ever given out.
 *   V2  size is lowered before the file is cut, and raised after it has
 *       grown, or a reader would meet a signal.
 *   V3  A pointer that was given out stays good until the view is closed or
 *       cut: the window never moves. When it must become larger than its
 *       room, a second one is opened and the first one stays.
 *
 * Where a mapping is not wanted the window is memory of our own at a fixed
 * place, filled by read_at when a part is first asked for.
 */
#ifndef BLT_OS_VIEW_H
#define BLT_OS_VIEW_H



struct blt__window {
  uint8_t *base;
  size_t room;
  int ticket; /* guard, or -1                                               */
};

enum { BLT__MAX_WINDOWS = 24 };

struct blt__view {
  struct blt__file *file;       /* borrowed                               */
  const struct blt__env *env;   /* borrowed                               */
  const struct blt__sink *sink; /* borrowed                               */
  uint8_t *base;                /* of the newest window                   */
  uint64_t size;
  uint64_t file_len; /* of the file, which is zeros from size on           */
  int by_read;       /* filled by read_at, not mapped          */
  int guard_wanted;
  _Atomic int hit;          /* the file was cut under the mapping     */
  _Atomic int read_failure; /* the last status of a read that failed       */
  struct blt__window windows[BLT__MAX_WINDOWS];
  unsigned n_windows;
  /* by_read only: a bit for each piece that is filled */
  _Atomic uint8_t *filled;
  size_t filled_len;
  pthread_mutex_t fill_mutex;
};

struct blt__view_how {
  int by_read;
  int guard; /* catch SIGBUS                                             */
  int grows; /* leave room: the file will be written to                  */
};

/* Take the file's size now and open a window on it. */
blt_status blt__view_open(struct blt__view *view, struct blt__file *file,
                          const struct blt__env *env,
                          const struct blt__sink *sink,
                          const struct blt__view_how *how);
void blt__view_close(struct blt__view *view);

/* The slow part of blt__view_at. */
blt_status blt__view_fill(struct blt__view *view, uint64_t off, uint64_t len);
blt_status blt__view_outside(const struct blt__view *view, uint64_t off,
                             uint64_t len);

static inline int blt__view_has(const struct blt__view *view, uint64_t off,
                                uint64_t len)
{
  return len <= view->size && off <= view->size - len;
}

/* The one door to file bytes: [off, off + len) or BLT_E_CORRUPT. */
static inline blt_status blt__view_at(struct blt__view *view, uint64_t off,
                                      uint64_t len, const uint8_t **out)
{
  if (!blt__view_has(view, off, len))
    return blt__view_outside(view, off, len);
  if (view->by_read) {
    blt_status status = blt__view_fill(view, off, len);
    if (status < 0)
      return status;
  }
  *out = view->base + off;
  return BLT_OK;
}

/* 0 also when it cannot be read. */
int blt__view_is_zero(struct blt__view *view, uint64_t off, uint64_t len);

static inline int blt__view_is_hit(const struct blt__view *view)
{
  return atomic_load_explicit(&view->hit, memory_order_relaxed) != 0;
}

/* BLT_E_TRUNCATED when zeros stand where file bytes should be. */
blt_status blt__view_judge(const struct blt__view *view, blt_status status);

/*
 * Work that takes what cannot be read for damage (recovery, repair, verify)
 * must not take a disk that failed for a moment for it: start with forget, and
 * before believing the result ask whether every read went well.
 */
void blt__view_forget_failure(struct blt__view *view);
blt_status blt__view_failure(const struct blt__view *view);

/* Positional write; the window shows it at once. Never changes size. */
blt_status blt__view_write(struct blt__view *view, uint64_t off,
                           const struct blt__span *spans, size_t n_spans);

/* Write behind the end; the window grows by it. Where that makes the file
 * longer, the same write brings zeros up to `file_end`, as far as there is
 * space for them. */
blt_status blt__view_append(struct blt__view *view,
                            const struct blt__span *spans, size_t n_spans,
                            uint64_t file_end);

/* Cut or extend the file (with zeros) and the window with it (V2). */
blt_status blt__view_set_size(struct blt__view *view, uint64_t size);

/* Cut the file to `size`, and the window in any case, for those who have
 * another failure to tell of: 0 or -errno. */
int blt__view_cut(struct blt__view *view, uint64_t size);

/* See less or more of the file without changing it. */
blt_status blt__view_look(struct blt__view *view, uint64_t size);

void blt__view_advise(struct blt__view *view, uint64_t off, uint64_t len,
                      enum blt__hint hint);

#endif

/* ==== os/view.c */

/*
 * view.c - the bounds-checked window on the bytes of a file that may grow
 */



/* What is read at once where nothing is mapped. */
#define PIECE_LEN ((size_t)64 << 10)

/* Address space for a file that will grow: nothing but numbers, on a 64-bit
 * machine. Halved until the process may have it. */
#define ROOM_WANTED ((uint64_t)1 << 36)
#define ROOM_ALIGN ((uint64_t)2 << 20)

static uint64_t round_up(uint64_t n, uint64_t unit)
{
  return (n + unit - 1) / unit * unit;
}

static int open_own_memory(size_t room, void **out)
{
  void *base = mmap(NULL, room, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

  if (base == MAP_FAILED)
    return -errno;
  *out = base;
  return 0;
}

static blt_status start_filling(struct blt__view *view, size_t room)
{
  size_t len = room / PIECE_LEN / 8 + 1;
  uint8_t *bits = blt__alloc(view->env, len);

  if (bits == NULL)
    return blt__fail_memory(view->sink);
  memset(bits, 0, len);
  blt__release(view->env, (void *)(uintptr_t)view->filled, view->filled_len);
  view->filled = (_Atomic uint8_t *)bits;
  view->filled_len = len;
  return BLT_OK;
}

/* A window with room for at least `need` bytes, `want` if possible. */
static blt_status open_window(struct blt__view *view, uint64_t need,
                              uint64_t want)
{
  uint64_t room = round_up((want > need ? want : need) + 1, ROOM_ALIGN);
  void *base = NULL;
  int error = -ENOMEM;
  blt_status status;

  if (view->n_windows == BLT__MAX_WINDOWS || room > SIZE_MAX / 4)
    return blt__fail_memory(view->sink);
  for (;;) {
    error = view->by_read
                ? open_own_memory((size_t)room, &base)
                : view->file->ops->map(view->file, (size_t)room, &base);
    if (error == 0 || room / 2 < need || room / 2 < ROOM_ALIGN)
      break;
    room = round_up(room / 2, ROOM_ALIGN);
  }
  if (error != 0)
    return blt__fail_errno(view->sink, -error, BLT_NO_OFFSET, "map the file");
  if (view->by_read && (status = start_filling(view, (size_t)room)) < 0) {
    munmap(base, (size_t)room);
    return status;
  }
  struct blt__window *window = &view->windows[view->n_windows++];
  *window =
      (struct blt__window){.base = base, .room = (size_t)room, .ticket = -1};
  if (view->guard_wanted && !view->by_read)
    window->ticket = blt__guard_add(base, (size_t)room, &view->hit);
  view->base = base;
  return BLT_OK;
}

blt_status blt__view_open(struct blt__view *view, struct blt__file *file,
                          const struct blt__env *env,
                          const struct blt__sink *sink,
                          const struct blt__view_how *how)
{
  uint64_t size;

  *view = (struct blt__view){.file = file,
                             .env = env,
                             .sink = sink,
                             .by_read = how->by_read,
                             .guard_wanted = how->guard};
  int error = file->ops->size(file, &size);
  if (error != 0)
    return blt__fail_errno(sink, -error, BLT_NO_OFFSET, "ask for the size");
  if (size >> 48 != 0)
    return blt__fail(sink, BLT_E_CORRUPT, BLT_NO_OFFSET,
                     "the file is larger than the format can address");
  pthread_mutex_init(&view->fill_mutex, NULL);
  blt_status status = open_window(view, size, how->grows ? ROOM_WANTED : size);
  if (status < 0) {
    pthread_mutex_destroy(&view->fill_mutex);
    return status;
  }
  view->size = view->file_len = size;
  blt__view_advise(view, 0, size, BLT__HINT_RANDOM);
  return BLT_OK;
}

void blt__view_close(struct blt__view *view)
{
  if (view->n_windows == 0)
    return;
  for (unsigned i = 0; i < view->n_windows; i++) {
    blt__guard_remove(view->windows[i].ticket);
    if (view->by_read)
      munmap(view->windows[i].base, view->windows[i].room);
    else
      view->file->ops->unmap(view->file, view->windows[i].base,
                             view->windows[i].room);
  }
  blt__release(view->env, (void *)(uintptr_t)view->filled, view->filled_len);
  pthread_mutex_destroy(&view->fill_mutex);
  view->n_windows = 0;
  view->filled = NULL;
  view->base = NULL;
  view->size = view->file_len = 0;
}

blt_status blt__view_outside(const struct blt__view *view, uint64_t off,
                             uint64_t len)
{
  return blt__fail(view->sink, BLT_E_CORRUPT, off,
                   "%llu bytes are wanted here but the file has %llu in all; "
                   "run \"blt verify\"",
                   (unsigned long long)len, (unsigned long long)view->size);
}

static blt_status fill_piece(struct blt__view *view, size_t piece)
{
  uint64_t off = (uint64_t)piece * PIECE_LEN;
  size_t len =
      view->size - off < PIECE_LEN ? (size_t)(view->size - off) : PIECE_LEN;
  uint8_t bit = (uint8_t)(1u << piece % 8);
  blt_status status = BLT_OK;

  pthread_mutex_lock(&view->fill_mutex);
  if (!(atomic_load(&view->filled[piece / 8]) & bit)) {
    status = blt__file_read(view->file, view->sink, off, view->base + off, len);
    if (status == BLT_OK)
      atomic_fetch_or(&view->filled[piece / 8], bit);
  }
  pthread_mutex_unlock(&view->fill_mutex);
  if (status < 0)
    atomic_store(&view->read_failure, status);
  return status;
}

blt_status blt__view_fill(struct blt__view *view, uint64_t off, uint64_t len)
{
  size_t piece = (size_t)(off / PIECE_LEN);
  size_t last = len == 0 ? piece : (size_t)((off + len - 1) / PIECE_LEN);
  blt_status status = BLT_OK;

  for (; piece <= last && status == BLT_OK; piece++) {
    uint8_t bits =
        atomic_load_explicit(&view->filled[piece / 8], memory_order_acquire);
    if (!(bits & 1u << piece % 8) && piece * PIECE_LEN < view->size)
      status = fill_piece(view, piece);
  }
  return status;
}

int blt__view_is_zero(struct blt__view *view, uint64_t off, uint64_t len)
{
  enum { PIECE__view = 65536 };

  while (len > 0) {
    const uint8_t *p = NULL;
    uint64_t n = len < PIECE__view ? len : PIECE__view;
    if (blt__view_at(view, off, n, &p) < 0)
      return 0;
    for (uint64_t i = 0; i < n; i++)
      if (p[i] != 0)
        return 0;
    off += n;
    len -= n;
  }
  return 1;
}

blt_status blt__view_judge(const struct blt__view *view, blt_status status)
{
  if (!blt__view_is_hit(view))
    return status;
  return blt__fail(view->sink, BLT_E_TRUNCATED, BLT_NO_OFFSET,
                   "another program cut the file while it was open; close it "
                   "and run \"blt verify\"");
}

void blt__view_forget_failure(struct blt__view *view)
{
  atomic_store(&view->read_failure, BLT_OK);
}

blt_status blt__view_failure(const struct blt__view *view)
{
  int status = atomic_load(&view->read_failure);

  if (status == BLT_OK)
    return blt__view_judge(view, BLT_OK);
  return blt__fail(view->sink, (blt_status)status, BLT_NO_OFFSET,
                   "a part of the file could not be read; try again");
}

/* What was written, put into the pieces that are filled already. */
static void show_write(struct blt__view *view, uint64_t off,
                       const struct blt__span *spans, size_t n_spans)
{
  for (size_t i = 0; i < n_spans; i++) {
    if (spans[i].len > 0 &&
        off + spans[i].len <= view->windows[view->n_windows - 1].room)
      memcpy(view->base + off, spans[i].data, spans[i].len);
    off += spans[i].len;
  }
}

blt_status blt__view_write(struct blt__view *view, uint64_t off,
                           const struct blt__span *spans, size_t n_spans)
{
  blt_status status =
      blt__file_write(view->file, view->sink, off, spans, n_spans);

  if (status == BLT_OK && view->by_read)
    show_write(view, off, spans, n_spans);
  return status;
}

/* Read it again when it is next asked for. */
static void forget_piece(struct blt__view *view, uint64_t piece)
{
  atomic_fetch_and(&view->filled[piece / 8], (uint8_t) ~(1u << piece % 8));
}

blt_status blt__view_look(struct blt__view *view, uint64_t size)
{
  struct blt__window *window = &view->windows[view->n_windows - 1];

  if (size > window->room) {
    blt_status status = open_window(view, size, size * 2);
    if (status < 0)
      return status;
  }
  if (view->by_read && size > view->size)
    forget_piece(view, view->size / PIECE_LEN);
  view->size = size;
  return BLT_OK;
}

static blt_status fail_too_long(const struct blt__view *view)
{
  return blt__fail(view->sink, BLT_E_TOO_BIG, BLT_NO_OFFSET,
                   "the file would be larger than the format can address");
}

/* V2 */
static void see_less(struct blt__view *view, uint64_t size)
{
  uint64_t before = view->size;

  view->size = size;
  if (view->by_read)
    for (size_t piece = size / PIECE_LEN; piece <= before / PIECE_LEN; piece++)
      forget_piece(view, piece);
}

int blt__view_cut(struct blt__view *view, uint64_t size)
{
  see_less(view, size);
  int error = view->file->ops->set_size(view->file, size);
  if (error == 0)
    view->file_len = size;
  return error;
}

blt_status blt__view_set_size(struct blt__view *view, uint64_t size)
{
  if (size >> 48 != 0)
    return fail_too_long(view);
  if (size < view->size)
    see_less(view, size);
  int error = view->file->ops->set_size(view->file, size);
  if (error != 0)
    return blt__fail_errno(view->sink, -error, size, "change the file's size");
  view->file_len = size;
  return blt__view_look(view, size);
}

/* ---- append */

/* Only ever read, and without a byte in the library's file. */
static uint8_t zeros[64 << 10];

/* The spans and `len` zeros, as far as there is room for them; how many. */
static size_t add_zeros(struct blt__span *all, const struct blt__span *spans,
                        size_t n_spans, uint64_t len)
{
  size_t n = 0;

  for (; n < n_spans; n++)
    all[n] = spans[n];
  for (; len > 0 && n < BLT__SPANS_MAX; n++) {
    all[n] = (struct blt__span){zeros, sizeof zeros};
    if (len < sizeof zeros)
      all[n].len = (size_t)len;
    len -= all[n].len;
  }
  return n;
}

static uint64_t len_of(const struct blt__span *spans, size_t n_spans)
{
  uint64_t len = 0;

  for (size_t i = 0; i < n_spans; i++)
    len += spans[i].len;
  return len;
}

blt_status blt__view_append(struct blt__view *view,
                            const struct blt__span *spans, size_t n_spans,
                            uint64_t file_end)
{
  struct blt__span all[BLT__SPANS_MAX] = {{NULL, 0}};
  const uint64_t off = view->size;
  const uint64_t end = off + len_of(spans, n_spans);
  const int runs_ahead = end > view->file_len && file_end > end;

  if (end >> 48 != 0 || n_spans > BLT__SPANS_MAX)
    return fail_too_long(view);
  size_t n = add_zeros(all, spans, n_spans, runs_ahead ? file_end - end : 0);
  const uint64_t wanted = off + len_of(all, n);
  if (wanted > view->file_len)
    view->file_len = wanted; /* or less, should the write fail */
  blt_status status = blt__view_write(view, off, all, n);
  if (status == BLT_E_NO_SPACE && n > n_spans)
    status = blt__view_write(view, off, spans, n_spans);
  return status == BLT_OK ? blt__view_look(view, end) : status;
}

void blt__view_advise(struct blt__view *view, uint64_t off, uint64_t len,
                      enum blt__hint hint)
{
  uint64_t begin = off / 4096 * 4096;

  if (view->by_read || view->n_windows == 0)
    return;
  if (begin + len > view->windows[view->n_windows - 1].room)
    len = view->windows[view->n_windows - 1].room - begin;
  view->file->ops->advise(view->file, view->base + begin,
                          (size_t)(len + off - begin), hint);
}
#undef PIECE_LEN
#undef ROOM_WANTED
#undef ROOM_ALIGN

/* ==== base/bytes.h */

/*
 * bytes.h - little-endian numbers in a row of bytes
 *
 * The only place that knows the byte order of the file. Where it is that of
 * memory, each of these is one or two moves: compilers put bytes together by
 * themselves as well, but not in every place.
 */
#ifndef BLT_BASE_BYTES_H
#define BLT_BASE_BYTES_H


/* Does memory hold numbers as the file does? A test says no (BLT__ANY_ORDER),
 * to have what other machines have. */
static inline int blt__is_little_endian(void)
{
#ifdef BLT__ANY_ORDER
  return 0;
#else
  return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;
#endif
}

static inline uint32_t blt__get2(const uint8_t *p)
{
  uint16_t v;

  if (!blt__is_little_endian())
    return (uint32_t)p[0] | (uint32_t)p[1] << 8;
  memcpy(&v, p, sizeof v);
  return v;
}

static inline uint32_t blt__get4(const uint8_t *p)
{
  uint32_t v;

  if (!blt__is_little_endian())
    return blt__get2(p) | blt__get2(p + 2) << 16;
  memcpy(&v, p, sizeof v);
  return v;
}

static inline uint64_t blt__get6(const uint8_t *p)
{
  return (uint64_t)blt__get4(p) | (uint64_t)blt__get2(p + 4) << 32;
}

static inline uint64_t blt__get7(const uint8_t *p)
{
  return blt__get6(p) | (uint64_t)p[6] << 48;
}

static inline uint64_t blt__get8(const uint8_t *p)
{
  uint64_t v;

  if (!blt__is_little_endian())
    return (uint64_t)blt__get4(p) | (uint64_t)blt__get4(p + 4) << 32;
  memcpy(&v, p, sizeof v);
  return v;
}

static inline void blt__put2(uint8_t *p, uint32_t v)
{
  const uint16_t low = (uint16_t)v;

  if (blt__is_little_endian()) {
    memcpy(p, &low, sizeof low);
  } else {
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
  }
}

static inline void blt__put4(uint8_t *p, uint32_t v)
{
  if (blt__is_little_endian()) {
    memcpy(p, &v, sizeof v);
  } else {
    blt__put2(p, v);
    blt__put2(p + 2, v >> 16);
  }
}

static inline void blt__put6(uint8_t *p, uint64_t v)
{
  blt__put4(p, (uint32_t)v);
  blt__put2(p + 4, (uint32_t)(v >> 32));
}

static inline void blt__put7(uint8_t *p, uint64_t v)
{
  blt__put6(p, v);
  p[6] = (uint8_t)(v >> 48);
}

static inline void blt__put8(uint8_t *p, uint64_t v)
{
  blt__put4(p, (uint32_t)v);
  blt__put4(p + 4, (uint32_t)(v >> 32));
}

#endif

/* ==== format/limits.h */

/*
 * limits.h - the numbers of the format (docs/format.md)
 */
#ifndef BLT_FORMAT_LIMITS_H
#define BLT_FORMAT_LIMITS_H


enum {
  BLT__HEADER_LEN = 200,
  BLT__HASH_LEN = 13,
  BLT__LINK_LEN = 6,
  BLT__LINK_OFF = 13, /* of a block's next link                           */
  BLT__KEYLEN_OFF = 19,
  BLT__VALUELEN_OFF = 21,
  BLT__HEAD_VARIABLE = 25,
  BLT__HEAD_FIXED = 21,
  BLT__TIMESTAMP_LEN = 7,
  BLT__KEY_MAX = 65535,
  BLT__HEAD_MAX = 32
};

/* What a power cut leaves whole: docs/protocol.md, section 1. */
enum { BLT__SECTOR_LEN = 512 };

/* Links that are no offsets. */
enum { BLT__LINK_DEAD = 0, BLT__LINK_END = 1 };

#define BLT__VALUE_MAX UINT32_MAX
#define BLT__OFF_MAX (((uint64_t)1 << 48) - 1)
#define BLT__TIMESTAMP_MAX (((uint64_t)1 << 56) - 1)

/* n_keys of a file that was not closed well. */
#define BLT__COUNT_UNCLEAN UINT32_MAX

/* Six ASCII zeros, which old booklets left where an offset should be. */
#define BLT__OFF_ASCII_ZEROS UINT64_C(52983525027888)

#endif

/* ==== format/header.h */

/*
 * header.h - the first 200 bytes
 *
 * A struct blt__header that exists is sane: every field was judged when it
 * was decoded.
 */
#ifndef BLT_FORMAT_HEADER_H
#define BLT_FORMAT_HEADER_H


/* Offsets of the fields that change. */
enum {
  BLT__HDR_BUCKETS = 21,
  BLT__HDR_COUNT = 33,
  BLT__HDR_TIMESTAMP = 42,
  BLT__HDR_UUID = 49,
  BLT__HDR_INDEX = 65,
  BLT__HDR_FIRST = 71,
  BLT__HDR_CHECKPOINT = 77,
  BLT__CHECKPOINT_LEN = 123
};

struct blt__header {
  uint8_t bytes[BLT__HEADER_LEN]; /* as in the file                         */
  int fixed;
  int guarded; /* the kind is inverted: a rewrite was under way    */
  unsigned version;
  uint32_t n_buckets;
  unsigned key_serializer, value_serializer;
  uint32_t n_keys;    /* BLT__COUNT_UNCLEAN: not closed well              */
  uint32_t value_len; /* fixed files                                      */
  int has_timestamps;
  uint64_t file_timestamp;
  uint64_t index_off; /* what is meant; the bytes have what is stored     */
  uint64_t first_off;
};

/* Judge 200 bytes against the file's length. */
blt_status blt__header_decode(struct blt__header *header, const uint8_t *bytes,
                              uint64_t file_len, const struct blt__sink *sink);

/* The header of a new, empty store. */
struct blt__header_new {
  int fixed;
  uint32_t value_len;
  uint32_t n_buckets;
  int has_timestamps;
  unsigned key_serializer, value_serializer;
  uint64_t file_timestamp;
  uint8_t uuid[16];
};
void blt__header_encode(uint8_t *bytes, const struct blt__header_new *how);

/* Turn another file's header into that of an empty store (booklet's
 * init_bytes): no keys, index at 200, no checkpoint. */
void blt__header_empty(uint8_t *bytes);

/* Whether 16 bytes are one of the two kinds, inverted or not. */
int blt__header_is_kind(const uint8_t *bytes);

/* Whether the kind is one of the two, inverted. */
int blt__header_is_guarded(const uint8_t *bytes);

/* Write kind, inverted or not. */
void blt__header_set_kind(uint8_t *bytes, int fixed, int guarded);

#endif

/* ==== format/block.h */

/*
 * block.h - where the fields of a block sit
 *
 *   variable   | hash 13 | next 6 | key len 2 | value len 4 | time 7/0 | key |
 * value | fixed      | hash 13 | next 6 | key len 2 | key | value |
 *
 * Which of the four kinds a file has is data, not a code path.
 */
#ifndef BLT_FORMAT_BLOCK_H
#define BLT_FORMAT_BLOCK_H


struct blt__geometry {
  int fixed;
  uint32_t value_len; /* fixed files                                       */
  unsigned time_off;  /* of the timestamp; equals key_off without one      */
  unsigned key_off;   /* of the key: the length of a block's head          */
  uint64_t stride;    /* how far a scan moves over zeros                   */
};

/* A block's head, copied out of the file. */
struct blt__block {
  uint64_t off;
  uint64_t next; /* as stored                                         */
  uint32_t key_len;
  uint32_t value_len;
  uint64_t len; /* of the whole block                                */
  uint64_t key_off, value_off; /* in the file                               */
};

static inline int blt__geometry_has_time(const struct blt__geometry *g)
{
  return g->key_off != g->time_off;
}

static inline void blt__geometry_init(struct blt__geometry *g, int fixed,
                                      uint32_t value_len, int has_timestamps)
{
  unsigned head = fixed ? BLT__HEAD_FIXED : BLT__HEAD_VARIABLE;
  unsigned time = has_timestamps ? BLT__TIMESTAMP_LEN : 0;

  *g = (struct blt__geometry){
      .fixed = fixed,
      .value_len = fixed ? value_len : 0,
      .time_off = head,
      .key_off = head + time,
      .stride = (uint64_t)head + time + (fixed ? value_len : 0),
  };
}

static inline uint64_t blt__geometry_block_len(const struct blt__geometry *g,
                                               uint64_t key_len,
                                               uint64_t value_len)
{
  return g->key_off + key_len + value_len;
}

/* From the key_off bytes at `head`. The length is not judged. */
static inline void blt__block_decode(const struct blt__geometry *g,
                                     uint64_t off, const uint8_t *head,
                                     struct blt__block *out)
{
  out->off = off;
  out->next = blt__get6(head + BLT__LINK_OFF);
  out->key_len = blt__get2(head + BLT__KEYLEN_OFF);
  out->value_len =
      g->fixed ? g->value_len : blt__get4(head + BLT__VALUELEN_OFF);
  out->key_off = off + g->key_off;
  out->value_off = out->key_off + out->key_len;
  out->len = (uint64_t)g->key_off + out->key_len + out->value_len;
}

static inline uint64_t blt__block_time(const struct blt__geometry *g,
                                       const uint8_t *head)
{
  return blt__geometry_has_time(g) ? blt__get7(head + g->time_off) : 0;
}

/* The head of a block, key_off bytes. */
static inline void blt__block_encode(const struct blt__geometry *g,
                                     uint8_t *head, const uint8_t *hash,
                                     uint64_t next, uint32_t key_len,
                                     uint32_t value_len, uint64_t time)
{
  for (int i = 0; i < BLT__HASH_LEN; i++)
    head[i] = hash[i];
  blt__put6(head + BLT__LINK_OFF, next);
  blt__put2(head + BLT__KEYLEN_OFF, key_len);
  if (!g->fixed)
    blt__put4(head + BLT__VALUELEN_OFF, value_len);
  if (blt__geometry_has_time(g))
    blt__put7(head + g->time_off, time);
}

#endif

/* ==== format/bodyhash.h */

/*
 * bodyhash.h - the two hashes that stand behind the blocks of a batch
 *
 * Links and times change in place later, so the body is hashed as if they
 * were zero; the times have a hash of their own.
 */
#ifndef BLT_FORMAT_BODYHASH_H
#define BLT_FORMAT_BODYHASH_H


struct blt__bodyhash {
  uint64_t body, time;
};

struct blt__piece {
  const void *data;
  size_t len;
};

/* Of pieces whose links and times are zero. */
uint64_t blt__bodyhash_blank(const uint8_t *salt,
                             const struct blt__piece *pieces, size_t n);

/* Of a body as it stands in a file. 0 when it is not a row of blocks. */
int blt__bodyhash_file(const struct blt__geometry *geo, const uint8_t *salt,
                       const uint8_t *body, uint64_t len,
                       struct blt__bodyhash *out);

#endif

/* ==== format/bodyhash.c */

/*
 * bodyhash.c - the two hashes that stand behind the blocks of a batch
 */
#define XXH_STATIC_LINKING_ONLY


static void start(XXH3_state_t *state, const uint8_t *salt)
{
  XXH3_INITSTATE(state);
  XXH3_64bits_reset_withSeed(state, blt__get8(salt));
}

uint64_t blt__bodyhash_blank(const uint8_t *salt,
                             const struct blt__piece *pieces, size_t n)
{
  XXH3_state_t state;

  if (n == 1)
    return XXH3_64bits_withSeed(pieces[0].data, pieces[0].len, blt__get8(salt));
  start(&state, salt);
  for (size_t i = 0; i < n; i++)
    if (pieces[i].len > 0)
      XXH3_64bits_update(&state, pieces[i].data, pieces[i].len);
  return XXH3_64bits_digest(&state);
}

int blt__bodyhash_file(const struct blt__geometry *geo, const uint8_t *salt,
                       const uint8_t *body, uint64_t len,
                       struct blt__bodyhash *out)
{
  static const uint8_t zeros[BLT__TIMESTAMP_LEN];
  XXH3_state_t state, times;
  unsigned time_len = geo->key_off - geo->time_off;

  start(&state, salt);
  start(&times, salt);
  while (len > 0) {
    struct blt__block block;
    if (len < geo->key_off)
      return 0;
    blt__block_decode(geo, 0, body, &block);
    if (block.len > len)
      return 0;
    XXH3_64bits_update(&state, body, BLT__LINK_OFF);
    XXH3_64bits_update(&state, zeros, BLT__LINK_LEN);
    XXH3_64bits_update(&state, body + BLT__KEYLEN_OFF,
                       geo->time_off - BLT__KEYLEN_OFF);
    if (time_len > 0) {
      XXH3_64bits_update(&state, zeros, time_len);
      XXH3_64bits_update(&times, body + geo->time_off, time_len);
    }
    if (block.len > geo->key_off)
      XXH3_64bits_update(&state, body + geo->key_off,
                         (size_t)(block.len - geo->key_off));
    body += block.len;
    len -= block.len;
  }
  *out = (struct blt__bodyhash){XXH3_64bits_digest(&state),
                                XXH3_64bits_digest(&times)};
  return 1;
}
#undef XXH_STATIC_LINKING_ONLY

/* ==== format/header.c */

/*
 * header.c - the first 200 bytes
 */



static const uint8_t kind_variable[16] = {0x4f, 0x7e, 0x8a, 0x3f, 0xe7, 0x5c,
                                          0x47, 0x50, 0xad, 0x43, 0x0a, 0x72,
                                          0x8f, 0xe3, 0x1c, 0xfe};
static const uint8_t kind_fixed[16] = {0x04, 0xd3, 0xb2, 0x94, 0xf2, 0x10,
                                       0x41, 0x62, 0x95, 0x8d, 0x04, 0x00,
                                       0x73, 0x8c, 0x9e, 0x0a};

static int is_kind(const uint8_t *bytes, const uint8_t *kind, uint8_t mask)
{
  for (int i = 0; i < 16; i++)
    if ((bytes[i] ^ mask) != kind[i])
      return 0;
  return 1;
}

void blt__header_set_kind(uint8_t *bytes, int fixed, int guarded)
{
  const uint8_t *kind = fixed ? kind_fixed : kind_variable;

  for (int i = 0; i < 16; i++)
    bytes[i] = (uint8_t)(kind[i] ^ (guarded ? 0xff : 0));
}

int blt__header_is_guarded(const uint8_t *bytes)
{
  return is_kind(bytes, kind_variable, 0xff) ||
         is_kind(bytes, kind_fixed, 0xff);
}

int blt__header_is_kind(const uint8_t *bytes)
{
  return is_kind(bytes, kind_variable, 0) || is_kind(bytes, kind_fixed, 0) ||
         blt__header_is_guarded(bytes);
}

static blt_status decode_kind(struct blt__header *header, const uint8_t *bytes,
                              const struct blt__sink *sink)
{
  int guarded = blt__header_is_guarded(bytes);
  uint8_t mask = guarded ? 0xff : 0;

  header->guarded = guarded;
  header->fixed = is_kind(bytes, kind_fixed, mask);
  if (header->fixed || is_kind(bytes, kind_variable, mask))
    return BLT_OK;
  return blt__fail(sink, BLT_E_NOT_BOOKLET, BLT_NO_OFFSET,
                   "not a booklet file (first bytes %02x %02x %02x %02x)",
                   bytes[0], bytes[1], bytes[2], bytes[3]);
}

static blt_status judge_widths(const struct blt__header *header,
                               const struct blt__sink *sink)
{
  const uint8_t *b = header->bytes;
  int value_width = header->fixed ? 0 : 4;

  if (header->version < 3 || header->version > 5)
    return blt__fail(sink, BLT_E_VERSION, 16,
                     "format version %u is not one of 3, 4, 5; a newer or "
                     "much older program wrote it",
                     header->version);
  if (b[18] != 6 || b[19] != 2 || b[20] != value_width)
    return blt__fail(sink, BLT_E_CORRUPT, 18,
                     "field widths %u, %u, %u in the header should be 6, 2, %d",
                     b[18], b[19], b[20], value_width);
  return BLT_OK;
}

static uint64_t meant_offset(const uint8_t *stored, uint64_t otherwise)
{
  uint64_t off = blt__get6(stored);

  return off == 0 || off == BLT__OFF_ASCII_ZEROS ? otherwise : off;
}

static blt_status judge_layout(const struct blt__header *h, uint64_t file_len,
                               const struct blt__sink *sink)
{
  uint64_t index_len = (uint64_t)BLT__LINK_LEN * h->n_buckets;

  if (h->n_buckets == 0)
    return blt__fail(sink, BLT_E_CORRUPT, BLT__HDR_BUCKETS,
                     "the header says there are no buckets");
  if (h->index_off < BLT__HEADER_LEN)
    return blt__fail(sink, BLT_E_CORRUPT, BLT__HDR_INDEX,
                     "the index would lie inside the header, at %llu",
                     (unsigned long long)h->index_off);
  if (index_len > file_len || h->index_off > file_len - index_len)
    return blt__fail(sink, BLT_E_CORRUPT, BLT__HDR_BUCKETS,
                     "an index of %u buckets at %llu passes the end of the "
                     "file at %llu; the file was cut, or the header is wrong",
                     h->n_buckets, (unsigned long long)h->index_off,
                     (unsigned long long)file_len);
  int at_front = h->index_off == BLT__HEADER_LEN;
  uint64_t lowest = at_front ? BLT__HEADER_LEN + index_len : BLT__HEADER_LEN;
  uint64_t highest = at_front ? file_len : h->index_off;
  if (h->first_off < lowest || h->first_off > highest)
    return blt__fail(sink, BLT_E_CORRUPT, BLT__HDR_FIRST,
                     "the first block would lie at %llu, outside the data",
                     (unsigned long long)h->first_off);
  return BLT_OK;
}

blt_status blt__header_decode(struct blt__header *header, const uint8_t *bytes,
                              uint64_t file_len, const struct blt__sink *sink)
{
  struct blt__header h = {.n_buckets = blt__get4(bytes + BLT__HDR_BUCKETS)};
  blt_status status;

  memcpy(h.bytes, bytes, sizeof h.bytes);
  if ((status = decode_kind(&h, bytes, sink)) < 0)
    return status;
  h.version = blt__get2(bytes + 16);
  h.value_serializer = blt__get2(bytes + 29);
  h.key_serializer = blt__get2(bytes + 31);
  h.n_keys = blt__get4(bytes + BLT__HDR_COUNT);
  h.value_len = h.fixed ? blt__get4(bytes + 37) : 0;
  h.has_timestamps = !h.fixed && h.version >= 4 && bytes[41] != 0;
  h.file_timestamp = blt__get7(bytes + BLT__HDR_TIMESTAMP);
  h.index_off = meant_offset(bytes + BLT__HDR_INDEX, BLT__HEADER_LEN);
  h.first_off =
      meant_offset(bytes + BLT__HDR_FIRST,
                   BLT__HEADER_LEN + (uint64_t)BLT__LINK_LEN * h.n_buckets);
  if ((status = judge_widths(&h, sink)) < 0 ||
      (status = judge_layout(&h, file_len, sink)) < 0)
    return status;
  *header = h;
  return BLT_OK;
}

void blt__header_encode(uint8_t *bytes, const struct blt__header_new *how)
{
  memset(bytes, 0, BLT__HEADER_LEN);
  blt__header_set_kind(bytes, how->fixed, 0);
  blt__put2(bytes + 16, 5);
  bytes[18] = 6;
  bytes[19] = 2;
  bytes[20] = how->fixed ? 0 : 4;
  blt__put4(bytes + BLT__HDR_BUCKETS, how->n_buckets);
  blt__put2(bytes + 29, how->fixed ? 0 : how->value_serializer);
  blt__put2(bytes + 31, how->key_serializer);
  blt__put4(bytes + 37, how->fixed ? how->value_len : 0);
  bytes[41] = !how->fixed && how->has_timestamps;
  blt__put7(bytes + BLT__HDR_TIMESTAMP, how->file_timestamp);
  memcpy(bytes + BLT__HDR_UUID, how->uuid, 16);
  blt__header_empty(bytes);
}

void blt__header_empty(uint8_t *bytes)
{
  uint64_t n_buckets = blt__get4(bytes + BLT__HDR_BUCKETS);

  blt__put4(bytes + BLT__HDR_COUNT, 0);
  blt__put6(bytes + BLT__HDR_INDEX, BLT__HEADER_LEN);
  blt__put6(bytes + BLT__HDR_FIRST,
            BLT__HEADER_LEN + BLT__LINK_LEN * n_buckets);
  memset(bytes + BLT__HDR_CHECKPOINT, 0, BLT__CHECKPOINT_LEN);
}

/* ==== format/layout.h */

/*
 * layout.h - where slots and regions sit
 *
 *   index at 200    | header | index | data ................................|
 *   relocated       | header | old | data ........ | index | more data .....|
 *                                  ^ first_off     ^ index_off
 */
#ifndef BLT_FORMAT_LAYOUT_H
#define BLT_FORMAT_LAYOUT_H



struct blt__layout {
  uint32_t n_buckets;
  uint64_t index_off, first_off;
  uint64_t weights[3]; /* 2^26, 2^52, 2^78 mod n_buckets                    */
};

struct blt__region {
  uint64_t begin, end;
};

void blt__layout_init(struct blt__layout *layout, uint32_t n_buckets,
                      uint64_t index_off, uint64_t first_off);

static inline uint64_t blt__layout_index_end(const struct blt__layout *layout)
{
  return layout->index_off + (uint64_t)BLT__LINK_LEN * layout->n_buckets;
}

/* The data regions in a file of that length; how many there are. */
unsigned blt__layout_regions(const struct blt__layout *layout,
                             uint64_t file_len, struct blt__region out[2]);

/*
 * The 104-bit number mod n_buckets. Four parts of 26 bits, each times what
 * its place is worth mod n_buckets: the sum stays below 2^60 for any 32-bit
 * n_buckets, so one 64-bit division does it.
 */
static inline uint32_t blt__layout_bucket(const struct blt__layout *layout,
                                          const uint8_t *hash)
{
  const uint64_t mask = ((uint64_t)1 << 26) - 1;
  uint64_t low = blt__get8(hash);
  uint64_t high = blt__get4(hash + 8) | (uint64_t)hash[12] << 32;
  uint64_t sum = (low & mask) + (low >> 26 & mask) * layout->weights[0] +
                 ((low >> 52 | high << 12) & mask) * layout->weights[1] +
                 (high >> 14) * layout->weights[2];

  return (uint32_t)(sum % layout->n_buckets);
}

/* Offset of a key's slot. */
static inline uint64_t blt__layout_slot(const struct blt__layout *layout,
                                        const uint8_t *hash)
{
  return layout->index_off +
         (uint64_t)BLT__LINK_LEN * blt__layout_bucket(layout, hash);
}

/* The smallest bucket count of the growth chain that is >= n_keys. */
uint32_t blt__layout_buckets_for(uint64_t n_keys);

/* Fill `len` bytes of a new index, of which the first is the `phase`-th byte
 * of a slot. */
void blt__layout_fill(uint8_t *out, uint64_t len);

#endif

/* ==== format/layout.c */

/*
 * layout.c - where slots and regions sit
 */



void blt__layout_init(struct blt__layout *layout, uint32_t n_buckets,
                      uint64_t index_off, uint64_t first_off)
{
  uint64_t weight = ((uint64_t)1 << 26) % n_buckets;
  uint64_t square = weight * weight % n_buckets;

  *layout = (struct blt__layout){
      .n_buckets = n_buckets,
      .index_off = index_off,
      .first_off = first_off,
      .weights = {weight, square, square * weight % n_buckets},
  };
}

unsigned blt__layout_regions(const struct blt__layout *layout,
                             uint64_t file_len, struct blt__region out[2])
{
  uint64_t index_end = blt__layout_index_end(layout);

  if (layout->index_off == BLT__HEADER_LEN) {
    out[0] = (struct blt__region){layout->first_off, file_len};
    return 1;
  }
  out[0] = (struct blt__region){layout->first_off, layout->index_off};
  out[1] = (struct blt__region){index_end, file_len};
  return 2;
}

uint32_t blt__layout_buckets_for(uint64_t n_keys)
{
  /* booklet's four, then the first prime above twelve times a round number,
   * and the largest prime that the header's field holds. */
  static const uint32_t chain[] = {12007,     144013,     1728017,   20736017,
                                   248832041, 2985984011, 4294967291};
  unsigned i = 0;

  while (i < sizeof chain / sizeof *chain - 1 && chain[i] < n_keys)
    i++;
  return chain[i];
}

BLT_API uint32_t blt_buckets_for(uint64_t n_keys)
{
  return blt__layout_buckets_for(n_keys);
}

/* Doubling copies: a few long moves instead of one store for each slot. */
void blt__layout_fill(uint8_t *out, uint64_t len)
{
  static const uint8_t empty[BLT__LINK_LEN] = {BLT__LINK_END};
  uint64_t done = len < sizeof empty ? len : sizeof empty;

  memcpy(out, empty, done);
  while (done < len) {
    uint64_t n = done < len - done ? done : len - done;
    memcpy(out + done, out, n);
    done += n;
  }
}

/* ==== format/record.h */

/*
 * record.h - our own data in the file: the checkpoint and the commit record
 *
 * The checkpoint lies in header bytes that booklet keeps and never reads. A
 * commit record is a dead block in front of the blocks of its batch:
 *
 *   E               E + len                        E + len + body_len
 *   | head | payload, patches, tombs, hash, 0 0 0 | block | block | block |
 *     \__ spans the record alone (revealed) or the batch too (cover)
 *
 * docs/format.md has the offsets, docs/protocol.md the meaning.
 */
#ifndef BLT_FORMAT_RECORD_H
#define BLT_FORMAT_RECORD_H


/* ---- checkpoint */

enum blt__state { BLT__CLEAN = 1, BLT__DIRTY = 2, BLT__REPAIR = 3 };
enum {
  BLT__FLAG_OFF = 1,      /* the session never syncs                       */
  BLT__FLAG_WAS_OPEN = 2, /* REPAIR: booklet could open the file before it */
  BLT__FLAG_GAP = 4       /* REPAIR: the log goes on behind a damaged part */
};
enum { BLT__SALT_LEN = 8 };

struct blt__checkpoint {
  enum blt__state state;
  unsigned flags;
  uint8_t salt[BLT__SALT_LEN];
  uint64_t log_seq;   /* of the first record that recovery must look at     */
  uint64_t log_start; /* where it stands                                    */
  uint64_t committed; /* CLEAN: file length; REPAIR: limit of the old file  */
  uint32_t n_keys;
  uint64_t index_off, first_off; /* mirrors of the layout                   */
  uint32_t n_buckets;
  uint64_t boot_id;
};

/* Put it into the 200 header bytes. */
void blt__checkpoint_encode(uint8_t *header,
                            const struct blt__checkpoint *checkpoint);
/* 1, or 0 when there is none that is whole. */
int blt__checkpoint_decode(const uint8_t *header, struct blt__checkpoint *out);

/* ---- commit record */

enum blt__record_kind {
  BLT__RECORD_BATCH = 1,
  BLT__RECORD_PART = 2,    /* the batch goes on in the next record          */
  BLT__RECORD_REWRITE = 3, /* covers a copy of the store                    */
  BLT__RECORD_TAIL = 4     /* covers what a slide has left behind           */
};

enum {
  BLT__RECORD_TAG_LEN = 5,
  BLT__RECORD_FIXED_LEN = 94, /* of the payload before the patches          */
  BLT__PATCH_LEN = 18,
  BLT__TOMB_LEN = 12,
  BLT__RECORD_HASH_LEN = 8
};

struct blt__record {
  enum blt__record_kind kind;
  uint64_t seq;
  uint8_t salt[BLT__SALT_LEN];
  uint64_t off;         /* own position                                     */
  uint64_t durable_off; /* end of what was known to be on disk              */
  uint64_t body_len;
  uint32_t len; /* of the record's own block, padding included      */
  uint32_t n_blocks, n_inserts, n_patches, n_tombs;
  uint64_t n_keys; /* after the batch                                  */
  uint64_t body_hash, time_hash;
  uint64_t last_next; /* baked link of the last block                     */
};

static inline uint64_t blt__record_end(const struct blt__record *record)
{
  return record->off + record->len + record->body_len;
}

struct blt__patch {
  uint64_t slot_off, old_link, new_link;
};
struct blt__tomb {
  uint64_t block_off, old_link;
};

/* Offset of the payload in a record's block. */
static inline uint32_t blt__record_payload_off(const struct blt__geometry *g)
{
  return g->key_off + (g->fixed ? 0 : 1);
}

/* Shortest record with so many patches and tombs. */
static inline uint64_t blt__record_min_len(const struct blt__geometry *g,
                                           uint64_t n_patches, uint64_t n_tombs)
{
  uint64_t len = blt__record_payload_off(g) + BLT__RECORD_FIXED_LEN +
                 BLT__PATCH_LEN * n_patches + BLT__TOMB_LEN * n_tombs +
                 BLT__RECORD_HASH_LEN;
  uint64_t least = g->stride + (g->fixed ? 0 : 1);

  return len > least ? len : least;
}

/* The longest span that one dead block can have. */
static inline uint64_t blt__cover_max(const struct blt__geometry *g)
{
  return g->fixed ? (uint64_t)BLT__HEAD_FIXED + BLT__KEY_MAX + g->value_len
                  : (uint64_t)g->key_off + 1 + BLT__VALUE_MAX;
}

/* The shortest dead block that blt__dead_encode makes. */
static inline uint64_t blt__dead_min(const struct blt__geometry *g)
{
  return g->stride + (g->fixed ? 0 : 1);
}

/* The head of a dead block that spans `span` bytes, blt__dead_min <= span <=
 * blt__cover_max: payload_off bytes at `out`. */
enum blt__dead_tag { BLT__TAG_RECORD, BLT__TAG_FILLER };
void blt__dead_encode(const struct blt__geometry *g, uint8_t *out,
                      uint64_t span, enum blt__dead_tag tag);

/* The field that holds the span, to patch it alone: its offset in the block
 * and its bytes; returns how many. */
unsigned blt__dead_extent(const struct blt__geometry *g, uint64_t span,
                          unsigned *out_off, uint8_t out[4]);

/* The whole record block, record->len bytes, spanning `span`. patches and
 * tombs have been written into their place before (blt__record_patch_at). */
void blt__record_encode(const struct blt__geometry *g,
                        const struct blt__record *record, uint64_t span,
                        uint8_t *out);

/* Where patch i and tomb i stand in the record's block. */
static inline uint64_t blt__record_patch_off(const struct blt__geometry *g,
                                             uint64_t i)
{
  return blt__record_payload_off(g) + BLT__RECORD_FIXED_LEN +
         BLT__PATCH_LEN * i;
}
static inline uint64_t blt__record_tomb_off(const struct blt__geometry *g,
                                            uint64_t n_patches, uint64_t i)
{
  return blt__record_patch_off(g, n_patches) + BLT__TOMB_LEN * i;
}

static inline void blt__patch_encode(uint8_t *p, const struct blt__patch *patch)
{
  blt__put6(p, patch->slot_off);
  blt__put6(p + 6, patch->old_link);
  blt__put6(p + 12, patch->new_link);
}
static inline struct blt__patch blt__patch_decode(const uint8_t *p)
{
  return (struct blt__patch){blt__get6(p), blt__get6(p + 6), blt__get6(p + 12)};
}
static inline void blt__tomb_encode(uint8_t *p, const struct blt__tomb *tomb)
{
  blt__put6(p, tomb->block_off);
  blt__put6(p + 6, tomb->old_link);
}
static inline struct blt__tomb blt__tomb_decode(const uint8_t *p)
{
  return (struct blt__tomb){blt__get6(p), blt__get6(p + 6)};
}

/* The first of n bytes at which a record's tag stands; n if there is none. */
uint64_t blt__record_search(const uint8_t *bytes, uint64_t n);

/* Whether a dead block's first bytes carry a record's tag; or any of ours. */
int blt__record_is_tagged(const uint8_t *head);
int blt__dead_is_ours(const uint8_t *head);

/*
 * Read the fixed part of a record from the `avail` bytes at `bytes`, which
 * stand at `off`. 1 when tag, magic and own position are right and the
 * lengths make sense; the hash is judged by blt__record_is_whole.
 */
int blt__record_decode(const struct blt__geometry *g, uint64_t off,
                       const uint8_t *bytes, uint64_t avail,
                       struct blt__record *out);

/* Bytes of the record that its hash stands behind. */
uint64_t blt__record_used_len(const struct blt__geometry *g,
                              const struct blt__record *record);

/* Judge the hash; `bytes` has blt__record_used_len bytes. */
int blt__record_is_whole(const struct blt__geometry *g,
                         const struct blt__record *record,
                         const uint8_t *bytes);

/* 64-bit hash with the salt as seed. */
uint64_t blt__hash64(const uint8_t *salt, const void *data, size_t len);

#endif

/* ==== format/record.c */

/*
 * record.c - our own data in the file: the checkpoint and the commit record
 *
 * Checkpoint, at header byte 77             Record payload
 *   +0   4  'BLTK'                            +0   4  'BCR1'
 *   +4   1  version 1                         +4   1  kind
 *   +5   1  state                             +5   3  0
 *   +6   2  flags                             +8   8  seq
 *   +8   8  salt                              +16  8  salt
 *   +16  8  log seq                           +24  6  own position
 *   +24  6  log start                         +30  6  durable position
 *   +30  6  committed                         +36  8  body length
 *   +36  4  n_keys                            +44  4  record length
 *   +40  6  index mirror                      +48  4  blocks
 *   +46  6  first block mirror                +52  4  inserts
 *   +52  4  buckets mirror                    +56  4  patches
 *   +56  6  0                                 +60  4  tombs
 *   +62  8  boot id                           +64  8  n_keys after
 *   +70  45 0                                 +72  8  body hash
 *   +115 8  XXH3 of the 115 before            +80  8  timestamp hash
 *                                             +88  6  baked link of the last
 */



static const char checkpoint_magic[4] = {'B', 'L', 'T', 'K'};
static const char record_magic[4] = {'B', 'C', 'R', '1'};
static const char record_tag[BLT__RECORD_TAG_LEN] = {'B', 'L', 'T', 'C', '1'};
static const char filler_tag[BLT__RECORD_TAG_LEN] = {'B', 'L', 'T', 'F', '1'};

enum { CHECKPOINT_HASHED = 115 };

uint64_t blt__hash64(const uint8_t *salt, const void *data, size_t len)
{
  return XXH3_64bits_withSeed(data, len, blt__get8(salt));
}

void blt__checkpoint_encode(uint8_t *header,
                            const struct blt__checkpoint *checkpoint)
{
  uint8_t *p = header + BLT__HDR_CHECKPOINT;

  memset(p, 0, BLT__CHECKPOINT_LEN);
  memcpy(p, checkpoint_magic, 4);
  p[4] = 1;
  p[5] = (uint8_t)checkpoint->state;
  blt__put2(p + 6, checkpoint->flags);
  memcpy(p + 8, checkpoint->salt, BLT__SALT_LEN);
  blt__put8(p + 16, checkpoint->log_seq);
  blt__put6(p + 24, checkpoint->log_start);
  blt__put6(p + 30, checkpoint->committed);
  blt__put4(p + 36, checkpoint->n_keys);
  blt__put6(p + 40, checkpoint->index_off);
  blt__put6(p + 46, checkpoint->first_off);
  blt__put4(p + 52, checkpoint->n_buckets);
  blt__put8(p + 62, checkpoint->boot_id);
  blt__put8(p + CHECKPOINT_HASHED, XXH3_64bits(p, CHECKPOINT_HASHED));
}

int blt__checkpoint_decode(const uint8_t *header, struct blt__checkpoint *out)
{
  const uint8_t *p = header + BLT__HDR_CHECKPOINT;

  if (memcmp(p, checkpoint_magic, 4) != 0 || p[4] != 1 || p[5] < BLT__CLEAN ||
      p[5] > BLT__REPAIR ||
      blt__get8(p + CHECKPOINT_HASHED) != XXH3_64bits(p, CHECKPOINT_HASHED))
    return 0;
  *out = (struct blt__checkpoint){
      .state = (enum blt__state)p[5],
      .flags = blt__get2(p + 6),
      .log_seq = blt__get8(p + 16),
      .log_start = blt__get6(p + 24),
      .committed = blt__get6(p + 30),
      .n_keys = blt__get4(p + 36),
      .index_off = blt__get6(p + 40),
      .first_off = blt__get6(p + 46),
      .n_buckets = blt__get4(p + 52),
      .boot_id = blt__get8(p + 62),
  };
  memcpy(out->salt, p + 8, BLT__SALT_LEN);
  return 1;
}

unsigned blt__dead_extent(const struct blt__geometry *g, uint64_t span,
                          unsigned *out_off, uint8_t out[4])
{
  assert(span >= blt__dead_min(g) && span <= blt__cover_max(g));
  if (g->fixed) {
    *out_off = BLT__KEYLEN_OFF;
    blt__put2(out, (uint32_t)(span - g->stride));
    return 2;
  }
  *out_off = BLT__VALUELEN_OFF;
  blt__put4(out, (uint32_t)(span - g->key_off - 1));
  return 4;
}

void blt__dead_encode(const struct blt__geometry *g, uint8_t *out,
                      uint64_t span, enum blt__dead_tag tag)
{
  uint8_t extent[4];
  unsigned off;
  unsigned len = blt__dead_extent(g, span, &off, extent);

  memset(out, 0, blt__record_payload_off(g));
  memcpy(out, tag == BLT__TAG_RECORD ? record_tag : filler_tag,
         BLT__RECORD_TAG_LEN);
  if (!g->fixed) {
    blt__put2(out + BLT__KEYLEN_OFF, 1);
    out[g->key_off] = 'C';
  }
  memcpy(out + off, extent, len);
}

void blt__record_encode(const struct blt__geometry *g,
                        const struct blt__record *record, uint64_t span,
                        uint8_t *out)
{
  uint8_t *p = out + blt__record_payload_off(g);

  blt__dead_encode(g, out, span, BLT__TAG_RECORD);
  memset(p, 0, BLT__RECORD_FIXED_LEN);
  memcpy(p, record_magic, 4);
  p[4] = (uint8_t)record->kind;
  blt__put8(p + 8, record->seq);
  memcpy(p + 16, record->salt, BLT__SALT_LEN);
  blt__put6(p + 24, record->off);
  blt__put6(p + 30, record->durable_off);
  blt__put8(p + 36, record->body_len);
  blt__put4(p + 44, record->len);
  blt__put4(p + 48, record->n_blocks);
  blt__put4(p + 52, record->n_inserts);
  blt__put4(p + 56, record->n_patches);
  blt__put4(p + 60, record->n_tombs);
  blt__put8(p + 64, record->n_keys);
  blt__put8(p + 72, record->body_hash);
  blt__put8(p + 80, record->time_hash);
  blt__put6(p + 88, record->last_next);
  uint64_t used = blt__record_used_len(g, record);
  uint64_t hashed = (uint64_t)(out + used - p);
  blt__put8(out + used, blt__hash64(record->salt, p, hashed));
  memset(out + used + BLT__RECORD_HASH_LEN, 0,
         record->len - used - BLT__RECORD_HASH_LEN);
}

uint64_t blt__record_used_len(const struct blt__geometry *g,
                              const struct blt__record *record)
{
  return blt__record_tomb_off(g, record->n_patches, record->n_tombs);
}

static int has_tag(const uint8_t *head, const char *tag)
{
  static const uint8_t
      rest[BLT__HASH_LEN + BLT__LINK_LEN - BLT__RECORD_TAG_LEN];

  return memcmp(head, tag, BLT__RECORD_TAG_LEN) == 0 &&
         memcmp(head + BLT__RECORD_TAG_LEN, rest, sizeof rest) == 0;
}

uint64_t blt__record_search(const uint8_t *bytes, uint64_t n)
{
  const uint8_t *at = bytes;
  const uint8_t *const end = bytes + n;

  while ((uint64_t)(end - at) >= BLT__RECORD_TAG_LEN &&
         (at = memchr(at, record_tag[0],
                      (size_t)(end - at) - BLT__RECORD_TAG_LEN + 1)) != NULL) {
    if (memcmp(at, record_tag, BLT__RECORD_TAG_LEN) == 0)
      return (uint64_t)(at - bytes);
    at++;
  }
  return n;
}

int blt__record_is_tagged(const uint8_t *head)
{
  return has_tag(head, record_tag);
}

int blt__dead_is_ours(const uint8_t *head)
{
  return has_tag(head, record_tag) || has_tag(head, filler_tag);
}

int blt__record_decode(const struct blt__geometry *g, uint64_t off,
                       const uint8_t *bytes, uint64_t avail,
                       struct blt__record *out)
{
  uint32_t payload = blt__record_payload_off(g);
  const uint8_t *p = bytes + payload;

  if (avail < payload + (uint64_t)BLT__RECORD_FIXED_LEN ||
      !blt__record_is_tagged(bytes) || memcmp(p, record_magic, 4) != 0 ||
      p[4] < BLT__RECORD_BATCH || p[4] > BLT__RECORD_TAIL ||
      blt__get6(p + 24) != off ||
      (!g->fixed && blt__get2(bytes + BLT__KEYLEN_OFF) != 1))
    return 0;
  struct blt__record record = {
      .kind = (enum blt__record_kind)p[4],
      .seq = blt__get8(p + 8),
      .off = off,
      .durable_off = blt__get6(p + 30),
      .body_len = blt__get8(p + 36),
      .len = blt__get4(p + 44),
      .n_blocks = blt__get4(p + 48),
      .n_inserts = blt__get4(p + 52),
      .n_patches = blt__get4(p + 56),
      .n_tombs = blt__get4(p + 60),
      .n_keys = blt__get8(p + 64),
      .body_hash = blt__get8(p + 72),
      .time_hash = blt__get8(p + 80),
      .last_next = blt__get6(p + 88),
  };
  memcpy(record.salt, p + 16, BLT__SALT_LEN);
  if (record.len < blt__dead_min(g) || record.len > blt__cover_max(g) ||
      record.body_len > BLT__OFF_MAX || record.n_inserts > record.n_blocks ||
      blt__record_used_len(g, &record) + BLT__RECORD_HASH_LEN > record.len)
    return 0;
  *out = record;
  return 1;
}

int blt__record_is_whole(const struct blt__geometry *g,
                         const struct blt__record *record, const uint8_t *bytes)
{
  const uint8_t *p = bytes + blt__record_payload_off(g);
  const uint8_t *end = bytes + blt__record_used_len(g, record);

  return blt__hash64(record->salt, p, (size_t)(end - p)) == blt__get8(end);
}

/* ==== format/reserved.h */

/*
 * reserved.h - booklet's hidden keys in variable files
 */
#ifndef BLT_FORMAT_RESERVED_H
#define BLT_FORMAT_RESERVED_H



enum { BLT__RESERVED_KEY_LEN = 23, BLT__N_RESERVED = 3 };

/* 0 metadata, 1 and 2 the slots. */
struct blt__reserved {
  char key[BLT__RESERVED_KEY_LEN + 1];
  uint8_t hash[BLT__HASH_LEN];
};
extern const struct blt__reserved blt__reserved_keys[BLT__N_RESERVED];

int blt__is_reserved_text(const void *key);
int blt__is_reserved_hash_of_all(const uint8_t *hash);

static inline int blt__is_reserved_key(const void *key, size_t key_len)
{
  return key_len == BLT__RESERVED_KEY_LEN && blt__is_reserved_text(key);
}

/* The first bytes of the three, 0x42, 0x5a and 0x07, tell nearly always. */
static inline int blt__is_reserved_hash(const uint8_t *hash)
{
  return (hash[0] == 0x42 || hash[0] == 0x5a || hash[0] == 0x07) &&
         blt__is_reserved_hash_of_all(hash);
}

#endif

/* ==== format/reserved.c */

/*
 * reserved.c - booklet's hidden keys in variable files
 */


const struct blt__reserved blt__reserved_keys[BLT__N_RESERVED] = {
    {"adb01ebc1ba3433eb043527",
     {0x42, 0x7e, 0xf5, 0x09, 0xe6, 0xef, 0x2c, 0xbf, 0x16, 0x6e, 0x6e, 0x82,
      0x01}},
    {"7c40d2ea915b4f3a8e6d201",
     {0x5a, 0x81, 0x57, 0xb7, 0x56, 0x28, 0xdf, 0x9d, 0x14, 0x4b, 0x7e, 0x43,
      0xa1}},
    {"f19a5c3d7e2b48069ab34c5",
     {0x07, 0xf6, 0x6d, 0xd0, 0xa0, 0xbc, 0xa1, 0x8c, 0x18, 0x2e, 0xde, 0xe1,
      0x18}},
};

int blt__is_reserved_text(const void *key)
{
  for (int i = 0; i < BLT__N_RESERVED; i++)
    if (memcmp(key, blt__reserved_keys[i].key, BLT__RESERVED_KEY_LEN) == 0)
      return 1;
  return 0;
}

int blt__is_reserved_hash_of_all(const uint8_t *hash)
{
  for (int i = 0; i < BLT__N_RESERVED; i++)
    if (memcmp(hash, blt__reserved_keys[i].hash, BLT__HASH_LEN) == 0)
      return 1;
  return 0;
}

/* ==== hash/keyhash.h */

/*
 * keyhash.h - key bytes to the 13-byte hash that decides the bucket
 */
#ifndef BLT_HASH_KEYHASH_H
#define BLT_HASH_KEYHASH_H


/* BLAKE2s with a digest length of 13: 13 bytes at out. */
void blt__keyhash(const void *key, size_t key_len, uint8_t *out);

/* The plain twin: libb2 for every length. */
void blt__keyhash_reference(const void *key, size_t key_len, uint8_t *out);

/* ---- the kernels: keys of at most 64 bytes */

/* A kernel this library has, and whether this machine can run it. Tests and
 * benchmarks go through all; the fastest comes first. */
struct blt__keyhash_kind {
  const char *name;
  void (*kernel)(const void *key, size_t key_len, uint8_t *out);
  int (*can_run)(void);
};
extern const struct blt__keyhash_kind blt__keyhash_kinds[];
extern const size_t blt__n_keyhash_kinds;

#endif

/* ==== hash/lanes.h */

/*
 * lanes.h - the hashes of many keys side by side
 *
 * BLAKE2s is a chain of steps that wait for one another; a vector register
 * does the same step for 8 or 16 keys at once. The result is that of
 * blt__keyhash, which is the plain twin and takes what does not fit here.
 */
#ifndef BLT_HASH_LANES_H
#define BLT_HASH_LANES_H


struct blt__lane_key {
  const void *key;
  size_t key_len;
  uint8_t *out; /* 13 bytes                                                 */
};

void blt__keyhash_many(const struct blt__lane_key *keys, size_t n);

/* ---- the kernels: keys of at most 64 bytes, padded with zeros */

enum { BLT__LANES_MAX = 16, BLT__LANE_WORDS = 16 };

struct blt__lanes {
  uint32_t words[BLT__LANES_MAX][BLT__LANE_WORDS]; /* little-endian         */
  uint32_t lens[BLT__LANES_MAX];
  unsigned n_words;                    /* words behind are zero in all     */
  uint32_t digests[BLT__LANES_MAX][4]; /* result: the first four words     */
};

typedef void (*blt__lanes_kernel)(struct blt__lanes *lanes);

/* A kernel this library has: its name, its width, and whether this machine
 * can run it. Tests and benchmarks go through all; the fastest comes first. */
struct blt__lanes_kind {
  const char *name;
  unsigned n_lanes;
  blt__lanes_kernel kernel;
  int (*can_run)(void);
};
extern const struct blt__lanes_kind blt__lanes_kinds[];
extern const size_t blt__n_lanes_kinds;

/* The same by one kernel, however few the keys. */
void blt__keyhash_many_by(const struct blt__lanes_kind *kind,
                          const struct blt__lane_key *keys, size_t n);

#endif

/* ==== hash/kernels.h */

/*
 * kernels.h - the kernels by name; which of them there are is up to the
 * machine that the library is built for
 */
#ifndef BLT_HASH_KERNELS_H
#define BLT_HASH_KERNELS_H


void blt__lanes_plain(struct blt__lanes *lanes);
int blt__lanes_has_plain(void);

int blt__keyhash_has_reference(void);

#if defined(__x86_64__)
void blt__keyhash_sse41(const void *key, size_t key_len, uint8_t *out);
int blt__keyhash_has_sse41(void);
void blt__keyhash_avx512(const void *key, size_t key_len, uint8_t *out);
int blt__keyhash_has_avx512(void);

void blt__lanes_avx2(struct blt__lanes *lanes);
int blt__lanes_has_avx2(void);
void blt__lanes_avx512(struct blt__lanes *lanes);
int blt__lanes_has_avx512(void);
#endif

#endif

/* ==== hash/keyhash.c */

/*
 * keyhash.c - key bytes to the 13-byte hash that decides the bucket
 *
 * Nearly all keys fit one 64-byte block, for which there are kernels of our own
 * on some machines. All others go to libb2.
 */




enum { HASH_LEN__keyhash = 13, BLOCK_LEN__keyhash = 64 };

const struct blt__keyhash_kind blt__keyhash_kinds[] = {
#if defined(__x86_64__)
    {"avx512", blt__keyhash_avx512, blt__keyhash_has_avx512},
    {"sse41", blt__keyhash_sse41, blt__keyhash_has_sse41},
#endif
    {"libb2", blt__keyhash_reference, blt__keyhash_has_reference},
};
const size_t blt__n_keyhash_kinds =
    sizeof blt__keyhash_kinds / sizeof *blt__keyhash_kinds;

static const struct blt__keyhash_kind *best__keyhash;
static pthread_once_t once__keyhash = PTHREAD_ONCE_INIT;

static void choose__keyhash(void)
{
  size_t i = 0;

  while (!blt__keyhash_kinds[i].can_run())
    i++;
  best__keyhash = &blt__keyhash_kinds[i];
}

void blt__keyhash_reference(const void *key, size_t key_len, uint8_t *out)
{
  (void)blake2s(out, key, NULL, HASH_LEN__keyhash, key_len, 0);
}

int blt__keyhash_has_reference(void)
{
  return 1;
}

void blt__keyhash(const void *key, size_t key_len, uint8_t *out)
{
  pthread_once(&once__keyhash, choose__keyhash);
  if (key_len <= BLOCK_LEN__keyhash)
    best__keyhash->kernel(key, key_len, out);
  else
    blt__keyhash_reference(key, key_len, out);
}

/* ==== hash/keyhash_avx512.c */

/*
 * keyhash_avx512.c - the hash of one key of up to 64 bytes, on x86-64 with
 * AVX-512
 *
 * A rotation is one instruction here, and so are four words of the message.
 */

#if defined(__x86_64__)

#define TARGET __attribute__((target("avx512f,avx512vl,avx512bw")))

#define BY_16(x) _mm_ror_epi32(x, 16)
#define BY_12(x) _mm_ror_epi32(x, 12)
#define BY_8(x) _mm_ror_epi32(x, 8)
#define BY_7(x) _mm_ror_epi32(x, 7)

typedef __m512i message__keyhash_avx512;

#define WORDS(i, j, k, l)                                                      \
  (is_short ? _mm_maskz_shuffle_epi32(((i) < 4) | ((j) < 4) << 1 |             \
                                          ((k) < 4) << 2 | ((l) < 4) << 3,     \
                                      _mm512_castsi512_si128(m),               \
                                      _MM_SHUFFLE((l)&3, (k)&3, (j)&3, (i)&3)) \
            : _mm512_castsi512_si128(_mm512_permutexvar_epi32(                 \
                  _mm512_castsi128_si512(_mm_set_epi32(l, k, j, i)), m)))
/*
 * keyhash_kernel.inc - one BLAKE2s block for one key; included by the files that
 * set TARGET, rotations of four words BY_16, BY_12, BY_8 and BY_7, the type
 * `message`, and WORDS, four words of the message `m` that are known by number
 * when this is compiled. Of a message that is_short (known then as well) all but
 * the first four words are zero, and cost nothing.
 *
 * The state is a square of four by four words. Its rows are vectors, so that
 * four columns are mixed at once; then rows a, c and d are turned until the
 * diagonals are columns. Row b comes last out of each mixing and stays as it
 * is: nothing waits for a turn. Words of the message are put together by the
 * side, as long as the rows wait for one another.
 */
#define INLINE TARGET static inline __attribute__((always_inline))

struct rows__keyhash_avx512 {
  __m128i a, b, c, d;
};

/* x and y: a word of the message for each column. */
INLINE void mix(struct rows__keyhash_avx512 *v, __m128i x, __m128i y)
{
  v->a = _mm_add_epi32(_mm_add_epi32(v->a, x), v->b);
  v->d = BY_16(_mm_xor_si128(v->d, v->a));
  v->c = _mm_add_epi32(v->c, v->d);
  v->b = BY_12(_mm_xor_si128(v->b, v->c));
  v->a = _mm_add_epi32(_mm_add_epi32(v->a, y), v->b);
  v->d = BY_8(_mm_xor_si128(v->d, v->a));
  v->c = _mm_add_epi32(v->c, v->d);
  v->b = BY_7(_mm_xor_si128(v->b, v->c));
}

INLINE void turn(struct rows__keyhash_avx512 *v)
{
  v->a = _mm_shuffle_epi32(v->a, _MM_SHUFFLE(2, 1, 0, 3));
  v->c = _mm_shuffle_epi32(v->c, _MM_SHUFFLE(0, 3, 2, 1));
  v->d = _mm_shuffle_epi32(v->d, _MM_SHUFFLE(1, 0, 3, 2));
}

INLINE void turn_back(struct rows__keyhash_avx512 *v)
{
  v->a = _mm_shuffle_epi32(v->a, _MM_SHUFFLE(0, 3, 2, 1));
  v->c = _mm_shuffle_epi32(v->c, _MM_SHUFFLE(2, 1, 0, 3));
  v->d = _mm_shuffle_epi32(v->d, _MM_SHUFFLE(1, 0, 3, 2));
}

/* A round, with the order that it takes the words in. */
#define ROUND(i0, i1, i2, i3, i4, i5, i6, i7, i8, i9, i10, i11, i12, i13, i14, \
              i15)                                                             \
  do {                                                                         \
    mix(&v, WORDS(i0, i2, i4, i6), WORDS(i1, i3, i5, i7));                     \
    turn(&v);                                                                  \
    mix(&v, WORDS(i14, i8, i10, i12), WORDS(i15, i9, i11, i13));               \
    turn_back(&v);                                                             \
  } while (0)

/* The first 13 bytes of the hash, at out. */
INLINE void hash_block(message__keyhash_avx512 m, int is_short, size_t len, uint8_t *out)
{
  const __m128i iv_low =
      _mm_set_epi32((int)0xa54ff53a, 0x3c6ef372, (int)0xbb67ae85, 0x6a09e667);
  const __m128i iv_high =
      _mm_set_epi32(0x5be0cd19, 0x1f83d9ab, (int)0x9b05688c, 0x510e527f);
  const __m128i h = _mm_xor_si128(iv_low, _mm_cvtsi32_si128(0x0101000d));
  struct rows__keyhash_avx512 v = {h, iv_high, iv_low,
                   _mm_xor_si128(iv_high, _mm_set_epi32(0, -1, 0, (int)len))};
  uint8_t digest[16];

  ROUND(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  ROUND(14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3);
  ROUND(11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4);
  ROUND(7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8);
  ROUND(9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13);
  ROUND(2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9);
  ROUND(12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11);
  ROUND(13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10);
  ROUND(6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5);
  ROUND(10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0);
  _mm_storeu_si128((void *)digest, _mm_xor_si128(h, _mm_xor_si128(v.a, v.c)));
  memcpy(out, digest, 13);
}

/* No byte behind the key is read: what a mask leaves out cannot fault. */
TARGET void blt__keyhash_avx512(const void *key, size_t key_len, uint8_t *out)
{
  if (key_len <= 16) {
    const __mmask16 mask = (__mmask16)((1u << key_len) - 1);
    hash_block(_mm512_castsi128_si512(_mm_maskz_loadu_epi8(mask, key)), 1,
               key_len, out);
  } else {
    const __mmask64 mask = ~(__mmask64)0 >> (64 - key_len);
    hash_block(_mm512_maskz_loadu_epi8(mask, key), 0, key_len, out);
  }
}

int blt__keyhash_has_avx512(void)
{
  return __builtin_cpu_supports("avx512f") &&
         __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512bw");
}
#endif
#undef TARGET
#undef BY_16
#undef BY_12
#undef BY_8
#undef BY_7
#undef WORDS
#undef INLINE
#undef ROUND

/* ==== hash/keyhash_sse41.c */

/*
 * keyhash_sse41.c - the hash of one key of up to 64 bytes, on x86-64
 */

#if defined(__x86_64__)


#define TARGET __attribute__((target("sse4.1")))

/* Whole bytes move by one shuffle, where a rotation takes three steps. */
#define BYTES(x, a, b, c, d)                                                   \
  _mm_shuffle_epi8(x, _mm_set_epi8(a + 12, b + 12, c + 12, d + 12, a + 8,      \
                                   b + 8, c + 8, d + 8, a + 4, b + 4, c + 4,   \
                                   d + 4, a, b, c, d))
#define BY_16(x) BYTES(x, 1, 0, 3, 2)
#define BY_8(x) BYTES(x, 0, 3, 2, 1)
#define BY_12(x) rotate(x, 12)
#define BY_7(x) rotate(x, 7)

TARGET static inline __attribute__((always_inline)) __m128i rotate(__m128i x,
                                                                   int n)
{
  return _mm_or_si128(_mm_srli_epi32(x, n), _mm_slli_epi32(x, 32 - n));
}

typedef const uint8_t *message__keyhash_sse41;

/* Word by word: the block was written in pieces just now, and a load that
 * spans several of them would wait. */
static inline int word(message__keyhash_sse41 m, int is_short, int i)
{
  return is_short && i >= 4 ? 0 : (int)blt__get4(m + 4 * i);
}

#define WORDS(i, j, k, l)                                                      \
  _mm_set_epi32(word(m, is_short, l), word(m, is_short, k),                    \
                word(m, is_short, j), word(m, is_short, i))
/*
 * keyhash_kernel.inc - one BLAKE2s block for one key; included by the files that
 * set TARGET, rotations of four words BY_16, BY_12, BY_8 and BY_7, the type
 * `message`, and WORDS, four words of the message `m` that are known by number
 * when this is compiled. Of a message that is_short (known then as well) all but
 * the first four words are zero, and cost nothing.
 *
 * The state is a square of four by four words. Its rows are vectors, so that
 * four columns are mixed at once; then rows a, c and d are turned until the
 * diagonals are columns. Row b comes last out of each mixing and stays as it
 * is: nothing waits for a turn. Words of the message are put together by the
 * side, as long as the rows wait for one another.
 */
#define INLINE TARGET static inline __attribute__((always_inline))

struct rows__keyhash_sse41 {
  __m128i a, b, c, d;
};

/* x and y: a word of the message for each column. */
INLINE void mix(struct rows__keyhash_sse41 *v, __m128i x, __m128i y)
{
  v->a = _mm_add_epi32(_mm_add_epi32(v->a, x), v->b);
  v->d = BY_16(_mm_xor_si128(v->d, v->a));
  v->c = _mm_add_epi32(v->c, v->d);
  v->b = BY_12(_mm_xor_si128(v->b, v->c));
  v->a = _mm_add_epi32(_mm_add_epi32(v->a, y), v->b);
  v->d = BY_8(_mm_xor_si128(v->d, v->a));
  v->c = _mm_add_epi32(v->c, v->d);
  v->b = BY_7(_mm_xor_si128(v->b, v->c));
}

INLINE void turn(struct rows__keyhash_sse41 *v)
{
  v->a = _mm_shuffle_epi32(v->a, _MM_SHUFFLE(2, 1, 0, 3));
  v->c = _mm_shuffle_epi32(v->c, _MM_SHUFFLE(0, 3, 2, 1));
  v->d = _mm_shuffle_epi32(v->d, _MM_SHUFFLE(1, 0, 3, 2));
}

INLINE void turn_back(struct rows__keyhash_sse41 *v)
{
  v->a = _mm_shuffle_epi32(v->a, _MM_SHUFFLE(0, 3, 2, 1));
  v->c = _mm_shuffle_epi32(v->c, _MM_SHUFFLE(2, 1, 0, 3));
  v->d = _mm_shuffle_epi32(v->d, _MM_SHUFFLE(1, 0, 3, 2));
}

/* A round, with the order that it takes the words in. */
#define ROUND(i0, i1, i2, i3, i4, i5, i6, i7, i8, i9, i10, i11, i12, i13, i14, \
              i15)                                                             \
  do {                                                                         \
    mix(&v, WORDS(i0, i2, i4, i6), WORDS(i1, i3, i5, i7));                     \
    turn(&v);                                                                  \
    mix(&v, WORDS(i14, i8, i10, i12), WORDS(i15, i9, i11, i13));               \
    turn_back(&v);                                                             \
  } while (0)

/* The first 13 bytes of the hash, at out. */
INLINE void hash_block(message__keyhash_sse41 m, int is_short, size_t len, uint8_t *out)
{
  const __m128i iv_low =
      _mm_set_epi32((int)0xa54ff53a, 0x3c6ef372, (int)0xbb67ae85, 0x6a09e667);
  const __m128i iv_high =
      _mm_set_epi32(0x5be0cd19, 0x1f83d9ab, (int)0x9b05688c, 0x510e527f);
  const __m128i h = _mm_xor_si128(iv_low, _mm_cvtsi32_si128(0x0101000d));
  struct rows__keyhash_sse41 v = {h, iv_high, iv_low,
                   _mm_xor_si128(iv_high, _mm_set_epi32(0, -1, 0, (int)len))};
  uint8_t digest[16];

  ROUND(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  ROUND(14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3);
  ROUND(11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4);
  ROUND(7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8);
  ROUND(9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13);
  ROUND(2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9);
  ROUND(12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11);
  ROUND(13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10);
  ROUND(6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5);
  ROUND(10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0);
  _mm_storeu_si128((void *)digest, _mm_xor_si128(h, _mm_xor_si128(v.a, v.c)));
  memcpy(out, digest, 13);
}

TARGET void blt__keyhash_sse41(const void *key, size_t key_len, uint8_t *out)
{
  uint8_t block[64] = {0};

  if (key_len > 0)
    memcpy(block, key, key_len);
  if (key_len <= 16)
    hash_block(block, 1, key_len, out);
  else
    hash_block(block, 0, key_len, out);
}

int blt__keyhash_has_sse41(void)
{
  return __builtin_cpu_supports("sse4.1");
}
#endif
#undef TARGET
#undef BYTES
#undef BY_16
#undef BY_8
#undef BY_12
#undef BY_7
#undef WORDS
#undef INLINE
#undef ROUND

/* ==== hash/lanes.c */

/*
 * lanes.c - the hashes of many keys side by side
 */



enum { BLOCK_LEN__lanes = 64, HASH_LEN__lanes = 13 };

const struct blt__lanes_kind blt__lanes_kinds[] = {
#if defined(__x86_64__)
    {"avx512", 16, blt__lanes_avx512, blt__lanes_has_avx512},
    {"avx2", 8, blt__lanes_avx2, blt__lanes_has_avx2},
#endif
    {"plain", 4, blt__lanes_plain, blt__lanes_has_plain},
};
const size_t blt__n_lanes_kinds =
    sizeof blt__lanes_kinds / sizeof *blt__lanes_kinds;

static const struct blt__lanes_kind *best__lanes;
static pthread_once_t once__lanes = PTHREAD_ONCE_INIT;

static void choose__lanes(void)
{
  size_t i = 0;

  while (!blt__lanes_kinds[i].can_run())
    i++;
  best__lanes = &blt__lanes_kinds[i];
}

/* Keys that are being collected for one run of the kernel. */
struct row {
  const struct blt__lanes_kind *kind;
  struct blt__lanes lanes;
  const struct blt__lane_key *keys[BLT__LANES_MAX];
  unsigned n;
};

/* Numbers of the kernel are those of the machine, words of a hash
 * little-endian; nearly everywhere that is the same. */
static void swap_words(uint32_t *words, unsigned n)
{
  if (blt__is_little_endian())
    return;
  for (unsigned i = 0; i < n; i++)
    words[i] = blt__get4((const uint8_t *)&words[i]);
}

static void add_key(struct row *row, const struct blt__lane_key *key)
{
  uint32_t *words = row->lanes.words[row->n];
  unsigned n_words = (unsigned)(key->key_len + 3) / 4;

  memset(words, 0, BLOCK_LEN__lanes);
  if (key->key_len > 0)
    memcpy(words, key->key, key->key_len);
  swap_words(words, n_words);
  if (n_words > row->lanes.n_words)
    row->lanes.n_words = n_words;
  row->lanes.lens[row->n] = (uint32_t)key->key_len;
  row->keys[row->n++] = key;
}

static void run_row(struct row *row)
{
  row->kind->kernel(&row->lanes);
  for (unsigned l = 0; l < row->n; l++) {
    swap_words(row->lanes.digests[l], 4);
    memcpy(row->keys[l]->out, row->lanes.digests[l], HASH_LEN__lanes);
  }
  row->n = row->lanes.n_words = 0;
}

/* A row that is hardly filled costs more than its keys one by one. */
static void end_row(struct row *row, unsigned worth)
{
  if (row->n >= worth && row->n > 0) {
    for (unsigned l = row->n; l < row->kind->n_lanes; l++)
      memset(row->lanes.words[l], 0, sizeof row->lanes.words[l]);
    run_row(row);
    return;
  }
  for (unsigned l = 0; l < row->n; l++)
    blt__keyhash(row->keys[l]->key, row->keys[l]->key_len, row->keys[l]->out);
}

static void hash_by(const struct blt__lanes_kind *kind, unsigned worth,
                    const struct blt__lane_key *keys, size_t n)
{
  struct row row;

  row.kind = kind;
  row.n = row.lanes.n_words = 0;
  for (size_t i = 0; i < n; i++) {
    if (keys[i].key_len > BLOCK_LEN__lanes) {
      blt__keyhash(keys[i].key, keys[i].key_len, keys[i].out);
      continue;
    }
    add_key(&row, &keys[i]);
    if (row.n == kind->n_lanes)
      run_row(&row);
  }
  end_row(&row, worth);
}

void blt__keyhash_many_by(const struct blt__lanes_kind *kind,
                          const struct blt__lane_key *keys, size_t n)
{
  hash_by(kind, 1, keys, n);
}

void blt__keyhash_many(const struct blt__lane_key *keys, size_t n)
{
  pthread_once(&once__lanes, choose__lanes);
  hash_by(best__lanes, best__lanes->n_lanes / 4 + 1, keys, n);
}

/* ==== hash/lanes_avx2.c */

/*
 * lanes_avx2.c - eight keys at once on x86-64 with AVX2
 */

#if defined(__x86_64__)
#define LANES 8
#define TARGET __attribute__((target("avx2")))

/* Whole bytes move by one shuffle, where a rotation takes three steps. */
#if defined(__has_builtin)
#if __has_builtin(__builtin_shufflevector)
typedef unsigned char bytes32 __attribute__((vector_size(32)));
#define BYTES_BY(x, a, b, c, d)                                                \
  (vector__lanes_avx2) __builtin_shufflevector(                                            \
      (bytes32)(x), (bytes32)(x), a, b, c, d, a + 4, b + 4, c + 4, d + 4,      \
      a + 8, b + 8, c + 8, d + 8, a + 12, b + 12, c + 12, d + 12, a + 16,      \
      b + 16, c + 16, d + 16, a + 20, b + 20, c + 20, d + 20, a + 24, b + 24,  \
      c + 24, d + 24, a + 28, b + 28, c + 28, d + 28)
#define ROTATE_BY_16(x) BYTES_BY(x, 2, 3, 0, 1)
#define ROTATE_BY_8(x) BYTES_BY(x, 1, 2, 3, 0)
#endif
#endif
/*
 * lanes_kernel.inc - one BLAKE2s block for LANES keys; included by the files that
 * set LANES and TARGET
 *
 * Written with the compiler's vector types, so that one text serves all
 * instruction sets.
 */


typedef uint32_t vector__lanes_avx2 __attribute__((vector_size(4 * LANES)));

static const uint32_t lane_iv__lanes_avx2[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372,
                                    0xa54ff53a, 0x510e527f, 0x9b05688c,
                                    0x1f83d9ab, 0x5be0cd19};

#define INLINE TARGET static inline __attribute__((always_inline))
#define SPREAD(x) ((vector__lanes_avx2){0} + (uint32_t)(x))
#define ROTATE(x, n) ((x) >> (n) | (x) << (32 - (n)))

#ifndef ROTATE_BY_16
#define ROTATE_BY_16(x) ROTATE(x, 16)
#define ROTATE_BY_8(x) ROTATE(x, 8)
#endif

#define MIX(a, b, c, d, x, y)                                                  \
  do {                                                                         \
    v[a] += v[b] + m[x];                                                       \
    v[d] = ROTATE_BY_16(v[d] ^ v[a]);                                          \
    v[c] += v[d];                                                              \
    v[b] = ROTATE(v[b] ^ v[c], 12);                                            \
    v[a] += v[b] + m[y];                                                       \
    v[d] = ROTATE_BY_8(v[d] ^ v[a]);                                           \
    v[c] += v[d];                                                              \
    v[b] = ROTATE(v[b] ^ v[c], 7);                                             \
  } while (0)

#define ROUND(s0, s1, s2, s3, s4, s5, s6, s7, s8, s9, sa, sb, sc, sd, se, sf)  \
  do {                                                                         \
    MIX(0, 4, 8, 12, s0, s1);                                                  \
    MIX(1, 5, 9, 13, s2, s3);                                                  \
    MIX(2, 6, 10, 14, s4, s5);                                                 \
    MIX(3, 7, 11, 15, s6, s7);                                                 \
    MIX(0, 5, 10, 15, s8, s9);                                                 \
    MIX(1, 6, 11, 12, sa, sb);                                                 \
    MIX(2, 7, 8, 13, sc, sd);                                                  \
    MIX(3, 4, 9, 14, se, sf);                                                  \
  } while (0)

/* Four words of four keys: of each key, or of each place. */
typedef uint32_t square__lanes_avx2 __attribute__((vector_size(16), aligned(4)));

#define PICK(a, b, i, j, k, l) __builtin_shufflevector(a, b, i, j, k, l)

INLINE void turn_square(const square__lanes_avx2 in[4], square__lanes_avx2 out[4])
{
  const square__lanes_avx2 low01 = PICK(in[0], in[1], 0, 4, 1, 5);
  const square__lanes_avx2 low23 = PICK(in[2], in[3], 0, 4, 1, 5);
  const square__lanes_avx2 high01 = PICK(in[0], in[1], 2, 6, 3, 7);
  const square__lanes_avx2 high23 = PICK(in[2], in[3], 2, 6, 3, 7);

  out[0] = PICK(low01, low23, 0, 1, 4, 5);
  out[1] = PICK(low01, low23, 2, 3, 6, 7);
  out[2] = PICK(high01, high23, 0, 1, 4, 5);
  out[3] = PICK(high01, high23, 2, 3, 6, 7);
}

/* Words first..first+3 of all keys, each in a vector; zeros if there are none. */
INLINE void load_words(const struct blt__lanes *lanes, unsigned first, int any,
                       vector__lanes_avx2 m[4])
{
  square__lanes_avx2 rows[4][LANES / 4];

  if (!any) {
    for (unsigned i = 0; i < 4; i++)
      m[i] = SPREAD(0);
    return;
  }
  for (unsigned q = 0; q < LANES / 4; q++) {
    square__lanes_avx2 keys[4], words[4];
    for (unsigned l = 0; l < 4; l++)
      memcpy(&keys[l], lanes->words[4 * q + l] + first, sizeof *keys);
    turn_square(keys, words);
    for (unsigned i = 0; i < 4; i++)
      rows[i][q] = words[i];
  }
  for (unsigned i = 0; i < 4; i++)
    memcpy(&m[i], rows[i], sizeof m[i]);
}

INLINE void store_words(const vector__lanes_avx2 words[4], struct blt__lanes *lanes)
{
  square__lanes_avx2 rows[4][LANES / 4];

  for (unsigned i = 0; i < 4; i++)
    memcpy(rows[i], &words[i], sizeof words[i]);
  for (unsigned q = 0; q < LANES / 4; q++) {
    square__lanes_avx2 words_of[4], keys[4];
    for (unsigned i = 0; i < 4; i++)
      words_of[i] = rows[i][q];
    turn_square(words_of, keys);
    for (unsigned l = 0; l < 4; l++)
      memcpy(lanes->digests[4 * q + l], &keys[l], sizeof *keys);
  }
}

/* With at most `max` words, a constant: to add those behind costs nothing. */
INLINE void hash_words(struct blt__lanes *lanes, unsigned max)
{
  vector__lanes_avx2 m[16], v[16];

  for (unsigned i = 0; i < BLT__LANE_WORDS; i += 4)
    load_words(lanes, i, i < max && i < lanes->n_words, m + i);
  for (unsigned i = 0; i < 8; i++) {
    v[i] = SPREAD(lane_iv__lanes_avx2[i]);
    v[i + 8] = SPREAD(lane_iv__lanes_avx2[i]);
  }
  const vector__lanes_avx2 first = v[0] ^ (uint32_t)(0x01010000 ^ 13);
  vector__lanes_avx2 len;
  memcpy(&len, lanes->lens, sizeof len);
  v[0] = first;
  v[12] ^= len;
  v[14] = ~v[14];
  ROUND(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  ROUND(14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3);
  ROUND(11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4);
  ROUND(7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8);
  ROUND(9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13);
  ROUND(2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9);
  ROUND(12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11);
  ROUND(13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10);
  ROUND(6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5);
  ROUND(10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0);
  for (unsigned i = 0; i < 4; i++)
    m[i] = (i == 0 ? first : SPREAD(lane_iv__lanes_avx2[i])) ^ v[i] ^ v[i + 8];
  store_words(m, lanes);
}

TARGET static void hash_lanes__lanes_avx2(struct blt__lanes *lanes)
{
  enum { SHORT__lanes_avx2 = 4 }; /* keys of 16 bytes                                    */

  if (lanes->n_words <= SHORT__lanes_avx2)
    hash_words(lanes, SHORT__lanes_avx2);
  else
    hash_words(lanes, BLT__LANE_WORDS);
}

void blt__lanes_avx2(struct blt__lanes *lanes)
{
  hash_lanes__lanes_avx2(lanes);
}

int blt__lanes_has_avx2(void)
{
  return __builtin_cpu_supports("avx2");
}
#endif
#undef LANES
#undef TARGET
#undef BYTES_BY
#undef ROTATE_BY_16
#undef ROTATE_BY_8
#undef INLINE
#undef SPREAD
#undef ROTATE
#undef MIX
#undef ROUND
#undef PICK

/* ==== hash/lanes_avx512.c */

/*
 * lanes_avx512.c - sixteen keys at once on x86-64 with AVX-512
 */

#if defined(__x86_64__)
#define LANES 16
#define TARGET __attribute__((target("avx512f,avx512vl,avx512bw")))
/*
 * lanes_kernel.inc - one BLAKE2s block for LANES keys; included by the files that
 * set LANES and TARGET
 *
 * Written with the compiler's vector types, so that one text serves all
 * instruction sets.
 */


typedef uint32_t vector__lanes_avx512 __attribute__((vector_size(4 * LANES)));

static const uint32_t lane_iv__lanes_avx512[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372,
                                    0xa54ff53a, 0x510e527f, 0x9b05688c,
                                    0x1f83d9ab, 0x5be0cd19};

#define INLINE TARGET static inline __attribute__((always_inline))
#define SPREAD(x) ((vector__lanes_avx512){0} + (uint32_t)(x))
#define ROTATE(x, n) ((x) >> (n) | (x) << (32 - (n)))

#ifndef ROTATE_BY_16
#define ROTATE_BY_16(x) ROTATE(x, 16)
#define ROTATE_BY_8(x) ROTATE(x, 8)
#endif

#define MIX(a, b, c, d, x, y)                                                  \
  do {                                                                         \
    v[a] += v[b] + m[x];                                                       \
    v[d] = ROTATE_BY_16(v[d] ^ v[a]);                                          \
    v[c] += v[d];                                                              \
    v[b] = ROTATE(v[b] ^ v[c], 12);                                            \
    v[a] += v[b] + m[y];                                                       \
    v[d] = ROTATE_BY_8(v[d] ^ v[a]);                                           \
    v[c] += v[d];                                                              \
    v[b] = ROTATE(v[b] ^ v[c], 7);                                             \
  } while (0)

#define ROUND(s0, s1, s2, s3, s4, s5, s6, s7, s8, s9, sa, sb, sc, sd, se, sf)  \
  do {                                                                         \
    MIX(0, 4, 8, 12, s0, s1);                                                  \
    MIX(1, 5, 9, 13, s2, s3);                                                  \
    MIX(2, 6, 10, 14, s4, s5);                                                 \
    MIX(3, 7, 11, 15, s6, s7);                                                 \
    MIX(0, 5, 10, 15, s8, s9);                                                 \
    MIX(1, 6, 11, 12, sa, sb);                                                 \
    MIX(2, 7, 8, 13, sc, sd);                                                  \
    MIX(3, 4, 9, 14, se, sf);                                                  \
  } while (0)

/* Four words of four keys: of each key, or of each place. */
typedef uint32_t square__lanes_avx512 __attribute__((vector_size(16), aligned(4)));

#define PICK(a, b, i, j, k, l) __builtin_shufflevector(a, b, i, j, k, l)

INLINE void turn_square(const square__lanes_avx512 in[4], square__lanes_avx512 out[4])
{
  const square__lanes_avx512 low01 = PICK(in[0], in[1], 0, 4, 1, 5);
  const square__lanes_avx512 low23 = PICK(in[2], in[3], 0, 4, 1, 5);
  const square__lanes_avx512 high01 = PICK(in[0], in[1], 2, 6, 3, 7);
  const square__lanes_avx512 high23 = PICK(in[2], in[3], 2, 6, 3, 7);

  out[0] = PICK(low01, low23, 0, 1, 4, 5);
  out[1] = PICK(low01, low23, 2, 3, 6, 7);
  out[2] = PICK(high01, high23, 0, 1, 4, 5);
  out[3] = PICK(high01, high23, 2, 3, 6, 7);
}

/* Words first..first+3 of all keys, each in a vector; zeros if there are none. */
INLINE void load_words(const struct blt__lanes *lanes, unsigned first, int any,
                       vector__lanes_avx512 m[4])
{
  square__lanes_avx512 rows[4][LANES / 4];

  if (!any) {
    for (unsigned i = 0; i < 4; i++)
      m[i] = SPREAD(0);
    return;
  }
  for (unsigned q = 0; q < LANES / 4; q++) {
    square__lanes_avx512 keys[4], words[4];
    for (unsigned l = 0; l < 4; l++)
      memcpy(&keys[l], lanes->words[4 * q + l] + first, sizeof *keys);
    turn_square(keys, words);
    for (unsigned i = 0; i < 4; i++)
      rows[i][q] = words[i];
  }
  for (unsigned i = 0; i < 4; i++)
    memcpy(&m[i], rows[i], sizeof m[i]);
}

INLINE void store_words(const vector__lanes_avx512 words[4], struct blt__lanes *lanes)
{
  square__lanes_avx512 rows[4][LANES / 4];

  for (unsigned i = 0; i < 4; i++)
    memcpy(rows[i], &words[i], sizeof words[i]);
  for (unsigned q = 0; q < LANES / 4; q++) {
    square__lanes_avx512 words_of[4], keys[4];
    for (unsigned i = 0; i < 4; i++)
      words_of[i] = rows[i][q];
    turn_square(words_of, keys);
    for (unsigned l = 0; l < 4; l++)
      memcpy(lanes->digests[4 * q + l], &keys[l], sizeof *keys);
  }
}

/* With at most `max` words, a constant: to add those behind costs nothing. */
INLINE void hash_words(struct blt__lanes *lanes, unsigned max)
{
  vector__lanes_avx512 m[16], v[16];

  for (unsigned i = 0; i < BLT__LANE_WORDS; i += 4)
    load_words(lanes, i, i < max && i < lanes->n_words, m + i);
  for (unsigned i = 0; i < 8; i++) {
    v[i] = SPREAD(lane_iv__lanes_avx512[i]);
    v[i + 8] = SPREAD(lane_iv__lanes_avx512[i]);
  }
  const vector__lanes_avx512 first = v[0] ^ (uint32_t)(0x01010000 ^ 13);
  vector__lanes_avx512 len;
  memcpy(&len, lanes->lens, sizeof len);
  v[0] = first;
  v[12] ^= len;
  v[14] = ~v[14];
  ROUND(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  ROUND(14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3);
  ROUND(11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4);
  ROUND(7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8);
  ROUND(9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13);
  ROUND(2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9);
  ROUND(12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11);
  ROUND(13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10);
  ROUND(6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5);
  ROUND(10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0);
  for (unsigned i = 0; i < 4; i++)
    m[i] = (i == 0 ? first : SPREAD(lane_iv__lanes_avx512[i])) ^ v[i] ^ v[i + 8];
  store_words(m, lanes);
}

TARGET static void hash_lanes__lanes_avx512(struct blt__lanes *lanes)
{
  enum { SHORT__lanes_avx512 = 4 }; /* keys of 16 bytes                                    */

  if (lanes->n_words <= SHORT__lanes_avx512)
    hash_words(lanes, SHORT__lanes_avx512);
  else
    hash_words(lanes, BLT__LANE_WORDS);
}

void blt__lanes_avx512(struct blt__lanes *lanes)
{
  hash_lanes__lanes_avx512(lanes);
}

int blt__lanes_has_avx512(void)
{
  return __builtin_cpu_supports("avx512f") &&
         __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512bw");
}
#endif
#undef LANES
#undef TARGET
#undef INLINE
#undef SPREAD
#undef ROTATE
#undef ROTATE_BY_16
#undef ROTATE_BY_8
#undef MIX
#undef ROUND
#undef PICK

/* ==== hash/lanes_plain.c */

/*
 * lanes_plain.c - four keys at once with what every machine has (SSE2, NEON)
 */

#define LANES 4
#define TARGET
/*
 * lanes_kernel.inc - one BLAKE2s block for LANES keys; included by the files that
 * set LANES and TARGET
 *
 * Written with the compiler's vector types, so that one text serves all
 * instruction sets.
 */


typedef uint32_t vector__lanes_plain __attribute__((vector_size(4 * LANES)));

static const uint32_t lane_iv__lanes_plain[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372,
                                    0xa54ff53a, 0x510e527f, 0x9b05688c,
                                    0x1f83d9ab, 0x5be0cd19};

#define INLINE TARGET static inline __attribute__((always_inline))
#define SPREAD(x) ((vector__lanes_plain){0} + (uint32_t)(x))
#define ROTATE(x, n) ((x) >> (n) | (x) << (32 - (n)))

#ifndef ROTATE_BY_16
#define ROTATE_BY_16(x) ROTATE(x, 16)
#define ROTATE_BY_8(x) ROTATE(x, 8)
#endif

#define MIX(a, b, c, d, x, y)                                                  \
  do {                                                                         \
    v[a] += v[b] + m[x];                                                       \
    v[d] = ROTATE_BY_16(v[d] ^ v[a]);                                          \
    v[c] += v[d];                                                              \
    v[b] = ROTATE(v[b] ^ v[c], 12);                                            \
    v[a] += v[b] + m[y];                                                       \
    v[d] = ROTATE_BY_8(v[d] ^ v[a]);                                           \
    v[c] += v[d];                                                              \
    v[b] = ROTATE(v[b] ^ v[c], 7);                                             \
  } while (0)

#define ROUND(s0, s1, s2, s3, s4, s5, s6, s7, s8, s9, sa, sb, sc, sd, se, sf)  \
  do {                                                                         \
    MIX(0, 4, 8, 12, s0, s1);                                                  \
    MIX(1, 5, 9, 13, s2, s3);                                                  \
    MIX(2, 6, 10, 14, s4, s5);                                                 \
    MIX(3, 7, 11, 15, s6, s7);                                                 \
    MIX(0, 5, 10, 15, s8, s9);                                                 \
    MIX(1, 6, 11, 12, sa, sb);                                                 \
    MIX(2, 7, 8, 13, sc, sd);                                                  \
    MIX(3, 4, 9, 14, se, sf);                                                  \
  } while (0)

/* Four words of four keys: of each key, or of each place. */
typedef uint32_t square__lanes_plain __attribute__((vector_size(16), aligned(4)));

#define PICK(a, b, i, j, k, l) __builtin_shufflevector(a, b, i, j, k, l)

INLINE void turn_square(const square__lanes_plain in[4], square__lanes_plain out[4])
{
  const square__lanes_plain low01 = PICK(in[0], in[1], 0, 4, 1, 5);
  const square__lanes_plain low23 = PICK(in[2], in[3], 0, 4, 1, 5);
  const square__lanes_plain high01 = PICK(in[0], in[1], 2, 6, 3, 7);
  const square__lanes_plain high23 = PICK(in[2], in[3], 2, 6, 3, 7);

  out[0] = PICK(low01, low23, 0, 1, 4, 5);
  out[1] = PICK(low01, low23, 2, 3, 6, 7);
  out[2] = PICK(high01, high23, 0, 1, 4, 5);
  out[3] = PICK(high01, high23, 2, 3, 6, 7);
}

/* Words first..first+3 of all keys, each in a vector; zeros if there are none. */
INLINE void load_words(const struct blt__lanes *lanes, unsigned first, int any,
                       vector__lanes_plain m[4])
{
  square__lanes_plain rows[4][LANES / 4];

  if (!any) {
    for (unsigned i = 0; i < 4; i++)
      m[i] = SPREAD(0);
    return;
  }
  for (unsigned q = 0; q < LANES / 4; q++) {
    square__lanes_plain keys[4], words[4];
    for (unsigned l = 0; l < 4; l++)
      memcpy(&keys[l], lanes->words[4 * q + l] + first, sizeof *keys);
    turn_square(keys, words);
    for (unsigned i = 0; i < 4; i++)
      rows[i][q] = words[i];
  }
  for (unsigned i = 0; i < 4; i++)
    memcpy(&m[i], rows[i], sizeof m[i]);
}

INLINE void store_words(const vector__lanes_plain words[4], struct blt__lanes *lanes)
{
  square__lanes_plain rows[4][LANES / 4];

  for (unsigned i = 0; i < 4; i++)
    memcpy(rows[i], &words[i], sizeof words[i]);
  for (unsigned q = 0; q < LANES / 4; q++) {
    square__lanes_plain words_of[4], keys[4];
    for (unsigned i = 0; i < 4; i++)
      words_of[i] = rows[i][q];
    turn_square(words_of, keys);
    for (unsigned l = 0; l < 4; l++)
      memcpy(lanes->digests[4 * q + l], &keys[l], sizeof *keys);
  }
}

/* With at most `max` words, a constant: to add those behind costs nothing. */
INLINE void hash_words(struct blt__lanes *lanes, unsigned max)
{
  vector__lanes_plain m[16], v[16];

  for (unsigned i = 0; i < BLT__LANE_WORDS; i += 4)
    load_words(lanes, i, i < max && i < lanes->n_words, m + i);
  for (unsigned i = 0; i < 8; i++) {
    v[i] = SPREAD(lane_iv__lanes_plain[i]);
    v[i + 8] = SPREAD(lane_iv__lanes_plain[i]);
  }
  const vector__lanes_plain first = v[0] ^ (uint32_t)(0x01010000 ^ 13);
  vector__lanes_plain len;
  memcpy(&len, lanes->lens, sizeof len);
  v[0] = first;
  v[12] ^= len;
  v[14] = ~v[14];
  ROUND(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  ROUND(14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3);
  ROUND(11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4);
  ROUND(7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8);
  ROUND(9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13);
  ROUND(2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9);
  ROUND(12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11);
  ROUND(13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10);
  ROUND(6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5);
  ROUND(10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0);
  for (unsigned i = 0; i < 4; i++)
    m[i] = (i == 0 ? first : SPREAD(lane_iv__lanes_plain[i])) ^ v[i] ^ v[i + 8];
  store_words(m, lanes);
}

TARGET static void hash_lanes__lanes_plain(struct blt__lanes *lanes)
{
  enum { SHORT__lanes_plain = 4 }; /* keys of 16 bytes                                    */

  if (lanes->n_words <= SHORT__lanes_plain)
    hash_words(lanes, SHORT__lanes_plain);
  else
    hash_words(lanes, BLT__LANE_WORDS);
}

void blt__lanes_plain(struct blt__lanes *lanes)
{
  hash_lanes__lanes_plain(lanes);
}

int blt__lanes_has_plain(void)
{
  return 1;
}
#undef LANES
#undef TARGET
#undef INLINE
#undef SPREAD
#undef ROTATE
#undef ROTATE_BY_16
#undef ROTATE_BY_8
#undef MIX
#undef ROUND
#undef PICK

/* ==== base/ask.h */

/*
 * ask.h - have a cache line on its way before it is needed
 *
 * gcc takes a function that only prefetches for one without effects, and leaves
 * out every call of it that it has not inlined by then. The empty assembly is
 * an effect, and no instruction.
 */
#ifndef BLT_BASE_ASK_H
#define BLT_BASE_ASK_H


static inline void blt__ask(const void *at)
{
  __builtin_prefetch(at);
  __asm__ volatile("");
}

/* The same for a line that will be written to. */
static inline void blt__ask_to_write(const void *at)
{
  __builtin_prefetch(at, 1);
  __asm__ volatile("");
}

#endif

/* ==== lookup/links.h */

/*
 * links.h - the table of changed links: what is changed but not yet in the file
 *
 * An open-addressing hash table from an offset to a link. Readers look a link
 * up here before they believe the file. The marks are the writer's.
 */
#ifndef BLT_LOOKUP_LINKS_H
#define BLT_LOOKUP_LINKS_H



enum blt__link_mark {
  BLT__MARK_TOUCHED = 1, /* changed by the batch that is being built        */
  BLT__MARK_HEAD = 2,    /* a slot that got an insert in this batch         */
  BLT__MARK_DROPPED = 4  /* its block died: never to be written             */
};

struct blt__link_entry {
  uint64_t off; /* 0: an empty place (no link stands at 0)        */
  uint64_t link : 48;
  uint64_t marks : 16;
};

struct blt__links {
  const struct blt__env *env;      /* borrowed                              */
  struct blt__link_entry *entries; /* owned                                 */
  size_t n, mask;                  /* mask + 1 places, or none              */
};

void blt__links_init(struct blt__links *links, const struct blt__env *env);
void blt__links_release(struct blt__links *links);

/* Room for `more` further entries without failing; 0, or -1. */
int blt__links_reserve(struct blt__links *links, size_t more);

/* Forget all entries; memory beyond a modest size is given back. */
void blt__links_clear(struct blt__links *links);

static inline size_t blt__links_place(const struct blt__links *links,
                                      uint64_t off)
{
  return (size_t)((off * UINT64_C(0x9e3779b97f4a7c15)) >> 20) & links->mask;
}

/* Ask for the place where a search for the entry begins. */
static inline void blt__links_ask(const struct blt__links *links, uint64_t off)
{
  if (links->n != 0)
    blt__ask(&links->entries[blt__links_place(links, off)]);
}

/* The entry, or NULL. Good until the next call that adds. */
static inline struct blt__link_entry *
blt__links_find(const struct blt__links *links, uint64_t off)
{
  if (links->n == 0)
    return NULL;
  for (size_t i = blt__links_place(links, off);; i = (i + 1) & links->mask) {
    if (links->entries[i].off == off)
      return &links->entries[i];
    if (links->entries[i].off == 0)
      return NULL;
  }
}

/* Find or make the entry; *out_is_new tells. Never fails after reserve. */
struct blt__link_entry *blt__links_make(struct blt__links *links, uint64_t off,
                                        int *out_is_new);

/* Remove an entry that is there. */
void blt__links_remove(struct blt__links *links, struct blt__link_entry *entry);

#endif

/* ==== lookup/image.h */

/*
 * image.h - what a reader sees: the file's bytes with the changed links over
 * them
 */
#ifndef BLT_LOOKUP_IMAGE_H
#define BLT_LOOKUP_IMAGE_H


/* What is wrong at a place; names in docs/format.md. */
enum blt__fault {
  BLT__FAULT_NONE,
  BLT__FAULT_WILD, /* wild-pointer                                       */
  BLT__FAULT_OVERRUN,
  BLT__FAULT_CYCLE,
  BLT__FAULT_DEAD, /* dead-in-chain                                      */
  BLT__FAULT_TORN  /* torn-tail                                          */
};

struct blt__side;

struct blt__image {
  struct blt__view view;
  struct blt__geometry geo;
  struct blt__layout layout;
  struct blt__links links;   /* link offset -> link                         */
  struct blt__links tombs;   /* block offset: dead, though its link in the
                                file is not 0 yet; only scans want it       */
  struct blt__links reveals; /* block offset -> length: commit records that
                                still cover their batch in the file         */
  struct blt__side *side;    /* borrowed; NULL: there is none               */
};

/* Every number from the file passes one of these before it is used. */
static inline blt_status blt__image_corrupt(const struct blt__image *image,
                                            uint64_t off, const char *sentence)
{
  return blt__fail(image->view.sink, BLT_E_CORRUPT, off,
                   "%s; run \"blt verify\"", sentence);
}

/* The link that stands at `off`. */
static inline blt_status blt__image_link(struct blt__image *image, uint64_t off,
                                         uint64_t *out)
{
  const uint8_t *p = NULL;

  if (image->links.n != 0) {
    const struct blt__link_entry *entry = blt__links_find(&image->links, off);
    if (entry != NULL) {
      *out = entry->link;
      return BLT_OK;
    }
  }
  blt_status status = blt__view_at(&image->view, off, BLT__LINK_LEN, &p);
  if (status == BLT_OK)
    *out = blt__get6(p);
  return status;
}

/* The same, as far as that is known without waiting for a file or a failure;
 * else BLT__OFF_MAX, and the walk says what is wrong. */
static inline uint64_t blt__image_peek(const struct blt__image *image,
                                       uint64_t off)
{
  const struct blt__link_entry *entry = blt__links_find(&image->links, off);

  if (entry != NULL)
    return entry->link;
  return !image->view.by_read && blt__view_has(&image->view, off, BLT__LINK_LEN)
             ? blt__get6(image->view.base + off)
             : BLT__OFF_MAX;
}

/* Ask for a block's head and key without waiting, if it may be there. */
static inline void blt__image_ask(const struct blt__image *image, uint64_t off)
{
  if (image->view.by_read || !blt__view_has(&image->view, off, BLT__HEAD_MAX))
    return;
  blt__ask(image->view.base + off);
  blt__ask(image->view.base + off + BLT__HEAD_MAX);
}

/* Why there is no block at `off`, for which one of the tests below failed. */
blt_status blt__image_misplaced(const struct blt__image *image, uint64_t off,
                                const char *sentence);

/*
 * The block at `off`: decoded head, and its bytes from head to the end of the
 * key. Judged: it lies in the file as a whole. *out_head may be NULL.
 */
static inline blt_status blt__image_block_inline(struct blt__image *image,
                                                 uint64_t off,
                                                 struct blt__block *out,
                                                 const uint8_t **out_head)
{
  const uint8_t *head;
  blt_status status;

  if (off < image->layout.first_off ||
      !blt__view_has(&image->view, off, image->geo.key_off))
    return blt__image_misplaced(
        image, off, "a link leads to a place where no block can be");
  status = blt__view_at(&image->view, off, image->geo.key_off, &head);
  if (status < 0)
    return status;
  blt__block_decode(&image->geo, off, head, out);
  if (!blt__view_has(&image->view, off, out->len))
    return blt__image_misplaced(image, off,
                                "a block passes the end of the file");
  if (off < blt__layout_index_end(&image->layout) &&
      off + out->len > image->layout.index_off)
    return blt__image_misplaced(image, off, "a block runs into the index");
  if (out_head == NULL)
    return BLT_OK;
  return blt__view_at(&image->view, off, image->geo.key_off + out->key_len,
                      out_head);
}

/* The same as a call: everything that is not in the hottest loops. */
blt_status blt__image_block(struct blt__image *image, uint64_t off,
                            struct blt__block *out, const uint8_t **out_head);

/* The value's bytes of a block that was judged. */
static inline blt_status blt__image_value(struct blt__image *image,
                                          const struct blt__block *block,
                                          const uint8_t **out)
{
  return blt__view_at(&image->view, block->value_off, block->value_len, out);
}

#endif

/* ==== lookup/chain.h */

/*
 * chain.h - walking a bucket's chain: the only chain walk there is
 *
 *   slot ─► block ─► block ─► 1
 *
 *   C1  Order proves nothing (a reindex links backwards), so a circle is
 *       found by comparing with an earlier block of the walk (Brent).
 *   C2  A block is the key's only if hash and key bytes are equal.
 *   C3  A dead link inside a chain is damage, not an end.
 */
#ifndef BLT_LOOKUP_CHAIN_H
#define BLT_LOOKUP_CHAIN_H


struct blt__walk {
  struct blt__image *image;
  uint64_t link_off;  /* where the link to the current block stands        */
  uint64_t block_off; /* the current block; 0 before the first             */
  uint64_t next_off;  /* where the next link stands                        */
  uint64_t next;      /* that link                                         */
  uint64_t mark;      /* C1                                                */
  uint64_t n_steps, limit;
  enum blt__fault fault; /* after BLT_E_CORRUPT                             */
  uint64_t fault_off;    /* where: the link, for one that leads astray      */
};

void blt__walk_begin(struct blt__walk *walk, struct blt__image *image,
                     uint64_t slot_off);

/* BLT_OK and the next block; BLT_END; or a failure. */
blt_status blt__walk_next(struct blt__walk *walk, struct blt__block *out,
                          const uint8_t **out_head);

struct blt__hit {
  struct blt__block block;
  const uint8_t *head; /* its bytes from head to the end of the key        */
};

/* The key's block, or BLT_NOT_FOUND. */
blt_status blt__chain_find(struct blt__image *image, const uint8_t *hash,
                           const void *key, size_t key_len,
                           struct blt__hit *out);

#endif

/* ==== lookup/chain.c */

/*
 * chain.c - walking a bucket's chain
 */


void blt__walk_begin(struct blt__walk *walk, struct blt__image *image,
                     uint64_t slot_off)
{
  *walk = (struct blt__walk){.image = image, .next_off = slot_off, .limit = 2};
}

/* C1: compare with a block that is moved up at doubling distances. */
static int is_circle(struct blt__walk *walk, uint64_t off)
{
  if (off == walk->mark)
    return 1;
  if (++walk->n_steps == walk->limit) {
    walk->mark = off;
    walk->limit *= 2;
  }
  return 0;
}

/* The link behind the block: read once, judged now, followed next. */
static blt_status read_next(struct blt__walk *walk,
                            const struct blt__block *block)
{
  struct blt__image *image = walk->image;

  walk->next_off = block->off + BLT__LINK_OFF;
  walk->next = block->next;
  if (image->links.n != 0) {
    const struct blt__link_entry *entry =
        blt__links_find(&image->links, walk->next_off);
    if (entry != NULL)
      walk->next = entry->link;
  }
  if (walk->next != BLT__LINK_DEAD)
    return BLT_OK;
  walk->fault = BLT__FAULT_DEAD; /* C3 */
  walk->fault_off = block->off;
  return blt__image_corrupt(image, block->off,
                            "a chain leads to a block that is dead");
}

blt_status blt__walk_next(struct blt__walk *walk, struct blt__block *out,
                          const uint8_t **out_head)
{
  blt_status status = BLT_OK;

  if (walk->block_off == 0)
    status = blt__image_link(walk->image, walk->next_off, &walk->next);
  if (status < 0)
    return status;
  uint64_t off = walk->next;
  if (off <= BLT__LINK_END)
    return BLT_END;
  walk->fault_off = walk->next_off;
  if (is_circle(walk, off)) {
    walk->fault = BLT__FAULT_CYCLE;
    return blt__image_corrupt(walk->image, off, "a chain runs in a circle");
  }
  walk->fault = BLT__FAULT_WILD;
  status = blt__image_block(walk->image, off, out, out_head);
  if (status < 0)
    return status;
  walk->link_off = walk->next_off;
  walk->block_off = off;
  return read_next(walk, out);
}

blt_status blt__chain_find(struct blt__image *image, const uint8_t *hash,
                           const void *key, size_t key_len,
                           struct blt__hit *out)
{
  struct blt__walk walk;
  struct blt__hit hit;
  blt_status status;

  blt__walk_begin(&walk, image, blt__layout_slot(&image->layout, hash));
  while ((status = blt__walk_next(&walk, &hit.block, &hit.head)) == BLT_OK) {
    if (memcmp(hit.head, hash, BLT__HASH_LEN) != 0 ||
        hit.block.key_len != key_len ||
        (key_len > 0 &&
         memcmp(hit.head + image->geo.key_off, key, key_len) != 0))
      continue; /* C2 */
    *out = hit;
    return BLT_OK;
  }
  return status == BLT_END ? BLT_NOT_FOUND : status;
}

/* ==== lookup/image.c */

/*
 * image.c - what a reader sees
 */

blt_status blt__image_misplaced(const struct blt__image *image, uint64_t off,
                                const char *sentence)
{
  return blt__image_corrupt(image, off, sentence);
}

blt_status blt__image_block(struct blt__image *image, uint64_t off,
                            struct blt__block *out, const uint8_t **out_head)
{
  return blt__image_block_inline(image, off, out, out_head);
}

/* ==== lookup/links.c */

/*
 * links.c - the table of changed links
 */



/* A table emptied of n entries keeps at most this many places for each, so that
 * going through it costs what its next use is likely to need. */
enum { FIRST_PLACES__links = 64, KEPT_PLACES_PER_ENTRY = 16 };

void blt__links_init(struct blt__links *links, const struct blt__env *env)
{
  *links = (struct blt__links){.env = env};
}

void blt__links_release(struct blt__links *links)
{
  if (links->entries != NULL)
    blt__release(links->env, links->entries,
                 (links->mask + 1) * sizeof *links->entries);
  *links = (struct blt__links){.env = links->env};
}

static void put_again(struct blt__links *links,
                      const struct blt__link_entry *entry)
{
  size_t i = blt__links_place(links, entry->off);

  while (links->entries[i].off != 0)
    i = (i + 1) & links->mask;
  links->entries[i] = *entry;
}

static int resize(struct blt__links *links, size_t n_places)
{
  size_t len = n_places * sizeof *links->entries;
  struct blt__links bigger = *links;

  bigger.entries = blt__alloc(links->env, len);
  if (bigger.entries == NULL)
    return -1;
  blt__memory_bring(bigger.entries, len);
  memset(bigger.entries, 0, len);
  bigger.mask = n_places - 1;
  if (links->entries != NULL)
    for (size_t i = 0; i <= links->mask; i++)
      if (links->entries[i].off != 0)
        put_again(&bigger, &links->entries[i]);
  size_t n = links->n;
  blt__links_release(links);
  *links = bigger;
  links->n = n;
  return 0;
}

int blt__links_reserve(struct blt__links *links, size_t more)
{
  size_t n_places = links->entries == NULL ? FIRST_PLACES__links : links->mask + 1;

  if (more > SIZE_MAX / 64 - links->n)
    return -1;
  while ((links->n + more) * 2 > n_places)
    n_places *= 2;
  if (links->entries != NULL && n_places == links->mask + 1)
    return 0;
  return resize(links, n_places);
}

void blt__links_clear(struct blt__links *links)
{
  if (links->entries == NULL)
    return;
  if (links->mask + 1 > FIRST_PLACES__links + KEPT_PLACES_PER_ENTRY * links->n) {
    blt__links_release(links);
    return;
  }
  memset(links->entries, 0, (links->mask + 1) * sizeof *links->entries);
  links->n = 0;
}

struct blt__link_entry *blt__links_make(struct blt__links *links, uint64_t off,
                                        int *out_is_new)
{
  size_t i = blt__links_place(links, off);

  *out_is_new = 0;
  for (; links->entries[i].off != 0; i = (i + 1) & links->mask)
    if (links->entries[i].off == off)
      return &links->entries[i];
  links->entries[i] = (struct blt__link_entry){.off = off};
  links->n++;
  *out_is_new = 1;
  return &links->entries[i];
}

/* Entries behind the hole that could stand nearer to their place move up. */
void blt__links_remove(struct blt__links *links, struct blt__link_entry *entry)
{
  size_t hole = (size_t)(entry - links->entries);
  size_t i = hole;

  for (;;) {
    i = (i + 1) & links->mask;
    if (links->entries[i].off == 0)
      break;
    size_t home = blt__links_place(links, links->entries[i].off);
    if (((i - home) & links->mask) >= ((i - hole) & links->mask)) {
      links->entries[hole] = links->entries[i];
      hole = i;
    }
  }
  links->entries[hole].off = 0;
  links->n--;
}

/* ==== lookup/many.h */

/*
 * many.h - many lookups at once, so that their cache misses overlap
 *
 * What one lookup waits for (the slot, then the block, then its value or the
 * next block) is asked for in rounds over all of them. The result is that of
 * blt__chain_find for each, which is the plain twin and does the last round.
 */
#ifndef BLT_LOOKUP_MANY_H
#define BLT_LOOKUP_MANY_H


enum { BLT__MANY_MAX = 64 };

struct blt__query {
  const void *key;
  size_t key_len;
  uint8_t hash[BLT__HASH_LEN];
  blt_status status;   /* result: as of blt__chain_find                     */
  struct blt__hit hit; /* result                                            */
};

/* At most BLT__MANY_MAX queries; the keys are hashed here. The first failure
 * is returned, the results behind it are not set. With wants_value what values
 * begin with is asked for as well. */
blt_status blt__many_find(struct blt__image *image, struct blt__query *queries,
                          size_t n, int wants_value);

#endif

/* ==== base/same.h */

/*
 * same.h - are two short rows of bytes equal?
 *
 * memcmp as a call costs more than comparing a key of a dozen bytes.
 */
#ifndef BLT_BASE_SAME_H
#define BLT_BASE_SAME_H


static inline uint64_t blt__word8(const uint8_t *p)
{
  uint64_t word;
  memcpy(&word, p, sizeof word);
  return word;
}

static inline uint32_t blt__word4(const uint8_t *p)
{
  uint32_t word;
  memcpy(&word, p, sizeof word);
  return word;
}

/* 8 to 16 bytes as two words that may overlap, 4 to 7 likewise. */
static inline int blt__same(const uint8_t *a, const void *other, size_t len)
{
  const uint8_t *b = other;

  if (len > 16)
    return memcmp(a, b, len) == 0;
  if (len >= 8)
    return ((blt__word8(a) ^ blt__word8(b)) |
            (blt__word8(a + len - 8) ^ blt__word8(b + len - 8))) == 0;
  if (len >= 4)
    return ((blt__word4(a) ^ blt__word4(b)) |
            (blt__word4(a + len - 4) ^ blt__word4(b + len - 4))) == 0;
  for (size_t i = 0; i < len; i++)
    if (a[i] != b[i])
      return 0;
  return 1;
}

#endif

/* ==== lookup/many.c */

/*
 * many.c - many lookups at once, so that their cache misses overlap
 */



/* Where the walk of each query goes, as far as it is known by now. */
struct ahead {
  const struct blt__image *image;
  const struct blt__query *queries;
  size_t n;
  uint64_t off[BLT__MANY_MAX]; /* of a slot, then of a block                */
};

static void ask_for_slots(struct ahead *ahead)
{
  for (size_t i = 0; i < ahead->n; i++) {
    uint64_t off =
        blt__layout_slot(&ahead->image->layout, ahead->queries[i].hash);
    blt__links_ask(&ahead->image->links, off);
    blt__image_ask(ahead->image, off);
    ahead->off[i] = off;
  }
}

/* A bit for each query whose chain is empty: its key is not there. */
static uint64_t ask_for_first(struct ahead *ahead)
{
  uint64_t empty = 0;

  for (size_t i = 0; i < ahead->n; i++) {
    ahead->off[i] = blt__image_peek(ahead->image, ahead->off[i]);
    if (ahead->off[i] <= BLT__LINK_END) {
      empty |= (uint64_t)1 << i;
      continue;
    }
    blt__image_ask(ahead->image, ahead->off[i]);
    blt__links_ask(&ahead->image->links, ahead->off[i] + BLT__LINK_OFF);
  }
  return empty;
}

static void ask_for_value(const struct blt__image *image, uint64_t off,
                          const uint8_t *head)
{
  enum { LINE = 64, LEN_MAX = 512 };
  struct blt__block block;

  blt__block_decode(&image->geo, off, head, &block);
  const uint64_t len = block.len < LEN_MAX ? block.len : LEN_MAX;
  for (uint64_t at = LINE; at < len; at += LINE)
    blt__ask(head + at);
  blt__ask(head + len - 1);
}

/* The first block is the key's: its value, if wanted. Else the next block. */
static void ask_for_second(const struct ahead *ahead, int wants_value)
{
  const struct blt__image *image = ahead->image;

  for (size_t i = 0; i < ahead->n; i++) {
    const uint64_t off = ahead->off[i];
    if (off <= BLT__LINK_END ||
        !blt__view_has(&image->view, off, image->geo.key_off))
      continue;
    const uint8_t *head = image->view.base + off;
    if (memcmp(head, ahead->queries[i].hash, BLT__HASH_LEN) != 0)
      blt__image_ask(image, blt__image_peek(image, off + BLT__LINK_OFF));
    else if (wants_value)
      ask_for_value(image, off, head);
  }
}

static uint64_t ask_for_all(struct ahead *ahead, int wants_value)
{
  if (ahead->image->view.by_read)
    return 0;
  ask_for_slots(ahead);
  uint64_t empty = ask_for_first(ahead);
  ask_for_second(ahead, wants_value);
  return empty;
}

/* The first step of the walk alone: 1 when the block is the key's and nothing
 * is odd about it. */
static int is_found_first(struct blt__image *image, struct blt__query *q,
                          uint64_t off)
{
  struct blt__hit *hit = &q->hit;

  return !image->view.by_read &&
         blt__image_block_inline(image, off, &hit->block, &hit->head) ==
             BLT_OK &&
         memcmp(hit->head, q->hash, BLT__HASH_LEN) == 0 &&
         hit->block.key_len == q->key_len &&
         blt__same(hit->head + image->geo.key_off, q->key, q->key_len) &&
         hit->block.next != BLT__LINK_DEAD;
}

blt_status blt__many_find(struct blt__image *image, struct blt__query *queries,
                          size_t n, int wants_value)
{
  struct blt__lane_key keys[BLT__MANY_MAX];

  if (n == 0)
    return BLT_OK;
  for (size_t i = 0; i < n; i++)
    keys[i] = (struct blt__lane_key){queries[i].key, queries[i].key_len,
                                     queries[i].hash};
  blt__keyhash_many(keys, n);
  struct ahead ahead = {.image = image, .queries = queries, .n = n};
  uint64_t empty = ask_for_all(&ahead, wants_value);
  for (size_t i = 0; i < n; i++) {
    struct blt__query *q = &queries[i];
    q->status = BLT_NOT_FOUND;
    if (empty >> i & 1)
      continue;
    q->status =
        is_found_first(image, q, ahead.off[i])
            ? BLT_OK
            : blt__chain_find(image, q->hash, q->key, q->key_len, &q->hit);
    if (q->status < 0)
      return q->status;
  }
  return BLT_OK;
}

/* ==== lookup/scan.h */

/*
 * scan.h - all blocks in the order of the file: the only scan there is
 *
 *   S1  A scan goes by block lengths alone and always moves forward.
 *   S2  A block ends inside its region, or the scan ends with damage.
 */
#ifndef BLT_LOOKUP_SCAN_H
#define BLT_LOOKUP_SCAN_H


struct blt__scan {
  struct blt__image *image;
  struct blt__region regions[2];
  unsigned n_regions, region;
  uint64_t off;          /* of the next block                           */
  uint64_t asked;        /* the bytes before were asked for             */
  enum blt__fault fault; /* after BLT_E_CORRUPT at off                  */
};

struct blt__scanned {
  struct blt__block block; /* block.len is how far the scan moves         */
  const uint8_t *head;     /* head and key                                */
  int live;                /* reached or meant to be, by its link         */
};

void blt__scan_begin(struct blt__scan *scan, struct blt__image *image);

/* Go on at `off`, a block's place in one of the regions. */
void blt__scan_seek(struct blt__scan *scan, uint64_t off);

/* BLT_OK, BLT_END, or a failure (scan->off is where). */
blt_status blt__scan_next(struct blt__scan *scan, struct blt__scanned *out);

/* The same, passing over dead blocks. */
blt_status blt__scan_next_live(struct blt__scan *scan,
                               struct blt__scanned *out);

/* A live block. */
struct blt__row {
  uint64_t off;
  uint32_t key_len, value_len;
};

enum {
  BLT__RUN_VALUES = 1, /* their values will be read too                      */
  BLT__RUN_HIDES = 2   /* pass over booklet's own keys                       */
};

/*
 * The next live blocks, as far as they can be had without a table being asked
 * or a piece being read: a tight loop beside its plain twin above, which goes
 * on where it ends. What the loop needs stands together, for the compiler to
 * keep in registers.
 */
struct blt__run {
  const uint8_t *base, *at, *end;
  const uint8_t *asked; /* the bytes before were asked for                  */
  uint32_t key_off, value_len;
  int fixed, values, hides;
};

/* 0 when all of it is for the plain scan. */
int blt__run_begin(struct blt__run *run, const struct blt__scan *scan,
                   unsigned how);
void blt__run_end(const struct blt__run *run, struct blt__scan *scan);

/*
 * Ask for what a scan gets to next, or it waits for each head. Blocks of
 * one file are mostly of one length: where only keys are wanted, the head of
 * the 16th from here is about there. Values are read between the heads, which
 * no hardware takes for one stream: all lines up to 3 KiB ahead, each once. So
 * it is with short blocks, of which keys alone touch half the lines.
 */
static inline void blt__run_ask(struct blt__run *run, uint64_t len)
{
  enum { BLOCKS = 16, BYTES = 3072, LINE = 64, SHORT = 256, LEN_MAX = 1024 };

  if (len > LEN_MAX)
    return;
  if (!run->values && len > SHORT) {
    blt__ask(run->at + BLOCKS * len);
    blt__ask(run->at + BLOCKS * len + BLT__HEAD_MAX);
    return;
  }
  if (run->asked < run->at)
    run->asked = run->at;
  for (; run->asked < run->at + BYTES; run->asked += LINE)
    blt__ask(run->asked);
}

/* 1 and the next row; 0 says nothing but that the plain scan is to go on. */
static inline int blt__run_next(struct blt__run *run, struct blt__row *out)
{
  while ((uint64_t)(run->end - run->at) >= run->key_off && run->at < run->end) {
    const uint8_t *head = run->at;
    const uint32_t key_len = blt__get2(head + BLT__KEYLEN_OFF);
    const uint32_t value_len =
        run->fixed ? run->value_len : blt__get4(head + BLT__VALUELEN_OFF);
    const uint64_t len = (uint64_t)run->key_off + key_len + value_len;
    if (len > (uint64_t)(run->end - head)) /* S2 */
      return 0;
    blt__run_ask(run, len);
    run->at += len;
    if (blt__get6(head + BLT__LINK_OFF) == BLT__LINK_DEAD ||
        (run->hides && blt__is_reserved_hash(head)))
      continue;
    *out = (struct blt__row){(uint64_t)(head - run->base), key_len, value_len};
    return 1;
  }
  return 0;
}

/* The same into a row of rows; how many. */
size_t blt__scan_run(struct blt__scan *scan, struct blt__row *rows, size_t max,
                     unsigned how);

#endif

/* ==== lookup/scan.c */

/*
 * scan.c - all blocks in the order of the file
 */


void blt__scan_begin(struct blt__scan *scan, struct blt__image *image)
{
  *scan = (struct blt__scan){.image = image};
  scan->n_regions =
      blt__layout_regions(&image->layout, image->view.size, scan->regions);
  scan->off = scan->regions[0].begin;
}

void blt__scan_seek(struct blt__scan *scan, uint64_t off)
{
  scan->region = 0;
  while (scan->region + 1 < scan->n_regions &&
         off >= scan->regions[scan->region].end)
    scan->region++;
  scan->off = off > scan->regions[scan->region].begin
                  ? off
                  : scan->regions[scan->region].begin;
}

/* A dead block in the file may be live by a link that waits, and the other
 * way round. */
static int is_live(const struct blt__image *image,
                   const struct blt__block *block)
{
  int live = block->next != BLT__LINK_DEAD;

  if (!live && image->links.n != 0) {
    const struct blt__link_entry *entry =
        blt__links_find(&image->links, block->off + BLT__LINK_OFF);
    live = entry != NULL && entry->link != BLT__LINK_DEAD &&
           !(entry->marks & BLT__MARK_DROPPED);
  }
  return live && (image->tombs.n == 0 ||
                  blt__links_find(&image->tombs, block->off) == NULL);
}

/* A record that still covers its batch in the file, or whose length a power
 * cut has torn: the table knows its length. */
static blt_status revealed_block(struct blt__image *image, uint64_t off,
                                 struct blt__scanned *out, int *out_is)
{
  const struct blt__link_entry *entry = blt__links_find(&image->reveals, off);
  uint64_t head_len = blt__record_payload_off(&image->geo);

  *out_is = entry != NULL;
  if (entry == NULL)
    return BLT_OK;
  blt_status status = blt__view_at(&image->view, off, head_len, &out->head);
  if (status < 0)
    return status;
  blt__block_decode(&image->geo, off, out->head, &out->block);
  out->block.len = entry->link;
  /* So that nobody takes the stored length for one that was judged. */
  out->block.key_len = out->block.value_len = 0;
  return BLT_OK;
}

static blt_status read_block(struct blt__image *image, uint64_t off,
                             struct blt__scanned *out)
{
  int is_revealed = 0;
  blt_status status = BLT_OK;

  if (image->reveals.n != 0)
    status = revealed_block(image, off, out, &is_revealed);
  if (status < 0 || is_revealed)
    return status;
  return blt__image_block(image, off, &out->block, &out->head);
}

/* As a run does, whose loop this is not. */
static void ask_ahead(struct blt__scan *scan, uint64_t len)
{
  const uint8_t *base = scan->image->view.base;
  struct blt__run run = {.at = base + scan->off, .asked = base + scan->asked};

  blt__run_ask(&run, len);
  scan->asked = (uint64_t)(run.asked - base);
}

blt_status blt__scan_next(struct blt__scan *scan, struct blt__scanned *out)
{
  struct blt__image *image = scan->image;
  blt_status status;

  while (scan->off >= scan->regions[scan->region].end) {
    if (scan->region + 1 >= scan->n_regions)
      return BLT_END;
    scan->off = scan->regions[++scan->region].begin;
  }
  uint64_t left = scan->regions[scan->region].end - scan->off;
  scan->fault = BLT__FAULT_TORN;
  if (left < image->geo.key_off)
    return blt__image_corrupt(image, scan->off,
                              "a block's head passes the end of its region");
  scan->fault = BLT__FAULT_OVERRUN;
  status = read_block(image, scan->off, out);
  if (status < 0)
    return status;
  out->live = is_live(image, &out->block);
  if (out->block.len > left) /* S2 */
    return blt__image_corrupt(image, scan->off,
                              "a block passes the end of its region");
  if (!image->view.by_read)
    ask_ahead(scan, out->block.len);
  scan->off += out->block.len;
  return BLT_OK;
}

blt_status blt__scan_next_live(struct blt__scan *scan, struct blt__scanned *out)
{
  blt_status status;

  do
    status = blt__scan_next(scan, out);
  while (status == BLT_OK && !out->live);
  return status;
}

int blt__run_begin(struct blt__run *run, const struct blt__scan *scan,
                   unsigned how)
{
  const struct blt__image *image = scan->image;

  if (image->view.by_read || image->links.n != 0 || image->tombs.n != 0 ||
      image->reveals.n != 0)
    return 0;
  *run = (struct blt__run){.base = image->view.base,
                           .at = image->view.base + scan->off,
                           .end = image->view.base +
                                  scan->regions[scan->region].end,
                           .asked = image->view.base + scan->asked,
                           .key_off = image->geo.key_off,
                           .value_len = image->geo.value_len,
                           .fixed = image->geo.fixed,
                           .values = (how & BLT__RUN_VALUES) != 0,
                           .hides = (how & BLT__RUN_HIDES) != 0};
  return 1;
}

void blt__run_end(const struct blt__run *run, struct blt__scan *scan)
{
  scan->off = (uint64_t)(run->at - run->base);
  scan->asked = (uint64_t)(run->asked - run->base);
}

size_t blt__scan_run(struct blt__scan *scan, struct blt__row *rows, size_t max,
                     unsigned how)
{
  struct blt__run run;
  size_t n = 0;

  if (!blt__run_begin(&run, scan, how))
    return 0;
  while (n < max && blt__run_next(&run, &rows[n]))
    n++;
  blt__run_end(&run, scan);
  return n;
}

/* ==== hash/cheaphash.h */

/*
 * cheaphash.h - a fast hash of a key, for tables in memory
 *
 * XXH3 with a seed that no file's author can know. Never written to a file.
 */
#ifndef BLT_HASH_CHEAPHASH_H
#define BLT_HASH_CHEAPHASH_H


#define XXH_INLINE_ALL

static inline uint64_t blt__cheaphash(uint64_t seed, const void *key,
                                      size_t key_len)
{
  return XXH3_64bits_withSeed(key, key_len, seed);
}

#endif

/* ==== lookup/line.h */

/*
 * line.h - eight places of the side table in one cache line
 *
 *   | tag 2 | tag 2 | ... eight of them | offset 6 | offset 6 | ... |
 *
 * All eight tags are compared at once, so that a search has nothing to guess:
 * a branch that is guessed wrongly behind a cache miss costs that miss again.
 * Places fill from the front; a line with an empty place ends a search.
 */
#ifndef BLT_LOOKUP_LINE_H
#define BLT_LOOKUP_LINE_H



#ifdef __SSE2__
#endif

enum { BLT__LINE_PLACES = 8 };

/* Tags that are no key's: a place never used, and one that is free again. */
enum { BLT__LINE_EMPTY = 0, BLT__LINE_GONE = 1, BLT__LINE_FIRST_TAG = 2 };

struct blt__line {
  uint16_t tags[BLT__LINE_PLACES];
  uint8_t offs[BLT__LINE_PLACES][6];
};

/* From the bits that do not choose the line. */
static inline uint32_t blt__line_tag(uint64_t cheap)
{
  uint32_t tag = (uint32_t)(cheap >> 48);

  return tag < BLT__LINE_FIRST_TAG ? tag + BLT__LINE_FIRST_TAG : tag;
}

/* The places with this tag: two bits for each, the first place lowest. Where
 * there is no SSE2; and the plain twin in tests. */
__attribute__((unused)) static inline uint32_t
blt__line_match_plain(const struct blt__line *line, uint32_t tag)
{
  uint32_t match = 0;

  for (unsigned i = 0; i < BLT__LINE_PLACES; i++)
    match |= (line->tags[i] == tag ? 3U : 0U) << 2 * i;
  return match;
}

static inline uint32_t blt__line_match(const struct blt__line *line,
                                       uint32_t tag)
{
#ifdef __SSE2__
  const __m128i tags = _mm_loadu_si128((const void *)line->tags);
  return (uint32_t)_mm_movemask_epi8(
      _mm_cmpeq_epi16(tags, _mm_set1_epi16((short)tag)));
#else
  return blt__line_match_plain(line, tag);
#endif
}

static inline unsigned blt__line_first(uint32_t match)
{
  return (unsigned)__builtin_ctz(match) / 2;
}

static inline uint32_t blt__line_rest(uint32_t match)
{
  match &= match - 1;
  return match & (match - 1);
}

static inline uint64_t blt__line_off(const struct blt__line *line,
                                     unsigned place)
{
  return blt__get6(line->offs[place]);
}

/* No place was left empty: a search that began here goes on in the next. */
static inline int blt__line_is_full(const struct blt__line *line)
{
  return line->tags[BLT__LINE_PLACES - 1] != BLT__LINE_EMPTY;
}

#endif

/* ==== lookup/shortkey.h */

/*
 * shortkey.h - a key of up to 15 bytes as two words, its length among them
 *
 * Two of them are the same when their keys are: no block has to be looked at.
 */
#ifndef BLT_LOOKUP_SHORTKEY_H
#define BLT_LOOKUP_SHORTKEY_H



enum { BLT__SHORTKEY_MAX = 15 };

/* The key's bytes, zeros, and the length in the last byte. */
struct blt__shortkey {
  uint64_t low, high;
};

/* What no short key is: each byte is this. */
enum { BLT__SHORTKEY_NONE = 0xff };

/* key_len is at most BLT__SHORTKEY_MAX. Words that overlap, instead of a loop.
 */
static inline struct blt__shortkey blt__shortkey_of(const void *key,
                                                    size_t key_len)
{
  const uint8_t *bytes = key;
  struct blt__shortkey out = {0, (uint64_t)key_len << 56};

  if (key_len > 8) {
    out.low = blt__get8(bytes);
    out.high |= blt__get8(bytes + key_len - 8) >> 8 * (16 - key_len);
  } else if (key_len >= 4) {
    const uint64_t last = blt__get4(bytes + key_len - 4);
    out.low = blt__get4(bytes) | last << 8 * (key_len - 4);
  } else {
    for (size_t i = 0; i < key_len; i++)
      out.low |= (uint64_t)bytes[i] << 8 * i;
  }
  return out;
}

static inline int blt__shortkey_same(struct blt__shortkey a,
                                     struct blt__shortkey b)
{
  return ((a.low ^ b.low) | (a.high ^ b.high)) == 0;
}

#endif

/* ==== lookup/side.h */

/*
 * side.h - the side table: from a cheap hash of a key to its block
 *
 *   key ── cheaphash ──► line ── 16 bits of the hash agree ──► block
 *
 * A walk costs a BLAKE2s, a slot and the blocks of the chain; the table costs
 * one cache line (lookup/line.h) and the block. It is memory only, built by
 * walking all chains once, and given up rather than kept when it cannot be
 * right. A reader's holds short keys (lookup/shortkey.h) as well: whether there
 * is one is known without its block.
 *
 *   H1  It answers what a walk of the chain would answer, its plain twin. It is
 *       built only if every chain can be walked and each key is in its own,
 *       with its hash, once; and each commit changes it.
 *   H2  A place proves nothing: the key's bytes decide, in the block or in the
 *       table.
 *
 * While it is built others may look keys up by their chains. Changes are made
 * by a writer that is alone.
 */
#ifndef BLT_LOOKUP_SIDE_H
#define BLT_LOOKUP_SIDE_H



enum blt__side_state {
  BLT__SIDE_NONE,
  BLT__SIDE_BUILDING,
  BLT__SIDE_READY,
  BLT__SIDE_REFUSED /* does not fit, or a chain cannot be walked            */
};

struct blt__side {
  const struct blt__env *env; /* borrowed                                  */
  uint64_t seed;
  size_t max_len;    /* bytes that the table may take                     */
  int grows;         /* keys will be added: short ones are not held       */
  _Atomic int state; /* enum blt__side_state                              */
  struct blt__line *lines; /* n_lines of them, in `memory`, which is owned */
  uint64_t n_lines;
  void *memory;
  size_t memory_len;
  struct blt__shortkey *keys; /* of each place, in `keys_memory`, which is
                                 owned; NULL: none is held */
  void *keys_memory;
  size_t keys_len;
  uint64_t n_used;  /* places, also of keys that are gone: some are empty    */
  unsigned ask_len; /* bytes of a block that a reader is likely to want     */
  _Atomic uint64_t lost; /* by lookups without the table; roughly           */
};

void blt__side_init(struct blt__side *side, const struct blt__env *env,
                    size_t max_len, int grows);
void blt__side_release(struct blt__side *side);

/* NULL, where there is to be none, is never ready. */
static inline int blt__side_is_ready(const struct blt__side *side)
{
  return side != NULL &&
         atomic_load_explicit(&side->state, memory_order_acquire) ==
             BLT__SIDE_READY;
}

/* What a lookup by chain costs more than one by table, alone and among many
 * whose hashes and misses overlap. Building costs BLT__SIDE_BUILD for a key. */
enum { BLT__SIDE_ALONE = 16, BLT__SIDE_AMONG_MANY = 1, BLT__SIDE_BUILD = 2 };

/* So much more was paid; 1 when building would have cost less by now. */
int blt__side_pays(struct blt__side *side, uint64_t cost, uint64_t n_keys);

/* Build it, unless somebody does or it was refused. A failure is no failure of
 * the caller's: lookups go on by chains. */
void blt__side_build(struct blt__side *side, struct blt__image *image,
                     uint64_t n_keys);

/* Back to the state of init: blocks have moved. NULL is fine. */
void blt__side_drop(struct blt__side *side);

/* The line where a key's place is, or the search for it begins. */
static inline uint64_t blt__side_line(const struct blt__side *side,
                                      uint64_t cheap)
{
  return (uint64_t)(uint32_t)cheap * side->n_lines >> 32;
}

/* A search goes on in the next line, behind the last one in the first. */
static inline uint64_t blt__side_next(const struct blt__side *side,
                                      uint64_t number)
{
  return number + 1 == side->n_lines ? 0 : number + 1;
}

/* Blocks are asked for as a whole: waiting for the head first and for the value
 * then would be two misses in a row. */
static inline void blt__side_ask_value(const struct blt__side *side,
                                       const struct blt__image *image,
                                       uint64_t off)
{
  for (unsigned at = 64; at < side->ask_len; at += 64)
    blt__ask(image->view.base + off + at);
}

/* As blt__chain_find. Only when ready. With wants_value the block's other bytes
 * are asked for too. */
static inline blt_status blt__side_find(const struct blt__side *side,
                                        struct blt__image *image,
                                        uint64_t cheap, const void *key,
                                        size_t key_len, int wants_value,
                                        struct blt__hit *out)
{
  const uint32_t tag = blt__line_tag(cheap);

  for (uint64_t number = blt__side_line(side, cheap);;
       number = blt__side_next(side, number)) {
    const struct blt__line *line = &side->lines[number];
    for (uint32_t match = blt__line_match(line, tag); match != 0;
         match = blt__line_rest(match)) {
      uint64_t off = blt__line_off(line, blt__line_first(match));
      if (wants_value)
        blt__side_ask_value(side, image, off);
      blt_status status =
          blt__image_block_inline(image, off, &out->block, &out->head);
      if (status != BLT_OK)
        return status;
      if (out->block.key_len == key_len &&
          blt__same(out->head + image->geo.key_off, key, key_len)) /* H2 */
        return BLT_OK;
    }
    if (!blt__line_is_full(line))
      return BLT_NOT_FOUND;
  }
}

/* The block that a search meets first: the key's, but for one in thousands. 0:
 * there is none. */
static inline uint64_t blt__side_first(const struct blt__side *side,
                                       uint64_t cheap)
{
  const uint32_t tag = blt__line_tag(cheap);

  for (uint64_t number = blt__side_line(side, cheap);;
       number = blt__side_next(side, number)) {
    const struct blt__line *line = &side->lines[number];
    const uint32_t match = blt__line_match(line, tag);
    if (match != 0)
      return blt__line_off(line, blt__line_first(match));
    if (!blt__line_is_full(line))
      return 0;
  }
}

/* Is the block at `off` the key's, and is all of it there? That it is a block
 * was judged when the table was built: only its lengths are judged again. */
static inline int blt__side_is_at(const struct blt__image *image, uint64_t off,
                                  const void *key, size_t key_len,
                                  const uint8_t **out, size_t *out_len)
{
  const struct blt__geometry *geo = &image->geo;
  const uint8_t *head = image->view.base + off;

  if (blt__get2(head + BLT__KEYLEN_OFF) != key_len)
    return 0;
  const uint64_t value_len =
      geo->fixed ? geo->value_len : blt__get4(head + BLT__VALUELEN_OFF);
  const uint8_t *its_key = head + geo->key_off;
  if (image->view.size - off < geo->key_off + key_len + value_len ||
      !blt__same(its_key, key, key_len)) /* H2 */
    return 0;
  *out = its_key + key_len;
  *out_len = (size_t)value_len;
  return 1;
}

/*
 * As blt__side_find, through a mapping, in half as many instructions: the
 * processor then has the next lookup's misses under way beside this one's. 1:
 * there, with where its value is; 0: not there; -1: ask blt__side_find, which
 * knows what is wrong or goes on to the next block.
 */
static inline int blt__side_find_quickly(const struct blt__side *side,
                                         const struct blt__image *image,
                                         uint64_t cheap, const void *key,
                                         size_t key_len, int wants_value,
                                         const uint8_t **out, size_t *out_len)
{
  const uint64_t off = blt__side_first(side, cheap);

  if (off == 0)
    return 0;
  if (wants_value)
    blt__side_ask_value(side, image, off);
  return blt__side_is_at(image, off, key, key_len, out, out_len) ? 1 : -1;
}

/* Can blt__side_has say whether this key is there? */
static inline int blt__side_can_tell(const struct blt__side *side,
                                     size_t key_len)
{
  return side->keys != NULL && key_len <= BLT__SHORTKEY_MAX;
}

static inline void blt__side_ask_keys(const struct blt__side *side,
                                      uint64_t cheap)
{
  enum { IN_A_LINE = 64 / sizeof(struct blt__shortkey) };
  const struct blt__shortkey *keys =
      side->keys + blt__side_line(side, cheap) * BLT__LINE_PLACES;

  for (unsigned i = 0; i < BLT__LINE_PLACES; i += IN_A_LINE)
    blt__ask(keys + i);
}

/* Whether blt__side_find would find the key, where that can be told. */
static inline int blt__side_has(const struct blt__side *side, uint64_t cheap,
                                const void *key, size_t key_len)
{
  const uint32_t tag = blt__line_tag(cheap);
  const struct blt__shortkey wanted = blt__shortkey_of(key, key_len);

  for (uint64_t number = blt__side_line(side, cheap);;
       number = blt__side_next(side, number)) {
    const struct blt__line *line = &side->lines[number];
    const struct blt__shortkey *keys = side->keys + number * BLT__LINE_PLACES;
    for (uint32_t match = blt__line_match(line, tag); match != 0;
         match = blt__line_rest(match))
      if (blt__shortkey_same(keys[blt__line_first(match)], wanted)) /* H2 */
        return 1;
    if (!blt__line_is_full(line))
      return 0;
  }
}

/* Ask for the line, or for the block that a search meets first: where that is,
 * or 0. */
static inline void blt__side_ask_line(const struct blt__side *side,
                                      uint64_t cheap)
{
  blt__ask(&side->lines[blt__side_line(side, cheap)]);
}

static inline uint64_t blt__side_ask_block(const struct blt__side *side,
                                           const struct blt__image *image,
                                           uint64_t cheap, int wants_value)
{
  const uint64_t off = blt__side_first(side, cheap);

  if (off == 0)
    return 0;
  blt__ask(image->view.base + off);
  if (wants_value)
    blt__side_ask_value(side, image, off);
  /* The last line, where all that is wanted may end. */
  blt__ask(image->view.base + off +
           (wants_value ? side->ask_len : (unsigned)BLT__HEAD_MAX));
  return off;
}

/* A commit moved the key's block: 0 as `from` is a new key, as `to` one that
 * is gone. Does nothing unless ready; may give the table up. */
void blt__side_move(struct blt__side *side, uint64_t cheap, uint64_t from,
                    uint64_t to);

#endif

/* ==== lookup/side.c */

/*
 * side.c - the side table
 *
 * Open addressing by lines of eight places. Nearly all searches end in the line
 * where they began.
 */



/* No table for a few lookups, however small the store. */
enum { LOST_MIN = 64 * BLT__SIDE_ALONE };

/* Keys that are hashed together, and slots that are looked at together, so that
 * their misses overlap. */
enum { GROUP = 32, ROW = 128 };

/* Keys in ten lines when it is built, less where keys will be added; and the
 * most later. */
enum {
  KEYS_IN_TEN = 50,
  KEYS_IN_TEN_GROWING = 30,
  MOST_IN_TEN = 65,
  LINES_MORE = 8
};

/* Of a block, as far as it is asked for before its head is there. */
enum { ASK_MAX = 320 };

void blt__side_init(struct blt__side *side, const struct blt__env *env,
                    size_t max_len, int grows)
{
  *side = (struct blt__side){.env = env, .max_len = max_len, .grows = grows};
  blt__random(&side->seed, sizeof side->seed);
}

static void release_lines(struct blt__side *side)
{
  blt__release(side->env, side->memory, side->memory_len);
  side->memory = NULL;
  side->lines = NULL;
  side->n_lines = side->memory_len = side->n_used = 0;
  blt__release(side->env, side->keys_memory, side->keys_len);
  side->keys_memory = NULL;
  side->keys = NULL;
  side->keys_len = 0;
}

void blt__side_release(struct blt__side *side)
{
  if (side->env != NULL)
    release_lines(side);
  atomic_store(&side->state, BLT__SIDE_NONE);
}

void blt__side_drop(struct blt__side *side)
{
  if (side == NULL)
    return;
  blt__side_release(side);
  atomic_store(&side->lost, 0);
}

/* ---- changing */

static void set_place(struct blt__line *line, unsigned place, uint32_t tag,
                      uint64_t off)
{
  line->tags[place] = (uint16_t)tag;
  blt__put6(line->offs[place], off);
}

/* The place that the key has now. */
static uint64_t add(struct blt__side *side, uint64_t cheap, uint64_t off)
{
  uint64_t number = blt__side_line(side, cheap);

  for (;; number = blt__side_next(side, number)) {
    struct blt__line *line = &side->lines[number];
    uint32_t gone = blt__line_match(line, BLT__LINE_GONE);
    uint32_t free = gone | blt__line_match(line, BLT__LINE_EMPTY);
    if (free == 0)
      continue;
    unsigned place = blt__line_first(gone != 0 ? gone : free);
    side->n_used += line->tags[place] == BLT__LINE_EMPTY;
    set_place(line, place, blt__line_tag(cheap), off);
    return number * BLT__LINE_PLACES + place;
  }
}

/* Fuller than that, searches get long; a larger one is built when it pays. */
static int is_crowded(uint64_t n_lines, uint64_t n_used)
{
  return n_used > n_lines * MOST_IN_TEN / 10;
}

/* The line and place of a key's block; NULL: there is none. */
static struct blt__line *find_place__side(const struct blt__side *side,
                                    uint64_t cheap, uint64_t off, unsigned *out)
{
  uint64_t number = blt__side_line(side, cheap);

  for (;; number = blt__side_next(side, number)) {
    struct blt__line *line = &side->lines[number];
    for (uint32_t match = blt__line_match(line, blt__line_tag(cheap));
         match != 0; match = blt__line_rest(match)) {
      *out = blt__line_first(match);
      if (blt__line_off(line, *out) == off)
        return line;
    }
    if (!blt__line_is_full(line))
      return NULL;
  }
}

void blt__side_move(struct blt__side *side, uint64_t cheap, uint64_t from,
                    uint64_t to)
{
  unsigned place = 0;

  if (!blt__side_is_ready(side))
    return;
  if (from == 0) {
    if (is_crowded(side->n_lines, side->n_used + 1))
      blt__side_drop(side);
    else
      (void)add(side, cheap, to);
    return;
  }
  struct blt__line *line = find_place__side(side, cheap, from, &place);
  if (line == NULL) {
    blt__side_drop(side); /* never so, but wrong answers are worse          */
  } else if (to != 0) {
    set_place(line, place, blt__line_tag(cheap), to);
  } else {
    set_place(line, place, BLT__LINE_GONE, 0);
  }
}

/* ---- building */

int blt__side_pays(struct blt__side *side, uint64_t cost, uint64_t n_keys)
{
  /* Others may count at the same time, and one of them is forgotten. */
  uint64_t lost =
      atomic_load_explicit(&side->lost, memory_order_relaxed) + cost;

  atomic_store_explicit(&side->lost, lost, memory_order_relaxed);
  return lost >= LOST_MIN && lost / BLT__SIDE_BUILD > n_keys;
}

/* A count of lines for so many keys: 0 when they do not fit. */
static uint64_t choose_lines(const struct blt__side *side, uint64_t n_keys)
{
  uint64_t most = side->max_len / sizeof *side->lines;
  uint64_t n_lines =
      n_keys * 10 / (side->grows ? KEYS_IN_TEN_GROWING : KEYS_IN_TEN) +
      LINES_MORE;

  if (most > UINT32_MAX)
    most = UINT32_MAX;
  if (n_lines > most)
    n_lines = most;
  return is_crowded(n_lines, n_keys) ? 0 : n_lines;
}

/* So many bytes that begin a cache line, each `byte`; NULL: none are to be had.
 * What they lie in is the table's. */
static void *make_rows(const struct blt__side *side, size_t len, int byte,
                       void **out_memory, size_t *out_len)
{
  const size_t mask = sizeof *side->lines - 1;

  *out_len = len + mask;
  *out_memory = blt__alloc(side->env, *out_len);
  if (*out_memory == NULL)
    return NULL;
  blt__memory_want_large_pages(*out_memory, *out_len);
  memset(*out_memory, byte, *out_len);
  return (void *)(((uintptr_t)*out_memory + mask) & ~(uintptr_t)mask);
}

static int make_lines(struct blt__side *side, uint64_t n_keys)
{
  side->n_lines = choose_lines(side, n_keys);
  if (side->n_lines == 0)
    return -1;
  side->lines = make_rows(side, (size_t)side->n_lines * sizeof *side->lines, 0,
                          &side->memory, &side->memory_len);
  return side->lines == NULL ? -1 : 0;
}

static uint64_t measure_keys(const struct blt__side *side)
{
  return side->n_lines * BLT__LINE_PLACES * sizeof *side->keys;
}

/* Keys are held by a reader that maps the file, if there is room for all. */
static int may_hold_keys(const struct blt__side *side,
                         const struct blt__image *image)
{
  const uint64_t keys_len = measure_keys(side);

  return !side->grows && !image->view.by_read &&
         keys_len <= side->max_len - side->n_lines * sizeof *side->lines;
}

/* Made for the first short key: there may be none. Without memory for it a
 * lookup has to see the block, as with a long key. */
static void make_keys(struct blt__side *side)
{
  side->keys = make_rows(side, (size_t)measure_keys(side), BLT__SHORTKEY_NONE,
                         &side->keys_memory, &side->keys_len);
}

/* Blocks that were met in their chains and are not in the table yet. */
struct met {
  struct blt__side *side;
  struct blt__image *image;
  const uint8_t *heads[GROUP];
  uint64_t off[GROUP], slot_off[GROUP];
  uint8_t hashes[GROUP][BLT__HASH_LEN];
  struct blt__lane_key keys[GROUP];
  size_t n;
  int holds_keys;
  uint64_t n_all, len_all; /* blocks met so far, and their bytes            */
};

/* H1: the block is the one and only that a lookup of its key would find. */
static int is_in_order__side(const struct met *met, size_t i, uint64_t cheap)
{
  struct blt__hit hit = {.head = NULL};

  return memcmp(met->hashes[i], met->heads[i], BLT__HASH_LEN) == 0 &&
         blt__layout_slot(&met->image->layout, met->hashes[i]) ==
             met->slot_off[i] &&
         blt__side_find(met->side, met->image, cheap, met->keys[i].key,
                        met->keys[i].key_len, 0, &hit) == BLT_NOT_FOUND;
}

static void hold_key(struct met *met, uint64_t place,
                     const struct blt__lane_key *key)
{
  struct blt__side *side = met->side;

  if (!met->holds_keys || key->key_len > BLT__SHORTKEY_MAX)
    return;
  if (side->keys == NULL)
    make_keys(side);
  met->holds_keys = side->keys != NULL;
  if (met->holds_keys)
    side->keys[place] = blt__shortkey_of(key->key, key->key_len);
}

static blt_status add_met(struct met *met)
{
  uint64_t cheap[GROUP];

  blt__keyhash_many(met->keys, met->n);
  for (size_t i = 0; i < met->n; i++) {
    cheap[i] =
        blt__cheaphash(met->side->seed, met->keys[i].key, met->keys[i].key_len);
    blt__side_ask_line(met->side, cheap[i]);
    if (met->side->keys != NULL)
      blt__side_ask_keys(met->side, cheap[i]);
  }
  for (size_t i = 0; i < met->n; i++) {
    if (is_crowded(met->side->n_lines, met->side->n_used + 1))
      return BLT_E_TOO_BIG; /* more keys than the header says               */
    if (!is_in_order__side(met, i, cheap[i]))
      return BLT_E_CORRUPT;
    hold_key(met, add(met->side, cheap[i], met->off[i]), &met->keys[i]);
  }
  met->n = 0;
  return BLT_OK;
}

static blt_status add_chain__side(struct met *met, uint64_t slot_off)
{
  struct blt__walk walk;
  struct blt__block block;
  const uint8_t *head = NULL;
  blt_status status;

  blt__walk_begin(&walk, met->image, slot_off);
  while ((status = blt__walk_next(&walk, &block, &head)) == BLT_OK) {
    if (met->n == GROUP && (status = add_met(met)) < 0)
      return status;
    met->heads[met->n] = head;
    met->off[met->n] = block.off;
    met->slot_off[met->n] = slot_off;
    met->keys[met->n] = (struct blt__lane_key){
        head + met->image->geo.key_off, block.key_len, met->hashes[met->n]};
    met->n++;
    met->n_all++;
    met->len_all += block.len;
  }
  return status == BLT_END ? BLT_OK : status;
}

/* Of a row of slots those that lead to a block, which is asked for. */
static size_t ask_for_chains(const struct blt__image *image, uint64_t slot_off,
                             uint64_t n, uint64_t *out)
{
  size_t n_chains = 0;

  if (image->links.n != 0)
    for (uint64_t i = 0; i < n; i++)
      blt__links_ask(&image->links, slot_off + i * BLT__LINK_LEN);
  for (uint64_t i = 0; i < n; i++) {
    uint64_t off = slot_off + i * BLT__LINK_LEN;
    uint64_t link = blt__image_peek(image, off);
    out[n_chains] = off;
    n_chains += link > BLT__LINK_END; /* a branch would be guessed wrongly */
    blt__image_ask(image, link);
    blt__links_ask(&image->links, link + BLT__LINK_OFF);
  }
  return n_chains;
}

/* And the block behind each of these. */
static void ask_for_next(const struct blt__image *image, const uint64_t *slots,
                         size_t n)
{
  for (size_t i = 0; i < n; i++) {
    uint64_t link = blt__image_peek(image, slots[i]);
    if (link < BLT__OFF_MAX)
      blt__image_ask(image, blt__image_peek(image, link + BLT__LINK_OFF));
  }
}

static blt_status add_all(struct blt__side *side, struct blt__image *image)
{
  const struct blt__layout *layout = &image->layout;
  struct met met = {
      .side = side, .image = image, .holds_keys = may_hold_keys(side, image)};
  uint64_t slots[ROW];
  blt_status status = BLT_OK;

  for (uint64_t first = 0; first < layout->n_buckets; first += ROW) {
    uint64_t n =
        layout->n_buckets - first < ROW ? layout->n_buckets - first : ROW;
    size_t n_chains = ask_for_chains(
        image, layout->index_off + first * BLT__LINK_LEN, n, slots);
    ask_for_next(image, slots, n_chains);
    for (size_t i = 0; i < n_chains; i++)
      if ((status = add_chain__side(&met, slots[i])) < 0)
        return status;
  }
  uint64_t mean = met.n_all == 0 ? 0 : met.len_all / met.n_all;
  side->ask_len = mean > ASK_MAX ? ASK_MAX : (unsigned)mean;
  return add_met(&met);
}

void blt__side_build(struct blt__side *side, struct blt__image *image,
                     uint64_t n_keys)
{
  int state = BLT__SIDE_NONE;
  uint64_t most = image->view.size / image->geo.key_off;

  if (n_keys > most) /* no count of the header's can ask for more memory     */
    n_keys = most;
  if (!atomic_compare_exchange_strong(&side->state, &state, BLT__SIDE_BUILDING))
    return;
  state = make_lines(side, n_keys) == 0 && add_all(side, image) == BLT_OK &&
                  blt__view_judge(&image->view, BLT_OK) == BLT_OK
              ? BLT__SIDE_READY
              : BLT__SIDE_REFUSED;
  if (state == BLT__SIDE_REFUSED)
    release_lines(side);
  atomic_store_explicit(&side->state, state, memory_order_release);
}

/* ==== change/pending.h */

/*
 * pending.h - the write buffer: puts and deletes that are not in the file yet
 *
 *   body     | head key value | head key value | head key value |
 *   keys     | hash key | hash key |              (of deletes)
 *   entries  put, put, delete, put ...            in order of arrival
 *   places   hash table from a key to its newest entry
 *
 * A put is encoded as it will stand in the file, but for hash, link and time,
 * which are zero until the commit. Hashing and looking up are put off too
 * (resolve), so that many keys can be done at once.
 */
#ifndef BLT_CHANGE_PENDING_H
#define BLT_CHANGE_PENDING_H


enum blt__entry_kind {
  BLT__ENTRY_PUT,
  BLT__ENTRY_DELETE, /* the file has the key                               */
  BLT__ENTRY_GONE,   /* put and deleted again, and not in the file         */
  BLT__ENTRY_DROPPED /* replaced by a later entry                          */
};

struct blt__entry {
  uint64_t at;    /* in body (put) or keys (others)                     */
  uint64_t found; /* resolved: its block in the file, 0 for none        */
  uint64_t time;
  uint32_t tag; /* part of a cheap hash of the key                    */
  uint32_t value_len;
  uint16_t key_len;
  uint8_t kind;
  uint8_t resolved; /* hash is set and found is known                     */
  uint8_t hidden;   /* a reserved key: not counted                        */
};

struct blt__pending {
  const struct blt__env *env;      /* borrowed                             */
  const struct blt__sink *sink;    /* borrowed                             */
  const struct blt__geometry *geo; /* borrowed                             */
  struct blt__buf body, keys;
  struct blt__span outer;     /* a large value left with the caller: it
                                 belongs to the last entry, behind the body */
  struct blt__entry *entries; /* owned                                      */
  size_t n_entries, entries_capacity;
  uint32_t *places; /* entry number + 1, 0 is empty               */
  size_t places_mask;
  size_t n_resolved; /* all entries before are resolved            */
  int has_holes;     /* body has bytes of dropped entries          */
  uint64_t n_undone; /* puts that a later put or delete undid here */
  uint64_t seed;     /* of the handle's cheap hash                   */
};

void blt__pending_init(struct blt__pending *pending, const struct blt__env *env,
                       const struct blt__sink *sink,
                       const struct blt__geometry *geo, uint64_t seed);
void blt__pending_release(struct blt__pending *pending);

/* Forget all entries. */
void blt__pending_clear(struct blt__pending *pending);

/* The newest entry of a key, or NULL; never one that is DROPPED. */
struct blt__entry *blt__pending_find(const struct blt__pending *pending,
                                     const void *key, size_t key_len);
/* With the blt__cheaphash of the key by pending->seed. */
struct blt__entry *blt__pending_find_hashed(const struct blt__pending *pending,
                                            uint64_t cheap, const void *key,
                                            size_t key_len);

struct blt__put {
  const void *key;
  size_t key_len;
  const void *value;
  size_t value_len;
  uint64_t time;
  int hidden;
  int leave_value; /* keep a pointer to it instead of a copy; the last put
                      before the commit                                    */
};
blt_status blt__pending_put(struct blt__pending *pending,
                            const struct blt__put *put);

/* BLT_NOT_FOUND when there is no such key, here or in the file. What the file
 * says may be known already, from blt__many_find; else NULL. */
blt_status blt__pending_delete(struct blt__pending *pending,
                               struct blt__image *image, const void *key,
                               size_t key_len, int hidden,
                               const struct blt__query *known);

/* Hash what is not hashed and look it up in the file. */
blt_status blt__pending_resolve(struct blt__pending *pending,
                                struct blt__image *image);

/* The blocks in the file have moved: what was found there is to be found again.
 */
void blt__pending_forget_places(struct blt__pending *pending);

/* Whether bytes that a caller passes lie in the buffer itself (a key or value
 * that was lent), which moves and ends with a commit. */
int blt__pending_owns(const struct blt__pending *pending, const void *data);

/* By how much the batch changes the number of keys (all resolved). */
int64_t blt__pending_count_change(const struct blt__pending *pending);

/* Entry's hash: BLT__HASH_LEN bytes, set when resolved. */
static inline uint8_t *blt__entry_hash(const struct blt__pending *pending,
                                       const struct blt__entry *entry)
{
  return (entry->kind == BLT__ENTRY_PUT ? pending->body.data
                                        : pending->keys.data) +
         entry->at;
}

static inline const uint8_t *blt__entry_key(const struct blt__pending *pending,
                                            const struct blt__entry *entry)
{
  return blt__entry_hash(pending, entry) + (entry->kind == BLT__ENTRY_PUT
                                                ? pending->geo->key_off
                                                : (unsigned)BLT__HASH_LEN);
}

/* Of a put. */
const uint8_t *blt__entry_value(const struct blt__pending *pending,
                                const struct blt__entry *entry);

/* Bytes that a commit would append, records not counted. */
static inline uint64_t blt__pending_len(const struct blt__pending *pending)
{
  return pending->body.len + pending->outer.len;
}

#endif

/* ==== change/room.h */

/*
 * room.h - where the file ends: a log that grows has room made for it
 *
 *   | store and log | zeros          | put aside          |
 *                   ^ end            ^ of the file        ^ reserved
 *
 * Space is put aside so that a commit fails now, and not when the kernel
 * writes it out. Zeros are written ahead where each commit is synced and more
 * are likely to follow: a sync of bytes inside the file is one write to the
 * disk; one that makes the file longer has to write its new length, and where
 * the bytes are, as well.
 *
 *   L6  Booklet never sees the zeros: they are cut off, and that is durable,
 *       before a header that booklet takes.
 */
#ifndef BLT_CHANGE_ROOM_H
#define BLT_CHANGE_ROOM_H


/* As many zeros as the log has got since the file last ended where it does, at
 * least `min`, at most `max`; none before there is as much log as `after`.
 * Tests have less. */
struct blt__ahead {
  uint64_t after, min, max;
};

struct blt__room {
  struct blt__ahead ahead;
  uint64_t reserved; /* end of the space that was put aside                 */
  uint64_t begin;    /* end of the log when it last had no room             */
};

void blt__room_init(struct blt__room *room);

/* The file ends where the log does: nothing is put aside, no zeros. */
static inline void blt__room_forget(struct blt__room *room, uint64_t end)
{
  room->reserved = 0;
  room->begin = end;
}

/* Is space to be put aside where `len` bytes are written? At OFF only for many:
 * the kernel is quicker with it, but short sessions would pay for what they do
 * not use. */
static inline int blt__room_pays(blt_sync_level level, uint64_t len)
{
  return level != BLT_SYNC_OFF || len >= (uint64_t)1 << 20;
}

/* Put space aside for `len` bytes from `end` on. */
blt_status blt__room_reserve(struct blt__room *room,
                             const struct blt__view *view, uint64_t end,
                             uint64_t len);

/* Where the file should end once `len` bytes are written at `at` and synced. */
uint64_t blt__room_file_end(const struct blt__room *room,
                            const struct blt__view *view, uint64_t at,
                            uint64_t len);

/* Cut off the zeros, so that the file ends where the log does; and give back
 * what is put aside, where there are any or all of it is to go. */
blt_status blt__room_give_back(struct blt__room *room, struct blt__view *view,
                               uint64_t end, int is_all);

#endif

/* ==== change/log.h */

/*
 * log.h - appending commits, syncing them, and closing the session
 *
 * docs/protocol.md is the specification. In short: a commit appends a record
 * and the blocks of the batch; the links that make them reachable change only
 * in the table of changed links; a sync makes commits durable; a checkpoint
 * writes links of durable commits back into the file.
 *
 *   L1  No link is written back before the commit that changed it is
 *       durable (with BLT_SYNC_OFF: written).
 *   L2  A dead block's link becomes 0 in the file one checkpoint after the
 *       links around it, when those are durable.
 *   L3  A commit that fails before its record is in the file leaves no trace.
 *   L4  After a failed sync, or a failure inside a checkpoint, nothing more
 *       is written through this handle.
 *   L5  While booklet could miss a commit, or bring back what was deleted, the
 *       header's kind is inverted, so that booklet refuses the file.
 */
#ifndef BLT_CHANGE_LOG_H
#define BLT_CHANGE_LOG_H


/* Log that recovery has to read, and that is written in a session with syncs
 * before links go back into the file. */
#define BLT__LOG_MAX ((uint64_t)16 << 20)

/* A list of offsets. */
struct blt__offsets {
  uint64_t *at; /* owned                                                    */
  size_t n, capacity;
};

/* How to undo what a commit has done to the table of changed links. */
struct blt__undo {
  struct blt__link_entry before; /* off and what the entry was              */
  uint64_t at : 63; /* the entry, until the table gets room for another part */
  uint64_t was_new : 1;
};

/* A place in the log: the next record's number, where it would stand, and how
 * many keys there were. */
struct blt__mark {
  uint64_t seq, start;
  uint32_t n_keys;
};

struct blt__log {
  struct blt__image *image;     /* borrowed                             */
  const struct blt__env *env;   /* borrowed                             */
  const struct blt__sink *sink; /* borrowed                             */
  blt_sync_level level;
  uint8_t header[BLT__HEADER_LEN]; /* as in the file                       */
  uint64_t boot_id;
  /* Lengths of log that tests have shorter: */
  uint64_t log_max;  /* that recovery reads: BLT__LOG_MAX                    */
  uint64_t sync_len; /* that is not synced, at BATCH                         */
  uint64_t due_len;  /* whose links wait, in a small store; by level         */

  int in_session;     /* the header says DIRTY                              */
  int guarded;        /* the header's kind is inverted (L5)                 */
  int was_open;       /* in a repair: it was not when that began            */
  int has_gap;        /* in a repair: the old log goes on behind damage     */
  int links_unsynced; /* links were written back since the last sync, or
                         zeros cut off                                      */
  int times_unsynced; /* timestamps were set in place since then            */
  int poisoned;       /* L4                                                 */
  uint8_t salt[BLT__SALT_LEN];
  uint64_t end;     /* of the committed log: where the next record goes   */
  uint64_t durable; /* end of what is known to be on disk                 */
  uint64_t begun;   /* end of what the disk was asked to begin with       */
  struct blt__room room;
  uint64_t dead_front; /* end of what a rewrite has left behind, or 0       */
  uint64_t seq;        /* of the next record                                 */
  uint32_t n_keys;     /* committed                                          */
  uint64_t n_undone;   /* puts that never came to the file; see pending.h    */

  /* what recovery would have to look at */
  struct blt__mark from;  /* as the header has it                           */
  struct blt__mark group; /* where records since the last checkpoint begin  */
  struct blt__mark prev;  /* the group before, whose tombs wait             */
  struct blt__offsets tombs;     /* of the records since the checkpoint  */
  struct blt__offsets old_tombs; /* of the group before                  */
  int shows_tombs;               /* the image's table has both           */

  /* scratch, kept between commits */
  struct blt__buf record, times, gathered;
  struct blt__buf undo;  /* struct blt__undo                     */
  struct blt__buf order; /* struct blt__placed                   */
  struct blt__buf parts; /* struct blt__part                     */
};

void blt__log_init(struct blt__log *log, struct blt__image *image,
                   const struct blt__env *env, const struct blt__sink *sink,
                   blt_sync_level level);
void blt__log_release(struct blt__log *log);

/* Mark the file DIRTY, durably, before its first change. Does nothing when it
 * is already, fails when the log is poisoned. */
blt_status blt__log_begin(struct blt__log *log);

/*
 * Append the batch and clear it. On a failure that leaves the store usable
 * (BLT_E_NO_SPACE, _NO_MEMORY, _IO while appending, L3) the batch stays as it
 * was. Resolves the batch first.
 */
blt_status blt__log_commit(struct blt__log *log, struct blt__pending *pending);

/* Before the first scan of a writer's image: put its tombs into the table, and
 * those that come as well from now on. A writer that never scans saves it. */
blt_status blt__log_show_tombs(struct blt__log *log);

/* Make commits durable and bring all that booklet looks at into the file. */
blt_status blt__log_sync(struct blt__log *log);

/* After a commit: sync or write back if the level and the sizes ask for it. */
blt_status blt__log_settle(struct blt__log *log);

/* Sync, write every link and tomb back, and leave no group open: the file's
 * chains and blocks are then what the image shows. */
blt_status blt__log_flatten(struct blt__log *log);

/* flatten, then mark the file CLEAN. The next commit begins a session. */
blt_status blt__log_rest(struct blt__log *log);

/* The same for good: what a rewrite left behind goes back too. */
blt_status blt__log_close(struct blt__log *log);

/* Write log->header with kind, count and a checkpoint of that state: recovery
 * begins at `from`. */
blt_status blt__log_put_header(struct blt__log *log, enum blt__state state,
                               struct blt__mark from, uint64_t committed);

/* L5: let booklet refuse the file; and no longer, unless something waits. */
blt_status blt__log_guard(struct blt__log *log);
blt_status blt__log_unguard(struct blt__log *log);

/* The end of the log as it is now; and make both groups begin there. */
struct blt__mark blt__log_mark(const struct blt__log *log);
void blt__log_start_groups(struct blt__log *log);

/* A sync of the file, unless the level is OFF. */
blt_status blt__log_sync_file(struct blt__log *log);

/* Record the failure that ends writing through this handle (L4). */
blt_status blt__log_poison(struct blt__log *log, blt_status status,
                           blt_status as, const char *meaning);

int blt__offsets_add(struct blt__offsets *offsets, const struct blt__env *env,
                     uint64_t off);
int blt__offsets_reserve(struct blt__offsets *offsets,
                         const struct blt__env *env, size_t more);
void blt__offsets_release(struct blt__offsets *offsets,
                          const struct blt__env *env);

#endif

/* ==== change/commit.h */

/*
 * commit.h - a commit under way: shared by the files that make one
 *
 *   arrange.c   which block goes where, and under which record
 *   relink.c    which links change, and how to undo it
 *   commit.c    the bytes that are appended
 */
#ifndef BLT_CHANGE_COMMIT_H
#define BLT_CHANGE_COMMIT_H


/* An entry and where its block stands in the body. */
struct blt__placed {
  struct blt__entry *entry;
  uint64_t slot_off; /* of the key                                          */
  uint64_t body_off;
};

/* Consecutive placed entries that go under one record. */
struct blt__part {
  size_t first, n; /* of the order                                 */
  uint64_t body_off, body_len; /* in the whole body                         */
  uint64_t pad_len; /* dead block behind an uncovered one           */
  uint32_t n_puts, n_inserts, n_removed;
  int uncovered;
  uint64_t at;  /* where the record stands                      */
  uint64_t len; /* of the record                                */
};

/* A commit under way. */
struct blt__commit {
  struct blt__log *log;
  struct blt__pending *pending;
  const struct blt__geometry *geo;
  struct blt__placed *order;
  size_t n_placed;
  uint8_t *body; /* pending->body or log->gathered               */
  uint64_t body_len;
  struct blt__part *part; /* the one that is being linked                 */
  uint64_t blocks_off;    /* where the part's first block will stand      */
  int was_shown;          /* booklet took the file before                 */
};

/* ---- arrange.c */

/* Order the entries, copy their blocks together where they are not, and cut
 * the batch into parts (log->parts). */
blt_status blt__commit_arrange(struct blt__commit *commit, size_t *out_n_parts);

/* ---- relink.c */

/* Room in every table, so that linking cannot stop half way. */
blt_status blt__commit_reserve(struct blt__commit *commit);

/* Change the links for all entries of the current part. */
blt_status blt__commit_relink(struct blt__commit *commit);

/* Write patches and tombs of the current part into log->record; what was
 * there before the part is told by undo_from and tombs_from. The next part must
 * not take this one's marks for its own: they are gone afterwards. */
void blt__commit_write_changes(struct blt__commit *commit, size_t undo_from,
                               size_t tombs_from, struct blt__record *record);

/* Put everything back as it was. */
void blt__commit_undo(struct blt__log *log, size_t n_tombs_before);

#endif

/* ==== change/arrange.c */

/*
 * arrange.c - which block of a batch goes where, and under which record
 *
 * Blocks that replace others come first, new keys last: recovery derives the
 * heads of chains from the last ones. A batch that one dead block cannot span
 * becomes several parts. A block that is too long to be covered at all is a
 * part of its own.
 */

/* ---- order: deletions, replacements, then inserts */

enum class { DELETING, REPLACING, INSERTING, NOTHING, N_CLASSES };

static enum class class_of(const struct blt__entry *entry) {
  if (entry->kind == BLT__ENTRY_PUT) return entry->found != 0 ? REPLACING
                                                              : INSERTING;
  return entry->kind == BLT__ENTRY_DELETE ? DELETING : NOTHING;
}

static blt_status place_all(struct blt__commit *c)
{
  struct blt__buf *order = &c->log->order;
  struct blt__pending *pending = c->pending;
  const struct blt__layout *layout = &c->log->image->layout;
  size_t counts[N_CLASSES] = {0};

  order->len = 0;
  if (blt__buf_reserve(order, pending->n_entries * sizeof *c->order) != 0)
    return blt__fail_memory(c->log->sink);
  c->order = (struct blt__placed *)(void *)order->data;
  for (size_t i = 0; i < pending->n_entries; i++)
    counts[class_of(&pending->entries[i])]++;
  size_t next[N_CLASSES] = {0, counts[DELETING],
                            counts[DELETING] + counts[REPLACING]};
  c->n_placed = next[INSERTING] + counts[INSERTING];
  for (size_t i = 0; i < pending->n_entries; i++) {
    const enum class class = class_of(&pending->entries[i]);
    if (class != NOTHING)
      c->order[next[class]++] = (struct blt__placed){
          .entry = &pending->entries[i],
          .slot_off = blt__layout_slot(
              layout, blt__entry_hash(pending, &pending->entries[i])),
          .body_off = pending->entries[i].at};
  }
  return BLT_OK;
}

static uint64_t block_len(const struct blt__commit *c,
                          const struct blt__entry *entry)
{
  return blt__geometry_block_len(c->geo, entry->key_len, entry->value_len);
}

/* Whether the puts stand in the buffer in the order that we want. */
static int is_in_order__arrange(const struct blt__commit *c)
{
  uint64_t last = 0;

  if (c->pending->has_holes)
    return 0;
  for (size_t i = 0; i < c->n_placed; i++) {
    if (c->order[i].entry->kind != BLT__ENTRY_PUT)
      continue;
    if (c->order[i].body_off < last)
      return 0;
    last = c->order[i].body_off;
  }
  return 1;
}

/* Copy the blocks together in order. */
static blt_status gather(struct blt__commit *c)
{
  struct blt__buf *to = &c->log->gathered;

  to->len = 0;
  if (blt__buf_reserve(to, c->pending->body.len) != 0)
    return blt__fail_memory(c->log->sink);
  for (size_t i = 0; i < c->n_placed; i++) {
    const struct blt__entry *entry = c->order[i].entry;
    if (entry->kind != BLT__ENTRY_PUT)
      continue;
    c->order[i].body_off = to->len;
    (void)blt__buf_append(to, c->pending->body.data + entry->at,
                          (size_t)block_len(c, entry));
  }
  c->body = to->data;
  c->body_len = to->len;
  return BLT_OK;
}

/* ---- parts */

/* The record's length: room for every patch that there can be, and padding
 * that makes record and body a multiple of the stride, so that a scan over a
 * body that was lost (zeros) ends at its end. */
static uint64_t record_len_of(const struct blt__commit *c,
                              const struct blt__part *part)
{
  uint64_t n_tombs = (uint64_t)part->n_puts - part->n_inserts + part->n_removed;
  /* One block: its own link, and the slot if it is new. */
  uint64_t n_patches = n_tombs + (part->uncovered ? 2 : 0);
  uint64_t len = blt__record_min_len(c->geo, n_patches, n_tombs);
  uint64_t stride = c->geo->stride;
  uint64_t spans = part->uncovered ? len : len + part->body_len;

  return len + (stride - spans % stride) % stride;
}

static int can_cover(const struct blt__commit *c, const struct blt__part *part)
{
  uint64_t len = record_len_of(c, part);

  return len <= UINT32_MAX && len <= blt__cover_max(c->geo) &&
         part->body_len <= blt__cover_max(c->geo) - len;
}

static void part_add(const struct blt__commit *c, struct blt__part *part,
                     size_t i)
{
  const struct blt__entry *entry = c->order[i].entry;

  part->n++;
  if (entry->kind == BLT__ENTRY_DELETE) {
    part->n_removed++;
    return;
  }
  if (part->n_puts++ == 0)
    part->body_off = c->order[i].body_off;
  part->n_inserts += entry->found == 0;
  part->body_len += block_len(c, entry);
}

/*
 * One block that no dead block can span; behind it a dead one that makes the
 * body a multiple of the stride. Where values are so long that no single dead
 * block can do that either, there is none: zeros after a crash then end inside
 * a block for a scan that comes before our recovery.
 */
static void make_uncovered(const struct blt__commit *c, struct blt__part *part)
{
  uint64_t stride = c->geo->stride;
  uint64_t least = blt__dead_min(c->geo);
  uint64_t pad = least + (stride - (part->body_len + least) % stride) % stride;

  part->uncovered = 1;
  part->pad_len = pad <= blt__cover_max(c->geo) ? pad : 0;
}

static blt_status cut_into_parts(struct blt__commit *c, size_t *out_n_parts)
{
  struct blt__buf *parts = &c->log->parts;
  size_t i = 0;

  parts->len = 0;
  while (i < c->n_placed) {
    struct blt__part part = {.first = i};
    do {
      struct blt__part longer = part;
      part_add(c, &longer, i);
      if (part.n > 0 && !can_cover(c, &longer))
        break;
      part = longer;
      i++;
    } while (i < c->n_placed);
    if (!can_cover(c, &part))
      make_uncovered(c, &part);
    part.len = record_len_of(c, &part);
    if (blt__buf_append(parts, &part, sizeof part) != 0)
      return blt__fail_memory(c->log->sink);
  }
  *out_n_parts = parts->len / sizeof(struct blt__part);
  return BLT_OK;
}

blt_status blt__commit_arrange(struct blt__commit *c, size_t *out_n_parts)
{
  blt_status status = place_all(c);

  if (status < 0)
    return status;
  c->body = c->pending->body.data;
  c->body_len = blt__pending_len(c->pending);
  if (!is_in_order__arrange(c) && (status = gather(c)) < 0)
    return status;
  return cut_into_parts(c, out_n_parts);
}

/* ==== change/checkpoint.h */

/*
 * checkpoint.h - links of durable commits go back into the file
 */
#ifndef BLT_CHANGE_CHECKPOINT_H
#define BLT_CHANGE_CHECKPOINT_H


/* All commits are durable. Write the links that wait, and the tombs of the
 * group before; tell the header where recovery may begin (not synced). */
blt_status blt__checkpoint(struct blt__log *log);

/* Everything, in as many steps with a sync between as it takes. */
blt_status blt__checkpoint_all(struct blt__log *log);

/* A link and where it goes. */
struct blt__change {
  uint64_t off, link;
};

/* Write the links: sorted, neighbours in one write with the bytes between
 * them. `changes` is sorted in place. Where a sync follows the disk is asked to
 * begin with each long write while the next one is made. */
blt_status blt__write_links(struct blt__image *image,
                            const struct blt__env *env,
                            struct blt__change *changes, size_t n,
                            int sync_follows);

#endif

/* ==== change/checkpoint.c */

/*
 * checkpoint.c - links of durable commits go back into the file
 *
 * One pwrite for each link would cost more than everything else together, so
 * the links are sorted and neighbours are written in one run, with the bytes
 * between them as they are in the file.
 */


/* Links closer than this share a run; no run is longer than the second. */
enum { GAP_MAX = 4096, RUN_MAX = 1 << 18 };

/* Least run that the disk is asked to begin with. */
enum { BEGIN_MIN = 64 << 10 };

static int compare_changes__checkpoint(const void *left, const void *right)
{
  const struct blt__change *a = left;
  const struct blt__change *b = right;

  return a->off < b->off ? -1 : a->off > b->off;
}

enum { DIGIT_BITS = 11, N_DIGITS = 1 << DIGIT_BITS, FEW__checkpoint = 256 };

static unsigned digit_of(const struct blt__change *change, unsigned shift)
{
  return (unsigned)(change->off >> shift) & (N_DIGITS - 1);
}

/* One pass of a radix sort: stable, by one digit. */
static void sort_by_digit(struct blt__change *to,
                          const struct blt__change *from, size_t n,
                          unsigned shift)
{
  size_t begins[N_DIGITS] = {0};
  size_t sum = 0;

  for (size_t i = 0; i < n; i++)
    begins[digit_of(&from[i], shift)]++;
  for (unsigned d = 0; d < N_DIGITS; d++) {
    size_t count = begins[d];
    begins[d] = sum;
    sum += count;
  }
  for (size_t i = 0; i < n; i++)
    to[begins[digit_of(&from[i], shift)]++] = from[i];
}

/* By offset. qsort where there are few, or no memory for a second row. */
static void sort_changes(const struct blt__env *env,
                         struct blt__change *changes, size_t n)
{
  struct blt__change *from = changes;
  struct blt__change *to =
      n > FEW__checkpoint ? blt__alloc(env, n * sizeof *changes) : NULL;
  struct blt__change *spare = to;
  uint64_t bits = 0;

  if (to == NULL) {
    qsort(changes, n, sizeof *changes, compare_changes__checkpoint);
    return;
  }
  for (size_t i = 0; i < n; i++)
    bits |= changes[i].off;
  for (unsigned shift = 0; bits >> shift != 0; shift += DIGIT_BITS) {
    sort_by_digit(to, from, n, shift);
    struct blt__change *swap = from;
    from = to;
    to = swap;
  }
  if (from != changes)
    memcpy(changes, from, n * sizeof *changes);
  blt__release(env, spare, n * sizeof *changes);
}

/* Bytes from the first link of a run to the end of the last one. */
static uint64_t len_of_run(const struct blt__change *first,
                           const struct blt__change *last)
{
  return last[-1].off + BLT__LINK_LEN - first->off;
}

/* Links [first, last) into one write. */
static blt_status write_run(struct blt__image *image, uint8_t *run,
                            const struct blt__change *first,
                            const struct blt__change *last)
{
  uint64_t begin = first->off;
  uint64_t len = len_of_run(first, last);
  const uint8_t *now = NULL;
  blt_status status = blt__view_at(&image->view, begin, len, &now);

  if (status < 0)
    return status;
  memcpy(run, now, len);
  /* Zeros that stand in for a part that could not be read must not become
   * the file's. */
  if ((status = blt__view_judge(&image->view, BLT_OK)) < 0)
    return status;
  for (const struct blt__change *change = first; change < last; change++)
    blt__put6(run + (change->off - begin), change->link);
  return blt__view_write(&image->view, begin,
                         &(struct blt__span){run, (size_t)len}, 1);
}

static void begin_sync__checkpoint(struct blt__image *image,
                       const struct blt__change *first,
                       const struct blt__change *last)
{
  struct blt__file *file = image->view.file;
  uint64_t len = len_of_run(first, last);

  if (len >= BEGIN_MIN && file->ops->begin_sync != NULL)
    file->ops->begin_sync(file, first->off, len);
}

static int belongs_to_run(const struct blt__change *first,
                          const struct blt__change *next)
{
  return next->off - next[-1].off <= GAP_MAX &&
         next->off + BLT__LINK_LEN - first->off <= RUN_MAX;
}

/* Behind the last link of the run that begins with `first`. */
static const struct blt__change *end_of_run(const struct blt__change *first,
                                            const struct blt__change *end)
{
  const struct blt__change *next = first + 1;

  while (next < end && belongs_to_run(first, next))
    next++;
  return next;
}

/* Of the sorted links. */
static size_t longest_run(const struct blt__change *first,
                          const struct blt__change *end)
{
  uint64_t longest = 0;

  while (first < end) {
    const struct blt__change *next = end_of_run(first, end);
    uint64_t len = len_of_run(first, next);
    longest = len > longest ? len : longest;
    first = next;
  }
  return (size_t)longest;
}

blt_status blt__write_links(struct blt__image *image,
                            const struct blt__env *env,
                            struct blt__change *changes, size_t n,
                            int sync_follows)
{
  const struct blt__change *end = changes + n;
  const struct blt__change *first = changes;
  blt_status status = BLT_OK;

  sort_changes(env, changes, n);
  size_t len = longest_run(changes, end);
  uint8_t *run = blt__alloc(env, len);
  if (run == NULL)
    return blt__fail_memory(image->view.sink);
  while (first < end && status == BLT_OK) {
    const struct blt__change *next = end_of_run(first, end);
    status = write_run(image, run, first, next);
    if (sync_follows && status == BLT_OK)
      begin_sync__checkpoint(image, first, next);
    first = next;
  }
  blt__release(env, run, len);
  return status;
}

static size_t collect_links(const struct blt__links *links,
                            struct blt__change *out)
{
  size_t n = 0;

  if (links->n == 0)
    return 0;
  for (size_t i = 0; i <= links->mask; i++) {
    const struct blt__link_entry *entry = &links->entries[i];
    if (entry->off != 0 && !(entry->marks & BLT__MARK_DROPPED))
      out[n++] = (struct blt__change){entry->off, entry->link};
  }
  return n;
}

static size_t collect_tombs__checkpoint(const struct blt__offsets *tombs,
                            struct blt__change *out)
{
  for (size_t i = 0; i < tombs->n; i++)
    out[i] = (struct blt__change){tombs->at[i] + BLT__LINK_OFF, BLT__LINK_DEAD};
  return tombs->n;
}

/* The tombs that the file has now need not be remembered. */
static void forget_tombs(struct blt__log *log, struct blt__offsets *written)
{
  struct blt__links *tombs = &log->image->tombs;

  if (log->tombs.n == 0) /* no others came since */
    blt__links_clear(tombs);
  for (size_t i = 0; i < written->n && tombs->n > 0; i++) {
    struct blt__link_entry *entry = blt__links_find(tombs, written->at[i]);
    if (entry != NULL)
      blt__links_remove(tombs, entry);
  }
  written->n = 0;
}

static blt_status write_waiting(struct blt__log *log)
{
  struct blt__image *image = log->image;
  size_t room = image->links.n + log->old_tombs.n;
  struct blt__change *changes = blt__alloc(log->env, room * sizeof *changes);

  if (changes == NULL)
    return blt__fail_memory(log->sink);
  size_t n = collect_links(&image->links, changes);
  n += collect_tombs__checkpoint(&log->old_tombs, changes + n);
  log->links_unsynced |= n > 0;
  blt_status status =
      blt__write_links(image, log->env, changes, n, log->level != BLT_SYNC_OFF);
  blt__release(log->env, changes, room * sizeof *changes);
  return status;
}

/* The group is written: its tombs wait for the next time (L2). */
static void turn_groups(struct blt__log *log)
{
  struct blt__offsets empty = log->old_tombs;

  forget_tombs(log, &log->old_tombs);
  blt__links_clear(&log->image->links);
  empty.n = 0;
  log->old_tombs = log->tombs;
  log->tombs = empty;
  log->prev = log->group;
  log->group = blt__log_mark(log);
}

static blt_status fail_after_commit(struct blt__log *log, blt_status status)
{
  return blt__log_poison(log, status, BLT_E_COMMITTED,
                         "all commits are safe, but links could not be "
                         "written back; close and open the file again");
}

blt_status blt__checkpoint(struct blt__log *log)
{
  /* The tombs of the group before are written now and not on disk yet, so
   * recovery still begins with that group. */
  struct blt__mark from = log->prev;
  blt_status status = BLT_OK;

  /* L2: the links around the old tombs are on disk, or this brings them. */
  if (log->links_unsynced && log->old_tombs.n > 0)
    status = blt__log_sync_file(log);
  if (status == BLT_OK)
    status = write_waiting(log);

  if (status < 0)
    return fail_after_commit(log, status);
  turn_groups(log);
  if (log->level == BLT_SYNC_OFF && log->old_tombs.n > 0) {
    /* Nothing is ever synced, so there is nothing to wait for. */
    if ((status = write_waiting(log)) < 0)
      return fail_after_commit(log, status);
    turn_groups(log);
  }
  if (log->level == BLT_SYNC_OFF)
    from = blt__log_mark(log);
  else if (log->end - log->from.start < log->log_max)
    return BLT_OK;
  status = blt__log_put_header(log, BLT__DIRTY, from, log->end);
  return status < 0 ? fail_after_commit(log, status) : BLT_OK;
}

blt_status blt__checkpoint_all(struct blt__log *log)
{
  blt_status status = BLT_OK;

  /* L2, as in blt__checkpoint. */
  if (log->links_unsynced && log->old_tombs.n > 0 &&
      (status = blt__log_sync_file(log)) < 0)
    return fail_after_commit(log, status);
  while (log->links_unsynced ||
         log->image->links.n + log->tombs.n + log->old_tombs.n > 0) {
    if ((status = write_waiting(log)) < 0 ||
        (status = blt__log_sync_file(log)) < 0)
      return fail_after_commit(log, status);
    turn_groups(log);
  }
  return BLT_OK;
}

/* ==== change/commit.c */

/*
 * commit.c - the bytes that a commit appends
 *
 * For each part record and blocks are written behind the log, with the record's
 * block spanning both (the cover), and when all parts are there each span is
 * cut down to the record itself (the reveal). A failure before the last reveal
 * cuts the file back and undoes the links (L3).
 */



static uint64_t span_of(const struct blt__part *part)
{
  return part->len + part->body_len + part->pad_len;
}

/* NULL when all that the batch does is delete. */
static const uint8_t *blocks_of(const struct blt__commit *c,
                                const struct blt__part *part)
{
  return c->body != NULL ? c->body + part->body_off : NULL;
}

/* Hash of the part's blocks while links and times are still zero. */
static uint64_t hash_blocks(const struct blt__commit *c, const uint8_t *pad)
{
  const struct blt__part *part = c->part;
  uint64_t outer = c->pending->outer.len;
  struct blt__piece pieces[] = {
      {blocks_of(c, part), (size_t)(part->body_len - outer)},
      {c->pending->outer.data, (size_t)outer},
      {pad, (size_t)part->pad_len},
  };

  return blt__bodyhash_blank(c->log->salt, pieces,
                             outer + part->pad_len > 0 ? 3 : 1);
}

/* Times go into the body, and together into a scratch row for their hash. */
static blt_status set_times(const struct blt__commit *c, uint64_t *out_hash)
{
  const struct blt__part *part = c->part;
  struct blt__buf *row = &c->log->times;
  size_t time_len = blt__geometry_has_time(c->geo) ? BLT__TIMESTAMP_LEN : 0;

  row->len = 0;
  if (blt__buf_reserve(row, (part->n + 1) * BLT__TIMESTAMP_LEN) != 0)
    return blt__fail_memory(c->log->sink);
  for (size_t i = part->first; time_len > 0 && i < part->first + part->n; i++) {
    const struct blt__placed *placed = &c->order[i];
    if (placed->entry->kind != BLT__ENTRY_PUT)
      continue;
    uint8_t *time = c->body + placed->body_off + c->geo->time_off;
    blt__put7(time, placed->entry->time);
    (void)blt__buf_append(row, time, time_len);
  }
  if (part->pad_len > 0 && time_len > 0)
    memset(blt__buf_extend(row, time_len), 0, time_len);
  *out_hash = blt__bodyhash_blank(c->log->salt,
                                  &(struct blt__piece){row->data, row->len}, 1);
  return BLT_OK;
}

/* Links and times back to zero, as the hash of a second attempt wants them. */
static void blank_blocks(const struct blt__commit *c)
{
  for (size_t i = 0; i < c->n_placed; i++) {
    const struct blt__placed *placed = &c->order[i];
    if (placed->entry->kind != BLT__ENTRY_PUT)
      continue;
    uint8_t *head = c->body + placed->body_off;
    memset(head + BLT__LINK_OFF, 0, BLT__LINK_LEN);
    memset(head + c->geo->time_off, 0, c->geo->key_off - c->geo->time_off);
  }
}

static uint64_t last_link(const struct blt__commit *c)
{
  const struct blt__part *part = c->part;

  if (part->n_puts == 0 || part->uncovered)
    return 0;
  /* Deletions come first, so the last placed entry is a put. */
  return blt__get6(c->body + c->order[part->first + part->n - 1].body_off +
                   BLT__LINK_OFF);
}

static blt_status write_part(struct blt__commit *c, const uint8_t *pad)
{
  const struct blt__part *part = c->part;
  struct blt__log *log = c->log;
  struct blt__view *view = &log->image->view;
  uint64_t outer = c->pending->outer.len;
  const struct blt__span spans[] = {
      {c->log->record.data, (size_t)part->len},
      {blocks_of(c, part), (size_t)(part->body_len - outer)},
      {c->pending->outer.data, (size_t)outer},
      {pad, (size_t)part->pad_len},
  };
  blt_status status =
      blt__room_pays(log->level, part->at - log->room.begin)
          ? blt__room_reserve(&log->room, view, part->at, span_of(part))
          : BLT_OK;

  if (status < 0)
    return status;
  return blt__view_append(
      view, spans, 4,
      log->level == BLT_SYNC_FULL
          ? blt__room_file_end(&log->room, view, part->at, span_of(part))
          : 0);
}

static blt_status append_part(struct blt__commit *c, uint64_t seq, int is_last,
                              int64_t count_change)
{
  struct blt__log *log = c->log;
  struct blt__part *part = c->part;
  size_t undo_from = log->undo.len;
  size_t tombs_from = log->tombs.n;
  struct blt__record record = {
      .kind = is_last ? BLT__RECORD_BATCH : BLT__RECORD_PART,
      .seq = seq,
      .off = part->at,
      .durable_off = log->durable,
      .body_len = part->body_len + part->pad_len,
      .len = (uint32_t)part->len,
      .n_blocks = part->n_puts,
      .n_inserts = part->uncovered ? 0 : part->n_inserts,
      .n_keys = (uint64_t)((int64_t)log->n_keys + count_change),
  };
  blt_status status = blt__commit_reserve(c);

  if (status < 0)
    return status;
  memcpy(record.salt, log->salt, BLT__SALT_LEN);
  uint8_t *pad = log->record.data + part->len;
  if (part->pad_len > 0) {
    memset(pad, 0, (size_t)part->pad_len);
    blt__dead_encode(c->geo, pad, part->pad_len, BLT__TAG_FILLER);
  }
  record.body_hash = hash_blocks(c, pad);
  if ((status = set_times(c, &record.time_hash)) < 0 ||
      (status = blt__commit_relink(c)) < 0)
    return status;
  blt__commit_write_changes(c, undo_from, tombs_from, &record);
  record.last_next = last_link(c);
  blt__record_encode(c->geo, &record,
                     part->uncovered ? part->len : span_of(part),
                     log->record.data);
  return write_part(c, pad);
}

static blt_status reveal(struct blt__commit *c, const struct blt__part *part)
{
  uint8_t extent[4];
  unsigned off;
  unsigned len = blt__dead_extent(c->geo, part->len, &off, extent);

  if (part->uncovered)
    return BLT_OK;
  return blt__view_write(&c->log->image->view, part->at + off,
                         &(struct blt__span){extent, len}, 1);
}

/* L3. When even that fails, what is in the file is for recovery to find. Space
 * that was put aside goes back too: of what was wanted a file system may have
 * taken all that there was. */
static blt_status take_back__commit(struct blt__commit *c, blt_status status,
                            size_t n_tombs_before)
{
  struct blt__log *log = c->log;
  struct blt__view *view = &log->image->view;

  blt__commit_undo(log, n_tombs_before);
  blank_blocks(c);
  blt__room_forget(&log->room, log->end);
  if (blt__view_cut(view, log->end) == 0 || view->file_len == log->end) {
    if (c->was_shown)
      (void)blt__log_unguard(log);
    return status;
  }
  return blt__log_poison(log, status, BLT_E_UNKNOWN,
                         "the commit failed and could not be taken back; "
                         "close and open the file again to see its state");
}

/* The side table learns where the keys are now. */
static void move_sides(struct blt__commit *c, const struct blt__part *part)
{
  struct blt__side *side = c->log->image->side;

  if (!blt__side_is_ready(side))
    return;
  for (size_t i = part->first; i < part->first + part->n; i++) {
    const struct blt__placed *placed = &c->order[i];
    const struct blt__entry *entry = placed->entry;
    const int is_put = entry->kind == BLT__ENTRY_PUT;
    uint64_t cheap = blt__cheaphash(
        side->seed, blt__entry_key(c->pending, entry), entry->key_len);
    blt__side_move(
        side, cheap, entry->found,
        is_put ? part->at + part->len + placed->body_off - part->body_off : 0);
  }
}

static void account(struct blt__commit *c, const struct blt__part *parts,
                    size_t n_parts, int64_t change)
{
  struct blt__log *log = c->log;

  for (size_t i = 0; i < n_parts; i++)
    move_sides(c, &parts[i]);
  log->n_keys = (uint32_t)((int64_t)log->n_keys + change);
  log->seq += n_parts;
  log->end = log->image->view.size;
}

/* All of it is in the file, or was undone before. */
static void forget(struct blt__log *log, struct blt__pending *pending)
{
  log->n_undone += pending->n_undone;
  blt__pending_clear(pending);
}

blt_status blt__log_commit(struct blt__log *log, struct blt__pending *pending)
{
  struct blt__commit c = {
      .log = log, .pending = pending, .geo = &log->image->geo};
  size_t n_tombs_before = log->tombs.n;
  size_t n_parts = 0;
  blt_status status = blt__pending_resolve(pending, log->image);

  if (status < 0 || (status = blt__commit_arrange(&c, &n_parts)) < 0)
    return status;
  if (c.n_placed == 0) {
    forget(log, pending);
    return BLT_OK;
  }
  int64_t change = blt__pending_count_change(pending);
  if ((int64_t)log->n_keys + change >= (int64_t)BLT__COUNT_UNCLEAN)
    return blt__fail(log->sink, BLT_E_TOO_BIG, BLT_NO_OFFSET,
                     "the store cannot hold more than 4294967294 keys");
  /* The count that the file came with may be false. */
  if (change < -(int64_t)log->n_keys)
    change = -(int64_t)log->n_keys;
  c.was_shown = !log->in_session || !log->guarded;
  if ((status = blt__log_begin(log)) < 0 || (status = blt__log_guard(log)) < 0)
    return status;
  struct blt__part *parts = (struct blt__part *)(void *)log->parts.data;
  uint64_t at = log->end;
  log->undo.len = 0;
  for (size_t i = 0; i < n_parts && status == BLT_OK; i++) {
    c.part = &parts[i];
    c.part->at = at;
    c.blocks_off = at + c.part->len;
    at += span_of(c.part);
    status = append_part(&c, log->seq + i, i + 1 == n_parts, change);
  }
  for (size_t i = 0; i < n_parts && status == BLT_OK; i++)
    status = reveal(&c, &parts[i]);
  if (status < 0)
    return take_back__commit(&c, status, n_tombs_before);
  account(&c, parts, n_parts, change);
  forget(log, pending);
  return BLT_OK;
}

/* ==== change/log.c */

/*
 * log.c - the session: its header, its syncs, its limits
 */



/* Log that may be lost to a power cut at level BATCH. */
#define UNSYNCED_MAX ((uint64_t)64 << 20)

/*
 * A checkpoint costs up to the whole index, and the whole file where blocks
 * died, written once over. So what waits for one is a share of the file (log)
 * or of the index (links), between these limits; at FULL it is no share of the
 * file, since the next commit waits for the disk.
 */
#define DUE_MIN_OFF ((uint64_t)256 << 20)
#define DUE_MAX ((uint64_t)1 << 30)
enum {
  SHARE = 8,
  /* A batch more, and a table of 2^n places is still half full at most. */
  LINKS_MAX = (1 << 21) - (1 << 12),
  LINKS_MIN = (1 << 18) - (1 << 12),
  SLOTS_MIN = 1 << 12
};

/* Log that the disk is asked to begin with, long before the sync of BATCH. */
#define BEGIN_LEN ((uint64_t)256 << 10)

/* Least space at the front of the file that is worth giving back. */
#define PUNCH_MIN ((uint64_t)64 << 10)

int blt__offsets_reserve(struct blt__offsets *offsets,
                         const struct blt__env *env, size_t more)
{
  size_t capacity = offsets->capacity == 0 ? 64 : offsets->capacity;

  while (capacity < offsets->n + more)
    capacity *= 2;
  if (capacity == offsets->capacity)
    return 0;
  uint64_t *at = blt__resize(env, offsets->at, offsets->capacity * sizeof *at,
                             capacity * sizeof *at);
  if (at == NULL)
    return -1;
  offsets->at = at;
  offsets->capacity = capacity;
  return 0;
}

int blt__offsets_add(struct blt__offsets *offsets, const struct blt__env *env,
                     uint64_t off)
{
  if (blt__offsets_reserve(offsets, env, 1) != 0)
    return -1;
  offsets->at[offsets->n++] = off;
  return 0;
}

void blt__offsets_release(struct blt__offsets *offsets,
                          const struct blt__env *env)
{
  blt__release(env, offsets->at, offsets->capacity * sizeof *offsets->at);
  *offsets = (struct blt__offsets){NULL, 0, 0};
}

static uint64_t due_len_of(blt_sync_level level)
{
  switch (level) {
  case BLT_SYNC_FULL:
    return BLT__LOG_MAX;
  case BLT_SYNC_OFF:
    return DUE_MIN_OFF;
  default:
    return UNSYNCED_MAX;
  }
}

void blt__log_init(struct blt__log *log, struct blt__image *image,
                   const struct blt__env *env, const struct blt__sink *sink,
                   blt_sync_level level)
{
  *log = (struct blt__log){.image = image,
                           .env = env,
                           .sink = sink,
                           .level = level,
                           .log_max = BLT__LOG_MAX,
                           .sync_len = UNSYNCED_MAX,
                           .due_len = due_len_of(level)};
  blt__room_init(&log->room);
  struct blt__buf *const bufs[] = {&log->record, &log->times, &log->gathered,
                                   &log->undo,   &log->order, &log->parts};
  for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++)
    blt__buf_init(bufs[i], env);
}

void blt__log_release(struct blt__log *log)
{
  struct blt__buf *const bufs[] = {&log->record, &log->times, &log->gathered,
                                   &log->undo,   &log->order, &log->parts};

  if (log->env == NULL)
    return;
  for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++)
    blt__buf_release(bufs[i]);
  blt__offsets_release(&log->tombs, log->env);
  blt__offsets_release(&log->old_tombs, log->env);
}

blt_status blt__log_poison(struct blt__log *log, blt_status status,
                           blt_status as, const char *meaning)
{
  log->poisoned = 1;
  (void)status;
  return blt__fail_upgrade(log->sink, as, meaning);
}

blt_status blt__log_sync_file(struct blt__log *log)
{
  struct blt__file *file = log->image->view.file;

  log->links_unsynced = log->times_unsynced = 0;
  if (log->level == BLT_SYNC_OFF)
    return BLT_OK;
  /* Never tried again: the kernel may have dropped what it could not write. */
  int error = file->ops->sync(file);
  return error == 0 ? BLT_OK
                    : blt__fail_errno(log->sink, -error, BLT_NO_OFFSET,
                                      "sync the file");
}

static unsigned flags_of(const struct blt__log *log, enum blt__state state)
{
  unsigned flags = log->level == BLT_SYNC_OFF ? BLT__FLAG_OFF : 0;

  if (state == BLT__REPAIR)
    flags |= (log->was_open ? BLT__FLAG_WAS_OPEN : 0u) |
             (log->has_gap ? BLT__FLAG_GAP : 0u);
  return flags;
}

blt_status blt__log_put_header(struct blt__log *log, enum blt__state state,
                               struct blt__mark from, uint64_t committed)
{
  const struct blt__layout *layout = &log->image->layout;
  struct blt__checkpoint checkpoint = {
      .state = state,
      .flags = flags_of(log, state),
      .log_seq = from.seq,
      .log_start = from.start,
      .committed = committed,
      .n_keys = from.n_keys,
      .index_off = layout->index_off,
      .first_off = layout->first_off,
      .n_buckets = layout->n_buckets,
      .boot_id = log->boot_id,
  };

  memcpy(checkpoint.salt, log->salt, BLT__SALT_LEN);
  blt__header_set_kind(log->header, log->image->geo.fixed, log->guarded);
  blt__put4(log->header + BLT__HDR_COUNT,
            state == BLT__CLEAN ? from.n_keys : BLT__COUNT_UNCLEAN);
  blt__checkpoint_encode(log->header, &checkpoint);
  log->from = from;
  return blt__view_write(&log->image->view, 0,
                         &(struct blt__span){log->header, BLT__HEADER_LEN}, 1);
}

static blt_status set_guard(struct blt__log *log, int guarded)
{
  if (log->guarded == guarded)
    return BLT_OK;
  log->guarded = guarded;
  blt_status status = blt__log_put_header(log, BLT__DIRTY, log->from, log->end);
  if (status < 0)
    log->guarded = !guarded;
  return status;
}

blt_status blt__log_guard(struct blt__log *log)
{
  return set_guard(log, 1);
}

/* A value that was replaced must be dead as well: booklet may delete the key,
 * and its prune then finds the old block. */
blt_status blt__log_unguard(struct blt__log *log)
{
  int is_ahead_of_file =
      log->image->links.n + log->tombs.n + log->old_tombs.n > 0;

  return is_ahead_of_file ? BLT_OK : set_guard(log, 0);
}

struct blt__mark blt__log_mark(const struct blt__log *log)
{
  return (struct blt__mark){log->seq, log->end, log->n_keys};
}

void blt__log_start_groups(struct blt__log *log)
{
  log->group = log->prev = blt__log_mark(log);
  log->begun = log->end;
}

static blt_status fail_poisoned(const struct blt__log *log)
{
  return blt__fail(log->sink, BLT_E_POISONED, BLT_NO_OFFSET,
                   "an earlier write failed; close the handle and open the "
                   "file again, which recovers it");
}

blt_status blt__log_begin(struct blt__log *log)
{
  if (log->poisoned)
    return fail_poisoned(log);
  if (log->in_session)
    return BLT_OK;
  blt__random(log->salt, sizeof log->salt);
  log->boot_id = blt__boot_id();
  log->end = log->durable = log->image->view.size;
  log->seq = 1;
  log->guarded = 1;
  blt__log_start_groups(log);
  blt__room_forget(&log->room, log->end);
  blt_status status =
      blt__log_put_header(log, BLT__DIRTY, blt__log_mark(log), log->end);
  if (status == BLT_OK)
    status = blt__log_sync_file(log);
  if (status < 0)
    return blt__log_poison(log, status, BLT_E_UNKNOWN,
                           "the file could not be marked as being written; "
                           "nothing was committed");
  log->in_session = 1;
  return BLT_OK;
}

static void show_tombs_of(struct blt__log *log,
                          const struct blt__offsets *tombs)
{
  int is_new;

  for (size_t i = 0; i < tombs->n; i++)
    (void)blt__links_make(&log->image->tombs, tombs->at[i], &is_new);
}

blt_status blt__log_show_tombs(struct blt__log *log)
{
  if (log->shows_tombs)
    return BLT_OK;
  if (blt__links_reserve(&log->image->tombs, log->tombs.n + log->old_tombs.n) !=
      0)
    return blt__fail_memory(log->sink);
  show_tombs_of(log, &log->old_tombs);
  show_tombs_of(log, &log->tombs);
  log->shows_tombs = 1;
  return BLT_OK;
}

static blt_status make_durable(struct blt__log *log)
{
  if (log->poisoned)
    return fail_poisoned(log);
  if (!log->in_session || (log->durable == log->end && !log->times_unsynced))
    return BLT_OK;
  blt_status status = blt__log_sync_file(log);
  if (status < 0)
    return blt__log_poison(log, status, BLT_E_UNKNOWN,
                           "the sync failed; whether the last commits are on "
                           "disk shows when the file is opened again");
  log->durable = log->end;
  return BLT_OK;
}

/* How many links may wait. At OFF, where only slots changed, fewer: to write
 * the index once over costs 48 bytes a link then, less than a larger table
 * costs in memory that is touched for the first time. */
static size_t links_due(const struct blt__log *log)
{
  const int is_slots = log->level == BLT_SYNC_OFF && log->tombs.n == 0;
  const uint64_t least = is_slots ? SLOTS_MIN : LINKS_MIN;
  const uint64_t n = log->image->layout.n_buckets / SHARE;

  return (size_t)(n < least ? least : n > LINKS_MAX ? LINKS_MAX : n);
}

/* How much log may wait. */
static uint64_t len_due(const struct blt__log *log)
{
  const uint64_t len = log->image->view.size / SHARE;

  if (log->level == BLT_SYNC_FULL || len <= log->sync_len ||
      len <= log->due_len)
    return log->due_len;
  return len < DUE_MAX ? len : DUE_MAX;
}

static int is_checkpoint_due(const struct blt__log *log)
{
  const size_t n_due = links_due(log);

  return log->end - log->group.start >= len_due(log) ||
         log->image->links.n >= n_due || log->tombs.n >= n_due;
}

static int is_sync_due(const struct blt__log *log)
{
  return log->level == BLT_SYNC_FULL ||
         (log->level == BLT_SYNC_BATCH &&
          log->end - log->durable >= log->sync_len);
}

/* While the next commits are made the disk works already. Whole pages only: the
 * last one will be written to again. */
static void begin_sync__log(struct blt__log *log)
{
  struct blt__file *file = log->image->view.file;
  uint64_t end = log->end & ~(uint64_t)4095;

  if (log->level != BLT_SYNC_BATCH || file->ops->begin_sync == NULL ||
      end < log->begun + BEGIN_LEN)
    return;
  file->ops->begin_sync(file, log->begun, end - log->begun);
  log->begun = end;
}

blt_status blt__log_settle(struct blt__log *log)
{
  int is_due = is_checkpoint_due(log);

  if (!is_due)
    begin_sync__log(log);
  blt_status status = is_due || is_sync_due(log) ? make_durable(log) : BLT_OK;

  return status == BLT_OK && is_due ? blt__checkpoint(log) : status;
}

/* L5: a power cut that keeps this header keeps what it speaks of. */
static blt_status show_to_booklet(struct blt__log *log)
{
  blt_status status = log->links_unsynced ? blt__log_sync_file(log) : BLT_OK;

  if (status < 0 || (status = blt__log_unguard(log)) < 0)
    return blt__log_poison(log, status, BLT_E_COMMITTED,
                           "all commits are safe, but the header could not be "
                           "written; close and open the file again");
  return BLT_OK;
}

/* L6. What was cut off is treated as links that were written back: a sync comes
 * before the header. Most often there are such links too. */
static blt_status give_back(struct blt__log *log, int is_all)
{
  struct blt__view *view = &log->image->view;

  if (!log->in_session || log->poisoned)
    return BLT_OK;
  log->links_unsynced |= view->file_len > log->end;
  blt_status status = blt__room_give_back(&log->room, view, log->end, is_all);
  /* Zeros are at FULL alone, where every commit was synced. */
  return status == BLT_OK
             ? BLT_OK
             : blt__log_poison(log, status, BLT_E_COMMITTED,
                               "all commits are safe, but what is behind them "
                               "could not be cut off; close and open the file "
                               "again");
}

blt_status blt__log_sync(struct blt__log *log)
{
  blt_status status = give_back(log, 0);

  if (status == BLT_OK)
    status = make_durable(log);
  if (status < 0 || !log->in_session)
    return status;
  while (status == BLT_OK &&
         log->image->links.n + log->tombs.n + log->old_tombs.n > 0)
    status = blt__checkpoint(log);
  return status == BLT_OK && log->guarded ? show_to_booklet(log) : status;
}

blt_status blt__log_flatten(struct blt__log *log)
{
  blt_status status = give_back(log, 1);

  if (status == BLT_OK)
    status = make_durable(log);
  if (status < 0 || !log->in_session)
    return status;
  return blt__checkpoint_all(log);
}

static void punch_front(struct blt__log *log)
{
  struct blt__file *file = log->image->view.file;

  if (log->dead_front > PUNCH_MIN && file->ops->punch != NULL)
    (void)file->ops->punch(file, BLT__HEADER_LEN,
                           log->dead_front - BLT__HEADER_LEN);
  log->dead_front = 0;
}

blt_status blt__log_rest(struct blt__log *log)
{
  blt_status status = blt__log_flatten(log);

  if (status < 0 || !log->in_session)
    return status;
  log->guarded = 0;
  status = blt__log_put_header(log, BLT__CLEAN, blt__log_mark(log), log->end);
  if (status == BLT_OK)
    status = blt__log_sync_file(log);
  if (status < 0)
    return blt__log_poison(log, status, BLT_E_COMMITTED,
                           "all commits are safe, but the file could not be "
                           "marked as closed; the next open recovers it");
  log->in_session = 0;
  return BLT_OK;
}

blt_status blt__log_close(struct blt__log *log)
{
  blt_status status = blt__log_rest(log);

  /* Not earlier: borrowed pointers may still lead into the old copy. */
  if (status == BLT_OK)
    punch_front(log);
  return status;
}
#undef UNSYNCED_MAX
#undef DUE_MIN_OFF
#undef DUE_MAX
#undef BEGIN_LEN
#undef PUNCH_MIN

/* ==== change/pending.c */

/*
 * pending.c - the write buffer
 */



enum { FIRST_PLACES__pending = 256, KEPT_ENTRIES = 1 << 17, KEPT_LEN = 16 << 20 };

void blt__pending_init(struct blt__pending *pending, const struct blt__env *env,
                       const struct blt__sink *sink,
                       const struct blt__geometry *geo, uint64_t seed)
{
  *pending =
      (struct blt__pending){.env = env, .sink = sink, .geo = geo, .seed = seed};
  blt__buf_init(&pending->body, env);
  blt__buf_init(&pending->keys, env);
}

void blt__pending_release(struct blt__pending *pending)
{
  if (pending->env == NULL)
    return;
  blt__buf_release(&pending->body);
  blt__buf_release(&pending->keys);
  blt__release(pending->env, pending->entries,
               pending->entries_capacity * sizeof *pending->entries);
  if (pending->places != NULL)
    blt__release(pending->env, pending->places,
                 (pending->places_mask + 1) * sizeof *pending->places);
  pending->entries = NULL;
  pending->places = NULL;
  pending->n_entries = pending->entries_capacity = pending->places_mask = 0;
}

void blt__pending_clear(struct blt__pending *pending)
{
  if (pending->n_entries > KEPT_ENTRIES || pending->body.len > KEPT_LEN) {
    uint64_t seed = pending->seed;
    const struct blt__geometry *geo = pending->geo;
    blt__pending_release(pending);
    blt__pending_init(pending, pending->env, pending->sink, geo, seed);
    return;
  }
  pending->body.len = pending->keys.len = 0;
  pending->n_undone = 0;
  pending->outer = (struct blt__span){NULL, 0};
  if (pending->places != NULL &&
      pending->n_entries < (pending->places_mask + 1) / 64) {
    /* Far too large for batches like this one: start small again. */
    blt__release(pending->env, pending->places,
                 (pending->places_mask + 1) * sizeof *pending->places);
    pending->places = NULL;
    pending->places_mask = 0;
  } else if (pending->n_entries > 0) {
    memset(pending->places, 0,
           (pending->places_mask + 1) * sizeof *pending->places);
  }
  pending->n_entries = pending->n_resolved = 0;
  pending->has_holes = 0;
}

const uint8_t *blt__entry_value(const struct blt__pending *pending,
                                const struct blt__entry *entry)
{
  if (pending->outer.len > 0 &&
      entry == &pending->entries[pending->n_entries - 1])
    return pending->outer.data;
  return blt__entry_key(pending, entry) + entry->key_len;
}

/* ---- from a key to its entry */

static uint64_t cheap_hash(const struct blt__pending *pending, const void *key,
                           size_t key_len)
{
  return blt__cheaphash(pending->seed, key, key_len);
}

/* The place that holds the key's entry, or the empty one where it belongs. */
static uint32_t *find_place__pending(const struct blt__pending *pending, uint64_t cheap,
                            const void *key, size_t key_len)
{
  size_t i = (size_t)cheap & pending->places_mask;
  uint32_t tag = (uint32_t)(cheap >> 32);

  for (;; i = (i + 1) & pending->places_mask) {
    uint32_t number = pending->places[i];
    if (number == 0)
      return &pending->places[i];
    const struct blt__entry *entry = &pending->entries[number - 1];
    if (entry->tag == tag && entry->key_len == key_len &&
        (key_len == 0 ||
         memcmp(blt__entry_key(pending, entry), key, key_len) == 0))
      return &pending->places[i];
  }
}

struct blt__entry *blt__pending_find(const struct blt__pending *pending,
                                     const void *key, size_t key_len)
{
  return blt__pending_find_hashed(pending, cheap_hash(pending, key, key_len),
                                  key, key_len);
}

struct blt__entry *blt__pending_find_hashed(const struct blt__pending *pending,
                                            uint64_t cheap, const void *key,
                                            size_t key_len)
{
  if (pending->n_entries == 0)
    return NULL;
  uint32_t number = *find_place__pending(pending, cheap, key, key_len);
  return number == 0 ? NULL : &pending->entries[number - 1];
}

static int grow_places(struct blt__pending *pending)
{
  size_t n =
      pending->places == NULL ? FIRST_PLACES__pending : 2 * (pending->places_mask + 1);
  uint32_t *places = blt__alloc(pending->env, n * sizeof *places);

  if (places == NULL)
    return -1;
  memset(places, 0, n * sizeof *places);
  if (pending->places != NULL)
    blt__release(pending->env, pending->places,
                 (pending->places_mask + 1) * sizeof *places);
  pending->places = places;
  pending->places_mask = n - 1;
  for (size_t e = 0; e < pending->n_entries; e++) {
    const struct blt__entry *entry = &pending->entries[e];
    if (entry->kind == BLT__ENTRY_DROPPED)
      continue;
    const uint8_t *key = blt__entry_key(pending, entry);
    *find_place__pending(pending, cheap_hash(pending, key, entry->key_len), key,
                entry->key_len) = (uint32_t)e + 1;
  }
  return 0;
}

/* Room for one more entry and its place. */
static blt_status make_room(struct blt__pending *pending)
{
  if (pending->n_entries == pending->entries_capacity) {
    size_t capacity =
        pending->entries_capacity == 0 ? 64 : 2 * pending->entries_capacity;
    struct blt__entry *entries =
        blt__resize(pending->env, pending->entries,
                    pending->entries_capacity * sizeof *entries,
                    capacity * sizeof *entries);
    if (entries == NULL)
      return blt__fail_memory(pending->sink);
    pending->entries = entries;
    pending->entries_capacity = capacity;
  }
  if (pending->places == NULL ||
      2 * (pending->n_entries + 1) > pending->places_mask + 1)
    if (grow_places(pending) != 0)
      return blt__fail_memory(pending->sink);
  return BLT_OK;
}

/* ---- put */

/* The same length again: the bytes are replaced where they stand. */
static int put_in_place(struct blt__pending *pending, struct blt__entry *entry,
                        const struct blt__put *put)
{
  if (entry->kind != BLT__ENTRY_PUT || entry->value_len != put->value_len ||
      put->leave_value)
    return 0;
  uint8_t *value =
      pending->body.data + entry->at + pending->geo->key_off + entry->key_len;
  if (put->value_len > 0)
    memmove(value, put->value, put->value_len);
  entry->time = put->time;
  pending->n_undone++;
  return 1;
}

/* Whether an argument lies in the buffer itself, which may move; callers may
 * put a value that they were lent. */
int blt__pending_owns(const struct blt__pending *pending, const void *data)
{
  const uint8_t *p = data;

  return p != NULL && pending->body.data != NULL && p >= pending->body.data &&
         p < pending->body.data + pending->body.len;
}

static void copy_in(const struct blt__pending *pending, uint8_t *to,
                    const void *from, int own, size_t own_off, size_t len)
{
  if (len > 0)
    memcpy(to, own ? pending->body.data + own_off : from, len);
}

static blt_status encode_put(struct blt__pending *pending,
                             const struct blt__put *put)
{
  int own_key = blt__pending_owns(pending, put->key);
  int own_value = blt__pending_owns(pending, put->value);
  size_t key_at =
      own_key ? (size_t)((const uint8_t *)put->key - pending->body.data) : 0;
  size_t value_at =
      own_value ? (size_t)((const uint8_t *)put->value - pending->body.data)
                : 0;
  static const uint8_t no_hash[BLT__HASH_LEN];
  const struct blt__geometry *geo = pending->geo;
  size_t inner = put->leave_value ? 0 : put->value_len;
  uint8_t *at =
      blt__buf_extend(&pending->body, geo->key_off + put->key_len + inner);

  if (at == NULL)
    return blt__fail_memory(pending->sink);
  blt__block_encode(geo, at, no_hash, 0, (uint32_t)put->key_len,
                    (uint32_t)put->value_len, 0);
  copy_in(pending, at + geo->key_off, put->key, own_key, key_at, put->key_len);
  copy_in(pending, at + geo->key_off + put->key_len, put->value, own_value,
          value_at, inner);
  if (put->leave_value)
    pending->outer = (struct blt__span){put->value, put->value_len};
  return BLT_OK;
}

blt_status blt__pending_put(struct blt__pending *pending,
                            const struct blt__put *put)
{
  blt_status status = make_room(pending);

  if (status < 0)
    return status;
  uint64_t cheap = cheap_hash(pending, put->key, put->key_len);
  uint32_t *place = find_place__pending(pending, cheap, put->key, put->key_len);
  struct blt__entry *old = *place == 0 ? NULL : &pending->entries[*place - 1];
  if (old != NULL && put_in_place(pending, old, put))
    return BLT_OK;
  uint64_t at = pending->body.len;
  if ((status = encode_put(pending, put)) < 0)
    return status;
  struct blt__entry *entry = &pending->entries[pending->n_entries];
  *entry = (struct blt__entry){.at = at,
                               .time = put->time,
                               .tag = (uint32_t)(cheap >> 32),
                               .value_len = (uint32_t)put->value_len,
                               .key_len = (uint16_t)put->key_len,
                               .kind = BLT__ENTRY_PUT,
                               .hidden = put->hidden != 0};
  if (old != NULL) {
    if (old->resolved) {
      entry->resolved = 1;
      entry->found = old->found;
      memcpy(blt__entry_hash(pending, entry), blt__entry_hash(pending, old),
             BLT__HASH_LEN);
    }
    pending->has_holes |= old->kind == BLT__ENTRY_PUT;
    pending->n_undone += old->kind == BLT__ENTRY_PUT;
    old->kind = BLT__ENTRY_DROPPED;
  }
  *place = (uint32_t)++pending->n_entries;
  return BLT_OK;
}

/* ---- resolve */

static blt_status resolve_entry(struct blt__pending *pending,
                                struct blt__image *image,
                                struct blt__entry *entry)
{
  const uint8_t *key = blt__entry_key(pending, entry);
  uint8_t *hash = blt__entry_hash(pending, entry);
  struct blt__hit hit;

  blt__keyhash(key, entry->key_len, hash);
  blt_status status = blt__chain_find(image, hash, key, entry->key_len, &hit);
  if (status < 0)
    return status;
  entry->found = status == BLT_OK ? hit.block.off : 0;
  entry->resolved = 1;
  return BLT_OK;
}

static int is_unresolved(const struct blt__entry *entry)
{
  return !entry->resolved && entry->kind != BLT__ENTRY_DROPPED;
}

/* The next entries that are not resolved, as queries; how many. */
static size_t collect_queries(struct blt__pending *pending,
                              struct blt__query *queries,
                              struct blt__entry **entries)
{
  size_t n = 0;

  for (; n < BLT__MANY_MAX && pending->n_resolved < pending->n_entries;
       pending->n_resolved++) {
    struct blt__entry *entry = &pending->entries[pending->n_resolved];
    if (!is_unresolved(entry))
      continue;
    queries[n].key = blt__entry_key(pending, entry);
    queries[n].key_len = entry->key_len;
    entries[n++] = entry;
  }
  return n;
}

/* As blt__many_find. Only keys that are new need a hash to be made. */
static blt_status find_by_side(const struct blt__pending *pending,
                               struct blt__image *image,
                               struct blt__query *queries, size_t n)
{
  struct blt__lane_key fresh[BLT__MANY_MAX];
  uint64_t cheap[BLT__MANY_MAX];
  size_t n_fresh = 0;

  for (size_t i = 0; i < n; i++) {
    cheap[i] = cheap_hash(pending, queries[i].key, queries[i].key_len);
    blt__side_ask_line(image->side, cheap[i]);
  }
  for (size_t i = 0; i < n; i++)
    (void)blt__side_ask_block(image->side, image, cheap[i], 0);
  for (size_t i = 0; i < n; i++) {
    struct blt__query *q = &queries[i];
    q->status = blt__side_find(image->side, image, cheap[i], q->key, q->key_len,
                               0, &q->hit);
    if (q->status < 0)
      return q->status;
    if (q->status == BLT_OK)
      memcpy(q->hash, q->hit.head, BLT__HASH_LEN);
    else
      fresh[n_fresh++] = (struct blt__lane_key){q->key, q->key_len, q->hash};
  }
  blt__keyhash_many(fresh, n_fresh);
  return BLT_OK;
}

blt_status blt__pending_resolve(struct blt__pending *pending,
                                struct blt__image *image)
{
  struct blt__query queries[BLT__MANY_MAX];
  struct blt__entry *entries[BLT__MANY_MAX];

  while (pending->n_resolved < pending->n_entries) {
    size_t from = pending->n_resolved;
    size_t n = collect_queries(pending, queries, entries);
    blt_status status = blt__side_is_ready(image->side)
                            ? find_by_side(pending, image, queries, n)
                            : blt__many_find(image, queries, n, 0);
    if (status < 0) {
      pending->n_resolved = from;
      return status;
    }
    for (size_t i = 0; i < n; i++) {
      memcpy(blt__entry_hash(pending, entries[i]), queries[i].hash,
             BLT__HASH_LEN);
      entries[i]->found =
          queries[i].status == BLT_OK ? queries[i].hit.block.off : 0;
      entries[i]->resolved = 1;
      if (entries[i]->kind == BLT__ENTRY_DELETE && entries[i]->found == 0)
        entries[i]->kind = BLT__ENTRY_GONE;
    }
  }
  return BLT_OK;
}

void blt__pending_forget_places(struct blt__pending *pending)
{
  for (size_t i = 0; i < pending->n_entries; i++)
    if (pending->entries[i].found != 0)
      pending->entries[i].resolved = 0;
  pending->n_resolved = 0;
}

int64_t blt__pending_count_change(const struct blt__pending *pending)
{
  int64_t change = 0;

  for (size_t i = 0; i < pending->n_entries; i++) {
    const struct blt__entry *entry = &pending->entries[i];
    if (entry->hidden)
      continue;
    if (entry->kind == BLT__ENTRY_PUT && entry->found == 0)
      change++;
    else if (entry->kind == BLT__ENTRY_DELETE)
      change--;
  }
  return change;
}

/* ---- delete */

/* Hash and key at the end of keys. */
static blt_status keep_key(struct blt__pending *pending, const uint8_t *hash,
                           const void *key, size_t key_len, uint64_t *out_at)
{
  *out_at = pending->keys.len;
  uint8_t *at = blt__buf_extend(&pending->keys, BLT__HASH_LEN + key_len);
  if (at == NULL)
    return blt__fail_memory(pending->sink);
  memcpy(at, hash, BLT__HASH_LEN);
  if (key_len > 0)
    memcpy(at + BLT__HASH_LEN, key, key_len);
  return BLT_OK;
}

/* A put that is still here goes; what it replaces in the file goes too. */
static blt_status delete_entry(struct blt__pending *pending,
                               struct blt__image *image,
                               struct blt__entry *entry)
{
  uint64_t at = 0;
  blt_status status = BLT_OK;

  if (entry->kind != BLT__ENTRY_PUT)
    return BLT_NOT_FOUND;
  if (!entry->resolved)
    status = resolve_entry(pending, image, entry);
  if (status < 0 || (status = keep_key(pending, blt__entry_hash(pending, entry),
                                       blt__entry_key(pending, entry),
                                       entry->key_len, &at)) < 0)
    return status;
  entry->kind = entry->found != 0 ? BLT__ENTRY_DELETE : BLT__ENTRY_GONE;
  entry->at = at;
  pending->has_holes = 1;
  pending->n_undone++;
  return BLT_OK;
}

/* Is the key in the file? The side table knows without the hash, and the block
 * that it leads to has the right one (H1). */
static blt_status find_in_file(struct blt__image *image, uint64_t cheap,
                               const void *key, size_t key_len, uint8_t *hash,
                               struct blt__hit *hit)
{
  if (!blt__side_is_ready(image->side)) {
    blt__keyhash(key, key_len, hash);
    return blt__chain_find(image, hash, key, key_len, hit);
  }
  blt_status status =
      blt__side_find(image->side, image, cheap, key, key_len, 0, hit);
  if (status == BLT_OK)
    memcpy(hash, hit->head, BLT__HASH_LEN);
  return status;
}

blt_status blt__pending_delete(struct blt__pending *pending,
                               struct blt__image *image, const void *key,
                               size_t key_len, int hidden,
                               const struct blt__query *known)
{
  uint64_t cheap = cheap_hash(pending, key, key_len);
  struct blt__entry *entry =
      blt__pending_find_hashed(pending, cheap, key, key_len);
  struct blt__query found = {.status = BLT_NOT_FOUND};
  uint64_t at = 0;

  if (entry != NULL)
    return delete_entry(pending, image, entry);
  if (known != NULL)
    found = *known;
  else
    found.status =
        find_in_file(image, cheap, key, key_len, found.hash, &found.hit);
  blt_status status = found.status;
  if (status != BLT_OK || (status = make_room(pending)) < 0 ||
      (status = keep_key(pending, found.hash, key, key_len, &at)) < 0)
    return status;
  pending->entries[pending->n_entries] =
      (struct blt__entry){.at = at,
                          .found = found.hit.block.off,
                          .tag = (uint32_t)(cheap >> 32),
                          .key_len = (uint16_t)key_len,
                          .kind = BLT__ENTRY_DELETE,
                          .resolved = 1,
                          .hidden = hidden != 0};
  *find_place__pending(pending, cheap, key, key_len) = (uint32_t)++pending->n_entries;
  return BLT_OK;
}

/* ==== change/relink.c */

/*
 * relink.c - which links a commit changes, and how to undo it
 *
 * A key's replacement switches exactly one link, the one that led to the old
 * block; a new key goes to the head of its chain. Links inside the batch's
 * own blocks are set in the body; all others go into the table of changed
 * links, with what was there before on a list.
 */



/* ---- links */

static uint64_t part_end(const struct blt__commit *c)
{
  return c->blocks_off + c->part->body_len;
}

/* The link's bytes inside the body, or NULL when it stands in the file. */
static uint8_t *link_in_body(const struct blt__commit *c, uint64_t link_off)
{
  if (link_off < c->blocks_off || link_off >= part_end(c) || c->part->uncovered)
    return NULL;
  return c->body + c->part->body_off + (link_off - c->blocks_off);
}

static blt_status get_link(const struct blt__commit *c, uint64_t off,
                           uint64_t *out)
{
  const uint8_t *p = link_in_body(c, off);

  if (p == NULL)
    return blt__image_link(c->log->image, off, out);
  *out = blt__get6(p);
  return BLT_OK;
}

static void set_link(const struct blt__commit *c, uint64_t off, uint64_t link,
                     unsigned marks)
{
  uint8_t *p = link_in_body(c, off);
  int is_new;

  if (p != NULL) {
    blt__put6(p, link);
    return;
  }
  struct blt__link_entry *entry =
      blt__links_make(&c->log->image->links, off, &is_new);
  if (!(entry->marks & BLT__MARK_TOUCHED)) {
    struct blt__undo undo = {
        .before = *entry,
        .at = (uint64_t)(entry - c->log->image->links.entries) & INT64_MAX,
        .was_new = is_new != 0};
    (void)blt__buf_append(&c->log->undo, &undo, sizeof undo);
  }
  entry->link = link & BLT__OFF_MAX;
  entry->marks = (uint16_t)((entry->marks & ~(unsigned)BLT__MARK_DROPPED) |
                            BLT__MARK_TOUCHED | marks);
}

/* Where the link stands that leads to the block at `target`. */
static blt_status find_link_to(const struct blt__commit *c, uint64_t slot_off,
                               uint64_t target, uint64_t *out_off)
{
  uint64_t off = slot_off;
  uint64_t limit = c->log->image->view.size + part_end(c);
  uint64_t link = 0;

  /* Each step leads to another block of at least 21 bytes, or the walk that
   * found the key would have met the circle. */
  for (uint64_t steps = 0; steps <= limit; steps += BLT__HEAD_FIXED) {
    blt_status status = get_link(c, off, &link);
    if (status < 0)
      return status;
    if (link == target) {
      *out_off = off;
      return BLT_OK;
    }
    if (link <= BLT__LINK_END)
      break;
    off = link + BLT__LINK_OFF;
  }
  return blt__image_corrupt(c->log->image, target,
                            "the chain that led to this block does not now");
}

/* The old block leaves its chain; `link` leads there instead, or to what
 * came after it. */
static blt_status take_out(struct blt__commit *c,
                           const struct blt__placed *placed,
                           uint64_t replacement, uint64_t *out_next)
{
  const struct blt__entry *entry = placed->entry;
  uint64_t link_off = 0;
  uint64_t next = 0;
  struct blt__log *log = c->log;
  blt_status status =
      find_link_to(c, placed->slot_off, entry->found, &link_off);
  int is_new;

  if (status < 0 ||
      (status = get_link(c, entry->found + BLT__LINK_OFF, &next)) < 0)
    return status;
  set_link(c, link_off, replacement != 0 ? replacement : next, 0);
  struct blt__link_entry *own =
      blt__links_find(&log->image->links, entry->found + BLT__LINK_OFF);
  if (own != NULL)
    set_link(c, own->off, own->link, BLT__MARK_DROPPED);
  if (log->shows_tombs)
    (void)blt__links_make(&log->image->tombs, entry->found, &is_new);
  log->tombs.at[log->tombs.n++] = entry->found;
  *out_next = next;
  return BLT_OK;
}

static blt_status link_entry(struct blt__commit *c,
                             const struct blt__placed *placed)
{
  const struct blt__entry *entry = placed->entry;
  uint64_t block_off = c->blocks_off + (placed->body_off - c->part->body_off);
  uint64_t next = 0;
  blt_status status;

  if (entry->kind == BLT__ENTRY_DELETE)
    return take_out(c, placed, 0, &next);
  if (entry->found != 0) {
    status = take_out(c, placed, block_off, &next);
  } else {
    status = get_link(c, placed->slot_off, &next);
    if (next == BLT__LINK_DEAD)
      next = BLT__LINK_END;
    if (status == BLT_OK)
      /* An uncovered block's own link is 0 in the file, so that recovery could
       * not tell from it what the slot held: the slot is logged then. */
      set_link(c, placed->slot_off, block_off,
               c->part->uncovered ? 0 : BLT__MARK_HEAD);
  }
  if (status < 0)
    return status;
  if (c->part->uncovered)
    set_link(c, block_off + BLT__LINK_OFF, next, 0);
  else
    blt__put6(c->body + placed->body_off + BLT__LINK_OFF, next);
  return BLT_OK;
}

static void ask_for_link(const struct blt__image *image, uint64_t off)
{
  blt__ask_to_write(
      &image->links.entries[blt__links_place(&image->links, off)]);
  if (!image->view.by_read)
    blt__ask(image->view.base + off);
}

/* Ask for what an entry that comes soon will touch: its slot and, of a block
 * that dies, the link and its place among the tombs. */
static void ask_for(const struct blt__commit *c,
                    const struct blt__placed *placed)
{
  const struct blt__image *image = c->log->image;
  uint64_t found = placed->entry->found;

  ask_for_link(image, placed->slot_off);
  if (found == 0)
    return;
  ask_for_link(image, found + BLT__LINK_OFF);
  if (c->log->shows_tombs)
    blt__ask_to_write(
        &image->tombs.entries[blt__links_place(&image->tombs, found)]);
}

blt_status blt__commit_relink(struct blt__commit *c)
{
  enum { AHEAD = 12 };
  const struct blt__placed *placed = c->order + c->part->first;
  blt_status status = BLT_OK;

  for (size_t i = 0; i < c->part->n && status == BLT_OK; i++) {
    if (i + AHEAD < c->part->n)
      ask_for(c, &placed[i + AHEAD]);
    status = link_entry(c, &placed[i]);
  }
  return status;
}

blt_status blt__commit_reserve(struct blt__commit *c)
{
  struct blt__log *log = c->log;
  size_t n = c->part->n;

  /* An entry changes one link, and the table's of a block that dies; one that
   * is uncovered is alone, and has its own link changed as well. */
  if (blt__links_reserve(&log->image->links, n + 1) != 0 ||
      (log->shows_tombs && blt__links_reserve(&log->image->tombs, n) != 0) ||
      blt__offsets_reserve(&log->tombs, log->env, n) != 0 ||
      blt__buf_reserve(&log->undo, (2 * n + 1) * sizeof(struct blt__undo)) !=
          0 ||
      blt__buf_reserve(&log->record,
                       (size_t)(c->part->len + c->part->pad_len)) != 0)
    return blt__fail_memory(log->sink);
  return BLT_OK;
}

/* ---- undo */

static struct blt__undo undo_at(const struct blt__log *log, size_t at)
{
  struct blt__undo undo;

  memcpy(&undo, log->undo.data + at, sizeof undo);
  return undo;
}

static void undo_links(struct blt__log *log)
{
  while (log->undo.len > 0) {
    log->undo.len -= sizeof(struct blt__undo);
    const struct blt__undo undo = undo_at(log, log->undo.len);
    struct blt__link_entry *entry =
        blt__links_find(&log->image->links, undo.before.off);
    if (undo.was_new)
      blt__links_remove(&log->image->links, entry);
    else
      *entry = undo.before;
  }
}

static void undo_tombs(struct blt__log *log, size_t n_before)
{
  while (log->tombs.n > n_before) {
    uint64_t off = log->tombs.at[--log->tombs.n];
    if (log->shows_tombs)
      blt__links_remove(&log->image->tombs,
                        blt__links_find(&log->image->tombs, off));
  }
}

void blt__commit_undo(struct blt__log *log, size_t n_tombs_before)
{
  undo_links(log);
  undo_tombs(log, n_tombs_before);
}

/* ---- the record */

enum { LINKS_AHEAD = 8 };

static uint64_t file_link(struct blt__image *image, uint64_t off)
{
  const uint8_t *p = NULL;

  return blt__view_at(&image->view, off, BLT__LINK_LEN, &p) == BLT_OK
             ? blt__get6(p)
             : 0;
}

static int needs_patch(const struct blt__link_entry *entry)
{
  return (entry->marks & (BLT__MARK_HEAD | BLT__MARK_DROPPED)) == 0;
}

static void ask_for_patch(const struct blt__log *log, size_t at)
{
  if (at >= log->undo.len || log->image->view.by_read)
    return;
  const struct blt__link_entry *entry =
      &log->image->links.entries[undo_at(log, at).at];
  if (needs_patch(entry))
    blt__ask(log->image->view.base + entry->off);
}

/* Changed slots that recovery cannot derive, with what the file has there. */
static uint32_t write_patches(struct blt__commit *c, size_t undo_from)
{
  struct blt__log *log = c->log;
  uint32_t n = 0;

  for (size_t at = undo_from; at < log->undo.len;
       at += sizeof(struct blt__undo)) {
    ask_for_patch(log, at + LINKS_AHEAD * sizeof(struct blt__undo));
    const struct blt__undo undo = undo_at(log, at);
    struct blt__link_entry *entry = &log->image->links.entries[undo.at];
    const int is_needed = needs_patch(entry);
    entry->marks &= BLT__MARK_DROPPED;
    if (!is_needed)
      continue;
    struct blt__patch patch = {
        entry->off,
        entry->off < c->part->at ? file_link(log->image, entry->off) : 0,
        entry->link};
    blt__patch_encode(log->record.data + blt__record_patch_off(c->geo, n),
                      &patch);
    n++;
  }
  return n;
}

static void write_tombs(struct blt__commit *c, uint32_t n_patches, size_t from)
{
  struct blt__log *log = c->log;

  for (size_t i = from; i < log->tombs.n; i++) {
    if (i + LINKS_AHEAD < log->tombs.n && !log->image->view.by_read)
      blt__ask(log->image->view.base + log->tombs.at[i + LINKS_AHEAD] +
               BLT__LINK_OFF);
    struct blt__tomb tomb = {
        log->tombs.at[i],
        file_link(log->image, log->tombs.at[i] + BLT__LINK_OFF)};
    blt__tomb_encode(log->record.data +
                         blt__record_tomb_off(c->geo, n_patches, i - from),
                     &tomb);
  }
}

void blt__commit_write_changes(struct blt__commit *c, size_t undo_from,
                               size_t tombs_from, struct blt__record *record)
{
  record->n_patches = write_patches(c, undo_from);
  record->n_tombs = (uint32_t)(c->log->tombs.n - tombs_from);
  write_tombs(c, record->n_patches, tombs_from);
}

/* ==== change/room.c */

/*
 * room.c - space put aside for the log, and zeros written ahead of it
 */

/* Least space that is put aside at once. */
#define RESERVE_LEN ((uint64_t)1 << 20)

/* Not to be had on this file system. */
#define NO_RESERVE UINT64_MAX

void blt__room_init(struct blt__room *room)
{
  *room = (struct blt__room){.ahead = {.after = (uint64_t)4 << 10,
                                       .min = (uint64_t)64 << 10,
                                       .max = (uint64_t)1 << 20}};
}

blt_status blt__room_reserve(struct blt__room *room,
                             const struct blt__view *view, uint64_t end,
                             uint64_t len)
{
  struct blt__file *file = view->file;

  if (end + len <= room->reserved)
    return BLT_OK;
  uint64_t wanted = len > RESERVE_LEN ? len : RESERVE_LEN;
  int error = file->ops->reserve(file, end, wanted);
  if (blt__errno_is_no_space(-error))
    error = file->ops->reserve(file, end, wanted = len);
  if (blt__errno_is_unsupported(-error)) {
    room->reserved = NO_RESERVE;
    return BLT_OK;
  }
  if (error != 0)
    return blt__fail_errno(view->sink, -error, end,
                           "put space aside for the commit");
  room->reserved = end + wanted;
  return BLT_OK;
}

uint64_t blt__room_file_end(const struct blt__room *room,
                            const struct blt__view *view, uint64_t at,
                            uint64_t len)
{
  const struct blt__ahead *ahead = &room->ahead;
  const uint64_t end = at + len;
  const uint64_t log_len = end - room->begin;

  if (view->file->stays_short || view->file->map_unsafe ||
      log_len < ahead->after)
    return end;
  if (log_len > ahead->max)
    return end + ahead->max;
  return end + (log_len < ahead->min ? ahead->min : log_len);
}

blt_status blt__room_give_back(struct blt__room *room, struct blt__view *view,
                               uint64_t end, int is_all)
{
  const int has_zeros = view->file_len > end;
  /* Also where nothing seems left: what was too much to ask for may have been
   * taken in part. */
  const int is_put_aside =
      room->reserved >= end && room->reserved != NO_RESERVE;

  room->begin = end;
  if (!has_zeros && !(is_all && is_put_aside))
    return BLT_OK;
  const int error = blt__view_cut(view, end);
  blt__room_forget(room, end);
  return error == 0 || !has_zeros ? BLT_OK
                                  : blt__fail_errno(view->sink, -error, end,
                                                    "change the file's size");
}
#undef RESERVE_LEN
#undef NO_RESERVE

/* ==== upkeep/rewrite.h */

/*
 * rewrite.h - a new copy of the live blocks with a new index: reindex, prune,
 * clear and repair are this one routine
 *
 *   1 copy     | old ...................... | cover | blocks | index |
 *   2 switch   | dead ............................. | blocks | index |
 *   3 slide    | blocks | index | cover (dead) ..................... |
 *   4 cut      | blocks | index |
 *
 *   R1  Up to the switch the old store is whole, after it the new one: the
 *       header changes in one write of one sector, when all it leads to is
 *       on disk.
 *   R2  Nothing that the file still needs is written over.
 *   R3  A copy that finds no space leaves the store as it was.
 */
#ifndef BLT_UPKEEP_REWRITE_H
#define BLT_UPKEEP_REWRITE_H


/* Gives the blocks to copy, one by one, in the order of the file; twice. */
struct blt__source {
  void (*rewind)(struct blt__source *source);
  /* BLT_OK, BLT_END or a failure. */
  blt_status (*next)(struct blt__source *source, struct blt__scanned *out);
};

/* All live blocks that `keep` (NULL: any) wants. */
struct blt__live_source {
  struct blt__source source;
  struct blt__image *image;
  struct blt__scan scan;
  uint64_t limit; /* what is appended meanwhile is not looked at        */
  int (*keep)(void *ctx, const struct blt__scanned *block);
  void *keep_ctx;
  uint64_t n_dead;    /* user's dead blocks that were passed over           */
  uint64_t n_dropped; /* live ones that keep did not want                   */
};
void blt__live_source_init(struct blt__live_source *live,
                           struct blt__image *image,
                           int (*keep)(void *, const struct blt__scanned *),
                           void *keep_ctx);

struct blt__rewrite {
  uint32_t n_buckets;    /* of the new index; 0: as many as fit, by
                            blt__layout_buckets_for                     */
  int slide;             /* move to the front when it fits              */
  int drop_pages;        /* what was read need not stay in memory       */
  enum blt__state state; /* BLT__DIRTY, or BLT__REPAIR while repairing  */
  blt_progress progress;
  void *progress_ctx;
  const char *phase;
};

/* The log is flat and in session. After a failure the store is as it was, or
 * the log is poisoned. */
blt_status blt__rewrite(struct blt__log *log, struct blt__source *source,
                        const struct blt__rewrite *how);

#endif

/* ==== upkeep/copy.h */

/*
 * copy.h - a copy of the live blocks and its index on their way to the file
 *
 *   source ─► blocks with other links ─► out ─► file at out_off
 *                     └─► heads (the new index) ─► behind the blocks
 */
#ifndef BLT_UPKEEP_COPY_H
#define BLT_UPKEEP_COPY_H


#define BLT__COPY_OUT_LEN ((size_t)512 << 10)

struct blt__copy {
  struct blt__log *log;
  struct blt__image *image;
  const struct blt__geometry *geo;
  const struct blt__rewrite *how;
  struct blt__layout layout; /* the new one                                */
  uint8_t *heads;            /* the new index while it is filled           */
  uint64_t heads_len;
  uint8_t *out;
  size_t out_used;
  uint64_t out_off; /* where out goes                             */
  uint64_t n_live, n_hidden, live_len;
  uint64_t done_len, told_len, total_len; /* to be written; total 0: unknown */
  int guarded;
  int sync_failed;
};

/* What is copied, from both passes of the source: counted, then written from
 * layout.first_off on with the index behind it. The layout is set between. */
blt_status blt__copy_measure(struct blt__copy *copy,
                             struct blt__source *source);
blt_status blt__copy_blocks(struct blt__copy *copy, struct blt__source *source);

/* A block's bytes with another link; any bytes; and what is still in `out`. */
blt_status blt__copy_block(struct blt__copy *copy,
                           const struct blt__block *block, uint64_t next);
blt_status blt__copy_bytes(struct blt__copy *copy, const uint8_t *data,
                           uint64_t len);
blt_status blt__copy_flush(struct blt__copy *copy);

/* Tell how far it is; BLT_E_CANCELLED when that is the caller's wish. The
 * second at times, when `len` more bytes are done. */
blt_status blt__copy_tell(const struct blt__copy *copy);
blt_status blt__copy_advance(struct blt__copy *copy, uint64_t len);

#endif

/* ==== upkeep/copy.c */

/*
 * copy.c - blocks stream through a buffer to a new place, and fill a new index
 */



enum { MEASURE_STEP = 4096, PROGRESS_LEN__copy = 1 << 20 };

/* ---- counting */

blt_status blt__copy_tell(const struct blt__copy *copy)
{
  const struct blt__rewrite *how = copy->how;

  if (how->progress == NULL ||
      how->progress(how->progress_ctx, how->phase, copy->done_len,
                    copy->total_len) == 0)
    return BLT_OK;
  return blt__fail(copy->log->sink, BLT_E_CANCELLED, BLT_NO_OFFSET,
                   "%s was cancelled; the file is as it was", how->phase);
}

blt_status blt__copy_advance(struct blt__copy *copy, uint64_t len)
{
  copy->done_len += len;
  if (copy->done_len - copy->told_len < PROGRESS_LEN__copy)
    return BLT_OK;
  copy->told_len = copy->done_len;
  return blt__copy_tell(copy);
}

blt_status blt__copy_measure(struct blt__copy *copy, struct blt__source *source)
{
  struct blt__scanned s;
  blt_status status;

  source->rewind(source);
  while ((status = source->next(source, &s)) == BLT_OK) {
    copy->n_live++;
    copy->live_len += s.block.len;
    copy->n_hidden += !copy->geo->fixed && blt__is_reserved_hash(s.head);
    if (copy->n_live % MEASURE_STEP == 0 && (status = blt__copy_tell(copy)) < 0)
      break;
  }
  return status == BLT_END ? BLT_OK : status;
}

/* ---- bytes through the buffer */

blt_status blt__copy_flush(struct blt__copy *copy)
{
  blt_status status =
      blt__view_write(&copy->image->view, copy->out_off,
                      &(struct blt__span){copy->out, copy->out_used}, 1);

  copy->out_off += copy->out_used;
  copy->out_used = 0;
  return status;
}

blt_status blt__copy_bytes(struct blt__copy *copy, const uint8_t *data,
                           uint64_t len)
{
  while (len > 0) {
    if (copy->out_used == BLT__COPY_OUT_LEN) {
      blt_status status = blt__copy_flush(copy);
      if (status < 0)
        return status;
    }
    size_t room = BLT__COPY_OUT_LEN - copy->out_used;
    size_t n = len < room ? (size_t)len : room;
    memcpy(copy->out + copy->out_used, data, n);
    copy->out_used += n;
    data += n;
    len -= n;
  }
  return BLT_OK;
}

/* Bytes of the file, in pieces that a view without a mapping can hold. */
static blt_status emit_range(struct blt__copy *copy, uint64_t off, uint64_t len)
{
  enum { PIECE__copy = 1 << 20 };
  blt_status status = BLT_OK;

  while (status == BLT_OK && len > 0) {
    uint64_t n = len < PIECE__copy ? len : PIECE__copy;
    const uint8_t *bytes = NULL;
    status = blt__view_at(&copy->image->view, off, n, &bytes);
    if (status == BLT_OK)
      status = blt__copy_bytes(copy, bytes, n);
    off += n;
    len -= n;
  }
  return status;
}

/* The block's bytes with another link: at once where it is mapped and fits. */
blt_status blt__copy_block(struct blt__copy *copy,
                           const struct blt__block *block, uint64_t next)
{
  const struct blt__view *view = &copy->image->view;
  uint8_t link[BLT__LINK_LEN];

  if (!view->by_read && block->len <= BLT__COPY_OUT_LEN - copy->out_used) {
    uint8_t *to = copy->out + copy->out_used;
    memcpy(to, view->base + block->off, block->len);
    blt__put6(to + BLT__LINK_OFF, next);
    copy->out_used += block->len;
    return BLT_OK;
  }
  blt__put6(link, next);
  blt_status status = emit_range(copy, block->off, BLT__LINK_OFF);
  if (status == BLT_OK)
    status = blt__copy_bytes(copy, link, sizeof link);
  return status == BLT_OK ? emit_range(copy, block->off + BLT__KEYLEN_OFF,
                                       block->len - BLT__KEYLEN_OFF)
                          : status;
}

/* A block that is to be copied, and the slot of its chain. */
struct queued {
  struct blt__block block;
  uint8_t *slot;
};

enum { QUEUE_LEN = 32 };

/* Slots are all over the new index: they are asked for some blocks ahead. */
static blt_status queue_blocks(struct blt__copy *copy,
                               struct blt__source *source, struct queued *queue,
                               size_t *out_n)
{
  struct blt__scanned s;
  blt_status status = BLT_OK;
  size_t n = 0;

  while (n < QUEUE_LEN && (status = source->next(source, &s)) == BLT_OK) {
    uint8_t *slot = copy->heads + (uint64_t)BLT__LINK_LEN *
                                      blt__layout_bucket(&copy->layout, s.head);
    blt__ask_to_write(slot);
    queue[n++] = (struct queued){s.block, slot};
  }
  *out_n = n;
  return status;
}

static blt_status copy_queued(struct blt__copy *copy,
                              const struct queued *queued, uint64_t off)
{
  blt_status status =
      blt__copy_block(copy, &queued->block, blt__get6(queued->slot));

  if (status < 0)
    return status;
  blt__put6(queued->slot, off);
  return blt__copy_advance(copy, queued->block.len);
}

blt_status blt__copy_blocks(struct blt__copy *copy, struct blt__source *source)
{
  struct queued queue[QUEUE_LEN];
  uint64_t off = copy->layout.first_off;
  blt_status status;
  size_t n;

  source->rewind(source);
  do {
    status = queue_blocks(copy, source, queue, &n);
    for (size_t i = 0; i < n && status >= 0; i++) {
      blt_status copied = copy_queued(copy, &queue[i], off);
      if (copied < 0)
        status = copied;
      off += queue[i].block.len;
    }
  } while (status == BLT_OK);
  if (status == BLT_END)
    status = blt__copy_bytes(copy, copy->heads, copy->heads_len);
  copy->done_len += copy->heads_len;
  return status == BLT_OK ? blt__copy_flush(copy) : status;
}

/* ==== upkeep/replay.h */

/*
 * replay.h - what the log says: the committed records since the checkpoint
 * and the links that they leave
 *
 *   P1  A record counts when tag, place, sequence, salt and hash are right;
 *       its body when both body hashes are, or when a later record tells
 *       that it was on disk.
 *   P2  Parts without their closing record do not count.
 *   P3  Each link that the log changed holds, in the file, one of the values
 *       that the log gave it, or a mix of two that a torn sector leaves.
 */
#ifndef BLT_UPKEEP_REPLAY_H
#define BLT_UPKEEP_REPLAY_H


struct blt__replay {
  struct blt__image *image;   /* borrowed                             */
  const struct blt__env *env; /* borrowed                             */
  const struct blt__checkpoint *checkpoint; /* borrowed                     */
  struct blt__buf records; /* struct blt__record                   */
  uint64_t end;            /* of the last one that counts          */
  uint64_t n_keys;
  uint64_t stop, stop_seq;   /* where reading ended, and what was wanted   */
  struct blt__links final;   /* link offset -> link                  */
  struct blt__buf legal;     /* struct blt__change: values by P3     */
  struct blt__offsets tombs; /* block offsets                        */
  int guarded;               /* booklet could not open the file      */
  int foreign;               /* somebody else wrote after the crash  */
  int damaged;               /* the log goes on behind the stop      */
};

/* Read the log from the checkpoint on. The file stays as it is. */
blt_status blt__replay_read(struct blt__replay *replay,
                            struct blt__image *image,
                            const struct blt__env *env,
                            const struct blt__checkpoint *checkpoint);
void blt__replay_release(struct blt__replay *replay);

static inline size_t blt__replay_n(const struct blt__replay *replay)
{
  return replay->records.len / sizeof(struct blt__record);
}
static inline const struct blt__record *
blt__replay_record(const struct blt__replay *replay, size_t i)
{
  return (const struct blt__record *)(const void *)replay->records.data + i;
}

/* P1: the blocks behind a record whose own bytes are right. */
int blt__replay_is_body_right(struct blt__replay *replay,
                              const struct blt__record *record);

/* Put final links, tombs and reveals over the image. */
blt_status blt__replay_overlay(const struct blt__replay *replay);

#endif

/* ==== upkeep/foreign.h */

/*
 * foreign.h - did somebody else write to the file since we did?
 */
#ifndef BLT_UPKEEP_FOREIGN_H
#define BLT_UPKEEP_FOREIGN_H


/* After our crash: 1 when the header, the links or the bytes behind the last
 * commit are not as we can have left them. */
int blt__foreign_layout(const struct blt__replay *replay,
                        uint32_t header_count);
int blt__foreign_links(struct blt__replay *replay);
int blt__foreign_tail(struct blt__replay *replay);

struct blt__foreign_report {
  uint64_t n_live, n_hidden; /* blocks that were looked at                  */
};

/* After a clean close: every live block from `from` on is whole, has the hash
 * of its key and is the one that a lookup finds. BLT_E_CORRUPT if not. */
blt_status blt__foreign_check(struct blt__image *image, uint64_t from,
                              struct blt__foreign_report *out);

#endif

/* ==== upkeep/foreign.c */

/*
 * foreign.c - did somebody else write to the file since we did?
 */



/* ---- after our crash: does the file say what the log says? */

/* P3: equal to a legal value, or, where a sector ends inside the link, the
 * bytes before of one and those behind of another. A link that each commit
 * changes has many values: one pass over them. */
static int is_legal(const uint8_t *now, const struct blt__change *values,
                    size_t n)
{
  const int in_sector = (int)(BLT__SECTOR_LEN - values->off % BLT__SECTOR_LEN);
  const int split = in_sector < BLT__LINK_LEN ? in_sector : BLT__LINK_LEN;
  int has_head = 0, has_tail = 0;

  for (size_t i = 0; i < n; i++) {
    uint8_t link[BLT__LINK_LEN];
    int head = 0, tail = 0;
    blt__put6(link, values[i].link);
    while (head < BLT__LINK_LEN && link[head] == now[head])
      head++;
    while (tail < BLT__LINK_LEN &&
           link[BLT__LINK_LEN - 1 - tail] == now[BLT__LINK_LEN - 1 - tail])
      tail++;
    has_head |= head >= split;
    has_tail |= tail >= BLT__LINK_LEN - split;
  }
  return has_head && has_tail;
}

static int compare_changes__foreign(const void *left, const void *right)
{
  const struct blt__change *a = left;
  const struct blt__change *b = right;

  if (a->off != b->off)
    return a->off < b->off ? -1 : 1;
  return a->link < b->link ? -1 : a->link > b->link;
}

int blt__foreign_links(struct blt__replay *replay)
{
  struct blt__change *legal = (struct blt__change *)(void *)replay->legal.data;
  size_t n = replay->legal.len / sizeof *legal;

  if (n > 0)
    qsort(legal, n, sizeof *legal, compare_changes__foreign);
  for (size_t i = 0; i < n;) {
    size_t end = i + 1;
    const uint8_t *now = NULL;
    while (end < n && legal[end].off == legal[i].off)
      end++;
    /* Slots are allowed values here without being changed by the log. */
    if (blt__links_find(&replay->final, legal[i].off) != NULL &&
        (!blt__view_has(&replay->image->view, legal[i].off, BLT__LINK_LEN) ||
         blt__view_at(&replay->image->view, legal[i].off, BLT__LINK_LEN, &now) <
             0 ||
         !is_legal(now, legal + i, end - i)))
      return 1;
    i = end;
  }
  return 0;
}

/* Does any chain, with the log's links over it, lead to `limit` or beyond? Or
 * into another bucket's: then somebody else has written, and following it on
 * would be work for each bucket again. */
static int is_referenced(struct blt__replay *replay, uint64_t limit)
{
  struct blt__image *image = replay->image;
  struct blt__links file_links = image->links;
  int found = 0;

  image->links = replay->final;
  for (uint32_t i = 0; i < image->layout.n_buckets && !found; i++) {
    struct blt__walk walk;
    struct blt__block block;
    const uint8_t *head = NULL;
    blt_status status;
    blt__walk_begin(&walk, image,
                    image->layout.index_off + (uint64_t)BLT__LINK_LEN * i);
    while ((status = blt__walk_next(&walk, &block, &head)) == BLT_OK && !found)
      found =
          block.off >= limit || blt__layout_bucket(&image->layout, head) != i;
    found |= status < 0;
  }
  image->links = file_links;
  return found;
}

/* Bytes behind the last commit: ours when a record of this session was about
 * to cover them, when nothing was written yet, or when nobody uses them. */
int blt__foreign_tail(struct blt__replay *replay)
{
  struct blt__image *image = replay->image;
  struct blt__view *view = &image->view;
  const struct blt__geometry *geo = &image->geo;
  uint64_t head_len =
      blt__record_payload_off(geo) + (uint64_t)BLT__RECORD_FIXED_LEN;
  uint64_t off = replay->end;
  uint64_t seq = replay->checkpoint->log_seq + blt__replay_n(replay);
  struct blt__record record;
  struct blt__block block;
  const uint8_t *bytes = NULL;

  if (view->size <= off)
    return 0;
  if (blt__view_has(view, off, head_len) &&
      blt__view_at(view, off, head_len, &bytes) == BLT_OK &&
      blt__record_decode(geo, off, bytes, head_len, &record) &&
      record.seq == seq &&
      memcmp(record.salt, replay->checkpoint->salt, BLT__SALT_LEN) == 0) {
    blt__block_decode(geo, off, bytes, &block);
    uint64_t end = blt__record_end(&record);
    if (end < off + block.len)
      end = off + block.len;
    if (end >= view->size || blt__view_is_zero(view, end, view->size - end))
      return 0;
  }
  return !blt__view_is_zero(view, off, view->size - off) &&
         is_referenced(replay, off);
}

int blt__foreign_layout(const struct blt__replay *replay, uint32_t header_count)
{
  const struct blt__checkpoint *checkpoint = replay->checkpoint;
  const struct blt__layout *layout = &replay->image->layout;

  /* The log is behind all that the layout leads to. */
  return header_count != BLT__COUNT_UNCLEAN ||
         checkpoint->log_start < layout->first_off ||
         checkpoint->log_start < blt__layout_index_end(layout) ||
         checkpoint->index_off != layout->index_off ||
         checkpoint->first_off != layout->first_off ||
         checkpoint->n_buckets != layout->n_buckets;
}

/* ---- after our clean close: is what was appended whole and reachable? */

static blt_status judge_block(struct blt__image *image,
                              const struct blt__scanned *s)
{
  uint8_t hash[BLT__HASH_LEN];
  struct blt__hit hit;
  const uint8_t *key = s->head + image->geo.key_off;

  blt__keyhash(key, s->block.key_len, hash);
  if (memcmp(hash, s->head, sizeof hash) != 0)
    return blt__image_corrupt(image, s->block.off,
                              "the stored hash is not that of the key");
  blt_status status = blt__chain_find(image, hash, key, s->block.key_len, &hit);
  if (status < 0)
    return status;
  if (status == BLT_NOT_FOUND || hit.block.off != s->block.off)
    return blt__image_corrupt(image, s->block.off,
                              "a live block that its chain does not reach");
  return BLT_OK;
}

static blt_status check_from(struct blt__image *image, uint64_t from,
                             struct blt__foreign_report *out)
{
  struct blt__scan scan;
  struct blt__scanned s;
  blt_status status;

  *out = (struct blt__foreign_report){0};
  blt__scan_begin(&scan, image);
  if (from > scan.off)
    blt__scan_seek(&scan, from);
  while ((status = blt__scan_next(&scan, &s)) == BLT_OK) {
    if (!s.live)
      continue;
    out->n_live++;
    out->n_hidden += !image->geo.fixed && blt__is_reserved_hash(s.head);
    if ((status = judge_block(image, &s)) < 0)
      return status;
  }
  return status == BLT_END ? BLT_OK : status;
}

blt_status blt__foreign_check(struct blt__image *image, uint64_t from,
                              struct blt__foreign_report *out)
{
  blt__view_forget_failure(&image->view);
  blt_status status = check_from(image, from, out);
  blt_status failure = blt__view_failure(&image->view);
  return failure < 0 ? failure : status;
}

/* ==== upkeep/gap.h */

/*
 * gap.h - does the log end, or is a part of it damaged?
 *
 *   | record | record | ? ? ? ? ? | record |
 *                       stop        later, whole, with a higher number
 *
 *   P4  Where a later record of the session is whole, a power cut explains the
 *       place that cannot be read only if that place was not durable when the
 *       later record was written; in the boot of the session nothing does but
 *       a sync that failed, and that leaves zeros. All else is damage.
 */
#ifndef BLT_UPKEEP_GAP_H
#define BLT_UPKEEP_GAP_H


/* After the records were read: is there damage? Sets replay->damaged, and then
 * the records behind it count too, for a repair. */
blt_status blt__gap_judge(struct blt__replay *replay);

/* The failure of an open that met it. */
blt_status blt__gap_fail(const struct blt__replay *replay);

#endif

/* ==== upkeep/gap.c */

/*
 * gap.c - does the log end, or is a part of it damaged?
 */


enum { PIECE__gap = 65536 };

struct search {
  struct blt__replay *replay;
  uint64_t off;    /* where to look on                                      */
  uint64_t seq;    /* of the last record that was found                     */
  uint64_t budget; /* bytes that may be hashed: records do not overlap      */
};

/* The first place from `off` on where a record's tag stands, or the size. */
static blt_status next_tag(struct blt__view *view, uint64_t off, uint64_t *out)
{
  /* A record may be whole and its padding not there. */
  while (off < view->size && view->size - off >= BLT__RECORD_TAG_LEN) {
    const uint8_t *bytes = NULL;
    uint64_t n = view->size - off < PIECE__gap ? view->size - off : PIECE__gap;
    blt_status status = blt__view_at(view, off, n, &bytes);
    if (status < 0)
      return status;
    uint64_t at = blt__record_search(bytes, n);
    if (at < n) {
      *out = off + at;
      return BLT_OK;
    }
    off += n - BLT__RECORD_TAG_LEN + 1;
  }
  *out = view->size;
  return BLT_OK;
}

/* 1 when a record of the session stands at `off`, with a number from s->seq
 * on; 0, or a failure. */
static int is_record(struct search *s, uint64_t off, struct blt__record *out)
{
  struct blt__view *view = &s->replay->image->view;
  const struct blt__geometry *geo = &s->replay->image->geo;
  uint64_t head_len =
      blt__record_payload_off(geo) + (uint64_t)BLT__RECORD_FIXED_LEN;
  const uint8_t *bytes = NULL;
  blt_status status;

  if (!blt__view_has(view, off, head_len))
    return 0;
  if ((status = blt__view_at(view, off, head_len, &bytes)) < 0)
    return status;
  if (!blt__record_decode(geo, off, bytes, head_len, out) ||
      out->kind > BLT__RECORD_PART || out->seq < s->seq ||
      memcmp(out->salt, s->replay->checkpoint->salt, BLT__SALT_LEN) != 0)
    return 0;
  uint64_t used = blt__record_used_len(geo, out) + BLT__RECORD_HASH_LEN;
  if (!blt__view_has(view, off, used) || used > s->budget)
    return 0;
  s->budget -= used;
  if ((status = blt__view_at(view, off, used, &bytes)) < 0)
    return status;
  return blt__record_is_whole(geo, out, bytes);
}

/* 1 and the next record, 0 when there is none, or a failure. */
static int find_next(struct search *s, struct blt__record *out)
{
  struct blt__view *view = &s->replay->image->view;
  uint64_t off = s->off;
  int found = 0;

  while (found == 0) {
    blt_status status = next_tag(view, off, &off);
    if (status < 0)
      return status;
    if (off == view->size)
      return 0;
    found = is_record(s, off, out);
    off++;
  }
  if (found > 0) {
    s->off = out->off + out->len;
    s->seq = out->seq + 1;
  }
  return found;
}

static struct search begin_at_stop(struct blt__replay *replay)
{
  return (struct search){replay, replay->stop, replay->stop_seq,
                         replay->image->view.size - replay->stop};
}

/* Pages that the kernel dropped read as zeros: a sector of them, or what was
 * not yet used of the first one. */
static int has_lost_sector(struct blt__view *view, uint64_t off, uint64_t end)
{
  static const uint8_t nothing[BLT__SECTOR_LEN];

  while (off < end) {
    const uint8_t *bytes = NULL;
    uint64_t n = BLT__SECTOR_LEN - off % BLT__SECTOR_LEN;
    if (n > end - off)
      return 0;
    if (blt__view_at(view, off, n, &bytes) < 0 ||
        memcmp(bytes, nothing, (size_t)n) == 0)
      return 1;
    off += n;
  }
  return 0;
}

/* Nobody has cut the power since, and no page was dropped in front of `end`. */
static int is_whole_boot(struct blt__replay *replay, uint64_t end)
{
  uint64_t boot_id = blt__boot_id();

  return boot_id != 0 && replay->checkpoint->boot_id == boot_id &&
         !has_lost_sector(&replay->image->view, replay->stop, end);
}

static blt_status find_damage(struct blt__replay *replay)
{
  struct search s = begin_at_stop(replay);
  struct blt__record later;
  int found;

  s.seq++;
  if ((found = find_next(&s, &later)) > 0)
    replay->damaged = is_whole_boot(replay, later.off);
  for (; found > 0 && !replay->damaged; found = find_next(&s, &later))
    replay->damaged = later.durable_off > replay->stop;
  return found < 0 ? (blt_status)found : BLT_OK;
}

/* All records from the stop on, but for a last batch that is not whole. */
static blt_status count_later(struct blt__replay *replay)
{
  struct search s = begin_at_stop(replay);
  const size_t n_before = blt__replay_n(replay);
  struct blt__record record;
  uint64_t durable = 0;
  int found;

  while ((found = find_next(&s, &record)) > 0) {
    if (blt__buf_append(&replay->records, &record, sizeof record) != 0)
      return blt__fail_memory(replay->image->view.sink);
    replay->end = blt__record_end(&record);
    if (record.durable_off > durable)
      durable = record.durable_off;
  }
  while (found == 0 && blt__replay_n(replay) > n_before) {
    size_t last = blt__replay_n(replay) - 1;
    record = *blt__replay_record(replay, last);
    if (record.kind == BLT__RECORD_BATCH &&
        (record.off < durable || blt__replay_is_body_right(replay, &record)))
      break;
    replay->end = record.off;
    replay->records.len = last * sizeof record;
  }
  return found < 0 ? (blt_status)found : BLT_OK;
}

blt_status blt__gap_judge(struct blt__replay *replay)
{
  blt_status status = BLT_OK;

  if (replay->stop >= replay->image->view.size)
    return BLT_OK;
  if (replay->checkpoint->state == BLT__REPAIR)
    replay->damaged = (replay->checkpoint->flags & BLT__FLAG_GAP) != 0;
  else
    status = find_damage(replay);
  return status == BLT_OK && replay->damaged ? count_later(replay) : status;
}

blt_status blt__gap_fail(const struct blt__replay *replay)
{
  return blt__fail(replay->image->view.sink, BLT_E_CORRUPT, replay->stop,
                   "the log is damaged here, and commits behind it are whole; "
                   "nothing was changed; \"blt repair\" keeps what can be "
                   "kept");
}

/* ==== upkeep/live.c */

/*
 * live.c - the live blocks of the file, as a source of a rewrite
 */


static void live_rewind(struct blt__source *source)
{
  struct blt__live_source *live = (struct blt__live_source *)source;

  blt__scan_begin(&live->scan, live->image);
  for (unsigned i = 0; i < live->scan.n_regions; i++)
    if (live->scan.regions[i].end > live->limit)
      live->scan.regions[i].end = live->limit;
  live->n_dead = live->n_dropped = 0;
}

static blt_status live_next(struct blt__source *source,
                            struct blt__scanned *out)
{
  struct blt__live_source *live = (struct blt__live_source *)source;
  blt_status status;

  while ((status = blt__scan_next(&live->scan, out)) == BLT_OK) {
    if (!out->live)
      live->n_dead += !blt__dead_is_ours(out->head);
    else if (live->keep == NULL || live->keep(live->keep_ctx, out))
      return BLT_OK;
    else
      live->n_dropped++;
  }
  return status;
}

void blt__live_source_init(struct blt__live_source *live,
                           struct blt__image *image,
                           int (*keep)(void *, const struct blt__scanned *),
                           void *keep_ctx)
{
  *live = (struct blt__live_source){
      .source = {.rewind = live_rewind, .next = live_next},
      .image = image,
      .limit = image->view.size,
      .keep = keep,
      .keep_ctx = keep_ctx};
}

/* ==== upkeep/recover.h */

/*
 * recover.h - bringing a file that was not closed well into order
 */
#ifndef BLT_UPKEEP_RECOVER_H
#define BLT_UPKEEP_RECOVER_H


/* What opening has found so far. */
struct blt__opening {
  struct blt__image *image;
  struct blt__log *log; /* NULL when opening for reading        */
  const struct blt__env *env;
  const struct blt__sink *sink;
  const struct blt__header *header;
  const blt_options *options;
  struct blt__checkpoint checkpoint;
  int has_checkpoint;
  uint64_t n_keys;    /* result                               */
  blt_open_info info; /* result                               */
};

enum blt__condition {
  BLT__CONDITION_CLEAN,   /* as our last close left it                      */
  BLT__CONDITION_FOREIGN, /* somebody else closed it                        */
  BLT__CONDITION_CRASHED  /* our session did not end                        */
};
enum blt__condition blt__condition_of(const struct blt__opening *opening,
                                      uint64_t file_len);

/* Bring it into order, writing. Results in `opening`. */
blt_status blt__recover(struct blt__opening *opening);

/* The same for a reader that may not write: a table in memory. */
blt_status blt__recover_overlay(struct blt__opening *opening);

#endif

/* ==== upkeep/survey.h */

/*
 * survey.h - what can be kept of a damaged store
 *
 *   A1  A live block proves itself: its hash is that of its key. A scan that
 *       has lost its step finds it again at the next block that does.
 *   A2  A step may not swallow a block that the index leads to.
 *   A3  The newest block of a key wins; what a committed batch deleted stays
 *       deleted; what was never committed is dropped.
 */
#ifndef BLT_UPKEEP_SURVEY_H
#define BLT_UPKEEP_SURVEY_H


struct blt__survey {
  struct blt__buf live;        /* struct blt__found, then sorted by offset   */
  struct blt__offsets anchors; /* blocks that the index leads to, sorted    */
  uint64_t n_hidden;           /* of n_kept                                  */
  uint64_t n_kept, n_dropped;  /* dropped: the sum of the next four          */
  uint64_t n_superseded, n_deleted, n_uncommitted, n_lost;
  int has_gap;         /* the log goes on behind a damaged part       */
  uint64_t n_astray;   /* chains that lead to where no block can be  */
  uint64_t lost_len;   /* bytes that were passed over byte by byte   */
  uint64_t first_lost; /* where the first such run began                     */
  uint64_t last_lost;  /* where the last such run ended              */
};

/*
 * Find what can be kept. `replay` may be NULL; the file stays as it is. With
 * `strict` a dead block has to prove itself like a live one, or to be ours:
 * without an index to correct it a step over chance bytes would lose blocks.
 * The callback of `options` (may be NULL) is told how far the search is.
 */
blt_status blt__survey(struct blt__survey *survey, struct blt__image *image,
                       const struct blt__env *env,
                       const struct blt__replay *replay, int strict,
                       const blt_options *options);
void blt__survey_release(struct blt__survey *survey,
                         const struct blt__env *env);

/* The blocks that are kept, one after the other; BLT_END behind the last. */
blt_status blt__survey_at(const struct blt__survey *survey,
                          struct blt__image *image, size_t i,
                          struct blt__scanned *out);

#endif

/* ==== upkeep/repair.h */

/*
 * repair.h - a store rebuilt from the blocks that a survey found
 */
#ifndef BLT_UPKEEP_REPAIR_H
#define BLT_UPKEEP_REPAIR_H


/* Rewrite the store with what the survey found. The log is not in session;
 * `checkpoint` (may be NULL) is what the header has. With `slide` the result
 * moves to the front of the file; without, the old bytes stay where they are
 * as a dead front. Ends in a session. */
blt_status blt__repair(struct blt__log *log, struct blt__survey *survey,
                       const struct blt__checkpoint *checkpoint,
                       const blt_options *options, int slide);

#endif

/* ==== upkeep/recover.c */

/*
 * recover.c - bringing a file that was not closed well into order
 *
 *   F1  Nothing is destroyed before all that was read is on disk.
 *   F2  Recovery may itself be cut short anywhere, and starts again.
 */



/* Without syncs a power cut may have kept anything. */
static int is_beyond_log(const struct blt__checkpoint *checkpoint)
{
  return (checkpoint->flags & BLT__FLAG_OFF) != 0 &&
         (checkpoint->boot_id == 0 || checkpoint->boot_id != blt__boot_id());
}

enum blt__condition blt__condition_of(const struct blt__opening *opening,
                                      uint64_t file_len)
{
  const struct blt__checkpoint *c = &opening->checkpoint;
  const struct blt__header *h = opening->header;

  if (!opening->has_checkpoint)
    return BLT__CONDITION_FOREIGN;
  if (c->state != BLT__CLEAN)
    return BLT__CONDITION_CRASHED;
  if (!h->guarded && !is_beyond_log(c) && c->committed == file_len &&
      h->n_keys != BLT__COUNT_UNCLEAN && c->n_keys == h->n_keys &&
      c->index_off == h->index_off && c->first_off == h->first_off &&
      c->n_buckets == h->n_buckets)
    return BLT__CONDITION_CLEAN;
  return BLT__CONDITION_FOREIGN;
}

/* ---- somebody else closed it */

static int is_layout_kept(const struct blt__opening *opening)
{
  const struct blt__checkpoint *c = &opening->checkpoint;
  const struct blt__layout *layout = &opening->image->layout;

  return opening->has_checkpoint && !is_beyond_log(c) &&
         c->index_off == layout->index_off &&
         c->first_off == layout->first_off &&
         c->n_buckets == layout->n_buckets &&
         c->committed >= layout->first_off &&
         c->committed >= blt__layout_index_end(layout) &&
         c->committed <= opening->image->view.size;
}

/* A killed booklet leaves an old count behind. */
static int is_count_doubtful(const struct blt__opening *opening)
{
  return opening->header->n_keys == BLT__COUNT_UNCLEAN ||
         (opening->has_checkpoint &&
          opening->header->n_keys == opening->checkpoint.n_keys);
}

static blt_status fail_damaged(const struct blt__opening *opening,
                               const struct blt__survey *survey)
{
  return blt__fail(opening->sink, BLT_E_CORRUPT, survey->last_lost,
                   "%llu bytes before here are not blocks, so the file is not "
                   "changed; look with \"blt verify\", or open it for reading",
                   (unsigned long long)survey->lost_len);
}

/* Damage that no killed writer leaves is shown, not mended in passing: what
 * it may leave is a torn tail to which nothing leads yet. */
static int is_explained(const struct blt__survey *survey,
                        const struct blt__image *image)
{
  return survey->lost_len == 0 ||
         (survey->last_lost == image->view.size && survey->n_astray == 0);
}

static blt_status rebuild(struct blt__opening *opening,
                          const struct blt__replay *replay)
{
  struct blt__survey survey;
  const struct blt__checkpoint *checkpoint =
      opening->has_checkpoint ? &opening->checkpoint : NULL;
  blt_status status = blt__survey(&survey, opening->image, opening->env, replay,
                                  0, opening->options);

  if (status == BLT_OK && replay == NULL &&
      !(opening->has_checkpoint && is_beyond_log(&opening->checkpoint)) &&
      !is_explained(&survey, opening->image))
    status = fail_damaged(opening, &survey);
  if (status == BLT_OK)
    status =
        blt__repair(opening->log, &survey, checkpoint, opening->options, 0);
  opening->info = (blt_open_info){.what = BLT_OPENED_REPAIRED,
                                  .n_kept = survey.n_kept,
                                  .n_dropped = survey.n_dropped};
  blt__survey_release(&survey, opening->env);
  return status;
}

static blt_status accept_foreign(struct blt__opening *opening)
{
  struct blt__foreign_report report;
  int all = !is_layout_kept(opening) || is_count_doubtful(opening);
  uint64_t from = all ? 0 : opening->checkpoint.committed;
  blt_status status = blt__foreign_check(opening->image, from, &report);

  if (status == BLT_E_CORRUPT && !all) {
    /* It was emptied and filled again: our end is no place of a block now. */
    all = 1;
    status = blt__foreign_check(opening->image, 0, &report);
  }
  if (status == BLT_E_CORRUPT && opening->options->recover != BLT_OFF)
    return rebuild(opening, NULL);
  if (status < 0)
    return status;
  opening->info.what = BLT_OPENED_FOREIGN;
  opening->n_keys =
      all ? report.n_live - report.n_hidden : opening->header->n_keys;
  return BLT_OK;
}

/* ---- our session did not end */

static blt_status sync_file__recover(struct blt__opening *opening)
{
  struct blt__file *file = opening->image->view.file;
  int error = file->ops->sync(file);

  return error == 0 ? BLT_OK
                    : blt__fail_errno(opening->sink, -error, BLT_NO_OFFSET,
                                      "sync the file");
}

/* F1: what recovery relies on is written again and synced. Written again,
 * because after a failed sync the kernel may call pages clean that never
 * reached the disk. */
static blt_status rewrite_log(struct blt__opening *opening,
                              const struct blt__replay *replay)
{
  enum { PIECE__recover = 1 << 20 };
  struct blt__view *view = &opening->image->view;
  uint64_t off = opening->checkpoint.log_start;
  uint8_t *copy = blt__alloc(opening->env, PIECE__recover);
  blt_status status;

  if (copy == NULL)
    return blt__fail_memory(opening->sink);
  memcpy(copy, opening->header->bytes, BLT__HEADER_LEN);
  status =
      blt__view_write(view, 0, &(struct blt__span){copy, BLT__HEADER_LEN}, 1);
  while (status == BLT_OK && off < replay->end) {
    uint64_t n = replay->end - off < PIECE__recover ? replay->end - off : PIECE__recover;
    const uint8_t *bytes = NULL;
    if ((status = blt__view_at(view, off, n, &bytes)) == BLT_OK) {
      memcpy(copy, bytes, (size_t)n);
      status =
          blt__view_write(view, off, &(struct blt__span){copy, (size_t)n}, 1);
    }
    off += n;
  }
  blt__release(opening->env, copy, PIECE__recover);
  return status == BLT_OK ? sync_file__recover(opening) : status;
}

static blt_status reveal_all(struct blt__opening *opening,
                             const struct blt__replay *replay)
{
  blt_status status = BLT_OK;

  for (size_t i = 0; i < blt__replay_n(replay) && status == BLT_OK; i++) {
    const struct blt__record *record = blt__replay_record(replay, i);
    uint8_t extent[4];
    unsigned off;
    unsigned len =
        blt__dead_extent(&opening->image->geo, record->len, &off, extent);
    status = blt__view_write(&opening->image->view, record->off + off,
                             &(struct blt__span){extent, len}, 1);
  }
  return status;
}

/* All final links that are not tombs, or the tombs alone. */
static blt_status write_final(struct blt__opening *opening,
                              const struct blt__replay *replay, int tombs)
{
  const struct blt__links *final = &replay->final;
  size_t room = final->n + replay->tombs.n;
  struct blt__change *changes =
      blt__alloc(opening->env, room * sizeof *changes);
  size_t n = 0;

  if (changes == NULL)
    return blt__fail_memory(opening->sink);
  if (tombs)
    for (; n < replay->tombs.n; n++)
      changes[n] = (struct blt__change){replay->tombs.at[n] + BLT__LINK_OFF,
                                        BLT__LINK_DEAD};
  else if (final->entries != NULL)
    for (size_t i = 0; i <= final->mask; i++)
      if (final->entries[i].off != 0 &&
          final->entries[i].link != BLT__LINK_DEAD)
        changes[n++] =
            (struct blt__change){final->entries[i].off, final->entries[i].link};
  blt_status status =
      blt__write_links(opening->image, opening->env, changes, n, 1);
  blt__release(opening->env, changes, room * sizeof *changes);
  return status == BLT_OK ? sync_file__recover(opening) : status;
}

/* How much there is from `off` on, without the zeros at the end: they were
 * written ahead of the log. */
static uint64_t len_behind(struct blt__view *view, uint64_t off)
{
  enum { PIECE__recover = 65536 };
  uint64_t end = view->size;

  while (end > off) {
    const uint8_t *bytes = NULL;
    uint64_t n = end - off < PIECE__recover ? end - off : PIECE__recover;
    if (blt__view_at(view, end - n, n, &bytes) < 0)
      break;
    while (n > 0 && bytes[n - 1] == 0) {
      n--;
      end--;
    }
    if (n > 0)
      break;
  }
  return end > off ? end - off : 0;
}

static blt_status redo(struct blt__opening *opening,
                       const struct blt__replay *replay)
{
  struct blt__log *log = opening->log;
  struct blt__view *view = &opening->image->view;
  const uint64_t cut_len = len_behind(view, replay->end);
  blt_status status = rewrite_log(opening, replay);

  if (status == BLT_OK)
    status = blt__view_failure(view);
  if (status == BLT_OK) /* gives back what was put aside behind it, too */
    status = blt__view_set_size(view, replay->end);
  if (status == BLT_OK)
    status = reveal_all(opening, replay);
  if (status < 0 || (status = write_final(opening, replay, 0)) < 0 ||
      (status = write_final(opening, replay, 1)) < 0)
    return status;
  memcpy(log->salt, opening->checkpoint.salt, BLT__SALT_LEN);
  log->guarded = 0;
  log->n_keys = (uint32_t)replay->n_keys;
  log->boot_id = blt__boot_id();
  struct blt__mark end = {opening->checkpoint.log_seq + blt__replay_n(replay),
                          replay->end, log->n_keys};
  status = blt__log_put_header(log, BLT__CLEAN, end, end.start);
  if (status < 0 || (status = sync_file__recover(opening)) < 0)
    return status;
  opening->n_keys = replay->n_keys;
  opening->info = (blt_open_info){.what = BLT_OPENED_RECOVERED,
                                  .n_records = blt__replay_n(replay),
                                  .cut_len = cut_len};
  return BLT_OK;
}

/* Not when booklet has written since: its blocks stand behind the limit too. */
static blt_status drop_unfinished_copy(struct blt__opening *opening)
{
  if (opening->header->n_keys != BLT__COUNT_UNCLEAN || !is_layout_kept(opening))
    return BLT_OK;
  struct blt__view *view = &opening->image->view;
  blt_status status = sync_file__recover(opening);

  if (status == BLT_OK && opening->checkpoint.committed < view->size)
    status = blt__view_set_size(view, opening->checkpoint.committed);
  return status == BLT_OK ? sync_file__recover(opening) : status;
}

static blt_status recover_crashed(struct blt__opening *opening)
{
  struct blt__replay replay;
  int must_rebuild = opening->checkpoint.state == BLT__REPAIR ||
                     is_beyond_log(&opening->checkpoint);
  blt_status status = BLT_OK;

  if (opening->checkpoint.state == BLT__REPAIR &&
      (status = drop_unfinished_copy(opening)) < 0)
    return status;
  status = blt__replay_read(&replay, opening->image, opening->env,
                            &opening->checkpoint);
  if (status == BLT_OK && replay.damaged && !must_rebuild)
    status = blt__gap_fail(&replay);
  else if (status == BLT_OK)
    status = replay.foreign || must_rebuild ? rebuild(opening, &replay)
                                            : redo(opening, &replay);
  blt__replay_release(&replay);
  return status;
}

blt_status blt__recover(struct blt__opening *opening)
{
  struct blt__log *log = opening->log;
  blt_sync_level level = log->level;
  blt_status status;

  /* Recovery syncs, whatever the session will do. */
  if (level == BLT_SYNC_OFF)
    log->level = BLT_SYNC_BATCH;
  if (blt__condition_of(opening, opening->image->view.size) ==
      BLT__CONDITION_CRASHED)
    status = recover_crashed(opening);
  else
    status = accept_foreign(opening);
  if (status == BLT_OK && opening->info.what == BLT_OPENED_REPAIRED)
    opening->n_keys = log->n_keys;
  log->level = level;
  return status;
}

blt_status blt__recover_overlay(struct blt__opening *opening)
{
  struct blt__replay replay;
  uint64_t cut_len = 0;
  blt_status status = blt__replay_read(&replay, opening->image, opening->env,
                                       &opening->checkpoint);

  if (status == BLT_OK && replay.damaged &&
      opening->checkpoint.state != BLT__REPAIR)
    status = blt__gap_fail(&replay);
  if (status == BLT_OK &&
      (replay.foreign || is_beyond_log(&opening->checkpoint) ||
       opening->checkpoint.state == BLT__REPAIR))
    status = blt__fail(opening->sink, BLT_E_CORRUPT, BLT_NO_OFFSET,
                       "the file was not closed well and needs repair; open "
                       "it once for writing");
  if (status == BLT_OK) {
    cut_len = len_behind(&opening->image->view, replay.end);
    status = blt__replay_overlay(&replay);
  }
  opening->n_keys = replay.n_keys;
  opening->info = (blt_open_info){.what = BLT_OPENED_OVERLAID,
                                  .n_records = blt__replay_n(&replay),
                                  .cut_len = cut_len};
  blt__replay_release(&replay);
  return status;
}

/* ==== upkeep/repair.c */

/*
 * repair.c - a store rebuilt from the blocks that a survey found
 */



struct found_source {
  struct blt__source source;
  struct blt__image *image;
  const struct blt__survey *survey;
  size_t next;
};

static void found_rewind(struct blt__source *source)
{
  ((struct found_source *)source)->next = 0;
}

static blt_status found_next(struct blt__source *source,
                             struct blt__scanned *out)
{
  struct found_source *f = (struct found_source *)source;

  return blt__survey_at(f->survey, f->image, f->next++, out);
}

/* The layout stays, and all beyond the present size is a copy that may be
 * thrown away: a crash from here on starts the repair again. */
static blt_status mark_repair(struct blt__log *log,
                              const struct blt__survey *survey,
                              const struct blt__checkpoint *checkpoint)
{
  uint64_t size = log->image->view.size;
  struct blt__mark from = {1, size, log->n_keys};

  if (checkpoint != NULL && checkpoint->state != BLT__CLEAN) {
    memcpy(log->salt, checkpoint->salt, BLT__SALT_LEN);
    from = (struct blt__mark){checkpoint->log_seq, checkpoint->log_start,
                              checkpoint->n_keys};
  } else {
    blt__random(log->salt, BLT__SALT_LEN);
  }
  log->was_open = checkpoint != NULL && checkpoint->state == BLT__REPAIR
                      ? (checkpoint->flags & BLT__FLAG_WAS_OPEN) != 0
                      : !log->guarded;
  log->has_gap = survey->has_gap;
  log->boot_id = blt__boot_id();
  log->end = log->durable = size;
  /* Beyond any number that the old log can have: its records may stand behind
   * the end of the new one until the file is cut. */
  log->seq = from.seq + size;
  log->in_session = 1;
  blt_status status = blt__log_put_header(log, BLT__REPAIR, from, size);
  return status == BLT_OK ? blt__log_sync_file(log) : status;
}

/* A repair that stopped leaves the header as it was. */
static void unmark_repair(struct blt__log *log, const uint8_t *header)
{
  struct blt__span span = {header, BLT__HEADER_LEN};

  log->in_session = 0;
  if (blt__view_write(&log->image->view, 0, &span, 1) == BLT_OK)
    (void)blt__log_sync_file(log);
}

blt_status blt__repair(struct blt__log *log, struct blt__survey *survey,
                       const struct blt__checkpoint *checkpoint,
                       const blt_options *options, int slide)
{
  struct found_source source = {
      .source = {.rewind = found_rewind, .next = found_next},
      .image = log->image,
      .survey = survey};
  struct blt__rewrite how = {.n_buckets = log->image->layout.n_buckets,
                             .state = BLT__REPAIR,
                             .slide = slide,
                             .progress = options->progress,
                             .progress_ctx = options->progress_ctx,
                             .phase = "repair"};

  uint8_t before[BLT__HEADER_LEN];
  const uint8_t *header = NULL;
  blt_status status =
      blt__view_at(&log->image->view, 0, BLT__HEADER_LEN, &header);
  if (status < 0)
    return status;
  memcpy(before, header, sizeof before);
  status = mark_repair(log, survey, checkpoint);
  if (status < 0)
    return blt__log_poison(log, status, BLT_E_POISONED,
                           "the repair could not begin");
  status = blt__rewrite(log, &source.source, &how);
  if (status < 0 && !log->poisoned)
    unmark_repair(log, before);
  if (!slide)
    log->dead_front = 0; /* evidence: a prune gives its space back          */
  return status;
}

/* ==== upkeep/replay.c */

/*
 * replay.c - what the log says
 */



/* ---- reading records */

/* 1, 0 (there is no such record), or a failure. */
static int read_record(struct blt__replay *replay, uint64_t off, uint64_t seq,
                       struct blt__record *out)
{
  struct blt__view *view = &replay->image->view;
  const struct blt__geometry *geo = &replay->image->geo;
  uint64_t head_len =
      blt__record_payload_off(geo) + (uint64_t)BLT__RECORD_FIXED_LEN;
  const uint8_t *bytes = NULL;

  if (!blt__view_has(view, off, head_len))
    return 0;
  blt_status status = blt__view_at(view, off, head_len, &bytes);
  if (status < 0)
    return status;
  if (!blt__record_decode(geo, off, bytes, head_len, out) || out->seq != seq ||
      memcmp(out->salt, replay->checkpoint->salt, BLT__SALT_LEN) != 0)
    return 0;
  uint64_t used = blt__record_used_len(geo, out) + BLT__RECORD_HASH_LEN;
  if (!blt__view_has(view, off, used))
    return 0;
  if ((status = blt__view_at(view, off, used, &bytes)) < 0)
    return status;
  return blt__record_is_whole(geo, out, bytes);
}

static int is_batch(const struct blt__record *record)
{
  return record->kind == BLT__RECORD_BATCH || record->kind == BLT__RECORD_PART;
}

/* A block of the body that a lookup reaches was durable once: links are
 * written only after that. Its time may then have been set by booklet. */
static int is_linked(struct blt__replay *replay, uint64_t off, uint64_t end)
{
  struct blt__image *image = replay->image;

  while (off < end) {
    struct blt__block block;
    struct blt__hit hit;
    const uint8_t *head = NULL;
    if (blt__image_block(image, off, &block, &head) < 0)
      return 0;
    if (blt__chain_find(image, head, head + image->geo.key_off, block.key_len,
                        &hit) == BLT_OK &&
        hit.block.off == off)
      return 1;
    off += block.len;
  }
  return 0;
}

int blt__replay_is_body_right(struct blt__replay *replay,
                              const struct blt__record *record)
{
  struct blt__image *image = replay->image;
  uint64_t off = record->off + record->len;
  const uint8_t *body = NULL;
  struct blt__bodyhash hash;

  if (!blt__view_has(&image->view, off, record->body_len) ||
      blt__view_at(&image->view, off, record->body_len, &body) < 0 ||
      !blt__bodyhash_file(&image->geo, record->salt, body, record->body_len,
                          &hash) ||
      hash.body != record->body_hash)
    return 0;
  return hash.time == record->time_hash ||
         is_linked(replay, off, off + record->body_len);
}

static struct blt__record *record_at(struct blt__replay *replay, size_t i)
{
  return (struct blt__record *)(void *)replay->records.data + i;
}

static blt_status read_records(struct blt__replay *replay)
{
  uint64_t off = replay->checkpoint->log_start;
  uint64_t seq = replay->checkpoint->log_seq;
  uint64_t durable = 0;
  struct blt__record record;
  int found;

  while ((found = read_record(replay, off, seq, &record)) > 0 &&
         is_batch(&record) &&
         blt__record_end(&record) <= replay->image->view.size) {
    if (blt__buf_append(&replay->records, &record, sizeof record) != 0)
      return blt__fail_memory(replay->image->view.sink);
    if (record.durable_off > durable)
      durable = record.durable_off;
    off = blt__record_end(&record);
    seq++;
  }
  if (found < 0)
    return (blt_status)found;
  size_t n = blt__replay_n(replay);
  size_t whole = 0; /* P2 */
  replay->stop = off;
  replay->stop_seq = seq;
  for (size_t i = 0; i < n; i++) {
    record = *record_at(replay, i);
    if (record.off >= durable && !blt__replay_is_body_right(replay, &record)) {
      replay->stop = record.off;
      replay->stop_seq = record.seq;
      break;
    }
    if (record.kind == BLT__RECORD_BATCH)
      whole = i + 1;
  }
  replay->records.len = whole * sizeof record;
  replay->end = whole > 0 ? blt__record_end(record_at(replay, whole - 1))
                          : replay->checkpoint->log_start;
  replay->n_keys = whole > 0 ? record_at(replay, whole - 1)->n_keys
                             : replay->checkpoint->n_keys;
  return BLT_OK;
}

/* ---- links */

static blt_status fail_memory__replay(const struct blt__replay *replay)
{
  return blt__fail_memory(replay->image->view.sink);
}

static blt_status set(struct blt__replay *replay, uint64_t off, uint64_t link)
{
  int is_new;

  if (off == 0)
    return blt__image_corrupt(replay->image, 0, "a record changes the header");
  if (blt__links_reserve(&replay->final, 1) != 0)
    return fail_memory__replay(replay);
  blt__links_make(&replay->final, off, &is_new)->link = link & BLT__OFF_MAX;
  return BLT_OK;
}

static blt_status allow(struct blt__replay *replay, uint64_t off, uint64_t link)
{
  struct blt__change change = {off, link};

  return blt__buf_append(&replay->legal, &change, sizeof change) != 0
             ? fail_memory__replay(replay)
             : BLT_OK;
}

/* A link's final value, and both it and the older one are legal. */
static blt_status change_link(struct blt__replay *replay, uint64_t off,
                              uint64_t old, uint64_t new)
{
  blt_status status = set(replay, off, new);

  if (status == BLT_OK)
    status = allow(replay, off, old);
  return status == BLT_OK ? allow(replay, off, new) : status;
}

/* The bytes of a record with patches and tombs. */
static blt_status record_bytes(struct blt__replay *replay,
                               const struct blt__record *record,
                               const uint8_t **out)
{
  return blt__view_at(&replay->image->view, record->off,
                      blt__record_used_len(&replay->image->geo, record), out);
}

/* Which blocks the log killed; good even when the links are not. */
static blt_status collect_tombs__replay(struct blt__replay *replay)
{
  const struct blt__geometry *geo = &replay->image->geo;
  blt_status status = BLT_OK;

  for (size_t r = 0; status == BLT_OK && r < blt__replay_n(replay); r++) {
    const struct blt__record *record = record_at(replay, r);
    const uint8_t *bytes = NULL;
    status = record_bytes(replay, record, &bytes);
    for (uint32_t i = 0; status == BLT_OK && i < record->n_tombs; i++)
      if (blt__offsets_add(
              &replay->tombs, replay->env,
              blt__tomb_decode(bytes +
                               blt__record_tomb_off(geo, record->n_patches, i))
                  .block_off) != 0)
        status = fail_memory__replay(replay);
  }
  return status;
}

static blt_status apply_patches(struct blt__replay *replay,
                                const struct blt__record *record,
                                const uint8_t *bytes)
{
  const struct blt__geometry *geo = &replay->image->geo;
  blt_status status = BLT_OK;

  for (uint32_t i = 0; status == BLT_OK && i < record->n_patches; i++) {
    struct blt__patch patch =
        blt__patch_decode(bytes + blt__record_patch_off(geo, i));
    status =
        change_link(replay, patch.slot_off, patch.old_link, patch.new_link);
  }
  return status;
}

static blt_status apply_tombs(struct blt__replay *replay,
                              const struct blt__record *record,
                              const uint8_t *bytes)
{
  struct blt__image *image = replay->image;
  blt_status status = BLT_OK;

  for (uint32_t i = 0; status == BLT_OK && i < record->n_tombs; i++) {
    struct blt__tomb tomb = blt__tomb_decode(
        bytes + blt__record_tomb_off(&image->geo, record->n_patches, i));
    struct blt__block block;
    const uint8_t *head = NULL;
    status = blt__image_block(image, tomb.block_off, &block, &head);
    /* The bucket's slot may still lead to the block that died: what the new
     * heads of its chain say does not tell (apply_heads). */
    if (status == BLT_OK)
      status =
          allow(replay, blt__layout_slot(&image->layout, head), tomb.block_off);
    if (status == BLT_OK)
      status = change_link(replay, tomb.block_off + BLT__LINK_OFF,
                           tomb.old_link, BLT__LINK_DEAD);
  }
  return status;
}

/* A new head's link is what its slot held before. Where the file has another by
 * now, the block that it led to has died, and apply_tombs allows that one. */
static blt_status apply_heads(struct blt__replay *replay,
                              const struct blt__record *record)
{
  struct blt__image *image = replay->image;
  uint64_t off = record->off + record->len;
  const uint64_t end = blt__record_end(record);
  struct blt__block block;
  const uint8_t *head = NULL;
  blt_status status = BLT_OK;

  for (uint32_t i = 0; status == BLT_OK && i < record->n_blocks; i++) {
    status = off < end ? blt__image_block(image, off, &block, &head)
                       : blt__image_corrupt(image, off,
                                            "a record tells of more blocks "
                                            "than it has");
    if (status < 0)
      break;
    uint64_t next = i + 1 == record->n_blocks && record->last_next != 0
                        ? record->last_next
                        : block.next;
    if (i >= record->n_blocks - record->n_inserts)
      status = change_link(replay, blt__layout_slot(&image->layout, head), next,
                           off);
    /* The last block's link may have been lost without a trace in the hash:
     * key and value may be empty, and nothing follows. */
    if (status == BLT_OK && i + 1 == record->n_blocks && record->last_next != 0)
      status = change_link(replay, off + BLT__LINK_OFF, BLT__LINK_DEAD,
                           record->last_next);
    off += block.len;
  }
  return status;
}

static blt_status apply_records(struct blt__replay *replay)
{
  blt_status status = BLT_OK;

  for (size_t i = 0; status == BLT_OK && i < blt__replay_n(replay); i++) {
    const struct blt__record *record = record_at(replay, i);
    const uint8_t *bytes = NULL;
    if ((status = record_bytes(replay, record, &bytes)) == BLT_OK &&
        (status = apply_heads(replay, record)) == BLT_OK &&
        (status = apply_patches(replay, record, bytes)) == BLT_OK)
      status = apply_tombs(replay, record, bytes);
  }
  return status;
}

/* ---- the whole */

static blt_status read_log(struct blt__replay *replay)
{
  struct blt__image *image = replay->image;
  const uint8_t *header = NULL;
  blt_status status = blt__view_at(&image->view, 0, BLT__HEADER_LEN, &header);

  if (status < 0)
    return status;
  uint32_t count = blt__get4(header + BLT__HDR_COUNT);
  replay->guarded = blt__header_is_guarded(header) &&
                    !(replay->checkpoint->flags & BLT__FLAG_WAS_OPEN);
  if ((status = read_records(replay)) < 0)
    return status;
  replay->foreign = blt__foreign_layout(replay, count) ||
                    replay->end > image->view.size ||
                    replay->n_keys >= BLT__COUNT_UNCLEAN;
  if (!replay->foreign)
    status = blt__gap_judge(replay);
  if (status < 0 || (status = collect_tombs__replay(replay)) < 0 || replay->foreign ||
      replay->damaged)
    return status;
  status = apply_records(replay);
  if (status == BLT_E_CORRUPT) {
    replay->foreign = 1;
    return BLT_OK;
  }
  if (status == BLT_OK)
    replay->foreign = blt__foreign_links(replay) || blt__foreign_tail(replay);
  return status;
}

blt_status blt__replay_read(struct blt__replay *replay,
                            struct blt__image *image,
                            const struct blt__env *env,
                            const struct blt__checkpoint *checkpoint)
{
  *replay = (struct blt__replay){
      .image = image, .env = env, .checkpoint = checkpoint};
  blt__buf_init(&replay->records, env);
  blt__buf_init(&replay->legal, env);
  blt__links_init(&replay->final, env);
  /* A read that failed is no record that is missing. */
  blt__view_forget_failure(&image->view);
  blt_status status = read_log(replay);
  return status < 0 ? status : blt__view_failure(&image->view);
}

void blt__replay_release(struct blt__replay *replay)
{
  blt__buf_release(&replay->records);
  blt__buf_release(&replay->legal);
  blt__links_release(&replay->final);
  blt__offsets_release(&replay->tombs, replay->env);
}

blt_status blt__replay_overlay(const struct blt__replay *replay)
{
  struct blt__image *image = replay->image;
  int is_new;

  if (replay->final.entries != NULL)
    for (size_t i = 0; i <= replay->final.mask; i++) {
      const struct blt__link_entry *entry = &replay->final.entries[i];
      if (entry->off == 0)
        continue;
      if (blt__links_reserve(&image->links, 1) != 0)
        return fail_memory__replay(replay);
      blt__links_make(&image->links, entry->off, &is_new)->link = entry->link;
    }
  for (size_t i = 0; i < replay->tombs.n; i++) {
    if (blt__links_reserve(&image->tombs, 1) != 0)
      return fail_memory__replay(replay);
    (void)blt__links_make(&image->tombs, replay->tombs.at[i], &is_new);
  }
  for (size_t i = 0; i < blt__replay_n(replay); i++) {
    const struct blt__record *record = blt__replay_record(replay, i);
    if (blt__links_reserve(&image->reveals, 1) != 0)
      return fail_memory__replay(replay);
    blt__links_make(&image->reveals, record->off, &is_new)->link = record->len;
  }
  return blt__view_look(&image->view, replay->end);
}

/* ==== upkeep/rewrite.c */

/*
 * rewrite.c - a new copy of the live blocks with a new index
 */



/* What was copied is what the file held, and not the zeros that stand in for a
 * part that somebody cut off. After a failed sync nothing is taken back:
 * nothing more is written (L4). */
static blt_status sync_copy(struct blt__copy *copy)
{
  blt_status status = blt__view_judge(&copy->image->view, BLT_OK);

  if (status < 0)
    return status;
  status = blt__log_sync_file(copy->log);
  copy->sync_failed |= status < 0;
  return status;
}

/* ---- phase 1: the copy behind the old store */

/* Where the store ends when it stands at the front. */
static uint64_t front_end(const struct blt__copy *copy)
{
  return BLT__HEADER_LEN + copy->live_len + copy->heads_len;
}

/* R2 */
static int slides(const struct blt__copy *copy)
{
  return copy->how->slide &&
         front_end(copy) + blt__record_min_len(copy->geo, 0, 0) <=
             copy->layout.first_off;
}

/* What is missing to a multiple of the stride. */
static uint64_t stride_gap(const struct blt__copy *copy, uint64_t len)
{
  return (copy->geo->stride - len % copy->geo->stride) % copy->geo->stride;
}

/* Where one dead block cannot hide the copy, the file hides from booklet: its
 * kind is inverted until the switch. */
static blt_status guard__rewrite(struct blt__copy *copy)
{
  struct blt__log *log = copy->log;
  blt_status status = BLT_OK;

  if (!log->guarded) {
    log->guarded = copy->guarded = 1;
    status = blt__log_put_header(log, copy->how->state, log->from, log->end);
  }
  return status < 0 ? status : sync_copy(copy);
}

static blt_status write_cover(struct blt__copy *copy, uint64_t off,
                              enum blt__record_kind kind, uint64_t record_len,
                              uint64_t span)
{
  struct blt__log *log = copy->log;
  /* Recovery finds a tail's cover where the log of the next header begins. */
  struct blt__record record = {.kind = kind,
                               .seq = log->seq + (kind == BLT__RECORD_TAIL),
                               .off = off,
                               .durable_off = log->durable,
                               .len = (uint32_t)record_len,
                               .n_keys = copy->n_live - copy->n_hidden};

  if (blt__buf_reserve(&log->record, (size_t)record_len) != 0)
    return blt__fail_memory(log->sink);
  memcpy(record.salt, log->salt, BLT__SALT_LEN);
  if (span > blt__cover_max(copy->geo))
    span = record_len;
  blt__record_encode(copy->geo, &record, span, log->record.data);
  return blt__view_write(
      &copy->image->view, off,
      &(struct blt__span){log->record.data, (size_t)record_len}, 1);
}

static blt_status reserve_space(struct blt__copy *copy, uint64_t off,
                                uint64_t len)
{
  struct blt__log *log = copy->log;
  struct blt__file *file = copy->image->view.file;

  if (!blt__room_pays(log->level, len))
    return BLT_OK;
  int error = file->ops->reserve(file, off, len);
  if (error == 0 || blt__errno_is_unsupported(-error))
    return BLT_OK;
  return blt__fail_errno(log->sink, -error, off, "put space aside for a copy");
}

static blt_status copy_forward(struct blt__copy *copy,
                               struct blt__source *source)
{
  struct blt__log *log = copy->log;
  uint64_t copied_len = copy->live_len + copy->heads_len;
  uint64_t record_len = blt__record_min_len(copy->geo, 0, 0);
  blt_status status = BLT_OK;

  uint64_t gap = stride_gap(copy, record_len + copied_len);
  if (gap <= blt__cover_max(copy->geo) - record_len) /* else guarded below */
    record_len += gap;
  uint64_t len = record_len + copied_len;
  blt__layout_init(&copy->layout, copy->layout.n_buckets,
                   log->end + record_len + copy->live_len,
                   log->end + record_len);
  copy->total_len = copied_len * (slides(copy) ? 2 : 1);
  blt__memory_bring(copy->heads, copy->heads_len);
  blt__layout_fill(copy->heads, copy->heads_len);
  copy->out_off = copy->layout.first_off;
  if ((status = reserve_space(copy, log->end, len)) < 0)
    return status;
  if ((len > blt__cover_max(copy->geo) || stride_gap(copy, len) != 0) &&
      (status = guard__rewrite(copy)) < 0)
    return status;
  if ((status = blt__view_set_size(&copy->image->view, log->end + len)) < 0 ||
      (status = write_cover(copy, log->end, BLT__RECORD_REWRITE, record_len,
                            len)) < 0 ||
      (status = blt__copy_blocks(copy, source)) < 0)
    return status;
  return sync_copy(copy);
}

/* The handle is good for reading still: its file ends with the store, and not
 * with another copy of it. */
static blt_status poison(const struct blt__copy *copy, blt_status status,
                         blt_status as, const char *meaning)
{
  (void)blt__view_look(&copy->image->view, copy->log->end);
  return blt__log_poison(copy->log, status, as, meaning);
}

/* R3 */
static blt_status take_back__rewrite(struct blt__copy *copy, blt_status status)
{
  struct blt__log *log = copy->log;

  if (copy->sync_failed)
    return poison(copy, status, BLT_E_POISONED,
                  "a sync failed, so nothing more is written; the rewrite did "
                  "not take place; close and open the file again");
  int failed = blt__view_cut(&copy->image->view, log->end) != 0;

  blt__room_forget(&log->room, log->end);
  if (copy->guarded && !failed) {
    log->guarded = 0;
    failed =
        blt__log_put_header(log, copy->how->state, log->from, log->end) < 0;
  }
  if (!failed)
    return status;
  return poison(copy, status, BLT_E_POISONED,
                "the rewrite failed and could not be taken back; close and "
                "open the file again");
}

/* ---- phase 2: the switch */

static blt_status switch_to(struct blt__copy *copy,
                            const struct blt__layout *layout, uint64_t end,
                            int guarded)
{
  struct blt__log *log = copy->log;

  copy->image->layout = *layout;
  blt__side_drop(copy->image->side);
  log->dead_front =
      layout->index_off > layout->first_off ? layout->first_off : 0;
  log->guarded = copy->guarded = guarded;
  blt__put4(log->header + BLT__HDR_BUCKETS, layout->n_buckets);
  blt__put6(log->header + BLT__HDR_INDEX, layout->index_off);
  blt__put6(log->header + BLT__HDR_FIRST, layout->first_off);
  log->n_keys = (uint32_t)(copy->n_live - copy->n_hidden);
  log->seq++;
  log->end = log->durable = end;
  blt__room_forget(&log->room, end);
  blt__log_start_groups(log);
  blt_status status =
      blt__log_put_header(log, BLT__DIRTY, blt__log_mark(log), end);
  if (status == BLT_OK)
    status = blt__log_sync_file(log);
  return status;
}

/* ---- phases 3 and 4: slide down and cut */

/* All blocks move by the same distance, and so do all links. */
static uint64_t moved(uint64_t link, uint64_t distance)
{
  return link > BLT__LINK_END ? link - distance : link;
}

static blt_status slide_blocks(struct blt__copy *copy, uint64_t distance)
{
  struct blt__image *image = copy->image;
  uint64_t off = image->layout.first_off;
  uint64_t end = image->layout.index_off;
  struct blt__block block;
  blt_status status = BLT_OK;

  copy->out_off = off - distance;
  for (; off < end && status == BLT_OK; off += block.len) {
    status = blt__image_block(image, off, &block, NULL);
    if (status == BLT_OK)
      status = blt__copy_block(copy, &block, moved(block.next, distance));
    /* Too late to stop, but not to tell. */
    (void)blt__copy_advance(copy, block.len);
  }
  for (uint64_t i = 0; i < image->layout.n_buckets; i++) {
    uint8_t *slot = copy->heads + i * BLT__LINK_LEN;
    blt__put6(slot, moved(blt__get6(slot), distance));
  }
  if (status == BLT_OK)
    status = blt__copy_bytes(copy, copy->heads, copy->heads_len);
  return status == BLT_OK ? blt__copy_flush(copy) : status;
}

static blt_status slide(struct blt__copy *copy)
{
  struct blt__log *log = copy->log;
  struct blt__layout layout = copy->image->layout;
  uint64_t tail = front_end(copy);
  uint64_t index_off = tail - copy->heads_len;
  uint64_t record_len = blt__record_min_len(copy->geo, 0, 0);
  blt_status status;

  /* The front may have holes that take space to fill. Without it the store is
   * whole all the same, and only longer. */
  int error = log->image->view.file->ops->reserve(
      log->image->view.file, BLT__HEADER_LEN,
      tail + record_len - BLT__HEADER_LEN);
  if (blt__errno_is_no_space(-error))
    return BLT_OK;
  /* Without a cover booklet must not see the file before its end is cut. */
  const int is_bare = log->end - tail > blt__cover_max(copy->geo);
  if (is_bare && (status = guard__rewrite(copy)) < 0)
    return status;
  if ((status = slide_blocks(copy, layout.first_off - BLT__HEADER_LEN)) < 0 ||
      (status = write_cover(copy, tail, BLT__RECORD_TAIL, record_len,
                            log->end - tail)) < 0 ||
      (status = sync_copy(copy)) < 0)
    return status;
  /* An empty store has the standard layout: both at 200 would be read as an
   * index that is data. */
  blt__layout_init(&layout, layout.n_buckets, index_off,
                   copy->n_live > 0 ? BLT__HEADER_LEN : tail);
  if ((status = switch_to(copy, &layout, tail, is_bare)) < 0 ||
      (status = blt__view_set_size(&copy->image->view, tail)) < 0)
    return status;
  blt__room_forget(&log->room, tail);
  if (is_bare && ((status = blt__log_sync_file(log)) < 0 ||
                  (status = blt__log_unguard(log)) < 0))
    return status;
  return blt__log_sync_file(log);
}

/* ---- the whole */

static blt_status prepare(struct blt__copy *copy, struct blt__source *source)
{
  struct blt__log *log = copy->log;
  blt_status status = blt__copy_measure(copy, source);

  if (status < 0)
    return status;
  if (copy->n_live - copy->n_hidden >= BLT__COUNT_UNCLEAN)
    return blt__fail(log->sink, BLT_E_CORRUPT, BLT_NO_OFFSET,
                     "more keys than the format can count");
  copy->layout.n_buckets = copy->how->n_buckets != 0
                               ? copy->how->n_buckets
                               : blt__layout_buckets_for(copy->n_live);
  copy->heads_len = (uint64_t)BLT__LINK_LEN * copy->layout.n_buckets;
  copy->out = blt__alloc(log->env, BLT__COPY_OUT_LEN);
  copy->heads = blt__alloc(log->env, copy->heads_len);
  if (copy->out == NULL || copy->heads == NULL)
    return blt__fail_memory(log->sink);
  return BLT_OK;
}

static blt_status run(struct blt__copy *copy, struct blt__source *source)
{
  blt_status status = prepare(copy, source);

  if (status < 0)
    return status;
  if ((status = copy_forward(copy, source)) < 0)
    return take_back__rewrite(copy, status);
  status = switch_to(copy, &copy->layout, copy->image->view.size, 0);
  if (status < 0)
    return poison(copy, status, BLT_E_UNKNOWN,
                  "whether the rewrite took place shows when the file is "
                  "opened again; no key is lost");
  if (slides(copy))
    status = slide(copy);
  if (status < 0)
    return poison(copy, status, BLT_E_COMMITTED,
                  "the rewrite took place, but the file could not be made "
                  "shorter; close and open it again");
  copy->done_len = copy->total_len;
  (void)blt__copy_tell(copy); /* too late to stop, but not to tell */
  return status;
}

blt_status blt__rewrite(struct blt__log *log, struct blt__source *source,
                        const struct blt__rewrite *how)
{
  struct blt__copy copy = {
      .log = log, .image = log->image, .geo = &log->image->geo, .how = how};
  struct blt__view *view = &log->image->view;

  blt__view_advise(view, 0, view->size, BLT__HINT_SEQUENTIAL);
  blt_status status = run(&copy, source);
  if (how->drop_pages)
    blt__view_advise(view, 0, view->size, BLT__HINT_DROP);
  blt__view_advise(view, 0, view->size, BLT__HINT_RANDOM);
  blt__release(log->env, copy.out, BLT__COPY_OUT_LEN);
  blt__release(log->env, copy.heads, copy.heads_len);
  return status;
}

/* ==== upkeep/stats.h */

/*
 * stats.h - what the file is made of, in one pass
 */
#ifndef BLT_UPKEEP_STATS_H
#define BLT_UPKEEP_STATS_H


blt_status blt__stats_gather(struct blt__image *image, blt_stats *out);

/* From the chains of some buckets; n_keys is how many keys there are. */
blt_status blt__stats_sample(struct blt__image *image, uint32_t n_buckets,
                             uint64_t n_keys, blt_stats *out);

#endif

/* ==== upkeep/stats.c */

/*
 * stats.c - what the file is made of, in one pass
 */


/* Bins of value lengths: exact below 16, then 16 for each power of two. */
enum { N_BINS = 16 + 28 * 16 };

static unsigned bin_of(uint32_t len)
{
  if (len < 16)
    return len;
  unsigned power = 31 - (unsigned)__builtin_clz(len);
  return 16 + (power - 4) * 16 + (len >> (power - 4) & 15);
}

static uint64_t bin_end(unsigned bin)
{
  if (bin < 16)
    return bin;
  unsigned power = (bin - 16) / 16 + 4;
  uint64_t low = (uint64_t)(16 + (bin - 16) % 16) << (power - 4);
  return low + ((uint64_t)1 << (power - 4)) - 1;
}

static uint64_t quantile(const uint64_t *bins, uint64_t n, unsigned percent)
{
  uint64_t wanted = n / 100 * percent + n % 100 * percent / 100;
  uint64_t seen = 0;

  for (unsigned i = 0; i < N_BINS; i++) {
    seen += bins[i];
    if (seen > wanted)
      return bin_end(i);
  }
  return 0;
}

static void add_live(blt_stats *stats, const struct blt__block *block,
                     uint64_t *bins)
{
  uint64_t key_len = block->key_len, value_len = block->value_len;

  if (stats->n_keys == 0 || key_len < stats->key_len_min)
    stats->key_len_min = key_len;
  if (stats->n_keys == 0 || value_len < stats->value_len_min)
    stats->value_len_min = value_len;
  if (key_len > stats->key_len_max)
    stats->key_len_max = key_len;
  if (value_len > stats->value_len_max)
    stats->value_len_max = value_len;
  stats->key_len_sum += key_len;
  stats->value_len_sum += value_len;
  stats->n_keys++;
  bins[bin_of(block->value_len)]++;
}

static void add_quantiles(blt_stats *stats, const uint64_t *bins)
{
  stats->value_len_p50 = quantile(bins, stats->n_keys, 50);
  stats->value_len_p99 = quantile(bins, stats->n_keys, 99);
  if (stats->value_len_p50 > stats->value_len_max)
    stats->value_len_p50 = stats->value_len_max;
  if (stats->value_len_p99 > stats->value_len_max)
    stats->value_len_p99 = stats->value_len_max;
}

static blt_status scan_blocks(struct blt__image *image, blt_stats *stats)
{
  uint64_t bins[N_BINS] = {0};
  struct blt__scan scan;
  struct blt__scanned s;
  blt_status status;

  blt__scan_begin(&scan, image);
  while ((status = blt__scan_next(&scan, &s)) == BLT_OK) {
    if (!s.live) {
      int ours = blt__dead_is_ours(s.head);
      stats->n_dead++;
      stats->dead_len += s.block.len;
      stats->n_records += (uint64_t)ours;
      stats->record_len += ours ? s.block.len : 0;
      continue;
    }
    stats->n_live++;
    stats->live_len += s.block.len;
    if (!image->geo.fixed && blt__is_reserved_hash(s.head))
      stats->n_hidden++;
    else
      add_live(stats, &s.block, bins);
  }
  add_quantiles(stats, bins);
  return status == BLT_END ? BLT_OK : status;
}

static void add_chain__stats(blt_stats *stats, uint64_t len)
{
  stats->chain_bins[len < BLT_CHAIN_BINS ? len : BLT_CHAIN_BINS - 1]++;
  if (len > stats->chain_max)
    stats->chain_max = len;
}

/* With bins, the blocks on the way are measured too. */
static blt_status walk_chain(struct blt__image *image, uint32_t bucket,
                             blt_stats *stats, uint64_t *bins)
{
  const struct blt__layout *layout = &image->layout;
  struct blt__walk walk;
  struct blt__block block;
  uint64_t len = 0;
  const uint8_t *head = NULL;
  blt_status status;

  blt__walk_begin(&walk, image,
                  layout->index_off + (uint64_t)BLT__LINK_LEN * bucket);
  /* A chain ends where it runs into another bucket's. */
  while ((status = blt__walk_next(&walk, &block, &head)) == BLT_OK &&
         blt__layout_bucket(layout, head) == bucket) {
    stats->chain_steps += ++len;
    if (bins == NULL)
      continue;
    stats->live_len += block.len;
    add_live(stats, &block, bins);
  }
  if (status >= 0)
    add_chain__stats(stats, len);
  return status;
}

static blt_status walk_chains(struct blt__image *image, blt_stats *stats)
{
  blt_status status = BLT_OK;

  for (uint32_t i = 0; i < image->layout.n_buckets && status >= 0; i++)
    status = walk_chain(image, i, stats, NULL);
  return status < 0 ? status : BLT_OK;
}

blt_status blt__stats_gather(struct blt__image *image, blt_stats *out)
{
  struct blt__view *view = &image->view;
  blt_stats stats = {.file_len = view->size,
                     .index_len =
                         (uint64_t)BLT__LINK_LEN * image->layout.n_buckets};

  blt__view_advise(view, 0, view->size, BLT__HINT_NORMAL);
  blt_status status = scan_blocks(image, &stats);
  if (status == BLT_OK)
    status = walk_chains(image, &stats);
  blt__view_advise(view, 0, view->size, BLT__HINT_RANDOM);
  if (status < 0)
    return status;
  stats.other_len =
      stats.file_len - stats.live_len - stats.dead_len - stats.index_len;
  *out = stats;
  return BLT_OK;
}

/* ---- a sample */

static uint64_t scaled(uint64_t number, double factor)
{
  return (uint64_t)((double)number * factor + 0.5);
}

static uint64_t data_len(const struct blt__image *image)
{
  struct blt__region regions[2];
  uint64_t len = 0;
  unsigned n = blt__layout_regions(&image->layout, image->view.size, regions);

  for (unsigned i = 0; i < n; i++)
    len += regions[i].end - regions[i].begin;
  return len;
}

/* From what was seen to the whole. */
static void scale_up(blt_stats *stats, double per_bucket, uint64_t n_keys,
                     uint64_t data)
{
  double per_key =
      stats->n_keys != 0 ? (double)n_keys / (double)stats->n_keys : 0;

  stats->n_keys = stats->n_live = n_keys;
  stats->live_len = scaled(stats->live_len, per_key);
  stats->live_len = stats->live_len < data ? stats->live_len : data;
  stats->dead_len = data - stats->live_len;
  stats->key_len_sum = scaled(stats->key_len_sum, per_key);
  stats->value_len_sum = scaled(stats->value_len_sum, per_key);
  stats->chain_steps = scaled(stats->chain_steps, per_key);
  for (unsigned i = 0; i < BLT_CHAIN_BINS; i++)
    stats->chain_bins[i] = scaled(stats->chain_bins[i], per_bucket);
}

blt_status blt__stats_sample(struct blt__image *image, uint32_t n_buckets,
                             uint64_t n_keys, blt_stats *out)
{
  uint64_t bins[N_BINS] = {0};
  uint32_t n = image->layout.n_buckets;
  uint64_t data = data_len(image);
  blt_stats stats = {.file_len = image->view.size,
                     .index_len = (uint64_t)BLT__LINK_LEN * n};
  blt_status status = BLT_OK;

  n_buckets = n_buckets < n ? n_buckets : n;
  /* Keys are spread by their hash: any choice of buckets is by chance. */
  for (uint64_t i = 0; i < n_buckets && status >= 0; i++)
    status = walk_chain(image, (uint32_t)(i * n / n_buckets), &stats, bins);
  if (status < 0)
    return status;
  add_quantiles(&stats, bins);
  scale_up(&stats, (double)n / n_buckets, n_keys, data);
  stats.other_len = stats.file_len - stats.index_len - data;
  *out = stats;
  return BLT_OK;
}

/* ==== upkeep/survey.c */

/*
 * survey.c - what can be kept of a damaged store
 */



/* Keys up to here are always hashed in a search. */
enum { SHORT_KEY = 256, PROGRESS_LEN__survey = 1 << 20 };

/* A block that proved itself. */
struct found {
  uint64_t off;
  uint64_t tag; /* first bytes of its hash                                  */
};

struct surveyor {
  struct blt__survey *survey;
  struct blt__image *image;
  const struct blt__env *env;
  const struct blt__replay *replay;
  struct blt__links revived; /* links that a commit made live, 0 in the file */
  int strict;
  uint64_t long_key_budget; /* bytes of long keys that may still be hashed  */
  struct blt__links dead;   /* blocks that committed batches killed         */
  struct blt__links bodies; /* record -> first block of its batch           */
  /* strict: the copy of a rewrite that the scan is in, the keys it should
   * have, and those it was seen to have */
  uint64_t copy_off, copy_keys, copy_seen;
  const blt_options *options; /* whom to tell, or NULL                      */
  uint64_t told_off;
  int is_cancelled;
};

static blt_status fail_memory__survey(const struct surveyor *s)
{
  return blt__fail_memory(s->image->view.sink);
}

/* Whether the search at `off` is to stop. */
static int stops_at(struct surveyor *s, uint64_t off)
{
  const blt_options *o = s->options;
  uint64_t size = s->image->view.size;

  if (o == NULL || o->progress == NULL || s->is_cancelled ||
      (off - s->told_off < PROGRESS_LEN__survey && off < size))
    return s->is_cancelled;
  s->told_off = off;
  s->is_cancelled = o->progress(o->progress_ctx, "repair search", off, size);
  return s->is_cancelled;
}

/* ---- anchors: A2 */

/* A1 */
static int has_its_hash(const struct surveyor *s, const struct blt__block *b,
                        const uint8_t *head)
{
  uint8_t hash[BLT__HASH_LEN];

  blt__keyhash(head + s->image->geo.key_off, b->key_len, hash);
  return memcmp(hash, head, sizeof hash) == 0;
}

/* Keys of blocks that overlap, or that chance bytes claim, may be many times as
 * long as the file. Long ones are hashed as long as that stays in
 * proportion. */
static int may_be_hashed(struct surveyor *s, uint32_t key_len)
{
  if (key_len <= SHORT_KEY)
    return 1;
  if (s->long_key_budget < key_len)
    return 0;
  s->long_key_budget -= key_len;
  return 1;
}

static int compare_offsets__survey(const void *left, const void *right)
{
  const uint64_t *a = left;
  const uint64_t *b = right;

  return *a < *b ? -1 : *a > *b;
}

static blt_status find_anchors(struct surveyor *s)
{
  struct blt__image *image = s->image;
  struct blt__offsets *anchors = &s->survey->anchors;

  for (uint32_t i = 0; i < image->layout.n_buckets; i++) {
    struct blt__walk walk;
    struct blt__block block;
    const uint8_t *head = NULL;
    blt__walk_begin(&walk, image,
                    image->layout.index_off + (uint64_t)BLT__LINK_LEN * i);
    /* A damaged chain gives what it can; a link that leads astray, nothing. */
    blt_status status;
    while ((status = blt__walk_next(&walk, &block, &head)) == BLT_OK &&
           blt__layout_bucket(&image->layout, head) == i &&
           may_be_hashed(s, block.key_len))
      if (has_its_hash(s, &block, head) &&
          blt__offsets_add(anchors, s->env, block.off) != 0)
        return fail_memory__survey(s);
    s->survey->n_astray += status < 0 && walk.fault == BLT__FAULT_WILD;
  }
  if (anchors->n > 0)
    qsort(anchors->at, anchors->n, sizeof *anchors->at, compare_offsets__survey);
  return BLT_OK;
}

/* The first anchor behind `off`. */
static uint64_t next_anchor(const struct blt__survey *survey, uint64_t off)
{
  size_t low = 0, high = survey->anchors.n;

  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (survey->anchors.at[middle] <= off)
      low = middle + 1;
    else
      high = middle;
  }
  return low < survey->anchors.n ? survey->anchors.at[low] : UINT64_MAX;
}

/* A block that nothing could cover is dead in the file until its link is
 * written; its record says that it lives. Where booklet could open the file
 * the links had been written: what is dead there was deleted by booklet. */
static blt_status note_revived(struct surveyor *s,
                               const struct blt__record *record)
{
  struct blt__image *image = s->image;
  const uint8_t *bytes = NULL;
  blt_status status =
      blt__view_at(&image->view, record->off,
                   blt__record_used_len(&image->geo, record), &bytes);
  int is_new;

  if (!s->replay->guarded)
    return BLT_OK;
  for (uint32_t i = 0; status == BLT_OK && i < record->n_patches; i++) {
    struct blt__patch patch =
        blt__patch_decode(bytes + blt__record_patch_off(&image->geo, i));
    if (patch.old_link != 0 || patch.new_link == 0 || patch.slot_off == 0)
      continue;
    if (blt__links_reserve(&s->revived, 1) != 0)
      return fail_memory__survey(s);
    (void)blt__links_make(&s->revived, patch.slot_off, &is_new);
  }
  return status;
}

static blt_status note_committed(struct surveyor *s)
{
  const struct blt__replay *replay = s->replay;
  int is_new;

  if (replay == NULL)
    return BLT_OK;
  for (size_t i = 0; i < replay->tombs.n; i++) {
    if (blt__links_reserve(&s->dead, 1) != 0)
      return fail_memory__survey(s);
    (void)blt__links_make(&s->dead, replay->tombs.at[i], &is_new);
  }
  for (size_t i = 0; i < blt__replay_n(replay); i++) {
    const struct blt__record *record = blt__replay_record(replay, i);
    if (blt__links_reserve(&s->bodies, 1) != 0)
      return fail_memory__survey(s);
    blt__links_make(&s->bodies, record->off, &is_new)->link =
        (record->off + record->len) & BLT__OFF_MAX;
    blt_status status = note_revived(s, record);
    if (status < 0)
      return status;
  }
  return BLT_OK;
}

/* ---- the anchored scan */

/* Whether a block can stand at `off`: 1 and its head. */
static int can_stand(struct surveyor *s, uint64_t off, uint64_t end,
                     struct blt__block *out, const uint8_t **out_head)
{
  struct blt__image *image = s->image;
  const uint8_t *head = NULL;

  if (end - off < image->geo.key_off ||
      blt__view_at(&image->view, off, image->geo.key_off, &head) < 0)
    return 0;
  blt__block_decode(&image->geo, off, head, out);
  if (out->len > end - off || next_anchor(s->survey, off) < off + out->len)
    return 0;
  return blt__view_at(&image->view, off, image->geo.key_off + out->key_len,
                      out_head) == BLT_OK;
}

static int is_revived(const struct surveyor *s, const struct blt__block *b)
{
  return blt__links_find(&s->revived, b->off + BLT__LINK_OFF) != NULL;
}

static int proves_itself(const struct surveyor *s, const struct blt__block *b,
                         const uint8_t *head)
{
  return (b->next != BLT__LINK_DEAD || is_revived(s, b)) &&
         has_its_hash(s, b, head);
}

/* Whether the scan may step over it. */
static int is_dead(const struct surveyor *s, const struct blt__block *b,
                   const uint8_t *head)
{
  return b->next == BLT__LINK_DEAD && !is_revived(s, b) &&
         (!s->strict || blt__dead_is_ours(head) || has_its_hash(s, b, head));
}

static blt_status keep(struct surveyor *s, const struct blt__block *block,
                       const uint8_t *head)
{
  struct found found = {block->off, blt__get8(head)};

  if (blt__links_find(&s->dead, block->off) != NULL) {
    s->survey->n_deleted++;
    return BLT_OK;
  }
  return blt__buf_append(&s->survey->live, &found, sizeof found) != 0
             ? fail_memory__survey(s)
             : BLT_OK;
}

/* A search tries each byte, so it must be cheap: a live block's link is the end
 * of a chain or an offset in the file. */
static int may_be_live(struct surveyor *s, const struct blt__block *b)
{
  if (b->next != BLT__LINK_END &&
      (b->next < BLT__HEADER_LEN || b->next >= s->image->view.size))
    return 0;
  return may_be_hashed(s, b->key_len);
}

/* From a place where no block stands to the next that proves itself. */
static uint64_t resynchronise(struct surveyor *s, uint64_t off, uint64_t end)
{
  struct blt__block block;
  const uint8_t *head = NULL;
  uint64_t begin = off, left = s->image->view.size - off;

  /* What was written ahead of the log need not end where a block would. */
  if (s->replay != NULL && blt__view_is_zero(&s->image->view, off, left))
    return end;
  for (off++; off < end && !stops_at(s, off); off++)
    if (blt__links_find(&s->bodies, off) != NULL ||
        (can_stand(s, off, end, &block, &head) &&
         ((may_be_live(s, &block) && proves_itself(s, &block, head)) ||
          (block.next == BLT__LINK_DEAD && blt__dead_is_ours(head)))))
      break;
  if (s->survey->n_lost++ == 0)
    s->survey->first_lost = begin;
  s->survey->lost_len += off - begin;
  s->survey->last_lost = off;
  return off;
}

/*
 * Without a header nothing tells which part of the file a rewrite has left
 * behind. Its record does: when all keys that it promises stand behind it,
 * what was found before is an old copy. The record still spans the copy, so
 * the scan steps over the record alone. Returns the step.
 */
static uint64_t step_over(struct surveyor *s, const uint8_t *head,
                          const struct blt__block *block)
{
  const struct blt__geometry *geo = &s->image->geo;
  struct blt__record record;
  const uint8_t *bytes = NULL;

  if (!s->strict || !blt__record_is_tagged(head) ||
      blt__view_at(&s->image->view, block->off, block->len, &bytes) < 0 ||
      !blt__record_decode(geo, block->off, bytes, block->len, &record))
    return block->len;
  s->copy_off = 0;
  if (record.kind != BLT__RECORD_REWRITE || record.len > block->len ||
      !blt__record_is_whole(geo, &record, bytes))
    return block->len;
  s->copy_off = block->off;
  s->copy_keys = record.n_keys;
  s->copy_seen = 0;
  return record.len;
}

/* A block of the copy, live or deleted since. */
static void note_copied(struct surveyor *s, const uint8_t *head)
{
  struct found *found = (struct found *)(void *)s->survey->live.data;
  size_t n = s->survey->live.len / sizeof *found;
  size_t kept = 0;

  if (s->copy_off == 0 ||
      (!s->image->geo.fixed && blt__is_reserved_hash(head)) ||
      ++s->copy_seen != s->copy_keys)
    return;
  for (size_t i = 0; i < n; i++)
    if (found[i].off > s->copy_off)
      found[kept++] = found[i];
  s->survey->n_superseded += n - kept;
  s->survey->live.len = kept * sizeof *found;
  s->copy_off = 0;
}

static blt_status scan_region(struct surveyor *s,
                              const struct blt__region *region)
{
  uint64_t off = region->begin;
  blt_status status = BLT_OK;

  while (off < region->end && status == BLT_OK && !stops_at(s, off)) {
    const struct blt__link_entry *body = blt__links_find(&s->bodies, off);
    struct blt__block block;
    const uint8_t *head = NULL;
    if (body != NULL) {
      off = body->link;
    } else if (!can_stand(s, off, region->end, &block, &head)) {
      off = resynchronise(s, off, region->end);
    } else if (is_dead(s, &block, head)) {
      if (!blt__dead_is_ours(head))
        note_copied(s, head);
      off += step_over(s, head, &block);
    } else if (proves_itself(s, &block, head)) {
      status = keep(s, &block, head);
      if (status == BLT_OK)
        note_copied(s, head);
      off += block.len;
    } else {
      off = resynchronise(s, off, region->end);
    }
  }
  return status;
}

/* ---- A3 */

/* Our own unfinished commit stands between the end of the log and the first
 * block there that somebody refers to. */
static void drop_uncommitted(struct surveyor *s)
{
  struct blt__survey *survey = s->survey;
  struct found *found = (struct found *)(void *)survey->live.data;
  size_t n = survey->live.len / sizeof *found;
  size_t kept = 0;

  if (s->replay == NULL)
    return;
  uint64_t from = s->replay->end;
  uint64_t to = next_anchor(survey, from - 1);
  for (size_t i = 0; i < n; i++)
    if (found[i].off < from || found[i].off >= to)
      found[kept++] = found[i];
  survey->n_uncommitted = n - kept;
  survey->live.len = kept * sizeof *found;
}

static int compare_keys(const void *left, const void *right)
{
  const struct found *a = left;
  const struct found *b = right;

  if (a->tag != b->tag)
    return a->tag < b->tag ? -1 : 1;
  return a->off < b->off ? -1 : a->off > b->off;
}

static int compare_places(const void *left, const void *right)
{
  const struct found *a = left;
  const struct found *b = right;

  return a->off < b->off ? -1 : a->off > b->off;
}

static int is_same_key(struct surveyor *s, uint64_t a, uint64_t b)
{
  struct blt__block block_a, block_b;
  const uint8_t *head_a = NULL, *head_b = NULL;
  unsigned key_off = s->image->geo.key_off;

  return blt__image_block(s->image, a, &block_a, &head_a) == BLT_OK &&
         blt__image_block(s->image, b, &block_b, &head_b) == BLT_OK &&
         block_a.key_len == block_b.key_len &&
         memcmp(head_a + key_off, head_b + key_off, block_a.key_len) == 0;
}

static int is_superseded(struct surveyor *s, const struct found *found,
                         const struct found *end)
{
  for (const struct found *later = found + 1;
       later < end && later->tag == found->tag; later++)
    if (is_same_key(s, found->off, later->off))
      return 1;
  return 0;
}

static void choose_newest(struct surveyor *s)
{
  struct blt__survey *survey = s->survey;
  struct found *found = (struct found *)(void *)survey->live.data;
  size_t n = survey->live.len / sizeof *found;
  size_t kept = 0;

  if (n == 0)
    return;
  qsort(found, n, sizeof *found, compare_keys);
  for (size_t i = 0; i < n; i++)
    if (!is_superseded(s, &found[i], found + n))
      found[kept++] = found[i];
  qsort(found, kept, sizeof *found, compare_places);
  survey->n_superseded += n - kept;
  survey->n_kept = kept;
  survey->live.len = kept * sizeof *found;
}

static void count_hidden(struct surveyor *s)
{
  const struct found *found =
      (const struct found *)(const void *)s->survey->live.data;
  const uint8_t *hash = NULL;

  for (size_t i = 0; !s->image->geo.fixed && i < s->survey->n_kept; i++)
    if (blt__view_at(&s->image->view, found[i].off, BLT__HASH_LEN, &hash) ==
        BLT_OK)
      s->survey->n_hidden += (uint64_t)blt__is_reserved_hash(hash);
}

blt_status blt__survey(struct blt__survey *survey, struct blt__image *image,
                       const struct blt__env *env,
                       const struct blt__replay *replay, int strict,
                       const blt_options *options)
{
  struct surveyor s = {.survey = survey,
                       .image = image,
                       .env = env,
                       .replay = replay,
                       .strict = strict,
                       .options = options,
                       .long_key_budget =
                           16 * image->view.size + ((uint64_t)16 << 20)};
  struct blt__region regions[2];
  unsigned n = blt__layout_regions(&image->layout, image->view.size, regions);

  *survey = (struct blt__survey){.has_gap = replay != NULL && replay->damaged};
  blt__buf_init(&survey->live, env);
  blt__links_init(&s.dead, env);
  blt__links_init(&s.revived, env);
  blt__links_init(&s.bodies, env);
  blt__view_forget_failure(&image->view);
  blt_status status = find_anchors(&s);
  if (status == BLT_OK)
    status = note_committed(&s);
  for (unsigned i = 0; i < n && status == BLT_OK; i++)
    status = scan_region(&s, &regions[i]);
  if (status == BLT_OK && stops_at(&s, image->view.size))
    status = blt__fail(image->view.sink, BLT_E_CANCELLED, BLT_NO_OFFSET,
                       "the search was cancelled; the file is as it was");
  if (status == BLT_OK) {
    drop_uncommitted(&s);
    choose_newest(&s);
    count_hidden(&s);
    survey->n_dropped = survey->n_superseded + survey->n_deleted +
                        survey->n_uncommitted + survey->n_lost;
  }
  blt__links_release(&s.dead);
  blt__links_release(&s.revived);
  blt__links_release(&s.bodies);
  return status < 0 ? status : blt__view_failure(&image->view);
}

void blt__survey_release(struct blt__survey *survey, const struct blt__env *env)
{
  blt__buf_release(&survey->live);
  blt__offsets_release(&survey->anchors, env);
}

blt_status blt__survey_at(const struct blt__survey *survey,
                          struct blt__image *image, size_t i,
                          struct blt__scanned *out)
{
  const struct found *found =
      (const struct found *)(const void *)survey->live.data;

  if (i >= survey->n_kept)
    return BLT_END;
  out->live = 1;
  return blt__image_block(image, found[i].off, &out->block, &out->head);
}

/* ==== upkeep/verify.h */

/*
 * verify.h - everything is read and judged
 */
#ifndef BLT_UPKEEP_VERIFY_H
#define BLT_UPKEEP_VERIFY_H


struct blt__verify {
  struct blt__image *image;
  const struct blt__env *env;
  const uint8_t *header; /* 200 bytes, as in the file                    */
  int is_unclean;        /* the last writer did not close the file     */
  uint64_t n_keys;       /* what the store says                        */
  const blt_verify_options *options; /* never NULL                          */
  blt_progress progress;
  void *progress_ctx;
  blt_verify_report report; /* result                                     */
};

/* BLT_OK when sound, BLT_E_CORRUPT when not; other failures as they come. */
blt_status blt__verify_image(struct blt__verify *verify);

#endif

/* ==== upkeep/verify.c */

/*
 * verify.c - everything is read and judged
 *
 * Two passes. The scan looks at each block in the order of the file and asks
 * whether its chain leads to it. The walk follows each chain. If the scan saw
 * as many reachable blocks as the walk reached, they are the same ones; if
 * not, a third pass finds the links that lead between blocks.
 *
 * Both passes are shared by threads: each steps through all blocks, which is
 * little work, and judges every n-th run of them; each walks its part of the
 * buckets. What is found out is added up under a mutex.
 */



enum { PROGRESS_STEP = 8192, RUN = 256, MOST_THREADS = 64 };

/* What the threads have in common. */
struct court {
  struct blt__verify *v;
  pthread_mutex_t mutex; /* for the report and the callback              */
  _Atomic int is_over;   /* nothing more is wanted                       */
};

/* One thread's share of the work. */
struct judge {
  struct court *court;
  struct blt__verify *v;
  unsigned which, n; /* of n judges; the first one is the caller's thread   */
  blt_verify_report report;
  uint64_t n_reached, n_walked;
  blt_status status;
};

static const char *const fault_names[] = {
    [BLT__FAULT_NONE] = "damage",        [BLT__FAULT_WILD] = "wild-pointer",
    [BLT__FAULT_OVERRUN] = "overrun",    [BLT__FAULT_CYCLE] = "cycle",
    [BLT__FAULT_DEAD] = "dead-in-chain", [BLT__FAULT_TORN] = "torn-tail",
};

/* 1 when no more faults are wanted, or a thread has failed. */
static int is_enough(const struct judge *j)
{
  return atomic_load_explicit(&j->court->is_over, memory_order_relaxed);
}

/* The faults of all judges are counted in one place. */
static void publish(struct blt__verify *v, const blt_fault *fault)
{
  v->report.n_faults++;
  if (v->options->on_fault != NULL)
    v->options->on_fault(v->options->on_fault_ctx, fault);
}

__attribute__((format(printf, 4, 5))) static void
tell(struct judge *j, const char *kind, uint64_t off, const char *sentence, ...)
{
  char text[256];
  va_list args;
  uint64_t max = j->v->options->max_faults;

  va_start(args, sentence);
  vsnprintf(text, sizeof text, sentence, args);
  va_end(args);
  pthread_mutex_lock(&j->court->mutex);
  if (!is_enough(j)) {
    publish(j->v, &(blt_fault){kind, off, text});
    if (max != 0 && j->v->report.n_faults >= max)
      atomic_store(&j->court->is_over, 1);
  }
  pthread_mutex_unlock(&j->court->mutex);
}

/* The caller's thread tells how far it is; the others are about as far. */
static blt_status report_progress(const struct judge *j, const char *phase,
                                  uint64_t done, uint64_t total)
{
  const struct blt__verify *v = j->v;

  if (v->progress == NULL || j->which != 0 ||
      v->progress(v->progress_ctx, phase, done, total) == 0)
    return BLT_OK;
  return blt__fail(v->image->view.sink, BLT_E_CANCELLED, BLT_NO_OFFSET,
                   "verify was cancelled");
}

/* ---- the scan */

/* Whether the chain of the stored hash leads to this block, and not first to
 * another of the same key. */
enum reach { REACHED, ORPHAN, DUPLICATE };

static enum reach reach_of(struct judge *j, const struct blt__scanned *s)
{
  struct blt__image *image = j->v->image;
  struct blt__walk walk;
  struct blt__block block;
  const uint8_t *head = NULL;
  unsigned key_off = image->geo.key_off;
  int duplicate = 0;

  blt__walk_begin(&walk, image, blt__layout_slot(&image->layout, s->head));
  while (blt__walk_next(&walk, &block, &head) == BLT_OK) {
    if (block.off == s->block.off)
      return duplicate ? DUPLICATE : REACHED;
    duplicate |= memcmp(head, s->head, BLT__HASH_LEN) == 0 &&
                 block.key_len == s->block.key_len &&
                 memcmp(head + key_off, s->head + key_off, block.key_len) == 0;
  }
  return duplicate ? DUPLICATE : ORPHAN;
}

static void judge_dead(struct judge *j, const struct blt__scanned *s)
{
  const struct blt__geometry *geo = &j->v->image->geo;
  struct blt__record record;
  const uint8_t *bytes = NULL;
  uint64_t len = s->block.len;

  j->report.n_dead++;
  j->report.n_records += (uint64_t)blt__dead_is_ours(s->head);
  if (!blt__record_is_tagged(s->head))
    return;
  if (blt__view_at(&j->v->image->view, s->block.off, len, &bytes) < 0)
    return;
  if (!blt__record_decode(geo, s->block.off, bytes, len, &record) ||
      blt__record_used_len(geo, &record) + BLT__RECORD_HASH_LEN > len ||
      !blt__record_is_whole(geo, &record, bytes))
    tell(j, "bad-record", s->block.off,
         "a commit record whose content is not what its hash says");
}

static void judge_live(struct judge *j, const struct blt__scanned *s)
{
  uint8_t hash[BLT__HASH_LEN];

  j->report.n_live++;
  j->report.n_hidden +=
      !j->v->image->geo.fixed && blt__is_reserved_hash(s->head);
  blt__keyhash(s->head + j->v->image->geo.key_off, s->block.key_len, hash);
  if (memcmp(hash, s->head, sizeof hash) != 0)
    tell(j, "wrong-hash", s->block.off,
         "the stored hash is not that of the block's key");
  switch (reach_of(j, s)) {
  case REACHED:
    j->n_reached++;
    break;
  case DUPLICATE:
    tell(j, "duplicate-key", s->block.off,
         "a live block whose key another block has too");
    break;
  default:
    tell(j, "orphan", s->block.off,
         "a live block that its chain does not lead to");
    break;
  }
}

static blt_status scan_all(struct judge *j)
{
  struct blt__scan scan;
  struct blt__scanned s;
  blt_status status = BLT_OK;
  const uint64_t size = j->v->image->view.size;
  uint64_t n = 0;

  blt__scan_begin(&scan, j->v->image);
  while (status != BLT_END && !is_enough(j)) {
    status = blt__scan_next(&scan, &s);
    if (status == BLT_E_CORRUPT) {
      if (j->which == 0)
        tell(j, fault_names[scan.fault], scan.off, "%s",
             scan.fault == BLT__FAULT_TORN
                 ? "the region ends inside a block's head"
                 : "a block passes the end of its region");
      if (scan.region + 1 >= scan.n_regions)
        break;
      scan.off = scan.regions[++scan.region].begin;
      continue;
    }
    if (status < 0)
      return status;
    if (status == BLT_END)
      break;
    if (n / RUN % j->n == j->which) {
      if (s.live)
        judge_live(j, &s);
      else
        judge_dead(j, &s);
    }
    if (++n % PROGRESS_STEP == 0 &&
        (status = report_progress(j, "verify blocks", scan.off, size)) < 0)
      return status;
  }
  return is_enough(j) ? BLT_OK
                      : report_progress(j, "verify blocks", size, size);
}

/* ---- the walk */

static int is_in_region(const struct judge *j, uint64_t off)
{
  struct blt__region regions[2];
  unsigned n = blt__layout_regions(&j->v->image->layout, j->v->image->view.size,
                                   regions);

  for (unsigned i = 0; i < n; i++)
    if (off >= regions[i].begin && off < regions[i].end)
      return 1;
  return 0;
}

static void walk_bucket(struct judge *j, uint32_t bucket)
{
  struct blt__image *image = j->v->image;
  struct blt__walk walk;
  struct blt__block block;
  const uint8_t *head = NULL;
  blt_status status;

  blt__walk_begin(&walk, image,
                  image->layout.index_off + (uint64_t)BLT__LINK_LEN * bucket);
  while ((status = blt__walk_next(&walk, &block, &head)) == BLT_OK) {
    j->n_walked++;
    if (!is_in_region(j, block.off))
      tell(j, "wild-pointer", walk.link_off,
           "the link leads to %llu, outside the data",
           (unsigned long long)block.off);
    else if (blt__layout_bucket(&image->layout, head) != bucket) {
      /* What follows is walked from its own bucket; else a file whose buckets
       * all lead into one chain would be walked that many times. */
      tell(j, "wrong-bucket", block.off,
           "the block's hash belongs to another bucket than %u", bucket);
      return;
    }
  }
  if (status == BLT_E_CORRUPT)
    tell(j, fault_names[walk.fault], walk.fault_off,
         "the chain of bucket %u breaks here", bucket);
}

static blt_status walk_all(struct judge *j)
{
  uint64_t n = j->v->image->layout.n_buckets;
  uint64_t begin = n * j->which / j->n, end = n * (j->which + 1) / j->n;
  const uint64_t len = (end - begin) * BLT__LINK_LEN;
  blt_status status = BLT_OK;

  for (uint64_t i = begin; i < end && !is_enough(j) && status == BLT_OK; i++) {
    walk_bucket(j, (uint32_t)i);
    if (i % (PROGRESS_STEP * 8) == 0)
      status =
          report_progress(j, "verify chains", (i - begin) * BLT__LINK_LEN, len);
  }
  if (status == BLT_OK && !is_enough(j))
    status = report_progress(j, "verify chains", len, len);
  return status;
}

/* ---- links that lead between blocks */

static int compare_offsets__verify(const void *left, const void *right)
{
  const uint64_t *a = left;
  const uint64_t *b = right;

  return *a < *b ? -1 : *a > *b;
}

static blt_status collect_live(struct judge *j, struct blt__buf *out)
{
  struct blt__scan scan;
  struct blt__scanned s;
  blt_status status;

  blt__scan_begin(&scan, j->v->image);
  while ((status = blt__scan_next_live(&scan, &s)) != BLT_END) {
    if (status == BLT_E_CORRUPT) {
      if (scan.region + 1 >= scan.n_regions)
        break;
      scan.off = scan.regions[++scan.region].begin;
      continue;
    }
    if (status < 0)
      return status;
    if (blt__buf_append(out, &s.block.off, sizeof s.block.off) != 0)
      return blt__fail_memory(j->v->image->view.sink);
  }
  return BLT_OK;
}

static blt_status find_astray(struct judge *j)
{
  struct blt__image *image = j->v->image;
  struct blt__buf live;
  blt__buf_init(&live, j->v->env);
  blt_status status = collect_live(j, &live);

  for (uint32_t i = 0; status == BLT_OK && i < image->layout.n_buckets; i++) {
    struct blt__walk walk;
    struct blt__block block;
    const uint8_t *head = NULL;
    blt__walk_begin(&walk, image,
                    image->layout.index_off + (uint64_t)BLT__LINK_LEN * i);
    /* Not beyond another bucket's block, as in walk_bucket. */
    while (blt__walk_next(&walk, &block, &head) == BLT_OK &&
           blt__layout_bucket(&image->layout, head) == i)
      if (is_in_region(j, block.off) &&
          (live.len == 0 ||
           bsearch(&block.off, live.data, live.len / sizeof block.off,
                   sizeof block.off, compare_offsets__verify) == NULL))
        tell(j, "wild-pointer", walk.link_off,
             "the link leads to %llu, where no live block begins",
             (unsigned long long)block.off);
  }
  blt__buf_release(&live);
  return status;
}

/* ---- the whole */

static void judge_header(struct judge *j)
{
  const struct blt__verify *v = j->v;
  struct blt__checkpoint checkpoint;

  if (v->is_unclean)
    tell(j, "unclean", BLT__HDR_COUNT,
         "the last writer did not close the file; opening it for writing "
         "recovers it");
  if (memcmp(v->header + BLT__HDR_CHECKPOINT, "BLTK", 4) == 0 &&
      !blt__checkpoint_decode(v->header, &checkpoint))
    tell(j, "bad-checkpoint", BLT__HDR_CHECKPOINT,
         "the checkpoint is not what its hash says");
}

static void *do_share(void *ctx)
{
  struct judge *j = ctx;

  j->status = scan_all(j);
  if (j->status == BLT_OK)
    j->status = walk_all(j);
  if (j->status < 0)
    atomic_store(&j->court->is_over, 1);
  return NULL;
}

/* A thread that cannot be had is no failure: its share is done here. */
static void do_all_shares(struct judge *judges, unsigned n)
{
  pthread_t threads[MOST_THREADS];
  int started[MOST_THREADS] = {0};

  for (unsigned i = 1; i < n; i++)
    started[i] = pthread_create(&threads[i], NULL, do_share, &judges[i]) == 0;
  do_share(&judges[0]);
  for (unsigned i = 1; i < n; i++)
    if (started[i])
      pthread_join(threads[i], NULL);
    else
      do_share(&judges[i]);
}

/* What all judges found goes to the first one. The words of a failure belong
 * to the thread that met it, and only ours are heard. */
static blt_status add_up(struct judge *judges, unsigned n)
{
  struct judge *first = &judges[0];

  for (unsigned i = 1; i < n; i++) {
    const struct judge *j = &judges[i];
    first->report.n_live += j->report.n_live;
    first->report.n_dead += j->report.n_dead;
    first->report.n_hidden += j->report.n_hidden;
    first->report.n_records += j->report.n_records;
    first->n_reached += j->n_reached;
    first->n_walked += j->n_walked;
    if (first->status == BLT_OK && j->status < 0)
      first->status =
          blt__fail(first->v->image->view.sink, j->status, BLT_NO_OFFSET, "%s",
                    blt_status_message(j->status));
  }
  return first->status;
}

static blt_status judge_all(struct court *court)
{
  struct blt__verify *v = court->v;
  struct judge judges[MOST_THREADS];
  struct judge *first = &judges[0];
  unsigned n = v->options->n_threads;

  n = n < 1 ? 1 : n > MOST_THREADS ? MOST_THREADS : n;
  for (unsigned i = 0; i < n; i++)
    judges[i] = (struct judge){.court = court, .v = v, .which = i, .n = n};
  judge_header(first);
  do_all_shares(judges, n);
  blt_status status = add_up(judges, n);
  if (status == BLT_OK && first->n_walked > first->n_reached &&
      !is_enough(first))
    status = find_astray(first);
  uint64_t counted = first->report.n_live - first->report.n_hidden;
  if (status == BLT_OK && !v->is_unclean && counted != v->n_keys)
    tell(first, "wrong-count", BLT__HDR_COUNT,
         "the header says %llu keys, %llu are found",
         (unsigned long long)v->n_keys, (unsigned long long)counted);
  first->report.n_faults = v->report.n_faults;
  v->report = first->report;
  return status;
}

blt_status blt__verify_image(struct blt__verify *v)
{
  struct blt__view *view = &v->image->view;
  struct court court = {.v = v};

  v->report = (blt_verify_report){0};
  blt__view_advise(view, 0, view->size, BLT__HINT_NORMAL);
  blt__view_forget_failure(view);
  pthread_mutex_init(&court.mutex, NULL);
  blt_status status = judge_all(&court);
  pthread_mutex_destroy(&court.mutex);
  /* Another thread may have met it, and then the words are missing. */
  if (status == BLT_OK && (status = blt__view_failure(view)) < 0 &&
      v->options->n_threads > 1)
    blt__fail(view->sink, status, BLT_NO_OFFSET, "%s",
              blt_status_message(status));
  blt__view_advise(view, 0, view->size, BLT__HINT_RANDOM);
  if (status < 0 || v->report.n_faults == 0)
    return status;
  return blt__fail(view->sink, BLT_E_CORRUPT, BLT_NO_OFFSET,
                   "%llu faults; run \"blt verify\" to see them",
                   (unsigned long long)v->report.n_faults);
}

/* ==== api/db.h */

/*
 * db.h - the handle: the only place that sees struct blt_db
 */
#ifndef BLT_API_DB_H
#define BLT_API_DB_H



struct blt_db {
  struct blt__env env;
  struct blt__sink sink;
  blt_options options; /* as given, completed                         */
  char *path;          /* owned; NULL for fd and memory               */
  int fd;              /* blt_open_fd: the caller's, else -1          */
  int in_memory;

  struct blt__file *file; /* owned; NULL when not open                   */
  struct blt__file_id id;
  int registered; /* in the process's list of open files         */
  int exclusive;
  int locked; /* we took the flock                           */
  int writable;
  unsigned fork_count; /* at opening                                  */

  struct blt__header header; /* as decoded at opening                       */
  struct blt__image image;
  struct blt__side side;
  struct blt__log log; /* writable handles                            */
  struct blt__pending pending;
  int in_batch;     /* between blt_batch_begin and its end         */
  int skip_reindex; /* one found no space; not tried again         */
  uint64_t n_keys;  /* read-only handles                           */
  int is_unclean;   /* the header says so, and nothing mended it   */
  blt_open_info opened;

  struct blt__turns turns;
  int is_plain; /* a reader that is open: nothing to judge, nothing to lock */
  int is_quick; /* open, and the file is mapped                             */
  uint64_t n_batches;             /* of the user's that have ended          */
  _Atomic uint64_t n_mutations;   /* puts, deletes …                        */
  _Atomic uint64_t n_compactions; /* rewrites                               */
};

/* What is committed; what the write buffer holds is not in it. */
static inline uint64_t blt__committed_count(const blt_db *db)
{
  return db->writable ? db->log.n_keys : db->n_keys;
}

/* ---- entering and leaving a public call */

/* A read: other reads may run beside it. */
blt_status blt__enter_read_slowly(blt_db *db);
static inline blt_status blt__enter_read(blt_db *db)
{
  return db != NULL && db->is_plain ? BLT_OK : blt__enter_read_slowly(db);
}
/* A change: alone. Fails on read-only, poisoned and forked handles. */
blt_status blt__enter_write(blt_db *db);
/* Alone, but on any handle: reading that may have to commit first. */
blt_status blt__enter_alone(blt_db *db);
/* Gives the lock up and passes the status on, unless the file was cut. */
blt_status blt__leave_slowly(blt_db *db, blt_status status);
static inline blt_status blt__leave(blt_db *db, blt_status status)
{
  return db->is_plain && !blt__view_is_hit(&db->image.view)
             ? status
             : blt__leave_slowly(db, status);
}

/* Is the handle the parent's, from before a fork? */
static inline int blt__is_forked(const blt_db *db)
{
  return db->writable && db->fork_count != blt__fork_count();
}

/* ---- open.c and its files */

/* From a file that is open and locked to a handle that works: attach.c. */
blt_status blt__attach(blt_db *db);
/* The same for one that was just made. */
blt_status blt__attach_created(blt_db *db);
/* The other way; commits and marks the file clean if it is a writer. */
blt_status blt__detach(blt_db *db);

/* create.c: the header of a new store by the options; and the store. */
blt_status blt__new_header(const blt_db *db, uint8_t *out);
blt_status blt__create_at_path(blt_db *db);
/* Over whatever the open file holds, which is no store. */
blt_status blt__create_in_place(blt_db *db);

/* A store on a file of the caller's making: how tests put their own table of
 * operations under a handle. Takes the file over, also when it fails. No lock
 * is taken; a reader does not mend first. */
blt_status blt__open_file(struct blt__file *file, const blt_options *options,
                          blt_db **out);

/* A handle with file and lock and nothing else, for repair. */
blt_status blt__open_raw(const char *path, const blt_options *options,
                         blt_db **out);
void blt__close_raw(blt_db *db);

/* ---- write.c */

/* Commit what is pending, settle, and let the index grow. */
blt_status blt__commit(blt_db *db);

/* Before a scan: what was put outside of a batch is in the file, and the image
 * knows which blocks have died. */
blt_status blt__get_ready_to_scan(blt_db *db);

/* Flatten the log for something that is to come after. A failure says that
 * this did not happen. */
blt_status blt__flatten_first(blt_db *db);

/* In maintain.c: another number of buckets; 0: by the number of keys. */
blt_status blt__grow_index(blt_db *db, uint32_t n_buckets);

#endif

/* ==== api/attach.c */

/*
 * attach.c - from a file that is open and locked to a handle that works
 */



static blt_status read_header(blt_db *db, int *out_has_checkpoint,
                              struct blt__checkpoint *out_checkpoint)
{
  const uint8_t *bytes = NULL;
  struct blt__view *view = &db->image.view;

  if (view->size < BLT__HEADER_LEN)
    return blt__fail(&db->sink, BLT_E_NOT_BOOKLET, BLT_NO_OFFSET,
                     "not a booklet file (%llu bytes, a header has %d)",
                     (unsigned long long)view->size, BLT__HEADER_LEN);
  blt_status status = blt__view_at(view, 0, BLT__HEADER_LEN, &bytes);
  if (status < 0 || (status = blt__header_decode(&db->header, bytes, view->size,
                                                 &db->sink)) < 0)
    return status;
  *out_has_checkpoint =
      blt__checkpoint_decode(db->header.bytes, out_checkpoint);
  if (db->header.guarded &&
      (!*out_has_checkpoint || out_checkpoint->state == BLT__CLEAN))
    return blt__fail(&db->sink, BLT_E_NOT_BOOKLET, BLT_NO_OFFSET,
                     "not a booklet file (the kind is inverted)");
  if (db->options.kind != BLT_ANY &&
      (db->options.kind == BLT_FIXED) != (db->header.fixed != 0))
    return blt__fail(&db->sink, BLT_E_NOT_BOOKLET, 0,
                     "a booklet with %s values, not with %s ones",
                     db->header.fixed ? "fixed-length" : "variable-length",
                     db->header.fixed ? "variable-length" : "fixed-length");
  return BLT_OK;
}

static void set_up_side_table(blt_db *db)
{
  size_t max = db->options.side_table_max;

  blt__side_init(&db->side, &db->env,
                 max != 0 ? max : BLT_DEFAULT_SIDE_TABLE_MAX, db->writable);
  if (db->options.side_table == BLT_ON ||
      (db->options.side_table != BLT_OFF && !db->image.view.by_read))
    db->image.side = &db->side;
}

static void set_up_image(blt_db *db)
{
  const struct blt__header *h = &db->header;

  blt__geometry_init(&db->image.geo, h->fixed, h->value_len, h->has_timestamps);
  blt__layout_init(&db->image.layout, h->n_buckets, h->index_off, h->first_off);
  blt__links_init(&db->image.links, &db->env);
  blt__links_init(&db->image.tombs, &db->env);
  blt__links_init(&db->image.reveals, &db->env);
  set_up_side_table(db);
}

static void release_image(blt_db *db)
{
  blt__links_release(&db->image.links);
  blt__links_release(&db->image.tombs);
  blt__links_release(&db->image.reveals);
  blt__side_release(&db->side);
}

/* A reader counts for itself what the header does not say. */
static blt_status count_keys(blt_db *db)
{
  struct blt__live_source live;
  struct blt__scanned s;
  uint64_t n = 0;
  blt_status status;

  blt__live_source_init(&live, &db->image, NULL, NULL);
  live.source.rewind(&live.source);
  while ((status = live.source.next(&live.source, &s)) == BLT_OK)
    n += db->image.geo.fixed || !blt__is_reserved_hash(s.head);
  /* Damage is met, and told, when somebody reads there. */
  db->n_keys = n;
  return status == BLT_END || status == BLT_E_CORRUPT ? BLT_OK : status;
}

static blt_status attach_reader(blt_db *db, struct blt__opening *opening,
                                enum blt__condition condition)
{
  db->n_keys = db->header.n_keys;
  if (condition == BLT__CONDITION_CRASHED) {
    blt_status status = blt__recover_overlay(opening);
    db->is_unclean = 1;
    db->n_keys = opening->n_keys;
    db->opened = opening->info;
    return status;
  }
  db->opened.what =
      condition == BLT__CONDITION_FOREIGN && opening->has_checkpoint
          ? BLT_OPENED_FOREIGN
          : BLT_OPENED_CLEAN;
  if (db->header.n_keys != BLT__COUNT_UNCLEAN)
    return BLT_OK;
  db->is_unclean = 1;
  return count_keys(db);
}

static blt_status attach_writer(blt_db *db, struct blt__opening *opening,
                                enum blt__condition condition)
{
  opening->n_keys = db->header.n_keys;
  if (condition != BLT__CONDITION_CLEAN) {
    if (db->options.recover == BLT_OFF && condition == BLT__CONDITION_CRASHED)
      return blt__fail(&db->sink, BLT_E_CORRUPT, BLT_NO_OFFSET,
                       "the file was not closed well, and recovery is "
                       "switched off");
    blt_status status = blt__recover(opening);
    if (status < 0)
      return status;
    db->opened = opening->info;
    if (!opening->has_checkpoint && db->opened.what == BLT_OPENED_FOREIGN)
      db->opened.what = BLT_OPENED_CLEAN;
  }
  db->log.n_keys = (uint32_t)opening->n_keys;
  /* A count that was wrong is put right when the file is closed, and so is a
   * mark of a session without syncs, now that all was checked. */
  int is_unsynced = opening->has_checkpoint &&
                    (opening->checkpoint.flags & BLT__FLAG_OFF) != 0 &&
                    condition == BLT__CONDITION_FOREIGN;
  return db->opened.what != BLT_OPENED_REPAIRED &&
                 db->opened.what != BLT_OPENED_RECOVERED &&
                 (is_unsynced || opening->n_keys != db->header.n_keys)
             ? blt__log_begin(&db->log)
             : BLT_OK;
}

static blt_status attach_image(blt_db *db)
{
  struct blt__opening opening = {.image = &db->image,
                                 .log = db->writable ? &db->log : NULL,
                                 .env = &db->env,
                                 .sink = &db->sink,
                                 .header = &db->header,
                                 .options = &db->options};
  blt_status status =
      read_header(db, &opening.has_checkpoint, &opening.checkpoint);

  if (status < 0)
    return status;
  set_up_image(db);
  enum blt__condition condition =
      blt__condition_of(&opening, db->image.view.size);
  if (!db->writable)
    return attach_reader(db, &opening, condition);
  blt__log_init(&db->log, &db->image, &db->env, &db->sink, db->options.sync);
  memcpy(db->log.header, db->header.bytes, BLT__HEADER_LEN);
  db->log.guarded = db->header.guarded;
  blt__pending_init(&db->pending, &db->env, &db->sink, &db->image.geo,
                    db->side.seed);
  return attach_writer(db, &opening, condition);
}

static void release_all(blt_db *db)
{
  db->is_plain = db->is_quick = 0;
  if (db->writable) {
    blt__pending_release(&db->pending);
    blt__log_release(&db->log);
  }
  release_image(db);
  blt__view_close(&db->image.view);
  memset(&db->log, 0, sizeof db->log);
  memset(&db->pending, 0, sizeof db->pending);
  memset(&db->image, 0, sizeof db->image);
}

blt_status blt__attach(blt_db *db)
{
  struct blt__view_how how = {
      .by_read = !db->in_memory &&
                 (db->options.io == BLT_IO_PREAD ||
                  (db->options.io == BLT_IO_AUTO && db->file->map_unsafe)),
      .guard = !db->in_memory && db->options.sigbus != BLT_OFF,
      .grows = db->writable};
  blt_status status =
      blt__view_open(&db->image.view, db->file, &db->env, &db->sink, &how);

  if (status < 0)
    return status;
  if (db->options.advice == BLT_ADVICE_NONE)
    blt__view_advise(&db->image.view, 0, db->image.view.size, BLT__HINT_NORMAL);
  db->opened = (blt_open_info){.what = BLT_OPENED_CLEAN};
  db->is_unclean = 0;
  db->in_batch = db->skip_reindex = 0;
  db->turns.are_taken = db->writable && db->options.threads != BLT_OFF;
  db->fork_count = blt__fork_count();
  status = blt__view_judge(&db->image.view, attach_image(db));
  if (status == BLT_OK && db->options.side_table == BLT_ON)
    blt__side_build(&db->side, &db->image, blt__committed_count(db));
  if (status < 0)
    release_all(db);
  db->is_plain = status >= 0 && !db->writable;
  db->is_quick = status >= 0 && !db->image.view.by_read;
  return status;
}

blt_status blt__attach_created(blt_db *db)
{
  blt_status status = blt__attach(db);

  if (status == BLT_OK)
    db->opened.what = BLT_OPENED_CREATED;
  return status;
}

static blt_status finish_writing(blt_db *db)
{
  blt_status status = blt__view_judge(&db->image.view, BLT_OK);

  /* What cannot be read now must not be called clean. */
  if (status < 0)
    return status;
  if (db->log.poisoned)
    return blt__fail(&db->sink, BLT_E_POISONED, BLT_NO_OFFSET,
                     "closed after a failed write; the next open for writing "
                     "recovers the file");
  if (db->in_batch)
    blt__pending_clear(&db->pending);
  db->in_batch = 0;
  status = blt__commit(db);
  blt_status closed = blt__log_close(&db->log);
  return status < 0 ? status : closed;
}

blt_status blt__detach(blt_db *db)
{
  int is_copy = db->fork_count != blt__fork_count();
  blt_status status = BLT_OK;

  if (db->writable && !is_copy)
    status = finish_writing(db);
  release_all(db);
  return status;
}

/* ==== api/create.c */

/*
 * create.c - new stores
 */


enum { FILL_LEN = 6 << 14 };

static unsigned serializer_code(uint32_t option)
{
  if (option == BLT_SERIALIZER_DEFAULT)
    return BLT_SERIALIZER_NONE;
  return option == BLT_SERIALIZER_CUSTOM ? 0 : option;
}

/* Version 8: ours to fill. Time first, so that uuids sort by age. */
static void make_uuid(uint8_t *uuid, uint64_t now)
{
  blt__random(uuid, 16);
  for (int i = 0; i < 6; i++)
    uuid[i] = (uint8_t)(now / 1000 >> (40 - 8 * i));
  uuid[6] = (uint8_t)((uuid[6] & 0x0f) | 0x80);
  uuid[8] = (uint8_t)((uuid[8] & 0x3f) | 0x80);
}

static blt_status judge_options__create(const blt_db *db)
{
  const blt_options *o = &db->options;

  if (o->key_serializer > BLT_SERIALIZER_CUSTOM ||
      o->value_serializer > BLT_SERIALIZER_CUSTOM)
    return blt__fail(&db->sink, BLT_E_INVALID, BLT_NO_OFFSET,
                     "a serializer code has two bytes");
  if (o->kind != BLT_FIXED && o->fixed_value_len != 0)
    return blt__fail(&db->sink, BLT_E_INVALID, BLT_NO_OFFSET,
                     "fixed_value_len is for files of kind BLT_FIXED");
  return BLT_OK;
}

static blt_status header_of_other(const blt_db *db, uint8_t *out)
{
  struct blt__header judged;
  uint8_t empty[BLT__HEADER_LEN];

  memcpy(empty, db->options.header, BLT__HEADER_LEN);
  blt__header_empty(empty);
  blt_status status =
      blt__header_decode(&judged, empty, BLT__OFF_MAX, &db->sink);
  if (status < 0)
    return status;
  if (judged.guarded)
    blt__header_set_kind(empty, judged.fixed, 0);
  memcpy(out, empty, BLT__HEADER_LEN);
  return BLT_OK;
}

blt_status blt__new_header(const blt_db *db, uint8_t *out)
{
  const blt_options *o = &db->options;
  uint64_t now = blt__now(&db->env);
  blt_status status = judge_options__create(db);

  if (status < 0)
    return status;
  if (o->header != NULL)
    return header_of_other(db, out);
  struct blt__header_new how = {
      .fixed = o->kind == BLT_FIXED,
      .value_len = o->fixed_value_len,
      .n_buckets = o->n_buckets != 0 ? o->n_buckets : BLT_DEFAULT_BUCKETS,
      .has_timestamps = o->timestamps != BLT_OFF,
      .key_serializer = serializer_code(o->key_serializer),
      .value_serializer = serializer_code(o->value_serializer),
      .file_timestamp = now,
  };
  make_uuid(how.uuid, now);
  blt__header_encode(out, &how);
  return BLT_OK;
}

/* Header and empty index of a new store. */
static void fill_content(struct blt__content *content, const uint8_t *header,
                         uint8_t *fill)
{
  blt__layout_fill(fill, FILL_LEN);
  *content = (struct blt__content){
      .head = {header, BLT__HEADER_LEN},
      .fill = {fill, FILL_LEN},
      .len = BLT__HEADER_LEN +
             (uint64_t)BLT__LINK_LEN * blt__get4(header + BLT__HDR_BUCKETS)};
}

blt_status blt__create_at_path(blt_db *db)
{
  uint8_t header[BLT__HEADER_LEN];
  struct blt__content content;
  blt_status status = blt__new_header(db, header);

  if (status < 0)
    return status;
  uint8_t *fill = blt__alloc(&db->env, FILL_LEN);
  if (fill == NULL)
    return blt__fail_memory(&db->sink);
  fill_content(&content, header, fill);
  struct blt__create_how how = {.durable = db->options.sync != BLT_SYNC_OFF,
                                .network = db->options.network == BLT_ON};
  status = blt__file_create(&db->sink, db->path, &content, &how);
  blt__release(&db->env, fill, FILL_LEN);
  return status;
}

static blt_status write_index(blt_db *db, const struct blt__content *content)
{
  blt_status status = BLT_OK;
  uint64_t off = content->head.len;

  while (off < content->len && status == BLT_OK) {
    struct blt__span piece = content->fill;
    if (piece.len > content->len - off)
      piece.len = (size_t)(content->len - off);
    status = blt__file_write(db->file, &db->sink, off, &piece, 1);
    off += piece.len;
  }
  return status;
}

static blt_status sync_file__create(blt_db *db)
{
  if (db->options.sync == BLT_SYNC_OFF)
    return BLT_OK;
  int error = db->file->ops->sync(db->file);
  return error == 0 ? BLT_OK
                    : blt__fail_errno(&db->sink, -error, BLT_NO_OFFSET,
                                      "sync the file");
}

/* The index before the header, so that a file that is cut short by a crash
 * is no booklet to anybody. */
static blt_status write_content__create(blt_db *db, const struct blt__content *content)
{
  blt_status status = write_index(db, content);

  if (status == BLT_OK)
    status = sync_file__create(db);
  if (status == BLT_OK)
    status = blt__file_write(db->file, &db->sink, 0, &content->head, 1);
  return status == BLT_OK ? sync_file__create(db) : status;
}

blt_status blt__create_in_place(blt_db *db)
{
  uint8_t header[BLT__HEADER_LEN];
  struct blt__content content;
  blt_status status = blt__new_header(db, header);

  if (status < 0)
    return status;
  int error = db->file->ops->set_size(db->file, 0);
  if (error != 0)
    return blt__fail_errno(&db->sink, -error, 0, "empty the file");
  uint8_t *fill = blt__alloc(&db->env, FILL_LEN);
  if (fill == NULL)
    return blt__fail_memory(&db->sink);
  fill_content(&content, header, fill);
  status = write_content__create(db, &content);
  if (status < 0) /* an empty file can be tried again */
    (void)db->file->ops->set_size(db->file, 0);
  blt__release(&db->env, fill, FILL_LEN);
  return status;
}

/* ==== api/examine.h */

/*
 * examine.h - what a damaged store holds
 */
#ifndef BLT_API_EXAMINE_H
#define BLT_API_EXAMINE_H


/* What is known of the file that is repaired. */
struct blt__patient {
  blt_db *db; /* opened raw: neither recovered nor judged                    */
  struct blt__checkpoint checkpoint;
  struct blt__replay replay;
  struct blt__survey survey;
  int has_checkpoint, has_replay, has_survey;
  int guessed; /* the header was of no use; db->header is a new one       */
};

/* Fills all but db, which is given; its image then has the framing and the
 * layout that the survey was made with. The file stays as it is. */
blt_status blt__examine(struct blt__patient *p);

/* Also after an examination that failed. */
void blt__patient_release(struct blt__patient *p);

#endif

/* ==== api/examine.c */

/*
 * examine.c - what a damaged store holds, with or without a header to believe
 *
 * Where the header can be believed it tells how blocks are framed and where
 * they lie. Where it cannot, each framing is tried on the whole file, and the
 * one in which the most blocks prove themselves is taken.
 */



/* ---- a header of no use */

static void set_frame(blt_db *db, int fixed, uint32_t value_len, int times)
{
  blt__geometry_init(&db->image.geo, fixed, value_len, times);
  /* No index: one region from the header to the end. */
  blt__layout_init(&db->image.layout, 1, db->image.view.size, BLT__HEADER_LEN);
}

static blt_status survey_frame(struct blt__patient *p, uint64_t *out_n)
{
  blt_status status = blt__survey(&p->survey, &p->db->image, &p->db->env, NULL,
                                  1, &p->db->options);

  p->has_survey = 1;
  *out_n = p->survey.n_kept;
  return status;
}

static void drop_survey(struct blt__patient *p)
{
  if (p->has_survey)
    blt__survey_release(&p->survey, &p->db->env);
  p->has_survey = 0;
}

struct frame {
  int fixed, times;
  uint32_t value_len;
};

static blt_status guess_frame(struct blt__patient *p, struct frame *best)
{
  blt_db *db = p->db;
  uint32_t value_len = blt__get4(db->image.view.base + 37);
  const struct frame frames[] = {{0, 1, 0}, {0, 0, 0}, {1, 0, value_len}};
  uint64_t most = 0;

  for (size_t i = 0; i < sizeof frames / sizeof *frames; i++) {
    uint64_t n = 0;
    if (frames[i].fixed && value_len > db->image.view.size)
      continue;
    set_frame(db, frames[i].fixed, frames[i].value_len, frames[i].times);
    blt_status status = survey_frame(p, &n);
    drop_survey(p);
    if (status < 0)
      return status;
    if (n > most) {
      most = n;
      *best = frames[i];
    }
  }
  return BLT_OK;
}

/* What the old header still says is kept where it makes sense. */
static void make_header(blt_db *db, const struct frame *frame,
                        const uint8_t *old)
{
  unsigned values = blt__get2(old + 29), keys = blt__get2(old + 31);
  struct blt__header_new how = {
      .fixed = frame->fixed,
      .value_len = frame->value_len,
      .n_buckets = BLT_DEFAULT_BUCKETS,
      .has_timestamps = frame->times,
      .key_serializer =
          blt_serializer_name(keys) != NULL ? keys : BLT_SERIALIZER_NONE,
      .value_serializer =
          blt_serializer_name(values) != NULL ? values : BLT_SERIALIZER_NONE,
      .file_timestamp = blt__now(&db->env),
  };

  memcpy(how.uuid, old + BLT__HDR_UUID, sizeof how.uuid);
  blt__header_encode(db->header.bytes, &how);
  db->header.fixed = frame->fixed;
}

/*
 * A repair in place that had to guess, and was cut short: its header has the
 * framing but no layout (see hide_layout), and what stands behind the end of
 * the old file is an unfinished copy. 1 with the framing, and that end.
 */
static int was_guessed(const uint8_t *header, uint64_t file_len,
                       struct frame *out, uint64_t *out_end)
{
  struct blt__checkpoint checkpoint;
  uint8_t fixed_kind[16];

  if (!blt__checkpoint_decode(header, &checkpoint) ||
      checkpoint.state != BLT__REPAIR || !blt__header_is_kind(header) ||
      blt__get6(header + BLT__HDR_INDEX) != BLT__OFF_MAX ||
      checkpoint.committed < BLT__HEADER_LEN || checkpoint.committed > file_len)
    return 0;
  blt__header_set_kind(fixed_kind, 1, 1);
  out->fixed = memcmp(header, fixed_kind, sizeof fixed_kind) == 0;
  out->value_len = out->fixed ? blt__get4(header + 37) : 0;
  out->times = !out->fixed && header[41] != 0;
  *out_end = checkpoint.committed;
  return 1;
}

static blt_status guess(struct blt__patient *p)
{
  blt_db *db = p->db;
  struct blt__view *view = &db->image.view;
  struct frame frame = {0, 1, 0};
  uint8_t old[BLT__HEADER_LEN];
  const uint8_t *bytes = NULL;
  uint64_t n, end;
  blt_status status = blt__view_at(view, 0, BLT__HEADER_LEN, &bytes);

  if (status < 0)
    return status;
  memcpy(old, bytes, sizeof old);
  status = was_guessed(old, view->size, &frame, &end)
               ? blt__view_look(view, end)
               : guess_frame(p, &frame);
  if (status < 0)
    return status;
  make_header(db, &frame, old);
  set_frame(db, frame.fixed, frame.value_len, frame.times);
  p->guessed = 1;
  return survey_frame(p, &n);
}

/* ---- looking */

void blt__patient_release(struct blt__patient *p)
{
  drop_survey(p);
  if (p->has_replay)
    blt__replay_release(&p->replay);
  p->has_replay = 0;
}

/* With the header's framing and blocks where `layout` says. */
static blt_status survey_layout(struct blt__patient *p,
                                const struct blt__layout *layout)
{
  blt_db *db = p->db;
  blt_status status = BLT_OK;

  blt__patient_release(p);
  db->image.layout = *layout;
  if (p->has_checkpoint && p->checkpoint.state != BLT__CLEAN) {
    status = blt__replay_read(&p->replay, &db->image, &db->env, &p->checkpoint);
    p->has_replay = 1;
  }
  if (status < 0)
    return status;
  p->has_survey = 1;
  return blt__survey(&p->survey, &db->image, &db->env,
                     p->has_replay ? &p->replay : NULL, 0, &db->options);
}

/* The checkpoint's own copy of the layout, where the header has another and
 * it fits the file: 1. booklet may have moved the index since, or a bit of the
 * header may have flipped. */
static int other_layout(const struct blt__patient *p, struct blt__layout *out)
{
  const struct blt__checkpoint *c = &p->checkpoint;
  const struct blt__layout *layout = &p->db->image.layout;
  uint64_t len = p->db->image.view.size;

  if (!p->has_checkpoint || c->n_buckets == 0 ||
      (c->index_off == layout->index_off && c->first_off == layout->first_off &&
       c->n_buckets == layout->n_buckets))
    return 0;
  blt__layout_init(out, c->n_buckets, c->index_off, c->first_off);
  uint64_t index_end = blt__layout_index_end(out);
  int at_front = c->index_off == BLT__HEADER_LEN;
  return c->index_off >= BLT__HEADER_LEN && index_end <= len &&
         c->first_off >= (at_front ? index_end : BLT__HEADER_LEN) &&
         c->first_off <= (at_front ? len : c->index_off);
}

static uint64_t count_kept(const struct blt__patient *p)
{
  return p->survey.n_kept - p->survey.n_hidden;
}

/*
 * Whether the result may be wrong because the header is. With a wrong framing a
 * block proves itself by chance alone, as one in 256 keys of one byte do, and
 * what comes behind it is lost: no more are kept than runs of bytes are lost.
 */
static int is_doubtful(const struct blt__patient *p, uint32_t n_keys)
{
  if (p->has_replay || n_keys == BLT__COUNT_UNCLEAN)
    return p->survey.n_lost > 0 && p->survey.n_lost >= p->survey.n_kept;
  return count_kept(p) != n_keys;
}

/* Whether what was guessed is to be believed: it has to meet the count of keys
 * or, where that is not known, to keep more than the header's `n_kept`. */
static int guess_is_better(const struct blt__patient *p,
                           const struct blt__geometry *told, uint32_t n_keys,
                           uint64_t n_kept)
{
  const struct blt__geometry *geo = &p->db->image.geo;

  if (n_keys != BLT__COUNT_UNCLEAN)
    return count_kept(p) == n_keys;
  return p->survey.n_kept > n_kept &&
         (n_kept == 0 || told->fixed != geo->fixed ||
          told->stride != geo->stride);
}

/* A repair that was cut short has left an unfinished copy behind the old file,
 * unless somebody has written since. */
static blt_status pass_over_copy(const struct blt__patient *p)
{
  const struct blt__checkpoint *c = &p->checkpoint;
  struct blt__image *image = &p->db->image;

  if (!p->has_checkpoint || c->state != BLT__REPAIR ||
      p->db->header.n_keys != BLT__COUNT_UNCLEAN ||
      c->index_off != image->layout.index_off ||
      c->first_off != image->layout.first_off ||
      c->n_buckets != image->layout.n_buckets ||
      c->committed < blt__layout_index_end(&image->layout) ||
      c->committed < c->first_off || c->committed > image->view.size)
    return BLT_OK;
  return blt__view_look(&image->view, c->committed);
}

/* All is where the header says, and as many keys. */
static int is_as_told(const struct blt__patient *p, uint32_t n_keys)
{
  return !p->has_replay && p->survey.n_lost == 0 &&
         p->survey.n_superseded == 0 && count_kept(p) == n_keys;
}

/*
 * A header that can be read may still be wrong: a flipped bit in a flag or an
 * offset hides blocks. The checkpoint knows the layout too; and where the count
 * of keys is not met, the framings are tried, and have to meet it.
 */
static blt_status examine_with_header(struct blt__patient *p)
{
  struct blt__header header = p->db->header;
  struct blt__geometry geo = p->db->image.geo;
  struct blt__layout layout = p->db->image.layout;
  struct blt__layout other;

  p->has_checkpoint = blt__checkpoint_decode(header.bytes, &p->checkpoint);
  blt_status status = pass_over_copy(p);
  if (status == BLT_OK)
    status = survey_layout(p, &layout);
  if (status == BLT_OK && !is_as_told(p, header.n_keys) &&
      other_layout(p, &other)) {
    uint64_t n_kept = p->survey.n_kept;
    status = survey_layout(p, &other);
    if (status == BLT_OK && p->survey.n_kept > n_kept)
      layout = other;
    else if (status == BLT_OK)
      status = survey_layout(p, &layout);
  }
  if (status < 0 || !is_doubtful(p, header.n_keys))
    return status;
  const uint64_t n_kept = p->survey.n_kept;
  blt__patient_release(p);
  if ((status = guess(p)) < 0 ||
      guess_is_better(p, &geo, header.n_keys, n_kept))
    return status;
  p->guessed = 0;
  p->db->header = header;
  p->db->image.geo = geo;
  return survey_layout(p, &layout);
}

blt_status blt__examine(struct blt__patient *p)
{
  blt_db *db = p->db;
  const uint8_t *bytes = NULL;
  struct blt__view_how how = {
      .by_read = db->file->map_unsafe, .guard = 1, .grows = db->writable};
  blt_status status =
      blt__view_open(&db->image.view, db->file, &db->env, &db->sink, &how);

  if (status < 0)
    return status;
  if (db->image.view.size < BLT__HEADER_LEN)
    return blt__fail(&db->sink, BLT_E_NOT_BOOKLET, BLT_NO_OFFSET,
                     "too short to hold anything: %llu bytes",
                     (unsigned long long)db->image.view.size);
  blt__links_init(&db->image.links, &db->env);
  blt__links_init(&db->image.tombs, &db->env);
  blt__links_init(&db->image.reveals, &db->env);
  status = blt__view_at(&db->image.view, 0, BLT__HEADER_LEN, &bytes);
  if (status == BLT_OK)
    status =
        blt__header_decode(&db->header, bytes, db->image.view.size, &db->sink);
  if (status < 0)
    return guess(p);
  blt__geometry_init(&db->image.geo, db->header.fixed, db->header.value_len,
                     db->header.has_timestamps);
  blt__layout_init(&db->image.layout, db->header.n_buckets,
                   db->header.index_off, db->header.first_off);
  return examine_with_header(p);
}

/* ==== api/handle.c */

/*
 * handle.c - entering and leaving a public call
 */

static blt_status judge_handle(const blt_db *db)
{
  if (db == NULL)
    return BLT_E_INVALID;
  if (db->file == NULL || db->image.view.n_windows == 0)
    return blt__fail(&db->sink, BLT_E_INVALID, BLT_NO_OFFSET,
                     "the handle is not open; blt_reopen failed before");
  if (blt__is_forked(db))
    return blt__fail(&db->sink, BLT_E_FORKED, BLT_NO_OFFSET,
                     "the handle was opened for writing before a fork; open "
                     "the file again in the child");
  return BLT_OK;
}

blt_status blt__enter_read_slowly(blt_db *db)
{
  blt_status status = judge_handle(db);

  if (status == BLT_OK)
    blt__turns_read(&db->turns);
  return status;
}

blt_status blt__enter_alone(blt_db *db)
{
  blt_status status = judge_handle(db);

  if (status == BLT_OK)
    blt__turns_write(&db->turns);
  return status;
}

blt_status blt__enter_write(blt_db *db)
{
  blt_status status = judge_handle(db);

  if (status < 0)
    return status;
  if ((status = blt__view_judge(&db->image.view, BLT_OK)) < 0)
    return status;
  if (!db->writable)
    return blt__fail(&db->sink, BLT_E_READ_ONLY, BLT_NO_OFFSET,
                     "the file is open for reading only");
  blt__turns_write(&db->turns);
  if (!db->log.poisoned)
    return BLT_OK;
  blt__turns_end(&db->turns);
  return blt__fail(&db->sink, BLT_E_POISONED, BLT_NO_OFFSET,
                   "an earlier write failed; close the handle and open the "
                   "file again, which recovers it");
}

blt_status blt__leave_slowly(blt_db *db, blt_status status)
{
  blt__turns_end(&db->turns);
  return blt__view_judge(&db->image.view, status);
}

BLT_API const blt_error *blt_last_error(const blt_db *db)
{
  return blt__fail_last(db);
}

/* ==== api/info.c */

/*
 * info.c - what the store is: statistics, header, serializers
 */



BLT_API blt_status blt_stat(blt_db *db, blt_stats *out)
{
  blt_status status = blt__enter_alone(db);

  if (status < 0)
    return status;
  if ((status = blt__get_ready_to_scan(db)) == BLT_OK)
    status = blt__stats_gather(&db->image, out);
  return blt__leave(db, status);
}

BLT_API blt_status blt_stat_sample(blt_db *db, uint32_t n_buckets,
                                   blt_stats *out)
{
  blt_status status = blt__enter_alone(db);

  if (status < 0)
    return status;
  if (n_buckets == 0)
    status = blt__fail(&db->sink, BLT_E_INVALID, BLT_NO_OFFSET,
                       "a sample of no buckets tells nothing");
  else if ((status = blt__get_ready_to_scan(db)) == BLT_OK)
    status =
        blt__stats_sample(&db->image, n_buckets, blt__committed_count(db), out);
  return blt__leave(db, status);
}

static void describe(const blt_db *db, blt_header *out)
{
  const struct blt__header *h = &db->header;
  const uint8_t *bytes = db->writable ? db->log.header : h->bytes;
  struct blt__checkpoint checkpoint;

  *out = (blt_header){
      .kind = h->fixed ? BLT_FIXED : BLT_VARIABLE,
      .version = h->version,
      .n_buckets = db->image.layout.n_buckets,
      .value_len = h->value_len,
      .has_timestamps = h->has_timestamps,
      .key_serializer = h->key_serializer,
      .value_serializer = h->value_serializer,
      .n_keys = blt__get4(bytes + BLT__HDR_COUNT),
      .file_timestamp = blt__get7(bytes + BLT__HDR_TIMESTAMP),
      .index_off = db->image.layout.index_off,
      .first_block_off = db->image.layout.first_off,
      .stored_index_off = blt__get6(bytes + BLT__HDR_INDEX),
      .stored_first_block_off = blt__get6(bytes + BLT__HDR_FIRST),
      .file_len = db->image.view.size,
      .has_checkpoint = blt__checkpoint_decode(bytes, &checkpoint),
  };
  memcpy(out->uuid, bytes + BLT__HDR_UUID, sizeof out->uuid);
  memcpy(out->bytes, bytes, BLT_HEADER_LEN);
}

BLT_API blt_status blt_header_info(blt_db *db, blt_header *out)
{
  blt_status status = blt__enter_read(db);

  if (status < 0)
    return status;
  describe(db, out);
  return blt__leave(db, BLT_OK);
}

BLT_API void blt_key_hash(const void *key, size_t key_len,
                          unsigned char out[BLT_HASH_LEN])
{
  blt__keyhash(key, key_len, out);
}

BLT_API uint64_t blt_compaction_count(const blt_db *db)
{
  return atomic_load(&((blt_db *)(uintptr_t)db)->n_compactions);
}

static const char *const serializer_names[] = {
    "custom",
    "None",
    "str",
    "pickle",
    "json",
    "orjson",
    "uint1",
    "int1",
    "uint2",
    "int2",
    "uint4",
    "int4",
    "uint5",
    "int5",
    "uint8",
    "int8",
    "pickle_zstd",
    "orjson_zstd",
    "numpy_int1",
    "numpy_int2",
    "numpy_int4",
    "numpy_int8",
    "numpy_int2_zstd",
    "numpy_int4_zstd",
    "numpy_int8_zstd",
    "pd_zstd",
    "gpd_zstd",
    "zstd",
    "wkb",
    "wkb_zstd",
    "msgpack",
    "msgpack_zstd",
    "bytes",
};

enum { N_SERIALIZERS = sizeof serializer_names / sizeof *serializer_names };

BLT_API const char *blt_serializer_name(unsigned code)
{
  return code < N_SERIALIZERS ? serializer_names[code] : NULL;
}

BLT_API int blt_serializer_code(const char *name)
{
  if (name != NULL)
    for (int i = 0; i < N_SERIALIZERS; i++)
      if (strcmp(name, serializer_names[i]) == 0)
        return i;
  return -1;
}

/* ==== api/iter.c */

/*
 * iter.c - walking all keys
 *
 * First the blocks of the file, without those that the open batch of the
 * user's replaces or deletes, then the batch's own puts.
 */


/* So many are found ahead: the scan is a loop of its own then. What was asked
 * for comes while the caller works on them; with more the memory would rest. */
enum { MAX_ROWS = 8 };

struct blt_iter {
  blt_db *db;
  unsigned flags;
  uint64_t n_mutations, n_compactions; /* when it was opened                */
  struct blt__scan scan;
  size_t next_entry;  /* of the batch                                        */
  size_t n_entries;   /* what comes later is not given, or it might not end   */
  uint64_t n_batches; /* when it was opened: entries of another are not its */
  int in_batch;       /* the scan is done                  */
  struct blt__row rows[MAX_ROWS];
  size_t at, n_rows; /* rows[at] is the next                                */
};

BLT_API blt_status blt_iter_open(blt_db *db, unsigned flags, blt_iter **out)
{
  blt_status status = blt__enter_alone(db);

  if (status < 0)
    return status;
  status = blt__get_ready_to_scan(db);
  blt_iter *iter = status < 0 ? NULL : blt__alloc(&db->env, sizeof *iter);
  if (status >= 0 && iter == NULL)
    status = blt__fail_memory(&db->sink);
  if (status >= 0) {
    *iter = (struct blt_iter){.db = db,
                              .flags = flags,
                              .n_mutations = atomic_load(&db->n_mutations),
                              .n_compactions = atomic_load(&db->n_compactions)};
    iter->n_entries = db->writable ? db->pending.n_entries : 0;
    iter->n_batches = db->n_batches;
    blt__scan_begin(&iter->scan, &db->image);
    if (db->options.advice != BLT_ADVICE_NONE)
      blt__view_advise(&db->image.view, 0, db->image.view.size,
                       BLT__HINT_SEQUENTIAL);
  }
  status = blt__leave(db, status);
  if (status == BLT_OK)
    *out = iter;
  else if (iter != NULL)
    blt__release(&db->env, iter, sizeof *iter);
  return status;
}

void blt_iter_close(blt_iter *iter)
{
  if (iter == NULL)
    return;
  blt_db *db = iter->db;
  struct blt__view *view = &db->image.view;
  if (blt__enter_read(db) == BLT_OK) {
    if (db->options.advice == BLT_ADVICE_DROP)
      blt__view_advise(view, 0, view->size, BLT__HINT_DROP);
    if (db->options.advice != BLT_ADVICE_NONE)
      blt__view_advise(view, 0, view->size, BLT__HINT_RANDOM);
    (void)blt__leave(db, BLT_OK);
  }
  blt__release(&db->env, iter, sizeof *iter);
}

static inline blt_status judge_changes(const struct blt_iter *iter)
{
  const blt_db *db = iter->db;

  if (atomic_load(&db->n_compactions) != iter->n_compactions)
    return blt__fail(&db->sink,
                     iter->flags & BLT_ITER_TOLERANT ? BLT_E_COMPACTED
                                                     : BLT_E_MUTATED,
                     BLT_NO_OFFSET, "the store was rewritten during iteration");
  if (!(iter->flags & BLT_ITER_TOLERANT) &&
      atomic_load(&db->n_mutations) != iter->n_mutations)
    return blt__fail(&db->sink, BLT_E_MUTATED, BLT_NO_OFFSET,
                     "the store changed during iteration");
  return BLT_OK;
}

/* Fixed files have no hidden keys. */
static int hides(const struct blt_iter *iter)
{
  return !(iter->flags & BLT_ITER_HIDDEN) && !iter->db->image.geo.fixed;
}

static unsigned how_to_run(const struct blt_iter *iter)
{
  return (iter->flags & BLT_ITER_VALUES ? BLT__RUN_VALUES : 0) |
         (hides(iter) ? BLT__RUN_HIDES : 0);
}

/* One block by the plain scan; BLT_OK and no row when it is not wanted. */
static blt_status find_row(struct blt_iter *iter)
{
  struct blt__scanned s;
  blt_status status = blt__scan_next_live(&iter->scan, &s);

  if (status != BLT_OK)
    return status;
  iter->n_rows = !hides(iter) || !blt__is_reserved_hash(s.head);
  iter->rows[0] =
      (struct blt__row){s.block.off, s.block.key_len, s.block.value_len};
  return BLT_OK;
}

/* The open batch has another version of the key, or deletes it. */
static int is_pending(const blt_db *db, const struct blt__row *row)
{
  return blt__pending_find(&db->pending,
                           db->image.view.base + row->off +
                               db->image.geo.key_off,
                           row->key_len) != NULL;
}

static void drop_pending(struct blt_iter *iter)
{
  size_t n = 0;

  for (size_t i = 0; i < iter->n_rows; i++)
    if (!is_pending(iter->db, &iter->rows[i]))
      iter->rows[n++] = iter->rows[i];
  iter->n_rows = n;
}

/* Find rows, if none is wanted among the next blocks perhaps none. They are a
 * look ahead, which is of use only while nothing changes behind it: a tolerant
 * iterator takes one at a time. */
static blt_status find_rows(struct blt_iter *iter)
{
  const blt_db *db = iter->db;
  const size_t max =
      db->writable && iter->flags & BLT_ITER_TOLERANT ? 1 : MAX_ROWS;

  iter->at = 0;
  iter->n_rows = blt__scan_run(&iter->scan, iter->rows, max, how_to_run(iter));
  if (iter->n_rows == 0) {
    blt_status status = find_row(iter);
    if (status != BLT_OK)
      return status;
  }
  if (db->writable && db->pending.n_entries != 0)
    drop_pending(iter);
  return BLT_OK;
}

/* What an item is made with; a copy, for the compiler to keep in registers. */
struct shape {
  const uint8_t *base;
  struct blt__geometry geo;
  unsigned flags;
};

static struct shape shape_of(const struct blt_iter *iter)
{
  return (struct shape){iter->db->image.view.base, iter->db->image.geo,
                        iter->flags};
}

static inline void fill_item(const struct shape *shape,
                             const struct blt__row *row, blt_item *out)
{
  const uint64_t value_off = row->off + shape->geo.key_off + row->key_len;
  const uint8_t *head = shape->base + row->off;

  out->key = (blt_bytes){head + shape->geo.key_off, row->key_len};
  out->value = (blt_bytes){
      shape->flags & BLT_ITER_VALUES ? shape->base + value_off : NULL,
      row->value_len};
  out->timestamp = shape->flags & BLT_ITER_TIMESTAMPS
                       ? blt__block_time(&shape->geo, head)
                       : 0;
  out->value_off = shape->flags & BLT_ITER_OFFSETS ? value_off : 0;
}

/* A value that the plain scan has passed may have to be read first. */
static blt_status read_value(struct blt_iter *iter, const struct blt__row *row)
{
  struct blt__image *image = &iter->db->image;
  const uint8_t *value = NULL;

  return iter->flags & BLT_ITER_VALUES
             ? blt__view_at(&image->view,
                            row->off + image->geo.key_off + row->key_len,
                            row->value_len, &value)
             : BLT_OK;
}

/* Rows that were found ahead. */
static blt_status take_rows(struct blt_iter *iter, blt_item *out, size_t max,
                            size_t *n)
{
  const struct shape shape = shape_of(iter);
  blt_status status = BLT_OK;

  while (*n < max && iter->at < iter->n_rows &&
         (status = read_value(iter, &iter->rows[iter->at])) == BLT_OK)
    fill_item(&shape, &iter->rows[iter->at++], &out[(*n)++]);
  return status;
}

/* Straight from the mapping to the caller. */
static size_t run_to_items(struct blt_iter *iter, blt_item *out, size_t max)
{
  const struct shape shape = shape_of(iter);
  struct blt__run run;
  struct blt__row row;
  size_t n = 0;

  if (!blt__run_begin(&run, &iter->scan, how_to_run(iter)))
    return 0;
  while (n < max && blt__run_next(&run, &row))
    fill_item(&shape, &row, &out[n++]);
  blt__run_end(&run, &iter->scan);
  return n;
}

/* Not where blocks of the file are hidden by what the batch has. */
static int is_direct(const struct blt_iter *iter, size_t max)
{
  const blt_db *db = iter->db;

  return max >= MAX_ROWS && iter->at == iter->n_rows &&
         (!db->writable || db->pending.n_entries == 0);
}

/* The next items of the file: as many as are asked for, or fewer. */
static blt_status next_blocks(struct blt_iter *iter, blt_item *out, size_t max,
                              size_t *out_n)
{
  size_t n = is_direct(iter, max) ? run_to_items(iter, out, max) : 0;
  blt_status status = BLT_OK;

  while (n < max && status == BLT_OK) {
    if (iter->at == iter->n_rows)
      status = find_rows(iter);
    if (status == BLT_OK)
      status = take_rows(iter, out, max, &n);
  }
  *out_n = n;
  return status;
}

static blt_status next_entry(struct blt_iter *iter, blt_item *out)
{
  const struct blt__pending *pending = &iter->db->pending;

  while (iter->n_batches == iter->db->n_batches &&
         iter->next_entry < iter->n_entries &&
         iter->next_entry < pending->n_entries) {
    const struct blt__entry *entry = &pending->entries[iter->next_entry++];
    if (entry->kind != BLT__ENTRY_PUT ||
        (entry->hidden && !(iter->flags & BLT_ITER_HIDDEN)))
      continue;
    *out = (blt_item){.key = {blt__entry_key(pending, entry), entry->key_len},
                      .value = {iter->flags & BLT_ITER_VALUES
                                    ? blt__entry_value(pending, entry)
                                    : NULL,
                                entry->value_len},
                      .timestamp =
                          iter->flags & BLT_ITER_TIMESTAMPS ? entry->time : 0,
                      .value_off = BLT_NO_OFFSET};
    return BLT_OK;
  }
  return BLT_END;
}

/* From the file, then from the batch. */
static inline blt_status next_items(struct blt_iter *iter, blt_item *out,
                                    size_t max, size_t *out_n)
{
  blt_db *db = iter->db;
  size_t n = 0;
  blt_status status = BLT_OK;

  if (!iter->in_batch) {
    status = next_blocks(iter, out, max, &n);
    iter->in_batch = status == BLT_END;
  }
  while (iter->in_batch && n < max &&
         (status = db->writable ? next_entry(iter, &out[n]) : BLT_END) ==
             BLT_OK)
    n++;
  *out_n = n;
  return status;
}

BLT_API blt_status blt_iter_next_many(blt_iter *iter, blt_item *out_items,
                                      size_t n_items, size_t *out_count)
{
  blt_db *db = iter->db;
  size_t n = 0;
  blt_status status = blt__enter_read(db);

  if (status < 0)
    return status;
  if ((status = judge_changes(iter)) == BLT_OK)
    status = next_items(iter, out_items, n_items, &n);
  status = blt__leave(db, n > 0 ? BLT_OK : status); /* it comes again        */
  *out_count = status == BLT_OK ? n : 0;
  return status;
}

BLT_API blt_status blt_iter_next(blt_iter *iter, blt_item *out_item)
{
  size_t n;

  return blt_iter_next_many(iter, out_item, 1, &n);
}

/* ==== api/maintain.c */

/*
 * maintain.c - prune, reindex, clear and verify
 */



/* ---- rewrites */

/* Everything is in the file, and the file is marked as being written. */
static blt_status get_ready(blt_db *db)
{
  blt_status status = blt__commit(db);

  if (status < 0 || (status = blt__log_begin(&db->log)) < 0)
    return status;
  return blt__flatten_first(db);
}

static blt_status rewrite(blt_db *db, struct blt__live_source *live,
                          struct blt__rewrite *how)
{
  how->state = BLT__DIRTY;
  how->drop_pages = db->options.advice == BLT_ADVICE_DROP;
  how->progress = db->options.progress;
  how->progress_ctx = db->options.progress_ctx;
  blt_status status = blt__rewrite(&db->log, &live->source, how);
  if (status == BLT_OK) {
    atomic_fetch_add(&db->n_mutations, 1);
    atomic_fetch_add(&db->n_compactions, 1);
    db->skip_reindex = 0;
  }
  return status;
}

blt_status blt__grow_index(blt_db *db, uint32_t n_buckets)
{
  struct blt__live_source live;
  struct blt__rewrite how = {.n_buckets = n_buckets, .phase = "reindex"};
  blt_status status = blt__log_begin(&db->log);

  if (status < 0 || (status = blt__flatten_first(db)) < 0)
    return status;
  blt__live_source_init(&live, &db->image, NULL, NULL);
  return rewrite(db, &live, &how);
}

static blt_status judge_no_batch(const blt_db *db)
{
  if (!db->in_batch)
    return BLT_OK;
  return blt__fail(&db->sink, BLT_E_BUSY, BLT_NO_OFFSET,
                   "commit or abort the batch first");
}

static blt_status reindex(blt_db *db, uint32_t n_buckets)
{
  blt_status status = judge_no_batch(db);

  if (status < 0 || (status = blt__commit(db)) < 0)
    return status;
  if (n_buckets == 0)
    n_buckets = blt__layout_buckets_for(db->log.n_keys);
  if (n_buckets == db->image.layout.n_buckets)
    return BLT_OK;
  return blt__grow_index(db, n_buckets);
}

BLT_API blt_status blt_reindex(blt_db *db, uint32_t n_buckets)
{
  blt_status status = blt__enter_write(db);

  return status < 0 ? status : blt__leave(db, reindex(db, n_buckets));
}

/* ---- prune */

struct prune {
  const struct blt__geometry *geo;
  uint64_t older_than;
  const uint8_t *keep; /* hashes, sorted                                    */
  size_t n_keep;
};

static int compare_hashes(const void *a, const void *b)
{
  return memcmp(a, b, BLT__HASH_LEN);
}

static int is_wanted(void *ctx, const struct blt__scanned *s)
{
  const struct prune *prune = ctx;

  return blt__block_time(prune->geo, s->head) >= prune->older_than ||
         blt__is_reserved_hash(s->head) ||
         (prune->n_keep > 0 && bsearch(s->head, prune->keep, prune->n_keep,
                                       BLT__HASH_LEN, compare_hashes) != NULL);
}

static uint8_t *hash_keys(const blt_db *db, const blt_bytes *keys, size_t n)
{
  uint8_t *hashes = blt__alloc(&db->env, n * BLT__HASH_LEN);

  if (hashes == NULL)
    return NULL;
  for (size_t i = 0; i < n; i++)
    blt__keyhash(keys[i].data, keys[i].len, hashes + i * BLT__HASH_LEN);
  qsort(hashes, n, BLT__HASH_LEN, compare_hashes);
  return hashes;
}

static blt_status prune(blt_db *db, const blt_prune_options *options,
                        uint64_t *out_dropped)
{
  struct prune what = {.geo = &db->image.geo,
                       .older_than = options->older_than,
                       .n_keep = options->n_keep_keys};
  int by_time = options->older_than != 0;
  struct blt__rewrite how = {
      .n_buckets = options->n_buckets, .slide = 1, .phase = "prune"};
  struct blt__live_source live;
  blt_status status = judge_no_batch(db);

  if (status < 0 || (status = get_ready(db)) < 0)
    return status;
  uint8_t *hashes = hash_keys(db, options->keep_keys, what.n_keep);
  if (hashes == NULL)
    return blt__fail_memory(&db->sink);
  what.keep = hashes;
  if (how.n_buckets == 0 && options->fit_buckets != BLT_ON)
    how.n_buckets = db->image.layout.n_buckets;
  blt__live_source_init(&live, &db->image, by_time ? is_wanted : NULL, &what);
  status = rewrite(db, &live, &how);
  blt__release(&db->env, hashes, what.n_keep * BLT__HASH_LEN);
  if (status < 0)
    return status;
  if (out_dropped != NULL)
    *out_dropped = live.n_dead + live.n_dropped + db->log.n_undone;
  db->log.n_undone = 0;
  return status;
}

BLT_API blt_status blt_prune(blt_db *db, const blt_prune_options *options,
                             uint64_t *out_dropped)
{
  blt_prune_options complete;
  blt_status status = blt__enter_write(db);

  if (status < 0)
    return status;
  memset(&complete, 0, sizeof complete);
  if (options != NULL)
    memcpy(&complete, options,
           options->size != 0 && options->size < sizeof complete
               ? options->size
               : sizeof complete);
  if (complete.older_than != 0 && !blt__geometry_has_time(&db->image.geo))
    return blt__leave(db, blt__fail(&db->sink, BLT_E_UNSUPPORTED, BLT_NO_OFFSET,
                                    "the file has no timestamps to prune by"));
  if (complete.keep_keys == NULL && complete.n_keep_keys != 0)
    return blt__leave(db, blt__fail(&db->sink, BLT_E_INVALID, BLT_NO_OFFSET,
                                    "keep_keys is NULL"));
  return blt__leave(db, prune(db, &complete, out_dropped));
}

BLT_API blt_status blt_auto_reindex(blt_db *db, blt_choice choice)
{
  blt_status status = blt__enter_write(db);

  if (status < 0)
    return status;
  db->options.auto_reindex = choice;
  return blt__leave(db, BLT_OK);
}

/* ---- clear */

static int is_never_wanted(void *ctx, const struct blt__scanned *s)
{
  (void)ctx;
  (void)s;
  return 0;
}

static blt_status clear(blt_db *db)
{
  struct blt__live_source live;
  struct blt__rewrite how = {
      .n_buckets = db->image.layout.n_buckets, .slide = 1, .phase = "clear"};
  blt_status status = judge_no_batch(db);

  if (status < 0)
    return status;
  /* What is put and not committed goes last, when nothing can fail. */
  if ((status = blt__log_begin(&db->log)) < 0 ||
      (status = blt__flatten_first(db)) < 0)
    return status;
  blt__live_source_init(&live, &db->image, is_never_wanted, NULL);
  if ((status = rewrite(db, &live, &how)) < 0)
    return status;
  blt__pending_clear(&db->pending);
  db->log.n_undone = 0;
  return status;
}

BLT_API blt_status blt_clear(blt_db *db)
{
  blt_status status = blt__enter_write(db);

  return status < 0 ? status : blt__leave(db, clear(db));
}

/* ---- verify */

static blt_status verify(blt_db *db, const blt_verify_options *options,
                         blt_verify_report *out)
{
  blt_verify_options complete;
  blt_status status = BLT_OK;

  memset(&complete, 0, sizeof complete);
  if (options != NULL)
    memcpy(&complete, options,
           options->size != 0 && options->size < sizeof complete
               ? options->size
               : sizeof complete);
  if (db->writable && !db->log.poisoned && (status = judge_no_batch(db)) < 0)
    return status;
  if ((status = blt__get_ready_to_scan(db)) < 0)
    return status;
  struct blt__verify v = {.image = &db->image,
                          .env = &db->env,
                          .header =
                              db->writable ? db->log.header : db->header.bytes,
                          .is_unclean = db->is_unclean,
                          .n_keys = blt__committed_count(db),
                          .options = &complete,
                          .progress = db->options.progress,
                          .progress_ctx = db->options.progress_ctx};
  status = blt__verify_image(&v);
  if (out != NULL && (status == BLT_OK || status == BLT_E_CORRUPT))
    *out = v.report;
  return status;
}

BLT_API blt_status blt_verify(blt_db *db, const blt_verify_options *options,
                              blt_verify_report *out)
{
  blt_status status = blt__enter_alone(db);

  return status < 0 ? status : blt__leave(db, verify(db, options, out));
}

/* ==== api/find.h */

/*
 * find.h - what single and many lookups share: where a key's value is
 */
#ifndef BLT_API_FIND_H
#define BLT_API_FIND_H


/* A key to look up or to delete: BLT_OK, or what is known without looking. */
static inline blt_status blt__judge_wanted(const blt_db *db, const void *key,
                                           size_t key_len)
{
  if (key == NULL && key_len != 0)
    return blt__fail(&db->sink, BLT_E_INVALID, BLT_NO_OFFSET,
                     "the key is NULL");
  /* What cannot be stored is not there. */
  if (key_len > BLT__KEY_MAX ||
      (!db->image.geo.fixed && blt__is_reserved_key(key, key_len)))
    return BLT_NOT_FOUND;
  return BLT_OK;
}

/* Where a key's value is: in the write buffer or in the file. */
struct blt__found {
  const struct blt__entry *entry; /* or NULL                                */
  struct blt__hit hit;
};

static inline int blt__has_pending(const blt_db *db)
{
  return db->writable && db->pending.n_entries > 0;
}

/* 1 when the write buffer says what is with the key. */
static inline int blt__find_pending(const blt_db *db, uint64_t cheap,
                                    const void *key, size_t key_len,
                                    struct blt__found *out,
                                    blt_status *out_status)
{
  out->entry = NULL;
  if (!blt__has_pending(db))
    return 0;
  out->entry = blt__pending_find_hashed(&db->pending, cheap, key, key_len);
  if (out->entry == NULL)
    return 0;
  *out_status = out->entry->kind == BLT__ENTRY_PUT ? BLT_OK : BLT_NOT_FOUND;
  return 1;
}

/* A value with no bytes is not a missing one. */
extern const uint8_t blt__no_bytes[1];

static inline blt_bytes blt__value_pending(const blt_db *db,
                                           const struct blt__entry *entry)
{
  return (blt_bytes){blt__entry_value(&db->pending, entry), entry->value_len};
}

static inline blt_status
blt__value_of(blt_db *db, const struct blt__found *place, blt_bytes *out)
{
  const uint8_t *value = NULL;

  if (place->entry != NULL) {
    *out = blt__value_pending(db, place->entry);
    return BLT_OK;
  }
  blt_status status = blt__image_value(&db->image, &place->hit.block, &value);
  if (status == BLT_OK)
    *out = (blt_bytes){value != NULL ? value : blt__no_bytes,
                       place->hit.block.value_len};
  return status;
}

/*
 * By the side table and through the mapping: 1 and the value, 0 when the key is
 * not there, -1 where the plain way has to answer, which judges all that there
 * is to judge.
 */
static inline int blt__find_mapped(const blt_db *db, uint64_t cheap,
                                   const void *key, size_t key_len,
                                   int wants_value, blt_bytes *out)
{
  const uint8_t *value = NULL;
  int found = blt__side_find_quickly(&db->side, &db->image, cheap, key, key_len,
                                     wants_value, &value, &out->len);

  out->data = value;
  return blt__view_is_hit(&db->image.view) ? -1 : found;
}

/* The same behind the write buffer, and -1 also where the file has to be read.
 */
static inline int blt__find_quickly(const blt_db *db, uint64_t cheap,
                                    const void *key, size_t key_len,
                                    int wants_value, blt_bytes *out)
{
  struct blt__found place;
  blt_status status = BLT_OK;

  if (db->image.view.by_read)
    return -1;
  if (blt__find_pending(db, cheap, key, key_len, &place, &status)) {
    if (status == BLT_OK && wants_value)
      *out = blt__value_pending(db, place.entry);
    return status == BLT_OK;
  }
  return blt__find_mapped(db, cheap, key, key_len, wants_value, out);
}

/* Lookups went by chain, which cost so much more: after enough of that the side
 * table is built. */
void blt__count_lookups(blt_db *db, uint64_t cost);

#endif

/* ==== api/many.c */

/*
 * many.c - get and has for many keys in one call
 *
 * Their cache misses overlap, and where BLAKE2s is needed it is made for
 * several keys at once.
 */

/* Some keys of a call, and what is known of each. */
struct some {
  const blt_bytes *keys;
  size_t n;
  struct blt__found places[BLT__MANY_MAX];
  blt_status statuses[BLT__MANY_MAX];
  size_t wanted[BLT__MANY_MAX]; /* those that are to be sought in the file  */
  size_t n_wanted;
};

/* Fewer keys share neither hashes nor misses. */
enum { FEW__many = 8 };

static blt_status find_some_by_chain(blt_db *db, struct some *some,
                                     int wants_value)
{
  struct blt__query queries[BLT__MANY_MAX];

  for (size_t i = 0; i < some->n_wanted; i++) {
    queries[i].key = some->keys[some->wanted[i]].data;
    queries[i].key_len = some->keys[some->wanted[i]].len;
  }
  blt_status status =
      blt__many_find(&db->image, queries, some->n_wanted, wants_value);
  if (status < 0)
    return status;
  for (size_t i = 0; i < some->n_wanted; i++) {
    some->statuses[some->wanted[i]] = queries[i].status;
    some->places[some->wanted[i]].hit = queries[i].hit;
  }
  blt__count_lookups(db, some->n_wanted * (some->n_wanted < FEW__many
                                               ? BLT__SIDE_ALONE
                                               : BLT__SIDE_AMONG_MANY));
  return BLT_OK;
}

/* Look up to BLT__MANY_MAX keys up; a place for each that is there. */
static blt_status find_some(blt_db *db, struct some *some, int wants_value)
{
  int is_hashed = blt__has_pending(db);

  some->n_wanted = 0;
  for (size_t i = 0; i < some->n; i++) {
    const blt_bytes *key = &some->keys[i];
    blt_status status = blt__judge_wanted(db, key->data, key->len);
    if (status < 0)
      return status;
    some->places[i].entry = NULL;
    some->statuses[i] = status;
    if (status != BLT_OK)
      continue;
    uint64_t cheap =
        is_hashed ? blt__cheaphash(db->side.seed, key->data, key->len) : 0;
    if (!blt__find_pending(db, cheap, key->data, key->len, &some->places[i],
                           &some->statuses[i]))
      some->wanted[some->n_wanted++] = i;
  }
  return find_some_by_chain(db, some, wants_value);
}

/* What is wanted of each key: its value, or only whether it is there. */
struct many {
  blt_bytes *values;
  unsigned char *found;
  size_t n_found;
};

static blt_status take_some(blt_db *db, const blt_bytes *keys, size_t n,
                            size_t first, struct many *out)
{
  struct some some;

  some.keys = keys + first;
  some.n = n;
  blt_status status = find_some(db, &some, out->values != NULL);
  for (size_t i = 0; i < n && status >= 0; i++) {
    int is_there = some.statuses[i] == BLT_OK;
    out->n_found += (size_t)is_there;
    if (out->found != NULL)
      out->found[first + i] = (unsigned char)is_there;
    if (out->values == NULL)
      continue;
    out->values[first + i] = (blt_bytes){NULL, 0};
    if (is_there)
      status = blt__value_of(db, &some.places[i], &out->values[first + i]);
  }
  return status;
}

/* ---- the same by the side table */

enum { SIDE_MAX = 64 };

/* Hashes of the keys. A bit of *out_wanted for each that there may be. */
static blt_status hash_by_side(blt_db *db, const blt_bytes *keys, size_t n,
                               uint64_t *out_cheap, uint64_t *out_wanted)
{
  *out_wanted = 0;
  for (size_t i = 0; i < n; i++) {
    blt_status status = blt__judge_wanted(db, keys[i].data, keys[i].len);
    if (status < 0)
      return status;
    if (status != BLT_OK)
      continue;
    *out_wanted |= (uint64_t)1 << i;
    out_cheap[i] = blt__cheaphash(db->side.seed, keys[i].data, keys[i].len);
    blt__side_ask_line(&db->side, out_cheap[i]);
  }
  return BLT_OK;
}

__attribute__((noinline)) static blt_status
take_plainly(blt_db *db, const blt_bytes *key, uint64_t cheap, blt_bytes *out)
{
  struct blt__found place = {.entry = NULL};
  blt_status status = BLT_OK;

  if (!blt__find_pending(db, cheap, key->data, key->len, &place, &status))
    status = blt__side_find(&db->side, &db->image, cheap, key->data, key->len,
                            0, &place.hit);
  return status == BLT_OK ? blt__value_of(db, &place, out) : status;
}

/* What the write buffer has comes first, and a file that is read has to be
 * waited for. */
static inline int is_all_mapped(const blt_db *db)
{
  return !db->image.view.by_read && !blt__has_pending(db);
}

/* `off` is what blt__side_first said. */
static inline blt_status take_one(blt_db *db, const blt_bytes *key,
                                  uint64_t cheap, uint64_t off, blt_bytes *out)
{
  const uint8_t *value = NULL;

  if (!blt__side_is_at(&db->image, off, key->data, key->len, &value,
                       &out->len) ||
      blt__view_is_hit(&db->image.view))
    return take_plainly(db, key, cheap, out);
  out->data = value;
  return BLT_OK;
}

static inline void put_out(struct many *out, size_t i, int is_there,
                           const blt_bytes *value)
{
  out->n_found += (size_t)is_there;
  if (out->found != NULL)
    out->found[i] = (unsigned char)is_there;
  else
    out->values[i] = is_there ? *value : (blt_bytes){NULL, 0};
}

static blt_status take_by_side(blt_db *db, const blt_bytes *keys, size_t n,
                               size_t first, struct many *out)
{
  uint64_t cheap[SIDE_MAX];
  uint64_t off[SIDE_MAX];
  uint64_t wanted;
  const int is_quick = is_all_mapped(db);
  blt_status status = hash_by_side(db, keys + first, n, cheap, &wanted);

  if (status < 0)
    return status;
  for (size_t i = 0; i < n; i++)
    off[i] = wanted >> i & 1
                 ? blt__side_ask_block(&db->side, &db->image, cheap[i],
                                       out->values != NULL)
                 : 0;
  for (size_t i = 0; i < n && status >= 0; i++) {
    const blt_bytes *key = &keys[first + i];
    blt_bytes value;
    status = BLT_NOT_FOUND;
    if (is_quick && off[i] != 0)
      status = take_one(db, key, cheap[i], off[i], &value);
    else if (!is_quick && (wanted >> i & 1))
      status = take_plainly(db, key, cheap[i], &value);
    if (status >= 0)
      put_out(out, first + i, status == BLT_OK, &value);
  }
  return status;
}

static blt_status find_many(blt_db *db, const blt_bytes *keys, size_t n_keys,
                            struct many *out, size_t *out_count)
{
  blt_status status = blt__enter_read(db);
  size_t n = 0;

  if (status < 0)
    return status;
  for (size_t i = 0; i < n_keys && status >= 0; i += n) {
    const int by_side = blt__side_is_ready(db->image.side);
    const size_t most = by_side ? SIDE_MAX : BLT__MANY_MAX;
    n = n_keys - i < most ? n_keys - i : most;
    status = by_side ? take_by_side(db, keys, n, i, out)
                     : take_some(db, keys, n, i, out);
  }
  status = blt__leave(db, status < 0 ? status : BLT_OK);
  if (status == BLT_OK && out_count != NULL)
    *out_count = out->n_found;
  return status;
}

BLT_API blt_status blt_get_many(blt_db *db, const blt_bytes *keys,
                                size_t n_keys, blt_bytes *out_values,
                                size_t *out_count)
{
  struct many many = {.values = out_values};

  return find_many(db, keys, n_keys, &many, out_count);
}

BLT_API blt_status blt_has_many(blt_db *db, const blt_bytes *keys,
                                size_t n_keys, unsigned char *out_found,
                                size_t *out_count)
{
  struct many many = {.found = out_found};

  return find_many(db, keys, n_keys, &many, out_count);
}

/* ==== api/put.h */

/*
 * put.h - put and delete for callers inside the library, on an entered handle
 */
#ifndef BLT_API_PUT_H
#define BLT_API_PUT_H


/* The key is good; value and time are judged. put->time is set here. */
blt_status blt__put(blt_db *db, struct blt__put *put, uint64_t timestamp);

blt_status blt__delete(blt_db *db, const void *key, size_t key_len, int hidden);

#endif

/* ==== api/meta.c */

/*
 * meta.c - timestamps, metadata and slots
 */


/* ---- hidden keys */

static blt_status judge_hidden(const blt_db *db)
{
  if (!db->image.geo.fixed)
    return BLT_OK;
  return blt__fail(&db->sink, BLT_E_UNSUPPORTED, BLT_NO_OFFSET,
                   "files with fixed-length values have no metadata or slots");
}

static blt_status find_hidden(blt_db *db, const struct blt__reserved *reserved,
                              blt_bytes *out, uint64_t *out_time)
{
  struct blt__hit hit;
  const uint8_t *value = NULL;

  if (db->writable) {
    const struct blt__entry *entry =
        blt__pending_find(&db->pending, reserved->key, BLT__RESERVED_KEY_LEN);
    if (entry != NULL && entry->kind != BLT__ENTRY_PUT)
      return BLT_NOT_FOUND;
    if (entry != NULL) {
      *out =
          (blt_bytes){blt__entry_value(&db->pending, entry), entry->value_len};
      *out_time = entry->time;
      return BLT_OK;
    }
  }
  blt_status status = blt__chain_find(&db->image, reserved->hash, reserved->key,
                                      BLT__RESERVED_KEY_LEN, &hit);
  if (status == BLT_OK)
    status = blt__image_value(&db->image, &hit.block, &value);
  if (status == BLT_OK) {
    *out = (blt_bytes){value, hit.block.value_len};
    *out_time = blt__block_time(&db->image.geo, hit.head);
  }
  return status;
}

static blt_status hidden_get(blt_db *db, int which, blt_bytes *out,
                             uint64_t *out_time)
{
  blt_bytes value = {NULL, 0};
  uint64_t time = 0;
  blt_status status = blt__enter_read(db);

  if (status < 0)
    return status;
  if ((status = judge_hidden(db)) == BLT_OK)
    status = find_hidden(db, &blt__reserved_keys[which], &value, &time);
  status = blt__leave(db, status);
  if (status != BLT_OK)
    return status;
  *out = value;
  if (out_time != NULL)
    *out_time = time;
  return BLT_OK;
}

static blt_status hidden_set(blt_db *db, int which, const void *data,
                             size_t len, uint64_t timestamp)
{
  struct blt__put put = {.key = blt__reserved_keys[which].key,
                         .key_len = BLT__RESERVED_KEY_LEN,
                         .value = data,
                         .value_len = len,
                         .hidden = 1};
  blt_status status = blt__enter_write(db);

  if (status < 0)
    return status;
  if ((status = judge_hidden(db)) == BLT_OK)
    status = blt__put(db, &put, timestamp);
  return blt__leave(db, status);
}

static blt_status hidden_delete(blt_db *db, int which)
{
  blt_status status = blt__enter_write(db);

  if (status < 0)
    return status;
  if ((status = judge_hidden(db)) == BLT_OK)
    status = blt__delete(db, blt__reserved_keys[which].key,
                         BLT__RESERVED_KEY_LEN, 1);
  return blt__leave(db, status);
}

BLT_API blt_status blt_metadata_get(blt_db *db, blt_bytes *out,
                                    uint64_t *out_timestamp)
{
  return hidden_get(db, 0, out, out_timestamp);
}

BLT_API blt_status blt_metadata_set(blt_db *db, const void *data, size_t len,
                                    uint64_t timestamp)
{
  return hidden_set(db, 0, data, len, timestamp);
}

BLT_API blt_status blt_metadata_delete(blt_db *db)
{
  return hidden_delete(db, 0);
}

static blt_status judge_slot(const blt_db *db, int slot)
{
  if (db != NULL && slot >= 1 && slot < BLT__N_RESERVED)
    return BLT_OK;
  if (db == NULL)
    return BLT_E_INVALID;
  return blt__fail(&db->sink, BLT_E_INVALID, BLT_NO_OFFSET,
                   "there are slots 1 and 2, not %d", slot);
}

BLT_API blt_status blt_slot_get(blt_db *db, int slot, blt_bytes *out,
                                uint64_t *out_timestamp)
{
  blt_status status = judge_slot(db, slot);

  return status < 0 ? status : hidden_get(db, slot, out, out_timestamp);
}

BLT_API blt_status blt_slot_set(blt_db *db, int slot, const void *data,
                                size_t len, uint64_t timestamp)
{
  blt_status status = judge_slot(db, slot);

  return status < 0 ? status : hidden_set(db, slot, data, len, timestamp);
}

BLT_API blt_status blt_slot_delete(blt_db *db, int slot)
{
  blt_status status = judge_slot(db, slot);

  return status < 0 ? status : hidden_delete(db, slot);
}

/* ---- timestamps */

/*
 * Seven bytes in place. The hash of a record that recovery still has to look
 * at stands behind the times of its blocks, so such a block is first made an
 * ordinary one: its links are brought into the file, durably.
 */
static blt_status set_time_in_file(blt_db *db, uint64_t block_off,
                                   uint64_t time)
{
  uint8_t bytes[BLT__TIMESTAMP_LEN];
  struct blt__log *log = &db->log;
  blt_status status = blt__log_begin(log);

  if (status == BLT_OK &&
      (block_off >= log->group.start || log->links_unsynced))
    status = blt__flatten_first(db);
  if (status < 0)
    return status;
  log->times_unsynced = 1;
  blt__put7(bytes, time);
  return blt__view_write(&db->image.view, block_off + db->image.geo.time_off,
                         &(struct blt__span){bytes, sizeof bytes}, 1);
}

static blt_status set_time(blt_db *db, const void *key, size_t key_len,
                           uint64_t time)
{
  uint8_t hash[BLT__HASH_LEN];
  struct blt__hit hit;
  struct blt__entry *entry = blt__pending_find(&db->pending, key, key_len);

  if (entry != NULL) {
    if (entry->kind != BLT__ENTRY_PUT)
      return BLT_NOT_FOUND;
    entry->time = time;
    return BLT_OK;
  }
  blt__keyhash(key, key_len, hash);
  blt_status status = blt__chain_find(&db->image, hash, key, key_len, &hit);
  return status == BLT_OK ? set_time_in_file(db, hit.block.off, time) : status;
}

static blt_status judge_time(const blt_db *db, uint64_t *timestamp)
{
  if (*timestamp == BLT_NOW)
    *timestamp = blt__now(&db->env);
  if (*timestamp <= BLT__TIMESTAMP_MAX)
    return BLT_OK;
  return blt__fail(&db->sink, BLT_E_TOO_BIG, BLT_NO_OFFSET,
                   "the timestamp does not fit seven bytes");
}

BLT_API blt_status blt_timestamp_set(blt_db *db, const void *key,
                                     size_t key_len, uint64_t timestamp)
{
  blt_status status = blt__enter_write(db);

  if (status < 0)
    return status;
  if (!blt__geometry_has_time(&db->image.geo))
    status = blt__fail(&db->sink, BLT_E_UNSUPPORTED, BLT_NO_OFFSET,
                       "the file has no timestamps");
  else if (key == NULL && key_len != 0)
    status =
        blt__fail(&db->sink, BLT_E_INVALID, BLT_NO_OFFSET, "the key is NULL");
  else if (key_len > BLT__KEY_MAX || blt__is_reserved_key(key, key_len))
    status = BLT_NOT_FOUND;
  else if ((status = judge_time(db, &timestamp)) == BLT_OK)
    status = set_time(db, key, key_len, timestamp);
  return blt__leave(db, status);
}

BLT_API blt_status blt_file_timestamp_get(blt_db *db, uint64_t *out)
{
  blt_status status = blt__enter_read(db);

  if (status < 0)
    return status;
  *out = blt__get7((db->writable ? db->log.header : db->header.bytes) +
                   BLT__HDR_TIMESTAMP);
  return blt__leave(db, BLT_OK);
}

BLT_API blt_status blt_file_timestamp_set(blt_db *db, uint64_t timestamp)
{
  blt_status status = blt__enter_write(db);

  if (status < 0)
    return status;
  struct blt__log *log = &db->log;
  if ((status = judge_time(db, &timestamp)) == BLT_OK &&
      (status = blt__log_begin(log)) == BLT_OK) {
    uint64_t before = blt__get7(log->header + BLT__HDR_TIMESTAMP);
    log->times_unsynced = 1;
    blt__put7(log->header + BLT__HDR_TIMESTAMP, timestamp);
    status = blt__log_put_header(log, BLT__DIRTY, log->from, log->end);
    if (status < 0)
      blt__put7(log->header + BLT__HDR_TIMESTAMP, before);
  }
  return blt__leave(db, status);
}

/* ==== api/open.c */

/*
 * open.c - opening, closing, and opening again
 */



enum { MAX_ATTEMPTS = 100 };

/* ---- the handle itself */

static blt_status judge_options__open(const blt_options *o,
                                const struct blt__sink *sink)
{
  if (o->mode > BLT_NEW || o->kind > BLT_FIXED || o->sync > BLT_SYNC_OFF ||
      o->lock > BLT_LOCK_NONE || o->io > BLT_IO_PREAD ||
      o->advice > BLT_ADVICE_DROP)
    return blt__fail(sink, BLT_E_INVALID, BLT_NO_OFFSET,
                     "an option has a value that does not exist");
  if (o->allocator != NULL &&
      (o->allocator->alloc == NULL || o->allocator->resize == NULL ||
       o->allocator->release == NULL))
    return blt__fail(sink, BLT_E_INVALID, BLT_NO_OFFSET,
                     "an allocator needs all three functions");
  return BLT_OK;
}

/* The caller may know an older, shorter struct. */
static void complete_options(blt_options *to, const blt_options *from)
{
  memset(to, 0, sizeof *to);
  if (from != NULL) {
    size_t size =
        from->size != 0 && from->size < sizeof *to ? from->size : sizeof *to;
    memcpy(to, from, size);
  }
  to->size = sizeof *to;
  if (to->buffer_len == 0)
    to->buffer_len = BLT_DEFAULT_BUFFER_LEN;
}

static char *copy_path(const struct blt__env *env, const char *path)
{
  size_t len = strlen(path) + 1;
  char *copy = blt__alloc(env, len);

  if (copy != NULL)
    memcpy(copy, path, len);
  return copy;
}

static void free_handle(blt_db *db)
{
  struct blt__env env = db->env;

  if (db->path != NULL)
    blt__release(&env, db->path, strlen(db->path) + 1);
  blt__turns_release(&db->turns);
  blt__release(&env, db, sizeof *db);
}

static blt_status make_handle(const char *path, const blt_options *options,
                              blt_db **out)
{
  blt_options complete;
  struct blt__env env;
  struct blt__sink sink = {.owner = NULL, .file = path != NULL ? path : ""};

  complete_options(&complete, options);
  blt_status status = judge_options__open(&complete, &sink);
  if (status < 0)
    return status;
  blt__env_init(&env, &complete);
  blt_db *db = blt__alloc(&env, sizeof *db);
  if (db == NULL)
    return blt__fail_memory(&sink);
  memset(db, 0, sizeof *db);
  db->env = env;
  db->options = complete;
  db->fd = -1;
  db->writable = complete.mode != BLT_READ;
  blt__turns_init(&db->turns);
  if (path != NULL && (db->path = copy_path(&env, path)) == NULL) {
    free_handle(db);
    return blt__fail_memory(&sink);
  }
  db->sink.file = db->path != NULL ? db->path : "";
  *out = db;
  return BLT_OK;
}

/* ---- file and lock */

static void close_file(blt_db *db)
{
  if (db->file == NULL)
    return;
  if (db->fork_count == blt__fork_count()) {
    /* The caller or a forked child may keep the descriptor, not the lock. */
    if (db->locked)
      (void)db->file->ops->unlock(db->file);
    if (db->registered)
      blt__lock_leave(&db->id, db->exclusive);
  }
  db->file->ops->close(db->file);
  db->file = NULL;
  db->locked = db->registered = 0;
}

static blt_status take_lock(blt_db *db)
{
  int64_t timeout = db->options.lock == BLT_LOCK_TIMEOUT
                        ? (int64_t)db->options.lock_timeout_ms
                        : -1;

  db->exclusive = db->writable;
  db->fork_count = blt__fork_count();
  if (db->options.lock == BLT_LOCK_NONE)
    return BLT_OK;
  if (blt__file_identify(db->file, &db->id) == 0) {
    blt_status status =
        blt__lock_enter(&db->env, &db->sink, &db->id, db->exclusive);
    if (status < 0)
      return status;
    db->registered = 1;
    db->fork_count = blt__fork_count();
  }
  blt_status status =
      blt__lock_take(db->file, &db->sink, db->exclusive, timeout);
  db->locked = status == BLT_OK;
  return status;
}

static blt_status open_file(blt_db *db)
{
  struct blt__posix_open how = {.path = db->path,
                                .fd = db->fd,
                                .close_fd = db->options.close_fd == BLT_ON,
                                .writable = db->writable,
                                .network = db->options.network == BLT_ON};
  blt_status status = blt__file_open(&db->env, &db->sink, &how, &db->file);

  if (status < 0)
    return status;
  if ((status = take_lock(db)) < 0)
    close_file(db);
  return status;
}

/* While we waited for the lock, the name may have gone to another file. */
static blt_status open_file_at_path(blt_db *db)
{
  for (int attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    blt_status status = open_file(db);
    if (status < 0 || db->path == NULL)
      return status;
    int is_at = blt__file_is_at(db->file, db->path);
    if (is_at == 1)
      return BLT_OK;
    close_file(db);
    if (is_at < 0)
      return blt__fail_errno(&db->sink, -is_at, BLT_NO_OFFSET,
                             "look at the file");
  }
  return blt__fail(&db->sink, BLT_E_LOCKED, BLT_NO_OFFSET,
                   "the file is replaced again and again; try later");
}

static blt_status open_or_create(blt_db *db, int *out_is_new)
{
  blt_mode mode = db->options.mode;
  int may_create = db->path != NULL && mode >= BLT_CREATE;

  *out_is_new = 0;
  for (int attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    blt_status status = BLT_E_NO_FILE;
    if (!*out_is_new && may_create && mode == BLT_CREATE &&
        db->options.exclusive == BLT_ON) {
      if ((status = blt__create_at_path(db)) < 0)
        return status;
      *out_is_new = 1;
    }
    status = open_file_at_path(db);
    if (status != BLT_E_NO_FILE || !may_create)
      return status;
    status = blt__create_at_path(db);
    if (status < 0 && status != BLT_E_EXISTS)
      return status;
    *out_is_new = status == BLT_OK;
  }
  return blt__fail(&db->sink, BLT_E_IO, BLT_NO_OFFSET,
                   "the file comes and goes; try later");
}

/* ---- from file to store */

/* NEW empties what is there, in place: a store, or what a killed NEW left of
 * one. Anything else is somebody's and stays. */
static blt_status empty_store(blt_db *db)
{
  static const uint8_t nothing[16];
  uint8_t kind[16];
  blt_status status = blt__file_read(db->file, &db->sink, 0, kind, sizeof kind);

  if (status == BLT_OK && memcmp(kind, nothing, sizeof kind) != 0 &&
      !blt__header_is_kind(kind))
    status = BLT_E_TRUNCATED;
  if (status == BLT_E_TRUNCATED)
    return blt__fail(&db->sink, BLT_E_NOT_BOOKLET, BLT_NO_OFFSET,
                     "not a booklet file, so it is not emptied; remove it "
                     "first");
  return status < 0 ? status : blt__create_in_place(db);
}

static blt_status ask_if_empty(blt_db *db, int *out)
{
  uint64_t size = 1;
  int error = db->file->ops->size(db->file, &size);

  *out = size == 0;
  return error == 0 ? BLT_OK
                    : blt__fail_errno(&db->sink, -error, BLT_NO_OFFSET,
                                      "ask for the size");
}

static blt_status attach_any(blt_db *db, int is_new)
{
  blt_mode mode = db->options.mode;
  int is_empty = 0;
  blt_status status = ask_if_empty(db, &is_empty);

  if (status < 0)
    return status;
  if (mode >= BLT_CREATE && is_empty)
    status = blt__create_in_place(db);
  else if (mode == BLT_NEW && !is_new)
    status = empty_store(db);
  else
    return is_new ? blt__attach_created(db) : blt__attach(db);
  return status < 0 ? status : blt__attach_created(db);
}

/* A reader cannot mend a file that a killed writer left. A writer for a
 * moment can, where the system permits. */
static blt_status mend_first(blt_db *db)
{
  uint8_t header[BLT__HEADER_LEN];
  struct blt__checkpoint checkpoint;
  blt_options options = db->options;
  blt_db *writer;

  if (db->options.mode != BLT_READ || db->options.recover == BLT_OFF ||
      db->path == NULL || db->options.lock == BLT_LOCK_NONE ||
      db->file->ops->read_at(db->file, 0, header, sizeof header) !=
          (int64_t)sizeof header ||
      !blt__checkpoint_decode(header, &checkpoint) ||
      checkpoint.state == BLT__CLEAN)
    return BLT_OK;
  close_file(db);
  options.mode = BLT_WRITE;
  options.kind = BLT_ANY;
  blt_open_info opened = {.what = BLT_OPENED_CLEAN};
  blt_status status = blt_open(db->path, &options, &writer);
  if (status == BLT_OK) {
    opened = writer->opened;
    status = blt_close(writer);
  }
  /* Not permitted, or it failed: then it is read as it is. */
  if (status == BLT_E_LOCKED)
    return status;
  status = open_file_at_path(db);
  db->opened = opened;
  return status;
}

static blt_status attach_opened(blt_db *db, int is_new)
{
  blt_status status = mend_first(db);

  if (status < 0)
    return status;
  blt_open_info mended = db->opened;
  status = attach_any(db, is_new);
  /* Who asked for a file that was not there wants none that is of no use. It
   * goes while we have its lock, and only if it is still ours. */
  if (status < 0 && is_new && db->options.exclusive == BLT_ON &&
      blt__file_is_at(db->file, db->path) == 1)
    blt__file_remove(db->path);
  if (status < 0)
    close_file(db);
  else if (mended.what == BLT_OPENED_RECOVERED ||
           mended.what == BLT_OPENED_REPAIRED)
    db->opened = mended;
  return status;
}

static blt_status open_store(blt_db *db)
{
  int is_new = 0;
  blt_status status = open_or_create(db, &is_new);

  if (status == BLT_OK)
    status = attach_opened(db, is_new);
  return status;
}

static blt_status finish_open(blt_db *db, blt_status status, blt_db **out)
{
  if (status < 0) {
    free_handle(db);
    return status;
  }
  db->sink.owner = db;
  *out = db;
  return BLT_OK;
}

BLT_API blt_status blt_open(const char *path, const blt_options *options,
                            blt_db **out)
{
  blt_db *db = NULL;

  if (out == NULL)
    return BLT_E_INVALID;
  *out = NULL;
  if (path == NULL)
    return blt__fail(&(struct blt__sink){NULL, ""}, BLT_E_INVALID,
                     BLT_NO_OFFSET, "the path is NULL");
  blt_status status = make_handle(path, options, &db);
  return status < 0 ? status : finish_open(db, open_store(db), out);
}

blt_status blt__open_raw(const char *path, const blt_options *options,
                         blt_db **out)
{
  blt_db *db = NULL;
  blt_status status =
      path == NULL ? blt__fail(&(struct blt__sink){NULL, ""}, BLT_E_INVALID,
                               BLT_NO_OFFSET, "the path is NULL")
                   : make_handle(path, options, &db);

  *out = NULL;
  if (status == BLT_OK && (status = open_file_at_path(db)) < 0)
    free_handle(db);
  if (status == BLT_OK)
    *out = db;
  return status;
}

void blt__close_raw(blt_db *db)
{
  blt__links_release(&db->image.links);
  blt__links_release(&db->image.tombs);
  blt__links_release(&db->image.reveals);
  blt__view_close(&db->image.view);
  close_file(db);
  free_handle(db);
}

BLT_API blt_status blt_open_fd(int fd, const blt_options *options, blt_db **out)
{
  blt_db *db = NULL;

  if (out == NULL)
    return BLT_E_INVALID;
  *out = NULL;
  blt_status status = make_handle(NULL, options, &db);
  if (status < 0)
    return status;
  db->fd = fd;
  return finish_open(db, open_store(db), out);
}

/* From a file that is there already, without a lock. */
static blt_status open_given(blt_db *db, struct blt__file *file)
{
  db->file = file;
  db->fork_count = blt__fork_count();
  blt_status status = attach_any(db, 0);
  if (status < 0)
    close_file(db);
  return status;
}

blt_status blt__open_file(struct blt__file *file, const blt_options *options,
                          blt_db **out)
{
  blt_db *db = NULL;
  blt_status status = make_handle(NULL, options, &db);

  *out = NULL;
  if (status < 0) {
    file->ops->close(file);
    return status;
  }
  return finish_open(db, open_given(db, file), out);
}

static blt_status open_memory(blt_db *db, const void *image, size_t len)
{
  struct blt__file *file = NULL;

  db->in_memory = 1;
  if (db->options.mode == BLT_NEW)
    len = 0;
  blt_status status = blt__file_memory(&db->env, &db->sink, image, len, &file);
  return status < 0 ? status : open_given(db, file);
}

BLT_API blt_status blt_open_memory(const void *image, size_t image_len,
                                   const blt_options *options, blt_db **out)
{
  blt_db *db = NULL;

  if (out == NULL || (image == NULL && image_len != 0))
    return BLT_E_INVALID;
  *out = NULL;
  blt_status status = make_handle(NULL, options, &db);
  if (status < 0)
    return status;
  return finish_open(db, open_memory(db, image, image_len), out);
}

BLT_API blt_status blt_memory_image(blt_db *db, blt_bytes *out)
{
  blt_status status = blt__enter_alone(db);

  if (status < 0)
    return status;
  if (!db->in_memory)
    status = blt__fail(&db->sink, BLT_E_UNSUPPORTED, BLT_NO_OFFSET,
                       "the store is a file; read that");
  else if (db->writable && !db->log.poisoned &&
           (db->in_batch || (status = blt__commit(db)) == BLT_OK))
    status = blt__log_rest(&db->log);
  if (status == BLT_OK)
    *out = (blt_bytes){db->image.view.base, (size_t)db->image.view.size};
  return blt__leave(db, status);
}

BLT_API blt_status blt_close(blt_db *db)
{
  blt_status status = BLT_OK;

  if (db == NULL)
    return BLT_OK;
  if (db->file != NULL) {
    status = blt__detach(db);
    close_file(db);
  }
  if (status < 0)
    blt__fail_disown();
  free_handle(db);
  return status;
}

BLT_API blt_status blt_reopen(blt_db *db, blt_mode mode)
{
  blt_status status = blt__enter_alone(db);

  if (status < 0)
    return status;
  if (db->in_batch)
    status = blt__fail(&db->sink, BLT_E_BUSY, BLT_NO_OFFSET,
                       "commit or abort the batch first");
  else if (db->path == NULL && !db->in_memory)
    status = blt__fail(&db->sink, BLT_E_UNSUPPORTED, BLT_NO_OFFSET,
                       "a store that was opened by descriptor cannot be "
                       "opened again");
  else if (mode != BLT_READ && mode != BLT_WRITE)
    status = blt__fail(&db->sink, BLT_E_INVALID, BLT_NO_OFFSET,
                       "reopen for BLT_READ or BLT_WRITE");
  if ((status = blt__leave(db, status)) < 0)
    return status;
  atomic_fetch_add(&db->n_mutations, 1);
  atomic_fetch_add(&db->n_compactions, 1);
  status = blt__detach(db);
  db->options.mode = mode;
  db->writable = mode == BLT_WRITE;
  if (!db->in_memory)
    close_file(db);
  blt_status opened = db->in_memory ? blt__attach(db) : open_store(db);
  return status < 0 ? status : opened;
}

BLT_API blt_status blt_open_report(blt_db *db, blt_open_info *out)
{
  blt_status status = blt__enter_read(db);

  if (status < 0)
    return status;
  *out = db->opened;
  return blt__leave(db, BLT_OK);
}

/* ==== api/read.c */

/*
 * read.c - get, has and count
 */



const uint8_t blt__no_bytes[1];

void blt__count_lookups(blt_db *db, uint64_t cost)
{
  uint64_t n_keys = blt__committed_count(db);

  if (db->image.side != NULL && blt__side_pays(&db->side, cost, n_keys))
    blt__side_build(&db->side, &db->image, n_keys);
}

static blt_status find_by_chain(blt_db *db, const void *key, size_t key_len,
                                struct blt__found *out)
{
  uint8_t hash[BLT__HASH_LEN];

  blt__count_lookups(db, BLT__SIDE_ALONE);
  blt__keyhash(key, key_len, hash);
  return blt__chain_find(&db->image, hash, key, key_len, &out->hit);
}

static inline blt_status find(blt_db *db, const void *key, size_t key_len,
                              int wants_value, struct blt__found *out)
{
  blt_status status = BLT_OK;
  int by_side = blt__side_is_ready(db->image.side);
  uint64_t cheap = by_side || blt__has_pending(db)
                       ? blt__cheaphash(db->side.seed, key, key_len)
                       : 0;

  if (blt__find_pending(db, cheap, key, key_len, out, &status))
    return status;
  if (by_side)
    return blt__side_find(&db->side, &db->image, cheap, key, key_len,
                          wants_value, &out->hit);
  return find_by_chain(db, key, key_len, out);
}

static inline blt_status find_value(blt_db *db, const void *key, size_t key_len,
                                    int wants_value, blt_bytes *out)
{
  struct blt__found place;

  if (blt__side_is_ready(db->image.side)) {
    int found =
        blt__find_quickly(db, blt__cheaphash(db->side.seed, key, key_len), key,
                          key_len, wants_value, out);
    if (found >= 0)
      return found ? BLT_OK : BLT_NOT_FOUND;
  }
  blt_status status = find(db, key, key_len, wants_value, &place);
  return status == BLT_OK && wants_value ? blt__value_of(db, &place, out)
                                         : status;
}

/* Nothing has to be locked or judged before it is looked for: through a reader,
 * or where there is no other thread. */
static inline int is_quick(const blt_db *db, const void *key, size_t key_len)
{
  return db != NULL && db->is_quick && key != NULL &&
         key_len != BLT__RESERVED_KEY_LEN && key_len <= BLT__KEY_MAX &&
         blt__side_is_ready(&db->side) &&
         (db->is_plain ||
          (blt__turns_are_mine(&db->turns) && !blt__is_forked(db)));
}

static inline int get_quickly(const blt_db *db, const void *key, size_t key_len,
                              blt_bytes *out)
{
  return !is_quick(db, key, key_len)
             ? -1
             : blt__find_quickly(db,
                                 blt__cheaphash(db->side.seed, key, key_len),
                                 key, key_len, 1, out);
}

static inline int has_quickly(const blt_db *db, const void *key, size_t key_len)
{
  blt_bytes value;

  if (!is_quick(db, key, key_len))
    return -1;
  const uint64_t cheap = blt__cheaphash(db->side.seed, key, key_len);
  if (!blt__side_can_tell(&db->side, key_len))
    return blt__find_quickly(db, cheap, key, key_len, 0, &value);
  blt__side_ask_keys(&db->side, cheap);
  const int found = blt__side_has(&db->side, cheap, key, key_len);
  return blt__view_is_hit(&db->image.view) ? -1 : found;
}

/* What a quick lookup leaves. Not inlined: it would make the quick one's frame
 * larger. */
__attribute__((noinline)) static blt_status
get(blt_db *db, const void *key, size_t key_len, blt_bytes *out_value)
{
  blt_bytes value = {NULL, 0};
  blt_status status = blt__enter_read(db);

  if (status < 0)
    return status;
  if ((status = blt__judge_wanted(db, key, key_len)) == BLT_OK)
    status = find_value(db, key, key_len, 1, &value);
  status = blt__leave(db, status);
  if (status == BLT_OK)
    *out_value = value;
  return status;
}

BLT_API blt_status blt_get(blt_db *db, const void *key, size_t key_len,
                           blt_bytes *out_value)
{
  blt_bytes value;
  int found = get_quickly(db, key, key_len, &value);

  if (found < 0)
    return get(db, key, key_len, out_value);
  if (found == 0)
    return BLT_NOT_FOUND;
  *out_value = value;
  return BLT_OK;
}

BLT_API blt_status blt_get_into(blt_db *db, const void *key, size_t key_len,
                                void *buf, size_t capacity, size_t *out_len)
{
  blt_bytes value = {NULL, 0};
  blt_status status = blt__enter_read(db);

  if (status < 0)
    return status;
  if ((status = blt__judge_wanted(db, key, key_len)) == BLT_OK &&
      (status = find_value(db, key, key_len, 1, &value)) == BLT_OK) {
    *out_len = value.len;
    if (value.len > capacity)
      status = blt__fail(&db->sink, BLT_E_TOO_BIG, BLT_NO_OFFSET,
                         "the value has %zu bytes, the buffer %zu", value.len,
                         capacity);
    else if (value.len > 0)
      memcpy(buf, value.data, value.len);
  }
  return blt__leave(db, status);
}

__attribute__((noinline)) static blt_status has(blt_db *db, const void *key,
                                                size_t key_len)
{
  blt_bytes value;
  blt_status status = blt__enter_read(db);

  if (status < 0)
    return status;
  if ((status = blt__judge_wanted(db, key, key_len)) == BLT_OK)
    status = find_value(db, key, key_len, 0, &value);
  return blt__leave(db, status);
}

BLT_API blt_status blt_has(blt_db *db, const void *key, size_t key_len)
{
  int found = has_quickly(db, key, key_len);

  if (found < 0)
    return has(db, key, key_len);
  return found ? BLT_OK : BLT_NOT_FOUND;
}

/* Whether a put is new or a replacement is known when it is looked up. */
static blt_status count_pending(blt_db *db, uint64_t *out)
{
  blt_status status = blt__pending_resolve(&db->pending, &db->image);

  if (status == BLT_OK)
    *out = (uint64_t)((int64_t)db->log.n_keys +
                      blt__pending_count_change(&db->pending));
  return status;
}

BLT_API blt_status blt_count(blt_db *db, uint64_t *out_count)
{
  uint64_t count = 0;
  blt_status status = blt__enter_alone(db);

  if (status < 0)
    return status;
  if (db->writable)
    status = count_pending(db, &count);
  else
    count = db->n_keys;
  status = blt__leave(db, status);
  if (status == BLT_OK)
    *out_count = count;
  return status;
}

BLT_API blt_status blt_timestamp_get(blt_db *db, const void *key,
                                     size_t key_len, uint64_t *out)
{
  struct blt__found place;
  uint64_t time = 0;
  blt_status status = blt__enter_read(db);

  if (status < 0)
    return status;
  if (!blt__geometry_has_time(&db->image.geo))
    status = blt__fail(&db->sink, BLT_E_UNSUPPORTED, BLT_NO_OFFSET,
                       "the file has no timestamps");
  else if ((status = blt__judge_wanted(db, key, key_len)) == BLT_OK &&
           (status = find(db, key, key_len, 0, &place)) == BLT_OK)
    time = place.entry != NULL
               ? place.entry->time
               : blt__block_time(&db->image.geo, place.hit.head);
  status = blt__leave(db, status);
  if (status == BLT_OK)
    *out = time;
  return status;
}

/* ==== api/repair.c */

/*
 * repair.c - rebuilding a damaged store, in place or into a new file
 */


static void fill_report(const struct blt__patient *p, blt_repair_report *out)
{
  const struct blt__survey *s = &p->survey;

  *out = (blt_repair_report){.n_kept = s->n_kept,
                             .n_superseded = s->n_superseded,
                             .n_deleted = s->n_deleted,
                             .n_uncommitted = s->n_uncommitted,
                             .n_lost = s->n_lost,
                             .lost_len = s->lost_len,
                             .first_lost =
                                 s->n_lost != 0 ? s->first_lost : BLT_NO_OFFSET,
                             .header_guessed = p->guessed};
}

/* ---- in place */

/* Until the copy is whole nobody may open the file by the new header: its
 * layout is that of no file. The switch puts the true one there. (booklet is
 * kept away by the kind.) */
static void hide_layout(struct blt__log *log)
{
  blt__put6(log->header + BLT__HDR_INDEX, BLT__OFF_MAX);
}

static blt_status repair_in_place(struct blt__patient *p)
{
  blt_db *db = p->db;
  struct blt__log *log = &db->log;

  blt__log_init(log, &db->image, &db->env, &db->sink, BLT_SYNC_BATCH);
  memcpy(log->header, db->header.bytes, BLT__HEADER_LEN);
  log->guarded = p->guessed || db->header.guarded;
  if (p->guessed) {
    db->image.layout.n_buckets = blt__layout_buckets_for(p->survey.n_kept);
    hide_layout(log);
  }
  blt_status status =
      blt__repair(log, &p->survey, p->has_checkpoint ? &p->checkpoint : NULL,
                  &db->options, 1);
  if (status == BLT_OK)
    status = blt__log_close(log);
  blt__log_release(log);
  return status;
}

/* ---- into a new file */

static blt_status copy_block(struct blt__patient *p, blt_db *to,
                             const struct blt__scanned *s)
{
  const struct blt__geometry *geo = &p->db->image.geo;
  const uint8_t *value = NULL;
  blt_status status = blt__image_value(&p->db->image, &s->block, &value);
  struct blt__put put = {.key = s->head + geo->key_off,
                         .key_len = s->block.key_len,
                         .value = value,
                         .value_len = s->block.value_len,
                         .hidden =
                             !geo->fixed && blt__is_reserved_hash(s->head)};

  if (status < 0 || (status = blt__enter_write(to)) < 0)
    return status;
  return blt__leave(to, blt__put(to, &put, blt__block_time(geo, s->head)));
}

/* How far the copy is in the damaged file, of which it takes what is whole. */
static blt_status tell_copied(const struct blt__patient *p, uint64_t off)
{
  const blt_options *o = &p->db->options;

  if (o->progress == NULL ||
      o->progress(o->progress_ctx, "repair", off, p->db->image.view.size) == 0)
    return BLT_OK;
  return blt__fail(&p->db->sink, BLT_E_CANCELLED, BLT_NO_OFFSET,
                   "the repair was cancelled; no file is made");
}

static blt_status copy_all(struct blt__patient *p, const char *path)
{
  enum { PROGRESS_LEN__repair = 1 << 20 };
  blt_options options = p->db->options;
  struct blt__scanned s;
  uint64_t told = 0;
  blt_db *to = NULL;
  blt_status status;

  options.mode = BLT_CREATE;
  options.exclusive = BLT_ON;
  options.header = p->db->header.bytes;
  options.progress = NULL;
  options.lock = BLT_LOCK_WAIT;
  if ((status = blt_open(path, &options, &to)) < 0)
    return status;
  for (size_t i = 0; status >= 0; i++) {
    status = blt__survey_at(&p->survey, &p->db->image, i, &s);
    if (status != BLT_OK)
      break;
    status = copy_block(p, to, &s);
    if (status >= 0 && s.block.off - told >= PROGRESS_LEN__repair)
      status = tell_copied(p, told = s.block.off);
  }
  blt_status closed = blt_close(to);
  if (status < 0 || closed < 0)
    return status < 0 ? status : closed;
  return tell_copied(p, p->db->image.view.size);
}

/* Under a name that nobody else knows until it is whole. */
static blt_status repair_into(struct blt__patient *p, const char *output)
{
  const struct blt__sink sink = {.owner = NULL, .file = output};
  size_t len = strlen(output) + sizeof ".tmp.0123456789abcdef";
  char *temporary = blt__alloc(&p->db->env, len);
  uint64_t chance;

  if (temporary == NULL)
    return blt__fail_memory(&sink);
  blt__random(&chance, sizeof chance);
  snprintf(temporary, len, "%s.tmp.%016llx", output,
           (unsigned long long)chance);
  blt_status status = copy_all(p, temporary);
  if (status == BLT_OK)
    status = blt__file_publish(&sink, temporary, output);
  else
    blt__file_remove(temporary);
  blt__release(&p->db->env, temporary, len);
  return status;
}

/* ---- the whole */

static blt_status treat(struct blt__patient *p,
                        const blt_repair_options *options,
                        blt_repair_report *report)
{
  blt_status status = blt__examine(p);

  if (status < 0)
    return status;
  if (report != NULL)
    fill_report(p, report);
  if (p->survey.n_kept == 0 && (p->guessed || p->survey.n_lost > 0))
    return blt__fail(&p->db->sink, BLT_E_CORRUPT, BLT_NO_OFFSET,
                     "no block can be read; nothing was changed");
  if (options->dry_run)
    return BLT_OK;
  return options->output != NULL ? repair_into(p, options->output)
                                 : repair_in_place(p);
}

BLT_API blt_status blt_repair(const char *path,
                              const blt_repair_options *options,
                              blt_repair_report *report)
{
  blt_repair_options o;
  struct blt__patient patient = {.db = NULL};

  memset(&o, 0, sizeof o);
  if (options != NULL)
    memcpy(&o, options,
           options->size != 0 && options->size < sizeof o ? options->size
                                                          : sizeof o);
  blt_options open = {.size = sizeof open,
                      .mode =
                          o.output == NULL && !o.dry_run ? BLT_WRITE : BLT_READ,
                      .lock = o.lock,
                      .lock_timeout_ms = o.lock_timeout_ms,
                      .allocator = o.allocator,
                      .progress = o.progress,
                      .progress_ctx = o.progress_ctx,
                      .network = o.network};
  blt_status status = blt__open_raw(path, &open, &patient.db);
  if (status < 0)
    return status;
  status =
      blt__view_judge(&patient.db->image.view, treat(&patient, &o, report));
  blt__patient_release(&patient);
  blt__close_raw(patient.db);
  return status;
}

/* ==== api/write.c */

/*
 * write.c - put, delete, batches and commits
 */



/* ---- commits */

blt_status blt__flatten_first(blt_db *db)
{
  blt_status status = blt__log_flatten(&db->log);

  if (status != BLT_E_COMMITTED)
    return status;
  return blt__fail_upgrade(&db->sink, BLT_E_POISONED,
                           "nothing was done; what was committed before is "
                           "safe; close and open the file again");
}

/* More keys than buckets: the index grows. That it finds no space, or is
 * cancelled, is no failure of the commit. */
static blt_status grow_if_crowded(blt_db *db)
{
  if (db->options.auto_reindex == BLT_OFF || db->skip_reindex ||
      db->log.n_keys <= db->image.layout.n_buckets)
    return BLT_OK;
  blt_status status = blt__grow_index(db, 0);
  if (status == BLT_OK)
    return BLT_OK;
  if (db->log.poisoned && db->log.durable < db->log.end)
    return status; /* the sync before it failed: the commit is in doubt     */
  if (db->log.poisoned)
    return blt__fail_upgrade(&db->sink, BLT_E_COMMITTED,
                             "the commit is in the file, but the index could "
                             "not grow; close and open the file again");
  db->skip_reindex = 1;
  return BLT_OK;
}

/* The store is small beside the batch, which would crowd its index: now there
 * is less to copy than afterwards. */
static int is_time_to_grow(const blt_db *db, uint64_t n_new)
{
  return db->log.n_keys + n_new > db->image.layout.n_buckets &&
         db->log.n_keys <= n_new / 4;
}

static blt_status grow_beforehand(blt_db *db)
{
  struct blt__pending *pending = &db->pending;

  if (db->options.auto_reindex == BLT_OFF || db->skip_reindex ||
      !is_time_to_grow(db, pending->n_entries))
    return BLT_OK;
  blt_status status = blt__pending_resolve(pending, &db->image);
  if (status < 0)
    return status;
  int64_t change = blt__pending_count_change(pending);
  if (change <= 0 || !is_time_to_grow(db, (uint64_t)change))
    return BLT_OK;
  status = blt__grow_index(
      db, blt__layout_buckets_for(db->log.n_keys + (uint64_t)change));
  blt__pending_forget_places(pending);
  if (status == BLT_OK)
    return BLT_OK;
  if (db->log.poisoned)
    return status != BLT_E_COMMITTED
               ? status
               : blt__fail_upgrade(&db->sink, BLT_E_POISONED,
                                   "the index could not grow and the commit "
                                   "did not happen; what was committed before "
                                   "is safe; close and open the file again");
  db->skip_reindex = 1;
  return BLT_OK;
}

blt_status blt__commit(blt_db *db)
{
  blt_status status;

  if (db->pending.n_entries == 0)
    return BLT_OK;
  if ((status = grow_beforehand(db)) < 0 ||
      (status = blt__log_commit(&db->log, &db->pending)) < 0 ||
      (status = blt__log_settle(&db->log)) < 0)
    return status;
  return grow_if_crowded(db);
}

blt_status blt__get_ready_to_scan(blt_db *db)
{
  if (!db->writable)
    return BLT_OK;
  blt_status status =
      db->in_batch || db->log.poisoned ? BLT_OK : blt__commit(db);
  return status < 0 ? status : blt__log_show_tombs(&db->log);
}

/*
 * The implicit batch ends when the buffer is full. The file then ends at a
 * multiple of the buffer's length, or a little before: writes that begin and
 * end there get large pages from the file system.
 */
static size_t room_in_batch(const blt_db *db)
{
  size_t room = db->options.buffer_len;
  uint64_t end = db->log.in_session ? db->log.end : db->image.view.size;
  uint64_t used = end % room;

  return room - used > room / 4 ? (size_t)(room - used) : room;
}

/* So many entries, and the blocks that they meet, stay in the cache from the
 * lookup to the commit. Where each commit is synced, fewer of them count more.
 */
enum { ENTRIES_MAX = 2048 };

static int is_full(const blt_db *db)
{
  return (db->pending.n_entries >= ENTRIES_MAX &&
          db->options.sync != BLT_SYNC_FULL) ||
         blt__pending_len(&db->pending) + db->pending.keys.len >=
             room_in_batch(db);
}

static blt_status commit_if_full(blt_db *db)
{
  if (db->in_batch || !is_full(db))
    return BLT_OK;
  return blt__commit(db);
}

/* ---- put */

static blt_status judge_key(const blt_db *db, const void *key, size_t key_len)
{
  if (key == NULL && key_len != 0)
    return blt__fail(&db->sink, BLT_E_INVALID, BLT_NO_OFFSET,
                     "the key is NULL");
  if (key_len > BLT__KEY_MAX)
    return blt__fail(&db->sink, BLT_E_TOO_BIG, BLT_NO_OFFSET,
                     "the key is %zu bytes, the limit is %d", key_len,
                     BLT__KEY_MAX);
  if (!db->image.geo.fixed && blt__is_reserved_key(key, key_len))
    return blt__fail(&db->sink, BLT_E_INVALID, BLT_NO_OFFSET,
                     "the key is one that booklet keeps for itself");
  return BLT_OK;
}

static blt_status judge_value(const blt_db *db, const void *value,
                              size_t value_len)
{
  const struct blt__geometry *geo = &db->image.geo;

  if (value == NULL && value_len != 0)
    return blt__fail(&db->sink, BLT_E_INVALID, BLT_NO_OFFSET,
                     "the value is NULL");
  if (value_len > BLT__VALUE_MAX)
    return blt__fail(&db->sink, BLT_E_TOO_BIG, BLT_NO_OFFSET,
                     "the value is %zu bytes, the limit is %lu", value_len,
                     (unsigned long)BLT__VALUE_MAX);
  if (geo->fixed && value_len != geo->value_len)
    return blt__fail(&db->sink, BLT_E_INVALID, BLT_NO_OFFSET,
                     "the value is %zu bytes, the file's values have %lu",
                     value_len, (unsigned long)geo->value_len);
  return BLT_OK;
}

/* A value that would not fit the buffer is written from where it lies. */
static blt_status put_outside(blt_db *db, struct blt__put *put)
{
  blt_status status = blt__commit(db);

  put->leave_value = 1;
  if (status == BLT_OK)
    status = blt__pending_put(&db->pending, put);
  if (status == BLT_OK && (status = blt__commit(db)) < 0)
    blt__pending_clear(&db->pending);
  return status;
}

static blt_status put_alone(blt_db *db, struct blt__put *put)
{
  if (!blt__pending_owns(&db->pending, put->key))
    return put_outside(db, put);
  /* The commit before empties the buffer that the key was lent from. */
  size_t key_len = put->key_len;
  uint8_t *copy = blt__alloc(&db->env, key_len);
  if (copy == NULL)
    return blt__fail_memory(&db->sink);
  memcpy(copy, put->key, key_len);
  put->key = copy;
  blt_status status = put_outside(db, put);
  blt__release(&db->env, copy, key_len);
  return status;
}

blt_status blt__put(blt_db *db, struct blt__put *put, uint64_t timestamp)
{
  blt_status status = judge_value(db, put->value, put->value_len);

  if (status < 0)
    return status;
  if (timestamp != BLT_NOW && timestamp > BLT__TIMESTAMP_MAX)
    return blt__fail(&db->sink, BLT_E_TOO_BIG, BLT_NO_OFFSET,
                     "the timestamp does not fit seven bytes");
  if (blt__geometry_has_time(&db->image.geo))
    put->time = timestamp == BLT_NOW ? blt__now(&db->env) : timestamp;
  atomic_fetch_add_explicit(&db->n_mutations, 1, memory_order_relaxed);
  if (!db->in_batch && put->value_len >= db->options.buffer_len)
    return put_alone(db, put);
  if ((status = blt__pending_put(&db->pending, put)) < 0)
    return status;
  return commit_if_full(db);
}

BLT_API blt_status blt_put_at(blt_db *db, const void *key, size_t key_len,
                              const void *value, size_t value_len,
                              uint64_t timestamp)
{
  struct blt__put put = {
      .key = key, .key_len = key_len, .value = value, .value_len = value_len};
  blt_status status = blt__enter_write(db);

  if (status < 0)
    return status;
  if ((status = judge_key(db, key, key_len)) == BLT_OK)
    status = blt__put(db, &put, timestamp);
  return blt__leave(db, status);
}

BLT_API blt_status blt_put(blt_db *db, const void *key, size_t key_len,
                           const void *value, size_t value_len)
{
  return blt_put_at(db, key, key_len, value, value_len, BLT_NOW);
}

BLT_API blt_status blt_put_many(blt_db *db, const blt_item *items,
                                size_t n_items)
{
  blt_status status = blt__enter_write(db);

  if (status < 0)
    return status;
  uint64_t now = blt__now(&db->env);
  for (size_t i = 0; i < n_items && status == BLT_OK; i++) {
    struct blt__put put = {.key = items[i].key.data,
                           .key_len = items[i].key.len,
                           .value = items[i].value.data,
                           .value_len = items[i].value.len};
    if ((status = judge_key(db, put.key, put.key_len)) == BLT_OK)
      status = blt__put(
          db, &put, items[i].timestamp == BLT_NOW ? now : items[i].timestamp);
  }
  return blt__leave(db, status);
}

/* ---- delete */

static blt_status delete_key(blt_db *db, const void *key, size_t key_len,
                             int hidden, const struct blt__query *known)
{
  blt_status status = blt__pending_delete(&db->pending, &db->image, key,
                                          key_len, hidden, known);

  if (status == BLT_OK)
    atomic_fetch_add_explicit(&db->n_mutations, 1, memory_order_relaxed);
  return status;
}

blt_status blt__delete(blt_db *db, const void *key, size_t key_len, int hidden)
{
  blt_status status = delete_key(db, key, key_len, hidden, NULL);

  return status == BLT_OK ? commit_if_full(db) : status;
}

BLT_API blt_status blt_delete(blt_db *db, const void *key, size_t key_len)
{
  blt_status status = blt__enter_write(db);

  if (status < 0)
    return status;
  if ((status = blt__judge_wanted(db, key, key_len)) == BLT_OK)
    status = blt__delete(db, key, key_len, 0);
  return blt__leave(db, status);
}

/* Look the keys up together, then delete one after the other. A commit moves
 * blocks, so it comes behind the last. */
static blt_status delete_some(blt_db *db, const blt_bytes *keys, size_t n,
                              size_t *n_found)
{
  struct blt__query queries[BLT__MANY_MAX];
  size_t n_wanted = 0;
  blt_status judged = BLT_OK;

  for (size_t i = 0; i < n && judged >= 0; i++) {
    judged = blt__judge_wanted(db, keys[i].data, keys[i].len);
    if (judged == BLT_OK)
      queries[n_wanted++] =
          (struct blt__query){.key = keys[i].data, .key_len = keys[i].len};
  }
  /* One by one where the side table answers at once and needs no hash; and
   * where there is damage: up to it. */
  int together = !blt__side_is_ready(db->image.side) &&
                 blt__many_find(&db->image, queries, n_wanted, 0) == BLT_OK;
  blt_status status = BLT_OK;
  for (size_t i = 0; i < n_wanted && status >= 0; i++) {
    status = delete_key(db, queries[i].key, queries[i].key_len, 0,
                        together ? &queries[i] : NULL);
    *n_found += status == BLT_OK;
  }
  if (status >= 0)
    status = commit_if_full(db);
  return status < 0 ? status : judged < 0 ? judged : BLT_OK;
}

BLT_API blt_status blt_delete_many(blt_db *db, const blt_bytes *keys,
                                   size_t n_keys, size_t *out_count)
{
  size_t n_found = 0;
  size_t n;
  blt_status status = blt__enter_write(db);

  if (status < 0)
    return status;
  for (size_t i = 0; i < n_keys && status >= 0; i += n) {
    n = n_keys - i < BLT__MANY_MAX ? n_keys - i : BLT__MANY_MAX;
    status = delete_some(db, keys + i, n, &n_found);
  }
  status = blt__leave(db, status);
  if (status == BLT_OK && out_count != NULL)
    *out_count = n_found;
  return status;
}

/* ---- sync and batches */

static blt_status fail_in_batch(const blt_db *db)
{
  return blt__fail(&db->sink, BLT_E_BUSY, BLT_NO_OFFSET,
                   "commit or abort the batch first");
}

BLT_API blt_status blt_sync(blt_db *db)
{
  blt_status status = blt__enter_write(db);

  if (status < 0)
    return status;
  if (db->in_batch)
    status = fail_in_batch(db);
  else if ((status = blt__commit(db)) == BLT_OK)
    status = blt__log_sync(&db->log);
  return blt__leave(db, status);
}

BLT_API blt_status blt_checkpoint(blt_db *db)
{
  blt_status status = blt__enter_write(db);

  if (status < 0)
    return status;
  if (db->in_batch)
    status = fail_in_batch(db);
  else if ((status = blt__commit(db)) == BLT_OK &&
           (status = blt__view_judge(&db->image.view, BLT_OK)) == BLT_OK)
    status = blt__log_rest(&db->log);
  return blt__leave(db, status);
}

BLT_API blt_status blt_batch_begin(blt_db *db)
{
  blt_status status = blt__enter_write(db);

  if (status < 0)
    return status;
  if (db->in_batch)
    status = fail_in_batch(db);
  else if ((status = blt__commit(db)) == BLT_OK)
    db->in_batch = 1;
  return blt__leave(db, status);
}

static blt_status fail_no_batch(const blt_db *db)
{
  return blt__fail(&db->sink, BLT_E_INVALID, BLT_NO_OFFSET,
                   "there is no batch; blt_batch_begin comes first");
}

/* What is put from now on is not what an iterator met in the batch. */
static void end_batch(blt_db *db)
{
  db->in_batch = 0;
  db->n_batches++;
}

BLT_API blt_status blt_batch_commit(blt_db *db)
{
  blt_status status = blt__enter_write(db);

  if (status < 0)
    return status;
  if (!db->in_batch)
    return blt__leave(db, fail_no_batch(db));
  /* An iterator that was opened in the batch would lose its puts. */
  if (db->pending.n_entries > 0)
    atomic_fetch_add(&db->n_mutations, 1);
  status = blt__commit(db);
  if (status == BLT_OK || db->log.poisoned)
    end_batch(db);
  return blt__leave(db, status);
}

BLT_API blt_status blt_batch_abort(blt_db *db)
{
  blt_status status = blt__enter_write(db);

  if (status < 0)
    return status;
  if (!db->in_batch)
    return blt__leave(db, fail_no_batch(db));
  blt__pending_clear(&db->pending);
  end_batch(db);
  atomic_fetch_add(&db->n_mutations, 1);
  return blt__leave(db, BLT_OK);
}
