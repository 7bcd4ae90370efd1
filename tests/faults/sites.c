/* sites.c - which calls in the library were on the way to a failure */
#include "faults/sites.h"

#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N_FRAMES = 24, MAX_SEEN = 1 << 13 };

static struct {
  int fd; /* 0: nobody asks; it lasts as long as the process                 */
  uintptr_t base;
  uintptr_t seen[MAX_SEEN];
  unsigned n;
} sites;

/* The program itself comes first. */
static int find_base(struct dl_phdr_info *info, size_t size, void *out)
{
  (void)size;
  *(uintptr_t *)out = info->dlpi_addr;
  return 1;
}

void sites_open(void)
{
  const char *const path = getenv("BLT_SITES");

  if (path == NULL)
    return;
  sites.fd =
      openat(AT_FDCWD, path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
  if (sites.fd < 0)
    abort();
  (void)dl_iterate_phdr(find_base, &sites.base);
}

/* Returns whether it is new. */
static int remember(uintptr_t address)
{
  size_t i = (size_t)(address * UINT64_C(0x9e3779b97f4a7c15) >> 40) % MAX_SEEN;

  for (; sites.seen[i] != 0; i = (i + 1) % MAX_SEEN)
    if (sites.seen[i] == address)
      return 0;
  if (++sites.n > MAX_SEEN / 2)
    abort();
  sites.seen[i] = address;
  return 1;
}

void sites_note(void)
{
  void *frames[N_FRAMES];

  if (sites.fd == 0)
    return;
  const int n = backtrace(frames, N_FRAMES);
  for (int i = 0; i < n; i++)
    if (remember((uintptr_t)frames[i]))
      dprintf(sites.fd, "%#lx\n",
              (unsigned long)((uintptr_t)frames[i] - sites.base));
}
