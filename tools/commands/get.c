/* get.c - print values of keys */
#include <stdbool.h>
#include <string.h>

#include "commands.h"
#include "decode.h"
#include "out.h"
#include "report.h"
#include "source.h"
#include "store.h"
#include "units.h"

/* What stays the same from key to key. */
struct getting {
  const struct args *args;
  struct store store;
  struct out out;
  bool many; /* values are ended by a newline or NUL                 */
  bool any_missing;
};

static void end_line(struct getting *getting)
{
  out_bytes(&getting->out, getting->args->nul ? "" : "\n", 1);
}

static void print_line(struct getting *getting, const struct text *text)
{
  out_text(&getting->out, text);
  end_line(getting);
}

static int bad_value(struct getting *getting, blt_bytes key)
{
  struct text shown = {0};
  key_write(getting->store.key_type, key, &shown);
  const char *name =
      blt_serializer_name(getting->store.header.value_serializer);
  const int code = report_error(
      getting->args, EXIT_DAMAGED, "decode", getting->store.file,
      "the value of key \"%s\" is not %s; leave out --decode for its bytes",
      shown.len ? shown.data : "", name ? name : "known");
  text_release(&shown);
  return code;
}

static int print_decoded(struct getting *getting, blt_bytes key,
                         blt_bytes value)
{
  struct text text = {0};
  int code = EXIT_DONE;
  switch (decode_value(&getting->store.header, value, &text)) {
  case DECODED_FAILED:
    code = bad_value(getting, key);
    break;
  case DECODED_BYTES:
    out_text(&getting->out, &text);
    if (getting->many)
      end_line(getting);
    break;
  default:
    print_line(getting, &text);
  }
  text_release(&text);
  return code;
}

static int print_plain(struct getting *getting, blt_bytes key, blt_bytes value)
{
  const struct args *args = getting->args;
  if (args->decode)
    return print_decoded(getting, key, value);
  struct text text = {0};
  if (args->hex)
    text_add_hex(&text, value.data, value.len);
  else if (args->base64)
    text_add_base64(&text, value.data, value.len);
  if (args->hex || args->base64)
    print_line(getting, &text);
  else
    out_bytes(&getting->out, value.data, value.len);
  if (getting->many && !args->hex && !args->base64)
    end_line(getting);
  text_release(&text);
  return EXIT_DONE;
}

static void print_encoded(struct getting *getting, json_t *object,
                          blt_bytes value)
{
  if (getting->args->hex)
    json_add_encoded(object, "value_hex", text_add_hex, value);
  else if (getting->args->base64)
    json_add_encoded(object, "value_b64", text_add_base64, value);
  else
    json_add_bytes(object, "value", value);
  out_json(&getting->out, object);
}

static int print_decoded_object(struct getting *getting, json_t *object,
                                blt_bytes key, blt_bytes value)
{
  struct text text = {0};
  int code = EXIT_DONE;
  switch (decode_value(&getting->store.header, value, &text)) {
  case DECODED_JSON:
    out_json_with(&getting->out, object, "value_json",
                  (blt_bytes){text.data, text.len});
    break;
  case DECODED_FAILED:
    code = bad_value(getting, key);
    json_decref(object);
    break;
  case DECODED_SUMMARY:
    print_encoded(getting, object, value);
    break;
  default:
    print_encoded(getting, object, (blt_bytes){text.data, text.len});
  }
  text_release(&text);
  return code;
}

static int print_object(struct getting *getting, blt_bytes key, blt_bytes value,
                        uint64_t timestamp)
{
  json_t *object = json_object();
  key_add_json(getting->store.key_type, key, object);
  if (getting->args->show_time)
    json_object_set_new(object, "ts", json_integer((json_int_t)timestamp));
  if (getting->args->decode)
    return print_decoded_object(getting, object, key, value);
  print_encoded(getting, object, value);
  return EXIT_DONE;
}

static void print_default(struct getting *getting, blt_bytes key)
{
  const char *word = getting->args->default_value;
  const blt_bytes value = {word, strlen(word)};
  if (getting->args->json) {
    json_t *object = json_object();
    key_add_json(getting->store.key_type, key, object);
    json_object_set_new(object, "missing", json_true());
    json_add_bytes(object, "value", value);
    out_json(&getting->out, object);
    return;
  }
  out_bytes(&getting->out, value.data, value.len);
  if (getting->many)
    end_line(getting);
}

static void print_missing(struct getting *getting, blt_bytes key)
{
  const struct args *args = getting->args;
  getting->any_missing = true;
  if (args->json) {
    json_t *object = json_object();
    key_add_json(getting->store.key_type, key, object);
    json_object_set_new(object, "missing", json_true());
    out_json(&getting->out, object);
    return;
  }
  struct text shown = {0};
  key_write(getting->store.key_type, key, &shown);
  report_note(args, getting->store.file, "no key \"%s\"",
              shown.len ? shown.data : "");
  text_release(&shown);
}

static int print_time(struct getting *getting, uint64_t timestamp)
{
  struct text text = {0};
  text_add_time(&text, timestamp);
  print_line(getting, &text);
  text_release(&text);
  return EXIT_DONE;
}

static int get_one(struct getting *getting, blt_bytes key)
{
  struct store *store = &getting->store;
  const struct args *args = getting->args;
  blt_bytes value;
  uint64_t timestamp = 0;
  blt_status status = blt_get(store->db, key.data, key.len, &value);
  if (status == BLT_OK && args->show_time)
    status = blt_timestamp_get(store->db, key.data, key.len, &timestamp);
  if (status < 0)
    return store_failed(store);
  if (status == BLT_NOT_FOUND) {
    if (args->default_value)
      print_default(getting, key);
    else
      print_missing(getting, key);
    return EXIT_DONE;
  }
  if (args->json)
    return print_object(getting, key, value, timestamp);
  return args->show_time ? print_time(getting, timestamp)
                         : print_plain(getting, key, value);
}

static int stopped(const struct getting *getting)
{
  if (!getting->out.path)
    return EXIT_INTERRUPTED;
  return report_error(getting->args, EXIT_INTERRUPTED, "cancelled",
                      getting->args->output, "interrupted; it is not made");
}

static int get_all(struct getting *getting, struct key_source *source)
{
  int code = EXIT_DONE, got;
  while (code == EXIT_DONE && !out_failed(&getting->out)) {
    got = key_source_next(source);
    if (got < 0)
      return source->code == EXIT_INTERRUPTED ? stopped(getting) : source->code;
    if (got == 0)
      break;
    code =
        interrupted()
            ? stopped(getting)
            : get_one(getting, (blt_bytes){source->key.data, source->key.len});
  }
  if (code == EXIT_DONE && getting->any_missing)
    return EXIT_NOT_FOUND;
  return code;
}

static int check_options(const struct args *args)
{
  const int n_forms = args->hex + args->base64 + args->decode;
  if (args->n_words < 2 && !args->keys_from)
    return report_usage(args, "KEY is missing; give at least one, or "
                              "--keys-from");
  if (n_forms > 1 || (args->show_time && !args->json && n_forms > 0))
    return report_usage(args, "--hex, --base64, --decode and --timestamp "
                              "exclude each other; give one");
  return EXIT_DONE;
}

static int get_from_store(struct getting *getting)
{
  const struct args *args = getting->args;
  if (args->decode) {
    const int code =
        decode_check(args, getting->store.file, &getting->store.header);
    if (code != EXIT_DONE)
      return code;
  }
  int code = out_open(&getting->out, args, args->output);
  if (code != EXIT_DONE)
    return code;
  struct key_source source;
  key_source_init(&source, args, getting->store.key_type, args->keys_from);
  source.words = args->words + 1;
  source.n_words = args->n_words - 1;
  code = get_all(getting, &source);
  key_source_release(&source);
  return out_close(&getting->out, args, code);
}

int cmd_get(const struct args *args)
{
  int code = check_options(args);
  if (code != EXIT_DONE)
    return code;
  struct getting getting = {.args = args,
                            .many = args->n_words > 2 || args->keys_from};
  code = store_open_mode(&getting.store, args, args->words[0], BLT_READ);
  if (code != EXIT_DONE)
    return code;
  return store_close(&getting.store, get_from_store(&getting));
}
