/* newfile.h - a file that appears when it is complete */
#ifndef BLT_TOOLS_NEWFILE_H
#define BLT_TOOLS_NEWFILE_H

#include <stdbool.h>
#include <sys/types.h>

#include "args.h"
#include "text.h"

/*
 * It is made as NAME.tmp.PID, beside the file that a link leads to.
 * newfile_keep gives it its name, newfile_drop removes it; one of them ends it.
 */
struct newfile {
  const char *path; /* as the user gave it                                  */
  struct text target, temporary;
};

void newfile_begin(struct newfile *file, const char *path);

/* A file that has the name by then is left alone, or with `replace` gives way
 * when nobody holds its lock. 0 or an exit code; then it is removed. */
int newfile_keep(struct newfile *file, const struct args *args, bool replace);
void newfile_drop(struct newfile *file);

/* Whether there is anything of that name, a dangling link too. */
bool newfile_exists(const char *path);
int newfile_report_existing(const struct args *args, const char *path);

/* Both names lead to one file. */
bool newfile_is_same(const char *path, const char *other);
/* The descriptor is of the file that the name leads to. */
bool newfile_is_stream(int fd, const char *path);

/* What is made between the two is open to nobody but its owner whom the other
 * file is not open to; and then it may be used as that may. */
mode_t newfile_begin_private(const char *like);
void newfile_end_private(const struct newfile *file, const char *like,
                         mode_t before);

#endif
