/*
 * access.c - one key: get, set, in, del
 */
#include "store.h"

/* From here on a value is copied, or put, without the GIL. */
enum { LARGE = 1 << 18 };

/* ---- reading */

blt_status find_value(Store *store, const struct blob *key, blt_bytes *out)
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

PyObject *load_value(Store *store, const blt_bytes *value, int decode)
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
    blt_status status = find_value(store, &blob, &value);
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
  uint64_t count = 0;

  /* What is waited for may be a close. */
  if (!is_closed(store) && store->gate.writer && gate_wait(&store->gate, 0) < 0)
    return -1;
  if (is_closed(store))
    return (Py_ssize_t)store->last_count;
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
  blt_status status;

  if (store->fixed && value->len != store->value_len) {
    PyErr_Format(PyExc_ValueError,
                 "Value must serialize to exactly %u bytes, got %zu.",
                 (unsigned)store->value_len, value->len);
    return -1;
  }
  if (enter_short_write(store) < 0)
    return -1;
  store_count(store, key->len, value->len);
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

static blt_status delete_blob(Store *store, const struct blob *key)
{
  blt_status status = blt_delete(store->db, key->data, key->len);
  int which;

  if (status == BLT_NOT_FOUND && (which = which_hidden(store, key)))
    status = delete_hidden(store, which);
  return status;
}

static int delete_counted(Store *store, const struct blob *key,
                          blt_status *out_status)
{
  if (enter_short_write(store) < 0)
    return -1;
  store_count(store, key->len, 0);
  if (is_commit_near(store)) {
    if (long_begin(store, 1) < 0)
      return -1;
    Py_BEGIN_ALLOW_THREADS
    *out_status = delete_blob(store, key);
    Py_END_ALLOW_THREADS
    return long_end(store, *out_status);
  }
  *out_status = delete_blob(store, key);
  if (*out_status < 0)
    fail_raise(store, *out_status);
  return *out_status < 0 ? -1 : 0;
}

static int delete (Store *store, PyObject *key)
{
  struct blob blob;
  blt_status status = BLT_OK;

  if (!store->writable) {
    fail_read_only();
    return -1;
  }
  if (codec_dump(&store->key, key, &blob) < 0)
    return -1;
  int result = delete_counted(store, &blob, &status);
  blob_free(&blob);
  if (result < 0 || status != BLT_NOT_FOUND)
    return result;
  fail_key(key);
  return -1;
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

PyMethodDef access_methods[] = {{"get", FAST(store_get), get_doc},
                                {"set", FAST(store_set), set_doc},
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
