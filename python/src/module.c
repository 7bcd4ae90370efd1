/*
 * module.c - the module blt._core, and what works on paths
 */
#include "store.h"

/* ---- repair */

struct job {
  PyObject *progress, *raised;
};

static int job_trampoline(void *ctx, const char *phase, uint64_t done,
                          uint64_t total)
{
  struct job *job = ctx;

  return call_progress(job->progress, &job->raised, phase, done, total);
}

PyDoc_STRVAR(repair_doc,
             "repair(path, output, dry_run, timeout_ms, progress) -> dict");

static PyObject *repair(PyObject *module, PyObject *args)
{
  PyObject *path, *output = NULL;
  blt_repair_options options = BLT_REPAIR_OPTIONS_INIT;
  blt_repair_report r = {0};
  struct job job = {NULL, NULL};
  long long timeout_ms;
  blt_status status;

  (void)module;
  if (!PyArg_ParseTuple(args, "O&OpLO", PyUnicode_FSConverter, &path, &output,
                        &options.dry_run, &timeout_ms, &job.progress))
    return NULL;
  PyObject *to = NULL;
  if (output != Py_None && !PyUnicode_FSConverter(output, &to)) {
    Py_DECREF(path);
    return NULL;
  }
  options.output = to == NULL ? NULL : PyBytes_AS_STRING(to);
  options.lock = timeout_ms < 0 ? BLT_LOCK_WAIT : BLT_LOCK_TIMEOUT;
  options.lock_timeout_ms = timeout_ms < 0 ? 0 : (uint32_t)timeout_ms;
  options.progress = job_trampoline;
  options.progress_ctx = &job;
  const char *name = PyBytes_AS_STRING(path);
  Py_BEGIN_ALLOW_THREADS
  status = blt_repair(name, &options, &r);
  Py_END_ALLOW_THREADS
  PyObject *result = NULL;
  if (job.raised != NULL)
    PyErr_SetObject((PyObject *)Py_TYPE(job.raised), job.raised);
  else if (status < 0)
    fail_raise_of(blt_last_error(NULL), status);
  else
    result = Py_BuildValue("{sKsKsKsKsKsKsO}", "n_kept",
                           (unsigned long long)r.n_kept, "n_superseded",
                           (unsigned long long)r.n_superseded, "n_deleted",
                           (unsigned long long)r.n_deleted, "n_uncommitted",
                           (unsigned long long)r.n_uncommitted, "n_lost",
                           (unsigned long long)r.n_lost, "lost_len",
                           (unsigned long long)r.lost_len, "header_guessed",
                           r.header_guessed ? Py_True : Py_False);
  Py_XDECREF(job.raised);
  Py_DECREF(path);
  Py_XDECREF(to);
  return result;
}

static PyObject *set_clock(PyObject *module, PyObject *helper)
{
  (void)module;
  Py_XSETREF(clock_helper, Py_NewRef(helper));
  Py_RETURN_NONE;
}

static PyMethodDef functions[] = {{"repair", repair, METH_VARARGS, repair_doc},
                                  {"_set_clock", set_clock, METH_O, NULL},
                                  {NULL, NULL, 0, NULL}};

int store_ready(void);

static int fill(PyObject *module)
{
  if (store_ready() < 0 || PyType_Ready(&Iter_Type) < 0 ||
      PyType_Ready(&View_Type) < 0 || PyType_Ready(&Lock_Type) < 0 ||
      fail_init(module) < 0)
    return -1;
  return PyModule_AddStringConstant(module, "library_version", blt_version()) <
                     0 ||
                 PyModule_AddObjectRef(module, "Store",
                                       (PyObject *)&Store_Type) < 0 ||
                 PyModule_AddObjectRef(module, "Iterator",
                                       (PyObject *)&Iter_Type) < 0 ||
                 PyModule_AddObjectRef(module, "Lock", (PyObject *)&Lock_Type) <
                     0
             ? -1
             : 0;
}

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "blt._core",
    .m_doc = "The store of blt, in C.",
    .m_size = -1,
    .m_methods = functions,
};

PyMODINIT_FUNC PyInit__core(void)
{
  PyObject *module = PyModule_Create(&definition);

  if (module != NULL && fill(module) < 0)
    Py_CLEAR(module);
  return module;
}
