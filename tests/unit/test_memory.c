/* test_memory.c - os/memory: large pages, and pages at once */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "os/memory.h"
#include "unit/inside.h"
#include "unit/suites.h"

enum { LARGE_PAGE = 2 << 20, LEN = 3 * LARGE_PAGE };

static uint8_t *memory;

static void get_memory(void)
{
  memory = malloc(LEN);
  ck_assert_ptr_nonnull(memory);
  memset(memory, 'm', LEN);
}

static void give_memory_back(void)
{
  free(memory);
}

/* Bytes up to the first place where a large page can begin. */
static size_t len_before(const uint8_t *at)
{
  return (LARGE_PAGE - (uintptr_t)at % LARGE_PAGE) % LARGE_PAGE;
}

/* How many bytes from begin on are this one; asserting each would take long. */
static size_t count(size_t begin, size_t end, uint8_t byte)
{
  size_t n = 0;

  for (size_t i = begin; i < end; i++)
    n += memory[i] == byte;
  return n;
}

START_TEST(nothing_is_lost_around_the_large_pages)
{
  const size_t begin = len_before(memory);
  const size_t end = begin + (LEN - begin) / LARGE_PAGE * LARGE_PAGE;

  blt__memory_want_large_pages(memory, LEN);
  ck_assert_uint_eq(count(0, begin, 'm'), begin);
  ck_assert_uint_eq(count(end, LEN, 'm'), LEN - end);
  memset(memory, 'n', LEN);
  ck_assert_uint_eq(count(0, LEN, 'n'), LEN);
}
END_TEST

START_TEST(nothing_is_lost_where_no_large_page_fits)
{
  uint8_t *const at = memory + len_before(memory) + 1;

  blt__memory_want_large_pages(at, LARGE_PAGE);
  ck_assert_uint_eq(count(0, LEN, 'm'), LEN);
}
END_TEST

START_TEST(what_is_brought_is_as_it_was)
{
  blt__memory_bring(memory + 1, LEN - 2);
  blt__memory_bring(memory + 1, 1);
  blt__memory_bring(memory, 0);
  ck_assert_uint_eq(count(0, LEN, 'm'), LEN);
}
END_TEST

#ifdef MADV_POPULATE_WRITE
/* Where the kernel can do that (Linux 5.14). */
START_TEST(pages_that_are_brought_are_there)
{
  const size_t page = (size_t)sysconf(_SC_PAGESIZE);
  uint8_t *const fresh = mmap(NULL, LEN, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  unsigned char there[LEN / 4096];

  ck_assert_ptr_ne(fresh, MAP_FAILED);
  const int can = madvise(fresh, page, MADV_POPULATE_WRITE) == 0;
  blt__memory_bring(fresh + 1, LEN - page - 1);
  ck_assert_int_eq(mincore(fresh, LEN, there), 0);
  for (size_t i = 1; can && i < LEN / page - 1; i++)
    ck_assert_int_eq(there[i] & 1, 1);
  ck_assert_int_eq(there[LEN / page - 1] & 1, 0);
  munmap(fresh, LEN);
}
END_TEST
#endif

Suite *memory_suite(void)
{
  Suite *const suite = suite_create("memory");
  TCase *const pages = case_of("pages");

  tcase_add_checked_fixture(pages, get_memory, give_memory_back);
  tcase_add_test(pages, nothing_is_lost_around_the_large_pages);
  tcase_add_test(pages, nothing_is_lost_where_no_large_page_fits);
  tcase_add_test(pages, what_is_brought_is_as_it_was);
#ifdef MADV_POPULATE_WRITE
  tcase_add_test(pages, pages_that_are_brought_are_there);
#endif
  suite_add_tcase(suite, pages);
  return suite;
}
