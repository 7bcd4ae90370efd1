/*
 * bdb.c - the dump of Berkeley DB, which LMDB's has the form of
 *
 *   VERSION=3
 *   format=bytevalue
 *   type=btree
 *   HEADER=END
 *    6b6579
 *    76616c7565
 *   DATA=END
 *
 * format=print, where what is printable stands as it is and the rest as \HH,
 * is read as well.
 */
#include <string.h>

#include "formats/format.h"

static void write_head(struct dump *dump)
{
  out_string(dump->out,
             "VERSION=3\nformat=bytevalue\ntype=btree\nHEADER=END\n");
}

void hex_pair_write(struct dump *dump, const blt_item *item)
{
  struct text *text = &dump->text;
  text_clear(text);
  text_add(text, " ", 1);
  text_add_hex(text, item->key.data, item->key.len);
  text_add(text, "\n ", 2);
  text_add_hex(text, item->value.data, item->value.len);
  text_add(text, "\n", 1);
  out_text(dump->out, text);
}

static const char *write_row(struct dump *dump, const blt_item *item)
{
  hex_pair_write(dump, item);
  return NULL;
}

static void write_end(struct dump *dump)
{
  out_string(dump->out, "DATA=END\n");
}

static bool begins(const struct reader *reader, const char *word)
{
  const size_t len = strlen(word);
  return reader->raw.len >= len && memcmp(reader->raw.data, word, len) == 0;
}

enum got hex_pair_read_head(struct reader *reader)
{
  bool first = true;
  reader->in_hex = true;
  for (;; first = false) {
    const enum got got = reader_line(reader);
    if (got == GOT_END && first)
      return GOT_ROW;
    if (got == GOT_END)
      return reader_broken(reader, "the head has no HEADER=END");
    if (got != GOT_ROW)
      return got;
    if (first && !begins(reader, "VERSION="))
      return reader_broken(reader, "a dump begins with VERSION=3");
    if (begins(reader, "HEADER=END"))
      return GOT_ROW;
    if (begins(reader, "format="))
      reader->in_hex = begins(reader, "format=bytevalue");
    if (begins(reader, "keys=0") || begins(reader, "type=recno") ||
        begins(reader, "type=queue"))
      return reader_broken(reader, "a dump without keys cannot be loaded");
  }
}

/* \\ and \HH. */
static bool unprint(struct text *out, const char *bytes, size_t len)
{
  for (size_t i = 0; i < len; i++) {
    if (bytes[i] != '\\') {
      text_add(out, bytes + i, 1);
    } else if (i + 1 < len && bytes[i + 1] == '\\') {
      text_add(out, "\\", 1);
      i++;
    } else if (len - i > 2 && text_from_hex(out, bytes + i + 1, 2)) {
      i += 2;
    } else {
      return false;
    }
  }
  return true;
}

/* The line in reader->raw, which begins with a blank. */
static bool read_bytes(const struct reader *reader, struct text *out)
{
  const char *bytes = reader->raw.data + 1;
  const size_t len = reader->raw.len - 1;
  text_clear(out);
  return reader->in_hex ? text_from_hex(out, bytes, len)
                        : unprint(out, bytes, len);
}

/* The line of a key, also when it is that of the next dump: several of them
 * may stand one behind the other. */
static enum got next_key(struct reader *reader)
{
  enum got got = reader_line(reader);
  if (got == GOT_END && reader->input->line > 0)
    return reader_broken(reader, "the dump has no DATA=END: it is cut off");
  while (got == GOT_ROW && begins(reader, "DATA=END")) {
    got = hex_pair_read_head(reader);
    if (got == GOT_ROW)
      got = begins(reader, "HEADER=END") ? reader_line(reader) : GOT_END;
  }
  return got;
}

enum got hex_pair_read(struct reader *reader, struct row *row)
{
  enum got got = next_key(reader);
  if (got != GOT_ROW)
    return got;
  const uint64_t line = reader->line;
  if (reader->raw.len == 0 || reader->raw.data[0] != ' ')
    return reader_broken(reader, "a key should stand here, behind a blank");
  const bool key_is_good = read_bytes(reader, &row->key);
  got = reader_line(reader);
  if (got == GOT_BROKEN)
    return got;
  if (got == GOT_END || reader->raw.len == 0 || reader->raw.data[0] != ' ')
    return reader_broken(reader, "the value of the key before is missing");
  reader->line = line;
  row->has_value = true;
  if (key_is_good && read_bytes(reader, &row->value))
    return GOT_ROW;
  return reader_bad(reader, "the %s is not what the head says it is",
                    key_is_good ? "value" : "key");
}

const struct format format_bdb = {.name = "bdb",
                                  .suffixes = "bdb|dump",
                                  .write_head = write_head,
                                  .write_row = write_row,
                                  .write_end = write_end,
                                  .read_head = hex_pair_read_head,
                                  .read_row = hex_pair_read};
