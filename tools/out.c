/* out.c - what a command prints: standard output, or a file made whole */
#include "out.h"

#include <errno.h>
#include <langinfo.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compress.h"
#include "progress.h"
#include "report.h"

/* Also one that is damaged, that a writer has open, or that may not be read:
 * what cannot be known is taken for one, and what is called so. */
static bool is_store(const char *path)
{
  const size_t len = strlen(path);
  blt_options options = BLT_OPTIONS_INIT;
  blt_db *db;
  if (len >= 4 && strcmp(path + len - 4, ".blt") == 0)
    return true;
  options.lock = BLT_LOCK_NONE;
  const blt_status status = blt_open(path, &options, &db);
  if (status == BLT_OK)
    blt_close(db);
  return status != BLT_E_NOT_BOOKLET && status != BLT_E_NO_FILE;
}

/* A file that the command reads, or NULL. */
static const char *reads(const struct args *args, const char *path)
{
  const char *const read[] = {args->n_words > 0 ? args->words[0] : NULL,
                              args->keys_from, args->schema};
  for (size_t i = 0; i < sizeof read / sizeof *read; i++)
    if (read[i] && newfile_is_same(read[i], path))
      return read[i];
  return newfile_is_stream(STDIN_FILENO, path) ? "standard input" : NULL;
}

/* What is there goes when the output is complete: not if it is a store. */
static int check_old(const struct args *args, const char *path)
{
  const char *read = reads(args, path);
  if (read)
    return report_usage(args, "%s and %s are one file", read, path);
  if (is_store(path))
    return report_error(args, EXIT_SYSTEM, "exists", path,
                        "is a store, and was not replaced; give another name");
  return EXIT_DONE;
}

static int open_stream(struct out *out, const struct args *args,
                       const char *path)
{
  out->stream = fopen(path, out->is_whole ? "wbx" : "wb");
  return out->stream ? EXIT_DONE : report_errno(args, out->path, errno);
}

/* A device or a pipe, or a link that leads to no name: there is nothing that
 * could appear in its place. */
static bool is_written_as_it_is(const char *path)
{
  struct stat facts;
  if (stat(path, &facts) == 0 && !S_ISREG(facts.st_mode))
    return true;
  char *real = realpath(path, NULL);
  const bool has_name = real != NULL;
  free(real);
  return !has_name && newfile_exists(path);
}

int out_open(struct out *out, const struct args *args, const char *path)
{
  *out = (struct out){.stream = stdout};
  if (!path || strcmp(path, "-") == 0 || newfile_is_stream(STDOUT_FILENO, path))
    return EXIT_DONE;
  out->path = path;
  if (is_written_as_it_is(path))
    return open_stream(out, args, path);
  int code = newfile_exists(path) ? check_old(args, path) : EXIT_DONE;
  if (code != EXIT_DONE)
    return code;
  /* Before there is a file that would stay behind. */
  interrupt_catch();
  out->is_whole = true;
  newfile_begin(&out->new, path);
  code = open_stream(out, args, out->new.temporary.data);
  if (code != EXIT_DONE)
    newfile_drop(&out->new);
  return code;
}

static void note_error(struct out *out)
{
  if (out->error == 0)
    out->error = errno ? errno : EIO;
}

int out_compress(struct out *out, const struct args *args, int level)
{
  FILE *packing = compress_open(out->stream, level);
  if (!packing)
    return report_error(args, EXIT_SYSTEM, "no_memory", out->path,
                        "no memory to pack with zstd");
  out->below = out->stream;
  out->stream = packing;
  return EXIT_DONE;
}

void out_bytes(struct out *out, const void *bytes, size_t len)
{
  if (out->error == 0 && len > 0 && fwrite(bytes, 1, len, out->stream) != len)
    note_error(out);
}

void out_text(struct out *out, const struct text *text)
{
  out_bytes(out, text->data, text->len);
}

void out_string(struct out *out, const char *string)
{
  out_bytes(out, string, strlen(string));
}

void out_format(struct out *out, const char *format, ...)
{
  va_list list;
  va_start(list, format);
  if (out->error == 0 && vfprintf(out->stream, format, list) < 0)
    note_error(out);
  va_end(list);
}

/* Frees `object`; the caller frees the text. */
static char *dump(struct out *out, json_t *object)
{
  char *line = json_dumps(object, JSON_COMPACT);
  json_decref(object);
  if (!line) {
    errno = ENOMEM;
    note_error(out);
  }
  return line;
}

void out_json(struct out *out, json_t *object)
{
  char *line = dump(out, object);
  if (!line)
    return;
  out_string(out, line);
  out_string(out, "\n");
  free(line);
}

/* A line break of JSON stands between its tokens only. */
void out_json_with(struct out *out, json_t *object, const char *name,
                   blt_bytes json)
{
  char *line = dump(out, object);
  if (!line)
    return;
  const size_t len = strlen(line);
  out_bytes(out, line, len - 1);
  out_format(out, "%s\"%s\":", len > 2 ? "," : "", name);
  const char *bytes = json.data;
  for (size_t i = 0, start = 0; i <= json.len; i++)
    if (i == json.len || bytes[i] == '\n' || bytes[i] == '\r') {
      out_bytes(out, bytes + start, i - start);
      out_bytes(out, " ", i < json.len);
      start = i + 1;
    }
  out_string(out, "}\n");
  free(line);
}

bool out_failed(struct out *out)
{
  if (out->error == 0 && ferror(out->stream))
    note_error(out);
  return out->error != 0;
}

static int write_failed(struct out *out, const struct args *args)
{
  if (out->error == EPIPE && !out->path)
    return EXIT_PIPE;
  return report_errno(args, out->path ? out->path : "standard output",
                      out->error);
}

static int close_file(struct out *out, const struct args *args, int code)
{
  const bool is_done = code == EXIT_DONE;
  if (is_done && fsync(fileno(out->stream)) < 0 && errno != EINVAL)
    note_error(out);
  if (fclose(out->stream) != 0)
    note_error(out);
  if (out->error != 0)
    code = write_failed(out, args);
  if (!out->is_whole)
    return code;
  if (is_done && code == EXIT_DONE)
    return newfile_keep(&out->new, args, true);
  newfile_drop(&out->new);
  return code;
}

/* The packed stream gets its end. */
static void close_packing(struct out *out)
{
  if (!out->below)
    return;
  errno = 0;
  if (fclose(out->stream) != 0)
    note_error(out);
  out->stream = out->below;
  out->below = NULL;
}

int out_close(struct out *out, const struct args *args, int code)
{
  close_packing(out);
  if (out->error == 0 && fflush(out->stream) != 0)
    note_error(out);
  if (out->path)
    return close_file(out, args, code);
  return out_failed(out) ? write_failed(out, args) : code;
}

bool out_has_color(const struct args *args)
{
  if (args->color != WHEN_AUTO)
    return args->color == WHEN_ALWAYS;
  const char *no_color = getenv("NO_COLOR");
  const char *term = getenv("TERM");
  return isatty(STDOUT_FILENO) && !(no_color && *no_color) && term &&
         strcmp(term, "dumb") != 0;
}

bool out_has_utf8(void)
{
  return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

size_t out_width(void)
{
  struct winsize size = {0};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
    return 80;
  return size.ws_col;
}
