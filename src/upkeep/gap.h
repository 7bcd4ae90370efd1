/*
 * gap.h - does the log end, or is a part of it damaged?
 *
 *   | record | record | ? ? ? ? ? | record |
 *                       stop        later, whole, with a higher number
 *
 *   P4  Where a later record of the session is whole, a power cut explains the
 *       place that cannot be read only if that place was not durable when the
 *       later record was written; in the boot of the session nothing does but
 *       a sync that failed, and that leaves zeros. All else is damage.
 */
#ifndef BLT_UPKEEP_GAP_H
#define BLT_UPKEEP_GAP_H

#include "upkeep/replay.h"

/* After the records were read: is there damage? Sets replay->damaged, and then
 * the records behind it count too, for a repair. */
blt_status blt__gap_judge(struct blt__replay *replay);

/* The failure of an open that met it. */
blt_status blt__gap_fail(const struct blt__replay *replay);

#endif
