/* encode.h - values from JSON, by the serializer of the file */
#ifndef BLT_TOOLS_ENCODE_H
#define BLT_TOOLS_ENCODE_H

#include <jansson.h>

#include "blt.h"
#include "text.h"

/*
 * The inverse of decode_value for what it calls JSON. `text` is the JSON as
 * it was written, `value` what it means. NULL, or why it is no such value.
 */
const char *encode_value(const blt_header *header, blt_bytes text,
                         const json_t *value, struct text *out);

#endif
