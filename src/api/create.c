/*
 * create.c - new stores
 */
#include "api/db.h"

#include <string.h>

enum { FILL_LEN = 6 << 14 };

static unsigned serializer_code(uint32_t option)
{
  if (option == BLT_SERIALIZER_DEFAULT)
    return BLT_SERIALIZER_NONE;
  return option == BLT_SERIALIZER_CUSTOM ? 0 : option;
}

/* Version 8: ours to fill. Time first, so that uuids sort by age. */
static void make_uuid(uint8_t *uuid, uint64_t now)
{
  blt__random(uuid, 16);
  for (int i = 0; i < 6; i++)
    uuid[i] = (uint8_t)(now / 1000 >> (40 - 8 * i));
  uuid[6] = (uint8_t)((uuid[6] & 0x0f) | 0x80);
  uuid[8] = (uint8_t)((uuid[8] & 0x3f) | 0x80);
}

static blt_status judge_options(const blt_db *db)
{
  const blt_options *o = &db->options;

  if (o->key_serializer > BLT_SERIALIZER_CUSTOM ||
      o->value_serializer > BLT_SERIALIZER_CUSTOM)
    return blt__fail(&db->sink, BLT_E_INVALID, BLT_NO_OFFSET,
                     "a serializer code has two bytes");
  if (o->kind != BLT_FIXED && o->fixed_value_len != 0)
    return blt__fail(&db->sink, BLT_E_INVALID, BLT_NO_OFFSET,
                     "fixed_value_len is for files of kind BLT_FIXED");
  return BLT_OK;
}

static blt_status header_of_other(const blt_db *db, uint8_t *out)
{
  struct blt__header judged;
  uint8_t empty[BLT__HEADER_LEN];

  memcpy(empty, db->options.header, BLT__HEADER_LEN);
  blt__header_empty(empty);
  blt_status status =
      blt__header_decode(&judged, empty, BLT__OFF_MAX, &db->sink);
  if (status < 0)
    return status;
  if (judged.guarded)
    blt__header_set_kind(empty, judged.fixed, 0);
  memcpy(out, empty, BLT__HEADER_LEN);
  return BLT_OK;
}

blt_status blt__new_header(const blt_db *db, uint8_t *out)
{
  const blt_options *o = &db->options;
  uint64_t now = blt__now(&db->env);
  blt_status status = judge_options(db);

  if (status < 0)
    return status;
  if (o->header != NULL)
    return header_of_other(db, out);
  struct blt__header_new how = {
      .fixed = o->kind == BLT_FIXED,
      .value_len = o->fixed_value_len,
      .n_buckets = o->n_buckets != 0 ? o->n_buckets : BLT_DEFAULT_BUCKETS,
      .has_timestamps = o->timestamps != BLT_OFF,
      .key_serializer = serializer_code(o->key_serializer),
      .value_serializer = serializer_code(o->value_serializer),
      .file_timestamp = now,
  };
  make_uuid(how.uuid, now);
  blt__header_encode(out, &how);
  return BLT_OK;
}

/* Header and empty index of a new store. */
static void fill_content(struct blt__content *content, const uint8_t *header,
                         uint8_t *fill)
{
  blt__layout_fill(fill, FILL_LEN);
  *content = (struct blt__content){
      .head = {header, BLT__HEADER_LEN},
      .fill = {fill, FILL_LEN},
      .len = BLT__HEADER_LEN +
             (uint64_t)BLT__LINK_LEN * blt__get4(header + BLT__HDR_BUCKETS)};
}

blt_status blt__create_at_path(blt_db *db)
{
  uint8_t header[BLT__HEADER_LEN];
  struct blt__content content;
  blt_status status = blt__new_header(db, header);

  if (status < 0)
    return status;
  uint8_t *fill = blt__alloc(&db->env, FILL_LEN);
  if (fill == NULL)
    return blt__fail_memory(&db->sink);
  fill_content(&content, header, fill);
  struct blt__create_how how = {.durable = db->options.sync != BLT_SYNC_OFF,
                                .network = db->options.network == BLT_ON};
  status = blt__file_create(&db->sink, db->path, &content, &how);
  blt__release(&db->env, fill, FILL_LEN);
  return status;
}

static blt_status write_index(blt_db *db, const struct blt__content *content)
{
  blt_status status = BLT_OK;
  uint64_t off = content->head.len;

  while (off < content->len && status == BLT_OK) {
    struct blt__span piece = content->fill;
    if (piece.len > content->len - off)
      piece.len = (size_t)(content->len - off);
    status = blt__file_write(db->file, &db->sink, off, &piece, 1);
    off += piece.len;
  }
  return status;
}

static blt_status sync_file(blt_db *db)
{
  if (db->options.sync == BLT_SYNC_OFF)
    return BLT_OK;
  int error = db->file->ops->sync(db->file);
  return error == 0 ? BLT_OK
                    : blt__fail_errno(&db->sink, -error, BLT_NO_OFFSET,
                                      "sync the file");
}

/* The index before the header, so that a file that is cut short by a crash
 * is no booklet to anybody. */
static blt_status write_content(blt_db *db, const struct blt__content *content)
{
  blt_status status = write_index(db, content);

  if (status == BLT_OK)
    status = sync_file(db);
  if (status == BLT_OK)
    status = blt__file_write(db->file, &db->sink, 0, &content->head, 1);
  return status == BLT_OK ? sync_file(db) : status;
}

blt_status blt__create_in_place(blt_db *db)
{
  uint8_t header[BLT__HEADER_LEN];
  struct blt__content content;
  blt_status status = blt__new_header(db, header);

  if (status < 0)
    return status;
  int error = db->file->ops->set_size(db->file, 0);
  if (error != 0)
    return blt__fail_errno(&db->sink, -error, 0, "empty the file");
  uint8_t *fill = blt__alloc(&db->env, FILL_LEN);
  if (fill == NULL)
    return blt__fail_memory(&db->sink);
  fill_content(&content, header, fill);
  status = write_content(db, &content);
  if (status < 0) /* an empty file can be tried again */
    (void)db->file->ops->set_size(db->file, 0);
  blt__release(&db->env, fill, FILL_LEN);
  return status;
}
