/* cdb.c - the records that cdb -c and cdbmake read: +klen,vlen:key->value */
#include <string.h>

#include "formats/format.h"

static void write_head(struct dump *dump)
{
  (void)dump;
}

static const char *write_row(struct dump *dump, const blt_item *item)
{
  out_format(dump->out, "+%zu,%zu:", item->key.len, item->value.len);
  out_bytes(dump->out, item->key.data, item->key.len);
  out_string(dump->out, "->");
  out_bytes(dump->out, item->value.data, item->value.len);
  out_string(dump->out, "\n");
  return NULL;
}

static void write_end(struct dump *dump)
{
  out_string(dump->out, "\n");
}

static enum got read_head(struct reader *reader)
{
  reader->has_lines = false;
  return GOT_ROW;
}

static enum got read_row(struct reader *reader, struct row *row)
{
  unsigned char c;
  uint64_t key_len = 0, value_len = 0;
  const int first = input_byte(reader->input, &c);
  if (first < 0)
    return reader_failed(reader);
  if (first == 0 && reader->count == 0)
    return GOT_END;
  if (first == 0)
    return reader_broken(reader,
                         "the last line is not empty: the input is cut off");
  if (c == '\n')
    return GOT_END;
  reader->line = ++reader->count;
  if (c != '+')
    return reader_broken(reader, "a record begins with +");
  enum got got = reader_length(reader, ',', &key_len);
  if (got == GOT_ROW)
    got = reader_length(reader, ':', &value_len);
  if (got == GOT_ROW)
    got = reader_bytes(reader, key_len, &row->key);
  if (got == GOT_ROW)
    got = reader_expect(reader, "->");
  if (got == GOT_ROW)
    got = reader_bytes(reader, value_len, &row->value);
  if (got == GOT_ROW)
    got = reader_expect(reader, "\n");
  row->has_value = true;
  return got == GOT_END ? reader_broken(reader, "the input is cut off") : got;
}

const struct format format_cdb = {.name = "cdb",
                                  .suffixes = "cdb|cdbmake",
                                  .is_binary = true,
                                  .write_head = write_head,
                                  .write_row = write_row,
                                  .write_end = write_end,
                                  .read_head = read_head,
                                  .read_row = read_row};
