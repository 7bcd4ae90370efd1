/*
 * main.c - engines by workloads by sizes, in turns
 *
 *   for each value length, number of keys, workload
 *     for each repetition
 *       for each engine: one child process, which writes lines of JSON
 *
 * The dataset is made once for each size, before the children, which share
 * its memory. In turns, because a machine's speed drifts: what one engine
 * meets, the next one meets soon after. In another order each time, because an
 * engine leaves work behind for the kernel, of which the next one suffers: the
 * same code took a third longer behind one that is hard on the disk.
 */
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/folder.h"
#include "core/must.h"
#include "core/options.h"
#include "core/python.h"
#include "core/row.h"
#include "workloads/workload.h"

enum { MAX_BOOKLET = 1000000, MAX_ENGINES = 64 };

struct bench {
  struct options options;
  char folder[PATH_MAX];  /* for the store of one child                     */
  char dataset[PATH_MAX]; /* a file, for booklet                            */
  int n_failed;           /* children that did not end well                 */
};

/* ---------------------------------------------------------- who takes part */

static int takes_part(const struct bench *bench, const struct engine *engine,
                      const struct workload *workload)
{
  if (engine->get == NULL && !workload->writes_only)
    return 0;
  if (bench->options.engines != NULL)
    return is_named(bench->options.engines, engine->name);
  return !engine->on_request ||
         (workload->also && is_named(workload->also, engine->name));
}

static int is_wanted(const struct bench *bench, const struct workload *workload)
{
  const char *names = bench->options.workloads;
  return is_named(names, workload->name) || is_named(names, "all") ||
         (workload->in_table && is_named(names, "table"));
}

/* In any workload. */
static int is_seen(const struct bench *bench, const struct engine *engine)
{
  for (const struct workload *const *w = workloads; *w != NULL; w++)
    if (is_wanted(bench, *w) && takes_part(bench, engine, *w))
      return 1;
  return 0;
}

/* A million keys take booklet minutes for each repetition. */
static int booklet_is_wanted(const struct bench *bench, size_t n)
{
  const struct options *options = &bench->options;
  if (options->python == NULL || n > MAX_BOOKLET)
    return 0;
  return options->engines == NULL || is_named(options->engines, "booklet");
}

/* -------------------------------------------------------------- the head */

static void print_text(const char *name, const char *text, const char *end)
{
  printf("\"%s\": \"", name);
  for (const char *at = text; *at; at++)
    if (*at == '"' || *at == '\\')
      printf("\\%c", *at);
    else if ((unsigned char)*at >= ' ')
      putchar(*at);
  printf("\"%s", end);
}

/* The first line of a file in /proc that begins with `name`, behind ": ". */
static void find_line(const char *path, const char *name, char *out, size_t len)
{
  char line[512];
  FILE *file = fopen(path, "r");
  out[0] = '\0';
  while (file != NULL && fgets(line, sizeof line, file) != NULL) {
    const char *at = strstr(line, ":");
    if (strncmp(line, name, strlen(name)) != 0 || at == NULL)
      continue;
    snprintf(out, len, "%.200s", at + 1 + strspn(at + 1, " \t"));
    out[strcspn(out, "\n")] = '\0';
    break;
  }
  if (file != NULL)
    fclose(file);
}

static void print_command(int argc, char **argv)
{
  char command[1024] = "blt-bench";
  for (int i = 1; i < argc; i++) {
    const size_t len = strlen(command);
    snprintf(command + len, sizeof command - len, " %s", argv[i]);
  }
  print_text("command", command, ", ");
}

static void print_head(int argc, char **argv)
{
  struct utsname system;
  char cpu[256], memory[256], date[64];
  double load = 0;
  const time_t time_now = time(NULL);
  uname(&system);
  getloadavg(&load, 1);
  find_line("/proc/cpuinfo", "model name", cpu, sizeof cpu);
  find_line("/proc/meminfo", "MemTotal", memory, sizeof memory);
  strftime(date, sizeof date, "%Y-%m-%d %H:%M UTC", gmtime(&time_now));
  printf("{\"head\": 1, ");
  print_command(argc, argv);
  print_text("date", date, ", ");
  print_text("cpu", cpu, ", ");
  print_text("memory", memory, ", ");
  print_text("kernel", system.release, ", ");
  print_text("compiler", __VERSION__, ", ");
  print_text("build", BENCH_BUILD, ", ");
  printf("\"cores\": %ld, \"load\": %.2f}\n", sysconf(_SC_NPROCESSORS_ONLN),
         load);
}

/* Interrupted: leave no store of gigabytes behind. */
static void leave(const struct bench *bench)
{
  folder_remove(bench->folder);
  unlink(bench->dataset);
  exit(130);
}

/* 0 in the child. An interrupt ends the child; the parent sees that it did. */
static pid_t fork_child(void)
{
  fflush(NULL);
  const pid_t child = fork();
  must(child >= 0, "fork: %s", strerror(errno));
  signal(SIGINT, child == 0 ? SIG_DFL : SIG_IGN);
  return child;
}

static void wait_for(struct bench *bench, pid_t child, const char *name)
{
  int status;
  must(waitpid(child, &status, 0) == child, "waitpid: %s", strerror(errno));
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
    return;
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGINT)
    leave(bench);
  fprintf(stderr, "blt-bench: the process of %s failed (status %d)\n", name,
          status);
  bench->n_failed++;
}

static void print_booklet(struct bench *bench)
{
  const pid_t child = fork_child();
  if (child == 0)
    python_about(bench->options.python, bench->options.script);
  wait_for(bench, child, "booklet");
}

static void print_engine(const struct engine *engine)
{
  printf("{\"about\": 1, ");
  print_text("engine", engine->name, ", ");
  print_text("version", engine->version(), ", ");
  print_text("settings", engine->settings, "}\n");
}

/* ---------------------------------------------------------- the children */

/* In the child. Does not return. */
static void run_engine(const struct workload *workload, struct run *run)
{
  workload->run(run);
  _exit(run->n_failed > 0);
}

/* engine NULL: booklet. */
static void run_child(struct bench *bench, const struct workload *workload,
                      const struct dataset *set, const struct engine *engine,
                      int rep)
{
  const struct options *options = &bench->options;
  struct run run = {
      .engine = engine,
      .set = set,
      .workload = workload->name,
      .folder = bench->folder,
      .n = set->n,
      .rep = rep,
  };
  folder_make(bench->folder);
  const pid_t child = fork_child();
  if (child == 0 && engine == NULL)
    python_run(options->python, options->script, workload->name, bench->dataset,
               bench->folder, set, rep);
  if (child == 0)
    run_engine(workload, &run);
  wait_for(bench, child, engine ? engine->name : "booklet");
  folder_remove(bench->folder);
}

static void shuffle(const struct engine **list, size_t n, uint64_t seed)
{
  for (size_t i = n; i > 1; i--) {
    const size_t other = random_next(&seed) % i;
    const struct engine *const kept = list[i - 1];
    list[i - 1] = list[other];
    list[other] = kept;
  }
}

static void run_workload(struct bench *bench, const struct workload *workload,
                         const struct dataset *set, int rep)
{
  const struct engine *list[MAX_ENGINES]; /* NULL: booklet */
  size_t n = 0;
  for (const struct engine *const *e = engines; *e != NULL; e++)
    if (takes_part(bench, *e, workload)) {
      must(n + 1 < MAX_ENGINES, "too many engines");
      list[n++] = *e;
    }
  if (booklet_is_wanted(bench, set->n) && workload->in_table)
    list[n++] = NULL;
  shuffle(list, n, (uint64_t)rep);
  for (size_t i = 0; i < n; i++) {
    sync(); /* what others have left to write is nobody's */
    run_child(bench, workload, set, list[i], rep);
  }
}

static void run_size(struct bench *bench, const struct dataset *set)
{
  if (booklet_is_wanted(bench, set->n))
    python_export(set, bench->dataset);
  for (const struct workload *const *w = workloads; *w != NULL; w++) {
    if (!is_wanted(bench, *w))
      continue;
    for (int rep = 1; rep <= bench->options.reps; rep++)
      run_workload(bench, *w, set, rep);
  }
  unlink(bench->dataset);
}

static void name_files(struct bench *bench)
{
  const char *folder = bench->options.folder;
  char name[64];
  snprintf(name, sizeof name, "blt-bench.%d", (int)getpid());
  folder_join(bench->folder, sizeof bench->folder, folder, name);
  snprintf(name, sizeof name, "blt-bench.%d.keys", (int)getpid());
  folder_join(bench->dataset, sizeof bench->dataset, folder, name);
}

int main(int argc, char **argv)
{
  struct bench bench = {.n_failed = 0};
  struct options *options = &bench.options;
  options_read(options, argc, argv);
  setvbuf(stdout, NULL, _IOLBF, 0);
  name_files(&bench);
  print_head(argc, argv);
  for (const struct engine *const *e = engines; *e != NULL; e++)
    if (is_seen(&bench, *e))
      print_engine(*e);
  if (booklet_is_wanted(&bench, 0))
    print_booklet(&bench);
  for (size_t v = 0; v < options->n_value_lens; v++)
    for (size_t i = 0; i < options->n_sizes; i++) {
      struct dataset set;
      dataset_make(&set, options->sizes[i], options->value_lens[v]);
      run_size(&bench, &set);
      dataset_free(&set);
    }
  return bench.n_failed > 0;
}
