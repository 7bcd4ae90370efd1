/* test_cold.c - what is done for a file that is not in memory */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lookup/side.h"
#include "os/memory.h"
#include "support/store.h"
#include "unit/session.h"
#include "unit/suites.h"

static struct session session;

static void open_plain(void)
{
  const blt_options options = session_options(BLT_SYNC_BATCH);

  session_open(&session, &options);
}

static void open_with_long_values(void)
{
  static const char value[40000];
  char key[16];

  open_plain();
  for (unsigned i = 0; i < 10; i++) {
    snprintf(key, sizeof key, "key-%06u", i);
    EXPECT_OK(blt_put(session.db, key, strlen(key), value, sizeof value));
  }
  EXPECT_OK(blt_sync(session.db));
}

/* ---- what the kernel is told */

static void expect_hints(size_t n, enum blt__hint first, enum blt__hint second)
{
  const struct noting *const noting = &session.noting;

  ck_assert_uint_eq(noting->n_hints, n);
  if (n > 0) {
    ck_assert_int_eq(noting->hints[0], first);
    ck_assert_int_eq(noting->hints[1], second);
  }
}

START_TEST(a_scan_for_the_table_is_announced_once)
{
  open_plain();
  put_numbered(session.db, 0, 100);
  EXPECT_OK(blt_sync(session.db));
  session.noting.n_hints = 0;
  blt__build_side(session.db);
  expect_hints(2, BLT__HINT_SEQUENTIAL, BLT__HINT_RANDOM);
  blt__build_side(session.db);
  expect_hints(2, BLT__HINT_SEQUENTIAL, BLT__HINT_RANDOM);
  EXPECT_OK(session_close(&session));
}
END_TEST

/* Else all of the values would be read for their keys. */
START_TEST(a_scan_over_long_values_is_not_announced)
{
  open_with_long_values();
  session.noting.n_hints = 0;
  blt__build_side(session.db);
  expect_hints(0, BLT__HINT_RANDOM, BLT__HINT_RANDOM);
  ck_assert(session.db->side.was_scanned);
  EXPECT_OK(session_close(&session));
}
END_TEST

/* ---- when it is built */

static void look_up(unsigned n)
{
  for (unsigned i = 0; i < n; i++)
    EXPECT_OK(blt_has(session.db, "key-000003", 10));
}

/* Of a file that is not in memory each lookup waits for the disk, longer than
 * reading all of it takes. */
START_TEST(lookups_that_wait_for_the_disk_count_as_many)
{
  open_plain();
  put_numbered(session.db, 0, 1000);
  EXPECT_OK(blt_sync(session.db));
  session.db->side.n_waits = blt__memory_waits() - 100;
  look_up(31);
  ck_assert(!blt__side_is_ready(&session.db->side));
  look_up(1);
  ck_assert(blt__side_is_ready(&session.db->side));
  EXPECT_OK(session_close(&session));
}
END_TEST

/* They may be of the program, which is read as it comes to new places. */
START_TEST(a_few_pages_that_were_waited_for_count_for_nothing)
{
  open_plain();
  put_numbered(session.db, 0, 1000);
  EXPECT_OK(blt_sync(session.db));
  session.db->side.n_waits = blt__memory_waits() - 8;
  look_up(32);
  ck_assert(!blt__side_is_ready(&session.db->side));
  EXPECT_OK(session_close(&session));
}
END_TEST

/* Building would wait for a page of each value. */
START_TEST(waiting_counts_for_nothing_where_values_are_long)
{
  open_with_long_values();
  session.db->side.n_waits = blt__memory_waits() - 100;
  look_up(63);
  ck_assert(!blt__side_is_ready(&session.db->side));
  look_up(1);
  ck_assert(blt__side_is_ready(&session.db->side));
  EXPECT_OK(session_close(&session));
}
END_TEST

/* Its log is read, and where its links go. */
START_TEST(a_recovery_is_announced)
{
  open_plain();
  put_durably(&session, "a", "1");
  const struct copy copy = session_copy(&session);
  EXPECT_OK(session_close(&session));
  EXPECT_OK(session_open_copy(&session, &copy));
  ck_assert_uint_ge(session.noting.n_hints, 3);
  /* The first one is of the view. */
  ck_assert_int_eq(session.noting.hints[0], BLT__HINT_RANDOM);
  ck_assert_int_eq(session.noting.hints[1], BLT__HINT_NORMAL);
  ck_assert_int_eq(session.noting.hints[session.noting.n_hints - 1],
                   BLT__HINT_RANDOM);
  EXPECT_OK(session_close(&session));
  free(copy.bytes);
}
END_TEST

Suite *cold_suite(void)
{
  return SUITE_OF("cold", a_scan_for_the_table_is_announced_once,
                  a_scan_over_long_values_is_not_announced,
                  lookups_that_wait_for_the_disk_count_as_many,
                  a_few_pages_that_were_waited_for_count_for_nothing,
                  waiting_counts_for_nothing_where_values_are_long,
                  a_recovery_is_announced);
}
