/* session.h - a file that stays open from command to command */
#ifndef BLT_TOOLS_SESSION_H
#define BLT_TOOLS_SESSION_H

#include <stdbool.h>

#include "blt.h"
#include "progress.h"

/*
 * The shell opens its file once and keeps its lock. A command that it runs
 * finds the session in its args, and store_open gives it the open file in
 * the place of a new one.
 */
struct session {
  const char *file;
  blt_db *db;
  bool reading;
  uint64_t line; /* that is at work, which messages name; 0: it was typed   */
  struct progress *progress; /* of the command that runs now, or NULL       */
};

/* A blt_progress; `ctx` is the session. */
int session_progress(void *ctx, const char *phase, uint64_t done,
                     uint64_t total);

#endif
