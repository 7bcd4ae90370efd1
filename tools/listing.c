/* listing.c - the forms in which list shows a key */
#include "listing.h"

#include <errno.h>
#include <inttypes.h>

#include <libsmartcols.h>

#include "units.h"

#define LINES_PER_PIECE 512

enum { COLUMN_SIZE, COLUMN_TIME, COLUMN_OFFSET, COLUMN_KEY };

static void add_json(struct listing *listing, const blt_item *item)
{
  const struct args *args = listing->store->args;
  json_t *object = json_object();
  key_add_json(listing->store->key_type, item->key, object);
  if (listing->store->header.has_timestamps)
    json_object_set_new(object, "ts",
                        json_integer((json_int_t)item->timestamp));
  json_object_set_new(object, "size",
                      json_integer((json_int_t)item->value.len));
  if (args->details || args->locations)
    json_object_set_new(object, "offset",
                        json_integer((json_int_t)item->value_off));
  if (args->values)
    json_add_bytes(object, "value", item->value);
  out_json(listing->out, object);
}

static struct libscols_table *new_table(bool headed)
{
  struct libscols_table *table = scols_new_table();
  if (!table)
    return NULL;
  scols_table_enable_noencoding(table, 1);
  scols_table_enable_noheadings(table, headed);
  scols_table_set_termforce(table, SCOLS_TERMFORCE_NEVER);
  if (!scols_table_new_column(table, "SIZE", 1, SCOLS_FL_RIGHT) ||
      !scols_table_new_column(table, "TIME", 1, 0) ||
      !scols_table_new_column(table, "OFFSET", 1, SCOLS_FL_RIGHT) ||
      !scols_table_new_column(table, "KEY", 1, 0)) {
    scols_unref_table(table);
    return NULL;
  }
  return table;
}

static void fail_for_memory(struct listing *listing)
{
  if (listing->out->error == 0)
    listing->out->error = ENOMEM;
}

static void print_piece(struct listing *listing)
{
  if (!listing->table)
    return;
  scols_table_set_stream(listing->table, listing->out->stream);
  if (!out_failed(listing->out) && scols_print_table(listing->table) < 0 &&
      !out_failed(listing->out))
    fail_for_memory(listing);
  scols_unref_table(listing->table);
  listing->table = NULL;
  listing->headed = true;
  listing->n_lines = 0;
}

static int set_cell(struct listing *listing, struct libscols_line *line,
                    size_t column)
{
  const char *data = listing->text.data ? listing->text.data : "";
  const int status = scols_line_set_data(line, column, data);
  text_clear(&listing->text);
  return status;
}

/* Numbers are padded and times are of one length, so all pieces look alike. */
static int fill_line(struct listing *listing, struct libscols_line *line,
                     const blt_item *item)
{
  struct text *text = &listing->text;
  text_clear(text);
  text_addf(text, "%10zu", item->value.len);
  int status = set_cell(listing, line, COLUMN_SIZE);
  if (listing->store->header.has_timestamps)
    text_add_time(text, item->timestamp);
  else
    text_add_string(text, "-");
  status |= set_cell(listing, line, COLUMN_TIME);
  text_addf(text, "%12" PRIu64, item->value_off);
  status |= set_cell(listing, line, COLUMN_OFFSET);
  key_write(listing->store->key_type, item->key, text);
  return status | set_cell(listing, line, COLUMN_KEY);
}

static void add_details(struct listing *listing, const blt_item *item)
{
  if (!listing->table)
    listing->table = new_table(listing->headed);
  struct libscols_line *line =
      listing->table ? scols_table_new_line(listing->table, NULL) : NULL;
  if (!line || fill_line(listing, line, item) != 0)
    fail_for_memory(listing);
  if (++listing->n_lines == LINES_PER_PIECE)
    print_piece(listing);
}

/* What stands before and behind the key in a plain line. */
static void add_line(struct listing *listing, const blt_item *item)
{
  const struct args *args = listing->store->args;
  struct text *text = &listing->text;
  text_clear(text);
  if (args->locations)
    text_addf(text, "%" PRIu64 "\t%zu\t", item->value_off, item->value.len);
  key_write(listing->store->key_type, item->key, text);
  if (args->values) {
    text_add_string(text, "\t");
    text_add_escaped(text, item->value.data, item->value.len);
  }
  text_add_string(text, "\n");
  out_text(listing->out, text);
}

static void add_raw(struct listing *listing, const blt_item *item)
{
  text_clear(&listing->text);
  key_write_plain(listing->store->key_type, item->key, &listing->text);
  text_add(&listing->text, "", 1);
  out_text(listing->out, &listing->text);
  if (listing->store->args->values) {
    out_bytes(listing->out, item->value.data, item->value.len);
    out_bytes(listing->out, "", 1);
  }
}

void listing_begin(struct listing *listing, const struct store *store,
                   struct out *out)
{
  *listing = (struct listing){.store = store, .out = out};
}

void listing_add(struct listing *listing, const blt_item *item)
{
  const struct args *args = listing->store->args;
  if (args->json)
    add_json(listing, item);
  else if (args->details)
    add_details(listing, item);
  else if (args->nul)
    add_raw(listing, item);
  else
    add_line(listing, item);
}

void listing_end(struct listing *listing)
{
  print_piece(listing);
  text_release(&listing->text);
}
