/* has.c - ask whether keys exist */
#include <stdbool.h>

#include "commands.h"
#include "out.h"
#include "report.h"
#include "source.h"
#include "store.h"

static void print_found(struct out *out, struct key_type type, blt_bytes key,
                        bool found)
{
  json_t *object = json_object();
  key_add_json(type, key, object);
  json_object_set_new(object, "found", json_boolean(found));
  out_json(out, object);
}

static int ask_all(struct store *store, struct key_source *source,
                   struct out *out)
{
  int code = EXIT_DONE, got;
  while ((got = key_source_next(source)) > 0) {
    const blt_bytes key = {source->key.data, source->key.len};
    const blt_status status = blt_has(store->db, key.data, key.len);
    if (status < 0)
      return store_failed(store);
    if (status == BLT_NOT_FOUND)
      code = EXIT_NOT_FOUND;
    if (store->args->json)
      print_found(out, store->key_type, key, status == BLT_OK);
  }
  return got < 0 ? source->code : code;
}

int cmd_has(const struct args *args)
{
  struct store store;
  int code = store_open_mode(&store, args, args->words[0], BLT_READ);
  if (code != EXIT_DONE)
    return code;
  struct out out;
  out_open(&out, args, NULL);
  struct key_source source;
  key_source_init(&source, args, store.key_type, NULL);
  source.words = args->words + 1;
  source.n_words = args->n_words - 1;
  code = ask_all(&store, &source, &out);
  key_source_release(&source);
  return store_close(&store, out_close(&out, args, code));
}
