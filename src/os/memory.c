/*
 * memory.c - what the kernel can do for a large row of memory
 */
#include "os/memory.h"

#include <sys/mman.h>
#include <sys/resource.h>

enum { LARGE_PAGE = 2 << 20, WORTH_A_CALL = 64 << 10 };

/* Where pages are larger, what is not a whole one is refused, and is met one by
 * one. */
#define PAGE ((uintptr_t)4096)

void blt__memory_want_large_pages(void *memory, size_t len)
{
#ifdef MADV_HUGEPAGE
  const uintptr_t mask = LARGE_PAGE - 1;
  const uintptr_t begin = ((uintptr_t)memory + mask) & ~mask;
  const uintptr_t end = ((uintptr_t)memory + len) & ~mask;

  if (begin >= end)
    return;
  /* An allocator may hand out pages that were used before: small ones, which
   * would stay so. */
  (void)madvise((void *)begin, end - begin, MADV_DONTNEED);
  (void)madvise((void *)begin, end - begin, MADV_HUGEPAGE);
#else
  (void)memory;
  (void)len;
#endif
}

void blt__memory_bring(void *memory, size_t len)
{
#ifdef MADV_POPULATE_WRITE
  const uintptr_t begin = ((uintptr_t)memory + PAGE - 1) & ~(PAGE - 1);
  const uintptr_t end = ((uintptr_t)memory + len) & ~(PAGE - 1);

  if (begin < end && end - begin >= WORTH_A_CALL)
    (void)madvise((void *)begin, end - begin, MADV_POPULATE_WRITE);
#else
  (void)memory;
  (void)len;
#endif
}

uint64_t blt__memory_waits(void)
{
  struct rusage usage;

  return getrusage(RUSAGE_SELF, &usage) == 0 && usage.ru_majflt > 0
             ? (uint64_t)usage.ru_majflt
             : 0;
}
