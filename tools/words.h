/* words.h - a line taken apart into words, quoted as in sh(1) */
#ifndef BLT_TOOLS_WORDS_H
#define BLT_TOOLS_WORDS_H

#include <stddef.h>

#include "text.h"

/* Freed by words_release, after a failure too. The strings are good until
 * then. */
struct words {
  const char **list;
  size_t n;
  struct text bytes;
};

/* NULL, or what is wrong with the line. */
const char *words_split(struct words *words, const struct text *line);
void words_release(struct words *words);

#endif
