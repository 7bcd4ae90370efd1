/*
 * bench.c - how fast this machine works with a file
 *
 * With FILE its own keys are read; without, a file of our own is filled, read
 * and pruned in TMPDIR. Each task is done ROUNDS times, and the median counts.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "commands.h"
#include "out.h"
#include "report.h"
#include "store.h"
#include "units.h"

enum { ROUNDS = 3, MOST_KEYS = 200000, MOST_SIZES = 16, KEY_LEN = 24 };

/* Keys one behind the other, in an order by chance. */
struct sample {
  struct text bytes;
  blt_bytes *keys;
  size_t n;
  uint64_t seed; /* the same in every run                                   */
};

struct benching {
  const struct args *args;
  struct out out;
  struct store store;
  struct sample sample;
  struct text value;
  uint64_t n_bytes; /* that the last task read or wrote                     */
};

/* One task of a round; the number of keys, or -1 after a failure. */
typedef int64_t (*task_fn)(struct benching *benching);

static double seconds_now(void)
{
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static uint64_t by_chance(uint64_t *seed)
{
  *seed ^= *seed << 13;
  *seed ^= *seed >> 7;
  *seed ^= *seed << 17;
  return *seed;
}

/* ---- the keys */

static bool sample_index(struct sample *sample, const struct text *lens)
{
  const size_t *len = (const size_t *)(const void *)lens->data;
  const char *key = sample->bytes.data;
  sample->n = lens->len / sizeof *len;
  sample->keys = calloc(sample->n ? sample->n : 1, sizeof *sample->keys);
  if (!sample->keys)
    return false;
  for (size_t i = 0; i < sample->n; key += len[i], i++)
    sample->keys[i] = (blt_bytes){key, len[i]};
  for (size_t i = sample->n; i > 1; i--) {
    const size_t k = by_chance(&sample->seed) % i;
    const blt_bytes other = sample->keys[i - 1];
    sample->keys[i - 1] = sample->keys[k];
    sample->keys[k] = other;
  }
  return true;
}

static void sample_release(struct sample *sample)
{
  text_release(&sample->bytes);
  free(sample->keys);
  sample->keys = NULL;
  sample->n = 0;
}

static void sample_add(struct sample *sample, struct text *lens, blt_bytes key)
{
  text_add(&sample->bytes, key.data, key.len);
  text_add(lens, &key.len, sizeof key.len);
}

/* Every k-th key of the file, so that not too many are kept. */
static int sample_file(struct benching *benching)
{
  struct store *store = &benching->store;
  struct text lens = {0};
  blt_iter *iter;
  blt_item item;
  blt_status status;
  uint64_t n_keys, i = 0;
  if (blt_count(store->db, &n_keys) < 0 ||
      blt_iter_open(store->db, BLT_ITER_KEYS, &iter) < 0)
    return store_failed(store);
  const uint64_t step = n_keys / MOST_KEYS + 1;
  while ((status = blt_iter_next(iter, &item)) == BLT_OK)
    if (i++ % step == 0)
      sample_add(&benching->sample, &lens, item.key);
  blt_iter_close(iter);
  int code = status < 0 ? store_failed(store) : EXIT_DONE;
  if (code == EXIT_DONE && !sample_index(&benching->sample, &lens))
    code = report_errno(benching->args, store->file, ENOMEM);
  text_release(&lens);
  return code;
}

static int sample_make(struct benching *benching, uint64_t n)
{
  struct text lens = {0};
  char key[KEY_LEN];
  int code = EXIT_DONE;
  for (uint64_t i = 0; i < n; i++) {
    const int len = snprintf(key, sizeof key, "key-%012" PRIu64, i);
    sample_add(&benching->sample, &lens, (blt_bytes){key, (size_t)len});
  }
  if (!sample_index(&benching->sample, &lens))
    code = report_errno(benching->args, NULL, ENOMEM);
  text_release(&lens);
  return code;
}

/* ---- the tasks */

static int64_t get_keys(struct benching *benching)
{
  const struct sample *sample = &benching->sample;
  for (size_t i = 0; i < sample->n; i++) {
    blt_bytes value;
    const blt_bytes key = sample->keys[i];
    if (blt_get(benching->store.db, key.data, key.len, &value) != BLT_OK)
      return -1;
    benching->n_bytes += key.len + value.len;
  }
  return (int64_t)sample->n;
}

static int64_t miss_keys(struct benching *benching)
{
  char key[KEY_LEN];
  for (size_t i = 0; i < benching->sample.n; i++) {
    const int len = snprintf(key, sizeof key, "\xff nothing %zu", i);
    if (blt_has(benching->store.db, key, (size_t)len) < 0)
      return -1;
  }
  return (int64_t)benching->sample.n;
}

/* The first and the last byte of each value are touched. */
static int64_t walk_values(struct benching *benching)
{
  blt_iter *iter;
  blt_item item;
  blt_status status;
  int64_t n = 0;
  volatile unsigned char sum = 0;
  if (blt_iter_open(benching->store.db, BLT_ITER_VALUES, &iter) < 0)
    return -1;
  while ((status = blt_iter_next(iter, &item)) == BLT_OK) {
    const unsigned char *value = item.value.data;
    if (item.value.len > 0)
      sum = (unsigned char)(sum + value[0] + value[item.value.len - 1]);
    benching->n_bytes += item.key.len + item.value.len;
    n++;
  }
  blt_iter_close(iter);
  return status < 0 ? -1 : n;
}

static int64_t put_keys(struct benching *benching)
{
  const struct sample *sample = &benching->sample;
  for (size_t i = 0; i < sample->n; i++) {
    const blt_bytes key = sample->keys[i];
    if (blt_put(benching->store.db, key.data, key.len, benching->value.data,
                benching->value.len) < 0)
      return -1;
    benching->n_bytes += key.len + benching->value.len;
  }
  return blt_sync(benching->store.db) < 0 ? -1 : (int64_t)sample->n;
}

static int64_t delete_keys(struct benching *benching)
{
  const struct sample *sample = &benching->sample;
  for (size_t i = 0; i < sample->n; i++)
    if (blt_delete(benching->store.db, sample->keys[i].data,
                   sample->keys[i].len) < 0)
      return -1;
  return blt_sync(benching->store.db) < 0 ? -1 : (int64_t)sample->n;
}

static int64_t prune_file(struct benching *benching)
{
  return blt_prune(benching->store.db, NULL, NULL) < 0
             ? -1
             : (int64_t)benching->sample.n;
}

/* ---- measuring */

struct result {
  const char *name;
  int64_t n;
  uint64_t n_bytes;
  double seconds[ROUNDS]; /* sorted                                         */
  int n_rounds;
};

static int compare_seconds(const void *a, const void *b)
{
  const double *left = a, *right = b;
  return (*left > *right) - (*left < *right);
}

static void print_json(struct benching *benching, const struct result *result)
{
  const double median = result->seconds[result->n_rounds / 2];
  const double last = result->seconds[result->n_rounds - 1];
  out_json(&benching->out,
           json_pack("{ss sI sI si sf sf sf}", "task", result->name, "keys",
                     (json_int_t)result->n, "bytes",
                     (json_int_t)result->n_bytes, "rounds", result->n_rounds,
                     "median_s", median, "min_s", result->seconds[0], "max_s",
                     last));
}

/* "get        100 000    1 234 567 /s   810 ns   118.3 MiB/s   0.080 .. 0.083
 * s"
 */
static void print_text(struct benching *benching, const struct result *result)
{
  const double seconds = result->seconds[result->n_rounds / 2];
  const double n = (double)result->n;
  struct text keys = {0}, rate = {0}, bytes = {0};
  text_add_count(&keys, (uint64_t)result->n);
  if (seconds > 0)
    text_add_count(&rate, (uint64_t)(n / seconds));
  if (seconds > 0 && result->n_bytes > 0) {
    text_add_size(&bytes, (uint64_t)((double)result->n_bytes / seconds));
    text_add_string(&bytes, "/s");
  }
  out_format(&benching->out,
             "%-8s %11s  %12s /s %9.0f ns  %12s  %.3f .. %.3f s\n",
             result->name, keys.data, rate.len ? rate.data : "-",
             n > 0 ? seconds / n * 1e9 : 0, bytes.len ? bytes.data : "",
             result->seconds[0], result->seconds[result->n_rounds - 1]);
  text_release(&keys);
  text_release(&rate);
  text_release(&bytes);
}

static int measure(struct benching *benching, const char *name, task_fn task,
                   int n_rounds)
{
  struct result result = {.name = name, .n_rounds = n_rounds};
  for (int i = 0; i < n_rounds; i++) {
    if (interrupted())
      return report_error(benching->args, EXIT_INTERRUPTED, "cancelled", NULL,
                          "interrupted; nothing is left behind");
    benching->n_bytes = 0;
    const double begin = seconds_now();
    result.n = task(benching);
    result.seconds[i] = seconds_now() - begin;
    if (result.n < 0)
      return store_failed(&benching->store);
  }
  result.n_bytes = benching->n_bytes;
  qsort(result.seconds, (size_t)n_rounds, sizeof *result.seconds,
        compare_seconds);
  if (benching->args->json)
    print_json(benching, &result);
  else
    print_text(benching, &result);
  return EXIT_DONE;
}

static int measure_reading(struct benching *benching)
{
  int code = measure(benching, "get", get_keys, ROUNDS);
  if (code == EXIT_DONE)
    code = measure(benching, "miss", miss_keys, ROUNDS);
  if (code == EXIT_DONE)
    code = measure(benching, "iterate", walk_values, ROUNDS);
  return code;
}

static int bench_file(struct benching *benching, const char *file)
{
  int code = store_open_mode(&benching->store, benching->args, file, BLT_READ);
  if (code != EXIT_DONE)
    return code;
  code = sample_file(benching);
  if (code == EXIT_DONE)
    code = measure_reading(benching);
  sample_release(&benching->sample);
  return store_close(&benching->store, code);
}

static int bench_tasks(struct benching *benching)
{
  int code = measure(benching, "put", put_keys, 1);
  if (code == EXIT_DONE)
    code = measure_reading(benching);
  if (code == EXIT_DONE)
    code = measure(benching, "replace", put_keys, ROUNDS);
  if (code == EXIT_DONE)
    code = measure(benching, "prune", prune_file, 1);
  return code == EXIT_DONE ? measure(benching, "delete", delete_keys, 1) : code;
}

static int bench_scratch(struct benching *benching, const char *path,
                         uint64_t n)
{
  blt_options options = store_options(benching->args, BLT_NEW);
  int code = sample_make(benching, n);
  if (code == EXIT_DONE)
    code = store_open(&benching->store, benching->args, path, &options);
  if (code == EXIT_DONE)
    code = store_close(&benching->store, bench_tasks(benching));
  sample_release(&benching->sample);
  unlink(path);
  return code;
}

/* ---- the whole */

static bool parse_sizes(const char *list, uint64_t *sizes, size_t *n)
{
  char number[24];
  for (*n = 0; *n < MOST_SIZES; ++*n) {
    const size_t len = strcspn(list, ",");
    if (len >= sizeof number)
      return false;
    memcpy(number, list, len);
    number[len] = '\0';
    if (!parse_count(number, &sizes[*n]) || sizes[*n] == 0)
      return false;
    list += len;
    if (*list++ == '\0')
      return ++*n > 0;
  }
  return false;
}

static int bench_sizes(struct benching *benching)
{
  const struct args *args = benching->args;
  uint64_t sizes[MOST_SIZES] = {1000, 10000, 100000};
  size_t n_sizes = 3;
  if (args->sizes && !parse_sizes(args->sizes, sizes, &n_sizes))
    return report_usage(args,
                        "--sizes cannot be \"%s\"; give numbers parted "
                        "by commas",
                        args->sizes);
  const uint64_t len = args->value_len == NOT_GIVEN ? 100 : args->value_len;
  if (len > (1 << 24))
    return report_usage(args, "--value-len must be at most 16777216");
  const char *folder = getenv("TMPDIR");
  struct text path = {0};
  text_addf(&path, "%s/blt-bench-XXXXXX", folder && *folder ? folder : "/tmp");
  memset(text_reserve(&benching->value, len), 'v', len);
  benching->value.len = len;
  int code = EXIT_DONE;
  if (!mkdtemp(path.data))
    code = report_errno(args, path.data, errno);
  const size_t folder_len = path.len;
  text_add_string(&path, "/scratch.blt");
  for (size_t i = 0; i < n_sizes && code == EXIT_DONE; i++)
    code = bench_scratch(benching, path.data, sizes[i]);
  path.data[folder_len] = '\0';
  rmdir(path.data);
  text_release(&path);
  return code;
}

int cmd_bench(const struct args *args)
{
  struct benching benching = {.args = args,
                              .sample = {.seed = 0x9e3779b97f4a7c15u}};
  const bool has_file = args->n_words > 0;
  if (has_file && (args->sizes || args->value_len != NOT_GIVEN))
    return report_usage(args, "--sizes and --value-len are for a file of our "
                              "own; leave out FILE or them");
  out_open(&benching.out, args, NULL);
  interrupt_catch();
  const int code =
      has_file ? bench_file(&benching, args->words[0]) : bench_sizes(&benching);
  text_release(&benching.value);
  return out_close(&benching.out, args, code);
}
