/*
 * load_words.c - store the lines of stdin, each with its number and length
 *
 *   load_words FILE [BATCH [KILL_AT]] < words
 *
 * The key is the line, the value is text: "42 7" for a line 42 of seven bytes.
 * With BATCH, so many lines are an atomic group, durable when it is committed.
 * With KILL_AT the program kills itself after so many lines, as an
 * out-of-memory killer would: nothing is flushed and nothing is closed.
 */
#include <blt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Prints why the store refused, and returns what main returns then. */
static int refused(const blt_db *db)
{
  fprintf(stderr, "load_words: %s\n", blt_last_error(db)->message);
  return 1;
}

static blt_status store_line(blt_db *db, const char *line, uint64_t number)
{
  char value[48];
  size_t len = strlen(line);
  int value_len = snprintf(value, sizeof value, "%" PRIu64 " %zu", number, len);

  return blt_put(db, line, len, value, (size_t)value_len);
}

/* One group ends and the next one begins. */
static blt_status commit_group(blt_db *db)
{
  blt_status status = blt_batch_commit(db);
  if (status < 0)
    return status;
  return blt_batch_begin(db);
}

static blt_status load(blt_db *db, uint64_t batch, uint64_t kill_at,
                       uint64_t *out_count)
{
  char *line = NULL;
  size_t capacity = 0;
  ssize_t len;
  uint64_t number = 0;
  blt_status status = batch > 0 ? blt_batch_begin(db) : BLT_OK;

  while (status == BLT_OK && (len = getline(&line, &capacity, stdin)) > 0) {
    if (line[len - 1] == '\n')
      line[len - 1] = '\0';
    status = store_line(db, line, ++number);
    if (number == kill_at)
      raise(SIGKILL);
    if (status == BLT_OK && batch > 0 && number % batch == 0)
      status = commit_group(db);
  }
  if (status == BLT_OK && batch > 0)
    status = blt_batch_commit(db);
  free(line);
  if (status == BLT_OK)
    *out_count = number;
  return status;
}

int main(int argc, char **argv)
{
  blt_options options = BLT_OPTIONS_INIT;
  blt_db *db;
  uint64_t batch = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;
  uint64_t kill_at = argc > 3 ? strtoull(argv[3], NULL, 10) : 0;
  uint64_t count = 0;
  int failed = 0;

  if (argc < 2) {
    fprintf(stderr, "usage: load_words FILE [BATCH [KILL_AT]] < words\n");
    return 2;
  }
  options.mode = BLT_NEW;
  options.key_serializer = BLT_SERIALIZER_STR;
  options.value_serializer = BLT_SERIALIZER_STR;
  options.sync = batch > 0 ? BLT_SYNC_FULL : BLT_SYNC_BATCH;
  if (blt_open(argv[1], &options, &db) < 0)
    return refused(NULL);
  if (load(db, batch, kill_at, &count) < 0)
    failed = refused(db);
  if (blt_close(db) < 0)
    failed = refused(NULL);
  if (!failed)
    printf("stored %" PRIu64 " words\n", count);
  return failed;
}
