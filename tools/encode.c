/* encode.c - values from JSON, by the serializer of the file */
#include "encode.h"

#include <string.h>

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

const char *encode_value(const blt_header *header, blt_bytes text,
                         const json_t *value, struct text *out)
{
  const char *name = header->kind == BLT_FIXED
                         ? NULL
                         : blt_serializer_name(header->value_serializer);
  struct key_type type;
  if (name && key_type_parse(name, &type) &&
      (type.form == KEY_UNSIGNED || type.form == KEY_SIGNED))
    return encode_number(type, text, value, out);
  if (name && strncmp(name, "numpy_int", 9) == 0 && name[10] == '\0')
    return encode_array((unsigned)(name[9] - '0'), value, out);
  text_add(out, text.data, text.len);
  return NULL;
}
