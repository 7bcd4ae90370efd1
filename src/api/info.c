/*
 * info.c - what the store is: statistics, header, serializers
 */
#include "api/db.h"

#include <string.h>

#include "hash/keyhash.h"
#include "upkeep/stats.h"

BLT_API blt_status blt_stat(blt_db *db, blt_stats *out)
{
  blt_status status = blt__enter_alone(db);

  if (status < 0)
    return status;
  if ((status = blt__get_ready_to_scan(db)) == BLT_OK)
    status = blt__stats_gather(&db->image, out);
  return blt__leave(db, status);
}

BLT_API blt_status blt_stat_sample(blt_db *db, uint32_t n_buckets,
                                   blt_stats *out)
{
  blt_status status = blt__enter_alone(db);

  if (status < 0)
    return status;
  if (n_buckets == 0)
    status = blt__fail(&db->sink, BLT_E_INVALID, BLT_NO_OFFSET,
                       "a sample of no buckets tells nothing");
  else if ((status = blt__get_ready_to_scan(db)) == BLT_OK)
    status =
        blt__stats_sample(&db->image, n_buckets, blt__committed_count(db), out);
  return blt__leave(db, status);
}

static void describe(const blt_db *db, blt_header *out)
{
  const struct blt__header *h = &db->header;
  const uint8_t *bytes = db->writable ? db->log.header : h->bytes;
  struct blt__checkpoint checkpoint;

  *out = (blt_header){
      .kind = h->fixed ? BLT_FIXED : BLT_VARIABLE,
      .version = h->version,
      .n_buckets = db->image.layout.n_buckets,
      .value_len = h->value_len,
      .has_timestamps = h->has_timestamps,
      .key_serializer = h->key_serializer,
      .value_serializer = h->value_serializer,
      .n_keys = blt__get4(bytes + BLT__HDR_COUNT),
      .file_timestamp = blt__get7(bytes + BLT__HDR_TIMESTAMP),
      .index_off = db->image.layout.index_off,
      .first_block_off = db->image.layout.first_off,
      .stored_index_off = blt__get6(bytes + BLT__HDR_INDEX),
      .stored_first_block_off = blt__get6(bytes + BLT__HDR_FIRST),
      .file_len = db->image.view.size,
      .has_checkpoint = blt__checkpoint_decode(bytes, &checkpoint),
  };
  memcpy(out->uuid, bytes + BLT__HDR_UUID, sizeof out->uuid);
  memcpy(out->bytes, bytes, BLT_HEADER_LEN);
}

BLT_API blt_status blt_header_info(blt_db *db, blt_header *out)
{
  blt_status status = blt__enter_read(db);

  if (status < 0)
    return status;
  describe(db, out);
  return blt__leave(db, BLT_OK);
}

BLT_API void blt_key_hash(const void *key, size_t key_len,
                          unsigned char out[BLT_HASH_LEN])
{
  blt__keyhash(key, key_len, out);
}

BLT_API uint64_t blt_compaction_count(const blt_db *db)
{
  return atomic_load(&((blt_db *)(uintptr_t)db)->n_compactions);
}

static const char *const serializer_names[] = {
    "custom",
    "None",
    "str",
    "pickle",
    "json",
    "orjson",
    "uint1",
    "int1",
    "uint2",
    "int2",
    "uint4",
    "int4",
    "uint5",
    "int5",
    "uint8",
    "int8",
    "pickle_zstd",
    "orjson_zstd",
    "numpy_int1",
    "numpy_int2",
    "numpy_int4",
    "numpy_int8",
    "numpy_int2_zstd",
    "numpy_int4_zstd",
    "numpy_int8_zstd",
    "pd_zstd",
    "gpd_zstd",
    "zstd",
    "wkb",
    "wkb_zstd",
    "msgpack",
    "msgpack_zstd",
    "bytes",
};

enum { N_SERIALIZERS = sizeof serializer_names / sizeof *serializer_names };

BLT_API const char *blt_serializer_name(unsigned code)
{
  return code < N_SERIALIZERS ? serializer_names[code] : NULL;
}

BLT_API int blt_serializer_code(const char *name)
{
  if (name != NULL)
    for (int i = 0; i < N_SERIALIZERS; i++)
      if (strcmp(name, serializer_names[i]) == 0)
        return i;
  return -1;
}
