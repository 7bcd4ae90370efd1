/* units.h - sizes, counts and times as people write them */
#ifndef BLT_TOOLS_UNITS_H
#define BLT_TOOLS_UNITS_H

#include <stdbool.h>
#include <stdint.h>

#include "text.h"

/* "179 B", "35.0 MiB". */
void text_add_size(struct text *text, uint64_t len);
/* "1 728 017". */
void text_add_count(struct text *text, uint64_t count);
/* "1 row", "1 728 017 rows". */
void text_add_counted(struct text *text, uint64_t count, const char *noun);
/* "2026-11-21T03:17:42.000000Z", and to whole seconds with a blank. */
void text_add_time(struct text *text, uint64_t microseconds);
void text_add_seconds(struct text *text, uint64_t microseconds);

/* Bytes of a file; 0 when it cannot be told. */
uint64_t file_length(const char *path);

/* Decimal digits only; false when there is anything else or too many. */
bool parse_count(const char *string, uint64_t *out);

/*
 * Microseconds since 1970 from one of
 *   1763694462000000                   the number itself
 *   2025-11-21[T03:07:42[.5]][Z|+hh:mm]  ISO 8601, UTC unless it says more
 *   30d (s, m, h, d, w)                so long before now
 *   now
 */
bool parse_time(const char *string, uint64_t *out);

#endif
