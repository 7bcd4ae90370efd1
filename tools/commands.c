/* commands.c - the commands, their options and what help says about them */
#include "commands.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "text.h"

#define FIELD(name) offsetof(struct args, name)
#define OPTIONS_END                                                            \
  {                                                                            \
    NULL, 0, OPTION_FLAG, 0, NULL, NULL                                        \
  }

/* The options that describe a new file, for create and load. */
#define NEW_FILE_OPTIONS                                                       \
  {"value-type",      0,      OPTION_STRING,                                   \
   FIELD(value_type), "TYPE", "serializer of the values"},                     \
      {"fixed",      0,   OPTION_COUNT,                                        \
       FIELD(fixed), "N", "a file whose values are all N bytes long"},         \
      {"buckets",      0,   OPTION_COUNT,                                      \
       FIELD(buckets), "N", "buckets of the index (12007)"},                   \
      {"no-timestamps",      0,    OPTION_FLAG,                                \
       FIELD(no_timestamps), NULL, "keep no time with each key"},              \
  {                                                                            \
    "like", 0, OPTION_STRING, FIELD(like), "FILE2",                            \
        "take kind, types, buckets and uuid from FILE2"                        \
  }

static const struct option create_options[] = {
    NEW_FILE_OPTIONS,
    {"force", 0, OPTION_FLAG, FIELD(force), NULL, "empty FILE when it exists"},
    {"yes", 'y', OPTION_FLAG, FIELD(yes), NULL, "do not ask"},
    OPTIONS_END};

static const struct option get_options[] = {
    {"output", 'o', OPTION_STRING, FIELD(output), "OUT",
     "write to OUT, which appears when it is complete"},
    {"hex", 0, OPTION_FLAG, FIELD(hex), NULL, "value as hexadecimal line"},
    {"base64", 0, OPTION_FLAG, FIELD(base64), NULL, "value as base64 line"},
    {"decode", 0, OPTION_FLAG, FIELD(decode), NULL,
     "value as text, by the serializer of the file"},
    {"timestamp", 0, OPTION_FLAG, FIELD(show_time), NULL,
     "print the key's time, with -j beside its value"},
    {"default", 0, OPTION_STRING, FIELD(default_value), "TEXT",
     "print TEXT for a missing key"},
    {"keys-from", 0, OPTION_STRING, FIELD(keys_from), "FILE2|-",
     "more keys, one a line as list prints them"},
    {"null", '0', OPTION_FLAG, FIELD(nul), NULL,
     "NUL, not newline, between keys and behind values"},
    OPTIONS_END};

static const struct option has_options[] = {OPTIONS_END};

static const struct option put_options[] = {
    {"timestamp", 0, OPTION_TIME, FIELD(timestamp), "TIME",
     "time of the key (now)"},
    {"if-absent", 0, OPTION_FLAG, FIELD(if_absent), NULL,
     "leave a key that exists alone and exit 1"},
    {"create", 0, OPTION_FLAG, FIELD(create), NULL,
     "create FILE when it is missing"},
    OPTIONS_END};

static const struct option del_options[] = {
    {"ignore-missing", 0, OPTION_FLAG, FIELD(ignore_missing), NULL,
     "a missing key is no reason to exit 1"},
    {"keys-from", 0, OPTION_STRING, FIELD(keys_from), "FILE2|-",
     "more keys, one a line as list prints them"},
    {"null", '0', OPTION_FLAG, FIELD(nul), NULL,
     "keys of --keys-from end with NUL and are raw"},
    OPTIONS_END};

/* For list and dump. */
#define FILTER_OPTIONS                                                         \
  {"prefix",      0,      OPTION_STRING,                                       \
   FIELD(prefix), "TEXT", "only keys that start with TEXT"},                   \
      {"match",      0,      OPTION_STRING,                                    \
       FIELD(match), "GLOB", "only keys that match * ? [a-z]"},                \
      {"since",      0,      OPTION_TIME,                                      \
       FIELD(since), "TIME", "only keys not older than TIME"},                 \
      {"until",      0,      OPTION_TIME,                                      \
       FIELD(until), "TIME", "only keys older than TIME"},                     \
  {                                                                            \
    "limit", 0, OPTION_COUNT, FIELD(limit), "N", "stop after N keys"           \
  }

static const struct option list_options[] = {
    {"long", 'l', OPTION_FLAG, FIELD(details), NULL,
     "size, time, offset and key as a table"},
    {"values", 0, OPTION_FLAG, FIELD(values), NULL,
     "the value too, behind a tab"},
    FILTER_OPTIONS,
    {"null", '0', OPTION_FLAG, FIELD(nul), NULL,
     "raw keys and values, each ended by NUL"},
    {"locations", 0, OPTION_FLAG, FIELD(locations), NULL,
     "offset and length of each value, then the key"},
    {"all", 0, OPTION_FLAG, FIELD(all), NULL, "hidden keys too"},
    OPTIONS_END};

static const struct option meta_options[] = {
    {"timestamp", 0, OPTION_FLAG, FIELD(show_time), NULL,
     "print its time instead; -j has both"},
    OPTIONS_END};

static const struct option inspect_options[] = {
    {"deep", 0, OPTION_FLAG, FIELD(deep), NULL,
     "read all of the file and verify it as well"},
    {"sample", 0, OPTION_COUNT, FIELD(sample), "N",
     "guess from N buckets, as for files above 1 GiB"},
    {"svg", 0, OPTION_STRING, FIELD(svg), "OUT",
     "draw the two pictures to OUT"},
    {"buckets", 0, OPTION_FLAG, FIELD(raw_buckets), NULL,
     "only lines of chain length, tab, number of buckets"},
    OPTIONS_END};

static const struct option verify_options[] = {
    {"max-errors", 0, OPTION_COUNT, FIELD(max_errors), "N",
     "stop after N faults of a file"},
    {"jobs", 'J', OPTION_COUNT, FIELD(jobs), "N",
     "threads that share the work (one for each processor)"},
    {"cached", 0, OPTION_FLAG, FIELD(cached), NULL,
     "pass over files that were sound and are unchanged"},
    OPTIONS_END};

static const struct option prune_options[] = {
    {"older-than", 0, OPTION_TIME, FIELD(older_than), "TIME",
     "drop live keys of before TIME as well"},
    {"keep-keys", 0, OPTION_STRING, FIELD(keep_keys), "FILE2|-",
     "keys exempt from --older-than, one a line"},
    {"buckets", 0, OPTION_BUCKETS, FIELD(buckets), "auto|N",
     "buckets of the new index (as it is)"},
    {"dry-run", 0, OPTION_FLAG, FIELD(dry_run), NULL,
     "only tell what would go"},
    {"yes", 'y', OPTION_FLAG, FIELD(yes), NULL, "do not ask"},
    OPTIONS_END};

static const struct option repair_options[] = {
    {"output", 'o', OPTION_STRING, FIELD(output), "NEW",
     "make the new file NEW and only read FILE"},
    {"dry-run", 0, OPTION_FLAG, FIELD(dry_run), NULL,
     "only tell what would be kept"},
    {"yes", 'y', OPTION_FLAG, FIELD(yes), NULL, "do not ask"},
    OPTIONS_END};

static const struct option reindex_options[] = {
    {"buckets", 0, OPTION_BUCKETS, FIELD(buckets), "auto|N",
     "buckets of the new index (auto)"},
    {"dry-run", 0, OPTION_FLAG, FIELD(dry_run), NULL,
     "only tell what would change"},
    OPTIONS_END};

static const struct option dump_options[] = {
    {"format", 'f', OPTION_STRING, FIELD(format), "FORMAT",
     "what to write (by the suffix of OUT, else jsonl)"},
    {"output", 'o', OPTION_STRING, FIELD(output), "OUT",
     "write to OUT, which appears when it is complete"},
    {"zstd", 0, OPTION_OPTIONAL, FIELD(zstd), "LEVEL",
     "pack it with zstd (3); so does a name that ends with .zst"},
    {"keys-only", 0, OPTION_FLAG, FIELD(keys_only), NULL, "no values"},
    {"hex", 0, OPTION_FLAG, FIELD(hex), NULL, "bytes as hexadecimal"},
    {"base64", 0, OPTION_FLAG, FIELD(base64), NULL, "bytes as base64"},
    {"decode", 0, OPTION_FLAG, FIELD(decode), NULL,
     "jsonl: values as JSON, by the serializer of the file"},
    {"no-timestamps", 0, OPTION_FLAG, FIELD(no_timestamps), NULL,
     "leave out the times"},
    {"no-header", 0, OPTION_FLAG, FIELD(no_header), NULL,
     "jsonl, csv, tsv: without the first line, which describes"},
    FILTER_OPTIONS,
    {"all", 0, OPTION_FLAG, FIELD(all), NULL, "hidden keys as keys too"},
    OPTIONS_END};

static const struct option load_options[] = {
    {"format", 'f', OPTION_STRING, FIELD(format), "FORMAT",
     "what INPUT is (by its suffix, else jsonl)"},
    {"on-duplicate", 0, OPTION_CHOICE, FIELD(on_duplicate),
     "replace|skip|newest|error", "what of keys that exist (replace)"},
    {"bad-rows", 0, OPTION_STRING, FIELD(bad_rows), "stop|skip|FILE2",
     "what of rows that cannot be loaded (stop)"},
    {"schema", 0, OPTION_STRING, FIELD(schema), "FILE2",
     "rules, as JSON, that rows have to keep"},
    {"shard", 0, OPTION_STRING, FIELD(shard), "I/N",
     "only the keys of part I of N"},
    {"no-header", 0, OPTION_FLAG, FIELD(no_header), NULL,
     "csv, tsv: the first row has no names of columns"},
    {"hex", 0, OPTION_FLAG, FIELD(hex), NULL,
     "with --no-header: cells are hexadecimal"},
    {"base64", 0, OPTION_FLAG, FIELD(base64), NULL,
     "with --no-header: cells are base64"},
    NEW_FILE_OPTIONS,
    OPTIONS_END};

static const struct option copy_options[] = {
    {"compact", 0, OPTION_FLAG, FIELD(compact), NULL,
     "write only what is live"},
    {"buckets", 0, OPTION_BUCKETS, FIELD(buckets), "auto|N",
     "with --compact: buckets of the new index (as it is)"},
    {"reflink", 0, OPTION_CHOICE, FIELD(reflink), "auto|always|never",
     "share blocks where the file system can"},
    {"yes", 'y', OPTION_FLAG, FIELD(yes), NULL, "do not ask"},
    OPTIONS_END};

static const struct option merge_options[] = {
    {"on-duplicate", 0, OPTION_CHOICE, FIELD(merge_duplicate),
     "newest|first|error", "what of keys that are in several (newest)"},
    OPTIONS_END};

static const struct option diff_options[] = {
    {"timestamps", 0, OPTION_FLAG, FIELD(with_times), NULL,
     "another time is a difference too"},
    {"all", 0, OPTION_FLAG, FIELD(all), NULL, "metadata and slots too"},
    OPTIONS_END};

static const struct option hash_options[] = {
    {"timestamps", 0, OPTION_FLAG, FIELD(with_times), NULL, "times count too"},
    {"all", 0, OPTION_FLAG, FIELD(all), NULL, "metadata and slots count too"},
    OPTIONS_END};

static const struct option slot_options[] = {
    {"output", 'o', OPTION_STRING, FIELD(output), "OUT",
     "write to OUT, which appears when it is complete"},
    {"timestamp", 0, OPTION_FLAG, FIELD(show_time), NULL,
     "print its time instead; -j has both"},
    OPTIONS_END};

static const struct option bench_options[] = {
    {"sizes", 0, OPTION_STRING, FIELD(sizes), "N,N...",
     "keys of the files that are made (1000,10000,100000)"},
    {"value-len", 0, OPTION_COUNT, FIELD(value_len), "N",
     "bytes of their values (100)"},
    OPTIONS_END};

static const struct option shell_options[] = {
    {"write", 'w', OPTION_FLAG, FIELD(write), NULL,
     "open FILE for writing too, which locks others out"},
    OPTIONS_END};

static const struct option completion_options[] = {OPTIONS_END};

static const struct option help_options[] = {OPTIONS_END};

#define TIME_NOTES                                                             \
  "TIME is microseconds since 1970, 2025-11-21T03:07:42Z (or +01:00), "        \
  "2025-11-21,\nan age as 30d (s, m, h, d, w), or now.\n"
#define KEY_LINES_NOTES                                                        \
  "Keys read from a file stand one a line in the form of list: \\xHH for a\n"  \
  "byte, \\\\ for a backslash. With -0 they are raw and end with NUL.\n"

#define FORMAT_NOTES                                                           \
  "FORMAT is one of\n"                                                         \
  "  jsonl    an object a line, the first describes the file\n"                \
  "  csv tsv  key, value, timestamp\n"                                         \
  "  bdb      db_load and mdb_load; lmdb: mdb_load, for any size\n"            \
  "  gdbm     gdbm_load          cdb   cdb -c, cdbmake\n"                      \
  "  resp     redis-cli --pipe   raw   blt load\n"

const struct command commands[] = {
    {"create", NULL, cmd_create, 1, 1, "FILE", "Make an empty file.",
     create_options,
     "TYPE is the name of one of booklet's serializers: str, bytes, json,\n"
     "orjson, uint4 and so on. --key-type names that of the keys.\n"},
    {"get", NULL, cmd_get, 1, ANY_NUMBER, "FILE KEY...",
     "Print the value of each key.", get_options,
     "The value of a single KEY is printed as it is, with nothing added; of\n"
     "several keys each value ends with a newline.\n" KEY_LINES_NOTES},
    {"has", NULL, cmd_has, 2, ANY_NUMBER, "FILE KEY...",
     "Exit 0 when all keys exist and 1 when one is missing.", has_options, ""},
    {"put", NULL, cmd_put, 2, 3, "FILE KEY [VALUE|@PATH|-]", "Store a value.",
     put_options,
     "The value is VALUE, the content of PATH, or standard input (-, or no\n"
     "VALUE). @@ starts a VALUE that begins with @. Bytes are stored as they\n"
     "are given, whatever the serializer of the values.\n" TIME_NOTES},
    {"del", NULL, cmd_del, 1, ANY_NUMBER, "FILE KEY...", "Remove keys.",
     del_options, KEY_LINES_NOTES},
    {"list", "ls", cmd_list, 1, 1, "FILE", "List the keys.", list_options,
     "Control characters and bytes that are not UTF-8 are shown as \\xHH, a\n"
     "backslash as \\\\; with -0 nothing is escaped. --prefix and --match see\n"
     "the key without escapes. Exit code 1 when a filter leaves no "
     "key.\n" TIME_NOTES},
    {"meta", NULL, cmd_meta, 1, 3, "FILE [get|set JSON|@PATH|-|del]",
     "Show, store or remove the metadata.", meta_options, ""},
    {"inspect", "stat", cmd_inspect, 1, ANY_NUMBER, "FILE...",
     "Show what is in a file and how its space is used.", inspect_options, ""},
    {"verify", NULL, cmd_verify, 1, ANY_NUMBER, "FILE...",
     "Read everything and judge it; exit 4 when damaged.", verify_options,
     "Nothing is written to the file. Each fault is a line: FILE, offset,\n"
     "kind, sentence. --cached remembers sound files in blt/verified.blt of\n"
     "$XDG_CACHE_HOME or ~/.cache, by path, length, inode and times; it does\n"
     "not see bytes that a disk lost without a write.\n"},
    {"repair", NULL, cmd_repair, 1, 1, "FILE",
     "Rebuild a damaged file from its blocks.", repair_options,
     "A block is kept when the hash of its key is right, and of several "
     "blocks\n"
     "of one key the last. A sound file keeps all it has. Without -o the file\n"
     "is rewritten in place, as prune does it: a crash leaves the old file or\n"
     "the new one, and the damaged bytes are gone after it.\n"},
    {"prune", NULL, cmd_prune, 1, 1, "FILE",
     "Rewrite a file without its dead data.", prune_options,
     KEY_LINES_NOTES TIME_NOTES},
    {"reindex", NULL, cmd_reindex, 1, 1, "FILE",
     "Give the index another number of buckets.", reindex_options, ""},
    {"dump", NULL, cmd_dump, 1, 1, "FILE", "Write keys and values as a stream.",
     dump_options,
     FORMAT_NOTES TIME_NOTES
     "Rows that a format cannot hold are left out, and the exit code is 6.\n"},
    {"load", NULL, cmd_load, 1, ANY_NUMBER, "FILE [INPUT...]",
     "Put the rows of streams into a file.", load_options,
     FORMAT_NOTES
     "INPUT may be packed with zstd; without one standard input is read. A\n"
     "FILE that is missing is made as the stream's first line or the options\n"
     "say, and appears when all is in it. Rows for an existing FILE stay in "
     "it\n"
     "when a later one fails. Bad rows in FILE2 are lines of JSON, with the\n"
     "line each had. Exit code 6 when any row was rejected.\n"
     "A schema has the members key, value and timestamp, each an object with\n"
     "type, min_len, max_len, required, fields and other_fields.\n"},
    {"copy", NULL, cmd_copy, 2, 2, "FILE NEW",
     "Make a snapshot of a file under its lock.", copy_options,
     "Writers wait meanwhile, readers do not. NEW appears when it is "
     "complete;\n"
     "a file of that name is replaced, but not one that is in use.\n"},
    {"merge", NULL, cmd_merge, 2, ANY_NUMBER, "FILE FILE2...",
     "Put the keys of other files into one.", merge_options,
     "A FILE that is missing is made like FILE2. Of equal times what is in\n"
     "FILE stays. Metadata and slots are merged in the same way.\n"},
    {"diff", NULL, cmd_diff, 2, 2, "FILE FILE2",
     "Show in what two files differ.", diff_options,
     "Lines begin with - for a key of FILE only, + for one of FILE2 only and "
     "~\n"
     "for one whose values differ. Exit code 1 when there are any.\n"},
    {"hash", NULL, cmd_hash, 1, ANY_NUMBER, "FILE...",
     "Print a digest of keys and values.", hash_options,
     "Equal content gives equal digests, in whatever order it was put and\n"
     "however the files are laid out. It finds damage, not forgery.\n"},
    {"slot", NULL, cmd_slot, 2, 4, "FILE 1|2 [get|set VALUE|@PATH|-|del]",
     "Show, store or remove an application's slot.", slot_options, ""},
    {"bench", NULL, cmd_bench, 0, 1, "[FILE]",
     "Measure how fast a file is read, or a new one written.", bench_options,
     "FILE is only read. Without one files are made in TMPDIR and removed. "
     "Each\n"
     "line has the keys, keys a second, time for a key, bytes a second, and "
     "the\n"
     "fastest and slowest of three rounds; the median counts. put and delete\n"
     "end with a sync. A busy machine makes all of it slower.\n"},
    {"shell", NULL, cmd_shell, 1, 1, "FILE",
     "Take commands for one file, line by line.", shell_options,
     "The commands are those of blt, without FILE: get site-42. The file is\n"
     "open and locked until the end, and what a command wrote is safe when it\n"
     "is over. Without a terminal lines are taken from standard input, and "
     "the\n"
     "exit code is the greatest of all. quit, exit or Ctrl-D ends it.\n"},
    {"completion", NULL, cmd_completion, 1, 1, "bash|zsh|fish",
     "Print a script that completes command lines.", completion_options,
     "In bash: source <(blt completion bash). In zsh, behind compinit: source\n"
     "<(blt completion zsh). In fish: blt completion fish | source.\n"},
    {"help", NULL, cmd_help, 0, 1, "[COMMAND]",
     "Show help, on one command or on all.", help_options, ""},
    {NULL, NULL, NULL, 0, 0, NULL, NULL, NULL, NULL}};

const struct command *command_find(const char *word)
{
  for (const struct command *c = commands; c->name; c++)
    if (strcmp(word, c->name) == 0 || (c->alias && strcmp(word, c->alias) == 0))
      return c;
  return NULL;
}

/* A word is near when at most a third of it is wrong. */
static bool is_nearer(const char *word, const char *known, size_t *best)
{
  const size_t distance = word_distance(word, known);
  if (distance >= *best || distance > strlen(known) / 3 + 1 ||
      distance >= strlen(known))
    return false;
  *best = distance;
  return true;
}

const struct command *command_nearest(const char *word)
{
  const struct command *nearest = NULL;
  size_t best = SIZE_MAX;
  for (const struct command *c = commands; c->name; c++) {
    if (is_nearer(word, c->name, &best))
      nearest = c;
    if (c->alias && is_nearer(word, c->alias, &best))
      nearest = c;
  }
  return nearest;
}

const char *option_nearest(const struct command *command, const char *name)
{
  const char *nearest = NULL;
  size_t best = SIZE_MAX;
  if (command)
    for (const struct option *o = command->options; o->name; o++)
      if (is_nearer(name, o->name, &best))
        nearest = o->name;
  for (const struct option *o = global_options; o->name; o++)
    if (is_nearer(name, o->name, &best))
      nearest = o->name;
  return nearest;
}
