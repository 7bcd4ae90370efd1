/*
 * gdbm.c - the ASCII dump 1.1 of GDBM
 *
 *   #:version=1.1
 *   # End of header
 *   #:len=3
 *   a2V5
 *   #:len=5
 *   dmFsdWU=
 *   #:count=1
 *   # End of data
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "formats/format.h"

enum { LINE = 76 };

static void write_head(struct dump *dump)
{
  out_string(dump->out, "# GDBM dump file created by blt\n#:version=1.1\n"
                        "#:file=dump.gdbm\n#:format=standard\n"
                        "# End of header\n");
}

static void write_datum(struct dump *dump, blt_bytes bytes)
{
  struct text *text = &dump->text;
  text_clear(text);
  text_add_base64(text, bytes.data, bytes.len);
  out_format(dump->out, "#:len=%zu\n", bytes.len);
  for (size_t i = 0; i < text->len; i += LINE) {
    out_bytes(dump->out, text->data + i,
              text->len - i < LINE ? text->len - i : LINE);
    out_string(dump->out, "\n");
  }
  if (text->len == 0)
    out_string(dump->out, "\n");
}

static const char *write_row(struct dump *dump, const blt_item *item)
{
  write_datum(dump, item->key);
  write_datum(dump, item->value);
  return NULL;
}

static void write_end(struct dump *dump)
{
  out_format(dump->out, "#:count=%" PRIu64 "\n# End of data\n", dump->n_rows);
}

/* Whether the line in reader->raw says `word`, and what stands behind it. */
static const char *behind(const struct reader *reader, const char *word)
{
  const size_t len = strlen(word);
  return reader->raw.len >= len && memcmp(reader->raw.data, word, len) == 0
             ? reader->raw.data + len
             : NULL;
}

static enum got read_head(struct reader *reader)
{
  enum got got;
  bool first = true;
  while ((got = reader_line(reader)) == GOT_ROW) {
    if (reader->raw.data[0] == '!')
      return reader_broken(reader, "this is GDBM's binary dump; make the "
                                   "other one, gdbm_dump --format=ascii");
    if (reader->raw.data[0] != '#')
      return reader_broken(reader, "the head of a GDBM dump has lines with #");
    if (behind(reader, "# End of header"))
      return GOT_ROW;
    first = false;
  }
  if (got == GOT_END && !first)
    return reader_broken(reader, "the head has no end");
  return got == GOT_END ? GOT_ROW : got;
}

/* The lines of base64 behind "#:len=N". A line that follows them stays in
 * reader->raw for the next call. */
static enum got read_datum(struct reader *reader, struct text *out, bool *good)
{
  const uint64_t len = strtoull(behind(reader, "#:len="), NULL, 10);
  enum got got;
  text_clear(&reader->text);
  text_clear(out);
  if (len > BLT_MAX_VALUE_LEN)
    return reader_broken(reader, "the length is beyond what a file holds");
  while ((got = reader_line(reader)) == GOT_ROW && reader->raw.data[0] != '#') {
    text_add(&reader->text, reader->raw.data, reader->raw.len);
    if (reader->text.len > len / 3 * 4 + 8)
      return reader_broken(reader, "there is more base64 than the length says");
  }
  if (got == GOT_END)
    return reader_broken(reader, "the dump has no end: it is cut off");
  *good = text_from_base64(out, reader->text.data ? reader->text.data : "",
                           reader->text.len) &&
          out->len == len;
  return got;
}

static enum got read_count(struct reader *reader)
{
  const char *count = behind(reader, "#:count=");
  if (!count)
    return reader_broken(reader, "a length should stand here");
  if (strtoull(count, NULL, 10) != reader->count)
    return reader_broken(reader, "the dump says %s rows, and has %llu", count,
                         (unsigned long long)reader->count);
  return GOT_END;
}

static enum got read_row(struct reader *reader, struct row *row)
{
  bool key_is_good = false, value_is_good = false;
  enum got got = reader->is_pending ? GOT_ROW : reader_line(reader);
  reader->is_pending = true;
  if (got == GOT_END && reader->input->line == 0)
    return GOT_END;
  if (got == GOT_END)
    return reader_broken(reader, "the dump has no end: it is cut off");
  if (got != GOT_ROW)
    return got;
  if (!behind(reader, "#:len="))
    return read_count(reader);
  const uint64_t line = reader->input->line;
  got = read_datum(reader, &row->key, &key_is_good);
  if (got == GOT_ROW && !behind(reader, "#:len="))
    return reader_broken(reader, "the value of the key before is missing");
  if (got == GOT_ROW)
    got = read_datum(reader, &row->value, &value_is_good);
  if (got != GOT_ROW)
    return got;
  reader->line = line;
  reader->count++;
  row->has_value = true;
  if (key_is_good && value_is_good)
    return GOT_ROW;
  return reader_bad(reader, "the %s is not base64 of its length",
                    key_is_good ? "value" : "key");
}

const struct format format_gdbm = {.name = "gdbm",
                                   .suffixes = "gdbm",
                                   .write_head = write_head,
                                   .write_row = write_row,
                                   .write_end = write_end,
                                   .read_head = read_head,
                                   .read_row = read_row};
