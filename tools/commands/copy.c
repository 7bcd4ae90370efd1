/* copy.c - a snapshot of a file, while nobody can write to it */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "commands.h"
#include "newfile.h"
#include "out.h"
#include "putting.h"
#include "report.h"
#include "store.h"
#include "units.h"

enum { PIECE = 1 << 22, PROGRESS_STEP = 256 };
/* Where the header has the number of buckets: docs/format.md. */
enum { BUCKETS_AT = 21, BUCKETS_LEN = 4 };

struct copying {
  const struct args *args;
  struct store store;
  struct newfile new;
  int from, to; /* descriptors, or -1                                       */
  uint64_t len;
  bool is_clone, can_range; /* copy_file_range works between the two        */
};

static int failed(const struct copying *copying, const char *file)
{
  return report_errno(copying->args, file, errno);
}

static int stopped(const struct copying *copying)
{
  return report_error(copying->args, EXIT_INTERRUPTED, "cancelled",
                      copying->args->words[1], "interrupted; it is not made");
}

/* ---- byte by byte */

/* Should the name have passed to another file since we opened the store, the
 * lock is on that one now too. */
static int open_both(struct copying *copying)
{
  const char *source = copying->store.file;
  const char *target = copying->new.temporary.data;
  struct stat facts;
  copying->from = open(source, O_RDONLY | O_CLOEXEC);
  if (copying->from < 0 || fstat(copying->from, &facts) < 0)
    return failed(copying, source);
  if (flock(copying->from, LOCK_SH | LOCK_NB) < 0)
    return report_error(copying->args, EXIT_LOCKED, "locked", source,
                        "was replaced meanwhile, and is locked; try again");
  copying->len = (uint64_t)facts.st_size;
  copying->to = open(target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
                     facts.st_mode & 0777);
  return copying->to < 0 ? failed(copying, copying->args->words[1]) : EXIT_DONE;
}

static int clone(struct copying *copying)
{
  const struct args *args = copying->args;
  if (args->reflink == WHEN_NEVER)
    return EXIT_DONE;
  copying->is_clone = ioctl(copying->to, FICLONE, copying->from) == 0;
  if (copying->is_clone || args->reflink == WHEN_AUTO)
    return EXIT_DONE;
  return report_error(args, EXIT_SYSTEM, "unsupported", args->words[1],
                      "the file system does not share blocks between the two "
                      "files (%s); leave out --reflink=always",
                      strerror(errno));
}

static bool is_no_range(int error)
{
  return error == EXDEV || error == EINVAL || error == ENOSYS ||
         error == EOPNOTSUPP;
}

static ssize_t write_all(int fd, const char *bytes, size_t len)
{
  for (size_t done = 0; done < len;) {
    const ssize_t n = write(fd, bytes + done, len - done);
    if (n < 0 && errno != EINTR)
      return -1;
    done += n > 0 ? (size_t)n : 0;
  }
  return (ssize_t)len;
}

/* Bytes that were copied, 0 at the end, -1 with errno. */
static ssize_t copy_piece(struct copying *copying, char *buffer)
{
  ssize_t n = -1;
  if (copying->can_range) {
    n = copy_file_range(copying->from, NULL, copying->to, NULL, PIECE, 0);
    if (n >= 0 || !is_no_range(errno))
      return n;
    copying->can_range = false;
  }
  n = read(copying->from, buffer, PIECE);
  return n > 0 ? write_all(copying->to, buffer, (size_t)n) : n;
}

static int copy_pieces(struct copying *copying)
{
  char *buffer = malloc(PIECE);
  uint64_t done = 0;
  int code = EXIT_DONE;
  copying->can_range = true;
  if (!buffer)
    return failed(copying, copying->store.file);
  while (code == EXIT_DONE) {
    const ssize_t n = copy_piece(copying, buffer);
    if (n == 0)
      break;
    if (n < 0 && errno == EINTR && !interrupted())
      continue;
    if (n < 0 && errno != EINTR)
      code = failed(copying, copying->args->words[1]);
    else if (progress_amount(&copying->store.progress, UNIT_BYTES,
                             done += n > 0 ? (uint64_t)n : 0, copying->len))
      code = stopped(copying);
  }
  free(buffer);
  return code;
}

static int copy_bytes(struct copying *copying)
{
  int code = open_both(copying);
  if (code == EXIT_DONE)
    code = clone(copying);
  if (code == EXIT_DONE && !copying->is_clone)
    code = copy_pieces(copying);
  if (code == EXIT_DONE && fsync(copying->to) < 0)
    code = failed(copying, copying->args->words[1]);
  if (copying->from >= 0)
    close(copying->from);
  if (copying->to >= 0)
    close(copying->to);
  return code;
}

/* ---- key by key */

static uint32_t wanted_buckets(const struct copying *copying, uint64_t n_keys)
{
  const uint64_t buckets = copying->args->buckets;
  if (buckets == BUCKETS_AUTO)
    return blt_buckets_for(n_keys);
  return buckets == NOT_GIVEN ? copying->store.header.n_buckets
                              : (uint32_t)buckets;
}

static int copy_hidden(struct copying *copying, struct store *target)
{
  struct store *source = &copying->store;
  for (int i = 0; i < N_HIDDEN; i++) {
    blt_bytes bytes;
    uint64_t timestamp;
    const char *reason;
    const blt_status status = store_hidden(source, i, &bytes, &timestamp);
    if (status < 0)
      return store_failed(source);
    if (status == BLT_OK && put_hidden(target, DUPLICATE_REPLACE, i, bytes,
                                       timestamp, &reason) != PUT_DONE)
      return store_failed(target);
  }
  return EXIT_DONE;
}

static int copy_keys(struct copying *copying, struct store *target,
                     uint64_t n_keys)
{
  struct store *source = &copying->store;
  blt_iter *iter;
  blt_item item;
  blt_status status;
  uint64_t n = 0;
  int code = EXIT_DONE;
  if (blt_iter_open(source->db, BLT_ITER_VALUES | BLT_ITER_TIMESTAMPS, &iter) <
      0)
    return store_failed(source);
  while (code == EXIT_DONE &&
         (status = blt_iter_next(iter, &item)) != BLT_END) {
    if (status < 0)
      code = store_failed(source);
    else if (blt_put_at(target->db, item.key.data, item.key.len,
                        item.value.data, item.value.len, item.timestamp) < 0)
      code = interrupted() ? stopped(copying) : store_failed(target);
    else if (++n % PROGRESS_STEP == 0 &&
             progress_amount(&source->progress, UNIT_KEYS, n, n_keys))
      code = stopped(copying);
  }
  blt_iter_close(iter);
  return code;
}

/* A header of its own number of buckets makes the rest of the file the same:
 * kind, types, uuid and the file's time. */
static int copy_compact(struct copying *copying)
{
  const struct args *args = copying->args;
  struct store target;
  blt_options options = store_options(args, BLT_CREATE);
  unsigned char header[BLT_HEADER_LEN];
  uint64_t n_keys;
  if (blt_count(copying->store.db, &n_keys) < 0)
    return store_failed(&copying->store);
  memcpy(header, copying->store.header.bytes, sizeof header);
  const uint32_t buckets = wanted_buckets(copying, n_keys);
  for (int i = 0; i < BUCKETS_LEN; i++)
    header[BUCKETS_AT + i] = (unsigned char)(buckets >> (8 * i) & 255);
  options.header = header;
  options.auto_reindex = BLT_OFF;
  const mode_t before = newfile_begin_private(copying->store.file);
  int code = store_make(&target, args, &copying->new, &options);
  newfile_end_private(&copying->new, copying->store.file, before);
  if (code != EXIT_DONE)
    return code;
  code = copy_keys(copying, &target, n_keys);
  if (code == EXIT_DONE)
    code = copy_hidden(copying, &target);
  if (code == EXIT_DONE &&
      blt_file_timestamp_set(target.db, copying->store.header.file_timestamp) <
          0)
    code = store_failed(&target);
  code = store_close(&target, code);
  copying->len = file_length(copying->new.temporary.data);
  return code;
}

/* ---- the whole */

static int print_outcome(const struct copying *copying)
{
  const struct args *args = copying->args;
  struct out out;
  out_open(&out, args, NULL);
  if (args->json) {
    out_json(&out,
             json_pack("{sI sb sb}", "bytes", (json_int_t)copying->len,
                       "reflink", copying->is_clone, "compact", args->compact));
  } else if (!args->quiet) {
    struct text line = {0};
    text_add_string(&line, "copied ");
    text_add_size(&line, copying->len);
    text_add_string(&line, copying->is_clone ? ", sharing its blocks\n" : "\n");
    out_text(&out, &line);
    text_release(&line);
  }
  return out_close(&out, args, EXIT_DONE);
}

static int check(const struct args *args)
{
  struct stat target;
  const char *file = args->words[1];
  if (args->no_lock)
    return report_usage(args, "a copy is whole only under the lock; leave out "
                              "--no-lock");
  if (args->compact && args->reflink == WHEN_ALWAYS)
    return report_usage(args, "--compact writes new blocks; leave out "
                              "--reflink=always");
  if (!args->compact && args->buckets != NOT_GIVEN)
    return report_usage(args, "--buckets is for --compact; give that as well");
  if (newfile_is_same(args->words[0], file))
    return report_usage(args, "%s and %s are one file", args->words[0], file);
  if (stat(file, &target) == 0 && !S_ISREG(target.st_mode))
    return report_error(args, EXIT_SYSTEM, "not_regular", file,
                        "is no regular file; give the name of a new file");
  if (!newfile_exists(file) || confirm(args, "%s exists; replace it?", file))
    return EXIT_DONE;
  report_note(args, file, "left as it is");
  return EXIT_NOT_FOUND;
}

int cmd_copy(const struct args *args)
{
  struct copying copying = {.args = args, .from = -1, .to = -1};
  int code = check(args);
  if (code == EXIT_DONE)
    code = store_open_mode(&copying.store, args, args->words[0], BLT_READ);
  if (code != EXIT_DONE)
    return code;
  newfile_begin(&copying.new, args->words[1]);
  interrupt_catch();
  code = args->compact ? copy_compact(&copying) : copy_bytes(&copying);
  code = store_close(&copying.store, code);
  if (code == EXIT_DONE)
    code = newfile_keep(&copying.new, args, true);
  else
    newfile_drop(&copying.new);
  return code == EXIT_DONE ? print_outcome(&copying) : code;
}
