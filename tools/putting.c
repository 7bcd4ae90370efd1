/* putting.c - rows from elsewhere go into a store; what of keys in both */
#include "putting.h"

#include "report.h"

static enum put_outcome outcome_of(struct store *store, blt_status status,
                                   const char **reason)
{
  if (status >= 0)
    return PUT_DONE;
  if (status != BLT_E_TOO_BIG && status != BLT_E_INVALID)
    return PUT_FAILED;
  *reason = reason_of(blt_last_error(store->db));
  return PUT_REFUSED;
}

static bool may_replace(enum on_duplicate policy, uint64_t there,
                        uint64_t timestamp)
{
  return policy == DUPLICATE_REPLACE ||
         (policy == DUPLICATE_NEWEST &&
          (timestamp == NOT_GIVEN || timestamp > there));
}

static enum put_outcome kept(enum on_duplicate policy)
{
  return policy == DUPLICATE_ERROR ? PUT_DUPLICATE : PUT_KEPT;
}

/* Whether the key is there, and since when. */
static blt_status find(struct store *store, enum on_duplicate policy,
                       blt_bytes key, uint64_t *there)
{
  *there = 0;
  return policy == DUPLICATE_NEWEST && store->header.has_timestamps
             ? blt_timestamp_get(store->db, key.data, key.len, there)
             : blt_has(store->db, key.data, key.len);
}

enum put_outcome put_row(struct store *store, enum on_duplicate policy,
                         blt_bytes key, blt_bytes value, uint64_t timestamp,
                         const char **reason)
{
  if (policy != DUPLICATE_REPLACE) {
    uint64_t there;
    const blt_status status = find(store, policy, key, &there);
    if (status < 0)
      return outcome_of(store, status, reason);
    if (status == BLT_OK && !may_replace(policy, there, timestamp))
      return kept(policy);
  }
  const blt_status status =
      blt_put_at(store->db, key.data, key.len, value.data, value.len,
                 timestamp == NOT_GIVEN ? BLT_NOW : timestamp);
  return outcome_of(store, status, reason);
}

enum put_outcome put_hidden(struct store *store, enum on_duplicate policy,
                            int which, blt_bytes value, uint64_t timestamp,
                            const char **reason)
{
  blt_bytes old;
  uint64_t there = 0;
  blt_status status = store_hidden(store, which, &old, &there);
  if (status < 0)
    return outcome_of(store, status, reason);
  if (status == BLT_OK && !may_replace(policy, there, timestamp))
    return kept(policy);
  const uint64_t time = timestamp == NOT_GIVEN ? BLT_NOW : timestamp;
  status = which == 0
               ? blt_metadata_set(store->db, value.data, value.len, time)
               : blt_slot_set(store->db, which, value.data, value.len, time);
  return outcome_of(store, status, reason);
}

/* ---- in batches */

enum { BATCH_ROWS = 2048, BATCH_LEN = 512 << 10 };

static int commit(struct batch *batch)
{
  if (batch->is_open && blt_batch_commit(batch->store->db) < 0)
    return -1;
  batch->is_open = false;
  batch->n_safe += batch->n;
  batch->n = batch->len = 0;
  return 0;
}

static enum put_outcome put_next(struct batch *batch, enum on_duplicate policy,
                                 blt_bytes key, blt_bytes value,
                                 uint64_t timestamp, const char **reason)
{
  const bool is_large = value.len >= BATCH_LEN; /* it is a batch of its own */
  if (is_large && commit(batch) != 0)
    return PUT_FAILED;
  if (!is_large && !batch->is_open) {
    if (blt_batch_begin(batch->store->db) < 0)
      return PUT_FAILED;
    batch->is_open = true;
  }
  const enum put_outcome outcome =
      put_row(batch->store, policy, key, value, timestamp, reason);
  if (outcome != PUT_DONE)
    return outcome;
  batch->n++;
  batch->len += key.len + value.len;
  const bool is_full = batch->n >= BATCH_ROWS || batch->len >= BATCH_LEN;
  return is_full && commit(batch) != 0 ? PUT_FAILED : PUT_DONE;
}

enum put_outcome batch_put(struct batch *batch, enum on_duplicate policy,
                           blt_bytes key, blt_bytes value, uint64_t timestamp,
                           const char **reason)
{
  const enum put_outcome outcome =
      put_next(batch, policy, key, value, timestamp, reason);
  batch->has_failed |= outcome == PUT_FAILED;
  return outcome;
}

int batch_end(struct batch *batch, int code)
{
  if (!batch->has_failed && commit(batch) != 0)
    code = store_failed(batch->store);
  if (batch->is_open)
    blt_batch_abort(batch->store->db);
  batch->is_open = false;
  return code;
}
