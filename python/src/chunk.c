/*
 * chunk.c - keys and values of a bulk call, some hundred at a time
 */
#include "chunk.h"

struct chunk *chunk_new(void)
{
  struct chunk *chunk = PyMem_Malloc(sizeof *chunk);

  if (chunk == NULL)
    PyErr_NoMemory();
  else
    chunk->n = 0;
  return chunk;
}

void chunk_empty(struct chunk *chunk, int with_values)
{
  for (size_t i = 0; i < chunk->n; i++) {
    blob_free(&chunk->keys[i]);
    if (with_values)
      blob_free(&chunk->values[i]);
    Py_DECREF(chunk->held[2 * i]);
    if (with_values)
      Py_DECREF(chunk->held[2 * i + 1]);
  }
  chunk->n = 0;
}

int chunk_add_key(Store *store, struct chunk *chunk, PyObject *key)
{
  size_t n = chunk->n;

  if (codec_dump(&store->key, key, &chunk->keys[n]) < 0)
    return -1;
  chunk->held[2 * n] = Py_NewRef(key);
  chunk->names[n] = (blt_bytes){chunk->keys[n].data, chunk->keys[n].len};
  chunk->n = n + 1;
  return 0;
}

int source_open(struct source *source, PyObject *keys)
{
  int is_sequence = PyList_CheckExact(keys) || PyTuple_CheckExact(keys);

  source->at = 0;
  source->sequence = is_sequence ? Py_NewRef(keys) : NULL;
  source->iterator = is_sequence ? NULL : PyObject_GetIter(keys);
  return is_sequence || source->iterator != NULL ? 0 : -1;
}

void source_close(struct source *source)
{
  Py_XDECREF(source->sequence);
  Py_XDECREF(source->iterator);
}

/* A serializer may run Python code that changes the list. */
static int fill_from_sequence(Store *store, struct chunk *chunk,
                              struct source *source)
{
  PyObject *sequence = source->sequence;

  while (chunk->n < CHUNK && source->at < PySequence_Fast_GET_SIZE(sequence)) {
    if (source->at + KEYS_AHEAD < PySequence_Fast_GET_SIZE(sequence))
      ask_for(PySequence_Fast_GET_ITEM(sequence, source->at + KEYS_AHEAD),
              2 * LINE);
    PyObject *key = PySequence_Fast_GET_ITEM(sequence, source->at++);
    Py_INCREF(key);
    int result = chunk_add_key(store, chunk, key);
    Py_DECREF(key);
    if (result < 0)
      return -1;
  }
  return 0;
}

int chunk_fill(Store *store, struct chunk *chunk, struct source *source)
{
  PyObject *key;

  if (source->sequence != NULL)
    return fill_from_sequence(store, chunk, source);
  while (chunk->n < CHUNK && (key = PyIter_Next(source->iterator)) != NULL) {
    int result = chunk_add_key(store, chunk, key);
    Py_DECREF(key);
    if (result < 0)
      return -1;
  }
  return PyErr_Occurred() ? -1 : 0;
}
