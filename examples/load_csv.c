/*
 * load_csv.c - a table becomes a store: a row is a value, a column is the key
 *
 *   load_csv FILE COLUMN < rows.csv
 *
 * CSV as in RFC 4180: the first row has the names of the columns; a cell may
 * stand in quotes, and may then hold commas, line ends and doubled quotes. Each
 * value is a JSON object of strings, the cells of a row by their names without
 * the key's own. FILE is made anew, and is not there when a row fails. booklet
 * reads the values as dictionaries:
 *
 *   id,name,river           "42": {"name": "Lyon", "river": "Rhone"}
 *   42,Lyon,Rhone
 */
#include <blt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_COLUMNS = 1024 };

/* Growing text, kept for the next row. A row is one of these, with the cells'
 * ends beside it. */
struct text {
  char *data;
  size_t len, capacity;
};

struct row {
  struct text cells;
  size_t ends[MOST_COLUMNS];
  size_t n;
};

static void add_char(struct text *text, char c)
{
  if (text->len == text->capacity) {
    text->capacity = text->capacity > 0 ? text->capacity * 2 : 256;
    text->data = realloc(text->data, text->capacity);
    if (!text->data) {
      fprintf(stderr, "load_csv: out of memory\n");
      exit(1);
    }
  }
  text->data[text->len++] = c;
}

static void add_string(struct text *text, const char *string)
{
  while (*string)
    add_char(text, *string++);
}

/* The characters of a quoted cell, up to *out, the one behind its closing
 * quote. 0 when the input ends before. */
static int read_quoted(struct text *cell, int *out)
{
  int c;

  while ((c = getchar()) != EOF) {
    if (c == '"' && (c = getchar()) != '"') {
      *out = c;
      return 1;
    }
    add_char(cell, (char)c);
  }
  return 0;
}

enum got { THE_END, A_ROW, TOO_MANY_COLUMNS, AN_OPEN_QUOTE };

static enum got read_row(struct row *row)
{
  int c = getchar();

  row->cells.len = 0;
  row->n = 0;
  if (c == EOF)
    return THE_END;
  for (;; c = getchar()) {
    if (c == '"' && !read_quoted(&row->cells, &c))
      return AN_OPEN_QUOTE;
    while (c != ',' && c != '\n' && c != EOF) {
      if (c != '\r')
        add_char(&row->cells, (char)c);
      c = getchar();
    }
    if (row->n == MOST_COLUMNS)
      return TOO_MANY_COLUMNS;
    row->ends[row->n++] = row->cells.len;
    if (c != ',')
      return A_ROW;
  }
}

static blt_bytes cell_of(const struct row *row, size_t i)
{
  const size_t start = i > 0 ? row->ends[i - 1] : 0;
  const char *data = row->cells.data ? row->cells.data + start : "";

  return (blt_bytes){data, row->ends[i] - start};
}

static void add_json_string(struct text *json, blt_bytes cell)
{
  const unsigned char *bytes = cell.data;
  char escape[8];

  add_char(json, '"');
  for (size_t i = 0; i < cell.len; i++) {
    if (bytes[i] < ' ' || bytes[i] == '"' || bytes[i] == '\\') {
      snprintf(escape, sizeof escape, "\\u%04x", bytes[i]);
      add_string(json, escape);
    } else {
      add_char(json, (char)bytes[i]);
    }
  }
  add_char(json, '"');
}

static void make_object(struct text *json, const struct row *names,
                        const struct row *row, size_t key)
{
  json->len = 0;
  for (size_t i = 0; i < row->n; i++)
    if (i != key) {
      add_string(json, json->len > 0 ? ", " : "{");
      add_json_string(json, cell_of(names, i));
      add_string(json, ": ");
      add_json_string(json, cell_of(row, i));
    }
  add_string(json, json->len > 0 ? "}" : "{}");
}

static int find_column(const struct row *names, const char *name, size_t *out)
{
  for (size_t i = 0; i < names->n; i++) {
    blt_bytes cell = cell_of(names, i);
    if (cell.len == strlen(name) && memcmp(cell.data, name, cell.len) == 0) {
      *out = i;
      return 1;
    }
  }
  return 0;
}

static int refused(const char *what)
{
  fprintf(stderr, "load_csv: %s\n", what);
  return 1;
}

static int load(blt_db *db, const char *column)
{
  static struct row names, row;
  static struct text json;
  uint64_t n_rows = 0;
  size_t key;
  enum got got;

  if (read_row(&names) != A_ROW || !find_column(&names, column, &key))
    return refused("the first row has no such column");
  while ((got = read_row(&row)) == A_ROW) {
    if (row.n != names.n) {
      fprintf(stderr, "load_csv: row %" PRIu64 " has %zu cell%s, not %zu\n",
              n_rows + 2, row.n, row.n == 1 ? "" : "s", names.n);
      return 1;
    }
    const blt_bytes name = cell_of(&row, key);
    make_object(&json, &names, &row, key);
    if (blt_put(db, name.data, name.len, json.data, json.len) < 0)
      return refused(blt_last_error(db)->message);
    n_rows++;
  }
  if (got == TOO_MANY_COLUMNS)
    return refused("a row has too many columns");
  if (got == AN_OPEN_QUOTE)
    return refused("the input ends inside a quote");
  printf("stored %" PRIu64 " row%s\n", n_rows, n_rows == 1 ? "" : "s");
  return 0;
}

int main(int argc, char **argv)
{
  blt_options options = BLT_OPTIONS_INIT;
  blt_db *db;
  int failed;

  if (argc != 3) {
    fprintf(stderr, "usage: load_csv FILE COLUMN < rows.csv\n");
    return 2;
  }
  options.mode = BLT_NEW;
  options.key_serializer = BLT_SERIALIZER_STR;
  options.value_serializer = BLT_SERIALIZER_JSON;
  if (blt_open(argv[1], &options, &db) < 0)
    return refused(blt_last_error(NULL)->message);
  failed = load(db, argv[2]);
  if (blt_close(db) < 0)
    failed = refused(blt_last_error(NULL)->message);
  /* Half a table would pass for a whole one. */
  if (failed)
    remove(argv[1]);
  return failed;
}
