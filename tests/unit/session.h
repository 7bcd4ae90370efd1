/*
 * session.h - a whole store on a file whose operations are noted
 *
 * For what is only seen from outside: which bytes are written when, and what
 * an opening makes of the file as it stands in the middle.
 */
#ifndef UNIT_SESSION_H
#define UNIT_SESSION_H

#include "api/db.h"
#include "unit/inside.h"

struct session {
  struct blt__env env;
  struct blt__sink sink;
  struct noting noting;
  blt_db *db;
};

/* The file as it stands; free() the bytes. */
struct copy {
  uint8_t *bytes;
  size_t len;
};

/* A new store. NULL: defaults with 3 buckets and no reindex of its own. */
void session_open(struct session *session, const blt_options *options);
blt_options session_options(blt_sync_level sync);

/* Open that content for writing. */
blt_status session_open_copy(struct session *session, const struct copy *copy);

/* The same while all operations from the stop-th change on fail; closed again
 * when it works. *out_after is what the file holds then. */
blt_status session_open_failing(struct session *session,
                                const struct copy *copy, unsigned stop,
                                struct copy *out_after);

/* The status of blt_close. */
blt_status session_close(struct session *session);

struct copy session_copy(struct session *session);

/* What booklet iterates over: live blocks of the file as it stands, one after
 * the other; UINT64_MAX when there is none at some step. */
uint64_t count_live(const struct copy *copy);

/* Put and make it durable, as its own commit. */
void put_durably(struct session *session, const char *key, const char *value);

/* Put as one batch; see put_numbered. */
void put_batch(struct session *session, unsigned first, unsigned n);

/* The side table is there, also where no lookup has asked for it. */
void build_side(struct session *session);

/* The offset of a key's block in the file; fails when there is none. */
uint64_t block_of(struct session *session, const char *key);
uint64_t link_in_file(struct session *session, uint64_t block_off);

/* Open it, expect this report and these values (NULL: not there) of "a" and
 * "b", verify, close. */
void expect_copy(const struct copy *copy, blt_opened what, const char *a,
                 const char *b);

#endif
