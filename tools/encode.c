/* encode.c - values from JSON, by the serializer of the file */
#include "encode.h"

#include <stdio.h>
#include <string.h>

#include <zstd.h>

#include "keys.h"

static const char *encode_number(struct key_type type, blt_bytes text,
                                 const json_t *value, struct text *out)
{
  if (!json_is_integer(value) && !json_is_real(value))
    return "is no number, which the values of the file are";
  struct text number = {0};
  const char *reason = key_read(type, text.data, text.len, &number);
  text_add(out, number.data, number.len);
  text_release(&number);
  return reason;
}

/* [1, -2], each as many bytes as the name of the serializer ends with. */
static const char *encode_array(unsigned width, const json_t *value,
                                struct text *out)
{
  const struct key_type type = {KEY_SIGNED, width};
  if (!json_is_array(value))
    return "is no array, which the values of the file are";
  for (size_t i = 0; i < json_array_size(value); i++) {
    struct text number = {0};
    const json_t *item = json_array_get(value, i);
    text_addf(&number, "%lld", (long long)json_integer_value(item));
    const char *reason =
        encode_number(type, (blt_bytes){number.data, number.len}, item, out);
    text_release(&number);
    if (reason)
      return reason;
  }
  return NULL;
}

static const char *encode_plain(const char *name, blt_bytes text,
                                const json_t *value, struct text *out)
{
  struct key_type type;
  if (key_type_parse(name, &type) &&
      (type.form == KEY_UNSIGNED || type.form == KEY_SIGNED))
    return encode_number(type, text, value, out);
  if (strncmp(name, "numpy_int", 9) == 0 && name[10] == '\0')
    return encode_array((unsigned)(name[9] - '0'), value, out);
  text_add(out, text.data, text.len);
  return NULL;
}

static const char *pack(const struct text *plain, struct text *out)
{
  const size_t room = ZSTD_compressBound(plain->len);
  char *end = text_reserve(out, room);
  const size_t n = ZSTD_compress(end, room, plain->len ? plain->data : "",
                                 plain->len, ZSTD_CLEVEL_DEFAULT);
  if (ZSTD_isError(n))
    return "cannot be packed";
  out->len += n;
  return NULL;
}

const char *encode_value(const blt_header *header, blt_bytes text,
                         const json_t *value, struct text *out)
{
  static const char suffix[] = "_zstd";
  char name[32] = "";
  struct text plain = {0};
  const char *serializer = header->kind == BLT_FIXED
                               ? NULL
                               : blt_serializer_name(header->value_serializer);
  snprintf(name, sizeof name, "%s", serializer ? serializer : "");
  const size_t len = strlen(name), end = strlen(suffix);
  if (len <= end || strcmp(name + len - end, suffix) != 0)
    return encode_plain(name, text, value, out);
  name[len - end] = '\0';
  const char *reason = encode_plain(name, text, value, &plain);
  if (!reason)
    reason = pack(&plain, out);
  text_release(&plain);
  return reason;
}
