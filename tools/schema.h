/* schema.h - what rows have to look like for load to take them */
#ifndef BLT_TOOLS_SCHEMA_H
#define BLT_TOOLS_SCHEMA_H

#include <jansson.h>

#include "formats/format.h"

/*
 *   {"key":       {"min_len": 1, "max_len": 40},
 *    "value":     {"type": "object",
 *                  "fields": {"mm":   {"type": "number", "required": true},
 *                             "note": {"type": "string", "max_len": 80}},
 *                  "other_fields": false},
 *    "timestamp": {"required": true}}
 *
 * A type is one of bytes, text, json, object, array, string, number, integer,
 * boolean, null. Lengths are bytes, of an array its items, of an object its
 * fields.
 */
struct schema {
  json_t *rules; /* NULL: everything is good                                */
};

/* 0, or an exit code after a message. `path` may be NULL. */
int schema_open(struct schema *schema, const struct args *args,
                const char *path);
void schema_close(struct schema *schema);

/* False when the row is not as it should be; `why` says what. */
bool schema_accepts(const struct schema *schema, const struct row *row,
                    struct text *why);

#endif
