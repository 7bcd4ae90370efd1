/*
 * files.c - a whole file, a search in it and a log, by map, by calls, by stdio
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/must.h"
#include "micro/micro.h"

enum { LEN = 64 << 20, PIECE = 1 << 16, RECORD = 237, N_RECORDS = 100000 };

static const char needle[] = "needle in a file";

static void make_file(const char *path)
{
  char *bytes = must_alloc(LEN);
  uint64_t seed = 11;
  for (size_t i = 0; i < LEN; i += 8) {
    const uint64_t number = random_next(&seed) | 0x8080808080808080;
    memcpy(bytes + i, &number, 8);
  }
  memcpy(bytes + LEN - 100, needle, sizeof needle - 1);
  FILE *file = fopen(path, "w");
  must(file != NULL && fwrite(bytes, 1, LEN, file) == LEN && fclose(file) == 0,
       "cannot write %s", path);
  free(bytes);
}

static uint64_t add_up(const char *bytes, size_t len)
{
  uint64_t sum = 0, number;
  for (size_t i = 0; i + 8 <= len; i += 8) {
    memcpy(&number, bytes + i, 8);
    sum += number;
  }
  return sum;
}

/* ------------------------------------------------------------ read it all */

static uint64_t read_by_map(const char *path)
{
  const int fd = open(path, O_RDONLY);
  char *base = mmap(NULL, LEN, PROT_READ, MAP_SHARED, fd, 0);
  must(base != MAP_FAILED, "cannot map");
  const uint64_t sum = add_up(base, LEN);
  munmap(base, LEN);
  close(fd);
  return sum;
}

static uint64_t read_by_calls(const char *path)
{
  static char piece[PIECE];
  uint64_t sum = 0;
  ssize_t len;
  const int fd = open(path, O_RDONLY);
  while ((len = read(fd, piece, PIECE)) > 0)
    sum += add_up(piece, (size_t)len);
  close(fd);
  return sum;
}

static uint64_t read_by_stdio(const char *path)
{
  static char piece[PIECE];
  uint64_t sum = 0;
  size_t len;
  FILE *file = fopen(path, "r");
  while ((len = fread(piece, 1, PIECE, file)) > 0)
    sum += add_up(piece, len);
  fclose(file);
  return sum;
}

/* -------------------------------------------------------------- search it */

static uint64_t search_by_map(const char *path)
{
  const int fd = open(path, O_RDONLY);
  char *base = mmap(NULL, LEN, PROT_READ, MAP_SHARED, fd, 0);
  must(base != MAP_FAILED, "cannot map");
  const char *found = memmem(base, LEN, needle, sizeof needle - 1);
  const uint64_t at = found ? (uint64_t)(found - base) : 0;
  munmap(base, LEN);
  close(fd);
  return at;
}

/* Pieces overlap by what the needle may hang over. */
static uint64_t search_by_calls(const char *path)
{
  static char piece[PIECE];
  const size_t over = sizeof needle - 2;
  const int fd = open(path, O_RDONLY);
  const char *found = NULL;
  uint64_t at = 0;
  ssize_t len;
  while ((len = pread(fd, piece, PIECE, (off_t)at)) > 0) {
    found = memmem(piece, (size_t)len, needle, sizeof needle - 1);
    if (found != NULL || len < PIECE)
      break;
    at += (uint64_t)len - over;
  }
  close(fd);
  return found ? at + (uint64_t)(found - piece) : 0;
}

/* ------------------------------------------------------------ append to it */

static void append_by_map(const char *path, const char *record)
{
  const size_t len = (size_t)N_RECORDS * RECORD;
  const int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);
  must(fd >= 0 && ftruncate(fd, (off_t)len) == 0, "cannot make %s", path);
  char *base = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  must(base != MAP_FAILED, "cannot map");
  for (size_t i = 0; i < N_RECORDS; i++)
    memcpy(base + i * RECORD, record, RECORD);
  munmap(base, len);
  close(fd);
}

static void append_by_pwrite(const char *path, const char *record)
{
  const int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);
  for (size_t i = 0; i < N_RECORDS; i++)
    must(pwrite(fd, record, RECORD, (off_t)(i * RECORD)) == RECORD,
         "short write");
  close(fd);
}

static void append_by_stdio(const char *path, const char *record)
{
  FILE *file = fopen(path, "w");
  must(file != NULL, "cannot make %s", path);
  for (size_t i = 0; i < N_RECORDS; i++)
    must(fwrite(record, 1, RECORD, file) == RECORD, "short write");
  must(fclose(file) == 0, "cannot write %s", path);
}

/* As the library does: a buffer of 4 MiB and one call for each. */
static void append_by_buffer(const char *path, const char *record)
{
  const size_t room = (4 << 20) / RECORD * RECORD;
  const int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);
  char *buf = must_alloc(room);
  size_t len = 0, at = 0;
  for (size_t i = 0; i < N_RECORDS; i++) {
    memcpy(buf + len, record, RECORD);
    len += RECORD;
    if (len < room && i + 1 < N_RECORDS)
      continue;
    must(pwrite(fd, buf, len, (off_t)at) == (ssize_t)len, "short write");
    at += len;
    len = 0;
  }
  free(buf);
  close(fd);
}

static void ask(const char *op, const char *name, const char *path,
                uint64_t (*work)(const char *), uint64_t expected)
{
  const struct lap start = lap_start();
  const uint64_t result = work(path);
  micro_row(op, name, LEN, LEN, lap_since(start), result == expected);
}

static void append(const char *name, const char *path,
                   void (*work)(const char *, const char *))
{
  char record[RECORD];
  memset(record, 'r', sizeof record);
  const struct lap start = lap_start();
  work(path, record);
  const struct lap lap = lap_since(start);
  micro_row("log_append", name, N_RECORDS, N_RECORDS, lap,
            access(path, R_OK) == 0);
  unlink(path);
}

static void files(void)
{
  char path[4096], log[4096];
  micro_path(path, sizeof path, "whole");
  micro_path(log, sizeof log, "log");
  if (access(path, R_OK) != 0)
    make_file(path);
  const uint64_t sum = read_by_calls(path);
  ask("file_read", "mapping", path, read_by_map, sum);
  ask("file_read", "read 64 KiB", path, read_by_calls, sum);
  ask("file_read", "stdio", path, read_by_stdio, sum);
  ask("file_search", "mapping", path, search_by_map, LEN - 100);
  ask("file_search", "pread 64 KiB", path, search_by_calls, LEN - 100);
  append("mapping", log, append_by_map);
  append("pwrite each", log, append_by_pwrite);
  append("stdio", log, append_by_stdio);
  append("pwrite of 4 MiB", log, append_by_buffer);
}

const struct micro micro_files = {
    .name = "files",
    .purpose = "a whole file, a search in it and a log, by map or by calls",
    .run = files,
};
