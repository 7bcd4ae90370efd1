/*
 * find_words.c - look the lines of stdin up in what load_words stored
 *
 *   find_words FILE < words
 *
 * Each line is searched by itself and its value compared with the number and
 * the length that the line really has. Any difference is printed and makes
 * the exit status 1.
 */
#include <blt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* 1 when the store has the line with the value that load_words gave it. */
static int is_stored(blt_db *db, const char *line, uint64_t number)
{
  char expected[48];
  size_t len = strlen(line);
  int expected_len =
      snprintf(expected, sizeof expected, "%" PRIu64 " %zu", number, len);
  blt_bytes value;
  blt_status status = blt_get(db, line, len, &value);

  if (status == BLT_OK && value.len == (size_t)expected_len &&
      memcmp(value.data, expected, value.len) == 0)
    return 1;
  if (status == BLT_OK)
    printf("%s: \"%.*s\" instead of \"%s\"\n", line, (int)value.len,
           (const char *)value.data, expected);
  else
    printf("%s: %s\n", line, blt_status_message(status));
  return 0;
}

int main(int argc, char **argv)
{
  blt_db *db;
  char *line = NULL;
  size_t capacity = 0;
  ssize_t len;
  uint64_t number = 0;
  uint64_t n_wrong = 0;

  if (argc != 2) {
    fprintf(stderr, "usage: find_words FILE < words\n");
    return 2;
  }
  if (blt_open(argv[1], NULL, &db) < 0) {
    fprintf(stderr, "find_words: %s\n", blt_last_error(NULL)->message);
    return 1;
  }
  while ((len = getline(&line, &capacity, stdin)) > 0) {
    if (line[len - 1] == '\n')
      line[len - 1] = '\0';
    n_wrong += !is_stored(db, line, ++number);
  }
  free(line);
  blt_close(db);
  printf("found %" PRIu64 " of %" PRIu64 " words\n", number - n_wrong, number);
  return n_wrong > 0;
}
