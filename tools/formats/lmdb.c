/* lmdb.c - the dump that mdb_load reads: that of Berkeley DB, and how large
 * the map has to be */
#include <inttypes.h>

#include "formats/format.h"

/* What LMDB is compiled with; its pages are those of most machines. */
enum { LONGEST_KEY = 511, PAGE = 4096, NODE = 16, LARGEST_IN_PAGE = 2000 };

/* A page that was split is half full. A long value has pages of its own. */
static uint64_t room_of(uint64_t key_len, uint64_t value_len)
{
  if (key_len + value_len <= LARGEST_IN_PAGE)
    return 2 * (key_len + value_len + NODE);
  return 2 * (key_len + NODE) + (value_len + NODE + PAGE) / PAGE * PAGE;
}

static const char *measure_row(struct dump *dump, const blt_item *item)
{
  dump->room += room_of(item->key.len, item->value.len);
  if (item->key.len == 0)
    return "LMDB has no empty key";
  return item->key.len > LONGEST_KEY
             ? "LMDB's keys have 511 bytes at most, and this one is longer"
             : NULL;
}

/* A quarter more is for inner pages and those that a commit leaves behind. */
static void write_head(struct dump *dump)
{
  const uint64_t room = dump->room + dump->room / 4 + ((uint64_t)1 << 20);
  out_format(dump->out,
             "VERSION=3\nformat=bytevalue\ntype=btree\nmapsize=%" PRIu64
             "\nHEADER=END\n",
             room / PAGE * PAGE);
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

const struct format format_lmdb = {.name = "lmdb",
                                   .suffixes = "mdb|lmdb",
                                   .measure_row = measure_row,
                                   .write_head = write_head,
                                   .write_row = write_row,
                                   .write_end = write_end,
                                   .read_head = hex_pair_read_head,
                                   .read_row = hex_pair_read};
