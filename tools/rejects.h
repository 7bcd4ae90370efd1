/* rejects.h - rows that load could not take */
#ifndef BLT_TOOLS_REJECTS_H
#define BLT_TOOLS_REJECTS_H

#include "formats/format.h"

/*
 * --bad-rows=stop ends at the first one, skip counts them, and with a FILE
 * each becomes a line of JSON:
 *
 *   {"input":"rows.csv","line":1842,"reason":"the row has 1 cells...",
 *    "row":"site-42"}
 */
struct rejects {
  const struct args *args;
  bool stops, has_file;
  struct out out;
  uint64_t n;
  struct text first; /* where the first one is, and why                     */
};

/* 0 or an exit code. */
int rejects_open(struct rejects *rejects, const struct args *args);

/* 0 to go on, or the exit code after a message. */
int rejects_add(struct rejects *rejects, const struct reader *reader,
                const char *reason);

/* `code`, or what comes of rows that were passed over. */
int rejects_close(struct rejects *rejects, int code);

#endif
