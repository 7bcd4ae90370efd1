/*
 * codec.c - Python objects from and to bytes
 *
 * bytes, str and integers have a short way. Whatever does not fit it goes to
 * the serializer's own functions, so odd objects meet the same errors as in
 * booklet.
 */
#include "store.h"

/* spec: (kind, width, is_signed, dumps, loads) */
int codec_set(struct codec *codec, PyObject *spec)
{
  int kind, width, is_signed;
  PyObject *dumps, *loads;

  if (!PyArg_ParseTuple(spec, "iipOO", &kind, &width, &is_signed, &dumps,
                        &loads))
    return -1;
  codec_clear(codec);
  codec->kind = (enum codec_kind)kind;
  codec->width = width;
  codec->is_signed = is_signed;
  codec->dumps = Py_NewRef(dumps);
  codec->loads = Py_NewRef(loads);
  return 0;
}

void codec_clear(struct codec *codec)
{
  Py_CLEAR(codec->dumps);
  Py_CLEAR(codec->loads);
}

static int take_bytes(PyObject *bytes, struct blob *out)
{
  out->data = PyBytes_AS_STRING(bytes);
  out->len = (size_t)PyBytes_GET_SIZE(bytes);
  out->owner = bytes;
  return 0;
}

int blob_of_bytes(PyObject *object, struct blob *out)
{
  if (PyBytes_Check(object))
    return take_bytes(Py_NewRef(object), out);
  if (!PyObject_CheckBuffer(object)) {
    PyErr_Format(PyExc_TypeError,
                 "a bytes-like object is required, not '%.200s'",
                 Py_TYPE(object)->tp_name);
    return -1;
  }
  PyObject *bytes = PyBytes_FromObject(object);
  return bytes == NULL ? -1 : take_bytes(bytes, out);
}

static int dump_by_call(const struct codec *codec, PyObject *object,
                        struct blob *out)
{
  PyObject *made = PyObject_CallOneArg(codec->dumps, object);

  if (made == NULL)
    return -1;
  if (PyBytes_CheckExact(made))
    return take_bytes(made, out);
  int result = blob_of_bytes(made, out);
  Py_DECREF(made);
  return result;
}

/* 0 when the number is in; 1 when the long way has to say what is wrong. */
static int dump_int(const struct codec *codec, PyObject *object,
                    struct blob *out)
{
  unsigned bits = 8 * (unsigned)codec->width;
  unsigned long long number;

  if (!PyLong_CheckExact(object))
    return 1;
  if (codec->is_signed || codec->width < 8) {
    int overflow;
    long long value = PyLong_AsLongLongAndOverflow(object, &overflow);
    if (overflow != 0)
      return 1;
    if (codec->is_signed) {
      long long top = (long long)((1ULL << (bits - 1)) - 1);
      if (value > top || value < -top - 1)
        return 1;
    } else if (value < 0 || (unsigned long long)value >> bits != 0) {
      return 1;
    }
    number = (unsigned long long)value;
  } else {
    number = PyLong_AsUnsignedLongLong(object);
    if (number == (unsigned long long)-1 && PyErr_Occurred()) {
      PyErr_Clear();
      return 1;
    }
  }
  for (int i = 0; i < codec->width; i++)
    out->small[i] = (unsigned char)(number >> (8 * i));
  out->data = out->small;
  out->len = (size_t)codec->width;
  return 0;
}

int codec_dump(const struct codec *codec, PyObject *object, struct blob *out)
{
  out->owner = NULL;
  switch (codec->kind) {
  case CODEC_STR:
    if (PyUnicode_CheckExact(object)) {
      Py_ssize_t len;
      if (PyUnicode_IS_COMPACT_ASCII(object)) {
        out->data = PyUnicode_DATA(object);
        out->len = (size_t)PyUnicode_GET_LENGTH(object);
        return 0;
      }
      out->data = PyUnicode_AsUTF8AndSize(object, &len);
      out->len = (size_t)len;
      return out->data == NULL ? -1 : 0;
    }
    break;
  case CODEC_BYTES:
    if (PyBytes_CheckExact(object)) {
      out->data = PyBytes_AS_STRING(object);
      out->len = (size_t)PyBytes_GET_SIZE(object);
      return 0;
    }
    return blob_of_bytes(object, out);
  case CODEC_INT:
    if (dump_int(codec, object, out) == 0)
      return 0;
    break;
  default:
    break;
  }
  return dump_by_call(codec, object, out);
}

static PyObject *load_int(const struct codec *codec, const unsigned char *bytes)
{
  unsigned long long number = 0;
  unsigned bits = 8 * (unsigned)codec->width;

  for (int i = 0; i < codec->width; i++)
    number |= (unsigned long long)bytes[i] << (8 * i);
  if (!codec->is_signed)
    return PyLong_FromUnsignedLongLong(number);
  if (bits < 64 && number >> (bits - 1) != 0)
    number |= ~0ULL << bits;
  return PyLong_FromLongLong((long long)number);
}

static int is_ascii(const char *data, size_t len)
{
  uint64_t bits = 0, word;
  size_t i = 0;

  for (; i + sizeof word <= len; i += sizeof word) {
    memcpy(&word, data + i, sizeof word);
    bits |= word;
  }
  for (; i < len; i++)
    bits |= (unsigned char)data[i];
  return (bits & UINT64_C(0x8080808080808080)) == 0;
}

/* Python's own decoder looks twice at text that is not aligned. Of a single
 * letter it has the object already. */
static PyObject *load_str(const char *data, size_t len)
{
  if (len < 2 || !is_ascii(data, len))
    return PyUnicode_DecodeUTF8(data, (Py_ssize_t)len, NULL);
  PyObject *text = PyUnicode_New((Py_ssize_t)len, 127);
  if (text != NULL)
    memcpy(PyUnicode_1BYTE_DATA(text), data, len);
  return text;
}

PyObject *codec_load(const struct codec *codec, const void *data, size_t len)
{
  if (codec->kind == CODEC_STR)
    return load_str(data, len);
  if (codec->kind == CODEC_INT && len == (size_t)codec->width)
    return load_int(codec, data);
  PyObject *bytes = PyBytes_FromStringAndSize(data, (Py_ssize_t)len);
  if (codec->kind == CODEC_BYTES || bytes == NULL)
    return bytes;
  PyObject *object = PyObject_CallOneArg(codec->loads, bytes);
  Py_DECREF(bytes);
  return object;
}
