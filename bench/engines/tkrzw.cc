/*
 * tkrzw.cc - Tkrzw: its file hash table
 */
#include <tkrzw_dbm_hash.h>
#include <tkrzw_file_mmap.h>
#include <tkrzw_lib_common.h>

#include <cstdio>
#include <cstring>
#include <memory>
#include <string>

#include "engines/engine.h"

namespace
{

struct Store {
  std::unique_ptr<tkrzw::HashDBM> dbm;
  bool durable;
};

int said(const tkrzw::Status &status)
{
  if (status == tkrzw::Status::SUCCESS)
    return 0;
  if (status == tkrzw::Status::NOT_FOUND_ERROR)
    return NONE;
  std::fprintf(stderr, "blt-bench: tkrzw: %s\n", tkrzw::ToString(status).c_str());
  return -1;
}

std::string_view view(struct bytes bytes)
{
  return std::string_view(bytes.data, bytes.len);
}

void *open_store(const struct setup *setup)
{
  auto store = std::make_unique<Store>();
  store->durable = setup->durable;
  store->dbm = std::make_unique<tkrzw::HashDBM>(
      std::make_unique<tkrzw::MemoryMapParallelFile>());
  tkrzw::HashDBM::TuningParameters tuning;
  tuning.num_buckets = static_cast<int64_t>(setup->n_keys * 2);
  tuning.offset_width = 5;
  const std::string path = std::string(setup->folder) + "/store.tkh";
  const bool writable = setup->mode != MODE_READ;
  if (said(store->dbm->OpenAdvanced(path, writable,
                                    tkrzw::File::OPEN_DEFAULT, tuning)) < 0)
    return nullptr;
  return store.release();
}

int close_store(void *handle)
{
  std::unique_ptr<Store> store(static_cast<Store *>(handle));
  return said(store->dbm->Close());
}

int put(void *handle, struct bytes key, struct bytes value)
{
  return said(static_cast<Store *>(handle)->dbm->Set(view(key), view(value)));
}

int del(void *handle, struct bytes key)
{
  return said(static_cast<Store *>(handle)->dbm->Remove(view(key)));
}

int commit(void *handle)
{
  Store *store = static_cast<Store *>(handle);
  return said(store->dbm->Synchronize(store->durable));
}

/* Copies the value out while the record is at hand: one copy, no string. */
class Getter final : public tkrzw::DBM::RecordProcessor
{
public:
  Getter(char *buf, size_t *len) : buf_(buf), len_(len) {}
  std::string_view ProcessFull(std::string_view,
                               std::string_view value) override
  {
    std::memcpy(buf_, value.data(), value.size());
    *len_ = value.size();
    found = true;
    return NOOP;
  }
  bool found = false;

private:
  char *buf_;
  size_t *len_;
};

int get(void *handle, struct bytes key, char *buf, size_t *len)
{
  Getter getter(buf, len);
  const tkrzw::Status status =
      static_cast<Store *>(handle)->dbm->Process(view(key), &getter, false);
  if (status != tkrzw::Status::SUCCESS)
    return said(status);
  return getter.found ? 0 : NONE;
}

int has(void *handle, struct bytes key)
{
  return said(static_cast<Store *>(handle)->dbm->Get(view(key)));
}

class Walker final : public tkrzw::DBM::RecordProcessor
{
public:
  Walker(enum part part, struct sink *sink) : part_(part), sink_(sink) {}
  std::string_view ProcessFull(std::string_view key,
                               std::string_view value) override
  {
    if (part_ & KEYS)
      sink_key(sink_, key.data(), key.size());
    if (part_ & VALUES)
      sink_value(sink_, value.data(), value.size());
    return NOOP;
  }

private:
  enum part part_;
  struct sink *sink_;
};

int walk(void *handle, enum part part, struct sink *sink)
{
  Walker walker(part, sink);
  return said(static_cast<Store *>(handle)->dbm->ProcessEach(&walker, false));
}

int prune(void *handle)
{
  return said(static_cast<Store *>(handle)->dbm->Rebuild());
}

const char *version()
{
  return tkrzw::PACKAGE_VERSION;
}

struct engine described()
{
  struct engine engine = {};
  engine.name = "tkrzw";
  engine.settings = "HashDBM on a parallel memory map, 2n buckets, 5-byte "
                    "offsets; commit is Synchronize, not hard; durable: hard; "
                    "prune is Rebuild";
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
extern const struct engine engine_tkrzw;
const struct engine engine_tkrzw = described();
}
