/* kill_theirs.c - booklet's turn on the file that a killed writer left */
#include "real/kill.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define NO_KEY UINT32_MAX

static char sentence[1200];

/* ---- the pipe */

static void must_read(int from, void *bytes, size_t len)
{
  for (size_t done = 0; done < len;) {
    const ssize_t n = read(from, (uint8_t *)bytes + done, len - done);
    if (n <= 0) {
      fprintf(stderr, "the process with booklet is gone\n");
      exit(EXIT_FAILURE);
    }
    done += (size_t)n;
  }
}

static void must_write(int to, const void *bytes, size_t len)
{
  for (size_t done = 0; done < len;) {
    const ssize_t n = write(to, (const uint8_t *)bytes + done, len - done);
    if (n <= 0) {
      fprintf(stderr, "the process with booklet does not listen\n");
      exit(EXIT_FAILURE);
    }
    done += (size_t)n;
  }
}

static void become_python(const char *python, const char *script,
                          const int to[2], const int from[2])
{
  if (dup2(to[0], STDIN_FILENO) >= 0 && dup2(from[1], STDOUT_FILENO) >= 0)
    execlp(python, python, script, (char *)NULL);
  _exit(127);
}

struct theirs theirs_start(const char *python, const char *script)
{
  struct theirs theirs = {0, -1, -1};
  int to[2], from[2];
  char hello = 0;

  if (pipe2(to, O_CLOEXEC) != 0 || pipe2(from, O_CLOEXEC) != 0)
    return theirs;
  (void)signal(SIGPIPE, SIG_IGN);
  theirs.pid = fork();
  if (theirs.pid == 0)
    become_python(python, script, to, from);
  close(to[0]);
  close(from[1]);
  theirs.to = to[1];
  theirs.from = from[0];
  if (read(theirs.from, &hello, 1) != 1)
    theirs_stop(&theirs);
  return theirs;
}

void theirs_stop(struct theirs *theirs)
{
  if (theirs->pid <= 0)
    return;
  close(theirs->to);
  close(theirs->from);
  waitpid(theirs->pid, NULL, 0);
  theirs->pid = 0;
}

/* ---- a question and its answer */

static void ask(const struct theirs *theirs, const struct lane *lane,
                const struct step *writes)
{
  static uint8_t value[MAX_VALUE];
  const unsigned n_puts = writes == NULL ? 0 : writes->n_changes;
  char line[MAX_PATH + 64];
  const int len = snprintf(line, sizeof line, "%d %d %u %s\n",
                           lane->kind == BLT_FIXED, N_KEYS, n_puts, lane->path);

  must_write(theirs->to, line, (size_t)len);
  for (unsigned i = 0; i < n_puts; i++) {
    const struct change *const change = &writes->changes[i];
    const int32_t place = change->place;
    const uint32_t value_len =
        (uint32_t)version_bytes(lane, change->to.version, value);
    must_write(theirs->to, &place, sizeof place);
    must_write(theirs->to, &value_len, sizeof value_len);
    must_write(theirs->to, &change->to.timestamp, sizeof(uint64_t));
    must_write(theirs->to, value, value_len);
  }
}

static void hear_why(const struct theirs *theirs)
{
  uint32_t len;

  must_read(theirs->from, &len, sizeof len);
  if (len >= sizeof sentence)
    exit(EXIT_FAILURE);
  must_read(theirs->from, sentence, len);
  sentence[len] = '\0';
}

/* What a place may hold. */
struct choice {
  int place;
  uint64_t version;
};

static int allows(void *ctx, const struct state *state)
{
  const struct choice *const choice = ctx;

  return state->entries[choice->place].version == choice->version;
}

static void hear_values(const struct theirs *theirs, const struct lane *lane,
                        uint64_t versions[N_KEYS])
{
  for (int place = 0; place < N_KEYS; place++) {
    uint32_t len;
    must_read(theirs->from, &len, sizeof len);
    versions[place] = 0;
    if (len == NO_KEY)
      continue;
    uint8_t *const bytes = malloc((size_t)len + 1);
    if (bytes == NULL)
      exit(EXIT_FAILURE);
    must_read(theirs->from, bytes, len);
    versions[place] = version_of(lane, bytes, len);
    if (versions[place] == 0)
      versions[place] = UINT64_MAX; /* garbage */
    free(bytes);
  }
}

enum theirs_answer judge_theirs(const struct theirs *theirs,
                                const struct lane *lane, uint64_t session,
                                const struct progress *progress,
                                const struct step *writes, const char **why)
{
  uint64_t versions[N_KEYS];
  struct state state;
  char letter;

  *why = sentence;
  ask(theirs, lane, writes);
  must_read(theirs->from, &letter, 1);
  if (letter != 'O') {
    hear_why(theirs);
    return letter == 'R' ? THEIRS_REFUSED : THEIRS_WRONG;
  }
  hear_values(theirs, lane, versions);
  for (int place = 0; place < N_KEYS; place++) {
    struct choice choice = {place, versions[place]};
    if (find_state(lane, session, progress, NULL, allows, &choice, &state))
      continue;
    snprintf(sentence, sizeof sentence,
             "booklet gets version %llx at place %d, which it never had then",
             (unsigned long long)versions[place], place);
    return THEIRS_WRONG;
  }
  return THEIRS_OPENED;
}
