/* newfile.c - a file that appears when it is complete */
#include "newfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "report.h"

void newfile_begin(struct newfile *file, const char *path)
{
  char *real = realpath(path, NULL);
  *file = (struct newfile){.path = path};
  text_add_string(&file->target, real ? real : path);
  text_addf(&file->temporary, "%s.tmp.%ld", file->target.data, (long)getpid());
  free(real);
}

void newfile_drop(struct newfile *file)
{
  if (file->temporary.data)
    unlink(file->temporary.data);
  text_release(&file->temporary);
  text_release(&file->target);
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

static bool is_one_file(const struct stat *a, const struct stat *b)
{
  return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

bool newfile_is_same(const char *path, const char *other)
{
  struct stat facts, others;
  return stat(path, &facts) == 0 && stat(other, &others) == 0 &&
         is_one_file(&facts, &others);
}

bool newfile_is_stream(int fd, const char *path)
{
  struct stat facts, others;
  return fstat(fd, &facts) == 0 && stat(path, &others) == 0 &&
         is_one_file(&facts, &others);
}

mode_t newfile_begin_private(const char *like)
{
  struct stat facts;
  const mode_t before = umask(0);
  const mode_t theirs = S_IRWXG | S_IRWXO;
  umask(stat(like, &facts) == 0 ? before | (~facts.st_mode & theirs) : before);
  return before;
}

void newfile_end_private(const struct newfile *file, const char *like,
                         mode_t before)
{
  struct stat facts;
  umask(before);
  /* Where that fails it stays more private than it could be. */
  if (stat(like, &facts) == 0)
    (void)!chmod(file->temporary.data, facts.st_mode & 0777);
}

/* A hard link gives the name to the file only when nobody has it. */
static int take_free_name(const struct newfile *file, const struct args *args)
{
  const char *temporary = file->temporary.data;
  if (link(temporary, file->target.data) == 0)
    return EXIT_DONE;
  if (errno == EEXIST || newfile_exists(file->target.data))
    return newfile_report_existing(args, file->path);
  /* Some file systems have no links. */
  return rename(temporary, file->target.data) == 0
             ? EXIT_DONE
             : report_errno(args, file->path, errno);
}

/* Whoever has the old file open would go on with a file that has no name. */
static int take_name(const struct newfile *file, const struct args *args)
{
  const int old = open(file->target.data, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  int code = EXIT_DONE;
  if (old >= 0 && flock(old, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
    code = report_error(args, EXIT_LOCKED, "locked", file->path,
                        "is in use and was not replaced");
  else if (rename(file->temporary.data, file->target.data) < 0)
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
