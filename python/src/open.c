/*
 * open.c - opening and closing
 */
#include "store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

/* ---- opening */

static int choice_of(int flag)
{
  return flag ? BLT_ON : BLT_OFF;
}

struct opening {
  PyObject *source, *key, *value, *anchor, *name;
  Py_buffer header;
  int mode, kind, timestamps, key_code, value_code, sync, io;
  uint32_t value_len, n_buckets;
  Py_ssize_t buffer_len;
};

static void fill_options(Store *store, const struct opening *o,
                         blt_options *options)
{
  *options = (blt_options)BLT_OPTIONS_INIT;
  options->mode = (blt_mode)o->mode;
  options->kind = (blt_kind)o->kind;
  options->fixed_value_len = o->value_len;
  options->n_buckets = o->n_buckets;
  options->timestamps = (blt_choice)choice_of(o->timestamps);
  options->key_serializer = (uint32_t)o->key_code;
  options->value_serializer = (uint32_t)o->value_code;
  options->header = o->header.buf;
  options->buffer_len = (size_t)o->buffer_len;
  options->sync = (blt_sync_level)o->sync;
  options->io = (blt_io)o->io;
  options->lock = BLT_LOCK_NONE;
  options->progress = store_trampoline;
  options->progress_ctx = store;
  options->name = o->name == NULL ? NULL : PyBytes_AS_STRING(o->name);
}

static blt_status open_source(const struct opening *o, int fd,
                              const blt_options *options, blt_db **db)
{
  blt_status status;

  if (fd >= 0) {
    Py_BEGIN_ALLOW_THREADS
    status = blt_open_fd(fd, options, db);
    Py_END_ALLOW_THREADS
  } else {
    char *image = PyBytes_AS_STRING(o->source);
    size_t len = (size_t)PyBytes_GET_SIZE(o->source);
    Py_BEGIN_ALLOW_THREADS
    status = blt_open_memory(len == 0 ? NULL : image, len, options, db);
    Py_END_ALLOW_THREADS
  }
  return status;
}

/* Of our own, with the same lock: the garbage collector may close the Python
 * file first, when store and file go together. */
static int copy_descriptor(PyObject *source)
{
  int fd = (int)PyLong_AsLong(source);

  if (PyErr_Occurred())
    return -1;
  if ((fd = fcntl(fd, F_DUPFD_CLOEXEC, 3)) < 0)
    PyErr_SetFromErrno(PyExc_OSError);
  return fd;
}

static int learn(Store *store, const struct opening *o)
{
  blt_header header;

  if (blt_header_info(store->db, &header) < 0) {
    fail_raise(store, blt_last_error(store->db)->status);
    return -1;
  }
  store->writable = o->mode != BLT_READ;
  store->fixed = header.kind == BLT_FIXED;
  store->has_times = header.has_timestamps && !store->fixed;
  store->value_len = header.value_len;
  store->in_memory = !PyLong_Check(o->source);
  store->buffer_len =
      o->buffer_len > 0 ? (size_t)o->buffer_len : BLT_DEFAULT_BUFFER_LEN;
  store->closing = 0;
  store->room = 0;
  store_measure_room(store);
  Py_XSETREF(store->anchor, Py_NewRef(o->anchor));
  return 0;
}

static PyObject *open_store(Store *store, const struct opening *o)
{
  blt_options options;
  blt_db *db = NULL;

  if (store->db != NULL) {
    PyErr_SetString(PyExc_ValueError, "the store is open already");
    return NULL;
  }
  if (!PyLong_Check(o->source) && !PyBytes_Check(o->source)) {
    PyErr_SetString(PyExc_TypeError, "source is a descriptor or bytes");
    return NULL;
  }
  if (codec_set(&store->key, o->key) < 0 ||
      codec_set(&store->value, o->value) < 0)
    return NULL;
  fill_options(store, o, &options);
  int fd = PyLong_Check(o->source) ? copy_descriptor(o->source) : -1;
  if (PyErr_Occurred())
    return NULL;
  blt_status status = open_source(o, fd, &options, &db);
  if (raise_from_callback(store) == 0 && status < 0)
    fail_raise_of(blt_last_error(NULL), status);
  if (PyErr_Occurred()) {
    blt_close(db);
    if (fd >= 0)
      close(fd);
    return NULL;
  }
  store->db = db;
  store->fd = fd;
  if (learn(store, o) < 0)
    return NULL;
  Py_RETURN_NONE;
}

static PyObject *store_open(PyObject *self, PyObject *args, PyObject *kwargs)
{
  static char *names[] = {"source",     "mode",     "key",        "value",
                          "anchor",     "kind",     "value_len",  "n_buckets",
                          "timestamps", "key_code", "value_code", "header",
                          "buffer_len", "sync",     "io",         "name",
                          NULL};
  struct opening o = {.anchor = Py_None};

  if (!PyArg_ParseTupleAndKeywords(
          args, kwargs, "OiOO|OiO&O&piiz*niiO&:_open", names, &o.source,
          &o.mode, &o.key, &o.value, &o.anchor, &o.kind, take_u32, &o.value_len,
          take_u32, &o.n_buckets, &o.timestamps, &o.key_code, &o.value_code,
          &o.header, &o.buffer_len, &o.sync, &o.io, PyUnicode_FSConverter,
          &o.name))
    return NULL;
  PyObject *result = NULL;
  if (o.header.buf != NULL && o.header.len != BLT_HEADER_LEN)
    PyErr_Format(PyExc_ValueError, "init_bytes has %zd bytes, not %d",
                 o.header.len, BLT_HEADER_LEN);
  else
    result = open_store((Store *)self, &o);
  PyBuffer_Release(&o.header);
  Py_XDECREF(o.name);
  return result;
}

/* ---- closing */

blt_status close_db(Store *store)
{
  blt_db *db = store->db;
  blt_status status;
  uint64_t count;

  if (blt_count(db, &count) == BLT_OK)
    store->last_count = count;
  store->closing = 1;
  Py_BEGIN_ALLOW_THREADS
  status = blt_close(db);
  if (store->fd >= 0 && !gate_is_elsewhere(&store->gate))
    (void)flock(store->fd, LOCK_UN);
  if (store->fd >= 0)
    close(store->fd);
  Py_END_ALLOW_THREADS
  store->db = NULL;
  store->closing = 0;
  Py_CLEAR(store->anchor);
  return status;
}

PyDoc_STRVAR(shut_doc,
             "_shut() -> bool\n\n"
             "Close. False when views are alive: then all is in the file and\n"
             "marked as closed, and map and lock go with the last of them.");

static PyObject *store_shut(PyObject *self, PyObject *unused)
{
  Store *store = (Store *)self;
  blt_status status = BLT_OK;

  (void)unused;
  if (store->db == NULL || store->closing)
    return PyBool_FromLong(store->db == NULL);
  if (gate_enter_write(&store->gate) < 0)
    return NULL;
  if (store->db == NULL || store->closing) { /* while we waited               */
    gate_leave_write(&store->gate);
    return PyBool_FromLong(store->db == NULL);
  }
  store_stop_iters(store);
  int is_kept = store->n_views > 0;
  if (is_kept) {
    uint64_t count;
    if (blt_count(store->db, &count) == BLT_OK)
      store->last_count = count;
    store->closing = 1;
    if (store->writable) {
      Py_BEGIN_ALLOW_THREADS
      if (blt_batch_abort(store->db) < 0)
        status = BLT_OK; /* there was none                                   */
      status = blt_checkpoint(store->db);
      Py_END_ALLOW_THREADS
    }
    if (status < 0)
      fail_raise(store, status);
  } else {
    status = close_db(store);
    Py_CLEAR(store->raised);
    if (status < 0)
      fail_raise_of(blt_last_error(NULL), status);
  }
  gate_leave_write(&store->gate);
  return status < 0 ? NULL : PyBool_FromLong(!is_kept);
}

/* The last view is gone: now the file goes too, and its lock. */
void store_seal(Store *store)
{
  if (!store->closing || store->db == NULL || store->n_views > 0 ||
      store->gate.writer)
    return;
  PyObject *pending = PyErr_Occurred() ? take_exception() : NULL;
  PyObject *file = Py_XNewRef(store->anchor);
  (void)close_db(store);
  PyObject *name = PyUnicode_InternFromString("close");
  PyObject *result = file == NULL || name == NULL
                         ? NULL
                         : PyObject_CallMethodNoArgs(file, name);
  if (result == NULL)
    PyErr_Clear();
  Py_XDECREF(result);
  Py_XDECREF(name);
  Py_XDECREF(file);
  if (pending != NULL) {
    PyErr_SetObject((PyObject *)Py_TYPE(pending), pending);
    Py_DECREF(pending);
  }
}

PyMethodDef open_methods[] = {{"_open", (PyCFunction)(void (*)(void))store_open,
                               METH_VARARGS | METH_KEYWORDS, NULL},
                              {"_shut", store_shut, METH_NOARGS, shut_doc},
                              {NULL, NULL, 0, NULL}};
