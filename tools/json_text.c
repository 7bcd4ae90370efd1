/* json_text.c - JSON as it was written, where a tree of it would lose some */
#include "json_text.h"

#include <string.h>

#include <jansson.h>

bool json_is_one_line(blt_bytes text)
{
  const char *bytes = text.len ? text.data : "";
  if (memchr(bytes, '\n', text.len) || memchr(bytes, '\r', text.len))
    return false;
  json_t *json = json_loadb(
      bytes, text.len,
      JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL, NULL);
  json_decref(json);
  return json != NULL;
}

static bool is_blank(char c)
{
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Behind the string that begins at `at`. */
static size_t behind_string(const char *text, size_t len, size_t at)
{
  for (at++; at < len && text[at] != '"'; at++)
    at += text[at] == '\\';
  return at + 1;
}

/* Behind the value that begins at `at`: at the comma or bracket that ends it,
 * or at blanks. */
static size_t behind_value(const char *text, size_t len, size_t at)
{
  size_t depth = 0;
  while (at < len) {
    const char c = text[at];
    if (c == '"') {
      at = behind_string(text, len, at);
      if (depth == 0)
        return at;
      continue;
    }
    if (depth == 0 && (c == ',' || c == '}' || c == ']' || is_blank(c)))
      return at;
    depth += c == '{' || c == '[';
    depth -= c == '}' || c == ']';
    at++;
    if (depth == 0 && (c == '}' || c == ']'))
      return at;
  }
  return len;
}

bool json_member_text(blt_bytes object, const char *name, blt_bytes *out)
{
  const char *text = object.data;
  const size_t len = object.len, name_len = strlen(name);
  size_t at = 0;
  while (at < len && text[at] != '{')
    at++;
  for (at++; at < len; at++) {
    if (text[at] != '"')
      continue;
    const size_t begin = at + 1;
    at = behind_string(text, len, at);
    const bool found = at <= len && at - 1 - begin == name_len &&
                       memcmp(text + begin, name, name_len) == 0;
    while (at < len && (is_blank(text[at]) || text[at] == ':'))
      at++;
    const size_t end = behind_value(text, len, at);
    if (found && end <= len) {
      *out = (blt_bytes){text + at, end - at};
      return true;
    }
    at = end;
  }
  return false;
}
