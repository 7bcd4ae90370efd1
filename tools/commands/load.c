/*
 * load.c - put the rows of streams into a file
 *
 *   inputs -> format -> shard -> schema -> store
 *                \________________\__ bad rows
 *
 * A file that was not there appears when all rows are in it.
 */
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "describe.h"
#include "formats/format.h"
#include "newfile.h"
#include "putting.h"
#include "rejects.h"
#include "report.h"
#include "schema.h"
#include "shard.h"
#include "units.h"

/* Told now and then how far it has come. */
enum { PROGRESS_STEP = 256 };

struct loading {
  const struct args *args;
  struct store store;
  bool is_new;
  struct newfile new;
  enum on_duplicate policy;
  struct batch batch;
  struct shard shard;
  struct schema schema;
  struct rejects rejects;
  /* the stream that is read now */
  struct input input;
  struct reader reader;
  uint64_t len_before, len_total; /* of all inputs; total 0: not known      */
  uint64_t n_rows, n_loaded, n_kept, n_elsewhere;
};

/* ---- inputs */

static const char *input_path(const struct args *args, size_t i)
{
  return args->n_words > 1 ? args->words[1 + i] : "-";
}

static size_t n_inputs(const struct args *args)
{
  return args->n_words > 1 ? args->n_words - 1 : 1;
}

/* A header names its columns key_hex and the like, and jsonl its members. */
static int check_encoding(const struct args *args, const struct format *format)
{
  const bool has_header =
      !args->no_header || (format != &format_csv && format != &format_tsv);
  if (args->hex && args->base64)
    return report_usage(args, "--hex and --base64 exclude each other; give "
                              "one");
  if ((args->hex || args->base64) && has_header)
    return report_usage(args,
                        "--%s is for csv and tsv with --no-header; give "
                        "that, or say in the input what is encoded, as "
                        "key_%s",
                        args->hex ? "hex" : "base64",
                        args->hex ? "hex" : "b64");
  return EXIT_DONE;
}

static int begin_input(struct loading *loading, size_t i)
{
  const struct args *args = loading->args;
  const char *path = input_path(args, i);
  const struct format *format = format_of_path(path);
  if (!format)
    format = &format_jsonl;
  int code = args->format ? format_choose(args, &format) : EXIT_DONE;
  if (code == EXIT_DONE)
    code = check_encoding(args, format);
  if (code == EXIT_DONE && strcmp(path, "-") == 0 && isatty(STDIN_FILENO))
    code = report_usage(args, "INPUT is missing; give files, or a pipe");
  if (code == EXIT_DONE)
    code = input_open(&loading->input, args, path);
  if (code != EXIT_DONE)
    return code;
  loading->reader.args = args;
  loading->reader.input = &loading->input;
  loading->reader.format = format;
  loading->reader.has_lines = true;
  loading->reader.is_pending = false;
  loading->reader.count = 0;
  loading->reader.description.given = false;
  const enum got got = format->read_head(&loading->reader);
  if (got == GOT_BROKEN)
    input_close(&loading->input);
  return got == GOT_BROKEN ? loading->reader.code : EXIT_DONE;
}

static void end_input(struct loading *loading)
{
  loading->len_before += loading->input.n_read;
  input_close(&loading->input);
}

/* Pipes have no length, and then nothing has. */
static uint64_t total_len(const struct args *args)
{
  uint64_t total = 0;
  for (size_t i = 0; i < n_inputs(args); i++) {
    const char *path = input_path(args, i);
    const uint64_t len = strcmp(path, "-") == 0 ? 0 : file_length(path);
    if (len == 0)
      return 0;
    total += len;
  }
  return total;
}

/* ---- the file */

/* What the stream says holds where the options say nothing. */
static void follow_description(const struct args *args,
                               const struct description *d,
                               blt_options *options)
{
  if (!d->given || args->like)
    return;
  if (options->key_serializer == 0)
    options->key_serializer = d->key_serializer == 0
                                  ? BLT_SERIALIZER_CUSTOM
                                  : (uint32_t)d->key_serializer;
  if (args->buckets == NOT_GIVEN)
    options->n_buckets = d->n_buckets;
  if (d->fixed && !args->value_type && args->fixed == NOT_GIVEN) {
    options->kind = BLT_FIXED;
    options->fixed_value_len = d->value_len;
  }
  if (options->kind == BLT_FIXED)
    return;
  if (options->value_serializer == 0)
    options->value_serializer = d->value_serializer == 0
                                    ? BLT_SERIALIZER_CUSTOM
                                    : (uint32_t)d->value_serializer;
  if (!d->has_timestamps)
    options->timestamps = BLT_OFF;
}

/* --key-type hex and the like is how keys are written in the stream, and
 * says nothing about the file. */
static int describe_new(const struct args *args, blt_options *options)
{
  struct args copy = *args;
  if (args->key_type && serializer_of(args->key_type) < 0)
    copy.key_type = NULL;
  return describe_file(&copy, options);
}

static int open_new(struct loading *loading)
{
  const struct args *args = loading->args;
  blt_options options = store_options(args, BLT_CREATE);
  blt_header like;
  int code = describe_new(args, &options);
  if (code == EXIT_DONE)
    code = describe_like(args, &like, &options);
  if (code != EXIT_DONE)
    return code;
  follow_description(args, &loading->reader.description, &options);
  newfile_begin(&loading->new, args->words[0]);
  loading->is_new = true;
  code = store_make(&loading->store, args, &loading->new, &options);
  if (code != EXIT_DONE)
    newfile_drop(&loading->new);
  return code;
}

static int check_existing(const struct loading *loading)
{
  const struct args *args = loading->args;
  const bool described = args->like || args->value_type ||
                         args->fixed != NOT_GIVEN ||
                         args->buckets != NOT_GIVEN || args->no_timestamps;
  if (described)
    return report_error(args, EXIT_USAGE, "exists", args->words[0],
                        "exists already; leave out the options that describe "
                        "a new file");
  return EXIT_DONE;
}

static int open_target(struct loading *loading)
{
  const struct args *args = loading->args;
  if (!newfile_exists(args->words[0]))
    return open_new(loading);
  const int code = check_existing(loading);
  return code == EXIT_DONE
             ? store_open_mode(&loading->store, args, args->words[0], BLT_WRITE)
             : code;
}

/* ---- the rows */

static int refuse(struct loading *loading, const char *reason)
{
  return rejects_add(&loading->rejects, &loading->reader, reason);
}

static int after_put(struct loading *loading, enum put_outcome outcome,
                     const char *reason)
{
  switch (outcome) {
  case PUT_DONE:
    loading->n_loaded++;
    return EXIT_DONE;
  case PUT_KEPT:
    loading->n_kept++;
    return EXIT_DONE;
  case PUT_DUPLICATE:
    return refuse(loading, "the key exists already");
  case PUT_REFUSED:
    return refuse(loading, reason);
  default:
    return interrupted() ? EXIT_INTERRUPTED : store_failed(&loading->store);
  }
}

static int load_row(struct loading *loading, const struct row *row,
                    struct text *why)
{
  const blt_bytes key = {row->key.data, row->key.len};
  const blt_bytes value = {row->value.data, row->value.len};
  const char *reason = NULL;
  if (!row->has_value)
    return refuse(loading, "the value is missing");
  if (!schema_accepts(&loading->schema, row, why))
    return refuse(loading, why->data);
  if (!shard_has(&loading->shard, key)) {
    loading->n_elsewhere++;
    return EXIT_DONE;
  }
  const enum put_outcome outcome = batch_put(
      &loading->batch, loading->policy, key, value, row->timestamp, &reason);
  return after_put(loading, outcome, reason);
}

static int tell_progress(struct loading *loading)
{
  struct progress *progress = &loading->store.progress;
  progress->n_rows = loading->n_rows;
  return progress_amount(progress, UNIT_BYTES,
                         loading->len_before + loading->input.n_read,
                         loading->len_total)
             ? EXIT_INTERRUPTED
             : EXIT_DONE;
}

static int load_rows(struct loading *loading)
{
  struct reader *reader = &loading->reader;
  struct row row = {.has_value = false};
  struct text why = {0};
  int code = EXIT_DONE;
  while (code == EXIT_DONE) {
    row.has_value = false;
    row.timestamp = NOT_GIVEN;
    const enum got got = reader->format->read_row(reader, &row);
    if (got == GOT_END)
      break;
    if (got == GOT_BROKEN)
      code = reader->code;
    else if (got == GOT_BAD)
      code = refuse(loading, reader->reason);
    else
      code = load_row(loading, &row, &why);
    if (code == EXIT_DONE && ++loading->n_rows % PROGRESS_STEP == 0)
      code = tell_progress(loading);
  }
  progress_clear(&loading->store.progress);
  text_release(&row.key);
  text_release(&row.value);
  text_release(&why);
  return code;
}

/* Metadata and slots of the stream's head. */
static int load_hidden(struct loading *loading)
{
  struct hidden *hidden = loading->reader.description.hidden;
  if (!loading->reader.description.given ||
      loading->store.header.kind == BLT_FIXED)
    return EXIT_DONE;
  for (int i = 0; i < N_HIDDEN; i++) {
    const char *reason = NULL;
    if (!hidden[i].given)
      continue;
    const blt_bytes bytes = {hidden[i].bytes.data, hidden[i].bytes.len};
    const enum put_outcome outcome =
        put_hidden(&loading->store, loading->policy, i, bytes,
                   hidden[i].timestamp, &reason);
    if (outcome == PUT_DUPLICATE || outcome == PUT_REFUSED)
      return report_error(loading->args, EXIT_REJECTED, "rejected",
                          loading->args->words[0], "the %s of the stream: %s",
                          i == 0 ? "metadata" : "slot",
                          reason ? reason : "there is one already");
    if (outcome == PUT_FAILED)
      return store_failed(&loading->store);
  }
  return EXIT_DONE;
}

static int check_description(const struct loading *loading)
{
  const struct description *d = &loading->reader.description;
  const blt_header *header = &loading->store.header;
  if (!d->given || loading->is_new ||
      (d->key_serializer == (int)header->key_serializer &&
       (header->kind == BLT_FIXED ||
        d->value_serializer == (int)header->value_serializer)))
    return EXIT_DONE;
  report_note(loading->args, loading->args->words[0],
              "the stream comes from a file with other serializers; the bytes "
              "are stored as they are");
  return EXIT_DONE;
}

static int load_inputs(struct loading *loading)
{
  const struct args *args = loading->args;
  int code = EXIT_DONE;
  loading->batch.store = &loading->store;
  loading->reader.header = &loading->store.header;
  loading->reader.key_type = loading->store.key_type;
  for (size_t i = 0; i < n_inputs(args); i++) {
    if (i > 0)
      code = begin_input(loading, i);
    if (code != EXIT_DONE)
      return code;
    check_description(loading);
    code = load_hidden(loading);
    if (code == EXIT_DONE)
      code = load_rows(loading);
    end_input(loading);
    if (code != EXIT_DONE)
      return code;
  }
  return EXIT_DONE;
}

/* ---- the end */

/* What state the file is in when not all went well. */
static int finish_store(struct loading *loading, int code)
{
  const struct args *args = loading->args;
  code = batch_end(&loading->batch, code);
  const bool is_made = code == EXIT_DONE;
  const uint64_t n = loading->batch.n_safe;
  const char *rows_are = n == 1 ? "row is" : "rows are";
  code = store_close(&loading->store, code);
  if (loading->is_new && code == EXIT_DONE)
    return newfile_keep(&loading->new, args, false);
  if (loading->is_new)
    newfile_drop(&loading->new);
  if (is_made)
    return code;
  if (code == EXIT_INTERRUPTED && loading->is_new)
    return report_error(args, code, "cancelled", args->words[0],
                        "interrupted; it is not made");
  if (code == EXIT_INTERRUPTED)
    return report_error(args, code, "cancelled", args->words[0],
                        "interrupted; %" PRIu64 " %s loaded, the rest is not",
                        n, rows_are);
  if (!loading->is_new)
    report_note(args, args->words[0], "%" PRIu64 " %s loaded, the rest is not",
                n, rows_are);
  return code;
}

static void add_more(struct text *line, uint64_t n, const char *what)
{
  text_add_string(line, ", ");
  text_add_count(line, n);
  text_add_string(line, what);
}

static int print_counts(const struct loading *loading, int code)
{
  const struct args *args = loading->args;
  struct out out;
  out_open(&out, args, NULL);
  if (args->json) {
    out_json(&out,
             json_pack("{sI sI sI sI}", "loaded", (json_int_t)loading->n_loaded,
                       "kept", (json_int_t)loading->n_kept, "elsewhere",
                       (json_int_t)loading->n_elsewhere, "rejected",
                       (json_int_t)loading->rejects.n));
  } else if (!args->quiet) {
    struct text line = {0};
    text_add_string(&line, "loaded ");
    text_add_counted(&line, loading->n_loaded, "row");
    if (loading->n_kept > 0)
      add_more(&line, loading->n_kept,
               loading->n_kept == 1 ? " was there" : " were there");
    if (loading->n_elsewhere > 0)
      add_more(&line, loading->n_elsewhere, " of other shards");
    text_add_string(&line, "\n");
    out_text(&out, &line);
    text_release(&line);
  }
  return out_close(&out, args, code);
}

static int load_into_target(struct loading *loading)
{
  interrupt_catch();
  loading->len_total = total_len(loading->args);
  int code = begin_input(loading, 0);
  if (code != EXIT_DONE)
    return rejects_close(&loading->rejects, code);
  code = open_target(loading);
  if (code != EXIT_DONE) {
    input_close(&loading->input);
    return rejects_close(&loading->rejects, code);
  }
  code = finish_store(loading, load_inputs(loading));
  return rejects_close(&loading->rejects, code);
}

static void release(struct loading *loading)
{
  struct reader *reader = &loading->reader;
  for (int i = 0; i < N_HIDDEN; i++)
    text_release(&reader->description.hidden[i].bytes);
  text_release(&reader->raw);
  text_release(&reader->text);
  schema_close(&loading->schema);
}

int cmd_load(const struct args *args)
{
  struct loading loading = {.args = args,
                            .policy = (enum on_duplicate)args->on_duplicate};
  if (args->shard && !shard_parse(args->shard, &loading.shard))
    return report_usage(args,
                        "--shard cannot be \"%s\"; give I/N with I from "
                        "0 to N - 1",
                        args->shard);
  int code = schema_open(&loading.schema, args, args->schema);
  if (code == EXIT_DONE)
    code = rejects_open(&loading.rejects, args);
  if (code == EXIT_DONE) {
    code = load_into_target(&loading);
    if (code == EXIT_DONE || (code == EXIT_REJECTED && !loading.rejects.stops))
      code = print_counts(&loading, code);
  }
  release(&loading);
  return code;
}
