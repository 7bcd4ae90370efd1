/*
 * sink.h - where what an engine gives is copied to, and added up
 *
 * Every key and value that is read is copied out, as a user would, and its
 * length, first and last eight bytes go into a sum. The sum is compared with
 * that of the dataset after the clock has stopped.
 */
#ifndef BENCH_CORE_SINK_H
#define BENCH_CORE_SINK_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct sink {
  char *buf; /* as long as the longest value */
  size_t n_keys, n_values;
  uint64_t sum;
};

static inline uint64_t mark_of(const char *bytes, size_t len)
{
  uint64_t first = 0, last = 0;
  if (len >= 8) {
    memcpy(&first, bytes, 8);
    memcpy(&last, bytes + len - 8, 8);
  } else {
    memcpy(&first, bytes, len);
  }
  return first + 3 * last + len * 0x9e3779b97f4a7c15;
}

/* For what the engine has already copied to sink->buf. */
static inline void sink_copied(struct sink *sink, size_t len)
{
  sink->sum += mark_of(sink->buf, len);
  sink->n_values++;
}

static inline void sink_value(struct sink *sink, const void *value, size_t len)
{
  memcpy(sink->buf, value, len);
  sink_copied(sink, len);
}

static inline void sink_key(struct sink *sink, const void *key, size_t len)
{
  memcpy(sink->buf, key, len);
  sink->sum += mark_of(sink->buf, len);
  sink->n_keys++;
}

#endif
