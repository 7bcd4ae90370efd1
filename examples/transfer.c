/*
 * transfer.c - changes that belong together: all of them, or none
 *
 *   transfer FILE open N_ACCOUNTS AMOUNT    accounts 0 .. N-1, AMOUNT in each
 *   transfer FILE move N_TIMES [KILL_AT]    move 1 from one to another, N times
 *   transfer FILE sum                       what is in all of them together
 *
 * Each transfer is a batch of two puts. With KILL_AT the program kills itself
 * between the two puts of that transfer, as a crash would. The sum is the same
 * afterwards.
 */
#include <blt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static blt_status put_amount(blt_db *db, uint64_t account, int64_t amount)
{
  return blt_put(db, &account, sizeof account, &amount, sizeof amount);
}

static blt_status get_amount(blt_db *db, uint64_t account, int64_t *out)
{
  size_t len;

  return blt_get_into(db, &account, sizeof account, out, sizeof *out, &len);
}

static blt_status open_accounts(blt_db *db, uint64_t n_accounts, int64_t amount)
{
  blt_status status = blt_batch_begin(db);

  for (uint64_t i = 0; i < n_accounts && status == BLT_OK; i++)
    status = put_amount(db, i, amount);
  return status == BLT_OK ? blt_batch_commit(db) : status;
}

/* One batch. What was read inside it includes what was put inside it. */
static blt_status transfer(blt_db *db, uint64_t from, uint64_t to, int crash)
{
  int64_t amount;
  blt_status status = blt_batch_begin(db);

  if (status == BLT_OK)
    status = get_amount(db, from, &amount);
  if (status == BLT_OK)
    status = put_amount(db, from, amount - 1);
  if (crash)
    raise(SIGKILL);
  if (status == BLT_OK)
    status = get_amount(db, to, &amount);
  if (status == BLT_OK)
    status = put_amount(db, to, amount + 1);
  if (status == BLT_OK)
    return blt_batch_commit(db);
  blt_batch_abort(db);
  return status;
}

static blt_status move(blt_db *db, uint64_t n_times, uint64_t kill_at)
{
  uint64_t n_accounts;
  blt_status status = blt_count(db, &n_accounts);

  for (uint64_t i = 1; i <= n_times && status == BLT_OK && n_accounts > 0; i++)
    status =
        transfer(db, i * 7 % n_accounts, i * 13 % n_accounts, i == kill_at);
  return status;
}

static blt_status print_sum(blt_db *db)
{
  int64_t amount, sum = 0;
  blt_iter *iter;
  blt_item item;
  blt_status status = blt_iter_open(db, BLT_ITER_VALUES, &iter);

  if (status < 0)
    return status;
  while ((status = blt_iter_next(iter, &item)) == BLT_OK)
    if (item.value.len == sizeof amount) {
      memcpy(&amount, item.value.data, sizeof amount);
      sum += amount;
    }
  blt_iter_close(iter);
  if (status == BLT_END)
    printf("%" PRId64 "\n", sum);
  return status;
}

static uint64_t number(char **argv, int argc, int i)
{
  return i < argc ? strtoull(argv[i], NULL, 10) : 0;
}

int main(int argc, char **argv)
{
  blt_options options = BLT_OPTIONS_INIT;
  const char *what = argc > 2 ? argv[2] : "";
  const int making = strcmp(what, "open") == 0;
  blt_db *db;
  blt_status status;

  if (!making && strcmp(what, "move") != 0 && strcmp(what, "sum") != 0) {
    fprintf(stderr, "usage: transfer FILE open N_ACCOUNTS AMOUNT\n"
                    "       transfer FILE move N_TIMES [KILL_AT]\n"
                    "       transfer FILE sum\n");
    return 2;
  }
  options.mode = making ? BLT_NEW : BLT_WRITE;
  options.kind = making ? BLT_FIXED : BLT_ANY;
  options.fixed_value_len = sizeof(int64_t);
  if (blt_open(argv[1], &options, &db) < 0) {
    fprintf(stderr, "transfer: %s\n", blt_last_error(NULL)->message);
    return 1;
  }
  if (making)
    status = open_accounts(db, number(argv, argc, 3),
                           (int64_t)number(argv, argc, 4));
  else if (strcmp(what, "move") == 0)
    status = move(db, number(argv, argc, 3), number(argv, argc, 4));
  else
    status = print_sum(db);
  if (status < 0)
    fprintf(stderr, "transfer: %s\n", blt_last_error(db)->message);
  if (blt_close(db) < 0 && status >= 0) {
    fprintf(stderr, "transfer: %s\n", blt_last_error(NULL)->message);
    status = BLT_E_IO;
  }
  return status < 0;
}
