/* line.h - lines that are typed at a prompt, or read from a pipe */
#ifndef BLT_TOOLS_LINE_H
#define BLT_TOOLS_LINE_H

#include <stdbool.h>

#include "text.h"

struct lines;

/* Adds words that begin with the first `len` bytes of `word`, parted by
 * blanks; is_first when it is the first one of the line. */
typedef void (*complete_word)(struct text *words, const char *word, size_t len,
                              bool is_first);

/* NULL when there is no memory. */
struct lines *lines_open(complete_word complete);
void lines_close(struct lines *lines);

/* Whether they are typed. */
bool lines_are_typed(const struct lines *lines);

enum line { LINE_READ, LINE_END, LINE_INTERRUPTED };

/* `out` is the line without its newline. */
enum line lines_next(struct lines *lines, struct text *out);

#endif
