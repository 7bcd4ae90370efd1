/*
 * folder.h - folders that hold the stores of a run
 */
#ifndef BENCH_CORE_FOLDER_H
#define BENCH_CORE_FOLDER_H

#include <stddef.h>
#include <stdint.h>

/* Bytes that the files in a folder have, and those that the disk gave them:
 * engines that allocate ahead leave holes. */
struct folder_size {
  uint64_t len, on_disk;
};

void folder_make(const char *path);   /* empty: what was there is removed     */
void folder_remove(const char *path); /* with everything in it */
struct folder_size folder_measure(const char *path);

/* "FOLDER/NAME" in out. */
void folder_join(char *out, size_t capacity, const char *folder,
                 const char *name);

#endif
