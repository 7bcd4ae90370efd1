/*
 * times.c - the timestamp of a key
 */
#include "store.h"

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

PyMethodDef time_methods[] = {
    {"get_timestamp", FAST(store_get_timestamp), get_timestamp_doc},
    {"set_timestamp", FAST(store_set_timestamp), set_timestamp_doc},
    {NULL, NULL, 0, NULL}};
