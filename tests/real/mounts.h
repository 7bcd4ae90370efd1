/*
 * mounts.h - small file systems that are there for one test
 *
 * A test that calls these has a process of its own and gets a view of the
 * mounts of its own, so that all of them are gone when it ends, however it
 * ends. Each function gives 0, after it printed why, where the system does not
 * permit it; the test then returns, and scripts/results.py counts the line.
 */
#ifndef REAL_MOUNTS_H
#define REAL_MOUNTS_H

#include <stddef.h>

/* A file system in memory of so many bytes; *out_folder is where. */
int mount_memory(size_t len, const char **out_folder);
/* Another size for it. */
void resize_memory(const char *folder, size_t len);

/* ext4 of so many bytes in a file, through a loop device. */
int mount_ext4(size_t len, const char **out_folder);

/* `folder` once more, and there it cannot be written to. */
int mount_read_only(const char *folder, const char **out_folder);

/* An empty folder, seen through a program: bindfs. To be unmounted. */
int mount_fuse(const char **out_folder);

void unmount(const char *folder);

/* Prints why a test does nothing. Gives 0. */
int skip_test(const char *why);

#endif
