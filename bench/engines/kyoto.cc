/*
 * kyoto.cc - Kyoto Cabinet: its file hash table
 */
#include <kchashdb.h>

#include <cstdio>
#include <cstring>
#include <memory>
#include <string>

#include "engines/engine.h"

namespace
{

using kyotocabinet::HashDB;

struct Store {
  HashDB db;
  bool durable;
  size_t value_len;
};

int failed(const Store *store)
{
  if (store->db.error() == kyotocabinet::BasicDB::Error::NOREC)
    return NONE;
  std::fprintf(stderr, "blt-bench: kyoto: %s\n", store->db.error().message());
  return -1;
}

void *open_store(const struct setup *setup)
{
  auto store = std::make_unique<Store>();
  store->durable = setup->durable;
  store->value_len = setup->value_len;
  const int64_t n = static_cast<int64_t>(setup->n_keys);
  const int64_t record = static_cast<int64_t>(setup->value_len) + 64;
  store->db.tune_options(HashDB::TLINEAR);
  store->db.tune_buckets(n * 2);
  store->db.tune_map(n * (record * 2 + 16) + (64 << 20));
  uint32_t mode = HashDB::OREADER;
  if (setup->mode != MODE_READ)
    mode = HashDB::OWRITER;
  if (setup->mode == MODE_NEW)
    mode |= HashDB::OCREATE | HashDB::OTRUNCATE;
  if (!store->db.open(std::string(setup->folder) + "/store.kch", mode)) {
    failed(store.get());
    return nullptr;
  }
  return store.release();
}

int close_store(void *handle)
{
  std::unique_ptr<Store> store(static_cast<Store *>(handle));
  return store->db.close() ? 0 : failed(store.get());
}

int put(void *handle, struct bytes key, struct bytes value)
{
  Store *store = static_cast<Store *>(handle);
  return store->db.set(key.data, key.len, value.data, value.len)
             ? 0
             : failed(store);
}

int del(void *handle, struct bytes key)
{
  Store *store = static_cast<Store *>(handle);
  return store->db.remove(key.data, key.len) ? 0 : failed(store);
}

int commit(void *handle)
{
  Store *store = static_cast<Store *>(handle);
  return store->db.synchronize(store->durable) ? 0 : failed(store);
}

int get(void *handle, struct bytes key, char *buf, size_t *len)
{
  Store *store = static_cast<Store *>(handle);
  const int32_t found = store->db.get(key.data, key.len, buf,
                                      store->value_len);
  if (found < 0)
    return failed(store);
  *len = static_cast<size_t>(found);
  return 0;
}

int has(void *handle, struct bytes key)
{
  Store *store = static_cast<Store *>(handle);
  return store->db.check(key.data, key.len) >= 0 ? 0 : failed(store);
}

class Walker final : public kyotocabinet::DB::Visitor
{
public:
  Walker(enum part part, struct sink *sink) : part_(part), sink_(sink) {}

private:
  const char *visit_full(const char *key, size_t key_len, const char *value,
                         size_t value_len, size_t *) override
  {
    if (part_ & KEYS)
      sink_key(sink_, key, key_len);
    if (part_ & VALUES)
      sink_value(sink_, value, value_len);
    return NOP;
  }

  enum part part_;
  struct sink *sink_;
};

int walk(void *handle, enum part part, struct sink *sink)
{
  Store *store = static_cast<Store *>(handle);
  Walker walker(part, sink);
  return store->db.iterate(&walker, false) ? 0 : failed(store);
}

int prune(void *handle)
{
  Store *store = static_cast<Store *>(handle);
  return store->db.defrag(0) ? 0 : failed(store);
}

const char *version()
{
  return kyotocabinet::VERSION;
}

struct engine described()
{
  struct engine engine = {};
  engine.name = "kyoto";
  engine.settings = "HashDB, TLINEAR, 2n buckets, the whole file mapped; "
                    "commit is synchronize, not hard; durable: hard; prune is "
                    "defrag";
  engine.version = version;
  engine.shared = 1;
  engine.open = open_store;
  engine.close = close_store;
  engine.put = put;
  engine.del = del;
  engine.commit = commit;
  engine.get = get;
  engine.has = has;
  engine.walk = walk;
  engine.prune = prune;
  return engine;
}

} // namespace

extern "C" {
extern const struct engine engine_kyoto;
const struct engine engine_kyoto = described();
}
