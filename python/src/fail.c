/*
 * fail.c - from a status to the exception that booklet's users expect
 */
#include "store.h"

#include <errno.h>

PyObject *fail_error, *fail_corrupt, *fail_write, *fail_forked;

static PyObject *make(PyObject *module, const char *name, const char *doc,
                      PyObject *other_base)
{
  char full[64];
  PyObject *bases = other_base == NULL
                        ? Py_NewRef(PyExc_Exception)
                        : PyTuple_Pack(2, fail_error, other_base);

  snprintf(full, sizeof full, "blt.%s", name);
  PyObject *made =
      bases == NULL ? NULL : PyErr_NewExceptionWithDoc(full, doc, bases, NULL);
  Py_XDECREF(bases);
  if (made == NULL || PyModule_AddObjectRef(module, name, made) < 0)
    Py_CLEAR(made);
  return made;
}

int fail_init(PyObject *module)
{
  fail_error = make(module, "Error", "What only blt raises.", NULL);
  if (fail_error == NULL)
    return -1;
  fail_corrupt = make(module, "CorruptError",
                      "The file is damaged; see blt.repair.", PyExc_ValueError);
  fail_write =
      make(module, "WriteError",
           "A write failed: close the store and open it again.", PyExc_OSError);
  fail_forked = make(module, "ForkedError",
                     "A store open for writing was used in a forked child.",
                     PyExc_RuntimeError);
  return fail_corrupt == NULL || fail_write == NULL || fail_forked == NULL ? -1
                                                                           : 0;
}

/* The name of a file in it may be any bytes. */
static void raise_message(PyObject *type, const char *message)
{
  PyObject *text = PyUnicode_DecodeFSDefault(message);

  if (text != NULL)
    PyErr_SetObject(type, text);
  Py_XDECREF(text);
}

static void raise_errno(int number, const char *message)
{
  PyObject *args =
      Py_BuildValue("iN", number, PyUnicode_DecodeFSDefault(message));

  if (args != NULL)
    PyErr_SetObject(PyExc_OSError, args);
  Py_XDECREF(args);
}

static PyObject *type_of(blt_status status)
{
  switch (status) {
  case BLT_E_VERSION:
  case BLT_E_INVALID:
  case BLT_E_UNSUPPORTED:
    return PyExc_ValueError;
  case BLT_E_TOO_BIG:
    return PyExc_OverflowError;
  case BLT_E_CORRUPT:
  case BLT_E_TRUNCATED:
    return fail_corrupt;
  case BLT_E_FORKED:
    return fail_forked;
  case BLT_E_POISONED:
  case BLT_E_COMMITTED:
  case BLT_E_UNKNOWN:
    return fail_write;
  case BLT_E_BUSY:
    return PyExc_RuntimeError;
  case BLT_E_LOCKED:
    return PyExc_TimeoutError;
  case BLT_E_NO_FILE:
    return PyExc_FileNotFoundError;
  case BLT_E_EXISTS:
    return PyExc_FileExistsError;
  case BLT_E_PERMISSION:
    return PyExc_PermissionError;
  default:
    return fail_error;
  }
}

PyObject *fail_raise_of(const blt_error *error, blt_status status)
{
  const char *message = error->status == status && error->message != NULL
                            ? error->message
                            : blt_status_message(status);

  if (status == BLT_E_NO_MEMORY)
    return PyErr_NoMemory();
  if (status == BLT_E_READ_ONLY)
    return fail_read_only();
  if (status == BLT_E_NOT_BOOKLET)
    PyErr_SetString(PyExc_TypeError, "This is not the correct file type.");
  else if (status == BLT_E_MUTATED)
    PyErr_SetString(PyExc_RuntimeError, "booklet mutated during iteration");
  else if (status == BLT_E_COMPACTED)
    PyErr_SetString(PyExc_RuntimeError,
                    "booklet compacted (prune/clear) during map() iteration");
  else if (status == BLT_E_IO || status == BLT_E_NO_SPACE)
    raise_errno(status == BLT_E_IO ? error->sys_errno : ENOSPC, message);
  else
    raise_message(type_of(status), message);
  return NULL;
}

PyObject *fail_raise(Store *store, blt_status status)
{
  if (PyErr_Occurred())
    return NULL;
  return fail_raise_of(blt_last_error(store->db), status);
}

PyObject *fail_closed(void)
{
  PyErr_SetString(PyExc_ValueError, "I/O operation on closed file.");
  return NULL;
}

PyObject *fail_read_only(void)
{
  PyErr_SetString(PyExc_ValueError, "File is open for read only.");
  return NULL;
}

/* A tuple as a key must not become the exception's arguments. */
PyObject *fail_key(PyObject *key)
{
  PyObject *error = PyObject_CallOneArg(PyExc_KeyError, key);

  if (error != NULL)
    PyErr_SetObject(PyExc_KeyError, error);
  Py_XDECREF(error);
  return NULL;
}
