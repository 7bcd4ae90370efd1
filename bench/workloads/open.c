/*
 * open.c - opening a store that was closed well, and one that was not
 *
 *   open_again   open and close for reading, the mean of many
 *   open_one     the same, but the kernel was told to forget the files first
 *   open_killed  open for writing what a process that ended without closing
 *                left behind, after n puts and a commit
 */
#include "workloads/steps.h"
#include "workloads/workload.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/folder.h"
#include "core/must.h"

enum { TIMES = 50 };

static void open_often(struct run *run)
{
  const struct lap start = lap_start();
  for (int i = 0; i < TIMES; i++)
    store_close(run, store_open(run, MODE_READ));
  row_time(run, "open_again", TIMES, lap_since(start), 1);
}

static void forget(const char *path)
{
  const int fd = open(path, O_RDONLY);
  if (fd < 0)
    return;
  fdatasync(fd);
  posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
  close(fd);
}

static void forget_files(const char *folder_path)
{
  DIR *folder = opendir(folder_path);
  const struct dirent *entry;
  must(folder != NULL, "%s: %s", folder_path, strerror(errno));
  while ((entry = readdir(folder)) != NULL) {
    char path[PATH_MAX];
    folder_join(path, sizeof path, folder_path, entry->d_name);
    if (entry->d_type == DT_REG)
      forget(path);
  }
  closedir(folder);
}

static void open_forgotten(struct run *run)
{
  forget_files(run->folder);
  store_close(run, store_open_row(run, MODE_READ, "open_one"));
}

static void write_and_die(const struct run *run)
{
  void *store = store_open(run, MODE_NEW);
  put_range(run, store, 0, run->n, 0);
  _exit(0);
}

static void open_killed(struct run *run)
{
  int status;
  const pid_t child = fork();
  must(child >= 0, "fork: %s", strerror(errno));
  if (child == 0)
    write_and_die(run);
  must(waitpid(child, &status, 0) == child && status == 0,
       "%s: the process to be killed failed", run->engine->name);
  const struct lap start = lap_start();
  void *store = store_open(run, MODE_WRITE);
  const struct lap lap = lap_since(start);
  row_time(run, "open_killed", 1, lap, store_holds(run, store, 0, 0));
  store_close(run, store);
}

static void open_stores(struct run *run)
{
  /* First: a fork takes none of the threads along that an engine may have
   * after it was used. */
  if (run->engine->del != NULL)
    open_killed(run);
  void *store = store_open(run, MODE_NEW);
  put_range(run, store, 0, run->n, 0);
  store_close(run, store);
  open_often(run);
  open_forgotten(run);
}

const struct workload workload_open = {
    .name = "open",
    .purpose = "open a store that was closed well, or not at all",
    .run = open_stores,
};
