/*
 * bulk.c - many keys at once: set, get, delete
 */
#include "chunk.h"

/* ---- putting */

struct putting {
  Store *store;
  struct chunk *chunk;
  uint64_t time;
};

static int put_chunk(struct putting *p)
{
  struct chunk *chunk = p->chunk;
  Store *store = p->store;
  blt_status status;

  if (chunk->n == 0)
    return 0;
  for (size_t i = 0; i < chunk->n; i++)
    chunk->items[i] =
        (blt_item){.key = {chunk->keys[i].data, chunk->keys[i].len},
                   .value = {chunk->values[i].data, chunk->values[i].len},
                   .timestamp = p->time};
  int result = long_begin(store, 1);
  if (result == 0) {
    Py_BEGIN_ALLOW_THREADS
    status = blt_put_many(store->db, chunk->items, chunk->n);
    Py_END_ALLOW_THREADS
    result = long_end(store, status);
    /* Behind it: some may have come after a commit and wait for the next. */
    for (size_t i = 0; i < chunk->n; i++)
      store_count(store, chunk->keys[i].len, chunk->values[i].len);
  }
  chunk_empty(chunk, 1);
  return result;
}

static int judge_len(const Store *store, const struct blob *value)
{
  if (!store->fixed || value->len == store->value_len)
    return 0;
  PyErr_Format(PyExc_ValueError,
               "Value must serialize to exactly %u bytes, got %zu.",
               (unsigned)store->value_len, value->len);
  return -1;
}

static int take_pair(struct putting *p, PyObject *key, PyObject *value)
{
  struct chunk *chunk = p->chunk;
  size_t n = chunk->n;

  if (codec_dump(&p->store->key, key, &chunk->keys[n]) < 0)
    return -1;
  if (codec_dump(&p->store->value, value, &chunk->values[n]) < 0) {
    blob_free(&chunk->keys[n]);
    return -1;
  }
  if (judge_len(p->store, &chunk->values[n]) < 0) {
    blob_free(&chunk->keys[n]);
    blob_free(&chunk->values[n]);
    return -1;
  }
  ask_for_value(chunk->values[n].data, chunk->values[n].len);
  chunk->held[2 * n] = Py_NewRef(key);
  chunk->held[2 * n + 1] = Py_NewRef(value);
  chunk->n = n + 1;
  return chunk->n == CHUNK ? put_chunk(p) : 0;
}

/* key and value are borrowed. Serializers may run Python code, which may change
 * what they were borrowed from. */
static int add_pair(struct putting *p, PyObject *key, PyObject *value)
{
  Py_INCREF(key);
  Py_INCREF(value);
  int result = take_pair(p, key, value);
  Py_DECREF(key);
  Py_DECREF(value);
  return result;
}

static int put_dict(struct putting *p, PyObject *dict)
{
  Py_ssize_t at = 0, n = PyDict_GET_SIZE(dict);
  PyObject *key, *value;

  while (PyDict_Next(dict, &at, &key, &value)) {
    if (add_pair(p, key, value) < 0)
      return -1;
    if (PyDict_GET_SIZE(dict) != n) {
      PyErr_SetString(PyExc_RuntimeError,
                      "dictionary changed size during iteration");
      return -1;
    }
  }
  return 0;
}

static int put_pair(struct putting *p, PyObject *item)
{
  PyObject *pair = PySequence_Fast(item, "items are (key, value) pairs");

  if (pair == NULL)
    return -1;
  int result = -1;
  if (PySequence_Fast_GET_SIZE(pair) != 2)
    PyErr_Format(PyExc_ValueError, "items are (key, value) pairs, not of %zd",
                 PySequence_Fast_GET_SIZE(pair));
  else
    result = add_pair(p, PySequence_Fast_GET_ITEM(pair, 0),
                      PySequence_Fast_GET_ITEM(pair, 1));
  Py_DECREF(pair);
  return result;
}

static int put_pairs(struct putting *p, PyObject *items)
{
  PyObject *iterator = PyObject_GetIter(items), *item;

  if (iterator == NULL)
    return -1;
  int result = 0;
  while (result == 0 && (item = PyIter_Next(iterator)) != NULL) {
    result = put_pair(p, item);
    Py_DECREF(item);
  }
  Py_DECREF(iterator);
  return PyErr_Occurred() ? -1 : result;
}

/* A dict, anything with items(), or an iterable of pairs. */
static int put_all(struct putting *p, PyObject *source)
{
  if (PyDict_CheckExact(source))
    return put_dict(p, source);
  if (!PyObject_HasAttrString(source, "items"))
    return put_pairs(p, source);
  PyObject *items = PyObject_CallMethod(source, "items", NULL);
  if (items == NULL)
    return -1;
  int result = put_pairs(p, items);
  Py_DECREF(items);
  return result;
}

/* What comes before an item that fails is stored. */
static int put_rest(struct putting *p, int result)
{
  PyObject *type, *value, *trace;

  if (result == 0)
    return put_chunk(p);
  PyErr_Fetch(&type, &value, &trace);
  if (put_chunk(p) < 0)
    PyErr_Clear();
  PyErr_Restore(type, value, trace);
  return -1;
}

PyDoc_STRVAR(set_many_doc,
             "set_many($self, /, items, timestamp=None)\n--\n\n"
             "Store all pairs of a mapping or an iterable of pairs.");

static PyObject *store_set_many(PyObject *self, PyObject *const *args,
                                Py_ssize_t n_args, PyObject *names_given)
{
  static const char *const names[] = {"items", "timestamp"};
  PyObject *given[2] = {NULL, Py_None};
  struct putting p = {.store = (Store *)self};

  if (take_args("set_many", args, n_args, names_given, names, 2, 1, given) < 0)
    return NULL;
  if (!p.store->writable)
    return fail_read_only();
  if (p.store->fixed && given[1] != Py_None) {
    PyErr_SetString(PyExc_ValueError,
                    "Fixed-length booklets do not support timestamps.");
    return NULL;
  }
  if (clock_of(p.store->has_times ? given[1] : Py_None, &p.time) < 0 ||
      (p.chunk = chunk_new()) == NULL)
    return NULL;
  int result = put_rest(&p, put_all(&p, given[0]));
  PyMem_Free(p.chunk);
  if (result < 0)
    return NULL;
  Py_RETURN_NONE;
}

/* ---- getting */

/* Leaves with the gate held for reading, so that what was found stays. */
static int find_chunk(Store *store, struct chunk *chunk)
{
  blt_status status;

  if (enter_short_read(store) < 0 || gate_enter_read(&store->gate) < 0)
    return -1;
  Py_BEGIN_ALLOW_THREADS
  status = blt_get_many(store->db, chunk->names, chunk->n, chunk->found, NULL);
  Py_END_ALLOW_THREADS
  if (status >= 0)
    return 0;
  fail_raise(store, status);
  gate_leave_read(&store->gate);
  return -1;
}

/* One value, without running Python code: with a codec that calls, or an
 * integer of another width, its bytes. */
static PyObject *load_quietly(const struct codec *codec, const blt_bytes *value)
{
  static const struct codec raw = {.kind = CODEC_BYTES};
  int is_odd = codec_calls(codec) ||
               (codec->kind == CODEC_INT && value->len != (size_t)codec->width);

  return codec_load(is_odd ? &raw : codec, value->data, value->len);
}

/* To the end of the list: the values, as far as they can be made before the
 * gate is left, since what was found is good until then. */
static int append_quietly(const Store *store, const struct chunk *chunk,
                          PyObject *list, PyObject *missing)
{
  for (size_t i = 0; i < chunk->n; i++) {
    const blt_bytes *found = &chunk->found[i];
    if (i + VALUES_AHEAD < chunk->n) {
      const blt_bytes *next = &found[VALUES_AHEAD];
      ask_for_value(next->data, next->len);
    }
    PyObject *value = found->data == NULL ? Py_NewRef(missing)
                                          : load_quietly(&store->value, found);
    int result = value == NULL ? -1 : PyList_Append(list, value);
    Py_XDECREF(value);
    if (result < 0)
      return -1;
  }
  return 0;
}

/* The chunk's values at the end of the list are bytes: make objects of them. A
 * call that loads one may do anything to a list that it can get hold of. */
static int load_by_calls(const Store *store, const struct chunk *chunk,
                         PyObject *list, Py_ssize_t first)
{
  for (size_t i = 0; i < chunk->n; i++) {
    Py_ssize_t at = first + (Py_ssize_t)i;
    if (chunk->found[i].data == NULL || at >= PyList_GET_SIZE(list))
      continue;
    PyObject *bytes = Py_NewRef(PyList_GET_ITEM(list, at));
    PyObject *value = PyObject_CallOneArg(store->value.loads, bytes);
    Py_DECREF(bytes);
    if (value == NULL || PyList_SetItem(list, at, value) < 0)
      return -1;
  }
  return 0;
}

static int get_chunk(Store *store, struct chunk *chunk, PyObject *list,
                     PyObject *missing)
{
  Py_ssize_t first = PyList_GET_SIZE(list);

  if (find_chunk(store, chunk) < 0)
    return -1;
  int result = append_quietly(store, chunk, list, missing);
  gate_leave_read(&store->gate);
  return result == 0 && codec_calls(&store->value)
             ? load_by_calls(store, chunk, list, first)
             : result;
}

PyDoc_STRVAR(get_many_doc,
             "get_many($self, /, keys, default=None)\n--\n\n"
             "A list of the values of all keys, in their order, with default\n"
             "where there is none.");

static PyObject *store_get_many(PyObject *self, PyObject *const *args,
                                Py_ssize_t n_args, PyObject *names_given)
{
  static const char *const names[] = {"keys", "default"};
  Store *store = (Store *)self;
  PyObject *given[2] = {NULL, Py_None};

  if (take_args("get_many", args, n_args, names_given, names, 2, 1, given) < 0)
    return NULL;
  struct source source;
  if (source_open(&source, given[0]) < 0)
    return NULL;
  struct chunk *chunk = chunk_new();
  PyObject *list = chunk == NULL ? NULL : PyList_New(0);
  int result = list == NULL ? -1 : 0, is_last = 0;
  while (result == 0 && !is_last) {
    result = chunk_fill(store, chunk, &source);
    is_last = chunk->n < CHUNK;
    if (result == 0 && chunk->n > 0)
      result = get_chunk(store, chunk, list, given[1]);
    chunk_empty(chunk, 0);
  }
  PyMem_Free(chunk);
  source_close(&source);
  if (result < 0)
    Py_CLEAR(list);
  return list;
}

/* ---- fixed values side by side */

static void pack_chunk(const Store *store, const struct chunk *chunk, char *out,
                       char *found)
{
  size_t len = store->value_len;

  for (size_t i = 0; i < chunk->n; i++) {
    found[i] = chunk->found[i].data != NULL;
    if (found[i] && chunk->found[i].len == len && len > 0)
      memcpy(out + i * len, chunk->found[i].data, len);
    else
      memset(out + i * len, 0, len);
  }
}

/* keys is a list. Rows of value_len bytes go to out, 0 or 1 to found. */
static int pack_all(Store *store, PyObject *keys, char *out, char *found)
{
  struct chunk *chunk = chunk_new();
  Py_ssize_t n = PyList_GET_SIZE(keys);
  int result = chunk == NULL ? -1 : 0;

  for (Py_ssize_t at = 0; at < n && result == 0;) {
    Py_ssize_t begin = at;
    while (at < n && chunk->n < CHUNK && result == 0)
      result = at < PyList_GET_SIZE(keys)
                   ? chunk_add_key(store, chunk, PyList_GET_ITEM(keys, at++))
                   : -1;
    if (result == 0 && (result = find_chunk(store, chunk)) == 0) {
      pack_chunk(store, chunk, out + (size_t)begin * store->value_len,
                 found + begin);
      gate_leave_read(&store->gate);
    }
    chunk_empty(chunk, 0);
  }
  PyMem_Free(chunk);
  return result;
}

PyDoc_STRVAR(get_packed_doc,
             "get_packed($self, /, keys)\n--\n\n"
             "Fixed-length stores: (bytearray of all values side by side,\n"
             "bytearray of 1 for each key that was found and 0 for others,\n"
             "whose value is zeros).");

static PyObject *store_get_packed(PyObject *self, PyObject *const *args,
                                  Py_ssize_t n_args, PyObject *names_given)
{
  static const char *const names[] = {"keys"};
  Store *store = (Store *)self;
  PyObject *keys = NULL;
  PyObject *list = NULL, *rows = NULL, *found = NULL, *result = NULL;

  if (take_args("get_packed", args, n_args, names_given, names, 1, 1, &keys) <
      0)
    return NULL;

  if (!store->fixed) {
    PyErr_SetString(PyExc_TypeError,
                    "only values of a fixed length lie side by side");
    return NULL;
  }
  /* A list of our own: serializers may run Python code. */
  if ((list = PySequence_List(keys)) == NULL)
    return NULL;
  Py_ssize_t n = PyList_GET_SIZE(list);
  if (store->value_len != 0 &&
      n > PY_SSIZE_T_MAX / (Py_ssize_t)store->value_len)
    PyErr_NoMemory();
  else
    rows =
        PyByteArray_FromStringAndSize(NULL, n * (Py_ssize_t)store->value_len);
  if (rows != NULL)
    found = PyByteArray_FromStringAndSize(NULL, n);
  if (found != NULL && pack_all(store, list, PyByteArray_AS_STRING(rows),
                                PyByteArray_AS_STRING(found)) == 0)
    result = PyTuple_Pack(2, rows, found);
  Py_XDECREF(found);
  Py_XDECREF(rows);
  Py_DECREF(list);
  return result;
}

/* ---- deleting */

static int delete_chunk(Store *store, struct chunk *chunk, size_t *n_deleted)
{
  size_t n = 0;
  blt_status status;

  if (long_begin(store, 1) < 0)
    return -1;
  Py_BEGIN_ALLOW_THREADS
  status = blt_delete_many(store->db, chunk->names, chunk->n, &n);
  Py_END_ALLOW_THREADS
  *n_deleted += n;
  int result = long_end(store, status);
  for (size_t i = 0; i < chunk->n; i++)
    store_count(store, chunk->names[i].len, 0);
  return result;
}

PyDoc_STRVAR(del_many_doc,
             "del_many($self, /, keys)\n--\n\n"
             "Delete all keys, passing over those that are not there; how\n"
             "many were.");

static PyObject *store_del_many(PyObject *self, PyObject *const *args,
                                Py_ssize_t n_args, PyObject *names_given)
{
  static const char *const names[] = {"keys"};
  Store *store = (Store *)self;
  PyObject *keys = NULL;
  size_t n_deleted = 0;

  if (take_args("del_many", args, n_args, names_given, names, 1, 1, &keys) < 0)
    return NULL;

  if (!store->writable)
    return fail_read_only();
  struct source source;
  if (source_open(&source, keys) < 0)
    return NULL;
  struct chunk *chunk = chunk_new();
  int result = chunk == NULL ? -1 : 0, is_last = 0;
  while (result == 0 && !is_last) {
    result = chunk_fill(store, chunk, &source);
    is_last = chunk->n < CHUNK;
    if (result == 0 && chunk->n > 0)
      result = delete_chunk(store, chunk, &n_deleted);
    chunk_empty(chunk, 0);
  }
  PyMem_Free(chunk);
  source_close(&source);
  return result < 0 ? NULL : PyLong_FromSize_t(n_deleted);
}

PyMethodDef bulk_methods[] = {
    {"set_many", FAST(store_set_many), set_many_doc},
    {"get_many", FAST(store_get_many), get_many_doc},
    {"get_packed", FAST(store_get_packed), get_packed_doc},
    {"del_many", FAST(store_del_many), del_many_doc},
    {NULL, NULL, 0, NULL}};
