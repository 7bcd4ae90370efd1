/* decode.h - values as text, by the serializer of the file */
#ifndef BLT_TOOLS_DECODE_H
#define BLT_TOOLS_DECODE_H

#include <stdbool.h>

#include "args.h"
#include "blt.h"
#include "text.h"

enum decoded {
  DECODED_TEXT,    /* UTF-8                                                 */
  DECODED_JSON,    /* JSON                                                  */
  DECODED_BYTES,   /* the bytes themselves                                  */
  DECODED_SUMMARY, /* a sentence about a value that only Python reads       */
  DECODED_FAILED   /* the value is not what the serializer makes            */
};

/* 0, or an exit code after a message when values of this kind of file cannot
 * be decoded. */
int decode_check(const struct args *args, const char *file,
                 const blt_header *header);

/* Adds the value to `out`. */
enum decoded decode_value(const blt_header *header, blt_bytes value,
                          struct text *out);

#endif
