/* resp.c - SET commands as redis-cli --pipe and valkey-cli --pipe take them */
#include <string.h>
#include <strings.h>

#include "formats/format.h"

static void write_head(struct dump *dump)
{
  (void)dump;
}

static const char *write_row(struct dump *dump, const blt_item *item)
{
  out_format(dump->out, "*3\r\n$3\r\nSET\r\n$%zu\r\n", item->key.len);
  out_bytes(dump->out, item->key.data, item->key.len);
  out_format(dump->out, "\r\n$%zu\r\n", item->value.len);
  out_bytes(dump->out, item->value.data, item->value.len);
  out_string(dump->out, "\r\n");
  return NULL;
}

static void write_end(struct dump *dump)
{
  (void)dump;
}

static enum got read_head(struct reader *reader)
{
  reader->has_lines = false;
  return GOT_ROW;
}

/* "$3\r\nkey\r\n" */
static enum got read_word(struct reader *reader, struct text *out)
{
  uint64_t len = 0;
  enum got got = reader_expect(reader, "$");
  if (got == GOT_ROW)
    got = reader_length(reader, '\r', &len);
  if (got == GOT_ROW)
    got = reader_expect(reader, "\n");
  if (got == GOT_ROW)
    got = reader_bytes(reader, len, out);
  if (got == GOT_ROW)
    got = reader_expect(reader, "\r\n");
  return got == GOT_END ? reader_broken(reader, "the input is cut off") : got;
}

static enum got read_command(struct reader *reader, uint64_t n_words,
                             struct row *row)
{
  struct text *name = &reader->text;
  enum got got = read_word(reader, name);
  if (got != GOT_ROW)
    return got;
  if (n_words == 3 && strcasecmp(name->data ? name->data : "", "SET") == 0) {
    got = read_word(reader, &row->key);
    row->has_value = true;
    return got == GOT_ROW ? read_word(reader, &row->value) : got;
  }
  reader_bad(reader, "the command is no SET of a key and a value");
  while (got == GOT_ROW && --n_words > 0)
    got = read_word(reader, name);
  return got == GOT_ROW ? GOT_BAD : got;
}

static enum got read_row(struct reader *reader, struct row *row)
{
  unsigned char c;
  uint64_t n_words = 0;
  const int first = input_byte(reader->input, &c);
  if (first <= 0)
    return first < 0 ? reader_failed(reader) : GOT_END;
  reader->line = ++reader->count;
  if (c != '*')
    return reader_broken(reader, "a command begins with *");
  enum got got = reader_length(reader, '\r', &n_words);
  if (got == GOT_ROW)
    got = reader_expect(reader, "\n");
  if (got != GOT_ROW)
    return got == GOT_END ? reader_broken(reader, "the input is cut off") : got;
  if (n_words == 0)
    return reader_bad(reader, "the command has no words");
  return read_command(reader, n_words, row);
}

const struct format format_resp = {.name = "resp",
                                   .suffixes = "resp",
                                   .is_binary = true,
                                   .write_head = write_head,
                                   .write_row = write_row,
                                   .write_end = write_end,
                                   .read_head = read_head,
                                   .read_row = read_row};
