/* kill_writer.c - the process that runs a script, and is killed */
#include "real/kill.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* A line of the writer: twice the number of the step, and 1 when it is done. */
struct writer {
  const struct lane *lane;
  blt_options options;
  blt_db *db;
  int pipe;
  uint32_t n_steps;
};

static void tell(const struct writer *writer, uint32_t is_done)
{
  const uint32_t word = writer->n_steps * 2 + is_done;

  if (write(writer->pipe, &word, sizeof word) != sizeof word)
    _exit(EXIT_FAILURE);
}

static void must(const struct writer *writer, blt_status status,
                 const char *what)
{
  if (status >= 0)
    return;
  fprintf(stderr, "writer, step %u: %s: %s: %s\n", writer->n_steps, what,
          blt_status_name(status),
          blt_last_error(status == BLT_E_INVALID ? NULL : writer->db)->message);
  _exit(EXIT_FAILURE);
}

static void open_store(struct writer *writer)
{
  const blt_status status =
      blt_open(writer->lane->path, &writer->options, &writer->db);

  if (status < 0)
    fprintf(stderr, "writer: %s\n", blt_last_error(NULL)->message);
  must(writer, status, "open");
}

static void close_store(struct writer *writer)
{
  const blt_status status = blt_close(writer->db);

  writer->db = NULL;
  must(writer, status, "close");
}

static void make_change(struct writer *writer, const struct change *change)
{
  static uint8_t value[MAX_VALUE];
  blt_db *const db = writer->db;
  const uint64_t version = change->to.version;
  size_t len = 0;
  char key[8];

  place_key(change->place, key);
  if (version != 0)
    len = version_bytes(writer->lane, version, value);
  if (change->place == METADATA)
    must(writer, blt_metadata_set(db, value, len, change->to.timestamp),
         "metadata");
  else if (version == 0)
    must(writer, blt_delete(db, key, strlen(key)), "delete");
  else
    must(writer,
         blt_put_at(db, key, strlen(key), value, len, change->to.timestamp),
         "put");
}

static void make_batch(struct writer *writer, const struct step *step)
{
  must(writer, blt_batch_begin(writer->db), "begin");
  for (unsigned i = 0; i < step->n_changes; i++)
    make_change(writer, &step->changes[i]);
  must(writer, blt_batch_commit(writer->db), "commit");
}

static void make_stamp(struct writer *writer, const struct change *change)
{
  char key[8];

  place_key(change->place, key);
  if (change->to.version != 0 && change->place != METADATA)
    must(writer,
         blt_timestamp_set(writer->db, key, strlen(key), change->to.timestamp),
         "timestamp");
}

static void make_step(struct writer *writer, const struct step *step)
{
  blt_prune_options prune = BLT_PRUNE_OPTIONS_INIT;

  prune.n_buckets = step->n_buckets;
  switch (step->act) {
  case ACT_BATCH:
    make_batch(writer, step);
    break;
  case ACT_SINGLE:
    make_change(writer, &step->changes[0]);
    break;
  case ACT_SYNC:
    must(writer, blt_sync(writer->db), "sync");
    break;
  case ACT_STAMP:
    make_stamp(writer, &step->changes[0]);
    break;
  case ACT_PRUNE:
    must(writer, blt_prune(writer->db, &prune, NULL), "prune");
    break;
  case ACT_REINDEX:
    must(writer, blt_reindex(writer->db, step->n_buckets), "reindex");
    break;
  case ACT_CLEAR:
    must(writer, blt_clear(writer->db), "clear");
    break;
  case ACT_CLOSE:
    close_store(writer);
    open_store(writer);
    break;
  }
}

static void write_for_ever(struct writer *writer, uint64_t session)
{
  struct script script;
  struct step step;

  script_start(&script, writer->lane, session);
  open_store(writer);
  for (;;) {
    script_next(&script, &step);
    writer->n_steps++;
    tell(writer, 0);
    make_step(writer, &step);
    if (step.act != ACT_SINGLE) /* that one may still be in memory */
      tell(writer, 1);
  }
}

static void wait_us(uint32_t delay_us)
{
  const struct timespec delay = {.tv_sec = delay_us / 1000000,
                                 .tv_nsec = delay_us % 1000000 * 1000};

  nanosleep(&delay, NULL);
}

/* 0 when the process was killed or ended well; -1 when it failed. */
static int kill_after(pid_t pid, uint32_t delay_us)
{
  int status = 0;

  wait_us(delay_us);
  kill(pid, SIGKILL);
  if (waitpid(pid, &status, 0) != pid)
    return -1;
  if (WIFSIGNALED(status))
    return WTERMSIG(status) == SIGKILL ? 0 : -1;
  return WEXITSTATUS(status) == EXIT_SUCCESS ? 0 : -1;
}

static void read_progress(int from, struct progress *out)
{
  uint32_t words[4096];
  ssize_t len;

  *out = (struct progress){0, 0};
  while ((len = read(from, words, sizeof words)) > 0)
    for (size_t i = 0; i < (size_t)len / sizeof *words; i++) {
      if (words[i] & 1)
        out->done = words[i] / 2;
      else
        out->begun = words[i] / 2;
    }
}

int run_and_kill(const struct lane *lane, uint64_t session, uint32_t delay_us,
                 struct progress *out)
{
  struct writer writer = {.lane = lane, .options = lane_options(lane, session)};
  int ends[2];

  if (pipe2(ends, O_CLOEXEC) != 0)
    return -1;
  (void)fcntl(ends[1], F_SETPIPE_SZ, 1 << 18);
  writer.pipe = ends[1];
  const pid_t pid = fork();
  if (pid == 0) {
    close(ends[0]);
    write_for_ever(&writer, session);
  }
  close(ends[1]);
  const int result = pid > 0 ? kill_after(pid, delay_us) : -1;
  read_progress(ends[0], out);
  close(ends[0]);
  return result;
}

int recover_and_kill(const struct lane *lane, uint64_t session,
                     uint32_t delay_us)
{
  struct writer writer = {.lane = lane, .options = lane_options(lane, session)};
  const pid_t pid = fork();

  if (pid < 0)
    return -1;
  if (pid == 0) {
    open_store(&writer);
    close_store(&writer);
    _exit(EXIT_SUCCESS);
  }
  return kill_after(pid, delay_us);
}
