/* machine.c - the life of a store that is compared with a dictionary */
#include "model/machine.h"

#include <stdlib.h>
#include <string.h>

#include "support/store.h"
#include "support/temp.h"

int machine_is_fixed(const struct machine *machine)
{
  return machine->config.shape == FIXED_0 || machine->config.shape == FIXED_9;
}

int machine_has_timestamps(const struct machine *machine)
{
  return machine->config.shape == WITH_TIMESTAMPS;
}

/* Never the same time twice. */
static uint64_t tick(void *ctx)
{
  struct machine *const machine = ctx;

  machine->clock++;
  return machine->clock;
}

static blt_options options_of_machine(struct machine *machine)
{
  const struct machine_config *const config = &machine->config;
  blt_options options = options_of_new(config->n_buckets);

  options.kind = machine_is_fixed(machine) ? BLT_FIXED : BLT_VARIABLE;
  options.fixed_value_len = config->shape == FIXED_9 ? 9 : 0;
  options.timestamps = machine_has_timestamps(machine) ? BLT_ON : BLT_OFF;
  options.buffer_len = config->buffer_len;
  options.sync = config->sync;
  options.auto_reindex =
      random_below(&machine->random, 2) == 0 ? BLT_ON : BLT_OFF;
  options.side_table = (blt_choice)random_below(&machine->random, 3);
  options.clock = tick;
  options.clock_ctx = machine;
  return options;
}

static void open_again(struct machine *machine, const void *image, size_t len)
{
  const blt_status status =
      machine->config.is_in_memory
          ? blt_open_memory(image, len, &machine->options, &machine->db)
          : blt_open(machine->path, &machine->options, &machine->db);

  ck_assert_msg(status == BLT_OK, "open gave %s: %s", blt_status_name(status),
                blt_last_error(NULL)->message);
}

void machine_open(struct machine *machine, const struct machine_config *config,
                  uint64_t stream)
{
  memset(machine, 0, sizeof *machine);
  machine->config = *config;
  machine->clock = 1000000;
  random_start(&machine->random, stream);
  machine->options = options_of_machine(machine);
  machine->path = temp_path("model.blt");
  open_again(machine, NULL, 0);
}

void machine_reopen(struct machine *machine, blt_mode mode)
{
  blt_bytes image = {NULL, 0};
  uint8_t *copy = NULL;

  if (machine->config.is_in_memory) {
    if (machine->options.mode != BLT_READ)
      EXPECT_OK(blt_sync(machine->db));
    EXPECT_OK(blt_memory_image(machine->db, &image));
    copy = malloc(image.len);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, image.data, image.len);
  }
  EXPECT_OK(blt_close(machine->db));
  machine->options.mode = mode;
  open_again(machine, copy, image.len);
  free(copy);
}

void machine_close(struct machine *machine)
{
  EXPECT_OK(blt_close(machine->db));
  dict_clear(&machine->now.dict);
  dict_clear(&machine->before.dict);
}

void content_copy(struct content *to, const struct content *from)
{
  dict_clear(&to->dict);
  dict_copy(&to->dict, &from->dict);
  memcpy(to->hidden, from->hidden, sizeof to->hidden);
}

void machine_choose_key(struct machine *machine, int id)
{
  static const uint16_t lens[] = {2, 3, 8, 16, 63, 64, 65, 128, 129, 300};
  const uint32_t number =
      id < 0 ? random_below(&machine->random, N_KEYS) : (uint32_t)id;

  if (number < 2) { /* the empty key, and one of one byte */
    machine->key_len = number;
    machine->key[0] = 'k';
    return;
  }
  machine->key_len = lens[number % (sizeof lens / sizeof *lens)];
  memset(machine->key, 'k', machine->key_len);
  machine->key[0] = (uint8_t)number;
  machine->key[1] = (uint8_t)(number >> 8);
}

void machine_choose_value(struct machine *machine)
{
  struct random *const random = &machine->random;

  if (machine_is_fixed(machine))
    machine->value_len = machine->config.shape == FIXED_9 ? 9 : 0;
  else if (random_below(random, 40) == 0)
    machine->value_len = random_below(random, MAX_TEXT_LEN);
  else
    machine->value_len = random_below(random, 60);
  random_fill(random, machine->value, machine->value_len);
}

uint64_t machine_time_of_key(struct machine *machine)
{
  uint64_t timestamp = 0;

  if (!machine_has_timestamps(machine))
    return 0;
  EXPECT_OK(blt_timestamp_get(machine->db, machine->key, machine->key_len,
                              &timestamp));
  ck_assert_uint_le(timestamp, machine->clock);
  return timestamp;
}

/* How often each operation is done, out of the sum of all. */
static const struct {
  machine_operation operation;
  uint32_t weight;
  int is_for_batches; /* may be done inside one */
} operations[] = {
    {step_put, 300, 1},          {step_put_at, 60, 1},
    {step_delete, 120, 1},       {step_get, 160, 1},
    {step_count, 30, 1},         {step_hidden_set, 20, 1},
    {step_hidden_delete, 10, 1}, {step_timestamp_set, 30, 1},
    {step_put_many, 30, 1},      {step_delete_many, 20, 1},
    {step_get_many, 30, 1},      {step_has_many, 20, 1},
    {step_iterate, 15, 1},       {step_batch, 40, 0},
    {step_sync, 30, 0},          {step_reopen, 10, 0},
    {step_prune, 8, 0},          {step_prune_by_time, 6, 0},
    {step_reindex, 8, 0},        {step_clear, 2, 0},
};

enum { N_OPERATIONS = sizeof operations / sizeof *operations };

void machine_step(struct machine *machine)
{
  uint32_t sum = 0;

  for (size_t i = 0; i < N_OPERATIONS; i++) {
    if (operations[i].is_for_batches || !machine->is_in_batch)
      sum += operations[i].weight;
  }
  uint32_t chosen = random_below(&machine->random, sum);
  for (size_t i = 0; i < N_OPERATIONS; i++) {
    if (!operations[i].is_for_batches && machine->is_in_batch)
      continue;
    if (chosen < operations[i].weight) {
      operations[i].operation(machine);
      return;
    }
    chosen -= operations[i].weight;
  }
}
