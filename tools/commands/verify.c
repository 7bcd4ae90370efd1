/* verify.c - read everything and judge it */
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "commands.h"
#include "out.h"
#include "report.h"
#include "store.h"
#include "units.h"
#include "verified.h"

enum { MOST_JOBS = 64 };

struct judging {
  struct store store;
  struct out *out;
  uint64_t n_faults;  /* that were told                                     */
  bool is_unclosed;   /* which the library tells as a fault                 */
  bool is_remembered; /* it was sound before, and has not changed since     */
};

static json_t *file_object(const char *file)
{
  json_t *object = json_object();
  json_add_bytes(object, "file", (blt_bytes){file, strlen(file)});
  return object;
}

static void print_json_fault(struct judging *judging, const blt_fault *fault)
{
  json_t *inner = json_object();
  json_object_set_new(inner, "kind", json_string(fault->kind));
  if (fault->offset != BLT_NO_OFFSET)
    json_object_set_new(inner, "offset",
                        json_integer((json_int_t)fault->offset));
  json_add_bytes(inner, "message",
                 (blt_bytes){fault->message, strlen(fault->message)});
  json_t *object = file_object(judging->store.file);
  json_object_set_new(object, "fault", inner);
  out_json(judging->out, object);
}

/* "rain.blt: 73242: wild-pointer: the link leads behind the end". */
static void print_fault(struct judging *judging, const blt_fault *fault)
{
  progress_clear(&judging->store.progress);
  if (judging->store.args->json) {
    print_json_fault(judging, fault);
    return;
  }
  struct text line = {0};
  text_add_printable(&line, judging->store.file, strlen(judging->store.file));
  if (fault->offset == BLT_NO_OFFSET)
    text_add_string(&line, ": -");
  else
    text_addf(&line, ": %" PRIu64, fault->offset);
  text_addf(&line, ": %s: ", fault->kind);
  text_add_printable(&line, fault->message, strlen(fault->message));
  text_add_string(&line, "\n");
  out_text(judging->out, &line);
  text_release(&line);
}

/* A crash is no damage: what the log holds has been judged with the rest. */
static void take_fault(void *ctx, const blt_fault *fault)
{
  struct judging *judging = ctx;
  if (strcmp(fault->kind, "unclean") == 0) {
    judging->is_unclosed = true;
    return;
  }
  if (judging->n_faults >= judging->store.args->max_errors)
    return;
  judging->n_faults++;
  print_fault(judging, fault);
}

static void print_json_verdict(struct judging *judging,
                               const blt_verify_report *report, bool sound)
{
  json_t *object = file_object(judging->store.file);
  json_object_set_new(object, "state",
                      json_string(sound ? "sound" : "damaged"));
  const json_int_t counts[] = {
      (json_int_t)judging->n_faults, (json_int_t)report->n_live,
      (json_int_t)report->n_dead, (json_int_t)report->n_hidden,
      (json_int_t)report->n_records};
  static const char *const names[] = {"faults", "live", "dead", "hidden",
                                      "records"};
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
    json_object_set_new(object, names[i], json_integer(counts[i]));
  if (judging->is_unclosed)
    json_object_set_new(object, "unclosed", json_true());
  if (judging->store.args->no_lock)
    json_object_set_new(object, "unlocked", json_true());
  if (judging->store.args->cached)
    json_object_set_new(object, "cached", json_boolean(judging->is_remembered));
  out_json(judging->out, object);
}

static void print_verdict(struct judging *judging,
                          const blt_verify_report *report, bool sound)
{
  const struct args *args = judging->store.args;
  if (args->json) {
    print_json_verdict(judging, report, sound);
    return;
  }
  if (args->quiet)
    return;
  struct text line = {0}, word = {0};
  text_add_printable(&line, judging->store.file, strlen(judging->store.file));
  if (sound) {
    text_add_string(&line, ": sound, ");
    text_add_counted(&line, report->n_live, "live block");
    text_add_string(&line, ", ");
    text_add_count(&line, report->n_dead);
    text_add_string(&line, " dead");
    if (judging->is_remembered)
      text_add_string(&line, ", unchanged since it was verified");
  } else {
    text_add_string(&line, ": damaged, ");
    text_add_counted(&line, judging->n_faults, "fault");
    text_add_string(&line, "; run \"blt repair ");
    text_add_quoted(&word, judging->store.file);
    text_add_printable(&line, word.data, word.len);
    text_add_string(&line, "\"");
  }
  text_add_string(&line, "\n");
  out_text(judging->out, &line);
  text_release(&line);
  text_release(&word);
}

static unsigned n_threads(const struct args *args)
{
  if (args->jobs != NOT_GIVEN)
    return (unsigned)args->jobs;
  const long n = sysconf(_SC_NPROCESSORS_ONLN);
  return n > 0 ? (unsigned)n : 1;
}

static int judge(struct judging *judging, blt_verify_report *report)
{
  struct store *store = &judging->store;
  const struct args *args = store->args;
  blt_verify_options options = BLT_VERIFY_OPTIONS_INIT;
  options.on_fault = take_fault;
  options.on_fault_ctx = judging;
  /* One of them may be that the file was not closed. */
  options.max_faults = args->max_errors == NOT_GIVEN ? 0 : args->max_errors + 1;
  options.n_threads = n_threads(args);
  interrupt_catch();
  const blt_status status = blt_verify(store->db, &options, report);
  interrupt_release();
  progress_clear(&store->progress);
  if (status < 0 && status != BLT_E_CORRUPT)
    return store_failed(store);
  const bool is_sound =
      judging->n_faults == 0 && (status == BLT_OK || judging->is_unclosed);
  if (judging->is_unclosed)
    report_note(args, store->file,
                "its writer did not close it, which is no damage; the next "
                "open for writing completes it");
  print_verdict(judging, report, is_sound);
  return is_sound ? EXIT_DONE : EXIT_DAMAGED;
}

/* What a file without a lock is then may not be what it is now. */
static void remember(const struct judging *judging, const struct stat *before,
                     const blt_verify_report *report)
{
  const struct args *args = judging->store.args;
  if (args->cached && !args->no_lock && !judging->is_unclosed)
    verified_remember(args, judging->store.file, before, report);
}

/* Recovery is off, so that what is judged is the file as it lies there. */
static int verify_file(const struct args *args, const char *file,
                       struct out *out)
{
  struct judging judging = {.out = out};
  struct stat before = {0};
  blt_verify_report report = {0};
  blt_options options = store_options(args, BLT_READ);
  options.recover = BLT_OFF;
  if (args->cached && verified_knows(args, file, &report)) {
    judging.store = (struct store){.args = args, .file = file};
    judging.is_remembered = true;
    print_verdict(&judging, &report, true);
    return EXIT_DONE;
  }
  int code = store_open(&judging.store, args, file, &options);
  if (code != EXIT_DONE)
    return code;
  const bool has_facts = stat(file, &before) == 0;
  code = judge(&judging, &report);
  if (code == EXIT_DONE && has_facts)
    remember(&judging, &before, &report);
  return store_close(&judging.store, code);
}

int cmd_verify(const struct args *args)
{
  struct out out;
  int worst = EXIT_DONE;
  if (args->max_errors == 0)
    return report_usage(args, "--max-errors must be at least 1");
  if (args->jobs != NOT_GIVEN && (args->jobs == 0 || args->jobs > MOST_JOBS))
    return report_usage(args, "--jobs must be from 1 to %d", MOST_JOBS);
  out_open(&out, args, NULL);
  for (size_t i = 0; i < args->n_words && !out_failed(&out); i++) {
    const int code = verify_file(args, args->words[i], &out);
    worst = code > worst ? code : worst;
    if (interrupted())
      return out_close(&out, args, EXIT_INTERRUPTED);
  }
  return out_close(&out, args, worst);
}
