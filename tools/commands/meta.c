/* meta.c - show, store or remove the metadata */
#include <stdbool.h>
#include <string.h>

#include "commands.h"
#include "out.h"
#include "report.h"
#include "source.h"
#include "store.h"
#include "units.h"

static bool is_json(blt_bytes data, json_error_t *error)
{
  json_t *json = json_loadb(
      data.len ? data.data : "", data.len,
      JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL, error);
  json_decref(json);
  return json != NULL;
}

/* Metadata that some other program stored may be anything. */
static int print_object(struct store *store, blt_bytes data, uint64_t timestamp)
{
  struct out out;
  json_error_t error;
  out_open(&out, store->args, NULL);
  json_t *object = json_object();
  if (store->header.has_timestamps)
    json_object_set_new(object, "ts", json_integer((json_int_t)timestamp));
  if (is_json(data, &error)) {
    out_json_with(&out, object, "metadata", data);
  } else {
    json_add_bytes(object, "metadata_text", data);
    out_json(&out, object);
  }
  return out_close(&out, store->args, EXIT_DONE);
}

static int print_plain(struct store *store, blt_bytes data, uint64_t timestamp)
{
  struct out out;
  struct text text = {0};
  out_open(&out, store->args, NULL);
  if (store->args->show_time)
    text_add_time(&text, timestamp);
  else
    text_add(&text, data.data, data.len);
  text_add_string(&text, "\n");
  out_text(&out, &text);
  text_release(&text);
  return out_close(&out, store->args, EXIT_DONE);
}

static int meta_get(const struct args *args)
{
  struct store store;
  int code = store_open_mode(&store, args, args->words[0], BLT_READ);
  if (code != EXIT_DONE)
    return code;
  blt_bytes data;
  uint64_t timestamp = 0;
  const blt_status status = blt_metadata_get(store.db, &data, &timestamp);
  if (status < 0) {
    code = store_failed(&store);
  } else if (status == BLT_NOT_FOUND) {
    report_note(args, store.file, "has no metadata");
    code = EXIT_NOT_FOUND;
  } else if (args->show_time && !store.header.has_timestamps) {
    code = report_error(args, EXIT_USAGE, "unsupported", store.file,
                        "keeps no timestamps; leave out --timestamp");
  } else {
    code = args->json ? print_object(&store, data, timestamp)
                      : print_plain(&store, data, timestamp);
  }
  return store_close(&store, code);
}

/* booklet reads the metadata as JSON, so nothing else may be stored. */
static int check_json(const struct args *args, const struct text *text)
{
  json_error_t error;
  if (is_json((blt_bytes){text->data, text->len}, &error))
    return EXIT_DONE;
  return report_usage(args,
                      "the metadata is not JSON (line %d: %s); correct "
                      "it",
                      error.line, error.text);
}

static int meta_set(const struct args *args)
{
  struct store store;
  struct text text = {0};
  int code =
      source_value(args, args->n_words > 2 ? args->words[2] : NULL, &text);
  if (code == EXIT_DONE)
    code = check_json(args, &text);
  if (code == EXIT_DONE)
    code = store_open_mode(&store, args, args->words[0], BLT_WRITE);
  if (code == EXIT_DONE) {
    if (blt_metadata_set(store.db, text.data, text.len, BLT_NOW) < 0)
      code = store_failed(&store);
    code = store_close(&store, code);
  }
  text_release(&text);
  return code;
}

static int meta_del(const struct args *args)
{
  struct store store;
  int code = store_open_mode(&store, args, args->words[0], BLT_WRITE);
  if (code != EXIT_DONE)
    return code;
  const blt_status status = blt_metadata_delete(store.db);
  if (status < 0)
    code = store_failed(&store);
  else if (status == BLT_NOT_FOUND) {
    report_note(args, store.file, "has no metadata");
    code = EXIT_NOT_FOUND;
  }
  return store_close(&store, code);
}

int cmd_meta(const struct args *args)
{
  const char *verb = args->n_words > 1 ? args->words[1] : "get";
  const bool is_set = strcmp(verb, "set") == 0;
  if (args->n_words > 2 && !is_set)
    return report_usage(args, "\"%s\" is too much; the form is blt meta %s",
                        args->words[2], args->command->words);
  if (args->show_time && strcmp(verb, "get") != 0)
    return report_usage(args, "--timestamp is for meta FILE get; leave it "
                              "out");
  if (strcmp(verb, "get") == 0)
    return meta_get(args);
  if (is_set)
    return meta_set(args);
  if (strcmp(verb, "del") == 0)
    return meta_del(args);
  return report_usage(args,
                      "\"%s\" is not one of get, set, del; the form is "
                      "blt meta %s",
                      verb, args->command->words);
}
