/* temp.h - files for tests, in a folder that is gone when the program ends */
#ifndef SUPPORT_TEMP_H
#define SUPPORT_TEMP_H

#include <stddef.h>
#include <stdint.h>

/* Make and remove the folder; called by run_suites. */
void temp_open(void);
void temp_close(void);

/* The path of a file that does not exist yet. Good until 32 more paths were
 * asked for. */
const char *temp_path(const char *name);

/* All bytes of a file; free() them. Fails the test when there is none. */
uint8_t *file_read(const char *path, size_t *out_len);
void file_write(const char *path, const void *bytes, size_t len);
uint64_t file_len(const char *path);
void file_cut(const char *path, uint64_t len);
int file_exists(const char *path);

#endif
