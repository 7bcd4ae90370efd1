/*
 * agent.h - a second process on a pipe that does with a store what it is told
 *
 * The agent is the test program itself, started anew with "--agent": it
 * shares no memory, no handle and no lock with the test. Commands are lines:
 *
 *   open MODE MS PATH   r w c n; MS: -1 waits for the lock
 *   put KEY VALUE   get KEY   sync   close
 *   add PATH KEY N      N times: open, add one to a number, close
 *
 * and so are the answers: "STATUS HOLDER_PID VALUE".
 */
#ifndef SUPPORT_AGENT_H
#define SUPPORT_AGENT_H

#include <blt.h>
#include <stddef.h>
#include <sys/types.h>

struct agent {
  pid_t pid;
  int to;   /* its standard input */
  int from; /* its standard output */
};

struct agent_answer {
  blt_status status;
  int holder_pid;
  char value[128];
};

struct agent agent_start(void);

/* Kill it if it still runs. A closed input lets it end by itself. */
void agent_stop(struct agent *agent);

/* SIGKILL, as a crash. */
void agent_kill(struct agent *agent);

/* Say it and do not wait; then wait for the answer. ask does both. */
void agent_tell(const struct agent *agent, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
struct agent_answer agent_hear(const struct agent *agent);
struct agent_answer agent_ask(const struct agent *agent, const char *format,
                              ...) __attribute__((format(printf, 2, 3)));

/* Is there no answer for so long? */
int agent_is_silent(const struct agent *agent, int milliseconds);

/* The other end; called by run_suites. Returns the exit code. */
int agent_serve(void);

#endif
