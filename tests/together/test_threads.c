/*
 * test_threads.c - one handle and many threads
 *
 * Check's asserts belong to the main thread: the others count what is wrong,
 * and it is asserted after they have ended.
 */
#include "support/store.h"
#include "support/temp.h"
#include "together/suites.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

enum { N_THREADS = 8, N_KEYS = 500, N_ROUNDS = 20, GENERATION_LEN = 64 };

struct shared {
  blt_db *db;
  const char *path;
  atomic_int is_over;
  atomic_uint n_wrong;
  atomic_uint n_threads;
};

static void wrong_unless(struct shared *shared, int is_right)
{
  if (!is_right)
    atomic_fetch_add(&shared->n_wrong, 1);
}

static void run_threads(struct shared *shared, void *(*const *bodies)(void *),
                        size_t n)
{
  pthread_t threads[N_THREADS];

  for (size_t i = 0; i < n; i++)
    ck_assert_int_eq(pthread_create(&threads[i], NULL, bodies[i], shared), 0);
  for (size_t i = 0; i < n; i++)
    pthread_join(threads[i], NULL);
  ck_assert_uint_eq(atomic_load(&shared->n_wrong), 0);
}

static void run_all(struct shared *shared, void *(*body)(void *))
{
  void *(*bodies[N_THREADS])(void *);

  for (size_t i = 0; i < N_THREADS; i++)
    bodies[i] = body;
  run_threads(shared, bodies, N_THREADS);
}

static const char *path_with_keys(void)
{
  const char *const path = temp_path("threads.blt");
  const blt_options options = options_of_new(100);
  blt_db *const db = open_path_with(path, &options);

  put_numbered(db, 0, N_KEYS);
  EXPECT_OK(blt_close(db));
  return path;
}

static size_t key_of(char *key, size_t size, unsigned i)
{
  return (size_t)snprintf(key, size, "key-%06u", i);
}

static void look_up_all(struct shared *shared, blt_db *db)
{
  char key[32], value[32];
  blt_bytes got = {NULL, 0};

  for (unsigned i = 0; i < N_KEYS; i++) {
    const size_t key_len = key_of(key, sizeof key, i);
    const int len = snprintf(value, sizeof value, "value-%u", i);
    wrong_unless(shared, blt_get(db, key, key_len, &got) == BLT_OK &&
                             bytes_equal(got, value, (size_t)len));
  }
  wrong_unless(shared, blt_get(db, "none", 4, &got) == BLT_NOT_FOUND);
}

static void walk_all(struct shared *shared, blt_db *db)
{
  blt_iter *iter = NULL;
  blt_item item;
  unsigned n = 0;

  wrong_unless(shared, blt_iter_open(db, BLT_ITER_VALUES, &iter) == BLT_OK);
  while (blt_iter_next(iter, &item) == BLT_OK)
    n++;
  wrong_unless(shared, n == N_KEYS);
  blt_iter_close(iter);
}

static void *read_everything(void *arg)
{
  struct shared *const shared = arg;
  uint64_t count = 0;

  for (int round = 0; round < N_ROUNDS; round++) {
    look_up_all(shared, shared->db);
    walk_all(shared, shared->db);
    wrong_unless(shared,
                 blt_count(shared->db, &count) == BLT_OK && count == N_KEYS);
  }
  return NULL;
}

START_TEST(eight_threads_share_a_reader)
{
  for (int io = BLT_IO_AUTO; io <= BLT_IO_PREAD; io++) {
    blt_options options = options_of(BLT_READ);
    struct shared shared = {0};
    options.io = (blt_io)io;
    shared.db = open_path_with(path_with_keys(), &options);
    run_all(&shared, read_everything);
    EXPECT_OK(blt_close(shared.db));
  }
}
END_TEST

static void *open_and_read(void *arg)
{
  struct shared *const shared = arg;

  for (int round = 0; round < N_ROUNDS; round++) {
    blt_db *db = NULL;
    wrong_unless(shared, blt_open(shared->path, NULL, &db) == BLT_OK);
    if (db == NULL)
      continue;
    look_up_all(shared, db);
    wrong_unless(shared, blt_close(db) == BLT_OK);
  }
  return NULL;
}

START_TEST(threads_open_one_file_for_reading_side_by_side)
{
  struct shared shared = {0};

  shared.path = path_with_keys();
  run_all(&shared, open_and_read);
}
END_TEST

static void *fail_to_open(void *arg)
{
  struct shared *const shared = arg;
  char path[64];
  blt_db *db = NULL;

  const unsigned id = atomic_fetch_add(&shared->n_threads, 1);
  snprintf(path, sizeof path, "no-such-file-%u.blt", id);
  for (int round = 0; round < 200; round++) {
    wrong_unless(shared, blt_open(path, NULL, &db) == BLT_E_NO_FILE);
    const blt_error *const error = blt_last_error(NULL);
    wrong_unless(shared, error->status == BLT_E_NO_FILE &&
                             strcmp(error->file, path) == 0);
  }
  return NULL;
}

START_TEST(each_thread_has_its_own_error_of_open)
{
  struct shared shared = {0};

  run_all(&shared, fail_to_open);
}
END_TEST

/* All keys of a generation are put in one batch and hold its number. */
static void *write_generations(void *arg)
{
  struct shared *const shared = arg;
  char key[32], value[GENERATION_LEN];

  for (int generation = 0; generation < 100; generation++) {
    memset(value, 'A' + generation % 26, sizeof value);
    for (unsigned i = 0; i < 50; i++)
      wrong_unless(shared, blt_put(shared->db, key, key_of(key, sizeof key, i),
                                   value, sizeof value) == BLT_OK);
    if (generation % 10 == 5)
      wrong_unless(shared, blt_sync(shared->db) == BLT_OK);
    if (generation == 50)
      wrong_unless(shared, blt_prune(shared->db, NULL, NULL) == BLT_OK);
    if (generation == 70)
      wrong_unless(shared, blt_reindex(shared->db, 77) == BLT_OK);
  }
  atomic_store(&shared->is_over, 1);
  return NULL;
}

static void *read_generations(void *arg)
{
  struct shared *const shared = arg;
  char key[32], value[GENERATION_LEN];
  uint64_t count;
  size_t len = 0;

  while (!atomic_load(&shared->is_over)) {
    for (unsigned i = 0; i < 50; i++) {
      const size_t key_len = key_of(key, sizeof key, i);
      const blt_status status =
          blt_get_into(shared->db, key, key_len, value, sizeof value, &len);
      wrong_unless(shared, status == BLT_OK && len == sizeof value &&
                               value[0] == value[GENERATION_LEN - 1]);
      wrong_unless(shared, blt_has(shared->db, key, key_len) == BLT_OK);
    }
    wrong_unless(shared,
                 blt_count(shared->db, &count) == BLT_OK && count == 50);
  }
  return NULL;
}

START_TEST(readers_beside_a_writer_see_whole_values)
{
  void *(*const bodies[])(void *) = {write_generations, read_generations,
                                     read_generations, read_generations};
  const blt_options options = options_of_new(100);
  struct shared shared = {0};
  char key[32], value[GENERATION_LEN];

  shared.db = open_path_with(temp_path("threads.blt"), &options);
  memset(value, 'A', sizeof value);
  for (unsigned i = 0; i < 50; i++)
    EXPECT_OK(blt_put(shared.db, key, key_of(key, sizeof key, i), value,
                      sizeof value));
  run_threads(&shared, bodies, 4);
  expect_sound(shared.db);
  EXPECT_OK(blt_close(shared.db));
}
END_TEST

static void *write_own_keys(void *arg)
{
  struct shared *const shared = arg;
  const unsigned id = atomic_fetch_add(&shared->n_threads, 1);
  char key[32];

  for (unsigned i = 0; i < 2000; i++) {
    const int len = snprintf(key, sizeof key, "%u-%u", id, i);
    wrong_unless(shared, blt_put(shared->db, key, (size_t)len, key,
                                 (size_t)len) == BLT_OK);
    wrong_unless(shared,
                 blt_put(shared->db, "shared", 6, key, (size_t)len) == BLT_OK);
    if (i % 500 == 499)
      wrong_unless(shared, blt_sync(shared->db) == BLT_OK);
  }
  return NULL;
}

START_TEST(two_writers_lose_nothing)
{
  void *(*const bodies[])(void *) = {write_own_keys, write_own_keys};
  const char *const path = temp_path("threads.blt");
  struct shared shared = {0};
  char key[32];

  shared.db = open_path(path, BLT_NEW);
  run_threads(&shared, bodies, 2);
  EXPECT_OK(blt_close(shared.db));
  blt_db *const db = open_path(path, BLT_READ);
  for (unsigned id = 0; id < 2; id++) {
    for (unsigned i = 0; i < 2000; i++) {
      snprintf(key, sizeof key, "%u-%u", id, i);
      expect_text(db, key, key);
    }
  }
  expect_count(db, 4001);
  expect_sound(db);
  EXPECT_OK(blt_close(db));
}
END_TEST

/* It has to wait for the call whose callback started it. */
static void *read_once(void *arg)
{
  struct shared *const shared = arg;
  blt_bytes value;

  wrong_unless(shared, blt_get(shared->db, "key-000007", 10, &value) == BLT_OK);
  atomic_fetch_add(&shared->n_threads, 1);
  return NULL;
}

struct start {
  struct shared shared;
  pthread_t thread;
  int is_started;
};

static int start_a_reader(void *ctx, const char *phase, uint64_t done,
                          uint64_t total)
{
  struct start *const start = ctx;

  (void)phase, (void)done, (void)total;
  if (!start->is_started)
    start->is_started =
        pthread_create(&start->thread, NULL, read_once, &start->shared) == 0;
  usleep(20000);
  wrong_unless(&start->shared, atomic_load(&start->shared.n_threads) == 0);
  return 0;
}

START_TEST(a_thread_that_a_callback_starts_waits_for_the_call)
{
  static struct start start;
  const char *const path = path_with_keys();
  blt_options options = options_of(BLT_WRITE);

  options.progress = start_a_reader;
  options.progress_ctx = &start;
  start.shared.db = open_path_with(path, &options);
  EXPECT_OK(blt_prune(start.shared.db, NULL, NULL));
  ck_assert_int_eq(start.is_started, 1);
  ck_assert_int_eq(pthread_join(start.thread, NULL), 0);
  ck_assert_uint_eq(atomic_load(&start.shared.n_wrong), 0);
  ck_assert_uint_eq(atomic_load(&start.shared.n_threads), 1);
  EXPECT_OK(blt_close(start.shared.db));
}
END_TEST

Suite *threads_suite(void)
{
  return SUITE_OF("threads", eight_threads_share_a_reader,
                  threads_open_one_file_for_reading_side_by_side,
                  each_thread_has_its_own_error_of_open,
                  readers_beside_a_writer_see_whole_values,
                  two_writers_lose_nothing,
                  a_thread_that_a_callback_starts_waits_for_the_call);
}
