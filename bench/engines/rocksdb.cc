/*
 * rocksdb.cc - RocksDB: sorted tables in levels
 */
#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>
#include <rocksdb/version.h>
#include <rocksdb/write_batch.h>

#include <cstdio>
#include <cstring>
#include <memory>
#include <string>

#include "engines/engine.h"

namespace
{

struct Store {
  std::unique_ptr<rocksdb::DB> db;
  rocksdb::WriteOptions writing;
  rocksdb::ReadOptions reading;
  rocksdb::WriteBatch batch; /* what is put until the durable commit */
  rocksdb::PinnableSlice value;
  bool durable, dirty;
};

int said(const rocksdb::Status &status)
{
  if (status.ok())
    return 0;
  if (status.IsNotFound())
    return NONE;
  std::fprintf(stderr, "blt-bench: rocksdb: %s\n", status.ToString().c_str());
  return -1;
}

rocksdb::Slice slice(struct bytes bytes)
{
  return rocksdb::Slice(bytes.data, bytes.len);
}

Store *of(void *handle)
{
  return static_cast<Store *>(handle);
}

rocksdb::Options options_for(const struct setup *setup)
{
  rocksdb::BlockBasedTableOptions table;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.block_cache = rocksdb::NewLRUCache(256 << 20);
  rocksdb::Options options;
  options.create_if_missing = setup->mode == MODE_NEW;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.write_buffer_size = 64 << 20;
  options.compression = rocksdb::kNoCompression;
  options.allow_mmap_reads = true;
  return options;
}

void *open_store(const struct setup *setup)
{
  auto store = std::make_unique<Store>();
  store->durable = setup->durable;
  store->dirty = false;
  store->writing.disableWAL = !setup->durable;
  store->writing.sync = setup->durable;
  const rocksdb::Options options = options_for(setup);
  const std::string path = std::string(setup->folder) + "/store.rocksdb";
  rocksdb::DB *db = nullptr;
  const rocksdb::Status status =
      setup->mode == MODE_READ
          ? rocksdb::DB::OpenForReadOnly(options, path, &db)
          : rocksdb::DB::Open(options, path, &db);
  if (said(status) < 0)
    return nullptr;
  store->db.reset(db);
  return store.release();
}

int close_store(void *handle)
{
  Store *store = of(handle);
  const int code = said(store->db->Close());
  store->value.Reset(); /* it may hold a block of the database */
  delete store;
  return code;
}

int put(void *handle, struct bytes key, struct bytes value)
{
  Store *store = of(handle);
  store->dirty = true;
  if (!store->durable)
    return said(store->db->Put(store->writing, slice(key), slice(value)));
  return said(store->batch.Put(slice(key), slice(value)));
}

int del(void *handle, struct bytes key)
{
  Store *store = of(handle);
  store->dirty = true;
  return said(store->db->Delete(store->writing, slice(key)));
}

int put_many(void *handle, const struct bytes *keys, const struct bytes *values,
             size_t n)
{
  Store *store = of(handle);
  store->dirty = true;
  store->batch.Clear();
  for (size_t i = 0; i < n; i++)
    store->batch.Put(slice(keys[i]), slice(values[i]));
  return said(store->db->Write(store->writing, &store->batch));
}

/* Without a log, what was put is in memory only until it is flushed. */
int commit(void *handle)
{
  Store *store = of(handle);
  int code = 0;
  if (store->durable)
    code = said(store->db->Write(store->writing, &store->batch));
  else if (store->dirty)
    code = said(store->db->Flush(rocksdb::FlushOptions()));
  store->batch.Clear();
  store->dirty = false;
  return code;
}

int look_up(void *handle, struct bytes key)
{
  Store *store = of(handle);
  store->value.Reset();
  return said(store->db->Get(store->reading,
                             store->db->DefaultColumnFamily(), slice(key),
                             &store->value));
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
  std::unique_ptr<rocksdb::Iterator> at(
      store->db->NewIterator(store->reading));
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
  rocksdb::CompactRangeOptions options;
  return said(of(handle)->db->CompactRange(options, nullptr, nullptr));
}

const char *version()
{
  static const std::string text = rocksdb::GetRocksVersionAsString();
  return text.c_str();
}

struct engine described()
{
  struct engine engine = {};
  engine.name = "rocksdb";
  engine.settings =
      "no log, 64 MiB write buffer, 256 MiB block cache, bloom filter of 10 "
      "bits, mapped tables, no compression; commit is Flush; durable: one "
      "synced WriteBatch with the log; prune is CompactRange";
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
extern const struct engine engine_rocksdb;
const struct engine engine_rocksdb = described();
}
