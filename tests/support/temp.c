/*
 * temp.c - files for tests, in a folder that is gone when the program ends
 *
 * Only the process that made the folder removes it: a forked test that exits
 * must leave the files of the others alone.
 */
#include "support/temp.h"

#include <check.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_LEN = 512, N_PATHS = 32 };

static char root[PATH_LEN - 128];
static pid_t owner;

static int remove_entry(const char *path, const struct stat *info, int kind,
                        struct FTW *where)
{
  (void)info;
  (void)kind;
  (void)where;
  return remove(path);
}

void temp_close(void)
{
  if (owner != getpid() || root[0] == '\0')
    return;
  nftw(root, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
  root[0] = '\0';
}

void temp_open(void)
{
  const char *const parent = getenv("TMPDIR");
  const int len =
      snprintf(root, sizeof root, "%s/blt-test-XXXXXX",
               parent == NULL || parent[0] == '\0' ? "/tmp" : parent);

  if (len < 0 || (size_t)len >= sizeof root || mkdtemp(root) == NULL) {
    perror("no folder for test files");
    exit(EXIT_FAILURE);
  }
  owner = getpid();
  atexit(temp_close);
}

const char *temp_path(const char *name)
{
  static char paths[N_PATHS][PATH_LEN];
  static unsigned n_given;
  char *const path = paths[n_given % N_PATHS];

  n_given++;
  snprintf(path, PATH_LEN, "%s/%ld-%u-%.64s", root, (long)getpid(), n_given,
           name);
  return path;
}

uint8_t *file_read(const char *path, size_t *out_len)
{
  const size_t len = (size_t)file_len(path);
  uint8_t *const bytes = malloc(len + 1);
  FILE *const file = fopen(path, "rb");

  ck_assert_ptr_nonnull(bytes);
  ck_assert_ptr_nonnull(file);
  ck_assert_uint_eq(fread(bytes, 1, len, file), len);
  fclose(file);
  *out_len = len;
  return bytes;
}

void file_write(const char *path, const void *bytes, size_t len)
{
  FILE *const file = fopen(path, "wb");

  ck_assert_ptr_nonnull(file);
  ck_assert_uint_eq(len == 0 ? 0 : fwrite(bytes, 1, len, file), len);
  ck_assert_int_eq(fclose(file), 0);
}

uint64_t file_len(const char *path)
{
  struct stat info;

  ck_assert_int_eq(stat(path, &info), 0);
  return (uint64_t)info.st_size;
}

void file_cut(const char *path, uint64_t len)
{
  ck_assert_int_eq(truncate(path, (off_t)len), 0);
}

int file_exists(const char *path)
{
  return access(path, F_OK) == 0;
}
