/* del.c - remove keys */
#include <inttypes.h>

#include "commands.h"
#include "out.h"
#include "report.h"
#include "source.h"
#include "store.h"

struct deleting {
  struct store store;
  uint64_t n_deleted, n_missing;
};

static void tell_missing(const struct store *store, blt_bytes key)
{
  struct text shown = {0};
  key_write(store->key_type, key, &shown);
  report_note(store->args, store->file, "no key \"%s\"",
              shown.len ? shown.data : "");
  text_release(&shown);
}

static int delete_all(struct deleting *deleting, struct key_source *source)
{
  struct store *store = &deleting->store;
  int got;
  while ((got = key_source_next(source)) > 0) {
    const blt_bytes key = {source->key.data, source->key.len};
    const blt_status status = blt_delete(store->db, key.data, key.len);
    if (status < 0)
      return store_failed(store);
    if (status == BLT_OK) {
      deleting->n_deleted++;
    } else {
      deleting->n_missing++;
      if (!store->args->ignore_missing)
        tell_missing(store, key);
    }
  }
  return got < 0 ? source->code : EXIT_DONE;
}

/* All or, when a key cannot be read, nothing. */
static int delete_batch(struct deleting *deleting, struct key_source *source)
{
  blt_db *db = deleting->store.db;
  if (blt_batch_begin(db) < 0)
    return store_failed(&deleting->store);
  const int code = delete_all(deleting, source);
  if (code != EXIT_DONE) {
    blt_batch_abort(db);
    return code;
  }
  if (blt_batch_commit(db) < 0)
    return store_failed(&deleting->store);
  return deleting->n_missing > 0 && !deleting->store.args->ignore_missing
             ? EXIT_NOT_FOUND
             : EXIT_DONE;
}

static int print_counts(const struct args *args,
                        const struct deleting *deleting, int code)
{
  struct out out;
  out_open(&out, args, NULL);
  out_json(&out,
           json_pack("{sI sI}", "deleted", (json_int_t)deleting->n_deleted,
                     "missing", (json_int_t)deleting->n_missing));
  return out_close(&out, args, code);
}

int cmd_del(const struct args *args)
{
  struct deleting deleting = {.n_deleted = 0};
  if (args->n_words < 2 && !args->keys_from)
    return report_usage(args, "KEY is missing; give at least one, or "
                              "--keys-from");
  struct key_source source;
  key_source_init(&source, args, (struct key_type){KEY_BYTES, 0},
                  args->keys_from);
  int code = key_source_read_ahead(&source);
  if (code == EXIT_DONE)
    code = store_open_mode(&deleting.store, args, args->words[0], BLT_WRITE);
  if (code != EXIT_DONE) {
    key_source_release(&source);
    return code;
  }
  source.type = deleting.store.key_type;
  source.words = args->words + 1;
  source.n_words = args->n_words - 1;
  code = delete_batch(&deleting, &source);
  key_source_release(&source);
  code = store_close(&deleting.store, code);
  if (args->json && code <= EXIT_NOT_FOUND)
    code = print_counts(args, &deleting, code);
  return code;
}
