/*
 * main.c - random operations on a store and on a dictionary
 *
 * BLT_MODEL_OPS says how many operations there are for each kind of file,
 * BLT_SEED which.
 */
#include <stdio.h>
#include <stdlib.h>

#include "model/machine.h"
#include "support/run.h"
#include "support/store.h"

enum { N_PHASES = 4, N_CONFIGS = 5 * 2 * 3 * 2 };

static unsigned operations_per_kind(void)
{
  const char *const text = getenv("BLT_MODEL_OPS");

  return text == NULL ? 20000 : (unsigned)strtoul(text, NULL, 10);
}

/* The number of a test says all about its store. */
static struct machine_config config_of(enum shape_of_store shape, int number)
{
  static const uint32_t n_buckets[] = {1, 2, 3, 7, 50};
  struct machine_config config = {.shape = shape};

  config.n_buckets = n_buckets[number % 5];
  config.buffer_len = number / 5 % 2 == 0 ? 256 : 0;
  config.sync = (blt_sync_level)(number / 10 % 3);
  config.is_in_memory = number / 30 % 2;
  return config;
}

static void run_machine(enum shape_of_store shape, int number)
{
  static struct machine machine;
  const struct machine_config config = config_of(shape, number);
  const unsigned n_steps = operations_per_kind() / (N_CONFIGS * N_PHASES) + 1;

  machine_open(&machine, &config,
               (uint64_t)shape * N_CONFIGS + (uint64_t)number);
  for (int phase = 0; phase < N_PHASES; phase++) {
    for (unsigned i = 0; i < n_steps; i++)
      machine_step(&machine);
    machine_compare(&machine);
  }
  machine_reopen(&machine, BLT_READ);
  machine_compare(&machine);
  machine_close(&machine);
}

START_TEST(a_store_with_timestamps_is_a_dictionary)
{
  run_machine(WITH_TIMESTAMPS, _i);
}
END_TEST

START_TEST(a_store_without_timestamps_is_a_dictionary)
{
  run_machine(WITHOUT_TIMESTAMPS, _i);
}
END_TEST

START_TEST(a_store_of_empty_values_is_a_dictionary)
{
  run_machine(FIXED_0, _i);
}
END_TEST

START_TEST(a_store_of_fixed_values_is_a_dictionary)
{
  run_machine(FIXED_9, _i);
}
END_TEST

static Suite *model_suite(void)
{
  Suite *const suite = suite_create("model");
  TCase *const made = case_of("model");

  tcase_add_loop_test(made, a_store_with_timestamps_is_a_dictionary, 0,
                      N_CONFIGS);
  tcase_add_loop_test(made, a_store_without_timestamps_is_a_dictionary, 0,
                      N_CONFIGS);
  tcase_add_loop_test(made, a_store_of_empty_values_is_a_dictionary, 0,
                      N_CONFIGS);
  tcase_add_loop_test(made, a_store_of_fixed_values_is_a_dictionary, 0,
                      N_CONFIGS);
  suite_add_tcase(suite, made);
  return suite;
}

int main(int argc, char **argv)
{
  static const suite_maker makers[] = {model_suite};

  return run_suites(argc, argv, makers, 1);
}
