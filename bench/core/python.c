/*
 * python.c - booklet, the original: an engine in another language
 */
#include "core/python.h"

#include <unistd.h>

#include "core/must.h"

static void save(FILE *file, const void *bytes, size_t len)
{
  must(fwrite(bytes, 1, len, file) == len, "cannot write the dataset: %s",
       strerror(errno));
}

void python_export(const struct dataset *set, const char *path)
{
  FILE *file = fopen(path, "w");
  must(file != NULL, "%s: %s", path, strerror(errno));
  save(file, set->keys, set->n * SLOT_LEN);
  for (int which = 0; which < N_ORDERS; which++)
    save(file, set->order[which], set->n * sizeof *set->order[which]);
  save(file, set->pool, POOL_LEN + set->value_len);
  must(fclose(file) == 0, "%s: %s", path, strerror(errno));
}

void python_about(const char *python, const char *script)
{
  execlp(python, python, script, "about", (char *)NULL);
  must(0, "%s: %s", python, strerror(errno));
}

void python_run(const char *python, const char *script, const char *workload,
                const char *dataset, const char *folder,
                const struct dataset *set, int rep)
{
  char n[32], value_len[32], which[32];
  snprintf(n, sizeof n, "%zu", set->n);
  snprintf(value_len, sizeof value_len, "%zu", set->value_len);
  snprintf(which, sizeof which, "%d", rep);
  execlp(python, python, script, workload, dataset, folder, n, value_len, which,
         (char *)NULL);
  must(0, "%s: %s", python, strerror(errno));
}
