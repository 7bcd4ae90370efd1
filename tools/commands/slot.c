/* slot.c - the two hidden values that applications may keep in a file */
#include <inttypes.h>
#include <string.h>

#include "commands.h"
#include "out.h"
#include "report.h"
#include "source.h"
#include "store.h"
#include "units.h"

static int missing(const struct store *store, int slot)
{
  report_note(store->args, store->file, "slot %d is empty", slot);
  return EXIT_NOT_FOUND;
}

static int print_value(struct store *store, blt_bytes value, uint64_t timestamp)
{
  const struct args *args = store->args;
  struct out out;
  int code = out_open(&out, args, args->output);
  if (code != EXIT_DONE)
    return code;
  if (args->show_time) {
    struct text text = {0};
    text_add_time(&text, timestamp);
    out_format(&out, "%s\n", text.data);
    text_release(&text);
  } else if (args->json) {
    json_t *object = json_object();
    if (store->header.has_timestamps)
      json_object_set_new(object, "ts", json_integer((json_int_t)timestamp));
    json_add_bytes(object, "value", value);
    out_json(&out, object);
  } else {
    out_bytes(&out, value.data, value.len);
  }
  return out_close(&out, args, EXIT_DONE);
}

static int slot_get(struct store *store, int slot)
{
  blt_bytes value;
  uint64_t timestamp = 0;
  const blt_status status = blt_slot_get(store->db, slot, &value, &timestamp);
  if (status < 0)
    return store_failed(store);
  if (status == BLT_NOT_FOUND)
    return missing(store, slot);
  if (store->args->show_time && !store->header.has_timestamps)
    return report_error(store->args, EXIT_USAGE, "unsupported", store->file,
                        "keeps no timestamps; leave out --timestamp");
  return print_value(store, value, timestamp);
}

static int slot_set(struct store *store, int slot, const struct text *value)
{
  return blt_slot_set(store->db, slot, value->data, value->len, BLT_NOW) < 0
             ? store_failed(store)
             : EXIT_DONE;
}

static int slot_del(struct store *store, int slot)
{
  const blt_status status = blt_slot_delete(store->db, slot);
  if (status < 0)
    return store_failed(store);
  return status == BLT_NOT_FOUND ? missing(store, slot) : EXIT_DONE;
}

/* Standard input is read before the file is locked. */
int cmd_slot(const struct args *args)
{
  const char *number = args->words[1];
  const char *verb = args->n_words > 2 ? args->words[2] : "get";
  const bool gets = strcmp(verb, "get") == 0, sets = strcmp(verb, "set") == 0;
  if (strcmp(number, "1") != 0 && strcmp(number, "2") != 0)
    return report_usage(args, "there is no slot \"%s\"; give 1 or 2", number);
  if (!gets && !sets && strcmp(verb, "del") != 0)
    return report_usage(args,
                        "\"%s\" is not one of get, set, del; the form is blt "
                        "slot %s",
                        verb, args->command->words);
  if (args->n_words > 3 && !sets)
    return report_usage(args, "\"%s\" is too much; the form is blt slot %s",
                        args->words[3], args->command->words);
  if ((args->output || args->show_time) && !gets)
    return report_usage(args, "--output and --timestamp are for slot FILE N "
                              "get; leave them out");
  struct text value = {0};
  struct store store;
  const int slot = number[0] - '0';
  int code = EXIT_DONE;
  if (sets)
    code =
        source_value(args, args->n_words > 3 ? args->words[3] : NULL, &value);
  if (code == EXIT_DONE)
    code = store_open_mode(&store, args, args->words[0],
                           gets ? BLT_READ : BLT_WRITE);
  if (code == EXIT_DONE) {
    code = gets   ? slot_get(&store, slot)
           : sets ? slot_set(&store, slot, &value)
                  : slot_del(&store, slot);
    code = store_close(&store, code);
  }
  text_release(&value);
  return code;
}
