/*
 * replay.c - a target on each file of the corpus, without a fuzzer
 *
 *   fuzz_read FILE_OR_FOLDER...
 *
 * Counts as Check does: each file is a test. A file that breaks a promise
 * ends the program; its name is printed before.
 */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz/world.h"

enum { MAX_LEN = 1 << 20, PATH_LEN = 4096 };

static char current[PATH_LEN];
static unsigned n_played;

/* abort() comes here: the fuzzers' corpus has names that say little. */
static void tell_name(int number)
{
  static const char before[] = "while playing ";

  if (write(2, before, sizeof before - 1) > 0 &&
      write(2, current, strlen(current)) > 0 && write(2, "\n", 1) > 0)
    (void)signal(number, SIG_DFL);
  (void)raise(number);
}

static void play_file(const char *path)
{
  FILE *const file = fopen(path, "rb");
  uint8_t *const all = malloc(MAX_LEN);

  if (file == NULL || all == NULL) {
    perror(path);
    exit(EXIT_FAILURE);
  }
  const size_t len = fread(all, 1, MAX_LEN, file);
  (void)fclose(file);
  /* Exactly as long, so that a sanitizer sees each byte beyond. */
  uint8_t *const data = malloc(len + (len == 0));
  memcpy(data, all, len);
  free(all);
  snprintf(current, sizeof current, "%s", path);
  LLVMFuzzerTestOneInput(data, len);
  free(data);
  n_played++;
}

static int compare_names(const struct dirent **a, const struct dirent **b)
{
  return strcmp((*a)->d_name, (*b)->d_name);
}

static void play(const char *path)
{
  struct stat info;
  struct dirent **entries = NULL;

  if (stat(path, &info) != 0) {
    perror(path);
    exit(EXIT_FAILURE);
  }
  if (!S_ISDIR(info.st_mode)) {
    play_file(path);
    return;
  }
  const int n = scandir(path, &entries, NULL, compare_names);
  for (int i = 0; i < n; i++) {
    char inner[PATH_LEN];
    if (entries[i]->d_name[0] != '.') {
      snprintf(inner, sizeof inner, "%s/%s", path, entries[i]->d_name);
      play(inner);
    }
    free(entries[i]);
  }
  free(entries);
}

int main(int argc, char **argv)
{
  if (argc < 2) {
    fprintf(stderr, "usage: %s FILE_OR_FOLDER...\n", argv[0]);
    return EXIT_FAILURE;
  }
  (void)signal(SIGABRT, tell_name);
  for (int i = 1; i < argc; i++)
    play(argv[i]);
  printf("100%%: Checks: %u, Failures: 0, Errors: 0\n", n_played);
  return EXIT_SUCCESS;
}
