/*
 * view.c - what keeps a store open beyond its calls: views, and its lock
 */
#include "store.h"

/* ---- a value in the map, as memoryview sees it */

typedef struct {
  PyObject_HEAD Store *store; /* owned */
  blt_bytes bytes;
} View;

static PyObject *view_new(Store *store, blt_bytes bytes)
{
  View *view = PyObject_GC_New(View, &View_Type);

  if (view == NULL)
    return NULL;
  view->store = (Store *)Py_NewRef(store);
  view->bytes = bytes;
  store->n_views++;
  PyObject_GC_Track(view);
  PyObject *result = PyMemoryView_FromObject((PyObject *)view);
  Py_DECREF(view);
  return result;
}

static int view_buffer(PyObject *self, Py_buffer *buffer, int flags)
{
  View *view = (View *)self;
  static const char empty;
  const void *data = view->bytes.len == 0 ? &empty : view->bytes.data;

  return PyBuffer_FillInfo(buffer, self, (void *)(uintptr_t)data,
                           (Py_ssize_t)view->bytes.len, 1, flags);
}

/* A store that has its own view as an attribute is a circle. The memoryview
 * is what breaks it. */
static int view_traverse(PyObject *self, visitproc visit, void *arg)
{
  Py_VISIT(((View *)self)->store);
  return 0;
}

static void view_dealloc(PyObject *self)
{
  Store *store = ((View *)self)->store;

  PyObject_GC_UnTrack(self);
  store->n_views--;
  store_seal(store);
  Py_DECREF(store);
  PyObject_GC_Del(self);
}

static PyBufferProcs view_procs = {.bf_getbuffer = view_buffer};

PyTypeObject View_Type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "blt._core.View",
    .tp_basicsize = sizeof(View),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_dealloc = view_dealloc,
    .tp_traverse = view_traverse,
    .tp_as_buffer = &view_procs,
};

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
  if (store->writable && store->may_wait && long_begin(store, 1) == 0) {
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
    store->may_wait = 0;
  }
  if (PyErr_Occurred() || enter_short_read(store) < 0)
    return NULL;
  status = find_value(store, key, &value);
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

PyMethodDef view_methods[] = {{"get_view", FAST(store_get_view), get_view_doc},
                              {NULL, NULL, 0, NULL}};

/* ---- the lock that booklet's users know as _thread_lock */

typedef struct {
  PyObject_HEAD Store *store; /* owned */
} Lock;

PyObject *lock_new(Store *store)
{
  Lock *lock = PyObject_New(Lock, &Lock_Type);

  if (lock != NULL)
    lock->store = (Store *)Py_NewRef(store);
  return (PyObject *)lock;
}

/* Who holds the lock may read the file itself, as ebooklet does: it is then as
 * a close would leave it. Not so in a batch, nor in a forked child. */
static int tidy_file(Store *store)
{
  blt_status status;

  if (store->db == NULL || store->closing || !store->writable ||
      store->in_memory)
    return 0;
  Py_BEGIN_ALLOW_THREADS
  status = blt_checkpoint(store->db);
  Py_END_ALLOW_THREADS
  store_measure_room(store);
  if (raise_from_callback(store) < 0)
    return -1;
  if (status < 0 && status != BLT_E_BUSY && status != BLT_E_FORKED)
    fail_raise(store, status);
  return PyErr_Occurred() ? -1 : 0;
}

static PyObject *lock_acquire(PyObject *self, PyObject *unused)
{
  Store *store = ((Lock *)self)->store;

  (void)unused;
  if (gate_enter_write(&store->gate) < 0)
    return NULL;
  if (tidy_file(store) == 0)
    Py_RETURN_TRUE;
  gate_leave_write(&store->gate);
  return NULL;
}

static PyObject *lock_release(PyObject *self, PyObject *unused)
{
  struct gate *gate = &((Lock *)self)->store->gate;

  (void)unused;
  if (!gate->writer) {
    PyErr_SetString(PyExc_RuntimeError, "release unlocked lock");
    return NULL;
  }
  gate_leave_write(gate);
  Py_RETURN_NONE;
}

static PyObject *lock_locked(PyObject *self, PyObject *unused)
{
  (void)unused;
  return PyBool_FromLong(((Lock *)self)->store->gate.writer);
}

static void lock_dealloc(PyObject *self)
{
  Py_DECREF(((Lock *)self)->store);
  PyObject_Free(self);
}

static PyMethodDef lock_methods[] = {
    {"acquire", lock_acquire, METH_NOARGS, NULL},
    {"release", lock_release, METH_NOARGS, NULL},
    {"locked", lock_locked, METH_NOARGS, NULL},
    {"__enter__", lock_acquire, METH_NOARGS, NULL},
    {"__exit__", lock_release, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL}};

PyTypeObject Lock_Type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "blt._core.Lock",
    .tp_basicsize = sizeof(Lock),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_dealloc = lock_dealloc,
    .tp_methods = lock_methods,
};
