/*
 * fail.c - where every error is born
 *
 * The record belongs to the thread, so that two threads that fail on one
 * handle do not write over each other's sentence, and so that an error of
 * blt_open has a home before there is a handle.
 */
#include "base/fail.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

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

blt_status blt__fail_null(const char *what)
{
  return blt__fail(&(struct blt__sink){NULL, ""}, BLT_E_INVALID, BLT_NO_OFFSET,
                   "the %s is NULL", what);
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
