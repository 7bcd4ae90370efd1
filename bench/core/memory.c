/*
 * memory.c - how much memory this process has
 */
#include "core/memory.h"

#include "core/must.h"

double memory_now(const char *line)
{
  char text[256];
  const size_t len = strlen(line);
  FILE *file = fopen("/proc/self/status", "r");
  must(file != NULL, "/proc/self/status: %s", strerror(errno));
  double kib = 0;
  while (fgets(text, sizeof text, file) != NULL)
    if (strncmp(text, line, len) == 0 && text[len] == ':')
      kib = strtod(text + len + 1, NULL);
  fclose(file);
  return kib / 1024;
}

double memory_most(double most, const char *line)
{
  const double now = memory_now(line);
  return now > most ? now : most;
}
