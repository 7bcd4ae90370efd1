/* test_cover.c - what a scan that knows no log meets of a commit */
#include <stdlib.h>

#include "support/store.h"
#include "unit/session.h"
#include "unit/suites.h"

static struct session session;

/* Three shapes of file: 25 and more bytes a block, 30, and blocks of which some
 * are so long that nothing spans them. */
static void open_shape(int shape)
{
  blt_options options = session_options(BLT_SYNC_BATCH);

  options.kind = shape == 0 ? BLT_VARIABLE : BLT_FIXED;
  options.fixed_value_len = shape == 0 ? 0 : 9;
  session_open(&session, &options);
  EXPECT_OK(blt__log_begin(&session.db->log));
}

static void put_keys(int shape, char first, unsigned n)
{
  static uint8_t key[65535];

  EXPECT_OK(blt_batch_begin(session.db));
  for (unsigned i = 0; i < n; i++) {
    key[0] = (uint8_t)(first + (int)i);
    const size_t len = shape == 2 ? sizeof key - i : 1 + i;
    EXPECT_OK(blt_put(session.db, key, len, "nine byte", 9));
  }
  EXPECT_OK(blt_batch_commit(session.db));
}

/* Section 3, 4: so that zeros behind what is there parse as dead blocks. */
START_TEST(a_commit_is_a_multiple_of_the_stride_long)
{
  open_shape(_i);
  for (unsigned n = 1; n < 8; n++) {
    const uint64_t before = session.db->log.end;
    put_keys(_i, (char)('a' + n), n);
    ck_assert_uint_eq(
        (session.db->log.end - before) % session.db->image.geo.stride, 0);
  }
  EXPECT_OK(session_close(&session));
}
END_TEST

/* Section 3, 4 and 5: the cover, then the reveal. */
START_TEST(a_scan_meets_a_commit_as_a_whole_or_not_at_all)
{
  size_t n_events = 1;

  for (size_t stop = 0; stop <= n_events; stop++) {
    open_shape(_i);
    put_keys(_i, 'a', 2);
    EXPECT_OK(blt_sync(session.db));
    forget_events(&session.noting);
    session.noting.n_left = stop == 0 ? 0 : (unsigned)stop;
    EXPECT_OK(blt_batch_begin(session.db));
    for (int i = 0; i < 5; i++)
      EXPECT_OK(blt_put(session.db, &"vwxyz"[i], 1, "nine byte", 9));
    const blt_status status = blt_batch_commit(session.db);
    session.noting.n_left = 0;
    const struct copy copy = session_copy(&session);
    /* Where it failed it is cut off again, unless that failed too. */
    const uint64_t n = count_live(&copy);
    ck_assert_msg(n == (status == BLT_OK ? 7 : 2), "%u blocks after %u changes",
                  (unsigned)n, (unsigned)stop);
    if (stop == 0)
      n_events = session.noting.n_events;
    free(copy.bytes);
    session.db->log.poisoned = 1;
    EXPECT(BLT_E_POISONED, session_close(&session));
  }
  ck_assert_uint_ge(n_events, 3);
}
END_TEST

Suite *cover_suite(void)
{
  Suite *const suite = suite_create("cover");
  TCase *const made = case_of("shapes");

  tcase_add_loop_test(made, a_commit_is_a_multiple_of_the_stride_long, 0, 3);
  tcase_add_loop_test(made, a_scan_meets_a_commit_as_a_whole_or_not_at_all, 0,
                      2);
  suite_add_tcase(suite, made);
  return suite;
}
