/* verified.h - remembers which files were sound, and what they were then */
#ifndef BLT_TOOLS_VERIFIED_H
#define BLT_TOOLS_VERIFIED_H

#include <stdbool.h>
#include <sys/stat.h>

#include "args.h"
#include "blt.h"

/*
 * The memory is a .blt file, verified.blt in the folder blt of
 * $XDG_CACHE_HOME or ~/.cache: path -> facts and counts. A file counts as
 * unchanged when device, inode, length and both times are what they were. It
 * is not remembered when it was changed so shortly before that its clock could
 * hide the next change.
 *
 * Nothing here fails: without the memory, files are verified as ever.
 */
bool verified_knows(const struct args *args, const char *file,
                    blt_verify_report *out);

/* `before` is what stat said when the lock was taken. */
void verified_remember(const struct args *args, const char *file,
                       const struct stat *before,
                       const blt_verify_report *report);

#endif
