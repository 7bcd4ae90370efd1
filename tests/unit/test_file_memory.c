/* test_file_memory.c - a file in memory behaves as a real one */
#include <string.h>

#include "os/file.h"
#include "support/random.h"
#include "support/temp.h"
#include "unit/suites.h"

static const struct blt__sink sink = {NULL, ""};
static struct blt__env env;

static void set_up(struct blt__file **out_memory, struct blt__file **out_real)
{
  const blt_options options = BLT_OPTIONS_INIT;
  const char *const path = temp_path("twin");
  const struct blt__posix_open how = {.path = path, .writable = 1};

  blt__env_init(&env, &options);
  file_write(path, "begin", 5);
  ck_assert_int_eq(blt__file_memory(&env, &sink, "begin", 5, out_memory),
                   BLT_OK);
  ck_assert_int_eq(blt__file_open(&env, &sink, &how, out_real), BLT_OK);
}

static void compare(struct blt__file *a, struct blt__file *b)
{
  static uint8_t of_a[40000], of_b[40000];
  uint64_t size_a = 0, size_b = 0;

  ck_assert_int_eq(a->ops->size(a, &size_a), 0);
  ck_assert_int_eq(b->ops->size(b, &size_b), 0);
  ck_assert_uint_eq(size_a, size_b);
  ck_assert_uint_le(size_a, sizeof of_a);
  ck_assert_int_eq(blt__file_read(a, &sink, 0, of_a, size_a), BLT_OK);
  ck_assert_int_eq(blt__file_read(b, &sink, 0, of_b, size_b), BLT_OK);
  ck_assert_mem_eq(of_a, of_b, size_a);
}

START_TEST(random_operations_leave_the_bytes_that_a_real_file_has)
{
  struct blt__file *memory, *real;
  struct random random;
  uint8_t bytes[3000];

  set_up(&memory, &real);
  random_start(&random, 1);
  random_fill(&random, bytes, sizeof bytes);
  for (int i = 0; i < 1000; i++) {
    const uint64_t off = random_below(&random, 30000);
    const struct blt__span spans[] = {
        {bytes, random_below(&random, 1500)},
        {bytes + 1500, random_below(&random, 1500)},
    };
    if (random_below(&random, 3) == 0) {
      ck_assert_int_eq(memory->ops->set_size(memory, off), 0);
      ck_assert_int_eq(real->ops->set_size(real, off), 0);
    } else {
      ck_assert_int_eq(blt__file_write(memory, &sink, off, spans, 2), BLT_OK);
      ck_assert_int_eq(blt__file_write(real, &sink, off, spans, 2), BLT_OK);
    }
    compare(memory, real);
  }
  memory->ops->close(memory);
  real->ops->close(real);
}
END_TEST

START_TEST(a_mapping_shows_what_is_written_later)
{
  struct blt__file *files[2];
  void *map = NULL;

  set_up(&files[0], &files[1]);
  for (int i = 0; i < 2; i++) {
    struct blt__file *const file = files[i];
    ck_assert_int_eq(file->ops->map(file, 1 << 21, &map), 0);
    ck_assert_mem_eq(map, "begin", 5);
    ck_assert_int_eq(file->ops->set_size(file, 9000), 0);
    ck_assert_int_eq(
        blt__file_write(file, &sink, 8000, &(struct blt__span){"later", 5}, 1),
        BLT_OK);
    ck_assert_mem_eq((const uint8_t *)map + 8000, "later", 5);
    file->ops->unmap(file, map, 1 << 21);
    file->ops->close(file);
  }
}
END_TEST

START_TEST(more_than_there_is_room_for_is_no_space)
{
  struct blt__file *memory, *real;
  void *map = NULL;

  set_up(&memory, &real);
  ck_assert_int_lt(memory->ops->set_size(memory, UINT64_C(1) << 40), 0);
  ck_assert_int_lt(memory->ops->reserve(memory, UINT64_C(1) << 40, 1), 0);
  ck_assert_int_lt(memory->ops->map(memory, (size_t)1 << 40, &map), 0);
  ck_assert_int_eq(blt__file_write(memory, &sink, UINT64_C(1) << 40,
                                   &(struct blt__span){"x", 1}, 1),
                   BLT_E_NO_SPACE);
  memory->ops->close(memory);
  real->ops->close(real);
}
END_TEST

START_TEST(a_file_in_memory_has_no_identity)
{
  struct blt__file *memory, *real;
  struct blt__file_id id;

  set_up(&memory, &real);
  ck_assert_int_lt(blt__file_identify(memory, &id), 0);
  ck_assert_int_eq(blt__file_identify(real, &id), 0);
  memory->ops->close(memory);
  real->ops->close(real);
}
END_TEST

Suite *file_memory_suite(void)
{
  return SUITE_OF("file_memory",
                  random_operations_leave_the_bytes_that_a_real_file_has,
                  a_mapping_shows_what_is_written_later,
                  more_than_there_is_room_for_is_no_space,
                  a_file_in_memory_has_no_identity);
}
