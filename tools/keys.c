/* keys.c - keys as words of the command line, and back */
#include "keys.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool key_type_parse(const char *name, struct key_type *out)
{
  static const struct {
    const char *name;
    enum key_form form;
  } forms[] = {{"bytes", KEY_BYTES},
               {"str", KEY_STR},
               {"hex", KEY_HEX},
               {"base64", KEY_BASE64}};
  for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
    if (strcmp(name, forms[i].name) == 0) {
      *out = (struct key_type){forms[i].form, 0};
      return true;
    }
  const bool is_unsigned = name[0] == 'u';
  const char *digit = name + is_unsigned + 3;
  if (strncmp(name + is_unsigned, "int", 3) != 0 || digit[0] < '1' ||
      digit[0] > '8' || digit[1] != '\0')
    return false;
  *out = (struct key_type){is_unsigned ? KEY_UNSIGNED : KEY_SIGNED,
                           (unsigned)(digit[0] - '0')};
  return true;
}

int serializer_of(const char *name)
{
  return blt_serializer_code(strcmp(name, "none") == 0 ? "None" : name);
}

struct key_type key_type_of(unsigned serializer)
{
  struct key_type type;
  const char *name = blt_serializer_name(serializer);
  if (name && key_type_parse(name, &type))
    return type;
  return (struct key_type){KEY_BYTES, 0};
}

uint64_t number_load(const void *bytes, size_t len)
{
  const unsigned char *p = bytes;
  uint64_t number = 0;
  for (size_t i = len; i-- > 0;)
    number = number << 8 | p[i];
  return number;
}

int64_t number_load_signed(const void *bytes, size_t len)
{
  const uint64_t number = number_load(bytes, len);
  const uint64_t sign = len == 0 ? 0 : (uint64_t)1 << (len * 8 - 1);
  return (int64_t)((number ^ sign) - sign);
}

static void add_number(struct text *out, uint64_t number, unsigned width)
{
  for (unsigned i = 0; i < width; i++) {
    const unsigned char byte = (unsigned char)(number >> (i * 8) & 255);
    text_add(out, &byte, 1);
  }
}

static bool is_decimal(const char *word, size_t len, bool may_be_negative)
{
  const size_t sign = may_be_negative && len > 0 && word[0] == '-';
  for (size_t i = sign; i < len; i++)
    if (!isdigit((unsigned char)word[i]))
      return false;
  return len > sign && len <= 20 + sign;
}

static const char *read_unsigned(unsigned width, const char *word, size_t len,
                                 struct text *out)
{
  if (!is_decimal(word, len, false))
    return "is not a decimal number";
  char copy[24];
  snprintf(copy, sizeof copy, "%.*s", (int)len, word);
  errno = 0;
  const uint64_t number = strtoull(copy, NULL, 10);
  if (errno != 0 || (width < 8 && number >> (width * 8) != 0))
    return "is too large for the key type of the file";
  add_number(out, number, width);
  return NULL;
}

static const char *read_signed(unsigned width, const char *word, size_t len,
                               struct text *out)
{
  if (!is_decimal(word, len, true))
    return "is not a decimal number";
  char copy[24];
  snprintf(copy, sizeof copy, "%.*s", (int)len, word);
  errno = 0;
  const int64_t number = strtoll(copy, NULL, 10);
  const int64_t largest = INT64_MAX >> ((8 - width) * 8);
  if (errno != 0 || number > largest || number < -largest - 1)
    return "is beyond the key type of the file";
  add_number(out, (uint64_t)number, width);
  return NULL;
}

const char *key_read(struct key_type type, const char *word, size_t len,
                     struct text *out)
{
  text_clear(out);
  switch (type.form) {
  case KEY_HEX:
    return text_from_hex(out, word, len) ? NULL : "is not hexadecimal";
  case KEY_BASE64:
    return text_from_base64(out, word, len) ? NULL : "is not base64";
  case KEY_UNSIGNED:
    return read_unsigned(type.width, word, len, out);
  case KEY_SIGNED:
    return read_signed(type.width, word, len, out);
  default:
    text_add(out, word, len);
    return NULL;
  }
}

const char *key_read_line(struct key_type type, const char *line, size_t len,
                          struct text *out)
{
  const bool is_number = type.form == KEY_UNSIGNED || type.form == KEY_SIGNED;
  const bool is_escaped = is_number
                              ? len > 0 && line[0] == '\\'
                              : type.form == KEY_BYTES || type.form == KEY_STR;
  if (!is_escaped)
    return key_read(type, line, len, out);
  text_clear(out);
  return text_unescape(out, line, len) ? NULL
                                       : "has a backslash that is not \\\\ "
                                         "or \\xHH";
}

static bool is_number_of(struct key_type type, blt_bytes key)
{
  return (type.form == KEY_UNSIGNED || type.form == KEY_SIGNED) &&
         key.len == type.width;
}

static void write_bytes_as_hex(blt_bytes key, struct text *out)
{
  const unsigned char *p = key.data;
  for (size_t i = 0; i < key.len; i++)
    text_addf(out, "\\x%02x", (unsigned)p[i]);
}

void key_write_plain(struct key_type type, blt_bytes key, struct text *out)
{
  switch (type.form) {
  case KEY_HEX:
    text_add_hex(out, key.data, key.len);
    return;
  case KEY_BASE64:
    text_add_base64(out, key.data, key.len);
    return;
  case KEY_UNSIGNED:
  case KEY_SIGNED:
    if (!is_number_of(type, key))
      write_bytes_as_hex(key, out);
    else if (type.form == KEY_UNSIGNED)
      text_addf(out, "%" PRIu64, number_load(key.data, key.len));
    else
      text_addf(out, "%" PRId64, number_load_signed(key.data, key.len));
    return;
  default:
    text_add(out, key.data, key.len);
  }
}

void key_write(struct key_type type, blt_bytes key, struct text *out)
{
  if (type.form == KEY_BYTES || type.form == KEY_STR)
    text_add_escaped(out, key.data, key.len);
  else
    key_write_plain(type, key, out);
}

void json_add_encoded(json_t *object, const char *name,
                      void (*encode)(struct text *, const void *, size_t),
                      blt_bytes bytes)
{
  struct text text = {0};
  encode(&text, bytes.data, bytes.len);
  json_object_set_new(object, name,
                      json_stringn(text.data ? text.data : "", text.len));
  text_release(&text);
}

void json_add_bytes(json_t *object, const char *name, blt_bytes bytes)
{
  if (utf8_valid(bytes.data, bytes.len)) {
    const char *string = bytes.len ? bytes.data : "";
    json_object_set_new(object, name, json_stringn(string, bytes.len));
    return;
  }
  struct text member = {0};
  text_addf(&member, "%s_b64", name);
  json_add_encoded(object, member.data, text_add_base64, bytes);
  text_release(&member);
}

/* Bytes of another width than the numbers have must not look like one. */
static void add_key_base64(blt_bytes key, json_t *object)
{
  struct text text = {0};
  text_add_base64(&text, key.data, key.len);
  json_object_set_new(object, "key_b64",
                      json_stringn(text.data ? text.data : "", text.len));
  text_release(&text);
}

void key_add_json(struct key_type type, blt_bytes key, json_t *object)
{
  if (is_number_of(type, key)) {
    const uint64_t number = number_load(key.data, key.len);
    if (type.form == KEY_SIGNED || number <= INT64_MAX) {
      json_object_set_new(
          object, "key",
          json_integer(type.form == KEY_SIGNED
                           ? number_load_signed(key.data, key.len)
                           : (json_int_t)number));
      return;
    }
  } else if (type.form == KEY_UNSIGNED || type.form == KEY_SIGNED) {
    add_key_base64(key, object);
    return;
  } else if (type.form != KEY_HEX && type.form != KEY_BASE64) {
    json_add_bytes(object, "key", key);
    return;
  }
  struct text text = {0};
  key_write_plain(type, key, &text);
  json_object_set_new(object, "key",
                      json_stringn(text.data ? text.data : "", text.len));
  text_release(&text);
}

const char *key_from_text(struct key_type type, const char *text, size_t len,
                          struct text *out)
{
  const char *reason = key_read(type, text, len, out);
  if (!reason && type.form == KEY_STR && !utf8_valid(out->data, out->len))
    return "is not UTF-8, which keys of the file are";
  return reason;
}
