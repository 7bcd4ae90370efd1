/* test_file.c - loops over the table of operations */
#include <errno.h>
#include <string.h>

#include "os/file.h"
#include "support/random.h"
#include "unit/suites.h"

enum { CAPACITY = 4096 };

/* A file that does as a script says: how much passes, or an errno. */
static struct {
  struct blt__file file;
  uint8_t bytes[CAPACITY];
  uint64_t len;
  const int *script; /* ends with 0: no more limits                         */
} fake;

static int64_t next_limit(void)
{
  if (*fake.script == 0)
    return CAPACITY;
  return *fake.script++;
}

static int64_t fake_read_at(struct blt__file *file, uint64_t off, void *buf,
                            size_t len)
{
  const int64_t limit = next_limit();

  (void)file;
  if (limit < 0)
    return limit;
  if (off >= fake.len)
    return 0;
  if (len > fake.len - off)
    len = (size_t)(fake.len - off);
  if (len > (size_t)limit)
    len = (size_t)limit;
  memcpy(buf, fake.bytes + off, len);
  return (int64_t)len;
}

static int64_t fake_write_at(struct blt__file *file, uint64_t off,
                             const struct blt__span *spans, size_t n_spans)
{
  const int64_t limit = next_limit();
  int64_t done = 0;

  (void)file;
  if (limit < 0)
    return limit;
  ck_assert_uint_gt(spans[0].len, 0);
  for (size_t i = 0; i < n_spans; i++)
    for (size_t k = 0; k < spans[i].len && done < limit; k++)
      fake.bytes[off + (uint64_t)done++] = ((const uint8_t *)spans[i].data)[k];
  return done;
}

static const struct blt__file_ops fake_ops = {.read_at = fake_read_at,
                                              .write_at = fake_write_at};
static const struct blt__sink sink = {NULL, ""};

static void set_up(const int *script)
{
  memset(&fake, 0, sizeof fake);
  fake.file.ops = &fake_ops;
  fake.len = CAPACITY;
  fake.script = script;
}

START_TEST(a_read_goes_on_after_interruptions_and_short_reads)
{
  static const int script[] = {-EINTR, 1, 2, -EINTR, -EINTR, 5, 0};
  uint8_t got[100];

  set_up(script);
  for (int i = 0; i < CAPACITY; i++)
    fake.bytes[i] = (uint8_t)(i * 7);
  ck_assert_int_eq(blt__file_read(&fake.file, &sink, 30, got, sizeof got),
                   BLT_OK);
  ck_assert_mem_eq(got, fake.bytes + 30, sizeof got);
}
END_TEST

START_TEST(a_read_beyond_the_end_is_truncation)
{
  static const int script[] = {0};
  uint8_t got[100];

  set_up(script);
  fake.len = 50;
  ck_assert_int_eq(blt__file_read(&fake.file, &sink, 30, got, sizeof got),
                   BLT_E_TRUNCATED);
  ck_assert_int_eq(blt__file_read(&fake.file, &sink, 60, got, 0), BLT_OK);
}
END_TEST

START_TEST(an_error_ends_a_read_and_a_write)
{
  static const int script[] = {3, -EIO, 0};
  uint8_t bytes[9] = {0};
  const struct blt__span span = {bytes, sizeof bytes};

  set_up(script);
  ck_assert_int_eq(blt__file_read(&fake.file, &sink, 0, bytes, sizeof bytes),
                   BLT_E_IO);
  fake.script = script;
  ck_assert_int_eq(blt__file_write(&fake.file, &sink, 0, &span, 1), BLT_E_IO);
  ck_assert_uint_eq(blt__fail_last(NULL)->offset, 3);
}
END_TEST

/* Spans of 0 to 40 bytes, limits of 1 to 30 bytes. */
START_TEST(a_write_in_any_pieces_puts_down_the_same_bytes)
{
  struct random random;
  uint8_t bytes[400];

  random_start(&random, 1);
  random_fill(&random, bytes, sizeof bytes);
  for (int round = 0; round < 2000; round++) {
    int script[40];
    struct blt__span spans[8];
    size_t len = 0;
    for (int i = 0; i < 39; i++)
      script[i] = random_below(&random, 4) == 0
                      ? -EINTR
                      : 1 + (int)random_below(&random, 30);
    script[39] = 0;
    const size_t n = 1 + random_below(&random, 8);
    for (size_t i = 0; i < n; i++) {
      spans[i] = (struct blt__span){bytes + len, random_below(&random, 41)};
      len += spans[i].len;
    }
    set_up(script);
    ck_assert_int_eq(blt__file_write(&fake.file, &sink, 100, spans, n), BLT_OK);
    ck_assert_mem_eq(fake.bytes + 100, bytes, len);
    for (int i = 0; i < 100; i++)
      ck_assert_uint_eq(fake.bytes[i] | fake.bytes[100 + len + (size_t)i], 0);
  }
}
END_TEST

START_TEST(a_write_of_nothing_asks_for_nothing)
{
  static const int script[] = {-EIO, 0};
  const struct blt__span empty[] = {{NULL, 0}, {"", 0}};

  set_up(script);
  ck_assert_int_eq(blt__file_write(&fake.file, &sink, 0, empty, 2), BLT_OK);
  ck_assert_int_eq(blt__file_write(&fake.file, &sink, 0, empty, 0), BLT_OK);
  ck_assert_ptr_eq(fake.script, script);
}
END_TEST

START_TEST(too_many_spans_are_refused)
{
  static const int script[] = {0};
  enum { TOO_MANY = BLT__SPANS_MAX + 1 };
  struct blt__span spans[TOO_MANY];

  set_up(script);
  for (int i = 0; i < TOO_MANY; i++)
    spans[i] = (struct blt__span){"x", 1};
  ck_assert_int_eq(blt__file_write(&fake.file, &sink, 0, spans, TOO_MANY),
                   BLT_E_INVALID);
}
END_TEST

START_TEST(an_errno_of_no_space_is_not_one_of_no_support)
{
  ck_assert(blt__errno_is_no_space(ENOSPC));
  ck_assert(blt__errno_is_no_space(EDQUOT));
  ck_assert(!blt__errno_is_no_space(EIO));
  ck_assert(!blt__errno_is_no_space(0));
  ck_assert(blt__errno_is_unsupported(EOPNOTSUPP));
  ck_assert(!blt__errno_is_unsupported(ENOSPC));
  ck_assert(!blt__errno_is_unsupported(0));
}
END_TEST

Suite *file_suite(void)
{
  return SUITE_OF(
      "file", a_read_goes_on_after_interruptions_and_short_reads,
      a_read_beyond_the_end_is_truncation, an_error_ends_a_read_and_a_write,
      a_write_in_any_pieces_puts_down_the_same_bytes,
      a_write_of_nothing_asks_for_nothing, too_many_spans_are_refused,
      an_errno_of_no_space_is_not_one_of_no_support);
}
