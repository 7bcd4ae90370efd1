/* put.c - store a value */
#include <string.h>

#include "commands.h"
#include "out.h"
#include "report.h"
#include "source.h"
#include "store.h"

static int read_key(const struct store *store, struct text *key)
{
  const char *word = store->args->words[1];
  const char *reason = key_read(store->key_type, word, strlen(word), key);
  if (!reason && store->key_type.form == KEY_STR &&
      !utf8_valid(key->data, key->len))
    reason = "is not UTF-8, which keys of this file are";
  if (!reason)
    return EXIT_DONE;
  struct text shown = {0};
  text_add_printable(&shown, word, strlen(word));
  const int code = report_usage(store->args,
                                "the key \"%s\" %s; correct it or see "
                                "--key-type",
                                shown.len ? shown.data : "", reason);
  text_release(&shown);
  return code;
}

static int put(struct store *store, const struct text *key,
               const struct text *value)
{
  const struct args *args = store->args;
  if (args->if_absent) {
    const blt_status status = blt_has(store->db, key->data, key->len);
    if (status < 0)
      return store_failed(store);
    if (status == BLT_OK) {
      report_note(args, store->file,
                  "the key exists already; it was left "
                  "as it is");
      return EXIT_NOT_FOUND;
    }
  }
  const uint64_t timestamp =
      args->timestamp == NOT_GIVEN ? BLT_NOW : args->timestamp;
  const blt_status status = blt_put_at(store->db, key->data, key->len,
                                       value->data, value->len, timestamp);
  return status < 0 ? store_failed(store) : EXIT_DONE;
}

static int print_stored(const struct args *args, const struct store *store,
                        const struct text *key, size_t value_len)
{
  struct out out;
  out_open(&out, args, NULL);
  json_t *object = json_object();
  key_add_json(store->key_type, (blt_bytes){key->data, key->len}, object);
  json_object_set_new(object, "size", json_integer((json_int_t)value_len));
  out_json(&out, object);
  return out_close(&out, args, EXIT_DONE);
}

/* --key-type, when it names a serializer, is that of a file which is made
 * here. */
static blt_options put_options(const struct args *args)
{
  blt_options options =
      store_options(args, args->create ? BLT_CREATE : BLT_WRITE);
  const int code = args->key_type ? serializer_of(args->key_type) : -1;
  if (code > 0)
    options.key_serializer = (uint32_t)code;
  return options;
}

/* Standard input is read first, so that nobody waits for the lock while we
 * wait for it. */
int cmd_put(const struct args *args)
{
  struct text key = {0}, value = {0};
  struct store store;
  blt_options options = put_options(args);
  const char *word = args->n_words > 2 ? args->words[2] : NULL;
  int code = source_value(args, word, &value);
  if (code != EXIT_DONE)
    goto done;
  code = store_open(&store, args, args->words[0], &options);
  if (code != EXIT_DONE)
    goto done;
  code = read_key(&store, &key);
  if (code == EXIT_DONE)
    code = put(&store, &key, &value);
  code = store_close(&store, code);
  if (code == EXIT_DONE && args->json)
    code = print_stored(args, &store, &key, value.len);
done:
  text_release(&key);
  text_release(&value);
  return code;
}
