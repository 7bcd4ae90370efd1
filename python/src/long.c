/*
 * long.c - calls that take long: alone, without the GIL, and with progress
 */
#include "store.h"

/* Others may close it as long as we wait. */
int enter_slowly(Store *store, int for_readers_too)
{
  if (!is_closed(store) && gate_wait(&store->gate, for_readers_too) < 0)
    return -1;
  if (!is_closed(store))
    return 0;
  fail_closed();
  return -1;
}

int long_begin(Store *store, int needs_write)
{
  if (needs_write && !store->writable) {
    fail_read_only();
    return -1;
  }
  if (enter_slowly(store, 1) < 0)
    return -1;
  return gate_enter_write(&store->gate); /* waits no more */
}

int raise_from_callback(Store *store)
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

/* What counts once in the library's buffer was counted often: keys that are put
 * again and again. Nearly all of it counts when the guess is half too high. */
static size_t more_room(size_t pending, size_t most, size_t part)
{
  return pending < most + most / 2 ? most : pending + part;
}

/* As src/api/write.c of the library decides when the buffer is full. It does
 * not matter when that changes: then a commit is made with the GIL held, and
 * nobody is told of its progress. */
void store_measure_room(Store *store)
{
  enum { ENTRIES_MAX = 2048, PART = 64 };
  blt_header header;
  size_t len = store->buffer_len;

  if (!store->writable || blt_header_info(store->db, &header) < 0)
    return;
  size_t used = (size_t)(header.file_len % len);
  size_t most = len - used > len / 4 ? len - used : len;
  if (header.file_len != store->known_len) {
    store->known_len = header.file_len;
    store->pending = store->n_pending = 0;
  }
  if (store->pending >= store->room || store->pending == 0)
    store->room = more_room(store->pending, most, len / PART + 1);
  if (store->n_pending >= store->n_room || store->n_pending == 0)
    store->n_room =
        more_room(store->n_pending, ENTRIES_MAX, ENTRIES_MAX / PART);
}

PyObject *take_exception(void)
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

int call_progress(PyObject *callback, PyObject **raised, const char *phase,
                  uint64_t done, uint64_t total)
{
  PyGILState_STATE gil = PyGILState_Ensure();
  int stop = *raised != NULL || PyErr_CheckSignals() < 0;

  if (!stop && callback != NULL && callback != Py_None) {
    PyObject *result =
        PyObject_CallFunction(callback, "sKK", phase, (unsigned long long)done,
                              (unsigned long long)total);
    stop = result == NULL;
    Py_XDECREF(result);
  }
  if (stop && *raised == NULL)
    *raised = take_exception();
  PyGILState_Release(gil);
  return stop;
}

int store_trampoline(void *ctx, const char *phase, uint64_t done,
                     uint64_t total)
{
  Store *store = ctx;

  /* In a short call, which has the GIL but not the gate: Python code would let
   * others in, who would wait for the library's lock with the GIL. */
  if (!is_closed(store) && !store->gate.writer)
    return 0;
  return call_progress(store->progress, &store->raised, phase, done, total);
}
