/*
 * plans.c - the kinds of programs that there are
 */
#include "crash/story.h"

#define SMALL(name, shape, level)                                              \
  {                                                                            \
    "small-" name, shape, level, TRAIT_SMALL                                   \
  }
#define FULL BLT_SYNC_FULL
#define BATCH BLT_SYNC_BATCH
#define OFF BLT_SYNC_OFF

static const struct plan plans[] = {
    {"single-full", TIMES, FULL, TRAIT_SINGLE},
    {"single-batch", PLAIN, BATCH, TRAIT_SINGLE},
    SMALL("times-full", TIMES, FULL),
    SMALL("times-batch", TIMES, BATCH),
    SMALL("times-off", TIMES, OFF),
    SMALL("plain-full", PLAIN, FULL),
    SMALL("plain-batch", PLAIN, BATCH),
    SMALL("fixed9-full", FIXED_9, FULL),
    SMALL("fixed9-off", FIXED_9, OFF),
    SMALL("fixed0-batch", FIXED_0, BATCH),
    {"times-full", TIMES, FULL, 0},
    {"times-batch", TIMES, BATCH, 0},
    {"times-off", TIMES, OFF, 0},
    {"plain-full", PLAIN, FULL, 0},
    {"plain-batch", PLAIN, BATCH, 0},
    {"fixed9-full", FIXED_9, FULL, 0},
    {"fixed9-batch", FIXED_9, BATCH, 0},
    {"fixed0-full", FIXED_0, FULL, 0},
    {"fixed0-batch", FIXED_0, BATCH, 0},
    {"fixed-off", FIXED_9, OFF, 0},
    {"big-full", TIMES, FULL, TRAIT_BIG},
    {"big-batch", PLAIN, BATCH, TRAIT_BIG},
    {"big-zeros", TIMES, FULL, TRAIT_BIG | TRAIT_ZEROS},
    {"big-fixed-zeros", FIXED_9, BATCH, TRAIT_BIG | TRAIT_ZEROS},
    {"zeros-full", TIMES, FULL, TRAIT_ZEROS | TRAIT_EDGES},
    {"zeros-batch", PLAIN, BATCH, TRAIT_ZEROS | TRAIT_EDGES},
    {"zeros-fixed0", FIXED_0, FULL, TRAIT_ZEROS},
    {"last-full", TIMES, FULL, TRAIT_ZEROS | TRAIT_LAST},
    {"last-batch", PLAIN, BATCH, TRAIT_ZEROS | TRAIT_LAST},
    {"last-fixed0", FIXED_0, FULL, TRAIT_ZEROS | TRAIT_LAST},
    {"edges-full", TIMES, FULL, TRAIT_EDGES},
    {"edges-batch", TIMES, BATCH, TRAIT_EDGES},
    {"implicit-full", TIMES, FULL, TRAIT_IMPLICIT},
    {"implicit-batch", PLAIN, BATCH, TRAIT_IMPLICIT},
    {"implicit-off", TIMES, OFF, TRAIT_IMPLICIT},
    {"hidden-full", PLAIN, FULL, TRAIT_HIDDEN},
    {"hidden-batch", TIMES, BATCH, TRAIT_HIDDEN | TRAIT_STAMPS},
    {"stamps-full", TIMES, FULL, TRAIT_STAMPS},
    {"stamps-batch", TIMES, BATCH, TRAIT_STAMPS | TRAIT_EDGES},
    {"rewrites-full", TIMES, FULL, TRAIT_REWRITES},
    {"rewrites-batch", PLAIN, BATCH, TRAIT_REWRITES | TRAIT_KILLS},
    {"rewrites-fixed", FIXED_9, BATCH, TRAIT_REWRITES},
    {"rewrites-off", TIMES, OFF, TRAIT_REWRITES},
    {"kills-full", TIMES, FULL, TRAIT_KILLS},
    {"kills-batch", TIMES, BATCH, TRAIT_KILLS},
    {"kills-off", PLAIN, OFF, TRAIT_KILLS},
    {"growth-full", TIMES, FULL, TRAIT_GROWTH},
    {"growth-batch", PLAIN, BATCH, TRAIT_GROWTH},
    {"parts-full", FIXED_9, FULL, TRAIT_LONG_KEYS},
    {"parts-batch", FIXED_0, BATCH, TRAIT_LONG_KEYS},
    {"foreign-full", TIMES, FULL, TRAIT_FOREIGN},
    {"foreign-batch", PLAIN, BATCH, TRAIT_FOREIGN},
    {"foreign-fixed", FIXED_9, FULL, TRAIT_FOREIGN},
    {"foreign-big", TIMES, FULL, TRAIT_FOREIGN | TRAIT_BIG},
    {"foreign-parts", FIXED_0, BATCH, TRAIT_FOREIGN | TRAIT_LONG_KEYS},
    {"reboot-big", PLAIN, FULL, TRAIT_REBOOT | TRAIT_BIG},
    {"reboot-times", TIMES, FULL, TRAIT_REBOOT},
    {"reboot-fixed", FIXED_9, BATCH, TRAIT_REBOOT},
};
enum { N_PLANS = sizeof plans / sizeof *plans };

const struct plan *plan_at(unsigned i)
{
  return i < N_PLANS ? &plans[i] : NULL;
}
