/* step_many.c - operations on many keys at once */
#include <string.h>

#include "model/machine.h"
#include "support/store.h"

enum { N_MANY = 24, VALUE_LEN = 16 };

struct many {
  uint8_t text[N_MANY][MAX_KEY_LEN];
  uint8_t data[N_MANY][VALUE_LEN];
  blt_bytes keys[N_MANY];
  blt_item items[N_MANY];
};

static size_t choose_keys(struct machine *machine, struct many *many)
{
  const size_t n = random_below(&machine->random, N_MANY + 1);

  for (size_t i = 0; i < n; i++) {
    machine_choose_key(machine, -1);
    memcpy(many->text[i], machine->key, machine->key_len);
    many->keys[i] = (blt_bytes){many->text[i], machine->key_len};
  }
  return n;
}

static struct dict_entry *entry_of(struct machine *machine, blt_bytes key)
{
  return dict_get(&machine->now.dict, key.data, key.len);
}

static size_t value_len_of(struct machine *machine)
{
  if (!machine_is_fixed(machine))
    return random_below(&machine->random, VALUE_LEN);
  return machine->config.shape == FIXED_9 ? 9 : 0;
}

void step_put_many(struct machine *machine)
{
  struct many many;
  const size_t n = choose_keys(machine, &many);

  for (size_t i = 0; i < n; i++) {
    const size_t len = value_len_of(machine);
    const uint64_t timestamp = random_below(&machine->random, 1000000);
    random_fill(&machine->random, many.data[i], len);
    many.items[i] = (blt_item){many.keys[i], {many.data[i], len}, timestamp, 0};
    dict_put(&machine->now.dict, many.keys[i].data, many.keys[i].len,
             many.data[i], len,
             machine_has_timestamps(machine) ? timestamp : 0);
  }
  EXPECT_OK(blt_put_many(machine->db, many.items, n));
}

void step_delete_many(struct machine *machine)
{
  struct many many;
  const size_t n = choose_keys(machine, &many);
  size_t n_there = 0, n_deleted = 0;

  for (size_t i = 0; i < n; i++)
    n_there += (size_t)dict_delete(&machine->now.dict, many.keys[i].data,
                                   many.keys[i].len);
  EXPECT_OK(blt_delete_many(machine->db, many.keys, n, &n_deleted));
  ck_assert_uint_eq(n_deleted, n_there);
}

void step_get_many(struct machine *machine)
{
  struct many many;
  blt_bytes values[N_MANY];
  const size_t n = choose_keys(machine, &many);
  size_t n_there = 0, n_found = 0;

  EXPECT_OK(blt_get_many(machine->db, many.keys, n, values, &n_found));
  for (size_t i = 0; i < n; i++) {
    const struct dict_entry *const entry = entry_of(machine, many.keys[i]);
    ck_assert((values[i].data != NULL) == (entry != NULL));
    if (entry == NULL)
      continue;
    ck_assert(bytes_equal(values[i], entry->value, entry->value_len));
    n_there++;
  }
  ck_assert_uint_eq(n_found, n_there);
}

void step_has_many(struct machine *machine)
{
  struct many many;
  unsigned char found[N_MANY];
  const size_t n = choose_keys(machine, &many);
  size_t n_there = 0, n_found = 0;

  EXPECT_OK(blt_has_many(machine->db, many.keys, n, found, &n_found));
  for (size_t i = 0; i < n; i++) {
    const int is_there = entry_of(machine, many.keys[i]) != NULL;
    ck_assert_int_eq(found[i], is_there);
    n_there += (size_t)is_there;
  }
  ck_assert_uint_eq(n_found, n_there);
}

void step_iterate(struct machine *machine)
{
  const unsigned flags =
      random_below(&machine->random, 2) == 0 ? BLT_ITER_KEYS : BLT_ITER_VALUES;
  uint64_t n_hidden = 0;

  for (int i = 0; i < N_HIDDEN; i++)
    n_hidden += machine->now.hidden[i].is_there ? 1 : 0;
  ck_assert_uint_eq(count_by_iteration(machine->db, flags),
                    machine->now.dict.n_entries);
  ck_assert_uint_eq(count_by_iteration(machine->db, BLT_ITER_HIDDEN),
                    machine->now.dict.n_entries + n_hidden);
}
