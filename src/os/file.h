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

#include <stddef.h>
#include <stdint.h>

#include "base/env.h"
#include "base/fail.h"

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
