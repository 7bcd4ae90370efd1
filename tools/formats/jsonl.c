/* jsonl.c - one JSON object a line */
#include <string.h>

#include "decode.h"
#include "encode.h"
#include "formats/format.h"
#include "json_text.h"

/* ---- writing */

static void write_head(struct dump *dump)
{
  if (!dump->store->args->no_header)
    head_write(dump);
}

static void add_time(const struct dump *dump, const blt_item *item,
                     json_t *object)
{
  if (dump->store->header.has_timestamps && !dump->store->args->no_timestamps)
    json_object_set_new(object, "ts",
                        json_integer((json_int_t)item->timestamp));
}

static const char *write_decoded(struct dump *dump, const blt_item *item,
                                 json_t *object)
{
  text_clear(&dump->text);
  switch (decode_value(&dump->store->header, item->value, &dump->text)) {
  case DECODED_JSON:
    out_json_with(dump->out, object, "value_json",
                  (blt_bytes){dump->text.data, dump->text.len});
    return NULL;
  case DECODED_FAILED:
    json_decref(object);
    return "its value is not what the serializer of the file makes; leave out "
           "--decode";
  default:
    json_add_bytes(object, "value", item->value);
    out_json(dump->out, object);
    return NULL;
  }
}

static const char *write_row(struct dump *dump, const blt_item *item)
{
  const struct args *args = dump->store->args;
  json_t *object = json_object();
  key_add_json(dump->store->key_type, item->key, object);
  add_time(dump, item, object);
  if (args->decode)
    return write_decoded(dump, item, object);
  if (args->keys_only)
    ;
  else if (args->hex)
    json_add_encoded(object, "value_hex", text_add_hex, item->value);
  else if (args->base64)
    json_add_encoded(object, "value_b64", text_add_base64, item->value);
  else
    json_add_bytes(object, "value", item->value);
  out_json(dump->out, object);
  return NULL;
}

static void write_end(struct dump *dump)
{
  (void)dump;
}

/* ---- reading */

static json_t *parse_line(struct reader *reader)
{
  json_error_t error;
  json_t *object = json_loadb(reader->raw.data, reader->raw.len,
                              JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
  /* What C has no number for may still stand in value_json. */
  if (!object)
    object = json_loadb(reader->raw.data, reader->raw.len,
                        JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL |
                            JSON_DECODE_INT_AS_REAL,
                        NULL);
  if (!object)
    reader_bad(reader, "the line is not JSON (column %d: %.80s)", error.column,
               error.text);
  else if (!json_is_object(object))
    reader_bad(reader, "the line is JSON, but no object");
  return object;
}

/* Empty lines are passed over. */
static enum got next_line(struct reader *reader)
{
  enum got got;
  do
    got = reader_line(reader);
  while (got == GOT_ROW && strspn(reader->raw.data, " \t") == reader->raw.len);
  return got;
}

/* The first line stays when it is no head. */
static enum got read_head(struct reader *reader)
{
  const enum got got = next_line(reader);
  if (got != GOT_ROW)
    return got == GOT_END ? GOT_ROW : got;
  json_t *object = parse_line(reader);
  enum got answer = GOT_ROW;
  if (json_object_get(object, "blt") && !json_object_get(object, "key")) {
    if (!head_read(reader, object, &reader->raw))
      answer = reader_broken(reader, "%s", reader->reason);
  } else {
    reader->is_pending = true;
  }
  json_decref(object);
  return answer;
}

static bool read_encoded(struct reader *reader, const char *name,
                         const json_t *value,
                         bool (*decode)(struct text *, const char *, size_t),
                         struct text *out)
{
  text_clear(out);
  if (json_is_string(value) &&
      decode(out, json_string_value(value), json_string_length(value)))
    return true;
  reader_bad(reader, "%s is not what its name says", name);
  return false;
}

/* A number as it was written: that of C may have lost its last digits. */
static blt_bytes number_text(const struct reader *reader, const char *name)
{
  blt_bytes text = {"", 0};
  json_member_text((blt_bytes){reader->raw.data, reader->raw.len}, name, &text);
  return text;
}

static const char *key_of(struct reader *reader, const json_t *value,
                          struct text *out)
{
  const enum key_form form = reader->key_type.form;
  const bool is_number = form == KEY_UNSIGNED || form == KEY_SIGNED;
  if (json_is_string(value))
    return key_from_text(reader->key_type, json_string_value(value),
                         json_string_length(value), out);
  if (!json_is_number(value))
    return is_number ? "is no number" : "is no string";
  if (!is_number)
    return "is a number, and the keys of the file are not";
  const blt_bytes text = number_text(reader, "key");
  return key_read(reader->key_type, text.data, text.len, out);
}

static bool read_key(struct reader *reader, const json_t *value,
                     struct row *row)
{
  const char *reason = key_of(reader, value, &row->key);
  if (!reason)
    return true;
  reader_bad(reader, "the key %s", reason);
  return false;
}

static bool read_plain_value(struct reader *reader, const json_t *value,
                             struct row *row)
{
  if (!json_is_string(value)) {
    reader_bad(reader, "value is no string; value_json may be any JSON");
    return false;
  }
  text_clear(&row->value);
  text_add(&row->value, json_string_value(value), json_string_length(value));
  return row->has_value = true;
}

static bool read_json_value(struct reader *reader, const json_t *value,
                            struct row *row)
{
  blt_bytes text;
  const char *reason = "is hidden by escapes in its name";
  text_clear(&row->value);
  if (json_member_text((blt_bytes){reader->raw.data, reader->raw.len},
                       "value_json", &text))
    reason = encode_value(reader->header, text, value, &row->value);
  if (!reason)
    return row->has_value = true;
  reader_bad(reader, "value_json %s", reason);
  return false;
}

static bool read_time(struct reader *reader, const json_t *value,
                      struct row *row)
{
  const struct key_type type = {KEY_UNSIGNED, 7};
  const blt_bytes text = number_text(reader, "ts");
  struct text bytes = {0};
  const bool is_time = json_is_number(value) &&
                       key_read(type, text.data, text.len, &bytes) == NULL;
  if (is_time)
    row->timestamp = number_load(bytes.data, bytes.len);
  else
    reader_bad(reader, "ts is no number of microseconds since 1970");
  text_release(&bytes);
  return is_time;
}

static bool read_member(struct reader *reader, const char *name,
                        const json_t *value, struct row *row)
{
  if (strcmp(name, "key") == 0)
    return read_key(reader, value, row);
  if (strcmp(name, "key_b64") == 0)
    return read_encoded(reader, name, value, text_from_base64, &row->key);
  if (strcmp(name, "value") == 0)
    return read_plain_value(reader, value, row);
  if (strcmp(name, "value_json") == 0)
    return read_json_value(reader, value, row);
  if (strcmp(name, "ts") == 0)
    return read_time(reader, value, row);
  if (strcmp(name, "value_b64") == 0)
    return row->has_value =
               read_encoded(reader, name, value, text_from_base64, &row->value);
  if (strcmp(name, "value_hex") == 0)
    return row->has_value =
               read_encoded(reader, name, value, text_from_hex, &row->value);
  reader_bad(reader,
             "\"%.60s\" is not the name of a member; give key, value, "
             "value_json, value_hex, ts, or those with _b64",
             name);
  return false;
}

static enum got read_object(struct reader *reader, json_t *object,
                            struct row *row)
{
  const char *name;
  json_t *value;
  int n_keys = 0, n_values = 0;
  if (!json_is_object(object))
    return GOT_BAD;
  json_object_foreach(object, name, value)
  {
    n_keys += strncmp(name, "key", 3) == 0;
    n_values += strncmp(name, "value", 5) == 0;
    if (!read_member(reader, name, value, row))
      return GOT_BAD;
  }
  if (n_keys != 1)
    return reader_bad(reader,
                      n_keys ? "the key is given twice" : "the key is missing");
  if (n_values > 1)
    return reader_bad(reader, "the value is given twice");
  return GOT_ROW;
}

static enum got read_row(struct reader *reader, struct row *row)
{
  if (!reader->is_pending) {
    const enum got got = next_line(reader);
    if (got != GOT_ROW)
      return got;
  }
  reader->is_pending = false;
  json_t *object = parse_line(reader);
  const enum got got = read_object(reader, object, row);
  json_decref(object);
  return got;
}

const struct format format_jsonl = {.name = "jsonl",
                                    .suffixes = "jsonl|ndjson|json",
                                    .without_values = true,
                                    .write_head = write_head,
                                    .write_row = write_row,
                                    .write_end = write_end,
                                    .read_head = read_head,
                                    .read_row = read_row};
