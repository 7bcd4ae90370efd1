/*
 * engines.c - the engines that this build has
 */
#include "engines/engine.h"

#define DECLARE(name) extern const struct engine name;
#define NAME(name) &name,

#define ALWAYS(X)                                                              \
  X(engine_blt)                                                                \
  X(engine_blt_batch)                                                          \
  X(engine_blt_full)                                                           \
  X(engine_blt_pread)                                                          \
  X(engine_blt_drop)                                                           \
  X(engine_blt_plain)                                                          \
  X(engine_blt_fitted)                                                         \
  X(engine_raw)

/* meson writes OPTIONAL: X(engine_lmdb) X(engine_sqlite) ... */
#include "optional.h"

ALWAYS(DECLARE)
OPTIONAL(DECLARE)

const struct engine *const engines[] = {ALWAYS(NAME) OPTIONAL(NAME) NULL};
