/* test_turns.c - the callers of a writing handle take turns */
#include <unistd.h>

#include "os/turns.h"
#include "unit/inside.h"
#include "unit/suites.h"

static struct blt__turns turns;

static void (*const begin[])(struct blt__turns *) = {blt__turns_read,
                                                     blt__turns_write};

static void start(int are_taken)
{
  blt__turns_init(&turns);
  turns.are_taken = are_taken;
}

/* Could another thread have it now? */
static int is_free(void)
{
  if (pthread_rwlock_trywrlock(&turns.lock) != 0)
    return 0;
  pthread_rwlock_unlock(&turns.lock);
  return 1;
}

/* Is a lock taken by each of the two and given up at the end? */
static void expect_locks(int expected)
{
  for (int i = 0; i < 2; i++) {
    begin[i](&turns);
    ck_assert_int_eq(is_free(), !expected);
    blt__turns_end(&turns);
    ck_assert(is_free());
    ck_assert_int_eq(atomic_load(&turns.unlocked), 0);
  }
}

static void *do_nothing(void *unused)
{
  return unused;
}

static void run_a_thread(void *(*body)(void *))
{
  pthread_t thread;

  ck_assert_int_eq(pthread_create(&thread, NULL, body, NULL), 0);
  ck_assert_int_eq(pthread_join(thread, NULL), 0);
}

START_TEST(a_lock_is_taken_where_there_may_be_two_threads)
{
  start(1);
  expect_locks(!blt__is_only_thread());
  run_a_thread(do_nothing);
  expect_locks(!blt__is_only_thread());
  blt__turns_release(&turns);
}
END_TEST

/* Asserts are the main thread's. */
static int was_free;

static void *look_from_a_second_thread(void *unused)
{
  blt__turns_read(&turns);
  was_free = is_free();
  blt__turns_end(&turns);
  return unused;
}

START_TEST(a_second_thread_takes_it)
{
  start(1);
  was_free = 1;
  run_a_thread(look_from_a_second_thread);
  ck_assert_int_eq(was_free, 0);
  ck_assert(is_free());
  blt__turns_release(&turns);
}
END_TEST

START_TEST(none_is_taken_where_one_thread_at_a_time_was_promised)
{
  start(0);
  ck_assert(blt__turns_are_mine(&turns));
  expect_locks(0);
  run_a_thread(do_nothing);
  ck_assert(blt__turns_are_mine(&turns));
  expect_locks(0);
  blt__turns_release(&turns);
}
END_TEST

static atomic_int is_in;

static void *come_in(void *number)
{
  begin[*(const int *)number](&turns);
  atomic_store(&is_in, 1);
  blt__turns_end(&turns);
  return NULL;
}

/* T1: it can only be met where the call began without a lock; with one it has
 * to hold as well. */
START_TEST(a_thread_that_was_started_inside_a_call_waits_for_its_end)
{
  pthread_t thread;
  int number = _i;

  start(1);
  atomic_store(&is_in, 0);
  blt__turns_write(&turns);
  ck_assert_int_eq(pthread_create(&thread, NULL, come_in, &number), 0);
  usleep(30000);
  ck_assert_int_eq(atomic_load(&is_in), 0);
  blt__turns_end(&turns);
  ck_assert_int_eq(pthread_join(thread, NULL), 0);
  ck_assert_int_eq(atomic_load(&is_in), 1);
  ck_assert(is_free());
  blt__turns_release(&turns);
}
END_TEST

enum { N_ROUNDS = 20000 };

static unsigned n_rounds;

static void *count_rounds(void *unused)
{
  for (int i = 0; i < N_ROUNDS; i++) {
    blt__turns_write(&turns);
    n_rounds++;
    blt__turns_end(&turns);
  }
  return unused;
}

START_TEST(writes_of_two_threads_come_one_after_the_other)
{
  pthread_t thread;

  start(1);
  n_rounds = 0;
  (void)count_rounds(NULL);
  ck_assert_int_eq(pthread_create(&thread, NULL, count_rounds, NULL), 0);
  (void)count_rounds(NULL);
  ck_assert_int_eq(pthread_join(thread, NULL), 0);
  ck_assert_uint_eq(n_rounds, 3 * N_ROUNDS);
  blt__turns_release(&turns);
}
END_TEST

Suite *turns_suite(void)
{
  Suite *const suite =
      SUITE_OF("turns", a_lock_is_taken_where_there_may_be_two_threads,
               a_second_thread_takes_it,
               none_is_taken_where_one_thread_at_a_time_was_promised,
               writes_of_two_threads_come_one_after_the_other);
  TCase *const started = case_of("started inside");

  tcase_add_loop_test(
      started, a_thread_that_was_started_inside_a_call_waits_for_its_end, 0, 2);
  suite_add_tcase(suite, started);
  return suite;
}
