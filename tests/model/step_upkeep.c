/* step_upkeep.c - operations on the whole file */
#include <string.h>

#include "model/machine.h"
#include "support/store.h"

void step_sync(struct machine *machine)
{
  EXPECT_OK(blt_sync(machine->db));
}

void step_reopen(struct machine *machine)
{
  if (random_below(&machine->random, 2) == 0) {
    machine_reopen(machine, BLT_READ);
    machine_compare(machine);
  }
  machine_reopen(machine, BLT_WRITE);
}

void step_prune(struct machine *machine)
{
  static const uint32_t n_buckets[] = {0, 0, 0, 1, 5, 100};
  blt_prune_options options = BLT_PRUNE_OPTIONS_INIT;

  options.n_buckets = n_buckets[random_below(&machine->random, 6)];
  if (random_below(&machine->random, 4) == 0)
    options.fit_buckets = BLT_ON;
  EXPECT_OK(blt_prune(machine->db, &options, NULL));
  expect_count(machine->db, machine->now.dict.n_entries);
}

/* Forget what is older, except `keep`; returns how many there were. */
static uint64_t forget_older(struct dict *dict, uint64_t older_than,
                             blt_bytes keep)
{
  uint64_t n = 0;

  for (size_t i = dict->n_entries; i-- > 0;) {
    const struct dict_entry *const entry = &dict->entries[i];
    if (entry->timestamp >= older_than ||
        bytes_equal(keep, entry->key, entry->key_len))
      continue;
    n++;
    dict_delete(dict, entry->key, entry->key_len);
  }
  return n;
}

void step_prune_by_time(struct machine *machine)
{
  blt_prune_options options = BLT_PRUNE_OPTIONS_INIT;
  uint64_t n_dropped = 0;

  if (!machine_has_timestamps(machine))
    return;
  machine_choose_key(machine, -1);
  const blt_bytes keep = {machine->key, machine->key_len};
  options.older_than = 1 + random_below(&machine->random, 300000);
  options.keep_keys = &keep;
  options.n_keep_keys = 1;
  const uint64_t n_older =
      forget_older(&machine->now.dict, options.older_than, keep);
  EXPECT_OK(blt_prune(machine->db, &options, &n_dropped));
  ck_assert_uint_ge(n_dropped, n_older);
  expect_count(machine->db, machine->now.dict.n_entries);
}

void step_reindex(struct machine *machine)
{
  const uint32_t n_buckets = 1 + random_below(&machine->random, 300);

  EXPECT_OK(blt_reindex(machine->db, n_buckets));
  ck_assert_uint_eq(header_of(machine->db).n_buckets, n_buckets);
}

void step_clear(struct machine *machine)
{
  EXPECT_OK(blt_clear(machine->db));
  dict_clear(&machine->now.dict);
  memset(machine->now.hidden, 0, sizeof machine->now.hidden);
}
