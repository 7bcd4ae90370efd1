/*
 * store.c - opening, closing, and what is known of the file
 */
#include "store.h"

#include <fcntl.h>
#include <stddef.h>
#include <sys/file.h>
#include <unistd.h>

/* ---- long calls */

int long_begin(Store *store, int needs_write)
{
  if (needs_write && !store->writable) {
    fail_read_only();
    return -1;
  }
  if (store->db == NULL || store->closing) {
    fail_closed();
    return -1;
  }
  if (gate_enter_write(&store->gate) < 0)
    return -1;
  /* It may have been closed while we waited. */
  if (store->db != NULL && !store->closing)
    return 0;
  gate_leave_write(&store->gate);
  fail_closed();
  return -1;
}

static int raise_from_callback(Store *store)
{
  PyObject *raised = store->raised;

  if (raised == NULL)
    return 0;
  store->raised = NULL;
  PyErr_SetObject((PyObject *)Py_TYPE(raised), raised);
  Py_DECREF(raised);
  return -1;
}

int long_end(Store *store, blt_status status)
{
  store_measure_room(store);
  if (store->raised != NULL)
    (void)raise_from_callback(store);
  else if (status < 0)
    fail_raise(store, status);
  gate_leave_write(&store->gate);
  return PyErr_Occurred() ? -1 : 0;
}

/* As src/api/write.c of the library decides when the buffer is full. It does
 * not matter when that changes: then a commit is made with the GIL held. */
void store_measure_room(Store *store)
{
  blt_header header;
  size_t len = store->buffer_len;

  if (!store->writable || blt_header_info(store->db, &header) < 0)
    return;
  if (header.file_len == store->known_len && store->room != 0) {
    if (store->pending >= store->room)
      store->room = store->pending + len / 64 + 1;
    return;
  }
  size_t used = (size_t)(header.file_len % len);
  store->known_len = header.file_len;
  store->pending = 0;
  store->room = len - used > len / 4 ? len - used : len;
}

static PyObject *take_exception(void)
{
#if PY_VERSION_HEX >= 0x030C0000
  return PyErr_GetRaisedException();
#else
  PyObject *type, *value, *trace;

  PyErr_Fetch(&type, &value, &trace);
  PyErr_NormalizeException(&type, &value, &trace);
  if (trace != NULL)
    PyException_SetTraceback(value, trace);
  Py_XDECREF(type);
  Py_XDECREF(trace);
  return value;
#endif
}

int store_trampoline(void *ctx, const char *phase, uint64_t done,
                     uint64_t total)
{
  Store *store = ctx;
  PyGILState_STATE gil = PyGILState_Ensure();
  int stop = store->raised != NULL || PyErr_CheckSignals() < 0;

  if (!stop && store->progress != NULL) {
    PyObject *result = PyObject_CallFunction(store->progress, "sKK", phase,
                                             (unsigned long long)done,
                                             (unsigned long long)total);
    stop = result == NULL;
    Py_XDECREF(result);
  }
  if (stop && store->raised == NULL)
    store->raised = take_exception();
  PyGILState_Release(gil);
  return stop;
}

/* ---- opening */

static int choice_of(int flag)
{
  return flag ? BLT_ON : BLT_OFF;
}

struct opening {
  PyObject *source, *key, *value, *anchor;
  Py_buffer header;
  int mode, kind, timestamps, key_code, value_code, sync, io;
  unsigned value_len, n_buckets;
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
                          "buffer_len", "sync",     "io",         NULL};
  struct opening o = {.anchor = Py_None};

  if (!PyArg_ParseTupleAndKeywords(
          args, kwargs, "OiOO|OiIIpiiz*nii:_open", names, &o.source, &o.mode,
          &o.key, &o.value, &o.anchor, &o.kind, &o.value_len, &o.n_buckets,
          &o.timestamps, &o.key_code, &o.value_code, &o.header, &o.buffer_len,
          &o.sync, &o.io))
    return NULL;
  PyObject *result = NULL;
  if (o.header.buf != NULL && o.header.len != BLT_HEADER_LEN)
    PyErr_Format(PyExc_ValueError, "init_bytes has %zd bytes, not %d",
                 o.header.len, BLT_HEADER_LEN);
  else
    result = open_store((Store *)self, &o);
  PyBuffer_Release(&o.header);
  return result;
}

/* ---- closing */

static blt_status close_db(Store *store)
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

/* ---- life */

static PyObject *store_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
  Store *store = (Store *)type->tp_alloc(type, 0);

  (void)args;
  (void)kwargs;
  if (store != NULL)
    gate_init(&store->gate);
  return (PyObject *)store;
}

static int store_traverse(PyObject *self, visitproc visit, void *arg)
{
  Store *store = (Store *)self;

  Py_VISIT(store->key.dumps);
  Py_VISIT(store->key.loads);
  Py_VISIT(store->value.dumps);
  Py_VISIT(store->value.loads);
  Py_VISIT(store->anchor);
  Py_VISIT(store->progress);
  Py_VISIT(store->raised);
  return 0;
}

/* Not the codecs: whoever is called while the garbage goes may still read. */
static int store_clear(PyObject *self)
{
  Store *store = (Store *)self;

  Py_CLEAR(store->progress);
  Py_CLEAR(store->raised);
  return 0;
}

static void store_dealloc(PyObject *self)
{
  Store *store = (Store *)self;

  PyObject_GC_UnTrack(self);
  if (store->db != NULL) {
    PyObject *pending = PyErr_Occurred() ? take_exception() : NULL;
    Py_CLEAR(store->progress);
    blt_status status = close_db(store);
    if (status < 0 && status != BLT_E_FORKED) {
      fail_raise_of(blt_last_error(NULL), status);
      PyErr_WriteUnraisable(NULL);
    }
    if (pending != NULL) {
      PyErr_SetObject((PyObject *)Py_TYPE(pending), pending);
      Py_DECREF(pending);
    }
  }
  store_clear(self);
  Py_CLEAR(store->anchor);
  codec_clear(&store->key);
  codec_clear(&store->value);
  gate_destroy(&store->gate);
  Py_TYPE(self)->tp_free(self);
}

/* ---- what is known of the file */

static int read_header(Store *store, blt_header *out)
{
  if (enter_short_read(store) < 0)
    return -1;
  blt_status status = blt_header_info(store->db, out);
  if (status < 0)
    fail_raise(store, status);
  return status < 0 ? -1 : 0;
}

static const char *const opened_names[] = {"clean",     "created",  "foreign",
                                           "recovered", "overlaid", "repaired"};

PyDoc_STRVAR(header_doc, "_header() -> dict of what the header says.");

static PyObject *store_header(PyObject *self, PyObject *unused)
{
  Store *store = (Store *)self;
  blt_header h;
  blt_open_info info;

  (void)unused;
  if (read_header(store, &h) < 0)
    return NULL;
  if (blt_open_report(store->db, &info) < 0)
    return fail_raise(store, blt_last_error(store->db)->status);
  return Py_BuildValue("{sisIsIsisKsKsy#sKsKsKsisssKsKsy#}", "version",
                       (int)h.version, "n_buckets", h.n_buckets, "value_len",
                       h.value_len, "has_timestamps", h.has_timestamps,
                       "n_keys", (unsigned long long)h.n_keys, "file_timestamp",
                       (unsigned long long)h.file_timestamp, "uuid", h.uuid,
                       (Py_ssize_t)sizeof h.uuid, "index_offset",
                       (unsigned long long)h.index_off, "first_data_block_pos",
                       (unsigned long long)h.first_block_off, "file_len",
                       (unsigned long long)h.file_len, "has_checkpoint",
                       h.has_checkpoint, "opened", opened_names[info.what],
                       "n_records", (unsigned long long)info.n_records,
                       "n_dropped", (unsigned long long)info.n_dropped, "bytes",
                       h.bytes, (Py_ssize_t)BLT_HEADER_LEN);
}

PyDoc_STRVAR(image_doc, "_image() -> bytes of a store in memory.");

static PyObject *store_image(PyObject *self, PyObject *unused)
{
  Store *store = (Store *)self;
  blt_bytes image;

  (void)unused;
  if (enter_short_read(store) < 0)
    return NULL;
  blt_status status = blt_memory_image(store->db, &image);
  if (status < 0)
    return fail_raise(store, status);
  store_measure_room(store);
  return PyBytes_FromStringAndSize(image.data, (Py_ssize_t)image.len);
}

static PyObject *store_set_file_timestamp(PyObject *self, PyObject *timestamp)
{
  Store *store = (Store *)self;
  uint64_t number;

  if (clock_of(timestamp, &number) < 0 || long_begin(store, 1) < 0)
    return NULL;
  blt_status status;
  Py_BEGIN_ALLOW_THREADS
  status = blt_file_timestamp_set(store->db, number);
  Py_END_ALLOW_THREADS
  if (long_end(store, status) < 0)
    return NULL;
  Py_RETURN_NONE;
}

static PyObject *get_is_open(PyObject *self, void *unused)
{
  (void)unused;
  return PyBool_FromLong(((Store *)self)->db != NULL &&
                         !((Store *)self)->closing);
}

static PyObject *get_compaction_count(PyObject *self, void *unused)
{
  (void)unused;
  return PyLong_FromUnsignedLongLong(((Store *)self)->n_compactions);
}

static PyObject *get_lock(PyObject *self, void *unused)
{
  (void)unused;
  return lock_new((Store *)self);
}

static PyGetSetDef store_getset[] = {
    {"_is_open", get_is_open, NULL, NULL, NULL},
    {"_thread_lock", get_lock, NULL,
     "A context manager: while it is held no other thread changes the store.",
     NULL},
    {"compaction_count", get_compaction_count, NULL,
     "How often prune() or clear() moved the values of this handle.", NULL},
    {NULL, NULL, NULL, NULL, NULL}};

static PyMemberDef store_members[] = {
    {"_fixed", T_INT, offsetof(Store, fixed), READONLY, NULL},
    {"_has_times", T_INT, offsetof(Store, has_times), READONLY, NULL},
    {"_n_views", T_INT, offsetof(Store, n_views), READONLY, NULL},
    {NULL, 0, 0, 0, NULL}};

static PyMethodDef store_methods[] = {
    {"_open", (PyCFunction)(void (*)(void))store_open,
     METH_VARARGS | METH_KEYWORDS, NULL},
    {"_shut", store_shut, METH_NOARGS, shut_doc},
    {"_header", store_header, METH_NOARGS, header_doc},
    {"_image", store_image, METH_NOARGS, image_doc},
    {"_set_file_timestamp", store_set_file_timestamp, METH_O, NULL},
    {NULL, NULL, 0, NULL}};

/* The methods of all parts in one row, as the type wants them. */
static PyMethodDef all_methods[64];

static int gather(PyMethodDef *to, const PyMethodDef *from)
{
  int n = 0;

  for (; from[n].ml_name != NULL; n++)
    to[n] = from[n];
  return n;
}

int store_ready(void);

int store_ready(void)
{
  int n = gather(all_methods, store_methods);

  n += gather(all_methods + n, access_methods);
  n += gather(all_methods + n, bulk_methods);
  (void)gather(all_methods + n, upkeep_methods);
  return PyType_Ready(&Store_Type);
}

static PyObject *store_iter(PyObject *self)
{
  return iter_new((Store *)self, WALK_KEYS, 1);
}

PyTypeObject Store_Type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "blt._core.Store",
    .tp_doc = "An open store; what blt.Booklet is made of.",
    .tp_basicsize = sizeof(Store),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .tp_new = store_new,
    .tp_dealloc = store_dealloc,
    .tp_traverse = store_traverse,
    .tp_clear = store_clear,
    .tp_iter = store_iter,
    .tp_methods = all_methods,
    .tp_members = store_members,
    .tp_getset = store_getset,
    .tp_as_mapping = &access_mapping,
    .tp_as_sequence = &access_sequence,
};
