/*
 * upkeep.c - iterators by name, sync, batches, prune, verify, stats
 */
#include "store.h"

/* ---- walks */

#define WALK(name, what)                                                       \
  static PyObject *store_##name(PyObject *self, PyObject *unused)              \
  {                                                                            \
    (void)unused;                                                              \
    return iter_new((Store *)self, what, 1);                                   \
  }

WALK(keys, WALK_KEYS)
WALK(values, WALK_VALUES)
WALK(items, WALK_ITEMS)
WALK(locations, WALK_LOCATIONS)
WALK(scan, WALK_SCAN)

PyDoc_STRVAR(timestamps_doc,
             "timestamps($self, /, include_value=False, decode_value=True)\n"
             "--\n\n"
             "Iterate over (key, timestamp), or (key, timestamp, value).");

static PyObject *store_timestamps(PyObject *self, PyObject *const *args,
                                  Py_ssize_t n_args, PyObject *names_given)
{
  static const char *const names[] = {"include_value", "decode_value"};
  PyObject *given[2] = {Py_False, Py_True};

  if (take_args("timestamps", args, n_args, names_given, names, 2, 0, given) <
      0)
    return NULL;
  int with_value = PyObject_IsTrue(given[0]);
  int decode = PyObject_IsTrue(given[1]);
  if (with_value < 0 || decode < 0)
    return NULL;
  return iter_new((Store *)self, with_value ? WALK_TIMES_VALUES : WALK_TIMES,
                  decode);
}

/* ---- commits */

#define LONG_CALL(name, function)                                              \
  static PyObject *store_##name(PyObject *self, PyObject *unused)              \
  {                                                                            \
    (void)unused;                                                              \
    return call_alone((Store *)self, function);                                \
  }

static PyObject *call_alone(Store *store, blt_status (*function)(blt_db *))
{
  blt_status status;

  if (long_begin(store, 1) < 0)
    return NULL;
  Py_BEGIN_ALLOW_THREADS
  status = function(store->db);
  Py_END_ALLOW_THREADS
  if (long_end(store, status) < 0)
    return NULL;
  Py_RETURN_NONE;
}

LONG_CALL(checkpoint, blt_checkpoint)
LONG_CALL(commit_durably, blt_sync)
LONG_CALL(batch_begin, blt_batch_begin)
LONG_CALL(batch_commit, blt_batch_commit)
LONG_CALL(batch_abort, blt_batch_abort)
LONG_CALL(clear_all, blt_clear)

static PyObject *store_defer_reindex(PyObject *self, PyObject *flag)
{
  Store *store = (Store *)self;
  int defer = PyObject_IsTrue(flag);

  if (defer < 0 || enter_short_write(store) < 0)
    return NULL;
  blt_status status = blt_auto_reindex(store->db, defer ? BLT_OFF : BLT_ON);
  if (status < 0)
    return fail_raise(store, status);
  Py_RETURN_NONE;
}

/* ---- rewrites */

static int judge_views(const Store *store)
{
  if (store->n_views == 0)
    return 0;
  PyErr_SetString(PyExc_BufferError,
                  "views from get_view() are alive; release them first");
  return -1;
}

static blt_bytes *take_keep_keys(Store *store, PyObject *keys,
                                 struct blob **out_blobs, size_t *out_n)
{
  size_t n = (size_t)PyList_GET_SIZE(keys);
  struct blob *blobs = PyMem_Calloc(n + 1, sizeof *blobs);
  blt_bytes *names = PyMem_Calloc(n + 1, sizeof *names);

  *out_blobs = blobs;
  *out_n = 0;
  if (blobs == NULL || names == NULL) {
    PyMem_Free(names);
    PyErr_NoMemory();
    return NULL;
  }
  for (size_t i = 0; i < n; i++, (*out_n)++) {
    if (codec_dump(&store->key, PyList_GET_ITEM(keys, (Py_ssize_t)i),
                   &blobs[i]) < 0) {
      PyMem_Free(names);
      return NULL;
    }
    names[i] = (blt_bytes){blobs[i].data, blobs[i].len};
  }
  return names;
}

PyDoc_STRVAR(prune_doc, "_prune(older_than, keep_keys: list, n_buckets, fit)");

static PyObject *store_prune(PyObject *self, PyObject *args)
{
  Store *store = (Store *)self;
  blt_prune_options options = BLT_PRUNE_OPTIONS_INIT;
  unsigned long long older_than;
  uint32_t n_buckets;
  int fit;
  PyObject *keys;
  struct blob *blobs = NULL;
  uint64_t dropped = 0;
  blt_status status;

  if (!PyArg_ParseTuple(args, "KO!O&p", &older_than, &PyList_Type, &keys,
                        take_u32, &n_buckets, &fit) ||
      judge_views(store) < 0)
    return NULL;
  PyObject *result = NULL;
  blt_bytes *names = take_keep_keys(store, keys, &blobs, &options.n_keep_keys);
  if (names != NULL && long_begin(store, 1) == 0) {
    options.older_than = older_than;
    options.keep_keys = names;
    options.n_buckets = n_buckets;
    options.fit_buckets = fit ? BLT_ON : BLT_DEFAULT;
    Py_BEGIN_ALLOW_THREADS
    status = blt_prune(store->db, &options, &dropped);
    Py_END_ALLOW_THREADS
    store->n_compactions += status == BLT_OK;
    if (long_end(store, status) == 0)
      result = PyLong_FromUnsignedLongLong(dropped);
  }
  for (size_t i = 0; i < options.n_keep_keys; i++)
    blob_free(&blobs[i]);
  PyMem_Free(blobs);
  PyMem_Free(names);
  return result;
}

PyDoc_STRVAR(clear_doc, "clear($self)\n--\n\nRemove all keys and values.");

static PyObject *store_clear(PyObject *self, PyObject *unused)
{
  Store *store = (Store *)self;

  if (judge_views(store) < 0)
    return NULL;
  PyObject *result = store_clear_all(self, unused);
  store->n_compactions += result != NULL;
  return result;
}

PyDoc_STRVAR(reindex_doc,
             "reindex($self, n_buckets=0, /)\n--\n\n"
             "Give the index another number of buckets; 0: by the keys.");

static PyObject *store_reindex(PyObject *self, PyObject *args)
{
  Store *store = (Store *)self;
  uint32_t n_buckets = 0;
  blt_status status;

  if (!PyArg_ParseTuple(args, "|O&:reindex", take_u32, &n_buckets) ||
      long_begin(store, 1) < 0)
    return NULL;
  Py_BEGIN_ALLOW_THREADS
  status = blt_reindex(store->db, n_buckets);
  Py_END_ALLOW_THREADS
  if (long_end(store, status) < 0)
    return NULL;
  Py_RETURN_NONE;
}

/* ---- verify and stats */

static void add_fault(void *ctx, const blt_fault *fault)
{
  PyGILState_STATE gil = PyGILState_Ensure();
  PyObject *offset = fault->offset == BLT_NO_OFFSET
                         ? Py_NewRef(Py_None)
                         : PyLong_FromUnsignedLongLong(fault->offset);
  PyObject *entry = offset == NULL ? NULL
                                   : Py_BuildValue("sNs", fault->kind, offset,
                                                   fault->message);

  if (entry == NULL || PyList_Append(ctx, entry) < 0)
    PyErr_Clear();
  Py_XDECREF(entry);
  PyGILState_Release(gil);
}

PyDoc_STRVAR(verify_doc, "_verify(max_faults) -> (faults, counts)");

static PyObject *store_verify(PyObject *self, PyObject *max_faults)
{
  Store *store = (Store *)self;
  blt_verify_options options = BLT_VERIFY_OPTIONS_INIT;
  blt_verify_report report = {0};
  blt_status status;

  options.max_faults = PyLong_AsUnsignedLongLong(max_faults);
  if (PyErr_Occurred())
    return NULL;
  PyObject *faults = PyList_New(0);
  if (faults == NULL || long_begin(store, 0) < 0) {
    Py_XDECREF(faults);
    return NULL;
  }
  options.on_fault = add_fault;
  options.on_fault_ctx = faults;
  Py_BEGIN_ALLOW_THREADS
  status = blt_verify(store->db, &options, &report);
  Py_END_ALLOW_THREADS
  if (long_end(store, status == BLT_E_CORRUPT ? BLT_OK : status) < 0) {
    Py_DECREF(faults);
    return NULL;
  }
  return Py_BuildValue("N{sKsKsKsKsK}", faults, "n_faults",
                       (unsigned long long)report.n_faults, "n_live",
                       (unsigned long long)report.n_live, "n_dead",
                       (unsigned long long)report.n_dead, "n_hidden",
                       (unsigned long long)report.n_hidden, "n_records",
                       (unsigned long long)report.n_records);
}

#define COUNT(field) #field, (unsigned long long)s.field

PyDoc_STRVAR(stats_doc, "_stats() -> dict");

static PyObject *store_stats(PyObject *self, PyObject *unused)
{
  Store *store = (Store *)self;
  blt_stats s;
  blt_status status;

  (void)unused;
  if (long_begin(store, 0) < 0)
    return NULL;
  Py_BEGIN_ALLOW_THREADS
  status = blt_stat(store->db, &s);
  Py_END_ALLOW_THREADS
  if (long_end(store, status) < 0)
    return NULL;
  PyObject *bins = PyList_New(BLT_CHAIN_BINS);
  for (int i = 0; bins != NULL && i < BLT_CHAIN_BINS; i++) {
    PyObject *n = PyLong_FromUnsignedLongLong(s.chain_bins[i]);
    if (n == NULL)
      Py_CLEAR(bins);
    else
      PyList_SET_ITEM(bins, i, n);
  }
  if (bins == NULL)
    return NULL;
  return Py_BuildValue(
      "{sKsKsKsKsKsKsKsKsKsKsKsKsKsKsKsKsKsKsKsKsKsN}", COUNT(file_len),
      COUNT(n_keys), COUNT(n_hidden), COUNT(n_live), COUNT(n_dead),
      COUNT(n_records), COUNT(live_len), COUNT(dead_len), COUNT(index_len),
      COUNT(other_len), COUNT(record_len), COUNT(chain_max), COUNT(chain_steps),
      COUNT(key_len_min), COUNT(key_len_max), COUNT(key_len_sum),
      COUNT(value_len_min), COUNT(value_len_max), COUNT(value_len_sum),
      COUNT(value_len_p50), COUNT(value_len_p99), "chain_bins", bins);
}

/* ---- what the callback is */

static PyObject *store_set_progress(PyObject *self, PyObject *progress)
{
  Py_XSETREF(((Store *)self)->progress,
             progress == Py_None ? NULL : Py_NewRef(progress));
  Py_RETURN_NONE;
}

PyMethodDef upkeep_methods[] = {
    {"keys", store_keys, METH_NOARGS, "keys($self)\n--\n\nIterate over keys."},
    {"values", store_values, METH_NOARGS,
     "values($self)\n--\n\nIterate over values."},
    {"items", store_items, METH_NOARGS,
     "items($self)\n--\n\nIterate over (key, value)."},
    {"timestamps", FAST(store_timestamps), timestamps_doc},
    {"locations", store_locations, METH_NOARGS,
     "locations($self)\n--\n\n"
     "Iterate over (key, timestamp or None, offset, length) of all values,\n"
     "good in the file until prune() or clear()."},
    {"_iter_items_unlocked", store_scan, METH_NOARGS, NULL},
    {"_checkpoint", store_checkpoint, METH_NOARGS, NULL},
    {"_commit_durably", store_commit_durably, METH_NOARGS, NULL},
    {"_batch_begin", store_batch_begin, METH_NOARGS, NULL},
    {"_batch_commit", store_batch_commit, METH_NOARGS, NULL},
    {"_batch_abort", store_batch_abort, METH_NOARGS, NULL},
    {"_defer_reindex", store_defer_reindex, METH_O, NULL},
    {"_prune", store_prune, METH_VARARGS, prune_doc},
    {"clear", store_clear, METH_NOARGS, clear_doc},
    {"reindex", store_reindex, METH_VARARGS, reindex_doc},
    {"_verify", store_verify, METH_O, verify_doc},
    {"_stats", store_stats, METH_NOARGS, stats_doc},
    {"_set_progress", store_set_progress, METH_O, NULL},
    {NULL, NULL, 0, NULL}};
