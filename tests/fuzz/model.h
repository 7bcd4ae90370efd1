/*
 * model.h - what a store should hold, for stores of some dozen keys
 *
 * Hidden keys are keys like others here, by their bytes.
 */
#ifndef FUZZ_MODEL_H
#define FUZZ_MODEL_H

#include <blt.h>

enum { MODEL_KEYS = 96, MODEL_BYTES = 1 << 16 };

struct model_entry {
  blt_bytes key, value; /* in the model's own bytes                         */
  uint64_t timestamp;
  int is_hidden;
};

struct model {
  struct model_entry entries[MODEL_KEYS];
  size_t n;
  uint8_t bytes[MODEL_BYTES];
  size_t used;
  int has_times;
  int is_full; /* something did not fit: it says nothing any more           */
};

/* From what an iteration gives. 0 when that fails. */
int model_load(struct model *model, blt_db *db);
void model_clear(struct model *model);

const struct model_entry *model_find(const struct model *model, blt_bytes key);
void model_put(struct model *model, blt_bytes key, blt_bytes value,
               uint64_t timestamp, int is_hidden);
/* 1 when it was there. */
int model_delete(struct model *model, blt_bytes key);
void model_set_time(struct model *model, blt_bytes key, uint64_t timestamp);
/* What a prune by age leaves. */
void model_prune(struct model *model, uint64_t older_than);
size_t model_count(const struct model *model);

/* As it was, as long as it was not cleared meanwhile. */
void model_save(const struct model *model, struct model *out);
void model_restore(struct model *model, const struct model *saved);

/* get, has and iteration say just this; `when` is for the message. */
void model_expect(const struct model *model, blt_db *db, const char *when);
/* Two models are one. */
void model_expect_same(const struct model *a, const struct model *b,
                       const char *when);

#endif
