/*
 * replay.h - what the log says: the committed records since the checkpoint
 * and the links that they leave
 *
 *   P1  A record counts when tag, place, sequence, salt and hash are right;
 *       its body when both body hashes are, or when a later record tells
 *       that it was on disk.
 *   P2  Parts without their closing record do not count.
 *   P3  Each link that the log changed holds, in the file, one of the values
 *       that the log gave it, or a mix of two that a torn sector leaves.
 */
#ifndef BLT_UPKEEP_REPLAY_H
#define BLT_UPKEEP_REPLAY_H

#include "change/checkpoint.h"
#include "format/record.h"
#include "lookup/image.h"

struct blt__replay {
  struct blt__image *image;   /* borrowed                             */
  const struct blt__env *env; /* borrowed                             */
  const struct blt__checkpoint *checkpoint; /* borrowed                     */
  struct blt__buf records; /* struct blt__record                   */
  uint64_t end;            /* of the last one that counts          */
  uint64_t n_keys;
  uint64_t stop, stop_seq;   /* where reading ended, and what was wanted   */
  struct blt__links final;   /* link offset -> link                  */
  struct blt__buf legal;     /* struct blt__change: values by P3     */
  struct blt__offsets tombs; /* block offsets                        */
  int guarded;               /* booklet could not open the file      */
  int foreign;               /* somebody else wrote after the crash  */
  int damaged;               /* the log goes on behind the stop      */
};

/* Read the log from the checkpoint on. The file stays as it is. */
blt_status blt__replay_read(struct blt__replay *replay,
                            struct blt__image *image,
                            const struct blt__env *env,
                            const struct blt__checkpoint *checkpoint);
void blt__replay_release(struct blt__replay *replay);

static inline size_t blt__replay_n(const struct blt__replay *replay)
{
  return replay->records.len / sizeof(struct blt__record);
}
static inline const struct blt__record *
blt__replay_record(const struct blt__replay *replay, size_t i)
{
  return (const struct blt__record *)(const void *)replay->records.data + i;
}

/* P1: the blocks behind a record whose own bytes are right. */
int blt__replay_is_body_right(struct blt__replay *replay,
                              const struct blt__record *record);

/* Put final links, tombs and reveals over the image. */
blt_status blt__replay_overlay(const struct blt__replay *replay);

#endif
