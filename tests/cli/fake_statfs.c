/*
 * fake_statfs.c - every file is on the file system that the environment says
 *
 * Preloaded into the command by test_network.py: BLT_FAKE_F_TYPE is the f_type.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>

int fstatfs(int fd, struct statfs *out)
{
  const char *const type = getenv("BLT_FAKE_F_TYPE");

  (void)fd;
  memset(out, 0, sizeof *out);
  out->f_type = type == NULL ? 0 : strtol(type, NULL, 0);
  return 0;
}

int fstatfs64(int fd, struct statfs64 *out)
{
  struct statfs fs;
  const int result = fstatfs(fd, &fs);

  memset(out, 0, sizeof *out);
  out->f_type = fs.f_type;
  return result;
}
