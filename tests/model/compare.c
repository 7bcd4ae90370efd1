/* compare.c - a store against a dictionary, in every way there is to ask */
#include <string.h>

#include "model/machine.h"
#include "support/store.h"

static void compare_get(struct machine *machine)
{
  const struct dict *const dict = &machine->now.dict;

  for (int id = 0; id < N_KEYS; id++) {
    blt_bytes value = {NULL, 0};
    machine_choose_key(machine, id);
    const struct dict_entry *const entry =
        dict_get(dict, machine->key, machine->key_len);
    const blt_status status =
        blt_get(machine->db, machine->key, machine->key_len, &value);
    if (entry == NULL) {
      EXPECT(BLT_NOT_FOUND, status);
      continue;
    }
    ck_assert_msg(status == BLT_OK, "key %d gave %s", id,
                  blt_status_name(status));
    ck_assert(bytes_equal(value, entry->value, entry->value_len));
    ck_assert_uint_eq(machine_time_of_key(machine), entry->timestamp);
  }
}

static void compare_item(const struct machine *machine, const blt_item *item)
{
  const struct dict_entry *const entry =
      dict_get(&machine->now.dict, item->key.data, item->key.len);

  ck_assert_msg(entry != NULL, "iteration gives a key that is not there");
  ck_assert(bytes_equal(item->value, entry->value, entry->value_len));
  ck_assert_uint_eq(item->timestamp, entry->timestamp);
}

static void compare_iteration(struct machine *machine)
{
  blt_iter *iter = NULL;
  blt_item item;
  blt_status status;
  size_t n = 0;

  EXPECT_OK(
      blt_iter_open(machine->db, BLT_ITER_VALUES | BLT_ITER_TIMESTAMPS, &iter));
  while ((status = blt_iter_next(iter, &item)) == BLT_OK) {
    compare_item(machine, &item);
    n++;
  }
  EXPECT(BLT_END, status);
  blt_iter_close(iter);
  /* Each is a different key, or the count below and compare_get disagree. */
  ck_assert_uint_eq(n, machine->now.dict.n_entries);
}

static blt_status hidden_get(blt_db *db, int i, blt_bytes *out,
                             uint64_t *out_timestamp)
{
  return i == 0 ? blt_metadata_get(db, out, out_timestamp)
                : blt_slot_get(db, i, out, out_timestamp);
}

static void compare_hidden(struct machine *machine)
{
  for (int i = 0; i < N_HIDDEN; i++) {
    const struct hidden *const hidden = &machine->now.hidden[i];
    blt_bytes value = {NULL, 0};
    uint64_t timestamp = 0;
    const blt_status status = hidden_get(machine->db, i, &value, &timestamp);
    if (machine_is_fixed(machine)) {
      EXPECT(BLT_E_UNSUPPORTED, status);
    } else if (!hidden->is_there) {
      EXPECT(BLT_NOT_FOUND, status);
    } else {
      EXPECT_OK(status);
      ck_assert(bytes_equal(value, hidden->value, hidden->value_len));
      if (machine_has_timestamps(machine))
        ck_assert_uint_eq(timestamp, hidden->timestamp);
    }
  }
}

/* The image of a store in memory is of one that is not closed: a reader finds
 * it unclean, a writer recovers it. */
static int is_image_for_reading(const struct machine *machine)
{
  return machine->config.is_in_memory && machine->options.mode == BLT_READ;
}

void machine_compare(struct machine *machine)
{
  expect_count(machine->db, machine->now.dict.n_entries);
  compare_get(machine);
  compare_hidden(machine);
  compare_iteration(machine);
  if (!machine->is_in_batch && !is_image_for_reading(machine))
    expect_sound(machine->db);
}
