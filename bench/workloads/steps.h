/*
 * steps.h - passes over the dataset that several workloads make
 *
 * Each pass ends the process when the engine fails, and returns its time.
 */
#ifndef BENCH_WORKLOADS_STEPS_H
#define BENCH_WORKLOADS_STEPS_H

#include "core/row.h"

/* The store of this run. MODE_NEW empties the folder first. */
void *store_open(const struct run *run, enum mode mode);
void *store_open_durable(const struct run *run);
void store_close(const struct run *run, void *store);

/* Open and close with a row for each. */
void *store_open_row(struct run *run, enum mode mode, const char *op);
void store_close_row(struct run *run, void *store, const char *op);

/* Room for one value. The caller frees sink.buf. */
struct sink sink_make(const struct run *run);

/* Keys from..to in the order of insertion, and the commit. */
struct lap put_range(const struct run *run, void *store, size_t from, size_t to,
                     size_t version);
/* All keys of an order are read; the sum of what came goes to *sum. */
struct lap get_all(const struct run *run, void *store, int order,
                   uint64_t *sum);
struct lap walk_all(const struct run *run, void *store, enum part part,
                    struct sink *sink);

/* What the values, or keys, numbered from..to add up to. */
uint64_t sum_values(const struct run *run, size_t from, size_t to,
                    size_t version);
uint64_t sum_keys(const struct run *run, size_t from, size_t to);

/* Whether the store holds exactly the keys from..n: those before `middle`
 * with version 1, the others with version 0. Not timed. */
int store_holds(const struct run *run, void *store, size_t from, size_t middle);

static inline struct bytes key_bytes(const char *slots, size_t i)
{
  return (struct bytes){key_in(slots, i), KEY_LEN};
}

static inline struct bytes value_bytes(const struct dataset *set, size_t i,
                                       size_t version)
{
  return (struct bytes){value_of(set, i, version), set->value_len};
}

#endif
