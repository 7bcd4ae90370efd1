/* json_text.h - JSON as it was written, where a tree of it would lose some */
#ifndef BLT_TOOLS_JSON_TEXT_H
#define BLT_TOOLS_JSON_TEXT_H

#include <stdbool.h>

#include "blt.h"

/* Whether it is JSON of one line. Numbers beyond the range of C count. */
bool json_is_one_line(blt_bytes text);

/* The text of a member of an object. `object` was found to be JSON; the name
 * is one without escapes. False when there is no such member. */
bool json_member_text(blt_bytes object, const char *name, blt_bytes *out);

#endif
