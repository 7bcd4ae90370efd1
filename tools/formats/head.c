/* head.c - the object that a stream of ours begins with */
#include <string.h>

#include "formats/format.h"
#include "json_text.h"

static const char *const hidden_names[N_HIDDEN] = {"metadata", "slot1",
                                                   "slot2"};

static json_t *serializer_json(unsigned code)
{
  const char *name = blt_serializer_name(code);
  return name ? json_string(name) : json_integer(code);
}

/* Metadata of one line of JSON becomes a part of the head, as it is. */
static bool add_hidden(const struct dump *dump, json_t *head, blt_bytes *out)
{
  const struct store *store = dump->store;
  bool has_json = false;
  for (int i = 0; i < N_HIDDEN; i++) {
    blt_bytes bytes;
    uint64_t timestamp = 0;
    if (store_hidden(dump->store, i, &bytes, &timestamp) != BLT_OK)
      continue;
    if (i == 0 && json_is_one_line(bytes)) {
      *out = bytes;
      has_json = true;
    } else {
      json_add_bytes(head, i == 0 ? "metadata_text" : hidden_names[i], bytes);
    }
    if (!store->header.has_timestamps || store->args->no_timestamps)
      continue;
    struct text name = {0};
    text_addf(&name, "%s_ts", hidden_names[i]);
    json_object_set_new(head, name.data, json_integer((json_int_t)timestamp));
    text_release(&name);
  }
  return has_json;
}

void head_write(const struct dump *dump)
{
  const blt_header *header = &dump->store->header;
  blt_bytes metadata;
  json_t *head = json_pack(
      "{si ss so sb sI}", "blt", 1, "kind",
      header->kind == BLT_FIXED ? "fixed" : "variable", "key_serializer",
      serializer_json(header->key_serializer), "timestamps",
      header->has_timestamps != 0, "n_buckets", (json_int_t)header->n_buckets);
  if (header->kind == BLT_FIXED)
    json_object_set_new(head, "value_len", json_integer(header->value_len));
  else
    json_object_set_new(head, "value_serializer",
                        serializer_json(header->value_serializer));
  if (header->kind != BLT_FIXED && !dump->store->args->keys_only &&
      add_hidden(dump, head, &metadata))
    out_json_with(dump->out, head, "metadata", metadata);
  else
    out_json(dump->out, head);
}

static bool read_serializer(struct reader *reader, json_t *value, int *out)
{
  *out = BLT_SERIALIZER_NONE;
  if (!value)
    return true;
  if (json_is_number(value))
    *out = (int)json_number_value(value);
  else
    *out = json_is_string(value) ? blt_serializer_code(json_string_value(value))
                                 : -1;
  if (*out >= 0 && blt_serializer_name((unsigned)*out))
    return true;
  reader_bad(reader, "the head names a serializer that is not known");
  return false;
}

/* "slot1" or "slot1_b64", "metadata_text" or "metadata_text_b64". */
static bool read_hidden(struct reader *reader, json_t *head, int which)
{
  struct hidden *hidden = &reader->description.hidden[which];
  const char *plain = which == 0 ? "metadata_text" : hidden_names[which];
  char name[32];
  snprintf(name, sizeof name, "%s_b64", plain);
  json_t *text = json_object_get(head, plain);
  json_t *base64 = json_object_get(head, name);
  snprintf(name, sizeof name, "%s_ts", hidden_names[which]);
  json_t *timestamp = json_object_get(head, name);
  const double microseconds = json_number_value(timestamp);
  hidden->timestamp = json_is_integer(timestamp)
                          ? (uint64_t)json_integer_value(timestamp)
                      : microseconds > 0 ? (uint64_t)microseconds
                                         : NOT_GIVEN;
  hidden->given = text || base64;
  text_clear(&hidden->bytes);
  if (json_is_string(text))
    text_add(&hidden->bytes, json_string_value(text), json_string_length(text));
  else if (text || (base64 && (!json_is_string(base64) ||
                               !text_from_base64(
                                   &hidden->bytes, json_string_value(base64),
                                   json_string_length(base64))))) {
    reader_bad(reader, "the head's %s cannot be read", plain);
    return false;
  }
  return true;
}

static void read_metadata(struct reader *reader, const struct text *line)
{
  struct hidden *hidden = &reader->description.hidden[0];
  blt_bytes text;
  if (!json_member_text((blt_bytes){line->data, line->len}, "metadata", &text))
    return;
  hidden->given = true;
  text_clear(&hidden->bytes);
  text_add(&hidden->bytes, text.data, text.len);
}

static bool read_number(struct reader *reader, json_t *head, const char *name,
                        uint32_t *out)
{
  json_t *value = json_object_get(head, name);
  *out = 0;
  if (!value)
    return true;
  const double number = json_number_value(value);
  if (number >= 1 && number <= UINT32_MAX) {
    *out = (uint32_t)number;
    return true;
  }
  reader_bad(reader, "the head's %s is not a number that it may be", name);
  return false;
}

json_t *head_parse(const struct text *line)
{
  const char *text = line->data ? line->data : "";
  json_t *head = json_loadb(text, line->len, JSON_ALLOW_NUL, NULL);
  return head ? head
              : json_loadb(text, line->len,
                           JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, NULL);
}

bool head_read(struct reader *reader, json_t *head, const struct text *line)
{
  struct description *d = &reader->description;
  const char *kind = json_string_value(json_object_get(head, "kind"));
  if (json_number_value(json_object_get(head, "blt")) != 1 || !kind ||
      (strcmp(kind, "fixed") != 0 && strcmp(kind, "variable") != 0)) {
    reader_bad(reader, "the head is not one that this version knows");
    return false;
  }
  d->fixed = strcmp(kind, "fixed") == 0;
  d->has_timestamps = !json_is_false(json_object_get(head, "timestamps"));
  if (!read_number(reader, head, "n_buckets", &d->n_buckets) ||
      !read_number(reader, head, "value_len", &d->value_len) ||
      !read_serializer(reader, json_object_get(head, "key_serializer"),
                       &d->key_serializer) ||
      !read_serializer(reader, json_object_get(head, "value_serializer"),
                       &d->value_serializer))
    return false;
  for (int i = 0; i < N_HIDDEN; i++)
    if (!read_hidden(reader, head, i))
      return false;
  read_metadata(reader, line);
  d->given = true;
  return true;
}
