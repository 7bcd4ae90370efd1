/* inspect.c - show what is in a file and how its space is used */
#include <inttypes.h>
#include <string.h>

#include "commands.h"
#include "report.h"
#include "survey.h"

/* From here on a part of a file stands for all of it. */
#define HUGE_FILE ((uint64_t)1 << 30)
#define SAMPLE 10000
#define LARGEST_SAMPLE 10000000

/* A reader that recovered the file in memory only has seen a writer's
 * leavings. */
static enum state state_of(const struct store *store, uint64_t n_faults)
{
  if (n_faults > 0)
    return STATE_DAMAGED;
  switch (store->opened.what) {
  case BLT_OPENED_RECOVERED:
  case BLT_OPENED_OVERLAID:
  case BLT_OPENED_REPAIRED:
    return STATE_DIRTY;
  default:
    return store->header.n_keys == UINT32_MAX ? STATE_DIRTY : STATE_CLEAN;
  }
}

/* As many buckets as have about SAMPLE keys in them. */
static uint64_t usual_sample(const blt_header *header)
{
  const uint64_t n_keys = header->n_keys > 0 ? header->n_keys : 1;
  const uint64_t n = header->n_buckets / n_keys * SAMPLE;
  return n < SAMPLE ? SAMPLE : n > LARGEST_SAMPLE ? LARGEST_SAMPLE : n;
}

/* How many buckets are to stand for all; 0: look at everything. */
static uint64_t sample_of(const struct store *store)
{
  const struct args *args = store->args;
  if (args->deep)
    return 0;
  if (args->sample != NOT_GIVEN)
    return args->sample;
  return store->header.file_len > HUGE_FILE ? usual_sample(&store->header) : 0;
}

/* As verify: that a file was not closed is a state and no fault. */
static void count_fault(void *ctx, const blt_fault *fault)
{
  struct survey *survey = ctx;
  survey->n_faults += strcmp(fault->kind, "unclean") != 0;
}

static int take_survey(struct store *store, struct survey *survey)
{
  *survey = (struct survey){.file = store->file,
                            .header = &store->header,
                            .unlocked = store->args->no_lock};
  const uint64_t n_sampled = sample_of(store);
  const blt_status measured =
      n_sampled > 0
          ? blt_stat_sample(store->db, (uint32_t)n_sampled, &survey->stats)
          : blt_stat(store->db, &survey->stats);
  if (measured < 0)
    return store_failed(store);
  survey->n_sampled = n_sampled;
  if (store->args->deep) {
    blt_verify_report report = {0};
    blt_verify_options options = BLT_VERIFY_OPTIONS_INIT;
    options.on_fault = count_fault;
    options.on_fault_ctx = survey;
    const blt_status status = blt_verify(store->db, &options, &report);
    if (status < 0 && status != BLT_E_CORRUPT)
      return store_failed(store);
    if (status < 0 && report.n_faults == 0)
      survey->n_faults = 1;
  }
  progress_clear(&store->progress);
  survey->state = state_of(store, survey->n_faults);
  return survey->n_faults > 0 ? EXIT_DAMAGED : EXIT_DONE;
}

static void print_bins(const struct survey *survey, struct out *out)
{
  for (size_t i = 0; i < survey_n_bins(survey); i++)
    out_format(out, "%zu\t%" PRIu64 "\n", i, survey->stats.chain_bins[i]);
}

static void print_survey(const struct args *args, const struct survey *survey,
                         struct out *out)
{
  if (args->json)
    out_json(out, survey_json(survey));
  else if (args->raw_buckets)
    print_bins(survey, out);
  else
    survey_print(
        survey, out,
        &(struct screen){out_has_color(args), out_has_utf8(), out_width()});
}

static int draw(const struct args *args, const struct survey *survey)
{
  struct out out;
  const int code = out_open(&out, args, args->svg);
  if (code != EXIT_DONE)
    return code;
  survey_print_svg(survey, &out);
  return out_close(&out, args, EXIT_DONE);
}

static int inspect_file(const struct args *args, const char *file,
                        struct out *out)
{
  struct store store;
  blt_options options = store_options(args, BLT_READ);
  options.recover = BLT_OFF;
  int code = store_open(&store, args, file, &options);
  if (code != EXIT_DONE)
    return code;
  struct survey survey;
  interrupt_catch();
  code = take_survey(&store, &survey);
  interrupt_release();
  if (code == EXIT_DONE || survey.n_faults > 0)
    print_survey(args, &survey, out);
  if (code == EXIT_DONE && args->svg)
    code = draw(args, &survey);
  return store_close(&store, code);
}

int cmd_inspect(const struct args *args)
{
  struct out out;
  int worst = EXIT_DONE;
  if (args->svg && args->n_words > 1)
    return report_usage(args, "--svg draws one FILE; give one");
  if (args->sample != NOT_GIVEN &&
      (args->sample == 0 || args->sample > UINT32_MAX || args->deep))
    return report_usage(args, "--sample takes a number of buckets, and "
                              "excludes --deep");
  out_open(&out, args, NULL);
  for (size_t i = 0; i < args->n_words && !out_failed(&out); i++) {
    if (i > 0 && !args->json)
      out_string(&out, "\n");
    const int code = inspect_file(args, args->words[i], &out);
    worst = code > worst ? code : worst;
    if (interrupted())
      return out_close(&out, args, EXIT_INTERRUPTED);
  }
  return out_close(&out, args, worst);
}
