/*
 * csv.c - rows of cells as RFC 4180 has them, parted by commas or tabs
 *
 *   key,value,timestamp
 *   site-42,"{""mm"": 3.2}",1763694462000000
 *
 * The first row names the columns; key_hex, key_b64, value_hex and value_b64
 * say that the cells are encoded.
 */
#include <inttypes.h>
#include <string.h>

#include "formats/format.h"
#include "units.h"

enum column {
  COLUMN_KEY,
  COLUMN_KEY_HEX,
  COLUMN_KEY_B64,
  COLUMN_VALUE,
  COLUMN_VALUE_HEX,
  COLUMN_VALUE_B64,
  COLUMN_TIME,
  N_COLUMNS
};

static const char *const column_names[N_COLUMNS] = {
    "key",       "key_hex",   "key_b64",  "value",
    "value_hex", "value_b64", "timestamp"};

/* A longer row is one of which a quote was never closed. */
#define LONGEST_ROW ((uint64_t)5 << 30)

/* ---- writing */

static bool is_number(const struct dump *dump)
{
  const enum key_form form = dump->store->key_type.form;
  return form != KEY_BYTES && form != KEY_STR;
}

/* How many columns on from the plain one. */
static int encoding_of(const struct args *args)
{
  return args->hex ? 1 : args->base64 ? 2 : 0;
}

static bool has_times(const struct dump *dump)
{
  return dump->store->header.has_timestamps &&
         !dump->store->args->no_timestamps;
}

static void write_head_with(struct dump *dump, const char *between)
{
  const struct args *args = dump->store->args;
  const int encoding = encoding_of(args);
  if (args->no_header)
    return;
  out_string(dump->out,
             column_names[COLUMN_KEY + (is_number(dump) ? 0 : encoding)]);
  if (!args->keys_only)
    out_format(dump->out, "%s%s", between,
               column_names[COLUMN_VALUE + encoding]);
  if (has_times(dump))
    out_format(dump->out, "%s%s", between, column_names[COLUMN_TIME]);
  out_string(dump->out, "\n");
}

static bool is_plain(const struct text *cell)
{
  return utf8_valid(cell->data, cell->len) &&
         (cell->len == 0 || !memchr(cell->data, '\0', cell->len));
}

/* A cell that could be taken for something else stands in quotes. */
static void add_cell(struct text *row, const struct text *cell, char between)
{
  const char *bytes = cell->len ? cell->data : "";
  const char special[] = {between, '"', '\r', '\n', '\0'};
  if (bytes[strcspn(bytes, special)] == '\0') {
    text_add(row, bytes, cell->len);
    return;
  }
  text_add(row, "\"", 1);
  for (size_t i = 0; i < cell->len; i++)
    text_add(row, bytes[i] == '"' ? "\"\"" : bytes + i,
             bytes[i] == '"' ? 2 : 1);
  text_add(row, "\"", 1);
}

static void encode(const struct args *args, blt_bytes bytes, struct text *out)
{
  if (args->hex)
    text_add_hex(out, bytes.data, bytes.len);
  else if (args->base64)
    text_add_base64(out, bytes.data, bytes.len);
  else
    text_add(out, bytes.data, bytes.len);
}

static const char *write_row_with(struct dump *dump, const blt_item *item,
                                  char between)
{
  const struct args *args = dump->store->args;
  struct text *row = &dump->text, *cell = &dump->other;
  text_clear(row);
  text_clear(cell);
  if (is_number(dump))
    key_write_plain(dump->store->key_type, item->key, cell);
  else
    encode(args, item->key, cell);
  if (!is_plain(cell))
    return "its key is not text; give --hex or --base64";
  add_cell(row, cell, between);
  if (!args->keys_only) {
    text_clear(cell);
    encode(args, item->value, cell);
    if (!is_plain(cell))
      return "its value is not text; give --hex or --base64";
    text_add(row, &between, 1);
    add_cell(row, cell, between);
  }
  if (has_times(dump))
    text_addf(row, "%c%" PRIu64, between, item->timestamp);
  text_add(row, "\n", 1);
  out_text(dump->out, row);
  return NULL;
}

static void write_csv_head(struct dump *dump)
{
  write_head_with(dump, ",");
}

static const char *write_csv_row(struct dump *dump, const blt_item *item)
{
  return write_row_with(dump, item, ',');
}

static void write_tsv_head(struct dump *dump)
{
  write_head_with(dump, "\t");
}

static const char *write_tsv_row(struct dump *dump, const blt_item *item)
{
  return write_row_with(dump, item, '\t');
}

static void write_end(struct dump *dump)
{
  (void)dump;
}

/* ---- reading */

/* The cells of a row, one behind the other in reader->text. */
struct cells {
  size_t ends[MOST_COLUMNS];
  size_t n;
};

enum place { CELL_BEGIN, CELL_BARE, CELL_QUOTED, CELL_CLOSED };

static blt_bytes cell(const struct reader *reader, const struct cells *cells,
                      size_t i)
{
  const size_t begin = i ? cells->ends[i - 1] : 0;
  const char *bytes = reader->text.data ? reader->text.data : "";
  return (blt_bytes){bytes + begin, cells->ends[i] - begin};
}

/* One more byte of a row; NULL, or what is wrong with it. */
static const char *take(struct reader *reader, struct cells *cells,
                        enum place *place, char c, char between)
{
  if (*place == CELL_QUOTED) {
    if (c == '"')
      *place = CELL_CLOSED;
    else
      text_add(&reader->text, &c, 1);
    return NULL;
  }
  if (c == between) {
    if (cells->n == MOST_COLUMNS - 1)
      return "the row has too many cells";
    cells->ends[cells->n++] = reader->text.len;
    *place = CELL_BEGIN;
    return NULL;
  }
  if (c == '"' && *place == CELL_BEGIN) {
    *place = CELL_QUOTED;
    return NULL;
  }
  if (c == '"' && *place == CELL_CLOSED) {
    text_add(&reader->text, "\"", 1);
    *place = CELL_QUOTED;
    return NULL;
  }
  if (*place == CELL_CLOSED)
    return "something stands behind a closing quote";
  *place = CELL_BARE;
  text_add(&reader->text, &c, 1);
  return NULL;
}

/* Lines are added to reader->raw as long as a quote is open. */
static enum got more_of_row(struct reader *reader)
{
  struct text line = {0};
  const int got = input_line(reader->input, &line);
  if (got > 0) {
    text_add(&reader->raw, "\n", 1);
    text_add(&reader->raw, line.data, line.len);
  }
  text_release(&line);
  if (got < 0)
    return reader_failed(reader);
  if (got > 0 && reader->raw.len < LONGEST_ROW)
    return GOT_ROW;
  return reader_bad(reader, "a quote is not closed");
}

static enum got next_line(struct reader *reader)
{
  int got;
  do
    got = input_line(reader->input, &reader->raw);
  while (got > 0 && (reader->raw.len == 0 ||
                     (reader->raw.len == 1 && reader->raw.data[0] == '\r')));
  reader->line = reader->input->line;
  return got < 0 ? reader_failed(reader) : got > 0 ? GOT_ROW : GOT_END;
}

static enum got split(struct reader *reader, struct cells *cells, char between)
{
  const char *wrong = NULL;
  enum place place = CELL_BEGIN;
  size_t i = 0;
  cells->n = 0;
  text_clear(&reader->text);
  for (;;) {
    const struct text *raw = &reader->raw;
    for (; i < raw->len && !wrong; i++)
      if (raw->data[i] != '\r' || i + 1 < raw->len || place == CELL_QUOTED)
        wrong = take(reader, cells, &place, raw->data[i], between);
    if (wrong)
      return reader_bad(reader, "%s", wrong);
    if (place != CELL_QUOTED)
      break;
    const enum got got = more_of_row(reader);
    if (got != GOT_ROW)
      return got;
  }
  cells->ends[cells->n++] = reader->text.len;
  return GOT_ROW;
}

static int column_of(blt_bytes name)
{
  for (int i = 0; i < N_COLUMNS; i++)
    if (name.len == strlen(column_names[i]) &&
        memcmp(name.data, column_names[i], name.len) == 0)
      return i;
  return -1;
}

/* Without a row of names the columns are key, value and perhaps time. */
static void assume_columns(struct reader *reader)
{
  const int encoding = encoding_of(reader->args);
  reader->columns[0] = COLUMN_KEY + encoding;
  reader->columns[1] = COLUMN_VALUE + encoding;
  reader->columns[2] = COLUMN_TIME;
  reader->n_columns = 3;
}

static enum got read_head_with(struct reader *reader, char between)
{
  struct cells cells = {.n = 0};
  int n_keys = 0;
  if (reader->args->no_header) {
    assume_columns(reader);
    return GOT_ROW;
  }
  enum got got = next_line(reader);
  if (got == GOT_END)
    return GOT_ROW;
  if (got == GOT_ROW && reader->raw.len >= 3 &&
      memcmp(reader->raw.data, "\xef\xbb\xbf", 3) == 0) {
    reader->raw.len -= 3;
    memmove(reader->raw.data, reader->raw.data + 3, reader->raw.len + 1);
  }
  if (got == GOT_ROW)
    got = split(reader, &cells, between);
  for (size_t i = 0; got == GOT_ROW && i < cells.n; i++) {
    const blt_bytes name = cell(reader, &cells, i);
    reader->columns[i] = column_of(name);
    n_keys += reader->columns[i] <= COLUMN_KEY_B64;
    if (reader->columns[i] < 0)
      got = reader_bad(reader,
                       "\"%.*s\" is not the name of a column; give "
                       "key, value, timestamp, or --no-header",
                       name.len < 60 ? (int)name.len : 60,
                       (const char *)name.data);
  }
  reader->n_columns = cells.n;
  if (got == GOT_ROW && n_keys != 1)
    got = reader_bad(reader, "one column has to be the key");
  return got == GOT_BAD ? reader_unusable(reader) : got;
}

static const char *read_cell(struct reader *reader, int column, blt_bytes text,
                             struct row *row)
{
  switch (column) {
  case COLUMN_KEY:
    return key_from_text(reader->key_type, text.data, text.len, &row->key);
  case COLUMN_KEY_HEX:
    text_clear(&row->key);
    return text_from_hex(&row->key, text.data, text.len) ? NULL
                                                         : "is not hexadecimal";
  case COLUMN_KEY_B64:
    text_clear(&row->key);
    return text_from_base64(&row->key, text.data, text.len) ? NULL
                                                            : "is not base64";
  case COLUMN_TIME: {
    struct text copy = {0};
    text_add(&copy, text.data, text.len);
    const bool is_time =
        text.len == 0 || parse_time(copy.data, &row->timestamp);
    text_release(&copy);
    return is_time ? NULL : "is no time";
  }
  default:
    break;
  }
  text_clear(&row->value);
  row->has_value = true;
  if (column == COLUMN_VALUE_HEX)
    return text_from_hex(&row->value, text.data, text.len)
               ? NULL
               : "is not hexadecimal";
  if (column == COLUMN_VALUE_B64)
    return text_from_base64(&row->value, text.data, text.len) ? NULL
                                                              : "is not base64";
  text_add(&row->value, text.data, text.len);
  return NULL;
}

static enum got read_row_with(struct reader *reader, struct row *row,
                              char between)
{
  struct cells cells = {.n = 0};
  enum got got = next_line(reader);
  if (got == GOT_ROW)
    got = split(reader, &cells, between);
  if (got != GOT_ROW)
    return got;
  const bool may_lack_time = reader->args->no_header;
  if (cells.n > reader->n_columns ||
      cells.n + may_lack_time < reader->n_columns)
    return reader_bad(
        reader, "the row has %zu cell%s, and there %s %zu column%s", cells.n,
        cells.n == 1 ? "" : "s", reader->n_columns == 1 ? "is" : "are",
        reader->n_columns, reader->n_columns == 1 ? "" : "s");
  for (size_t i = 0; i < cells.n; i++) {
    const char *reason =
        read_cell(reader, reader->columns[i], cell(reader, &cells, i), row);
    if (reason)
      return reader_bad(reader, "the %s %s", column_names[reader->columns[i]],
                        reason);
  }
  return GOT_ROW;
}

static enum got read_csv_head(struct reader *reader)
{
  return read_head_with(reader, ',');
}

static enum got read_csv_row(struct reader *reader, struct row *row)
{
  return read_row_with(reader, row, ',');
}

static enum got read_tsv_head(struct reader *reader)
{
  return read_head_with(reader, '\t');
}

static enum got read_tsv_row(struct reader *reader, struct row *row)
{
  return read_row_with(reader, row, '\t');
}

const struct format format_csv = {.name = "csv",
                                  .suffixes = "csv",
                                  .without_values = true,
                                  .write_head = write_csv_head,
                                  .write_row = write_csv_row,
                                  .write_end = write_end,
                                  .read_head = read_csv_head,
                                  .read_row = read_csv_row};

const struct format format_tsv = {.name = "tsv",
                                  .suffixes = "tsv|tab",
                                  .without_values = true,
                                  .write_head = write_tsv_head,
                                  .write_row = write_tsv_row,
                                  .write_end = write_end,
                                  .read_head = read_tsv_head,
                                  .read_row = read_tsv_row};
