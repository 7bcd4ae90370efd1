/*
 * store.h - the object behind every open file, and what its parts share
 *
 *   module    the module, and functions on paths
 *   store     the type: its life, and what is known of the file
 *   open      opening and closing
 *   access    one key: get, set, in, del
 *   times     the timestamp of a key
 *   hidden    metadata and slots
 *   bulk      many keys at once
 *   chunk     what of them is under way
 *   iter      walking all keys
 *   upkeep    sync, batches, prune, verify, stats
 *   view      memoryviews that keep the map
 *   codec     Python objects from and to bytes
 *   args      arguments of calls
 *   long      calls that take long
 *   gate      who waits for whom
 *   fail      exceptions
 *
 * A call that is over in a microsecond keeps the GIL, so nothing happens
 * beside it. One that takes longer gives the GIL up and holds the gate.
 */
#ifndef BLT_PY_STORE_H
#define BLT_PY_STORE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>

#include <blt.h>
#include <pthread.h>

/* ---- codec: keys and values as bytes */

enum codec_kind { CODEC_BYTES, CODEC_STR, CODEC_INT, CODEC_CALL };

struct codec {
  enum codec_kind kind;
  int width, is_signed;    /* CODEC_INT                                    */
  PyObject *dumps, *loads; /* owned; what serves where C has no short way  */
};

/* Bytes of an object, borrowed from it, from `small` or from `owner`. Do not
 * copy the struct: data may lead into it. */
struct blob {
  const void *data;
  size_t len;
  PyObject *owner;
  unsigned char small[8];
};

int codec_set(struct codec *codec, PyObject *spec);
void codec_clear(struct codec *codec);
int codec_dump(const struct codec *codec, PyObject *object, struct blob *out);
/* From any object that holds bytes, without a codec. */
int blob_of_bytes(PyObject *object, struct blob *out);
PyObject *codec_load(const struct codec *codec, const void *data, size_t len);
/* May loading run Python code? Then nothing borrowed may be in use. */
static inline int codec_calls(const struct codec *codec)
{
  return codec->kind == CODEC_CALL;
}

static inline void blob_free(struct blob *blob)
{
  Py_XDECREF(blob->owner);
}

/* ---- gate: long calls alone, long reads side by side */

struct gate {
  int writer, readers; /* long calls under way; changed under the GIL      */
  unsigned long owner; /* the thread of the writer                         */
  unsigned turns;      /* counts departures, under the mutex               */
  int made_at, forks;  /* forks until it was made, and last used */
  pthread_mutex_t mutex;
  pthread_cond_t changed;
};

void gate_init(struct gate *gate);
void gate_destroy(struct gate *gate);
/* Is this a forked child of the process that made it? */
int gate_is_elsewhere(const struct gate *gate);
/* Slow paths; the caller has the GIL. -1 with an exception when this thread
 * is the one to wait for. */
int gate_wait(struct gate *gate, int for_readers_too);
int gate_enter_write(struct gate *gate);
int gate_enter_read(struct gate *gate);
void gate_leave_write(struct gate *gate);
void gate_leave_read(struct gate *gate);

/* ---- the store */

struct iter;

typedef struct store {
  PyObject_HEAD blt_db *db; /* NULL: closed */
  struct codec key, value;
  struct gate gate;
  int writable, fixed, has_times, in_memory;
  uint32_t value_len;  /* fixed files                                       */
  uint64_t last_count; /* len() after close                                 */
  uint64_t n_compactions;
  size_t buffer_len;
  size_t pending, room; /* bytes put since the last commit; until the next   */
  size_t n_pending, n_room; /* the same in keys                              */
  uint64_t known_len;       /* of the file, when room was measured           */
  int may_wait;             /* something put may wait in the library's buffer */
  struct iter *iters; /* open ones                                         */
  int n_views;
  int fd;             /* our own, or -1 */
  int closing;        /* closed for callers, open for its views            */
  PyObject *anchor;   /* what must live as long as db: the Python file     */
  PyObject *progress; /* callable or NULL                                  */
  PyObject *raised;   /* by the callback, during a long call               */
} Store;

extern PyTypeObject Store_Type, Iter_Type, View_Type, Lock_Type;
extern PyMethodDef open_methods[], access_methods[], time_methods[],
    hidden_methods[], view_methods[], bulk_methods[], upkeep_methods[];
extern PyMappingMethods access_mapping;
extern PySequenceMethods access_sequence;

/* Exceptions of the module: fail.c. */
extern PyObject *fail_error, *fail_corrupt, *fail_write, *fail_forked;
int fail_init(PyObject *module);
/* Raise for a status of a call on the store; returns NULL. */
PyObject *fail_raise(Store *store, blt_status status);
PyObject *fail_raise_of(const blt_error *error, blt_status status);
PyObject *fail_closed(void);
PyObject *fail_read_only(void);
PyObject *fail_key(PyObject *key);

static inline int is_closed(const Store *store)
{
  return store->db == NULL || store->closing;
}

/* Before a short call; -1 with an exception. */
int enter_slowly(Store *store, int for_readers_too);

static inline int enter_short_read(Store *store)
{
  return is_closed(store) || store->gate.writer ? enter_slowly(store, 0) : 0;
}

static inline int enter_short_write(Store *store)
{
  if (!store->writable) {
    fail_read_only();
    return -1;
  }
  return is_closed(store) || store->gate.writer || store->gate.readers
             ? enter_slowly(store, 1)
             : 0;
}

/* A long call that changes the store, or must be alone: between the two the
 * GIL is free.
 *     if (long_begin(store, needs_write) < 0) return NULL;
 *     status = blt_...(store->db, ...);
 *     if (long_end(store, status) < 0) return NULL;
 */
int long_begin(Store *store, int needs_write);
int long_end(Store *store, blt_status status);
/* What the progress callback raised, raised here: -1; or 0. */
int raise_from_callback(Store *store);
/* The exception that is set, owned; it is not set any more. */
PyObject *take_exception(void);

/* A key was put or deleted: at least what the library's buffer has of it, with
 * `len` bytes of a value. */
static inline void store_count(Store *store, size_t key_len, size_t len)
{
  enum { HEAD_LEN = 32 }; /* hash, link, lengths, time */

  store->pending += HEAD_LEN + key_len + len;
  store->n_pending++;
  store->may_wait = 1;
}

/* Is the change that was counted last likely to write to the file? */
static inline int is_commit_near(const Store *store)
{
  return store->pending >= store->room || store->n_pending >= store->n_room;
}
void store_measure_room(Store *store);

/* Calls callback(phase, done, total) under the GIL, unless it is NULL or None:
 * 0, or 1 to stop. The first exception, also of a signal, goes to *raised. */
int call_progress(PyObject *callback, PyObject **raised, const char *phase,
                  uint64_t done, uint64_t total);

int store_trampoline(void *ctx, const char *phase, uint64_t done,
                     uint64_t total);
/* Close what is open; for the last owner. */
blt_status close_db(Store *store);
void store_seal(Store *store);
void store_stop_iters(Store *store);

/* The value of a key, borrowed, be it a user's or a hidden one. */
blt_status find_value(Store *store, const struct blob *key, blt_bytes *out);
/* As an object; or, without decoding, its bytes. */
PyObject *load_value(Store *store, const blt_bytes *value, int decode);

/* booklet's own keys: which of them is it, if any? */
enum { NOT_HIDDEN, HIDDEN_METADATA, HIDDEN_SLOT_1, HIDDEN_SLOT_2 };
int which_hidden(const Store *store, const struct blob *key);
blt_status get_hidden(Store *store, int which, blt_bytes *out,
                      uint64_t *out_time);
blt_status put_hidden(Store *store, int which, const struct blob *value,
                      uint64_t time);
blt_status delete_hidden(Store *store, int which);

/* None: BLT_NOW; an int; or what utils.make_timestamp_int makes of it. */
int clock_of(PyObject *timestamp, uint64_t *out);
extern PyObject *clock_helper;

/* Arguments of a METH_FASTCALL | METH_KEYWORDS call into out[n_names]; those
 * that are missing stay as they are. */
int take_args(const char *function, PyObject *const *args, Py_ssize_t n_args,
              PyObject *names_given, const char *const *names, int n_names,
              int n_needed, PyObject **out);

/* A converter of PyArg_Parse: an int into a uint32_t, or OverflowError. */
int take_u32(PyObject *number, void *out);

#define FAST(function)                                                         \
  (PyCFunction)(void (*)(void))(function), METH_FASTCALL | METH_KEYWORDS

PyObject *iter_new(Store *store, int what, int decode);
enum {
  WALK_KEYS,
  WALK_VALUES,
  WALK_ITEMS,
  WALK_TIMES,
  WALK_TIMES_VALUES,
  WALK_LOCATIONS,
  WALK_SCAN
};
PyObject *lock_new(Store *store);

#endif
