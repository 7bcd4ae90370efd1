/*
 * guard.c - a mapped file that is cut by somebody is a status, not a signal
 *
 * The handler looks the faulting address up in a table of our mappings. Ours:
 * it maps a page of zeros over the place and raises the mapping's flag, which
 * every public call looks at before it returns. Not ours: the handler that
 * was there before gets it. The table has a fixed size and is only touched
 * with atomics, since a handler may not take locks.
 *
 * systemd's journal reader does the same (src/basic/sigbus.c there).
 */
#include "os/guard.h"

#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

enum { N_GUARDS = 1024 };

static struct guard {
  _Atomic uintptr_t base; /* 0: free; set last, cleared first               */
  _Atomic size_t len;
  _Atomic(_Atomic int *) hit;
  _Atomic int taken;
} guards[N_GUARDS];

static struct sigaction previous;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int installed;

static struct guard *find_guard(uintptr_t address)
{
  for (int i = 0; i < N_GUARDS; i++) {
    uintptr_t base = atomic_load(&guards[i].base);
    if (base != 0 && address >= base &&
        address - base < atomic_load(&guards[i].len))
      return &guards[i];
  }
  return NULL;
}

static void pass_on(int number, siginfo_t *info, void *context)
{
  if (previous.sa_flags & SA_SIGINFO) {
    previous.sa_sigaction(number, info, context);
    return;
  }
  if (previous.sa_handler == SIG_IGN && info->si_code <= 0)
    return;
  if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN) {
    previous.sa_handler(number);
    return;
  }
  /* The default: once we return, the fault happens again and kills. */
  (void)signal(number, SIG_DFL);
  if (info->si_code <= 0)
    (void)raise(number);
}

static void on_sigbus(int number, siginfo_t *info, void *context)
{
  uintptr_t address = (uintptr_t)info->si_addr;
  struct guard *guard = info->si_code > 0 ? find_guard(address) : NULL;
  uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

  if (guard == NULL) {
    pass_on(number, info, context);
    return;
  }
  uint8_t *at = (uint8_t *)info->si_addr - address % page;
  if (mmap(at, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
           0) == MAP_FAILED) {
    pass_on(number, info, context);
    return;
  }
  atomic_store(atomic_load(&guard->hit), 1);
}

static void install(void)
{
  struct sigaction action = {.sa_sigaction = on_sigbus,
                             .sa_flags = SA_SIGINFO | SA_ONSTACK};

  sigemptyset(&action.sa_mask);
  installed = sigaction(SIGBUS, &action, &previous) == 0;
}

int blt__guard_add(void *base, size_t len, _Atomic int *hit)
{
  pthread_once(&once, install);
  if (!installed)
    return -1;
  for (int i = 0; i < N_GUARDS; i++) {
    if (atomic_exchange(&guards[i].taken, 1) != 0)
      continue;
    atomic_store(&guards[i].len, len);
    atomic_store(&guards[i].hit, hit);
    atomic_store(&guards[i].base, (uintptr_t)base);
    return i;
  }
  return -1;
}

void blt__guard_remove(int ticket)
{
  if (ticket < 0)
    return;
  atomic_store(&guards[ticket].base, 0);
  atomic_store(&guards[ticket].taken, 0);
}
