/* idle.c - the calls on a file that a file in memory has nothing to do for */
#include "support/idle.h"

int idle_lock(struct blt__file *file, int exclusive, int wait)
{
  (void)file;
  (void)exclusive;
  (void)wait;
  return 0;
}

int idle_unlock(struct blt__file *file)
{
  (void)file;
  return 0;
}

void idle_unmap(struct blt__file *file, void *base, size_t len)
{
  (void)file;
  (void)base;
  (void)len;
}

void idle_advise(struct blt__file *file, void *base, size_t len,
                 enum blt__hint hint)
{
  (void)file;
  (void)base;
  (void)len;
  (void)hint;
}
