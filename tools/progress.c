/* progress.c - how far long work has come, and Ctrl-C */
#include "progress.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "commands.h"
#include "report.h"
#include "text.h"
#include "units.h"

#define FIRST_AFTER 1.0
#define TERMINAL_EVERY 0.1
#define PLAIN_EVERY 5.0

/* The only variable of the program that changes: a signal handler can be
 * reached in no other way. */
static volatile sig_atomic_t interrupt_seen;

/* A second one of its kind kills: the handler is for one. */
static const int stopping[] = {SIGINT, SIGTERM, SIGHUP};
enum { N_STOPPING = sizeof stopping / sizeof *stopping };

static void note_interrupt(int signal)
{
  interrupt_seen = signal;
}

/* What is ignored stays so: nohup has its way. */
static void handle_by(void (*handler)(int))
{
  struct sigaction action = {.sa_handler = handler,
                             .sa_flags = (int)SA_RESETHAND};
  struct sigaction before;
  sigemptyset(&action.sa_mask);
  for (size_t i = 0; i < N_STOPPING; i++)
    if (sigaction(stopping[i], NULL, &before) == 0 &&
        before.sa_handler != SIG_IGN)
      sigaction(stopping[i], &action, NULL);
}

void interrupt_catch(void)
{
  handle_by(note_interrupt);
}

void interrupt_release(void)
{
  handle_by(SIG_DFL);
}

/* A Ctrl-C between the look at the flag and the wait would be too late for
 * both: it is let in only while waiting. */
static int wait_for_bytes(int fd)
{
  struct pollfd wanted = {.fd = fd, .events = POLLIN};
  sigset_t stop, before;
  sigemptyset(&stop);
  for (size_t i = 0; i < N_STOPPING; i++)
    sigaddset(&stop, stopping[i]);
  sigprocmask(SIG_BLOCK, &stop, &before);
  const int n = interrupted() ? -1 : ppoll(&wanted, 1, NULL, &before);
  const int error = interrupted() ? EINTR : errno;
  sigprocmask(SIG_SETMASK, &before, NULL);
  errno = error;
  return n;
}

ssize_t interruptible_read(int fd, void *to, size_t len)
{
  ssize_t n;
  do
    n = wait_for_bytes(fd) < 0 ? -1 : read(fd, to, len);
  while (n < 0 && errno == EINTR && !interrupted());
  return n;
}

static ssize_t read_stream(void *fd, char *to, size_t len)
{
  return interruptible_read((int)(intptr_t)fd, to, len);
}

static int close_stream(void *fd)
{
  return (intptr_t)fd == STDIN_FILENO ? 0 : close((int)(intptr_t)fd);
}

FILE *interruptible_open(const char *path)
{
  const cookie_io_functions_t how = {.read = read_stream,
                                     .close = close_stream};
  const int fd =
      strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return NULL;
  FILE *stream = fopencookie((void *)(intptr_t)fd, "r", how);
  if (!stream)
    close_stream((void *)(intptr_t)fd);
  return stream;
}

bool interrupted(void)
{
  return interrupt_seen != 0;
}

int interrupt_to_end_by(void)
{
  return interrupt_seen == SIGINT ? 0 : interrupt_seen;
}

void interrupt_forget(void)
{
  if (interrupt_seen == SIGINT)
    interrupt_seen = 0;
}

static double seconds_now(void)
{
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

void progress_init(struct progress *progress, const struct args *args,
                   const char *file)
{
  const bool wanted = args->progress != WHEN_NEVER && !args->quiet;
  *progress =
      (struct progress){.args = args,
                        .file = file,
                        .plain = args->progress == WHEN_ALWAYS,
                        .on_terminal = wanted && args->progress == WHEN_AUTO &&
                                       !args->json && isatty(STDERR_FILENO),
                        .started = seconds_now()};
}

static size_t terminal_width(void)
{
  struct winsize size = {0};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
    return 80;
  return size.ws_col;
}

/* A phase of the library without the command's name, which stands there. */
static const char *short_phase(const char *command, const char *phase)
{
  const size_t len = strlen(command);
  if (strncmp(phase, command, len) != 0)
    return phase;
  return phase[len] == ' ' || phase[len] == '\0' ? phase + len : phase;
}

/* How far the work has come. */
struct moment {
  const char *phase;
  enum unit unit;
  uint64_t done, total; /* total 0: not known                               */
};

static double share_of(const struct moment *moment)
{
  if (moment->total == 0)
    return 0;
  const double share = (double)moment->done / (double)moment->total;
  return share > 1 ? 1 : share;
}

static const char *name_of(enum unit unit)
{
  return unit == UNIT_KEYS ? " keys" : "";
}

static void add_amount(struct text *line, enum unit unit, uint64_t amount)
{
  if (unit == UNIT_BYTES)
    text_add_size(line, amount);
  else
    text_add_count(line, amount);
}

/* "  15.1 GiB of 24.0 GiB  182.0 MiB/s", or keys in the place of bytes. */
static void add_amounts(struct text *line, const struct progress *progress,
                        const struct moment *moment, double elapsed)
{
  const enum unit unit = moment->unit;
  const uint64_t done = moment->done, total = moment->total;
  const char *name = name_of(unit);
  text_add_string(line, "  ");
  add_amount(line, unit, done);
  if (total > 0) {
    text_add_string(line, " of ");
    add_amount(line, unit, total);
  }
  text_addf(line, "%s  ", name);
  if (elapsed > 0) {
    add_amount(line, unit, (uint64_t)((double)done / elapsed));
    text_addf(line, "%s/s", name);
  }
  if (progress->n_rows > 0) {
    text_add_string(line, "  ");
    text_add_counted(line, progress->n_rows, "row");
  }
}

static void add_eta(struct text *line, double share, double elapsed)
{
  if (share <= 0 || share >= 1)
    return;
  const double left = elapsed / share - elapsed;
  const uint64_t seconds = left < 1e7 ? (uint64_t)(left + 0.5) : 0;
  if (seconds > 0)
    text_addf(line, "  ETA %" PRIu64 ":%02" PRIu64, seconds / 60, seconds % 60);
}

/* "prune rain.blt:  63 %  ETA 0:49", or with a phase before the number. The
 * place of a bar is where *bar says. */
static void add_line(struct text *line, const struct progress *progress,
                     const struct moment *moment, size_t *bar)
{
  const double elapsed = seconds_now() - progress->phase_started;
  const double share = share_of(moment);
  const char *phase = moment->phase;
  text_addf(line, "%s ", progress->args->command->name);
  text_add_printable(line, progress->file, strlen(progress->file));
  phase = short_phase(progress->args->command->name, phase);
  text_addf(line, ":%s%s", *phase && *phase != ' ' ? " " : "", phase);
  *bar = 0;
  if (moment->total > 0) {
    text_addf(line, "  %2.0f %%", share * 100);
    *bar = line->len;
  }
  if (moment->done > 0)
    add_amounts(line, progress, moment, elapsed);
  else if (moment->total == 0)
    text_add_string(line, " counting");
  add_eta(line, share, elapsed);
}

static size_t columns(const struct text *line)
{
  size_t n = 0;
  for (size_t at = 0; at < line->len; n++) {
    const size_t step =
        utf8_length((const unsigned char *)line->data + at, line->len - at);
    at += step ? step : 1;
  }
  return n;
}

/* Where there is room for it. */
static void insert_bar(struct text *line, size_t at, double share, size_t width)
{
  enum { CELLS = 20, ROOM = CELLS + 4 };
  if (at == 0 || columns(line) + ROOM > width)
    return;
  struct text rest = {0};
  text_add(&rest, line->data + at, line->len - at);
  line->len = at;
  text_add_string(line, "  [");
  const double filled = share * CELLS;
  for (int i = 0; i < CELLS; i++)
    text_add_string(line, i + 0.5 < filled ? "#" : " ");
  text_add_string(line, "]");
  text_add(line, rest.data, rest.len);
  text_release(&rest);
}

/* Cut to the terminal's width between characters. */
static void show_on_terminal(struct progress *progress, const struct text *line,
                             size_t width)
{
  size_t end = 0;
  for (size_t n = 0; end < line->len && n < width; n++) {
    const size_t step =
        utf8_length((const unsigned char *)line->data + end, line->len - end);
    end += step ? step : 1;
  }
  fprintf(stderr, "\r\033[K%.*s", (int)end, line->data);
  fflush(stderr);
  progress->shown = true;
}

static void show(struct progress *progress, const struct moment *moment)
{
  const double now = seconds_now();
  const double every = progress->plain ? PLAIN_EVERY : TERMINAL_EVERY;
  const double first = progress->plain ? 0 : FIRST_AFTER;
  if (now - progress->started < first ||
      (progress->last > 0 && now - progress->last < every))
    return;
  progress->last = now;
  struct text line = {0};
  size_t bar;
  add_line(&line, progress, moment, &bar);
  if (progress->plain) {
    fprintf(stderr, "%s\n", line.data);
  } else {
    const size_t width = terminal_width() - 1;
    insert_bar(&line, bar, share_of(moment), width);
    show_on_terminal(progress, &line, width);
  }
  text_release(&line);
}

/* Each phase has a pace of its own. */
static void follow_phase(struct progress *progress, const char *phase)
{
  if (progress->phase && strcmp(progress->phase, phase) == 0)
    return;
  progress->phase_started = progress->phase ? seconds_now() : progress->started;
  progress->phase = phase;
}

static int tell(struct progress *progress, const struct moment *moment)
{
  follow_phase(progress, moment->phase);
  if (progress->plain || progress->on_terminal)
    show(progress, moment);
  return interrupted();
}

int progress_tell(void *ctx, const char *phase, uint64_t done, uint64_t total)
{
  struct progress *progress = ctx;
  if (!tell(progress, &(struct moment){phase, UNIT_BYTES, done, total}))
    return 0;
  if (progress->n_refused < 2 && ++progress->n_refused == 2) {
    progress_clear(progress);
    report_note(progress->args, progress->file,
                "cannot stop half way; wait, or press Ctrl-C again to kill");
  }
  return 1;
}

int progress_amount(struct progress *progress, enum unit unit, uint64_t done,
                    uint64_t total)
{
  return tell(progress, &(struct moment){"", unit, done, total});
}

void progress_clear(struct progress *progress)
{
  if (!progress->shown)
    return;
  fputs("\r\033[K", stderr);
  fflush(stderr);
  progress->shown = false;
}
