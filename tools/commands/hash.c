/* hash.c - a digest of what files hold, whatever the order */
#include <string.h>

#include "commands.h"
#include "digest.h"
#include "out.h"
#include "report.h"
#include "store.h"

enum { PROGRESS_STEP = 1024 };

static int digest_store(struct store *store, struct digest *digest)
{
  unsigned flags = BLT_ITER_VALUES | BLT_ITER_TIMESTAMPS;
  blt_iter *iter;
  blt_item item;
  blt_status status;
  uint64_t n_keys, n = 0;
  int code = EXIT_DONE;
  if (store->args->all)
    flags |= BLT_ITER_HIDDEN;
  if (blt_count(store->db, &n_keys) < 0 ||
      blt_iter_open(store->db, flags, &iter) < 0)
    return store_failed(store);
  while (code == EXIT_DONE &&
         (status = blt_iter_next(iter, &item)) != BLT_END) {
    if (status < 0) {
      code = store_failed(store);
      break;
    }
    digest_add(digest, &item);
    if (++n % PROGRESS_STEP == 0 &&
        progress_amount(&store->progress, UNIT_KEYS, n, n_keys))
      code = EXIT_INTERRUPTED;
  }
  blt_iter_close(iter);
  progress_clear(&store->progress);
  return code;
}

static void print_digest(const struct args *args, const char *file,
                         const struct digest *digest, struct out *out)
{
  struct text text = {0};
  digest_write(digest, &text);
  if (args->json) {
    json_t *object = json_object();
    json_add_bytes(object, "file", (blt_bytes){file, strlen(file)});
    json_object_set_new(object, "hash", json_stringn(text.data, text.len));
    json_object_set_new(object, "keys", json_integer((json_int_t)digest->n));
    out_json(out, object);
  } else {
    text_add_string(&text, "  ");
    text_add_printable(&text, file, strlen(file));
    text_add_string(&text, "\n");
    out_text(out, &text);
  }
  text_release(&text);
}

static int hash_file(const struct args *args, const char *file, struct out *out)
{
  struct store store;
  struct digest digest = {.with_times = args->with_times};
  int code = store_open_mode(&store, args, file, BLT_READ);
  if (code != EXIT_DONE)
    return code;
  if (args->with_times && !store.header.has_timestamps)
    code = report_error(args, EXIT_USAGE, "unsupported", file,
                        "keeps no timestamps; leave out --timestamps");
  if (code == EXIT_DONE)
    code = digest_store(&store, &digest);
  code = store_close(&store, code);
  if (code == EXIT_DONE)
    print_digest(args, file, &digest, out);
  return code;
}

int cmd_hash(const struct args *args)
{
  struct out out;
  int worst = EXIT_DONE;
  out_open(&out, args, NULL);
  for (size_t i = 0; i < args->n_words && !out_failed(&out); i++) {
    const int code = hash_file(args, args->words[i], &out);
    worst = code > worst ? code : worst;
    if (code == EXIT_INTERRUPTED)
      break;
  }
  return out_close(&out, args, worst);
}
