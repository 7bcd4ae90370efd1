/* source.c - where keys and values come from: words, files, standard input */
#include "source.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "progress.h"
#include "report.h"

static void close_source(FILE *stream)
{
  if (stream)
    fclose(stream);
}

int source_read(const struct args *args, const char *path, struct text *out)
{
  enum { PIECE = 65536 };
  FILE *stream = interruptible_open(path);
  if (!stream)
    return report_errno(args, path, errno);
  size_t n;
  do {
    n = fread(text_reserve(out, PIECE), 1, PIECE, stream);
    out->len += n;
    out->data[out->len] = '\0';
  } while (n == PIECE);
  const int error = ferror(stream) ? errno : 0;
  close_source(stream);
  return error ? report_errno(args, path, error) : EXIT_DONE;
}

int source_value(const struct args *args, const char *word, struct text *out)
{
  if (!word && isatty(STDIN_FILENO))
    return report_usage(args, "VALUE is missing; give it, @PATH, or - for "
                              "standard input");
  if (!word || strcmp(word, "-") == 0)
    return source_read(args, "-", out);
  if (strcmp(word, "@") == 0)
    return report_usage(args, "@ stands before a PATH; give one, or @@ for a "
                              "value that is @");
  if (word[0] == '@' && word[1] != '@')
    return source_read(args, word + 1, out);
  text_add_string(out, word[0] == '@' ? word + 1 : word);
  return EXIT_DONE;
}

void key_source_init(struct key_source *source, const struct args *args,
                     struct key_type type, const char *path)
{
  *source = (struct key_source){.args = args, .type = type, .path = path};
}

int key_source_read_ahead(struct key_source *source)
{
  if (!source->path)
    return EXIT_DONE;
  const int code = source_read(source->args, source->path, &source->ahead);
  if (code != EXIT_DONE)
    return code;
  source->stream = fmemopen(source->ahead.data, source->ahead.len, "rb");
  return source->stream ? EXIT_DONE
                        : report_errno(source->args, source->path, errno);
}

static int bad_key(struct key_source *source, const char *word, size_t len,
                   const char *reason)
{
  struct text shown = {0};
  text_add_printable(&shown, word, len);
  if (source->stream)
    source->code = report_usage(
        source->args, "%s:%" PRIu64 ": \"%s\" %s; correct it or see --key-type",
        source->path, source->line_number, shown.len ? shown.data : "", reason);
  else
    source->code = report_usage(source->args,
                                "the key \"%s\" %s; correct it or see "
                                "--key-type",
                                shown.len ? shown.data : "", reason);
  text_release(&shown);
  return -1;
}

static int next_word(struct key_source *source)
{
  const char *word = source->words[source->next++];
  const char *reason = key_read(source->type, word, strlen(word), &source->key);
  return reason ? bad_key(source, word, strlen(word), reason) : 1;
}

static int next_line(struct key_source *source)
{
  const bool raw = source->args->nul;
  const char end = raw ? '\0' : '\n';
  errno = 0;
  const ssize_t n =
      getdelim(&source->line, &source->line_capacity, end, source->stream);
  if (n < 0) {
    if (feof(source->stream))
      return 0;
    source->code = interrupted()
                       ? EXIT_INTERRUPTED
                       : report_errno(source->args, source->path, errno);
    return -1;
  }
  source->line_number++;
  size_t len = (size_t)n;
  if (len > 0 && source->line[len - 1] == end)
    len--;
  const char *reason =
      raw ? key_read(source->type, source->line, len, &source->key)
          : key_read_line(source->type, source->line, len, &source->key);
  return reason ? bad_key(source, source->line, len, reason) : 1;
}

int key_source_next(struct key_source *source)
{
  if (source->next < source->n_words)
    return next_word(source);
  if (!source->path)
    return 0;
  if (!source->stream) {
    source->stream = interruptible_open(source->path);
    if (!source->stream) {
      source->code = report_errno(source->args, source->path, errno);
      return -1;
    }
  }
  return next_line(source);
}

void key_source_release(struct key_source *source)
{
  close_source(source->stream);
  free(source->line);
  text_release(&source->key);
  text_release(&source->ahead);
  source->stream = NULL;
  source->line = NULL;
}
