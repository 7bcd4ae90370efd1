/*
 * watched.h - every file that a test program writes goes through the journal
 *
 *   library ─► watched file ─► the real one, or one in memory
 *                   └─ a copy of its bytes ─► journal
 *
 * Linked with watched_dep a program needs to do nothing: the linker hands the
 * opening of files over (--wrap). The journal begins at the first write of a
 * handle, and takes the file as it is then to be on disk. What breaks a rule
 * ends the program with a sentence. A store that is made in place (BLT_NEW, or
 * in memory) is watched from its first session on. A file is no longer watched
 * when somebody else has changed its size, when it is longer than WATCHED_MAX,
 * or when a write has failed. With BLT_WATCHED each file that was written
 * appends a line there when it is closed: how many changes were judged, and
 * whether it was watched to the end.
 */
#ifndef JOURNAL_WATCHED_H
#define JOURNAL_WATCHED_H

#define WATCHED_MAX ((uint64_t)1 << 20)

#endif
