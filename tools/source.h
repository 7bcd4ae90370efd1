/* source.h - where keys and values come from: words, files, standard input */
#ifndef BLT_TOOLS_SOURCE_H
#define BLT_TOOLS_SOURCE_H

#include <stdio.h>

#include "args.h"
#include "keys.h"
#include "text.h"

/* All of a file, or of standard input with "-". 0 or an exit code. */
int source_read(const struct args *args, const char *path, struct text *out);

/* VALUE, @PATH, @@VALUE, - or NULL for standard input. 0 or an exit code. */
int source_value(const struct args *args, const char *word, struct text *out);

/*
 * The keys of the command line, then those of a file. key_source_next gives 1
 * and a key that is good until the next call, 0 at the end, or -1 after a
 * message, with `code` set.
 */
struct key_source {
  const struct args *args;
  struct key_type type;
  const char *const *words;
  size_t n_words, next;
  const char *path; /* NULL: no file                                        */
  FILE *stream;
  char *line;
  size_t line_capacity;
  uint64_t line_number;
  struct text key;
  struct text ahead; /* all of the file, after key_source_read_ahead        */
  int code;
};

void key_source_init(struct key_source *source, const struct args *args,
                     struct key_type type, const char *path);
/*
 * Reads the whole file now; 0 or an exit code. A command that writes does so
 * before it takes the lock: what gives the keys may be reading the same store.
 * `type` is not needed yet.
 */
int key_source_read_ahead(struct key_source *source);
int key_source_next(struct key_source *source);
void key_source_release(struct key_source *source);

#endif
