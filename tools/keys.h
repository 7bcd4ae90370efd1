/* keys.h - keys as words of the command line, and back */
#ifndef BLT_TOOLS_KEYS_H
#define BLT_TOOLS_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "blt.h"
#include "text.h"

enum key_form {
  KEY_BYTES, /* the bytes of the word                                      */
  KEY_STR,   /* the same, UTF-8                                            */
  KEY_HEX,
  KEY_BASE64,
  KEY_UNSIGNED, /* decimal; `width` bytes, least significant first          */
  KEY_SIGNED
};

struct key_type {
  enum key_form form;
  unsigned width;
};

/* The code of a serializer's name, or of none, which is None; -1 when there is
 * no such. */
int serializer_of(const char *name);

/* The form that fits a serializer code of the file. */
struct key_type key_type_of(unsigned serializer);
/* From --key-type: hex, base64, str, bytes, uint1..uint8, int1..int8. */
bool key_type_parse(const char *name, struct key_type *out);

/* The bytes of a key; NULL, or why the word is no key. */
const char *key_read(struct key_type type, const char *word, size_t len,
                     struct text *out);
/* The same for a line that key_write made. */
const char *key_read_line(struct key_type type, const char *line, size_t len,
                          struct text *out);

/* The key without escapes. A number of the wrong width is shown as bytes. */
void key_write_plain(struct key_type type, blt_bytes key, struct text *out);
/* The key on one line; see text_add_escaped. */
void key_write(struct key_type type, blt_bytes key, struct text *out);

/* Sets "key" to a string or number, or "key_b64". Numbers that JSON readers
 * cannot be trusted with (2^63 and above) are strings of digits. */
void key_add_json(struct key_type type, blt_bytes key, json_t *object);
/* The bytes of a key from text that key_write_plain made, which must be UTF-8
 * where the keys are; NULL, or why it is none. */
const char *key_from_text(struct key_type type, const char *text, size_t len,
                          struct text *out);

/* Sets `name` to a string when the bytes are UTF-8, else `name`_b64. */
void json_add_bytes(json_t *object, const char *name, blt_bytes bytes);
/* A member that is the text which `encode` makes of `bytes`. */
void json_add_encoded(json_t *object, const char *name,
                      void (*encode)(struct text *, const void *, size_t),
                      blt_bytes bytes);

/* Little-endian numbers of up to eight bytes. */
uint64_t number_load(const void *bytes, size_t len);
int64_t number_load_signed(const void *bytes, size_t len);

#endif
