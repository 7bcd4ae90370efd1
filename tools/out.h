/* out.h - what a command prints: standard output, or a file made whole */
#ifndef BLT_TOOLS_OUT_H
#define BLT_TOOLS_OUT_H

#include <stdbool.h>
#include <stdio.h>

#include <jansson.h>

#include "args.h"
#include "blt.h"
#include "newfile.h"
#include "text.h"

/*
 * A file is written as a newfile, which gets its name when out_close is called
 * with exit code 0. What is no regular file (a device, a pipe) is written to
 * as it is. After the first failure everything is passed over; out_close tells
 * about it.
 */
struct out {
  FILE *stream;
  FILE *below;      /* what a packing stream writes to, or NULL             */
  const char *path; /* NULL: standard output                                */
  bool is_whole;    /* `new` is being written                               */
  struct newfile new;
  int error; /* errno of the first failed write                      */
};

/* `path` NULL or "-" is standard output. 0 or an exit code. With a file the
 * first Ctrl-C is only noted from here on, as by interrupt_catch. A store is
 * never replaced, nor what the command works on. */
int out_open(struct out *out, const struct args *args, const char *path);
/* From here on everything is packed by zstd. 0 or an exit code. */
int out_compress(struct out *out, const struct args *args, int level);
void out_bytes(struct out *out, const void *bytes, size_t len);
void out_text(struct out *out, const struct text *text);
void out_string(struct out *out, const char *string);
void out_format(struct out *out, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* One object on one line; takes over `object`. */
void out_json(struct out *out, json_t *object);

/* The same with a last member whose value is `json`, text that was found to be
 * JSON. It stays as it was written: 3.2 does not become 3.2000000000000002,
 * and a number of 30 digits keeps them. */
void out_json_with(struct out *out, json_t *object, const char *name,
                   blt_bytes json);

/* True when writing on is of no use. */
bool out_failed(struct out *out);

/* The exit code of the program: `code`, or that of a failed write. */
int out_close(struct out *out, const struct args *args, int code);

/* Whether standard output takes colours and UTF-8. */
bool out_has_color(const struct args *args);
bool out_has_utf8(void);
/* Columns of the terminal that standard output is, or 80. */
size_t out_width(void);

#endif
