/* input.c - bytes that stream in from a file or standard input */
#include "input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "progress.h"
#include "report.h"

enum { BUFFER = 1 << 18 };

static int fail_errno(struct input *input, int error)
{
  if (error == EINTR && interrupted())
    input->code = EXIT_INTERRUPTED;
  else
    input->code = report_errno(input->args, input->name, error);
  return -1;
}

/* Bytes of the file itself, 0 at its end, -1 after a message. */
static ssize_t read_file(struct input *input, void *to, size_t len)
{
  const ssize_t n = interruptible_read(input->fd, to, len);
  if (n < 0)
    return fail_errno(input, errno);
  input->n_read += (uint64_t)n;
  return n;
}

static int refill_packed(struct input *input)
{
  const ssize_t n = read_file(input, input->packed, BUFFER);
  input->stuff = (ZSTD_inBuffer){input->packed, n > 0 ? (size_t)n : 0, 0};
  return n < 0 ? -1 : n > 0;
}

/* Several packed streams may stand one behind the other. */
static int unpack(struct input *input)
{
  ZSTD_outBuffer out = {input->bytes, BUFFER, 0};
  while (out.pos == 0) {
    if (input->stuff.pos == input->stuff.size) {
      const int more = refill_packed(input);
      if (more < 0 || (more == 0 && !input->in_frame))
        return more;
      if (more == 0) {
        input->code =
            report_error(input->args, EXIT_DAMAGED, "corrupt", input->name,
                         "the zstd stream is cut off at byte %llu",
                         (unsigned long long)input->n_read);
        return -1;
      }
    }
    const size_t left = ZSTD_decompressStream(input->zstd, &out, &input->stuff);
    if (ZSTD_isError(left)) {
      input->code = report_error(
          input->args, EXIT_DAMAGED, "corrupt", input->name,
          "the zstd stream is damaged near byte %llu (%s)",
          (unsigned long long)input->n_read, ZSTD_getErrorName(left));
      return -1;
    }
    input->in_frame = left != 0;
  }
  input->end = out.pos;
  return 1;
}

static int refill(struct input *input)
{
  if (input->at_end)
    return 0;
  input->begin = input->end = 0;
  int more;
  if (input->zstd) {
    more = unpack(input);
  } else {
    const ssize_t n = read_file(input, input->bytes, BUFFER);
    input->end = n > 0 ? (size_t)n : 0;
    more = n < 0 ? -1 : n > 0;
  }
  input->at_end = more <= 0;
  return more;
}

/* The first bytes tell whether the rest is packed. */
static int recognise(struct input *input)
{
  static const unsigned char magic[4] = {0x28, 0xb5, 0x2f, 0xfd};
  while (input->end < sizeof magic) {
    const ssize_t n =
        read_file(input, input->bytes + input->end, BUFFER - input->end);
    if (n < 0)
      return input->code;
    if (n == 0)
      break;
    input->end += (size_t)n;
  }
  if (input->end < sizeof magic ||
      memcmp(input->bytes, magic, sizeof magic) != 0)
    return EXIT_DONE;
  input->zstd = ZSTD_createDStream();
  input->packed = malloc(BUFFER);
  if (!input->zstd || !input->packed)
    return report_errno(input->args, input->name, ENOMEM);
  memcpy(input->packed, input->bytes, input->end);
  input->stuff = (ZSTD_inBuffer){input->packed, input->end, 0};
  input->end = 0;
  input->in_frame = true;
  return EXIT_DONE;
}

int input_open(struct input *input, const struct args *args, const char *path)
{
  const bool is_standard = strcmp(path, "-") == 0;
  *input = (struct input){.args = args,
                          .name = is_standard ? "standard input" : path,
                          .fd = STDIN_FILENO};
  if (!is_standard)
    input->fd = open(path, O_RDONLY | O_CLOEXEC);
  if (input->fd < 0)
    return report_errno(args, path, errno);
  struct stat facts;
  if (fstat(input->fd, &facts) == 0 && S_ISREG(facts.st_mode))
    input->len = (uint64_t)facts.st_size;
  input->bytes = malloc(BUFFER);
  const int code =
      input->bytes ? recognise(input) : report_errno(args, input->name, ENOMEM);
  if (code != EXIT_DONE)
    input_close(input);
  return code;
}

void input_close(struct input *input)
{
  if (input->fd > STDIN_FILENO)
    close(input->fd);
  ZSTD_freeDStream(input->zstd);
  free(input->packed);
  free(input->bytes);
  input->zstd = NULL;
  input->packed = input->bytes = NULL;
  input->fd = -1;
}

int input_byte(struct input *input, unsigned char *out)
{
  if (input->begin == input->end) {
    const int more = refill(input);
    if (more <= 0)
      return more;
  }
  *out = input->bytes[input->begin++];
  input->offset++;
  input->line += *out == '\n';
  return 1;
}

int input_line(struct input *input, struct text *out)
{
  text_clear(out);
  bool any = false;
  for (;;) {
    if (input->begin == input->end) {
      const int more = refill(input);
      if (more < 0)
        return -1;
      if (more == 0)
        break;
    }
    any = true;
    const unsigned char *start = input->bytes + input->begin;
    const size_t len = input->end - input->begin;
    const unsigned char *newline = memchr(start, '\n', len);
    const size_t taken = newline ? (size_t)(newline - start) + 1 : len;
    text_add(out, start, newline ? taken - 1 : taken);
    input->begin += taken;
    input->offset += taken;
    if (newline)
      break;
  }
  input->line += any;
  return any;
}

int input_bytes(struct input *input, size_t len, struct text *out)
{
  text_clear(out);
  while (len > 0) {
    if (input->begin == input->end) {
      const int more = refill(input);
      if (more <= 0)
        return more;
    }
    const size_t there = input->end - input->begin;
    const size_t n = len < there ? len : there;
    text_add(out, input->bytes + input->begin, n);
    input->begin += n;
    input->offset += n;
    len -= n;
  }
  return 1;
}
