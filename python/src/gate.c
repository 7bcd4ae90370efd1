/*
 * gate.c - who waits for whom
 *
 *   short call    has the GIL from begin to end: nothing runs beside it. It
 *                 waits only for a long call that is under way.
 *   long read     gave the GIL up. Others may read; a change waits.
 *   long change   gave the GIL up. All others wait.
 *
 * The counters are read and changed under the GIL. The mutex is there to
 * sleep on: who waits gives the GIL up first, so the one waited for can end.
 * After a fork the child has one thread, and nobody to wait for.
 */
#include "store.h"

static int n_forks;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void count_fork(void)
{
  n_forks++;
}

static void watch_forks(void)
{
  (void)pthread_atfork(NULL, NULL, count_fork);
}

void gate_init(struct gate *gate)
{
  pthread_once(&once, watch_forks);
  memset(gate, 0, sizeof *gate);
  gate->forks = gate->made_at = n_forks;
  pthread_mutex_init(&gate->mutex, NULL);
  pthread_cond_init(&gate->changed, NULL);
}

int gate_is_elsewhere(const struct gate *gate)
{
  return gate->made_at != n_forks;
}

void gate_destroy(struct gate *gate)
{
  if (gate->forks != n_forks)
    return; /* may be held by a thread that is not in this process          */
  pthread_cond_destroy(&gate->changed);
  pthread_mutex_destroy(&gate->mutex);
}

static int is_left_by_parent(struct gate *gate)
{
  if (gate->forks == n_forks)
    return 0;
  gate->forks = n_forks;
  gate->writer = gate->readers = 0;
  pthread_mutex_init(&gate->mutex, NULL);
  pthread_cond_init(&gate->changed, NULL);
  return 1;
}

int gate_wait(struct gate *gate, int for_readers_too)
{
  if (is_left_by_parent(gate))
    return 0;
  while (gate->writer || (for_readers_too && gate->readers)) {
    if (gate->writer && gate->owner == PyThread_get_thread_ident()) {
      PyErr_SetString(PyExc_RuntimeError,
                      "this thread is inside a call on the same store (or "
                      "holds its lock); call again when that is over");
      return -1;
    }
    pthread_mutex_lock(&gate->mutex);
    unsigned seen = gate->turns;
    pthread_mutex_unlock(&gate->mutex);
    Py_BEGIN_ALLOW_THREADS
    pthread_mutex_lock(&gate->mutex);
    while (gate->turns == seen)
      pthread_cond_wait(&gate->changed, &gate->mutex);
    pthread_mutex_unlock(&gate->mutex);
    Py_END_ALLOW_THREADS
  }
  return 0;
}

int gate_enter_write(struct gate *gate)
{
  if (gate_wait(gate, 1) < 0)
    return -1;
  gate->writer = 1;
  gate->owner = PyThread_get_thread_ident();
  return 0;
}

int gate_enter_read(struct gate *gate)
{
  if (gate_wait(gate, 0) < 0)
    return -1;
  gate->readers++;
  return 0;
}

static void wake(struct gate *gate)
{
  pthread_mutex_lock(&gate->mutex);
  gate->turns++;
  pthread_cond_broadcast(&gate->changed);
  pthread_mutex_unlock(&gate->mutex);
}

void gate_leave_write(struct gate *gate)
{
  (void)is_left_by_parent(gate);
  gate->writer = 0;
  wake(gate);
}

void gate_leave_read(struct gate *gate)
{
  if (!is_left_by_parent(gate))
    gate->readers--;
  wake(gate);
}
