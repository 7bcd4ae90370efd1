/*
 * iter.c - walking all keys, as lazily as booklet's generators
 *
 * Nothing is looked at before the first step: a write before it is fine, one
 * after it ends the walk with RuntimeError. Reads and set_timestamp are not
 * writes in this sense.
 */
#include "store.h"

typedef struct iter {
  PyObject_HEAD Store *store; /* owned; NULL when the walk is over */
  blt_iter *walk; /* NULL before the first step                              */
  struct iter *next, **link; /* in the store's list while walk is open       */
  int what, decode;
  int was_closed; /* the store was closed under it                           */
} Iter;

PyObject *iter_new(Store *store, int what, int decode)
{
  Iter *iter = PyObject_GC_New(Iter, &Iter_Type);

  if (iter == NULL)
    return NULL;
  iter->store = (Store *)Py_NewRef(store);
  iter->walk = NULL;
  iter->next = NULL;
  iter->link = NULL;
  iter->what = what;
  iter->decode = decode;
  iter->was_closed = 0;
  PyObject_GC_Track(iter);
  return (PyObject *)iter;
}

static void enlist(Iter *iter)
{
  struct iter **head = &iter->store->iters;

  iter->next = *head;
  iter->link = head;
  if (iter->next != NULL)
    iter->next->link = &iter->next;
  *head = iter;
}

static void end_walk(Iter *iter)
{
  if (iter->walk == NULL)
    return;
  blt_iter_close(iter->walk);
  iter->walk = NULL;
  *iter->link = iter->next;
  if (iter->next != NULL)
    iter->next->link = iter->link;
}

void store_stop_iters(Store *store)
{
  while (store->iters != NULL) {
    store->iters->was_closed = 1;
    end_walk(store->iters);
  }
}

static void finish(Iter *iter)
{
  /* A long change has the library's lock; wait before taking it. */
  if (iter->walk != NULL && iter->store->gate.writer)
    (void)gate_wait(&iter->store->gate, 0);
  end_walk(iter);
  Py_CLEAR(iter->store);
}

static unsigned flags_of(int what)
{
  static const unsigned flags[] = {
      [WALK_KEYS] = BLT_ITER_KEYS,
      [WALK_VALUES] = BLT_ITER_VALUES,
      [WALK_ITEMS] = BLT_ITER_VALUES,
      [WALK_TIMES] = BLT_ITER_TIMESTAMPS,
      [WALK_TIMES_VALUES] = BLT_ITER_TIMESTAMPS | BLT_ITER_VALUES,
      [WALK_LOCATIONS] = BLT_ITER_TIMESTAMPS | BLT_ITER_OFFSETS,
      [WALK_SCAN] = BLT_ITER_VALUES | BLT_ITER_TOLERANT,
  };

  return flags[what];
}

static int start(Iter *iter)
{
  Store *store = iter->store;
  blt_iter *walk = NULL;
  blt_status status;

  if ((iter->what == WALK_TIMES || iter->what == WALK_TIMES_VALUES) &&
      store->db != NULL && !store->has_times) {
    PyErr_SetString(PyExc_ValueError,
                    "timestamps were not initialized with this file.");
    return -1;
  }
  /* It commits what was put before. */
  if (long_begin(store, 0) < 0)
    return -1;
  /* Another thread that shares the iterator may have come first. */
  if (iter->walk != NULL || iter->store == NULL)
    return long_end(store, BLT_OK);
  Py_BEGIN_ALLOW_THREADS
  status = blt_iter_open(store->db, flags_of(iter->what), &walk);
  Py_END_ALLOW_THREADS
  if (status == BLT_OK && iter->store == NULL) { /* closed by another */
    blt_iter_close(walk);
  } else if (status == BLT_OK) {
    iter->walk = walk;
    enlist(iter);
  }
  return long_end(store, status);
}

static PyObject *location_of(Store *store, PyObject *key, const blt_item *item)
{
  if (item->value_off == BLT_NO_OFFSET) {
    Py_DECREF(key);
    PyErr_SetString(PyExc_RuntimeError,
                    "what is put inside batch() has no location yet");
    return NULL;
  }
  PyObject *time = store->has_times
                       ? PyLong_FromUnsignedLongLong(item->timestamp)
                       : Py_NewRef(Py_None);
  if (time == NULL) {
    Py_DECREF(key);
    return NULL;
  }
  return Py_BuildValue("NNKK", key, time, (unsigned long long)item->value_off,
                       (unsigned long long)item->value.len);
}

/* Bytes first: loading may run Python code, after which nothing that was
 * borrowed is sure. */
static PyObject *load_later(const struct codec *codec, PyObject *bytes)
{
  PyObject *object;

  if (bytes == NULL || codec->kind == CODEC_BYTES)
    return bytes;
  object = codec->kind == CODEC_CALL
               ? PyObject_CallOneArg(codec->loads, bytes)
               : codec_load(codec, PyBytes_AS_STRING(bytes),
                            (size_t)PyBytes_GET_SIZE(bytes));
  Py_DECREF(bytes);
  return object;
}

static PyObject *value_bytes(const blt_item *item)
{
  return PyBytes_FromStringAndSize(item->value.data,
                                   (Py_ssize_t)item->value.len);
}

static PyObject *make_value(const Iter *iter, const blt_item *item)
{
  return iter->decode ? codec_load(&iter->store->value, item->value.data,
                                   item->value.len)
                      : value_bytes(item);
}

/* The key may be loaded by Python code before the value is: not borrowed. */
static PyObject *make_pair(const Iter *iter, const blt_item *item,
                           PyObject **out_value)
{
  Store *store = iter->store;
  const struct codec *codec = &store->key;

  if (codec->kind == CODEC_CALL || codec->kind == CODEC_INT) {
    PyObject *bytes = value_bytes(item);
    PyObject *key =
        bytes == NULL ? NULL : codec_load(codec, item->key.data, item->key.len);
    if (key == NULL) {
      Py_XDECREF(bytes);
      return NULL;
    }
    *out_value = iter->decode ? load_later(&store->value, bytes) : bytes;
    if (*out_value == NULL)
      Py_CLEAR(key);
    return key;
  }
  PyObject *key = codec_load(codec, item->key.data, item->key.len);
  if (key != NULL && (*out_value = make_value(iter, item)) == NULL)
    Py_CLEAR(key);
  return key;
}

static PyObject *make(const Iter *iter, const blt_item *item)
{
  Store *store = iter->store;
  PyObject *key, *value = NULL, *result;

  if (iter->what == WALK_VALUES)
    return make_value(iter, item);
  if (iter->what == WALK_KEYS)
    return codec_load(&store->key, item->key.data, item->key.len);
  if (iter->what == WALK_TIMES || iter->what == WALK_LOCATIONS) {
    key = codec_load(&store->key, item->key.data, item->key.len);
    if (key == NULL || iter->what == WALK_LOCATIONS)
      return key == NULL ? NULL : location_of(store, key, item);
    return Py_BuildValue("NK", key, (unsigned long long)item->timestamp);
  }
  if ((key = make_pair(iter, item, &value)) == NULL)
    return NULL;
  if (iter->what == WALK_TIMES_VALUES)
    return Py_BuildValue("NKN", key, (unsigned long long)item->timestamp,
                         value);
  if ((result = PyTuple_New(2)) == NULL) {
    Py_DECREF(key);
    Py_DECREF(value);
    return NULL;
  }
  PyTuple_SET_ITEM(result, 0, key);
  PyTuple_SET_ITEM(result, 1, value);
  return result;
}

static PyObject *next_of(Iter *iter, Store *store)
{
  blt_item item;

  if (iter->was_closed || (iter->walk == NULL && start(iter) < 0) ||
      enter_short_read(store) < 0) {
    if (!PyErr_Occurred())
      fail_closed();
    finish(iter);
    return NULL;
  }
  blt_status status =
      iter->walk == NULL ? BLT_END : blt_iter_next(iter->walk, &item);
  if (status == BLT_OK)
    return make(iter, &item);
  if (status < 0)
    fail_raise(store, status);
  finish(iter);
  return NULL;
}

/* Another thread may close the iterator while this one waits. */
static PyObject *iter_next(PyObject *self)
{
  Iter *iter = (Iter *)self;

  if (iter->store == NULL)
    return NULL;
  Store *store = (Store *)Py_NewRef(iter->store);
  PyObject *result = next_of(iter, store);
  Py_DECREF(store);
  return result;
}

PyDoc_STRVAR(close_doc, "close($self)\n--\n\nEnd the walk.");

static PyObject *iter_close(PyObject *self, PyObject *unused)
{
  (void)unused;
  if (((Iter *)self)->store != NULL)
    finish((Iter *)self);
  Py_RETURN_NONE;
}

static int iter_traverse(PyObject *self, visitproc visit, void *arg)
{
  Py_VISIT(((Iter *)self)->store);
  return 0;
}

static void iter_dealloc(PyObject *self)
{
  PyObject_GC_UnTrack(self);
  if (((Iter *)self)->store != NULL)
    finish((Iter *)self);
  PyObject_GC_Del(self);
}

static int iter_clear(PyObject *self)
{
  if (((Iter *)self)->store != NULL)
    finish((Iter *)self);
  return 0;
}

static PyMethodDef iter_methods[] = {
    {"close", iter_close, METH_NOARGS, close_doc}, {NULL, NULL, 0, NULL}};

PyTypeObject Iter_Type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "blt._core.Iterator",
    .tp_basicsize = sizeof(Iter),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_dealloc = iter_dealloc,
    .tp_traverse = iter_traverse,
    .tp_clear = iter_clear,
    .tp_iter = PyObject_SelfIter,
    .tp_iternext = iter_next,
    .tp_methods = iter_methods,
};
