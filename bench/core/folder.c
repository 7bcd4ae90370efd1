/*
 * folder.c - folders that hold the stores of a run
 */
#include "core/folder.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/must.h"

void folder_join(char *out, size_t capacity, const char *folder,
                 const char *name)
{
  const int len = snprintf(out, capacity, "%s/%s", folder, name);
  must(len > 0 && (size_t)len < capacity, "the path %s is too long", folder);
}

static int is_dot(const char *name)
{
  return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static void remove_tree(const char *path)
{
  DIR *folder = opendir(path);
  if (folder == NULL)
    return;
  const struct dirent *entry;
  while ((entry = readdir(folder)) != NULL) {
    char inner[PATH_MAX];
    if (is_dot(entry->d_name))
      continue;
    folder_join(inner, sizeof inner, path, entry->d_name);
    if (unlink(inner) < 0)
      remove_tree(inner);
  }
  closedir(folder);
  rmdir(path);
}

void folder_remove(const char *path)
{
  remove_tree(path);
}

void folder_make(const char *path)
{
  remove_tree(path);
  must(mkdir(path, 0777) == 0, "%s: %s", path, strerror(errno));
}

struct folder_size folder_measure(const char *path)
{
  struct folder_size sum = {0, 0};
  DIR *folder = opendir(path);
  must(folder != NULL, "%s: %s", path, strerror(errno));
  const struct dirent *entry;
  while ((entry = readdir(folder)) != NULL) {
    char inner[PATH_MAX];
    struct stat info;
    folder_join(inner, sizeof inner, path, entry->d_name);
    if (is_dot(entry->d_name) || stat(inner, &info) < 0)
      continue;
    sum.len += (uint64_t)info.st_size;
    sum.on_disk += (uint64_t)info.st_blocks * 512;
  }
  closedir(folder);
  return sum;
}
