/*
 * options.c - what the command line asks for
 */
#include "core/options.h"

#include <getopt.h>

#include "core/must.h"
#include "engines/engine.h"
#include "workloads/workload.h"

static const char usage[] =
    "blt-bench [OPTION...]: lines of JSON, one for each thing measured\n"
    "\n"
    "  --engine NAME,...     of those below, and booklet; without this option\n"
    "                        all but those with a star, which some workloads\n"
    "                        ask for\n"
    "  --workload NAME,...   of those below, all, or table: those with a t,\n"
    "                        the 12 operations; it is what runs without this\n"
    "                        option\n"
    "  --n N,...             keys (50000)\n"
    "  --value-len LEN,...   bytes of a value (200)\n"
    "  --reps N              repetitions, engines in turns (5)\n"
    "  --quick               the 12 operations, 50000 keys, blt and booklet,\n"
    "                        1 repetition\n"
    "  --dir FOLDER          where the stores are made (TMPDIR, /tmp)\n"
    "  --python PATH         a Python that has booklet\n"
    "  --script PATH         where run_booklet.py is\n"
    "\n";

static void show_help(void)
{
  fputs(usage, stdout);
  fputs("Engines:\n", stdout);
  for (const struct engine *const *e = engines; *e != NULL; e++)
    printf("%c %-12s %s: %s\n", (*e)->on_request ? '*' : ' ', (*e)->name,
           (*e)->version(), (*e)->settings);
  fputs("Workloads:\n", stdout);
  for (const struct workload *const *w = workloads; *w != NULL; w++)
    printf("%c %-12s %s\n", (*w)->in_table ? 't' : ' ', (*w)->name,
           (*w)->purpose);
}

int is_named(const char *list, const char *name)
{
  const size_t len = strlen(name);
  for (const char *at = list; (at = strstr(at, name)) != NULL; at += len)
    if ((at == list || at[-1] == ',') && (at[len] == ',' || at[len] == '\0'))
      return 1;
  return 0;
}

/* Each name of the list has to be known to somebody. */
static void judge_names(const char *list)
{
  char *copy = strdup(list);
  must(copy != NULL, "out of memory");
  for (char *name = strtok(copy, ","); name; name = strtok(NULL, ",")) {
    int known = is_named("table,all,booklet", name);
    for (const struct engine *const *e = engines; *e != NULL; e++)
      known |= strcmp((*e)->name, name) == 0;
    for (const struct workload *const *w = workloads; *w != NULL; w++)
      known |= strcmp((*w)->name, name) == 0;
    must(known, "there is no %s in this build; see blt-bench --help", name);
  }
  free(copy);
}

static size_t read_numbers(const char *text, size_t *out)
{
  size_t n = 0;
  char *end;
  do {
    must(n < MAX_SIZES, "%s: too many numbers", text);
    out[n++] = strtoull(text, &end, 10);
    must(end != text && (*end == ',' || *end == '\0'), "%s: not a number",
         text);
    text = end + 1;
  } while (*end == ',');
  return n;
}

static void set_defaults(struct options *options)
{
  const char *folder = getenv("TMPDIR");
  memset(options, 0, sizeof *options);
  options->sizes[0] = 50000;
  options->n_sizes = 1;
  options->value_lens[0] = 200;
  options->n_value_lens = 1;
  options->reps = 5;
  options->folder = folder ? folder : "/tmp";
  options->workloads = "table";
  options->script = BENCH_SCRIPT;
  options->python = BENCH_PYTHON[0] ? BENCH_PYTHON : NULL;
}

static void set_quick(struct options *options)
{
  options->engines = "blt,booklet";
  options->reps = 1;
}

static void take(struct options *options, int which, const char *value)
{
  switch (which) {
  case 'e':
    options->engines = value;
    judge_names(value);
    break;
  case 'w':
    options->workloads = value;
    judge_names(value);
    break;
  case 'n':
    options->n_sizes = read_numbers(value, options->sizes);
    for (size_t i = 0; i < options->n_sizes; i++)
      must(options->sizes[i] >= MIN_KEYS, "fewer than %d keys", MIN_KEYS);
    break;
  case 'v':
    options->n_value_lens = read_numbers(value, options->value_lens);
    break;
  case 'r':
    options->reps = atoi(value);
    must(options->reps > 0, "%s: not a number of repetitions", value);
    break;
  case 'd':
    options->folder = value;
    break;
  case 'p':
    options->python = value;
    break;
  case 's':
    options->script = value;
    break;
  case 'q':
    set_quick(options);
    break;
  case 'h':
    show_help();
    exit(0);
  default:
    exit(2);
  }
}

void options_read(struct options *options, int argc, char **argv)
{
  static const struct option names[] = {
      {"engine", required_argument, NULL, 'e'},
      {"workload", required_argument, NULL, 'w'},
      {"n", required_argument, NULL, 'n'},
      {"value-len", required_argument, NULL, 'v'},
      {"reps", required_argument, NULL, 'r'},
      {"dir", required_argument, NULL, 'd'},
      {"python", required_argument, NULL, 'p'},
      {"script", required_argument, NULL, 's'},
      {"quick", no_argument, NULL, 'q'},
      {"help", no_argument, NULL, 'h'},
      {NULL, 0, NULL, 0},
  };
  int which;
  set_defaults(options);
  while ((which = getopt_long(argc, argv, "h", names, NULL)) != -1)
    take(options, which, optarg);
  must(optind == argc, "%s: not an option; see blt-bench --help", argv[optind]);
}
