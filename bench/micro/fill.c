/*
 * fill.c - an empty index: six bytes for each bucket, by loop or at once
 */
#include "core/must.h"
#include "format/layout.h"
#include "micro/micro.h"

enum { LINK_LEN = 6 };

static void fill_by_loop(uint8_t *index, size_t n_buckets)
{
  static const uint8_t empty[LINK_LEN] = {0};
  for (size_t i = 0; i < n_buckets; i++)
    memcpy(index + i * LINK_LEN, empty, LINK_LEN);
}

/* As the original's loop had it: a call for each bucket. */
static void fill_by_writes(FILE *file, size_t n_buckets)
{
  static const uint8_t empty[LINK_LEN] = {0};
  rewind(file);
  for (size_t i = 0; i < n_buckets; i++)
    fwrite(empty, 1, LINK_LEN, file);
  fflush(file);
}

static void measure(size_t n)
{
  const size_t len = n * LINK_LEN;
  char path[4096];
  micro_path(path, sizeof path, "index");
  FILE *file = fopen(path, "w");
  must(file != NULL, "cannot write %s", path);
  uint8_t *index = must_alloc(len);
  memset(index, 1, len);
  struct lap start = lap_start();
  fill_by_loop(index, n);
  micro_row("fill", "loop in memory", n, n, lap_since(start), 1);
  start = lap_start();
  blt__layout_fill(index, len);
  micro_row("fill", "blt__layout_fill", n, n, lap_since(start), 1);
  start = lap_start();
  fill_by_writes(file, n);
  micro_row("fill", "fwrite each", n, n, lap_since(start), 1);
  start = lap_start();
  rewind(file);
  const size_t n_written = fwrite(index, 1, len, file);
  fflush(file);
  micro_row("fill", "fwrite once", n, n, lap_since(start), n_written == len);
  micro_use(index[len / 2]);
  fclose(file);
  free(index);
}

static void fill(void)
{
  measure(12007);
  measure(144013);
  measure(1728017);
}

const struct micro micro_fill = {
    .name = "fill",
    .purpose = "an empty index by loop or at once; n is the buckets",
    .run = fill,
};
