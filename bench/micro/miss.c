/*
 * miss.c - what the memory alone takes for a lookup, by the size of a store
 *
 *   line             a line of a table, as the side table's: 13 bytes a record
 *   line and block   and then the head of a block, in a mapped file with 256
 *                    bytes a record
 *
 * Each place is known only when the one before is there. Nothing is compared
 * or copied: no store that finds keys in this way is faster.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/dataset.h"
#include "core/must.h"
#include "micro/micro.h"
#include "os/memory.h"

enum { LINE = 64, PLACE = 13, BLOCK = 256, N_LOOKUPS = 1000000 };

struct places {
  char *memory;
  size_t len, piece;
};

static struct places table_of(size_t n)
{
  struct places table = {.len = n * PLACE, .piece = LINE};
  table.memory = must_alloc(table.len);
  blt__memory_want_large_pages(table.memory, table.len);
  memset(table.memory, 0, table.len);
  return table;
}

/* All of it a hole, whose pages are memory like any other file's once they
 * were read. */
static struct places file_of(size_t n)
{
  struct places file = {.len = n * BLOCK, .piece = BLOCK};
  char path[4096];
  micro_path(path, sizeof path, "miss");
  const int fd = open(path, O_RDWR | O_CREAT, 0600);
  must(fd >= 0 && ftruncate(fd, (off_t)file.len) == 0, "cannot make %s", path);
  void *mapping =
      mmap(NULL, file.len, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0);
  must(mapping != MAP_FAILED, "cannot map %s", path);
  close(fd);
  file.memory = mapping;
  return file;
}

/* A byte of some piece. It is 0, which nobody but us knows. */
static uint64_t touch(const struct places *places, uint64_t random)
{
  const uint64_t n = places->len / places->piece;
  const uint64_t chosen = (random & UINT32_MAX) * n >> 32;
  return (unsigned char)places->memory[chosen * places->piece];
}

static void look_up(const struct places *table, const struct places *file,
                    size_t n)
{
  uint64_t seed = 7, sum = 0;
  const struct lap start = lap_start();
  for (size_t i = 0; i < N_LOOKUPS; i++) {
    const uint64_t random = random_next(&seed);
    uint64_t found = touch(table, random);
    if (file != NULL)
      found = touch(file, (random >> 32) + found);
    seed += found;
    sum += found;
  }
  micro_row("miss", file != NULL ? "line and block" : "line", n, N_LOOKUPS,
            lap_since(start), sum == 0);
}

static void measure(size_t n)
{
  struct places table = table_of(n);
  struct places file = file_of(n);
  look_up(&table, NULL, n);
  look_up(&table, &file, n);
  munmap(file.memory, file.len);
  free(table.memory);
}

static void miss(void)
{
  measure(50000);
  measure(1000000);
  measure(10000000);
}

const struct micro micro_miss = {
    .name = "miss",
    .purpose = "what memory alone takes for a lookup; n is the records of the "
               "store",
    .run = miss,
};
