/*
 * prune.c - rewrite a store without its dead data, and say how far it is
 *
 *   prune FILE [DAYS]
 *
 * With DAYS, keys that are older go as well. Ctrl-C stops it; the file is then
 * as it was.
 */
#include <blt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static volatile sig_atomic_t stop_asked;

static void ask_to_stop(int signal_number)
{
  (void)signal_number;
  stop_asked = 1;
}

/* Called now and then; the total is 0 until it is counted. What it returns
 * other than 0 asks to stop. */
static int show_progress(void *ctx, const char *phase, uint64_t done,
                         uint64_t total)
{
  const uint64_t percent = total > 0 ? done * 100 / total : 0;
  uint64_t *last = ctx;

  if (percent != *last)
    fprintf(stderr, "\r%-12s %3" PRIu64 " %%", phase, percent);
  *last = percent;
  return stop_asked;
}

static uint64_t days_ago(const char *days)
{
  return ((uint64_t)time(NULL) - strtoull(days, NULL, 10) * 86400) * 1000000;
}

static blt_status prune(blt_db *db, uint64_t older_than)
{
  blt_prune_options options = BLT_PRUNE_OPTIONS_INIT;
  blt_stats before, after;
  uint64_t n_dropped;
  blt_status status = blt_stat(db, &before);

  options.older_than = older_than;
  options.fit_buckets = BLT_ON;
  if (status == BLT_OK)
    status = blt_prune(db, &options, &n_dropped);
  if (status == BLT_OK)
    status = blt_stat(db, &after);
  if (status == BLT_OK)
    printf("dropped %" PRIu64 " blocks; %" PRIu64 " keys are left, %" PRIu64
           " of %" PRIu64 " bytes\n",
           n_dropped, after.n_keys, after.file_len, before.file_len);
  return status;
}

int main(int argc, char **argv)
{
  uint64_t last_percent = UINT64_MAX;
  blt_options options = BLT_OPTIONS_INIT;
  blt_db *db;
  blt_status status;

  if (argc != 2 && argc != 3) {
    fprintf(stderr, "usage: prune FILE [DAYS]\n");
    return 2;
  }
  signal(SIGINT, ask_to_stop);
  options.mode = BLT_WRITE;
  options.progress = show_progress;
  options.progress_ctx = &last_percent;
  if (blt_open(argv[1], &options, &db) < 0) {
    fprintf(stderr, "prune: %s\n", blt_last_error(NULL)->message);
    return 1;
  }
  status = prune(db, argc == 3 ? days_ago(argv[2]) : 0);
  fprintf(stderr, "\n");
  if (status < 0)
    fprintf(stderr, "prune: %s\n", blt_last_error(db)->message);
  if (blt_close(db) < 0 && status == BLT_OK) {
    fprintf(stderr, "prune: %s\n", blt_last_error(NULL)->message);
    status = BLT_E_IO;
  }
  return status < 0;
}
