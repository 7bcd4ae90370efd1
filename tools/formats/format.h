/* format.h - the streams that dump writes and load reads */
#ifndef BLT_TOOLS_FORMAT_H
#define BLT_TOOLS_FORMAT_H

#include <stdbool.h>
#include <stdint.h>

#include "input.h"
#include "keys.h"
#include "out.h"
#include "store.h"
#include "text.h"

/* ---- writing */

/* What a format writes from. */
struct dump {
  const struct store *store;
  struct out *out;
  struct text text, other; /* of the format, for what it puts together      */
  uint64_t n_rows;         /* that were written                             */
  uint64_t room;           /* what measure_row adds up                      */
};

/* ---- reading */

struct row {
  struct text key, value;
  bool has_value; /* false: the stream does not say                         */
  uint64_t timestamp; /* NOT_GIVEN: the stream does not say                 */
};

/* Of store_hidden. */
struct hidden {
  bool given;
  struct text bytes;
  uint64_t timestamp; /* NOT_GIVEN: the stream does not say                 */
};

struct format;

/* What the head of a stream says about the file it came from. */
struct description {
  bool given, fixed, has_timestamps;
  uint32_t value_len, n_buckets;
  int key_serializer, value_serializer;
  struct hidden hidden[N_HIDDEN];
};

enum got {
  GOT_ROW,
  GOT_END,
  GOT_BAD,   /* `reason` says why; the next row may be asked for            */
  GOT_BROKEN /* a message was printed; `code` is the exit code              */
};

/* The greatest number of columns, of which the names are known. */
enum { MOST_COLUMNS = 16 };

struct reader {
  const struct args *args;
  const struct format *format;
  struct input *input;
  struct key_type key_type; /* of the file that is filled                   */
  const blt_header *header; /* of it; NULL while the head is read           */
  struct description description;
  struct text raw; /* the row as it stands in the stream                 */
  uint64_t line;   /* where the row begins; the number of a row where
                      there are no lines                                 */
  bool has_lines;
  char reason[200];
  int code;
  /* of the format */
  bool is_pending; /* `raw` has a row that was not yet given               */
  bool in_hex;
  uint64_t count;
  int columns[MOST_COLUMNS];
  size_t n_columns;
  struct text text;
};

/* ---- a format */

struct format {
  const char *name;
  const char *suffixes; /* of file names, parted by |                       */
  bool is_binary;       /* not for a terminal                               */
  bool without_values;  /* --keys-only makes sense                          */

  /* Before the head is written: NULL, or why the row cannot be written, which
   * ends the dump before it began. May be NULL. */
  const char *(*measure_row)(struct dump *dump, const blt_item *item);
  void (*write_head)(struct dump *dump);
  /* NULL, or why the row was left out. */
  const char *(*write_row)(struct dump *dump, const blt_item *item);
  void (*write_end)(struct dump *dump);

  enum got (*read_head)(struct reader *reader); /* GOT_ROW: go on           */
  enum got (*read_row)(struct reader *reader, struct row *row);
};

extern const struct format format_jsonl, format_csv, format_tsv, format_bdb,
    format_lmdb, format_gdbm, format_cdb, format_resp, format_raw;

/* By name, or by the suffix of a path (without .zst); NULL when there is
 * none. */
const struct format *format_find(const char *name);
const struct format *format_of_path(const char *path);
/* All names, parted by blanks. */
void formats_add_names(struct text *words);

/* The format that --format names; 0, or an exit code after a message. */
int format_choose(const struct args *args, const struct format **out);

/* ---- help for formats */

enum got reader_bad(struct reader *reader, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The stream is not what it should be: a message with its place. */
enum got reader_broken(struct reader *reader, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* After reader_bad, where nothing that follows can be read without this: a
 * message with its place, and the exit code of rejected rows. */
enum got reader_unusable(struct reader *reader);
/* What to give when an input function gave -1. */
enum got reader_failed(struct reader *reader);

/* The line in reader->raw, without a carriage return at its end: GOT_ROW,
 * GOT_END or GOT_BROKEN. */
enum got reader_line(struct reader *reader);

/* "12345" up to `end`, which is passed over, for streams that tell lengths.
 * GOT_END only where nothing stands. */
enum got reader_length(struct reader *reader, char end, uint64_t *out);
/* `len` bytes; GOT_BROKEN when the stream ends before. */
enum got reader_bytes(struct reader *reader, uint64_t len, struct text *out);
/* One byte that has to be there. */
enum got reader_expect(struct reader *reader, const char *bytes);

/* The line that a stream of ours begins with: what the file is. */
void head_write(const struct dump *dump);
/* NULL when it is not JSON. Metadata may hold numbers that C has not. */
json_t *head_parse(const struct text *line);
/* `head` is what `line` holds. False, with a reason, when it cannot be used. */
bool head_read(struct reader *reader, json_t *head, const struct text *line);

/* Two lines of hexadecimal, as bdb and lmdb have them. */
void hex_pair_write(struct dump *dump, const blt_item *item);
enum got hex_pair_read_head(struct reader *reader);
enum got hex_pair_read(struct reader *reader, struct row *row);

#endif
