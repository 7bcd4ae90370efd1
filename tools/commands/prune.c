/* prune.c - rewrite a file without its dead data */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "out.h"
#include "report.h"
#include "source.h"
#include "store.h"
#include "survey.h"
#include "units.h"

/* Keys one behind the other in `bytes`; `keys` is made when all are there,
 * since `bytes` moves as it grows. */
struct key_list {
  struct text bytes;
  struct text lens; /* of size_t                                            */
  blt_bytes *keys;
  size_t n;
};

/* What was or would be done. */
struct outcome {
  uint64_t n_dropped, bytes_before, bytes_after;
};

static void key_list_release(struct key_list *list)
{
  text_release(&list->bytes);
  text_release(&list->lens);
  free(list->keys);
}

static bool point_at_keys(struct key_list *list)
{
  list->keys = calloc(list->n ? list->n : 1, sizeof *list->keys);
  if (!list->keys)
    return false;
  size_t start = 0;
  for (size_t i = 0; i < list->n; i++) {
    size_t len;
    memcpy(&len, list->lens.data + i * sizeof len, sizeof len);
    list->keys[i] = (blt_bytes){list->bytes.data + start, len};
    start += len;
  }
  return true;
}

static int key_list_read(struct key_list *list, struct key_source *source)
{
  int got;
  while ((got = key_source_next(source)) > 0) {
    text_add(&list->bytes, source->key.data, source->key.len);
    text_add(&list->lens, &source->key.len, sizeof source->key.len);
    list->n++;
  }
  if (got < 0)
    return source->code;
  return point_at_keys(list) ? EXIT_DONE
                             : report_error(source->args, EXIT_SYSTEM,
                                            "no_memory", NULL, "out of memory");
}

static int compare_keys(const void *a, const void *b)
{
  const blt_bytes *left = a, *right = b;
  const size_t shorter = left->len < right->len ? left->len : right->len;
  const int order = shorter ? memcmp(left->data, right->data, shorter) : 0;
  if (order != 0)
    return order;
  return (left->len > right->len) - (left->len < right->len);
}

static bool is_kept(const struct key_list *list, blt_bytes key)
{
  return list->n > 0 &&
         bsearch(&key, list->keys, list->n, sizeof key, compare_keys) != NULL;
}

/* Counts live keys that are too old and the bytes of their keys and values. */
static int count_old(struct store *store, struct key_list *keep,
                     struct outcome *outcome)
{
  blt_iter *iter;
  blt_item item;
  blt_status status;
  if (keep->n > 0)
    qsort(keep->keys, keep->n, sizeof *keep->keys, compare_keys);
  if (blt_iter_open(store->db, BLT_ITER_TIMESTAMPS, &iter) < 0)
    return store_failed(store);
  while ((status = blt_iter_next(iter, &item)) == BLT_OK)
    if (item.timestamp < store->args->older_than && !is_kept(keep, item.key)) {
      outcome->n_dropped++;
      outcome->bytes_after -= item.key.len + item.value.len;
    }
  blt_iter_close(iter);
  return status < 0 ? store_failed(store) : EXIT_DONE;
}

static uint32_t buckets_after(const struct store *store, uint64_t n_blocks)
{
  const uint64_t buckets = store->args->buckets;
  if (buckets == BUCKETS_AUTO)
    return blt_buckets_for(n_blocks);
  return buckets == NOT_GIVEN ? store->header.n_buckets : (uint32_t)buckets;
}

static int foresee(struct store *store, struct key_list *keep,
                   struct outcome *outcome)
{
  blt_stats stats;
  if (blt_stat(store->db, &stats) < 0)
    return store_failed(store);
  outcome->n_dropped = stats.n_dead - stats.n_records;
  outcome->bytes_before = stats.file_len;
  outcome->bytes_after = pruned_len(&stats, buckets_after(store, stats.n_live));
  if (store->args->older_than == NOT_GIVEN)
    return EXIT_DONE;
  return count_old(store, keep, outcome);
}

static int prune(struct store *store, struct key_list *keep,
                 struct outcome *outcome)
{
  const struct args *args = store->args;
  blt_prune_options options = BLT_PRUNE_OPTIONS_INIT;
  if (args->older_than != NOT_GIVEN)
    options.older_than = args->older_than;
  options.keep_keys = keep->keys;
  options.n_keep_keys = keep->n;
  if (args->buckets == BUCKETS_AUTO)
    options.fit_buckets = BLT_ON;
  else if (args->buckets != NOT_GIVEN)
    options.n_buckets = (uint32_t)args->buckets;
  interrupt_catch();
  if (blt_prune(store->db, &options, &outcome->n_dropped) < 0)
    return store_failed(store);
  progress_clear(&store->progress);
  return EXIT_DONE;
}

static int print_outcome(const struct args *args, const struct outcome *outcome)
{
  struct out out;
  out_open(&out, args, NULL);
  if (args->json) {
    out_json(&out, json_pack("{sI sI sI sb}", "dropped",
                             (json_int_t)outcome->n_dropped, "bytes_before",
                             (json_int_t)outcome->bytes_before, "bytes_after",
                             (json_int_t)outcome->bytes_after, "dry_run",
                             args->dry_run));
  } else if (!args->quiet) {
    struct text line = {0};
    text_add_string(&line, args->dry_run ? "would drop " : "dropped ");
    text_add_counted(&line, outcome->n_dropped, "block");
    text_add_string(&line, ", ");
    text_add_size(&line, outcome->bytes_before);
    text_add_string(&line, " -> ");
    text_add_size(&line, outcome->bytes_after);
    out_format(&out, "%s\n", line.data);
    text_release(&line);
  }
  return out_close(&out, args, EXIT_DONE);
}

static int prune_store(struct store *store, struct key_source *source,
                       struct outcome *outcome)
{
  struct key_list keep = {.n = 0};
  const struct args *args = store->args;
  int code = EXIT_DONE;
  if (args->older_than != NOT_GIVEN && !store->header.has_timestamps)
    code = report_error(args, EXIT_USAGE, "unsupported", store->file,
                        "keeps no timestamps; leave out --older-than");
  source->type = store->key_type;
  if (code == EXIT_DONE)
    code = key_list_read(&keep, source);
  if (code == EXIT_DONE)
    code = args->dry_run ? foresee(store, &keep, outcome)
                         : prune(store, &keep, outcome);
  key_list_release(&keep);
  return code;
}

static bool confirmed(const struct args *args, const char *file)
{
  if (args->dry_run)
    return true;
  if (args->older_than == NOT_GIVEN)
    return confirm(args, "rewrite %s without its dead data?", file);
  struct text time = {0};
  text_add_seconds(&time, args->older_than);
  const bool yes = confirm(args,
                           "rewrite %s without its dead data and the "
                           "keys of before %s?",
                           file, time.data);
  text_release(&time);
  return yes;
}

int cmd_prune(const struct args *args)
{
  const char *file = args->words[0];
  if (args->keep_keys && args->older_than == NOT_GIVEN)
    return report_usage(args, "--keep-keys exempts keys from --older-than; "
                              "give that as well");
  if (!confirmed(args, file)) {
    report_note(args, file, "left as it is");
    return EXIT_NOT_FOUND;
  }
  struct store store;
  struct key_source source;
  struct outcome outcome = {.bytes_before = file_length(file)};
  key_source_init(&source, args, (struct key_type){KEY_BYTES, 0},
                  args->keep_keys);
  int code = key_source_read_ahead(&source);
  if (code == EXIT_DONE)
    code = store_open_mode(&store, args, file,
                           args->dry_run ? BLT_READ : BLT_WRITE);
  if (code == EXIT_DONE)
    code = store_close(&store, prune_store(&store, &source, &outcome));
  key_source_release(&source);
  if (code != EXIT_DONE)
    return code;
  if (!args->dry_run)
    outcome.bytes_after = file_length(file);
  return print_outcome(args, &outcome);
}
