/* main.c - the program blt: look into .blt files and change them */
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <jansson.h>

#include "args.h"
#include "blt.h"
#include "commands.h"
#include "out.h"
#include "progress.h"
#include "report.h"

#define TEXT_OF_(number) #number
#define TEXT_OF(number) TEXT_OF_(number)
#define PROGRAM_VERSION                                                        \
  TEXT_OF(BLT_VERSION_MAJOR)                                                   \
  "." TEXT_OF(BLT_VERSION_MINOR) "." TEXT_OF(BLT_VERSION_PATCH)
/* Of new files. Version 4 is read as well. */
#define FORMAT_VERSION 5

int version_print(const struct args *args)
{
  struct out out;
  out_open(&out, args, NULL);
  if (args->json)
    out_json(&out,
             json_pack("{ss ss si}", "program", PROGRAM_VERSION, "library",
                       blt_version(), "format", FORMAT_VERSION));
  else
    out_format(&out, "blt %s\nlibrary %s\nbooklet format %d\n", PROGRAM_VERSION,
               blt_version(), FORMAT_VERSION);
  return out_close(&out, args, EXIT_DONE);
}

static int run(const struct args *args)
{
  if (args->version)
    return version_print(args);
  if (args->help)
    return help_print(args, args->command);
  if (!args->command)
    return report_usage(args, "a command is missing; see blt help");
  return args->command->run(args);
}

/* A stream that the program was started without gets something that fails, or
 * a file that is opened later would get its number, and what is printed. */
static void fill_streams(void)
{
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
    if (fcntl(fd, F_GETFD) < 0 &&
        open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
      abort();
}

/* SIGPIPE would kill a command that still has a file to close, and SIGXFSZ one
 * that still has to remove what it has begun; without them the failed write is
 * seen by struct out. */
int main(int argc, char **argv)
{
  fill_streams();
  setlocale(LC_CTYPE, "");
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);
  const char **words = calloc((size_t)argc + 1, sizeof *words);
  if (!words)
    return EXIT_SYSTEM;
  for (int i = 0; i < argc; i++)
    words[i] = argv[i];
  struct args args;
  int code = args_parse(&args, argc, words, NULL);
  if (code == EXIT_DONE)
    code = run(&args);
  args_release(&args);
  free(words);
  if (code == EXIT_INTERRUPTED && interrupt_to_end_by() != 0) {
    /* As whoever sent it expects; what was begun is tidied up. */
    signal(interrupt_to_end_by(), SIG_DFL);
    raise(interrupt_to_end_by());
  }
  return code;
}
