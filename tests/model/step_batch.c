/* step_batch.c - a batch of other operations, and its end */
#include "model/machine.h"
#include "support/store.h"

void step_batch(struct machine *machine)
{
  const uint32_t n = random_below(&machine->random, 30);

  EXPECT_OK(blt_batch_begin(machine->db));
  content_copy(&machine->before, &machine->now);
  machine->is_in_batch = 1;
  for (uint32_t i = 0; i < n; i++)
    machine_step(machine);
  if (random_below(&machine->random, 10) == 0)
    machine_compare(machine);
  machine->is_in_batch = 0;
  if (random_below(&machine->random, 3) > 0) {
    EXPECT_OK(blt_batch_commit(machine->db));
    return;
  }
  EXPECT_OK(blt_batch_abort(machine->db));
  content_copy(&machine->now, &machine->before);
}
