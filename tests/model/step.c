/* step.c - operations on one key */
#include <string.h>

#include "model/machine.h"
#include "support/store.h"

static void remember(struct machine *machine, uint64_t timestamp)
{
  dict_put(&machine->now.dict, machine->key, machine->key_len, machine->value,
           machine->value_len, timestamp);
}

void step_put(struct machine *machine)
{
  machine_choose_key(machine, -1);
  machine_choose_value(machine);
  const uint64_t before = machine->clock;
  EXPECT_OK(blt_put(machine->db, machine->key, machine->key_len, machine->value,
                    machine->value_len));
  const uint64_t timestamp = machine_time_of_key(machine);
  if (machine_has_timestamps(machine))
    ck_assert_uint_gt(timestamp, before);
  remember(machine, timestamp);
}

void step_put_at(struct machine *machine)
{
  const uint64_t timestamp = 1000000 - random_below(&machine->random, 1000000);

  machine_choose_key(machine, -1);
  machine_choose_value(machine);
  EXPECT_OK(blt_put_at(machine->db, machine->key, machine->key_len,
                       machine->value, machine->value_len, timestamp));
  remember(machine, machine_has_timestamps(machine) ? timestamp : 0);
}

void step_delete(struct machine *machine)
{
  machine_choose_key(machine, -1);
  const int was_there =
      dict_delete(&machine->now.dict, machine->key, machine->key_len);
  EXPECT(was_there ? BLT_OK : BLT_NOT_FOUND,
         blt_delete(machine->db, machine->key, machine->key_len));
}

void step_get(struct machine *machine)
{
  uint8_t buf[MAX_TEXT_LEN];
  size_t len = 0;

  machine_choose_key(machine, -1);
  const struct dict_entry *const entry =
      dict_get(&machine->now.dict, machine->key, machine->key_len);
  const blt_status want = entry == NULL ? BLT_NOT_FOUND : BLT_OK;
  blt_bytes value = {NULL, 0};
  EXPECT(want, blt_has(machine->db, machine->key, machine->key_len));
  EXPECT(want, blt_get(machine->db, machine->key, machine->key_len, &value));
  EXPECT(want, blt_get_into(machine->db, machine->key, machine->key_len, buf,
                            sizeof buf, &len));
  if (entry == NULL)
    return;
  ck_assert(bytes_equal(value, entry->value, entry->value_len));
  ck_assert(bytes_equal((blt_bytes){buf, len}, entry->value, entry->value_len));
}

void step_count(struct machine *machine)
{
  expect_count(machine->db, machine->now.dict.n_entries);
}

void step_hidden_set(struct machine *machine)
{
  const int i = (int)random_below(&machine->random, N_HIDDEN);
  struct hidden *const hidden = &machine->now.hidden[i];
  const uint64_t timestamp = random_below(&machine->random, 1000000);

  if (machine_is_fixed(machine))
    return;
  hidden->is_there = 1;
  hidden->timestamp = timestamp;
  hidden->value_len = random_below(&machine->random, sizeof hidden->value);
  random_fill(&machine->random, hidden->value, hidden->value_len);
  if (i == 0)
    EXPECT_OK(blt_metadata_set(machine->db, hidden->value, hidden->value_len,
                               timestamp));
  else
    EXPECT_OK(blt_slot_set(machine->db, i, hidden->value, hidden->value_len,
                           timestamp));
}

void step_hidden_delete(struct machine *machine)
{
  const int i = (int)random_below(&machine->random, N_HIDDEN);
  struct hidden *const hidden = &machine->now.hidden[i];
  const blt_status want = hidden->is_there ? BLT_OK : BLT_NOT_FOUND;

  if (machine_is_fixed(machine))
    return;
  hidden->is_there = 0;
  EXPECT(want, i == 0 ? blt_metadata_delete(machine->db)
                      : blt_slot_delete(machine->db, i));
}

/* It changes the file in place, so a batch that is aborted would not take it
 * back for keys from before: those are left alone inside one. */
void step_timestamp_set(struct machine *machine)
{
  const uint64_t timestamp = random_below(&machine->random, 1000000);

  machine_choose_key(machine, -1);
  if (!machine_has_timestamps(machine) || machine->is_in_batch)
    return;
  struct dict_entry *const entry =
      dict_get(&machine->now.dict, machine->key, machine->key_len);
  EXPECT(entry == NULL ? BLT_NOT_FOUND : BLT_OK,
         blt_timestamp_set(machine->db, machine->key, machine->key_len,
                           timestamp));
  if (entry != NULL)
    entry->timestamp = timestamp;
}
