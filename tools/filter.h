/* filter.h - which keys list and dump are asked for */
#ifndef BLT_TOOLS_FILTER_H
#define BLT_TOOLS_FILTER_H

#include <stdbool.h>

#include "store.h"

/* Whether any of --prefix, --match, --since and --until is given. */
bool filter_is_given(const struct args *args);

/* What an iterator has to give for them. */
unsigned filter_iter_flags(const struct args *args);

/* 0, or an exit code after a message: no times in this file. */
int filter_check(const struct store *store);

/* `text` is room for the key as text. */
bool filter_matches(const struct store *store, const blt_item *item,
                    struct text *text);

#endif
