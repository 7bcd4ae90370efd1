/*
 * access.c - one key: get, set, in, del, times
 */
#include "store.h"

/* From here on a value is copied, or put, without the GIL. */
enum { LARGE = 1 << 18 };

PyObject *clock_helper;

int clock_of(PyObject *timestamp, uint64_t *out)
{
  PyObject *number = timestamp;

  *out = BLT_NOW;
  if (timestamp == NULL || timestamp == Py_None)
    return 0;
  if (!PyLong_Check(timestamp)) {
    number = PyObject_CallOneArg(clock_helper, timestamp);
    if (number == NULL)
      return -1;
  }
  *out = PyLong_AsUnsignedLongLong(number);
  if (number != timestamp)
    Py_DECREF(number);
  if (*out == BLT_NOW && !PyErr_Occurred())
    PyErr_SetString(PyExc_OverflowError, "int too big to convert");
  return PyErr_Occurred() ? -1 : 0;
}

int take_args(const char *function, PyObject *const *args, Py_ssize_t n_args,
              PyObject *names_given, const char *const *names, int n_names,
              int n_needed, PyObject **out)
{
  Py_ssize_t n_named = names_given == NULL ? 0 : PyTuple_GET_SIZE(names_given);
  unsigned given = 0;

  if (n_args > n_names) {
    PyErr_Format(PyExc_TypeError, "%s() takes at most %d arguments (%zd given)",
                 function, n_names, n_args + n_named);
    return -1;
  }
  for (Py_ssize_t i = 0; i < n_args; i++, given |= 1u << (i - 1))
    out[i] = args[i];
  for (Py_ssize_t i = 0; i < n_named; i++) {
    PyObject *name = PyTuple_GET_ITEM(names_given, i);
    int at = 0;
    while (at < n_names && PyUnicode_CompareWithASCIIString(name, names[at]))
      at++;
    if (at == n_names || (given & 1u << at)) {
      PyErr_Format(PyExc_TypeError, "%s() got %s argument '%U'", function,
                   at == n_names ? "an unexpected" : "two values for", name);
      return -1;
    }
    out[at] = args[n_args + i];
    given |= 1u << at;
  }
  for (int i = 0; i < n_needed; i++)
    if (!(given & 1u << i)) {
      PyErr_Format(PyExc_TypeError, "%s() misses the argument '%s'", function,
                   names[i]);
      return -1;
    }
  return 0;
}

/* ---- booklet's own keys, which booklet finds when they are asked for */

enum { NOT_HIDDEN, HIDDEN_METADATA, HIDDEN_SLOT_1, HIDDEN_SLOT_2 };

static int which_hidden(const Store *store, const struct blob *key)
{
  static const char keys[][24] = {"adb01ebc1ba3433eb043527",
                                  "7c40d2ea915b4f3a8e6d201",
                                  "f19a5c3d7e2b48069ab34c5"};

  if (key->len != 23 || store->fixed)
    return NOT_HIDDEN;
  for (int i = 0; i < 3; i++)
    if (memcmp(key->data, keys[i], 23) == 0)
      return i + 1;
  return NOT_HIDDEN;
}

static blt_status get_hidden(Store *store, int which, blt_bytes *out,
                             uint64_t *out_time)
{
  return which == HIDDEN_METADATA
             ? blt_metadata_get(store->db, out, out_time)
             : blt_slot_get(store->db, which - HIDDEN_METADATA, out, out_time);
}

static blt_status put_hidden(Store *store, int which, const struct blob *value,
                             uint64_t time)
{
  return which == HIDDEN_METADATA
             ? blt_metadata_set(store->db, value->data, value->len, time)
             : blt_slot_set(store->db, which - HIDDEN_METADATA, value->data,
                            value->len, time);
}

static blt_status delete_hidden(Store *store, int which)
{
  return which == HIDDEN_METADATA
             ? blt_metadata_delete(store->db)
             : blt_slot_delete(store->db, which - HIDDEN_METADATA);
}

/* ---- reading */

static blt_status find(Store *store, const struct blob *key, blt_bytes *out)
{
  blt_status status = blt_get(store->db, key->data, key->len, out);

  if (status != BLT_NOT_FOUND || key->len != 23)
    return status;
  int which = which_hidden(store, key);
  return which ? get_hidden(store, which, out, NULL) : status;
}

static PyObject *copy_large(Store *store, const blt_bytes *value)
{
  PyObject *bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)value->len);

  /* A reader does not wait here: enter_short_read has just let us in. */
  if (bytes == NULL || gate_enter_read(&store->gate) < 0) {
    Py_XDECREF(bytes);
    return NULL;
  }
  Py_BEGIN_ALLOW_THREADS
  memcpy(PyBytes_AS_STRING(bytes), value->data, value->len);
  Py_END_ALLOW_THREADS
  gate_leave_read(&store->gate);
  return bytes;
}

static PyObject *load_value(Store *store, const blt_bytes *value, int decode)
{
  if (!decode || value->len >= LARGE) {
    PyObject *bytes =
        value->len < LARGE
            ? PyBytes_FromStringAndSize(value->data, (Py_ssize_t)value->len)
            : copy_large(store, value);
    if (bytes == NULL || !decode || store->value.kind == CODEC_BYTES)
      return bytes;
    PyObject *object = store->value.kind == CODEC_CALL
                           ? PyObject_CallOneArg(store->value.loads, bytes)
                           : codec_load(&store->value, PyBytes_AS_STRING(bytes),
                                        (size_t)PyBytes_GET_SIZE(bytes));
    Py_DECREF(bytes);
    return object;
  }
  return codec_load(&store->value, value->data, value->len);
}

/* NULL without an exception: there is no such key. */
static PyObject *lookup(Store *store, PyObject *key)
{
  struct blob blob;
  blt_bytes value;
  PyObject *result = NULL;

  if (codec_dump(&store->key, key, &blob) < 0)
    return NULL;
  if (enter_short_read(store) == 0) {
    blt_status status = find(store, &blob, &value);
    if (status == BLT_OK)
      result = load_value(store, &value, 1);
    else if (status < 0)
      fail_raise(store, status);
  }
  blob_free(&blob);
  return result;
}

static PyObject *store_subscript(PyObject *self, PyObject *key)
{
  PyObject *value = lookup((Store *)self, key);

  if (value != NULL && value != Py_None)
    return value;
  Py_XDECREF(value); /* as in booklet, a stored None reads as missing        */
  return PyErr_Occurred() ? NULL : fail_key(key);
}

PyDoc_STRVAR(get_doc, "get($self, /, key, default=None)\n--\n\n"
                      "The value of key, or default.");

static PyObject *store_get(PyObject *self, PyObject *const *args,
                           Py_ssize_t n_args, PyObject *names_given)
{
  static const char *const names[] = {"key", "default"};
  PyObject *given[2] = {NULL, Py_None};

  if (take_args("get", args, n_args, names_given, names, 2, 1, given) < 0)
    return NULL;
  PyObject *value = lookup((Store *)self, given[0]);
  if (value != NULL || PyErr_Occurred())
    return value;
  return Py_NewRef(given[1]);
}

static int store_contains(PyObject *self, PyObject *key)
{
  Store *store = (Store *)self;
  struct blob blob;
  int result = -1;

  if (codec_dump(&store->key, key, &blob) < 0)
    return -1;
  if (enter_short_read(store) == 0) {
    blt_status status = blt_has(store->db, blob.data, blob.len);
    int which;
    blt_bytes value;
    if (status == BLT_NOT_FOUND && (which = which_hidden(store, &blob)))
      status = get_hidden(store, which, &value, NULL);
    if (status < 0)
      fail_raise(store, status);
    else
      result = status == BLT_OK;
  }
  blob_free(&blob);
  return result;
}

static Py_ssize_t store_length(PyObject *self)
{
  Store *store = (Store *)self;
  uint64_t count = store->last_count;

  if (store->db == NULL || store->closing)
    return (Py_ssize_t)count;
  if (enter_short_read(store) < 0)
    return -1;
  blt_status status = blt_count(store->db, &count);
  if (status < 0)
    fail_raise(store, status);
  return status < 0 ? -1 : (Py_ssize_t)count;
}

/* ---- writing */

static blt_status put_blobs(Store *store, const struct blob *key,
                            const struct blob *value, uint64_t time)
{
  int which = which_hidden(store, key);

  if (which)
    return put_hidden(store, which, value, time);
  return blt_put_at(store->db, key->data, key->len, value->data, value->len,
                    time);
}

static int put(Store *store, const struct blob *key, const struct blob *value,
               uint64_t time)
{
  size_t cost = key->len + value->len + 32;
  blt_status status;

  if (store->fixed && value->len != store->value_len) {
    PyErr_Format(PyExc_ValueError,
                 "Value must serialize to exactly %u bytes, got %zu.",
                 (unsigned)store->value_len, value->len);
    return -1;
  }
  if (enter_short_write(store) < 0)
    return -1;
  store->pending += cost;
  if (is_commit_near(store) || value->len >= LARGE) {
    if (long_begin(store, 1) < 0)
      return -1;
    Py_BEGIN_ALLOW_THREADS
    status = put_blobs(store, key, value, time);
    Py_END_ALLOW_THREADS
    return long_end(store, status);
  }
  status = put_blobs(store, key, value, time);
  if (status < 0)
    fail_raise(store, status);
  return status < 0 ? -1 : 0;
}

static int put_objects(Store *store, PyObject *key, PyObject *value,
                       uint64_t time, int encode)
{
  struct blob k, v;
  int result = -1;

  if (!store->writable) {
    fail_read_only();
    return -1;
  }
  if (encode) {
    if (codec_dump(&store->value, value, &v) < 0)
      return -1;
  } else if (!PyBytes_Check(value)) {
    PyErr_SetString(
        PyExc_TypeError,
        "If encode_value is False, then value must be a bytes object.");
    return -1;
  } else if (blob_of_bytes(value, &v) < 0) {
    return -1;
  }
  if (codec_dump(&store->key, key, &k) == 0) {
    result = put(store, &k, &v, time);
    blob_free(&k);
  }
  blob_free(&v);
  return result;
}

static int delete (Store *store, PyObject *key)
{
  struct blob blob;
  int which, result = -1;

  if (!store->writable) {
    fail_read_only();
    return -1;
  }
  if (codec_dump(&store->key, key, &blob) < 0)
    return -1;
  if (enter_short_write(store) == 0) {
    blt_status status = blt_delete(store->db, blob.data, blob.len);
    if (status == BLT_NOT_FOUND && (which = which_hidden(store, &blob)))
      status = delete_hidden(store, which);
    store->pending += blob.len + 32;
    if (is_commit_near(store))
      store_measure_room(store);
    if (status < 0)
      fail_raise(store, status);
    else if (status == BLT_NOT_FOUND)
      fail_key(key);
    else
      result = 0;
  }
  blob_free(&blob);
  return result;
}

static int store_assign(PyObject *self, PyObject *key, PyObject *value)
{
  return value == NULL ? delete ((Store *)self, key)
                       : put_objects((Store *)self, key, value, BLT_NOW, 1);
}

PyDoc_STRVAR(set_doc,
             "set($self, /, key, value, timestamp=None, encode_value=True)\n"
             "--\n\n"
             "Store a value, with a timestamp (now), and encoded (or, with\n"
             "encode_value=False, the bytes as they are).");

static PyObject *store_set(PyObject *self, PyObject *const *args,
                           Py_ssize_t n_args, PyObject *names_given)
{
  static const char *const names[] = {"key", "value", "timestamp",
                                      "encode_value"};
  Store *store = (Store *)self;
  PyObject *given[4] = {NULL, NULL, Py_None, Py_True};
  uint64_t time;

  if (take_args("set", args, n_args, names_given, names, 4, 2, given) < 0)
    return NULL;
  int encode = PyObject_IsTrue(given[3]);
  if (encode < 0)
    return NULL;
  if (!store->writable)
    return fail_read_only();
  if (store->fixed && given[2] != Py_None) {
    PyErr_SetString(PyExc_ValueError,
                    "Fixed-length booklets do not support timestamps.");
    return NULL;
  }
  if (!store->has_times)
    given[2] = Py_None; /* there is no room for it, as in booklet            */
  if (clock_of(given[2], &time) < 0 ||
      put_objects(store, given[0], given[1], time, encode) < 0)
    return NULL;
  Py_RETURN_NONE;
}

/* ---- times */

static PyObject *fail_no_times(void)
{
  PyErr_SetString(PyExc_ValueError,
                  "timestamps were not initialized with this file.");
  return NULL;
}

static PyObject *time_and_value(Store *store, uint64_t time,
                                const blt_bytes *value, int decode)
{
  PyObject *loaded = load_value(store, value, decode);

  return loaded == NULL ? NULL
                        : Py_BuildValue("KN", (unsigned long long)time, loaded);
}

static blt_status find_time(Store *store, const struct blob *key,
                            uint64_t *time, blt_bytes *value)
{
  blt_status status = blt_timestamp_get(store->db, key->data, key->len, time);
  int which;

  if (status == BLT_NOT_FOUND && (which = which_hidden(store, key)))
    return get_hidden(store, which, value, time);
  return status == BLT_OK ? blt_get(store->db, key->data, key->len, value)
                          : status;
}

PyDoc_STRVAR(get_timestamp_doc,
             "get_timestamp($self, /, key, include_value=False,\n"
             "              decode_value=True, default=None)\n--\n\n"
             "The timestamp of key, or (timestamp, value), or default.");

static PyObject *store_get_timestamp(PyObject *self, PyObject *const *args,
                                     Py_ssize_t n_args, PyObject *names_given)
{
  static const char *const names[] = {"key", "include_value", "decode_value",
                                      "default"};
  Store *store = (Store *)self;
  PyObject *given[4] = {NULL, Py_False, Py_True, Py_None}, *result = NULL;
  struct blob blob;
  blt_bytes value;
  uint64_t time;

  if (take_args("get_timestamp", args, n_args, names_given, names, 4, 1,
                given) < 0)
    return NULL;
  int with_value = PyObject_IsTrue(given[1]);
  int decode = PyObject_IsTrue(given[2]);
  if (with_value < 0 || decode < 0)
    return NULL;
  if (store->db != NULL && !store->has_times)
    return fail_no_times();
  if (codec_dump(&store->key, given[0], &blob) < 0)
    return NULL;
  if (enter_short_read(store) == 0) {
    blt_status status = find_time(store, &blob, &time, &value);
    if (status < 0)
      fail_raise(store, status);
    else if (status == BLT_NOT_FOUND)
      result = Py_NewRef(given[3]);
    else
      result = with_value ? time_and_value(store, time, &value, decode)
                          : PyLong_FromUnsignedLongLong(time);
  }
  blob_free(&blob);
  return result;
}

PyDoc_STRVAR(set_timestamp_doc,
             "set_timestamp($self, /, key, timestamp)\n--\n\n"
             "Change the timestamp of key in place.");

static PyObject *store_set_timestamp(PyObject *self, PyObject *const *args,
                                     Py_ssize_t n_args, PyObject *names_given)
{
  static const char *const names[] = {"key", "timestamp"};
  Store *store = (Store *)self;
  PyObject *given[2] = {NULL, NULL}, *result = NULL;
  struct blob blob;
  uint64_t time;

  if (take_args("set_timestamp", args, n_args, names_given, names, 2, 2,
                given) < 0)
    return NULL;
  if (store->db != NULL && !store->has_times)
    return fail_no_times();
  if (!store->writable)
    return fail_read_only();
  if (clock_of(given[1], &time) < 0 ||
      codec_dump(&store->key, given[0], &blob) < 0)
    return NULL;
  if (enter_short_write(store) == 0) {
    blt_status status = blt_timestamp_set(store->db, blob.data, blob.len, time);
    if (status < 0)
      fail_raise(store, status);
    else
      result =
          status == BLT_NOT_FOUND ? fail_key(given[0]) : Py_NewRef(Py_None);
  }
  blob_free(&blob);
  return result;
}

/* ---- metadata and slots: slot 0 is the metadata */

PyDoc_STRVAR(get_hidden_doc, "_get_hidden(slot) -> (bytes, timestamp) | None");

static PyObject *store_get_hidden(PyObject *self, PyObject *slot)
{
  Store *store = (Store *)self;
  long which = PyLong_AsLong(slot);
  blt_bytes value;
  uint64_t time = 0;

  if ((which == -1 && PyErr_Occurred()) || enter_short_read(store) < 0)
    return NULL;
  blt_status status =
      get_hidden(store, (int)which + HIDDEN_METADATA, &value, &time);
  if (status == BLT_NOT_FOUND || status == BLT_E_UNSUPPORTED)
    Py_RETURN_NONE;
  if (status < 0)
    return fail_raise(store, status);
  return Py_BuildValue("y#K", value.data, (Py_ssize_t)value.len,
                       (unsigned long long)time);
}

PyDoc_STRVAR(set_hidden_doc, "_set_hidden(slot, data, timestamp)");

/* In the file at once, so that a kill does not take it: a batch of its own,
 * unless the user has one open. */
static blt_status put_hidden_now(Store *store, int which,
                                 const struct blob *value, uint64_t time)
{
  blt_status status = blt_batch_begin(store->db);

  if (status == BLT_E_BUSY)
    return put_hidden(store, which, value, time);
  if (status < 0 || (status = put_hidden(store, which, value, time)) < 0) {
    (void)blt_batch_abort(store->db);
    return status;
  }
  status = blt_batch_commit(store->db);
  if (status == BLT_E_NO_SPACE)
    (void)blt_batch_abort(store->db);
  return status;
}

static PyObject *store_set_hidden(PyObject *self, PyObject *args)
{
  Store *store = (Store *)self;
  PyObject *data, *timestamp;
  struct blob blob;
  uint64_t time;
  int slot;
  blt_status status;

  if (!PyArg_ParseTuple(args, "iOO", &slot, &data, &timestamp) ||
      clock_of(store->has_times ? timestamp : Py_None, &time) < 0 ||
      blob_of_bytes(data, &blob) < 0)
    return NULL;
  if (long_begin(store, 1) < 0) {
    blob_free(&blob);
    return NULL;
  }
  Py_BEGIN_ALLOW_THREADS
  status = put_hidden_now(store, slot + HIDDEN_METADATA, &blob, time);
  Py_END_ALLOW_THREADS
  int result = long_end(store, status);
  blob_free(&blob);
  if (result < 0)
    return NULL;
  Py_RETURN_NONE;
}

/* ---- views */

PyDoc_STRVAR(get_view_doc,
             "get_view($self, /, key, default=None)\n--\n\n"
             "The stored bytes of key as a read-only memoryview, not copied\n"
             "and not decoded. It stays good, and keeps the map and the\n"
             "file's lock, until it is released; prune(), clear() and\n"
             "reopen() raise BufferError meanwhile.");

static PyObject *view_of(Store *store, const struct blob *key,
                         PyObject *missing)
{
  blt_bytes value;
  blt_status status;

  /* What waits in the write buffer is moved by the next put. */
  if (store->writable && store->pending > 0 && long_begin(store, 1) == 0) {
    Py_BEGIN_ALLOW_THREADS
    status = blt_batch_begin(store->db);
    if (status == BLT_OK)
      status = blt_batch_abort(store->db);
    Py_END_ALLOW_THREADS
    if (status == BLT_E_BUSY) {
      gate_leave_write(&store->gate);
      PyErr_SetString(PyExc_RuntimeError,
                      "no views inside batch(); take them before or after");
      return NULL;
    }
    if (long_end(store, status) < 0)
      return NULL;
  }
  if (PyErr_Occurred() || enter_short_read(store) < 0)
    return NULL;
  status = find(store, key, &value);
  if (status < 0)
    return fail_raise(store, status);
  return status == BLT_NOT_FOUND ? Py_NewRef(missing) : view_new(store, value);
}

static PyObject *store_get_view(PyObject *self, PyObject *const *args,
                                Py_ssize_t n_args, PyObject *names_given)
{
  static const char *const names[] = {"key", "default"};
  Store *store = (Store *)self;
  PyObject *given[2] = {NULL, Py_None};
  struct blob blob;

  if (take_args("get_view", args, n_args, names_given, names, 2, 1, given) < 0)
    return NULL;
  if (store->in_memory && store->writable) {
    PyErr_SetString(PyExc_ValueError,
                    "no views of a store that is written in memory");
    return NULL;
  }
  if (codec_dump(&store->key, given[0], &blob) < 0)
    return NULL;
  PyObject *view = view_of(store, &blob, given[1]);
  blob_free(&blob);
  return view;
}

#define FAST(function)                                                         \
  (PyCFunction)(void (*)(void))(function), METH_FASTCALL | METH_KEYWORDS

PyMethodDef access_methods[] = {
    {"get", FAST(store_get), get_doc},
    {"set", FAST(store_set), set_doc},
    {"get_timestamp", FAST(store_get_timestamp), get_timestamp_doc},
    {"set_timestamp", FAST(store_set_timestamp), set_timestamp_doc},
    {"get_view", FAST(store_get_view), get_view_doc},
    {"_get_hidden", store_get_hidden, METH_O, get_hidden_doc},
    {"_set_hidden", store_set_hidden, METH_VARARGS, set_hidden_doc},
    {NULL, NULL, 0, NULL}};

PyMappingMethods access_mapping = {
    .mp_length = store_length,
    .mp_subscript = store_subscript,
    .mp_ass_subscript = store_assign,
};

PySequenceMethods access_sequence = {
    .sq_length = store_length,
    .sq_contains = store_contains,
};
