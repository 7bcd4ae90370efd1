/*
 * args.c - arguments of calls
 */
#include "store.h"

PyObject *clock_helper;

int clock_of(PyObject *timestamp, uint64_t *out)
{
  PyObject *number = timestamp;

  *out = BLT_NOW;
  if (timestamp == NULL || timestamp == Py_None)
    return 0;
  if (!PyLong_Check(timestamp)) {
    number = PyObject_CallOneArg(clock_helper, timestamp);
    if (number == NULL)
      return -1;
  }
  *out = PyLong_AsUnsignedLongLong(number);
  if (number != timestamp)
    Py_DECREF(number);
  if (*out == BLT_NOW && !PyErr_Occurred())
    PyErr_SetString(PyExc_OverflowError, "int too big to convert");
  return PyErr_Occurred() ? -1 : 0;
}

int take_u32(PyObject *number, void *out)
{
  PyObject *index = PyNumber_Index(number);

  if (index == NULL)
    return 0;
  unsigned long value = PyLong_AsUnsignedLong(index);
  Py_DECREF(index);
  if (value > UINT32_MAX && !PyErr_Occurred())
    PyErr_SetString(PyExc_OverflowError, "int too big to convert");
  if (PyErr_Occurred())
    return 0;
  *(uint32_t *)out = (uint32_t)value;
  return 1;
}

int take_args(const char *function, PyObject *const *args, Py_ssize_t n_args,
              PyObject *names_given, const char *const *names, int n_names,
              int n_needed, PyObject **out)
{
  Py_ssize_t n_named = names_given == NULL ? 0 : PyTuple_GET_SIZE(names_given);
  unsigned given = 0;

  if (n_args > n_names) {
    PyErr_Format(PyExc_TypeError, "%s() takes at most %d arguments (%zd given)",
                 function, n_names, n_args + n_named);
    return -1;
  }
  for (Py_ssize_t i = 0; i < n_args; i++, given |= 1u << (i - 1))
    out[i] = args[i];
  for (Py_ssize_t i = 0; i < n_named; i++) {
    PyObject *name = PyTuple_GET_ITEM(names_given, i);
    int at = 0;
    while (at < n_names && PyUnicode_CompareWithASCIIString(name, names[at]))
      at++;
    if (at == n_names || (given & 1u << at)) {
      PyErr_Format(PyExc_TypeError, "%s() got %s argument '%U'", function,
                   at == n_names ? "an unexpected" : "two values for", name);
      return -1;
    }
    out[at] = args[n_args + i];
    given |= 1u << at;
  }
  for (int i = 0; i < n_needed; i++)
    if (!(given & 1u << i)) {
      PyErr_Format(PyExc_TypeError, "%s() misses the argument '%s'", function,
                   names[i]);
      return -1;
    }
  return 0;
}
