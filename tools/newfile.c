/* newfile.c - a file that appears when it is complete */
#include "newfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "report.h"

void newfile_begin(struct newfile *file, const char *path)
{
  *file = (struct newfile){.path = path};
  text_addf(&file->temporary, "%s.tmp.%ld", path, (long)getpid());
}

void newfile_drop(struct newfile *file)
{
  if (file->temporary.data)
    unlink(file->temporary.data);
  text_release(&file->temporary);
}

bool newfile_exists(const char *path)
{
  struct stat facts;
  return lstat(path, &facts) == 0;
}

int newfile_report_existing(const struct args *args, const char *path)
{
  return report_error(args, EXIT_SYSTEM, "exists", path,
                      "exists already; give the name of a new file");
}

/* A hard link gives the name to the file only when nobody has it. */
static int take_free_name(const struct newfile *file, const struct args *args)
{
  const char *temporary = file->temporary.data;
  if (link(temporary, file->path) == 0)
    return EXIT_DONE;
  if (errno == EEXIST || newfile_exists(file->path))
    return newfile_report_existing(args, file->path);
  /* Some file systems have no links. */
  return rename(temporary, file->path) == 0
             ? EXIT_DONE
             : report_errno(args, file->path, errno);
}

/* Whoever has the old file open would go on with a file that has no name. */
static int take_name(const struct newfile *file, const struct args *args)
{
  const int old = open(file->path, O_RDONLY | O_CLOEXEC);
  int code = EXIT_DONE;
  if (old >= 0 && flock(old, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
    code = report_error(args, EXIT_LOCKED, "locked", file->path,
                        "is in use and was not replaced");
  else if (rename(file->temporary.data, file->path) < 0)
    code = report_errno(args, file->path, errno);
  if (old >= 0)
    close(old);
  return code;
}

int newfile_keep(struct newfile *file, const struct args *args, bool replace)
{
  const int code = replace ? take_name(file, args) : take_free_name(file, args);
  newfile_drop(file);
  return code;
}
