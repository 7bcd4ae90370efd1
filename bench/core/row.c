/*
 * row.c - one measurement, written as one line of JSON
 *
 * A line is written at once: children write to the file of their parent.
 */
#include "core/row.h"

#include <stdio.h>
#include <unistd.h>

#include "core/must.h"

enum { MAX_LINE = 512 };

static void write_line(const struct run *run, const char *op, const char *rest)
{
  char line[MAX_LINE];
  const int len =
      snprintf(line, sizeof line,
               "{\"engine\": \"%s\", \"workload\": \"%s\", \"op\": \"%s\", "
               "\"n\": %zu, \"value_len\": %zu, \"rep\": %d, %s}\n",
               run->engine->name, run->workload, op, run->n,
               run->set->value_len, run->rep, rest);
  must(len > 0 && len < MAX_LINE, "the line of %s is too long", op);
  must(write(STDOUT_FILENO, line, (size_t)len) == len, "no output: %s",
       strerror(errno));
}

void row_time(struct run *run, const char *op, size_t ops, struct lap lap,
              int ok)
{
  char rest[128];
  snprintf(rest, sizeof rest,
           "\"ops\": %zu, \"seconds\": %.9f, \"cpu\": %.9f, \"ok\": %s", ops,
           lap.wall, lap.cpu, ok ? "true" : "false");
  write_line(run, op, rest);
  if (!ok) {
    fprintf(stderr, "blt-bench: %s: %s with %zu keys: wrong result\n",
            run->engine->name, op, run->n);
    run->n_failed++;
  }
}

void row_amount(struct run *run, const char *op, double amount,
                const char *unit)
{
  char rest[128];
  snprintf(rest, sizeof rest, "\"amount\": %.6g, \"unit\": \"%s\"", amount,
           unit);
  write_line(run, op, rest);
}
