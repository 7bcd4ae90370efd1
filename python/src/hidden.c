/*
 * hidden.c - booklet's own keys: the metadata and two slots
 *
 * booklet finds them when it is asked for them by key, so each access to one
 * key looks here too.
 */
#include "store.h"

int which_hidden(const Store *store, const struct blob *key)
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

blt_status get_hidden(Store *store, int which, blt_bytes *out,
                      uint64_t *out_time)
{
  return which == HIDDEN_METADATA
             ? blt_metadata_get(store->db, out, out_time)
             : blt_slot_get(store->db, which - HIDDEN_METADATA, out, out_time);
}

blt_status put_hidden(Store *store, int which, const struct blob *value,
                      uint64_t time)
{
  return which == HIDDEN_METADATA
             ? blt_metadata_set(store->db, value->data, value->len, time)
             : blt_slot_set(store->db, which - HIDDEN_METADATA, value->data,
                            value->len, time);
}

blt_status delete_hidden(Store *store, int which)
{
  return which == HIDDEN_METADATA
             ? blt_metadata_delete(store->db)
             : blt_slot_delete(store->db, which - HIDDEN_METADATA);
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
  store->may_wait = 1; /* inside a batch */
  blob_free(&blob);
  if (result < 0)
    return NULL;
  Py_RETURN_NONE;
}

PyMethodDef hidden_methods[] = {
    {"_get_hidden", store_get_hidden, METH_O, get_hidden_doc},
    {"_set_hidden", store_set_hidden, METH_VARARGS, set_hidden_doc},
    {NULL, NULL, 0, NULL}};
