/*
 * world.h - a machine in memory for stores that live for microseconds
 *
 *   library ─► wrapped: open, create, publish, chance ─► files in memory
 *           ─► allocator ─► an arena that is thrown away
 *           ─► wrapped: each block looked at, each key hashed ─► steps
 *
 * Under AddressSanitizer the bytes behind the end of a file, of a piece of
 * memory, and all that was given back are poisoned: the least read outside
 * of a file is a report.
 *
 *   A broken promise ends the program (world_fail), which is how a fuzzer
 *   learns of it.
 */
#ifndef FUZZ_WORLD_H
#define FUZZ_WORLD_H

#include <blt.h>
#include <stddef.h>
#include <stdint.h>

/* Files beyond this have no space: large enough for every honest file. */
#define WORLD_ROOM ((size_t)8 << 20)
/* A mapping has room beyond. */
#define WORLD_SPACE ((size_t)32 << 20)
/* What the library may take: 64 MiB, and what the largest value needs. */
#define WORLD_MEMORY ((size_t)64 << 20)

/* All files gone, all memory free, nothing counted. */
void world_reset(void);

/* Replace a file's content, or look at it; NULL when there is no such file. */
void world_put(const char *path, const void *bytes, size_t len);
const uint8_t *world_get(const char *path, size_t *out_len);

/* The power goes after n more changes of any file: they and all that follow
 * fail. world_calm lets the machine run again. */
void world_kill_after(unsigned n);
void world_calm(void);
int world_is_killed(void);

/* Tell on stderr what happens, where FUZZ_TRACE is set. */
__attribute__((format(printf, 1, 2))) void world_trace(const char *sentence,
                                                       ...);

/* Called after each change of a file, for those who collect crashes. */
extern void (*world_on_change)(void);

/* Looked at and hashed since the last reset. */
struct world_work {
  uint64_t blocks; /* blocks looked at                                      */
  uint64_t hashed; /* bytes of keys that were hashed                        */
  uint64_t written;
};
extern struct world_work world_work;

/* Of the library's memory now. */
long world_n_pieces(void);
/* Nothing may be left: a leak, or a file that is still open, fails. */
void world_expect_nothing_left(void);

/* Options with the world's memory and clock, and no signal handler. */
blt_options world_options(blt_mode mode);

/* Zeros are written ahead of the log in stores with an odd number of buckets:
 * so many that a file for fuzzing stays short. */
void world_write_ahead(blt_db *db);
/* The number that the world's machine has for this boot. */
#define WORLD_BOOT UINT64_C(0x626f6f74)

__attribute__((noreturn, format(printf, 3, 4))) void
world_fail(const char *file, int line, const char *sentence, ...);

#define FAIL(...) world_fail(__FILE__, __LINE__, __VA_ARGS__)
#define MUST(condition, ...)                                                   \
  do {                                                                         \
    if (!(condition))                                                          \
      world_fail(__FILE__, __LINE__, __VA_ARGS__);                             \
  } while (0)

/* What a fuzzer calls. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
