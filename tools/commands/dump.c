/* dump.c - write all keys and values as a stream */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "compress.h"
#include "decode.h"
#include "filter.h"
#include "formats/format.h"
#include "report.h"

/* Told now and then how far it has come. */
enum { PROGRESS_STEP = 1024 };

struct dumping {
  const struct format *format;
  struct store *store;
  struct dump dump;
  struct out out;
  uint64_t n_keys; /* in the file, 0 when a filter makes it unknown      */
  uint64_t n_left_out;
  struct text first; /* the first key that was left out, and why           */
  struct text key;   /* for the filters                                    */
};

/* ---- what was asked for */

static int choose_format(const struct args *args, const struct format **out)
{
  *out = args->output ? format_of_path(args->output) : NULL;
  if (!*out)
    *out = &format_jsonl;
  return args->format ? format_choose(args, out) : EXIT_DONE;
}

static bool packs(const struct args *args)
{
  const size_t len = args->output ? strlen(args->output) : 0;
  return args->zstd || (len > 4 && strcmp(args->output + len - 4, ".zst") == 0);
}

static int zstd_level(const struct args *args, int *out)
{
  char *end;
  *out = 3;
  if (!args->zstd || !*args->zstd)
    return EXIT_DONE;
  const long level = strtol(args->zstd, &end, 10);
  *out = (int)level;
  if (*end == '\0' && level == *out && compress_has_level(*out))
    return EXIT_DONE;
  return report_usage(
      args, "--zstd cannot be \"%s\"; give a level from 1 to 19", args->zstd);
}

static int check_options(const struct args *args, const struct format *format)
{
  const bool to_terminal = (!args->output || strcmp(args->output, "-") == 0) &&
                           isatty(STDOUT_FILENO);
  if (args->hex + args->base64 + args->decode + args->keys_only > 1)
    return report_usage(args, "--hex, --base64, --decode and --keys-only "
                              "exclude each other; give one");
  if (args->decode && format != &format_jsonl)
    return report_usage(args, "--decode is for jsonl; leave it out");
  if ((args->hex || args->base64 || args->keys_only || args->no_header) &&
      !format->without_values)
    return report_usage(args, "--hex, --base64, --keys-only and --no-header "
                              "are for jsonl, csv and tsv; leave them out");
  if (to_terminal && (format->is_binary || packs(args)))
    return report_usage(args, "the output is not for a terminal; give "
                              "-o OUT, or -o - and a pipe");
  return EXIT_DONE;
}

/* ---- the rows */

/* What an iterator gave: NULL, or why it was left out. */
typedef const char *(*take_item)(struct dumping *dumping, const blt_item *item);

static const char *measure_item(struct dumping *dumping, const blt_item *item)
{
  return dumping->format->measure_row(&dumping->dump, item);
}

static const char *write_item(struct dumping *dumping, const blt_item *item)
{
  return dumping->format->write_row(&dumping->dump, item);
}

static void leave_out(struct dumping *dumping, const blt_item *item,
                      const char *reason)
{
  if (dumping->n_left_out++ > 0)
    return;
  struct text key = {0};
  key_write(dumping->store->key_type, item->key, &key);
  text_addf(&dumping->first, "\"%.200s\": %s", key.len ? key.data : "", reason);
  text_release(&key);
}

static int stopped(const struct dumping *dumping)
{
  return report_error(dumping->store->args, EXIT_INTERRUPTED, "cancelled",
                      dumping->store->args->output,
                      "interrupted; it is not made");
}

/* Nothing is written yet while rows are measured. */
static bool is_broken(struct dumping *dumping)
{
  return dumping->dump.out && out_failed(dumping->dump.out);
}

static int each_item(struct dumping *dumping, blt_iter *iter, take_item take)
{
  struct store *store = dumping->store;
  blt_item item;
  blt_status status = BLT_END;
  uint64_t n_seen = 0, n = 0;
  while (n < store->args->limit && !is_broken(dumping) &&
         (status = blt_iter_next(iter, &item)) == BLT_OK) {
    if (++n_seen % PROGRESS_STEP == 0 &&
        progress_amount(&store->progress, UNIT_KEYS, n_seen, dumping->n_keys))
      return stopped(dumping);
    if (!filter_matches(store, &item, &dumping->key))
      continue;
    const char *reason = take(dumping, &item);
    if (reason)
      leave_out(dumping, &item, reason);
    else
      n++;
  }
  dumping->dump.n_rows = n;
  progress_clear(&store->progress);
  return status < 0 ? store_failed(store) : EXIT_DONE;
}

static int walk(struct dumping *dumping, unsigned flags, take_item take)
{
  struct store *store = dumping->store;
  blt_iter *iter;
  flags |= filter_iter_flags(store->args);
  if (store->header.has_timestamps)
    flags |= BLT_ITER_TIMESTAMPS;
  if (blt_iter_open(store->db, flags, &iter) < 0)
    return store_failed(store);
  const int code = each_item(dumping, iter, take);
  blt_iter_close(iter);
  return code;
}

/* Rows that do not fit are found before the first one is written. */
static int measure(struct dumping *dumping)
{
  if (!dumping->format->measure_row)
    return EXIT_DONE;
  const int code = walk(dumping, BLT_ITER_KEYS, measure_item);
  if (code != EXIT_DONE || dumping->n_left_out == 0)
    return code;
  return report_error(dumping->store->args, EXIT_REJECTED, "rejected",
                      dumping->store->file,
                      "%" PRIu64 " of the keys cannot be written, and nothing "
                      "was; the first is %s",
                      dumping->n_left_out, dumping->first.data);
}

static int write_rows(struct dumping *dumping)
{
  const struct args *args = dumping->store->args;
  dumping->dump.out = &dumping->out;
  dumping->format->write_head(&dumping->dump);
  int code = walk(dumping, args->keys_only ? BLT_ITER_KEYS : BLT_ITER_VALUES,
                  write_item);
  if (code != EXIT_DONE)
    return code;
  dumping->format->write_end(&dumping->dump);
  if (dumping->n_left_out > 0)
    return report_error(args, EXIT_REJECTED, "rejected", dumping->store->file,
                        "%" PRIu64 " of the keys %s left out; the first is %s",
                        dumping->n_left_out,
                        dumping->n_left_out == 1 ? "is" : "are",
                        dumping->first.data);
  return dumping->dump.n_rows == 0 && filter_is_given(args) ? EXIT_NOT_FOUND
                                                            : EXIT_DONE;
}

/* A file that lacks rows is made all the same. */
static int close_out(struct dumping *dumping, int code)
{
  const struct args *args = dumping->store->args;
  const bool is_made = code == EXIT_REJECTED || code == EXIT_NOT_FOUND;
  const int closed = out_close(&dumping->out, args, is_made ? EXIT_DONE : code);
  return closed == EXIT_DONE ? code : closed;
}

static int dump_store(struct dumping *dumping)
{
  struct store *store = dumping->store;
  const struct args *args = store->args;
  int level;
  int code = zstd_level(args, &level);
  if (code == EXIT_DONE)
    code = filter_check(store);
  if (code == EXIT_DONE && args->decode)
    code = decode_check(args, store->file, &store->header);
  if (code == EXIT_DONE && blt_count(store->db, &dumping->n_keys) < 0)
    code = store_failed(store);
  if (code == EXIT_DONE)
    code = measure(dumping);
  if (code == EXIT_DONE)
    code = out_open(&dumping->out, args, args->output);
  if (code != EXIT_DONE)
    return code;
  if (packs(args))
    code = out_compress(&dumping->out, args, level);
  if (code == EXIT_DONE)
    code = write_rows(dumping);
  return close_out(dumping, code);
}

int cmd_dump(const struct args *args)
{
  struct store store;
  struct dumping dumping = {.store = &store, .dump = {.store = &store}};
  int code = choose_format(args, &dumping.format);
  if (code == EXIT_DONE)
    code = check_options(args, dumping.format);
  if (code == EXIT_DONE)
    code = store_open_mode(&store, args, args->words[0], BLT_READ);
  if (code != EXIT_DONE)
    return code;
  if (isatty(STDOUT_FILENO) && !args->output)
    store.progress.on_terminal = false;
  code = dump_store(&dumping);
  text_release(&dumping.first);
  text_release(&dumping.key);
  text_release(&dumping.dump.text);
  text_release(&dumping.dump.other);
  return store_close(&store, code);
}
