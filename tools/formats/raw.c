/*
 * raw.c - from blt to blt: nothing is encoded, and nothing is lost
 *
 *   "blt raw 1\n"   a line of JSON as jsonl begins with
 *   | key_len 4 | value_len 4 | time 8 | key | value |   for each row
 *   | ff ff ff ff | ff ff ff ff | rows 8 |               the end
 *
 * Numbers are little-endian. The end tells a stream that is whole from one
 * that was cut.
 */
#include <string.h>

#include "formats/format.h"

enum { ROW_HEAD = 16 };

static const char magic[] = "blt raw 1\n";

static void put_number(unsigned char *to, uint64_t number, size_t len)
{
  for (size_t i = 0; i < len; i++)
    to[i] = (unsigned char)(number >> (8 * i) & 255);
}

static void write_head(struct dump *dump)
{
  out_string(dump->out, magic);
  head_write(dump);
}

static void write_numbers(struct dump *dump, uint64_t key_len,
                          uint64_t value_len, uint64_t last)
{
  unsigned char head[ROW_HEAD];
  put_number(head, key_len, 4);
  put_number(head + 4, value_len, 4);
  put_number(head + 8, last, 8);
  out_bytes(dump->out, head, sizeof head);
}

static const char *write_row(struct dump *dump, const blt_item *item)
{
  const bool has_time =
      dump->store->header.has_timestamps && !dump->store->args->no_timestamps;
  write_numbers(dump, item->key.len, item->value.len,
                has_time ? item->timestamp : NOT_GIVEN);
  out_bytes(dump->out, item->key.data, item->key.len);
  out_bytes(dump->out, item->value.data, item->value.len);
  return NULL;
}

static void write_end(struct dump *dump)
{
  write_numbers(dump, UINT32_MAX, UINT32_MAX, dump->n_rows);
}

static enum got read_head(struct reader *reader)
{
  reader->has_lines = false;
  const int got = input_bytes(reader->input, strlen(magic), &reader->raw);
  if (got < 0)
    return reader_failed(reader);
  if (got == 0 && reader->raw.len == 0)
    return GOT_ROW;
  if (got == 0 || memcmp(reader->raw.data, magic, strlen(magic)) != 0)
    return reader_broken(reader, "a raw dump begins with \"blt raw 1\"");
  const int line = input_line(reader->input, &reader->raw);
  if (line < 0)
    return reader_failed(reader);
  json_t *head = head_parse(&reader->raw);
  const bool good = head && head_read(reader, head, &reader->raw);
  json_decref(head);
  text_clear(&reader->raw);
  return good ? GOT_ROW : reader_broken(reader, "the head cannot be read");
}

static enum got read_end(struct reader *reader, uint64_t n_rows)
{
  if (n_rows != reader->count)
    return reader_broken(reader, "the dump says %llu rows, and has %llu",
                         (unsigned long long)n_rows,
                         (unsigned long long)reader->count);
  return GOT_END;
}

static enum got read_row(struct reader *reader, struct row *row)
{
  const int got = input_bytes(reader->input, ROW_HEAD, &reader->text);
  if (got < 0)
    return reader_failed(reader);
  if (got == 0 && reader->input->offset == 0)
    return GOT_END;
  if (got == 0)
    return reader_broken(reader, "the dump has no end: it is cut off");
  const char *head = reader->text.data;
  const uint64_t key_len = number_load(head, 4);
  const uint64_t value_len = number_load(head + 4, 4);
  const uint64_t last = number_load(head + 8, 8);
  if (key_len == UINT32_MAX)
    return read_end(reader, last);
  reader->line = ++reader->count;
  row->timestamp = last;
  row->has_value = true;
  const enum got key = reader_bytes(reader, key_len, &row->key);
  return key == GOT_ROW ? reader_bytes(reader, value_len, &row->value) : key;
}

const struct format format_raw = {.name = "raw",
                                  .suffixes = "raw",
                                  .is_binary = true,
                                  .write_head = write_head,
                                  .write_row = write_row,
                                  .write_end = write_end,
                                  .read_head = read_head,
                                  .read_row = read_row};
