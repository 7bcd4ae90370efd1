/*
 * foreign.h - did somebody else write to the file since we did?
 */
#ifndef BLT_UPKEEP_FOREIGN_H
#define BLT_UPKEEP_FOREIGN_H

#include "upkeep/replay.h"

/* After our crash: 1 when the header, the links or the bytes behind the last
 * commit are not as we can have left them. */
int blt__foreign_layout(const struct blt__replay *replay,
                        uint32_t header_count);
int blt__foreign_links(struct blt__replay *replay);
int blt__foreign_tail(struct blt__replay *replay);

struct blt__foreign_report {
  uint64_t n_live, n_hidden; /* blocks that were looked at                  */
};

/* After a clean close: every live block from `from` on is whole, has the hash
 * of its key and is the one that a lookup finds. BLT_E_CORRUPT if not. */
blt_status blt__foreign_check(struct blt__image *image, uint64_t from,
                              struct blt__foreign_report *out);

#endif
