/* fill.c - a store that is written until there is no space, and then further */
#include "real/fill.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/dict.h"
#include "support/store.h"
#include "support/temp.h"

enum { N_STEPS = 26, N_KEYS = 40, VALUE_LEN = 3000, N_BUCKETS = 400 };

/* Of nine steps, the one whose changes wait for a commit. */
enum { WAITS = 2 };

struct filling {
  const struct fill *how;
  blt_db *db;
  struct dict dict; /* what the store holds, with what is not yet committed */
  int n_refused;
};

/* ---- what the store holds */

/* What works while changes wait for a commit that finds no space. */
static void expect_lookups(struct filling *f)
{
  blt_bytes value;

  expect_count(f->db, f->dict.n_entries);
  for (size_t i = 0; i < f->dict.n_entries; i++) {
    const struct dict_entry *const entry = &f->dict.entries[i];
    EXPECT_OK(blt_get(f->db, entry->key, entry->key_len, &value));
    ck_assert(bytes_equal(value, entry->value, entry->value_len));
  }
}

static void expect_content(struct filling *f)
{
  expect_lookups(f);
  ck_assert_uint_eq(count_by_iteration(f->db, BLT_ITER_VALUES),
                    f->dict.n_entries);
  expect_sound(f->db);
}

/* ---- one change */

/* No assertion stands between here and run_step's end: Check writes a file at
 * each, and there may be a limit on the length of files. */

static blt_status change_key(struct filling *f, struct dict *dict, int step,
                             int number)
{
  static uint8_t value[VALUE_LEN];
  char key[32];
  const int len =
      snprintf(key, sizeof key, "key-%d", (step * 7 + number) % N_KEYS);

  if (step % 5 == 3) {
    dict_delete(dict, key, (size_t)len);
    return blt_delete(f->db, key, (size_t)len);
  }
  memset(value, step * 16 + number, sizeof value);
  dict_put(dict, key, (size_t)len, value, sizeof value, 1);
  return blt_put_at(f->db, key, (size_t)len, value, sizeof value, 1);
}

static blt_status change_keys(struct filling *f, struct dict *dict, int step,
                              int n)
{
  blt_status status = BLT_OK;

  for (int i = 0; i < n && status >= 0; i++)
    status = change_key(f, dict, step, i);
  return status;
}

static blt_status run_batch(struct filling *f, struct dict *after, int step)
{
  blt_status status = blt_batch_begin(f->db);

  if (status == BLT_OK)
    status = change_keys(f, after, step, 6);
  if (status >= 0)
    status = blt_batch_commit(f->db);
  if (status < 0 && blt_batch_abort(f->db) < 0)
    return BLT_E_INVALID;
  return status;
}

/* Changes that wait for a commit, and that. When it is refused they wait on,
 * and are seen all the same. */
static blt_status run_singles(struct filling *f, struct dict *after, int step,
                              int is_again)
{
  blt_status status = is_again ? BLT_OK : change_keys(f, after, step, 3);

  return status < 0 ? status : blt_sync(f->db);
}

static blt_status reopen(struct filling *f)
{
  blt_options options = BLT_OPTIONS_INIT;
  const blt_status status = blt_close(f->db);

  options.mode = BLT_WRITE;
  options.sync = f->how->level;
  options.io = f->how->io;
  return status < 0 ? status : blt_open(f->how->path, &options, &f->db);
}

static blt_status run_act(struct filling *f, struct dict *after, int step,
                          int is_again)
{
  switch (step % 9) {
  case WAITS:
    return run_singles(f, after, step, is_again);
  case 4:
    return blt_reindex(f->db, (uint32_t)(N_BUCKETS + step));
  case 6:
    return reopen(f);
  case 8:
    return blt_prune(f->db, NULL, NULL);
  default:
    return run_batch(f, after, step);
  }
}

static blt_status run_step(struct filling *f, struct dict *after, int step,
                           int is_again)
{
  if (f->how->limit != NULL && f->n_refused == 0)
    f->how->limit(f->how->ctx, 1);
  const blt_status status = run_act(f, after, step, is_again);
  if (f->how->limit != NULL)
    f->how->limit(f->how->ctx, 0);
  return status;
}

/* ---- no space */

static void expect_as_before(struct filling *f, blt_status status, int step)
{
  ck_assert_msg(status == BLT_E_NO_SPACE, "step %d gave %s: %s", step,
                blt_status_name(status), blt_last_error(f->db)->message);
  ck_assert_int_eq(blt_last_error(f->db)->status, BLT_E_NO_SPACE);
  if (step % 9 == WAITS) {
    expect_lookups(f);
    return;
  }
  expect_content(f);
}

static void do_step(struct filling *f, int step)
{
  struct dict after = {NULL, 0, 0};

  dict_copy(&after, &f->dict);
  blt_status status = run_step(f, &after, step, 0);
  if (status < 0) {
    ck_assert_int_eq(f->n_refused, 0);
    if (step % 9 == WAITS) {
      dict_clear(&f->dict);
      dict_copy(&f->dict, &after);
    }
    expect_as_before(f, status, step);
    f->n_refused++;
    f->how->make_room(f->how->ctx);
    dict_clear(&after);
    dict_copy(&after, &f->dict);
    EXPECT_OK(run_step(f, &after, step, 1));
  }
  dict_clear(&f->dict);
  f->dict = after;
}

static void create(struct filling *f)
{
  blt_options options = options_of_new(N_BUCKETS);

  options.sync = f->how->level;
  options.io = f->how->io;
  if (f->how->limit != NULL)
    f->how->limit(f->how->ctx, 1);
  const blt_status status = blt_open(f->how->path, &options, &f->db);
  if (f->how->limit != NULL)
    f->how->limit(f->how->ctx, 0);
  if (status == BLT_OK)
    return;
  EXPECT(BLT_E_NO_SPACE, status);
  ck_assert(!file_exists(f->how->path));
  f->n_refused++;
  f->how->make_room(f->how->ctx);
  EXPECT_OK(blt_open(f->how->path, &options, &f->db));
}

int fill_store(const struct fill *how)
{
  struct filling f = {.how = how};

  create(&f);
  for (int step = 0; step < N_STEPS; step++)
    do_step(&f, step);
  expect_content(&f);
  EXPECT_OK(reopen(&f));
  expect_content(&f);
  EXPECT_OK(blt_close(f.db));
  dict_clear(&f.dict);
  ck_assert_int_eq(unlink(how->path), 0);
  return f.n_refused;
}
