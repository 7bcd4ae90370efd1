/* progress.h - how far long work has come, and Ctrl-C */
#ifndef BLT_TOOLS_PROGRESS_H
#define BLT_TOOLS_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "args.h"

/* On a terminal a line that is rewritten after the first second; with
 * --progress=always a plain line now and every five seconds. */
enum unit { UNIT_BYTES, UNIT_KEYS };

struct progress {
  const struct args *args;
  const char *file;
  bool on_terminal, plain;
  double started, last; /* seconds of the monotonic clock; last 0: never    */
  const char *phase;    /* the one that is told now, and when it began      */
  double phase_started;
  uint64_t n_rows; /* told beside bytes, when it is not 0              */
  bool shown;      /* a line is on the terminal                        */
  int n_refused;   /* times the work went on after being told to stop  */
};

void progress_init(struct progress *progress, const struct args *args,
                   const char *file);

/* A blt_progress, so in bytes; `ctx` is the struct. A total of 0 is not
 * known. */
int progress_tell(void *ctx, const char *phase, uint64_t done, uint64_t total);

/* The same for work of our own, which knows what it counts. */
int progress_amount(struct progress *progress, enum unit unit, uint64_t done,
                    uint64_t total);

/* Takes the line off the terminal. */
void progress_clear(struct progress *progress);

/* From here on the first Ctrl-C, or request to end (SIGTERM, SIGHUP), is only
 * noted, so that work can be stopped in good order; the second one kills. */
void interrupt_catch(void);
/* From here on Ctrl-C kills again. */
void interrupt_release(void);
bool interrupted(void);
/* As read, but a Ctrl-C ends it with EINTR whenever it comes; other signals do
 * not. */
ssize_t interruptible_read(int fd, void *to, size_t len);
/* A stream that reads so; "-" is standard input, which it does not close. */
FILE *interruptible_open(const char *path);
/* Forgets a Ctrl-C that was noted. */
void interrupt_forget(void);
/* The request to end that was noted, or 0. */
int interrupt_to_end_by(void);

#endif
