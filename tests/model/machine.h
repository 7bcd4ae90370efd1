/*
 * machine.h - a store and a dictionary that must always agree
 *
 *   machine_open ─ machine_step ... machine_compare ─ machine_close
 */
#ifndef MODEL_MACHINE_H
#define MODEL_MACHINE_H

#include <blt.h>
#include <stddef.h>
#include <stdint.h>

#include "support/dict.h"
#include "support/random.h"

enum shape_of_store {
  WITH_TIMESTAMPS,
  WITHOUT_TIMESTAMPS,
  FIXED_0,
  FIXED_9,
  N_SHAPES
};

struct machine_config {
  enum shape_of_store shape;
  uint32_t n_buckets;
  size_t buffer_len;
  blt_sync_level sync;
  int is_in_memory;
};

enum { N_HIDDEN = 3, MAX_TEXT_LEN = 6000, N_KEYS = 150, MAX_KEY_LEN = 300 };

/* The metadata and the slots 1 and 2. */
struct hidden {
  int is_there;
  uint8_t value[64];
  size_t value_len;
  uint64_t timestamp;
};

struct content {
  struct dict dict;
  struct hidden hidden[N_HIDDEN];
};

struct machine {
  struct machine_config config;
  struct random random;
  blt_options options;
  const char *path;
  blt_db *db;
  struct content now;    /* what the store should hold          */
  struct content before; /* and will hold again after an abort  */
  int is_in_batch;
  uint64_t clock;
  uint8_t value[MAX_TEXT_LEN];
  size_t value_len;
  uint8_t key[MAX_KEY_LEN];
  size_t key_len;
};

void machine_open(struct machine *machine, const struct machine_config *config,
                  uint64_t stream);
void machine_close(struct machine *machine);

/* Close the store and open it again, for reading or writing. */
void machine_reopen(struct machine *machine, blt_mode mode);

/* One operation on both. */
void machine_step(struct machine *machine);

/* The store holds what the dictionary holds, in every way there is to ask. */
void machine_compare(struct machine *machine);

/* A file of this kind keeps timestamps. */
int machine_has_timestamps(const struct machine *machine);
int machine_is_fixed(const struct machine *machine);

/* Put the key number `id` into machine->key, any of them for -1; and a fresh
 * value into machine->value. */
void machine_choose_key(struct machine *machine, int id);
void machine_choose_value(struct machine *machine);

/* What is put without a time: within what the clock can have said. */
uint64_t machine_time_of_key(struct machine *machine);

void content_copy(struct content *to, const struct content *from);

/* The operations, by file. */
typedef void (*machine_operation)(struct machine *machine);

void step_put(struct machine *machine);
void step_put_at(struct machine *machine);
void step_delete(struct machine *machine);
void step_get(struct machine *machine);
void step_count(struct machine *machine);
void step_hidden_set(struct machine *machine);
void step_hidden_delete(struct machine *machine);
void step_timestamp_set(struct machine *machine);

void step_put_many(struct machine *machine);
void step_delete_many(struct machine *machine);
void step_get_many(struct machine *machine);
void step_has_many(struct machine *machine);
void step_iterate(struct machine *machine);

void step_batch(struct machine *machine);

void step_sync(struct machine *machine);
void step_reopen(struct machine *machine);
void step_prune(struct machine *machine);
void step_prune_by_time(struct machine *machine);
void step_reindex(struct machine *machine);
void step_clear(struct machine *machine);

#endif
