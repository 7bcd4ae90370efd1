/* test_guard.c - a cut file under a mapping is a flag, not a signal */
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>
#include <fcntl.h>

#include "os/guard.h"
#include "support/temp.h"
#include "unit/suites.h"

enum { LEN = 8192 };

static uint8_t *map_of_cut_file(void)
{
  static const uint8_t zeros[LEN];
  const char *const path = temp_path("cut");

  file_write(path, zeros, LEN);
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  uint8_t *const base = mmap(NULL, LEN, PROT_READ, MAP_SHARED, fd, 0);
  ck_assert_ptr_ne(base, MAP_FAILED);
  close(fd);
  file_cut(path, 0);
  return base;
}

START_TEST(a_fault_inside_a_guarded_mapping_gives_zeros_and_a_flag)
{
  _Atomic int hit = 0, other = 0;
  uint8_t *const base = map_of_cut_file();
  const int ticket = blt__guard_add(base, LEN, &hit);
  const int second = blt__guard_add(base + LEN, LEN, &other);

  ck_assert_int_ge(ticket, 0);
  ck_assert_int_ne(ticket, second);
  ck_assert_uint_eq(*(volatile uint8_t *)(base + 5000), 0);
  ck_assert_int_eq(hit, 1);
  ck_assert_int_eq(other, 0);
  ck_assert_uint_eq(*(volatile uint8_t *)base, 0);
  blt__guard_remove(second);
  blt__guard_remove(ticket);
  munmap(base, LEN);
}
END_TEST

static volatile sig_atomic_t n_foreign;

static void on_foreign(int number)
{
  (void)number;
  n_foreign++;
  _exit(7);
}

/* In a child: it ends in the handler that was there before. */
START_TEST(a_fault_elsewhere_goes_to_the_handler_before)
{
  _Atomic int hit = 0;
  uint8_t *const base = map_of_cut_file();

  (void)signal(SIGBUS, on_foreign);
  const int ticket = blt__guard_add(base, 4096, &hit);
  ck_assert_int_ge(ticket, 0);
  ck_assert_uint_eq(*(volatile uint8_t *)(base + 4096), 0);
  ck_abort_msg("the fault was swallowed");
}
END_TEST

/* Handlers of the program's own, which put zeros there and go on. */
static uint8_t *foreign_page;
static volatile sig_atomic_t n_told;

static void on_fault_mend(int number)
{
  (void)number;
  if (mmap(foreign_page, 4096, PROT_READ,
           MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
    _exit(8);
}

static void on_fault_told(int number, siginfo_t *info, void *context)
{
  (void)context;
  n_told += info->si_code > 0;
  on_fault_mend(number);
}

static void fault_elsewhere(void)
{
  _Atomic int hit = 0;
  uint8_t *const base = map_of_cut_file();
  const int ticket = blt__guard_add(base, 4096, &hit);

  ck_assert_int_ge(ticket, 0);
  foreign_page = base + 4096;
  ck_assert_uint_eq(*(volatile uint8_t *)foreign_page, 0);
  ck_assert_int_eq(hit, 0);
  blt__guard_remove(ticket);
  munmap(base, LEN);
}

START_TEST(a_handler_of_the_plain_kind_can_mend_a_foreign_fault)
{
  (void)signal(SIGBUS, on_fault_mend);
  fault_elsewhere();
}
END_TEST

START_TEST(a_handler_that_wants_to_know_is_told_of_a_foreign_fault)
{
  struct sigaction action = {.sa_sigaction = on_fault_told,
                             .sa_flags = SA_SIGINFO};

  sigemptyset(&action.sa_mask);
  ck_assert_int_eq(sigaction(SIGBUS, &action, NULL), 0);
  fault_elsewhere();
  ck_assert_int_eq(n_told, 1);
}
END_TEST

START_TEST(a_signal_that_is_sent_and_was_ignored_stays_ignored)
{
  _Atomic int hit = 0;
  static uint8_t bytes[16];

  (void)signal(SIGBUS, SIG_IGN);
  const int ticket = blt__guard_add(bytes, sizeof bytes, &hit);
  ck_assert_int_ge(ticket, 0);
  ck_assert_int_eq(raise(SIGBUS), 0);
  ck_assert_int_eq(hit, 0);
  blt__guard_remove(ticket);
}
END_TEST

START_TEST(a_signal_that_is_sent_kills_as_it_would_without_a_handler)
{
  _Atomic int hit = 0;
  static uint8_t bytes[16];

  (void)signal(SIGBUS, SIG_DFL);
  (void)blt__guard_add(bytes, sizeof bytes, &hit);
  (void)raise(SIGBUS);
}
END_TEST

/* A fault cannot be ignored: the system kills for it. */
START_TEST(a_fault_elsewhere_kills_though_the_signal_was_ignored)
{
  (void)signal(SIGBUS, SIG_IGN);
  fault_elsewhere();
}
END_TEST

START_TEST(a_ticket_can_be_used_again)
{
  _Atomic int hit = 0;
  static uint8_t bytes[16];

  for (int i = 0; i < 5000; i++) {
    const int ticket = blt__guard_add(bytes, sizeof bytes, &hit);
    ck_assert_int_ge(ticket, 0);
    blt__guard_remove(ticket);
  }
  blt__guard_remove(-1);
}
END_TEST

START_TEST(too_many_mappings_are_not_guarded_and_no_harm)
{
  _Atomic int hit = 0;
  static uint8_t bytes[16];
  int n = 0, tickets[2048];

  while (n < 2048 &&
         (tickets[n] = blt__guard_add(bytes, sizeof bytes, &hit)) >= 0)
    n++;
  ck_assert_int_lt(n, 2048);
  while (n > 0)
    blt__guard_remove(tickets[--n]);
  const int ticket = blt__guard_add(bytes, sizeof bytes, &hit);
  ck_assert_int_ge(ticket, 0);
  blt__guard_remove(ticket);
}
END_TEST

Suite *guard_suite(void)
{
  Suite *const suite =
      SUITE_OF("guard", a_fault_inside_a_guarded_mapping_gives_zeros_and_a_flag,
               a_ticket_can_be_used_again,
               too_many_mappings_are_not_guarded_and_no_harm);
  TCase *const made = case_of("foreign");

  if (tests_are_forked()) {
    tcase_add_exit_test(made, a_fault_elsewhere_goes_to_the_handler_before, 7);
    tcase_add_test(made, a_handler_of_the_plain_kind_can_mend_a_foreign_fault);
    tcase_add_test(made,
                   a_handler_that_wants_to_know_is_told_of_a_foreign_fault);
    tcase_add_test(made, a_signal_that_is_sent_and_was_ignored_stays_ignored);
    tcase_add_test_raise_signal(
        made, a_signal_that_is_sent_kills_as_it_would_without_a_handler,
        SIGBUS);
    tcase_add_test_raise_signal(
        made, a_fault_elsewhere_kills_though_the_signal_was_ignored, SIGBUS);
  }
  suite_add_tcase(suite, made);
  return suite;
}
