/* formats.c - which formats there are, and what they have in common */
#include "formats/format.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "report.h"

static const struct format *const formats[] = {
    &format_jsonl, &format_csv, &format_tsv,  &format_bdb, &format_lmdb,
    &format_gdbm,  &format_cdb, &format_resp, &format_raw};

enum { N_FORMATS = sizeof formats / sizeof *formats };

const struct format *format_find(const char *name)
{
  for (size_t i = 0; i < N_FORMATS; i++)
    if (strcmp(name, formats[i]->name) == 0)
      return formats[i];
  return NULL;
}

static bool has_suffix(const char *suffixes, const char *word, size_t len)
{
  while (*suffixes) {
    const size_t n = strcspn(suffixes, "|");
    if (n == len && strncmp(suffixes, word, len) == 0)
      return true;
    suffixes += n + (suffixes[n] == '|');
  }
  return false;
}

const struct format *format_of_path(const char *path)
{
  size_t len = strlen(path);
  if (len > 4 && strcmp(path + len - 4, ".zst") == 0)
    len -= 4;
  size_t dot = len;
  while (dot > 0 && path[dot - 1] != '.' && path[dot - 1] != '/')
    dot--;
  if (dot == 0 || path[dot - 1] != '.')
    return NULL;
  for (size_t i = 0; i < N_FORMATS; i++)
    if (has_suffix(formats[i]->suffixes, path + dot, len - dot))
      return formats[i];
  return NULL;
}

void formats_add_names(struct text *words)
{
  for (size_t i = 0; i < N_FORMATS; i++)
    text_addf(words, "%s%s", i ? " " : "", formats[i]->name);
}

static const char *nearest_name(const char *name)
{
  const char *nearest = NULL;
  size_t best = strlen(name) / 2 + 1;
  for (size_t i = 0; i < N_FORMATS; i++) {
    const size_t distance = word_distance(name, formats[i]->name);
    if (distance < best) {
      best = distance;
      nearest = formats[i]->name;
    }
  }
  return nearest;
}

int format_choose(const struct args *args, const struct format **out)
{
  const struct format *found = format_find(args->format);
  if (found) {
    *out = found;
    return EXIT_DONE;
  }
  const char *nearest = nearest_name(args->format);
  if (nearest)
    return report_usage(args, "there is no format \"%s\"; did you mean %s?",
                        args->format, nearest);
  struct text names = {0};
  for (size_t i = 0; i < N_FORMATS; i++)
    text_addf(&names, "%s%s", i ? ", " : "", formats[i]->name);
  const int code = report_usage(args,
                                "there is no format \"%s\"; give one of "
                                "%s",
                                args->format, names.data);
  text_release(&names);
  return code;
}

enum got reader_bad(struct reader *reader, const char *format, ...)
{
  va_list list;
  va_start(list, format);
  vsnprintf(reader->reason, sizeof reader->reason, format, list);
  va_end(list);
  return GOT_BAD;
}

static enum got end_reading(struct reader *reader, int exit_code,
                            const char *code, const char *sentence)
{
  struct text place = {0};
  if (reader->has_lines)
    text_addf(&place, "%s:%llu", reader->input->name,
              (unsigned long long)reader->input->line);
  else
    text_addf(&place, "%s: byte %llu", reader->input->name,
              (unsigned long long)reader->input->offset);
  reader->code =
      report_error(reader->args, exit_code, code, place.data, "%s", sentence);
  text_release(&place);
  return GOT_BROKEN;
}

enum got reader_broken(struct reader *reader, const char *format, ...)
{
  char sentence[200];
  va_list list;
  va_start(list, format);
  vsnprintf(sentence, sizeof sentence, format, list);
  va_end(list);
  return end_reading(reader, EXIT_DAMAGED, "corrupt", sentence);
}

enum got reader_unusable(struct reader *reader)
{
  return end_reading(reader, EXIT_REJECTED, "rejected", reader->reason);
}

enum got reader_failed(struct reader *reader)
{
  reader->code = reader->input->code;
  return GOT_BROKEN;
}

enum got reader_line(struct reader *reader)
{
  const int got = input_line(reader->input, &reader->raw);
  if (got <= 0)
    return got < 0 ? reader_failed(reader) : GOT_END;
  reader->line = reader->input->line;
  struct text *raw = &reader->raw;
  if (raw->len > 0 && raw->data[raw->len - 1] == '\r')
    raw->data[--raw->len] = '\0';
  return GOT_ROW;
}

enum got reader_length(struct reader *reader, char end, uint64_t *out)
{
  uint64_t number = 0;
  for (int n_digits = 0; n_digits < 20; n_digits++) {
    unsigned char c;
    const int got = input_byte(reader->input, &c);
    if (got < 0)
      return reader_failed(reader);
    if (got == 0 && n_digits == 0)
      return GOT_END;
    if (got > 0 && n_digits > 0 && c == (unsigned char)end) {
      *out = number;
      return GOT_ROW;
    }
    if (got == 0 || c < '0' || c > '9')
      break;
    number = number * 10 + (uint64_t)(c - '0');
  }
  return reader_broken(reader, "a length should stand here");
}

enum got reader_bytes(struct reader *reader, uint64_t len, struct text *out)
{
  if (len > BLT_MAX_VALUE_LEN)
    return reader_broken(reader, "a length of %llu is beyond what a file holds",
                         (unsigned long long)len);
  const int got = input_bytes(reader->input, (size_t)len, out);
  if (got < 0)
    return reader_failed(reader);
  return got > 0 ? GOT_ROW : reader_broken(reader, "the input is cut off");
}

enum got reader_expect(struct reader *reader, const char *bytes)
{
  for (const char *p = bytes; *p; p++) {
    unsigned char c;
    const int got = input_byte(reader->input, &c);
    if (got < 0)
      return reader_failed(reader);
    if (got == 0)
      return reader_broken(reader, "the input is cut off");
    if (c != (unsigned char)*p)
      return reader_broken(reader, "byte 0x%02x stands where 0x%02x should",
                           (unsigned)c, (unsigned)(unsigned char)*p);
  }
  return GOT_ROW;
}
