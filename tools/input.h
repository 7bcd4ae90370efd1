/* input.h - bytes that stream in from a file or standard input */
#ifndef BLT_TOOLS_INPUT_H
#define BLT_TOOLS_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <zstd.h>

#include "args.h"
#include "text.h"

/*
 *   file -> packed -> zstd -> bytes -> caller
 *
 * What zstd packed is unpacked on the way, seen by its first four bytes. The
 * memory is that of two buffers, however long the input is.
 */
struct input {
  const struct args *args;
  const char *name; /* "standard input" for -                               */
  int fd;
  unsigned char *bytes, *packed;
  size_t begin, end;   /* of what is not yet taken from `bytes`             */
  ZSTD_inBuffer stuff; /* in `packed`                                       */
  ZSTD_DStream *zstd;  /* NULL: not packed                                  */
  bool in_frame, at_end;
  uint64_t line;        /* lines that were taken                            */
  uint64_t offset;      /* bytes that were taken, unpacked                  */
  uint64_t n_read, len; /* of the file itself; len 0: unknown               */
  int code;             /* exit code after a failure                        */
};

/* "-" is standard input. 0 or an exit code. */
int input_open(struct input *input, const struct args *args, const char *path);
void input_close(struct input *input);

/* These give 1, 0 at the end, or -1 after a message, with `code` set. A line
 * comes without its newline. */
int input_line(struct input *input, struct text *out);
int input_byte(struct input *input, unsigned char *out);
/* 0 also when the input ends inside; then `out` has what there was. */
int input_bytes(struct input *input, size_t len, struct text *out);

#endif
