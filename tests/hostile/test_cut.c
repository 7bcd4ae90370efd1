/* test_cut.c - a file that another program cuts while it is open */
#include "hostile/probe.h"
#include "hostile/suites.h"
#include "support/store.h"
#include "support/temp.h"

#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { LARGE_LEN = 1 << 20, CUT_LEN = 4096 };

/* "early" stands in the first page, "late" a mebibyte behind it, and the link
 * that leads to "late" in its slot, in the first page. */
static const char *path_with_two_keys(void)
{
  const char *const path = temp_path("cut.blt");
  struct image image;
  char *const large = malloc(LARGE_LEN);

  memset(large, 'L', LARGE_LEN);
  image_init(&image, &(struct image_shape){.n_buckets = 50});
  image_add(&image, "early", "1");
  image_add_bytes(&image, "large", 5, large, LARGE_LEN, 1);
  image_add(&image, "late", "2");
  ck_assert_uint_ne(image_slot(&image, "early"), image_slot(&image, "large"));
  ck_assert_uint_ne(image_slot(&image, "late"), image_slot(&image, "large"));
  file_write(path, image.bytes, image.len);
  image_free(&image);
  free(large);
  return path;
}

static blt_db *open_io(const char *path, blt_mode mode, blt_io io)
{
  blt_options options = options_of(mode);

  options.io = io;
  return open_path_with(path, &options);
}

/* V1 */
START_TEST(a_cut_file_is_a_status_and_not_a_signal)
{
  for (int io = BLT_IO_AUTO; io <= BLT_IO_PREAD; io++) {
    const char *const path = path_with_two_keys();
    blt_db *const db = open_io(path, BLT_READ, (blt_io)io);
    blt_bytes value;
    expect_text(db, "early", "1");
    file_cut(path, CUT_LEN);
    EXPECT(BLT_E_TRUNCATED, blt_get(db, "late", 4, &value));
    ck_assert_int_eq(blt_last_error(db)->status, BLT_E_TRUNCATED);
    blt_close(db);
  }
}
END_TEST

START_TEST(each_later_call_says_so_too)
{
  const char *const path = path_with_two_keys();
  const blt_bytes keys[] = {{"early", 5}, {"none", 4}};
  blt_options options = options_of(BLT_READ);
  unsigned char found[2];
  blt_bytes values[2];
  blt_bytes value;
  blt_stats stats;

  options.side_table = _i ? BLT_ON : BLT_OFF;
  blt_db *const db = open_path_with(path, &options);
  file_cut(path, CUT_LEN);
  EXPECT(BLT_E_TRUNCATED, blt_get(db, "late", 4, &value));
  EXPECT(BLT_E_TRUNCATED, blt_get(db, "early", 5, &value));
  EXPECT(BLT_E_TRUNCATED, blt_has(db, "early", 5));
  EXPECT(BLT_E_TRUNCATED, blt_has(db, "none", 4));
  EXPECT(BLT_E_TRUNCATED, blt_get_many(db, keys, 2, values, NULL));
  EXPECT(BLT_E_TRUNCATED, blt_has_many(db, keys, 2, found, NULL));
  EXPECT(BLT_E_TRUNCATED, blt_verify(db, NULL, NULL));
  EXPECT(BLT_E_TRUNCATED, blt_stat(db, &stats));
  blt_close(db);
}
END_TEST

START_TEST(a_file_cut_to_nothing_is_a_status)
{
  const char *const path = path_with_two_keys();
  blt_db *const db = open_io(path, BLT_READ, BLT_IO_MMAP);
  blt_bytes value;

  file_cut(path, 0);
  EXPECT_FAILURE(blt_get(db, "early", 5, &value));
  EXPECT_FAILURE(blt_verify(db, NULL, NULL));
  blt_close(db);
}
END_TEST

START_TEST(a_borrowed_value_of_a_cut_file_reads_as_zeros)
{
  const char *const path = path_with_two_keys();
  blt_db *const db = open_io(path, BLT_READ, BLT_IO_MMAP);
  blt_bytes value;

  EXPECT_OK(blt_get(db, "large", 5, &value));
  ck_assert_uint_eq(value.len, LARGE_LEN);
  file_cut(path, CUT_LEN);
  ck_assert_int_eq(((const char *)value.data)[LARGE_LEN / 2], 0);
  EXPECT(BLT_E_TRUNCATED, blt_get(db, "early", 5, &value));
  blt_close(db);
}
END_TEST

START_TEST(iteration_of_a_cut_file_ends_with_a_status)
{
  const char *const path = path_with_two_keys();
  blt_db *const db = open_io(path, BLT_READ, BLT_IO_MMAP);
  blt_iter *iter = NULL;
  blt_item item;
  blt_status status = BLT_OK;

  EXPECT_OK(blt_iter_open(db, BLT_ITER_KEYS, &iter));
  file_cut(path, CUT_LEN);
  for (int i = 0; i < 10 && status == BLT_OK; i++)
    status = blt_iter_next(iter, &item);
  ck_assert_int_lt(status, 0);
  blt_iter_close(iter);
  blt_close(db);
}
END_TEST

START_TEST(a_writer_of_a_cut_file_gets_a_status)
{
  const char *const path = path_with_two_keys();
  blt_db *const db = open_io(path, BLT_WRITE, BLT_IO_MMAP);

  expect_text(db, "early", "1");
  file_cut(path, CUT_LEN);
  blt_put(db, "late", 4, "3", 1);
  EXPECT_FAILURE(blt_sync(db));
  blt_close(db);
}
END_TEST

START_TEST(other_stores_are_not_disturbed)
{
  const char *const path = path_with_two_keys();
  blt_db *const db = open_io(path, BLT_READ, BLT_IO_MMAP);
  blt_db *const other = open_io(path_with_two_keys(), BLT_READ, BLT_IO_MMAP);
  blt_bytes value;

  file_cut(path, CUT_LEN);
  EXPECT(BLT_E_TRUNCATED, blt_get(db, "late", 4, &value));
  expect_text(other, "late", "2");
  expect_text(other, "early", "1");
  blt_close(db);
  EXPECT_OK(blt_close(other));
}
END_TEST

static sigjmp_buf landing;

static void land(int number)
{
  (void)number;
  siglongjmp(landing, 1);
}

/* A page of a file of ours that is shorter than the page. */
static const volatile char *foreign_page(void)
{
  FILE *const file = tmpfile();

  ck_assert_ptr_nonnull(file);
  void *const page = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fileno(file), 0);
  ck_assert(page != MAP_FAILED);
  return page;
}

START_TEST(a_foreign_fault_goes_to_the_handler_before)
{
  volatile int has_landed = 0;

  if (!tests_are_forked()) /* the library's handler is installed already */
    return;
  signal(SIGBUS, land);
  blt_db *const db = open_io(path_with_two_keys(), BLT_READ, BLT_IO_MMAP);
  expect_text(db, "early", "1");
  const volatile char *const page = foreign_page();
  if (sigsetjmp(landing, 1) == 0)
    (void)*page;
  else
    has_landed = 1;
  ck_assert_int_eq(has_landed, 1);
  expect_text(db, "late", "2");
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(a_file_that_grows_while_it_is_read_is_fine)
{
  const char *const path = path_with_two_keys();
  blt_db *const db = open_io(path, BLT_READ, BLT_IO_MMAP);

  file_cut(path, file_len(path) + 10000);
  expect_text(db, "early", "1");
  expect_text(db, "late", "2");
  EXPECT_OK(blt_close(db));
}
END_TEST

Suite *cut_suite(void)
{
  Suite *const suite = SUITE_OF("cut", a_cut_file_is_a_status_and_not_a_signal,
                                a_file_cut_to_nothing_is_a_status,
                                a_borrowed_value_of_a_cut_file_reads_as_zeros,
                                iteration_of_a_cut_file_ends_with_a_status,
                                a_writer_of_a_cut_file_gets_a_status,
                                other_stores_are_not_disturbed,
                                a_foreign_fault_goes_to_the_handler_before,
                                a_file_that_grows_while_it_is_read_is_fine);
  TCase *const ways = case_of("ways");

  tcase_add_loop_test(ways, each_later_call_says_so_too, 0, 2);
  suite_add_tcase(suite, ways);
  return suite;
}
