/*
 * system.h - a system whose n-th call fails
 *
 * The linker hands the library's calls of the system, and of malloc, to this
 * program (--wrap), which makes them fail as a disk's fault says.
 */
#ifndef FAULTS_SYSTEM_H
#define FAULTS_SYSTEM_H

#include "faults/faulty.h"

/* The path is opened by the library itself. From now on until disk_release
 * the system obeys this disk, and syncs nothing. */
void disk_init_system(struct disk *disk, const char *path);

/* Called by disk_release. */
void system_forget(struct disk *disk);

/* How many descriptors this process has open; and how many files stand beside
 * this one whose names begin with its name. */
unsigned count_descriptors(void);
unsigned count_companions(const char *path);

#endif
