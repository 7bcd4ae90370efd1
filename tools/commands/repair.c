/* repair.c - rebuild a damaged file from its blocks */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "newfile.h"
#include "out.h"
#include "report.h"
#include "store.h"
#include "units.h"

/* One repair and what came of it. */
struct repair {
  const struct args *args;
  const char *file, *output; /* output is NULL in place                   */
  const char *temporary;     /* the name that output has until it is whole    */
  struct progress progress;
  blt_repair_report report;
  uint64_t bytes_before, bytes_after;
};

/* ---- the text */

/* "kept 3 blocks, 35.0 MiB -> 26.0 MiB". */
static void print_kept(const struct repair *repair, struct out *out)
{
  struct text line = {0};
  text_add_string(&line, repair->args->dry_run ? "would keep " : "kept ");
  text_add_counted(&line, repair->report.n_kept, "block");
  if (!repair->args->dry_run) {
    text_add_string(&line, ", ");
    text_add_size(&line, repair->bytes_before);
    text_add_string(&line, " -> ");
    text_add_size(&line, repair->bytes_after);
  }
  text_add_string(&line, "\n");
  out_text(out, &line);
  text_release(&line);
}

static void print_dropped(const struct repair *repair, struct out *out,
                          uint64_t n, const char *why)
{
  struct text line = {0};
  if (n == 0)
    return;
  text_add_string(&line, repair->args->dry_run ? "would drop " : "dropped ");
  text_add_counted(&line, n, "block");
  text_addf(&line, " %s\n", why);
  out_text(out, &line);
  text_release(&line);
}

/* "2 places with 1.2 KiB could not be read, the first at offset 73242". */
static void print_lost(const struct repair *repair, struct out *out)
{
  const blt_repair_report *report = &repair->report;
  struct text line = {0};
  if (report->n_lost == 0)
    return;
  text_add_counted(&line, report->n_lost, "place");
  text_add_string(&line, " with ");
  text_add_size(&line, report->lost_len);
  text_addf(&line, " held no blocks, the first at offset %" PRIu64 "\n",
            report->first_lost);
  out_text(out, &line);
  text_release(&line);
}

static void print_text(const struct repair *repair, struct out *out)
{
  const blt_repair_report *report = &repair->report;
  print_kept(repair, out);
  print_dropped(repair, out, report->n_superseded, "whose key has a newer one");
  print_dropped(repair, out, report->n_deleted,
                "that a commit had deleted or replaced");
  print_dropped(repair, out, report->n_uncommitted,
                "of a commit that was not finished");
  print_lost(repair, out);
  if (report->header_guessed)
    out_string(out, "the header was of no use; how blocks are framed was found "
                    "by trying,\nand an old index counts as such a place\n");
}

/* ---- JSON */

static json_t *number_or_null(uint64_t number, bool known)
{
  return known ? json_integer((json_int_t)number) : json_null();
}

static json_t *repair_json(const struct repair *repair)
{
  const blt_repair_report *report = &repair->report;
  json_t *object = json_object();
  json_add_bytes(object, "file",
                 (blt_bytes){repair->file, strlen(repair->file)});
  if (repair->output)
    json_add_bytes(object, "output",
                   (blt_bytes){repair->output, strlen(repair->output)});
  static const char *const names[] = {
      "kept", "superseded", "deleted", "uncommitted", "lost", "lost_bytes"};
  const uint64_t counts[] = {report->n_kept,    report->n_superseded,
                             report->n_deleted, report->n_uncommitted,
                             report->n_lost,    report->lost_len};
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
    json_object_set_new(object, names[i], json_integer((json_int_t)counts[i]));
  json_object_set_new(
      object, "first_lost",
      number_or_null(report->first_lost, report->first_lost != BLT_NO_OFFSET));
  json_object_set_new(object, "header_guessed",
                      json_boolean(report->header_guessed));
  json_object_set_new(object, "bytes_before",
                      json_integer((json_int_t)repair->bytes_before));
  json_object_set_new(
      object, "bytes_after",
      number_or_null(repair->bytes_after, !repair->args->dry_run));
  json_object_set_new(object, "dry_run", json_boolean(repair->args->dry_run));
  return object;
}

static int print_report(const struct repair *repair)
{
  struct out out;
  out_open(&out, repair->args, NULL);
  if (repair->args->json)
    out_json(&out, repair_json(repair));
  else if (!repair->args->quiet)
    print_text(repair, &out);
  return out_close(&out, repair->args, EXIT_DONE);
}

/* ---- the work */

/* The library's sentence names the file that it is about. */
static int repair_failed(const struct repair *repair)
{
  const char *about = blt_last_error(NULL)->file;
  /* Or what the library makes of that name. */
  const bool is_output =
      repair->temporary &&
      strncmp(about, repair->temporary, strlen(repair->temporary)) == 0;
  const bool reading = repair->output || repair->args->dry_run;
  return report_failure(repair->args, is_output ? repair->output : repair->file,
                        NULL, reading);
}

static int run(struct repair *repair)
{
  const struct args *args = repair->args;
  const blt_options open = store_options(args, BLT_WRITE);
  blt_repair_options options = BLT_REPAIR_OPTIONS_INIT;
  options.output = repair->temporary;
  options.dry_run = args->dry_run;
  options.lock = open.lock;
  options.lock_timeout_ms = open.lock_timeout_ms;
  options.network = open.network;
  options.progress = progress_tell;
  options.progress_ctx = &repair->progress;
  progress_init(&repair->progress, args, repair->file);
  if (!args->dry_run)
    interrupt_catch();
  struct waiting waiting = waiting_begin(open.lock, open.lock_timeout_ms);
  blt_status status;
  do {
    options.lock_timeout_ms = waiting_next(&waiting);
    status = blt_repair(repair->file, &options, &repair->report);
  } while (waiting_goes_on(&waiting, status));
  progress_clear(&repair->progress);
  if (status == BLT_E_LOCKED && interrupted())
    return report_error(args, EXIT_INTERRUPTED, "cancelled", repair->file,
                        "interrupted; it is locked, and nothing was done");
  return status < 0 ? repair_failed(repair) : EXIT_DONE;
}

static int run_into_new(struct repair *repair)
{
  struct newfile new;
  if (newfile_exists(repair->output))
    return newfile_report_existing(repair->args, repair->output);
  if (repair->args->dry_run)
    return run(repair);
  newfile_begin(&new, repair->output);
  repair->temporary = new.temporary.data;
  const mode_t before = newfile_begin_private(repair->file);
  int code = run(repair);
  newfile_end_private(&new, repair->file, before);
  if (code == EXIT_DONE && interrupted())
    code = report_error(repair->args, EXIT_INTERRUPTED, "cancelled",
                        repair->output, "interrupted; it is not made");
  if (code == EXIT_DONE)
    return newfile_keep(&new, repair->args, false);
  newfile_drop(&new);
  return code;
}

static int check(const struct args *args)
{
  const bool reading = args->dry_run || args->output;
  if (args->no_lock && !reading)
    return report_usage(args, "--no-lock is for commands that only read; "
                              "leave it out");
  if (args->output && strcmp(args->output, "-") == 0)
    return report_usage(args, "-o makes a file; give its name");
  if (reading || confirm(args,
                         "rebuild %s from its blocks? what is damaged in it "
                         "is gone then",
                         args->words[0]))
    return EXIT_DONE;
  report_note(args, args->words[0], "left as it is");
  return EXIT_NOT_FOUND;
}

int cmd_repair(const struct args *args)
{
  struct repair repair = {
      .args = args, .file = args->words[0], .output = args->output};
  int code = check(args);
  if (code != EXIT_DONE)
    return code;
  store_tell_unlocked(args, repair.file);
  repair.bytes_before = file_length(repair.file);
  code = repair.output ? run_into_new(&repair) : run(&repair);
  if (code != EXIT_DONE)
    return code;
  if (!args->dry_run)
    repair.bytes_after =
        file_length(repair.output ? repair.output : repair.file);
  return print_report(&repair);
}
