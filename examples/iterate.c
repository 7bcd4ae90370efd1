/*
 * iterate.c - walk through a store, in the order of the file
 *
 *   iterate FILE            each key with its time and the length of its value
 *   iterate FILE PREFIX     how many keys begin so, and how long their values
 *                           are together
 */
#include <blt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static void print_item(const blt_item *item)
{
  time_t seconds = (time_t)(item->timestamp / 1000000);
  char when[32];

  strftime(when, sizeof when, "%Y-%m-%d %H:%M:%SZ", gmtime(&seconds));
  printf("%s %8zu  %.*s\n", when, item->value.len, (int)item->key.len,
         (const char *)item->key.data);
}

static blt_status print_all(blt_db *db)
{
  blt_iter *iter;
  blt_item item;
  blt_status status = blt_iter_open(db, BLT_ITER_TIMESTAMPS, &iter);

  if (status < 0)
    return status;
  while ((status = blt_iter_next(iter, &item)) == BLT_OK)
    print_item(&item);
  blt_iter_close(iter);
  return status; /* BLT_END, or why it ended before that */
}

/* Keys alone are cheaper: no byte of a value is read. */
static blt_status sum_up(blt_db *db, const char *prefix)
{
  const size_t prefix_len = strlen(prefix);
  uint64_t n_keys = 0, sum = 0;
  blt_iter *iter;
  blt_item item;
  blt_status status = blt_iter_open(db, BLT_ITER_KEYS, &iter);

  if (status < 0)
    return status;
  while ((status = blt_iter_next(iter, &item)) == BLT_OK)
    if (item.key.len >= prefix_len &&
        memcmp(item.key.data, prefix, prefix_len) == 0) {
      n_keys++;
      sum += item.value.len;
    }
  blt_iter_close(iter);
  if (status == BLT_END)
    printf("%" PRIu64 " keys, %" PRIu64 " bytes of values\n", n_keys, sum);
  return status;
}

int main(int argc, char **argv)
{
  blt_db *db;
  blt_status status;

  if (argc != 2 && argc != 3) {
    fprintf(stderr, "usage: iterate FILE [PREFIX]\n");
    return 2;
  }
  if (blt_open(argv[1], NULL, &db) < 0) {
    fprintf(stderr, "iterate: %s\n", blt_last_error(NULL)->message);
    return 1;
  }
  status = argc == 3 ? sum_up(db, argv[2]) : print_all(db);
  if (status < 0)
    fprintf(stderr, "iterate: %s\n", blt_last_error(db)->message);
  blt_close(db);
  return status < 0;
}
