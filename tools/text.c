/* text.c - a growable run of bytes, and what may be shown on a terminal */
#include "text.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exits.h"

void text_release(struct text *text)
{
  free(text->data);
  *text = (struct text){0};
}

void text_clear(struct text *text)
{
  text->len = 0;
  if (text->data)
    text->data[0] = '\0';
}

static void give_up(void)
{
  fputs("blt: out of memory\n", stderr);
  exit(EXIT_SYSTEM);
}

char *text_reserve(struct text *text, size_t len)
{
  if (len > SIZE_MAX / 2 - text->len - 1)
    give_up();
  const size_t needed = text->len + len + 1;
  if (needed > text->capacity) {
    size_t capacity = text->capacity ? text->capacity : 64;
    while (capacity < needed)
      capacity *= 2;
    char *data = realloc(text->data, capacity);
    if (!data)
      give_up();
    text->data = data;
    text->capacity = capacity;
  }
  text->data[text->len] = '\0';
  return text->data + text->len;
}

void text_add(struct text *text, const void *bytes, size_t len)
{
  char *end = text_reserve(text, len);
  if (len)
    memcpy(end, bytes, len);
  end[len] = '\0';
  text->len += len;
}

void text_add_string(struct text *text, const char *string)
{
  text_add(text, string, strlen(string));
}

void text_addf(struct text *text, const char *format, ...)
{
  va_list args, again;
  va_start(args, format);
  va_copy(again, args);
  const int len = vsnprintf(NULL, 0, format, args);
  if (len > 0) {
    vsnprintf(text_reserve(text, (size_t)len), (size_t)len + 1, format, again);
    text->len += (size_t)len;
  }
  va_end(again);
  va_end(args);
}

/* The lowest second byte rules out overlong forms, the highest one
 * surrogates and what lies beyond U+10FFFF. */
static size_t utf8_expected(const unsigned char *bytes, unsigned char *low,
                            unsigned char *high)
{
  const unsigned char first = bytes[0];
  *low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
  *high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
  if (first < 0x80)
    return 1;
  if (first >= 0xc2 && first <= 0xdf)
    return 2;
  if (first >= 0xe0 && first <= 0xef)
    return 3;
  return first >= 0xf0 && first <= 0xf4 ? 4 : 0;
}

size_t utf8_length(const unsigned char *bytes, size_t len)
{
  if (len == 0)
    return 0;
  unsigned char low, high;
  const size_t expected = utf8_expected(bytes, &low, &high);
  if (expected == 0 || expected > len)
    return 0;
  for (size_t i = 1; i < expected; i++) {
    if (bytes[i] < low || bytes[i] > high)
      return 0;
    low = 0x80;
    high = 0xbf;
  }
  return expected;
}

bool utf8_valid(const void *bytes, size_t len)
{
  const unsigned char *p = bytes;
  for (size_t i = 0; i < len;) {
    const size_t step = utf8_length(p + i, len - i);
    if (step == 0)
      return false;
    i += step;
  }
  return true;
}

/* ASCII controls and, as two bytes, U+0080 to U+009F. */
static bool is_control(const unsigned char *c, size_t step)
{
  if (step == 1)
    return c[0] < 0x20 || c[0] == 0x7f;
  return step == 2 && c[0] == 0xc2 && c[1] < 0xa0;
}

static void add_shown(struct text *text, const void *bytes, size_t len,
                      bool double_backslash)
{
  const unsigned char *p = bytes;
  for (size_t i = 0; i < len;) {
    size_t step = utf8_length(p + i, len - i);
    if (step == 0 || is_control(p + i, step)) {
      step = step ? step : 1;
      for (size_t k = 0; k < step; k++)
        text_addf(text, "\\x%02x", (unsigned)p[i + k]);
    } else {
      text_add(text, p + i, step);
      if (p[i] == '\\' && double_backslash)
        text_add(text, "\\", 1);
    }
    i += step;
  }
}

void text_add_printable(struct text *text, const void *bytes, size_t len)
{
  add_shown(text, bytes, len, false);
}

void text_add_escaped(struct text *text, const void *bytes, size_t len)
{
  add_shown(text, bytes, len, true);
}

bool text_unescape(struct text *text, const char *escaped, size_t len)
{
  for (size_t i = 0; i < len; i++) {
    if (escaped[i] != '\\') {
      text_add(text, escaped + i, 1);
    } else if (len - i >= 2 && escaped[i + 1] == '\\') {
      text_add(text, "\\", 1);
      i += 1;
    } else if (len - i >= 4 && escaped[i + 1] == 'x' &&
               text_from_hex(text, escaped + i + 2, 2)) {
      i += 3;
    } else {
      return false;
    }
  }
  return true;
}

void text_add_quoted(struct text *text, const char *name)
{
  static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
                              "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./@%+=:,-";
  if (name[0] == '-')
    text_add_string(text, "./");
  if (*name && name[strspn(name, plain)] == '\0') {
    text_add_string(text, name);
    return;
  }
  text_add_string(text, "'");
  for (const char *p = name; *p; p++)
    if (*p == '\'')
      text_add_string(text, "'\\''");
    else
      text_add(text, p, 1);
  text_add_string(text, "'");
}

/* One row of the usual table, in which a cell is the cheapest way to turn
 * the first letters of `a` into the first letters of `b`. */
size_t word_distance(const char *a, const char *b)
{
  enum { LONGEST = 63 };
  const size_t a_len = strlen(a), b_len = strlen(b);
  if (a_len > LONGEST || b_len > LONGEST)
    return LONGEST;
  size_t row[LONGEST + 1];
  for (size_t j = 0; j <= b_len; j++)
    row[j] = j;
  for (size_t i = 1; i <= a_len; i++) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b_len; j++) {
      const size_t changed = diagonal + (a[i - 1] != b[j - 1]);
      const size_t shorter = row[j] + 1, longer = row[j - 1] + 1;
      diagonal = row[j];
      row[j] = shorter < longer ? shorter : longer;
      row[j] = changed < row[j] ? changed : row[j];
    }
  }
  return row[b_len];
}
