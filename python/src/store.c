/*
 * store.c - the type: its life, and what is known of the file
 */
#include "store.h"

#include <stddef.h>

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
  const PyMethodDef *const parts[] = {
      store_methods,  open_methods, access_methods, time_methods,
      hidden_methods, view_methods, bulk_methods,   upkeep_methods};
  int n = 0;

  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
    n += gather(all_methods + n, parts[i]);
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
