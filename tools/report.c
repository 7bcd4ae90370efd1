/* report.c - messages on standard error, for people and as JSON */
#include "report.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "commands.h"
#include "session.h"
#include "text.h"

/* A message and what the JSON form says beside it. */
struct message {
  const char *code, *file; /* either may be NULL                            */
  int pid;                 /* 0: unknown                                    */
  uint64_t offset;         /* BLT_NO_OFFSET: unknown                        */
};

/* The line of a script that is at work; 0: there is none. */
static uint64_t line_of(const struct args *args)
{
  return args->session ? args->session->line : 0;
}

static void add_string(json_t *object, const char *name, const char *string)
{
  struct text shown = {0};
  text_add_printable(&shown, string, strlen(string));
  json_object_set_new(object, name, json_stringn(shown.data, shown.len));
  text_release(&shown);
}

static void print_json(const struct args *args, const struct message *message,
                       const char *kind, const char *sentence)
{
  json_t *inner = json_object();
  if (message->code)
    add_string(inner, "code", message->code);
  if (message->file)
    add_string(inner, "file", message->file);
  if (message->pid > 0)
    json_object_set_new(inner, "pid", json_integer(message->pid));
  if (message->offset != BLT_NO_OFFSET)
    json_object_set_new(inner, "offset",
                        json_integer((json_int_t)message->offset));
  if (line_of(args) > 0)
    json_object_set_new(inner, "line", json_integer((json_int_t)line_of(args)));
  add_string(inner, "message", sentence);
  json_t *outer = json_pack("{so}", kind, inner);
  char *line = json_dumps(outer, JSON_COMPACT);
  if (line)
    fprintf(stderr, "%s\n", line);
  free(line);
  json_decref(outer);
}

/* One write, so that lines of several processes do not mix. */
static void print_line(const struct args *args, const char *file,
                       const char *sentence)
{
  struct text line = {0};
  text_add_string(&line, "blt: ");
  if (line_of(args) > 0)
    text_addf(&line, "line %" PRIu64 ": ", line_of(args));
  if (file) {
    text_add_printable(&line, file, strlen(file));
    text_add_string(&line, ": ");
  }
  text_add_printable(&line, sentence, strlen(sentence));
  text_add_string(&line, "\n");
  fputs(line.data, stderr);
  text_release(&line);
}

static void print(const struct args *args, const struct message *message,
                  const char *sentence)
{
  fflush(stdout);
  if (args->json)
    print_json(args, message, "error", sentence);
  else
    print_line(args, message->file, sentence);
}

static char *formatted(const char *format, va_list list)
{
  char *sentence = NULL;
  if (vasprintf(&sentence, format, list) >= 0)
    return sentence;
  fputs("blt: out of memory\n", stderr);
  exit(EXIT_SYSTEM);
}

int report_usage(const struct args *args, const char *format, ...)
{
  va_list list;
  va_start(list, format);
  char *sentence = formatted(format, list);
  va_end(list);
  const struct message message = {.code = "usage", .offset = BLT_NO_OFFSET};
  if (args->json || !args->command)
    print(args, &message, sentence);
  else
    print_line(args, args->command->name, sentence);
  free(sentence);
  return EXIT_USAGE;
}

int report_error(const struct args *args, int exit_code, const char *code,
                 const char *file, const char *format, ...)
{
  va_list list;
  va_start(list, format);
  char *sentence = formatted(format, list);
  va_end(list);
  const struct message message = {
      .code = code, .file = file, .offset = BLT_NO_OFFSET};
  print(args, &message, sentence);
  free(sentence);
  return exit_code;
}

int report_errno(const struct args *args, const char *file, int error)
{
  return report_error(args, EXIT_SYSTEM, "io", file, "%s", strerror(error));
}

void report_note(const struct args *args, const char *file, const char *format,
                 ...)
{
  if (args->quiet)
    return;
  va_list list;
  va_start(list, format);
  char *sentence = formatted(format, list);
  va_end(list);
  const struct message message = {.file = file, .offset = BLT_NO_OFFSET};
  fflush(stdout);
  if (args->json)
    print_json(args, &message, "note", sentence);
  else
    print_line(args, file, sentence);
  free(sentence);
}

int exit_code_of(blt_status status)
{
  switch (status) {
  case BLT_OK:
  case BLT_END:
    return EXIT_DONE;
  case BLT_NOT_FOUND:
    return EXIT_NOT_FOUND;
  case BLT_E_INVALID:
  case BLT_E_TOO_BIG:
  case BLT_E_UNSUPPORTED:
    return EXIT_USAGE;
  case BLT_E_NOT_BOOKLET:
  case BLT_E_VERSION:
  case BLT_E_CORRUPT:
  case BLT_E_TRUNCATED:
    return EXIT_DAMAGED;
  case BLT_E_LOCKED:
    return EXIT_LOCKED;
  case BLT_E_CANCELLED:
    return EXIT_INTERRUPTED;
  default:
    return EXIT_SYSTEM;
  }
}

/* "BLT_E_NOT_BOOKLET" as "not_booklet". */
static void status_word(blt_status status, char *word, size_t capacity)
{
  const char *name = blt_status_name(status);
  if (strncmp(name, "BLT_E_", 6) == 0)
    name += 6;
  snprintf(word, capacity, "%s", name);
  for (char *p = word; *p; p++)
    *p = (char)tolower((unsigned char)*p);
}

/* The name of a process, "" when the system does not tell. */
static void process_name(int pid, char *name, size_t capacity)
{
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/comm", pid);
  FILE *stream = fopen(path, "r");
  name[0] = '\0';
  if (!stream)
    return;
  if (!fgets(name, (int)capacity, stream))
    name[0] = '\0';
  name[strcspn(name, "\n")] = '\0';
  fclose(stream);
}

/* The library knows who holds the lock; what to do is a matter of our
 * options. */
static char *lock_sentence(const struct args *args, int pid, bool reading)
{
  struct text text = {0};
  text_add_string(&text, reading ? "locked for writing" : "locked");
  if (pid > 0) {
    char name[64];
    process_name(pid, name, sizeof name);
    text_addf(&text, " by pid %d%s%s%s", pid, *name ? " (" : "", name,
              *name ? ")" : "");
  } else {
    text_add_string(&text, " by another process");
  }
  if (args->timeout_ms > 0 && !args->no_wait)
    text_addf(&text, ", waited %g s", (double)args->timeout_ms / 1000);
  text_add_string(&text, reading ? "; use --timeout, or --no-lock to look "
                                   "anyway"
                                 : "; use --timeout to wait longer");
  return text.data;
}

/* The library knows what is wrong with a damaged file; what to do about it is
 * a command of ours. repair itself has no such advice. */
static char *damage_sentence(const struct args *args, const char *file,
                             const char *sentence)
{
  struct text text = {0};
  text_add_string(&text, sentence);
  if (args->command && args->command->run != cmd_repair) {
    text_addf(&text, "%s run \"blt repair ",
              strstr(sentence, "; ") ? ", or" : ";");
    text_add_quoted(&text, file);
    text_add_string(&text, "\"");
  }
  return text.data;
}

/* The library names its option; here it is a word on the command line. */
static char *network_sentence(const char *sentence)
{
  struct text text = {0};
  const char *advice = strstr(sentence, "; ");
  text_add(&text, sentence,
           advice ? (size_t)(advice - sentence) : strlen(sentence));
  text_add_string(&text, "; copy it to a local disk, or give --network if no "
                         "other machine writes to it");
  return text.data;
}

const char *reason_of(const blt_error *error)
{
  const size_t len = strlen(error->file);
  return len > 0 && strncmp(error->message, error->file, len) == 0 &&
                 strncmp(error->message + len, ": ", 2) == 0
             ? error->message + len + 2
             : error->message;
}

int report_failure(const struct args *args, const char *file, const blt_db *db,
                   bool reading)
{
  const blt_error *error = blt_last_error(db);
  char word[32];
  status_word(error->status, word, sizeof word);
  const struct message message = {
      .code = word,
      .file = file,
      .pid = error->status == BLT_E_LOCKED ? error->holder_pid : 0,
      .offset = error->offset};
  if (error->status == BLT_E_LOCKED) {
    char *sentence = lock_sentence(args, error->holder_pid, reading);
    print(args, &message, sentence);
    free(sentence);
    return EXIT_LOCKED;
  }
  if (error->status == BLT_E_CANCELLED) {
    print(args, &message, "interrupted; the file is as it was");
    return EXIT_INTERRUPTED;
  }
  const char *sentence = reason_of(error);
  if (error->status == BLT_E_CORRUPT || error->status == BLT_E_NETWORK) {
    char *advice = error->status == BLT_E_NETWORK
                       ? network_sentence(sentence)
                       : damage_sentence(args, file, sentence);
    print(args, &message, advice);
    free(advice);
  } else {
    print(args, &message, sentence);
  }
  return exit_code_of(error->status);
}

bool confirm(const struct args *args, const char *format, ...)
{
  if (args->yes || !isatty(STDIN_FILENO))
    return true;
  va_list list;
  va_start(list, format);
  char *question = formatted(format, list);
  va_end(list);
  struct text shown = {0};
  text_add_printable(&shown, question, strlen(question));
  fprintf(stderr, "blt: %s [y/N] ", shown.data);
  text_release(&shown);
  free(question);
  fflush(stderr);
  char answer[16] = "";
  if (!fgets(answer, sizeof answer, stdin))
    fputc('\n', stderr);
  return answer[0] == 'y' || answer[0] == 'Y';
}
