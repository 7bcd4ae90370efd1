/* merge.c - put the keys of several files into one */
#include <inttypes.h>
#include <string.h>

#include "commands.h"
#include "newfile.h"
#include "out.h"
#include "putting.h"
#include "report.h"
#include "store.h"
#include "units.h"

enum { PROGRESS_STEP = 256 };

struct merging {
  const struct args *args;
  struct store target, source;
  struct newfile new;
  bool is_new;
  enum on_duplicate policy;
  struct batch batch;
  uint64_t n_merged, n_kept;
};

/* The words of --on-duplicate, in the order of its option. */
static enum on_duplicate policy_of(const struct args *args)
{
  static const enum on_duplicate policies[] = {DUPLICATE_NEWEST, DUPLICATE_KEEP,
                                               DUPLICATE_ERROR};
  return policies[args->merge_duplicate];
}

static const char *serializer(unsigned code)
{
  const char *name = blt_serializer_name(code);
  return name ? name : "unknown";
}

/* Keys and values have to mean the same in both. */
static int check_alike(const struct merging *merging)
{
  const struct args *args = merging->args;
  const blt_header *to = &merging->target.header;
  const blt_header *from = &merging->source.header;
  const char *file = merging->source.file;
  if (to->kind != from->kind || to->value_len != from->value_len)
    return report_error(args, EXIT_USAGE, "kind", file,
                        "is of another kind, or has values of another length, "
                        "than %s",
                        args->words[0]);
  if (to->key_serializer != from->key_serializer ||
      to->value_serializer != from->value_serializer)
    return report_error(args, EXIT_USAGE, "kind", file,
                        "has keys of %s and values of %s, and %s of %s and %s; "
                        "blt dump and blt load store the bytes as they are",
                        serializer(from->key_serializer),
                        serializer(from->value_serializer), args->words[0],
                        serializer(to->key_serializer),
                        serializer(to->value_serializer));
  if (merging->policy == DUPLICATE_NEWEST &&
      !(to->has_timestamps && from->has_timestamps))
    return report_error(args, EXIT_USAGE, "unsupported", file,
                        "which key is the newest cannot be told without "
                        "timestamps in both; give --on-duplicate=first");
  return EXIT_DONE;
}

static int tell_duplicate(const struct merging *merging, blt_bytes key)
{
  struct text shown = {0};
  key_write(merging->source.key_type, key, &shown);
  const int code =
      report_error(merging->args, EXIT_REJECTED, "duplicate",
                   merging->source.file, "the key \"%s\" is in %s already",
                   shown.len ? shown.data : "", merging->args->words[0]);
  text_release(&shown);
  return code;
}

static int after_put(struct merging *merging, enum put_outcome outcome,
                     blt_bytes key, const char *reason)
{
  switch (outcome) {
  case PUT_DONE:
    merging->n_merged++;
    return EXIT_DONE;
  case PUT_KEPT:
    merging->n_kept++;
    return EXIT_DONE;
  case PUT_DUPLICATE:
    return tell_duplicate(merging, key);
  case PUT_REFUSED:
    return report_error(merging->args, EXIT_REJECTED, "rejected",
                        merging->source.file, "%s", reason);
  default:
    return interrupted() ? EXIT_INTERRUPTED : store_failed(&merging->target);
  }
}

static uint64_t time_of(const struct merging *merging, uint64_t timestamp)
{
  return merging->source.header.has_timestamps ? timestamp : NOT_GIVEN;
}

static int merge_keys(struct merging *merging)
{
  struct store *source = &merging->source;
  blt_iter *iter;
  blt_item item;
  blt_status status;
  uint64_t n = 0, n_keys;
  int code = EXIT_DONE;
  if (blt_count(source->db, &n_keys) < 0 ||
      blt_iter_open(source->db, BLT_ITER_VALUES | BLT_ITER_TIMESTAMPS, &iter) <
          0)
    return store_failed(source);
  while (code == EXIT_DONE &&
         (status = blt_iter_next(iter, &item)) != BLT_END) {
    const char *reason = NULL;
    if (status < 0) {
      code = store_failed(source);
      break;
    }
    const enum put_outcome outcome =
        batch_put(&merging->batch, merging->policy, item.key, item.value,
                  time_of(merging, item.timestamp), &reason);
    code = after_put(merging, outcome, item.key, reason);
    if (code == EXIT_DONE && ++n % PROGRESS_STEP == 0 &&
        progress_amount(&source->progress, UNIT_KEYS, n, n_keys))
      code = EXIT_INTERRUPTED;
  }
  blt_iter_close(iter);
  progress_clear(&source->progress);
  return code;
}

/* Metadata and slots of two files are no conflict: --on-duplicate=error lets
 * those that are there stay. */
static int merge_hidden(struct merging *merging)
{
  const enum on_duplicate policy =
      merging->policy == DUPLICATE_ERROR ? DUPLICATE_KEEP : merging->policy;
  for (int i = 0; i < N_HIDDEN; i++) {
    blt_bytes bytes;
    uint64_t timestamp;
    const char *reason;
    const blt_status status =
        store_hidden(&merging->source, i, &bytes, &timestamp);
    if (status < 0)
      return store_failed(&merging->source);
    if (status == BLT_OK &&
        put_hidden(&merging->target, policy, i, bytes,
                   time_of(merging, timestamp), &reason) >= PUT_REFUSED)
      return store_failed(&merging->target);
  }
  return EXIT_DONE;
}

/* A target that is missing becomes a file like the first source. */
static int open_target(struct merging *merging)
{
  const struct args *args = merging->args;
  if (newfile_exists(args->words[0]))
    return store_open_mode(&merging->target, args, args->words[0], BLT_WRITE);
  blt_options options = store_options(args, BLT_CREATE);
  options.header = merging->source.header.bytes;
  newfile_begin(&merging->new, args->words[0]);
  merging->is_new = true;
  const int code = store_make(&merging->target, args, &merging->new, &options);
  if (code != EXIT_DONE)
    newfile_drop(&merging->new);
  return code;
}

static int merge_source(struct merging *merging, const char *file)
{
  const struct args *args = merging->args;
  int code = store_open_mode(&merging->source, args, file, BLT_READ);
  if (code != EXIT_DONE)
    return code;
  if (!merging->target.db)
    code = open_target(merging);
  merging->batch.store = &merging->target;
  if (code == EXIT_DONE)
    code = check_alike(merging);
  if (code == EXIT_DONE)
    code = merge_keys(merging);
  if (code == EXIT_DONE)
    code = merge_hidden(merging);
  return store_close(&merging->source, code);
}

static int finish(struct merging *merging, int code)
{
  const struct args *args = merging->args;
  code = batch_end(&merging->batch, code);
  const bool went_well = code == EXIT_DONE;
  code = store_close(&merging->target, code);
  if (merging->is_new && code == EXIT_DONE)
    return newfile_keep(&merging->new, args, false);
  if (merging->is_new)
    newfile_drop(&merging->new);
  if (!went_well && merging->is_new && code == EXIT_INTERRUPTED)
    return report_error(args, code, "cancelled", args->words[0],
                        "interrupted; it is not made");
  if (!went_well && !merging->is_new)
    report_note(args, args->words[0], "%" PRIu64 " %s merged, the rest is not",
                merging->batch.n_safe,
                merging->batch.n_safe == 1 ? "key is" : "keys are");
  return code;
}

static void add_more(struct text *line, uint64_t n, const char *what)
{
  text_add_string(line, ", ");
  text_add_count(line, n);
  text_add_string(line, what);
}

static int print_counts(const struct merging *merging)
{
  const struct args *args = merging->args;
  struct out out;
  struct text line = {0};
  out_open(&out, args, NULL);
  if (args->json) {
    out_json(&out, json_pack("{sI sI}", "merged", (json_int_t)merging->n_merged,
                             "kept", (json_int_t)merging->n_kept));
  } else if (!args->quiet) {
    text_add_string(&line, "merged ");
    text_add_counted(&line, merging->n_merged, "key");
    if (merging->n_kept > 0)
      add_more(&line, merging->n_kept,
               merging->n_kept == 1 ? " stayed as it was"
                                    : " stayed as they were");
    text_add_string(&line, "\n");
    out_text(&out, &line);
  }
  text_release(&line);
  return out_close(&out, args, EXIT_DONE);
}

int cmd_merge(const struct args *args)
{
  struct merging merging = {.args = args, .policy = policy_of(args)};
  int code = EXIT_DONE;
  if (args->no_lock)
    return report_usage(args, "--no-lock is for commands that only read; "
                              "leave it out");
  for (size_t i = 1; i < args->n_words; i++)
    if (newfile_is_same(args->words[0], args->words[i]))
      return report_usage(args, "%s and %s are one file", args->words[0],
                          args->words[i]);
  interrupt_catch();
  for (size_t i = 1; i < args->n_words && code == EXIT_DONE; i++)
    code = merge_source(&merging, args->words[i]);
  if (merging.target.db)
    code = finish(&merging, code);
  return code == EXIT_DONE ? print_counts(&merging) : code;
}
