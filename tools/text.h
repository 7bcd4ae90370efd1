/* text.h - a growable run of bytes, and what may be shown on a terminal */
#ifndef BLT_TOOLS_TEXT_H
#define BLT_TOOLS_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Starts as {0}; freed by text_release. `data` is NULL or ends with a NUL
 * that `len` does not count; the bytes before it may be anything. All
 * functions end the program with exit code 3 when there is no memory.
 */
struct text {
  char *data;
  size_t len, capacity;
};

void text_release(struct text *text);
void text_clear(struct text *text);
void text_add(struct text *text, const void *bytes, size_t len);
void text_add_string(struct text *text, const char *string);
void text_addf(struct text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Room for `len` more bytes; the caller writes them and raises text->len. */
char *text_reserve(struct text *text, size_t len);

/* Bytes of the UTF-8 character at `bytes`, 0 when there is none. */
size_t utf8_length(const unsigned char *bytes, size_t len);
bool utf8_valid(const void *bytes, size_t len);

/*
 * The bytes as they may be shown: control characters and bytes that are not
 * UTF-8 become \xHH, so the result is UTF-8 on one line. text_add_escaped
 * writes a backslash as \\ too, which makes it the inverse of text_unescape.
 */
void text_add_printable(struct text *text, const void *bytes, size_t len);
void text_add_escaped(struct text *text, const void *bytes, size_t len);

/* False when a backslash does not start one of the two forms. */
bool text_unescape(struct text *text, const char *escaped, size_t len);

/* A file's name as a word of a command line, quoted for sh(1) if it has to
 * be. */
void text_add_quoted(struct text *text, const char *name);

void text_add_hex(struct text *text, const void *bytes, size_t len);
void text_add_base64(struct text *text, const void *bytes, size_t len);
bool text_from_hex(struct text *text, const char *hex, size_t len);
bool text_from_base64(struct text *text, const char *base64, size_t len);

/* How many single edits turn one word into the other. */
size_t word_distance(const char *a, const char *b);

#endif
