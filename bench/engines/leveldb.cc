/*
 * leveldb.cc - LevelDB: sorted tables in levels, a log in front
 */
#include <leveldb/cache.h>
#include <leveldb/db.h>
#include <leveldb/filter_policy.h>
#include <leveldb/write_batch.h>

#include <cstdio>
#include <cstring>
#include <memory>
#include <string>

#include "engines/engine.h"

namespace
{

struct Store {
  std::unique_ptr<const leveldb::FilterPolicy> filter;
  std::unique_ptr<leveldb::Cache> cache;
  std::unique_ptr<leveldb::DB> db; /* freed first: it uses the others */
  leveldb::WriteOptions writing;
  leveldb::WriteBatch batch; /* what is put until the durable commit */
  std::string value;         /* kept: its memory is used again */
  bool durable;
};

int said(const leveldb::Status &status)
{
  if (status.ok())
    return 0;
  if (status.IsNotFound())
    return NONE;
  std::fprintf(stderr, "blt-bench: leveldb: %s\n", status.ToString().c_str());
  return -1;
}

leveldb::Slice slice(struct bytes bytes)
{
  return leveldb::Slice(bytes.data, bytes.len);
}

Store *of(void *handle)
{
  return static_cast<Store *>(handle);
}

void *open_store(const struct setup *setup)
{
  auto store = std::make_unique<Store>();
  store->filter.reset(leveldb::NewBloomFilterPolicy(10));
  store->cache.reset(leveldb::NewLRUCache(256 << 20));
  store->durable = setup->durable;
  store->writing.sync = setup->durable;
  leveldb::Options options;
  options.create_if_missing = setup->mode == MODE_NEW;
  options.filter_policy = store->filter.get();
  options.block_cache = store->cache.get();
  options.write_buffer_size = 64 << 20;
  options.compression = leveldb::kNoCompression;
  leveldb::DB *db = nullptr;
  const std::string path = std::string(setup->folder) + "/store.leveldb";
  if (said(leveldb::DB::Open(options, path, &db)) < 0)
    return nullptr;
  store->db.reset(db);
  return store.release();
}

int close_store(void *handle)
{
  delete of(handle);
  return 0;
}

int put(void *handle, struct bytes key, struct bytes value)
{
  Store *store = of(handle);
  if (!store->durable)
    return said(store->db->Put(store->writing, slice(key), slice(value)));
  store->batch.Put(slice(key), slice(value));
  return 0;
}

int del(void *handle, struct bytes key)
{
  Store *store = of(handle);
  return said(store->db->Delete(store->writing, slice(key)));
}

int put_many(void *handle, const struct bytes *keys, const struct bytes *values,
             size_t n)
{
  Store *store = of(handle);
  store->batch.Clear();
  for (size_t i = 0; i < n; i++)
    store->batch.Put(slice(keys[i]), slice(values[i]));
  return said(store->db->Write(store->writing, &store->batch));
}

/* Each write is in the log when it returns. */
int commit(void *handle)
{
  Store *store = of(handle);
  if (!store->durable)
    return 0;
  const int code = said(store->db->Write(store->writing, &store->batch));
  store->batch.Clear();
  return code;
}

int look_up(void *handle, struct bytes key)
{
  Store *store = of(handle);
  return said(
      store->db->Get(leveldb::ReadOptions(), slice(key), &store->value));
}

int get(void *handle, struct bytes key, char *buf, size_t *len)
{
  const int code = look_up(handle, key);
  if (code == 0) {
    *len = of(handle)->value.size();
    std::memcpy(buf, of(handle)->value.data(), *len);
  }
  return code;
}

int walk(void *handle, enum part part, struct sink *sink)
{
  Store *store = of(handle);
  std::unique_ptr<leveldb::Iterator> at(
      store->db->NewIterator(leveldb::ReadOptions()));
  for (at->SeekToFirst(); at->Valid(); at->Next()) {
    if (part & KEYS)
      sink_key(sink, at->key().data(), at->key().size());
    if (part & VALUES)
      sink_value(sink, at->value().data(), at->value().size());
  }
  return said(at->status());
}

int prune(void *handle)
{
  of(handle)->db->CompactRange(nullptr, nullptr);
  return 0;
}

const char *version()
{
  static const std::string text =
      std::to_string(leveldb::kMajorVersion) + "." +
      std::to_string(leveldb::kMinorVersion);
  return text.c_str();
}

struct engine described()
{
  struct engine engine = {};
  engine.name = "leveldb";
  engine.settings = "64 MiB write buffer, 256 MiB block cache, bloom filter "
                    "of 10 bits, no compression; durable: one synced "
                    "WriteBatch for each commit; prune is CompactRange";
  engine.version = version;
  engine.open = open_store;
  engine.close = close_store;
  engine.put = put;
  engine.del = del;
  engine.put_many = put_many;
  engine.commit = commit;
  engine.get = get;
  engine.has = look_up;
  engine.walk = walk;
  engine.prune = prune;
  return engine;
}

} // namespace

extern "C" {
extern const struct engine engine_leveldb;
const struct engine engine_leveldb = described();
}
