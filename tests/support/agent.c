/* agent.c - the test's end of the pipe to a second process */
#include "support/agent.h"

#include <check.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LINE_LEN = 1024 };

static void become_agent(int input, int output)
{
  char program[] = "agent", argument[] = "--agent";
  char *const argv[] = {program, argument, NULL};

  if (dup2(input, STDIN_FILENO) >= 0 && dup2(output, STDOUT_FILENO) >= 0)
    execv("/proc/self/exe", argv);
  _exit(127);
}

/* The descriptors are not to live on in another agent: it would keep the
 * input of this one open. */
static void open_pipe(int ends[2])
{
  ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
}

struct agent agent_start(void)
{
  int to[2], from[2];

  open_pipe(to);
  open_pipe(from);
  signal(SIGPIPE, SIG_IGN);
  const pid_t pid = fork();
  ck_assert_int_ge(pid, 0);
  if (pid == 0)
    become_agent(to[0], from[1]);
  close(to[0]);
  close(from[1]);
  return (struct agent){.pid = pid, .to = to[1], .from = from[0]};
}

static void end_agent(struct agent *agent, int signal_number)
{
  /* The signal first: an agent that sees its pipe end closes its store. */
  if (signal_number != 0)
    kill(agent->pid, signal_number);
  close(agent->to);
  waitpid(agent->pid, NULL, 0);
  close(agent->from);
  *agent = (struct agent){.pid = -1, .to = -1, .from = -1};
}

void agent_stop(struct agent *agent)
{
  end_agent(agent, 0);
}

void agent_kill(struct agent *agent)
{
  end_agent(agent, SIGKILL);
}

static void tell(const struct agent *agent, const char *format, va_list args)
{
  char line[LINE_LEN];
  const int len = vsnprintf(line, sizeof line - 1, format, args);

  ck_assert(len > 0 && len < LINE_LEN - 1);
  line[len] = '\n';
  ck_assert_int_eq(write(agent->to, line, (size_t)len + 1), len + 1);
}

void agent_tell(const struct agent *agent, const char *format, ...)
{
  va_list args;

  va_start(args, format);
  tell(agent, format, args);
  va_end(args);
}

struct agent_answer agent_hear(const struct agent *agent)
{
  struct agent_answer answer = {BLT_OK, 0, ""};
  char line[LINE_LEN];
  size_t len = 0;
  int status = 0;

  while (len == 0 || line[len - 1] != '\n') {
    ck_assert_uint_lt(len, sizeof line - 1);
    ck_assert_msg(read(agent->from, line + len, 1) == 1, "the agent is gone");
    len++;
  }
  line[len - 1] = '\0';
  ck_assert_int_ge(
      sscanf(line, "%d %d %127s", &status, &answer.holder_pid, answer.value),
      2);
  answer.status = (blt_status)status;
  return answer;
}

struct agent_answer agent_ask(const struct agent *agent, const char *format,
                              ...)
{
  va_list args;

  va_start(args, format);
  tell(agent, format, args);
  va_end(args);
  return agent_hear(agent);
}

int agent_is_silent(const struct agent *agent, int milliseconds)
{
  struct pollfd wait = {.fd = agent->from, .events = POLLIN};

  return poll(&wait, 1, milliseconds) == 0;
}
