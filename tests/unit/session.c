/* session.c - a whole store on a file whose operations are noted */
#include "unit/session.h"

#include <check.h>
#include <stdlib.h>

#include "hash/keyhash.h"
#include "lookup/chain.h"
#include "lookup/scan.h"
#include "support/store.h"

blt_options session_options(blt_sync_level sync)
{
  blt_options options = options_of_new(3);

  options.sync = sync;
  options.auto_reindex = BLT_OFF;
  options.sigbus = BLT_OFF;
  return options;
}

static blt_status open_on(struct session *session, const blt_options *options,
                          const struct copy *copy, unsigned stop)
{
  *session = (struct session){.sink = {NULL, ""}};
  blt__env_init(&session->env, options);
  noting_open(&session->noting, &session->env, &session->sink, copy->bytes,
              copy->len);
  session->noting.n_left = stop;
  session->noting.is_kept = stop > 0;
  return blt__open_file(&session->noting.file, options, &session->db);
}

void session_open(struct session *session, const blt_options *options)
{
  const blt_options defaults = session_options(BLT_SYNC_BATCH);
  const struct copy nothing = {NULL, 0};

  EXPECT_OK(
      open_on(session, options != NULL ? options : &defaults, &nothing, 0));
}

blt_status session_open_copy(struct session *session, const struct copy *copy)
{
  blt_options options = session_options(BLT_SYNC_BATCH);

  options.mode = BLT_WRITE;
  return open_on(session, &options, copy, 0);
}

blt_status session_open_failing(struct session *session,
                                const struct copy *copy, unsigned stop,
                                struct copy *out_after)
{
  blt_options options = session_options(BLT_SYNC_BATCH);

  options.mode = BLT_WRITE;
  const blt_status status = open_on(session, &options, copy, stop);
  if (status == BLT_OK)
    EXPECT_OK(session_close(session));
  *out_after = (struct copy){session->noting.kept, session->noting.kept_len};
  return status;
}

blt_status session_close(struct session *session)
{
  const blt_status status = blt_close(session->db);

  session->db = NULL;
  return status;
}

struct copy session_copy(struct session *session)
{
  struct blt__file *const inner = session->noting.inner;
  struct copy copy = {NULL, 0};
  uint64_t len = 0;

  (void)inner->ops->size(inner, &len);
  copy.len = (size_t)len;
  copy.bytes = malloc(copy.len + 1);
  if (copy.bytes == NULL ||
      inner->ops->read_at(inner, 0, copy.bytes, copy.len) != (int64_t)copy.len)
    abort();
  return copy;
}

uint64_t count_live(const struct copy *copy)
{
  struct inside inside;
  struct blt__scan scan;
  struct blt__scanned s;
  blt_status status;
  uint64_t n = 0;

  inside_open(&inside, copy->bytes, copy->len, 0);
  blt__scan_begin(&scan, &inside.image);
  while ((status = blt__scan_next_live(&scan, &s)) == BLT_OK)
    n++;
  inside_close(&inside);
  return status == BLT_END ? n : UINT64_MAX;
}

void put_durably(struct session *session, const char *key, const char *value)
{
  put_text(session->db, key, value);
  EXPECT_OK(blt_sync(session->db));
}

void put_batch(struct session *session, unsigned first, unsigned n)
{
  EXPECT_OK(blt_batch_begin(session->db));
  put_numbered(session->db, first, n);
  EXPECT_OK(blt_batch_commit(session->db));
}

void build_side(struct session *session)
{
  blt_db *const db = session->db;

  if (!blt__side_is_ready(&db->side))
    blt__build_side(db);
  ck_assert(blt__side_is_ready(&db->side));
}

uint64_t block_of(struct session *session, const char *key)
{
  uint8_t hash[BLT__HASH_LEN];
  struct blt__hit hit;

  blt__keyhash(key, strlen(key), hash);
  EXPECT_OK(blt__chain_find(&session->db->image, hash, key, strlen(key), &hit));
  return hit.block.off;
}

uint64_t link_in_file(struct session *session, uint64_t block_off)
{
  struct blt__file *const inner = session->noting.inner;
  uint8_t link[BLT__LINK_LEN];

  ck_assert_int_eq(
      inner->ops->read_at(inner, block_off + BLT__LINK_OFF, link, sizeof link),
      sizeof link);
  return blt__get6(link);
}

void expect_copy(const struct copy *copy, blt_opened what, const char *a,
                 const char *b)
{
  struct session session;
  blt_open_info info;

  EXPECT_OK(session_open_copy(&session, copy));
  EXPECT_OK(blt_open_report(session.db, &info));
  ck_assert_int_eq(info.what, what);
  expect_text(session.db, "a", a);
  expect_text(session.db, "b", b);
  expect_sound(session.db);
  EXPECT_OK(session_close(&session));
}
