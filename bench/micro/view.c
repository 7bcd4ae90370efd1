/*
 * view.c - what the bounds check costs, and what reading without a map does
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/must.h"
#include "micro/micro.h"
#include "os/view.h"

enum { FILE_LEN = 12500000, N = 1000000, PIECE = 25 };

static const struct blt__sink sink = {NULL, "view"};

static void make_file(const char *path)
{
  char *bytes = must_alloc(FILE_LEN);
  memset(bytes, 'v', FILE_LEN);
  FILE *file = fopen(path, "w");
  must(file != NULL && fwrite(bytes, 1, FILE_LEN, file) == FILE_LEN &&
           fclose(file) == 0,
       "cannot write %s", path);
  free(bytes);
}

static uint64_t offset(uint64_t *seed)
{
  return random_next(seed) % (FILE_LEN - PIECE);
}

static void by_view(const char *path, const char *name, int by_read)
{
  const blt_options options = BLT_OPTIONS_INIT;
  const struct blt__view_how how = {.by_read = by_read};
  const struct blt__posix_open opening = {.path = path, .fd = -1};
  struct blt__env env;
  struct blt__file *file;
  struct blt__view view;
  uint64_t seed = 3, sum = 0;
  const uint8_t *at = NULL;
  int failed = 0;
  blt__env_init(&env, &options);
  must(blt__file_open(&env, &sink, &opening, &file) == BLT_OK, "cannot open");
  must(blt__view_open(&view, file, &env, &sink, &how) == BLT_OK, "no view");
  const struct lap start = lap_start();
  for (size_t i = 0; i < N; i++) {
    failed |= blt__view_at(&view, offset(&seed), PIECE, &at);
    sum += *at;
  }
  micro_row("view", name, FILE_LEN, N, lap_since(start),
            !failed && sum == (uint64_t)N * 'v');
  blt__view_close(&view);
  file->ops->close(file);
}

static void by_pointer(const char *path)
{
  uint64_t seed = 3, sum = 0;
  const int fd = open(path, O_RDONLY);
  const uint8_t *base = mmap(NULL, FILE_LEN, PROT_READ, MAP_SHARED, fd, 0);
  must(fd >= 0 && base != MAP_FAILED, "cannot map %s", path);
  const struct lap start = lap_start();
  for (size_t i = 0; i < N; i++)
    sum += base[offset(&seed)];
  micro_row("view", "bare pointer", FILE_LEN, N, lap_since(start),
            sum == (uint64_t)N * 'v');
  void *mapping;
  memcpy(&mapping, &base, sizeof mapping);
  munmap(mapping, FILE_LEN);
  close(fd);
}

static void by_pread(const char *path)
{
  uint64_t seed = 3, sum = 0;
  uint8_t piece[PIECE];
  const int fd = open(path, O_RDONLY);
  must(fd >= 0, "cannot open %s", path);
  const struct lap start = lap_start();
  for (size_t i = 0; i < N; i++) {
    must(pread(fd, piece, PIECE, (off_t)offset(&seed)) == PIECE, "short read");
    sum += *piece;
  }
  micro_row("view", "pread each", FILE_LEN, N, lap_since(start),
            sum == (uint64_t)N * 'v');
  close(fd);
}

static void view(void)
{
  char path[4096];
  micro_path(path, sizeof path, "view");
  make_file(path);
  by_pointer(path);
  by_view(path, "blt__view_at, mapped", 0);
  by_view(path, "blt__view_at, by read", 1);
  by_pread(path);
}

const struct micro micro_view = {
    .name = "view",
    .purpose = "25 bytes at random places of a file, by map and by read",
    .run = view,
};
