/*
 * main.c - blt-micro [NAME...]: all, or those that are named
 *
 * Lines of JSON like those of blt-bench: the workload is `micro`, the engine
 * is the variant.
 */
#include "micro/micro.h"

#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "core/folder.h"
#include "core/must.h"

#define ALL(X)                                                                 \
  X(hash)                                                                      \
  X(modulo) X(miss) X(chain) X(view) X(links) X(side) X(fill) X(scan) X(files)

#define DECLARE(name) extern const struct micro micro_##name;
#define NAME(name) &micro_##name,

ALL(DECLARE)

static const struct micro *const micros[] = {ALL(NAME) NULL};

enum { REPS = 5 };

static char folder[PATH_MAX];
static int rep, n_wrong;
static volatile uint64_t used;

void micro_row(const char *op, const char *variant, size_t n, size_t ops,
               struct lap lap, int ok)
{
  printf("{\"engine\": \"%s\", \"workload\": \"micro\", \"op\": \"%s\", "
         "\"n\": %zu, \"value_len\": 0, \"rep\": %d, \"ops\": %zu, "
         "\"seconds\": %.9f, \"cpu\": %.9f, \"ok\": %s}\n",
         variant, op, n, rep, ops, lap.wall, lap.cpu, ok ? "true" : "false");
  n_wrong += !ok;
}

void micro_use(uint64_t result)
{
  used = used + result;
}

void micro_path(char *out, size_t capacity, const char *name)
{
  folder_join(out, capacity, folder, name);
}

static int is_wanted(const struct micro *micro, int argc, char **argv)
{
  for (int i = 1; i < argc; i++)
    if (strcmp(argv[i], micro->name) == 0)
      return 1;
  return argc == 1;
}

static void show_help(void)
{
  printf("blt-micro [NAME...]: lines of JSON. TMPDIR is where files go.\n\n");
  for (const struct micro *const *m = micros; *m != NULL; m++)
    printf("  %-8s %s\n", (*m)->name, (*m)->purpose);
}

int main(int argc, char **argv)
{
  const char *parent = getenv("TMPDIR");
  char name[64];
  if (argc > 1 && strcmp(argv[1], "--help") == 0) {
    show_help();
    return 0;
  }
  snprintf(name, sizeof name, "blt-micro.%d", (int)getpid());
  folder_join(folder, sizeof folder, parent ? parent : "/tmp", name);
  folder_make(folder);
  for (rep = 1; rep <= REPS; rep++)
    for (const struct micro *const *m = micros; *m != NULL; m++)
      if (is_wanted(*m, argc, argv))
        (*m)->run();
  folder_remove(folder);
  return n_wrong > 0;
}
