/* describe.h - what the options say about a new file */
#ifndef BLT_TOOLS_DESCRIBE_H
#define BLT_TOOLS_DESCRIBE_H

#include "args.h"
#include "blt.h"

/* --key-type, --value-type, --fixed, --buckets and --no-timestamps. 0 or an
 * exit code. */
int describe_file(const struct args *args, blt_options *options);

/* --like: `header` is read from the other file and has to live as long as
 * the options. 0 or an exit code; nothing is done without --like. */
int describe_like(const struct args *args, blt_header *header,
                  blt_options *options);

#endif
