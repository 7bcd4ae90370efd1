/* progress.c - how far long work has come, and Ctrl-C */
#include "progress.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "commands.h"
#include "report.h"
#include "text.h"

#define FIRST_AFTER 1.0
#define TERMINAL_EVERY 0.1
#define PLAIN_EVERY 5.0

/* The only variable of the program that changes: a signal handler can be
 * reached in no other way. */
static volatile sig_atomic_t interrupt_seen;

static void note_interrupt(int signal)
{
  (void)signal;
  interrupt_seen = 1;
}

void interrupt_catch(void)
{
  struct sigaction action = {.sa_handler = note_interrupt,
                             .sa_flags = (int)SA_RESETHAND};
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, NULL);
}

void interrupt_release(void)
{
  signal(SIGINT, SIG_DFL);
}

bool interrupted(void)
{
  return interrupt_seen != 0;
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

/* "prune rain.blt:  63 %  ETA 0:49", or with a phase before the number. */
static void add_line(struct text *line, const struct progress *progress,
                     const char *phase, double share, double elapsed)
{
  text_addf(line, "%s ", progress->args->command->name);
  text_add_printable(line, progress->file, strlen(progress->file));
  phase = short_phase(progress->args->command->name, phase);
  text_addf(line, ":%s%s  %2.0f %%", *phase && *phase != ' ' ? " " : "", phase,
            share * 100);
  if (share > 0 && share < 1) {
    const double left = elapsed / share - elapsed;
    const uint64_t seconds = left < 1e7 ? (uint64_t)(left + 0.5) : 0;
    if (seconds > 0)
      text_addf(line, "  ETA %" PRIu64 ":%02" PRIu64, seconds / 60,
                seconds % 60);
  }
}

/* Cut to the terminal's width between characters. */
static void show_on_terminal(struct progress *progress, const struct text *line)
{
  const size_t width = terminal_width() - 1;
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

static void show(struct progress *progress, const char *phase, uint64_t done,
                 uint64_t total)
{
  const double now = seconds_now();
  const double every = progress->plain ? PLAIN_EVERY : TERMINAL_EVERY;
  const double first = progress->plain ? 0 : FIRST_AFTER;
  if (now - progress->started < first ||
      (progress->last > 0 && now - progress->last < every))
    return;
  progress->last = now;
  const double share = total ? (double)done / (double)total : 0;
  struct text line = {0};
  add_line(&line, progress, phase, share > 1 ? 1 : share,
           now - progress->started);
  if (progress->plain)
    fprintf(stderr, "%s\n", line.data);
  else
    show_on_terminal(progress, &line);
  text_release(&line);
}

int progress_tell(void *ctx, const char *phase, uint64_t done, uint64_t total)
{
  struct progress *progress = ctx;
  if (progress->plain || progress->on_terminal)
    show(progress, phase, done, total);
  if (!interrupted())
    return 0;
  if (progress->n_refused < 2 && ++progress->n_refused == 2) {
    progress_clear(progress);
    report_note(progress->args, progress->file,
                "cannot stop half way; wait, or press Ctrl-C again to kill");
  }
  return 1;
}

void progress_clear(struct progress *progress)
{
  if (!progress->shown)
    return;
  fputs("\r\033[K", stderr);
  fflush(stderr);
  progress->shown = false;
}
