/*
 * stations.c - "one billion rows": lowest, mean and highest by station
 *
 *   stations ROWS FILE [N_THREADS]
 *
 * ROWS has lines as "Hamburg;12.0": a name, and a number with one digit behind
 * the point. The file is mapped, and threads, one for each core unless told
 * otherwise, take pieces of it until none is left:
 *
 *   rows    |  piece  |  piece  |  piece  |     a line belongs to the piece
 *              v          v         v           in which it begins
 *   tables  [thread 1] [thread 2] ...           station -> low, high, sum, n
 *              \          |       /
 *   result       one table, sorted  --> printed, and kept in FILE
 *
 * FILE is a new store: the station is the key, the value is JSON as
 * {"min": -5.1, "mean": 12.0, "max": 30.9, "count": 243}. make_rows.c makes
 * rows to try it on.
 */
#include <blt.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIECE_MAX = 16 << 20, FIRST_PLACES = 1 << 12, MOST_THREADS = 1024 };

struct station {
  const char *name; /* in the mapped rows; NULL: an empty place             */
  size_t name_len;
  uint64_t hash;
  int64_t sum, count; /* temperatures are whole tenths of a degree          */
  int64_t min, max;
};

/* Open addressing; at most half of the places are taken. */
struct table {
  struct station *places;
  size_t n_places; /* a power of two                                        */
  size_t n;
};

struct rows {
  const char *data;
  size_t len;
  size_t piece_len;
  atomic_size_t next; /* start of the next piece that nobody has            */
};

struct worker {
  pthread_t thread;
  struct rows *rows;
  struct table table;
  size_t bad_off; /* start of a line that is no row, or SIZE_MAX            */
};

static void *or_end(void *memory)
{
  if (!memory) {
    fprintf(stderr, "stations: out of memory\n");
    exit(1);
  }
  return memory;
}

/* ---- the table */

static struct station *place_of(struct table *table, const char *name,
                                size_t name_len, uint64_t hash)
{
  size_t i = hash & (table->n_places - 1);

  /* It ends: half of the places are empty. */
  for (;; i = (i + 1) & (table->n_places - 1)) {
    struct station *place = &table->places[i];
    if (!place->name || (place->hash == hash && place->name_len == name_len &&
                         memcmp(place->name, name, name_len) == 0))
      return place;
  }
}

static void grow(struct table *table)
{
  struct table old = *table;

  table->n_places = old.n_places > 0 ? old.n_places * 2 : FIRST_PLACES;
  table->places = or_end(calloc(table->n_places, sizeof *table->places));
  for (size_t i = 0; i < old.n_places; i++)
    if (old.places[i].name)
      *place_of(table, old.places[i].name, old.places[i].name_len,
                old.places[i].hash) = old.places[i];
  free(old.places);
}

/* What is added has a count: one row, or what another thread found. */
static void add(struct table *table, const struct station *more)
{
  struct station *place;

  if (table->n * 2 >= table->n_places)
    grow(table);
  place = place_of(table, more->name, more->name_len, more->hash);
  if (!place->name) {
    *place = *more;
    table->n++;
    return;
  }
  place->sum += more->sum;
  place->count += more->count;
  if (more->min < place->min)
    place->min = more->min;
  if (more->max > place->max)
    place->max = more->max;
}

/* ---- the rows */

/* "-12.3" as -123. False when it is no such number. */
static int parse_tenths(const char *text, size_t len, int64_t *out)
{
  const int negative = len > 0 && text[0] == '-';
  int64_t tenths = 0;

  if (len < 3 + (size_t)negative || len > 12 || text[len - 2] != '.')
    return 0;
  for (size_t i = (size_t)negative; i < len; i++) {
    if (i == len - 2)
      continue;
    if (text[i] < '0' || text[i] > '9')
      return 0;
    tenths = tenths * 10 + (text[i] - '0');
  }
  *out = negative ? -tenths : tenths;
  return 1;
}

/* Adds the row at `row`, which ends before `end`; false when it is none. */
static int add_row(struct table *table, const char *row, const char *end)
{
  struct station one = {.name = row, .count = 1};
  uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a                            */
  const char *at = row;

  for (; at < end && *at != ';'; at++)
    hash = (hash ^ (unsigned char)*at) * 0x100000001b3u;
  if (at == end || !parse_tenths(at + 1, (size_t)(end - at - 1), &one.sum))
    return 0;
  one.name_len = (size_t)(at - row);
  one.hash = hash ^ hash >> 32;
  one.min = one.max = one.sum;
  add(table, &one);
  return 1;
}

/* The first line that begins in the file at `off` or behind it. */
static size_t line_start(const struct rows *rows, size_t off)
{
  const char *newline;

  if (off == 0 || off >= rows->len)
    return off < rows->len ? off : rows->len;
  newline = memchr(rows->data + off - 1, '\n', rows->len - off + 1);
  return newline ? (size_t)(newline - rows->data) + 1 : rows->len;
}

static void read_piece(struct worker *worker, size_t off, size_t end)
{
  const struct rows *rows = worker->rows;

  while (off < end) {
    const char *row = rows->data + off;
    const char *newline = memchr(row, '\n', rows->len - off);
    const char *row_end = newline ? newline : rows->data + rows->len;
    if (!add_row(&worker->table, row, row_end) && off < worker->bad_off)
      worker->bad_off = off;
    off = (size_t)(row_end - rows->data) + 1;
  }
}

static void *work(void *argument)
{
  struct worker *worker = argument;
  struct rows *rows = worker->rows;
  size_t off;

  while ((off = atomic_fetch_add(&rows->next, rows->piece_len)) < rows->len)
    read_piece(worker, line_start(rows, off),
               line_start(rows, off + rows->piece_len));
  return NULL;
}

/* All threads' results in one table; the offset of a bad line, or SIZE_MAX. */
static size_t summarize(struct rows *rows, size_t n_threads,
                        struct table *table)
{
  struct worker *workers = or_end(calloc(n_threads, sizeof *workers));
  size_t bad_off = SIZE_MAX, n_started = 0;

  /* Several for each thread: the last ones to end do not end long after. */
  rows->piece_len = rows->len / n_threads / 8 + 1;
  if (rows->piece_len > PIECE_MAX)
    rows->piece_len = PIECE_MAX;
  for (size_t t = 0; t < n_threads; t++)
    workers[t] = (struct worker){.rows = rows, .bad_off = SIZE_MAX};
  while (n_started < n_threads &&
         pthread_create(&workers[n_started].thread, NULL, work,
                        &workers[n_started]) == 0)
    n_started++;
  if (n_started == 0)
    work(&workers[0]);
  for (size_t t = 0; t < n_threads; t++) {
    if (t < n_started)
      pthread_join(workers[t].thread, NULL);
    for (size_t i = 0; i < workers[t].table.n_places; i++)
      if (workers[t].table.places[i].name)
        add(table, &workers[t].table.places[i]);
    free(workers[t].table.places);
    if (workers[t].bad_off < bad_off)
      bad_off = workers[t].bad_off;
  }
  free(workers);
  return bad_off;
}

/* ---- the result */

static int by_name(const void *a, const void *b)
{
  const struct station *left = a, *right = b;
  const size_t len =
      left->name_len < right->name_len ? left->name_len : right->name_len;
  const int order = memcmp(left->name, right->name, len);

  if (order != 0)
    return order;
  return (left->name_len > right->name_len) -
         (left->name_len < right->name_len);
}

/* The stations to the front of the table, in the order of their names. */
static void sort(struct table *table)
{
  size_t n = 0;

  for (size_t i = 0; i < table->n_places; i++)
    if (table->places[i].name)
      table->places[n++] = table->places[i];
  if (n > 0)
    qsort(table->places, n, sizeof *table->places, by_name);
}

/* In tenths; a half is rounded up, as a thermometer is read. */
static int64_t mean_of(const struct station *station)
{
  const int64_t doubled = 2 * station->sum + station->count;
  const int64_t divisor = 2 * station->count;

  return doubled / divisor - (doubled % divisor < 0);
}

static const char *degrees(char buffer[24], int64_t tenths)
{
  const int64_t size = tenths < 0 ? -tenths : tenths;

  snprintf(buffer, 24, "%s%" PRId64 ".%" PRId64, tenths < 0 ? "-" : "",
           size / 10, size % 10);
  return buffer;
}

static void print(const struct table *table)
{
  char min[24], mean[24], max[24];

  for (size_t i = 0; i < table->n; i++) {
    const struct station *station = &table->places[i];
    printf("%s%.*s=%s/%s/%s", i > 0 ? ", " : "{", (int)station->name_len,
           station->name, degrees(min, station->min),
           degrees(mean, mean_of(station)), degrees(max, station->max));
  }
  printf("%s}\n", table->n > 0 ? "" : "{");
}

static blt_status put_station(blt_db *db, const struct station *station)
{
  char min[24], mean[24], max[24], value[160];
  const int len = snprintf(
      value, sizeof value,
      "{\"min\": %s, \"mean\": %s, \"max\": %s, \"count\": %" PRId64 "}",
      degrees(min, station->min), degrees(mean, mean_of(station)),
      degrees(max, station->max), station->count);

  return blt_put(db, station->name, station->name_len, value, (size_t)len);
}

static int refused(const blt_db *db)
{
  fprintf(stderr, "stations: %s\n", blt_last_error(db)->message);
  return 1;
}

/* Gives what main returns. */
static int keep(const struct table *table, const char *file)
{
  blt_options options = BLT_OPTIONS_INIT;
  int failed = 0;
  blt_db *db;

  options.mode = BLT_NEW;
  options.n_buckets = blt_buckets_for(table->n);
  options.key_serializer = BLT_SERIALIZER_STR;
  options.value_serializer = BLT_SERIALIZER_JSON;
  if (blt_open(file, &options, &db) < 0)
    return refused(NULL);
  for (size_t i = 0; i < table->n && !failed; i++)
    if (put_station(db, &table->places[i]) < 0)
      failed = refused(db);
  if (blt_close(db) < 0)
    failed = refused(NULL);
  return failed;
}

static int map_rows(const char *path, struct rows *rows)
{
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  struct stat info;
  void *data = NULL;

  if (fd < 0 || fstat(fd, &info) != 0)
    return 0;
  rows->len = (size_t)info.st_size;
  if (rows->len > 0) {
    data = mmap(NULL, rows->len, PROT_READ, MAP_PRIVATE, fd, 0);
    if (data == MAP_FAILED)
      return 0;
    madvise(data, rows->len, MADV_SEQUENTIAL);
  }
  close(fd);
  rows->data = data;
  return 1;
}

int main(int argc, char **argv)
{
  const long n_cores = sysconf(_SC_NPROCESSORS_ONLN);
  const size_t n_threads = argc > 3      ? strtoul(argv[3], NULL, 10)
                           : n_cores > 0 ? (size_t)n_cores
                                         : 1;
  struct table table = {NULL, 0, 0};
  struct rows rows = {.data = NULL};
  size_t bad_off;
  int failed;

  if (argc < 3 || n_threads < 1 || n_threads > MOST_THREADS) {
    fprintf(stderr, "usage: stations ROWS FILE [N_THREADS]\n");
    return 2;
  }
  if (!map_rows(argv[1], &rows)) {
    fprintf(stderr, "stations: cannot read %s\n", argv[1]);
    return 1;
  }
  bad_off = summarize(&rows, n_threads, &table);
  if (bad_off != SIZE_MAX) {
    fprintf(stderr, "stations: the line at byte %zu of %s is no row\n", bad_off,
            argv[1]);
    free(table.places);
    return 1;
  }
  sort(&table);
  print(&table);
  failed = keep(&table, argv[2]);
  free(table.places);
  return failed;
}
